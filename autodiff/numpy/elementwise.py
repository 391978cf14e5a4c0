"""Elementwise functions that are not simply one ufunc: choice, rounding, parts of numbers, comparison with tolerance."""

from __future__ import annotations

import numpy as np

from autodiff.numpy.sizes import integer_of
from autodiff.numpy.support import (
    NOT_GIVEN,
    array_of,
    as_array,
    dtype_of,
    fresh,
    refuse,
    shape_of,
    static_int,
)
from tracer.array import functions, implements
from tracer.errors import UnsupportedError, explain, user_line
from tracer.integers import is_nonnegative
from tracer.ops.arithmetic import cast as cast_op
from tracer.ops.arithmetic import stop_gradient as stop_gradient_op
from tracer.ops.comparison import select as select_op
from tracer.ops.control import require
from tracer.ops.elementary import pow as pow_op
from tracer.ops.elementary import reciprocal as reciprocal_op
from tracer.ops.trigonometric import sinc as sinc_op
from tracer.promote import apply_ufunc, broadcast_shapes, broadcast_to, cast_to, common_dtype
from tracer.trace import Tracer, bind
from tracer.types import is_inexact

__all__ = ["floating"]


def floating(x):
    """As an array of floats: integers become float64."""
    x = as_array(x)
    return x if is_inexact(dtype_of(x)) else cast_to(x, np.dtype(np.float64))


# -- choice ----------------------------------------------------------------------------------------

@implements(np.where)
def where(condition, x=NOT_GIVEN, y=NOT_GIVEN, /):
    """As numpy.where; with one argument as numpy.nonzero."""
    if x is NOT_GIVEN and y is NOT_GIVEN:
        return np.nonzero(condition)
    if x is NOT_GIVEN or y is NOT_GIVEN:
        raise ValueError("either both or neither of x and y should be given")
    condition, x, y = array_of(condition), array_of(x), array_of(y)
    dtype = common_dtype(x, y)
    shape = broadcast_shapes("choose between", [condition, x, y])
    c = broadcast_to(cast_to(as_array(condition), np.dtype(bool)), shape)
    return bind(select_op, c, broadcast_to(_chosen(x, dtype), shape), broadcast_to(_chosen(y, dtype), shape))


def _chosen(x, dtype: np.dtype):
    """What `np.where` chooses from: a Python int that the dtype does not hold wraps around there, unlike anywhere else."""
    if dtype_of(x) == dtype or dtype.kind not in "iu" or not isinstance(x, (int, Tracer)) or isinstance(x, Tracer) and x.weak is not int:
        return cast_to(x, dtype)
    return bind(cast_op, x, dtype=dtype) if isinstance(x, Tracer) else np.asarray(x).astype(dtype)[()]


