"""How the points of a study are laid out in small panels: one per value of a series, its points along x."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, Sequence, TypeVar

import pandas as pd

from analysis.build.table import label_of
from analysis.chart.model import Axis, Lines
from analysis.chart.palette import rank
from analysis.chart.units import bytes_text
from analysis.study import Study

T = TypeVar("T")
MOST_PANELS = 6
MOST_ITEMS = 9


@dataclass(frozen=True)
class Facet(Generic[T]):
    """`items`: (label, thing); `x`: their place on a numeric axis, when they are `ordered`."""

    title: str
    items: list[tuple[str, T]]
    x: list[float]
    ordered: bool


def thin(items: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of them, evenly spaced, both ends included."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def of_points(study: Study) -> tuple[list[Facet[str]], str]:
    """(facets of point names, x column). The first plot's series and x, when these tell the points apart; else one facet in the
    table's order, x column empty."""
    points = study.frame.drop_duplicates("point")
    for plot in study.plots:
        if not plot.x or study.columns[plot.x].kind != "factor" or not pd.api.types.is_numeric_dtype(points[plot.x]):
            continue
        keys = [plot.x] + ([plot.series] if plot.series else [])
        rows = points.dropna(subset=[plot.x])
        if rows.duplicated(keys).any():
            continue
        in_bytes = plot.x_bytes or study.columns[plot.x].unit == "B"
        unit = study.columns[plot.x].unit
        groups = [(label_of(v), g) for v, g in rows.groupby(plot.series, sort=False)] if plot.series else [("", rows)]
        groups.sort(key=lambda g: rank(g[0]))
        facets = []
        for title, group in groups:
            group = group.sort_values(plot.x)
            names = [bytes_text(x) if in_bytes else f"{label_of(x)}{' ' + unit if unit not in ('', '1') else ''}" for x in group[plot.x]]
            facets.append(Facet(title, list(zip(names, group["point"])), [float(x) for x in group[plot.x]], True))
        return facets, plot.x
    names = [str(p) for p in points["point"]]
    return [Facet("", list(zip(names, names)), [], False)], ""


def shorten(facets: list[Facet[T]], panels: int = MOST_PANELS, items: int = MOST_ITEMS) -> list[Facet[T]]:
    """As many as can be read in one figure; what is left is spread over the whole range."""
    def cut(f: Facet[T]) -> Facet[T]:
        keep = thin(range(len(f.items)), items)
        return replace(f, items=[f.items[i] for i in keep], x=[f.x[i] for i in keep] if f.x else [])

    return [cut(f) for f in facets[:panels]]


def tidy(panels: list[Lines], x: Axis) -> list[Lines]:
    """Panels that share an x axis get the same limits, so that they can be compared."""
    xs = [float(v) for p in panels for s in p.series for v in s.x if v > 0 or not x.log]
    if len(panels) < 2 or not xs or x.lower is not None:
        return [replace(p, x=x) for p in panels]
    low, high = min(xs), max(xs)
    room = (high / low) ** 0.04 if x.log else (high - low) * 0.04
    shared = replace(x, lower=low / room, upper=high * room) if x.log else replace(x, lower=low - room, upper=high + room)
    return [replace(p, x=shared) for p in panels]
