"""Loops made smaller: graph to graph, meaning kept.

Work that does not change from step to step moves in front of its loop; a carry that each step hands on unchanged becomes a constant;
results stacked twice are stacked once; two carries of which only the sum is read become that sum; and what nobody reads (stacked results,
carries, constants) goes, together with the body's work for it. May assume a simplified graph; guarantees that each loop has only inputs and
outputs that are used.
"""

from __future__ import annotations

from dataclasses import replace

from tracer.graph import Atom, Graph, Node, Var, bodies, live_nodes, map_bodies, size_symbols
from tracer.ops.arithmetic import add
from tracer.ops.control.loops import loop as loop_op
from tracer.ops.shape import broadcast

__all__ = ["LoopParts", "shrink_loops"]


def shrink_loops(graph: Graph) -> Graph:
    """Tidy the loops of a graph and of all bodies in it."""
    graph = _forward(graph)
    graph = _carried_sums(_prune(live_nodes(graph)))
    return Graph(graph.name, graph.inputs, tuple([map_bodies(n, shrink_loops) for n in graph.nodes]), graph.outputs)


class LoopParts:
    """The parts of a loop node, to be changed and put together again."""

    def __init__(self, node: Node):
        self.node = node
        self.spec, self.body, self.test = node.params["spec"], node.params["body"], node.params["test"]
        self.count, self.constants, self.carries, self.sliced = self.spec.split(node.inputs)
        self.i, self.vc, self.vk, self.vs = self.spec.split(self.body.inputs)
        nk = self.spec.carries
        self.new, self.stacked = list(self.body.outputs[:nk]), list(self.body.outputs[nk:])
        self.out_k, self.out_y = list(node.outputs[:nk]), list(node.outputs[nk:-1])
        self.nodes = list(self.body.nodes)
        if self.test is not None:
            self.ti, self.tc, self.tk, _ = self.spec.split(self.test.inputs)

    def keep(self, constants: list[bool], carries: list[bool], sliced: list[bool], stacked: list[bool]) -> None:
        """Keep the marked members of each group."""
        for name, flags in (("constants", constants), ("vc", constants), ("carries", carries), ("vk", carries), ("new", carries),
                            ("out_k", carries), ("sliced", sliced), ("vs", sliced), ("stacked", stacked), ("out_y", stacked)):
            setattr(self, name, [x for x, f in zip(getattr(self, name), flags, strict=True) if f])
        if self.test is not None:
            self.tc = [x for x, f in zip(self.tc, constants, strict=True) if f]
            self.tk = [x for x, f in zip(self.tk, carries, strict=True) if f]

    def rebuild(self) -> Node:
        """The node again."""
        body = Graph(self.body.name, (self.i, *self.vc, *self.vk, *self.vs), tuple(self.nodes), (*self.new, *self.stacked))
        test = self.test
        if test is not None:
            test = Graph(test.name, (self.ti, *self.tc, *self.tk), test.nodes, test.outputs)
        spec = replace(self.spec, constants=len(self.vc), carries=len(self.vk), sliced=len(self.vs))
        return Node(self.node.op, (self.count, *self.constants, *self.carries, *self.sliced),
                    (*self.out_k, *self.out_y, self.node.outputs[-1]),
                    {**self.node.params, "spec": spec, "body": live_nodes(body), "test": test}, self.node.where)


def _forward(graph: Graph) -> Graph:
    """Hoist what is invariant, turn invariant carries into constants, merge equal stacked results."""
    env: dict[Var, Atom] = {}
    repeated: dict[Var, Atom] = {}      # stacks of one value, again and again
    nodes: list[Node] = []

    def at(a: Atom) -> Atom:
        return env.get(a, a) if isinstance(a, Var) else a
    for node in graph.nodes:
        node = Node(node.op, tuple([at(a) for a in node.inputs]), node.outputs, node.params, node.where)
        if node.op is loop_op:
            loop = LoopParts(node)
            _repeated_slices(loop, repeated)
            _invariant_carries(loop, env)
            _equal_stacked(loop, env)
            nodes += _hoist(loop)
            outside = dict(zip(loop.vc, loop.constants, strict=True))
            for a, out in zip(loop.stacked, loop.out_y, strict=True):
                if not isinstance(a, Var) or a in outside:
                    repeated[out] = outside[a] if isinstance(a, Var) else a
            node = loop.rebuild()
        nodes.append(node)
    return Graph(graph.name, graph.inputs, tuple(nodes), tuple([at(a) for a in graph.outputs]))


