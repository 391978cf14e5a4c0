"""Sorting and searching. The derivative of what is sorted follows the elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.numpy.creation import zeros
from autodiff.numpy.indexing import update
from autodiff.numpy.sizes import note_integer
from autodiff.numpy.support import array_of, as_array, axis_of, dtype_of, filled, known, refuse, require_value, shape_of, static_int
from tracer.array import implements
from tracer.errors import user_line
from tracer.ops import sort as sort_ops
from tracer.ops.control import require
from tracer.ops.shape import concatenate, integer_of_length, reshape, reshape_to
from tracer.promote import broadcast_to, cast_to, common_dtype
from tracer.trace import Tracer, bind, current_trace
from tracer.types import Length, Size

__all__ = ["order_statistics"]


_KINDS: dict[str | None, int] = {None: 0, **dict.fromkeys(("q", "quick", "quicksort"), 0), **dict.fromkeys(("h", "heap", "heapsort"), 1),
          **dict.fromkeys(("m", "merge", "mergesort", "s", "stable"), 2)}


def _kind(name: str, kind: str | None, order, stable, descending) -> int:
    """The number of NumPy's algorithm (`tracer.ops.sort.KINDS`)."""
    refuse(name, order=order, descending=descending or None)
    if stable is not None:
        if kind is not None:
            raise ValueError("`kind` and keyword parameters can't be provided at the same time. Use only one of them.")
        return _KINDS["stable" if stable else None]
    if not isinstance(kind, str | None) or kind not in _KINDS:
        raise ValueError(f"sort kind must be one of 'quick', 'heap', or 'stable' (got {kind!r})")
    return _KINDS[kind]


def _rows(f: Callable, a, axis: int):
    """f along one axis: it goes along the last one."""
    last = len(shape_of(a)) - 1
    return f(a) if axis == last else np.moveaxis(f(np.moveaxis(a, axis, last)), last, axis)


def _flat_or_axis(a, axis):
    a = as_array(a)
    if axis is None:
        return reshape_to(a, (np.size(a),)), 0
    return a, axis_of(axis, len(shape_of(a)))


@implements(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None, descending=None):
    """As numpy.sort, by NumPy's own algorithms. `descending` is refused."""
    number = _kind("sort", kind, order, stable, descending)
    a, axis = _flat_or_axis(a, axis)
    return np.copy(a) if shape_of(a)[axis] in (0, 1) else _rows(lambda x: bind(sort_ops.sort, x, kind=number), a, axis)


@implements(np.argsort)
def argsort(a, axis=-1, kind=None, order=None, *, stable=None, descending=None):
    """As numpy.argsort, by NumPy's own algorithms. `descending` is refused."""
    number = _kind("argsort", kind, order, stable, descending)
    a, axis = _flat_or_axis(a, axis)
    return _rows(lambda x: bind(sort_ops.argsort, x, kind=number), a, axis)


@implements(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    """As numpy.partition."""
    refuse("partition", order=order)
    a, axis = _flat_or_axis(a, axis)
    places = _places("partition", a, kth, axis)
    return _rows(lambda x: bind(sort_ops.partition, x, places), a, axis)


@implements(np.argpartition)
def argpartition(a, kth, axis=-1, kind="introselect", order=None):
    """As numpy.argpartition."""
    refuse("argpartition", order=order)
    a, axis = _flat_or_axis(a, axis)
    places = _places("argpartition", a, kth, axis)
    return _rows(lambda x: bind(sort_ops.argpartition, x, places), a, axis)


MANY_PLACES = 24
"""Order statistics from which a row is sorted as a whole."""


def _places(name: str, a, kth, axis: int):
    """The places of a partition as a vector, looked at where they are known; else NumPy does so when the function runs."""
    places: Any = integer_of_length(kth) if isinstance(kth, Length) else as_array(kth)  # type: ignore[arg-type]
    kth = np.ravel(places)
    if dtype_of(kth).kind not in "iu":
        raise TypeError("Partition index must be integer")
    value, n = known(kth), shape_of(a)[axis]
    if value is not None and not isinstance(n, Size | Length):
        for k in value:
            if not -n <= k < n:
                raise ValueError(f"kth(={k}) out of bounds ({n})")
    return _vector(kth)


def _vector(places):
    """Whole numbers as a vector of int64. A few that are known are constants of the graph, and not an array from outside of it."""
    flat = np.ravel(cast_to(as_array(places), np.dtype(np.int64)))
    if isinstance(flat, Tracer) or current_trace() is None or not 0 < flat.size <= MANY_PLACES:
        return flat
    return bind(concatenate, *[bind(reshape, k, shape=(1,)) for k in flat], axis=0)


def order_statistics(a, places):
    """The elements of each row (the last axis) that stand at some places, in range, of the sorted row; nan last.

    Parameters
    ----------
    places : integers, any number of axes

    Returns
    -------
    array, shape of a without its last axis, then that of places
    """
    at = as_array(places)
    flat = _vector(at)
    if not isinstance(np.size(at), int) or np.size(at) > MANY_PLACES:
        y = sort_ops.take_along_rows(bind(sort_ops.sort, a, kind=0), broadcast_to(flat, (*shape_of(a)[:-1], *shape_of(flat))))
    else:
        y = bind(sort_ops.order_statistics, a, flat)
    return reshape_to(y, (*shape_of(a)[:-1], *shape_of(at)))


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
        If a number or `minlength` is negative, or there are not as many weights as numbers.
    """
    x = as_array(x)
    if dtype_of(x).kind not in "biu":
        raise TypeError(f"Cannot cast array data from {dtype_of(x)} to int64 according to the rule 'safe'")
    if len(shape_of(x)) != 1:
        raise ValueError("object too deep for desired array" if shape_of(x) else "object of too small depth for desired array")
    value, least = known(x), static_int(minlength, "minlength")
    if least < 0:
        raise ValueError("'minlength' must not be negative")
    if weights is not None:
        weights = as_array(weights)
        if shape_of(weights) != shape_of(x):
            raise ValueError("The weights and list don't have the same length.")
    if not isinstance(shape_of(x)[0], Size) and shape_of(x)[0] == 0:
        return np.bincount(np.zeros(0, np.int64), minlength=least)      # integers, also with weights
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
