"""Runs the points of an experiment, several processes at a time, and collects them into one tidy table."""
from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Collection, TextIO

import pandas as pd

from analysis import results
from analysis.experiment import Experiment, Point


def _run_point(program: Path | str, point: Point, folder: Path, resume: bool) -> tuple[int, str, float]:
    """Runs one point into `folder`; (exit status, error text, seconds). A resumed point that has a result is not run."""
    if resume and (folder / "result.json").is_file():
        return 0, "", 0.0
    command = [str(Path(program).resolve()), "run", str(point.run.resolve()), "-o", str(folder.resolve()), "--force"]
    for path, value in point.settings.items():
        command += ["-s", f"{path}={value}"]
    start = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          cwd=point.run.parent)  # files named in settings are seen from the experiment, as in its own text
    return done.returncode, done.stderr.strip(), time.monotonic() - start


def run(experiment: Experiment, program: Path | str, output: Path | str, processes: int = 1, resume: bool = False,
        log: TextIO = sys.stderr) -> tuple[pd.DataFrame, dict[str, tuple[int, str]]]:
    """Runs all points into `output`/runs/NAME and writes `output`/results.csv: one row per point, its columns, then its metrics.

    Returns (frame, failures): failures maps a point's name to (exit status, error text); its metrics are NaN in the frame.
    """
    output = Path(output)
    (output / "runs").mkdir(parents=True, exist_ok=True)
    failures: dict[str, tuple[int, str]] = {}
    with ThreadPoolExecutor(processes) as pool:
        jobs = {pool.submit(_run_point, program, p, output / "runs" / p.name, resume): p for p in experiment.points}
        try:
            for i, job in enumerate(as_completed(jobs), 1):
                point = jobs[job]
                status, text, seconds = job.result()
                if status:
                    failures[point.name] = (status, text)
                print(f"[{i}/{len(jobs)}] {point.name}: {f'exit status {status}' if status else 'done'}, {seconds:.1f} s", file=log)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    frame = collect(experiment, output, skip=failures)
    frame.to_csv(output / "results.csv", index=False)
    return frame, failures


def collect(experiment: Experiment, output: Path | str, skip: Collection[str] = ()) -> pd.DataFrame:
    """The table of an experiment whose points have run into `output`; `skip` names points without a result.

    A metric that a point's machine does not have (a hit rate without an IOMMU) is NaN; one that no point has is a KeyError.
    """
    found = {p.name: results.load(Path(output) / "runs" / p.name) for p in experiment.points if p.name not in skip}
    for path, _ in experiment.metrics.values():
        if found and not any(path in r.metrics for r in found.values()):
            next(iter(found.values()))[path]  # raises, naming metrics that exist
    rows = []
    for point in experiment.points:
        row = {"point": point.name, **point.columns}
        result = found.get(point.name)
        if result:
            row.update({c: result[path] * scale for c, (path, scale) in experiment.metrics.items() if path in result.metrics})
        rows.append(row)
    columns = list(dict.fromkeys(["point", *(c for p in experiment.points for c in p.columns), *experiment.metrics]))
    return pd.DataFrame(rows).reindex(columns=columns)
