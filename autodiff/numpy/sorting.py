"""Sorting and searching. A sorted array is a gather by `argsort`, so its derivative follows the elements."""

from __future__ import annotations

import numpy as np

from autodiff.numpy.creation import zeros
from autodiff.numpy.indexing import update
from autodiff.numpy.sizes import note_integer
from autodiff.numpy.support import array_of, as_array, axis_of, dtype_of, filled, known, refuse, require_value, shape_of, static_int
from autodiff.numpy.taking import gather_along
from tracer.array import implements
from tracer.errors import user_line
from tracer.ops import sort as sort_ops
from tracer.ops.control import require
from tracer.ops.shape import reshape_to
from tracer.promote import cast_to, common_dtype
from tracer.trace import bind
from tracer.types import Size

__all__ = ["sorted_along"]


def sorted_along(a, axis: int):
    """The elements in order along one axis; nan last."""
    if shape_of(a)[axis] in (0, 1):
        return a
    return gather_along(a, bind(sort_ops.argsort, a, axis=axis), axis)


def _flat_or_axis(a, axis):
    a = as_array(a)
    if axis is None:
        return reshape_to(a, (np.size(a),)), 0
    return a, axis_of(axis, len(shape_of(a)))


@implements(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None, descending=None):
    """As numpy.sort. Equal elements keep their order, and so do their derivatives. `descending` is refused."""
    refuse("sort", order=order, descending=descending or None)
    a, axis = _flat_or_axis(a, axis)
    y = sorted_along(a, axis)
    return np.copy(y) if y is a else y


@implements(np.argsort)
def argsort(a, axis=-1, kind=None, order=None, *, stable=None, descending=None):
    """As numpy.argsort, always stable. `descending` is refused."""
    refuse("argsort", order=order, descending=descending or None)
    a, axis = _flat_or_axis(a, axis)
    return bind(sort_ops.argsort, a, axis=axis)


@implements(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    """As numpy.partition; the parts come out sorted."""
    _check_kth(a, kth, axis)
    return sort(a, axis, order=order)


@implements(np.argpartition)
def argpartition(a, kth, axis=-1, kind="introselect", order=None):
    """As numpy.argpartition; the parts come out sorted."""
    _check_kth(a, kth, axis)
    return argsort(a, axis, order=order)


def _check_kth(a, kth, axis) -> None:
    a, axis = _flat_or_axis(a, axis)
    n = shape_of(a)[axis]
    if isinstance(n, Size):
        return      # whether the position is there is found out when the parts are taken
    for k in np.atleast_1d(require_value(array_of(kth), "partition", "it is a position", "make it a static argument")):
        if not -n <= k < n:
            raise ValueError(f"kth(={k}) out of bounds ({n})")


@implements(np.searchsorted)
def searchsorted(a, v, side="left", sorter=None):
    """As numpy.searchsorted."""
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', not {side!r}")
    a, v = array_of(a), array_of(v)
    dtype = common_dtype(a, v)
    a, v = cast_to(as_array(a), dtype), cast_to(as_array(v), dtype)
    if len(shape_of(a)) != 1:
        raise ValueError("object too deep for desired array")
    if sorter is not None:
        a = np.take(a, sorter)
    return bind(sort_ops.searchsorted, a, v, side=side)


@implements(np.digitize)
def digitize(x, bins, right=False):
    """As numpy.digitize; the bins must be known, to tell whether they rise or fall."""
    bins = as_array(bins)
    value = require_value(bins, "digitize", "whether the bins rise or fall decides the search", "use np.searchsorted")
    steps = np.diff(value)
    if (steps >= 0).all():
        return np.searchsorted(bins, x, "left" if right else "right")
    if (steps > 0).any():
        raise ValueError("bins must be monotonically increasing or decreasing")
    return shape_of(bins)[0] - np.searchsorted(bins[::-1], x, "left" if right else "right")


@implements(np.bincount)
def bincount(x, /, weights=None, minlength=0):
    """As numpy.bincount. Where the numbers are not known, the length of the result is found at run time.

    Raises
    ------
    ValueError
        If a number is negative, or there are not as many weights as numbers.
    """
    x = as_array(x)
    if dtype_of(x).kind not in "biu":
        raise TypeError(f"Cannot cast array data from {dtype_of(x)} to int64 according to the rule 'safe'")
    if len(shape_of(x)) != 1:
        raise ValueError("object too deep for desired array" if shape_of(x) else "object of too small depth for desired array")
    value, least = known(x), static_int(minlength, "minlength")
    if weights is not None:
        weights = as_array(weights)
        if shape_of(weights) != shape_of(x):
            raise ValueError("The weights and list don't have the same length.")
    if value is None:
        x = cast_to(x, np.dtype(np.int64))
        where = user_line()
        bind(require, np.all(x >= 0), error="ValueError",
             message="'list' argument must have no negative elements" + (f" ({where})" if where else ""))
        n = note_integer(np.max(x, initial=least - 1) + 1, least, None)
    else:
        value = np.asarray(value)
        if value.size and value.min() < 0:
            raise ValueError("'list' argument must have no negative elements")
        n = max(int(value.max()) + 1 if value.size else 0, least)
        if weights is None:
            return np.bincount(value, minlength=n)
    each = np.int64(1) if weights is None else cast_to(weights, np.dtype(np.float64))
    empty = zeros(n, dtype_of(each)) if value is None else filled((n,), 0, dtype_of(each))
    return update(empty, x, each, "add")
