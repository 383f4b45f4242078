"""A chart as a figure: its panels in a grid, one legend below all of them, written as PNG and SVG."""
from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from matplotlib.transforms import blended_transform_factory  # noqa: E402

from analysis.chart.model import Bars, Chart, Heat, Lines, Panel, legend, thin  # noqa: E402
from analysis.draw import bars, heat, lines  # noqa: E402
from analysis.draw.axis import shorter  # noqa: E402
from analysis.draw.legend import LEGEND_ROW, LONGEST_NAME, WIDTH, legend_columns  # noqa: E402

STYLE = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": False, "grid.alpha": 0.3,
    "grid.linewidth": 0.6, "axes.axisbelow": True, "lines.linewidth": 1.5, "svg.hashsalt": "iommusim", "text.parse_math": False, "svg.fonttype": "path",
}
MOST_KEYS, MOST_NAMED = 20, 12  # of a legend; how many are shown of more


def _height(panel: Panel, columns: int) -> float:
    """Of one panel, in inches."""
    if isinstance(panel, Bars) and panel.horizontal:
        rows = len(panel.labels) * (1 if panel.stacked else max(1, len(panel.parts)) * 0.6)
        return 0.9 + 0.2 * max(2, rows)
    if isinstance(panel, Heat):
        return 1.1 + 0.32 * max(4, len(panel.y_labels))
    return (2.9 if columns == 1 else 2.3) * panel.height + (lines.legend_height(panel) if isinstance(panel, Lines) else 0.0)


def _handles(chart: Chart) -> list[Line2D | Patch]:
    """Keys of the legend; of very many those of a few, spread over them, as nobody tells twenty colours apart."""
    handles: list[Line2D | Patch] = []
    if any(isinstance(p, Lines) and p.own_legend for p in chart.panels):
        return []
    entries = legend(chart)
    named = thin(list(entries), MOST_NAMED) if len(entries) > MOST_KEYS else list(entries)
    markers = {s.name: lines.marker(panel, k) for panel in chart.panels if isinstance(panel, Lines) for k, s in enumerate(panel.series)}
    for name in named:
        colour, style = entries[name]
        label = shorter(name, LONGEST_NAME)
        label = f" {label}" if label.startswith("_") else label  # matplotlib leaves such names out
        if style == "bar":
            handles.append(Patch(facecolor=colour, edgecolor="#444444", linewidth=0.4, label=label))
        elif style == "points":
            handles.append(Line2D([], [], linestyle="none", marker="x", markeredgewidth=1.6, color=colour, label=label))
        else:
            handles.append(Line2D([], [], color=colour, marker=markers.get(name, ""), markersize=3.5, label=label))
    reasons = [t for p in chart.panels if isinstance(p, Heat) and not heat.written(p)
               for values, texts in zip(p.values, p.texts) for v, t in zip(values, texts) if not math.isfinite(v)]
    if reasons:
        label = " or ".join(dict.fromkeys(reasons))
        handles.append(Patch(facecolor="#f1f3f5", edgecolor="#c9ced4", hatch="////", linewidth=0.4, label=label))
    if len(named) < len(entries):
        handles.append(Line2D([], [], linestyle="none", label=f"({len(entries) - len(named)} more between)"))
    return handles


def _drop_repeated(axes: plt.Axes, chart: Chart, i: int) -> None:
    """An axis is labelled once: x by the lowest of the panels that share it, y by the leftmost."""
    panel, below = chart.panels[i], i + chart.columns
    if below < len(chart.panels) and _x_of(panel) == _x_of(chart.panels[below]):
        axes.set_xlabel("")
        axes.tick_params(axis="x", labelbottom=False)
    left = chart.panels[i - 1] if i % chart.columns else None
    if isinstance(panel, Lines) and isinstance(left, Lines) and panel.y == left.y and panel.y.upper is not None:
        axes.set_ylabel("")
        axes.tick_params(axis="y", labelleft=False)
    if isinstance(panel, Bars) and isinstance(left, Bars) and panel.horizontal and panel.labels == left.labels:
        axes.set_ylabel("")
        axes.tick_params(axis="y", labelleft=False)


