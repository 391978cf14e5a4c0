"""Loops that compute nothing but what another loop computes as well: graph to graph, meaning kept.

In reverse mode an array that an inner loop wrote is put back twice: for the inner loop's own backward sweep, and for the steps of the loop
around that come before. One of the two is enough, and then the array need not be copied. May assume a simplified graph.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracer.graph import Atom, Graph, Node, Var, live_nodes, map_bodies, structure
from tracer.ops.control.loops import loop

__all__ = ["merge_loops"]


def merge_loops(graph: Graph) -> Graph:
    """Take loops out of which another loop is a part, in a graph and all bodies in it."""
    nodes = [map_bodies(n, merge_loops) for n in graph.nodes]
    outputs = graph.outputs
    while (found := _next(nodes)) is not None:
        # One at a time: what a loop depends on is another thing after each.
        small, outs = found
        env: dict[Var, Atom] = dict(zip(small.outputs, outs, strict=True))
        nodes = [Node(n.op, _replaced(n.inputs, env), n.outputs, n.params, n.where) for n in nodes if n is not small]
        nodes, outputs = _in_order(nodes), _replaced(outputs, env)
    return Graph(graph.name, graph.inputs, tuple(nodes), outputs)


def _next(nodes: Sequence[Node]) -> tuple[Node, list[Var]] | None:
    """A loop that can go, and the outputs of another one that stand for its own."""
    loops = [n for n in nodes if n.op is loop and n.params["test"] is None]
    for small in loops:
        for large in loops:
            outs = _found_in(small, large) if small is not large else None
            if outs is not None and not _depends(nodes, large, small):
                return small, outs
    return None


def _replaced(atoms: Sequence[Atom], env: dict[Var, Atom]) -> tuple[Atom, ...]:
    return tuple([env.get(a, a) if isinstance(a, Var) else a for a in atoms])


def _depends(nodes: Sequence[Node], node: Node, on: Node) -> bool:
    """Whether a node needs what another gives."""
    reached = set(on.outputs)
    for n in nodes:
        if any(a in reached for a in n.inputs if isinstance(a, Var)):
            if n is node:
                return True
            reached.update(n.outputs)
    return False


def _found_in(small: Node, large: Node) -> list[Var] | None:
    """The outputs of the large loop that are those of the small one, if it computes them in the same way."""
    a, b = small.params["spec"], large.params["spec"]
    if len(small.outputs) != a.carries + 1 or a.carries > b.carries or a.reverse != b.reverse:
        return None
    if small.inputs[0] != large.inputs[0] or small.params["length"] != large.params["length"]:
        return None
    body, other = small.params["body"], large.params["body"]
    _, c, k, s = a.split(small.inputs)
    _, lc, lk, ls = b.split(large.inputs)
    li, vc, vk, vs = b.split(other.inputs)
    taken: list[Var] = [li]
    numbers = []
    for mine, theirs, variables in ((c, lc, vc), (k, lk, vk), (s, ls, vs)):
        for atom in mine:
            j = next((j for j, x in enumerate(theirs) if x == atom), None)
            if j is None:
                return None
            taken.append(variables[j])
            if variables is vk:
                numbers.append(j)
    part = live_nodes(Graph(other.name, tuple(taken), other.nodes, tuple([other.outputs[j] for j in numbers])))
    defined = {*taken, *(o for n in part.nodes for o in n.outputs)}
    if any(isinstance(x, Var) and x not in defined for n in part.nodes for x in n.inputs):
        return None     # it reads more
    if structure(part) != structure(live_nodes(body)):
        return None
    return [*(large.outputs[j] for j in numbers), large.outputs[-1]]


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, each after those that it needs, otherwise in the order they have."""
    made = {o: n for n in nodes for o in n.outputs}
    done: set[Node] = set()
    out: list[Node] = []

    def place(node: Node) -> None:
        if node in done:
            return
        done.add(node)
        for a in node.inputs:
            if isinstance(a, Var) and a in made:
                place(made[a])
        out.append(node)
    for node in nodes:
        place(node)
    return out
