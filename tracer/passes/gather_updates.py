"""Updates of one array by several slices, made one node: graph to graph, meaning kept.

In reverse mode a stencil such as `b[1:-1] = a[:-2] + a[1:-1] + a[2:]` adds one cotangent to three overlapping slices, one after another.
As one `add_slices` each element is read and written once. Slices that were summed first are added one by one. May assume a simplified
graph whose shapes are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from tracer.graph import Atom, Graph, Node, Var, map_bodies
from tracer.ops.index import add_slices, cells, pad_sum, update
from tracer.ops.shape import broadcast

__all__ = ["gather_updates"]

MOST_CELLS = 26
"""Loop nests that one node may become."""


def gather_updates(graph: Graph) -> Graph:
    """Gather chains of updates, in a graph and all bodies in it."""
    chains = [(v, chain) for v, chain in _chains(graph).items() if len(chain.nodes) > 1]
    gone = {node for _, chain in chains for node in chain.nodes}
    replaced = {v: chain.node(v) for v, chain in chains}
    nodes: list[Node] = []
    for node in graph.nodes:
        out = node.outputs[0] if node.outputs else None
        if out in replaced:
            nodes.append(replaced[out])
        elif node not in gone:
            nodes.append(map_bodies(node, gather_updates))
    return Graph(graph.name, graph.inputs, tuple(nodes), graph.outputs)


def _chains(graph: Graph) -> dict[Var, _Chain]:
    """The chains of updates in a graph, by the array that each ends with."""
    uses = Counter(a for n in graph.nodes for a in n.inputs if isinstance(a, Var)) + Counter(a for a in graph.outputs if isinstance(a, Var))
    made = {v: n for n in graph.nodes for v in n.outputs[:1]}
    chains: dict[Var, _Chain] = {}
    for node in graph.nodes:
        found = _addition(node, chains)
        if found is None:
            continue
        x, added = found
        before = chains.pop(x, None) if isinstance(x, Var) and uses[x] == 1 and x.type == node.outputs[0].type else None
        chain = before.followed_by(node, added) if before is not None and added is not None else None
        if chain is None:
            if before is not None:
                chains[x] = before  # type: ignore[index]
            chain = _Chain.of(node, made) if node.op is update else None
        if chain is not None:
            chains[node.outputs[0]] = chain
    return chains


def _addition(node: Node, chains: Collection[Var]) -> tuple[Atom, list[tuple[tuple[int, ...], Atom]] | None] | None:
    """The array that a node updates, and the slices that it adds, with where they start; None for those if it sets elements.

    A sum of padded slices adds to that operand which is at the end of a chain. None if a node is neither.
    """
    if _is_slice_update(node):
        return node.inputs[0], [(_box(node)[0], node.inputs[1])] if node.params["mode"] == "add" else None
    whole = next((a for a in node.inputs if a in chains), None) if node.op is pad_sum else None
    if whole is None:
        return None
    return whole, [(s, a) for s, a in zip(node.params["starts"], node.inputs, strict=True) if a is not whole]


def _is_slice_update(node: Node) -> bool:
    """Whether it writes a box of a floating-point array."""
    if node.op is not update or len(node.inputs) != 2:
        return False
    t = node.inputs[0].type
    return t.dtype.kind == "f" and t.is_static() and 0 not in node.inputs[1].type.shape and all(e[2] == 1 for e in node.params["spec"])


@dataclass
class _Chain:
    """Updates of one array: perhaps a box made 0, then slices added."""

    nodes: list[Node]
    cleared: tuple | None = None
    added: list[tuple[tuple[int, ...], Atom]] = field(default_factory=list)

    @staticmethod
    def of(node: Node, made: dict[Var, Node]) -> _Chain | None:
        """The chain that begins with a node."""
        if node.params["mode"] == "add":
            return _Chain([node], None, [(_box(node)[0], node.inputs[1])])
        value = node.inputs[1]
        source = made.get(value) if isinstance(value, Var) else None
        filled = source.inputs[0] if source is not None and source.op is broadcast else None
        is_zero = filled is not None and not isinstance(filled, Var) and filled.value == 0
        return _Chain([node], _box(node)) if is_zero else None

    def followed_by(self, node: Node, added: list[tuple[tuple[int, ...], Atom]]) -> _Chain | None:
        """With one more node that adds slices to the array; None if that would take too many nests."""
        longer = _Chain([*self.nodes, node], self.cleared, [*self.added, *added])
        return longer if longer.count() <= MOST_CELLS else None

    def count(self) -> int:
        """Nests that the node becomes."""
        boxes = [(start, a.type.shape) for start, a in self.added] + ([self.cleared] if self.cleared else [])
        return sum(any(map(c.inside, boxes)) for c in cells(self.nodes[0].inputs[0].type.shape, boxes))

    def node(self, out: Var) -> Node:
        """All updates as one node."""
        return Node(add_slices, (self.nodes[0].inputs[0], *(a for _, a in self.added)), (out,),
                    {"starts": tuple([start for start, _ in self.added]), "cleared": self.cleared}, self.nodes[-1].where)


def _box(node: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    spec = node.params["spec"]
    return tuple([e[0] for e in spec]), tuple([e[1] for e in spec])
