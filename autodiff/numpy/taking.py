"""Functions that pick, drop or insert elements: take, diagonals, compress, insert, delete, and questions of where."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.numpy.aliasing import view
from autodiff.numpy.indexing import fitted, index, select, take_order
from autodiff.numpy.selection import Selection, aligned, bounded, mask_indices, parse
from autodiff.numpy.support import (
    array_of,
    as_array,
    axis_of,
    dtype_of,
    fresh,
    known,
    length_of,
    permute,
    refuse,
    require_value,
    shape_of,
    static_int,
)
from tracer.array import implements
from tracer.errors import IndexingError, ShapeError, UnsupportedError, explain
from tracer.ops import index as index_ops
from tracer.ops.shape import iota, reshape_to
from tracer.promote import cast_to
from tracer.trace import bind
from tracer.types import Size

__all__ = ["gather_along", "take_diagonal", "diagonal", "along"]


@implements(np.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    """As numpy.take."""
    refuse("take", out=out)
    a, indices = as_array(a), array_of(indices)
    if axis is None:
        a, axis = np.ravel(a), 0
    axis = axis_of(axis, len(shape_of(a)))
    if mode in ("clip", "wrap"):
        n = shape_of(a)[axis]
        indices = np.clip(indices, 0, n - 1) if mode == "clip" else np.remainder(indices, n)
    elif mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    if isinstance(indices, (int, np.integer)) or shape_of(indices) == ():
        return fresh(index(a, (slice(None),) * axis + (indices,)))
    if dtype_of(indices).kind == "b":
        indices = indices.astype(np.int64)
    return select(a, parse(shape_of(a), (slice(None),) * axis + (indices,)))


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    """As numpy.lib.stride_tricks.sliding_window_view, but a copy: writing to it is refused."""
    refuse("sliding_window_view", writeable=writeable or None)
    x = as_array(x)
    widths = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    axes = tuple(range(x.ndim)) if axis is None else tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if len(widths) != len(axes):
        raise ValueError(f"window_shape and axis must have one length, got {widths} and {axes}")
    y = x
    for a, width in zip(axes, widths, strict=True):
        a = axis_of(a, x.ndim)
        width = static_int(width, "window_shape")
        if width < 0:
            raise ValueError("`window_shape` cannot contain negative values")
        n = shape_of(y)[a] - width + 1
        if not isinstance(n, int):
            raise explain(UnsupportedError, "sliding_window_view of an axis whose length is known only at run time")
        if n <= 0:
            raise ValueError("window shape cannot be larger than input array shape")
        windows = take(y, np.arange(n)[:, None] + np.arange(width), axis=a)
        y = np.moveaxis(windows, a + 1, -1)
    return y


@implements(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    """As numpy.take_along_axis."""
    arr, indices = as_array(arr), as_array(indices)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    if dtype_of(indices).kind not in "iu":
        raise explain(IndexingError, "`indices` must be an integer array")
    if len(shape_of(arr)) != len(shape_of(indices)):
        raise explain(ShapeError, "`indices` and `arr` must have the same number of dimensions")
    axis = axis_of(axis, len(shape_of(arr)))
    entries: list[Any] = []
    for i, n in enumerate(shape_of(arr)):
        if i == axis:
            entries.append(bounded(indices, n, axis))
        else:
            entries.append(along(iota(n), i, len(shape_of(arr))))
    return select(arr, _by_arrays(shape_of(arr), tuple(entries)))   # the counting arrays are in range


def along(x, axis: int, ndim: int):
    """A 1-d array as one with `ndim` axes, all of length 1 but `axis`."""
    n, = shape_of(x)
    return reshape_to(x, (*[1] * axis, n, *[1] * (ndim - axis - 1)))


def gather_along(x, indices, axis: int):
    """As `take_along_axis`, for indices that are in range by construction."""
    ndim = len(shape_of(x))
    entries = [indices if i == axis else along(iota(n), i, ndim) for i, n in enumerate(shape_of(x))]
    return select(x, _by_arrays(shape_of(x), tuple(entries)))


def _by_arrays(shape, arrays) -> Selection:
    """The selection by one integer array an axis, whose values are in range."""
    together = aligned(list(arrays))
    return Selection(shape, tuple(range(len(shape))), together, (), tuple(range(len(shape_of(together[0])))), False)


@implements(np.compress)
def compress(condition, a, axis=None, out=None):
    """As numpy.compress. Where the condition is not known, how much it selects is found at run time."""
    refuse("compress", out=out)
    condition = as_array(condition)
    if len(shape_of(condition)) != 1:
        raise ValueError("condition must be a 1-d array")
    return take(a, nonzero(condition)[0], axis)


@implements(np.extract)
def extract(condition, arr):
    """As numpy.extract; see `compress`."""
    return compress(np.ravel(condition), np.ravel(arr))


def take_diagonal(a, offset: int, axis1: int, axis2: int):
    """The diagonal of two axes, as a new last axis."""
    shape = shape_of(a)
    n = _diagonal_length(shape[axis1], shape[axis2], offset)
    i = iota(n)
    rows, columns = (i, i + offset) if offset > 0 else (i - offset, i) if offset < 0 else (i, i)
    spec = [(0, d, 1) for d in shape]
    spec[axis1], spec[axis2] = 0, 1  # type: ignore[call-overload]
    y = bind(index_ops.index, a, rows, columns, spec=tuple(spec))
    return permute(y, (*range(1, len(shape) - 1), 0))


def _diagonal_length(n, m, offset: int):
    if isinstance(n, Size) or isinstance(m, Size):
        if n == m and offset == 0:
            return n
        raise explain(UnsupportedError, f"the diagonal of axes of lengths {n} and {m}", why="lengths are known only at run time")
    return max(0, min(n + min(offset, 0), m - max(offset, 0)))


def diagonal_of(a, offset, axis1, axis2):
    """Arguments of a diagonal checked and made regular; then the diagonal itself."""
    a = as_array(a)
    ndim = len(shape_of(a))
    if ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    axis1, axis2 = axis_of(axis1, ndim), axis_of(axis2, ndim)
    if axis1 == axis2:
        raise ValueError("axis1 and axis2 cannot be the same")
    return take_diagonal(a, static_int(offset, "offset"), axis1, axis2)


@implements(np.diagonal)
def diagonal(a, offset=0, axis1=0, axis2=1):
    """As numpy.diagonal (a read-only view)."""
    return view(as_array(a), lambda base: diagonal_of(base, offset, axis1, axis2))


@implements(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """As numpy.trace."""
    refuse("trace", out=out)
    return np.sum(diagonal_of(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@implements(np.choose)
def choose(a, choices, out=None, mode="raise"):
    """As numpy.choose."""
    refuse("choose", out=out)
    parts = np.broadcast_arrays(a, *[as_array(c) for c in choices])
    which, table = parts[0], np.stack(parts[1:])
    n = len(parts) - 1
    if mode in ("clip", "wrap"):
        which = np.clip(which, 0, n - 1) if mode == "clip" else np.remainder(which, n)
    else:
        which = np.where(which < 0, n, which)   # no counting from the end here: out of range
    return take_along_axis(table, np.expand_dims(which, 0), 0)[0]


@implements(np.nonzero)
def nonzero(a):
    """As numpy.nonzero. Where the values are not known, how many there are is found at run time."""
    a = as_array(a)
    if known(a) is not None:
        return np.nonzero(known(a))
    if not shape_of(a):
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).nonzero() instead.")
    return mask_indices(cast_to(a, np.dtype(bool)), shape_of(a), 0)


@implements(np.argwhere)
def argwhere(a):
    """As numpy.argwhere; see `nonzero`."""
    a = as_array(a)
    return np.argwhere(known(a)) if known(a) is not None else np.stack(nonzero(a), axis=1)


@implements(np.flatnonzero)
def flatnonzero(a):
    """As numpy.flatnonzero; see `nonzero`."""
    return nonzero(np.ravel(as_array(a)))[0]


@implements(np.insert)
def insert(arr, obj, values, axis=None):
    """As numpy.insert; the positions must be known."""
    arr, values = as_array(arr), as_array(values)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    ndim = len(shape_of(arr))
    axis = axis_of(axis, ndim)
    n = length_of(arr, axis, "insert")
    where = _positions(obj, "insert", n)
    values = cast_to(values, dtype_of(arr))
    if where.size == 1:
        values = reshape_to(values, (*[1] * (ndim - len(shape_of(values))), *shape_of(values)))
        values = np.moveaxis(values, 0, axis) if where.ndim == 0 else values
        count = shape_of(values)[axis]
    else:
        count = where.size
    block = list(shape_of(arr))
    block[axis] = count
    joined = np.concatenate([arr, fitted(values, tuple(block))], axis)
    return take_order(joined, axis, np.insert(np.arange(n), where, n + np.arange(count)))


@implements(np.delete)
def delete(arr, obj, axis=None):
    """As numpy.delete; the positions must be known."""
    arr = as_array(arr)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis = axis_of(axis, len(shape_of(arr)))
    n = length_of(arr, axis, "delete")
    return take_order(arr, axis, np.delete(np.arange(n), _positions(obj, "delete", n)))


def _positions(obj, name: str, n: int) -> np.ndarray:
    """Positions along an axis of length `n`, which must be known."""
    if isinstance(obj, slice):
        return np.arange(n)[obj]
    obj = require_value(array_of(obj), name, "the shape of the result depends on them",
                        "build the array with np.where or np.concatenate")
    if obj.dtype.kind == "b":
        return np.flatnonzero(obj)
    return obj if obj.size else obj.astype(np.int64)
