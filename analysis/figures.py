"""Every figure of a run or a study as PNG and SVG: what `python3 -m analysis figures DIR` does."""
from __future__ import annotations

from pathlib import Path

from analysis import legacy, study
from analysis.build import of_run, of_study
from analysis.chart.model import Chart
from analysis.draw import figure
from analysis.results import ResultError
from analysis.run_folder import RunFolder
from analysis.study import Study


def is_run(folder: Path) -> bool:
    return (folder / "result.json").is_file()


def load_study(folder: Path, sweep_file: Path | None) -> Study:
    """A study's folder; `sweep_file`: for one that holds no results.columns.json."""
    if sweep_file is not None and not (folder / "results.columns.json").is_file():
        return legacy.load(folder, sweep_file)
    return study.read(folder)


def charts_of(folder: Path, sweep_file: Path | None = None) -> list[Chart]:
    """All charts there is data for, of a run's folder or a study's."""
    return of_run.charts(RunFolder(folder)) if is_run(folder) else of_study.charts(load_study(folder, sweep_file))


def draw_all(folder: Path, output: Path | None = None, sweep_file: Path | None = None) -> list[Path]:
    """Draws them into `output` (default: FOLDER/figures); returns the files. ResultError when there is nothing to draw."""
    charts = charts_of(folder, sweep_file)
    if not charts:
        raise ResultError(f"{folder}: nothing to draw: no plots, and no runs with results")
    return [f for chart in charts for f in figure.save(chart, (output or folder / "figures") / chart.name)]


def draw_plots(folder: Path) -> list[Path]:
    """Only the plots the study asks for, beside its results.csv."""
    charts = of_study.plots(study.read(folder))
    return [f for chart in charts for f in figure.save(chart, folder / chart.name)]
