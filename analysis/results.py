"""One result folder as a flat table of metrics."""
from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import pandas as pd


class ResultError(Exception):
    """A folder or file that is no result; the text names it."""


@dataclass(frozen=True)
class Metric:
    value: float
    unit: str
    description: str


@dataclass(frozen=True)
class Result:
    """`metrics` by dotted path in the file's order; `document` is result.json as read."""

    name: str
    folder: Path
    metrics: dict[str, Metric]
    document: dict[str, Any]

    def __getitem__(self, path: str) -> float:
        """The value of a metric. KeyError text lists the paths that share its last word."""
        try:
            return self.metrics[path].value
        except KeyError:
            last = path.rsplit(".", 1)[-1]
            near = [p for p in self.metrics if p.endswith(last)] or list(self.metrics)
            raise KeyError(f"{self.folder}: no metric '{path}'. Some that exist: {', '.join(near[:8])}") from None


# What a metric of several figures (a mean, a histogram) is made of, beside its unit and description.
_NOT_FIGURES = {"unit", "description"}


def _flatten(node: Any, path: str, out: dict[str, Metric]) -> None:
    if not isinstance(node, dict):
        return
    if isinstance(node.get("unit"), str) and isinstance(node.get("description"), str):
        for key, value in node.items():
            if key in _NOT_FIGURES or isinstance(value, (dict, list, str)) or value is None:
                continue
            # A count of samples has no unit, whatever is sampled.
            unit = "1" if key == "count" else node["unit"]
            try:
                out[path if key == "value" else f"{path}.{key}"] = Metric(float(value), unit, node["description"])
            except OverflowError:
                raise ResultError(f"result.json: {path}.{key}: is no number that can be counted with") from None
        return
    for key, value in node.items():
        _flatten(value, f"{path}.{key}" if path else key, out)


def read_json(file: Path) -> Any:
    """A JSON file; None when there is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as e:
        raise ResultError(f"{file} is not JSON: {e}") from None
    except RecursionError:
        raise ResultError(f"{file} is nested too deeply") from None


def load(folder: Path | str) -> Result:
    """The result in `folder`. Metrics are found wherever they stand in result.json: any object with `unit` and `description`.

    A path starts below the key `metrics`: "iommu.iotlb.hits" for a counter, "endpoint.latency.p99" for a figure of a histogram.
    """
    folder = Path(folder)
    file = folder / "result.json"
    document = read_json(file)
    if document is None:
        raise ResultError(f"{folder} holds no result.json")
    if not isinstance(document, dict):
        raise ResultError(f"{file} is not a result: its top is no object")
    metrics: dict[str, Metric] = {}
    _flatten(document.get("metrics", document), "", metrics)
    return Result(folder.name, folder, metrics, document)


def read_csv(file: Path, texts: Sequence[str] = ()) -> pd.DataFrame | None:
    """A table with a head, the columns `texts` as they are written; None when there is no such file. An empty cell is no value."""
    if not file.is_file():
        return None
    try:
        return pd.read_csv(file, dtype={t: str for t in texts}, keep_default_na=False, na_values=["", "nan", "NaN"], low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError) as e:
        raise ResultError(f"{file} is not CSV: {str(e).strip().splitlines()[-1]}") from None


def numbers_of(frame: pd.DataFrame, column: str, file: Path) -> np.ndarray:
    """A column as numbers, NaN where it has no value. ResultError names the first row that is something else, with its line."""
    found = pd.to_numeric(frame[column], errors="coerce")
    wrong = frame.index[found.isna() & frame[column].notna()]
    if len(wrong):
        raise ResultError(f"{file}:{wrong[0] + 2}: {column}: expected a number, found {str(frame[column][wrong[0]])[:40]!r}")
    return np.asarray(found.to_numpy(float))


def table(results: Sequence[Result], paths: Sequence[str] | None = None) -> pd.DataFrame:
    """Metrics as rows (all, or those of `paths`), one column per result, the unit last; absent figures are NaN.

    ResultError when a path is in no result, with those that are near."""
    columns = {r.name: pd.Series({p: m.value for p, m in r.metrics.items()}, dtype=float) for r in results}
    if len(columns) < len(results):
        raise ResultError("two of the results have one name: " + ", ".join(r.name for r in results))
    frame = pd.DataFrame(columns)
    units = {p: m.unit for r in results for p, m in r.metrics.items()}
    for path in paths or ():
        if path not in units:
            near = difflib.get_close_matches(path, units, n=3)
            raise ResultError(f"no result has the metric '{path}'." + (f" Near: {', '.join(near)}" if near else ""))
    frame = frame.reindex(list(units) if paths is None else paths)
    frame["unit"] = [units.get(p, "") for p in frame.index]
    frame.index.name = "metric"
    return frame


def _figure(x: float) -> str:
    if abs(x) < 1e15 and x == int(x):
        return str(int(x))
    return f"{x:.4g}" if 1e-3 <= abs(x) < 1e4 else f"{x:.1f}" if 1e4 <= abs(x) < 1e9 else f"{x:.4e}"


def to_text(frame: pd.DataFrame) -> str:
    """A frame as aligned text: whole numbers in full, others with four significant digits."""
    return frame.to_string(float_format=_figure, na_rep="-")
