"""Python's own numbers in compiled functions: their operators and the functions of `math`, with the exceptions that Python raises.

A traced value that stands for a Python number is one whose `weak` is int or float. NumPy computes on with inf and nan where Python raises;
so each function here computes what NumPy does and records a check (`require`) of the condition under which Python gives a number. The text
of an error is the one that this version of Python has for it, followed by the line of the user's program.

An operator comes here only if its left or right side is a traced Python number (`tracer.array`), a function of `math`, `int`, `float` and
`round` only if an argument is traced: arrays never do.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

import autodiff.numpy as anp
from autodiff.numpy.of_lengths import length_from
from autodiff.numpy.sizes import integer_of, note_integer
from autodiff.numpy.support import fresh
from tracer.array import implements
from tracer.errors import ConcreteValueError, explain, user_line
from tracer.integers import is_nonnegative, lower_bound, upper_bound
from tracer.op import ops
from tracer.ops.control import require
from tracer.promote import cast_to
from tracer.trace import Tracer, bind

__all__ = ["FUNCTIONS", "is_python_number", "python_float", "python_int", "python_value", "require_that"]

_FLOAT, _INT = np.dtype(np.float64), np.dtype(np.int64)
_BEYOND = 2.0 ** 63
_FITS = 9.223372036854773e18
"""A product whose float64 is not above this fits in 64 bits: the rounding of two factors and of the product is less than the rest."""


# -- what is a Python number -----------------------------------------------------------------------

def is_python_number(x: Any) -> bool:
    """Whether x is a Python int, float or bool, or stands for one."""
    return type(x) in (int, float, bool) or isinstance(x, Tracer) and x.weak is not None and not x.type.shape


def _kind(x: Any) -> type:
    """The class of a Python number: int or float."""
    return x.weak if isinstance(x, Tracer) else float if type(x) is float else int


def _as_python(x: Any, kind: type) -> Any:
    """The number x, which stands for a Python number from here on."""
    if not isinstance(x, Tracer):
        return kind(x)
    new = fresh(x)
    new.weak = kind
    return new


def _scalar(x: Any) -> Any:
    """A traced value of one element as a scalar; what is not traced is left as it is."""
    return x if not isinstance(x, Tracer) or x.type.shape == () else np.reshape(x, ())  # type: ignore[call-overload]


def python_float(x: Any = 0.0) -> Any:
    """`float(x)`."""
    return _as_python(cast_to(_scalar(x), _FLOAT), float) if isinstance(x, Tracer) else float(x)


def python_int(x: Any = 0) -> Any:
    """`int(x)`.

    Raises
    ------
    ValueError, OverflowError
        When the function runs, for nan, infinity, and numbers that need more than 64 bits.
    """
    if not isinstance(x, Tracer):
        return int(x)
    x = _scalar(x)
    length = length_from(x, "int") if x.type.dtype.kind == "f" else None
    if length is not None:
        return length
    y = _as_python(cast_to(_convertible(x), _INT), int)
    return note_integer(y, 0, 1) if x.type.dtype.kind == "b" else y


def python_value(x: Any) -> Any:
    """`x.item()` of a scalar: the Python number that it holds; a truth value is left as it is."""
    x = _scalar(x)
    kind = x.type.dtype.kind
    return python_float(x) if kind == "f" else python_int(x) if kind in "iu" else x


def _convertible(x: Any) -> Any:
    """x, checked to have an integer of 64 bits."""
    if x.type.dtype.kind == "f":
        require_that(x == x, ValueError, _text(int, math.nan))
        require_that(np.logical_not(abs(x) >= _BEYOND), OverflowError,
                 _text(int, math.inf) + ", and a compiled function converts no number that needs more than 64 bits")
    return x


def require_that(test: Any, error: type[Exception], message: str) -> None:
    """Raise an error unless `test` holds; of a traced test that is found out when the function runs."""
    if not isinstance(test, Tracer):
        if not test:
            raise error(message)
        return
    where = user_line()
    bind(require, test, message=message + (f" ({where})" if where else ""), error=error.__name__)


@lru_cache(maxsize=256, typed=True)
def _text(f: Callable, *args: Any) -> str:
    """What Python says when it is asked for `f(*args)`, which has no value."""
    try:
        f(*args)
    except (ArithmeticError, ValueError) as e:
        return str(e)
    raise AssertionError(f"{f} of {args} has a value")


# -- operators -------------------------------------------------------------------------------------

def _known_nonzero(x: Any) -> bool:
    """Whether a number is known not to be zero while the function is recorded."""
    if not isinstance(x, Tracer):
        return bool(x != 0)
    if x.weak is not int:
        return False
    d = integer_of(x) if x.value is None else None
    if d is None:
        return False
    low, high = lower_bound(d), upper_bound(d)
    return low is not None and low > 0 or high is not None and high < 0


def _plain(x: Any) -> Any:
    """Truth values count as integers."""
    return int(x) if type(x) is bool else x


def _divided(python: Callable, ufunc: np.ufunc) -> Callable:
    """An operator that divides: Python raises where the divisor is zero."""
    def operation(a: Any, b: Any) -> Any:
        if is_python_number(a) and is_python_number(b):
            a, b = _plain(a), _plain(b)
            if not _known_nonzero(b):
                kind = float if float in (_kind(a), _kind(b)) else int
                require_that(b != 0, ZeroDivisionError, _text(python, kind(1), kind(0)))
        return ufunc(a, b)
    return operation


implements("python /")(_divided(operator.truediv, np.divide))
implements("python //")(_divided(operator.floordiv, np.floor_divide))
implements("python %")(_divided(operator.mod, np.remainder))


def _added(ufunc: np.ufunc) -> Callable:
    """`+` and `-`; of two Python ints of which nothing is known a result that fits in 64 bits.

    A sum with a number of the text, a counter or a length is taken to fit: so many steps are not made.
    """
    def operation(a: Any, b: Any) -> Any:
        if _is_unknown_int(a) and _is_unknown_int(b):
            _fits(abs(ufunc(cast_to(a, _FLOAT), cast_to(b, _FLOAT))))
        return ufunc(a, b)
    return operation


def _is_unknown_int(x: Any) -> bool:
    return isinstance(x, Tracer) and x.weak is int and not x.type.shape and x.type.dtype == _INT and integer_of(x) is None


implements("python +")(_added(np.add))
implements("python -")(_added(np.subtract))


@implements("python <<")
def _shifted(a: Any, b: Any) -> Any:
    """`a << b` of Python ints, which fits in 64 bits."""
    if is_python_number(a) and is_python_number(b) and _kind(a) is int and _kind(b) is int:
        a, b = _plain(a), _plain(b)
        require_that(b >= 0, ValueError, _text(operator.lshift, 1, -1))
        _fits(abs(cast_to(a, _FLOAT)) * np.power(2.0, cast_to(b, _FLOAT)))
    return np.left_shift(a, b)


@implements("python *")
def _times(a: Any, b: Any) -> Any:
    """A product; of two Python ints one that fits in 64 bits. Counters and lengths are taken to be far below that."""
    if is_python_number(a) and is_python_number(b):
        a, b = _plain(a), _plain(b)
        if _kind(a) is int and _kind(b) is int and (integer_of(a) is None or integer_of(b) is None) and not _small(a) and not _small(b):
            _fits(abs(cast_to(a, _FLOAT) * cast_to(b, _FLOAT)))
    return np.multiply(a, b)


def _small(x: Any) -> bool:
    return not isinstance(x, Tracer) and abs(x) <= 1


def _fits(size: Any) -> None:
    require_that(size <= _FITS, OverflowError, "overflow: a Python int beyond 64 bits, which a compiled function does not compute with")


@implements("python **")
def _raised(a: Any, b: Any) -> Any:
    """A power: of Python ints an int or, where the exponent is negative, a float."""
    if not (is_python_number(a) and is_python_number(b)):
        return np.power(a, b)
    a, b = _plain(a), _plain(b)
    if _kind(a) is int and _kind(b) is int:
        if not isinstance(b, Tracer):
            negative = b < 0
        else:
            d = integer_of(b) if b.value is None else None
            if d is not None and is_nonnegative(d):
                negative = False
            elif b.value is not None:
                negative = bool(b < 0)
            else:
                raise explain(ConcreteValueError, "a Python int is raised to a traced int that may be negative",
                              why="the result is an int or a float, depending on a number that is not known while tracing",
                              fix="make the base a float, float(a) ** b")
        if not negative:
            if not (not isinstance(b, Tracer) and b <= 1):
                _fits(np.power(abs(cast_to(a, _FLOAT)), cast_to(b, _FLOAT)))
            return np.power(a, b)
        a, b = cast_to(a, _FLOAT), cast_to(b, _FLOAT)
    known = not isinstance(b, Tracer)
    if not (known and b >= 0) and not _known_nonzero(a):
        fine = a != 0 if known else np.logical_or(a != 0, b >= 0) if isinstance(a, Tracer) else b >= 0
        require_that(fine, ZeroDivisionError, _text(operator.pow, 0.0, -1.0))
    if not (known and float(b).is_integer()) and not (not isinstance(a, Tracer) and a >= 0):
        whole = np.floor(b) == b if isinstance(b, Tracer) else False
        require_that(np.logical_or(np.logical_not(a < 0), whole), ValueError,
                 "a negative number raised to a fractional power is complex, and a compiled function does not compute with complex numbers")
    y = np.power(a, b)
    require_that(np.logical_or(abs(y) != math.inf, np.logical_or(abs(a) == math.inf, abs(b) == math.inf)), OverflowError,
             _text(operator.pow, 1e300, 2.0))
    return _as_python(y, float)


# -- functions of math -----------------------------------------------------------------------------

def _checked(name: str, ufunc: Callable, fine: Callable, error: type[Exception] = ValueError, probe: float = math.inf) -> Callable:
    """A function of `math` of one number; `fine` says of the number and the result whether Python gives one."""
    python = getattr(math, name)

    def function(x: Any) -> Any:
        x = python_float(x)
        y = ufunc(x)
        require_that(fine(x, y), error, _text(python, probe))
        return _as_python(y, float)
    return function


def _not(bad: Callable) -> Callable:
    return lambda x, y: np.logical_not(bad(x))


def _finite(x: Any, y: Any) -> Any:
    return np.logical_or(abs(y) != math.inf, abs(x) == math.inf)


def _unchecked(ufunc: Callable) -> Callable:
    """A function of `math` that has a value everywhere."""
    return lambda *xs: _as_python(ufunc(*map(python_float, xs)), float)


def _truth(ufunc: Callable) -> Callable:
    return lambda x: ufunc(python_float(x))


def _two(name: str, ufunc: Callable) -> Callable:
    """math.fmod and math.pow: nan of numbers, and an infinite result of finite ones, are errors."""
    def function(x: Any, y: Any) -> Any:
        x, y = python_float(x), python_float(y)
        z = ufunc(x, y)
        require_that(np.logical_or(z == z, np.logical_or(x != x, y != y)), ValueError, _text(math.fmod, 1.0, 0.0))
        if name == "pow":
            fine = np.logical_or(abs(z) != math.inf, np.logical_or(abs(x) == math.inf, abs(y) == math.inf))
            require_that(np.logical_or(fine, x != 0), ValueError, _text(math.pow, 0.0, -1.0))
            require_that(fine, OverflowError, _text(math.pow, 1e300, 2.0))
        return _as_python(z, float)
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
        return _as_python(abs(python_float(xs[0])), float)
    total, *others = map(python_float, xs)
    for x in others:
        total = np.hypot(total, x)
    return _as_python(total, float)


def _dist(p: Any, q: Any) -> Any:
    """math.dist: the norm of the difference of two points."""
    p, q = anp.asarray(p), anp.asarray(q)
    if p.shape != q.shape:
        raise ValueError("both points must have the same number of dimensions")
    length = p.shape[0]
    if isinstance(length, int) and length <= 8:
        return _hypot(*[p[k] - q[k] for k in range(length)]) if length else 0.0
    return _as_python(np.linalg.norm(p - q), float)


def _remainder(x: Any, y: Any) -> Any:
    """math.remainder: x - n y for the integer n nearest to x / y, the even one of two; CPython's `m_remainder`, which is exact."""
    x, y = python_float(x), python_float(y)
    unordered = np.logical_or(x != x, y != y)
    require_that(np.logical_or(unordered, np.logical_and(abs(x) != math.inf, y != 0)), ValueError, _text(math.remainder, 1.0, 0.0))
    size, by = abs(x), abs(y)
    m = np.fmod(size, by)
    c = by - m
    half = m - 2.0 * np.fmod(0.5 * (size - m), by)
    r = np.where(m < c, m, np.where(m > c, -c, half))
    return _as_python(np.where(unordered, x + y, np.copysign(1.0, x) * r), float)


