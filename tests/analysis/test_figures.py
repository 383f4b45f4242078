"""Figures as files, through the command line."""
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
    from analysis.draw.figure import _legend_columns
    assert _legend_columns(["none", "identity", "DMA"]) == 3
    assert _legend_columns(["issue_wait", "link_up", "lookup", "walk", "to_memory", "memory", "from_memory", "link_down", "engine"]) == 5
    assert _legend_columns(["x" * 100, "y"]) == 1


@pytest.mark.filterwarnings("error")
def test_labels_of_an_axis_do_not_overlap(study_folder):
    import matplotlib
    from analysis import figures as all_figures
    from analysis.draw import figure
    for chart in all_figures.charts_of(study_folder):
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