@implements(np.select)
def select(condlist, choicelist, default=0):
    """As numpy.select."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not condlist:
        raise ValueError("select with an empty condition list is not possible")
    if any(dtype_of(array_of(c)).kind != "b" for c in condlist):
        raise TypeError("invalid entry in condlist: should be boolean ndarray")
    dtype = common_dtype(*[array_of(c) for c in choicelist], array_of(default))
    values = [cast_to(array_of(v), dtype) for v in (*choicelist, default)]
    shape = broadcast_shapes("select from", [*map(array_of, condlist), *values])
    y = values[-1]
    for c, v in zip(reversed(condlist), reversed(values[:-1])):
        y = where(c, v, y)
    return broadcast_to(y, shape)


@implements(np.piecewise)
def piecewise(x, condlist, funclist, *args, **kw):
    """As numpy.piecewise. Each function is applied to the whole array, and the conditions choose among the results."""
    x = as_array(x)
    if shape_of(array_of(condlist)) == () or shape_of(array_of(condlist[0])) == () and shape_of(x) != ():
        condlist = [condlist]
    n = len(condlist)
    if len(funclist) not in (n, n + 1):
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    values = [f(x, *args, **kw) if callable(f) else f for f in funclist]
    y = cast_to(array_of(values[n]), dtype_of(x)) if len(values) > n else dtype_of(x).type(0)
    y = broadcast_to(y, shape_of(x))
    for c, v in zip(condlist, values):
        y = where(c, cast_to(array_of(v), dtype_of(x)), y)
    return y


@implements(np.clip)
def clip(a, a_min=NOT_GIVEN, a_max=NOT_GIVEN, out=None, *, min=NOT_GIVEN, max=NOT_GIVEN, **kwargs):
    """As numpy.clip. On a bound, the derivative is shared equally between `a` and the bound."""
    refuse("clip", out=out, **kwargs)
    low = min if a_min is NOT_GIVEN else a_min
    high = max if a_max is NOT_GIVEN else a_max
    if a_min is not NOT_GIVEN and min is not NOT_GIVEN or a_max is not NOT_GIVEN and max is not NOT_GIVEN:
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    y = as_array(a)
    if dtype_of(y).kind in "iu":    # bounds beyond all numbers of the type are none
        info = np.iinfo(dtype_of(y))
        low = None if type(low) is int and low <= info.min else low
        high = None if type(high) is int and high >= info.max else high
    given = [b for b in (low, high) if b is not None and b is not NOT_GIVEN]
    dtype = common_dtype(y, *[array_of(b) for b in given])
    if low is not None and low is not NOT_GIVEN:
        y = np.maximum(y, low)
    if high is not None and high is not NOT_GIVEN:
        y = np.minimum(y, high)
    return cast_to(y, dtype) if given else fresh(y)


@implements(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """As numpy.nan_to_num. The derivative is 0 where a number was replaced."""
    given, x = x, as_array(x)
    if not copy and isinstance(given, Tracer) and shape_of(x) != ():
        given[...] = nan_to_num(x, True, nan, posinf, neginf)
        return given
    dtype = dtype_of(x)
    if not is_inexact(dtype):
        return fresh(x)
    info = np.finfo(dtype)
    y = where(np.isnan(x), nan, x)
    y = where(x == np.inf, info.max if posinf is None else posinf, y)
    return cast_to(where(x == -np.inf, info.min if neginf is None else neginf, y), dtype)


# -- rounding and parts ----------------------------------------------------------------------------

@implements(np.round, np.around)
def round_(a, decimals=0, out=None):
    """As numpy.round. The derivative is 0."""
    refuse("round", out=out)
    a = as_array(a)
    decimals = static_int(decimals, "decimals")
    dtype = dtype_of(a)
    if dtype.kind == "b":
        raise explain(UnsupportedError, "np.round of booleans is float16 in NumPy, which cannot be traced")
    if dtype.kind in "iu" and decimals >= 0:
        return fresh(a)
    if decimals == 0:
        return np.rint(a)
    scale = 10.0 ** abs(decimals)
    y = np.rint(a * scale) / scale if decimals > 0 else np.rint(a / scale) * scale
    return cast_to(y, dtype)


@implements(np.fix)
def fix(x, out=None):
    """As numpy.fix."""
    refuse("fix", out=out)
    return np.trunc(x)


@implements(np.modf)
def modf(x):
    """As numpy.modf."""
    x = floating(x)
    whole = np.trunc(x)
    endless = np.isinf(x)
    part = where(endless, 0, x - where(endless, 0, whole))
    # The sign of a part that is 0 is that of x; its derivative is 1 also where x is whole.
    now = bind(stop_gradient_op, part)
    return np.copysign(now, bind(stop_gradient_op, x)) - (now - part), whole


@implements(np.frexp)
def frexp(x):
    """As numpy.frexp: x = m 2**n with 0.5 <= |m| < 1. The derivative of m is 2**-n."""
    x = floating(x)
    t = dtype_of(x)
    small, big = np.finfo(t).tiny, t.type(2.0) ** (np.finfo(t).nmant + 2)
    size = np.abs(bind(stop_gradient_op, x))
    usual = np.logical_and(size > 0, size < np.inf)
    tiny = np.logical_and(usual, size < small)
    size = where(usual, where(tiny, size * big, size), 1)
    n = np.floor(np.log2(size)) + 1     # off by one at most, next to a power of two
    m = np.ldexp(size, cast_to(-n, np.dtype(np.int64)))
    n = n + where(m >= 1, 1, where(m < 0.5, -1, 0))
    n = where(usual, n - where(tiny, np.log2(big), 0), 0)
    n = cast_to(n, np.dtype(np.int32))
    return where(usual, np.ldexp(x, -n), x), n


_POWERS_KEEP_TYPE = bool((np.ones(1, np.float32) ** np.float64(2)).dtype == np.float32)
"""Whether an array keeps its type where one of these numbers is the exponent, whatever its type is. It does before NumPy 2.3."""
_SQUARES_OF_TRUTHS = bool((np.ones(1, bool) ** 2).dtype == np.int8)
"""Whether an array of truth values to the number 2 is its square, an array of int8; to other numbers it is one of int64."""
_POWERS = {"f": (-1, 0, 0.5, 1, 2), "i": (2,), "u": (2,)}


@implements("numpy **")
def raised(x1, x2):
    """As `x1 ** x2` of NumPy's arrays: an array to the number 0.5 is its square root."""
    if _POWERS_KEEP_TYPE and isinstance(x2, np.generic) and shape_of(x1) != ():
        kind = dtype_of(x1).kind
        if x2 in _POWERS.get(kind, ()) and (kind == "f" or x2.dtype.kind in "iu"):
            x2 = x2.item()      # a Python number, which takes the type of the array
    if _SQUARES_OF_TRUTHS and type(x2) is int and x2 == 2 and shape_of(x1) != () and dtype_of(x1).kind == "b":
        return np.square(cast_to(x1, np.dtype(np.int8)))
    if isinstance(x2, (float, np.floating)) and x2 == 0.5 and shape_of(x1) != () and dtype_of(x1).kind in "biuf":
        return np.sqrt(cast_to(x1, common_dtype(x1, x2)))
    return _power(x1, x2)


