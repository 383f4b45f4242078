"""trace.json: Chrome trace events as tracks of slices and counters. Flows, marks and what is unknown are left alone."""
from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

from analysis.results import ResultError, read_json
from analysis.shape import NUMBER, check

MOST_BYTES = 512 << 20  # of a file that is read whole


@dataclass
class Trace:
    """`slices`: name of a track -> (start, end) in us; `counters`: (name, key) -> (time in us, value)."""

    slices: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    counters: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)

    def span(self) -> tuple[float, float]:
        """First and last moment of all of it; (0, 0) of nothing."""
        times = [t for s in self.slices.values() for pair in s for t in pair] + [t for c in self.counters.values() for t, _ in c]
        return (min(times), max(times)) if times else (0.0, 0.0)


def _number(event: Mapping[str, Any], key: str, file: Path, index: int) -> float:
    value = event.get(key, 0 if key == "dur" else None)
    check(value, NUMBER, file, f"traceEvents[{index}].{key}")
    if not math.isfinite(value):
        raise ResultError(f"{file}: traceEvents[{index}].{key}: expected a number, found {value}")
    return float(value)


def _name(event: Mapping[str, Any]) -> str:
    args = event.get("args")
    return str(args.get("name", "")) if isinstance(args, dict) else ""


def read(file: Path) -> Trace:
    """Empty when there is none. ResultError names the event that cannot be read, and a file too large to be read whole."""
    if file.is_file() and file.stat().st_size > MOST_BYTES:
        raise ResultError(f"{file} is larger than {MOST_BYTES >> 20} MiB: trace less (trace.perfetto.dmas), or move it away to draw the rest")
    document = read_json(file)
    events = document.get("traceEvents", []) if isinstance(document, dict) else document or []
    if not isinstance(events, list):
        raise ResultError(f"{file}: traceEvents: expected a list")
    threads: dict[tuple[str, str], str] = {}
    processes: dict[str, str] = {}
    slices: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    open_on: dict[tuple[str, str], list[float]] = defaultdict(list)
    begun: dict[tuple[str, str, str, str], float] = {}
    counters: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for i, e in enumerate(events):
        if not isinstance(e, dict):
            raise ResultError(f"{file}: traceEvents[{i}]: expected an object")
        kind, process, key = e.get("ph"), str(e.get("pid")), (str(e.get("pid")), str(e.get("tid")))
        if kind == "M" and e.get("name") == "thread_name":
            threads[key] = _name(e)
        elif kind == "M" and e.get("name") == "process_name":
            processes[process] = _name(e)
        elif kind == "X":
            start = _number(e, "ts", file, i)
            slices[key].append((start, start + _number(e, "dur", file, i)))
        elif kind == "B":
            open_on[key].append(_number(e, "ts", file, i))
        elif kind == "E" and open_on[key]:
            slices[key].append((open_on[key].pop(), _number(e, "ts", file, i)))
        elif kind in ("b", "e"):
            which = (process, str(e.get("cat")), str(e.get("id", e.get("id2"))), str(e.get("name")))
            if kind == "b":
                begun[which] = _number(e, "ts", file, i)
            elif which in begun:
                slices[key].append((begun.pop(which), _number(e, "ts", file, i)))
        elif kind == "C" and isinstance(e.get("args"), dict):
            for of in e["args"]:
                counters[process, str(e.get("name")), str(of)].append((_number(e, "ts", file, i), _number(e["args"], of, file, i)))
    found = Trace()
    for (process, thread), of_track in slices.items():
        of, own = processes.get(process, ""), threads.get((process, thread), thread)
        name = own if own.startswith(of) else f"{of} {own}"
        found.slices.setdefault(name, []).extend(of_track)
    for (process, name, key_), samples in counters.items():
        found.counters.setdefault((" ".join(t for t in (processes.get(process, ""), name) if t), key_), []).extend(samples)
    return found