def _ulp(x: Any) -> Any:
    """math.ulp: the distance from |x| to the next larger number."""
    x = abs(python_float(x))
    large = x >= 2.0 ** 1023
    return _as_python(np.where(x == math.inf, x, np.where(large, 2.0 ** 971, np.spacing(np.where(large, 0.0, x)))), float)


def _nextafter(x: Any, y: Any, *, steps: int = 1) -> Any:
    """math.nextafter, some steps far."""
    x, y = python_float(x), python_float(y)
    for _ in range(steps):
        x = np.nextafter(x, y)
    return _as_python(x, float)


def _frexp(x: Any) -> Any:
    """math.frexp."""
    m, n = np.frexp(python_float(x))
    return _as_python(m, float), _as_python(cast_to(n, _INT), int)


def _log_gamma(x: Any) -> Any:
    return bind(ops["lgamma"], x)


def _at_pole(x: Any) -> Any:
    return np.logical_or(x == -math.inf, np.logical_and(x <= 0, np.floor(x) == x))


def _gamma(x: Any) -> Any:
    """math.gamma as exp(lgamma(x)), whose relative error is that of a float64 times lgamma(x); the sign alternates between the poles."""
    x = python_float(x)
    require_that(np.logical_not(_at_pole(x)), ValueError, _text(math.gamma, -1.0))
    size = np.exp(_log_gamma(x))
    y = np.where(np.logical_and(x < 0, np.remainder(np.floor(x), np.float64(2.0)) == 1.0), -size, size)
    require_that(_finite(x, y), OverflowError, _text(math.gamma, 1000.0))
    return _as_python(y, float)


