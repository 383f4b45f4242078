"""All charts of a study: the plots it asks for, and what every study has: comparison, distributions, percentiles, breakdown."""
from __future__ import annotations

import re
from dataclasses import replace
from typing import Iterable

import pandas as pd

from analysis.build import breakdown, comparison, curves, distributions, heat_map
from analysis.build.facets import Facet, Layout, layouts, left_out, shorten
from analysis.build.table import legend_title, part, x_axis
from analysis.chart.model import Axis, Chart
from analysis.latency import Distribution
from analysis.run_folder import Part
from analysis.study import Plot, Study

_KINDS = {"lines": curves.lines, "scatter": curves.lines, "bars": curves.grouped, "stacked": curves.stacked, "heat": heat_map.chart}
MOST_KEYS = 4  # endpoints and directions that get figures of their own


def file_name(text: str) -> str:
    """A stem that is safe on every file system; never empty."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("._") or "plot"


def plots(study: Study) -> list[Chart]:
    """The figures the study asks for, and one relative to the baseline for those that have one; without any, its metrics over its factors."""
    found = []
    for i, plot in enumerate(study.plots):
        found.append(_KINDS[plot.kind](study, plot, file_name(plot.name or (f"plot{i + 1}" if i else "plot"))))
    for i, plot in enumerate(study.plots):
        relative = comparison.chart(study, plot, f"{found[i].name}_relative") if comparison.possible(study, plot) else None
        found += [relative] if relative else []
    return found or _without_plots(study)


def _follows(study: Study, first: str, other: str) -> bool:
    """Whether each value of the first column goes with one of the other only."""
    return len(study.frame[[first, other]].drop_duplicates()) == study.frame[first].nunique()


def _without_plots(study: Study) -> list[Chart]:
    """A study that asks for nothing gets its first metric over its factors."""
    factors, metrics = study.of_kind("factor"), study.of_kind("metric")
    numeric = [f for f in factors if pd.api.types.is_numeric_dtype(study.frame[f]) and study.frame[f].nunique() > 1]
    others = [f for f in factors if f not in numeric and study.frame[f].nunique() > 1]
    if numeric:  # what follows the first, as zipped factors do, is no second direction
        numeric[1:] = [f for f in numeric[1:] if not _follows(study, numeric[0], f)]
        others = [f for f in others if not _follows(study, numeric[0], f)]
    found = []
    for metric in metrics[:6]:
        if len(numeric) >= 2 and all(study.frame[f].nunique() >= 3 for f in numeric[:2]):
            found.append(heat_map.chart(study, Plot("heat", x=numeric[0], y=[numeric[1]], z=metric), f"heat_{file_name(metric)}"))
        elif numeric:
            series = others[0] if others else numeric[1] if len(numeric) > 1 else ""
            found.append(curves.lines(study, Plot(x=numeric[0], y=[metric], series=series), file_name(metric)))
        elif others:
            found.append(curves.grouped(study, Plot(x=others[0], y=[metric], series=others[1] if len(others) > 1 else ""), file_name(metric)))
    return found


_Loaded = tuple[dict[tuple[str, str], Distribution], dict[tuple[str, str], list[Part]]]


class _Runs:
    """Distributions and breakdowns of points, over all their replications, read once."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.read: dict[str, _Loaded] = {}

    def __call__(self, point: str) -> _Loaded:
        if point not in self.read:
            runs = list(self.study.runs(point))
            keys = dict.fromkeys(k for r in runs for k in r.latency)
            parts = [r.breakdowns() for r in runs]
            self.read[point] = ({k: distributions.merged([r.latency[k] for r in runs if k in r.latency]) for k in keys},
                                {k: breakdown.pooled([p[k] for p in parts if k in p]) for k in dict.fromkeys(k for p in parts for k in p)})
        return self.read[point]


def _keys(of: Iterable[Iterable[tuple[str, str]]]) -> list[tuple[str, str]]:
    """All keys, by endpoint: the writes of the first come before the reads of the second."""
    keys = list(dict.fromkeys(k for keys in of for k in keys))
    endpoints = list(dict.fromkeys(e for e, _ in keys))
    return sorted(keys, key=lambda k: endpoints.index(k[0]))


def _of_layout(study: Study, layout: Layout, load: _Runs, suffix: str) -> list[Chart]:
    few = shorten(layout.facets)
    along = x_axis(study, layout.plot) if layout.plot and layout.ordered else Axis("")
    item = along.title or legend_title(study, layout.along, list(dict.fromkeys(n for f in few for n, _ in f.items)))
    of = part(study, layout.plot) if layout.plot else ""
    of = f", {of}" if of else ""
    found: list[Chart] = []

    def noted(c: Chart) -> Chart:
        return replace(c, caption=f"{c.caption} {left_out(layout.facets, few)}".strip())

    for key in _keys([load(p)[0] for f in few for _, p in f.items])[:MOST_KEYS]:
        what, stem = f"{key[0]} {key[1]}s{of}", f"{file_name(key[0])}_{key[1]}{suffix}"

        def pick(f: Facet[str], key: tuple[str, str] = key) -> Facet[Distribution]:
            there = [i for i, (_, p) in enumerate(f.items) if key in load(p)[0]]
            return Facet(f.title, [(f.items[i][0], load(f.items[i][1])[0][key]) for i in there], [f.x[i] for i in there] if f.x else [], f.ordered)

        picked = [f for f in map(pick, few) if f.items]
        found.append(noted(distributions.cdf(picked, f"latency_cdf_{stem}", f"Distribution of latency, {what}", item)))
        if layout.plot and layout.ordered:
            many = shorten(layout.facets, items=40)
            drawn = distributions.percentiles([f for f in map(pick, many) if f.items], f"percentiles_{stem}", f"Latency percentiles, {what}", along)
            found.append(replace(drawn, caption=left_out(layout.facets, many)))
        else:
            found.append(noted(distributions.percentile_bars(picked, f"percentiles_{stem}", f"Latency percentiles, {what}", item)))
        groups = {f.title: {label: load(p)[1][key] for label, p in f.items if key in load(p)[1]} for f in few}
        groups = {title: bars for title, bars in groups.items() if bars}
        if groups:
            found.append(noted(breakdown.chart(groups, f"breakdown_{stem}", f"Where the mean latency goes, {what}", item)))
    return found


def _of_runs(study: Study) -> list[Chart]:
    load, found = _Runs(study), layouts(study)
    suffixes = [f"_{file_name(x.plot.name)}" if x.plot and len(found) > 1 else "" for x in found]
    return [c for x, suffix in zip(found, suffixes) for c in _of_layout(study, x, load, suffix)]


def charts(study: Study) -> list[Chart]:
    """Names are unique: a second chart of a name gets a number."""
    found = [*plots(study), *_of_runs(study)]
    taken: dict[str, int] = {}
    unique = []
    for c in found:
        taken[c.name] = taken.get(c.name, 0) + 1
        unique.append(c if taken[c.name] == 1 else replace(c, name=f"{c.name}_{taken[c.name]}"))
    return unique
