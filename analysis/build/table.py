"""Rows of a study as series: filtered, grouped by a factor, averaged over replications."""
from __future__ import annotations

import math
import numbers
import re
from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, Sequence

import pandas as pd

from analysis.chart.model import Axis
from analysis.chart.palette import rank
from analysis.chart.units import QUANTITIES, quantity_text
from analysis.confidence import Interval, interval
from analysis.results import ResultError
from analysis.study import Plot, Point, Study


@dataclass(frozen=True)
class Curve:
    """Interval of a metric at each value of a factor, in ascending order; x values are numbers or texts."""

    name: str
    x: list[Any]
    y: list[Interval]
    of: Any = None  # the value of the series

    @property
    def means(self) -> list[float]:
        return [i.mean for i in self.y]

    @property
    def replicated(self) -> bool:
        return any(i.count > 1 for i in self.y)

    @property
    def low(self) -> list[float]:
        return [i.mean if math.isnan(i.low) else i.low for i in self.y] if self.replicated else []

    @property
    def high(self) -> list[float]:
        return [i.mean if math.isnan(i.high) else i.high for i in self.y] if self.replicated else []


def label_of(value: Any) -> str:
    """A factor's value as text: 8192.0 -> 8192."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "-" if math.isnan(value) else f"{value:.10g}"
    return str(value)


def said(study: Study, column: str, value: Any, is_bytes: bool = False) -> str:
    """A value of a column as the study has it written, else with the unit that suits it: 524288 -> 512 KiB, 10^9 ps -> 1 ms."""
    if not isinstance(value, numbers.Real) or math.isnan(value):
        return label_of(value)
    text = study.columns[column].texts.get(float(value))
    if text:
        return text
    unit = "B" if is_bytes else study.columns[column].unit
    return quantity_text(float(value), unit) if unit in QUANTITIES else label_of(value) + (f" {unit}" if unit not in ("", "1") else "")


def rows(study: Study, where: Mapping[str, Any]) -> pd.DataFrame:
    """The table's rows with these factor values; a list is any of them."""
    frame = study.frame
    for column, value in where.items():
        if column not in frame.columns:
            raise ResultError(f"{study.folder}: plots: where: '{column}' is no column; there are {', '.join(frame.columns)}")
        wanted = {label_of(v) for v in (value if isinstance(value, list) else [value])}
        frame = frame[[label_of(v) in wanted for v in frame[column]]]
    return frame


NOT_RUN, NO_VALUE = "not run", "n/a"


def absence(study: Study, where: Mapping[str, Any], columns: Sequence[str]) -> Callable[[Sequence[Any]], str]:
    """Why there is no value at these values of the columns: the study left the combination out, or its runs lack the value."""
    known = {c for p in study.points for c in p.columns}
    if not set(columns) <= known:
        return lambda _: NO_VALUE

    wanted = {c: {label_of(v) for v in (w if isinstance(w, list) else [w])} for c, w in where.items() if c in known}

    def selected(point: Point) -> bool:
        return all(label_of(point.columns.get(c)) in wanted[c] for c in wanted)

    meant = {tuple(label_of(p.columns.get(c)) for c in columns) for p in study.points if selected(p)}
    return lambda values: NO_VALUE if tuple(map(label_of, values)) in meant else NOT_RUN


def curves(study: Study, frame: pd.DataFrame, x: str, y: str, series: str = "") -> list[Curve]:
    """One curve per value of `series` (baselines first, else in the table's order); rows without x or y are left out."""
    groups: dict[str, pd.DataFrame] = {}
    values: dict[str, Any] = {}
    if series:
        for value, rows_of in frame.groupby(series, sort=False, dropna=False):
            groups[said(study, series, value)] = rows_of
            values[said(study, series, value)] = value
    else:
        groups[y] = frame
    names = sorted(groups, key=rank)
    found = []
    for name in names:
        part = groups[name].dropna(subset=[x, y])
        if len(part) == 0:
            continue
        by_x = [(value, interval(rows_of[y].to_numpy(float))) for value, rows_of in part.groupby(x, sort=pd.api.types.is_numeric_dtype(part[x]))]
        found.append(Curve(name, [v for v, _ in by_x], [i for _, i in by_x], values.get(name)))
    return found


# At the end of a label: what ticks that carry their own unit say anyway.
_UNIT = re.compile(r" \((bytes|[KMGT]?i?B|[mnup]?s|[kMG]?b/s|[kMG]?Hz)\)$")


def spoken(study: Study, column: str) -> str:
    """A column's name as words; its unit, which an axis adds, is not said twice: mean_ns in ns is "mean"."""
    unit = re.sub(r"\W", "", study.columns[column].unit).lower()
    short = column[:-len(unit) - 1] if unit and column.lower().endswith("_" + unit) else column
    return short.replace("_", " ")


def axis(study: Study, column: str, label: str = "", log: bool = False, is_bytes: bool = False, **limits: Any) -> Axis:
    """The axis of a column: the plot's own label, else the column's name; the unit comes from the column unless the label has one."""
    unit = "B" if is_bytes else study.columns[column].unit
    if unit in QUANTITIES:
        return Axis(_UNIT.sub("", label) or spoken(study, column), unit, log, **limits)
    return Axis(label or spoken(study, column), "" if label.endswith(")") else unit, log, **limits)


def x_title(study: Study, plot: Plot) -> str:
    """What stands along x, where its values are labels."""
    return _UNIT.sub("", plot.x_label) or spoken(study, plot.x)


def title(study: Study, plot: Plot) -> str:
    """The plot's own; else the study's and, where it has several plots or this one shows a part, what this one shows."""
    if plot.title:
        return plot.title
    shown = plot.z_label or plot.z if plot.kind == "heat" else plot.y_label or ", ".join(spoken(study, y) for y in plot.y)
    of = part(study, plot)
    second = re.sub(r" \([^()]*\)$", "", shown.replace("_", " ")) + (f", {of}" if of else "")
    return f"{study.title}\n{second}" if of or len(study.plots) > 1 else study.title


def x_axis(study: Study, plot: Plot) -> Axis:
    found = axis(study, plot.x, plot.x_label, plot.log_x, plot.x_bytes)
    values = study.frame[plot.x].dropna().unique() if plot.log_x and pd.api.types.is_numeric_dtype(study.frame[plot.x]) else []
    return replace(found, binary=len(values) > 1 and all(v >= 1 and math.log2(v).is_integer() for v in values))


def part(study: Study, plot: Plot) -> str:
    """Which rows the plot shows, as words; empty for all. What axis and legend say anyway is left out."""
    told = {plot.x, plot.series, *(plot.y if plot.kind == "heat" else ())}
    return ", ".join(f"{spoken(study, c)} {' or '.join(said(study, c, v) for v in (w if isinstance(w, list) else [w]))}"
                     for c, w in plot.where.items() if c in study.columns and c not in told)


def legend_title(study: Study, column: str, names: Sequence[str]) -> str:
    """What a legend's entries are values of, where they do not say it themselves: numbers, and very many names."""
    numeric = column in study.columns and pd.api.types.is_numeric_dtype(study.frame[column])
    return spoken(study, column) if column and (numeric or len(names) > 7) else ""
