"""Products of vectors, matrices and tensors.

All of them are one thing: a contraction of two arrays whose axes carry labels. Axes of one label that the result does not have
are summed over. `contract` brings that to the op `matmul`, to one sum of products, or, where nothing is summed, to a product.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from autodiff.numpy.support import (
    array_of,
    as_array,
    available,
    axis_list,
    axis_of,
    dtype_of,
    length_of,
    permute,
    refuse,
    shape_of,
    static_int,
    strong_dtype,
)
from tracer.array import implements
from tracer.errors import ShapeError, explain
from tracer.integers import agree
from tracer.ops import linalg as linalg_ops
from tracer.ops.arithmetic import mul
from tracer.ops.index import index
from tracer.ops.reduce import sum_
from tracer.ops.shape import iota, reshape_to
from tracer.ops.sliding import correlate as correlate_op
from tracer.promote import as_tracer, broadcast_to, cast_to, describe, with_lengths
from tracer.trace import bind
from tracer.types import Dim, element_count

__all__ = ["contract", "promoted"]

Labels = Sequence[Hashable]


def contract(a, a_labels: Labels, b, b_labels: Labels, out: Labels):
    """Sum over all labels that `out` lacks of a[a_labels] b[b_labels], with axes in the order of `out`.

    No label occurs twice in one operand. An axis of length 1 stands for any length. `a` and `b` have one dtype.
    """
    la, lb = list(a_labels), list(b_labels)
    sizes = _sizes(a, la, b, lb)
    a, b = (_with_sizes(x, labels, sizes) for x, labels in ((a, la), (b, lb)))
    a, la = _drop_ones(a, la, sizes)
    b, lb = _drop_ones(b, lb, sizes)
    a, la = _sum_alone(a, la, (*lb, *out))
    b, lb = _sum_alone(b, lb, (*la, *out))
    batch = [x for x in la if x in lb and x in out]
    summed = [x for x in la if x in lb and x not in out]
    left = [x for x in la if x not in lb]
    right = [x for x in lb if x not in la]

    def lengths(labels) -> tuple[Dim, ...]:
        return tuple(sizes[x] for x in labels)
    if not summed or not left and not right:
        y, have = _sum_of_products(a, la, b, lb, batch + left + right + summed, sizes), batch + left + right
        if summed:
            y = bind(sum_, y, axes=tuple(range(len(have), len(have) + len(summed))))
    else:
        lead = (element_count(lengths(batch)),) if batch else ()
        m, k, n = (element_count(lengths(x)) for x in (left, summed, right))
        x = reshape_to(permute(a, [la.index(i) for i in batch + left + summed]), (*lead, m, k))
        y = reshape_to(permute(b, [lb.index(i) for i in batch + summed + right]), (*lead, k, n))
        have = batch + left + right
        y = reshape_to(bind(linalg_ops.matmul, x, y), lengths(have))
    return permute(y, [have.index(x) for x in out])


def _sizes(a, la, b, lb) -> dict[Hashable, Dim]:
    sizes: dict[Hashable, Dim] = {}
    for x, labels in ((a, la), (b, lb)):
        for label, n in zip(labels, shape_of(x)):
            if sizes.get(label, 1) == 1:
                sizes[label] = n
            elif n not in (1, sizes[label]) and agree(n, sizes[label]) is not False:
                sizes[label] = sizes[label] if isinstance(sizes[label], int) else n
            elif n not in (1, sizes[label]):
                raise explain(ShapeError, f"cannot multiply arrays of shapes {shape_of(a)} and {shape_of(b)}",
                              left=describe(a), right=describe(b), why=f"lengths {sizes[label]} and {n} of one summed or shared "
                              f"axis differ", fix="transpose one of them")
    return sizes


def _with_sizes(x, labels, sizes):
    """An array with its lengths written as in `sizes`."""
    have = shape_of(x)
    want = tuple([sizes[label] if n != 1 else 1 for label, n in zip(labels, have)])
    return x if have == want else with_lengths(as_tracer(x), want)


def _drop_ones(x, labels, sizes):
    """Leave out the axes of length 1 that stand for longer ones."""
    shape = shape_of(x)
    kept = [i for i, label in enumerate(labels) if shape[i] == sizes[label]]
    return reshape_to(x, tuple(shape[i] for i in kept)), [labels[i] for i in kept]


def _sum_alone(x, labels, elsewhere):
    """Sum over the axes that occur nowhere else."""
    axes = tuple(i for i, label in enumerate(labels) if label not in elsewhere)
    return (bind(sum_, x, axes=axes), [v for v in labels if v in elsewhere]) if axes else (x, labels)


def _sum_of_products(a, la, b, lb, order, sizes):
    shape = tuple(sizes[x] for x in order)

    def spread(x, labels):
        x = permute(x, [labels.index(v) for v in order if v in labels])
        return broadcast_to(reshape_to(x, tuple(sizes[v] if v in labels else 1 for v in order)), shape)
    return bind(mul, spread(a, la), spread(b, lb))


def promoted(*xs) -> list:
    """Arrays of their common dtype; Python numbers count as arrays here, as in numpy.dot."""
    arrays = [as_array(x) for x in xs]
    dtype = strong_dtype(arrays)
    return [cast_to(x, dtype) for x in arrays]


def _check_inner(name: str, a, b, n, m) -> None:
    if agree(n, m) is False:
        raise explain(ShapeError, f"cannot {name} arrays of shapes {shape_of(a)} and {shape_of(b)}", left=describe(a),
                      right=describe(b), why=f"inner lengths {n} and {m} differ", fix="transpose one of them (`.T`)")


# -- NumPy's functions -----------------------------------------------------------------------------

@implements(np.matmul, *available("matmul", module=np.linalg))
def matmul(x1, x2, /):
    """As numpy.matmul."""
    a, b = promoted(x1, x2)
    n, m = len(shape_of(a)), len(shape_of(b))
    if n == 0 or m == 0:
        raise explain(ShapeError, "matmul of a scalar", left=describe(a), right=describe(b),
                      fix="use * for products with numbers")
    _check_inner("matmul", a, b, shape_of(a)[-1], shape_of(b)[-2 if m > 1 else -1])
    la = [*range(-n, -2), "i", "k"] if n > 1 else ["k"]
    lb = [*range(-m, -2), "k", "j"] if m > 1 else ["k"]
    lead = range(-max(n, m), -2)
    return contract(a, la, b, lb, [*lead, *(x for x in ("i", "j") if x in la or x in lb)])


@implements(np.dot)
def dot(a, b, out=None):
    """As numpy.dot."""
    refuse("dot", out=out)
    a, b = promoted(a, b)
    n, m = len(shape_of(a)), len(shape_of(b))
    if n == 0 or m == 0:
        return a * b
    _check_inner("dot", a, b, shape_of(a)[-1], shape_of(b)[-2 if m > 1 else -1])
    la = [("a", i) for i in range(n - 1)]
    lb = [("b", i) for i in range(m - 1)]
    return contract(a, [*la, "k"], b, ["k"] if m == 1 else [*lb[:-1], "k", lb[-1]], la + lb)


@implements(np.inner)
def inner(a, b, /):
    """As numpy.inner."""
    a, b = promoted(a, b)
    n, m = len(shape_of(a)), len(shape_of(b))
    if n == 0 or m == 0:
        return a * b
    _check_inner("inner", a, b, shape_of(a)[-1], shape_of(b)[-1])
    la, lb = [("a", i) for i in range(n - 1)], [("b", i) for i in range(m - 1)]
    return contract(a, [*la, "k"], b, [*lb, "k"], la + lb)


@implements(np.vdot)
def vdot(a, b, /):
    """As numpy.vdot, for real arrays."""
    a, b = (np.ravel(x) for x in promoted(a, b))
    _check_inner("vdot", a, b, shape_of(a)[0], shape_of(b)[0])
    return contract(a, "k", b, "k", "")


@implements(np.outer)
def outer(a, b, out=None):
    """As numpy.outer."""
    refuse("outer", out=out)
    a, b = (np.ravel(x) for x in promoted(a, b))
    return contract(a, "i", b, "j", "ij")


@implements(*available("outer", module=np.linalg))
def linalg_outer(x1, x2, /):
    """As numpy.linalg.outer."""
    if len(shape_of(array_of(x1))) != 1 or len(shape_of(array_of(x2))) != 1:
        raise ValueError("Input arrays must be one-dimensional")
    return outer(x1, x2)


def _rowwise(x1, x2, axis: int):
    """Products summed along one axis, the others broadcast."""
    a, b = promoted(x1, x2)
    a = np.moveaxis(a, axis_of(axis, len(shape_of(a))), -1)
    b = np.moveaxis(b, axis_of(axis, len(shape_of(b))), -1)
    _check_inner("vecdot", a, b, shape_of(a)[-1], shape_of(b)[-1])
    n, m = len(shape_of(a)), len(shape_of(b))
    return contract(a, range(-n, 0), b, range(-m, 0), range(-max(n, m), -1))


@implements(*available("vecdot"), *available("vecdot", module=np.linalg))
def vecdot(x1, x2, /, *, axis=-1):
    """As numpy.vecdot, for real arrays."""
    return _rowwise(x1, x2, axis)


@implements(*available("matvec"))
def matvec(x1, x2, /):
    """As numpy.matvec."""
    return np.squeeze(np.matmul(x1, np.expand_dims(array_of(x2), -1)), -1)


@implements(*available("vecmat"))
def vecmat(x1, x2, /):
    """As numpy.vecmat, for real arrays."""
    return np.squeeze(np.matmul(np.expand_dims(array_of(x1), -2), x2), -2)


@implements(np.tensordot)
def tensordot(a, b, axes=2):
    """As numpy.tensordot."""
    a, b = promoted(a, b)
    n, m = len(shape_of(a)), len(shape_of(b))
    if isinstance(axes, (tuple, list, np.ndarray)):
        first, second = (axis_list(x, d) for x, d in zip(axes, (n, m)))
    else:
        k = static_int(axes, "axes")
        first, second = list(range(n - k, n)), list(range(k))
    if len(first) != len(second) or any(shape_of(a)[i] != shape_of(b)[j] for i, j in zip(first, second)):
        raise explain(ShapeError, f"tensordot over axes {first} and {second}: shape-mismatch for sum", left=describe(a),
                      right=describe(b), why="summed axes must have equal lengths")
    la: list[Hashable] = [("a", i) for i in range(n)]
    lb: list[Hashable] = [("b", i) for i in range(m)]
    for i, j in zip(first, second):
        lb[j] = la[i]
    rest = [x for i, x in enumerate(la) if i not in first] + [x for j, x in enumerate(lb) if j not in second]
    return contract(a, la, b, lb, rest)


implements(*available("tensordot", module=np.linalg))(lambda x1, x2, /, *, axes=2: tensordot(x1, x2, axes))


@implements(np.kron)
def kron(a, b):
    """As numpy.kron."""
    a, b = promoted(a, b)
    ndim = max(len(shape_of(a)), len(shape_of(b)))
    sa, sb = ((*[1] * (ndim - len(shape_of(x))), *shape_of(x)) for x in (a, b))
    a = reshape_to(a, tuple(d for n in sa for d in (n, 1)))
    b = reshape_to(b, tuple(d for n in sb for d in (1, n)))
    return reshape_to(a * b, tuple(n * m for n, m in zip(sa, sb)))


@implements(np.cross)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """As numpy.cross, for vectors of three elements."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = promoted(a, b)
    a = np.moveaxis(a, axis_of(axisa, len(shape_of(a))), -1)
    b = np.moveaxis(b, axis_of(axisb, len(shape_of(b))), -1)
    if shape_of(a)[-1] != 3 or shape_of(b)[-1] != 3:
        raise explain(ShapeError, "cross product of vectors that do not have three elements", left=describe(a), right=describe(b),
                      fix="for two elements write a[0] * b[1] - a[1] * b[0]")
    x, y, z = (a[..., i] for i in range(3))
    u, v, w = (b[..., i] for i in range(3))
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axisc)


