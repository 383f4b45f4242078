"""A study's folder: one tidy table, what its columns mean, its plots and claims, and the runs behind it.

    DIR/results.csv            a row per run: id columns (point, seed), factors, metrics
    DIR/results.columns.json   {column: {kind: id | factor | metric, unit, description}}
    DIR/study.json             {title, description, factors: [{name, values: [{text, number}]}], plots: [Plot's fields],
                                claims: [{text, status, figures, reference, check, ...}],
                                points: [{name, run, settings, columns: {factor: value}, runs: [{seed, folder, state}]}],
                                failures: [{point, seed, status, lines}]}
    DIR/runs/POINT[/SEED]/     the runs' own folders (analysis.run_folder)

Everything but results.csv may be missing; then less can be drawn. Unknown keys are left alone, so that newer files can be read.
"""
from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Iterator, Mapping

import pandas as pd

from analysis.results import ResultError, numbers_of, read_csv, read_json
from analysis.run_folder import RunFolder
from analysis.shape import ANY, NUMBER, SCALAR, check


@dataclass(frozen=True)
class Column:
    """`texts`: of a factor's values, as the study has them written."""

    kind: str  # id | factor | metric
    unit: str = ""
    description: str = ""
    texts: Mapping[float, str] = field(default_factory=dict)

    @property
    def measure(self) -> str:
        """The unit, "" for plain numbers however that is written."""
        return "" if self.unit == "1" else self.unit


@dataclass(frozen=True)
class Published:
    """Measured values drawn over the curves; `series` names the curve they belong to."""

    label: str
    x: list[float]
    y: list[float]
    series: str = ""


@dataclass(frozen=True)
class Plot:
    """A figure the study asks for. kind: lines or scatter (`y` over `x`, one per value of `series`), bars (the same as groups), stacked
    (the columns `y` on top of each other, all of one unit), heat (`z` over the factors x and y). `where`: only rows with this value, or one of
    these values, of a factor. `baseline`: the series the others are also shown relative to."""

    kind: str = "lines"
    name: str = ""
    title: str = ""
    x: str = ""
    y: list[str] = field(default_factory=list)
    series: str = ""
    z: str = ""
    where: dict[str, Any] = field(default_factory=dict)
    baseline: str = ""
    log_x: bool = False
    log_y: bool = False
    x_bytes: bool = False
    x_label: str = ""
    y_label: str = ""
    z_label: str = ""
    published: list[Published] = field(default_factory=list)


_TEXT = (str, type(None))
_COLUMNS = {"*": {"kind?": str, "unit?": _TEXT, "description?": _TEXT}}
_STUDY = {
    "title?": str, "description?": _TEXT,
    "factors?": [{"name": str, "values?": [{"text": str, "number?": NUMBER}]}],
    "plots?": [{**{k: _TEXT for k in ("kind?", "name?", "title?", "x?", "series?", "z?", "baseline?", "x_label?", "y_label?", "z_label?")},
                "y?": (str, [str]), "where?": {"*": (*SCALAR, [SCALAR])},
                "published?": [{"label?": _TEXT, "series?": _TEXT, "x": [NUMBER], "y": [NUMBER]}]}],
    "claims?": [{"text?": ANY, "status?": str}],
    "points?": [{"name": str, "settings?": (dict, type(None)), "columns?": {"*": SCALAR},
                 "runs?": [{"folder?": str, "seed?": ANY, "state?": str}]}],
    "failures?": [{"point?": ANY, "seed?": ANY, "status?": ANY, "lines?": ANY}]}

KINDS = ("lines", "scatter", "bars", "stacked", "heat")


@dataclass(frozen=True)
class Point:
    """`settings`: path -> value as text; `runs`: folders of its replications that have a result; `columns`: its factors' values."""

    name: str
    settings: Mapping[str, Any]
    state: str
    runs: list[Path]
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    folder: Path
    title: str
    frame: pd.DataFrame
    columns: dict[str, Column]
    plots: list[Plot]
    claims: list[dict[str, Any]]
    points: list[Point]
    failures: list[dict[str, Any]]
    description: str = ""

    def of_kind(self, kind: str) -> list[str]:
        return [name for name, c in self.columns.items() if c.kind == kind]

    def runs(self, point: str) -> Iterator[RunFolder]:
        for p in self.points:
            if p.name == point:
                for folder in p.runs:
                    yield RunFolder(folder)


def _truth(value: Any) -> bool:
    return value is True or value == "true"


