"""Functions of `math`, and `float`, `int` and `round`, of traced Python numbers, with the exceptions that Python raises.

They come here where an argument is traced. How exceptions are recorded is told in `autodiff/capture/python_numbers.py`.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff.numpy as anp
from autodiff.capture.python_numbers import (
    as_python,
    convertible,
    error_text,
    python_float,
    python_int,
    python_truth,
    require_that,
    scalar,
)
from autodiff.numpy.of_lengths import length_from
from tracer.array import implements
from tracer.op import ops
from tracer.promote import cast_to
from tracer.trace import Tracer, bind

__all__ = ["FUNCTIONS"]

_INT = np.dtype(np.int64)


def _checked(name: str, ufunc: Callable, fine: Callable, error: type[Exception] = ValueError, probe: float = math.inf) -> Callable:
    """A function of `math` of one number; `fine` says of the number and the result whether Python gives one."""
    python = getattr(math, name)

    def function(x: Any) -> Any:
        x = python_float(x)
        y = ufunc(x)
        require_that(fine(x, y), error, error_text(python, probe))
        return as_python(y, float)
    return function


def _not(bad: Callable) -> Callable:
    return lambda x, y: np.logical_not(bad(x))


def _finite(x: Any, y: Any) -> Any:
    return np.logical_or(abs(y) != math.inf, abs(x) == math.inf)


def _unchecked(ufunc: Callable) -> Callable:
    """A function of `math` that has a value everywhere."""
    return lambda *xs: as_python(ufunc(*map(python_float, xs)), float)


def _truth(ufunc: Callable) -> Callable:
    return lambda x: python_truth(ufunc(python_float(x)))


def _two(name: str, ufunc: Callable) -> Callable:
    """math.fmod and math.pow: nan of numbers, and an infinite result of finite ones, are errors."""
    def function(x: Any, y: Any) -> Any:
        x, y = python_float(x), python_float(y)
        z = ufunc(x, y)
        require_that(np.logical_or(z == z, np.logical_or(x != x, y != y)), ValueError, error_text(math.fmod, 1.0, 0.0))
        if name == "pow":
            fine = np.logical_or(abs(z) != math.inf, np.logical_or(abs(x) == math.inf, abs(y) == math.inf))
            require_that(np.logical_or(fine, x != 0), ValueError, error_text(math.pow, 0.0, -1.0))
            require_that(fine, OverflowError, error_text(math.pow, 1e300, 2.0))
        return as_python(z, float)
    return function


def _log(x: Any, *base: Any) -> Any:
    """math.log: of an int too, to any base."""
    y = _natural_log(x) if isinstance(x, Tracer) else math.log(x)
    if not base:
        return y
    b, = base
    return y / (_natural_log(b) if isinstance(b, Tracer) else math.log(b))


def _hypot(*xs: Any) -> Any:
    """math.hypot of any number of coordinates."""
    if len(xs) == 1:
        return as_python(abs(python_float(xs[0])), float)
    total, *others = map(python_float, xs)
    for x in others:
        total = np.hypot(total, x)
    return as_python(total, float)


def _dist(p: Any, q: Any) -> Any:
    """math.dist: the norm of the difference of two points."""
    p, q = anp.asarray(p), anp.asarray(q)
    if p.shape != q.shape:
        raise ValueError("both points must have the same number of dimensions")
    length = p.shape[0]
    if isinstance(length, int) and length <= 8:
        return _hypot(*[p[k] - q[k] for k in range(length)]) if length else 0.0
    return as_python(np.linalg.norm(p - q), float)


def _remainder(x: Any, y: Any) -> Any:
    """math.remainder: x - n y for the integer n nearest to x / y, the even one of two; CPython's `m_remainder`, which is exact."""
    x, y = python_float(x), python_float(y)
    unordered = np.logical_or(x != x, y != y)
    require_that(np.logical_or(unordered, np.logical_and(abs(x) != math.inf, y != 0)), ValueError, error_text(math.remainder, 1.0, 0.0))
    size, by = abs(x), abs(y)
    m = np.fmod(size, by)
    c = by - m
    half = m - 2.0 * np.fmod(0.5 * (size - m), by)
    r = np.where(m < c, m, np.where(m > c, -c, half))
    return as_python(np.where(unordered, x + y, np.copysign(1.0, x) * r), float)


