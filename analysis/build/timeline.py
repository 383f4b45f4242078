"""What changes over a run: sampled metrics from timeline.csv, and from trace.json how busy each track was and what its counters said.

    timeline.csv   time_ps,METRIC,...    a row per sampling period, its end; metrics named by their path in result.json
    trace.json     Chrome trace events: slices ("X", "B" with "E"; ts and dur in us) on named tracks, counters ("C")
"""
from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.chart.model import Axis, Chart, Lines, Series
from analysis.chart.palette import distinct
from analysis.chart.units import readable
from analysis.results import ResultError, numbers_of, read_csv
from analysis.run_folder import RunFolder
from analysis.trace import Trace
from analysis.trace import read as read_trace

MOST_PANELS = 8
MOST_SERIES = 6  # of a panel
BINS = 120  # of a run, for what a trace says
MOST_STEPS = 600  # of a curve: finer than a printer

@dataclass(frozen=True)
class _Curve:
    """`low`, `high`: between what a value that is a mean has moved."""

    times: Sequence[float]
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


_Curves = Mapping[str, _Curve]


def _much(values: Sequence[float]) -> float:
    """How much there is to see of a curve: its height and how far it moves."""
    seen = [v for v in values if np.isfinite(v)]
    return 2 * max(seen) - min(seen) if seen else 0.0


# What a panel shows however little there is to see: an IOTLB that never hits is worth knowing.
_ALWAYS = {"hit rate": ("iommu.iotlb",)}


def _chart(name: str, title: str, x: Axis, groups: Mapping[str, tuple[Axis, _Curves]], style: str, caption: str) -> Chart | None:
    """A panel per group (title -> y axis, curves), those with the most to see; a name has one colour wherever there are enough."""
    def first(title: str, of: _Curves) -> _Curves:
        return dict(sorted(of.items(), key=lambda c: (c[0] not in _ALWAYS.get(title, ()), -_much(c[1].values)))[:MOST_SERIES])

    most = {t: (y, first(t, of)) for t, (y, of) in groups.items()}
    alike: dict[str, int] = defaultdict(int)  # of "e0.dma" to "e7.dma" the first comes before the second of any other
    order: dict[str, int] = {}
    for t in most:
        kind = re.sub(r"\d+", "", t)
        order[t], alike[kind] = alike[kind], alike[kind] + 1
    shown = {t: most[t] for t in sorted(most, key=lambda t: order[t])[:MOST_PANELS]}
    if not shown:
        return None
    colour = distinct([list(of) for _, of in shown.values()])
    panels = []
    for t, (y, of) in shown.items():
        series = [Series(n, c.times, c.values, colour[n], style, c.low, c.high) for n, c in of.items()]
        panels.append(Lines(x, y, series, t, height=0.55, own_legend=True))
    left = sum(len(of) for _, of in groups.values()) - sum(len(p.series) for p in panels)
    return Chart(name, title, panels, 1, caption + (f" {left} more that show less are in the file only." if left else ""))


# What is looked for first, and stands on top.
_FIRST = ("throughput", "mean latency", "hit rate", "utilisation", "mean level")


def _kind(metric: str, unit: str) -> tuple[str, str]:
    """(kind, whose): ("throughput", "nic.dma") of nic.dma.throughput, ("mean latency", "nic.dma.read") of nic.dma.read.latency.mean; the
    mean lengths of queues and numbers of slots in use are one kind."""
    of, _, last = metric.rpartition(".")
    if last in ("mean", "max", "min") or re.fullmatch(r"p\d+(\.\d+)?", last):
        if unit == "1":
            return f"{last} level", of
        of, _, what = of.rpartition(".")
        return f"{last} {what.replace('_', ' ')}", of or metric
    return last.replace("_", " "), of or metric


def _means(values: np.ndarray, each: int) -> np.ndarray:
    """Of so many consecutive values; NaN where there is none among them."""
    rows = np.append(values, np.full(-len(values) % each, np.nan)).reshape(-1, each)
    count = np.isfinite(rows).sum(axis=1)
    return np.asarray(np.where(count, np.nansum(np.where(np.isfinite(rows), rows, 0.0), axis=1) / np.maximum(count, 1), np.nan))


