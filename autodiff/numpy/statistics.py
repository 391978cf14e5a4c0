"""Averages, quantiles, covariances, differences and integrals along axes."""

from __future__ import annotations

import numpy as np

from autodiff.numpy.indexing import part
from autodiff.numpy.reductions import mean_dtype
from autodiff.numpy.sorting import order_statistics
from autodiff.numpy.support import (
    NOT_GIVEN,
    array_of,
    as_array,
    axes_of,
    axis_list,
    axis_of,
    dtype_of,
    length_of,
    permute,
    refuse,
    shape_of,
    static_int,
)
from tracer.array import implements
from tracer.errors import ShapeError, UnsupportedError, explain, user_line
from tracer.ops.control import require
from tracer.ops.shape import integer_of_length, reshape_to
from tracer.promote import broadcast_to, cast_to, common_dtype, describe
from tracer.trace import Tracer, bind, concrete_value
from tracer.types import element_count, is_inexact

__all__: list[str] = []


@implements(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=NOT_GIVEN):
    """As numpy.average."""
    a = as_array(a)
    if weights is None:
        y = np.mean(a, axis, keepdims=keepdims)
        return (y, np.full_like(y, np.size(a) / max(np.size(y), 1))) if returned else y
    weights = as_array(weights)
    if shape_of(weights) != shape_of(a):
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        axes = axes_of(axis, len(shape_of(a)))
        if shape_of(weights) != tuple(shape_of(a)[i] for i in axes):
            raise explain(ShapeError, "Shape of weights must be consistent with shape of a along specified axis.",
                          a=describe(a), weights=describe(weights))
        weights = reshape_to(weights, tuple(d if i in axes else 1 for i, d in enumerate(shape_of(a))))
    dtype = np.result_type(dtype_of(a), dtype_of(weights), *([] if is_inexact(dtype_of(a)) else [np.float64]))
    weights = broadcast_to(cast_to(weights, dtype), shape_of(a))
    total = np.sum(weights, axis, keepdims=keepdims)
    y = np.sum(cast_to(a, dtype) * weights, axis, keepdims=keepdims) / total
    return (y, total) if returned else y


# -- quantiles -------------------------------------------------------------------------------------

def _flat_last(a, axis):
    """The axes to reduce as one last axis, and the shape of the result with those axes of length 1."""
    shape = shape_of(a)
    axes = axes_of(axis, len(shape))
    kept = [i for i in range(len(shape)) if i not in axes]
    length = element_count(tuple(shape[i] for i in axes))
    flat = reshape_to(permute(a, [*kept, *axes]), (*(shape[i] for i in kept), length))
    return flat, tuple(1 if i in axes else d for i, d in enumerate(shape))


