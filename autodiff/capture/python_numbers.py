"""Python's own numbers in compiled functions: what they are, and their operators, with the exceptions that Python raises.

A traced value that stands for a Python number is one whose `weak` is int, float or bool. NumPy computes on with inf and nan where Python
raises; so each function here computes what NumPy does and records a check (`require`) of the condition under which Python gives a number.
The text of an error is the one that this version of Python has for it, followed by the line of the user's program.

An operator comes here only if its left or right side is a traced Python number (`tracer.array`): arrays never do. A function of NumPy's
that is called of Python numbers gives one of NumPy's. The functions of `math` are in `autodiff/capture/python_math.py`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from autodiff.numpy.of_lengths import length_from
from autodiff.numpy.sizes import integer_of, note_integer
from autodiff.numpy.support import fresh
from tracer.array import implements
from tracer.errors import ConcreteValueError, explain, user_line
from tracer.integers import is_nonnegative, lower_bound, upper_bound
from tracer.ops.control import require
from tracer.promote import as_traced, cast_to
from tracer.sizes import Length
from tracer.trace import Tracer, bind

__all__ = ["KINDS", "as_python", "convertible", "error_text", "is_python_number", "python_float", "python_int", "python_truth",
           "python_value", "require_that", "scalar"]

KINDS: dict[str, type] = {"f": float, "i": int, "u": int, "b": bool}
"""The class of a Python number by the kind of its dtype."""
_FLOAT, _INT = np.dtype(np.float64), np.dtype(np.int64)
_BEYOND = 2.0 ** 63
_FITS = 9.223372036854773e18
"""A product whose float64 is not above this fits in 64 bits: the rounding of two factors and of the product is less than the rest."""


# -- what is a Python number -----------------------------------------------------------------------

def is_python_number(x: Any) -> bool:
    """Whether x is a Python int, float or bool, or stands for one."""
    return type(x) in (int, float, bool, Length) or isinstance(x, Tracer) and x.weak is not None and not x.type.shape


def _kind(x: Any) -> type:
    """The class of a Python number: int or float."""
    kind = x.weak if isinstance(x, Tracer) else type(x)
    return float if kind is float else int


def as_python(x: Any, kind: type) -> Any:
    """The number x, which stands for a Python number from here on."""
    if not isinstance(x, Tracer):
        return kind(x)
    new = fresh(x)
    new.weak = kind
    return new


def scalar(x: Any) -> Any:
    """A traced value of one element as a scalar; what is not traced is left as it is.

    Raises
    ------
    TypeError
        For several elements, as NumPy does.
    """
    if isinstance(x, Tracer) and any(type(d) is int and d != 1 for d in x.type.shape):
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
    return x if not isinstance(x, Tracer) or x.type.shape == () else np.reshape(x, ())  # type: ignore[call-overload]


def python_float(x: Any = 0.0) -> Any:
    """`float(x)`."""
    return as_python(cast_to(scalar(x), _FLOAT), float) if isinstance(x, Tracer) else float(x)


def python_int(x: Any = 0) -> Any:
    """`int(x)`.

    Raises
    ------
    ValueError, OverflowError
        When the function runs, for nan, infinity, and numbers that need more than 64 bits.
    """
    if not isinstance(x, Tracer):
        return int(x)
    x = scalar(x)
    length = length_from(x, "int") if x.type.dtype.kind == "f" else None
    if length is not None:
        return length
    y = as_python(cast_to(convertible(x), _INT), int)
    return note_integer(y, 0, 1) if x.type.dtype.kind == "b" else y


def python_value(x: Any) -> Any:
    """`x.item()` of a scalar: the Python number that it holds."""
    x = scalar(x)
    kind = x.type.dtype.kind
    return python_float(x) if kind == "f" else python_int(x) if kind in "iu" else python_truth(x)


@implements("python truth")
def python_truth(x: Any) -> Any:
    """A truth value, as Python's."""
    return as_python(x, bool) if isinstance(x, Tracer) else bool(x)


def convertible(x: Any) -> Any:
    """x, checked to have an integer of 64 bits."""
    if x.type.dtype.kind == "f":
        require_that(x == x, ValueError, error_text(int, math.nan))
        require_that(np.logical_not(abs(x) >= _BEYOND), OverflowError,
                 error_text(int, math.inf) + ", and a compiled function converts no number that needs more than 64 bits")
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
def error_text(f: Callable, *args: Any) -> str:
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
    if type(x) is bool or isinstance(x, Tracer) and x.weak is bool:
        return python_int(x)
    return as_traced(x)


