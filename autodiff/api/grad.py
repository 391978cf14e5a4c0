"""Derivatives of Python functions: what users call.

Each function traces, transforms the graph, and inlines the result: into the outer trace if there is one, else it runs at once
with NumPy. Nothing here compiles; `jit` around any of these does.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.api.arguments import argument_path, check_inexact, partial_of, split_arguments
from autodiff.capture import lift_here
from autodiff.capture.recording import Recorded, record
from autodiff.capture.statics import check_differentiated, same_but_statics, shown_structure
from autodiff.leaves import as_leaf, leaf_type, name_of, value_of_leaf
from autodiff.tape_roads import tape_road
from autodiff.transforms.jvp import joint_graph
from autodiff.transforms.linearize import linearize_graph
from autodiff.transforms.standing import moved
from autodiff.transforms.transpose import transpose_graph
from tracer.errors import GradientError, ShapeError, explain
from tracer.graph import Graph, structure
from tracer.locks import process_lock
from tracer.op import type_of
from tracer.ops.arithmetic import stop_gradient as stop_gradient_op
from tracer.ops.control import checkpoint as checkpoint_op
from tracer.ops.control import loop_of
from tracer.trace import Tracer, bind, inline, trace_flat, zeros
from tracer.tracebacks import trims
from tracer.tree import flatten, leaf_paths, tree_map, unflatten
from tracer.types import ArrayType, i64, is_inexact

__all__ = ["grad", "value_and_grad", "vjp", "jvp", "linearize", "stop_gradient", "checkpoint", "value_of", "vmap", "pullback_graphs"]

_derived: OrderedDict[Any, tuple] = OrderedDict()
_derived_lock = process_lock(globals(), "_derived_lock")
_KEEP = 128


def _remember(key, make: Callable[[], tuple]) -> tuple:
    """Return the derivative graphs that `make` gives, made once for graphs of equal structure.

    At most `_KEEP` results are kept; the least recently used go first. Two threads that ask at the same time may both make them: the
    results are equal, and nothing else depends on which of them is kept.
    """
    with _derived_lock:
        found = _derived.get(key)
        if found is not None:
            _derived.move_to_end(key)
            return found
    found = make()
    with _derived_lock:
        found = _derived.setdefault(key, found)
        if len(_derived) > _KEEP:
            _derived.popitem(last=False)
    return found



def pullback_graphs(graph: Graph, active: Sequence[bool]):
    """(primal graph, number of residuals, pullback graph, which outputs have a cotangent)."""
    def make():
        lin = linearize_graph(graph, active)
        return lin.primal, len(lin.residuals), transpose_graph(lin.linear, len(lin.residuals)), lin.active_out
    return _remember(("vjp", structure(graph), tuple(active)), make)


def is_concrete(leaves) -> bool:
    return all(value_of_leaf(x) is not None for x in leaves)


class _Pulled:
    """A traced function with its residuals: values, and a function from cotangents to cotangents."""

    def __init__(self, f: Callable, chosen: tuple, what: str, wanted: Callable[[Recorded], Sequence[int]] | None = None,
                 nums: Sequence[int] | None = None):
        self.leaves, self.in_tree = flatten(chosen)
        paths = leaf_paths(self.in_tree)
        names = [argument_path(p, nums) for p in paths]
        check_inexact([leaf_type(x, p) for x, p in zip(self.leaves, names)], names, what)
        self.recorded = rec = record(f, self.in_tree, self.leaves, concrete=is_concrete(self.leaves))
        active = [True] * len(self.leaves) + [False] * len(rec.captured)
        primal, n, self.back, self.active_out = pullback_graphs(rec.graph, active)
        out = inline(primal, [*map(as_leaf, self.leaves), *rec.captured])
        self.out, self.residuals = out[:len(out) - n] if n else out, out[len(out) - n:] if n else []

    def pull(self, cts: Sequence) -> list:
        """Cotangents of the leaves, given those of all outputs (those without derivative are passed over)."""
        given = [ct for ct, a in zip(cts, self.active_out, strict=True) if a]
        return inline(self.back, [*self.residuals, *given])


def value_and_grad(f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """Function that returns the value of `f` and its gradient.

    Parameters
    ----------
    f : function returning a float scalar (or `(scalar, aux)` with `has_aux`)
    argnums : int or sequence of int
        Which positional arguments to differentiate; each may be any tree of float arrays.
    has_aux : bool
        Whether `f` returns a second value, which is passed on.

    Returns
    -------
    function with the arguments of `f`, returning `(value, gradient)` or `((value, aux), gradient)`; the gradient has the
    structure, shapes and dtypes of the argument (a tuple of them if `argnums` is a sequence).

    Raises
    ------
    GradientError
        If the result is not a float scalar, or an argument is not float.

    Examples
    --------
    >>> import numpy as np
    >>> value, g = value_and_grad(lambda x: (x * x).sum())(np.arange(3.0))
    >>> float(value), g.tolist()
    (5.0, [0.0, 2.0, 4.0])
    """
    tape = tape_road(f)

    @trims
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        nums, chosen = split_arguments(args, argnums)
        found = tape.value_and_grad(args, kwargs, nums, has_aux)
        if found is not None:
            value, result = found
            return value, result[0] if isinstance(argnums, int) else tuple(result)
        pulled = _Pulled(partial_of(f, args, nums, kwargs), chosen, "gradient", nums=nums)
        rec = pulled.recorded
        if has_aux:
            if not (isinstance(rec.out_tree, tuple) and rec.out_tree[0] == "tuple" and len(rec.out_tree[1]) == 2):
                raise explain(GradientError, f"`{name_of(f)}` must return (value, aux)", why="has_aux=True was given")
            loss_tree = rec.out_tree[1][0]
        else:
            loss_tree = rec.out_tree
        if loss_tree != "*":
            raise explain(GradientError, f"gradient of `{name_of(f)}`, which returns {shown_structure(loss_tree)}",
                          why="a gradient belongs to one scalar", fix="return one scalar, use has_aux=True, or ad.jacobian")
        t = type_of(pulled.out[0])
        if t.shape != () or not is_inexact(t.dtype):
            raise explain(GradientError, f"gradient of `{name_of(f)}`, which returns {t}", why="a gradient belongs to one float scalar",
                          fix="reduce it, as with .sum(); use ad.jacobian for arrays, ad.vjp for chosen cotangents")
        cts = [t.dtype.type(1)] + [zeros(type_of(x)) for x in pulled.out[1:]]
        grads = pulled.pull(cts) if pulled.active_out[0] else [zeros(leaf_type(x)) for x in pulled.leaves]
        result = unflatten(pulled.in_tree, [owned(g) for g in grads])
        out = unflatten(rec.out_tree, [owned(x) for x in pulled.out])
        return out, result[0] if isinstance(argnums, int) else result
    wrapped.__autodiff_derivative__ = True  # type: ignore[attr-defined]
    wrapped.__autodiff_primal__ = f, wrapped, wrapped   # type: ignore[attr-defined]
    wrapped.__autodiff_tape__ = tape    # type: ignore[attr-defined]
    return wrapped


def owned(x):
    """Arrays handed to the user are writable and share memory with nothing."""
    if isinstance(x, np.ndarray) and (not x.flags.writeable or x.base is not None):
        return x.copy()
    return x


def grad(f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """Function that returns the gradient of `f`; with `has_aux`, `(gradient, aux)`.

    See `value_and_grad` for the parameters and errors.

    Examples
    --------
    >>> import numpy as np
    >>> grad(lambda x: (x * x).sum())(np.arange(3.0)).tolist()
    [0.0, 2.0, 4.0]
    """
    both = value_and_grad(f, argnums, has_aux)

    @trims
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g
    wrapped.__autodiff_derivative__ = True  # type: ignore[attr-defined]
    wrapped.__autodiff_primal__ = f, both, wrapped  # type: ignore[attr-defined]
    wrapped.__autodiff_tape__ = both.__autodiff_tape__  # type: ignore[attr-defined]
    return wrapped


@trims
def vjp(f: Callable, *primals, has_aux: bool = False):
    """Value of `f` and its pullback, the function from cotangents of the result to cotangents of the arguments.

    Returns
    -------
    (result, pullback) or (result, pullback, aux); `pullback(ct)` takes a tree like the result and returns a tuple with one
    cotangent for each argument. It may be called again and again.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = vjp(lambda x: x * x, np.arange(3.0))
    >>> pullback(np.ones(3))[0].tolist()
    [0.0, 2.0, 4.0]
    """
    check_differentiated(primals, "vjp")
    on_tape = tape_road(f).pulled(primals, {}, range(len(primals)), has_aux)
    if on_tape is not None:
        @trims
        def pull(ct):
            leaves, ct_tree = flatten(ct)
            _check_cotangent(ct_tree, "*")
            return tuple(on_tape.pull(_fit(leaves[0], on_tape.type, "")))
        return (on_tape.value, pull, on_tape.aux) if has_aux else (on_tape.value, pull)
    pulled = _Pulled(f, primals, "vjp")
    tree = pulled.recorded.out_tree
    n_aux = 0
    out_tree = tree
    if has_aux:
        out_tree, aux_tree = tree[1]
        n_aux = len(leaf_paths(aux_tree))
    out = [owned(x) for x in pulled.out]
    n = len(out) - n_aux

    @trims
    def pullback(ct):
        leaves, ct_tree = flatten(ct)
        _check_cotangent(ct_tree, out_tree)
        cts = [_fit(c, type_of(y), p) for c, y, p in zip(leaves, pulled.out, leaf_paths(out_tree), strict=False)]
        cts += [zeros(type_of(y)) for y in pulled.out[n:]]
        return unflatten(pulled.in_tree, [owned(g) for g in pulled.pull(cts)])
    if has_aux:
        return unflatten(out_tree, out[:n]), pullback, unflatten(aux_tree, out[n:])
    return unflatten(tree, out), pullback


def _check_cotangent(ct_tree, out_tree) -> None:
    if not same_but_statics(ct_tree, out_tree):
        raise explain(GradientError, f"a cotangent of structure {ct_tree}", why=f"the result has structure {out_tree}",
                      fix="give the pullback a tree like the result")


def _fit(x, t: ArrayType, path: str, what: str = "cotangent"):
    """A tangent or cotangent must have the shape of its value; its dtype is converted."""
    from tracer.promote import cast_to
    have = leaf_type(x, path)
    if have.shape != t.shape:
        raise explain(ShapeError, f"a {what} of type {have} for a value of type {t}", why="both have one shape",
                      fix=f"give the {what} the shape {t.shape}")
    if is_inexact(t.dtype) and not isinstance(x, (Tracer, np.ndarray, np.generic)):
        return t.dtype.type(x)
    return cast_to(x, t.dtype)


@trims
def jvp(f: Callable, primals: tuple, tangents: tuple, has_aux: bool = False):
    """Value of `f` and its directional derivative.

    Parameters
    ----------
    primals, tangents : tuples of trees of one structure
        The arguments and their directions.

    Returns
    -------
    (result, tangent of the result), or with `has_aux` (result, tangent, aux)

    Examples
    --------
    >>> import numpy as np
    >>> y, dy = jvp(lambda x: x * x, (np.arange(3.0),), (np.ones(3),))
    >>> dy.tolist()
    [0.0, 2.0, 4.0]
    """
    leaves, in_tree = flatten(tuple(primals))
    dleaves, dtree = flatten(tuple(tangents))
    if not same_but_statics(dtree, in_tree):
        raise explain(GradientError, f"tangents of structure {dtree}", why=f"the arguments have structure {in_tree}")
    paths = leaf_paths(in_tree)
    types = [leaf_type(x, p) for x, p in zip(leaves, paths, strict=True)]
    dleaves = [_fit(d, t, p, "tangent") for d, t, p in zip(dleaves, types, paths, strict=True) if is_inexact(t.dtype)]
    rec = record(f, in_tree, leaves, concrete=is_concrete(leaves))
    active = [is_inexact(t.dtype) for t in types] + [False] * len(rec.captured)
    joint, active_out = _remember(("jvp", structure(rec.graph), tuple(active)), lambda: joint_graph(rec.graph, active))
    out = [owned(x) for x in inline(joint, [*map(as_leaf, leaves), *rec.captured, *dleaves])]
    n = len(rec.graph.outputs)
    given = iter(out[n:])
    values = out[:n]
    dvalues = [next(given) if a else zeros(type_of(y)) for a, y in zip(active_out, values, strict=True)]
    value, dvalue = unflatten(rec.out_tree, values), unflatten(rec.out_tree, dvalues)
    return (value[0], dvalue[0], value[1]) if has_aux else (value, dvalue)


@trims
def linearize(f: Callable, *primals):
    """Value of `f` and its derivative as a linear function of tangents, which does not run `f` again.

    Examples
    --------
    >>> import numpy as np
    >>> y, tangent_map = linearize(lambda x: x * x, np.arange(3.0))
    >>> tangent_map(np.ones(3)).tolist()
    [0.0, 2.0, 4.0]
    """
    check_differentiated(primals, "linearization")
    leaves, in_tree = flatten(primals)
    paths = leaf_paths(in_tree)
    types = [leaf_type(x, p) for x, p in zip(leaves, paths, strict=True)]
    check_inexact(types, [argument_path(p, None) for p in paths], "linearization")
    rec = record(f, in_tree, leaves, concrete=is_concrete(leaves))
    lin = linearize_graph(rec.graph, [True] * len(leaves) + [False] * len(rec.captured))
    n = len(rec.graph.outputs)
    out = inline(lin.primal, [*map(as_leaf, leaves), *rec.captured])
    values, residuals = out[:n], out[n:]

    @trims
    def tangent_map(*tangents):
        dleaves, dtree = flatten(tangents)
        if not same_but_statics(dtree, in_tree):
            raise explain(GradientError, f"tangents of structure {dtree}", why=f"the arguments have structure {in_tree}")
        ds = [_fit(d, t, p, "tangent") for d, t, p in zip(dleaves, types, paths, strict=True)]
        linear = [j >= len(residuals) for j in range(len(lin.linear.inputs))]
        given = iter(moved(lin.linear, [*residuals, *ds], linear))
        return unflatten(rec.out_tree, [owned(next(given)) if a else zeros(type_of(y))
                                        for a, y in zip(lin.active_out, values, strict=True)])
    return unflatten(rec.out_tree, [owned(x) for x in values]), tangent_map


def stop_gradient(x):
    """The same values, with derivative zero; `x` is any tree.

    Examples
    --------
    >>> grad(lambda x: x * stop_gradient(x))(3.0).item()
    3.0
    """
    return tree_map(lambda a: bind(stop_gradient_op, a) if isinstance(a, Tracer) else a, x)


@trims
def value_of(x):
    """The numbers behind a traced value or tensor, where they are known; plain values as they are.

    Raises
    ------
    ConcreteValueError
        If the value is not known, as under `jit`.
    """
    from tracer.errors import ConcreteValueError

    def one(a):
        if isinstance(a, Tracer) and a.value is None:
            raise explain(ConcreteValueError, f"the value of a traced {a.type} is not known while tracing", fix="call without jit")
        return a.value if isinstance(a, Tracer) else a
    return tree_map(one, x)


def checkpoint(f: Callable) -> Callable:
    """`f`, whose intermediate values are computed again in reverse mode instead of being kept.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. (SIAM 2008), chapter 12.

    Examples
    --------
    >>> import numpy as np
    >>> bool(grad(lambda x: checkpoint(np.sin)(x) ** 2)(0.5) == 2 * np.sin(0.5) * np.cos(0.5))
    True
    """
    @trims
    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        leaves, tree = flatten(args)
        if not any(isinstance(x, Tracer) for x in leaves):
            return f(*args, **kwargs)
        rec = record(functools.partial(f, **kwargs) if kwargs else f, tree, leaves, concrete=False, name=name_of(f))
        return unflatten(rec.out_tree, bind(checkpoint_op, *map(as_leaf, leaves), *rec.captured, graph=rec.graph))
    return wrapped


def vmap(f: Callable, in_axes: int | None | Sequence[int | None] = 0, out_axes: int = 0) -> Callable:
    """`f` on every slice of its arguments along an axis: a loop over lanes, in which each lane takes its own branch.

    Parameters
    ----------
    in_axes : int, None, or a sequence with one for each argument
        The axis of every leaf of the argument; None: the argument is the same for all lanes.

    Examples
    --------
    >>> import numpy as np
    >>> vmap(np.dot)(np.ones((3, 2)), np.ones((3, 2))).tolist()
    [2.0, 2.0, 2.0]
    """
    @trims
    @functools.wraps(f)
    def wrapped(*args):
        axes = [in_axes] * len(args) if in_axes is None or isinstance(in_axes, int) else list(in_axes)
        leaves, tree = flatten(args)
        per_leaf = [a for x, a in zip(args, axes, strict=True) for _ in flatten(x)[0]]
        mapped = [i for i, a in enumerate(per_leaf) if a is not None]
        rows = [np.moveaxis(leaves[i], per_leaf[i], 0) for i in mapped]  # type: ignore[arg-type]
        lengths = [type_of(r).shape[0] for r in rows]
        if not lengths or any(n != lengths[0] for n in lengths):
            raise explain(ShapeError, f"vmap of `{name_of(f)}` over lengths {sorted(set(map(str, lengths)))}",
                          why="all mapped axes have one length", fix="check in_axes")
        out_tree: list = []

        def step(i, *slices):
            full = list(leaves)
            for k, s in zip(mapped, slices, strict=True):
                full[k] = s
            out, t = flatten(lift_here(f)(*unflatten(tree, full)))
            out_tree.append(t)
            return out
        types = [i64, *(type_of(r).with_shape(type_of(r).shape[1:]) for r in rows)]
        traced = trace_flat(step, types, name=name_of(f))
        out = loop_of(traced.graph, traced.captured, lengths[0], [], rows)[:-1]
        return unflatten(out_tree[0], [np.moveaxis(x, 0, out_axes) for x in out])
    return wrapped
