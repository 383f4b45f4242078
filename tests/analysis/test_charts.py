"""Charts as data: what is computed from results, checked against numbers worked out by hand."""
import json
import math

import pytest

from analysis import confidence, latency, study
from analysis.build import breakdown, comparison, curves, heat_map, of_run, of_study, table, timeline
from analysis.chart import palette, units
from analysis.chart.model import Bars, Lines, as_json
from analysis.results import ResultError
from analysis.run_folder import RunFolder
from analysis.study import Plot, Published
from made_results import DOMAINS, WINDOWS, write_run


def test_percentiles_are_the_upper_ends_of_the_cells_that_hold_them(run_folder):
    d = latency.read(run_folder)["nic", "read"]
    assert d.total == 4
    assert [d.percentile(p) for p in (1, 25, 25.1, 75, 75.1, 100)] == [800e3, 800e3, 850e3, 850e3, 900e3, 900e3]
    assert d.cdf().tolist() == [0.25, 0.75, 1.0]


def test_distributions_of_replications_are_of_all_their_dmas(tmp_path):
    parts = [latency.read(write_run(tmp_path / str(i), scale))["nic", "read"] for i, scale in enumerate((1.0, 2.0))]
    both = latency.together(parts)
    assert both.total == 8 and both.percentile(50) == 900e3 and both.percentile(51) == 1600e3


def test_an_interval_is_students():
    i = confidence.interval([10.0, 12.0, 14.0])
    reach = 4.302652729911275 * 2 / math.sqrt(3)  # t(0.975, 2) from the tables, s = 2
    assert i.mean == 12 and i.count == 3
    assert i.low == pytest.approx(12 - reach) and i.high == pytest.approx(12 + reach)
    assert math.isnan(confidence.interval([1.0]).low) and confidence.interval([float("nan")]).count == 0


def test_parts_of_a_breakdown_sum_to_the_whole(run_folder):
    (panel,) = of_run.charts(RunFolder(run_folder))[2].panels
    assert isinstance(panel, Bars) and panel.stacked
    assert sum(p.values[0] for p in panel.parts) == pytest.approx(850 * (1 if panel.value.unit == "ns" else 1000))
    assert [p.name for p in panel.parts] == ["issue_wait", "link_up", "walk_wait", "walk", "memory", "engine"]


def test_breakdowns_of_replications_are_weighted_by_their_dmas(tmp_path):
    runs = [RunFolder(write_run(tmp_path / "a", 1.0, count=1)), RunFolder(write_run(tmp_path / "b", 2.0, count=3))]
    pooled = breakdown.pooled([r.breakdowns()["nic", "read"] for r in runs])
    assert {p.name: p.mean_ps for p in pooled}["walk"] == pytest.approx(150e3 * (1 * 1 + 2 * 3) / 4)


def test_curves_have_the_mean_and_the_band_of_their_replications(study_folder):
    s = study.read(study_folder)
    found = table.curves(s, s.frame, "window", "gbps", "domain")
    assert [c.name for c in found] == list(DOMAINS)  # baselines in their order
    assert found[0].x == list(WINDOWS)
    expected = confidence.interval([10 / (1.0 + 0.01 * seed) for seed in (1, 2, 3)])
    assert found[0].y[0].mean == pytest.approx(expected.mean) and found[0].low[0] == pytest.approx(expected.low)


def test_relative_error_is_taken_at_the_published_places(study_folder):
    s = study.read(study_folder)
    chart = curves.lines(s, s.plots[0], "x")
    top, errors = chart.panels
    assert isinstance(top, Lines) and isinstance(errors, Lines)
    assert [x.style for x in top.series] == ["line", "line", "line", "points"]
    dma = next(x for x in top.series if x.name == "DMA")
    first, between = errors.series[0].y
    assert first == pytest.approx(100 * (dma.y[0] - 5) / 5)
    assert between == pytest.approx(100 * ((dma.y[1] + dma.y[2]) / 2 - 4) / 4)  # 2 MiB: half way from 1 to 4 MiB on a log axis
    assert "95 % confidence" in chart.caption


