"""The pages as text: what is in them, and that nothing from a file gets out of its place. In a browser: test_browser.py."""
import base64
import hashlib
import html.parser as html_parser
import json
import re

import pytest

from analysis import __main__
from analysis.report import html, page
from made_results import HOSTILE, write_run, write_study

needs_d3 = pytest.mark.skipif(not page.D3.is_file(), reason="SKIPPED LOUDLY: libjs-d3 is not installed, no report can be written")
pytestmark = needs_d3


def report(folder):
    assert __main__.main(["report", str(folder)]) == 0
    return (folder / "report.html").read_text()


class Parsed(html_parser.HTMLParser):
    """Elements, attributes and text, scripts apart."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.scripts, self._in = [], [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]
        self._in = tag

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, data):
        (self.scripts if self._in == "script" else self.texts).append(data)


def test_a_run_page_has_its_sections_and_charts(run_folder):
    text = report(run_folder)
    for identifier in ("summary", "platform", "latency", "breakdown", "worst", "metrics", "configuration"):
        assert f'<section id="{identifier}">' in text
    data = json.loads(re.search(r'<script type="application/json" id="charts">(.*?)</script>', text).group(1))
    assert [c["name"] for c in data["charts"]] == ["latency_cdf", "percentiles", "breakdown", "worst"]
    assert text.count('class="chart"') == 4


def test_the_platform_is_drawn_with_its_parts_groups_and_domains(run_folder):
    texts = Parsed(report(run_folder)).texts
    for expected in ("memory node 0", "cpu0", "IOMMU: vtd", "root complex, 1 root port", "01:00.0 sw0", "03:00.0 nic", "group 0", "group 1",
                     "03:00.0 DMA", "03:00.1 idle", "Gen3 x8, up 10 %, down 40 %", "IOTLB 80 entries, hit rate 50 %; 6 walkers; in order service",
                     "4 DRAM channels, 25 % busy"):
        assert any(expected in t for t in texts), expected


def test_a_machine_without_an_iommu_is_drawn_without(tmp_path):
    assert "no IOMMU" in Parsed(report(write_run(tmp_path / "r", domain="none"))).texts


def test_claims_are_listed_in_the_studys_order_and_say_what_they_compare(mixed_folder, study_folder):
    text = report(study_folder)
    assert re.findall(r'<span class="(pass|fail|missing)">', text)[:3] == ["pass", "fail", "missing"]
    assert "1 of 3 claims hold." in text and "exit 1" in text
    document = json.loads((mixed_folder / "study.json").read_text())
    document["claims"] = [{"text": "a", "metric": "gbps", "status": "fail", "figures": "+2.3e+02 % at p1e+02, limit <= 1e-09",
                           "check": {"ratio": ratio, "rows": [[3, 0, None]]}}
                          for ratio in (True, False)]
    (mixed_folder / "study.json").write_text(json.dumps(document))
    texts = Parsed(report(mixed_folder)).texts
    assert texts.count("+230 % at p1e+02, limit <= 1e-09") == 2
    assert "ratio to drain 1 us" in texts and "difference to drain 1 us" in texts


def test_runs_that_failed_alike_are_told_once(study_folder):
    document = json.loads((study_folder / "study.json").read_text())
    document["failures"] = [{"point": "p", "seed": s, "status": "exit 1", "lines": "boom"} for s in range(12)] + [{"point": "q", "seed": 1, "status": "exit 2", "lines": "bang"}]
    (study_folder / "study.json").write_text(json.dumps(document))
    texts = Parsed(report(study_folder)).texts
    assert texts.count("boom") == 1 and any(t.startswith("p, seed 0; p, seed 1") and t.endswith("and 4 more: exit 1") for t in texts) and "q, seed 1: exit 2" in texts


def test_what_is_left_out_is_said(tmp_path):
    folder = write_study(tmp_path / "s", 1, windows=[1 << k for k in range(12, 24)])
    texts = Parsed(report(folder)).texts
    assert sum("27 of 36 points, spread over them." in t for t in texts) == 2  # distributions and breakdowns; percentiles have all


def test_a_page_can_be_read_aloud_and_printed(run_folder):
    text = report(run_folder)
    assert '<html lang="en">' in text and "<title>reach</title>" in text and '<th scope="col">' in text
    assert 'role="img" aria-label="platform"' in text and text.count("<figcaption>") == text.count('class="chart"')
    printed = text[text.index("@media print"):text.index("</style>")]
    assert re.search(r"nav, \.tools[^{]*\{ display: none", printed) and "max-height: none" in printed


def test_a_study_page_has_a_row_per_point_with_its_interval(study_folder):
    text = report(study_folder)
    assert text.count("3 runs") == 9 and "\u00b1" in text
    assert "as in none-256K" in text and "as in identity-256K" in text  # two machines: without and with an IOMMU


@pytest.mark.parametrize("what", ["run_folder", "study_folder"])
def test_nothing_from_a_file_becomes_markup(what, request):
    folder = request.getfixturevalue(what)
    plain = Parsed(report(folder))
    for file in [*folder.rglob("*.json"), *folder.rglob("resolved.yaml")]:
        text = file.read_text()
        file.write_text(text.replace("reach", "reach<img src=x onerror=alert(1)>").replace('"nic"', json.dumps(f"nic{HOSTILE}")))
    broken = Parsed(report(folder))
    assert "img" not in broken.tags and broken.tags.count("script") == plain.tags.count("script") == 4
    assert not [a for a in broken.attributes if a[1].startswith("on")]
    assert any(HOSTILE in t for t in broken.texts)


def test_a_page_asks_for_nothing_and_runs_its_own_scripts_only(run_folder):
    text = report(run_folder)
    assert not [a for a in Parsed(text).attributes if a[1] in ("src", "action") or (a[1] == "href" and not a[2].startswith(("#", "data:")))]
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert policy.startswith("default-src 'none'") and "unsafe-inline" not in policy.split("style-src")[0]
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 3
    for s in scripts:
        assert "sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() in policy


def test_the_same_results_give_the_same_page(run_folder):
    assert report(run_folder) == report(run_folder)


def test_data_for_the_script_cannot_end_its_element():
    out = html.data("x", {"a": "</script><!--"})
    assert out.count("<") == 2 and json.loads(out[out.index(">") + 1:out.rindex("<")]) == {"a": "</script><!--"}
    assert html.text('a"<b>\x00') == "a&quot;&lt;b&gt;"


def test_without_the_library_the_package_is_named(run_folder, monkeypatch, capsys):
    monkeypatch.setattr(page, "D3", page.D3.with_name("none.js"))
    assert __main__.main(["report", str(run_folder)]) == 2
    assert "install Debian's libjs-d3" in capsys.readouterr().err
    assert not (run_folder / "report.html").exists()


def test_a_result_of_an_older_version_still_has_a_page(run_folder):
    for name in ("worst.json", "topology.json", "latency.csv"):
        (run_folder / name).unlink()
    texts = Parsed(report(run_folder)).texts
    assert any("sw0" in t for t in texts) and "No DMAs in the measurement window." in texts
