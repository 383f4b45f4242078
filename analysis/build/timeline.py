"""What changes over a run: timeline.csv, else how busy each link was, from trace.json.

    timeline.csv   time_ps,METRIC,...    a row per sampling period, its end; metrics named by their path in result.json
    trace.json     Chrome trace events: slices ("X", ts and dur in us) on named tracks
"""
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from analysis.chart.model import Axis, Chart, Lines, Series
from analysis.chart.palette import colours
from analysis.chart.units import readable
from analysis.results import ResultError
from analysis.run_folder import RunFolder, read_json

MOST_PANELS = 8
BINS = 120


def _sampled(run: RunFolder) -> Chart | None:
    file = run.folder / "timeline.csv"
    if not file.is_file():
        return None
    try:
        frame = pd.read_csv(file)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as e:
        raise ResultError(f"{file} is not CSV: {e}") from None
    if len(frame.columns) < 2 or frame.columns[0] != "time_ps":
        raise ResultError(f"{file}: expected the columns time_ps,METRIC,...")
    factor, unit = readable("ps", float(frame["time_ps"].max()))
    time = (frame["time_ps"] * factor).tolist()
    groups: dict[tuple[str, str], list[str]] = {}
    for column in frame.columns[1:]:
        metric = run.result.metrics.get(column)
        last = re.sub(r"\d+$", "", column.rsplit(".", 1)[-1])
        groups.setdefault((last, metric.unit if metric else ""), []).append(column)
    panels = []
    for (last, of_unit), names in list(groups.items())[:MOST_PANELS]:
        colour = colours(names)
        series = [Series(n, time, frame[n].astype(float).tolist(), colour[n]) for n in names[:7]]
        panels.append(Lines(Axis("simulated time", unit), Axis(last.replace("_", " "), of_unit, lower=0.0), series, height=0.55))
    return Chart("timeline", "Over time", panels)


def _tracks(events: list[dict[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Name of each track -> (start, end) of its slices in us."""
    names: dict[tuple[Any, Any], str] = {}
    processes: dict[Any, str] = {}
    slices: dict[tuple[Any, Any], list[tuple[float, float]]] = {}
    for e in events:
        key = (e.get("pid"), e.get("tid"))
        if e.get("ph") == "M" and e.get("name") == "thread_name":
            names[key] = str(e["args"]["name"])
        elif e.get("ph") == "M" and e.get("name") == "process_name":
            processes[e.get("pid")] = str(e["args"]["name"])
        elif e.get("ph") == "X":
            slices.setdefault(key, []).append((float(e["ts"]), float(e["ts"]) + float(e.get("dur", 0))))
    return {" ".join(t for t in (processes.get(key[0], ""), names.get(key, str(key[1]))) if t): s for key, s in slices.items()}


def busy(slices: list[tuple[float, float]], edges: np.ndarray) -> np.ndarray:
    """Share of each bin covered by the slices; overlaps count once per slice."""
    covered = np.zeros(len(edges) - 1)
    for start, end in slices:
        first = max(0, int(np.searchsorted(edges, start, "right")) - 1)
        for b in range(first, len(covered)):
            if edges[b] >= end:
                break
            covered[b] += min(end, edges[b + 1]) - max(start, edges[b])
    return np.asarray(covered / np.diff(edges))


def _traced(run: RunFolder) -> Chart | None:
    document = read_json(run.folder / "trace.json")
    events = document.get("traceEvents", []) if isinstance(document, dict) else document or []
    tracks = _tracks(events)
    ends = [t for s in tracks.values() for pair in s for t in pair]
    if not ends or max(ends) <= min(ends):
        return None
    edges = np.linspace(min(ends), max(ends), BINS + 1)
    factor, unit = readable("ps", max(ends) * 1e6)
    time = (edges[:-1] * 1e6 * factor).tolist()
    groups: dict[str, dict[str, list[float]]] = {}
    for name, slices in tracks.items():  # the two directions of a link share a panel
        match = re.fullmatch(r"(.*\S)[ .](up|down)", name)
        title, direction = match.groups() if match else (name, "busy")
        groups.setdefault(title, {})[direction] = (100 * busy(slices, edges)).tolist()
    colour = colours(["up", "down", "busy"])
    panels = []
    busiest = sorted(groups.items(), key=lambda g: -max(sum(s) for s in g[1].values()))
    for title, shares in busiest[:MOST_PANELS]:
        series = [Series(n, time, share, colour[n], "step") for n, share in shares.items()]
        panels.append(Lines(Axis("simulated time", unit), Axis("busy", "%", lower=0.0), series, title, height=0.5))
    left = f" {len(groups) - MOST_PANELS} tracks that are less busy are in the file only." if len(groups) > MOST_PANELS else ""
    return Chart("timeline", "Over time: share of each track's time that is taken by traced slices", panels, 1,
                 "From trace.json; with a sample of packets only, shares are of the sample." + left)


def chart(run: RunFolder) -> Chart | None:
    """The run's time line; None when it recorded neither."""
    return _sampled(run) or _traced(run)