def test_values_outside_a_curve_are_not_guessed():
    assert math.isnan(curves.interpolate([1, 2], [3, 4], 0.5, False)) and math.isnan(curves.interpolate([1, 2], [3, 4], 2.1, True))
    assert curves.interpolate([1, 2], [3, 4], 1.5, False) == 3.5


def test_a_comparison_is_relative_to_the_baseline_that_costs_least(study_folder):
    s = study.read(study_folder)
    absolute, relative = comparison.chart(s, s.plots[0], "x").panels
    assert [p.name for p in relative.parts] == list(DOMAINS) and relative.parts[0].values == [100, 100, 100]
    dma = absolute.parts[2].values[0] / absolute.parts[0].values[0]
    assert relative.parts[2].values[0] == pytest.approx(100 * dma) and 45 < 100 * dma < 55
    assert relative.labels == ["256 KiB", "1 MiB", "4 MiB"]


def test_a_heat_map_has_a_cell_per_pair_of_factors(study_folder):
    s = study.read(study_folder)
    (panel,) = heat_map.chart(s, s.plots[1], "x").panels
    assert list(panel.x_labels) == ["256 KiB", "1 MiB", "4 MiB"] and list(panel.y_labels) == list(DOMAINS)
    assert panel.values[2][0] == pytest.approx(table.curves(s, s.frame, "window", "gbps", "domain")[2].means[0])


def test_zipped_factors_are_one_direction_when_no_plot_says_how(tmp_path):
    rows = [f"{w}-{d},{w},{2 * w},{d},1,{w}" for w in (1, 2, 3) for d in ("none", "DMA")]
    (tmp_path / "results.csv").write_text("point,window,walkers,domain,seed,gbps\n" + "\n".join(rows) + "\n")
    (tmp_path / "results.columns.json").write_text(json.dumps({
        name: {"kind": kind, "unit": "", "description": ""} for name, kind in [
            ("point", "id"), ("window", "factor"), ("walkers", "factor"), ("domain", "factor"), ("seed", "id"), ("gbps", "metric")]}))
    (chart,) = of_study.plots(study.read(tmp_path))
    assert chart.name == "gbps" and {s.name for s in chart.panels[0].series} == {"none", "DMA"}, "neither a diagonal nor a line per point"


def test_a_study_gets_what_it_asks_for_and_what_every_study_has(study_folder):
    charts = {c.name: c for c in of_study.charts(study.read(study_folder))}
    assert list(charts) == ["throughput", "heat", "throughput_relative", "latency_cdf_nic_read", "percentiles_nic_read", "breakdown_nic_read"]
    assert [p.title for p in charts["latency_cdf_nic_read"].panels] == list(DOMAINS)
    assert [s.name for s in charts["latency_cdf_nic_read"].panels[0].series] == ["256 KiB", "1 MiB", "4 MiB"]
    assert max(charts["latency_cdf_nic_read"].panels[2].series[0].y) == 1.0


def test_the_slowest_dmas_are_drawn_as_their_parts(run_folder):
    chart = of_run.worst(RunFolder(run_folder).worst())
    (panel,) = chart.panels
    assert len(panel.labels) == 20 and panel.labels[0] == "1. nic read 0x1000"
    assert sum(p.values[0] for p in panel.parts) == pytest.approx(850 * (1 if panel.value.unit == "ns" else 1000))


def test_a_time_line_comes_from_its_file(run_folder):
    (run_folder / "timeline.csv").write_text("time_ps,nic.dma.throughput,nic.link.up.utilisation\n1000000,5,0.1\n2000000,7,0.2\n")
    (chart,) = timeline.charts(RunFolder(run_folder))
    assert [p.y.title for p in chart.panels] == ["throughput (Gb/s)", "utilisation"]
    assert list(chart.panels[0].series[0].y) == [5, 7]


