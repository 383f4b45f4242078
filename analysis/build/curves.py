"""Sweep lines with confidence bands, and published values over them with the relative error below."""
from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import replace
from typing import Sequence

import pandas as pd

from analysis.build.facets import MOST_BARS, tidy
from analysis.build.table import Curve, absence, axis, curves, label_of, legend_title, rows, said, spoken, title, x_axis, x_title
from analysis.chart.model import Axis, Bar, Bars, Chart, Lines, Panel, Series, thin
from analysis.chart.palette import PARTS, colours
from analysis.study import Plot, Study

LOG_BARS = "Dots, as lengths on a logarithmic axis do not compare."
MOST_NAMES = 40  # characters of the columns' names on an axis; of more the quantity alone is said
_QUANTITY = {"ps": "time", "ns": "time", "us": "time", "ms": "time", "s": "time", "b/s": "rate", "Gb/s": "rate", "B": "size", "%": "share"}
CONFIDENCE = "Bands: 95 % confidence of the mean over replications (Student t)."


def interpolate(xs: Sequence[float], ys: Sequence[float], at: float, log: bool) -> float:
    """y at `at`, on the straight line between its neighbours (in log x if `log`); NaN outside the curve."""
    i = bisect_left(xs, at)
    if i < len(xs) and xs[i] == at:
        return ys[i]
    if i in (0, len(xs)):
        return float("nan")
    a, b = xs[i - 1], xs[i]
    share = math.log(at / a) / math.log(b / a) if log and a > 0 else (at - a) / (b - a)
    return ys[i - 1] + share * (ys[i] - ys[i - 1])


def _errors(found: dict[str, Curve], plot: Plot, colour: dict[str, str]) -> list[Series]:
    """(simulated - published) / published in percent, per published set that belongs to a curve."""
    series = []
    for p in plot.published:
        curve = found.get(p.series) or (next(iter(found.values())) if not p.series and len(found) == 1 else None)
        if curve is None:
            continue
        simulated = [interpolate(curve.x, curve.means, x, plot.log_x) for x in p.x]
        error = [100 * (s - y) / y if y else float("nan") for s, y in zip(simulated, p.y)]
        series.append(Series(p.label, p.x, error, colour.get(p.series, "#000000"), "line"))
    return series


def _value_label(study: Study, plot: Plot, shown: Sequence[str]) -> str:
    """What the values of these columns are. The plot's own label is of all its columns, so of none when their units differ; before it,
    where each of several columns has a panel, what the column is: "p99 latency (ns)"."""
    if len(shown) == len(plot.y) or len({study.columns[y].measure for y in plot.y}) > 1:
        names = ", ".join(spoken(study, y) for y in shown)
        own = plot.y_label if len(shown) == len(plot.y) else ""
        return own or (names if len(names) <= MOST_NAMES else _QUANTITY.get(study.columns[shown[0]].unit, "value"))
    return f"{spoken(study, shown[0])} {plot.y_label}" if plot.y_label else ""


def _value_axis(study: Study, plot: Plot, shown: Sequence[str], series: Sequence[Series]) -> Axis:
    """From zero, so that heights can be compared, unless logarithmic or there are negative values."""
    values = [v for s in series for v in s.y if math.isfinite(v)]
    lower = None if plot.log_y or not values or min(values) < 0 else 0.0
    return axis(study, shown[0], _value_label(study, plot, shown), plot.log_y, lower=lower)


def _panels_of(study: Study, plot: Plot) -> list[tuple[list[str], dict[str, Curve]]]:
    """(columns, curves by name): columns without a series share a panel with those of their unit, with a series they get one each."""
    frame = rows(study, plot.where)
    if plot.series or len(plot.y) == 1:
        return [([y], {c.name: c for c in curves(study, frame, plot.x, y, plot.series)}) for y in plot.y]
    short = {y: spoken(study, y) for y in plot.y}
    names = short if len(set(short.values())) == len(short) else {y: y.replace("_", " ") for y in plot.y}
    alike = [[y for y in plot.y if study.columns[y].measure == unit] for unit in dict.fromkeys(study.columns[y].measure for y in plot.y)]
    return [(ys, {names[y]: c for y in ys for c in curves(study, frame, plot.x, y)}) for ys in alike]


def _covers(above: Series, below: Series) -> bool:
    """Whether a line hides another, drawn before it: nowhere further from it than a line is wide, a hundredth of its height."""
    if above.style != "line" or below.style != "line" or list(above.x) != list(below.x):
        return False
    high = max((abs(v) for v in above.y if math.isfinite(v)), default=0.0)
    return all(abs(a - b) <= 0.01 * high for a, b in zip(above.y, below.y))


