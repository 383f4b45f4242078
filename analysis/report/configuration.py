"""The resolved configuration as a tree that opens, closes and can be searched."""
from __future__ import annotations

from typing import Any

from analysis.report.html import element, text


def _leaf(name: str, value: Any, path: str) -> str:
    shown = element("span", text(name), class_="key") + ": " + element("span", text("none" if value is None else value), class_="value")
    return element("div", shown, class_="leaf path", data_text=f"{path}: {value}", title=path)


def _tree(name: str, value: Any, path: str, depth: int) -> str:
    if isinstance(value, dict):
        children = [(str(k), v, f"{path}.{k}" if path else str(k)) for k, v in value.items()]
    elif isinstance(value, list):
        children = [(f"[{i}]", v, f"{path}[{i}]") for i, v in enumerate(value)]
    else:
        return _leaf(name, value, path)
    if not children:
        return _leaf(name, "{}" if isinstance(value, dict) else "[]", path)
    inner = "".join(_tree(n, v, p, depth + 1) for n, v, p in children)
    label = name
    if isinstance(value, list) and value and all(isinstance(v, dict) and "name" in v for v in value):
        label = f"{name} ({', '.join(str(v['name']) for v in value[:6])}{', ...' if len(value) > 6 else ''})"
    return element("details", element("summary", element("span", text(label), class_="key"), class_="path") + inner, data_text=path)


def tree(configuration: dict[str, Any], identifier: str) -> str:
    """A search field, and a details element per map; closed at first but for what names the run."""
    if not configuration:
        return element("p", "The run's folder has no resolved.yaml.", class_="caption")
    tools = ('<input type="search" placeholder="search keys and values, e.g. walkers" aria-label="search the configuration" '
             f'data-filters="{text(identifier)}">'
             f'<button type="button" data-opens="{text(identifier)}" data-open="true">open all</button> '
             f'<button type="button" data-opens="{text(identifier)}" data-open="false">close all</button>')
    inner = "".join(_tree(str(k), v, str(k), 0) for k, v in configuration.items())
    return element("div", tools, class_="tools") + element("div", inner, id=identifier)
