"""Where the mean latency goes: parts that sum to the whole."""
from __future__ import annotations

from typing import Mapping, Sequence

from analysis.chart.model import Axis, Bar, Bars, Chart
from analysis.chart.palette import PARTS, colours
from analysis.chart.units import readable
from analysis.run_folder import Part


def pooled(runs: Sequence[list[Part]]) -> list[Part]:
    """The parts over all DMAs of several runs."""
    sums: dict[str, Part] = {}
    for parts in runs:
        for p in parts:
            before = sums.get(p.name)
            sums[p.name] = Part(p.name, p.sum_ps + (before.sum_ps if before else 0), p.count + (before.count if before else 0), p.description)
    return list(sums.values())


def panels(groups: Mapping[str, Mapping[str, list[Part]]]) -> list[Bars]:
    """A panel per group (title -> label -> parts), a bar per label; parts nobody spent time in are left out."""
    every = [parts for bars in groups.values() for parts in bars.values()]
    names = list(dict.fromkeys(p.name for parts in every for p in parts))
    seen = [n for n in names if any(p.name == n and p.mean_ps > 0 for parts in every for p in parts)]
    whole = max((sum(p.mean_ps for p in parts) for parts in every), default=0.0)
    factor, unit = readable("ps", whole)
    others = colours([n for n in seen if n not in PARTS])
    drawn = []
    for title, bars in groups.items():
        of = {label: {p.name: p.mean_ps * factor for p in parts} for label, parts in bars.items()}
        stack = [Bar(n, [of[label].get(n, 0.0) for label in bars], PARTS.get(n) or others[n]) for n in seen]
        drawn.append(Bars(list(bars), Axis("mean latency", unit, lower=0.0, upper=whole * factor * 1.04), stack, title=title))
    return drawn


def chart(groups: Mapping[str, Mapping[str, list[Part]]], name: str, title: str) -> Chart:
    return Chart(name, title, panels(groups), 1, "Parts of the mean, in the order they pass; they sum to it.")
