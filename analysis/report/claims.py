"""Claims of a study with pass or fail, and what did not run."""
from __future__ import annotations

from typing import Any

from analysis.report.html import element, table, text
from analysis.study import Study

_WORDS = {"pass": "pass", "fail": "FAIL", "missing": "no data", "pending": "not checked"}


MOST_FAILURES, MOST_TEXT = 50, 4000  # on a page; characters of one


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
    """Runs that failed, with their last lines, those that failed alike together; empty when none did."""
    alike: dict[tuple[str, str], list[str]] = {}
    for f in study.failures:
        alike.setdefault((str(f.get("status", "")), str(f.get("lines", ""))), []).append(f"{f.get('point', '?')}, seed {f.get('seed', '-')}")
    shown = list(alike.items())[:MOST_FAILURES]
    left = len(study.failures) - sum(len(runs) for _, runs in shown)
    return "".join(
        element("h3", text(f"{'; '.join(runs[:8])}{f' and {len(runs) - 8} more' if len(runs) > 8 else ''}: {status}")) + element("pre", text(lines[-MOST_TEXT:]))
        for (status, lines), runs in shown) + (element("p", text(f"and {left} more, in study.json"), class_="caption") if left else "")
