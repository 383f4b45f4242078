"""Folders that are broken or hostile: exit status 2 with a message that names file and place; never a traceback, never without bound."""
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import analysis
from analysis import __main__
from made_results import write_run


def refused(folder, capsys, *command):
    assert __main__.main([*(command or ("report",)), str(folder), "-o", str(folder.parent / "out.html")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("analysis: ") and not (folder.parent / "out.html").exists()
    return message


@pytest.mark.parametrize("name, old, new, message", [
    ("result.json", '"sum": 400000.0', '"sum": "x"', "nic.dma.read.breakdown.issue_wait.sum: expected a number, found text 'x'"),
    ("result.json", '"value": 0.25', f'"value": 1{"0" * 400}', "memory.node0.dram.channel0.utilisation.value: is no number that can be counted with"),
    ("worst.json", '"part": "walk"', '"part": 7', "worst.json: dmas[0].parts[3].part: expected text, found a number 7"),
    ("worst.json", '"latency_ps"', '"latency"', "worst.json: dmas[0].latency_ps: is missing"),
    ("topology.json", '"above": 0', '"above": 9', "topology.json: nodes[1].above: there is no node 9"),
    ("topology.json", '"above": null', '"above": 1', "the node is behind itself"),
    ("topology.json", '"group": 0', '"group": []', "topology.json: functions[0].group: expected a number, found a list"),
    ("latency.csv", ",849100,850000,2,3", ",849100,850000,many,3", "latency.csv:3: count: expected a number, found 'many'"),
    ("latency.csv", ",849100,850000,2,3", ",849100,-850000,2,3", "latency.csv:3: high_ps: expected a number that is not negative"),
    ("resolved.yaml", "name: reach", "name: [", "resolved.yaml is not YAML"),
    ("resolved.yaml", "name: reach", "a: &a [x, x]\nb: [*a, *a]", "resolved.yaml: aliases (*name), which iommusim does not write"),
])
def test_a_wrong_file_of_a_run_is_named_with_its_place(run_folder, name, old, new, message, capsys):
    text = (run_folder / name).read_text()
    assert old in text
    (run_folder / name).write_text(text.replace(old, new, 1))
    assert message in refused(run_folder, capsys)


@pytest.mark.parametrize("name, old, new, message", [
    ("results.csv", "none-256K,262144,none,1,", "none-256K,262144,none,1,fast", "results.csv:2: gbps: expected a number, found 'fast"),
    ("results.csv", "point,", "place,", "results.csv: has no column 'point'"),
    ("results.columns.json", '"gbps": {', '"gbps": [], "x": {', "results.columns.json: gbps: expected an object, found a list"),
    ("study.json", '"plots": [', '"plots": ["x", ', "study.json: plots[0]: expected an object, found text 'x'"),
    ("study.json", '"z": "gbps"', '"z": "domain"', "study.json: plots[1].z: 'domain' holds text, not numbers"),
    ("study.json", '"runs": [', '"runs": [{"folder": 3}, ', "study.json: points[0].runs[0].folder: expected text, found a number 3"),
])
def test_a_wrong_file_of_a_study_is_named_with_its_place(study_folder, name, old, new, message, capsys):
    text = (study_folder / name).read_text()
    assert old in text
    (study_folder / name).write_text(text.replace(old, new, 1))
    assert message in refused(study_folder, capsys)
    assert message in refused(study_folder, capsys, "figures")


def test_stacked_columns_of_two_units_are_refused(mixed_folder, capsys):
    file = mixed_folder / "study.json"
    file.write_text(file.read_text().replace('"y": ["mean_ns", "p99_ns"]', '"y": ["mean_ns", "gbps"]'))
    assert ("study.json: plots[2].y: 'mean_ns' is in ns, 'gbps' in Gb/s: what is stacked has one unit; write kind: bars, which gives each unit a panel"
            in refused(mixed_folder, capsys))


@pytest.mark.parametrize("text, message", [
    ("time_ps,x\n1,2\n3,four\n", "timeline.csv:3: x: expected a number, found 'four'"), ("time,x\n", "timeline.csv: expected the columns time_ps,METRIC"),
    ("", "timeline.csv is not CSV"), ("time_ps,x\n1,2,3,4\n1\n1,2\n1,2,3,4,5,6\n", "timeline.csv is not CSV")])
def test_a_wrong_time_line_is_named_with_its_line(run_folder, text, message, capsys):
    (run_folder / "timeline.csv").write_text(text)
    assert message in refused(run_folder, capsys)


@pytest.mark.parametrize("text, message", [
    ('{"traceEvents": [{"ph": "X", "ts": "soon"}]}', "trace.json: traceEvents[0].ts: expected a number, found text 'soon'"),
    ('{"traceEvents": [7]}', "trace.json: traceEvents[0]: expected an object"), ("[" * 100000, "trace.json is nested too deeply"), ("{", "trace.json is not JSON")])
def test_a_wrong_trace_is_named_with_its_event(run_folder, text, message, capsys):
    (run_folder / "trace.json").write_text(text)
    assert message in refused(run_folder, capsys)


def test_a_long_time_line_is_drawn_in_bounded_size(run_folder):
    (run_folder / "timeline.csv").write_text("time_ps,nic.dma.throughput\n" + "".join(f"{k}000,{k % 7}\n" for k in range(1, 300001)))
    began = time.monotonic()
    assert __main__.main(["report", str(run_folder)]) == 0
    assert (run_folder / "report.html").stat().st_size < 1_500_000 and time.monotonic() - began < 60


def test_a_points_folder_says_which_runs_it_holds(study_folder, capsys):
    message = refused(study_folder / "runs" / "DMA-256K", capsys)
    assert "DMA-256K holds runs of one point, under the seeds 1, 2, 3: give one of them, " in message and "DMA-256K/1, or the sweep's folder" in message


def test_a_reader_that_has_enough_ends_the_command_quietly(study_folder):
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run([sys.executable, "-B", "-m", "analysis", "table", study_folder / "runs" / "DMA-256K" / "1"], stdout=writes, stderr=subprocess.PIPE,
                          cwd=Path(analysis.__file__).parent.parent)
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")


WRONG = [None, True, 0, -1, 1e308, float("nan"), float("inf"), 10**400, "", "x", "\u202e\x00<b>", [], {}, [[]], {"a": 1}, [None], "1e999"]


def changed(value, random_):
    """The document with one value somewhere in it replaced or removed."""
    if isinstance(value, dict) and value and random_.random() < 0.9:
        key = random_.choice(list(value))
        if random_.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: changed(value[key], random_)}
    if isinstance(value, list) and value and random_.random() < 0.9:
        i = random_.randrange(len(value))
        return [*value[:i], changed(value[i], random_), *value[i + 1:]]
    return random_.choice(WRONG)


@pytest.mark.parametrize("what", ["run_folder", "study_folder"])
def test_no_change_of_a_document_leads_to_a_traceback(what, request, capsys):
    folder, random_ = request.getfixturevalue(what), random.Random(what)
    files = [folder / n for n in ("study.json", "results.columns.json", "result.json", "worst.json", "topology.json") if (folder / n).is_file()]
    for _ in range(25):
        file = random_.choice(files)
        text = file.read_text()
        file.write_text(json.dumps(changed(json.loads(text), random_)))
        status = __main__.main(["report", str(folder)])  # an exception would end the test
        message = capsys.readouterr().err
        assert status == 0 and not message or status == 2 and message.startswith("analysis: "), file.read_text()
        file.write_text(text)


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", ["\u7f51\u5361\U0001f600", "n" * 300, r"$\frac{$", "_hidden", "%s{0}"])
def test_names_of_any_script_and_length_are_drawn(tmp_path, name):
    folder = write_run(tmp_path / "r")
    for file in folder.iterdir():
        said = json.dumps(name, ensure_ascii=False)[1:-1]
        file.write_text(file.read_text().replace("name: nic,", f'name: "{said}",').replace("nic", name if file.suffix == ".csv" else said))
    assert __main__.main(["report", str(folder)]) == 0 and __main__.main(["figures", str(folder)]) == 0
