"""Joining, splitting, repeating and padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.numpy.indexing import index, take_order
from autodiff.numpy.rows import joined_rows
from autodiff.numpy.support import (
    array_of,
    as_array,
    available,
    axis_of,
    dtype_of,
    filled,
    fresh,
    length_of,
    refuse,
    require_value,
    shape_of,
    static_int,
    strong_dtype,
    supported_dtype,
)
from tracer.array import implements
from tracer.errors import ShapeError, UnsupportedError, explain
from tracer.ops import shape as shape_ops
from tracer.ops.index import full_spec, update
from tracer.ops.shape import reshape_to
from tracer.promote import broadcast_to, cast_to, common_dtype, describe
from tracer.sizes import as_int
from tracer.trace import Tracer, bind
from tracer.types import element_count

__all__: list[str] = []


# -- joining ---------------------------------------------------------------------------------------

def _sequence(name: str, arrays) -> list:
    if isinstance(arrays, Tracer):
        if not shape_of(arrays):
            raise TypeError("iteration over a 0-d array")
        arrays = [arrays[i] for i in range(length_of(arrays, 0, name))]
    arrays = [array_of(a) for a in arrays]
    if not arrays:
        raise ValueError(f"need at least one array to {name}")
    return arrays


def joined_as(how: Any, key: Any) -> Any:
    """`np.r_[key]` or `np.c_[key]`, `how` being the one or the other.

    Raises
    ------
    UnsupportedError
        Where a text says how to join.
    """
    parts = []
    items = key if isinstance(key, tuple) else (key,)
    dtype = common_dtype(*[np.zeros(0, type(how)()[k].dtype) if isinstance(k, slice) else k if isinstance(k, (int, float)) else as_array(k)
                           for k in items if not isinstance(k, str)])
    for item in items:
        if isinstance(item, str):
            raise explain(UnsupportedError, f"np.r_[{item!r}, ...] of traced values", fix="use np.concatenate or np.stack")
        x = as_array(type(how)()[item] if isinstance(item, slice) else np.asarray(item) if not isinstance(item, Tracer) else item)
        have, behind = len(shape_of(x)), how.trans1d
        missing = how.ndmin - have
        if missing > 0:
            x = reshape_to(x, (*[1] * missing, *shape_of(x)))
            if have and behind != -1:
                behind += missing + 1 if behind < 0 else 0
                axes = list(range(how.ndmin))
                x = np.transpose(x, axes[:behind] + axes[missing:] + axes[behind:missing])
        parts.append(cast_to(x, dtype))
    return np.concatenate(parts, axis=how.axis)


@implements(*available("concatenate", "concat"))
def concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """As numpy.concatenate."""
    refuse("concatenate", out=out, casting=None if casting == "same_kind" else casting)
    arrays = [as_array(a) for a in _sequence("concatenate", arrays)]
    dtype = strong_dtype(arrays) if dtype is None else supported_dtype(dtype)
    if axis is None:
        arrays, axis = [reshape_to(a, (element_count(shape_of(a)),)) for a in arrays], 0
    ndim = len(shape_of(arrays[0]))
    if ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    axis = axis_of(axis, ndim)
    first = shape_of(arrays[0])
    for i, a in enumerate(arrays):
        shape = shape_of(a)
        if len(shape) != ndim or shape[:axis] + shape[axis + 1:] != first[:axis] + first[axis + 1:]:
            raise explain(ShapeError, f"cannot concatenate arrays of shapes {first} and {shape} along axis {axis}",
                          first=describe(arrays[0]), other=f"{describe(a)}, number {i}",
                          why="all lengths but the one of the joined axis must be equal")
    whole = joined_rows(arrays) if axis == 0 else None
    if whole is not None:
        arrays = [reshape_to(whole, (element_count(shape_of(whole)[:2]), *shape_of(whole)[2:]))]
    arrays = [cast_to(a, dtype) for a in arrays]
    return fresh(arrays[0]) if len(arrays) == 1 else bind(shape_ops.concatenate, *arrays, axis=axis)


@implements(np.stack)
def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """As numpy.stack."""
    arrays = [as_array(a) for a in _sequence("stack", arrays)]
    shape = shape_of(arrays[0])
    for a in arrays:
        if shape_of(a) != shape:
            raise explain(ShapeError, "all input arrays must have the same shape", first=describe(arrays[0]), other=describe(a))
    axis = axis_of(axis, len(shape) + 1)
    whole = joined_rows(arrays)
    if whole is not None:
        return concatenate([np.moveaxis(whole, 0, axis)], axis, out, dtype=dtype, casting=casting)
    rows = [reshape_to(a, (*shape[:axis], 1, *shape[axis:])) for a in arrays]
    return concatenate(rows, axis, out, dtype=dtype, casting=casting)


@implements(np.vstack)
def vstack(tup, *, dtype=None, casting="same_kind"):
    """As numpy.vstack."""
    arrays = _sequence("concatenate", tup)
    if joined_rows(arrays) is not None and len(shape_of(arrays[0])) == 1:
        return stack(arrays, 0, dtype=dtype, casting=casting)
    return concatenate([np.atleast_2d(a) for a in arrays], 0, dtype=dtype, casting=casting)


@implements(np.hstack)
def hstack(tup, *, dtype=None, casting="same_kind"):
    """As numpy.hstack."""
    arrays = [np.atleast_1d(a) for a in _sequence("concatenate", tup)]
    return concatenate(arrays, 0 if len(shape_of(arrays[0])) == 1 else 1, dtype=dtype, casting=casting)


@implements(np.dstack)
def dstack(tup):
    """As numpy.dstack."""
    return concatenate([np.atleast_3d(a) for a in _sequence("concatenate", tup)], 2)


@implements(np.column_stack)
def column_stack(tup):
    """As numpy.column_stack."""
    arrays = [as_array(a) for a in _sequence("concatenate", tup)]
    return concatenate([a if len(shape_of(a)) >= 2 else np.reshape(a, (-1, 1)) for a in arrays], 1)


@implements(np.append)
def append(arr, values, axis=None):
    """As numpy.append."""
    return concatenate([as_array(arr), as_array(values)], axis)


@implements(np.block)
def block(arrays):
    """As numpy.block."""
    def depth(b) -> int:
        return 1 + max(map(depth, b)) if isinstance(b, list) else 0

    def join(b, level: int, ndim: int):
        if not isinstance(b, list):
            a = as_array(b)
            return reshape_to(a, (*[1] * (ndim - len(shape_of(a))), *shape_of(a)))
        return concatenate([join(c, level - 1, ndim) for c in b], -level)
    n = depth(arrays)

    def widest(b) -> int:
        return max(map(widest, b)) if isinstance(b, list) else len(shape_of(as_array(b)))
    return fresh(join(arrays, n, max(n, widest(arrays))))


# -- splitting -------------------------------------------------------------------------------------

@implements(np.array_split)
def array_split(ary, indices_or_sections, axis=0):
    """As numpy.array_split."""
    ary = as_array(ary)
    axis = axis_of(axis, len(shape_of(ary)))
    n = length_of(ary, axis, "split")
    if _are_points(indices_or_sections):
        ends = [static_int(i, "a division point") for i in indices_or_sections]
        bounds = [0, *ends, n]
    else:
        sections = static_int(indices_or_sections, "the number of sections")
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extra = divmod(n, sections)
        bounds = [0, *np.cumsum([each + 1] * extra + [each] * (sections - extra)).tolist()]
    return [index(ary, (slice(None),) * axis + (slice(a, b),)) for a, b in zip(bounds, bounds[1:])]


@implements(np.split)
def split(ary, indices_or_sections, axis=0):
    """As numpy.split."""
    if not _are_points(indices_or_sections):
        n = length_of(ary, axis_of(axis, len(shape_of(ary))), "split")
        if n % static_int(indices_or_sections, "the number of sections"):
            raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def _are_points(x) -> bool:
    """Whether a division is given by its points, and not by the number of sections."""
    return isinstance(x, (list, tuple)) or isinstance(x, (np.ndarray, Tracer)) and len(shape_of(x)) > 0


def _split_along(name, least, axis_for):
    def split_along(ary, indices_or_sections):
        if len(shape_of(ary)) < least:
            raise ValueError(f"{name} only works on arrays of {least} or more dimensions")
        return split(ary, indices_or_sections, axis_for(len(shape_of(ary))))
    split_along.__name__ = name
    split_along.__doc__ = f"As numpy.{name}."
    return split_along


implements(np.hsplit)(_split_along("hsplit", 1, lambda ndim: 1 if ndim > 1 else 0))
implements(np.vsplit)(_split_along("vsplit", 2, lambda ndim: 0))
implements(np.dsplit)(_split_along("dsplit", 3, lambda ndim: 2))


@implements(*available("unstack"))
def unstack(x, /, *, axis=0):
    """As numpy.unstack."""
    if not shape_of(x):
        raise ValueError("Input array must be at least 1-d.")
    axis = axis_of(axis, len(shape_of(x)))
    return tuple([index(x, (slice(None),) * axis + (i,)) for i in range(length_of(x, axis, "unstack"))])


# -- repeating and padding -------------------------------------------------------------------------

@implements(np.repeat)
def repeat(a, repeats, axis=None):
    """As numpy.repeat; the numbers of repeats must be known."""
    a = as_array(a)
    counts = require_value(array_of(repeats), "repeat", "the shape of the result depends on them", "make them a static argument")
    if axis is None:
        a, axis = reshape_to(a, (element_count(shape_of(a)),)), 0
    axis = axis_of(axis, len(shape_of(a)))
    shape = shape_of(a)
    if counts.size == 1:
        r = int(counts.reshape(()))
        if r < 0:
            raise ValueError("repeats may not contain negative values.")
        y = reshape_to(a, (*shape[:axis + 1], 1, *shape[axis + 1:]))
        y = broadcast_to(y, (*shape[:axis + 1], r, *shape[axis + 1:]))
        return fresh(reshape_to(y, (*shape[:axis], shape[axis] * r, *shape[axis + 1:])))
    return take_order(a, axis, np.repeat(np.arange(length_of(a, axis, "repeat")), counts))


@implements(np.tile)
def tile(A, reps):
    """As numpy.tile."""
    a = as_array(A)
    reps = reps if isinstance(reps, (tuple, list, np.ndarray)) else (reps,)
    counts = tuple(static_int(r, "a number of repeats") for r in reps)
    shape = shape_of(a)
    ndim = max(len(counts), len(shape))
    counts = (*[1] * (ndim - len(counts)), *counts)
    shape = (*[1] * (ndim - len(shape)), *shape)
    y = reshape_to(a, tuple(d for n in shape for d in (1, n)))
    y = broadcast_to(y, tuple(d for r, n in zip(counts, shape) for d in (r, n)))
    return fresh(reshape_to(y, tuple(r * n for r, n in zip(counts, shape))))


_ORDERED_PADS = ("edge", "reflect", "symmetric", "wrap")


@implements(np.pad)
def pad(array, pad_width, mode="constant", **kwargs):
    """As numpy.pad in the modes constant, edge, reflect, symmetric, wrap and empty (which is filled with zeros)."""
    array = as_array(array)
    ndim = len(shape_of(array))
    if isinstance(pad_width, dict):
        by_axis = {axis_of(k, ndim): v for k, v in pad_width.items()}
        pad_width = [by_axis.get(i, 0) for i in range(ndim)]
        pad_width = [(w, w) if isinstance(w, int) else tuple(w) for w in pad_width]
    widths = np.broadcast_to(np.asarray(_known_widths(pad_width)), (ndim, 2))
    if widths.dtype.kind not in "iu":
        raise TypeError("`pad_width` must be of integral type.")
    if (widths < 0).any():
        raise ValueError("index can't contain negative values")
    if mode in _ORDERED_PADS:
        if kwargs.get("reflect_type", "even") != "even":
            refuse("pad", reflect_type=kwargs["reflect_type"])
        for k, (before, after) in enumerate(widths.tolist()):
            if before or after:
                n = length_of(array, k, "pad")
                array = take_order(array, k, np.pad(np.arange(n), (before, after), mode))
        return fresh(array)
    if mode not in ("constant", "empty"):
        raise explain(UnsupportedError, f"np.pad with mode={mode!r} cannot be traced",
                      fix=f"use constant, {', '.join(_ORDERED_PADS)}, or np.concatenate")
    return _pad_constant(array, widths, kwargs.get("constant_values", 0))


def _known_widths(x):
    """The widths of borders, which decide the shape of the result, as numbers."""
    if isinstance(x, (list, tuple)):
        return [_known_widths(w) for w in x]
    if isinstance(x, Tracer):
        return [_known_widths(w) for w in x] if x.type.shape else static_int(x, "a width of a border")
    return x


def _pad_constant(array, widths, values):
    dtype = dtype_of(array)
    shape = shape_of(array)
    if not isinstance(values, (tuple, list, Tracer, np.ndarray)):
        whole = tuple(n + as_int(a) + as_int(b) for n, (a, b) in zip(shape, widths))
        spec = tuple((as_int(a), n, 1) for n, (a, _) in zip(shape, widths))
        if spec == full_spec(whole):
            return fresh(array)
        return bind(update, filled(whole, values, dtype), array, spec=spec, mode="set")
    values = np.broadcast_to(as_array(values), (len(shape), 2))
    for k in range(len(shape)):
        pieces = [array]
        for side, width in enumerate(widths[k].tolist()):
            if width:
                border = (*shape_of(array)[:k], width, *shape_of(array)[k + 1:])
                value = cast_to(values[k, side], dtype)
                fill = broadcast_to(value, border) if isinstance(value, Tracer) else filled(border, value, dtype)
                pieces.insert(0 if side == 0 else len(pieces), fill)
        array = concatenate(pieces, k)
    return fresh(array)
