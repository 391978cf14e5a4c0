"""Split a derivative in two: a primal graph, and a graph that is linear in the tangents.

The values that the linear graph needs from the primal one are the residuals. Which are kept is decided in one place,
`choose_residuals`: what is cheap to make again (views, index arithmetic, values filled with a constant) is made again in the
linear graph, and so is, inside loops, a value whose length is known only at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from autodiff.transforms.jvp import Mode
from autodiff.transforms.minimum_cut import least_set
from tracer.graph import Atom, Graph, Node, Var, live_nodes, size_symbols
from tracer.op import Cost, Elementwise
from tracer.ops.arithmetic import cast
from tracer.ops.comparison import select
from tracer.ops.control import array_before, ends_and_logs
from tracer.ops.control.loops import loop
from tracer.ops.control.replay import replayed_loop
from tracer.ops.index import check_where_used, index, update
from tracer.ops.shape import broadcast
from tracer.passes.store_forwarding import forward_stores
from tracer.types import Size

__all__ = ["Linearized", "linearize_graph", "choose_residuals"]


@dataclass(frozen=True, slots=True)
class Linearized:
    """`primal`: inputs -> outputs, residuals. `linear`: residuals, tangents of active inputs -> tangents of active outputs."""

    primal: Graph
    linear: Graph
    residuals: tuple[Var, ...]
    active_out: list[bool]
    replayed: tuple[Replayed, ...] = ()


@dataclass(frozen=True, slots=True)
class Replayed:
    """An input array that the graph writes in parts, and that the linear graph writes again instead of getting each version of it.

    `output` is its last version; `logs` are the parts as they were before each write, which the primal graph also gives.
    """

    input: Var
    output: Var
    logs: tuple[Var, ...]


def linearize_graph(graph: Graph, active: Sequence[bool], must: Sequence[bool] = (), *, free: Sequence[bool] | None = None,
                    keep_sized: bool = True, replay: Sequence[tuple[int, int]] = (), branch: bool = False) -> Linearized:
    """Linearize a graph in its active inputs.

    `free` marks inputs that cost nothing to keep; `keep_sized` says whether arrays of run-time length may be kept. `replay` are pairs of
    an input and an output: arrays that are written in parts where the linear graph may write them again. `branch`: the graph is one way
    of several, so that what it keeps is kept on all of them, and what it makes again is made on its own way only.
    """
    joint, active_out = LINEARIZE.joint_graph(forward_stores(graph), active, must)
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
    chains = {joint.inputs[j]: _writes(first, second, joint.inputs[j], joint.outputs[k]) for j, k in replay}
    written = {v: chain for v, chain in chains.items() if chain and _is_read(v, chain, first, second, linear)}
    residuals, again = choose_residuals(first, second, joint.outputs[n_out:], set(joint.inputs[:n_in]), linear, free_vars,
                                        keep_sized, {v for chain in written.values() for _, v in chain}, branch)
    replayed = []
    for v, chain in written.items():
        logs = []
        for node, _ in chain:
            if node.op is loop:
                continue    # keeps what it overwrites itself
            before = Var(node.inputs[1].type)
            read = Node(index, (node.inputs[0], *node.inputs[2:]), (before,), {"spec": node.params["spec"]}, node.where)
            first.insert(first.index(node), read)
            logs.append(before)
        replayed.append(Replayed(v, chain[-1][1], tuple(logs)))
    logged = [b for r in replayed for b in r.logs]
    primal = Graph(graph.name, joint.inputs[:n_in], tuple(first), (*joint.outputs[:n_out], *residuals, *logged))
    tangent = Graph(f"{graph.name}_tangent", (*residuals, *joint.inputs[n_in:]), (*map(check_where_used, again), *second),
                    (*joint.outputs[n_out:], *(r.output for r in replayed)))
    return Linearized(live_nodes(primal), live_nodes(tangent), tuple(residuals), active_out, tuple(replayed))


def _writes(nodes: list[Node], linear: list[Node], start: Var, end: Atom) -> list[tuple[Node, Var]]:
    """The updates and loops that make `end` of `start`, in order, each with the version it makes.

    None if there is anything else between, if a loop does not keep what it overwrites, or if a part has a run-time length.
    """
    made = {o: n for n in nodes for o in n.outputs}
    chain: list[tuple[Node, Var]] = []
    a: Atom = end
    written = 0
    while a is not start:
        node = made.get(a) if isinstance(a, Var) else None
        if node is None:
            return []
        if node.op is loop:
            logs = _logs_of(linear, a)  # type: ignore[arg-type]
            if logs is None or any(v.type.symbols() for v in (*logs, *node.outputs)):
                return []   # what it keeps for itself is enough: nothing is added to it
        elif node.op is not update or node.params["mode"] != "set" or node.inputs[1].type.symbols():
            return []
        elif node.inputs[2:] and not node.params.get("unique") and node.inputs[2].type.shape:
            return []   # an element may be written twice
        else:
            written += _count(node.inputs[1])
        chain.append((node, a))     # type: ignore[arg-type]
        a = array_before(node, a)   # type: ignore[arg-type]
    return chain[::-1] if written * 2 <= _count(start) else []


def _logs_of(linear: list[Node], end: Var) -> tuple | None:
    """What a loop of the linear graph that writes one array again, up to `end`, reads to put it back."""
    for node in linear:
        if node.op is replayed_loop and node.params["replayed"] == 1:
            ends, logs = ends_and_logs(node)
            if ends[0] is end:
                return logs
    return None


def _count(a: Atom) -> int:
    total = 1
    for d in a.type.shape:
        total *= d if isinstance(d, int) else 0
    return total


def _is_read(v: Var, chain: list[tuple[Node, Var]], first: list[Node], second: list[Node], linear: set[Var]) -> bool:
    """Whether the linear graph may need a version of an array: something differentiable is computed from it."""
    versions = {v, *(a for _, a in chain)}
    writers = {n for n, _ in chain}
    found: set[Var] = set()
    for node in first:
        if node not in writers and any(a in versions or a in found for a in node.inputs if isinstance(a, Var)):
            found.update(node.outputs)
    return any(a in versions or a in found for n in second for a in n.inputs if isinstance(a, Var))


def choose_residuals(first: list[Node], second: list[Node], outputs: Sequence[Atom], inputs: set[Var], linear: set[Var],
                     free: set[Var], keep_sized: bool, replayed: set[Var] = frozenset(),     # type: ignore[assignment]
                     branch: bool = False) -> tuple[list[Var], list[Node]]:
    """The residuals, and the primal nodes that the linear graph runs again: those that make `replayed` in any case.

    Walks the primal nodes backwards from what the linear graph needs. A needed value is made again when its op is cheap
    (and then its inputs are needed instead), else it is kept.
    """
    choice = _Choice(first, second, outputs, inputs, linear, free, keep_sized, replayed)
    kept, again = choice.walk()
    if not keep_sized and not replayed:
        for light in (_is_scalar, _is_light) if branch else (_is_light,):
            cut = _smaller(kept, first, inputs, free, light)
            if cut is None:
                continue
            choice.needed = dict.fromkeys(choice.roots)
            less, more = choice.walk(cut, light)
            saved = sum(_bytes(v, free) for v in kept) - sum(_bytes(v, free) for v in less)
            if light is _is_light or saved >= COSTLY_BYTES * sum(map(_is_costly, more)):
                kept, again = less, more
                break
            choice.needed = dict.fromkeys([*choice.roots, *kept])
    return [v for v in choice.needed if v in kept], again


class _Choice:
    """Which values are kept for the linear graph, and which are made again. `needed` are those that it, or what is made again, reads."""

    def __init__(self, first: list[Node], second: list[Node], outputs: Sequence[Atom], inputs: set[Var], linear: set[Var], free: set[Var],
                 keep_sized: bool, replayed: set[Var]):
        self.first, self.inputs, self.linear, self.keep_sized, self.replayed = first, inputs, linear, keep_sized, replayed
        self.needed: dict[Var, None] = {}
        # A size that the linear graph mentions is bound by a value that has it.
        self.binder: dict[str, Var] = {}
        for v in (v for node in first for v in (*node.inputs, *node.outputs) if isinstance(v, Var)):
            for d in v.type.shape:
                if isinstance(d, Size) and d.name():
                    self.binder.setdefault(d.name(), v)  # type: ignore[arg-type]
        self._need([a for node in second for a in node.inputs])
        self._need([*outputs, *replayed])
        self._need_sizes({s for node in second for p in node.params.values() for s in size_symbols(p)})
        self.flags = _made_of_flags(first)
        self.derived = _derived(first, free)
        at_hand = {array_before(n, v) for n in first for v in n.outputs if v in replayed}
        self.at_hand: set[Var] = free | replayed | at_hand   # type: ignore[assignment, operator]
        self.roots = tuple(self.needed)

    def _need(self, atoms: Sequence[Atom]) -> None:
        self.needed.update((a, None) for a in atoms if isinstance(a, Var) and a not in self.linear)

    def _need_sizes(self, mentioned: Iterable[str]) -> None:
        self._need([self.binder[s] for s in sorted(mentioned) if s in self.binder])

    def walk(self, cut: set[Var] | None = None, light: Callable[[Node], bool] | None = None) -> tuple[dict[Var, None], list[Node]]:
        """The values that are kept, and the nodes that run again. With a `cut`, those in it are kept, and light nodes run again."""
        again: list[Node] = []
        kept: dict[Var, None] = {}
        for node in reversed(self.first):
            wanted = [v for v in node.outputs if v in self.needed]
            if not wanted:
                continue
            if node.op is loop and any(v in self.replayed for v in node.outputs):
                again.append(replace(node, outputs=tuple([v if v in self.replayed else Var(v.type) for v in node.outputs])))
                kept.update((v, None) for v in wanted if v not in self.replayed)
                self._need(node.inputs)
            elif (cut is None or not cut.issuperset(wanted)) and (self._runs_again(node, wanted) or light is not None and light(node)):
                again.append(node)
                self._need(node.inputs)
                self._need_sizes(node.mentions())
            else:
                kept.update(dict.fromkeys(wanted))
        kept.update((v, None) for v in self.needed if v in self.inputs)
        return kept, again[::-1]

    def _runs_again(self, node: Node, wanted: list[Var]) -> bool:
        """Whether a node runs again whatever else is kept."""
        sized = not self.keep_sized and any(v.type.symbols() for v in wanted)
        return (sized or any(v in self.replayed for v in node.outputs) or _is_cheap(node, self.at_hand, self.derived)
                or all(v in self.flags for v in node.outputs))


WORTH_CUTTING = 16
"""Bytes kept by a step of a loop from which on the least set is looked for."""
COSTLY_BYTES = 8
"""Bytes of every step that are worth one elementary function on the steps that take a branch."""

def _is_light(node: Node) -> bool:
    """Whether computing a value again costs about as little as reading it."""
    return node.op.cost <= Cost.LITTLE


def _is_scalar(node: Node) -> bool:
    """Whether a value is light to make, or a number made of numbers."""
    return _is_light(node) or isinstance(node.op, Elementwise) and node.outputs[0].type.shape == ()


def _is_costly(node: Node) -> bool:
    return isinstance(node.op, Elementwise) and node.op.cost is Cost.MUCH


def _bytes(v: Var, free: set[Var]) -> int:
    return 0 if v in free else _count(v) * v.type.dtype.itemsize


def _smaller(kept: dict[Var, None], first: list[Node], inputs: set[Var], free: set[Var], light: Callable[[Node], bool]) -> set[Var] | None:
    """The least set of values from which those kept can be made by light operations; None if it is not clearly smaller."""
    total = sum(_bytes(v, free) for v in kept)
    if total < WORTH_CUTTING:
        return None
    made_of = {v: [a for a in n.inputs if isinstance(a, Var)] for n in first if light(n) for v in n.outputs}
    known = [*inputs, *(v for n in first for v in n.outputs)]
    cost = {v: _bytes(v, free) for v in known if not v.type.symbols()}
    cut = least_set(list(kept), made_of, cost)
    return cut if 10 * sum(_bytes(v, free) for v in cut) <= 8 * total else None


def _made_of_flags(nodes: list[Node]) -> set[Var]:
    """Numbers chosen by truth values from constants: the truth values take less room."""
    found: set[Var] = set()

    def simple(a: Atom) -> bool:
        return not isinstance(a, Var) or a.type.dtype.kind == "b" or a in found
    for node in nodes:
        if node.op is broadcast and not isinstance(node.inputs[0], Var):
            found.update(node.outputs)
        elif node.op in (select, cast) and all(map(simple, node.inputs)) and node.outputs[0].type.shape:
            found.update(node.outputs)
    return found


def _is_cheap(node: Node, free: set[Var], derived: set[Var]) -> bool:
    """Views and fillings, arithmetic on integer scalars, and elements of free arrays at places that are free or `derived`."""
    if node.op.cost is Cost.NOTHING:
        return True
    if node.op is index and all(not isinstance(a, Var) or a in free or k and a in derived for k, a in enumerate(node.inputs)):
        return True
    return _is_integer_arithmetic(node)


def _is_integer_arithmetic(node: Node) -> bool:
    return node.op.cost <= Cost.DIVISION and all(a.type.shape == () and a.type.dtype.kind in "biu" for a in (*node.inputs, *node.outputs))


def _derived(nodes: list[Node], free: set[Var]) -> set[Var]:
    """Integer scalars made of free values: loop counters, what is computed of them, and elements of free arrays at such places."""
    found: set[Var] = set()
    for node in nodes:
        known = all(not isinstance(a, Var) or a in free or a in found for a in node.inputs)
        element = node.op is index and node.inputs[0] in free and node.outputs[0].type.shape == () \
            and node.outputs[0].type.dtype.kind in "iu"
        if known and (element or _is_integer_arithmetic(node)):
            found.update(node.outputs)
    return found


class _Linearize(Mode):
    """Values and tangents such that the tangents are linear, by the method `linearize` of each op."""

    rule = "linearize"
    linearize_graph = staticmethod(linearize_graph)


LINEARIZE = _Linearize()
