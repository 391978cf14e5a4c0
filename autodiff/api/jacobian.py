"""Jacobians, Hessians and their products, of functions of trees: forward and reverse mode over a basis, one lane for each element."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from autodiff.api.arguments import argument_path, check_inexact, partial_of, split_arguments
from autodiff.api.grad import grad, is_concrete, jvp, owned
from autodiff.capture.recording import record
from autodiff.leaves import as_leaf, leaf_type
from autodiff.tape_roads import tape_road
from autodiff.transforms.linearize import linearize_graph
from autodiff.transforms.standing import has_steep_slopes, moved
from autodiff.transforms.transpose import transpose_graph
from tracer.graph import Graph
from tracer.op import type_of
from tracer.ops.control import loop_of
from tracer.ops.index import update
from tracer.ops.shape import reshape, transpose
from tracer.trace import inline, trace_flat, zeros
from tracer.tracebacks import trims
from tracer.tree import flatten, leaf_paths, unflatten
from tracer.types import ArrayType, element_count, i64

__all__ = ["jacfwd", "jacrev", "jacobian", "hessian", "hvp"]


def _basis(t: ArrayType, k):
    """The k-th unit array of a type."""
    n = element_count(t.shape)
    one = update(zeros(t.with_shape((n,))), t.dtype.type(1), k, spec=(0,), mode="set")
    return reshape(one, shape=t.shape)


def _map_linear(graph: Graph, known: Sequence, in_type: ArrayType) -> list:
    """Apply a graph, linear in its last input, to every unit array of that input's type: results stacked along axis 0."""
    linear = [j == len(known) for j in range(len(graph.inputs))]

    def step(k, *captured_free):
        masks = [*[None] * len(known), _basis(in_type.with_dtype("?"), k)] if has_steep_slopes(graph) else None
        return moved(graph, [*known, _basis(in_type, k)], linear, masks)
    traced = trace_flat(step, [i64], name=f"{graph.name}_basis")
    return loop_of(traced.graph, traced.captured, element_count(in_type.shape), [], [])[:-1]


