"""The pages in headless Chromium, driven through WebDriver: charts are there, hover and toggles work, nothing is asked of a network."""
import json
import shutil
import time

import pytest

from analysis import __main__
from analysis.report import page

MISSING = [what for what, there in (("chromium", shutil.which("chromium")), ("chromium-driver", shutil.which("chromedriver")), ("libjs-d3", page.D3.is_file())) if not there]
try:
    from selenium import webdriver
    from selenium.webdriver import ActionChains
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    MISSING.append("python3-selenium")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"THE PAGES WERE NOT LOOKED AT IN A BROWSER: not installed: {', '.join(MISSING)} (scripts/setup --browser)")


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    for a in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1280,900", "--disable-background-networking"):
        options.add_argument(a)
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    driver.set_page_load_timeout(120)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, request):
    """Opens the report of a folder; afterwards there is no message in the console and no request but for the file."""
    def open_(folder):
        assert __main__.main(["report", str(folder)]) == 0
        browser.get_log("performance"), browser.get_log("browser")
        browser.get((folder / "report.html").as_uri())
        return browser

    yield open_
    assert browser.get_log("browser") == []
    events = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert asked and all(u.startswith(("file://", "data:")) for u in asked), asked
    assert len([u for u in asked if u.startswith("file://")]) == 1, asked


def chart(driver, name):
    figure = driver.find_element(By.CSS_SELECTOR, f'figure[data-name="{name}"]')
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
    return figure


def entry(figure, name):
    return next(b for b in figure.find_elements(By.CSS_SELECTOR, "button.entry") if b.text == name)


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def tip(driver):
    return driver.find_element(By.CSS_SELECTOR, ".tip")


def ticks(figure):
    return [t.text for t in figure.find_elements(By.CSS_SELECTOR, "g.axis text")]


def test_claims_that_fail_are_marked_where_they_stand(opened, study_folder):
    rows = [r.text for r in opened(study_folder).find_elements(By.CSS_SELECTOR, "#claims-table tbody tr")]
    assert [r.split()[0] for r in rows] == ["pass", "FAIL", "no"] and "5 at a" in rows[0] and "<script>" in rows[0]


def test_every_chart_of_a_study_is_drawn(opened, study_folder):
    driver = opened(study_folder)
    names = [f.get_attribute("data-name") for f in driver.find_elements(By.CSS_SELECTOR, "figure.chart")]
    assert names == ["throughput", "heat", "throughput_relative", "latency_cdf_nic_read", "percentiles_nic_read", "breakdown_nic_read", "worst"]
    assert len(chart(driver, "throughput").find_elements(By.CSS_SELECTOR, "path.line")) == 3 + 2 + 1  # curves, crosses, error
    assert len(chart(driver, "throughput").find_elements(By.CSS_SELECTOR, "path.band")) == 3
    assert len(chart(driver, "heat").find_elements(By.CSS_SELECTOR, "rect.cell")) == 9
    assert len(chart(driver, "latency_cdf_nic_read").find_elements(By.CSS_SELECTOR, "svg")) == 3
    assert len(chart(driver, "breakdown_nic_read").find_elements(By.CSS_SELECTOR, "rect.bar")) == 9 * 6
    assert len(chart(driver, "worst").find_elements(By.CSS_SELECTOR, "rect.bar")) == 20 * 6
    assert {"256 KiB", "1 MiB", "4 MiB"} <= set(ticks(chart(driver, "throughput")))


def test_the_legend_toggles_a_series_in_all_panels(opened, study_folder):
    driver = opened(study_folder)
    shown = lambda: {g.get_attribute("data-name") for g in chart(driver, "throughput").find_elements(By.CSS_SELECTOR, "g.series")}  # noqa: E731
    assert shown() == {"none", "identity", "DMA", "measured"}
    entry(chart(driver, "throughput"), "DMA").click()
    assert shown() == {"none", "identity", "measured"}
    assert entry(chart(driver, "throughput"), "DMA").get_attribute("aria-pressed") == "false"
    entry(chart(driver, "throughput"), "DMA").click()
    ActionChains(driver).key_down(Keys.SHIFT).click(entry(chart(driver, "throughput"), "none")).key_up(Keys.SHIFT).perform()
    assert shown() == {"none"}


