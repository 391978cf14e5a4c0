"""From a Python function of trees to a graph of flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autodiff.capture import lift_here, names_refused
from autodiff.leaves import as_leaf, leaf_type, name_of, value_of_leaf, weak_of
from tracer.graph import Atom, Const, Graph, Node, Var
from tracer.op import ops
from tracer.trace import Tracer, current_trace, inline, trace_flat
from tracer.tree import flatten, leaf_paths, unflatten
from tracer.types import ArrayType

__all__ = ["Recorded", "record"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A graph, the outside values it uses (its last inputs), and the structure of its result.

    The graph's outputs are the leaves of the result, then the new values of the leaves `written`. Where it is `guarded`, the last output is
    a truth value: whether Python would decide as it did when the function was recorded, so that the other outputs are right.
    """

    graph: Graph
    captured: list
    out_tree: Any
    written: tuple[int, ...] = ()
    guarded: bool = False
    notes: tuple[str, ...] = ()
    asked_layout: bool = False
    reads: Any = None
    has_graph: bool = True

    def without_graph(self) -> Recorded:
        """The same without its graph, which takes more memory than all else and is not needed once there is a kernel."""
        return replace(self, graph=Graph(self.graph.name, (), (), ()), has_graph=False)


def record(f: Callable, in_tree, leaves: Sequence, *, concrete: bool, name: str | None = None, label: Callable[[str], str] = str,
           fixed: Mapping[int, Any] | None = None, shared: Mapping[int, int] | None = None, writes: bool = False,
           guarded: bool = False, outside: bool = True) -> Recorded:
    """Trace `f(*args)`, `args` being the tree of `leaves`. A concrete trace carries the values of the leaves.

    Parameters
    ----------
    label : turns the path of a leaf into what errors call it
    fixed : leaves that the function gets as they are, by number
    shared : leaves that are the same array as an earlier one
    writes : whether arguments that the function writes are among the outputs
    guarded : whether Python's decisions are, in a concrete trace
    outside : whether arrays of variables outside of `f` are traced; else they are constants
    """
    holder: list = []
    changed: list[int] = []
    paths = leaf_paths(in_tree)
    types = [leaf_type(x, label(p)) for x, p in zip(leaves, paths, strict=True)]

    def flat(*tracers):
        given: list[Any] = list(tracers)
        for k, j in (shared or {}).items():
            given[k] = tracers[j]
        for k, x in (fixed or {}).items():
            given[k] = x
        first = [t.ref for t in tracers]
        for t, x in zip(tracers, leaves, strict=True):
            t.origin = x if isinstance(x, (np.ndarray, Tracer)) else None
        trace = current_trace()
        with names_refused(trace.lost if trace is not None else {}):
            out, tree = flatten(lift_here(f)(*unflatten(in_tree, given)))
        holder.append(tree)
        for x, path in zip(out, leaf_paths(tree), strict=True):
            leaf_type(x, f"result{path}")
        if writes:
            changed.extend(k for k, (t, ref) in enumerate(zip(tracers, first, strict=True)) if t.ref is not ref and t.type.shape)
            stale = [t for t in tracers if id(t) in t.owner.stale and t.type.shape]
            for t in stale:
                t.owner.check_fresh(t)
        return [*out, *(tracers[k] for k in changed)]
    traced = trace_flat(flat, types, name=name or name_of(f), values=[value_of_leaf(x) for x in leaves] if concrete else None,
                        weak=[weak_of(x) for x in leaves], guarded=guarded, outside=outside)
    graph = traced.graph
    outer = current_trace()
    if traced.guards is not None and outer is not None and outer.guards is not None:
        # The decisions are checked by the trace around, in terms of its own values.
        conditions = inline(traced.guards, [*map(as_leaf, leaves), *traced.captured])
        outer.guards += [(outer.atom(c), k) for c, k in zip(conditions, traced.outcomes, strict=True) if isinstance(c, Tracer)]
    elif traced.guards is not None and guarded:
        rename = dict(zip(traced.guards.inputs, graph.inputs, strict=True))
        assert all(a is b for a, b in rename.items())
        nodes = list(graph.nodes)
        have = {v for n in nodes for v in n.outputs}
        nodes += [n for n in traced.guards.nodes if not any(v in have for v in n.outputs)]
        decisions, agree = _all_agree(traced.guards.outputs, traced.outcomes)
        graph = Graph(graph.name, graph.inputs, (*_in_order(nodes, graph.inputs), *decisions), (*graph.outputs, agree))
        return Recorded(graph, traced.captured, holder[0], tuple(changed), True, traced.notes, traced.asked_layout,
                        traced.reads)
    return Recorded(graph, traced.captured, holder[0], tuple(changed), notes=traced.notes, asked_layout=traced.asked_layout,
                    reads=traced.reads)


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