@implements(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """As numpy.median."""
    refuse("median", out=out)
    a = as_array(a)
    a = cast_to(a, mean_dtype(a, None))
    flat, wide = _flat_last(a, axis)
    n = length_of(flat, -1, "median")
    if n == 0:
        y = np.mean(flat, -1)
    else:
        places = [integer_of_length(k) for k in ([n // 2] if n % 2 else [n // 2 - 1, n // 2])]
        middle = order_statistics(flat, np.stack(places))
        y = middle[..., 0] if n % 2 else (middle[..., 0] + middle[..., 1]) / 2
        y = np.where(np.any(np.isnan(flat), -1), np.nan, y)
    return reshape_to(y, wide) if keepdims else y


_ROUNDINGS = {"linear": None, "lower": np.floor, "higher": np.ceil, "nearest": np.rint, "midpoint": None}


@implements(np.quantile)
def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """As numpy.quantile, with the methods linear, lower, higher, nearest and midpoint."""
    refuse("quantile", out=out, weights=weights)
    _check_range(q, 1, "Quantiles must be in the range [0, 1]")
    return _quantiles(as_array(a), as_array(q), _is_weak(q), axis, method, keepdims)


@implements(np.percentile)
def percentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """As numpy.percentile; see `quantile`."""
    refuse("percentile", out=out, weights=weights)
    _check_range(q, 100, "Percentiles must be in the range [0, 100]")
    return _quantiles(as_array(a), as_array(array_of(q) / 100), _is_weak(q), axis, method, keepdims)


def _is_weak(q) -> bool:
    """Whether q is a number of Python's, which does not decide the dtype of the result."""
    return type(q) in (int, float) or isinstance(q, Tracer) and q.weak is not None


def _check_range(q, most: int, message: str) -> None:
    """Raise unless all of q is from 0 to `most`: when the function runs, where q is not known."""
    q = as_array(q)
    value = concrete_value(q)
    if value is None:
        where = user_line()
        bind(require, np.all((q >= 0) & (q <= most)), error="ValueError", message=message + (f" ({where})" if where else ""))
    elif not np.all((np.asarray(value) >= 0) & (np.asarray(value) <= most)):
        raise ValueError(message)


def _quantiles(a, q, weak: bool, axis, method: str, keepdims: bool):
    """The quantiles at q, whose axes come first in the result."""
    if method not in _ROUNDINGS:
        raise explain(UnsupportedError, f"np.quantile with method={method!r} cannot be traced",
                      fix=f"use one of {', '.join(_ROUNDINGS)}")
    if dtype_of(a).kind == "b":
        raise TypeError("quantile of booleans")
    dtype = dtype_of(a) if is_inexact(dtype_of(a)) or method in ("lower", "higher", "nearest") else np.dtype(np.float64)
    flat, wide = _flat_last(cast_to(a, dtype), axis)
    last_axis = len(shape_of(flat)) - 1
    n = length_of(flat, last_axis, "quantile")
    if n == 0:
        raise ValueError("quantile of an empty array")
    if not is_inexact(dtype_of(q)):
        q = cast_to(q, np.dtype(np.float64))
    place = q * cast_to(integer_of_length(n - 1), dtype_of(q))
    order = (*range(last_axis, last_axis + len(shape_of(q))), *range(last_axis))

    def at(places):
        return order_statistics(flat, np.clip(places, 0, n - 1))
    if method in ("linear", "midpoint"):
        lower = np.floor(place)
        both = at(np.stack([lower, lower + 1], -1))
        below, above = (permute(both[..., k], order) for k in (0, 1))
        t = place - lower if method == "linear" else np.where(lower == place, 0, dtype_of(q).type(0.5))
        t = reshape_to(as_array(t), (*shape_of(q), *[1] * last_axis))
        y = _between(below, above, t, dtype if weak else common_dtype(below, t))
    else:
        y = permute(at(_ROUNDINGS[method](place)), order)  # type: ignore[misc]
    if is_inexact(dtype):
        y = np.where(np.any(np.isnan(flat), -1), dtype_of(y).type(np.nan), y)
    return reshape_to(y, (*shape_of(q), *wide)) if keepdims else y


def _between(below, above, t, dtype):
    """below + t (above - below), exact at both ends, rounded as NumPy does it."""
    gap = cast_to(above - below, dtype)
    below, above, left, right = (cast_to(x, dtype) for x in (below, above, t, 1 - t))
    return np.where(t >= 0.5, above - gap * right, below + gap * left)


# -- covariance ------------------------------------------------------------------------------------

@implements(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """As numpy.cov, without weights."""
    refuse("cov", "scale the observations, or write the sums", fweights=fweights, aweights=aweights)
    x = _observations(m, rowvar)
    if y is not None:
        x = np.concatenate([x, _observations(y, rowvar)], 0)
    x = cast_to(x, mean_dtype(x, dtype) if dtype is not None else np.result_type(dtype_of(x), np.float64))
    if ddof is None:
        ddof = 0 if bias else 1
    x = x - np.mean(x, 1, keepdims=True)
    return np.squeeze(np.dot(x, x.T) / dtype_of(x).type(max(length_of(x, 1, "cov") - ddof, 0)))


def _observations(m, rowvar):
    m = as_array(m)
    if len(shape_of(m)) > 2:
        raise ValueError("m has more than 2 dimensions")
    m = reshape_to(m, (*[1] * (2 - len(shape_of(m))), *shape_of(m)))
    return m if rowvar or shape_of(m)[0] == 1 else np.transpose(m)


@implements(np.corrcoef)
def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    """As numpy.corrcoef."""
    c = cov(x, y, rowvar, dtype=dtype)
    if len(shape_of(c)) == 0:
        return c / c
    d = np.sqrt(np.diag(c))
    return np.clip(c / d[:, None] / d[None, :], -1, 1)


# -- differences and integrals ---------------------------------------------------------------------

@implements(np.diff)
def diff(a, n=1, axis=-1, prepend=NOT_GIVEN, append=NOT_GIVEN):
    """As numpy.diff."""
    n = static_int(n, "n")
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    a = as_array(a)
    if len(shape_of(a)) == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    if n == 0:
        return a
    axis = axis_of(axis, len(shape_of(a)))
    ends = []
    for end in (prepend, append):
        if end is NOT_GIVEN:
            ends.append([])
            continue
        end = as_array(end)
        if len(shape_of(end)) == 0:
            shape = list(shape_of(a))
            shape[axis] = 1
            end = np.broadcast_to(end, tuple(shape))
        ends.append([end])
    if any(ends):
        a = np.concatenate([*ends[0], a, *ends[1]], axis)
    for _ in range(n):
        later, earlier = part(a, axis, 1), part(a, axis, None, -1)
        a = later != earlier if dtype_of(a).kind == "b" else later - earlier
    return a


@implements(np.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    """As numpy.ediff1d."""
    ary = np.ravel(as_array(ary))
    pieces = [x if x is None else cast_to(np.ravel(as_array(x)), dtype_of(ary)) for x in (to_begin, to_end)]
    d = part(ary, 0, 1) - part(ary, 0, None, -1)
    if pieces == [None, None]:
        return d
    return np.concatenate([p for p in (pieces[0], d, pieces[1]) if p is not None])


@implements(np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    """As numpy.gradient."""
    f = as_array(f)
    ndim = len(shape_of(f))
    axes = tuple(range(ndim)) if axis is None else tuple(axis_list(axis, ndim))
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError("invalid number of arguments")
    spacings = [1.0] * len(axes) if not varargs else list(varargs) * (len(axes) if len(varargs) == 1 else 1)
    if len(varargs) == 1 and len(axes) > 1 and shape_of(array_of(varargs[0])) != ():
        raise TypeError("invalid number of arguments")
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    if not is_inexact(dtype_of(f)):
        f = cast_to(f, np.dtype(np.float64))
    out = [_gradient_along(f, k, h, edge_order) for k, h in zip(axes, spacings)]
    return out[0] if len(out) == 1 else tuple(out)


def _gradient_along(f, axis, spacing, edge_order):
    n = length_of(f, axis, "gradient")
    if n < edge_order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient, "
                         "at least (edge_order + 1) elements are required.")
    spacing = array_of(spacing)
    if isinstance(spacing, (float, int)) or shape_of(spacing) == ():
        steps = None
    else:
        if shape_of(spacing) != (n,):
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        steps = np.diff(spacing)
        steps = reshape_to(steps, (*[1] * axis, n - 1, *[1] * (len(shape_of(f)) - axis - 1)))

    def at(x, start, stop=None):
        return part(as_array(x), axis, start, stop)
    if steps is None:
        h = spacing
        inner = (at(f, 2) - at(f, None, -2)) / (2.0 * h)
        if edge_order == 1:
            first, last = (at(f, 1, 2) - at(f, 0, 1)) / h, (at(f, -1) - at(f, -2, -1)) / h
        else:
            first = (-1.5 * at(f, 0, 1) + 2.0 * at(f, 1, 2) - 0.5 * at(f, 2, 3)) / h
            last = (0.5 * at(f, -3, -2) - 2.0 * at(f, -2, -1) + 1.5 * at(f, -1)) / h
        return np.concatenate([first, inner, last], axis)
    left, right = at(steps, None, -1), at(steps, 1)
    inner = (-right / (left * (left + right)) * at(f, None, -2) + (right - left) / (left * right) * at(f, 1, -1)
             + left / (right * (left + right)) * at(f, 2))
    if edge_order == 1:
        first = (at(f, 1, 2) - at(f, 0, 1)) / at(steps, 0, 1)
        last = (at(f, -1) - at(f, -2, -1)) / at(steps, -1)
    else:
        p, q = at(steps, 0, 1), at(steps, 1, 2)
        first = (-(2.0 * p + q) / (p * (p + q)) * at(f, 0, 1) + (p + q) / (p * q) * at(f, 1, 2) - p / (q * (p + q)) * at(f, 2, 3))
        p, q = at(steps, -2, -1), at(steps, -1)
        last = (q / (p * (p + q)) * at(f, -3, -2) - (q + p) / (p * q) * at(f, -2, -1) + (2.0 * q + p) / (q * (p + q)) * at(f, -1))
    return np.concatenate([first, inner, last], axis)


@implements(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """As numpy.trapezoid."""
    y = as_array(y)
    ndim = len(shape_of(y))
    axis = axis_of(axis, ndim)
    if x is None:
        d = array_of(dx)
    else:
        x = as_array(x)
        if len(shape_of(x)) == 1:
            d = np.diff(x)
            d = reshape_to(d, (*[1] * axis, shape_of(d)[0], *[1] * (ndim - axis - 1)))
        else:
            d = np.diff(x, axis=axis)
    return np.sum(d * (part(y, axis, 1) + part(y, axis, None, -1)) / 2.0, axis)


@implements(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    """As numpy.interp. The derivative is that of the straight piece on which a point lies (to the right of a node)."""
    refuse("interp", "reduce x with np.mod first", period=period)
    f64 = np.dtype(np.float64)
    x, xp, fp = (cast_to(as_array(v), f64) for v in (x, xp, fp))
    if len(shape_of(xp)) != 1 or shape_of(xp) != shape_of(fp):
        raise ValueError("fp and xp are not of the same length.")
    n = length_of(xp, 0, "interp")
    if n == 0:
        raise ValueError("array of sample points is empty")
    left = fp[0] if left is None else left
    right = fp[-1] if right is None else right
    if n == 1:
        y = fp[0] + 0 * x
    else:
        i = np.clip(np.searchsorted(xp, x, "right") - 1, 0, n - 2)
        low, high = (gather_flat(v, j) for v, j in ((xp, i), (xp, i + 1)))
        a, b = (gather_flat(v, j) for v, j in ((fp, i), (fp, i + 1)))
        width = high - low
        slope = (b - a) / np.where(width == 0, 1, width)
        y = a + slope * (x - low)
        y = np.where(x == xp[-1], fp[-1] + slope * (x - xp[-1]), y)
    return np.where(x < xp[0], left, np.where(x > xp[-1], right, y))


def gather_flat(x, indices):
    """Elements of a 1-d array at indices that are in range."""
    from tracer.ops.index import index
    from tracer.trace import bind
    return bind(index, x, as_array(indices), spec=(0,))


@implements(np.unwrap)
def unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    """As numpy.unwrap, for floats."""
    p = as_array(p)
    p = cast_to(p, np.result_type(dtype_of(p), array_of(period)))
    axis = axis_of(axis, len(shape_of(p)))
    d = np.diff(p, axis=axis)
    half = period / 2
    discont = half if discont is None else discont
    turned = np.mod(d + half, period) - half
    turned = np.where((turned == -half) & (d > 0), half, turned)
    correction = np.where(np.abs(d) < discont, 0, turned - d)
    return np.concatenate([part(p, axis, None, 1), part(p, axis, 1) + np.cumsum(correction, axis)], axis)
