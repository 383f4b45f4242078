"""Every figure of a run or a study as PNG and SVG: what `python3 -m analysis figures DIR` does."""
from __future__ import annotations

from pathlib import Path

from analysis import study
from analysis.build import of_run, of_study
from analysis.chart.model import Chart
from analysis.draw import figure
from analysis.results import ResultError
from analysis.run_folder import RunFolder


def is_run(folder: Path) -> bool:
    return (folder / "result.json").is_file()


def charts_of(folder: Path) -> list[Chart]:
    """All charts there is data for, of a run's folder or a study's."""
    return of_run.charts(RunFolder(folder)) if is_run(folder) else of_study.charts(study.read(folder))


def draw_all(folder: Path, output: Path | None = None) -> list[Path]:
    """Draws them into `output` (default: FOLDER/figures); returns the files. ResultError when there is nothing to draw."""
    charts = charts_of(folder)
    if not charts:
        raise ResultError(f"{folder}: nothing to draw: no plots, and no runs with results")
    return [f for chart in charts for f in figure.save(chart, (output or folder / "figures") / chart.name)]
