"""Bars: parts stacked to a whole, or groups side by side; dots on a logarithmic axis, which has no zero that a length could start at."""
from __future__ import annotations

import math

import matplotlib.axes
import numpy as np

from analysis.chart.model import Bar, Bars
from analysis.draw.axis import finite, set_axis, shorter, wrapped

_EDGE = 0.03  # of the axis, between its foot and what is written there


def _places(panel: Bars) -> tuple[list[np.ndarray], float]:
    """Of each part: where its values stand across the axis of labels; and how thick a bar is."""
    labels = np.arange(len(panel.labels), dtype=float)
    if panel.stacked:
        return [labels] * len(panel.parts), 0.75
    thick = 0.8 / max(1, len(panel.parts))
    return [labels + (i - (len(panel.parts) - 1) / 2) * thick for i in range(len(panel.parts))], thick


def _error(axes: matplotlib.axes.Axes, panel: Bars, part: Bar, at: np.ndarray) -> None:
    values = np.asarray(part.values, dtype=float)
    reach = [values - np.asarray(part.low), np.asarray(part.high) - values]
    x, y = (values, at) if panel.horizontal else (at, values)
    which = {"xerr": reach} if panel.horizontal else {"yerr": reach}
    axes.errorbar(x, y, linestyle="none", color="#222222", linewidth=0.9, capsize=2, **which)


def _marks(axes: matplotlib.axes.Axes, panel: Bars, part: Bar, at: np.ndarray) -> None:
    """What has no bar or dot is told apart: why there is no value, and "0" where the axis cannot show it."""
    for i, (place, value) in enumerate(zip(at, part.values)):
        mark = (part.absent[i] if part.absent else "n/a") if not math.isfinite(value) else "0" if panel.value.log and value <= 0 else ""
        if mark:
            x, y = (_EDGE / 3, place) if panel.horizontal else (place, _EDGE)
            axes.text(x, y, mark, fontsize=7, color=part.colour if mark == "0" else "#6e7781", va="center" if panel.horizontal else "bottom",
                      ha="left" if panel.horizontal else "center", rotation=0 if panel.horizontal or mark == "0" else 90,
                      transform=axes.get_yaxis_transform() if panel.horizontal else axes.get_xaxis_transform())


def draw(axes: matplotlib.axes.Axes, panel: Bars, columns: int) -> None:
    bar = axes.barh if panel.horizontal else axes.bar
    size, base = ("height", "left") if panel.horizontal else ("width", "bottom")
    foot = np.zeros(len(panel.labels))
    ends: list[float] = [] if panel.value.log else [0.0]
    places, thick = _places(panel)
    for part, at in zip(panel.parts, places):
        values = np.nan_to_num(np.asarray(part.values, dtype=float))
        if panel.value.log:
            there = values > 0
            x, y = (values[there], at[there]) if panel.horizontal else (at[there], values[there])
            axes.plot(x, y, linestyle="none", marker="o", markersize=min(6.0, 40 * thick), color=part.colour)
        else:
            bar(at, values, color=part.colour, edgecolor="white", linewidth=0.4, **{size: thick, base: foot.copy() if panel.stacked else 0})
        if len(part.low):
            _error(axes, panel, part, at)
            ends += [*finite(part.high), *finite(part.low)]
        foot += values
        ends += finite(foot if panel.stacked else values)
    value, label = ("x", "y") if panel.horizontal else ("y", "x")
    set_axis(axes, value, panel.value, ends, 7 if columns == 1 else 5, margin=0.12 if panel.value.log else 0.04)
    if panel.value.lower is None and not panel.value.log:
        low, high = min(ends), max(ends)
        (axes.set_xlim if panel.horizontal else axes.set_ylim)(low - 0.05 * (high - low) if low < 0 else 0.0, high + 0.05 * (high - low) or 1.0)
        if low < 0:
            (axes.axvline if panel.horizontal else axes.axhline)(0, color="#444444", linewidth=0.8)
    getattr(axes, f"set_{label}ticks")(np.arange(len(panel.labels)), [shorter(n) for n in panel.labels])
    getattr(axes, f"set_{label}label")(wrapped(axes, label, panel.label_title))
    if panel.horizontal:
        axes.set_ylim(len(panel.labels) - 0.4, -0.6)
    else:
        axes.set_xlim(-0.6, len(panel.labels) - 0.4)
        if sum(len(n) for n in panel.labels) * columns > 75 or columns > 1:
            axes.tick_params(axis="x", labelrotation=35)
    if not panel.stacked:
        for part, at in zip(panel.parts, places):
            _marks(axes, panel, part, at)
    axes.grid(True, axis=value)
    if panel.reference is not None:
        (axes.axvline if panel.horizontal else axes.axhline)(panel.reference, color="#444444", linewidth=0.8)