def jacfwd(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """Function that returns the Jacobian of `f`, one forward sweep an input element.

    The entry for result y and argument x has shape `y.shape + x.shape`; for trees, a tree of results of trees of arguments.

    Examples
    --------
    >>> import numpy as np
    >>> jacfwd(lambda x: x[:2] * x[2])(np.array([1.0, 2.0, 3.0])).tolist()
    [[3.0, 0.0, 1.0], [0.0, 3.0, 2.0]]
    """
    @trims
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        return _forward(_record_for_jacobian(f, args, argnums, kwargs), argnums)
    return wrapped


def _forward(recorded: tuple, argnums):
    """The Jacobian of a recorded function by forward sweeps."""
    leaves, in_tree, rec, types = recorded
    columns = []
    for j, t in enumerate(types):
        active = [i == j for i in range(len(leaves) + len(rec.captured))]
        lin = linearize_graph(rec.graph, active)
        out = inline(lin.primal, [*map(as_leaf, leaves), *rec.captured])
        rows = iter(_map_linear(lin.linear, out[len(rec.graph.outputs):], t))
        columns.append([_to_back(next(rows), t) if a else zeros(_join(y, t))
                        for a, y in zip(lin.active_out, rec.graph.out_types, strict=True)])
    return _assemble(rec.out_tree, in_tree, columns, argnums)


def jacrev(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """Function that returns the Jacobian of `f`, one reverse sweep a result element; shapes as `jacfwd`.

    Examples
    --------
    >>> import numpy as np
    >>> jacrev(lambda x: x[:2] * x[2])(np.array([1.0, 2.0, 3.0])).tolist()
    [[3.0, 0.0, 1.0], [0.0, 3.0, 2.0]]
    """
    tape = tape_road(f)

    @trims
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        nums, _ = split_arguments(args, argnums, "jacobian")
        found = tape.jacobian(args, kwargs, nums, if_fewer=False)
        if found is not None:
            return found[0] if isinstance(argnums, int) else tuple(found)
        return _backward(_record_for_jacobian(f, args, argnums, kwargs), argnums)
    wrapped.__autodiff_tape__ = tape    # type: ignore[attr-defined]
    return wrapped


def _backward(recorded: tuple, argnums):
    """The Jacobian of a recorded function by reverse sweeps."""
    leaves, in_tree, rec, types = recorded
    n = len(rec.graph.outputs)
    columns: list[list] = [[] for _ in leaves]
    active = [True] * len(leaves) + [False] * len(rec.captured)
    for k, y in enumerate(rec.graph.out_types):
        one = Graph(rec.graph.name, rec.graph.inputs, rec.graph.nodes, (rec.graph.outputs[k],))
        lin = linearize_graph(one, active)
        if not lin.active_out[0]:
            for j, t in enumerate(types):
                columns[j].append(zeros(_join(y, t)))
            continue
        out = inline(lin.primal, [*map(as_leaf, leaves), *rec.captured])
        rows = _map_linear(transpose_graph(lin.linear, len(lin.residuals)), out[1:], y)
        for j, (t, r) in enumerate(zip(types, rows, strict=True)):
            columns[j].append(reshape(r, shape=(*y.shape, *t.shape)))
    assert all(len(c) == n for c in columns)
    return _assemble(rec.out_tree, in_tree, columns, argnums)


def _record_for_jacobian(f, args, argnums, kwargs):
    nums, chosen = split_arguments(args, argnums, "jacobian")
    leaves, in_tree = flatten(chosen)
    names = [argument_path(p, nums) for p in leaf_paths(in_tree)]
    types = [leaf_type(x, p) for x, p in zip(leaves, names, strict=True)]
    check_inexact(types, names, "jacobian")
    rec = record(partial_of(f, args, nums, kwargs), in_tree, leaves, concrete=is_concrete(leaves))
    check_inexact(rec.graph.out_types, [f"result{p}" for p in leaf_paths(rec.out_tree)], "jacobian of a result")
    return leaves, in_tree, rec, types


def _join(y: ArrayType, x: ArrayType) -> ArrayType:
    return y.with_shape((*y.shape, *x.shape))


def _to_back(rows, x: ArrayType):
    """(elements of x, *y) -> (*y, *x)."""
    t = type_of(rows)
    moved = transpose(rows, axes=(*range(1, t.ndim), 0)) if t.ndim > 1 else rows
    return reshape(moved, shape=(*t.shape[1:], *x.shape))


def _assemble(out_tree, in_tree, columns, argnums):
    results = []
    for k in range(len(columns[0]) if columns else 0):
        inner = unflatten(in_tree, [owned(c[k]) for c in columns])
        results.append(inner[0] if isinstance(argnums, int) else inner)
    return unflatten(out_tree, results)


def jacobian(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """Function that returns the Jacobian of `f`, by forward or reverse sweeps, whichever are fewer; shapes as `jacfwd`.

    Examples
    --------
    >>> import numpy as np
    >>> jacobian(lambda x: x ** 2)(np.array([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    tape = tape_road(f)

    @trims
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        nums, _ = split_arguments(args, argnums, "jacobian")
        found = tape.jacobian(args, kwargs, nums, if_fewer=True)
        if found is not None:
            return found[0] if isinstance(argnums, int) else tuple(found)
        recorded = _record_for_jacobian(f, args, argnums, kwargs)
        _, _, rec, types = recorded
        n_in = sum(int(element_count(t.shape)) for t in types)  # type: ignore[arg-type]
        n_out = sum(int(element_count(t.shape)) for t in rec.graph.out_types)  # type: ignore[arg-type]
        return (_forward if n_in <= n_out else _backward)(recorded, argnums)
    wrapped.__autodiff_tape__ = tape    # type: ignore[attr-defined]
    return wrapped


def hessian(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """Function that returns the matrix of second derivatives of a scalar function: shape `x.shape + x.shape`.

    Examples
    --------
    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0])).tolist()
    [[4.0, 2.0], [2.0, 0.0]]
    """
    return jacfwd(grad(f, argnums), argnums)


@trims
def hvp(f: Callable, x, v):
    """Product of the Hessian of `f` at `x` with `v`, forward over reverse, without forming the Hessian.

    `x` and `v` are trees of one structure; so is the result.

    Examples
    --------
    >>> import numpy as np
    >>> hvp(lambda x: (x ** 3).sum(), np.array([1.0, 2.0]), np.array([1.0, 1.0])).tolist()
    [6.0, 12.0]
    """
    return jvp(grad(f), (x,), (v,))[1]