def test_toggled_parts_leave_the_stack(opened, run_folder):
    driver = opened(run_folder)
    bars = lambda: {b.get_attribute("data-name"): float(b.get_attribute("x")) for b in chart(driver, "breakdown").find_elements(By.CSS_SELECTOR, "rect.bar")}  # noqa: E731
    before = bars()
    entry(chart(driver, "breakdown"), "issue_wait").click()
    after = bars()
    assert before["link_up"] > 0 and after["link_up"] == 0 and "issue_wait" not in after


def test_hovering_tells_the_values_with_their_band(opened, study_folder):
    driver = opened(study_folder)
    svg = chart(driver, "throughput").find_element(By.CSS_SELECTOR, "svg")
    circle = svg.find_element(By.CSS_SELECTOR, 'g.series[data-name="DMA"] circle')
    ActionChains(driver).move_to_element(circle).perform()
    until(lambda: tip(driver).is_displayed())
    lines = tip(driver).text.splitlines()
    assert lines[0] == "window: 256 KiB" and any(line.startswith("DMA: 4.9") and "[" in line and "Gb/s" in line for line in lines), lines
    ActionChains(driver).move_to_element(driver.find_element(By.CSS_SELECTOR, "header h1")).perform()
    until(lambda: not tip(driver).is_displayed())


def test_hovering_a_slow_dma_tells_its_part_and_when(opened, run_folder):
    driver = opened(run_folder)
    bar = chart(driver, "worst").find_element(By.CSS_SELECTOR, 'rect.bar[data-name="walk"]')
    ActionChains(driver).move_to_element(bar).perform()
    until(lambda: tip(driver).is_displayed())
    text = tip(driver).text
    assert text.splitlines()[0] == "1. nic read 0x1000" and "walk: 150" in text and "from 600" in text and "sum of all: 850" in text


def test_dragging_zooms_and_a_button_resets(opened, study_folder):
    driver = opened(study_folder)
    before = ticks(chart(driver, "throughput"))
    brush = chart(driver, "throughput").find_element(By.CSS_SELECTOR, "g.brush rect.background")
    ActionChains(driver).move_to_element_with_offset(brush, -200, -60).click_and_hold().move_by_offset(260, 120).release().perform()
    zoomed = ticks(chart(driver, "throughput"))
    assert zoomed != before and "4 MiB" not in zoomed
    chart(driver, "throughput").find_element(By.CSS_SELECTOR, "button.reset").click()
    assert ticks(chart(driver, "throughput")) == before


def test_a_double_click_resets_the_zoom(opened, study_folder):
    driver = opened(study_folder)
    before = ticks(chart(driver, "throughput"))
    brush = chart(driver, "throughput").find_element(By.CSS_SELECTOR, "g.brush rect.background")
    ActionChains(driver).move_to_element_with_offset(brush, -200, -60).click_and_hold().move_by_offset(260, 120).release().perform()
    assert ticks(chart(driver, "throughput")) != before
    ActionChains(driver).double_click(chart(driver, "throughput").find_element(By.CSS_SELECTOR, "g.brush rect.background")).perform()
    until(lambda: ticks(chart(driver, "throughput")) == before)


def test_the_legend_works_from_the_keyboard(opened, study_folder):
    driver = opened(study_folder)
    shown = lambda: {g.get_attribute("data-name") for g in chart(driver, "throughput").find_elements(By.CSS_SELECTOR, "g.series")}  # noqa: E731
    driver.execute_script("arguments[0].focus()", entry(chart(driver, "throughput"), "none"))
    ActionChains(driver).send_keys(Keys.SPACE).perform()
    until(lambda: "none" not in shown())
    ActionChains(driver).send_keys(Keys.TAB, Keys.ENTER).perform()
    until(lambda: "identity" not in shown() and "DMA" in shown())


