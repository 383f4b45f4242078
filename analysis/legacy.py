"""Folders of `python3 -m analysis sweep`, which hold results.csv and runs/ only: what else a Study needs, from the sweep file."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import results, study
from analysis.experiment import Experiment, read
from analysis.results import ResultError
from analysis.study import Study

_SCALED = {("ps", 1e-3): "ns", ("ps", 1e-6): "us", ("ps", 1e-9): "ms", ("1", 100.0): "%", ("B/s", 8e-9): "Gb/s", ("1/s", 1e-6): "M/s"}


def documents(experiment: Experiment, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(results.columns.json, study.json) of a sweep; units of metrics are those of the first result that has them."""
    columns: dict[str, Any] = {"point": {"kind": "id", "unit": "", "description": "name of the point"}}
    plot = experiment.plot
    for point in experiment.points:
        for name in point.columns:
            in_bytes = name == plot.get("x") and (plot.get("x_bytes") == "true" or "(bytes)" in str(plot.get("x_label")))
            unit = "B" if in_bytes else ""
            columns.setdefault(name, {"kind": "factor", "unit": unit, "description": ""})
    found: dict[str, results.Metric] = {}
    for point in experiment.points:
        if (folder / "runs" / point.name / "result.json").is_file():
            for path, of in results.load(folder / "runs" / point.name).metrics.items():
                found.setdefault(path, of)
    for name, (path, scale) in experiment.metrics.items():
        metric = found.get(path)
        unit = "" if metric is None else metric.unit if scale == 1 else _SCALED.get((metric.unit, scale), "")
        columns[name] = {"kind": "metric", "unit": unit, "description": "" if metric is None else metric.description}
    points = [{"name": p.name, "settings": dict(p.settings)} for p in experiment.points]
    plots = [{"name": "plot", "title": experiment.title, **plot}] if plot else []
    return columns, {"title": experiment.title, "plots": plots, "claims": [], "points": points, "failures": []}


def write(experiment: Experiment, folder: Path) -> None:
    """The two files beside results.csv, so that the folder explains itself."""
    for name, document in zip(("results.columns.json", "study.json"), documents(experiment, folder)):
        (folder / name).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def load(folder: Path, sweep_file: Path) -> Study:
    """The study of a folder that has no such files, given the file it was swept from."""
    if not (folder / "results.csv").is_file():
        raise ResultError(f"{folder} holds no results.csv")
    columns, document = documents(read(sweep_file), folder)
    frame = pd.read_csv(folder / "results.csv", dtype={"point": str}, keep_default_na=False, na_values=["", "nan", "NaN"])
    return study.make(folder, frame, columns, document)