def _sampled(run: RunFolder) -> Chart | None:
    """Metrics of one kind share a panel; what never changes from zero is left out."""
    file = run.folder / "timeline.csv"
    frame = read_csv(file)
    if frame is None:
        return None
    if len(frame.columns) < 2 or frame.columns[0] != "time_ps":
        raise ResultError(f"{file}: expected the columns time_ps,METRIC,...")
    ends = numbers_of(frame, "time_ps", file)
    if len(ends) == 0:
        return None
    each = -(-len(ends) // MOST_STEPS)
    factor, unit = readable("ps", float(np.nanmax(ends)))
    time = (_means(ends, each) * factor).tolist()
    kinds: dict[tuple[str, str], dict[str, np.ndarray]] = defaultdict(dict)  # (last word, unit) -> object -> values
    still = 0
    for column in frame.columns[1:]:
        values = _means(numbers_of(frame, column, file), each)
        metric = run.result.metrics.get(column)
        kind, of = _kind(column, metric.unit if metric else "1")
        if not np.any(np.nan_to_num(values)) and (of not in _ALWAYS.get(kind, ()) or np.all(np.isnan(values))):
            still += 1
            continue
        kinds[kind, metric.unit if metric else "1"][of] = values
    groups: dict[str, tuple[Axis, _Curves]] = {}
    for (kind, of_unit), curves in sorted(kinds.items(), key=lambda k: _FIRST.index(k[0][0]) if k[0][0] in _FIRST else len(_FIRST)):
        size, said = readable(of_unit, max(float(np.nanmax(v)) for v in curves.values()))
        least = min(0.0, *(float(np.nanmin(v)) * size for v in curves.values()))
        title = kind if sum(k == kind for k, _ in kinds) == 1 else f"{kind} ({of_unit})" if of_unit != "1" else kind
        groups[title] = Axis(kind, said, lower=least), {n: _Curve(time, (v * size).tolist()) for n, v in curves.items()}
    caption = f"From timeline.csv, {len(ends)} samples." + (f" A point is the mean of {each} of them." if each > 1 else "")
    caption += f" {still} metrics that stay zero are left out." if still else ""
    return _chart("timeline", "Over time", Axis("simulated time", unit), groups, "line", caption)


def outermost(slices: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of a track, when anything was on it: what lies within or overlaps another is one with it."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(slices):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def busy(slices: Sequence[tuple[float, float]], edges: np.ndarray) -> np.ndarray:
    """Share of each bin covered by the slices; overlaps count once per slice."""
    ends = np.sort(np.asarray(slices, dtype=float).reshape(-1, 2), axis=0)  # starts and ends, each in order

    def elapsed(since: np.ndarray) -> np.ndarray:
        """Of all moments together, how much time has passed since each, at the edges."""
        before = np.searchsorted(since, edges, "right")
        return np.asarray(before * edges - np.concatenate([[0.0], np.cumsum(since)])[before])

    return np.asarray(np.diff(elapsed(ends[:, 0]) - elapsed(ends[:, 1])) / np.diff(edges))


def _counter(samples: Sequence[tuple[float, float]], end: float, factor: float) -> _Curve:
    """A counter as a staircase up to `end`; where it has more steps than can be told apart, its mean, least and most over equal times."""
    at = np.asarray(sorted(samples, key=lambda s: s[0]), dtype=float)
    times, values = np.append(at[:, 0], max(end, at[-1, 0])), np.append(at[:, 1], at[-1, 1])
    if len(times) > 2 * BINS and times[-1] > times[0]:
        edges = np.linspace(times[0], times[-1], BINS + 1)
        first, last = np.searchsorted(times, edges[:-1], "right") - 1, np.searchsorted(times, edges[1:], "left")
        low, high = ([float(f(values[a:b])) for a, b in zip(first, last)] for f in (np.min, np.max))
        area = np.concatenate([[0.0], np.cumsum(np.diff(times) * values[:-1])])
        means = np.diff(np.interp(edges, times, area)) / np.diff(edges)
        return _Curve((edges * 1e6 * factor).tolist(), [*means.tolist(), float(means[-1])], [*low, low[-1]], [*high, high[-1]])
    return _Curve((times * 1e6 * factor).tolist(), values.tolist())


def _capacity(configuration: Mapping[str, Any], base: str) -> int | None:
    """How many there are of the tracks "BASE 0", "BASE 1", ..., as the configuration has it: walkers of the unit, DMAs of an engine."""
    def whole(node: Any, *path: str) -> int | None:
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        return int(node) if isinstance(node, str) and node.isdecimal() and 0 < int(node[:9]) and len(node) < 10 else None

    platform = configuration.get("platform")
    if base == "iommu walker":
        return whole(platform, "iommu", "unit", "walkers")
    endpoints = platform.get("endpoints") if isinstance(platform, dict) else None
    return next((whole(e, "dma", "dmas") for e in (endpoints if isinstance(endpoints, list) else [])
                 if isinstance(e, dict) and base == f"{e.get('name')}.dma slot"), None)


_Slices = list[tuple[float, float]]


def _panels(trace: Trace, configuration: Mapping[str, Any]) -> dict[str, tuple[Axis, dict[str, _Slices]]]:
    """Panel -> (y axis, curve -> slices). The directions of a link share a panel, in percent of the time. "walker 0" to "walker 5" are
    counted together, of as many as there are; so are "memory" and "memory +1", where what overlaps on it stands: how many those are says
    nothing."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in trace.slices:
        alike[re.sub(r"( \+\d+|[ .]?\d+)$", "", name) or name].append(name)
    share = Axis("busy", "%", lower=0.0, upper=100.0)
    found: dict[str, tuple[Axis, dict[str, _Slices]]] = {}
    for base, names in alike.items():
        there = _capacity(configuration, base)
        if len(names) > 1 or there:
            y = Axis(f"busy of {there}", lower=0.0, upper=float(there)) if there and len(names) <= there else Axis("in progress", lower=0.0)
            found[base] = y, {y.label: [s for n in names for s in outermost(trace.slices[n])]}
            continue
        match = re.fullmatch(r"(.*\S)[ .](up|down)", names[0])
        title, direction = match.groups() if match else (names[0], "busy")
        found.setdefault(title, (share, {}))[1][direction] = outermost(trace.slices[names[0]])
    return found


def _traced(run: RunFolder) -> list[Chart]:
    trace: Trace = read_trace(run.folder / "trace.json")
    start, end = trace.span()
    if not end > start:
        return []
    edges = np.linspace(start, end, BINS + 1)
    factor, unit = readable("ps", end * 1e6)
    x = Axis("simulated time", unit, lower=start * 1e6 * factor, upper=end * 1e6 * factor)
    time = (edges * 1e6 * factor).tolist()
    tracks: dict[str, tuple[Axis, dict[str, _Curve]]] = {}
    for title, (y, of) in _panels(trace, run.configuration()).items():
        for name, slices in of.items():
            taken = busy(slices, edges) * (100 if y.unit == "%" else 1)
            tracks.setdefault(title, (y, {}))[1][name] = _Curve(time, [*taken.tolist(), float(taken[-1])])
    busiest = sorted(tracks.items(), key=lambda g: -max(sum(c.values) / (g[1][0].upper or max(c.values) or 1) for c in g[1][1].values()))
    shares = _chart("tracks", "Over time: how much of each track's time is taken by traced slices", x, dict(busiest), "step",
                    "From trace.json; where it holds a sample only, so does this.")
    counters: dict[str, dict[str, _Curve]] = defaultdict(dict)
    moving: dict[str, float] = defaultdict(float)
    for (title, key), samples in trace.counters.items():
        counters[title][key] = _counter(samples, end, factor)
        moving[title] = max(moving[title], float(np.ptp([v for _, v in samples])))
    ranked = sorted((t for t in counters if moving[t] > 0), key=lambda t: -len(set(counters[t][next(iter(counters[t]))].values)))
    named = {t: next(iter(counters[t])) if len(counters[t]) == 1 else "value" for t in ranked}
    thinned = any(len(c.low) for of in counters.values() for c in of.values())
    levels = _chart("counters", "Over time: counters of the trace", x, {t: (Axis(named[t], lower=0.0), counters[t]) for t in ranked}, "step",
                    "From trace.json." + (" Bands: between the least and the most." if thinned else ""))
    return [c for c in (shares, levels) if c is not None]


def charts(run: RunFolder) -> list[Chart]:
    """The run's time lines, of each file it recorded."""
    sampled = _sampled(run)
    return ([sampled] if sampled else []) + _traced(run)
