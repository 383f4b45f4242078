"""A metric over two factors, each cell with its value."""
from __future__ import annotations

import matplotlib.axes
import numpy as np

from analysis.chart.model import Heat


def draw(axes: matplotlib.axes.Axes, panel: Heat) -> None:
    """Values are written into the cells while they fit (12 columns), in the tone that stands off from the cell's."""
    values = np.array(panel.values, dtype=float)
    image = axes.imshow(values, origin="lower", aspect="auto", cmap="cividis")
    axes.set_xticks(range(len(panel.x_labels)), list(panel.x_labels))
    axes.set_yticks(range(len(panel.y_labels)), list(panel.y_labels))
    axes.set_xlabel(panel.x_title)
    axes.set_ylabel(panel.y_title)
    if sum(len(n) for n in panel.x_labels) > 70:
        axes.tick_params(axis="x", labelrotation=35)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label(panel.value.title)
    bar.outline.set_visible(False)
    if len(panel.x_labels) > 12:
        return
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=7, color="black" if value > middle else "white")
