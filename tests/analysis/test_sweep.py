import json
from pathlib import Path

import pandas as pd
import pytest

from analysis import __main__, experiment

FAKE = Path(__file__).parent / "fake_iommusim"
GOOD = """
schema: 1
title: reach
run: base.yaml
set: {run.seed: 007}
points:
  - {name: a, set: {ep.window: 4 KiB}, columns: {window: 4096, domain: DMA}}
  - {name: b, set: {ep.window: 8 KiB}, columns: {window: 8192, domain: DMA}}
  - {name: off, set: {ep.window: 2 KiB}, columns: {window: 4096, domain: off}}
metrics:
  gbps: {path: ep.throughput, scale: 8e-9}
  p99: ep.latency.p99
plot: {x: window, y: gbps, series: domain, log_x: true, x_bytes: true, published: [{series: DMA, label: measured, x: [4096], y: [2.1]}]}
"""


def write(tmp_path, text):
    (tmp_path / "base.yaml").write_text("")
    (tmp_path / "e.yaml").write_text(text)
    return tmp_path / "e.yaml"


def sweep(file, *options):
    return __main__.main(["sweep", str(file), "-o", str(file.parent / "out"), "--program", str(FAKE), *options])


def test_points_become_one_tidy_table_a_plot_and_a_folder_each(tmp_path, capsys):
    assert sweep(write(tmp_path, GOOD), "-j", "2") == 0
    frame = pd.read_csv(tmp_path / "out" / "results.csv")
    assert list(frame.columns) == ["point", "window", "domain", "gbps", "p99"]
    assert frame.point.tolist() == ["a", "b", "off"]  # the file's order, whichever finished first
    assert frame.gbps.tolist() == [2.0, 1.0, 4.0]
    assert frame.domain.tolist() == ["DMA", "DMA", "off"]
    assert (tmp_path / "out" / "plot.png").stat().st_size > 5000
    assert (tmp_path / "out" / "plot.svg").stat().st_size > 5000
    assert "results.csv" in capsys.readouterr().out


def test_a_swept_folder_explains_itself_and_one_without_is_drawn_with_its_file(tmp_path):
    file, out = write(tmp_path, GOOD), tmp_path / "out"
    assert sweep(file) == 0
    columns = json.loads((out / "results.columns.json").read_text())
    assert columns["window"] == {"kind": "factor", "unit": "B", "description": ""}
    assert columns["gbps"]["unit"] == "Gb/s" and columns["p99"]["unit"] == "ps"
    assert __main__.main(["figures", str(out)]) == 0
    first = (out / "figures" / "plot.svg").read_bytes()
    for name in ("results.columns.json", "study.json"):
        (out / name).unlink()
    assert __main__.main(["figures", str(out)]) == 2
    assert __main__.main(["figures", str(out), "--study", str(file)]) == 0
    assert (out / "figures" / "plot.svg").read_bytes() == first


def test_values_reach_the_program_as_they_were_written(tmp_path):
    e = experiment.read(write(tmp_path, GOOD))
    assert e.points[0].settings == {"run.seed": "007", "ep.window": "4 KiB"}  # no octal, no float, no boolean
    assert e.points[2].columns == {"window": 4096.0, "domain": "off"}


def test_a_point_may_run_a_configuration_of_its_own(tmp_path):
    (tmp_path / "other.yaml").write_text("")
    e = experiment.read(write(tmp_path, GOOD.replace("name: b,", "name: b, run: other.yaml,")))
    assert [p.run.name for p in e.points] == ["base.yaml", "other.yaml", "base.yaml"]


@pytest.mark.parametrize("status", [1, 2])
def test_a_failing_point_is_reported_and_the_others_still_count(tmp_path, capsys, status):
    file = write(tmp_path, GOOD.replace("set: {ep.window: 8 KiB}", f"set: {{fail: {status}}}"))
    assert sweep(file) == status
    frame = pd.read_csv(tmp_path / "out" / "results.csv")
    assert frame.gbps.isna().tolist() == [False, True, False]
    assert "b: exit status" in capsys.readouterr().err


def test_resume_keeps_results_and_a_plain_sweep_replaces_them(tmp_path):
    file = write(tmp_path, GOOD)
    assert sweep(file) == 0
    result = tmp_path / "out" / "runs" / "a" / "result.json"
    text = result.read_text()
    result.write_text(text.replace('"p99": 9', '"p99": 5'))
    assert sweep(file, "--resume") == 0
    assert pd.read_csv(tmp_path / "out" / "results.csv").p99.tolist() == [5, 9, 9]
    assert sweep(file) == 0
    assert result.read_text() == text


@pytest.mark.parametrize("old, new, message", [
    ("schema: 1", "schema: 2", "schema: expected 1"),
    ("title:", "tilte:", "tilte: unknown key"),
    ("run: base.yaml", "run: other.yaml", "run: there is no"),
    ("name: b,", "name: b, run: other.yaml,", r"points\[1\].run: there is no"),
    ("name: b,", "name: b, run: [],", r"points\[1\].run: names the configuration"),
    ("name: b", "name: a", r"points\[1\].name: 'a' is taken"),
    ("name: b", "name: b/c", "cannot name a folder"),
    ("{ep.window: 8 KiB}", "{ep.window: [1, 2]}", r"points\[1\].set: expected a map of name to one value"),
    ("scale: 8e-9", "scale: eight", "metrics.gbps: expected"),
    ("y: gbps", "y: gpbs", "plot.y: 'gpbs' is no column; there are domain, gbps, p99, window"),
    ("y: [2.1]", "y: [2.1, 3]", "equally long"),
    ("points:", "points: [", "not YAML"),
])
def test_a_wrong_file_is_refused_with_its_place(tmp_path, old, new, message, capsys):
    assert old in GOOD
    file = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(experiment.ExperimentError, match=message):
        experiment.read(file)
    assert sweep(file) == 2
    assert not (tmp_path / "out").exists()


def test_a_missing_program_is_the_users_fault(tmp_path, capsys):
    file = write(tmp_path, GOOD)
    assert __main__.main(["sweep", str(file), "-o", str(tmp_path / "out"), "--program", str(tmp_path / "none")]) == 2
    assert "there is no program" in capsys.readouterr().err


def test_a_metric_the_result_lacks_is_named(tmp_path, capsys):
    assert sweep(write(tmp_path, GOOD.replace("ep.latency.p99", "ep.latency.p98"))) == 2
    assert "no metric 'ep.latency.p98'" in capsys.readouterr().err


def test_a_metric_only_some_machines_have_is_left_blank_for_the_others(tmp_path):
    file = write(tmp_path, GOOD.replace("ep.latency.p99", "iommu.hit_rate").replace("{ep.window: 2 KiB}", "{ep.window: 2 KiB, iommu: on}"))
    assert sweep(file) == 0
    assert pd.read_csv(tmp_path / "out" / "results.csv").p99.isna().tolist() == [True, True, False]
