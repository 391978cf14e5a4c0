"""Explicit control flow: what stays a loop or a branch in the graph, whatever the values are.

Bodies are traced once. They may use values from outside; they return a tree like the one they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.capture import lift_here
from autodiff.eager.tensor import Tensor, tensor
from autodiff.leaves import as_leaf, leaf_type, name_of
from autodiff.numpy.sizes import note_integer
from tracer.errors import DTypeError, ShapeError, UnsupportedError, explain
from tracer.graph import Graph
from tracer.op import type_of
from tracer.ops.control import cond as cond_op
from tracer.ops.control import loop_of, row_type
from tracer.promote import broadcast_to, cast_to, dtype_kind_of
from tracer.trace import Tracer, bind, current_trace, trace_flat
from tracer.tracebacks import trims
from tracer.tree import flatten, leaf_paths, tree_map, unflatten
from tracer.types import ArrayType, i64

__all__ = ["cond", "switch", "while_loop", "fori_loop", "scan", "map_"]


@trims
def cond(pred, true_fn: Callable, false_fn: Callable, *operands):
    """`true_fn(*operands)` if `pred`, else `false_fn(*operands)`; one of them runs.

    Parameters
    ----------
    pred : boolean scalar, may be traced
    true_fn, false_fn : functions that return trees of one structure with equal shapes; dtypes are promoted

    Examples
    --------
    >>> float(cond(3.0 > 2.0, lambda x: x + 1, lambda x: x - 1, 5.0))
    6.0
    """
    which = np.logical_not(pred)
    if isinstance(which, Tracer) and which.shape != ():
        raise explain(ShapeError, f"cond on an array of shape {which.shape}", why="one condition decides for the whole call",
                      fix="use np.where to choose element by element")
    return switch(cast_to(which, np.dtype(np.int64)) if isinstance(which, Tracer) else int(which), [true_fn, false_fn], *operands)


@trims
def switch(index, branches: Sequence[Callable], *operands):
    """`branches[index](*operands)`; an index outside is clipped.

    Examples
    --------
    >>> float(switch(1, [lambda x: x, lambda x: 10 * x], 3.0))
    30.0
    """
    if not isinstance(index, Tracer):
        return branches[int(np.clip(index, 0, len(branches) - 1))](*operands)
    leaves, tree = flatten(operands)
    leaves = [as_leaf(x) for x in leaves]
    traced: list = []
    trees: list = []
    for f in branches:
        traced.append(_trace(f, tree, leaves, trees, weak=[getattr(x, "weak", None) for x in flatten(operands)[0]]))
    if any(t != trees[0] for t in trees):
        raise explain(ShapeError, f"branches return trees of structure {' and '.join(map(str, trees))}",
                      why="the result has one structure whichever branch runs", fix="return the same nest of values")
    columns = list(zip(*(t.graph.out_types for t in traced), strict=True))
    for column, path in zip(columns, leaf_paths(trees[0]), strict=True):
        if len({t.shape for t in column}) > 1:
            raise explain(ShapeError, f"branches return result{path} of types {' and '.join(map(str, column))}",
                          why="the result has one shape whichever branch runs")
    dtypes = [np.result_type(*(t.dtype for t in column)) for column in columns]
    captured = [c for t in traced for c in t.captured]
    graphs, before = [], 0
    for f, t in zip(branches, traced, strict=True):
        n, start = len(leaves), before

        def flat(*args, t=t, n=n, start=start):
            from tracer.trace import inline
            out = inline(t.graph, [*args[:n], *args[n + start:n + start + len(t.captured)]])
            return [cast_to(x, d) for x, d in zip(out, dtypes, strict=True)]
        graphs.append(trace_flat(flat, [*map(type_of, leaves), *map(type_of, captured)], name=name_of(f)).graph)
        before += len(t.captured)
    which = cast_to(index, np.dtype(np.int64))
    return unflatten(trees[0], bind(cond_op, which, *leaves, *captured, branches=tuple(graphs)))


def _trace(f: Callable, tree, leaves, trees: list, weak=None):
    def flat(*xs):
        out, t = flatten(lift_here(f)(*unflatten(tree, xs)))
        trees.append(t)
        for x, p in zip(out, leaf_paths(t), strict=True):
            leaf_type(x, f"result{p}")
        return out
    return trace_flat(flat, [leaf_type(x) for x in leaves], name=name_of(f), weak=weak)


def _is_plain(leaves) -> bool:
    """Whether nothing is traced: then Python runs the loop itself."""
    return current_trace() is None and not any(isinstance(x, Tracer) for x in leaves)


def _lift(tree):
    """Arrays as tensors: a body may use `x.at`, which plain arrays lack."""
    return tree_map(lambda x: tensor(x) if isinstance(x, np.ndarray) else x, tree)


def _lower(tree):
    """Tensors that nothing asks a gradient of as plain arrays again."""
    return tree_map(lambda x: x.value if isinstance(x, Tensor) and not x.requires_grad else x, tree)


def _settle(f: Callable, carries: list, tree, extra: Sequence[ArrayType], what: str, n_outer: int = 1):
    """Trace a step until the carries keep their dtypes: those of the first values, promoted by what the step returns.

    Returns the carries as cast, the trace, the structure of the stacked results and of the carries.
    """
    start = list(carries)
    n_carries = len(start)
    weak = [x.weak if isinstance(x, Tracer) else (type(x) if type(x) in (int, float) else None) for x in carries]
    carries = [as_leaf(x) for x in carries]
    for _ in range(4):
        holder: list = []

        def flat(i, *xs, holder=holder):
            carry, ys = f(i, unflatten(tree, xs[:n_carries]), xs[n_carries:])
            out, t = flatten(carry)
            if t != tree:
                raise explain(ShapeError, f"the carry of {what} `{name_of(f)}` goes in with structure {tree} and comes out with {t}",
                              why="each step hands the next one what it got", fix="return a tree like the one the step takes")
            stacked, ys_tree = flatten(ys)
            holder.append(ys_tree)
            return [*out, *stacked]
        traced = trace_flat(flat, [i64, *map(leaf_type, carries), *extra], name=what, weak=[None, *weak, *[None] * len(extra)])
        outs = traced.graph.out_types[:len(carries)]
        new = list(carries)
        for k, (x, t, path) in enumerate(zip(carries, outs, leaf_paths(tree), strict=True)):
            have = type_of(x)
            if have.shape != t.shape:
                if weak[k] is not None or have.shape == ():
                    new[k] = broadcast_to(x, t.shape)
                    continue
                raise explain(ShapeError, f"the carry of {what} changes shape: carry{path} goes in as {have} and comes out as {t}",
                              why="each step hands the next one what it got", fix="start with an array of the final shape")
            if have.dtype != t.dtype:
                wide = np.result_type(have.dtype, t.dtype) if weak[k] is None else np.result_type(dtype_kind_of(start[k])(0), t.dtype)
                if wide == have.dtype and wide != t.dtype:
                    continue
                new[k] = cast_to(x, wide)
                weak[k] = None
        if all(a is b for a, b in zip(new, carries, strict=True)):
            break
        carries = new
    else:
        raise explain(DTypeError, f"the carry of {what} does not settle on a dtype", fix="start with arrays of the final dtype")
    graph = _cast_outputs(traced.graph, [type_of(x) for x in carries])
    return carries, type(traced)(graph, traced.captured), holder[-1]


def _cast_outputs(graph: Graph, carry_types) -> Graph:
    """Cast carried outputs to their carry's dtype where the step returns a narrower one."""
    if all(t == u for t, u in zip(carry_types, graph.out_types, strict=False)):
        return graph
    from tracer.trace import inline

    def flat(*xs):
        out = inline(graph, xs)
        n = len(carry_types)
        return [*(cast_to(x, t.dtype) for x, t in zip(out[:n], carry_types, strict=True)), *out[n:]]
    return trace_flat(flat, graph.in_types, name=graph.name).graph


