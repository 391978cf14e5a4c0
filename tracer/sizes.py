"""Lengths of axes: polynomials over symbols.

A `Size` is a length known only when a kernel runs, kept as a canonical polynomial over symbols so that two equal lengths compare equal. A
`Length` is one that is known in each call, and differs from call to call: a polynomial over lengths of arguments, with the number that
it is in the call being recorded, for which it passes (`tracer/lengths.py`).
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Union

import numpy as np

if TYPE_CHECKING:
    from tracer.lengths import Lengths

__all__ = ["Size", "Length", "LengthSymbol", "Dim", "as_length", "fresh_size", "as_int", "hashable", "is_never_less"]

_symbols = itertools.count(1)


class LengthSymbol(str):
    """The name of a length of an argument, or of a quotient of such: what it is in the call being recorded, and whose it is."""

    number: int
    owner: Lengths


@dataclass(frozen=True, slots=True)
class Size:
    """An array length known only at run time: a polynomial with integer coefficients.

    `terms` is a sorted tuple of (monomial, coefficient); a monomial is a sorted tuple of symbols, `()` the constant.
    """

    terms: tuple[tuple[tuple[str, ...], int], ...]

    @staticmethod
    def of(value: Dim) -> Size:
        """The size that equals `value`."""
        if isinstance(value, Size):
            return value
        if type(value) is Length:
            return value.size
        return Size((((), int(value)),) if value else ())

    @staticmethod
    def symbol(name: str) -> Size:
        """The size that stands for one symbol."""
        return Size((((name,), 1),))

    def symbols(self) -> set[str]:
        """The symbols this size is made of, but for those of arguments' lengths: these are bound by every call."""
        return {s for monomial, _ in self.terms for s in monomial if type(s) is not LengthSymbol}

    def name(self) -> str | None:
        """The symbol, when the size is a plain one; else None."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1:
            s = self.terms[0][0][0]
            return None if type(s) is LengthSymbol else s
        return None

    def __add__(self, other: Dim) -> Dim:
        return _collect([*self.terms, *Size.of(other).terms])

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return _collect([(m, -c) for m, c in self.terms])

    def __sub__(self, other: Dim) -> Dim:
        return self + (-other)

    def __rsub__(self, other: Dim) -> Dim:
        return (-self) + other

    def __mul__(self, other: Dim) -> Dim:
        return _collect([(tuple(sorted(m + n)), c * d) for m, c in self.terms for n, d in Size.of(other).terms])

    __rmul__ = __mul__

    def value(self, sizes: Mapping[str, int]) -> int:
        """The length, given the value of each symbol."""
        return sum(c * prod(sizes[s] for s in m) for m, c in self.terms)

    def replace(self, names: Mapping[str, Dim]) -> Dim:
        """This size with symbols replaced by other sizes or integers."""
        total: Dim = 0
        for monomial, c in self.terms:
            term: Dim = c
            for s in monomial:
                term = term * names.get(s, Size.symbol(s))
            total = total + term
        return total

    def __str__(self) -> str:
        parts = []
        for monomial, c in sorted(self.terms, key=lambda t: (-len(t[0]), t[0])):
            body = "*".join(([str(c)] if c != 1 or not monomial else []) + list(monomial))
            parts.append(body)
        return "+".join(parts).replace("+-", "-") or "0"


class Length:
    """A polynomial over lengths of arguments, and the number that it is in the call being recorded. It passes for an int.

    Sums, products and quotients with integers are lengths. A comparison is decided by the number, and noted. What needs a plain number,
    such as C code or a hash of the user's, gets it, and the length is pinned to it. With floats it is a traced number.
    """

    __slots__ = ("size", "number", "owner")

    def __init__(self, size: Size, number: int, owner: Lengths):
        self.size = size
        self.number = number
        self.owner = owner

    @property    # type: ignore[misc]
    def __class__(self) -> type:    # type: ignore[override]
        return int

    # -- integers ------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Any:
        return _other("__radd__", "__add__", self, other) if _integer(other) is None else self.size + other

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return _other("__rsub__", "__sub__", self, other) if _integer(other) is None else self.size - other

    def __rsub__(self, other: Any) -> Any:
        return _other("__sub__", "__rsub__", self, other) if _integer(other) is None else -self.size + other

    def __mul__(self, other: Any) -> Any:
        return _other("__rmul__", "__mul__", self, other) if _integer(other) is None else self.size * other

    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return -self.size

    def __pos__(self) -> Length:
        return self

    def __abs__(self) -> Any:
        return -self if self < 0 else self

    def __floordiv__(self, other: Any) -> Any:
        n = _integer(other)
        if n is None:
            return _other("__rfloordiv__", "__floordiv__", self, other)
        if type(other) is Length:
            whole = self._divided(other)
            return int(self) // int(other) if whole is None else whole
        if n <= 0:
            return int(self) // n
        whole = self._divided(n)
        return self.owner.floor(self.size, self.number, n) if whole is None else whole

    def _divided(self, other: Any) -> Any:
        """The quotient if it is a polynomial with integer coefficients; else None."""
        if type(other) is not Length:
            if any(c % other for _, c in self.size.terms):
                return None
            return _collect([(m, c // other) for m, c in self.size.terms])
        if len(other.size.terms) != 1 or other.number <= 0 or not other > 0:
            return None
        (by, k), = other.size.terms
        terms = []
        for m, c in self.size.terms:
            left = list(m)
            for s in by:
                if s not in left:
                    return None
                left.remove(s)
            if c % k:
                return None
            terms.append((tuple(left), c // k))
        return _collect(terms)

    def __rfloordiv__(self, other: Any) -> Any:
        return _other("__floordiv__", "__rfloordiv__", self, other) if _integer(other) is None else other // int(self)

    def __mod__(self, other: Any) -> Any:
        n = _integer(other)
        if n is None:
            return _other("__rmod__", "__mod__", self, other)
        if type(other) is Length or n <= 0:
            return 0 if type(other) is Length and self._divided(other) is not None else int(self) % int(other)
        return self - self // n * n

    def __rmod__(self, other: Any) -> Any:
        return _other("__mod__", "__rmod__", self, other) if _integer(other) is None else other % int(self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __lshift__(self, other: Any) -> Any:
        return self * (1 << int(other)) if _integer(other) is not None else NotImplemented

    def __rlshift__(self, other: Any) -> Any:
        return other << int(self) if _integer(other) is not None else NotImplemented

    def __rrshift__(self, other: Any) -> Any:
        return other >> int(self) if _integer(other) is not None else NotImplemented

    def __rshift__(self, other: Any) -> Any:
        return self // (1 << int(other)) if _integer(other) is not None else NotImplemented

    def __pow__(self, other: Any, mod: Any = None) -> Any:
        if mod is not None:
            return pow(int(self), other, mod)
        n = _integer(other)
        if n is None or n < 0:
            return _other("__rpow__", "__pow__", self, other)
        if n > 4 or type(other) is Length:
            return int(self) ** int(other)
        return prod([self] * n)

    def __rpow__(self, other: Any) -> Any:
        return _other("__pow__", "__rpow__", self, other) if _integer(other) is None else other ** int(self)

    def __truediv__(self, other: Any) -> Any:
        return _other("__rtruediv__", "__truediv__", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _other("__truediv__", "__rtruediv__", self, other)

    def __and__(self, other: Any) -> Any:
        n = _integer(other)
        if n is None:
            return NotImplemented
        return self % (n + 1) if n > 0 and n & (n + 1) == 0 and type(other) is not Length else int(self) & int(other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        return int(self) | int(other) if _integer(other) is not None else NotImplemented

    __ror__ = __or__

    def __xor__(self, other: Any) -> Any:
        return int(self) ^ int(other) if _integer(other) is not None else NotImplemented

    __rxor__ = __xor__

    def __invert__(self) -> Any:
        return -self - 1

    # -- questions -----------------------------------------------------------------------------

    def __eq__(self, other: Any) -> Any:
        if self is other:
            return True
        if isinstance(other, _FLOATS):
            return self == int(other) if math.isfinite(other) and other == int(other) else False
        if _integer(other) is None:
            return NotImplemented
        d = self.size - other
        if type(d) is not Length:
            return bool(d == 0)
        return d.owner.is_zero(d.size, d.number) if d.owner.is_open else False

    def __ne__(self, other: Any) -> Any:
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    def __hash__(self) -> int:
        return hash(int(self))

    def _is_less(self, other: Any, own: str, reflected: str, rounded: Callable[[float], int]) -> Any:
        """Whether `self < other`; a float is rounded to the integer that gives the same answer."""
        if isinstance(other, _FLOATS):
            if not math.isfinite(other):
                return self.number < other
            other = rounded(other)    # type: ignore[arg-type]
        if _integer(other) is None:
            return _other(reflected, own, self, other)
        return _is_negative(self.size - other)

    def __lt__(self, other: Any) -> Any:
        return self._is_less(other, "__lt__", "__gt__", math.ceil)

    def __ge__(self, other: Any) -> Any:
        if isinstance(other, _FLOATS) and math.isnan(other):
            return False
        less = self._is_less(other, "__ge__", "__le__", math.ceil)
        return not less if type(less) is bool else less

    def __le__(self, other: Any) -> Any:
        if isinstance(other, _FLOATS):
            return math.isfinite(other) and self < math.floor(other) + 1 or other == math.inf
        return _other("__ge__", "__le__", self, other) if _integer(other) is None else not _is_negative(-self.size + other)

    def __gt__(self, other: Any) -> Any:
        if isinstance(other, _FLOATS):
            return math.isfinite(other) and not self < math.floor(other) + 1 or other == -math.inf
        return _other("__lt__", "__gt__", self, other) if _integer(other) is None else _is_negative(-self.size + other)

    def __bool__(self) -> bool:
        return not self == 0

    # -- the number itself ---------------------------------------------------------------------

    def __index__(self) -> int:
        return self.owner.pin(self.size, self.number)

    __int__ = __index__

    def __trunc__(self) -> Length:
        return self

    __floor__ = __ceil__ = __trunc__

    def __round__(self, digits: Any = None) -> Any:
        return self if digits is None else round(int(self), digits)

    def __float__(self) -> float:
        return float(int(self))

    def __complex__(self) -> complex:
        return complex(int(self))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(int(self), dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(ufunc, method)(*[self.owner.as_number(a) if type(a) is Length else a for a in args], **kwargs)

    def __getattr__(self, name: str) -> Any:
        """What an int has beside its operators, such as `bit_length` and `real`, is that of the number."""
        if not hasattr(int, name):
            raise AttributeError(f"'int' object has no attribute {name!r}")
        return getattr(int(self), name)

    def __copy__(self) -> Length:
        return self

    def __deepcopy__(self, memo: Any) -> Length:
        return self

    def __reduce__(self) -> Any:
        return int, (int(self),)

    def __str__(self) -> str:
        return str(int(self)) if self.owner.is_open else str(self.size)

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(int(self), spec)


def as_length(s: LengthSymbol) -> Length:
    """The length of this name."""
    return Length(Size.symbol(s), s.number, s.owner)


Dim = Union[int, Size]      # a Length passes for an int


def as_int(x: Any) -> int:
    """An integer as a plain int; a length stays one.

    Raises
    ------
    TypeError
        If it is no integer.
    """
    return x if type(x) is Length else operator.index(x)    # type: ignore[return-value]


def is_never_less(a: int, b: int) -> bool:
    """Whether `a >= b` for all numbers that lengths in them may be, as far as their coefficients show; no condition is noted."""
    d = a - b
    return all(c >= 0 for _, c in d.size.terms) if type(d) is Length else d >= 0


def hashable(x: Any) -> Any:
    """A value, or a tuple of such to any depth, as a key of our own tables: a length is its polynomial there, and not pinned."""
    t = type(x)
    if t is Length:
        return x.size
    if t is tuple:
        for item in x:
            if type(item) is Length or type(item) is tuple:
                return tuple([hashable(i) for i in x])
    return x


_FLOATS = (float, np.float64, np.float32)


def _integer(x: Any) -> int | None:
    """The number behind an integer; None for everything else."""
    t = type(x)
    if t is int:
        return x
    if t is Length:
        return x.number
    return int(x) if t is bool or isinstance(x, np.integer) else None


def _is_negative(d: Any) -> bool:
    """Whether a difference is below zero."""
    if type(d) is not Length:
        return bool(d < 0)
    return d.owner.is_less(d.size, d.number) if d.owner.is_open else d.number < 0


def _other(reflected: str, own: str, x: Length, y: Any) -> Any:
    """An operation with what is no integer: of a float or an array, that of the traced number; else the other side has its say."""
    n = _integer(y)
    if n is None and not isinstance(y, (float, np.generic, np.ndarray, complex)):
        return NotImplemented
    number = x.owner.as_number(x)
    if type(y) is Length:
        y = x.owner.as_number(y)
    result = getattr(number, own)(y)
    return getattr(y, reflected)(number) if result is NotImplemented else result


def _collect(terms: Iterable[tuple[tuple[str, ...], int]]) -> Dim:
    table: dict[tuple[str, ...], int] = {}
    for monomial, c in terms:
        table[monomial] = table.get(monomial, 0) + c
    left = tuple(sorted((m, c) for m, c in table.items() if c))
    if all(not m for m, _ in left):
        return left[0][1] if left else 0
    owner, number = None, 0
    for monomial, c in left:
        for s in monomial:
            if type(s) is not LengthSymbol:
                return Size(left)
            owner = s.owner
            c *= s.number
        number += c
    return Length(Size(left), number, owner)    # type: ignore[arg-type, return-value]


def fresh_size() -> Size:
    """A new symbol, equal to no other size."""
    return Size.symbol(f"n{next(_symbols)}")