def _plot(document: Mapping[str, Any], where: str, columns: Mapping[str, Column], frame: pd.DataFrame) -> Plot:
    known = {f.name for f in fields(Plot)}
    values: dict[str, Any] = {k: v for k, v in document.items() if k in known and v is not None}
    for name in ("log_x", "log_y", "x_bytes"):
        values[name] = _truth(values.get(name))
    y = values.get("y", [])
    values["y"] = [y] if isinstance(y, str) else list(y)
    if values.get("kind", "lines") not in KINDS:
        raise ResultError(f"{where}.kind: '{values['kind']}' is none of {', '.join(KINDS)}")
    for name in ("x", "y"):
        if not values.get(name):
            raise ResultError(f"{where}.{name}: is missing")
    for name in ("x", "y", "series", "z"):
        given = values.get(name) or []
        for column in [given] if isinstance(given, str) else given:
            if column not in columns:
                raise ResultError(f"{where}.{name}: '{column}' is no column; there are {', '.join(columns)}")
            is_value = name == ("z" if values.get("kind") == "heat" else "y")
            if is_value and not pd.api.types.is_numeric_dtype(frame[column]):
                raise ResultError(f"{where}.{name}: '{column}' holds text, not numbers")
    first = values["y"][0]
    other = next((y for y in values["y"] if columns[y].measure != columns[first].measure), None)
    if values.get("kind") == "stacked" and other:
        one, two = (columns[y].measure or "no unit" for y in (first, other))
        raise ResultError(f"{where}.y: '{first}' is in {one}, '{other}' in {two}: what is stacked has one unit; write kind: bars, which gives "
                          "each unit a panel")
    published = []
    for i, p in enumerate(values.get("published", [])):
        xs, ys = ([float(v) for v in p.get(axis, [])] for axis in "xy")
        if not xs or len(xs) != len(ys):
            raise ResultError(f"{where}.published[{i}]: x and y are lists of numbers, equally long")
        published.append(Published(str(p.get("label") or "published"), xs, ys, str(p.get("series") or "")))
    values["published"] = published
    return Plot(**values)


def _runs(folder: Path, root: Path, point: Mapping[str, Any], name: str) -> list[Path]:
    """Folders with a result, as listed, else as found. A listed folder lies below this one (`root` without links), whatever the file says."""
    at = folder / "runs" / name
    if "runs" in point:
        listed = [folder / str(r.get("folder", "")) for r in point["runs"]]
        return [r for r in listed if (r / "result.json").is_file() and root in r.resolve().parents]
    return [at] if (at / "result.json").is_file() else sorted(r.parent for r in at.glob("*/result.json"))


def _points(folder: Path, document: Mapping[str, Any], frame: pd.DataFrame) -> list[Point]:
    listed: dict[str, Mapping[str, Any]] = {str(p.get("name", "")): p for p in document.get("points", []) if isinstance(p, dict)}
    names = listed or {str(n): {} for n in frame.get("point", pd.Series(dtype=str)).drop_duplicates()}
    found = []
    root = folder.resolve()
    for name, p in names.items():
        if "/" in name or name.startswith(".") or not name:
            raise ResultError(f"{folder}: '{name}' cannot name a point's folder")
        runs = _runs(folder, root, p, name)
        states = list(dict.fromkeys(str(r.get("state", "")) for r in p.get("runs", []))) or ["done" if runs else "no result"]
        found.append(Point(name, {**({"run": p["run"]} if "run" in p else {}), **(p.get("settings") or {})}, ", ".join(states), runs,
                           p.get("columns") or {}))
    return found


def make(folder: Path, frame: pd.DataFrame, columns: Mapping[str, Any], document: Mapping[str, Any]) -> Study:
    """A study from its table and its two documents as read."""
    texts: dict[str, dict[float, str]] = {}
    for f in document.get("factors", []):
        for v in reversed(f.get("values", [])):  # of several ways to write a value the first counts
            if "number" in v and v["text"]:
                texts.setdefault(f["name"], {})[float(v["number"])] = v["text"]
    known = {name: Column(str(c.get("kind", "metric")), str(c.get("unit") or ""), str(c.get("description") or ""), texts.get(name, {}))
             for name, c in columns.items() if name in frame.columns}
    for name in frame.columns:
        text = name in ("point", "seed") or not pd.api.types.is_numeric_dtype(frame[name])
        known.setdefault(name, Column("id" if text else "metric"))
    plots = [_plot(p, f"{folder / 'study.json'}: plots[{i}]", known, frame) for i, p in enumerate(document.get("plots", []))]
    return Study(folder, str(document.get("title", folder.name)), frame, known, plots, list(document.get("claims", [])),
                 _points(folder, document, frame), list(document.get("failures", [])),
                 str(document.get("description", "")))


def read(folder: Path) -> Study:
    """The study in `folder`. ResultError names the file that is absent or wrong."""
    folder = Path(folder)
    file = folder / "results.csv"
    if not file.is_file():
        seeds = sorted(r.parent.name for r in folder.glob("*/result.json"))
        if seeds:
            named = ", ".join(seeds[:8]) + (", ..." if len(seeds) > 8 else "")
            raise ResultError(f"{folder} holds runs of one point, under the seeds {named}: "
                              f"give one of them, {folder / seeds[0]}, or the sweep's folder, which shows their means")
        raise ResultError(f"{folder} holds neither results.csv (a sweep) nor result.json (a run)")
    columns = read_json(folder / "results.columns.json")
    document = read_json(folder / "study.json") or {}
    if columns is None:
        raise ResultError(f"{folder} has no results.columns.json: `iommusim collect` makes it")
    check(columns, _COLUMNS, folder / "results.columns.json")
    check(document, _STUDY, folder / "study.json")
    frame = read_csv(file, [name for name, c in columns.items() if c.get("kind") == "id"])
    if frame is None or "point" not in frame.columns:
        raise ResultError(f"{file}: has no column 'point': `iommusim collect` makes it")
    for name, c in columns.items():
        if c.get("kind", "metric") == "metric" and name in frame.columns:
            frame[name] = numbers_of(frame, name, file)
    return make(folder, frame.dropna(subset=["point"]), columns, document)
