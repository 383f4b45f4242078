"""Lines, staircases and crosses."""
from __future__ import annotations

import math
from itertools import chain

import matplotlib.axes
from matplotlib.lines import Line2D

from analysis.chart.model import Lines
from analysis.chart.units import QUANTITIES
from analysis.draw.axis import set_axis, shorter
from analysis.draw.legend import LONGEST_NAME, legend_columns


# Beside colour, shapes tell lines apart, in print and where lines lie on each other.
_MARKERS = "osD^vPX"


def marker(panel: Lines, index: int) -> str:
    """Of a panel's series; "" where there are too many points, or they are no line."""
    s = panel.series[index]
    return _MARKERS[index % len(_MARKERS)] if s.style == "line" and len(s.x) <= 40 and len(panel.series) <= 2 * len(_MARKERS) else ""


def _keys(panel: Lines) -> list[str]:
    return [shorter(n, LONGEST_NAME) for n in panel.keys]


def legend_height(panel: Lines) -> float:
    """Of the panel's own legend, in inches."""
    names = _keys(panel)
    return 0.165 * math.ceil(len(names) / legend_columns(names)) if names else 0.0


def draw(axes: matplotlib.axes.Axes, panel: Lines, columns: int) -> None:
    """A band is drawn in its line's colour, lines with up to 40 points show them."""
    for i, s in enumerate(panel.series):
        if s.style == "points":
            axes.plot(s.x, s.y, linestyle="none", marker="x", markersize=6, markeredgewidth=1.6, color=s.colour, zorder=4)
        elif s.style == "step":
            axes.step(s.x, s.y, where="post", color=s.colour)
        else:
            more = min(s.under, 4)
            axes.plot(s.x, s.y, marker=marker(panel, i), markersize=3.5 + 2 * more, linewidth=1.5 + 1.4 * more, color=s.colour)
        if len(s.low):
            axes.fill_between(s.x, s.low, s.high, color=s.colour, alpha=0.2, linewidth=0, step="post" if s.style == "step" else None)
    set_axis(axes, "x", panel.x, chain.from_iterable(s.x for s in panel.series), 10 if columns == 1 else 5)
    set_axis(axes, "y", panel.y, chain.from_iterable(chain(s.y, s.low, s.high) for s in panel.series), 6)
    axes.grid(True)
    if panel.keys:
        names = _keys(panel)
        keys = [Line2D([], [], color=s.colour, label=f" {n}" if n.startswith("_") else n) for s, n in zip(panel.series, names)]
        axes.legend(handles=keys, loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, handlelength=1.4, borderaxespad=0,
                    borderpad=0.2, labelspacing=0.3, ncol=legend_columns(names))
    if panel.y.lower is not None and panel.y.lower < 0 or (panel.y.lower is None and any(v < 0 for s in panel.series for v in s.y)):
        axes.axhline(0, color="#444444", linewidth=0.8)
    if panel.x.unit in QUANTITIES and columns > 1:
        axes.tick_params(axis="x", labelrotation=35)
