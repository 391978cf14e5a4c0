"""Reductions: sums, products, extrema, and running sums along axes."""

from __future__ import annotations

from math import prod as product

import numpy as np

from autodiff.numpy.sizes import integer_of_length
from autodiff.numpy.support import (
    NOT_GIVEN,
    array_of,
    as_array,
    available,
    axes_of,
    axis_of,
    dtype_of,
    filled,
    fresh,
    length_value,
    refuse,
    shape_of,
    supported_dtype,
)
from tracer.array import implements
from tracer.errors import DTypeError, explain, user_line
from tracer.ops import reduce as reduce_ops
from tracer.ops.control import require
from tracer.ops.shape import reshape_to
from tracer.promote import cast_to, describe
from tracer.trace import bind
from tracer.types import Size, is_inexact

__all__ = ["reduce_with"]


def reduce_with(op, x, axis, keepdims, where=True, neutral=None):
    """Apply a reduction op along NumPy's `axis`; elements outside of `where` count as `neutral`."""
    if where is not True and where is not NOT_GIVEN:
        x = np.where(where, x, dtype_of(x).type(neutral))
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    y = bind(op, x, axes=axes) if axes else fresh(x)
    return reshape_to(y, tuple(1 if i in axes else d for i, d in enumerate(shape))) if keepdims is True else y


def summand(x, dtype, widen: bool = True):
    """`x` in the dtype in which NumPy adds it up: integers at least 64 bits wide."""
    if dtype is None:
        have = dtype_of(x)
        dtype = have
        if widen and have.kind in "bi":
            dtype = np.promote_types(have, np.int64)
        elif widen and have.kind == "u":
            dtype = np.promote_types(have, np.uint64)
    return cast_to(x, supported_dtype(dtype))


def _given(value) -> bool:
    return value is not None and value is not NOT_GIVEN


@implements(np.sum)
def sum_(a, axis=None, dtype=None, out=None, keepdims=NOT_GIVEN, initial=NOT_GIVEN, where=NOT_GIVEN):
    """As numpy.sum."""
    refuse("sum", out=out)
    y = reduce_with(reduce_ops.sum_, summand(as_array(a), dtype), axis, keepdims, where, 0)
    return y + cast_to(array_of(initial), dtype_of(y)) if _given(initial) else y


@implements(np.prod)
def prod(a, axis=None, dtype=None, out=None, keepdims=NOT_GIVEN, initial=NOT_GIVEN, where=NOT_GIVEN):
    """As numpy.prod. The derivative is right where factors are 0."""
    refuse("prod", out=out)
    y = reduce_with(reduce_ops.prod, summand(as_array(a), dtype), axis, keepdims, where, 1)
    return y * cast_to(array_of(initial), dtype_of(y)) if _given(initial) else y


def _require_some(shape, axes, message: str) -> None:
    """Raise, as NumPy does, where there is nothing along one of these axes: when the function runs, for a length that is known then."""
    where = user_line()
    for d in (shape[i] for i in axes):
        if isinstance(d, Size):
            bind(require, integer_of_length(d) > 0, error="ValueError", message=message + (f" ({where})" if where else ""))
        elif d == 0:
            raise ValueError(message)


def _extremum(name, op, combine):
    def reduce(a, axis=None, out=None, keepdims=NOT_GIVEN, initial=NOT_GIVEN, where=NOT_GIVEN):
        refuse(name, out=out)
        a = as_array(a)
        if not _given(initial):
            if where is not True and where is not NOT_GIVEN:
                raise ValueError(f"reduction operation '{name}' does not have an identity, so to use a where mask one has to "
                                 f"specify 'initial'")
            _require_some(shape_of(a), axes_of(axis, len(shape_of(a))),
                          f"zero-size array to reduction operation {combine.__name__} which has no identity")
            return reduce_with(op, a, axis, keepdims)
        initial = cast_to(array_of(initial), dtype_of(a))
        shape = shape_of(a)
        axes = axes_of(axis, len(shape))
        if 0 in [shape[i] for i in axes]:
            kept = [1 if i in axes else d for i, d in enumerate(shape) if keepdims is True or i not in axes]
            return filled(kept, initial, dtype_of(a))
        if where is not True and where is not NOT_GIVEN:
            a = np.where(where, a, initial)
        unknown = [i for i in axes if not isinstance(shape[i], int)]
        if unknown:     # there may be nothing in it
            one = np.broadcast_to(initial, tuple([1 if i == unknown[0] else d for i, d in enumerate(shape)]))
            a = np.concatenate([a, one], axis=unknown[0])
        return combine(reduce_with(op, a, axis, keepdims), initial)
    reduce.__name__ = name
    reduce.__doc__ = f"As numpy.{name}. Elements that tie share the derivative."
    return reduce


max_ = implements(np.max, np.amax)(_extremum("max", reduce_ops.max_, np.maximum))
min_ = implements(np.min, np.amin)(_extremum("min", reduce_ops.min_, np.minimum))