@trims
def while_loop(cond_fn: Callable, body_fn: Callable, init):
    """Repeat `state = body_fn(state)` while `cond_fn(state)`.

    The number of steps may depend on the data; gradients in both modes need no bound on it.

    Parameters
    ----------
    cond_fn : function from state to a boolean scalar
    body_fn : function from state to a state of the same structure, shapes and dtypes
    init : tree of arrays, the first state

    Examples
    --------
    >>> float(while_loop(lambda x: x < 100.0, lambda x: 2 * x, 3.0))
    192.0
    """
    leaves, tree = flatten(init)
    if _is_plain(leaves):
        state = _lift(init)
        while cond_fn(state):
            state = body_fn(state)
        return _lower(state)

    def step(i, state, _):
        return lift_here(body_fn)(state), ()
    carries, traced, _ = _settle(step, leaves, tree, [], "while_loop")

    def test(i, *xs):
        t = lift_here(cond_fn)(unflatten(tree, xs))
        if leaf_type(t).shape != ():
            raise explain(ShapeError, f"the condition of while_loop has shape {leaf_type(t).shape}",
                          why="one condition decides whether to go on", fix="reduce it with np.all or np.any")
        return [t if leaf_type(t).dtype.kind == "b" else np.not_equal(t, 0)]
    tested = trace_flat(test, [i64, *map(type_of, carries)], name="test")
    out = loop_of(traced.graph, traced.captured, None, carries, [], test=tested.graph, test_captured=tested.captured)
    return unflatten(tree, out[:len(carries)])


