"""The machine of a run as a drawing: memory nodes and cores above, IOMMU and root complex, the PCIe tree below.

From topology.json (who is behind whom, groups, domains), resolved.yaml (sizes) and result.json (how busy each was).
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from analysis.chart.palette import colours
from analysis.report.html import element, text
from analysis.run_folder import RunFolder

_GAP, _ROW, _LEVEL = 18, 19, 58
_WIDE, _NARROW, _MANY = 216, 164, 5  # width of a box, where more than _MANY stand side by side
_MOST_BELOW = 12
_SHOWN_FUNCTIONS = 8
_FILL = {"memory": "#d9efe0", "core": "#ece6f3", "bus": "#f1f3f5", "iommu": "#fde3cf", "root": "#dcebf7", "switch": "#dcebf7",
         "bridge": "#dcebf7", "endpoint": "#f7f7f7"}


@dataclass
class _Node:
    """A switch, bridge or endpoint: its lines of text, its place."""

    name: str
    kind: str
    lines: list[str]
    functions: list[dict[str, Any]] = field(default_factory=list)
    below: list["_Node"] = field(default_factory=list)
    link: str = ""
    x: float = 0.0
    y: float = 0.0
    bdf: str = ""

    @property
    def height(self) -> float:
        shown = min(len(self.functions), _SHOWN_FUNCTIONS + 1)
        return 12 + _ROW * (1 + len(self.lines) + shown)


def _get(document: Any, path: str, default: Any = "") -> Any:
    for key in path.split("."):
        if isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        elif isinstance(document, dict) and key in document:
            document = document[key]
        else:
            return default
    return document


def _items(document: Any, path: str) -> list[Any]:
    found = _get(document, path, [])
    return found if isinstance(found, list) else []


def _percent(run: RunFolder, path: str) -> str:
    m = run.result.metrics.get(path)
    return "" if m is None else f"{100 * m.value:.3g} %"


def _link_text(run: RunFolder, name: str, of: Any) -> str:
    kind = f"Gen{_get(of, 'link.generation', '?')} x{_get(of, 'link.width', '?')}"
    up, down = _percent(run, f"{name}.link.up.utilisation"), _percent(run, f"{name}.link.down.utilisation")
    return kind + (f", up {up}, down {down}" if up and down else "")


def _without_topology(platform: Any) -> dict[str, Any]:
    """For results that have no topology.json: the tree as described, without groups."""
    nodes: list[dict[str, Any]] = []
    for kind, key in (("switch", "switches"), ("bridge", "bridges"), ("endpoint", "endpoints")):
        nodes += [{"name": _get(d, "name"), "kind": kind, "bdf": _get(d, "bdf"), "behind": _get(d, "behind")} for d in _items(platform, key)]
    at = {n["name"]: i for i, n in enumerate(nodes)}
    for n in nodes:
        n["above"] = at.get(n["behind"])
    return {"nodes": nodes, "functions": [{"name": n["name"], "endpoint": n["name"], "bdf": n["bdf"]} for n in nodes if n["kind"] == "endpoint"]}


def _tree(run: RunFolder, platform: Any) -> list[_Node]:
    topology = run.topology() or _without_topology(platform)
    described = {_get(d, "name"): d for key in ("switches", "bridges", "endpoints") for d in _items(platform, key)}
    nodes = []
    for n in topology.get("nodes", []):
        of = described.get(n["name"], {})
        lines = []
        if n["kind"] == "endpoint":
            tags = str(_get(of, "dma.tags", "?"))
            lines += ["all tags" if tags == "0" else f"{tags} tags", f"MPS {_get(of, 'link.mps', '?')}, MRRS {_get(of, 'link.mrrs', '?')}"]
        elif "first_bus" in n:
            lines.append(f"buses {n['first_bus']:02x}-{n['last_bus']:02x}")
        nodes.append(_Node(str(n["name"]), str(n["kind"]), lines, link=_link_text(run, n["name"], of), bdf=str(n.get("bdf") or "")))
    for f in topology.get("functions", []):
        for node in nodes:
            if node.kind == "endpoint" and node.name == f["endpoint"]:
                node.functions.append(f)
    roots = []
    for n, node in zip(topology.get("nodes", []), nodes):
        if n.get("above") is None:
            roots.append(node)
        else:
            nodes[n["above"]].below.append(node)
    return roots


def _place(nodes: list[_Node], x: float, y: float, box: float) -> float:
    """Leaves side by side, each parent over the middle of its children; returns the right end."""
    for node in nodes:
        if node.below:
            end = _place(node.below, x, y + node.height + _LEVEL, box)
            node.x = (node.below[0].x + node.below[-1].x) / 2
            x = max(end, x + box + _GAP)
        else:
            node.x = x
            x += box + _GAP
        node.y = y
    return x


def _fold(nodes: list[_Node]) -> list[_Node]:
    """Of many side by side the first, and a box that counts the others."""
    for n in nodes:
        n.below = _fold(n.below)
    if len(nodes) <= _MOST_BELOW:
        return nodes
    left = nodes[_MOST_BELOW - 1:]
    return [*nodes[:_MOST_BELOW - 1], _Node(f"{len(left)} more", left[0].kind, [f"{left[0].name} to {left[-1].name}"])]


def _bottom(nodes: list[_Node]) -> float:
    return max((max(n.y + n.height, _bottom(n.below)) for n in nodes), default=0.0)


class _Svg:
    """Elements so far, and the width of a box."""

    def __init__(self, box_width: float) -> None:
        self.parts: list[str] = []
        self.box_width = box_width

    def box(self, x: float, y: float, width: float, height: float, kind: str, title: str, lines: list[str], dashed: bool = False) -> None:
        self.parts.append(element("rect", element("title", text(f"{title}\n" + "\n".join(lines))), x=f"{x:g}", y=f"{y:g}", width=f"{width:g}",
                                  height=f"{height:g}", rx=5, fill=_FILL.get(kind, _FILL["endpoint"]), stroke="#6e7781", class_=f"part {kind}",
                                  stroke_dasharray="5 4" if dashed else None))
        self.text(x + 9, y + 17, title, int((width - 14) / 6.6), weight=600)
        for i, line in enumerate(lines):
            self.text(x + 9, y + 17 + _ROW * (i + 1), line, int((width - 14) / 5.9))

    def text(self, x: float, y: float, content: str, most: int = 200, weight: int | None = None, anchor: str | None = None,
             fill: str | None = None) -> None:
        shown = content if len(content) <= most else content[:max(1, most - 1)] + "\u2026"
        hover = element("title", text(content)) if shown != content else ""
        style = ";".join(t for t in (f"font-weight:{weight}" if weight else "", f"fill:{fill}" if fill else "") if t) or None
        self.parts.append(element("text", text(shown) + hover, x=f"{x:g}", y=f"{y:g}", text_anchor=anchor, style=style))

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self.parts.append(element("line", x1=f"{x1:g}", y1=f"{y1:g}", x2=f"{x2:g}", y2=f"{y2:g}", stroke="#57606a", stroke_width=1.5))


def _chip(svg: _Svg, x: float, y: float, content: str, colour: str) -> float:
    width = 10 + 6.0 * len(content)
    svg.parts.append(element("rect", x=f"{x:g}", y=f"{y - 11:g}", width=f"{width:g}", height=15, rx=7, fill="#ffffff", stroke=colour, stroke_width=1.6))
    svg.text(x + width / 2, y, content, anchor="middle")
    return width + 5


def _draw(svg: _Svg, node: _Node, group_colour: dict[str, str]) -> None:
    svg.box(node.x, node.y, svg.box_width, node.height, node.kind, f"{node.bdf} {node.name}".strip(), node.lines)
    y = node.y + 17 + _ROW * (1 + len(node.lines))
    for f in node.functions[:_SHOWN_FUNCTIONS]:
        group = str(f.get("group", "?"))
        x = node.x + 9
        x += _chip(svg, x, y, f"group {group}", group_colour.get(group, "#6e7781"))
        domain = f.get("domain")
        label = (f"{f.get('bdf') or ''} " if len(node.functions) > 1 else "") + (str(domain) if domain else "idle")
        svg.text(x, y, label, int((node.x + svg.box_width - x) / 6))
        y += _ROW
    if len(node.functions) > _SHOWN_FUNCTIONS:
        svg.text(node.x + 9, y, f"and {len(node.functions) - _SHOWN_FUNCTIONS} more functions")
    for child in node.below:
        _connect(svg, node.x + svg.box_width / 2, node.y + node.height, child)
        _draw(svg, child, group_colour)


def _connect(svg: _Svg, x: float, y: float, child: _Node) -> None:
    middle, to = y + 14, child.x + svg.box_width / 2
    svg.line(x, y, x, middle)
    svg.line(x, middle, to, middle)
    svg.line(to, middle, to, child.y)
    if child.link:
        kind, _, busy = child.link.partition(", ")
        room = int((svg.box_width / 2 + _GAP) / 6.2)
        if len(child.link) <= room + 12 and svg.box_width == _WIDE:
            svg.text(to + 5, child.y - 8, child.link, 36)
        else:
            svg.text(to + 5, child.y - 21, kind, 20)
            svg.text(to + 5, child.y - 8, busy.replace("up ", "\u2191 ").replace("down ", "\u2193 "), 30)


def _above(run: RunFolder, platform: Any) -> list[tuple[str, str, list[str]]]:
    """(kind, title, lines) of the boxes above the interconnect: memory nodes, then cores."""
    boxes = []
    channels, llc = _get(platform, "memory.dram.channels", "?"), _get(platform, "memory.llc.size", "none")
    numbers = sorted({str(_get(r, "node", "0")) for r in _items(platform, "memory.ranges")} or {"0"})
    for node in numbers:
        sizes = [str(_get(r, "size")) for r in _items(platform, "memory.ranges") if str(_get(r, "node", "0")) == node]
        busy = [m.value for p, m in run.result.metrics.items() if p.startswith(f"memory.node{node}.dram.channel") and p.endswith(".utilisation")]
        lines = [" + ".join(sizes) or "-", f"{channels} DRAM channels" + (f", {100 * sum(busy) / len(busy):.3g} % busy" if busy else ""),
                 f"last-level cache {llc}" if str(llc) not in ("0 B", "none", "") else "no last-level cache"]
        boxes.append(("memory", f"memory node {node}", lines))
    for core in _items(platform, "cores")[:8]:
        name = str(_get(core, "name"))
        busy_core = _percent(run, f"{name}.busy.mean")
        boxes.append(("core", name, [f"node {_get(core, 'node', '0')}", f"{busy_core} busy" if busy_core else ""]))
    if len(_items(platform, "cores")) > 8:
        boxes.append(("core", f"{len(_items(platform, 'cores')) - 8} more cores", []))
    return boxes


def _iommu(run: RunFolder, platform: Any) -> tuple[str, list[str], bool]:
    present = _get(platform, "iommu.present", "false") == "true"
    if not present:
        return "no IOMMU", ["requests go to memory as they are"], True
    unit = _get(platform, "iommu.unit", {})
    hits = _percent(run, "iommu.iotlb.hit_rate")
    lines = [f"IOTLB {_get(unit, 'iotlb.entries', '?')} entries" + (f", hit rate {hits}" if hits else "") +
             f"; {_get(unit, 'walkers', '?')} walkers; {_get(unit, 'service', '').replace('_', ' ')} service"]
    return f"IOMMU: {_get(platform, 'iommu.architecture.type', '?')}", lines, False


def drawing(run: RunFolder) -> str:
    """The SVG; a sentence when the run's folder has no resolved.yaml."""
    platform = run.configuration().get("platform")
    if not isinstance(platform, dict):
        return element("p", "No drawing: the run's folder has no resolved.yaml.", class_="caption")
    roots = _fold(_tree(run, platform))
    above = _above(run, platform)
    box = _WIDE if len(_leaves(roots)) <= _MANY + 1 else _NARROW
    svg = _Svg(box)
    top = 12 + 17 + _ROW * 3
    width = max(_place(roots, _GAP, 0, box), len(above) * (_WIDE + _GAP) + _GAP, 3 * (_WIDE + _GAP))
    first = (width - len(above) * (_WIDE + _GAP) + _GAP) / 2
    for i, (kind, title, lines) in enumerate(above):
        x = first + i * (_WIDE + _GAP)
        svg.box(x, 8, _WIDE, top, kind, title, [line for line in lines if line])
        svg.line(x + _WIDE / 2, 8 + top, x + _WIDE / 2, top + 30)
    y = top + 30
    svg.box(_GAP, y, width - 2 * _GAP, 28, "bus", "interconnect", [])
    middle = width / 2
    title, lines, absent = _iommu(run, platform)
    svg.line(middle, y + 28, middle, y + 46)
    svg.box(max(_GAP, middle - 260), y + 46, min(520, width - 2 * _GAP), 50, "iommu", title, lines, absent)
    svg.line(middle, y + 96, middle, y + 114)
    y += 114
    svg.box(_GAP, y, width - 2 * _GAP, 30, "root", f"root complex, {len(roots)} root port{'s' * (len(roots) != 1)}", [])
    shift = max(0.0, (width - _GAP - max((n.x + box for n in _leaves(roots)), default=0)) / 2 - _GAP / 2)
    _move(roots, shift, y + 30 + _LEVEL)
    groups = list(dict.fromkeys(str(f.get("group", "?")) for n in _leaves(roots) for f in n.functions))
    colour = colours([f"group {g}" for g in groups])
    for root in roots:
        _connect(svg, root.x + box / 2, y + 30, root)
        _draw(svg, root, {g: colour[f"group {g}"] for g in groups})
    height = max(_bottom(roots), y + 30) + 10
    return element("div", element("svg", "".join(svg.parts), viewBox=f"0 0 {width:g} {height:g}", style=f"width:{width:g}px", role="img", aria_label="platform"), class_="platform")


def _leaves(nodes: list[_Node]) -> list[_Node]:
    return [leaf for n in nodes for leaf in ([n] if not n.below else [*_leaves(n.below), n])]


def _move(nodes: list[_Node], x: float, y: float) -> None:
    for n in nodes:
        n.x += x
        n.y += y
        _move(n.below, x, y)


def groups_table(run: RunFolder) -> list[list[str]]:
    """Rows of HTML cells: group, its functions, requester IDs, domain."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for f in run.topology().get("functions", []):
        groups.setdefault(int(f["group"]), []).append(f)
    rows = []
    for group, functions in sorted(groups.items()):
        shown = ", ".join(f"{f['name']} ({f['bdf']})" for f in functions[:12]) + (f" and {len(functions) - 12} more" if len(functions) > 12 else "")
        domains = ", ".join(dict.fromkeys(str(f["domain"]) for f in functions if f["domain"])) or "idle"
        aliases = ", ".join(dict.fromkeys(str(f["requester"]) for f in functions))
        rows.append([text(group), text(shown), element("code", text(aliases if len(aliases) < 90 else aliases[:90] + "\u2026")), text(domains)])
    return rows