def _repeated_slices(loop: LoopParts, repeated: dict[Var, Atom]) -> None:
    """A loop over a stack of one value reads the value itself."""
    same = [isinstance(a, Var) and a in repeated for a in loop.sliced]
    if not any(same) or all(same) and loop.test is None and loop.node.params["length"] is None:
        return
    for is_same, a, v in zip(same, loop.sliced, loop.vs, strict=True):
        if is_same:
            loop.constants.append(repeated[a])  # type: ignore[index]
            loop.vc.append(v)
            if loop.test is not None:
                loop.tc.append(Var(v.type))
    loop.keep([True] * len(loop.vc), [True] * len(loop.vk), [not s for s in same], [True] * len(loop.out_y))


def _invariant_carries(loop: LoopParts, env: dict[Var, Atom]) -> None:
    same = [a is b for a, b in zip(loop.new, loop.vk, strict=True)]
    if not any(same):
        return
    for is_same, out, init, v in zip(same, loop.out_k, loop.carries, loop.vk, strict=True):
        if is_same:
            env[out] = init
            loop.constants.append(init)
            loop.vc.append(v)
    if loop.test is not None:
        loop.tc += [v for v, s in zip(loop.tk, same, strict=True) if s]
    n_c = [True] * len(loop.vc)
    loop.keep(n_c, [not s for s in same], [True] * len(loop.vs), [True] * len(loop.out_y))


def _equal_stacked(loop: LoopParts, env: dict[Var, Atom]) -> None:
    first: dict[Atom, Var] = {}
    keep = []
    for atom, out in zip(loop.stacked, loop.out_y, strict=True):
        if isinstance(atom, Var) and atom in first:
            env[out] = first[atom]
            keep.append(False)
        else:
            if isinstance(atom, Var):
                first[atom] = out
            keep.append(True)
    if not all(keep):
        loop.keep([True] * len(loop.vc), [True] * len(loop.vk), [True] * len(loop.vs), keep)


def _hoist(loop: LoopParts) -> list[Node]:
    """Nodes of the body that read constants only; a check of an index stays, for a loop may take no step."""
    outside: dict[Var, Atom] = dict(zip(loop.vc, loop.constants, strict=True))
    moved: list[Node] = []
    left: list[Node] = []
    filled: dict[Var, Node] = {}    # made of numbers alone: made again outside for what moves
    own = {s for n in loop.nodes for o in n.outputs for s in o.type.symbols()}      # lengths that a step finds
    for node in loop.nodes:
        inputs = [a for a in node.inputs if isinstance(a, Var)]
        if not inputs and len(node.outputs) == 1 and node.op is broadcast:
            filled[node.outputs[0]] = node
        known = any(a in outside for a in inputs) and all(a in outside or a in filled for a in inputs)
        if known and not node.op.effect \
                and not any(True for _ in bodies(node)) and not any(o.type.symbols() for o in node.outputs) \
                and own.isdisjoint(node.mentions()):
            for a in inputs:
                if a not in outside:
                    again = Var(a.type)
                    moved.append(Node(filled[a].op, filled[a].inputs, (again,), filled[a].params, filled[a].where))
                    outside[a] = again
            fresh = tuple([Var(o.type) for o in node.outputs])
            moved.append(Node(node.op, tuple([outside[a] if isinstance(a, Var) else a for a in node.inputs]), fresh,
                              node.params, node.where))
            for inner, outer in zip(node.outputs, fresh, strict=True):
                outside[inner] = outer
                loop.vc.append(inner)
                loop.constants.append(outer)
                if loop.test is not None:
                    loop.tc.append(Var(inner.type))
        else:
            left.append(node)
    loop.nodes = left
    return moved


def _carried_sums(graph: Graph) -> Graph:
    """Carry a + b instead of a and b where nobody reads anything else of them.

    The cotangents of two names of one array are such a pair. Made at the end of a step instead of at the start of the next, the sum
    fuses with what makes its terms. It is the same sum of the same numbers.
    """
    uses = _uses(graph)
    gone: set[Node] = set()
    nodes: list[Node] = []
    for node in graph.nodes:
        if node in gone:
            continue
        if node.op is loop_op:
            loop = LoopParts(node)
            while (found := _summed_carries(loop, uses)) is not None:
                before, after = _carry_sum(loop, *found)
                nodes.append(before)
                gone.update(after)
            node = loop.rebuild()
        nodes.append(node)
    return Graph(graph.name, graph.inputs, tuple(nodes), graph.outputs)


_OUTPUT = object()


