"""Expressions whose derivative overflows though their value does not, written as the op that has both: graph to graph, meaning kept.

1 / (1 + exp(-x)) is the sigmoid function. For x = -800 it is 0 to the last digit, but the chain rule multiplies 0 by the infinite
exponential. The op also keeps one number for reverse mode instead of two. Values differ by rounding.
"""

from __future__ import annotations

from tracer.graph import Atom, Const, Graph, Node, Var, live_nodes, map_graphs
from tracer.op import Op
from tracer.ops.arithmetic import add, cast, div, neg
from tracer.ops.elementary import exp, sigmoid
from tracer.ops.shape import broadcast, reshape

__all__ = ["stable_sigmoids"]


def stable_sigmoids(graph: Graph) -> Graph:
    """The graph with sigmoids written out in it as `sigmoid` nodes, in all graphs in it too."""
    graph = map_graphs(graph, stable_sigmoids)
    if not any(n.op is exp for n in graph.nodes):
        return graph
    made = {o: n for n in graph.nodes for o in n.outputs}
    nodes = [_sigmoid(n, made) or n for n in graph.nodes]
    if all(a is b for a, b in zip(nodes, graph.nodes, strict=True)):
        return graph
    return live_nodes(Graph(graph.name, graph.inputs, tuple(nodes), graph.outputs))


def _sigmoid(node: Node, made: dict[Var, Node]) -> Node | None:
    """1 / (1 + exp(-x)) as sigmoid(x)."""
    def maker(a: Atom, op: Op) -> Node | None:
        found = made.get(a) if isinstance(a, Var) else None
        return found if found is not None and found.op is op else None
    if node.op is not div or not _is_one(node.inputs[0], made):
        return None
    total = maker(node.inputs[1], add)
    if total is None:
        return None
    for one, other in (total.inputs, total.inputs[::-1]):
        power = maker(other, exp)
        negative = maker(power.inputs[0], neg) if power is not None else None
        if negative is not None and _is_one(one, made):
            return Node(sigmoid, negative.inputs, node.outputs, {}, node.where)
    return None


def _is_one(a: Atom, made: dict[Var, Node]) -> bool:
    while isinstance(a, Var) and a in made and made[a].op in (broadcast, reshape, cast):
        a = made[a].inputs[0]
    return isinstance(a, Const) and a.value == 1
