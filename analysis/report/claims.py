"""Claims of a study with pass or fail, and what did not run."""
from __future__ import annotations

from typing import Any

from analysis.report.html import element, table, text
from analysis.study import Study

_WORDS = {"pass": "pass", "fail": "FAIL", "missing": "no data", "pending": "not checked"}


def _status(status: str) -> str:
    known = status if status in _WORDS else "pending"
    return element("span", text(_WORDS.get(status, status)), class_=known)


def _figures(claim: dict[str, Any]) -> str:
    value = claim.get("value")
    return text(claim.get("figures") or ("" if value is None else f"{value:.6g}" if isinstance(value, (int, float)) else value))


def section(study: Study) -> str:
    """A table, failures first; and a sentence that counts them."""
    if not study.claims:
        return element("p", "The study makes no claims.", class_="caption")
    order = {"fail": 0, "missing": 1, "pending": 2}
    claims = sorted(study.claims, key=lambda c: order.get(str(c.get("status")), 3))
    rows = [[_status(str(c.get("status", "pending"))), text(c.get("text", "")), element("code", text(c.get("metric", ""))), _figures(c),
             text(c.get("reference") or "")] for c in claims]
    passed = sum(c.get("status") == "pass" for c in study.claims)
    return element("p", text(f"{passed} of {len(study.claims)} claims hold.")) + element(
        "div", table(["", "claim", "metric", "figures", "reference"], rows, id="claims-table"), class_="wide")


def failures(study: Study) -> str:
    """Runs that failed, each with its last lines; empty when none did."""
    return "".join(
        element("h3", text(f"{f.get('point', '?')}, seed {f.get('seed', '-')}: {f.get('status', '')}")) + element("pre", text(f.get("lines", "")))
        for f in study.failures[:50]) + (
        element("p", text(f"and {len(study.failures) - 50} more, in study.json"), class_="caption") if len(study.failures) > 50 else "")
