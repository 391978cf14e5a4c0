"""A picture of a graph as SVG, drawn without any external program.

Nodes stand in layers: each one row below the lowest of its inputs. Bodies of loops and branches are drawn inside their node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from tracer.graph import Graph, Var, bodies
from tracer.show.text import _Printer, const_text

__all__ = ["svg"]

CHAR, LINE, PAD, GAP_X, GAP_Y = 7.0, 16.0, 8.0, 18.0, 30.0


@dataclass(slots=True)
class _Box:
    lines: list[str]
    kind: str
    inputs: list[Var]
    outputs: list[Var]
    layer: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    inner: list[tuple[str, _Picture]] = field(default_factory=list)


@dataclass(slots=True)
class _Picture:
    boxes: list[_Box]
    width: float
    height: float


def _picture(graph: Graph, names: _Printer) -> _Picture:
    boxes = [_Box([f"{names.var(v)}: {names.type(v.type)}"], "input", [], [v]) for v in graph.inputs]
    for node in graph.nodes:
        consts = [const_text(a) for a in node.inputs if not isinstance(a, Var)]
        head = node.op.name + (f"({', '.join(consts)})" if consts else "")
        held = dict(bodies(node))
        params = [f"{k}={names.param(v)}" for k, v in node.params.items()
                  if v is not None and k not in held and not any(h.startswith(k) for h in held)]
        lines = [head, *params, *(f"{names.var(o)}: {names.type(o.type)}" for o in node.outputs)]
        box = _Box([s if len(s) < 48 else s[:45] + "..." for s in lines], "node",
                   [a for a in node.inputs if isinstance(a, Var)], list(node.outputs))
        box.inner = [(name, _picture(g, names)) for name, g in held.items()]
        boxes.append(box)
    ends = [a for a in graph.outputs]
    boxes.append(_Box(["return " + ", ".join(map(names.atom, ends))], "output", [a for a in ends if isinstance(a, Var)], []))
    _place(boxes)
    return _Picture(boxes, max(b.x + b.width for b in boxes) + PAD, max(b.y + b.height for b in boxes) + PAD)


def _place(boxes: list[_Box]) -> None:
    layer_of: dict[Var, int] = {}
    for b in boxes:
        b.layer = 1 + max((layer_of.get(v, 0) for v in b.inputs), default=0 if b.kind == "input" else 1)
        for v in b.outputs:
            layer_of[v] = b.layer
        b.width = max(max(len(s) for s in b.lines) * CHAR + 2 * PAD, *(p.width + 2 * PAD for _, p in b.inner), 40.0)
        b.height = len(b.lines) * LINE + PAD + sum(p.height + LINE + PAD for _, p in b.inner)
    y = PAD
    maker = {v: b for b in boxes for v in b.outputs}
    for layer in sorted({b.layer for b in boxes}):
        row = [b for b in boxes if b.layer == layer]
        # A node stands near the middle of what it reads.
        row.sort(key=lambda b: sum(maker[v].x for v in b.inputs if v in maker) / max(1, len(b.inputs)))
        x = PAD
        for b in row:
            wish = sum(maker[v].x + maker[v].width / 2 for v in b.inputs if v in maker) / len(b.inputs) - b.width / 2 \
                if any(v in maker for v in b.inputs) else x
            b.x, b.y = max(x, wish), y
            x = b.x + b.width + GAP_X
        y += max(b.height for b in row) + GAP_Y


_FILL = {"input": "#e8f0fe", "node": "#ffffff", "output": "#e6f4ea"}


def _draw(picture: _Picture, dx: float, dy: float, out: list[str]) -> None:
    maker = {v: b for b in picture.boxes for v in b.outputs}
    for b in picture.boxes:
        for v in b.inputs:
            a = maker.get(v)
            if a is not None:
                x1, y1 = dx + a.x + a.width / 2, dy + a.y + a.height
                x2, y2 = dx + b.x + b.width / 2, dy + b.y
                mid = (y1 + y2) / 2
                out.append(f'<path d="M{x1:.1f},{y1:.1f} C{x1:.1f},{mid:.1f} {x2:.1f},{mid:.1f} {x2:.1f},{y2:.1f}" '
                           f'fill="none" stroke="#888" marker-end="url(#tip)"/>')
    for b in picture.boxes:
        x, y = dx + b.x, dy + b.y
        out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{b.width:.1f}" height="{b.height:.1f}" rx="4" '
                   f'fill="{_FILL[b.kind]}" stroke="#555"/>')
        for i, line in enumerate(b.lines):
            weight = ' font-weight="bold"' if i == 0 and b.kind == "node" else ""
            out.append(f'<text x="{x + PAD:.1f}" y="{y + LINE * (i + 1) - 2:.1f}"{weight}>{escape(line)}</text>')
        top = y + len(b.lines) * LINE + PAD
        for name, inner in b.inner:
            out.append(f'<text x="{x + PAD:.1f}" y="{top + LINE - 4:.1f}" fill="#777">{escape(name)}</text>')
            out.append(f'<rect x="{x + PAD:.1f}" y="{top + LINE:.1f}" width="{inner.width:.1f}" height="{inner.height:.1f}" '
                       f'fill="#fafafa" stroke="#bbb" stroke-dasharray="4 3"/>')
            _draw(inner, x + PAD, top + LINE, out)
            top += inner.height + LINE + PAD


def svg(graph: Graph) -> str:
    """The graph as an SVG document; Jupyter shows it for a graph at the end of a cell."""
    picture = _picture(graph, _Printer(False))
    out: list[str] = []
    _draw(picture, 0, 0, out)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{picture.width:.0f}" height="{picture.height:.0f}" '
            f'font-family="monospace" font-size="12"><defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="3" '
            f'orient="auto"><path d="M0,0 L7,3 L0,6 z" fill="#888"/></marker></defs>' + "".join(out) + "</svg>")
