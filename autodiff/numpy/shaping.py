"""The reshape family, joining, splitting, repeating and padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autodiff.numpy.aliasing import may_share, view
from autodiff.numpy.indexing import index, part
from autodiff.numpy.support import (
    array_of,
    as_array,
    available,
    axes_of,
    axis_list,
    axis_of,
    dtype_of,
    filled,
    fresh,
    length_of,
    permute,
    refuse_order,
    require_value,
    shape_of,
    static_int,
    static_length,
)
from tracer.array import implements
from tracer.errors import ShapeError, explain
from tracer.ops.shape import reshape_to
from tracer.promote import broadcast_shapes, broadcast_to, describe
from tracer.trace import Tracer
from tracer.types import Dim, Size, element_count

__all__ = ["reshaped", "whole_shape", "divide_size"]


# -- reshape ---------------------------------------------------------------------------------------

def divide_size(total: Dim, by: Dim) -> Dim | None:
    """`total / by` where that is a whole length for sure; else None."""
    if total == by:
        return 1
    if isinstance(total, int) and isinstance(by, int):
        return total // by if by and total % by == 0 else None
    if isinstance(total, Size) and isinstance(by, int) and by and all(c % by == 0 for _, c in total.terms):
        return Size(tuple((m, c // by) for m, c in total.terms))
    return None


def whole_shape(x, shape) -> tuple[Dim, ...]:
    """A new shape for `x`, with -1 worked out.

    Raises
    ------
    ShapeError
        If the number of elements differs.
    """
    if not isinstance(shape, (tuple, list)):
        shape = (shape,)
    dims = [static_length(d) for d in shape]
    total = element_count(shape_of(x))
    if dims.count(-1) > 1:
        raise ValueError("can only specify one unknown dimension")
    if -1 in dims:
        rest = element_count(tuple(d for d in dims if d != -1))
        left = divide_size(total, rest) if rest != 0 else None
        if left is not None:
            dims[dims.index(-1)] = left
    if any(isinstance(d, int) and d < 0 for d in dims) or element_count(tuple(dims)) != total:
        raise explain(ShapeError, f"cannot reshape array of size {total} into shape {tuple(shape)}", array=describe(x))
    return tuple(dims)


def reshaped(x, shape):
    """`x` under another shape: a view if only axes of length 1 come or go, perhaps one otherwise."""
    have = shape_of(x)
    if [d for d in have if d != 1] == [d for d in shape if d != 1]:
        return view(x, lambda base: reshape_to(base, shape), lambda base, v: reshape_to(v, have))
    return may_share(x, lambda base: reshape_to(base, shape))


@implements(np.reshape)
def reshape(a, /, shape=None, order="C", *, copy=None):
    """As numpy.reshape, in C order."""
    refuse_order("reshape", order, "C")
    a = as_array(a)
    y = reshaped(a, whole_shape(a, shape))
    return fresh(y) if copy else y


@implements(np.ravel)
def ravel(a, order="C"):
    """As numpy.ravel, in C order."""
    refuse_order("ravel", order, "C")
    a = as_array(a)
    return reshaped(a, (element_count(shape_of(a)),))


@implements(np.resize)
def resize(a, new_shape):
    """As numpy.resize: the elements are repeated as often as needed."""
    a = np.ravel(as_array(a))
    shape = tuple(new_shape) if isinstance(new_shape, (tuple, list)) else (new_shape,)
    n, have = element_count(tuple(shape)), shape_of(a)[0]
    if any(d < 0 for d in shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    if have == 0 or n == 0:
        return filled(shape, 0, dtype_of(a))
    return fresh(np.reshape(np.tile(a, -(-n // have))[:n], shape))


@implements(*available("transpose", "permute_dims"))
def transpose(a, axes=None):
    """As numpy.transpose."""
    a = as_array(a)
    ndim = len(shape_of(a))
    if axes is None:
        order = tuple(range(ndim))[::-1]
    else:
        order = tuple(axis_list(axes, ndim))
        if len(order) != ndim:
            raise ValueError("axes don't match array")
        if len(set(order)) < ndim:
            raise ValueError("repeated axis in transpose")
    return _permuted(a, order)


def _permuted(a, order: Sequence[int]):
    back = np.argsort(order).tolist()
    return view(a, lambda base: permute(base, order), lambda base, v: permute(v, back))


@implements(*available("matrix_transpose"), *available("matrix_transpose", module=np.linalg))
def matrix_transpose(x, /):
    """As numpy.matrix_transpose."""
    if len(shape_of(x)) < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {len(shape_of(x))}")
    return np.swapaxes(x, -1, -2)


@implements(np.swapaxes)
def swapaxes(a, axis1, axis2):
    """As numpy.swapaxes."""
    a = as_array(a)
    order = list(range(len(shape_of(a))))
    i, j = axis_of(axis1, len(order)), axis_of(axis2, len(order))
    order[i], order[j] = j, i
    return _permuted(a, order)


@implements(np.moveaxis)
def moveaxis(a, source, destination):
    """As numpy.moveaxis."""
    a = as_array(a)
    ndim = len(shape_of(a))
    sources, places = axis_list(source, ndim), axis_list(destination, ndim)
    if len(sources) != len(places):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    if len(set(sources)) < len(sources) or len(set(places)) < len(places):
        raise ValueError("repeated axis in `source` or `destination` argument")
    order = [k for k in range(ndim) if k not in sources]
    for to, k in sorted(zip(places, sources)):
        order.insert(to, k)
    return _permuted(a, order)


@implements(np.rollaxis)
def rollaxis(a, axis, start=0):
    """As numpy.rollaxis."""
    a = as_array(a)
    ndim = len(shape_of(a))
    axis = axis_of(axis, ndim)
    start = axis_of(start, ndim + 1) if start >= 0 else axis_of(start, ndim)
    order = [k for k in range(ndim) if k != axis]
    order.insert(start - 1 if axis < start else start, axis)
    return _permuted(a, order)


@implements(np.squeeze)
def squeeze(a, axis=None):
    """As numpy.squeeze."""
    a = as_array(a)
    shape = shape_of(a)
    axes = [i for i, d in enumerate(shape) if d == 1] if axis is None else axes_of(axis, len(shape))
    if any(shape[i] != 1 for i in axes):
        raise explain(ShapeError, "cannot select an axis to squeeze out which has size not equal to one", array=describe(a))
    return reshaped(a, tuple(d for i, d in enumerate(shape) if i not in axes))


@implements(np.expand_dims)
def expand_dims(a, axis):
    """As numpy.expand_dims."""
    a = as_array(a)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = len(shape_of(a)) + len(axes)
    places = axes_of(axes, ndim)
    lengths = iter(shape_of(a))
    return reshaped(a, tuple(1 if i in places else next(lengths) for i in range(ndim)))


def _atleast(name, lift):
    def atleast(*arys):
        out = [lift(as_array(a)) for a in arys]
        return out[0] if len(out) == 1 else tuple(out)
    atleast.__name__ = name
    atleast.__doc__ = f"As numpy.{name}."
    return atleast


def _lift3(a):
    shape = shape_of(a)
    return reshaped(a, ((1, 1, 1), (1, *shape, 1), (*shape, 1))[len(shape)]) if len(shape) < 3 else a


implements(np.atleast_1d)(_atleast("atleast_1d", lambda a: a if shape_of(a) else reshaped(a, (1,))))
implements(np.atleast_2d)(_atleast("atleast_2d", lambda a: a if len(shape_of(a)) >= 2 else reshaped(
    a, (*[1] * (2 - len(shape_of(a))), *shape_of(a)))))
implements(np.atleast_3d)(_atleast("atleast_3d", _lift3))


# -- broadcasting ----------------------------------------------------------------------------------

def _broadcast_view(a, shape):
    a = as_array(a)
    return view(np.asarray(a) if isinstance(a, np.generic) else a, lambda base: broadcast_to(base, shape))     # never a scalar


@implements(np.broadcast_to)
def broadcast_to_shape(array, shape, subok=False):
    """As numpy.broadcast_to (a read-only view)."""
    array = as_array(array)
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    shape = tuple([static_length(d) for d in shape])
    have = shape_of(array)
    if len(have) > len(shape) or any(d not in (1, e) for d, e in zip(have[::-1], shape[::-1])):
        raise explain(ShapeError, f"cannot broadcast {have} to {shape}", array=describe(array))
    return _broadcast_view(array, shape)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args, subok=False):
    """As numpy.broadcast_arrays."""
    arrays = [as_array(a) for a in args]
    shape = broadcast_shapes("broadcast", arrays)
    return tuple([_broadcast_view(a, shape) for a in arrays])


@implements(np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """As numpy.meshgrid."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    out = [np.reshape(as_array(x), (*[1] * i, -1, *[1] * (n - i - 1))) for i, x in enumerate(xi)]
    if indexing == "xy" and n > 1:
        out = [np.swapaxes(x, 0, 1) for x in out]
    out = list(out if sparse else np.broadcast_arrays(*out))
    return tuple([fresh(x) if isinstance(x, Tracer) else x for x in out]) if copy else tuple(out)


