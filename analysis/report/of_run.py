"""What the page of one run says."""
from __future__ import annotations

from typing import Any, Callable, Sequence

from analysis.build import of_run as charts_of
from analysis.chart.model import Chart
from analysis.chart.units import value_text
from analysis.latency import PERCENTILES
from analysis.report import configuration, platform
from analysis.report.html import element, number, table, text
from analysis.run_folder import RunFolder

Section = tuple[str, str, str]  # identifier, title, HTML
AddCharts = Callable[[Sequence[Chart]], str]


def summary(run: RunFolder) -> str:
    """A row per endpoint's reads and writes."""
    rows = []
    metrics = run.result.metrics
    for (endpoint, direction), d in run.latency.items():
        throughput = next((m for p, m in metrics.items() if p in (f"{endpoint}.dma.throughput", f"{endpoint}.throughput")), None)
        mean = next((m.value for p, m in metrics.items() if p.startswith(f"{endpoint}.") and p.endswith(f"{direction}.latency.mean")), float("nan"))
        rows.append([text(endpoint), text(direction), number(f"{d.total:,}"), number(f"{throughput.value:.4g} {throughput.unit}" if throughput else "-"),
                     number(value_text(mean, "ps")), *(number(value_text(d.percentile(p), "ps")) for p in PERCENTILES),
                     number(value_text(float(d.high[-1]), "ps"))])
    head = ["endpoint", "", "DMAs", "throughput (both ways)", "mean", *(f"p{p:g}" for p in PERCENTILES), "max"]
    return element("div", table(head, rows), class_="wide") if rows else element("p", "No DMAs in the measurement window.", class_="caption")


def worst_table(dmas: list[dict[str, Any]], with_point: bool = False) -> str:
    rows = []
    for i, d in enumerate(dmas):
        longest = _longest(d)
        rows.append([number(i + 1), *([text(d.get("point", ""))] if with_point else []), text(d["endpoint"]), text(d["direction"]),
                     element("code", text(d["iova"]), class_="nowrap"), number(f"{d['bytes']} B"), text(_translation(d)), number(value_text(float(d["intended_ps"]), "ps")),
                     number(value_text(float(d["latency_ps"]), "ps")), element("span", text(longest), class_="nowrap")])
    head = ["", *(["point"] if with_point else []), "endpoint", "", "IOVA", "size", "translation", "intended start", "latency", "longest parts"]
    return element("div", table(head, rows), class_="wide")


def _translation(d: dict[str, Any]) -> str:
    return "none" if not d.get("translated") else "IOTLB hit" if d.get("iotlb_hit") else "IOTLB miss"


def _longest(d: dict[str, Any]) -> str:
    spent, before = [], float(d["intended_ps"])
    for p in d["parts"]:
        spent.append((float(p["until_ps"]) - before, str(p["part"])))
        before = float(p["until_ps"])
    return ", ".join(f"{name} {value_text(ps, 'ps')}" for ps, name in sorted(spent, reverse=True)[:3])


def metrics_table(run: RunFolder) -> str:
    rows = [[element("span", text(path), class_="path"), number(f"{m.value:.10g}"), text("" if m.unit == "1" else m.unit), text(m.description)]
            for path, m in run.result.metrics.items()]
    search = '<div class="tools"><input type="search" placeholder="search metrics" aria-label="search the metrics" data-filters="metrics-table"></div>'
    return search + element("div", table(["metric", "value", "unit", "description"], rows, id="metrics-table"), class_="wide tall")


def platform_section(run: RunFolder) -> str:
    groups = platform.groups_table(run)
    return platform.drawing(run) + (
        element("h3", "IOMMU groups and domains") + element("div", table(["group", "functions", "requester IDs", "domain"], groups), class_="wide tall")
        if groups else "")


def provenance(run: RunFolder) -> str:
    document = run.result.document
    window = document.get("window", {})
    length = window.get("length", {}).get("value")
    simulator = document.get("simulator", {})
    first = [f"{simulator.get('name', 'iommusim')} {simulator.get('version', document.get('version', ''))}", f"seed {document.get('seed', '-')}"]
    if length is not None:
        first.append(f"window of {value_text(float(length), 'ps')} from {value_text(float(window['start']['value']), 'ps')}; "
                     f"ended because {window.get('ended_because', '-')}")
    digest = document.get("configuration_sha256", "")
    description = run.configuration().get("description") or ""
    return (element("p", text(description)) if description else "") + element("p", text(", ".join(first))) + (
        element("p", "configuration " + element("code", text(digest))) if digest else "")


def sections(run: RunFolder, add: AddCharts) -> tuple[str, str, list[Section]]:
    """(title, HTML of the head, sections)."""
    charts = {c.name: c for c in charts_of.charts(run)}
    worst = run.worst()
    parts: list[Section] = [("summary", "Summary", summary(run)), ("platform", "Platform", platform_section(run))]
    if "latency_cdf" in charts:
        parts.append(("latency", "Latency", add([charts["latency_cdf"], charts["percentiles"]])))
    if "breakdown" in charts:
        parts.append(("breakdown", "Breakdown", add([charts["breakdown"]])))
    if worst:
        parts.append(("worst", f"Slowest {len(worst)} DMAs", add([charts["worst"]]) + worst_table(worst)))
    over_time = [charts[n] for n in ("timeline", "tracks", "counters") if n in charts]
    if over_time:
        parts.append(("timeline", "Time line", add(over_time)))
    parts.append(("metrics", "All metrics", metrics_table(run)))
    parts.append(("configuration", "Configuration", configuration.tree(run.configuration(), "configuration-tree")))
    return str(run.result.document.get("experiment") or run.name), provenance(run), parts