def test_what_plots_must_bear_is_drawn_without_an_error(opened, rough_folder):
    driver = opened(rough_folder)
    size = lambda name, what: len(chart(driver, name).find_elements(By.CSS_SELECTOR, what))  # noqa: E731
    assert size("many", "path.line") == 59 and size("many", "button.entry") == 59
    assert size("bands", "path.band") == 2 and size("dots", "circle.bar") == 4 * 3 - 3 and size("dots", "text.absent") == 3
    assert size("holes", "rect.cell") == 9 and size("single", "circle") == 1
    assert all("NaN" not in (p.get_attribute("d") or "") for p in driver.find_elements(By.CSS_SELECTOR, "svg path"))
    below = [float(b.get_attribute("height")) for b in chart(driver, "below").find_elements(By.CSS_SELECTOR, "rect.bar")]
    zero = float(chart(driver, "below").find_element(By.CSS_SELECTOR, "line.reference").get_attribute("y1"))
    tops = [float(b.get_attribute("y")) for b in chart(driver, "below").find_elements(By.CSS_SELECTOR, "rect.bar")]
    assert below[0] == 0 and tops[1] + below[1] == pytest.approx(zero, abs=0.1)  # 0, 0.5, -1, -1.5
    assert tops[2] == tops[3] == pytest.approx(zero, abs=0.1) and 0 < below[2] < below[3]


def test_recordings_over_time_are_drawn(opened, run_folder):
    (run_folder / "timeline.csv").write_text("time_ps,nic.dma.throughput\n1000000,5\n2000000,\n3000000,7\n")
    (run_folder / "trace.json").write_text(json.dumps({"traceEvents": [
        {"ph": "X", "pid": 1, "tid": 1, "ts": 0, "dur": 1}, {"ph": "C", "pid": 1, "name": "queue", "ts": 0, "args": {"level": 1}},
        {"ph": "C", "pid": 1, "name": "queue", "ts": 2, "args": {"level": 3}}]}))
    driver = opened(run_folder)
    for name in ("timeline", "tracks", "counters"):
        assert chart(driver, name).find_elements(By.CSS_SELECTOR, "path.line"), name


def test_panels_over_time_have_legends_of_their_own(opened, run_folder):
    (run_folder / "timeline.csv").write_text("time_ps,nic.dma.throughput,a.queue.mean,b.queue.mean\n1000000,5,1,2\n2000000,6,2,3\n")
    figure = chart(opened(run_folder), "timeline")
    panels = figure.find_elements(By.CSS_SELECTOR, ".panel")
    assert [[b.text for b in p.find_elements(By.CSS_SELECTOR, ".legend b.of, button.entry")] for p in panels] == [
        ["throughput", "nic.dma"], ["mean level", "b.queue", "a.queue"]]
    entry(figure, "b.queue").click()
    until(lambda: len(figure.find_elements(By.CSS_SELECTOR, ".panel:nth-child(2) path.line")) == 1)
    assert entry(figure, "b.queue").get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize("what", ["run_folder", "study_folder"])
def test_charts_have_names_for_those_who_cannot_see_them(opened, what, request):
    driver = opened(request.getfixturevalue(what))
    names = [s.get_attribute("aria-label") for s in driver.find_elements(By.CSS_SELECTOR, "svg[role=img]")]
    assert len(names) > 4 and all(names) and any("latency (ns)" in n and ("nic" in n or "DMA" in n) for n in names)
    assert not driver.execute_script("return [...document.querySelectorAll('svg')].filter(s => s.getAttribute('role') !== 'img').length")
    assert not driver.execute_script("return [...document.querySelectorAll('input, button')].filter(e => !e.textContent && !e.getAttribute('aria-label')).length")