def _ldexp(x: Any, n: Any) -> Any:
    """math.ldexp."""
    x = python_float(x)
    y = np.ldexp(x, n)
    require_that(_finite(x, y), OverflowError, _text(math.ldexp, 1.0, 10 ** 6))
    return _as_python(y, float)


def _isclose(a: Any, b: Any, *, rel_tol: Any = 1e-09, abs_tol: Any = 0.0) -> Any:
    """math.isclose: its tolerances are other ones than numpy.isclose has."""
    a, b = python_float(a), python_float(b)
    near = abs(a - b) <= np.maximum(rel_tol * np.maximum(abs(a), abs(b)), abs_tol)
    return np.logical_or(a == b, np.logical_and(near, np.logical_and(abs(a) != math.inf, abs(b) != math.inf)))


_ROUNDINGS: dict[Callable, str] = {np.floor: "floor", np.ceil: "ceil", np.rint: "round", np.trunc: "int"}


def _rounded(ufunc: Callable) -> Callable:
    """math.floor, math.ceil, math.trunc and round() to an int."""
    def function(x: Any) -> Any:
        x = _scalar(x)
        length = length_from(x, _ROUNDINGS[ufunc]) if x.type.dtype.kind == "f" else None
        if length is not None:
            return length
        return python_int(x) if x.type.dtype.kind != "f" else _as_python(cast_to(ufunc(_convertible(x)), _INT), int)
    return function