@implements(*available("cross", module=np.linalg))
def linalg_cross(x1, x2, /, *, axis=-1):
    """As numpy.linalg.cross."""
    return cross(x1, x2, axis=axis)


# -- sliding products ------------------------------------------------------------------------------

def _sliding(name: str, a, v, mode: str, turn: bool):
    """Products of `v` (turned around, if asked for) with each stretch of `a`."""
    a, v = promoted(np.atleast_1d(a), np.atleast_1d(v))
    for x in (a, v):
        if len(shape_of(x)) != 1:
            raise ValueError("object too deep for desired array")
        if shape_of(x)[0] == 0:
            raise ValueError(f"{name} of an empty array")
    n, m = length_of(a, 0, name), length_of(v, 0, name)
    v = v[::-1] if turn else v
    before, count = {"full": (m - 1, n + m - 1), "same": (m // 2, n), "valid": (0, n - m + 1)}[mode]
    if type(m) is not int or m > SHORT_WINDOW:
        return bind(correlate_op, a, v, before=before, count=count)
    inner = _inner(a, v, n - m + 1)
    if mode == "valid":
        return inner
    return np.concatenate([_at_ends(a, v, 0, before, before), inner, _at_ends(a, v, before + n - m + 1, count, before)])


SHORT_WINDOW = 16
"""Numbers in a window up to which the products with it are written one by one, and become part of the loops around."""


def _inner(a, v, count: int):
    """Products of v with the stretches that lie in a: `count` of them, one after another."""
    m = length_of(v, 0, "convolve")
    y = a[:count] * v[0]
    for k in range(1, m):
        y = y + a[k:k + count] * v[k]
    return y


def _at_ends(a, v, start: int, stop: int, before: int):
    """Products of v with stretches that lie partly in a: the number k begins at `k - before`."""
    n, m = length_of(a, 0, "convolve"), length_of(v, 0, "convolve")
    places = (iota(stop - start).reshape(stop - start, 1) + start) + (iota(m) - before)
    inside = (places >= 0) & (places < n)   # not zeros put around `a`: their product with nan would be nan
    terms = bind(index, a, np.clip(places, 0, n - 1), spec=(0,)) * v
    return np.sum(np.where(inside, terms, 0), 1, dtype=dtype_of(a))


def _mode(mode) -> str:
    modes = {"v": "valid", "s": "same", "f": "full"}
    if isinstance(mode, str) and mode[:1].lower() in modes:
        return modes[mode[:1].lower()]
    raise ValueError(f"mode must be 'full', 'same' or 'valid', not {mode!r}")


@implements(np.convolve)
def convolve(a, v, mode="full"):
    """As numpy.convolve."""
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    if length_of(v, 0, "convolve") > length_of(a, 0, "convolve"):
        a, v = v, a
    return _sliding("convolve", a, v, _mode(mode), turn=True)


@implements(np.correlate)
def correlate(a, v, mode="valid"):
    """As numpy.correlate, for real arrays."""
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    if length_of(v, 0, "correlate") > length_of(a, 0, "correlate"):  # NumPy exchanges them and turns the result around
        return np.flip(_sliding("correlate", v, a, _mode(mode), turn=False))
    return _sliding("correlate", a, v, _mode(mode), turn=False)
