"""Making arrays.

On plain input these are NumPy's own functions and return NumPy arrays. Given traced values they return traced ones. Inside a
trace, `zeros`, `ones`, `full` and `empty` make traced arrays too, so that they can be written: `a = zeros(n); a[i] = x`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.numpy.aliasing import may_share, view
from autodiff.numpy.rows import joined_rows
from autodiff.numpy.sizes import length_of_integer
from autodiff.numpy.support import (
    array_of,
    as_array,
    available,
    dtype_of,
    filled,
    fresh,
    length_of,
    length_value,
    refuse_order,
    shape_of,
    static_int,
    static_length,
    supported_dtype,
)
from autodiff.numpy.taking import take_diagonal
from tracer.array import call, functions, implements
from tracer.asked import Asked, ask
from tracer.errors import DTypeError, ShapeError, UnsupportedError, explain
from tracer.lengths import LengthRange
from tracer.ops import index as index_ops
from tracer.ops.shape import broadcast, iota
from tracer.promote import cast_to, dtype_kind_of
from tracer.trace import Tracer, bind, concrete_value, current_trace
from tracer.types import SUPPORTED_KINDS, Length, Size, is_inexact

__all__ = ["array", "asarray", "asanyarray", "ascontiguousarray", "zeros", "ones", "full", "empty", "arange", "eye", "identity",
           "tri", "isscalar", "take"]


# -- from values -----------------------------------------------------------------------------------

def _holds_tracer(x) -> bool:
    if isinstance(x, Tracer):
        return True
    return isinstance(x, (list, tuple)) and any(map(_holds_tracer, x))


def _stacked(x):
    """Nested lists with traced values as one array."""
    if not isinstance(x, (list, tuple)):
        return x
    if len(x) > 2 and all(isinstance(p, (list, tuple)) and 0 < len(p) == len(x[0]) for p in x):
        columns = [joined_rows(c) for c in zip(*x, strict=True)]
        if all(c is not None for c in columns):
            return np.stack(columns, axis=1)
    parts = [array_of(_stacked(p)) for p in x]
    shapes = [shape_of(p) for p in parts]
    if any(s != shapes[0] for s in shapes):
        raise explain(ShapeError, f"an array from a sequence of values of shapes {', '.join(map(str, shapes))}",
                      why="setting an array element with a sequence: all must have one shape")
    return np.stack(parts)


@implements("asarray")
def _asarray(x, dtype=None):
    if not _holds_tracer(x):
        return np.asarray(x, dtype)
    x = _stacked(x)
    x = fresh(x) if x._is_scalar() else x
    return x if dtype is None else cast_to(x, supported_dtype(dtype))


def array(object, dtype=None, *, copy=True, order="K", ndmin=0):
    """As numpy.array; lists may hold traced values."""
    if not _holds_tracer(object):
        return np.array(object, dtype, copy=copy, order=order, ndmin=ndmin)
    refuse_order("array", order)
    x = functions["asarray"](object, dtype)
    x = fresh(x) if copy else x
    shape = shape_of(x)
    return np.reshape(x, (*[1] * (ndmin - len(shape)), *shape)) if len(shape) < ndmin else x


def asarray(a, dtype=None, order=None, *, copy=None):
    """As numpy.asarray; lists may hold traced values."""
    if not _holds_tracer(a):
        return np.asarray(a, dtype, order, copy=copy)
    refuse_order("asarray", order)
    x = functions["asarray"](a, dtype)
    return fresh(x) if copy else x


asanyarray = asarray


def ascontiguousarray(a, dtype=None):
    """As numpy.ascontiguousarray: an argument that lies so is not copied. Whether a view is copied is not followed."""
    if not _holds_tracer(a):
        return np.ascontiguousarray(a, dtype)
    x = asarray(a, dtype)
    if x is not a or not x.type.shape:
        return np.atleast_1d(x)
    y: Any = x
    while isinstance(y, Tracer) and y.origin is not None:
        y = y.origin
    if isinstance(y, np.ndarray) and y.ndim == x.type.ndim:
        ask(current_trace(), Asked.LAYOUT)
        return x if y.flags.c_contiguous else fresh(x)
    return may_share(x, fresh) if x.views is not None and x.views.base is not None else x


@implements(np.copy)
def copy(a, order="K", subok=False):
    """As numpy.copy."""
    refuse_order("copy", order)
    return fresh(as_array(a))


@implements("astype", *available("astype"))
def astype(x, dtype, /, order="K", casting="unsafe", subok=True, copy=True, *, device=None):
    """As numpy.ndarray.astype; Python's float and int mean float64 and int64."""
    dtype = supported_dtype(dtype)
    if casting != "unsafe" and not np.can_cast(dtype_of(array_of(x)), dtype, casting):
        raise TypeError(f"Cannot cast array data from {dtype_of(array_of(x))!r} to {dtype!r} according to the rule {casting!r}")
    y = cast_to(array_of(x), dtype)
    return fresh(y) if y is x and copy else y


