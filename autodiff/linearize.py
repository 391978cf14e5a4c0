"""Split a derivative in two: a primal graph, and a graph that is linear in the tangents.

The values that the linear graph needs from the primal one are the residuals. Which are kept is decided in one place,
`choose_residuals`: what is cheap to make again (views, index arithmetic, values filled with a constant) is made again in the
linear graph, and so is, inside loops, a value whose length is known only at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autodiff.jvp import joint_graph
from tracer.graph import Atom, Graph, Node, Var, live_nodes, size_symbols
from tracer.op import transforms

__all__ = ["Linearized", "linearize_graph", "choose_residuals"]


@dataclass(frozen=True, slots=True)
class Linearized:
    """`primal`: inputs -> outputs, residuals. `linear`: residuals, tangents of active inputs -> tangents of active outputs."""

    primal: Graph
    linear: Graph
    residuals: tuple[Var, ...]
    active_out: list[bool]


def linearize_graph(graph: Graph, active: Sequence[bool], must: Sequence[bool] = (), *, free: Sequence[bool] | None = None,
                    keep_sized: bool = True) -> Linearized:
    """Linearize a graph in its active inputs.

    `free` marks inputs that cost nothing to keep; `keep_sized` says whether arrays of run-time length may be kept.
    """
    joint, active_out = joint_graph(graph, active, "linearize", must)
    n_in, n_out = len(graph.inputs), len(graph.outputs)
    linear = set(joint.inputs[n_in:])
    first: list[Node] = []
    second: list[Node] = []
    for node in joint.nodes:
        if any(a in linear for a in node.inputs if isinstance(a, Var)):
            second.append(node)
            linear.update(node.outputs)
        else:
            first.append(node)
    free_vars = set(joint.inputs[:n_in]) if free is None else {v for v, f in zip(joint.inputs, free) if f}
    residuals, again = choose_residuals(first, second, joint.outputs[n_out:], set(joint.inputs[:n_in]), linear, free_vars,
                                        keep_sized)
    primal = Graph(graph.name, joint.inputs[:n_in], tuple(first), (*joint.outputs[:n_out], *residuals))
    tangent = Graph(f"{graph.name}_tangent", (*residuals, *joint.inputs[n_in:]), (*again, *second), joint.outputs[n_out:])
    return Linearized(live_nodes(primal), live_nodes(tangent), tuple(residuals), active_out)


def choose_residuals(first: list[Node], second: list[Node], outputs: Sequence[Atom], inputs: set[Var], linear: set[Var],
                     free: set[Var], keep_sized: bool) -> tuple[list[Var], list[Node]]:
    """The residuals, and the primal nodes that the linear graph runs again.

    Walks the primal nodes backwards from what the linear graph needs. A needed value is made again when its op is cheap
    (and then its inputs are needed instead), else it is kept.
    """
    needed: dict[Var, None] = {}

    def need(atom: Atom) -> None:
        if isinstance(atom, Var) and atom not in linear:
            needed[atom] = None

    for node in second:
        for a in node.inputs:
            need(a)
    for a in outputs:
        need(a)
    # A size that the linear graph mentions is bound by a kept value that has it.
    mentioned = {s for node in second for p in node.params.values() for s in size_symbols(p)}
    for node in first:
        for v in node.outputs:
            if any(getattr(d, "name", lambda: None)() in mentioned for d in v.type.shape if not isinstance(d, int)):
                need(v)
    again: list[Node] = []
    kept: dict[Var, None] = {}
    for node in reversed(first):
        wanted = [v for v in node.outputs if v in needed]
        if not wanted:
            continue
        sized = not keep_sized and any(v.type.symbols() for v in wanted)
        if sized or _is_cheap(node, free):
            again.append(node)
            for a in node.inputs:
                need(a)
        else:
            kept.update(dict.fromkeys(wanted))
    kept.update((v, None) for v in needed if v in inputs)
    order = [v for v in needed if v in kept]
    return order, again[::-1]


def _is_cheap(node: Node, free: set[Var]) -> bool:
    """Views and fillings, and arithmetic on integer scalars made of free values (loop counters and what is derived)."""
    if getattr(node.op, "cheap", False):
        return True
    if node.op.name == "index" and all(not isinstance(a, Var) or a in free for a in node.inputs):
        return True
    types = [a.type for a in (*node.inputs, *node.outputs)]
    return node.op.name in _INTEGER_ARITHMETIC and all(t.shape == () and t.dtype.kind in "biu" for t in types)


_INTEGER_ARITHMETIC = {"add", "sub", "mul", "neg", "cast", "select", "lt", "le", "gt", "ge", "eq", "ne", "floor_divide",
                       "remainder", "minimum", "maximum", "logical_and", "logical_or", "logical_not"}

transforms["linearize_graph"] = linearize_graph