def _operator(symbol: str, ufunc: np.ufunc, check: Callable | None = None, of_truths: bool = False) -> None:
    """Enter an operator: between two Python numbers the result is a Python number, and `check` records what Python would raise.

    `of_truths` : whether two truth values are operands as they are; else they count as integers
    """
    def operation(*xs: Any) -> Any:
        if not all(map(is_python_number, xs)):
            return ufunc(*xs)
        if not (of_truths and all(map(_is_truth, xs))):
            xs = tuple(map(_plain, xs))
        if check is not None:
            check(*xs)
        return _number(ufunc(*xs))
    implements(f"python {symbol}")(operation)


def _is_truth(x: Any) -> bool:
    return type(x) is bool or isinstance(x, Tracer) and x.weak is bool


def _number(y: Any) -> Any:
    """The result of an operation on Python numbers, as one."""
    return as_python(y, KINDS[y.type.dtype.kind]) if isinstance(y, Tracer) else y


def _not_by_zero(python: Callable) -> Callable:
    """Python raises where the divisor is zero."""
    def check(a: Any, b: Any) -> None:
        if not _known_nonzero(b):
            kind = float if float in (_kind(a), _kind(b)) else int
            require_that(b != 0, ZeroDivisionError, error_text(python, kind(1), kind(0)))
    return check


_operator("/", np.divide, _not_by_zero(operator.truediv))
_operator("//", np.floor_divide, _not_by_zero(operator.floordiv))
_operator("%", np.remainder, _not_by_zero(operator.mod))


def _sum_fits(ufunc: np.ufunc) -> Callable:
    """The sum or difference of two Python ints of which nothing is known fits in 64 bits.

    A sum with a number of the text, a counter or a length is taken to fit: so many steps are not made.
    """
    def check(a: Any, b: Any) -> None:
        if _is_unknown_int(a) and _is_unknown_int(b):
            _fits(abs(ufunc(cast_to(a, _FLOAT), cast_to(b, _FLOAT))))
    return check


def _is_unknown_int(x: Any) -> bool:
    return isinstance(x, Tracer) and x.weak is int and not x.type.shape and x.type.dtype == _INT and integer_of(x) is None


_operator("+", np.add, _sum_fits(np.add))
_operator("-", np.subtract, _sum_fits(np.subtract))


def _shift_fits(a: Any, b: Any) -> None:
    """`a << b` of Python ints fits in 64 bits."""
    if _kind(a) is int and _kind(b) is int:
        require_that(b >= 0, ValueError, error_text(operator.lshift, 1, -1))
        _fits(abs(cast_to(a, _FLOAT)) * np.power(2.0, cast_to(b, _FLOAT)))


def _product_fits(a: Any, b: Any) -> None:
    """The product of two Python ints fits in 64 bits. Counters and lengths are taken to be far below that."""
    if _kind(a) is int and _kind(b) is int and (integer_of(a) is None or integer_of(b) is None) and not _small(a) and not _small(b):
        _fits(abs(cast_to(a, _FLOAT) * cast_to(b, _FLOAT)))


_operator("<<", np.left_shift, _shift_fits)
_operator("*", np.multiply, _product_fits)
_operator(">>", np.right_shift)
for _symbol, _ufunc in (("&", np.bitwise_and), ("|", np.bitwise_or), ("^", np.bitwise_xor), ("<", np.less), ("<=", np.less_equal),
                        (">", np.greater), (">=", np.greater_equal), ("==", np.equal), ("!=", np.not_equal)):
    _operator(_symbol, _ufunc, of_truths=True)
for _symbol, _ufunc in (("neg", np.negative), ("pos", np.positive), ("abs", np.absolute), ("invert", np.invert)):
    _operator(_symbol, _ufunc)


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
            return _number(np.power(a, b))
        a, b = cast_to(a, _FLOAT), cast_to(b, _FLOAT)
    known = not isinstance(b, Tracer)
    if not (known and b >= 0) and not _known_nonzero(a):
        fine = a != 0 if known else np.logical_or(a != 0, b >= 0) if isinstance(a, Tracer) else b >= 0
        require_that(fine, ZeroDivisionError, error_text(operator.pow, 0.0, -1.0))
    if not (known and float(b).is_integer()) and not (not isinstance(a, Tracer) and a >= 0):
        whole = np.floor(b) == b if isinstance(b, Tracer) else False
        require_that(np.logical_or(np.logical_not(a < 0), whole), ValueError,
                 "a negative number raised to a fractional power is complex, and a compiled function does not compute with complex numbers")
    y = np.power(a, b)
    require_that(np.logical_or(abs(y) != math.inf, np.logical_or(abs(a) == math.inf, abs(b) == math.inf)), OverflowError,
             error_text(operator.pow, 1e300, 2.0))
    return as_python(y, float)