def test_a_time_line_of_a_trace_is_the_share_of_time_taken(run_folder):
    (run_folder / "trace.json").write_text("""{"traceEvents": [
      {"ph": "M", "pid": 1, "tid": 1, "name": "thread_name", "args": {"name": "nic up"}},
      {"ph": "X", "pid": 1, "tid": 1, "ts": 0, "dur": 30, "name": "a"}, {"ph": "X", "pid": 1, "tid": 1, "ts": 60, "dur": 60, "name": "b"}]}""")
    (panel,) = timeline.charts(RunFolder(run_folder))[0].panels
    assert panel.title == "nic" and panel.series[0].name == "up"
    *values, last = panel.series[0].y  # a staircase ends with its last step
    assert last == values[-1] and values[0] == pytest.approx(100) and values[45] == pytest.approx(0) and sum(values) / len(values) == pytest.approx(75)


def test_metrics_over_time_are_grouped_by_kind_and_zeros_left_out(run_folder):
    metrics = json.loads((run_folder / "result.json").read_text())
    for name, unit in (("a", "1"), ("b", "1")):
        metrics["metrics"][name] = {"queue": {"mean": 1.0, "unit": unit, "description": "d"}, "wait": {"mean": 1.0, "unit": "ps", "description": "d"}}
    (run_folder / "result.json").write_text(json.dumps(metrics))
    (run_folder / "timeline.csv").write_text("time_ps,a.queue.mean,b.queue.mean,a.wait.mean,b.wait.mean,nic.dma.throughput,nic.link.up.utilisation\n"
                                             "1000000,1,2,50000,,5,0\n2000000,2,3,70000,90000,7,0\n")
    (chart,) = timeline.charts(RunFolder(run_folder))
    assert [(p.title, [s.name for s in p.series]) for p in chart.panels] == [
        ("throughput", ["nic.dma"]), ("mean level", ["b.queue", "a.queue"]), ("mean wait", ["a", "b"])]
    assert chart.panels[2].y.unit == "ns" and list(chart.panels[2].series[0].y) == [50, 70] and math.isnan(chart.panels[2].series[1].y[0])
    assert "1 metrics that stay zero" in chart.caption


def test_tracks_alike_are_counted_together_and_nested_slices_once(run_folder):
    events = [{"ph": "M", "pid": 1, "name": "process_name", "args": {"name": "iommu"}}]
    for n in (0, 1):
        events += [{"ph": "M", "pid": 1, "tid": n, "name": "thread_name", "args": {"name": f"walker {n}"}},
                   {"ph": "B", "pid": 1, "tid": n, "ts": 0, "name": "walk"}, {"ph": "X", "pid": 1, "tid": n, "ts": 10, "dur": 20, "name": "read"},
                   {"ph": "E", "pid": 1, "tid": n, "ts": 60 * (n + 1)}]
    events += [{"ph": "C", "pid": 1, "ts": 30, "name": "queue", "args": {"level": 4}}, {"ph": "C", "pid": 1, "ts": 60, "name": "queue", "args": {"level": 1}},
               {"ph": "s", "pid": 1, "tid": 0, "ts": 1, "id": 7, "name": "dma"}]
    (run_folder / "trace.json").write_text(json.dumps({"traceEvents": events}))
    tracks, counters = timeline.charts(RunFolder(run_folder))
    assert [p.title for p in tracks.panels] == ["iommu walker"] and (tracks.panels[0].y.label, tracks.panels[0].y.upper) == ("busy of 6", 6)
    assert tracks.panels[0].series[0].y[5] == pytest.approx(2) and tracks.panels[0].series[0].y[100] == pytest.approx(1)
    assert counters.panels[0].y.label == "level" and list(counters.panels[0].series[0].x) == [30, 60, 120] and list(counters.panels[0].series[0].y) == [4, 1, 1]