def _power(x1, x2):
    """A power. Of integers the exponent must not be negative: what is not known of it is checked when the function runs."""
    x1, x2 = array_of(x1), array_of(x2)
    if dtype_of(x2).kind == "i" and common_dtype(x1, x2).kind == "i" and 0 not in shape_of(x1):
        message = "Integers to negative integer powers are not allowed."
        n = integer_of(x2) if isinstance(x2, Tracer) else None
        if not isinstance(x2, Tracer):
            if np.any(np.asarray(x2) < 0):
                raise ValueError(message)
        elif n is None or not is_nonnegative(n):
            where = user_line()
            bind(require, np.all(x2 >= 0), error="ValueError", message=message + (f" ({where})" if where else ""))
    return apply_ufunc(pow_op, np.power, (x1, x2))


_POWER_TAKES_ROOTS = bool(np.signbit(np.power(np.array([-0.0]), 0.5))[0])
"""Whether numpy.power takes roots as the operator does: -0.0 stays -0.0 then, and -inf becomes nan. It does since NumPy 2.3."""


@implements(np.power)
def power(x1, x2):
    """As numpy.power."""
    if _POWER_TAKES_ROOTS and isinstance(x2, (float, np.floating)):
        return raised(x1, x2)
    return _power(x1, x2)


@implements(np.reciprocal)
def reciprocal(x):
    """As numpy.reciprocal: of integers the quotient of floats, cut off."""
    x = array_of(x)
    dtype = dtype_of(x)
    if dtype.kind == "b":
        dtype = np.dtype(np.int8)
    if dtype.kind == "f":
        return bind(reciprocal_op, x)
    return cast_to(1.0 / cast_to(x, np.dtype(np.float64)), dtype)


@implements(np.divmod)
def divmod_(x1, x2):
    """As numpy.divmod."""
    return np.floor_divide(x1, x2), np.remainder(x1, x2)


@implements(np.ldexp)
def ldexp(x1, x2):
    """As numpy.ldexp."""
    x, n = floating(x1), as_array(x2)
    if dtype_of(n).kind not in "biu":
        raise TypeError("ldexp: the exponent must be an integer")
    half = np.floor_divide(n, 2)    # in two steps, so that no factor overflows where the product does not
    two = dtype_of(x).type(2)
    first, second = (np.power(two, cast_to(k, dtype_of(x))) for k in (half, n - half))
    return x * first * second


