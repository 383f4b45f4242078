import json

import pytest

from analysis import __main__, results
from analysis.build import bars
from analysis.draw import figure


def write(folder, document):
    folder.mkdir()
    (folder / "result.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return folder


def document(hits, p99=9):
    return {
        "version": "0.1.0",
        "metrics": {
            "iommu": {"iotlb": {"hits": {"value": hits, "unit": "1", "description": "lookups that hit"}}},
            "ep": {"latency": {"count": 4, "mean": 2.5, "p99": p99, "unit": "ps", "description": "d"}},
        },
    }


def test_metrics_are_found_by_their_dotted_path_with_unit_and_description(tmp_path):
    r = results.load(write(tmp_path / "a", document(7)))
    assert r["iommu.iotlb.hits"] == 7
    assert r.metrics["ep.latency.p99"] == results.Metric(9.0, "ps", "d")
    assert r.metrics["ep.latency.count"].unit == "1"
    assert list(r.metrics) == ["iommu.iotlb.hits", "ep.latency.count", "ep.latency.mean", "ep.latency.p99"]


def test_an_unknown_metric_names_its_likes(tmp_path):
    r = results.load(write(tmp_path / "a", document(7)))
    with pytest.raises(KeyError, match="no metric 'iotlb.hits'. Some that exist: iommu.iotlb.hits"):
        r["iotlb.hits"]


def test_a_table_has_one_column_per_result_and_a_unit(tmp_path):
    strict = document(2)
    strict["metrics"]["absent"] = {"value": 3, "unit": "1", "description": "d"}
    both = [results.load(write(tmp_path / n, d)) for n, d in (("none", document(1)), ("strict", strict))]
    t = results.table(both, ["iommu.iotlb.hits", "absent"])
    assert list(t.columns) == ["none", "strict", "unit"]
    assert list(t.loc["iommu.iotlb.hits"]) == [1, 2, "1"]
    assert t.loc["absent"].isna().tolist() == [True, False, False]
    assert results.to_text(t).splitlines()[-1].split()[:3] == ["absent", "-", "3"]


def test_a_metric_that_no_result_has_is_an_error_that_names_its_likes(tmp_path):
    one = [results.load(write(tmp_path / "a", document(7)))]
    with pytest.raises(results.ResultError, match="^no result has the metric 'iommu.iotlb.hit'. Near: iommu.iotlb.hits$"):
        results.table(one, ["ep.latency.mean", "iommu.iotlb.hit"])
    with pytest.raises(results.ResultError, match="^no result has the metric 'nothing'.$"):
        results.table(one, ["nothing"])


def test_text_shows_counts_in_full_and_rates_in_four_digits(tmp_path):
    d = document(1234567)
    d["metrics"]["rate"] = {"value": 0.123456, "unit": "1", "description": "d"}
    lines = results.to_text(results.table([results.load(write(tmp_path / "a", d))], ["iommu.iotlb.hits", "rate"])).splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["1234567", "0.1235"]


@pytest.mark.parametrize("text, message", [(None, "holds no result.json"), ("{", "is not JSON"), ("[1]", "no object")])
def test_what_is_no_result_is_named(tmp_path, text, message, capsys):
    folder = tmp_path / "a"
    folder.mkdir()
    if text is not None:
        (folder / "result.json").write_text(text)
    with pytest.raises(results.ResultError, match=message):
        results.load(folder)
    assert __main__.main(["table", str(folder)]) == 2
    assert str(folder) in capsys.readouterr().err


def test_bars_are_written_as_png_and_svg_with_the_same_bytes_each_time(tmp_path):
    folder = str(write(tmp_path / "a", document(7)))
    for out in ("one", "two"):
        assert __main__.main(["bars", folder, "-m", "ep.latency.mean", "-m", "ep.latency.p99", "-o", str(tmp_path / out / "x.png")]) == 0
    for suffix in (".png", ".svg"):
        first, second = ((tmp_path / out / ("x" + suffix)).read_bytes() for out in ("one", "two"))
        assert len(first) > 5000 and first == second


def test_a_stem_with_a_dot_keeps_it(tmp_path):
    t = results.table([results.load(write(tmp_path / "a", document(7)))], ["ep.latency.mean"])
    assert [f.name for f in figure.save(bars.of_table(t, "x"), tmp_path / "v1.5")] == ["v1.5.png", "v1.5.svg"]