@implements(np.ptp)
def ptp(a, axis=None, out=None, keepdims=NOT_GIVEN):
    """As numpy.ptp."""
    refuse("ptp", out=out)
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


@implements(np.all)
def all_(a, axis=None, out=None, keepdims=NOT_GIVEN, *, where=NOT_GIVEN):
    """As numpy.all."""
    refuse("all", out=out)
    return reduce_with(reduce_ops.all_, cast_to(as_array(a), np.dtype(bool)), axis, keepdims, where, True)


@implements(np.any)
def any_(a, axis=None, out=None, keepdims=NOT_GIVEN, *, where=NOT_GIVEN):
    """As numpy.any."""
    refuse("any", out=out)
    return reduce_with(reduce_ops.any_, cast_to(as_array(a), np.dtype(bool)), axis, keepdims, where, False)


@implements(np.count_nonzero)
def count_nonzero(a, axis=None, *, keepdims=False):
    """As numpy.count_nonzero."""
    return np.sum(as_array(a) != 0, axis, keepdims=keepdims)


# -- means -----------------------------------------------------------------------------------------

def count(x, axis, where, keepdims, dtype):
    """How many elements a mean runs over."""
    shape = shape_of(x)
    if where is not True and where is not NOT_GIVEN:
        return np.sum(np.broadcast_to(where, shape), axis, dtype=dtype, keepdims=keepdims)
    lengths = [shape[i] for i in axes_of(axis, len(shape))]
    if all(isinstance(d, int) for d in lengths):
        return length_value(product(lengths), dtype)
    return product([length_value(d, dtype) for d in lengths])


def mean_dtype(x, dtype) -> np.dtype:
    """The dtype of a mean: float64 for integers and booleans.

    Raises
    ------
    DTypeError
        If an integer dtype is asked for.
    """
    if dtype is None:
        return dtype_of(x) if is_inexact(dtype_of(x)) else np.dtype(np.float64)
    dtype = supported_dtype(dtype)
    if not is_inexact(dtype):
        raise explain(DTypeError, f"a mean of {describe(x)} with dtype={dtype}", why="the mean is divided in floating point",
                      fix="leave dtype out and convert the result")
    return dtype


@implements(np.mean)
def mean(a, axis=None, dtype=None, out=None, keepdims=NOT_GIVEN, *, where=NOT_GIVEN):
    """As numpy.mean."""
    refuse("mean", out=out)
    a = as_array(a)
    dtype = mean_dtype(a, dtype)
    return np.sum(a, axis, dtype=dtype, keepdims=keepdims, where=where) / count(a, axis, where, keepdims, dtype)


@implements(np.var)
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NOT_GIVEN, *, where=NOT_GIVEN, mean=NOT_GIVEN,
        correction=NOT_GIVEN):
    """As numpy.var."""
    refuse("var", out=out, mean=mean)
    a = as_array(a)
    if _given(correction):
        ddof = correction
    dtype = mean_dtype(a, dtype)
    a = cast_to(a, dtype)
    if where is not True and where is not NOT_GIVEN:
        a = np.where(where, a, dtype.type(0))   # what is left out may be nan or infinite, which zero cotangents would turn into nan
    d = a - np.mean(a, axis, keepdims=True, where=where)
    total = np.sum(d * d, axis, keepdims=keepdims, where=where)
    return total / np.maximum(count(a, axis, where, keepdims, dtype) - dtype.type(ddof), dtype.type(0))


@implements(np.std)
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NOT_GIVEN, *, where=NOT_GIVEN, mean=NOT_GIVEN,
        correction=NOT_GIVEN):
    """As numpy.std. The derivative is 0 where all elements are equal."""
    refuse("std", out=out, mean=mean)
    return safe_sqrt(np.var(a, axis, dtype, None, ddof, keepdims, where=where, correction=correction))


def safe_sqrt(x):
    """sqrt(x), with derivative 0 at 0."""
    zero = x == 0
    return np.where(zero, x, np.sqrt(np.where(zero, 1, x)))


# -- where nan counts as missing -------------------------------------------------------------------

def without_nan(a, value):
    """`a` with nan replaced."""
    a = as_array(a)
    return np.where(np.isnan(a), value, a) if is_inexact(dtype_of(a)) else a


@implements(np.nansum)
def nansum(a, axis=None, dtype=None, out=None, keepdims=NOT_GIVEN, initial=NOT_GIVEN, where=NOT_GIVEN):
    """As numpy.nansum."""
    return np.sum(without_nan(a, 0), axis, dtype, out, keepdims=keepdims, initial=initial, where=where)


@implements(np.nanprod)
def nanprod(a, axis=None, dtype=None, out=None, keepdims=NOT_GIVEN, initial=NOT_GIVEN, where=NOT_GIVEN):
    """As numpy.nanprod."""
    return np.prod(without_nan(a, 1), axis, dtype, out, keepdims=keepdims, initial=initial, where=where)