def _ulp(x: Any) -> Any:
    """math.ulp: the distance from |x| to the next larger number."""
    x = abs(python_float(x))
    large = x >= 2.0 ** 1023
    return as_python(np.where(x == math.inf, x, np.where(large, 2.0 ** 971, np.spacing(np.where(large, 0.0, x)))), float)


def _nextafter(x: Any, y: Any, *, steps: int = 1) -> Any:
    """math.nextafter, some steps far."""
    x, y = python_float(x), python_float(y)
    for _ in range(steps):
        x = np.nextafter(x, y)
    return as_python(x, float)


def _frexp(x: Any) -> Any:
    """math.frexp."""
    m, n = np.frexp(python_float(x))
    return as_python(m, float), as_python(cast_to(n, _INT), int)


def _log_gamma(x: Any) -> Any:
    return bind(ops["lgamma"], x)


def _at_pole(x: Any) -> Any:
    return np.logical_or(x == -math.inf, np.logical_and(x <= 0, np.floor(x) == x))


def _gamma(x: Any) -> Any:
    """math.gamma as exp(lgamma(x)), whose relative error is that of a float64 times lgamma(x); the sign alternates between the poles."""
    x = python_float(x)
    require_that(np.logical_not(_at_pole(x)), ValueError, error_text(math.gamma, -1.0))
    size = np.exp(_log_gamma(x))
    y = np.where(np.logical_and(x < 0, np.remainder(np.floor(x), np.float64(2.0)) == 1.0), -size, size)
    require_that(_finite(x, y), OverflowError, error_text(math.gamma, 1000.0))
    return as_python(y, float)


def _ldexp(x: Any, n: Any) -> Any:
    """math.ldexp."""
    x = python_float(x)
    y = np.ldexp(x, n)
    require_that(_finite(x, y), OverflowError, error_text(math.ldexp, 1.0, 10 ** 6))
    return as_python(y, float)


def _isclose(a: Any, b: Any, *, rel_tol: Any = 1e-09, abs_tol: Any = 0.0) -> Any:
    """math.isclose: its tolerances are other ones than numpy.isclose has."""
    a, b = python_float(a), python_float(b)
    near = abs(a - b) <= np.maximum(rel_tol * np.maximum(abs(a), abs(b)), abs_tol)
    return python_truth(np.logical_or(a == b, np.logical_and(near, np.logical_and(abs(a) != math.inf, abs(b) != math.inf))))


_ROUNDINGS: dict[Callable, str] = {np.floor: "floor", np.ceil: "ceil", np.rint: "round", np.trunc: "int"}


def _rounded(ufunc: Callable) -> Callable:
    """math.floor, math.ceil, math.trunc and round() to an int."""
    def function(x: Any) -> Any:
        x = scalar(x)
        length = length_from(x, _ROUNDINGS[ufunc]) if x.type.dtype.kind == "f" else None
        if length is not None:
            return length
        return python_int(x) if x.type.dtype.kind != "f" else as_python(cast_to(ufunc(convertible(x)), _INT), int)
    return function


@implements("python round")
def _round(x: Any, ndigits: Any = None) -> Any:
    """round(x): an int of a number; with digits, or of an array, what NumPy gives."""
    if ndigits is None and isinstance(x, Tracer) and not x.type.shape:
        return _rounded(np.rint)(x)
    if isinstance(x, Tracer) and x.weak is float and not x.type.shape and type(ndigits) is int and 0 < ndigits <= 22:
        return as_python(_rounded_to(x, ndigits), float)
    y = np.round(x, ndigits or 0)
    return as_python(y, x.weak) if isinstance(x, Tracer) and x.weak is not None else y