@implements(np.sinc)
def sinc(x):
    """As numpy.sinc."""
    return bind(sinc_op, floating(x))


@implements(np.real, np.conjugate)
def real(val):
    """As numpy.real: complex numbers are not traced."""
    return array_of(val)


@implements(np.imag)
def imag(val):
    """As numpy.imag: zeros."""
    return np.zeros_like(val)


@implements(np.real_if_close)
def real_if_close(a, tol=100):
    """As numpy.real_if_close."""
    return array_of(a)


# -- questions -------------------------------------------------------------------------------------

@implements(np.iscomplexobj)
def iscomplexobj(x):
    """As numpy.iscomplexobj: complex numbers are not traced."""
    return False


@implements(np.isrealobj)
def isrealobj(x):
    """As numpy.isrealobj."""
    return True


@implements(np.isreal)
def isreal(x):
    """As numpy.isreal."""
    return np.ones_like(x, dtype=bool)


@implements(np.iscomplex)
def iscomplex(x):
    """As numpy.iscomplex."""
    return np.zeros_like(x, dtype=bool)


@implements(np.isposinf)
def isposinf(x, out=None):
    """As numpy.isposinf."""
    refuse("isposinf", out=out)
    return x == np.inf


@implements(np.isneginf)
def isneginf(x, out=None):
    """As numpy.isneginf."""
    refuse("isneginf", out=out)
    return x == -np.inf


@implements(np.isclose)
def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """As numpy.isclose."""
    a, b = floating(a), floating(b)
    close = (np.abs(a - b) <= atol + rtol * np.abs(b)) & np.isfinite(b) | (a == b)
    return close | np.isnan(a) & np.isnan(b) if equal_nan else close


@implements(np.allclose)
def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """As numpy.allclose; a traced truth value of Python's."""
    return _answer(isclose(a, b, rtol, atol, equal_nan))


def _answer(truths):
    """Whether all are true, as the truth value of Python's in which NumPy's functions answer a question."""
    whole = np.all(truths)
    return functions["python truth"](whole) if isinstance(whole, Tracer) else bool(whole)


@implements(np.array_equal)
def array_equal(a1, a2, equal_nan=False):
    """As numpy.array_equal; a traced truth value of Python's, unless the shapes differ."""
    a, b = as_array(a1), as_array(a2)
    if shape_of(a) != shape_of(b):
        return False
    equal = a == b
    if equal_nan and is_inexact(dtype_of(a)) and is_inexact(dtype_of(b)):
        equal = equal | np.isnan(a) & np.isnan(b)
    return _answer(equal)


@implements(np.array_equiv)
def array_equiv(a1, a2):
    """As numpy.array_equiv; a traced truth value of Python's, unless the shapes do not fit."""
    a, b = as_array(a1), as_array(a2)
    try:
        broadcast_shapes("compare", [a, b])
    except ValueError:
        return False
    return _answer(a == b)


@implements(np.result_type)
def result_type(*arrays_and_dtypes):
    """As numpy.result_type."""
    return np.result_type(*[_sample(a) for a in arrays_and_dtypes])


@implements(np.can_cast)
def can_cast(from_, to, casting="safe"):
    """As numpy.can_cast."""
    return np.can_cast(dtype_of(from_), to, casting)


@implements(np.common_type)
def common_type(*arrays):
    """As numpy.common_type."""
    return np.result_type(*[dtype_of(a) if is_inexact(dtype_of(a)) else np.float64 for a in arrays]).type


def _sample(x):
    if isinstance(x, Tracer):
        return x.weak(0) if x.weak else x.type.dtype
    return x



@implements(np.polyval)
def polyval(p, x):
    """As numpy.polyval, by Horner's rule."""
    p, x = as_array(p), array_of(x)
    if len(shape_of(p)) != 1:
        raise ValueError("the coefficients must be a 1-d array")
    y = np.zeros_like(x)
    for i in range(shape_of(p)[0]):
        y = y * x + p[i]
    return y