# -- filled ----------------------------------------------------------------------------------------

def _shape(shape) -> tuple:
    dims = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple([static_length(d) for d in dims])


def _made(shape, value, dtype):
    """A traced array inside a trace, so that it can be written; a NumPy array outside."""
    dtype = supported_dtype(dtype)
    if current_trace() is None:
        return filled(_shape(shape), value, dtype)
    return bind(broadcast, dtype.type(value), shape=_shape(shape))


def _traceable(dtype, shape) -> bool:
    """Whether arrays are being traced, and may have this dtype. Arrays of other dtypes, such as object, stay plain."""
    fits = current_trace() is not None and np.dtype(dtype).kind in SUPPORTED_KINDS
    if not fits and _holds_tracer(shape):
        raise explain(DTypeError, f"an array of dtype {np.dtype(dtype)} with a traced length", why="it stays a plain array, and those have "
                      "lengths that are known", fix="pass the length as a static argument")
    return fits


def zeros(shape, dtype=float, order="C"):
    """As numpy.zeros."""
    return _made(shape, 0, dtype) if _traceable(dtype, shape) else np.zeros(shape, dtype, order)


def ones(shape, dtype=None, order="C"):
    """As numpy.ones."""
    return _made(shape, 1, dtype or float) if _traceable(dtype, shape) else np.ones(shape, dtype, order)


def empty(shape, dtype=float, order="C"):
    """As numpy.empty; inside a trace it is filled with zeros."""
    return _made(shape, 0, dtype) if _traceable(dtype, shape) else np.empty(shape, dtype, order)


def full(shape, fill_value, dtype=None, order="C"):
    """As numpy.full; the value may be traced."""
    value = array_of(fill_value)
    if not isinstance(value, Tracer) and current_trace() is None:
        return np.full(shape, value, dtype, order)
    dtype = dtype_of(value) if dtype is None else supported_dtype(dtype)
    if not isinstance(value, Tracer) and np.ndim(value) == 0:
        return _made(shape, value, dtype)
    return fresh(np.broadcast_to(cast_to(as_array(value), dtype), _shape(shape)))


@implements(np.zeros_like)
def zeros_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """As numpy.zeros_like."""
    refuse_order("zeros_like", order)
    return _made(shape_of(a) if shape is None else shape, 0, dtype or dtype_of(a))


@implements(np.ones_like)
def ones_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """As numpy.ones_like."""
    refuse_order("ones_like", order)
    return _made(shape_of(a) if shape is None else shape, 1, dtype or dtype_of(a))


