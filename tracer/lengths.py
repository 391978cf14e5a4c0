"""Lengths that stand for others: how one recording serves arrays of many shapes.

Where a function is recorded for all shapes of one structure, the lengths that differ from call to call are symbols. A `Length` is a
polynomial over them with the number that it is in the call being recorded, for which it passes: sums and products are lengths again, and
a question (`n > 16`, `n == m`) is answered for the number and noted as a condition. What is recorded, differentiated and compiled is
therefore exactly what the plain numbers would give, and it holds for all shapes for which the conditions hold. Where the number itself is
needed (by C code, as a key of a dict, in a text), the length is pinned: the condition is that it is this number.

>>> lengths = Lengths()
>>> n = lengths.symbol(100)
>>> m = (n - 1) * 2
>>> m > 70, m == 2 * n - 2, list(lengths.bounds.values())
(True, True, [(37, None)])
>>> holds = lengths.matcher([n, 3])
>>> holds([101, 3]), holds([101, 4]), holds([30, 3])
((101,), None, None)
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tracer.sizes import Dim, Length, LengthSymbol, Size

__all__ = ["LengthRange", "Lengths", "filled", "holds_length", "number_of", "plain", "shown", "source_of"]

_names = itertools.count(1)
_NAMES = {"__builtins__": {}, "abs": abs, "ceil": math.ceil, "float": float, "floor": math.floor, "int": int, "round": round,
          "sqrt": math.sqrt, "str": str}
"""What conditions may call."""
LEAST = 17
"""Lengths below are never symbols: they stay in the text of a kernel."""


class Lengths:
    """The symbols of one recording, and the conditions under which it holds for other numbers.

    Parameters
    ----------
    as_number : makes a traced number of a length, for arithmetic with floats and arrays; without it the length is pinned
    line : gives the user's line that is being run

    Attributes
    ----------
    numbers : what each symbol is in this recording
    bounds : for each symbol the least and the greatest number, None where there is none
    unequal : for each symbol numbers that it must not be
    conditions : source text of Python expressions over the symbols, which must be true
    reasons : what was asked where, in the order in which it was asked; a line where the user's program asked
    is_open : whether questions are still noted; after that a length knows only itself
    """

    def __init__(self, as_number: Callable[[Length], Any] | None = None, line: Callable[[], Any] = lambda: None) -> None:
        self._as_number = as_number
        self._line = line
        self.numbers: dict[str, int] = {}
        self.bounds: dict[str, tuple[int, int | None]] = {}
        self.unequal: dict[str, set[int]] = {}
        self.conditions: dict[str, None] = {}
        self.reasons: list[tuple[str, Any]] = []
        self.is_open = True

    def symbol(self, number: int) -> Length:
        """A new symbol that is `number` in this recording."""
        s = LengthSymbol(f"s{next(_names)}")
        s.number, s.owner = number, self
        self.numbers[s] = number
        self.bounds[s] = (min(LEAST, number), None)
        return Length(Size.symbol(s), number, self)

    def close(self) -> None:
        """The end of recording and compiling: nothing is asked any more."""
        self.is_open = False

    def pinned(self) -> bool:
        """Whether every symbol can be one number only."""
        return all(low == high for low, high in self.bounds.values())

    # -- questions -----------------------------------------------------------------------------

    def is_less(self, d: Size, number: int) -> bool:
        """Whether `d < 0`, `number` being the number behind `d`."""
        outcome = number < 0
        linear = _linear(d)
        if linear is None:
            if not self._is_sure(d, outcome):
                self._note(f"{d}<0" if outcome else f"{d}>=0")
            return outcome
        s, c, b = linear
        low, high = self.bounds[s]
        if outcome == (c > 0):      # c s < -b with c > 0, or c s >= -b with c < 0
            most = (-b - 1) // c if c > 0 else b // -c
            if high is None or most < high:
                self._bound(s, low, most, f"{s} <= {most}")
        else:
            least = b // -c + 1 if c < 0 else -(b // c)
            if least > low:
                self._bound(s, least, high, f"{s} >= {least}")
        return outcome

    def is_zero(self, d: Size, number: int) -> bool:
        """Whether `d == 0`, `number` being the number behind `d`."""
        outcome = number == 0
        linear = _linear(d)
        if linear is None:
            if outcome or not (self._is_sure(d, True) or self._is_sure(-d, True)):
                self._note(f"{d}==0" if outcome else f"{d}!=0")
            return outcome
        s, c, b = linear
        low, high = self.bounds[s]
        if outcome:
            value = self.numbers[s]
            if (low, high) != (value, value):
                self._bound(s, value, value, f"{s} == {value}")
        elif -b % c == 0:
            other = -b // c
            if low <= other and (high is None or other <= high) and other not in self.unequal.get(s, ()):
                self.unequal.setdefault(s, set()).add(other)
                self._why(f"{s} != {other}")
        return outcome

    def as_number(self, x: Length) -> Any:
        """A length as a number to compute with, in arithmetic with floats and arrays: what was handed over for it, or its number."""
        return int(x) if self._as_number is None or not self.is_open else self._as_number(x)

    def pin(self, d: Size, number: int) -> int:
        """Note that the number itself is used; return it."""
        if self.is_open:
            rest = d - number
            if type(rest) is Length:
                self.is_zero(rest.size, 0)
        return number

    def floor(self, d: Size, number: int, by: int) -> Length:
        """The quotient of `d` by a positive number, rounded down."""
        s = LengthSymbol(f"(({d})//{by})")
        s.number, s.owner = number // by, self
        return Length(Size.symbol(s), s.number, self)

    def _is_sure(self, d: Dim, below: bool) -> bool:
        """Whether the least numbers of the symbols show that `d` is below zero, or that it is not, for all numbers."""
        size = d.size if type(d) is Length else d
        assert isinstance(size, Size)
        rest = [(m, c) for m, c in size.terms if m]
        if any(s not in self.bounds for m, _ in rest for s in m) or any(c > 0 if below else c < 0 for _, c in rest):
            return False
        end = size.value({s: low for s, (low, _) in self.bounds.items()})
        return end < 0 if below else end >= 0

    def _bound(self, s: str, low: int, high: int | None, text: str) -> None:
        self.bounds[s] = low, high
        self._why(text)

    def _note(self, text: str) -> None:
        if text not in self.conditions:
            self.conditions[text] = None
            self._why(text)

    def _why(self, text: str) -> None:
        self.reasons.append((text, self._line()))

    # -- other numbers -------------------------------------------------------------------------

    def places(self, dims: Sequence[Dim]) -> dict[str, int]:
        """Which of the lengths is each symbol, the first of them."""
        return {name: k for k, d in reversed(list(enumerate(dims))) if type(d) is Length and (name := _symbol(d)) is not None}    # type: ignore[misc]

    def matcher(self, dims: Sequence[Dim]) -> Callable[[Sequence[int]], tuple[int, ...] | None]:
        """A function from the lengths of a call to the numbers of the symbols, in order; it gives None where the recording does not hold.

        `dims` says what each length was in the recording: a number, a symbol, or a symbol and a number added.
        """
        where = self.places(dims)
        tests = [f"d[{k}]=={source_of(d)}" for k, d in enumerate(dims) if type(d) is not Length or where.get(_symbol(d) or "") != k]
        for s, (low, high) in self.bounds.items():
            tests.append(f"{low}<={s}" + (f"<={high}" if high is not None else ""))
            tests += [f"{s}!={v}" for v in sorted(self.unequal.get(s, ()))]
        names = ",".join(self.numbers)
        test = " and ".join([*tests, *(f"({c})" for c in self.conditions)])
        given = ",".join(f"d[{where[s]}]" for s in self.numbers)
        return eval(f"lambda d:(lambda {names}:({names},) if {test} else None)({given})", dict(_NAMES))

    def broken(self, given: Sequence[int], dims: Sequence[Dim]) -> tuple[str, Any]:
        """What does not hold for the lengths of a call, and where it was asked; see `matcher`."""
        numbers = {s: given[k] for s, k in self.places(dims).items()}
        return next(((text, where) for text, where in self.reasons if not eval(text, dict(_NAMES), dict(numbers))), ("", None))

    def evaluate(self, source: str) -> int:
        """The value of an expression in this recording."""
        return eval(source, dict(_NAMES), dict(self.numbers))

    def function(self, sources: Sequence[str]) -> Callable:
        """A function from the numbers of the symbols, in order, to a tuple of the values of expressions."""
        return eval(f"lambda {', '.join(self.numbers)}: ({''.join(f'{s}, ' for s in sources)})", dict(_NAMES))


def _linear(d: Size) -> tuple[str, int, int] | None:
    """`c * s + b` as (s, c, b), for a plain symbol s; None for other polynomials."""
    b, found = 0, None
    for monomial, c in d.terms:
        if not monomial:
            b = c
        elif len(monomial) > 1 or found is not None or monomial[0] not in monomial[0].owner.numbers:    # type: ignore[attr-defined]
            return None
        else:
            found = monomial[0], c
    assert found is not None
    return found[0], found[1], b


def _symbol(d: Length) -> str | None:
    """The name of a length that is a symbol."""
    (monomial, c), *more = d.size.terms
    return monomial[0] if not more and c == 1 and len(monomial) == 1 and monomial[0] in d.owner.numbers else None


def shown(d: Dim) -> Any:
    """A length for a message that is kept: a mark that `filled` puts a number in place of."""
    return f"\x02{d.size}\x03" if type(d) is Length else d


def filled(text: str, numbers: Mapping[str, int]) -> str:
    """A message with the numbers of its lengths, given those of the symbols."""
    return _MARK.sub(lambda m: str(eval(m[1], dict(_NAMES), dict(numbers))), text) if "\x02" in text else text


_MARK = re.compile("\x02(.*?)\x03")


def source_of(d: Dim) -> str:
    """A length as the text of a Python expression over the symbols."""
    return str(d.size) if type(d) is Length else repr(int(d))     # type: ignore[arg-type]


def number_of(d: Dim) -> Any:
    """The number behind a length, without a condition: for what is shown or estimated, never for what is decided."""
    return d.number if type(d) is Length else d


class LengthRange:
    """A range with bounds that stand for others; for all but loops, `len` and items it is the range of their numbers. It passes for one."""

    __slots__ = ("start", "stop", "step", "steps")

    def __init__(self, *bounds: int):
        self.start, self.stop, self.step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
        if self.step == 0:
            raise ValueError("range() arg 3 must not be zero")
        way = self.stop - self.start if self.step > 0 else self.start - self.stop
        self.steps = (way + (abs(self.step) - 1)) // abs(self.step) if way > 0 else 0

    @property    # type: ignore[misc]
    def __class__(self) -> type:    # type: ignore[override]
        return range

    def numbers(self) -> range:
        """The range of the numbers."""
        return range(int(self.start), int(self.stop), int(self.step))

    def __getattr__(self, name: str) -> Any:
        if not hasattr(range, name):
            raise AttributeError(f"'range' object has no attribute {name!r}")
        return getattr(self.numbers(), name)

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers())

    def __reversed__(self) -> Iterator[int]:
        return reversed(self.numbers())

    def __len__(self) -> int:
        return int(self.steps)

    def __contains__(self, x: Any) -> bool:
        return x in self.numbers()

    def __eq__(self, other: object) -> bool:
        return self.numbers() == (other.numbers() if type(other) is LengthRange else other)

    def __hash__(self) -> int:
        return hash(self.numbers())

    def __repr__(self) -> str:
        return repr(self.numbers())

    def __getitem__(self, k: Any) -> Any:
        if isinstance(k, slice):
            return self.numbers()[k] if k != slice(None, None, -1) else LengthRange(
                self.start + (self.steps - 1) * self.step, self.start - self.step, -self.step)
        return self.start + k * self.step if 0 <= k < self.steps else self.numbers()[k]


def holds_length(x: Any) -> bool:
    """Whether a value is a length that stands for others, or a tuple or list with one."""
    return type(x) is Length or type(x) in (tuple, list) and any(type(i) is Length for i in x)


def plain(x: Any) -> Any:
    """A value for code that is not captured: it gets plain numbers, to which the lengths are pinned, in lists and dicts too."""
    t = type(x)
    if t is Length:
        return int(x)
    if t is LengthRange:
        return x.numbers()
    if t is tuple and any(type(i) in _MAY_HOLD for i in x):
        return tuple([plain(i) for i in x])
    if t is list or t is dict:
        for k, item in enumerate(x) if t is list else x.items():
            if type(item) in _MAY_HOLD:
                x[k] = plain(item)
    return x


_MAY_HOLD = (Length, LengthRange, tuple, list, dict)
