"""Passthrough against translated: each baseline at each point, absolute and relative to the one that costs least."""
from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from analysis.build.facets import MOST_BARS
from analysis.build.table import Curve, absence, axis, curves, label_of, legend_title, rows, said, title, x_title
from analysis.chart.model import Axis, Bar, Bars, Chart, thin
from analysis.chart.palette import BASELINES, colours
from analysis.results import ResultError
from analysis.study import Plot, Study


MOST_PERCENT = 3000.0


def possible(study: Study, plot: Plot) -> bool:
    """The plot names a baseline, or its series are such: at least two of none, identity, DMA-FQ, DMA."""
    if plot.kind not in ("lines", "bars") or not plot.series:
        return False
    return bool(plot.baseline) or len(set(map(label_of, rows(study, plot.where)[plot.series])) & set(BASELINES)) >= 2


def _said(study: Study, plot: Plot, value: str) -> str:
    """A value of the series as its curve is called."""
    return next((said(study, plot.series, v) for v in study.frame[plot.series].unique() if value == label_of(v)), value)


def chart(study: Study, plot: Plot, name: str) -> Chart | None:
    """Bars, a group per x: the metric, unless the plot itself shows it as bars, and the metric in percent of the baseline (`none`,
    `identity`, ... without one). None where percent say nothing: the baseline has next to nothing, as page walks under `identity`."""
    found = {c.name: c for c in curves(study, rows(study, plot.where), plot.x, plot.y[0], plot.series)}
    reference = _said(study, plot, plot.baseline) or next((n for n in BASELINES if n in found), "")
    if reference not in found:
        raise ResultError(f"{study.folder}: plot '{name}': baseline '{reference}' is no value of {plot.series}; there are {', '.join(found)}")
    names = [reference, *(n for n in found if n != reference)]
    there = {x for n in names for x in found[n].x}
    xs = [x for x in rows(study, plot.where)[plot.x].drop_duplicates() if x in there]
    xs = sorted(xs) if pd.api.types.is_numeric_dtype(study.frame[plot.x]) else xs
    xs = thin(xs, max(2, MOST_BARS // len(names)))
    labels = [said(study, plot.x, x, plot.x_bytes) for x in xs]
    colour = colours(names)

    def values(curve: Curve, of: list[float]) -> list[float]:
        at = dict(zip(curve.x, of))
        return [at.get(x, float("nan")) for x in xs]

    why = absence(study, plot.where, [plot.x, plot.series])
    absolute = [Bar(n, values(found[n], found[n].means), colour[n], values(found[n], found[n].low) if found[n].replicated else (),
                    values(found[n], found[n].high) if found[n].replicated else (), [why([x, found[n].of]) for x in xs]) for n in names]
    base = absolute[0].values
    relative = [replace(b, values=[100 * v / r if r else float("nan") for v, r in zip(b.values, base)], low=(), high=()) for b in absolute]
    shares = [v for b in relative[1:] for v in b.values if math.isfinite(v)]
    if not shares or max(shares) > MOST_PERCENT:
        return None
    top = Bars(labels, axis(study, plot.y[0], plot.y_label if len(plot.y) == 1 else ""), absolute, stacked=False, horizontal=False,
               label_title=x_title(study, plot))
    bottom = replace(top, value=Axis(f"relative to {reference}", "%"), parts=relative, reference=100.0, height=0.75)
    return Chart(name, f"{title(study, plot)}, relative to {reference}", [bottom] if plot.kind == "bars" else [top, bottom], 1,
                 f"Relative: percent of '{reference}' at the same {x_title(study, plot)}.", legend_title(study, plot.series, names))