def test_a_printed_page_has_all_rows_and_no_controls(opened, run_folder):
    driver = opened(run_folder)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        hidden = "return [...document.querySelectorAll('nav, .tools, .hint')].every(e => getComputedStyle(e).display === 'none')"
        until(lambda: driver.execute_script(hidden))
        assert driver.execute_script("return [...document.querySelectorAll('.tall')].every(e => e.scrollHeight <= e.clientHeight + 1)")
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("what", ["run_folder", "study_folder"])
def test_the_policy_stops_whatever_would_leave_the_page(browser, what, request):
    folder = request.getfixturevalue(what)
    assert __main__.main(["report", str(folder)]) == 0
    browser.get((folder / "report.html").as_uri())
    browser.get_log("performance"), browser.get_log("browser")
    stopped = browser.execute_async_script("""
      const done = arguments[0], stopped = new Set();
      document.addEventListener("securitypolicyviolation", e => stopped.add(e.effectiveDirective));
      const add = (tag, of) => document.body.appendChild(Object.assign(document.createElement(tag), of));
      add("img", {src: "http://127.0.0.1:9/x.png"});
      add("script", {src: "http://127.0.0.1:9/x.js"});
      add("script", {textContent: "window.ran = true"});
      add("link", {rel: "stylesheet", href: "http://127.0.0.1:9/x.css"});
      add("iframe", {src: "http://127.0.0.1:9/"});
      fetch("http://127.0.0.1:9/").catch(() => 0);
      setTimeout(() => done([...stopped, window.ran ? "ran" : "held"].sort()), 500);""")
    assert stopped == ["connect-src", "frame-src", "held", "img-src", "script-src-elem", "style-src-elem"]
    events = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    browser.get_log("browser")
    reached = {e["params"]["requestId"] for e in events if e["method"] == "Network.requestWillBeSentExtraInfo"}
    blocked = {e["params"]["requestId"] for e in events if e["method"] == "Network.loadingFailed" and e["params"].get("blockedReason") == "csp"}
    asked = {e["params"]["requestId"] for e in events if e["method"] == "Network.requestWillBeSent" and e["params"]["request"]["url"].startswith("http")}
    assert asked <= blocked and not asked & reached


def test_the_configuration_is_searched(opened, run_folder):
    driver = opened(run_folder)
    leaves = lambda: [x.text for x in driver.find_elements(By.CSS_SELECTOR, "#configuration-tree .leaf") if x.is_displayed()]  # noqa: E731
    assert "walkers: 6" not in leaves()
    field = driver.find_element(By.CSS_SELECTOR, 'input[data-filters="configuration-tree"]')
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", field)
    field.send_keys("Walkers")
    until(lambda: leaves() == ["walkers: 6"])
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.DELETE)
    until(lambda: "name: reach" in leaves() and "walkers: 6" not in leaves())


def test_long_tables_are_searched(opened, run_folder):
    driver = opened(run_folder)
    rows = lambda: [r.text for r in driver.find_elements(By.CSS_SELECTOR, "#metrics-table tbody tr") if r.is_displayed()]  # noqa: E731
    assert len(rows()) > 10
    driver.find_element(By.CSS_SELECTOR, 'input[data-filters="metrics-table"]').send_keys("hit_rate")
    until(lambda: len(rows()) == 1)


@pytest.mark.parametrize("width", [420, 700])
@pytest.mark.parametrize("what", ["run_folder", "study_folder"])
def test_a_narrow_window_keeps_charts_inside(opened, what, width, request):
    driver = opened(request.getfixturevalue(what))
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    try:
        widest = "return Math.max(...[...document.querySelectorAll('figure.chart svg *')].map(s => s.getBoundingClientRect().right))"
        until(lambda: driver.execute_script(widest) <= width)
        assert driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
