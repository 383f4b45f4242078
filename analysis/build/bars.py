"""Bars of chosen metrics of result folders side by side."""
from __future__ import annotations

import pandas as pd

from analysis.chart.model import Axis, Bar, Bars, Chart
from analysis.chart.palette import PARTS, colours


def of_table(table: pd.DataFrame, name: str, stacked: bool = False) -> Chart:
    """A frame as results.table() makes: a label per result, a bar (or part) per metric."""
    values = table.drop(columns="unit", errors="ignore")
    units = sorted(set(table.get("unit", [])))
    short = {m: m.rsplit(".", 1)[-1] for m in values.index}
    if len(set(short.values())) < len(short):
        short = {m: m for m in values.index}
    others = colours([n for n in short.values() if n not in PARTS])
    bars = [Bar(short[m], values.loc[m].tolist(), PARTS.get(short[m]) or others[short[m]]) for m in values.index]
    return Chart(name, "", [Bars([str(c) for c in values.columns], Axis("value", ", ".join(units)), bars, stacked)])