def test_titles_say_which_part_of_a_study_is_shown(rough_folder):
    s = study.read(rough_folder)
    charts = {c.name: c for c in of_study.plots(s)}
    assert charts["below"].title == "Rough\nsigned, size 1 MiB" and charts["many"].title == "Rough\nholes"
    assert charts["below"].panels[0].value.title == "signed (ns)"  # not "signed ns (ns)"


def test_sizes_read_as_such_wherever_they_stand(rough_folder):
    s = study.read(rough_folder)
    chart = curves.lines(s, Plot(x="k", y=["holes"], series="size", where={"k": [2, 3]}, published=[Published("m", [2.0], [3.0], "4096")]), "x")
    assert [e.name for e in chart.panels[0].series] == ["64 B", "4 KiB", "1 MiB", "m"] and chart.legend_title == "size"
    assert chart.panels[0].series[1].colour == chart.panels[0].series[3].colour and len(chart.panels) == 2


def test_very_many_bars_are_thinned_and_the_caption_says_so(rough_folder):
    s = study.read(rough_folder)
    chart = next(c for c in of_study.plots(s) if c.name == "many_bars")
    assert len(chart.panels[0].labels) == 2 and len(chart.panels[0].parts) == 59 and "2 of 3 values of size" in chart.caption


def test_percent_of_next_to_nothing_is_not_drawn(study_folder):
    s = study.read(study_folder)
    s.frame.loc[s.frame["domain"] == "none", "gbps"] = 0.0
    assert comparison.chart(s, s.plots[0], "x") is None


def test_groups_of_bars_have_their_distributions_in_panels(study_folder):
    text = (study_folder / "study.json").read_text()
    (study_folder / "study.json").write_text(text.replace('"kind": "lines", "x": "window"', '"kind": "bars", "x": "window"'))
    charts = {c.name: c for c in of_study.charts(study.read(study_folder))}
    assert [p.title for p in charts["percentiles_nic_read"].panels] == ["256 KiB", "1 MiB", "4 MiB"]
    assert charts["percentiles_nic_read"].panels[0].labels == list(DOMAINS)
    assert len(charts["throughput_relative"].panels) == 1  # the bars themselves are the plot


def test_ticks_in_bytes_are_powers_of_two_and_read_as_such():
    assert [units.bytes_text(v) for v in units.log_ticks(262144, 67108864, True, 9)] == [
        "256 KiB", "512 KiB", "1 MiB", "2 MiB", "4 MiB", "8 MiB", "16 MiB", "32 MiB", "64 MiB"]
    assert len(units.log_ticks(1, 2**40, True, 5)) <= 5
    assert [units.bytes_text(v) for v in (64, 1520, 1536, 3 << 20, 100_000_000)] == ["64 B", "1520 B", "1.5 KiB", "3 MiB", "95.367 MiB"]
    assert units.log_ticks(118, 260, False, 8) == [150, 200, 250]
    assert units.log_ticks(90, 2100, False, 8) == [100, 200, 500, 1000, 2000]
    assert units.readable("ps", 850e3) == (1e-3, "ns") and units.readable("ps", 2e8) == (1e-6, "us") and units.readable("B", 1) == (1, "B")


def test_numbers_have_no_needless_digits_and_no_exponents():
    assert [units.number_text(v) for v in (287700.12, 27.5, 1000, 0.00012345, -0.5, 0, 5e-9)] == ["287700", "27.5", "1000", "0.00012345", "-0.5", "0", "5e-09"]
    assert units.byte_ticks(0, 300000, 5) == [0, 65536, 131072, 196608, 262144] and units.readable("1/s", 4.2e7) == (1e-6, "M/s")