def _rounded_to(x: Any, ndigits: int) -> Any:
    """The float nearest to the decimal number of so many digits that is nearest to x; NumPy rounds the rounded product x * 10**ndigits.

    The error of the product is found exactly (Dekker, Numerische Mathematik 18 (1971), section 5): it decides where the product seems to be
    half-way. Powers of ten up to 10**22 are exact, so that the last division is the only rounding. A number whose product is 2**52 or more
    has no nearer neighbour among the floats.
    """
    scale = 10.0 ** ndigits
    p = x * scale
    (xh, xl), (sh, sl) = _halves(x), _halves(scale)
    error = ((xh * sh - p) + xh * sl + xl * sh) + xl * sl
    below = np.floor(p)
    above_half = (p - below - 0.5) + error
    up = np.logical_or(above_half > 0, np.logical_and(above_half == 0, np.remainder(below, np.float64(2.0)) == 1.0))
    y = np.copysign((below + np.where(up, 1.0, 0.0)) / np.float64(scale), x)
    return np.where(np.logical_not(abs(p) < 2.0 ** 52), x, y)


def _halves(x: Any) -> tuple[Any, Any]:
    """x as the sum of two numbers of 26 bits."""
    c = x * 134217729.0
    high = c - (c - x)
    return high, x - high


_natural_log = _checked("log", np.log, _not(lambda x: x <= 0), probe=-1.0)

_OVERFLOWING = ("exp", "expm1", "exp2", "sinh", "cosh")
_EVERYWHERE = {"tanh": "tanh", "degrees": "degrees", "radians": "radians", "copysign": "copysign", "atan": "arctan", "atan2": "arctan2",
               "asinh": "arcsinh", "cbrt": "cbrt"}
FUNCTIONS: dict[Any, Callable] = {
    float: python_float, int: python_int, builtins.round: _round,
    math.floor: _rounded(np.floor), math.ceil: _rounded(np.ceil), math.trunc: python_int,
    math.log: _log, math.hypot: _hypot, math.gamma: _gamma, math.isclose: _isclose,
    math.lgamma: _checked("lgamma", _log_gamma, _not(lambda x: np.logical_and(abs(x) != math.inf, _at_pole(x))), probe=-1.0),
    math.sqrt: _checked("sqrt", np.sqrt, _not(lambda x: x < 0), probe=-1.0),
    math.log1p: _checked("log1p", np.log1p, _not(lambda x: x <= -1), probe=-2.0),
    **{getattr(math, name): _checked(name, getattr(np, name), _not(lambda x: x <= 0), probe=-1.0) for name in ("log2", "log10")},
    **{getattr(math, name): _checked(name, getattr(np, name), _finite, OverflowError, 1e6)
       for name in _OVERFLOWING if hasattr(math, name)},
    **{getattr(math, name): _checked(name, getattr(np, name), _not(lambda x: abs(x) == math.inf)) for name in ("sin", "cos", "tan")},
    math.asin: _checked("asin", np.arcsin, _not(lambda x: abs(x) > 1)), math.acos: _checked("acos", np.arccos, _not(lambda x: abs(x) > 1)),
    math.acosh: _checked("acosh", np.arccosh, _not(lambda x: x < 1), probe=0.0),
    math.atanh: _checked("atanh", np.arctanh, _not(lambda x: abs(x) >= 1)),
    math.ldexp: _ldexp, math.modf: lambda x: tuple([as_python(y, float) for y in np.modf(python_float(x))]),
    math.fmod: _two("fmod", np.fmod), math.pow: _two("pow", np.power),
    math.erf: _unchecked(anp.erf), math.erfc: _unchecked(anp.erfc), math.fabs: _unchecked(np.abs),
    math.dist: _dist, math.remainder: _remainder, math.ulp: _ulp, math.nextafter: _nextafter, math.frexp: _frexp,
    **{getattr(math, ours): _unchecked(getattr(np, theirs)) for ours, theirs in _EVERYWHERE.items() if hasattr(math, ours)},
    **{getattr(math, name): _truth(getattr(np, name)) for name in ("isnan", "isinf", "isfinite")}}
"""Functions of Python, and what is called in their place where an argument is traced."""