@trims
def fori_loop(lower, upper, body_fn: Callable, init):
    """`for i in range(lower, upper): state = body_fn(i, state)`; the bounds may be traced integers.

    Examples
    --------
    >>> float(fori_loop(0, 4, lambda i, s: s + i, 0.0))
    6.0
    """
    leaves, tree = flatten(init)
    if _is_plain([*leaves, lower, upper]):
        state = _lift(init)
        for i in range(int(lower), int(upper)):
            state = body_fn(i, state)
        return _lower(state)

    def step(i, state, _):
        if not isinstance(lower, Tracer) and not isinstance(upper, Tracer):
            note_integer(i, 0, max(0, int(upper) - int(lower) - 1))
        return lift_here(body_fn)(i + lower, state), ()
    carries, traced, _ = _settle(step, leaves, tree, [], "fori_loop")
    if isinstance(lower, Tracer) or isinstance(upper, Tracer):
        count = cast_to(np.maximum(upper - lower, 0), np.dtype(np.int64))
        out = loop_of(traced.graph, traced.captured, None, carries, [], count=count)
    else:
        out = loop_of(traced.graph, traced.captured, max(0, int(upper) - int(lower)), carries, [])
    return unflatten(tree, out[:len(carries)])


@trims
def scan(f: Callable, init, xs=None, length: int | None = None, reverse: bool = False, until: Callable | None = None):
    """Carry a state along the first axis of arrays, stacking a result for each step.

    Parameters
    ----------
    f : function (carry, x) -> (carry, y)
    init : tree of arrays, the first carry
    xs : tree of arrays with one common first length, or None with `length`
    until : function from a carry to a boolean scalar; the step whose carry makes it true is the last one

    Returns
    -------
    (carry, ys) : the last carry, and the results stacked along a new first axis. With `until`, (carry, ys, steps): the stacks have the
        full length, zeros where no step was taken, and `steps` says how many were.

    Examples
    --------
    >>> import numpy as np
    >>> total, sums = scan(lambda c, x: (c + x, c + x), 0.0, np.arange(4.0))
    >>> sums.tolist()
    [0.0, 1.0, 3.0, 6.0]
    >>> scan(lambda c, x: (c + x, c + x), 0.0, np.arange(4.0), until=lambda c: c > 2)[2].item()
    3
    """
    if until is not None:
        if reverse:
            raise explain(UnsupportedError, "scan with reverse and until", fix="reverse the arrays, x[::-1]")
        return _scan_until(f, init, xs, length, until)
    leaves, tree = flatten(init)
    rows, xs_tree = flatten(xs)
    rows = [as_leaf(x) for x in rows]
    lengths = {type_of(x).shape[0] if type_of(x).shape else None for x in rows} | ({length} if length is not None else set())
    if len(lengths) != 1 or None in lengths:
        raise explain(ShapeError, f"scan over lengths {sorted(map(str, lengths))}", why="all scanned arrays have one first length",
                      fix="give arrays of equal first length, or xs=None and length=")
    n: Any = lengths.pop()
    if _is_plain([*leaves, *rows]) and n:
        steps, carry = [], _lift(init)
        for k in range(n)[::-1] if reverse else range(n):
            carry, y = f(carry, unflatten(xs_tree, [x[k] for x in rows]))
            steps.append(_lower(y))
        steps = steps[::-1] if reverse else steps
        ys_tree = flatten(steps[0])[1]
        columns = zip(*(flatten(y)[0] for y in steps), strict=True)
        return _lower(carry), unflatten(ys_tree, [np.stack(c) for c in columns])

    def step(i, carry, slices):
        return lift_here(f)(carry, unflatten(xs_tree, slices))
    carries, traced, ys_tree = _settle(step, leaves, tree, [row_type(type_of(x)) for x in rows], "scan")
    out = loop_of(traced.graph, traced.captured, n, carries, rows, reverse=reverse)
    return unflatten(tree, out[:len(carries)]), unflatten(ys_tree, out[len(carries):-1])