# -- turning around --------------------------------------------------------------------------------

@implements(np.flip)
def flip(m, axis=None):
    """As numpy.flip."""
    m = as_array(m)
    axes = axes_of(axis, len(shape_of(m)))
    return index(m, tuple(slice(None, None, -1 if i in axes else 1) for i in range(len(shape_of(m)))))


@implements(np.fliplr)
def fliplr(m):
    """As numpy.fliplr."""
    if len(shape_of(m)) < 2:
        raise ValueError("Input must be >= 2-d.")
    return np.flip(m, 1)


@implements(np.flipud)
def flipud(m):
    """As numpy.flipud."""
    if len(shape_of(m)) < 1:
        raise ValueError("Input must be >= 1-d.")
    return np.flip(m, 0)


@implements(np.rot90)
def rot90(m, k=1, axes=(0, 1)):
    """As numpy.rot90."""
    m = as_array(m)
    ndim = len(shape_of(m))
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    i, j = axis_of(axes[0], ndim), axis_of(axes[1], ndim)
    if i == j:
        raise ValueError("Axes must be different.")
    k = static_int(k, "k") % 4
    if k == 0:
        return index(m, Ellipsis)
    if k == 2:
        return np.flip(m, (i, j))
    return np.swapaxes(np.flip(m, j), i, j) if k == 1 else np.flip(np.swapaxes(m, i, j), j)


