"""Figures as files, through the command line."""
import json
import re
import xml.etree.ElementTree

import pytest

from analysis import __main__
from made_results import write_study


def figures(folder, *options):
    return __main__.main(["figures", str(folder), *map(str, options)])


def test_every_figure_of_a_study_is_drawn_as_png_and_svg(study_folder, capsys):
    assert figures(study_folder) == 0
    names = ["breakdown_nic_read", "heat", "latency_cdf_nic_read", "percentiles_nic_read", "throughput", "throughput_relative"]
    assert sorted(f.name for f in (study_folder / "figures").iterdir()) == sorted(n + s for n in names for s in (".png", ".svg"))
    for file in (study_folder / "figures").iterdir():
        assert file.stat().st_size > 5000
        if file.suffix == ".svg":
            xml.etree.ElementTree.parse(file)
        else:
            assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(capsys.readouterr().out.splitlines()) == 12


def test_the_same_results_give_the_same_bytes(study_folder, tmp_path):
    for out in ("a", "b"):
        assert figures(study_folder, "-o", tmp_path / out) == 0
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_the_figures_of_a_run(run_folder):
    assert figures(run_folder) == 0
    assert sorted(f.stem for f in (run_folder / "figures").glob("*.png")) == ["breakdown", "latency_cdf", "percentiles", "worst"]


def test_axes_carry_units_and_sizes_read_as_such(study_folder, tmp_path, monkeypatch):
    # Text stays text in this one, so that it can be read back.
    from analysis.draw import figure
    monkeypatch.setitem(figure.STYLE, "svg.fonttype", "none")
    assert figures(study_folder, "-o", tmp_path / "out") == 0
    texts = re.findall(r">([^<>]+)</text>", (tmp_path / "out" / "throughput.svg").read_text())
    assert {"256 KiB", "1 MiB", "4 MiB", "gbps (Gb/s)", "relative error (%)", "measured", "none", "identity", "DMA", "window"} <= set(texts)
    assert texts.count("256 KiB") == 1  # panels that share an axis label it once


def test_a_legend_takes_the_rows_it_needs():
    from analysis.draw.legend import legend_columns
    assert legend_columns(["none", "identity", "DMA"]) == 3
    assert legend_columns(["issue_wait", "link_up", "lookup", "walk", "to_memory", "memory", "from_memory", "link_down", "engine"]) == 5
    assert legend_columns(["x" * 100, "y"]) == 1


def texts_of(folder, out, monkeypatch):
    """The texts of every figure, by name."""
    from analysis.draw import figure
    monkeypatch.setitem(figure.STYLE, "svg.fonttype", "none")
    assert figures(folder, "-o", out) == 0
    return {f.stem: re.findall(r">([^<>]+)</text>", f.read_text()) for f in out.glob("*.svg")}


def test_values_that_are_missing_or_zero_are_told_apart(rough_folder, tmp_path, monkeypatch):
    texts = texts_of(rough_folder, tmp_path / "out", monkeypatch)
    assert texts["dots"].count("0") == 1 + 3  # a name in the legend; values that a logarithmic axis cannot show
    assert texts["many_bars"].count("n/a") == 0 and "no values" not in texts["holes"]
    folder = study_with_a_hole(rough_folder)
    assert texts_of(folder, tmp_path / "more", monkeypatch)["few"].count("n/a") == 1


def study_with_a_hole(folder):
    text = (folder / "study.json").read_text()
    few = {"name": "few", "kind": "bars", "x": "size", "y": "holes", "series": "k", "where": {"k": [2, 3]}}
    (folder / "study.json").write_text(text.replace('"plots": [', f'"plots": [{json.dumps(few)}, '))
    csv = (folder / "results.csv").read_text()
    (folder / "results.csv").write_text(re.sub(r"^(p2-64,.*,)[^,\n]*$", r"\1", csv, flags=re.MULTILINE))
    return folder


def test_legends_of_very_many_series_stay_small(rough_folder, tmp_path, monkeypatch):
    many = texts_of(rough_folder, tmp_path / "out", monkeypatch)["many"]
    assert "(47 more between)" in many and sum(t.startswith("a-configuration") for t in many) == 12


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("folder", ["study_folder", "rough_folder"])
def test_labels_of_an_axis_do_not_overlap(folder, request):
    import matplotlib
    from analysis import figures as all_figures
    from analysis.draw import figure
    for chart in all_figures.charts_of(request.getfixturevalue(folder)):
        with matplotlib.rc_context(figure.STYLE):
            drawn = figure.draw(chart)
            drawn.canvas.draw()
            for axes in drawn.axes:
                for axis in (axes.xaxis, axes.yaxis):
                    rotated = any(t.get_rotation() not in (0, 90) for t in axis.get_ticklabels())
                    boxes = [t.get_window_extent() for t in axis.get_ticklabels() if t.get_visible() and t.get_text()]
                    for a, b in zip(boxes, boxes[1:]):
                        assert rotated or not a.overlaps(b), (chart.name, axis.axis_name)
            titles = [t.get_window_extent() for axes in drawn.axes for t in (axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title)
                      if t.get_text() and t.get_visible()]
            for i, a in enumerate(titles):
                assert not any(a.overlaps(b) for b in titles[i + 1:]), chart.name
            width, height = drawn.canvas.get_width_height()
            for axes in drawn.axes:
                legend = axes.get_legend()
                outside = [] if legend is None else [legend.get_window_extent()]
                assert not any(b.x0 < -2 or b.x1 > width + 2 for b in outside), chart.name
                box = axes.get_tightbbox()
                assert box is None or (box.x0 >= -2 and box.y0 >= -2 and box.x1 <= width + 2 and box.y1 <= height + 2), chart.name
            figure.plt.close(drawn)


def test_a_study_without_plots_gets_its_metrics_over_its_factors(tmp_path):
    folder = write_study(tmp_path / "s", 1)
    (folder / "study.json").unlink()
    assert figures(folder) == 0
    assert {"gbps", "mean_ns"} <= {f.stem for f in (folder / "figures").glob("*.svg")}


@pytest.mark.parametrize("remove, message", [
    ("results.csv", "holds neither results.csv"), ("results.columns.json", "`iommusim collect` makes it")])
def test_what_is_missing_is_named(study_folder, remove, message, capsys):
    (study_folder / remove).unlink()
    assert figures(study_folder) == 2
    assert message in capsys.readouterr().err
