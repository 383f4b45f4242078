"""A sweep file: which runs, what to tabulate, what to plot. The runs themselves are the `iommusim` program's.

    schema: 1
    title: IOTLB reach
    run: platform.yaml                    # what `iommusim run` gets, relative to this file
    set: {run.seed: 7}                    # optional: for every point
    points:
      - name: 4k-256K                     # also the name of its result folder
        set: {"workloads[0].buffer.size": 256 KiB}         # -s options
        columns: {window: 262144, domain: DMA}          # what the tables and the plot call it
        run: other.yaml                   # optional: instead of the one above
    metrics:                              # columns of the table: a path in result.json, or one with a factor
      hit_rate: iommu.iotlb.hit_rate
      latency_ns: {path: nic.dma.read.latency.mean, scale: 0.001}
      gbps: nic.dma.throughput
    plot:                                 # optional
      x: window
      y: gbps
      series: domain
      log_x: true
      x_bytes: true                       # 256 KiB on the axis for 262144
      x_label: window
      y_label: throughput (Gb/s)
      published:                          # measured values drawn over the curves
        - {series: DMA, label: "Broadwell, pcie-bench", x: [262144, 524288], y: [27.6, 20.2]}
"""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


class ExperimentError(Exception):
    """The user's fault in a sweep file; the text starts with the file and the key."""


@dataclass(frozen=True)
class Point:
    name: str
    settings: dict  # path -> value, both texts as written
    columns: dict
    run: Path


@dataclass(frozen=True)
class Experiment:
    title: str
    points: list
    metrics: dict  # column -> (path, factor)
    plot: dict = field(default_factory=dict)


def number(text: Any) -> Any:
    """A float where the text is one, else the text."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def read(file: Path | str) -> Experiment:
    """Reads and checks a sweep file. All scalars stay the texts they were written as, so `-s` passes on exactly those."""
    file = Path(file)

    def need(condition: object, where: str, what: str) -> None:
        if not condition:
            raise ExperimentError(f"{file}: {where}: {what}")

    def known(node: Any, where: str, keys: tuple[str, ...]) -> None:
        need(isinstance(node, dict), where, "expected a map")
        for key in node:
            need(key in keys, f"{where}.{key}".strip("."), f"unknown key; known are {', '.join(keys)}")

    try:
        doc = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except OSError as e:
        raise ExperimentError(f"{file}: {e.strerror}") from None
    except yaml.YAMLError as e:
        raise ExperimentError(f"{file}: not YAML: {e}") from None
    known(doc, "", ("schema", "title", "run", "set", "points", "metrics", "plot"))
    need(doc.get("schema") == "1", "schema", "expected 1")
    need(isinstance(doc.get("run"), str), "run", "names the configuration every point runs")

    def configuration(name: str, where: str) -> Path:
        found = Path(file).parent / name
        need(found.is_file(), where, f"there is no {found}")
        return found

    configuration(doc["run"], "run")
    common = doc.get("set", {})
    need(isinstance(common, dict), "set", "expected a map of path to value")

    points: list[Point] = []
    need(isinstance(doc.get("points"), list) and doc["points"], "points", "expected a list of {name, set, columns}")
    for i, p in enumerate(doc["points"]):
        where = f"points[{i}]"
        known(p, where, ("name", "run", "set", "columns"))
        name = p.get("name", "")
        need(name and "/" not in name and not name.startswith("."), f"{where}.name", f"'{name}' cannot name a folder")
        need(name not in [q.name for q in points], f"{where}.name", f"'{name}' is taken")
        for key in ("set", "columns"):
            values = p.get(key, {})
            need(isinstance(values, dict) and all(isinstance(v, str) for v in values.values()), f"{where}.{key}",
                 "expected a map of name to one value")
        own = p.get("run", doc["run"])
        need(isinstance(own, str), f"{where}.run", "names the configuration of this point")
        points.append(Point(name, {**common, **p.get("set", {})}, {k: number(v) for k, v in p.get("columns", {}).items()},
                            configuration(own, f"{where}.run")))

    metrics = {}
    need(isinstance(doc.get("metrics"), dict) and doc["metrics"], "metrics", "expected a map of column to metric path")
    for column, m in doc["metrics"].items():
        if isinstance(m, dict):
            known(m, f"metrics.{column}", ("path", "scale"))
            scale = number(m.get("scale", "1"))
            need("path" in m and isinstance(scale, float), f"metrics.{column}", "expected {path, scale} with a number")
            metrics[column] = (m["path"], scale)
        else:
            metrics[column] = (m, 1.0)

    plot = doc.get("plot", {})
    known(plot, "plot", ("x", "y", "series", "log_x", "x_bytes", "x_label", "y_label", "published"))
    if plot:
        have = set(metrics).union(*(p.columns for p in points))
        for key in ("x", "y") + (("series",) if "series" in plot else ()):
            need(plot.get(key) in have, f"plot.{key}", f"'{plot.get(key)}' is no column; there are {', '.join(sorted(have))}")
        for i, s in enumerate(plot.get("published", [])):
            known(s, f"plot.published[{i}]", ("series", "label", "x", "y"))
            for axis in "xy":
                s[axis] = [number(v) for v in s.get(axis, [])]
            need(s["x"] and len(s["x"]) == len(s["y"]) and all(isinstance(v, float) for v in s["x"] + s["y"]),
                 f"plot.published[{i}]", "x and y are lists of numbers, equally long")
    return Experiment(doc.get("title", file.stem), points, metrics, plot)
