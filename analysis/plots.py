"""Plots as PNG and SVG beside each other. The same input gives the same bytes: no dates, fixed ids."""
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "iommusim"
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)


def _save(figure, stem):
    """Writes STEM.png and STEM.svg; returns both paths. A stem that ends in .png or .svg loses it."""
    stem = Path(stem)
    if stem.suffix in (".png", ".svg"):
        stem = stem.with_suffix("")
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = [stem.parent / (stem.name + suffix) for suffix in (".png", ".svg")]
    figure.savefig(files[0], dpi=150, metadata={"Software": None})
    figure.savefig(files[1], metadata={"Date": None})
    plt.close(figure)
    return files


def _bytes_text(value, _=None):
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g} B"


def curves(frame, stem, x, y, series=None, log_x=False, x_bytes=False, x_label=None, y_label=None, published=(), title=None):
    """One line per value of the column `series`; published points in the colour of their series, drawn as crosses; x_bytes: 256 KiB for 262144."""
    figure, axes = plt.subplots(figsize=(7, 4.2), constrained_layout=True)
    colours = {}
    groups = frame.groupby(series, sort=False) if series else [(y, frame)]
    for name, group in groups:
        group = group.dropna(subset=[x, y]).sort_values(x)
        colours[str(name)] = axes.plot(group[x], group[y], marker="o", markersize=4, label=str(name))[0].get_color()
    for p in published:
        axes.plot(p["x"], p["y"], linestyle="none", marker="x", markersize=8, markeredgewidth=1.8,
                  color=colours.get(p.get("series"), "black"), label=p.get("label", "published"))
    if log_x:
        axes.set_xscale("log", base=2)
    if x_bytes:
        axes.xaxis.set_major_formatter(_bytes_text)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(x_label or x)
    axes.set_ylabel(y_label or y)
    axes.set_title(title or "")
    axes.grid(alpha=0.3)
    axes.legend()
    return _save(figure, stem)


def bars(table, stem, stacked=False, title=None, y_label=None):
    """Bars of a frame as results.table() makes: one group per result, one bar per metric; stacked for parts of a whole."""
    figures = table.drop(columns="unit", errors="ignore").T
    figure, axes = plt.subplots(figsize=(7, 4.2), constrained_layout=True)
    figures.plot.bar(ax=axes, stacked=stacked, rot=20)
    units = sorted(set(table.get("unit", [])))
    axes.set_ylabel(y_label or ", ".join(units))
    axes.set_title(title or "")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize="small")
    return _save(figure, stem)