@implements(np.nanmean)
def nanmean(a, axis=None, dtype=None, out=None, keepdims=NOT_GIVEN, *, where=NOT_GIVEN):
    """As numpy.nanmean; nan where there are only nans."""
    refuse("nanmean", out=out)
    a = as_array(a)
    if not is_inexact(dtype_of(a)):
        return np.mean(a, axis, dtype, keepdims=keepdims, where=where)
    there = ~np.isnan(a) if where is NOT_GIVEN or where is True else ~np.isnan(a) & where
    return np.mean(without_nan(a, 0), axis, dtype, keepdims=keepdims, where=there)


@implements(np.nanvar)
def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NOT_GIVEN, *, where=NOT_GIVEN, mean=NOT_GIVEN,
           correction=NOT_GIVEN):
    """As numpy.nanvar."""
    refuse("nanvar", out=out, where=where, mean=mean)
    a = as_array(a)
    there = ~np.isnan(a) if is_inexact(dtype_of(a)) else NOT_GIVEN
    return np.var(without_nan(a, 0), axis, dtype, None, ddof, keepdims, where=there, correction=correction)


@implements(np.nanstd)
def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=NOT_GIVEN, *, where=NOT_GIVEN, mean=NOT_GIVEN,
           correction=NOT_GIVEN):
    """As numpy.nanstd. The derivative is 0 where all elements are equal."""
    return safe_sqrt(np.nanvar(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction))


def _nan_extremum(name, function, sign):
    def reduce(a, axis=None, out=None, keepdims=NOT_GIVEN, initial=NOT_GIVEN, where=NOT_GIVEN):
        refuse(name, out=out, initial=initial, where=where)
        a = as_array(a)
        if not is_inexact(dtype_of(a)):
            return function(a, axis, keepdims=keepdims)
        y = function(without_nan(a, -sign * np.inf), axis, keepdims=keepdims)
        return np.where(np.all(np.isnan(a), axis, keepdims=keepdims), np.nan, y)
    reduce.__name__ = name
    reduce.__doc__ = f"As numpy.{name}; nan where there are only nans."
    return reduce


nanmax = implements(np.nanmax)(_nan_extremum("nanmax", np.max, 1))
nanmin = implements(np.nanmin)(_nan_extremum("nanmin", np.min, -1))


# -- positions -------------------------------------------------------------------------------------

def _position(name, op):
    def find(a, axis=None, out=None, *, keepdims=NOT_GIVEN):
        refuse(name, out=out)
        a = as_array(a)
        shape = shape_of(a)
        if axis is None:
            flat = reshape_to(a, (np.size(a),))
            k = 0
        else:
            flat, k = a, axis_of(axis, len(shape))
        _require_some(shape_of(flat), (k,), f"attempt to get {name} of an empty sequence")
        y = bind(op, flat, axis=k)
        if keepdims is not True:
            return y
        return reshape_to(y, tuple(1 if axis is None or i == k else d for i, d in enumerate(shape)))
    find.__name__ = name
    find.__doc__ = f"As numpy.{name}."
    return find


argmax = implements(np.argmax)(_position("argmax", reduce_ops.argmax))
argmin = implements(np.argmin)(_position("argmin", reduce_ops.argmin))


# -- running reductions ----------------------------------------------------------------------------

def running(op, a, axis, dtype):
    """A running reduction along one axis; None flattens."""
    a = summand(as_array(a), dtype)
    if axis is None:
        a, axis = reshape_to(a, (np.size(a),)), 0
    return bind(op, a, axis=axis_of(axis, max(len(shape_of(a)), 1)), reverse=False)


@implements(np.cumsum)
def cumsum(a, axis=None, dtype=None, out=None):
    """As numpy.cumsum."""
    refuse("cumsum", out=out)
    return running(reduce_ops.cumsum, a, axis, dtype)


@implements(np.cumprod)
def cumprod(a, axis=None, dtype=None, out=None):
    """As numpy.cumprod. The derivative is right where factors are 0."""
    refuse("cumprod", out=out)
    return running(reduce_ops.cumprod, a, axis, dtype)


@implements(np.nancumsum)
def nancumsum(a, axis=None, dtype=None, out=None):
    """As numpy.nancumsum."""
    return np.cumsum(without_nan(a, 0), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a, axis=None, dtype=None, out=None):
    """As numpy.nancumprod."""
    return np.cumprod(without_nan(a, 1), axis, dtype, out)


def _cumulative(name, running_function, start):
    def cumulative(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        refuse(name, out=out)
        x = as_array(x)
        ndim = len(shape_of(x))
        if axis is None:
            if ndim > 1:
                raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
            axis = 0
        y = running_function(np.atleast_1d(x), axis, dtype)
        if not include_initial:
            return y
        shape = list(shape_of(y))
        shape[axis_of(axis, len(shape))] = 1
        return np.concatenate([filled(shape, start, dtype_of(y)), y], axis)
    cumulative.__name__ = name
    cumulative.__doc__ = f"As numpy.{name}."
    return cumulative


implements(*available("cumulative_sum"))(_cumulative("cumulative_sum", np.cumsum, 0))
implements(*available("cumulative_prod"))(_cumulative("cumulative_prod", np.cumprod, 1))