@implements("python round")
def _round(x: Any, ndigits: Any = None) -> Any:
    """round(x): an int of a number; with digits, or of an array, what NumPy gives."""
    if ndigits is None and isinstance(x, Tracer) and not x.type.shape:
        return _rounded(np.rint)(x)
    if isinstance(x, Tracer) and x.weak is float and not x.type.shape and type(ndigits) is int and 0 < ndigits <= 22:
        return _as_python(_rounded_to(x, ndigits), float)
    y = np.round(x, ndigits or 0)
    return _as_python(y, x.weak) if isinstance(x, Tracer) and x.weak is not None else y


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
    math.ldexp: _ldexp, math.modf: lambda x: tuple([_as_python(y, float) for y in np.modf(python_float(x))]),
    math.fmod: _two("fmod", np.fmod), math.pow: _two("pow", np.power),
    math.erf: _unchecked(anp.erf), math.erfc: _unchecked(anp.erfc), math.fabs: _unchecked(np.abs),
    math.dist: _dist, math.remainder: _remainder, math.ulp: _ulp, math.nextafter: _nextafter, math.frexp: _frexp,
    **{getattr(math, ours): _unchecked(getattr(np, theirs)) for ours, theirs in _EVERYWHERE.items() if hasattr(math, ours)},
    **{getattr(math, name): _truth(getattr(np, name)) for name in ("isnan", "isinf", "isfinite")}}
"""Functions of Python, and what is called in their place where an argument is traced."""
