"""Colours that people who cannot tell red from green can tell apart, the same thing in the same colour in every figure.

Lines: the eight of Okabe and Ito ("Color Universal Design", 2008), yellow left out as it vanishes on white. Ordered values: cividis,
which is uniform in lightness for normal and for colour-deficient sight (Nunez, Anderton, Renslow 2018).
"""
from __future__ import annotations

from typing import Sequence

from matplotlib import colormaps
from matplotlib.colors import to_hex

_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

# The baselines, in the order of what they cost.
BASELINES = ("none", "identity", "DMA-FQ", "DMA")
_BASELINE_COLOURS = {"none": "#4d4d4d", "identity": "#56b4e9", "DMA-FQ": "#e69f00", "DMA": "#d55e00"}

# Parts of the latency, by where the time passes: endpoint grey, links blue, remapping unit orange to red, memory green.
PARTS = {
    "issue_wait": "#c9c9c9", "link_wait": "#08306b", "link_up": "#2f7fbc", "unit_wait": "#fff1a8", "lookup": "#fed976",
    "walk_wait": "#fd8d3c", "walk": "#d7301f", "unit_out": "#7f0000", "to_memory": "#b8e0c0", "memory": "#2c8f5a",
    "from_memory": "#7fb8dd", "link_down": "#c6dbef", "engine": "#6e6e6e",
}


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name; baselines have their own. More than seven names are no longer told apart one by one: they get a scale."""
    if len(names) > len(_LINES) and not set(names) & set(_BASELINE_COLOURS):
        return dict(zip(names, ordered(len(names))))
    free = [c for c in _LINES if not any(c == _BASELINE_COLOURS.get(n) for n in names)]
    others = [n for n in names if n not in _BASELINE_COLOURS]
    chosen = {n: free[i % len(free)] for i, n in enumerate(others)}
    return {n: _BASELINE_COLOURS.get(n) or chosen[n] for n in names}


def distinct(groups: Sequence[Sequence[str]]) -> dict[str, str]:
    """A colour for each name of groups that are seen apart: all differ while there are no more than seven, else those of a group do."""
    chosen: dict[str, str] = {}
    for names in groups:
        here = {chosen[n] for n in names if n in chosen}
        free = sorted((c for c in _LINES if c not in here), key=lambda c: c in chosen.values()) or list(_LINES)
        for i, name in enumerate(n for n in names if n not in chosen):
            chosen[name] = free[i % len(free)]
    return chosen


def ordered(count: int) -> list[str]:
    """`count` colours from dark to light, for values that have an order; the lightest tenth is left out."""
    scale = colormaps["cividis"]
    return [to_hex(scale(0.9 * i / max(1, count - 1))) for i in range(count)]


def rank(name: str) -> int:
    """Baselines come first, in their order; everything else after them (a stable sort keeps its order)."""
    return BASELINES.index(name) if name in BASELINES else len(BASELINES)