def _x_of(panel: Panel) -> object:
    """What two panels above each other must have in common to need one x axis only."""
    if isinstance(panel, Lines):
        return panel.x, panel.x.lower if len(panel.series) else None
    if isinstance(panel, Bars):
        return panel.value if panel.horizontal else (tuple(panel.labels), panel.label_title)
    return id(panel)


def draw(chart: Chart) -> plt.Figure:
    """The chart as a matplotlib figure; the caller closes it. Inside rc_context(STYLE)."""
    rows = math.ceil(len(chart.panels) / chart.columns)
    heights = [max(_height(p, chart.columns) for p in chart.panels[r * chart.columns:(r + 1) * chart.columns]) for r in range(rows)]
    handles = _handles(chart)
    shown = len(handles) > 1 or bool(handles and (chart.legend_title or isinstance(chart.panels[0], Heat)))  # one key may say it all
    columns = legend_columns([str(h.get_label()) for h in handles])
    legend_height = LEGEND_ROW * (math.ceil(len(handles) / columns) + bool(chart.legend_title)) + 0.08 if shown else 0.01
    figure = plt.figure(figsize=(WIDTH, sum(heights) + legend_height + 0.3), constrained_layout=True)
    grid = figure.add_gridspec(rows + 1, chart.columns, height_ratios=[*heights, legend_height])
    for i, panel in enumerate(chart.panels):
        axes = figure.add_subplot(grid[i // chart.columns, i % chart.columns])
        if isinstance(panel, Lines):
            lines.draw(axes, panel, chart.columns)
        elif isinstance(panel, Bars):
            bars.draw(axes, panel, chart.columns)
        else:
            heat.draw(axes, panel)
        above = lines.legend_height(panel) if isinstance(panel, Lines) else 0.0
        axes.set_title(panel.title, loc="left", pad=6 + 72 * above)
        _drop_repeated(axes, chart, i)
    if shown:
        foot = figure.add_subplot(grid[rows, :])
        foot.axis("off")
        # In the middle of the figure, not of the panels, which long labels push to the right.
        middle = blended_transform_factory(figure.transFigure, foot.transAxes)
        foot.legend(handles=handles, loc="center", bbox_to_anchor=(0.5, 0.5), bbox_transform=middle, ncol=columns, frameon=False,
                    borderaxespad=0, borderpad=0, title=chart.legend_title or None, title_fontsize=8).set_in_layout(False)
    if chart.title:
        figure.suptitle("\n".join(textwrap.fill(line, 84) for line in chart.title.split("\n")), fontsize=10)
    _settle(figure)
    return figure


def _settle(figure: plt.Figure) -> None:
    """Lays the figure out and keeps that, rounded: the layout's solver meets its variables in an order of their addresses, so that its
    last bits differ from time to time, and with them the names of clipping paths in the SVG."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position([round(v, 6) for v in axes.get_position(original=True).bounds])
    if figure._suptitle is not None:
        figure._suptitle.set_position([round(v, 6) for v in figure._suptitle.get_position()])


def save(chart: Chart, stem: Path | str) -> list[Path]:
    """Writes STEM.png and STEM.svg; returns both paths. A stem that ends in .png or .svg loses it."""
    stem = Path(stem)
    if stem.suffix in (".png", ".svg"):
        stem = stem.with_suffix("")
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = [stem.parent / (stem.name + suffix) for suffix in (".png", ".svg")]
    settings: dict[str, Any] = {**matplotlib.rcParamsDefault, "backend": "agg", **STYLE}
    with matplotlib.rc_context(settings):
        figure = draw(chart)
        figure.savefig(files[0], dpi=200, metadata={"Software": None})
        figure.savefig(files[1], metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return files
