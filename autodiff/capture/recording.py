"""From a Python function of trees to a graph of flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autodiff.capture import lift_here, names_refused
from autodiff.capture.arguments import Containers
from autodiff.capture.effects import AFTER_EFFECTS, Effects, Learned, array_here, is_number, leave_to_python, number_of, outer_effects
from autodiff.capture.replay import Replay, SlotInput
from autodiff.capture.statics import check_results, note_statics
from autodiff.leaves import as_leaf, leaf_type, name_of, value_of_leaf, weak_of
from tracer.asked import Asked
from tracer.errors import ConcreteValueError, TraceError, UnsupportedError, explain
from tracer.graph import Atom, Const, Graph, Node, Var, live_nodes
from tracer.op import ops
from tracer.trace import Trace, Traced, Tracer, current_trace, inline, trace_flat
from tracer.tree import flatten, leaf_paths, unflatten
from tracer.types import ArrayType, Dim

__all__ = ["Recorded", "record", "with_effects"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A graph, the outside values it uses (its last inputs), and the structure of its result.

    The graph's outputs are the leaves of the result, then the new values of the leaves `written`, then what the `effects` need. Where it
    is `guarded`, the last output is a truth value: whether Python would decide as it did when the function was recorded, so that the other
    outputs are right.
    """

    graph: Graph
    captured: list
    out_tree: Any
    written: tuple[int, ...] = ()
    guarded: bool = False
    notes: tuple[str, ...] = ()
    asked: Asked = Asked.TYPES
    reads: Any = None
    has_graph: bool = True
    effects: Replay | None = None

    def results(self) -> int:
        """How many of the graph's outputs are leaves of the result."""
        effects = 0 if self.effects is None else self.effects.results
        return len(self.graph.outputs) - len(self.written) - effects - self.guarded

    def without_graph(self) -> Recorded:
        """The same without its graph, which takes more memory than all else and is not needed once there is a kernel."""
        return replace(self, graph=Graph(self.graph.name, (), (), ()), has_graph=False)


def record(f: Callable, in_tree, leaves: Sequence, *, concrete: bool, name: str | None = None, label: Callable[[str], str] = str,
           fixed: Mapping[int, Any] | None = None, shared: Mapping[int, int] | None = None, writes: bool = False,
           guarded: bool = False, outside: bool = True, learned: Learned | None = None,
           shapes: Mapping[int, tuple[Dim, ...]] | None = None) -> Recorded:
    """Trace `f(*args)`, `args` being the tree of `leaves`. A concrete trace carries the values of the leaves.

    Parameters
    ----------
    label : turns the path of a leaf into what errors call it
    fixed : leaves that the function gets as they are, by number
    shared : leaves that are the same array as an earlier one
    writes : whether arguments that the function writes are among the outputs
    guarded : whether Python's decisions are, in a concrete trace
    outside : whether arrays of variables outside of `f` are traced; else they are constants
    learned : for a function that is compiled, what is known of its effects: they are put back, and carried out after each call
    shapes : shapes of leaves, by number, some of whose lengths stand for others (`tracer/lengths.py`)
    """
    holder: list = []
    started: list[tuple[Trace, list]] = []
    keeper = _Keeper(learned)
    changed: list[int] = []
    paths = leaf_paths(in_tree)
    types = [_type_of(x, label(p), shapes, k) for k, (x, p) in enumerate(zip(leaves, paths, strict=True))]

    def flat(*tracers):
        given: list[Any] = list(tracers)
        for k, j in (shared or {}).items():
            given[k] = tracers[j]
        for k, x in (fixed or {}).items():
            given[k] = x
        first = [t.ref for t in tracers]
        for t, x in zip(tracers, leaves, strict=True):
            t.origin = x if isinstance(x, (np.ndarray, np.generic, Tracer)) else None
        trace = current_trace()
        assert trace is not None
        started.append((trace, first))
        arguments = unflatten(in_tree, given)
        with keeper.kept(trace, Containers(arguments if writes else ())), names_refused(trace.lost):
            note_statics(in_tree)
            out, tree = flatten(lift_here(f)(*arguments))
        check_results(tree, in_tree)
        holder.append(tree)
        for x, path in zip(out, leaf_paths(tree), strict=True):
            leaf_type(x, f"result{path}")
        if writes:
            changed.extend(k for k, (t, ref) in enumerate(zip(tracers, first, strict=True)) if t.ref is not ref and t.type.shape)
            stale = [t for t in tracers if id(t) in t.owner.stale and t.type.shape]
            for t in stale:
                t.owner.check_fresh(t)
        return [*out, *(tracers[k] for k in changed), *keeper.traced]
    with _decisions_kept(started, leaves):
        traced = trace_flat(flat, types, name=name or name_of(f), values=[value_of_leaf(x) for x in leaves] if concrete else None,
                            weak=[weak_of(x) for x in leaves], guarded=guarded, outside=outside)
    graph = keeper.passed_on(traced.graph, [*map(as_leaf, leaves), *traced.captured])
    if not _check_around(traced, leaves) and traced.guards is not None and guarded:
        rename = dict(zip(traced.guards.inputs, graph.inputs, strict=True))
        assert all(a is b for a, b in rename.items())
        nodes = list(graph.nodes)
        have = {v for n in nodes for v in n.outputs}
        nodes += [n for n in traced.guards.nodes if not any(v in have for v in n.outputs)]
        decisions, agree = _all_agree(traced.guards.outputs, traced.outcomes)
        graph = Graph(graph.name, graph.inputs, (*_in_order(nodes, graph.inputs), *decisions), (*graph.outputs, agree))
        return Recorded(graph, traced.captured, holder[0], tuple(changed), True, traced.notes, traced.asked,
                        traced.reads, effects=keeper.replay)
    return Recorded(graph, traced.captured, holder[0], tuple(changed), notes=traced.notes, asked=traced.asked,
                    reads=traced.reads, effects=keeper.replay)


