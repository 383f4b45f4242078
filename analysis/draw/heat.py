"""A metric over two factors, each cell with its value."""
from __future__ import annotations

import math

import matplotlib.axes
import numpy as np

from analysis.chart.model import Heat
from analysis.draw.axis import shorter, wrapped


def written(panel: Heat) -> bool:
    """Whether the cells have room for what stands in them."""
    return len(panel.x_labels) <= 12


def draw(axes: matplotlib.axes.Axes, panel: Heat) -> None:
    """Values are written into the cells while they fit (12 columns), in the tone that stands off from the cell's; cells without are
    hatched, with the reason in them."""
    values = np.array(panel.values, dtype=float)
    if values.size == 0:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center")
        axes.set_axis_off()
        return
    axes.set_facecolor("#f1f3f5")
    axes.patch.set(hatch="////", edgecolor="#c9ced4")
    image = axes.imshow(values, origin="lower", aspect="auto", cmap="cividis")
    every = math.ceil(len(panel.x_labels) / 16)
    axes.set_xticks(range(0, len(panel.x_labels), every), [shorter(n, 24) for n in panel.x_labels[::every]])
    axes.set_yticks(range(len(panel.y_labels)), [shorter(n) for n in panel.y_labels])
    axes.set_xlabel(wrapped(axes, "x", panel.x_title))
    axes.set_ylabel(wrapped(axes, "y", panel.y_title))
    if sum(map(len, panel.x_labels[::every])) > 70:
        axes.tick_params(axis="x", labelrotation=35)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    named = written(panel)
    for (row, column), value in np.ndenumerate(values):
        if named and not np.isfinite(value):
            axes.text(column, row, panel.texts[row][column], ha="center", va="center", fontsize=7, color="#57606a")
    if not np.isfinite(values).any():
        return
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, ticks=[float(np.nanmin(values))] if np.nanmin(values) == np.nanmax(values) else None)
    bar.set_label(panel.value.title)
    bar.outline.set_visible(False)
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (row, column), value in np.ndenumerate(values):
        if named and np.isfinite(value):
            tone = "black" if value > middle else "white"
            axes.text(column, row, panel.texts[row][column], ha="center", va="center", fontsize=7, color=tone)
