"""Latency distributions and percentiles, of one run or across a study, from latency.csv."""
from __future__ import annotations

import numpy as np

from analysis.build.facets import Facet, columns_for, tidy
from analysis.chart.model import Axis, Bar, Bars, Chart, Lines, Series
from analysis.chart.palette import colours, ordered
from analysis.chart.units import readable
from analysis.latency import PERCENTILES, Distribution, together

_MOST_STEPS = 600  # of a drawn line: finer than a printer


def _steps(d: Distribution, factor: float) -> tuple[list[float], list[float]]:
    """The CDF as points, thinned evenly in rank and latency where it has more than can be seen; both ends stay."""
    x, y = d.high * factor, d.cdf()
    if len(x) > _MOST_STEPS:
        keep = np.unique(np.concatenate([
            np.searchsorted(y, np.linspace(0, y[-1], _MOST_STEPS // 2)).clip(0, len(x) - 1),
            np.linspace(0, len(x) - 1, _MOST_STEPS // 2).astype(int), [0, len(x) - 1]]))
        x, y = x[keep], y[keep]
    return [float(x[0]), *map(float, x)], [0.0, *map(float, y)]


def _axis(all_of: list[Distribution], label: str = "latency") -> tuple[float, Axis]:
    high = max(float(d.high[-1]) for d in all_of)
    low = min(float(d.high[0]) for d in all_of)
    factor, unit = readable("ps", high)
    return factor, Axis(label, unit, log=low > 0 and high / low > 8)


def cdf(panels: list[Facet[Distribution]], name: str, title: str, legend_title: str = "") -> Chart:
    """A panel per facet, a staircase per distribution, all on one latency axis."""
    everything = [d for f in panels for _, d in f.items]
    factor, x = _axis(everything)
    drawn = []
    names = list(dict.fromkeys(n for f in panels for n, _ in f.items))
    if all(f.ordered for f in panels):  # a value has its colour in every panel
        place = {n: v for f in panels for (n, _), v in zip(f.items, f.x)}
        colour = dict(zip(sorted(names, key=lambda n: place[n]), ordered(len(names))))
    else:
        colour = colours(names)
    for f in panels:
        series = [Series(n, *_steps(d, factor), colour[n], "step") for n, d in f.items]
        drawn.append(Lines(x, Axis("share of DMAs", lower=0.0, upper=1.0), series, f.title))
    return Chart(name, title, tidy(drawn, x), columns_for(len(panels)), legend_title=legend_title)


def percentiles(panels: list[Facet[Distribution]], name: str, title: str, x: Axis) -> Chart:
    """p50, p90, p99 and p99.9 over a numeric factor, a panel per facet."""
    names = [f"p{p:g}" for p in PERCENTILES]
    colour = dict(zip(names, reversed(ordered(len(names)))))
    everything = [d for f in panels for _, d in f.items]
    factor, unit = readable("ps", max(d.percentile(PERCENTILES[-1]) for d in everything))
    of = {p: [[d.percentile(p) * factor for _, d in f.items] for f in panels] for p in PERCENTILES}
    every = [v for rows in of.values() for row in rows for v in row]
    low, high = min(every), max(every)
    wide = high > 20 * low > 0  # a few slow ones would press all others onto the axis
    y = Axis("latency", unit, wide, low / 1.3, high * 1.3) if wide else Axis("latency", unit, False, 0.0, high * 1.05)
    drawn = [Lines(x, y, [Series(n, list(f.x), of[p][i], colour[n]) for n, p in zip(names, PERCENTILES)], f.title) for i, f in enumerate(panels)]
    return Chart(name, title, tidy(drawn, x), columns_for(len(panels)))


def percentile_bars(panels: list[Facet[Distribution]], name: str, title: str, label_title: str = "") -> Chart:
    """The same percentiles as groups of bars, a panel per facet, where labels have no order."""
    names = [f"p{p:g}" for p in PERCENTILES]
    colour = dict(zip(names, reversed(ordered(len(names)))))
    longest = max(d.percentile(PERCENTILES[-1]) for f in panels for _, d in f.items)
    factor, unit = readable("ps", longest)
    value = Axis("latency", unit, lower=0.0, upper=longest * factor * 1.04)
    drawn = []
    for f in panels:
        bars = [Bar(n, [d.percentile(p) * factor for _, d in f.items], colour[n]) for n, p in zip(names, PERCENTILES)]
        drawn.append(Bars([n for n, _ in f.items], value, bars, stacked=False, label_title=label_title, title=f.title))
    return Chart(name, title, drawn, columns_for(len(panels)) if max(len(n) for f in panels for n, _ in f.items) < 12 else 1)


def merged(parts: list[Distribution]) -> Distribution:
    return parts[0] if len(parts) == 1 else together(parts)