def test_names_in_one_panel_have_colours_of_their_own():
    groups = [list("abcde"), list("fga"), list("hijka")]
    colour = palette.distinct(groups)
    assert all(len({colour[n] for n in g}) == len(g) for g in groups) and len({colour[n] for n in "abcdefg"}) == 7


def test_baselines_keep_their_colours_and_nobody_else_gets_one():
    among = palette.colours(["DMA", "none"])
    assert among == palette.colours(["none", "DMA"])
    mixed = palette.colours(["DMA", "a", "b", "c"])
    assert len(set(mixed.values())) == 4 and mixed["DMA"] == among["DMA"]


def test_charts_as_json_have_no_numbers_json_lacks(study_folder):
    s = study.read(study_folder)
    chart = as_json(curves.lines(s, s.plots[0], "x"))
    assert chart["panels"][0]["x"]["title"] == "window" and [e["name"] for e in chart["legend"]] == [*DOMAINS, "measured"]


@pytest.mark.parametrize("old, new, message", [
    ('"kind": "heat"', '"kind": "pie"', r"plots\[1\].kind: 'pie' is none of"),
    ('"z": "gbps"', '"z": "gpbs"', r"plots\[1\].z: 'gpbs' is no column; there are point, window"),
    ('"y": [5.0, 4.0]', '"y": [5.0]', r"published\[0\]: x and y are lists of numbers, equally long"),
    ('"x": "window", "y": "gbps"', '"y": "gbps"', r"plots\[0\].x: is missing"),
    ('"name": "DMA-256K"', '"name": "../DMA"', "cannot name a point's folder"),
])
def test_a_wrong_study_is_refused_with_its_place(study_folder, old, new, message):
    text = (study_folder / "study.json").read_text()
    assert old in text
    (study_folder / "study.json").write_text(text.replace(old, new, 1))
    with pytest.raises(ResultError, match=message):
        study.read(study_folder)


def test_runs_outside_the_studys_folder_are_not_read(study_folder, tmp_path):
    write_run(tmp_path / "elsewhere")
    text = (study_folder / "study.json").read_text().replace("runs/none-256K/1", "../elsewhere", 1)
    (study_folder / "study.json").write_text(text)
    assert len(list(study.read(study_folder).runs("none-256K"))) == 2


def plots_of(folder):
    return {c.name: c for c in of_study.plots(study.read(folder))}


def test_columns_of_two_units_have_a_panel_each(mixed_folder):
    charts = plots_of(mixed_folder)
    assert [(p.y.title, [s.name for s in p.series]) for p in charts["both"].panels] == [
        ("gbps (Gb/s)", ["gbps"]), ("mean, p99 (ns)", ["mean", "p99"])]
    assert [p.value.title for p in charts["bars"].panels] == ["gbps (Gb/s)", "q"]
    assert charts["pile"].panels[0].value.title == "mean, p99 (ns)"  # and no claim that they are parts of something


def test_values_of_quantities_read_as_the_study_has_them(mixed_folder):
    charts = plots_of(mixed_folder)
    assert charts["bars"].panels[0].labels == ["1 us", "1 ms", "2000 us"] and [p.name for p in charts["bars"].panels[0].parts] == ["10 %", "50 %"]
    assert charts["map"].panels[0].x_labels == ["1 us", "1 ms", "2000 us"] and charts["map"].panels[0].y_labels == ["10 %", "50 %"]
    assert charts["both"].panels[0].x.title == "drain" and charts["both"].title == "Mixed\ngbps, mean, p99, share 10 %"
    s = study.read(mixed_folder)
    assert table.said(s, "drain", 5e8) == "500 us"  # not among the study's
    assert [units.quantity_text(v, u) for v, u in ((1e9, "ps"), (1e10, "b/s"), (2.5e9, "Hz"), (500, "ps"), (0.5, "1"), (0, "ps"))] == [
        "1 ms", "10 Gb/s", "2.5 GHz", "500 ps", "0.5", "0"]


