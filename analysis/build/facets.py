"""How the points of a study are laid out in small panels: one per value of a series, its points along x."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, Sequence, TypeVar

import pandas as pd

from analysis.build.table import rows, said
from analysis.chart.model import Axis, Lines, thin
from analysis.chart.palette import rank
from analysis.study import Plot, Study

T = TypeVar("T")
MOST_PANELS = 6
MOST_ITEMS = 9
MOST_LAYOUTS = 3
MOST_BARS = 160  # of a figure: more are taller than a page


@dataclass(frozen=True)
class Facet(Generic[T]):
    """`items`: (label, thing); `x`: their place on a numeric axis, when they are `ordered`."""

    title: str
    items: list[tuple[str, T]]
    x: list[float]
    ordered: bool


def columns_for(panels: int) -> int:
    """Three beside each other, but two by two rather than three and one."""
    return 2 if panels == 4 else min(3, panels)


@dataclass(frozen=True)
class Layout:
    """How the points of one plot are laid out; without a plot in the table's order. `along`: the column the items are values of."""

    facets: list[Facet[str]]
    plot: Plot | None
    along: str = ""

    @property
    def ordered(self) -> bool:
        return all(f.ordered for f in self.facets)


def _along(study: Study, plot: Plot) -> Layout:
    """A facet per value of the plot's series, its points along x; where x is no number, one per x, with a point per series, as groups of
    bars are. Nothing when these do not tell the points apart."""
    rows_of = rows(study, plot.where).drop_duplicates("point")
    if study.columns[plot.x].kind != "factor" or plot.kind == "heat":
        return Layout([], plot)
    numeric = pd.api.types.is_numeric_dtype(rows_of[plot.x]) and plot.kind not in ("bars", "stacked")
    rows_of = rows_of.dropna(subset=[plot.x])
    if rows_of.duplicated([plot.x] + ([plot.series] if plot.series else [])).any():
        return Layout([], plot)
    over, along = (plot.series, plot.x) if numeric or not plot.series else (plot.x, plot.series)
    groups = [(said(study, over, v, plot.x_bytes and not numeric), g) for v, g in rows_of.groupby(over, sort=False)] if over else [("", rows_of)]
    groups.sort(key=lambda g: rank(g[0]))
    facets = []
    for title, group in groups:
        group = group.sort_values(along) if numeric else group
        names = [said(study, along, x, plot.x_bytes and along == plot.x) for x in group[along]]
        facets.append(Facet(title, list(zip(names, group["point"])), [float(x) for x in group[along]] if numeric else [], numeric))
    return Layout(facets, plot, along)


def _points(layout: Layout) -> set[str]:
    return {point for f in layout.facets for _, point in f.items}


def layouts(study: Study) -> list[Layout]:
    """One per plot that can be laid out, each set of points once; without any, all points in the table's order."""
    found: list[Layout] = []
    for plot in study.plots:
        layout = _along(study, plot)
        if layout.facets and len(found) < MOST_LAYOUTS and all(_points(layout) != _points(known) for known in found):
            found.append(layout)
    if found:
        return found
    names = [str(p) for p in study.frame["point"].drop_duplicates()]
    return [Layout([Facet("", list(zip(names, names)), [], False)], None)]


def shorten(facets: list[Facet[T]], panels: int = MOST_PANELS, items: int = MOST_ITEMS) -> list[Facet[T]]:
    """As many as can be read in one figure; what is left is spread over the whole range."""
    def cut(f: Facet[T]) -> Facet[T]:
        keep = thin(range(len(f.items)), items)
        return replace(f, items=[f.items[i] for i in keep], x=[f.x[i] for i in keep] if f.x else [])

    return [cut(f) for f in thin(facets, panels)]


def left_out(facets: list[Facet[T]], shown: list[Facet[T]]) -> str:
    """A sentence on what `shorten` left out; empty for nothing."""
    all_points, points = (sum(len(f.items) for f in fs) for fs in (facets, shown))
    return f"{points} of {all_points} points, spread over them." if points < all_points else ""


def tidy(panels: list[Lines], x: Axis) -> list[Lines]:
    """Panels that share an x axis get the same limits, so that they can be compared."""
    xs = [float(v) for p in panels for s in p.series for v in s.x if v > 0 or not x.log]
    if len(panels) < 2 or not xs or x.lower is not None:
        return [replace(p, x=x) for p in panels]
    low, high = min(xs), max(xs)
    room = (high / low) ** 0.04 if x.log else (high - low) * 0.04
    shared = replace(x, lower=low / room, upper=high * room) if x.log else replace(x, lower=low - room, upper=high + room)
    return [replace(p, x=shared) for p in panels]
