"""Claims of a study with pass or fail, and what did not run."""
from __future__ import annotations

import re
from typing import Any

from analysis.build.table import said
from analysis.chart.units import number_text
from analysis.report.html import element, table, text
from analysis.study import Study

_WORDS = {"pass": "pass", "fail": "FAIL", "missing": "no data", "pending": "not checked"}


MOST_FAILURES, MOST_TEXT = 50, 4000  # on a page; characters of one


def _status(status: str) -> str:
    known = status if status in _WORDS else "pending"
    return element("span", text(_WORDS.get(status, status)), class_=known)


_EXPONENT = re.compile(r"(?<![\w.])([+-]?)(\d(?:\.\d+)?e[+-]?\d{1,3})(?![\w.])")


def _figures(claim: dict[str, Any]) -> str:
    """As the sweep wrote them, but numbers of a readable size without an exponent: +2.3e+02 % is +230 %."""
    value = claim.get("value")
    shown = str(claim.get("figures") or ("" if value is None else f"{value:.6g}" if isinstance(value, (int, float)) else value))
    return text(_EXPONENT.sub(lambda m: m[1] + number_text(float(m[2])), shown))


def _compared(study: Study, claim: dict[str, Any]) -> str:
    """What a claim's ratio or difference is to: the factors in which the first point and the one it is compared with differ."""
    check = claim.get("check")
    check = check if isinstance(check, dict) else {}
    pairs = check.get("rows")
    for pair in pairs if isinstance(pairs, list) else []:
        if isinstance(pair, list) and len(pair) > 1 and all(isinstance(i, int) and 0 <= i < len(study.points) for i in pair[:2]):
            one, other = (study.points[i].columns for i in pair[:2])
            changed = [f"{c} {said(study, c, v)}" for c, v in other.items() if c in study.columns and one.get(c) != v]
            return f"{'ratio' if check.get('ratio') is True else 'difference'} to {', '.join(changed) or study.points[pair[1]].name}"
    return ""


def section(study: Study) -> str:
    """A table in the study's order; and a sentence that counts them."""
    if not study.claims:
        return element("p", "The study makes no claims.", class_="caption")
    rows = []
    for c in study.claims:
        metric, of = element("code", text(c.get("metric", ""))), _compared(study, c)
        metric += element("div", text(of), class_="caption") if of else ""
        rows.append([_status(str(c.get("status", "pending"))), text(c.get("text", "")), metric, _figures(c), text(c.get("reference") or "")])
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