def lines(study: Study, plot: Plot, name: str) -> Chart:
    """`y` over `x`, one line per `series`; with published values a second panel shows the relative error."""
    if not pd.api.types.is_numeric_dtype(rows(study, plot.where)[plot.x]):
        return grouped(study, plot, name)
    found = _panels_of(study, plot)
    names = dict.fromkeys(n for _, of in found for n in of)
    if plot.series:  # which a study names as its values are written
        called = {label_of(v): said(study, plot.series, v) for v in study.frame[plot.series].unique()}
        plot = replace(plot, published=[replace(p, series=called.get(p.series, p.series)) for p in plot.published])
    colour = colours([*names, *(p.series for p in plot.published if p.series and p.series not in names)])
    style = "points" if plot.kind == "scatter" else "line"
    x = x_axis(study, plot)
    panels: list[Lines] = []
    for shown, of in found:
        series = [Series(n, c.x, c.means, colour[n], style, c.low, c.high) for n, c in of.items()]
        series = [replace(s, under=sum(_covers(later, s) for later in series[i + 1:])) for i, s in enumerate(series)]
        if plot.y[0] in shown:
            series += [Series(p.label, p.x, p.y, colour.get(p.series, "#000000"), "points") for p in plot.published]
        panels.append(Lines(x, _value_axis(study, plot, shown, series), series))
    caption = [CONFIDENCE] if any(c.replicated for _, of in found for c in of.values()) else []
    errors = _errors(found[0][1], plot, colour)
    if errors:
        reach = max(5.0, 1.15 * max((abs(v) for s in errors for v in s.y if math.isfinite(v)), default=1.0))
        panels.insert(1, Lines(x, Axis("relative error", "%", lower=-reach, upper=reach), errors, height=0.5))
        caption.append("Relative error: (simulated - published) / published.")
    return Chart(name, title(study, plot), tidy(panels, x), 1, " ".join(caption), legend_title(study, plot.series, list(names)))


def grouped(study: Study, plot: Plot, name: str) -> Chart:
    """The same as bars: a group per x in the table's order, a bar per series, error bars over replications; dots if `log_y`."""
    order = list(rows(study, plot.where)[plot.x].drop_duplicates().dropna())
    found = _panels_of(study, plot)
    names = list(dict.fromkeys(n for _, of in found for n in of))
    colour = colours(names)
    caption = [LOG_BARS] if plot.log_y else []
    if len(order) * len(names) > MOST_BARS:
        kept = thin(order, max(2, MOST_BARS // len(names))), thin(names, max(2, MOST_BARS // 2))
        caption.append(f"{len(kept[0])} of {len(order)} values of {x_title(study, plot)} and {len(kept[1])} of {len(names)} series; "
                       "all are in results.csv.")
        order, found = kept[0], [(ys, {n: of[n] for n in kept[1] if n in of}) for ys, of in found]
    labels = [said(study, plot.x, v, plot.x_bytes) for v in order]
    why = absence(study, plot.where, [plot.x, *([plot.series] if plot.series else [])])
    panels: list[Panel] = []
    for shown, of in found:
        bars = []
        for n, c in of.items():
            at = dict(zip(c.x, range(len(c.x))))

            def pick(values: Sequence[float], at: dict[object, int] = at) -> list[float]:
                return [values[at[x]] if x in at else float("nan") for x in order]

            absent = [why([x, c.of] if plot.series else [x]) for x in order]
            bars.append(Bar(n, pick(c.means), colour[n], pick(c.low) if c.replicated else (), pick(c.high) if c.replicated else (), absent))
        wide = len(order) * max(1, len(of)) > 40 or max((len(n) for n in labels), default=0) > 14
        value = axis(study, shown[0], _value_label(study, plot, shown), plot.log_y)
        panels.append(Bars(labels, value, bars, stacked=False, horizontal=wide, label_title=x_title(study, plot)))
    if any(c.replicated for _, of in found for c in of.values()):
        caption.append(CONFIDENCE.replace("Bands", "Error bars"))
    return Chart(name, title(study, plot), panels, 1, " ".join(caption), legend_title(study, plot.series, names))


def stacked(study: Study, plot: Plot, name: str) -> Chart:
    """Columns on top of each other, all in one unit (study.py sees to that), one bar per value of x (and series)."""
    frame = rows(study, plot.where)
    keys = [plot.x] + ([plot.series] if plot.series else [])
    means = frame.groupby(keys, sort=False)[plot.y].mean()
    firsts = [key if isinstance(key, tuple) else (key,) for key in means.index]
    names = [said(study, plot.x, key[0], plot.x_bytes) for key in firsts]
    labels = [", ".join([n, *(said(study, plot.series, k) for k in key[1:])]) for n, key in zip(names, firsts)]
    others = colours([p for p in plot.y if p not in PARTS])
    bars = [Bar(spoken(study, p), means[p].tolist(), PARTS.get(p) or others[p]) for p in plot.y]
    value = axis(study, plot.y[0], _value_label(study, plot, plot.y))
    return Chart(name, title(study, plot), [Bars(labels, value, bars, label_title=x_title(study, plot))])
