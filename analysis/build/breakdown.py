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


_UNEVEN = 5.0  # where bars differ by more than this, the parts of the short ones cannot be seen


def chart(groups: Mapping[str, Mapping[str, list[Part]]], name: str, title: str, label_title: str = "") -> Chart:
    """A panel per group (title -> label -> parts), a bar per label; parts nobody spent time in are left out. Where bars differ
    much in length a second column shows the parts in percent."""
    every = [parts for bars in groups.values() for parts in bars.values()]
    names = list(dict.fromkeys(p.name for parts in every for p in parts))
    seen = [n for n in names if any(p.name == n and p.mean_ps > 0 for parts in every for p in parts)]
    wholes = [sum(p.mean_ps for p in parts) for parts in every]
    factor, unit = readable("ps", max(wholes, default=0.0))
    uneven = min(wholes, default=0.0) * _UNEVEN < max(wholes, default=0.0)
    others = colours([n for n in seen if n not in PARTS])
    length = Axis("mean latency", unit, lower=0.0, upper=max(wholes, default=0.0) * factor * 1.04 or 1.0)
    panels = []
    for heading, bars in groups.items():
        of = {label: {p.name: p.mean_ps * factor for p in parts} for label, parts in bars.items()}
        stack = [Bar(n, [of[label].get(n, 0.0) for label in bars], PARTS.get(n) or others[n]) for n in seen]
        panels.append(Bars(list(bars), length, stack, label_title=label_title, title=heading))
        if uneven:
            whole = [sum(of[label].values()) or 1.0 for label in bars]
            shares = [Bar(b.name, [100 * v / w for v, w in zip(b.values, whole)], b.colour) for b in stack]
            panels.append(Bars(list(bars), Axis("share of the mean", "%", lower=0.0, upper=100.0), shares, label_title=label_title))
    return Chart(name, title, panels, 2 if uneven else 1, "Parts of the mean, in the order they pass; they sum to it.")