@implements(np.empty_like)
def empty_like(prototype, /, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """As numpy.empty_like, filled with zeros."""
    return zeros_like(prototype, dtype, order, subok, shape)


@implements(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """As numpy.full_like."""
    refuse_order("full_like", order)
    return full(shape_of(array_of(a)) if shape is None else shape, fill_value, dtype or dtype_of(array_of(a)))


# -- ranges ----------------------------------------------------------------------------------------

def arange(start, /, stop=None, step=None, dtype=None):
    """As numpy.arange; traced arguments must be integers with known values (or a length)."""
    args = [a for a in (start, stop, step) if a is not None]
    if stop is None and step is None:
        n = start if isinstance(start, Size) else length_of_integer(start)
        if n is not None:
            return iota(n, np.int64 if dtype is None else supported_dtype(dtype))
    if any(type(a) is Length for a in args) and not any(isinstance(a, (Tracer, float)) for a in args):
        numbers = LengthRange(*args)
        return cast_to(iota(numbers.steps) * numbers.step + numbers.start, np.dtype(np.int64) if dtype is None else supported_dtype(dtype))
    for a in args:
        if isinstance(a, Tracer) and is_inexact(a.type.dtype):
            raise explain(UnsupportedError, f"arange with a traced float {a.type}",
                          why="the length of the result would depend on it", fix="use np.linspace, or start + step * np.arange(n)")
    if stop is None and step is not None:
        start, stop = 0, start
    start, stop, step = (static_int(a, "a bound") if isinstance(a, Tracer) else a for a in (start, stop, step))
    return np.arange(start, dtype=dtype) if stop is None else np.arange(start, stop, 1 if step is None else step, dtype=dtype)


@implements(np.linspace)
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    """As numpy.linspace; `start` and `stop` may be traced."""
    num = static_int(num, "num")
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    div = num - 1 if endpoint else num
    weak = [dtype_kind_of(array_of(v)) for v in (start, stop)]
    inner = np.result_type(*[k if isinstance(k, np.dtype) else k(0) for k in weak], 1.0)
    start, stop = np.broadcast_arrays(cast_to(array_of(start), inner), cast_to(array_of(stop), inner))
    t = iota(num).astype(inner).reshape(num, *[1] * len(shape_of(start)))
    delta = stop - start
    step = delta / length_value(div, inner) if div > 0 else delta * np.nan
    y = start + t * step if div > 0 else start + t * delta
    if endpoint and num > 1:
        y = call("update", y, -1, stop, "set")  # exactly, whatever the rounding above
    if dtype is not None:
        dtype = supported_dtype(dtype)
        y = cast_to(np.floor(y) if not is_inexact(dtype) else y, dtype)
    y = np.moveaxis(y, 0, axis) if axis not in (0, -len(shape_of(y))) else y
    return (y, step) if retstep else y


@implements(np.logspace)
def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """As numpy.logspace."""
    y = np.power(base, functions[np.linspace](start, stop, num, endpoint, axis=axis))
    return y if dtype is None else astype(y, dtype)


@implements(np.geomspace)
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """As numpy.geomspace, for positive ends."""
    for end in (start, stop):
        value = concrete_value(end)
        if value is not None and np.any(np.asarray(value) <= 0):
            raise explain(UnsupportedError, "np.geomspace between ends that are not positive cannot be traced",
                          fix="change the signs outside: -np.geomspace(-start, -stop)")
    start, stop = np.broadcast_arrays(*(cast_to(array_of(v), np.dtype(np.float64)) for v in (start, stop)))
    y = np.exp(np.linspace(np.log(start), np.log(stop), num, endpoint))
    if num > 0:
        y = call("update", as_array(y), 0, start, "set")
    if endpoint and num > 1:
        y = call("update", y, -1, stop, "set")
    y = y if dtype is None else astype(y, dtype)
    return np.moveaxis(y, 0, axis) if axis else y


# -- matrices --------------------------------------------------------------------------------------

def eye(N, M=None, k=0, dtype=float, order="C"):
    """As numpy.eye."""
    if type(N) is Length or type(M) is Length:
        return cast_to(iota(N if M is None else M)[None, :] == iota(N)[:, None] + k, supported_dtype(dtype))
    return np.eye(N, M, k, dtype, order)


def identity(n, dtype=None):
    """As numpy.identity."""
    if type(n) is Length:
        return eye(n, dtype=float if dtype is None else dtype)
    return np.identity(n, dtype)


def tri(N, M=None, k=0, dtype=float):
    """As numpy.tri."""
    if type(N) is Length or type(M) is Length:
        return cast_to(iota(N if M is None else M)[None, :] <= iota(N)[:, None] + k, supported_dtype(dtype))
    return np.tri(N, M, k, dtype)


@implements(np.diag)
def diag(v, k=0):
    """As numpy.diag."""
    v = as_array(v)
    k = static_int(k, "k")
    shape = shape_of(v)
    if len(shape) == 2:
        return view(v, lambda base: take_diagonal(base, k, 0, 1))
    if len(shape) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = shape[0]
    i = iota(n)
    rows, columns = (i, i + k) if k > 0 else (i - k, i) if k < 0 else (i, i)
    blank = filled((n + abs(k), n + abs(k)), 0, dtype_of(v))
    return bind(index_ops.update, blank, v, rows, columns, spec=(0, 1), mode="set")


@implements(np.diagflat)
def diagflat(v, k=0):
    """As numpy.diagflat."""
    return np.diag(np.ravel(v), k)


def _triangle(name, keep):
    def triangle(m, k=0):
        m = as_array(m)
        if len(shape_of(m)) < 2:
            m = np.broadcast_to(m, (shape_of(m)[0], shape_of(m)[0]))
        rows, columns = shape_of(m)[-2:]
        mask = keep(iota(rows).reshape(rows, 1) + static_int(k, "k"), iota(columns))
        return np.where(mask, m, dtype_of(m).type(0))
    triangle.__name__ = name
    triangle.__doc__ = f"As numpy.{name}."
    return triangle


implements(np.tril)(_triangle("tril", lambda row, column: column <= row))
implements(np.triu)(_triangle("triu", lambda row, column: column >= row))


@implements(np.vander)
def vander(x, N=None, increasing=False):
    """As numpy.vander."""
    x = as_array(x)
    if len(shape_of(x)) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    n = length_of(x, 0, "vander") if N is None else static_int(N, "N")
    dtype = np.promote_types(dtype_of(x), int)
    columns = [np.ones_like(x, dtype=dtype)]
    while len(columns) < n:
        columns.append(columns[-1] * x if len(columns) > 1 else x.astype(dtype))
    columns = columns[:n]
    if n == 0:
        return filled((shape_of(x)[0], 0), 0, dtype)
    return np.stack(columns if increasing else columns[::-1], axis=1)


# -- names of NumPy that look at their argument without asking it ----------------------------------

def isscalar(element) -> bool:
    """As numpy.isscalar."""
    return element._is_scalar() if isinstance(element, Tracer) else np.isscalar(element)


def take(a, indices, axis=None, out=None, mode="raise"):
    """As numpy.take; also from a plain array at traced indices."""
    if isinstance(a, Tracer) or not _holds_tracer(indices):
        return np.take(a, indices, axis, out, mode)
    return functions[np.take](a, indices, axis, out, mode)

