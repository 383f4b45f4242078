"""A report: gathers the sections of a run or a study and writes them as one file."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

from matplotlib import colormaps
from matplotlib.colors import to_hex

from analysis import figures, study
from analysis.chart.model import Chart, as_json
from analysis.report import html, of_run, of_study
from analysis.results import ResultError
from analysis.run_folder import RunFolder

# Debian's libjs-d3 (3.5.17, BSD-3-Clause); scripts/setup installs it, each page gets a copy.
D3 = Path("/usr/share/javascript/d3/d3.min.js")
_HERE = Path(__file__).parent


class Charts:
    """Numbers the charts of a page and keeps their data."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def add(self, charts: Sequence[Chart]) -> str:
        """HTML of the places where the script will draw them."""
        out = []
        for chart in charts:
            caption = html.element("figcaption", html.text(chart.title or chart.name))
            note = html.element("p", html.text(chart.caption), class_="caption") if chart.caption else ""
            out.append(html.element("figure", caption, class_="chart", id=f"chart-{len(self.all)}", data_name=chart.name) + note)
            self.all.append(as_json(chart))
        return "".join(out)

    def data(self) -> str:
        ramp = [to_hex(colormaps["cividis"](i / 8)) for i in range(9)]
        return html.data("charts", {"charts": self.all, "ramp": ramp})


def _d3() -> str:
    try:
        return D3.read_text(encoding="utf-8")
    except OSError:
        raise ResultError(f"there is no {D3}: install Debian's libjs-d3 (scripts/setup does)") from None


def text_of(folder: Path) -> str:
    """The page of a run's or a study's folder."""
    charts = Charts()
    if figures.is_run(folder):
        title, head, sections = of_run.sections(RunFolder(folder), charts.add)
    else:
        title, head, sections = of_study.sections(study.read(folder), charts.add)
    links = "".join(html.element("a", html.text(name), href=f"#{identifier}") for identifier, name, _ in sections)
    body = html.element("header", html.element("h1", html.text(title)) + head) + html.element("nav", links) + html.element(
        "main", "<noscript><p>The charts of this page need scripts; tables, drawing and configuration do not.</p></noscript>" + "".join(
            html.section(name, content, identifier) for identifier, name, content in sections)) + charts.data()
    scripts = [_d3(), (_HERE / "charts.js").read_text(encoding="utf-8"), (_HERE / "search.js").read_text(encoding="utf-8")]
    return html.page(title, (_HERE / "report.css").read_text(encoding="utf-8"), body, scripts)


def write(folder: Path, output: Path | None = None) -> Path:
    """Writes `output` (default: FOLDER/report.html), whole or not at all."""
    text = text_of(folder)
    output = output or folder / "report.html"
    partial = output.with_name(f".{output.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(output)
    return output
