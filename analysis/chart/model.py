"""Charts as plain data. Values are in the unit their axis names; colours are #rrggbb; NaN is "no value here"."""
from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Sequence, Union

from analysis.chart.units import QUANTITIES


@dataclass(frozen=True)
class Axis:
    """Ticks of a unit among QUANTITIES carry their own (4 KiB, 10 us), "1" and "" are not written. `lower`, `upper`: fixed limits, None:
    from the data. `binary`: a logarithmic axis has its ticks at powers of two, as it always has in bytes."""

    label: str
    unit: str = ""
    log: bool = False
    lower: float | None = None
    upper: float | None = None
    binary: bool = False

    @property
    def title(self) -> str:
        said = self.unit in ("", "1", self.label, *QUANTITIES) or f"({self.unit})" in self.label
        return self.label if said else f"{self.label} ({self.unit})"


@dataclass(frozen=True)
class Series:
    """One line, staircase, or set of crosses. `low`, `high`: a confidence band, empty for none. Equal names toggle together. `under`: how
    many later lines lie on this one, which is drawn so much wider that it is seen below them."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    style: str = "line"  # line | step | points
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    under: int = 0


@dataclass(frozen=True)
class Lines:
    """`height` is relative to the other panels of the chart. `own_legend`: above the panel, instead of one for all;
    none where the y axis says it."""

    x: Axis
    y: Axis
    series: Sequence[Series]
    title: str = ""
    height: float = 1.0
    kind: str = "lines"
    own_legend: bool = False

    @property
    def keys(self) -> list[str]:
        """Names in the panel's own legend."""
        names = [s.name for s in self.series]
        return names if self.own_legend and names != [self.y.label] else []


@dataclass(frozen=True)
class Bar:
    """One part (stacked) or one bar of each group (not stacked): a value per label. `low`, `high`: error bars. `absent`: per label, what
    is written where there is no value; empty: "n/a"."""

    name: str
    values: Sequence[float]
    colour: str
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    absent: Sequence[str] = ()


@dataclass(frozen=True)
class Bars:
    """Horizontal stacked bars are read as time lines; the values of a label then sum to its whole."""

    labels: Sequence[str]
    value: Axis
    parts: Sequence[Bar]
    stacked: bool = True
    horizontal: bool = True
    label_title: str = ""
    title: str = ""
    height: float = 1.0
    reference: float | None = None  # a line across, e.g. 100 %
    kind: str = "bars"


@dataclass(frozen=True)
class Heat:
    """values[row][column]; rows from the bottom. `texts`: what stands in the cells, also in those without a value."""

    x_labels: Sequence[str]
    y_labels: Sequence[str]
    x_title: str
    y_title: str
    value: Axis
    values: Sequence[Sequence[float]]
    texts: Sequence[Sequence[str]]
    title: str = ""
    height: float = 1.0
    kind: str = "heat"


Panel = Union[Lines, Bars, Heat]


@dataclass(frozen=True)
class Chart:
    """`name` becomes the file's; panels stand in rows of `columns`; `caption` says what the reader must know."""

    name: str
    title: str
    panels: Sequence[Panel]
    columns: int = 1
    caption: str = ""
    legend_title: str = ""  # what the legend's entries are values of


def thin(items: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of them, evenly spaced, both ends included."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def legend(chart: Chart) -> dict[str, tuple[str, str]]:
    """Name -> (colour, style) of everything that can be told apart, in order of first appearance."""
    entries: dict[str, tuple[str, str]] = {}
    for panel in chart.panels:
        if isinstance(panel, Lines):
            for s in panel.series:
                entries.setdefault(s.name, (s.colour, s.style))
        elif isinstance(panel, Bars):
            for b in panel.parts:
                entries.setdefault(b.name, (b.colour, "bar"))
    return entries


def as_json(chart: Chart) -> dict[str, Any]:
    """The chart for the page's script: NaN becomes None, axis titles are spelt out."""

    def plain(value: Any) -> Any:
        if isinstance(value, Axis):
            return {**dataclasses.asdict(value), "title": value.title}
        if dataclasses.is_dataclass(value):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        if isinstance(value, float):
            return None if not math.isfinite(value) else float(f"{value:.7g}")
        return value

    document: dict[str, Any] = plain(chart)
    document["legend"] = [{"name": n, "colour": c, "style": s} for n, (c, s) in legend(chart).items()]
    return document