@implements(np.roll)
def roll(a, shift, axis=None):
    """As numpy.roll; the shift must be known."""
    a = as_array(a)
    if axis is None:
        return np.reshape(np.roll(np.ravel(a), shift, 0), shape_of(a))
    axes = np.atleast_1d(axis)
    shifts = np.atleast_1d(require_value(array_of(shift), "roll", "the pieces that change places depend on it",
                                         "use np.take with computed indices"))
    for s, k in zip(*np.broadcast_arrays(shifts, axes)):
        k = axis_of(k, len(shape_of(a)))
        n = length_of(a, k, "roll")
        s = _wrapped(int(s), n)
        if s:
            a = np.concatenate([part(a, k, n - s), part(a, k, None, n - s)], k)
    return fresh(a)


def _wrapped(s: int, n: int) -> int:
    """A shift by less than a length."""
    return s if 0 <= s < n else s + n if -n <= s < 0 else s % n if n else 0


# -- questions -------------------------------------------------------------------------------------

@implements(np.shape)
def shape(a):
    """As numpy.shape."""
    return shape_of(array_of(a))


@implements(np.ndim)
def ndim(a):
    """As numpy.ndim."""
    return len(shape_of(array_of(a)))


@implements(np.size)
def size(a, axis=None):
    """As numpy.size."""
    shape = shape_of(array_of(a))
    return element_count(shape) if axis is None else element_count(tuple(shape[i] for i in axes_of(axis, len(shape))))
