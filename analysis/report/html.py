"""HTML as text: every value goes through these functions, none is pasted."""
from __future__ import annotations

import base64
import hashlib
import html
import json
from typing import Any, Iterable, Sequence


def text(value: Any) -> str:
    """A value as text content or as an attribute's value in double quotes. Control characters, which HTML has no way to write, go."""
    clean = "".join(c for c in str(value) if c in "\t\n" or ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0 and not 0xD800 <= ord(c) < 0xE000)
    return html.escape(clean, quote=True)


def element(tag: str, content: str = "", **attributes: Any) -> str:
    """`content` is HTML; attributes are values (class_ -> class, data_x -> data-x); None leaves one out."""
    given = "".join(f' {k.rstrip("_").replace("_", "-")}="{text(v)}"' for k, v in attributes.items() if v is not None)
    return f"<{tag}{given}>{content}</{tag}>"


def data(identifier: str, value: Any) -> str:
    """JSON for the page's script. No "<" and no "&" is left that could end the element or begin a comment."""
    dump = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for c in "<>&":
        dump = dump.replace(c, f"\\u{ord(c):04x}")
    return f'<script type="application/json" id="{text(identifier)}">{dump}</script>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], **attributes: Any) -> str:
    """Cells are HTML. Cells of figures are right-aligned by the style sheet (class num on a span)."""
    lines = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return element("table", "<thead><tr>" + "".join(f'<th scope="col">{text(h)}</th>' for h in head) + f"</tr></thead><tbody>{lines}</tbody>", **attributes)


def number(value: Any) -> str:
    return element("span", text(value), class_="num")


def section(title: str, content: str, identifier: str) -> str:
    return element("section", element("h2", text(title)) + content, id=identifier)


def page(title: str, style: str, body: str, scripts: Sequence[str]) -> str:
    """A document whose policy lets nothing be loaded, and nothing run but these scripts."""
    for script in scripts:
        if "</script" in script.lower() or "<!--" in script:
            raise ValueError("a script would end its own element")
    hashes = " ".join("'sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() + "'" for s in scripts)
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    head = (f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
            f"<title>{text(title)}</title><style>{style}</style>")
    end = "".join(f"<script>{s}</script>" for s in scripts)
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}{end}</body></html>\n'
