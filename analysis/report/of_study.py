"""What the page of a study says."""
from __future__ import annotations

import json
import math
import numbers
from typing import Any

from analysis.build import of_run as run_charts
from analysis.build import of_study as study_charts
from analysis.build.table import said
from analysis.chart.units import number_text
from analysis.confidence import interval
from analysis.report import claims, configuration, of_run
from analysis.report.html import element, number, table, text
from analysis.report.of_run import AddCharts, Section
from analysis.run_folder import RunFolder
from analysis.study import Study

MOST_ROWS = 2000  # of the table of points; more are in results.csv
MOST_PLATFORMS = 4
MOST_WORST_RUNS = 500  # folders looked into for the slowest DMAs


def _cell(study: Study, column: str, value: Any) -> str:
    shown = said(study, column, value)
    return number(shown) if isinstance(value, numbers.Real) else text(shown)


def _points(study: Study) -> str:
    """A row per point: factors, then each metric's mean with its 95 % interval over replications."""
    factors, metrics = study.of_kind("factor"), study.of_kind("metric")
    by_name = dict(list(study.frame.groupby("point", sort=False)))
    rows = []
    for p in study.points[:MOST_ROWS]:
        frame = by_name.get(p.name)
        cells = [text(p.name)]
        if frame is None:
            rows.append(cells + [element("span", text(p.state), class_="fail")] + [""] * (len(factors) + len(metrics)))
            continue
        cells.append(text(p.state if len(frame) == 1 else f"{len(frame)} runs"))
        cells += [_cell(study, f, frame[f].iloc[0]) for f in factors]
        for m in metrics:
            i = interval(frame[m].to_numpy(float))
            cells.append(number("-" if math.isnan(i.mean) else number_text(i.mean) + (f" \u00b1 {number_text(i.high - i.mean, 2)}" if i.count > 1 else "")))
        rows.append(cells)
    units = {m: study.columns[m].unit for m in metrics}
    head = ["point", "state", *factors, *(f"{m} ({units[m]})" if units[m] not in ("", "1") else m for m in metrics)]
    left = len(study.points) - MOST_ROWS
    search = '<div class="tools"><input type="search" placeholder="search points" aria-label="search the points" data-filters="points-table"></div>'
    return search + element("div", table(head, rows, id="points-table"), class_="wide tall") + (
        element("p", text(f"and {left} more, in results.csv"), class_="caption") if left > 0 else "") + element(
        "p", "Where a point has replications: mean \u00b1 half width of its 95 % confidence interval (Student t).", class_="caption")


def _settings(study: Study) -> str:
    rows = [[text(p.name), element("code", text(", ".join(f"{k}={v}" for k, v in p.settings.items())))] for p in study.points[:MOST_ROWS] if p.settings]
    return element("h3", "What each point sets") + element("div", table(["point", "settings"], rows), class_="wide tall") if rows else ""


def _worst(study: Study, add: AddCharts) -> str:
    """The slowest of all runs together."""
    found: list[dict[str, Any]] = []
    runs = [(p.name, folder) for p in study.points for folder in p.runs]
    seen = len(runs)
    for name, folder in runs[:MOST_WORST_RUNS]:
        found += [{**d, "point": name} for d in RunFolder(folder).worst()]
    found.sort(key=lambda d: -float(d["latency_ps"]))
    chart = run_charts.worst(found[:20])
    if chart is None:
        return ""
    note = f"Of the first {MOST_WORST_RUNS} of {seen} runs." if seen > MOST_WORST_RUNS else "Of all runs together."
    return element("p", text(note), class_="caption") + add([chart]) + of_run.worst_table(found[:20], with_point=True)


def _first_runs(study: Study) -> list[tuple[str, RunFolder]]:
    """A run per distinct machine: those whose topology or IOMMU differs, in the order of the points."""
    found: dict[str, tuple[str, RunFolder]] = {}
    for p in study.points[:200]:
        if len(found) >= MOST_PLATFORMS or not p.runs:
            continue
        run = RunFolder(p.runs[0])
        platform = run.configuration().get("platform", {})
        iommu = platform.get("iommu") if isinstance(platform, dict) else None
        key = json.dumps([run.topology(), iommu if isinstance(iommu, dict) and iommu.get("present") == "true" else None], sort_keys=True)
        found.setdefault(key, (p.name, run))
    return list(found.values())


def sections(study: Study, add: AddCharts) -> tuple[str, str, list[Section]]:
    """(title, HTML of the head, sections)."""
    runs = _first_runs(study)
    parts: list[Section] = [("claims", "Claims", claims.section(study))]
    failures = claims.failures(study)
    if failures:
        parts.append(("failures", "Failures", failures))
    charts = study_charts.charts(study)
    own = [c for c in charts if not c.name.startswith(("latency_cdf_", "percentiles_", "breakdown_"))]
    if own:
        parts.append(("plots", "Plots", add(own)))
    latency = [c for c in charts if c.name.startswith(("latency_cdf_", "percentiles_"))]
    if latency:
        parts.append(("latency", "Latency", add(latency)))
    breakdown = [c for c in charts if c.name.startswith("breakdown_")]
    if breakdown:
        parts.append(("breakdown", "Breakdown", add(breakdown)))
    parts.append(("points", "Points", _points(study) + _settings(study)))
    worst = _worst(study, add)
    if worst:
        parts.append(("worst", "Slowest DMAs", worst))
    if runs:
        drawings = "".join(element("h3", text(f"as in {name}")) + of_run.platform_section(run) for name, run in runs)
        parts.append(("platform", "Platform", drawings))
        name, run = runs[0]
        parts.append(("configuration", "Configuration", element("p", text(f"Of the point {name}; what the others set is listed with the points."), class_="caption")
                      + configuration.tree(run.configuration(), "configuration-tree")))
    head = element("p", text(study.description)) if study.description else ""
    done = sum(len(p.runs) for p in study.points)
    head += element("p", text(f"{len(study.points)} points, {done} runs with a result, {len(study.failures)} failures"))
    return study.title, head, parts
