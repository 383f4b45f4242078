"""Ticks and limits of a value axis."""
from __future__ import annotations

import math
import textwrap
from typing import Iterable

import matplotlib.axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from analysis.chart.model import Axis
from analysis.chart.units import QUANTITIES, byte_ticks, log_ticks, number_text, quantity_text


def finite(values: Iterable[float]) -> list[float]:
    return [float(v) for v in values if math.isfinite(v)]


LONGEST = 40  # characters of a label


def shorter(label: str, most: int = LONGEST) -> str:
    """A label with its middle left out where it is too long: what tells names apart is often their end."""
    return label if len(label) <= most else label[:(most - 1) // 2] + "\u2026" + label[len(label) - most // 2:]


def wrapped(axes: matplotlib.axes.Axes, which: str, title: str) -> str:
    """An axis title in as many lines as its axis is short: a character of 9 points is about 0.075 inches wide."""
    width, height = axes.figure.get_size_inches()
    place = axes.get_subplotspec().get_position(axes.figure)
    inches = place.width * width if which == "x" else place.height * height
    return textwrap.fill(title, max(20, int(inches / 0.07)), break_long_words=False)


def set_axis(axes: matplotlib.axes.Axes, which: str, axis: Axis, data: Iterable[float], most: int, margin: float = 0.04) -> None:
    """`which` is "x" or "y"; `data`: what must be seen; `most`: how many tick labels have room."""
    values = finite(data)
    if axis.log:
        values = [v for v in values if v > 0]
    of = getattr(axes, f"{which}axis")
    getattr(axes, f"set_{which}label")(wrapped(axes, which, axis.title))
    if not values:
        return
    low = min(values) if axis.lower is None else axis.lower
    high = max(values) if axis.upper is None else axis.upper
    if axis.log:
        getattr(axes, f"set_{which}scale")("log", base=2 if axis.binary or axis.unit == "B" else 10)
        room = (high / low) ** margin if high > low else 2.0
        low, high = (low if axis.lower is not None else low / room), (high if axis.upper is not None else high * room)
        of.set_major_locator(FixedLocator(log_ticks(low, high, axis.binary or axis.unit == "B", most)))
        of.set_minor_locator(NullLocator())
    else:
        room = (high - low) * margin or abs(high) * 0.1 or 1.0
        single = high == low and axis.lower is None and axis.upper is None
        low, high = (low if axis.lower is not None else low - room), (high if axis.upper is not None else high + room)
        fixed = [values[0]] if single else byte_ticks(low, high, most) if axis.unit == "B" else []
        of.set_major_locator(FixedLocator(fixed) if fixed else MaxNLocator(most, steps=[1.0, 2.0, 2.5, 5.0, 10.0]))
    getattr(axes, f"set_{which}lim")(low, high)
    if axis.unit in QUANTITIES:
        of.set_major_formatter(FuncFormatter(lambda v, _: quantity_text(v, axis.unit)))
    else:
        of.set_major_formatter(FuncFormatter(lambda v, _: number_text(0.0 if abs(v) < 1e-12 else v, 6)))
