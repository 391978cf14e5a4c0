"""Small arrays in loops as numbers of their own.

Scientists write the state of a small system as `np.array([u, v])` and read it as `y[0]`. Where a loop builds such arrays from numbers,
they are taken apart: the loop carries the numbers, elementwise operations become one operation per element, and what only moves elements
(`index`, `reshape`, `concatenate`, …) vanishes. The numbers then live in registers, and so do their cotangents. Compilers call this
scalar replacement of aggregates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np

from tracer.graph import Atom, Graph, Node, Var
from tracer.op import Elementwise, type_of
from tracer.ops.arithmetic import add
from tracer.ops.control.conditionals import cond
from tracer.ops.index import index, update
from tracer.ops.reduce import sum_
from tracer.ops.shape import concatenate, reshape
from tracer.sizes import as_int
from tracer.trace import apply, bind, current_trace, trace_graph, walk
from tracer.types import ArrayType

__all__ = ["MOST", "LoopParts", "apart"]

MOST = 8
"""Elements of an array that is taken apart, at most."""


@dataclass
class LoopParts:
    """The operands and graphs of a loop; `join` makes the outputs of the loop it stands for of its own."""

    constants: list
    carries: list
    body: Graph
    test: Graph | None
    join: Callable[[Sequence], list]


def apart(constants: Sequence, carries: Sequence, body: Graph, test: Graph | None) -> LoopParts:
    """A loop with its small arrays taken apart, where its body makes some of numbers; else as it is.

    `body` takes `(i, *constants, *carries, *slices)`, `test` takes `(i, *constants, *carries)`.
    """
    heads, nc = (*constants, *carries), len(constants)
    chosen = _chosen(body, test, nc, len(carries)) if current_trace() is not None else set()
    if not chosen:
        return LoopParts(list(constants), list(carries), body, test, list)
    taken = body.inputs[1:1 + len(heads)]
    split = [v in chosen for v in taken]
    widths = [_count(v.type) if s else 1 for v, s in zip(taken, split, strict=True)]

    def rebuilt(graph: Graph, returns: Sequence[bool]) -> Graph:
        def f(i, *xs):
            rest = iter(xs)
            ins = [_joined(v.type, s, rest) for v, s in zip(taken, split, strict=True)]
            return _flat(walk(graph, [i, *ins, *rest], partial(_step, chosen)), returns)
        types = [t for v, s in zip(taken, split, strict=True) for t in _element_types(v.type, s)]
        return trace_graph(f, [graph.inputs[0].type, *types, *(v.type for v in graph.inputs[1 + len(heads):])], graph.name)

    def join(outs: Sequence) -> list:
        rest = iter(outs)
        return [_whole(_joined(v.type, s, rest)) for v, s in zip(taken[nc:], split[nc:], strict=True)] + list(rest)
    values = _flat(heads, split)
    cut = sum(widths[:nc])
    new = rebuilt(body, [*split[nc:], *[False] * (len(body.outputs) - len(carries))])
    return LoopParts(values[:cut], values[cut:], new, None if test is None else rebuilt(test, [False]), join)


# -- what is taken apart ----------------------------------------------------------------------------


def _static(t: ArrayType) -> tuple[int, ...]:
    return tuple([as_int(d) for d in t.shape])  # type: ignore[arg-type]


def _count(t: ArrayType) -> int:
    return math.prod(_static(t))


def _is_small(t: ArrayType) -> bool:
    return bool(t.shape) and t.is_static() and 0 < _count(t) <= MOST


def _is_known(node: Node) -> bool:
    """Whether the elements of what a node makes are known from those of its operands."""
    if not all(a.type.shape == () or _is_small(a.type) for a in node.inputs):
        return False
    return isinstance(node.op, Elementwise) or node.op is sum_ or node.op.only_moves(len(node.inputs), **node.params)


def _chosen(body: Graph, test: Graph | None, constants: int, carries: int) -> set[Var]:
    """The small arrays to take apart: none unless some are made of numbers, and none that another kind of op makes.

    Arrays that meet in an elementwise op, or stand for one another at the border of a branch or from step to step, go together.
    """
    groups = _Groups()
    groups.visit(body)
    for v, out in zip(body.inputs[1 + constants:], body.outputs[:carries], strict=False):
        groups.link(v, out)
    if test is not None:
        groups.visit(test)
        for v, w in zip(body.inputs, test.inputs, strict=False):
            groups.link(v, w)
    return groups.chosen()


class _Groups:
    """Small arrays that are taken apart together: a forest in which each var names another one of its group.

    made : arrays that are made of numbers; foreign : those that another kind of op makes
    """

    def __init__(self) -> None:
        self.together: dict[Var, Var] = {}
        self.made: list[Var] = []
        self.foreign: list[Var] = []

    def find(self, v: Var) -> Var:
        """The var that stands for the group of `v`."""
        while self.together.setdefault(v, v) is not v:
            v = self.together[v]
        return v

    def link(self, *atoms: Atom) -> None:
        """Make one group of the small arrays among some atoms."""
        vs = [a for a in atoms if isinstance(a, Var) and _is_small(a.type)]
        for v in vs:
            self.together[self.find(v)] = self.find(vs[0])

    def visit(self, graph: Graph) -> None:
        """Link what meets in the nodes of a graph, and in the branches inside."""
        for v in (*graph.inputs, *(v for node in graph.nodes for v in node.outputs)):
            self.link(v)
        for node in graph.nodes:
            if node.op is cond:
                for g in node.params["branches"]:
                    self.visit(g)
                    for a, b in (*zip(node.inputs[1:], g.inputs, strict=True), *zip(node.outputs, g.outputs, strict=True)):
                        self.link(a, b)
            else:
                self._meet(node)
            if node.outputs and _is_made_of_numbers(node):
                self.made.append(node.outputs[0])

    def _meet(self, node: Node) -> None:
        if not _is_known(node):
            if node.op is not index:
                self.foreign.extend(v for v in node.outputs if _is_small(v.type))
        elif isinstance(node.op, Elementwise) or node.op is update:
            self.link(node.outputs[0], *(a for a in node.inputs if a.type.shape == node.outputs[0].type.shape))

    def chosen(self) -> set[Var]:
        """The arrays to take apart."""
        never = {self.find(v) for v in self.foreign}
        if all(self.find(v) in never for v in self.made):
            return set()
        return {v for v in self.together if self.find(v) not in never}


def _is_made_of_numbers(node: Node) -> bool:
    """Whether a node makes a small array of single numbers: by setting an element, or by putting elements together."""
    if not _is_small(node.outputs[0].type) or not _is_known(node):
        return False
    return node.op is update or node.op is concatenate and all(_count(a.type) == 1 for a in node.inputs)


# -- recording --------------------------------------------------------------------------------------


class Small:
    """A small array as the list of its elements, in C order."""

    __slots__ = ("elements", "type", "whole")

    def __init__(self, type: ArrayType, elements: list):
        self.type, self.elements, self.whole = type, elements, None


def _type(x) -> ArrayType:
    return x.type if isinstance(x, Small) else type_of(x)


def _elements(x) -> list:
    if isinstance(x, Small):
        return x.elements
    t = type_of(x)
    if t.shape == ():
        return [x]
    return [bind(reshape, bind(index, x, spec=tuple([(k, 1, 1) for k in at])), shape=()) for at in np.ndindex(*_static(t))]


def _whole(x):
    if not isinstance(x, Small):
        return x
    if x.whole is None:
        line = bind(concatenate, *[bind(reshape, e, shape=(1,)) for e in x.elements], axis=0)
        x.whole = line if x.type.shape == (len(x.elements),) else bind(reshape, line, shape=x.type.shape)
    return x.whole


def _flat(xs: Sequence, split: Sequence[bool]) -> list:
    return [e for x, s in zip(xs, split, strict=True) for e in (_elements(x) if s else [_whole(x)])]


def _joined(t: ArrayType, split: bool, values) -> Any:
    return Small(t, [next(values) for _ in range(_count(t))]) if split else next(values)


def _element_types(t: ArrayType, split: bool) -> list[ArrayType]:
    return [t.with_shape(())] * _count(t) if split else [t]


def _step(chosen: Collection[Var], node: Node, xs: list, params: dict) -> list:
    """The outputs of one node, the `chosen` arrays among them as `Small`."""
    trace = current_trace()
    if trace is not None and node.where is not None:
        trace.where = node.where
    if node.op is cond:
        return _cond(chosen, node, xs, params)
    y = node.outputs[0]
    if not _is_known(node) or y not in chosen and not (y.type.shape == () and any(isinstance(x, Small) for x in xs)):
        out = apply(node.op, [_whole(x) for x in xs], params)
        return out if node.op.many else [out]
    if isinstance(node.op, Elementwise):
        lists = [_elements(x) * (1 if _type(x).shape else _count(y.type)) for x in xs]
        return [Small(y.type, [apply(node.op, each, params) for each in zip(*lists, strict=True)])]
    values: list = []
    numbered = []
    for x in xs:
        own = _elements(x)
        numbered.append(np.arange(len(values), len(values) + len(own)).reshape(_static(_type(x))))
        values += own
    if node.op is sum_:
        summed = params["axes"]
        kept = [d for d in range(numbered[0].ndim) if d not in summed]
        rows = np.transpose(numbered[0], (*kept, *summed)).reshape(_count(y.type), -1)
        out = [reduce(partial(bind, add), [values[j] for j in row]) for row in rows]
    else:
        out = [values[j] for j in np.ravel(node.op.reference(*numbered, **params))]
    return [Small(y.type, out) if y.type.shape else out[0]]


def _cond(chosen: Collection[Var], node: Node, xs: list, params: dict) -> list:
    """A branch whose operands and results that are `chosen` go in and out as numbers."""
    which, *xs = xs
    types = [_type(x) for x in xs]
    into = [isinstance(x, Small) for x in xs]
    out_of = [v in chosen for v in node.outputs]

    def rebuilt(g: Graph) -> Graph:
        def f(*values):
            rest = iter(values)
            return _flat(walk(g, [_joined(t, s, rest) for t, s in zip(types, into, strict=True)], partial(_step, chosen)), out_of)
        return trace_graph(f, [u for t, s in zip(types, into, strict=True) for u in _element_types(t, s)], g.name)
    out = iter(apply(node.op, [which, *_flat(xs, into)], {**params, "branches": tuple(map(rebuilt, params["branches"]))}))
    return [_joined(v.type, s, out) for v, s in zip(node.outputs, out_of, strict=True)]
