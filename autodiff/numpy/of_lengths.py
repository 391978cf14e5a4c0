"""Integers made of lengths by way of floats, such as `int(0.7 * n)`: they are lengths as well.

Where one recording serves many shapes, arithmetic of a length with a float is traced. An integer that is made of its result is asked for as
a length, a position or a number of steps; so its expression is read off the graph, and is evaluated for each shape before the kernel
runs, by the same operations of float64 numbers that the plain program would do.
"""

from __future__ import annotations

from typing import Any

from tracer.errors import ConcreteValueError, explain
from tracer.graph import Atom, Const, Node, Var
from tracer.lengths import Lengths
from tracer.sizes import Length, LengthSymbol, Size
from tracer.trace import Trace, Tracer

__all__ = ["length_from"]

_SOURCES = {"add": "({}+{})", "sub": "({}-{})", "mul": "({}*{})", "div": "({}/{})", "neg": "(-{})", "sqrt": "sqrt({})",
            "floor": "float(floor({}))", "ceil": "float(ceil({}))", "rint": "float(round({}))", "trunc": "float(int({}))", "abs": "abs({})"}
"""Operations of float64 numbers that Python's own have the bits of."""


def length_from(x: Tracer, rounding: str) -> Any:
    """The integer that `rounding` ("int", "floor", "ceil" or "round") makes of a traced float, if it depends on lengths alone; else None.

    Raises
    ------
    ConcreteValueError
        If it depends on them by other operations than those of `_SOURCES`; the function is then recorded for each shape.
    """
    owner = _owner(x)
    if owner is None:
        return None
    source = _source(x.owner, x.ref)    # type: ignore[arg-type]
    if source is None:
        raise explain(ConcreteValueError, "an integer that depends on a length is made by way of another function",
                      why="it may decide on the shape of arrays", fix="nothing need be done: each shape is recorded as it stands")
    text = f"{rounding}({source})"
    s = LengthSymbol(text)
    s.number, s.owner = owner.evaluate(text), owner
    return Length(Size.symbol(s), s.number, owner)


def _owner(x: Tracer) -> Lengths | None:
    """The lengths that a number depends on, if it depends on nothing else."""
    found: Lengths | None = None
    stack: list[tuple[Trace, Atom]] = [(x.owner, x.ref)]     # type: ignore[list-item]
    seen: set[Var] = set()
    while stack:
        trace, a = stack.pop()
        if isinstance(a, Const) or a in seen:
            continue
        seen.add(a)
        made = _made(trace, a)
        if made is None:
            return None
        trace, node = made
        if node.op.name == "length":
            if type(node.params["length"]) is not Length:
                return None
            found = node.params["length"].owner
        elif not node.inputs:
            return None
        stack += [(trace, i) for i in node.inputs]
    return found


def _made(trace: Trace, a: Var) -> tuple[Trace, Node] | None:
    """The node with one result that made a value, here or in a trace around, and the trace."""
    while a not in trace.producers:
        outer = next((x for v, (x, _) in zip(trace.capture_order, trace.captured, strict=True) if v is a), None)
        if not isinstance(outer, Tracer) or not outer.owner.level or not isinstance(outer.ref, Var):
            return None
        trace, a = outer.owner, outer.ref
    node = trace.producers[a]
    return None if len(node.outputs) > 1 else (trace, node)


def _source(trace: Trace, a: Atom) -> str | None:
    """The Python expression of a number; None if it has none of the same bits."""
    if isinstance(a, Const):
        return repr(a.value.item())
    made = _made(trace, a)
    assert made is not None
    trace, node = made
    if node.op.name == "length":
        return f"({node.params['length'].size})"
    form = _SOURCES.get(node.op.name)
    if node.op.name == "cast":
        form = {"f": "float({})", "i": "int({})"}.get(node.outputs[0].type.dtype.kind)
    parts = [_source(trace, i) for i in node.inputs]
    if form is None or node.outputs[0].type.dtype.itemsize != 8 or any(p is None for p in parts):
        return None
    return form.format(*parts)
