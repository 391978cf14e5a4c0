"""Values that were just written are not read back, and what is overwritten at once is not written: graph to graph, meaning kept.

`a[i, j] -= s` followed by `a[i, j] /= d` writes one place twice and reads it in between. With the value passed on directly there is one
write, so that reverse mode has one old value to keep. May assume any graph.
"""

from __future__ import annotations

from collections import Counter

from tracer.graph import Atom, Graph, Node, Var, live_nodes, map_graphs
from tracer.ops.index import index, update

__all__ = ["forward_stores"]


def forward_stores(graph: Graph) -> Graph:
    """The graph without needless reads and writes of array elements, in all graphs in it too."""
    graph = map_graphs(graph, forward_stores)
    if not any(n.op is update for n in graph.nodes):
        return graph
    nodes, outputs = _without_reads(graph)
    nodes = _without_writes(nodes, outputs)
    return live_nodes(Graph(graph.name, graph.inputs, tuple(nodes), tuple(outputs)))


def _without_reads(graph: Graph) -> tuple[list[Node], list[Atom]]:
    """An element read where it was just set is the value that was set."""
    same: dict[Var, Atom] = {}
    made: dict[Var, Node] = {}
    nodes: list[Node] = []

    def at(a: Atom) -> Atom:
        return same.get(a, a) if isinstance(a, Var) else a
    for node in graph.nodes:
        if any(a in same for a in node.inputs if isinstance(a, Var)):
            node = Node(node.op, tuple([at(a) for a in node.inputs]), node.outputs, node.params, node.where)
        if node.op is index:
            written = _written(made, node.inputs[0], node.inputs[1:], node)
            if written is not None and written.inputs[1].type == node.outputs[0].type:
                same[node.outputs[0]] = written.inputs[1]
                continue
        made.update((o, node) for o in node.outputs)
        nodes.append(node)
    return nodes, [at(a) for a in graph.outputs]


def _without_writes(nodes: list[Node], outputs: list[Atom]) -> list[Node]:
    """A write after which nobody looks before the same place is written again is none."""
    uses = Counter(a for n in nodes for a in n.inputs if isinstance(a, Var))
    uses.update(a for a in outputs if isinstance(a, Var))
    made: dict[Var, Node] = {}
    out: list[Node] = []
    for node in nodes:
        if node.op is update and node.params["mode"] == "set":
            written = _written(made, node.inputs[0], node.inputs[2:], node)
            if written is not None and uses[node.inputs[0]] == 1:   # type: ignore[index]
                node = Node(node.op, (written.inputs[0], *node.inputs[1:]), node.outputs, node.params, node.where)
        made.update((o, node) for o in node.outputs)
        out.append(node)
    return out


def _written(made: dict[Var, Node], array: Atom, indices: tuple, node: Node) -> Node | None:
    """The update that has just set, in an array, the very part that a node reads or sets."""
    write = made.get(array) if isinstance(array, Var) else None
    if write is None or write.op is not update or write.params["mode"] != "set":
        return None
    if write.params["spec"] != node.params["spec"] or write.inputs[2:] != indices:
        return None
    several = any(a.type.shape for a in indices) and not write.params.get("unique")    # then one place may be written twice
    return None if several else write