@contextmanager
def _decisions_kept(started: Sequence[tuple[Trace, list]], leaves: Sequence) -> Iterator[None]:
    """Where an exception ends a trace, have the one around, which may handle it, check the decisions that led to it."""
    try:
        yield
    except Exception:
        for trace, first in started:
            if trace.guards:
                _check_around(_decisions_of(trace, first), leaves)
        raise


def _decisions_of(trace: Trace, inputs: Sequence) -> Traced:
    """What Python has decided on in a trace that an exception ended."""
    assert trace.guards is not None
    guards = Graph(trace.name, (*inputs, *trace.capture_order), tuple(trace.nodes), tuple([a for a, _ in trace.guards]))
    return Traced(guards, [outer for outer, _ in trace.captured], live_nodes(guards), tuple([k for _, k in trace.guards]))


def _check_around(traced: Traced, leaves: Sequence) -> bool:
    """Have the decisions of a trace checked by the one around, if that keeps its own, in terms of its values. Whether it does."""
    outer = current_trace()
    if traced.guards is None or outer is None or outer.guards is None:
        return False
    conditions = inline(traced.guards, [*map(as_leaf, leaves), *traced.captured])
    # A constant among them says that what the kernel raises may mean another path (`Hooks.tried`).
    outer.guards += [(outer.atom(c), k) for a, c, k in zip(traced.guards.outputs, conditions, traced.outcomes, strict=True)
                     if isinstance(c, Tracer) or isinstance(a, Const)]
    return True


def _type_of(x: Any, path: str, shapes: Mapping[int, tuple[Dim, ...]] | None, k: int) -> ArrayType:
    """The type of leaf `k`, whose shape may be given."""
    t = leaf_type(x, path)
    return t if shapes is None or k not in shapes else t.with_shape(shapes[k])


def with_effects(attempt: Callable[[], Recorded], learned: Learned) -> Recorded:
    """Record a function until nothing new is learned of what it changes outside."""
    for _ in range(MOST_ATTEMPTS):
        known = len(learned)
        try:
            rec = attempt()
        except (ConcreteValueError, UnsupportedError):
            if len(learned) == known:
                raise
            continue
        if len(learned) == known:
            return rec
    return attempt()


MOST_ATTEMPTS = 8
"""What is not learned by then is a constant of the recording, and watched."""


