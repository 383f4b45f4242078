"""All charts of one run."""
from __future__ import annotations

from analysis.build import breakdown, distributions, timeline
from analysis.build.facets import Facet
from analysis.chart.model import Axis, Bar, Bars, Chart
from analysis.chart.palette import PARTS, colours
from analysis.chart.units import readable
from analysis.run_folder import RunFolder


def worst(dmas: list[dict[str, object]], name: str = "worst", title: str = "Slowest DMAs") -> Chart | None:
    """A time line per DMA of worst.json: what it waited for, from its intended start."""
    rows = []
    for i, d in enumerate(dmas):
        before = float(str(d["intended_ps"]))
        spent: dict[str, float] = {}
        parts = d["parts"]
        assert isinstance(parts, list)
        for p in parts:
            spent[p["part"]] = spent.get(p["part"], 0.0) + float(p["until_ps"]) - before
            before = float(p["until_ps"])
        rows.append((f"{i + 1}. {d.get('point', '')} {d['endpoint']} {d['direction']} {d['iova']}".replace("  ", " "), spent))
    if not rows:
        return None
    names = [n for n in PARTS if any(n in s for _, s in rows)]
    names += [n for n in dict.fromkeys(n for _, s in rows for n in s) if n not in PARTS]
    factor, unit = readable("ps", max(sum(s.values()) for _, s in rows))
    others = colours([n for n in names if n not in PARTS])
    parts_of = [Bar(n, [s.get(n, 0.0) * factor for _, s in rows], PARTS.get(n) or others[n]) for n in names]
    return Chart(name, title, [Bars([label for label, _ in rows], Axis("time since the intended start", unit), parts_of)])


def charts(run: RunFolder) -> list[Chart]:
    """Latency distribution, percentiles, breakdown, slowest DMAs, time line: those there is data for."""
    found: list[Chart | None] = []
    if run.latency:
        items = [(f"{e} {d}", x) for (e, d), x in run.latency.items()]
        every = [Facet("", items, [], False)]
        found.append(distributions.cdf(every, "latency_cdf", "Distribution of DMA latency"))
        found.append(distributions.percentile_bars(every, "percentiles", "Latency percentiles"))
    parts = run.breakdowns()
    if parts:
        bars = {f"{e} {d}": p for (e, d), p in parts.items()}
        found.append(breakdown.chart({"": bars}, "breakdown", "Where the mean latency goes"))
    found.append(worst(run.worst()))
    found += timeline.charts(run)
    return [c for c in found if c is not None]
