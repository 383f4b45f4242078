"""Bars: parts stacked to a whole, or groups side by side."""
from __future__ import annotations

import matplotlib.axes
import numpy as np

from analysis.chart.model import Bars
from analysis.draw.axis import finite, set_axis, wrapped


def draw(axes: matplotlib.axes.Axes, panel: Bars, columns: int) -> None:
    places = np.arange(len(panel.labels), dtype=float)
    thick = 0.75 if panel.stacked else 0.8 / max(1, len(panel.parts))
    bar = axes.barh if panel.horizontal else axes.bar
    size, base = ("height", "left") if panel.horizontal else ("width", "bottom")
    foot = np.zeros(len(places))
    tops: list[float] = [0.0]
    for i, part in enumerate(panel.parts):
        values = np.nan_to_num(np.asarray(part.values, dtype=float))
        at = places if panel.stacked else places + (i - (len(panel.parts) - 1) / 2) * thick
        keywords = {size: thick, base: foot.copy() if panel.stacked else 0}
        bar(at, values, color=part.colour, edgecolor="white", linewidth=0.4, **keywords)
        if len(part.low):
            reach = [values - np.asarray(part.low), np.asarray(part.high) - values]
            where = {"xerr": reach} if panel.horizontal else {"yerr": reach}
            x, y = (values, at) if panel.horizontal else (at, values)
            axes.errorbar(x, y, linestyle="none", color="#222222", linewidth=0.9, capsize=2, **where)
            tops += finite(part.high)
        foot += values
        tops += finite(foot if panel.stacked else values)
    value, label = ("x", "y") if panel.horizontal else ("y", "x")
    set_axis(axes, value, panel.value, tops, 7 if columns == 1 else 5)
    if panel.value.lower is None and not panel.value.log:
        (axes.set_xlim if panel.horizontal else axes.set_ylim)(min(0.0, min(tops)), max(tops) * 1.05 or 1.0)
    getattr(axes, f"set_{label}ticks")(places, list(panel.labels))
    getattr(axes, f"set_{label}label")(wrapped(axes, label, panel.label_title))
    if panel.horizontal:
        axes.invert_yaxis()
        axes.set_ylim(len(places) - 0.4, -0.6)
    else:
        axes.set_xlim(-0.6, len(places) - 0.4)
        if sum(len(n) for n in panel.labels) * columns > 75 or columns > 1:
            axes.tick_params(axis="x", labelrotation=35)
    axes.grid(True, axis=value)
    if panel.reference is not None:
        (axes.axvline if panel.horizontal else axes.axhline)(panel.reference, color="#444444", linewidth=0.8)
