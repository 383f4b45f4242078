"""One run's folder beyond its metrics: breakdown, slowest DMAs, topology, configuration. Files that are absent are empty here."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from analysis import latency, results
from analysis.results import ResultError


@dataclass(frozen=True)
class Part:
    """One part of the mean latency of an endpoint's reads or writes."""

    name: str
    sum_ps: float
    count: int
    description: str

    @property
    def mean_ps(self) -> float:
        return self.sum_ps / self.count if self.count else 0.0


def read_json(file: Path) -> Any:
    """A JSON file; None when there is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as e:
        raise ResultError(f"{file} is not JSON: {e}") from None


class RunFolder:
    """Reads each file when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.result = results.load(self.folder)
        self._latency: dict[tuple[str, str], latency.Distribution] | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def latency(self) -> dict[tuple[str, str], latency.Distribution]:
        if self._latency is None:
            self._latency = latency.read(self.folder)
        return self._latency

    def breakdowns(self) -> dict[tuple[str, str], list[Part]]:
        """(endpoint, direction) -> parts in the order they pass. Found wherever `breakdown` stands beside `latency`."""
        found: dict[tuple[str, str], list[Part]] = {}

        def visit(node: Any, path: list[str]) -> None:
            if not isinstance(node, dict):
                return
            whole, parts = node.get("latency"), node.get("breakdown")
            if isinstance(whole, dict) and isinstance(parts, dict) and whole.get("count") and "sum" in whole:
                endpoint = ".".join(p for p in path[:-1] if p != "dma")
                found[endpoint, path[-1]] = [
                    Part(name, float(p["sum"]), int(p["count"]), str(p.get("description", ""))) for name, p in parts.items()]
                return
            for key, value in node.items():
                visit(value, [*path, key])

        visit(self.result.document.get("metrics", {}), [])
        return found

    def worst(self) -> list[dict[str, Any]]:
        """The rows of worst.json, slowest first."""
        document = read_json(self.folder / "worst.json")
        return list(document.get("dmas", [])) if isinstance(document, dict) else []

    def topology(self) -> dict[str, Any]:
        document = read_json(self.folder / "topology.json")
        return document if isinstance(document, dict) else {}

    def configuration(self) -> dict[str, Any]:
        """resolved.yaml with every scalar the text it was written as."""
        file = self.folder / "resolved.yaml"
        if not file.is_file():
            return {}
        try:
            document = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        except (yaml.YAMLError, UnicodeDecodeError) as e:
            raise ResultError(f"{file} is not YAML: {e}") from None
        return document if isinstance(document, dict) else {}
