"""One run's folder beyond its metrics: breakdown, slowest DMAs, topology, configuration. Files that are absent are empty here."""
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from analysis import latency, results
from analysis.results import ResultError, read_json
from analysis.shape import NUMBER, check

_ALIAS = re.compile(r"(^|[\s\[{,])\*\S")

MOST_LEVELS = 256  # of switches: PCI has that many buses


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


_RESULT = {"metrics?": dict, "window?": {"start": {"value": NUMBER}, "length": {"value": NUMBER}}, "simulator?": dict}
_BREAKDOWN = {"*": {"sum": NUMBER, "count": NUMBER}}
_WORST = {"dmas?": [{"endpoint": str, "direction": str, "iova": (str, int), "bytes": NUMBER, "intended_ps": NUMBER, "latency_ps": NUMBER,
                     "parts": [{"part": str, "until_ps": NUMBER}]}]}
_TOPOLOGY = {"nodes?": [{"name": str, "kind": str, "bdf?": (str, type(None)), "above?": (int, type(None)), "first_bus?": int, "last_bus?": int}],
             "functions?": [{"name": str, "endpoint": str, "bdf": (str, type(None)), "requester": (str, type(None)), "group": int,
                             "domain": (str, type(None))}]}


def _tree(above: list[int | None], file: Path) -> None:
    """Nodes stand behind nodes that there are, and none behind itself."""
    rooted: set[int] = set()
    for i in range(len(above)):
        path: list[int] = []
        at: int | None = i
        while at is not None and at not in rooted:
            if not 0 <= at < len(above):
                raise ResultError(f"{file}: nodes[{path[-1]}].above: there is no node {at}")
            if len(path) > MOST_LEVELS:
                raise ResultError(f"{file}: nodes[{i}].above: the node is behind itself, or more than {MOST_LEVELS} deep")
            path.append(at)
            at = above[at]
        rooted.update(path)


class RunFolder:
    """Reads each file when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def result(self) -> results.Result:
        found = results.load(self.folder)
        check(found.document, _RESULT, self.folder / "result.json")
        return found

    @cached_property
    def latency(self) -> dict[tuple[str, str], latency.Distribution]:
        return latency.read(self.folder)

    def breakdowns(self) -> dict[tuple[str, str], list[Part]]:
        """(endpoint, direction) -> parts in the order they pass. Found wherever `breakdown` stands beside `latency`."""
        found: dict[tuple[str, str], list[Part]] = {}

        def visit(node: Any, path: list[str]) -> None:
            if not isinstance(node, dict):
                return
            whole, parts = node.get("latency"), node.get("breakdown")
            if isinstance(whole, dict) and isinstance(parts, dict) and whole.get("count") and "sum" in whole:
                check(parts, _BREAKDOWN, self.folder / "result.json", ".".join([*path, "breakdown"]))
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
        document = read_json(self.folder / "worst.json") or {}
        check(document, _WORST, self.folder / "worst.json")
        return list(document.get("dmas", []))

    def topology(self) -> dict[str, Any]:
        file = self.folder / "topology.json"
        document = read_json(file) or {}
        check(document, _TOPOLOGY, file)
        _tree([n.get("above") for n in document.get("nodes", [])], file)
        return dict(document)

    def configuration(self) -> dict[str, Any]:
        """resolved.yaml with every scalar the text it was written as."""
        file = self.folder / "resolved.yaml"
        if not file.is_file():
            return {}
        try:
            text = file.read_text(encoding="utf-8")
            if _ALIAS.search(text) and any(isinstance(t, yaml.AliasToken) for t in yaml.scan(text)):
                raise ResultError(f"{file}: aliases (*name), which iommusim does not write")  # a few lines of them can stand for billions
            document = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        except (yaml.YAMLError, UnicodeDecodeError) as e:
            raise ResultError(f"{file} is not YAML: {e}") from None
        except RecursionError:
            raise ResultError(f"{file} is nested too deeply") from None
        return document if isinstance(document, dict) else {}