def test_combinations_left_out_are_told_from_values_that_are_missing(mixed_folder):
    charts = plots_of(mixed_folder)
    (heat,) = charts["map"].panels
    assert heat.value.title == "Gb/s" and heat.texts == [["7.0", "71.5", "71.5"], ["n/a", "not run", "71.5"]]
    assert [p.absent for p in charts["bars"].panels[0].parts][1] == ["n/a", "not run", "n/a"]


def test_numbers_to_be_compared_have_equally_many_decimals():
    nan = float("nan")
    assert units.even_texts([71, 71.46, 7, nan]) == ["71.0", "71.5", "7.0", ""] and units.even_texts([1, 20, 300]) == ["1", "20", "300"]
    assert units.even_texts([0.5, 0.25, 0]) == ["0.50", "0.25", "0.00"] and units.even_texts([0.001, 71.46]) == ["0.001", "71.5"]


def test_a_line_hidden_by_later_ones_is_drawn_wider(study_folder):
    s = study.read(study_folder)
    s.frame.loc[s.frame["domain"] == "identity", "gbps"] = s.frame.loc[s.frame["domain"] == "none", "gbps"].to_numpy()
    series = curves.lines(s, s.plots[0], "x").panels[0].series
    assert [(x.name, x.under) for x in series] == [("none", 1), ("identity", 0), ("DMA", 0), ("measured", 0)]


def test_overlapping_lanes_of_a_track_are_no_capacity(run_folder):
    names = [(1, "memory"), (2, "memory +1"), (3, "nic.link up"), (4, "nic.dma slot 7")]
    events = [e for tid, name in names for e in (
        {"ph": "M", "pid": 1, "tid": tid, "name": "thread_name", "args": {"name": name}},
        {"ph": "X", "pid": 1, "tid": tid, "ts": 0, "dur": 120, "name": "a"})]
    (run_folder / "trace.json").write_text(json.dumps({"traceEvents": events}))
    file = run_folder / "resolved.yaml"
    file.write_text(file.read_text().replace("tags: 26", "tags: 26, dmas: 64"))
    panels = {p.title: p for p in timeline.charts(RunFolder(run_folder))[0].panels}
    assert {t: (p.y.title, p.keys) for t, p in panels.items()} == {
        "memory": ("in progress", []), "nic.link": ("busy (%)", ["up"]), "nic.dma slot": ("busy of 64", [])}
    assert panels["memory"].series[0].y[0] == pytest.approx(2) and panels["nic.dma slot"].series[0].y[0] == pytest.approx(1)


def test_a_counter_of_very_many_steps_is_its_mean_between_least_and_most(run_folder):
    events = [{"ph": "C", "pid": 1, "ts": k / 10, "name": "queue", "args": {"level": k % 5}} for k in range(1000)]
    (run_folder / "trace.json").write_text(json.dumps({"traceEvents": events}))
    (chart,) = timeline.charts(RunFolder(run_folder))
    (s,) = chart.panels[0].series
    assert len(s.x) == len(s.low) == timeline.BINS + 1 and set(s.low) == {0} and set(s.high) == {4} and "least" in chart.caption
    assert sum(s.y) / len(s.y) == pytest.approx(2, abs=0.05)


def test_the_hit_rate_of_the_iotlb_is_shown_however_many_there_are(run_folder):
    names = [f"iommu.cache{i}" for i in range(8)] + ["iommu.iotlb"]
    (run_folder / "timeline.csv").write_text("time_ps," + ",".join(f"{n}.hit_rate" for n in names) + "\n" + "".join(
        f"{t}000000,{','.join(['0.9'] * 8)},0\n" for t in (1, 2)))
    (chart,) = timeline.charts(RunFolder(run_folder))
    assert chart.panels[0].title == "hit rate" and chart.panels[0].keys[0] == "iommu.iotlb" and len(chart.panels[0].keys) == 6