class _Keeper:
    """What becomes of the effects of one recording.

    traced : the values among them that are the last outputs of the graph
    replay : the effects, if they are to be carried out after each call
    """

    def __init__(self, learned: Learned | None):
        self.learned = learned
        self.traced: list[Tracer] = []
        self.written: list[tuple[Tracer, np.ndarray]] = []
        self.replay: Replay | None = None

    @contextmanager
    def kept(self, trace: Trace, arguments: Containers) -> Iterator[None]:
        """While the function runs, its effects are kept; then they are put back, or hold numbers, or go to the recording around."""
        trace.once = True
        if trace.parent is None:
            trace.effects = Effects(self.learned is not None, self.learned)
        effects = self.effects = outer_effects()
        if trace.parent is not None or effects is None:
            yield
            self._inner(trace, effects, arguments)
        elif not effects.deferred:
            try:
                yield
            finally:
                if trace.concrete:
                    effects.replace(number_of)
                else:
                    self.traced = effects.traced()
        else:
            with self._put_back(trace, effects):
                yield
                effects.entries += arguments.changes()
                self.replay, self.traced = Replay.of(effects, trace)

    def _inner(self, trace: Trace, effects: Effects | None, arguments: Containers) -> None:
        """The end of a recording inside another one."""
        if arguments.changes():
            raise explain(UnsupportedError, "a list or dict among the arguments of a compiled function is changed in another one",
                          why="the other function would not see it", fix="return the new value, or call the function without jit")
        if effects is not None:
            self.written = effects.written(trace)
            self.traced = [*(t for t in effects.traced() if t.owner is trace), *(t for t, _ in self.written)]

    @contextmanager
    def _put_back(self, trace: Trace, effects: Effects) -> Iterator[None]:
        """A recording at whose end everything outside is as it was before."""
        try:
            for slot in effects.learned.slots:
                if is_number(slot.get()):
                    SlotInput(slot).install(trace, effects)
            yield
            effects.refuse_texts()
        except Exception as e:
            if any(e is x for x in effects.texts):
                effects.refuse_texts()
            # What the program itself raises comes after its effects, and after what it may have raised before.
            if not isinstance(e, TraceError):
                leave_to_python(e, AFTER_EFFECTS if effects.entries else "the program raises" if effects.raised else "")
            raise
        finally:
            effects.undo()

    def passed_on(self, graph: Graph, inputs: list) -> Graph:
        """The graph without the values of effects, which become values of the recording around this one, or numbers."""
        if not self.traced or self.replay is not None:
            return graph
        n = len(graph.outputs) - len(self.traced)
        values = inline(live_nodes(Graph(graph.name, graph.inputs, graph.nodes, graph.outputs[n:])), inputs)
        new = {}
        for t, value in zip(self.traced, values, strict=True):
            if isinstance(value, Tracer) and t.weak is not None:
                value.weak = t.weak
            new[id(t)] = value if isinstance(value, Tracer) else np.asarray(value)[()]
        assert self.effects is not None
        for (t, x), value in zip(self.written, values[len(values) - len(self.written):], strict=True):
            new[id(t)] = array_here(x, self.effects)
            new[id(t)][...] = value
        self.effects.replace(lambda t: new.get(id(t), t))
        return live_nodes(Graph(graph.name, graph.inputs, graph.nodes, graph.outputs[:n]))


def _all_agree(conditions: Sequence[Atom], outcomes: Sequence[int]) -> tuple[list[Node], Atom]:
    """Nodes that compare each condition with its outcome, and the truth value that says whether all are equal."""
    nodes: list[Node] = []

    def add(name: str, *inputs: Atom, of=np.bool_, **params) -> Var:
        out = Var(ArrayType(np.dtype(of), ()))
        nodes.append(Node(ops[name], inputs, (out,), params))
        return out

    def agrees(condition: Atom, outcome: int) -> Atom:
        t = condition.type
        if t.shape:
            condition = add("reshape", condition, of=t.dtype, shape=())
        if t.dtype.kind == "b":
            return condition if outcome else add("logical_not", condition)
        if t.dtype != np.int64:
            condition = add("cast", condition, of=np.int64, dtype=np.dtype(np.int64))
        return add("eq", condition, Const(np.int64(outcome)))
    level = [agrees(c, k) for c, k in zip(conditions, outcomes, strict=True)]
    while len(level) > 1:
        pairs = [add("logical_and", a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2:]
    return nodes, level[0]


def _in_order(nodes: list, inputs: Sequence[Var]) -> list:
    """Nodes such that each comes after what it reads."""
    known: set = set(inputs)
    out: list = []
    left = nodes
    while left:
        later = []
        for n in left:
            if all(not isinstance(a, Var) or a in known for a in n.inputs):
                out.append(n)
                known.update(n.outputs)
            else:
                later.append(n)
        assert len(later) < len(left), "a node reads what is made nowhere"
        left = later
    return out