def _scan_until(f: Callable, init, xs, length: int | None, until: Callable):
    """A scan that may end early: done is a carry, and steps that are not taken leave zeros."""
    rows, xs_tree = flatten(xs)
    rows = [as_leaf(x) for x in rows]
    n = type_of(rows[0]).shape[0] if rows else length
    if not isinstance(n, int) or any(type_of(x).shape[:1] != (n,) for x in rows):
        raise explain(ShapeError, "scan with until over arrays of different or unknown first lengths",
                      fix="give arrays of equal first length")
    leaves, tree = flatten((init, np.bool_(False)))

    def step(i, carry, slices):
        new, y = lift_here(f)(carry[0], unflatten(xs_tree, slices))
        done = lift_here(until)(new)
        return (new, np.not_equal(done, False)), y
    carries, traced, ys_tree = _settle(step, leaves, tree, [row_type(type_of(x)) for x in rows], "scan")
    going = trace_flat(lambda i, *xs: [np.logical_not(unflatten(tree, xs)[1])], [i64, *map(type_of, carries)], name="test")
    out = loop_of(traced.graph, traced.captured, n, carries, rows, test=going.graph, test_captured=going.captured, count=np.int64(n),
                  bounded=True)
    steps, ys = out[-1], []
    for y in out[len(carries):-1]:
        taken = np.less(np.arange(n).reshape(n, *[1] * (len(type_of(y).shape) - 1)), steps)
        ys.append(np.where(taken, y, type_of(y).dtype.type(0)))
    return unflatten(tree, out[:len(carries)])[0], unflatten(ys_tree, ys), steps


@trims
def map_(f: Callable, xs):
    """`f` on every slice along the first axis, results stacked.

    Examples
    --------
    >>> import numpy as np
    >>> map_(lambda row: row.sum(), np.ones((2, 3))).tolist()
    [3.0, 3.0]
    """
    return scan(lambda c, x: (c, lift_here(f)(x)), (), xs)[1]