def _uses(graph: Graph) -> dict[Atom, list]:
    """Who reads each value; `_OUTPUT` for the results."""
    uses: dict[Atom, list] = {}
    for node in graph.nodes:
        for a in node.inputs:
            uses.setdefault(a, []).append(node)
    for a in graph.outputs:
        uses.setdefault(a, []).append(_OUTPUT)
    return uses


def _summed_carries(loop: LoopParts, uses: dict[Atom, list]) -> tuple[Node, int, int, list[Node]] | None:
    """A sum in the body that alone reads two carries, their positions, and the sum of both after the loop, if any."""
    if loop.test is not None:
        return None
    inner = _uses(Graph("", (), tuple(loop.nodes), (*loop.new, *loop.stacked)))
    position = {v: j for j, v in enumerate(loop.vk)}
    for node in loop.nodes:
        if node.op is not add:
            continue
        a, b = node.inputs
        if a is b or a not in position or b not in position or inner[a] != [node] or inner[b] != [node]:
            continue
        j, k = position[a], position[b]     # type: ignore[index]
        outside = [uses.get(loop.out_k[m], []) for m in (j, k)]
        if outside[0] == outside[1] and (not outside[0] or len(outside[0]) == 1 and outside[0][0] is not _OUTPUT
                                         and outside[0][0].op is add):
            return node, j, k, outside[0]
    return None


def _carry_sum(loop: LoopParts, node: Node, j: int, k: int, after: list[Node]) -> tuple[Node, list[Node]]:
    """Carry the sum: the node that makes it before the loop, and the nodes after the loop whose results it is."""
    carry, = node.outputs
    start, new = Var(carry.type), Var(carry.type)
    before = Node(node.op, (loop.carries[j], loop.carries[k]), (start,), node.params, node.where)
    loop.nodes = [n for n in loop.nodes if n is not node]
    loop.nodes.append(Node(node.op, (loop.new[j], loop.new[k]), (new,), node.params, node.where))
    out = after[0].outputs[0] if after else Var(carry.type)
    for name, value in (("carries", start), ("vk", carry), ("new", new), ("out_k", out)):
        getattr(loop, name).append(value)
    kept = [m not in (j, k) for m in range(len(loop.vk))]
    loop.keep([True] * len(loop.vc), kept, [True] * len(loop.vs), [True] * len(loop.out_y))
    return before, after


def _prune(graph: Graph) -> Graph:
    """Drop what no one reads. Bodies go first: what a loop inside reads only to hand it on is not read."""
    live: set[Atom] = set(graph.outputs)
    mentioned: set[str] = set()
    for node in graph.nodes:
        for value in node.params.values():
            mentioned |= size_symbols(value)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        node = map_bodies(node, _prune)
        if node.op is loop_op:
            before = len(node.params["body"].outputs)
            node = _prune_loop(node, live, mentioned)
            if len(node.params["body"].outputs) < before:
                node = map_bodies(node, _prune)
        live.update(node.inputs)
        kept.append(node)
    return live_nodes(Graph(graph.name, graph.inputs, tuple(reversed(kept)), graph.outputs))


def _prune_loop(node: Node, live: set[Atom], mentioned: set[str]) -> Node:
    loop = LoopParts(node)
    stacked = [o in live for o in loop.out_y]
    if loop.out_y and not any(stacked) and loop.out_y[0].type.symbols() & mentioned:
        stacked[0] = True  # it binds the length that another node names
    carries = [o in live for o in loop.out_k]
    if loop.test is not None:
        tested = _reads(loop.test.nodes, loop.test.outputs)
        carries = [c or v in tested for c, v in zip(carries, loop.tk, strict=True)]
    while True:
        wanted = [a for a, f in zip([*loop.new, *loop.stacked], [*carries, *stacked], strict=True) if f]
        needed = _reads(live_nodes(Graph("", loop.body.inputs, tuple(loop.nodes), tuple(wanted))).nodes, wanted)
        new = [c or v in needed for c, v in zip(carries, loop.vk, strict=True)]
        if new == carries:
            break
        carries = new
    bound = {s for v in (*loop.vk, *loop.vs) for s in v.type.symbols()}
    constants = [v in needed or bool(v.type.symbols() - bound) for v in loop.vc]
    if loop.test is not None:
        constants = [c or v in tested for c, v in zip(constants, loop.tc, strict=True)]
    sliced = [v in needed for v in loop.vs]
    if loop.vs and not any(sliced) and loop.test is None and node.params["length"] is None:
        sliced[0] = True  # it says how many steps there are
    loop.keep(constants, carries, sliced, stacked)
    return loop.rebuild()


def _reads(nodes, outputs) -> set[Atom]:
    return {a for n in nodes for a in n.inputs} | set(outputs)
