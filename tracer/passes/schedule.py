"""Reads before writes: graph to graph, meaning kept.

An update of an array can be done in place only if nobody reads the array's old value afterwards. Tracing and differentiation put nodes
in the order of the program or of its transpose; here the readers of an old value move in front of the update where they do not depend
on it. The order is kept otherwise.
"""

from __future__ import annotations

import heapq

from tracer.graph import Graph, Node, Var, map_bodies
from tracer.ops.comparison import logical_not
from tracer.ops.control.loops import loop
from tracer.ops.index import in_bounds, in_bounds_again
from tracer.types import Size

__all__ = ["schedule"]


def schedule(graph: Graph) -> Graph:
    """The graph, and all graphs in it, with readers of old values in front of updates."""
    nodes = [map_bodies(n, schedule) for n in graph.nodes]
    return Graph(graph.name, graph.inputs, tuple(_ordered(nodes)), graph.outputs)


def _written(node: Node) -> list[int]:
    """Numbers of the inputs whose memory the results may take."""
    if node.op.overwrites:
        return [0]
    if node.op is loop:
        spec = node.params["spec"]
        return list(range(1 + spec.constants, 1 + spec.constants + spec.carries))
    return []


def _ordered(nodes: list[Node]) -> list[Node]:
    writers = [(p, k) for p, n in enumerate(nodes) for k in _written(n) if isinstance(n.inputs[k], Var) and n.inputs[k].type.shape]
    if not writers:
        return nodes
    made = {v: p for p, n in enumerate(nodes) for v in n.outputs}
    readers: dict[Var, list[int]] = {}
    for p, n in enumerate(nodes):
        for a in n.inputs:
            if isinstance(a, Var):
                readers.setdefault(a, []).append(p)
    before: list[set[int]] = [{made[a] for a in n.inputs if isinstance(a, Var) and a in made} for n in nodes]
    _add_sizes(nodes, before)
    effects = [p for p, n in enumerate(nodes) if n.has_effect()]
    for a, b in zip(effects, effects[1:]):
        before[b].add(a)
    for p, k in writers:
        for r in _readers_of(nodes[p].inputs[k], nodes, readers):  # type: ignore[arg-type]
            if r > p and not _depends(r, p, before):
                before[p].add(r)
    return _sorted(nodes, before)


def _add_sizes(nodes: list[Node], before: list[set[int]]) -> None:
    """A node that names a size comes after the first node whose result binds it."""
    binds: dict[str, int] = {}
    for p, n in enumerate(nodes):
        for name in n.mentions():
            if name in binds:
                before[p].add(binds[name])
        for v in n.outputs:
            for d in v.type.shape:
                if isinstance(d, Size) and d.name():
                    binds.setdefault(d.name(), p)   # type: ignore[arg-type]


def _readers_of(v: Var, nodes: list[Node], readers: dict[Var, list[int]]) -> set[int]:
    """Nodes that read v, or what is read through it: views, and what is computed where it is read."""
    found: set[int] = set()
    stack = [v]
    while stack:
        for p in readers.get(stack.pop(), ()):
            if p not in found:
                found.add(p)
                if is_lazy(nodes[p]):
                    stack += nodes[p].outputs
    return found


def is_lazy(node: Node) -> bool:
    """Whether a node may be computed where its result is read."""
    op = node.op
    return op.is_view or op.light or op.compares or op.same_memory or op in (logical_not, in_bounds, in_bounds_again)


def _depends(a: int, b: int, before: list[set[int]]) -> bool:
    """Whether node a comes after node b in any order."""
    seen: set[int] = set()
    stack = [a]
    while stack:
        for q in before[stack.pop()]:
            if q == b:
                return True
            if q not in seen:
                seen.add(q)
                stack.append(q)
    return False


def _sorted(nodes: list[Node], before: list[set[int]]) -> list[Node]:
    """A topological order that stays as close to the given one as it can."""
    after: list[list[int]] = [[] for _ in nodes]
    missing = [len(b) for b in before]
    for p, b in enumerate(before):
        for q in b:
            after[q].append(p)
    ready = [p for p, m in enumerate(missing) if not m]
    heapq.heapify(ready)
    out = []
    while ready:
        p = heapq.heappop(ready)
        out.append(nodes[p])
        for q in after[p]:
            missing[q] -= 1
            if not missing[q]:
                heapq.heappush(ready, q)
    assert len(out) == len(nodes)
    return out
