"""Graph to graph, meaning kept: calls inlined, equal nodes merged, constants folded, local rewrites, dead code removed.

All happens in one walk: the graph is recorded anew, and recording merges equal nodes. Each rewrite is a function whose docstring
is its equation; it may look at the node that made an operand. No rewrite changes inf, nan or the
sign of zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracer.graph import Const, Graph, Node, Var, live_nodes
from tracer.op import Elementwise, Op, type_of
from tracer.ops.arithmetic import add, cast, div, mul, neg, slope_product, sub
from tracer.ops.comparison import eq, logical_not, select
from tracer.ops.control.calls import call, checkpoint, linear_call
from tracer.ops.control.custom import custom_jvp, custom_vjp
from tracer.ops.control.loops import loop
from tracer.ops.control.replay import replayed_loop
from tracer.ops.elementary import pow, sqrt
from tracer.ops.index import index, pad_sum, update
from tracer.ops.reduce import sum_
from tracer.ops.rounding import abs_
from tracer.ops.shape import broadcast, reshape, transpose
from tracer.trace import Trace, Tracer, open_trace, walk

__all__ = ["simplify", "rewrites"]

_TRANSPARENT = (call, checkpoint, custom_jvp, custom_vjp, linear_call)


def simplify(graph: Graph) -> Graph:
    """The simplified graph. Guarantees: no call nodes, no two equal nodes, no dead node, also in bodies."""
    with open_trace(graph.name, False) as trace:
        ins = [trace.input(t) for t in graph.in_types]
        outs = [trace.atom(o) for o in _record(trace, graph, ins)]
    if trace.captured:
        raise AssertionError("a closed graph captured a value")
    new = Graph(graph.name, tuple(t.ref for t in ins), tuple(trace.nodes), tuple(outs))  # type: ignore[misc]
    return live_nodes(new)


def _record(trace: Trace, graph: Graph, args) -> list:
    def step(node: Node, xs: list, params: dict) -> list:
        if node.op in _TRANSPARENT:
            return _record(trace, params["graph"], xs)
        trace.where = node.where
        if node.op is replayed_loop:     # only its transpose looks at what was replaced
            spec = params["spec"]
            xs = xs[:1 + spec.constants + spec.carries + spec.sliced]
            params = {**{k: params[k] for k in ("spec", "length", "body")}, "test": None}
            node = Node(loop, node.inputs, node.outputs, params, node.where)
        params = {k: _simplify_bodies(v) for k, v in params.items()}
        for rule in rewrites.get(node.op, ()):
            found = rule(trace, xs, **params)
            if found is not None:
                return [found]
        if isinstance(node.op, Elementwise) and all(isinstance(x, np.generic) for x in xs):
            with np.errstate(all="ignore"):
                return [np.asarray(node.op.reference(*xs, **params))[()]]
        if isinstance(node.op, Elementwise):
            fills = [filled_with(trace, x) for x in xs]
            if all(f is not None for f in fills):
                with np.errstate(all="ignore"):
                    value = np.asarray(node.op.reference(*fills, **params))[()]
                return [trace.record(broadcast, [value], {"shape": type_of(xs[0]).shape})]
        out = trace.record(node.op, xs, params)
        return out if node.op.many else [out]
    return walk(graph, args, step)


def _simplify_bodies(value):
    if isinstance(value, Graph):
        return simplify(value)
    if isinstance(value, tuple) and value and isinstance(value[0], Graph):
        return tuple(simplify(g) for g in value)
    return value


# -- rewrites -------------------------------------------------------------------------------------

rewrites: dict[Op, list[Callable]] = {}


def rewrite(op: Op):
    """Enter a rewrite for nodes of an op."""
    def enter(f):
        rewrites.setdefault(op, []).append(f)
        return f
    return enter


def maker(trace: Trace, x) -> Node | None:
    """The node that made an operand, if it was made in this trace."""
    return trace.producers.get(x.ref) if isinstance(x, Tracer) and x.ref is not None else None


def filled_with(trace: Trace, x) -> np.generic | None:
    """The number that fills an operand, if it is a constant or a broadcast constant."""
    if isinstance(x, np.generic):
        return x
    node = maker(trace, x)
    if node is not None and node.op in (broadcast, reshape):
        a = node.inputs[0]
        if isinstance(a, Const):
            return a.value
        return filled_with(trace, Tracer(a.type, trace, a))
    return None


def _op(trace: Trace, op: Op, *xs, **params) -> Any:
    return trace.record(op, xs, params)


def _operand(trace: Trace, atom):
    return Tracer(atom.type, trace, atom) if isinstance(atom, Var) else atom.value


@rewrite(select)
def turned_choice(trace, xs):
    """A choice by `not c` is one by c with the values exchanged."""
    node = maker(trace, xs[0])
    if node is None or node.op is not logical_not or node.inputs[0].type.dtype.kind != "b":
        return None
    return _op(trace, select, _operand(trace, node.inputs[0]), xs[2], xs[1])


@rewrite(select)
def choice_in_a_choice(trace, xs):
    """Where c chooses between t d and 0, t need not be chosen by c before."""
    c, y, zero = xs
    product = maker(trace, y)
    if filled_with(trace, zero) != 0 or product is None or product.op not in (mul, div):
        return None
    inner = maker(trace, _operand(trace, product.inputs[0]))
    if inner is None or inner.op is not select or not isinstance(c, Tracer) or inner.inputs[0] is not c.ref:
        return None
    return _op(trace, select, c, _op(trace, product.op, _operand(trace, inner.inputs[1]), _operand(trace, product.inputs[1])), zero)


@rewrite(slope_product)
def plain_product(trace, xs):
    """What transposition had to know of a product is of no use any more."""
    return _op(trace, mul, *xs)


@rewrite(mul)
def mul_one(trace, xs):
    """1 x = x; -1 x = -x."""
    for a, b in ((xs[0], xs[1]), (xs[1], xs[0])):
        c = filled_with(trace, a)
        if c is not None and type_of(b).dtype.kind != "b":
            if c == 1:
                return b
            if c == -1 and type_of(b).dtype.kind in "fi":
                return _op(trace, neg, b)
    return None


@rewrite(sub)
def sub_zero(trace, xs):
    """x - 0 = x."""
    c = filled_with(trace, xs[1])
    if c is not None and c == 0 and not np.signbit(np.float64(c)):
        return xs[0]
    return None


@rewrite(add)
def add_zero(trace, xs):
    """x + 0 = x for integers, x + (-0.0) = x for floats; x + 0.0 stays, because it turns -0.0 into 0.0."""
    for a, b in ((xs[0], xs[1]), (xs[1], xs[0])):
        c = filled_with(trace, a)
        if c is not None and c == 0 and (type_of(b).dtype.kind in "iu" or np.signbit(np.float64(c))):
            return b
    return None


@rewrite(div)
def div_one(trace, xs):
    """x / 1 = x."""
    c = filled_with(trace, xs[1])
    return xs[0] if c is not None and c == 1 else None


@rewrite(neg)
def neg_neg(trace, xs):
    """-(-x) = x."""
    node = maker(trace, xs[0])
    if node is not None and node.op is neg:
        return _operand(trace, node.inputs[0])
    return None


@rewrite(add)
def add_neg(trace, xs):
    """a + (-b) = a - b; (-a) + b = b - a."""
    for a, b in ((xs[0], xs[1]), (xs[1], xs[0])):
        node = maker(trace, b)
        if node is not None and node.op is neg:
            return _op(trace, sub, a, _operand(trace, node.inputs[0]))
    return None


@rewrite(sub)
def sub_neg(trace, xs):
    """a - (-b) = a + b."""
    node = maker(trace, xs[1])
    if node is not None and node.op is neg:
        return _op(trace, add, xs[0], _operand(trace, node.inputs[0]))
    return None


@rewrite(pow)
def pow_small(trace, xs):
    """x ** 0 = 1, x ** 1 = x, x ** 2 = x x, x ** 3 = x x x (to a rounding), x ** -1 = 1 / x."""
    c = filled_with(trace, xs[1])
    t = type_of(xs[0])
    if c is None or t.dtype.kind != "f":
        return None
    x = xs[0]
    if c == 0:
        return _filled(trace, 1, t)
    if c == 1:
        return x
    if c == 2:
        return _op(trace, mul, x, x)
    if c == 3:
        return _op(trace, mul, _op(trace, mul, x, x), x)
    if c == -1:
        return _op(trace, div, _filled(trace, 1, t), x)
    return None


@rewrite(pow)
def pow_half(trace, xs):
    """x ** (n + 1/2) for small n, by a square root: right to two roundings, but 0 where the power would be subnormal.

    As C's pow has it, -inf counts as inf and -0.0 as 0.0.
    """
    c = filled_with(trace, xs[1])
    t = type_of(xs[0])
    if c is None or t.dtype.kind != "f" or abs(c) not in (0.5, 1.5, 2.5, 3.5):
        return None
    infinity = _filled(trace, np.inf, t)
    x = _op(trace, select, _op(trace, eq, xs[0], _op(trace, neg, infinity)), infinity, xs[0])
    power = _op(trace, add, _op(trace, sqrt, x), _filled(trace, 0, t))
    for _ in range(int(abs(c))):
        power = _op(trace, mul, power, _op(trace, abs_, x))
    return power if c > 0 else _op(trace, div, _filled(trace, 1, t), power)


def _filled(trace: Trace, number: float, t) -> Any:
    """An array of one number."""
    return _op(trace, broadcast, t.dtype.type(number), shape=t.shape) if t.shape else t.dtype.type(number)


@rewrite(broadcast)
def broadcast_twice(trace, xs, shape):
    """broadcast to the shape it has = nothing; broadcast of a broadcast = one."""
    if type_of(xs[0]).shape == shape:
        return xs[0]
    node = maker(trace, xs[0])
    if node is not None and node.op is broadcast:
        return _op(trace, broadcast, _operand(trace, node.inputs[0]), shape=shape)
    return None


@rewrite(reshape)
def reshape_twice(trace, xs, shape):
    """reshape to the shape it has = nothing; reshape of a reshape = one; reshape of a filled array = a filled array."""
    if type_of(xs[0]).shape == shape:
        return xs[0]
    c = filled_with(trace, xs[0])
    if c is not None:
        return _op(trace, broadcast, c, shape=shape) if shape else c
    node = maker(trace, xs[0])
    if node is not None and node.op is reshape:
        return _op(trace, reshape, _operand(trace, node.inputs[0]), shape=shape)
    return None


@rewrite(transpose)
def transpose_twice(trace, xs, axes):
    """transpose by the identity = nothing; transpose of a transpose = one."""
    if axes == tuple(range(len(axes))):
        return xs[0]
    c = filled_with(trace, xs[0])
    if c is not None:
        shape = type_of(xs[0]).shape
        return _op(trace, broadcast, c, shape=tuple(shape[a] for a in axes))
    node = maker(trace, xs[0])
    if node is not None and node.op is transpose:
        inner = node.params["axes"]
        return _op(trace, transpose, _operand(trace, node.inputs[0]), axes=tuple(inner[a] for a in axes))
    return None


@rewrite(index)
def index_everything(trace, xs, spec):
    """x[everything] = x; a slice of a filled array = a filled array."""
    t = type_of(xs[0])
    if all(isinstance(e, tuple) for e in spec):
        if all(e == (0, d, 1) for e, d in zip(spec, t.shape, strict=True)):
            return xs[0]
        c = filled_with(trace, xs[0])
        if c is not None:
            return _op(trace, broadcast, c, shape=tuple(e[1] for e in spec))
    return None


MOST_SLICES = 6
"""Slices gathered into one pad_sum; each adds at most two loops an axis."""


def _pad_terms(trace, x) -> tuple[list, list] | None:
    """The arrays and starts of a pad_sum, also of an array filled with 0 (none)."""
    if filled_with(trace, x) == 0:
        return [], []
    node = maker(trace, x)
    if node is not None and node.op is pad_sum:
        return [_operand(trace, a) for a in node.inputs], list(node.params["starts"])
    return None


@rewrite(update)
def update_of_zeros(trace, xs, spec, mode, unique=False):
    """zeros with x[slice] += v = pad_sum(v); pad_sum(...) with x[slice] += v = pad_sum(..., v)."""
    t = type_of(xs[0])
    if mode != "add" or len(xs) > 2 or t.dtype.kind != "f" or any(e[2] != 1 for e in spec) or not t.is_static() or 0 in t.shape:
        return None
    terms = _pad_terms(trace, xs[0])
    if terms is None or len(terms[0]) >= MOST_SLICES or t.ndim > 2 or 0 in type_of(xs[1]).shape:
        return None
    return _op(trace, pad_sum, *terms[0], xs[1], shape=t.shape, starts=(*terms[1], tuple(e[0] for e in spec)))


@rewrite(update)
def update_cleared(trace, xs, spec, mode, unique=False):
    """x with x[part] = 0 and then x[part] += x[part] as it was = x; with then x[part] += v = x with x[part] = 0 + v.

    The first leaves a -0.0 as it is, where the sum would make it 0.0.
    """
    node = maker(trace, xs[0])
    if mode != "add" or node is None or node.op is not update or node.params["mode"] != "set" or node.params["spec"] != spec:
        return None
    if len(xs) > 2 and not unique and type_of(xs[2]).shape or filled_with(trace, _operand(trace, node.inputs[1])) != 0:
        return None
    if [trace.atom(x) for x in xs[2:]] != list(node.inputs[2:]):
        return None
    before = _operand(trace, node.inputs[0])
    read = maker(trace, xs[1])
    if read is not None and read.op is index and read.params["spec"] == spec and read.inputs == (node.inputs[0], *node.inputs[2:]):
        return before
    zero = _operand(trace, node.inputs[1])
    return _op(trace, update, before, _op(trace, add, zero, xs[1]), *xs[2:], **node.params)


@rewrite(add)
def add_to_pad_sum(trace, xs):
    """pad_sum(...) + x = pad_sum(..., x)."""
    t = type_of(xs[0])
    for a, b in ((xs[0], xs[1]), (xs[1], xs[0])):
        node = maker(trace, a)
        if node is not None and node.op is pad_sum and len(node.inputs) < MOST_SLICES:
            return _op(trace, pad_sum, *[_operand(trace, i) for i in node.inputs], b, shape=t.shape,
                       starts=(*node.params["starts"], (0,) * t.ndim))
    return None


@rewrite(sum_)
def sum_nothing(trace, xs, axes):
    """sum over no axes = nothing."""
    return xs[0] if axes == () else None


@rewrite(cast)
def cast_same(trace, xs, dtype):
    """cast to the dtype it has = nothing; cast of a constant = a constant."""
    if type_of(xs[0]).dtype == dtype:
        return xs[0]
    if isinstance(xs[0], np.generic):
        return xs[0].astype(dtype)
    c = filled_with(trace, xs[0])
    return None if c is None else _op(trace, broadcast, c.astype(dtype), shape=type_of(xs[0]).shape)


@rewrite(select)
def select_same(trace, xs):
    """select(c, a, a) = a; select of a constant = the chosen side."""
    c, a, b = xs
    if isinstance(a, Tracer) and isinstance(b, Tracer) and a.ref is b.ref:
        return a
    known = filled_with(trace, c)
    return None if known is None else (a if known else b)
