"""What is known of integers while tracing: a polynomial over loop counters and lengths, and the bounds of each.

With it an index is proven to be in range, and the length of a slice such as `x[i:i + 3]` or `a[i, :j]` gets a canonical form, so that
equal lengths are found equal. What is known of a symbol is kept by the symbol itself, so that it lives as long as a graph or a size
mentions it.
"""

from __future__ import annotations

import itertools
from math import prod
from weakref import WeakValueDictionary

from tracer.types import Dim, Size

__all__ = ["agree", "counter", "in_counters", "lower_bound", "upper_bound", "is_nonnegative", "length_symbol"]

_names = itertools.count(1)
_DEPTH = 6


class Symbol(str):
    """The name of an integer, with what is known of it: bounds, or the polynomial that it stands for."""

    bounds: tuple[Dim | None, Dim | None] | None = None
    """The least and the greatest value, each None where it is not known; None for what is no loop counter."""
    meaning: Size | None = None
    """Of the symbol of a length: the polynomial over loop counters that it is equal to."""


_lengths: WeakValueDictionary[Size, Symbol] = WeakValueDictionary()
"""The symbol for each polynomial that is the length of an axis, as long as something mentions it."""


def _bounds_of(symbol: str) -> tuple[Dim | None, Dim | None] | None:
    return getattr(symbol, "bounds", None)


def _meaning_of(symbol: str) -> Size | None:
    return getattr(symbol, "meaning", None)


def length_symbol(d: Size) -> Size:
    """The symbol of the length of an axis that has `d` elements: one for equal polynomials."""
    found = _lengths.get(d)
    if found is None:
        found = Symbol(f"m{next(_names)}")
        found.meaning = d
        _lengths[d] = found
    return Size.symbol(found)


def in_counters(d: Dim) -> Dim:
    """A length as a polynomial over loop counters, instead of the symbols of axes."""
    while isinstance(d, Size):
        meanings: dict[str, Dim] = {s: m for s in d.symbols() if (m := _meaning_of(s)) is not None}
        if not meanings:
            break
        d = d.replace(meanings)
    return d


def counter(low: Dim | None, high: Dim | None) -> Size:
    """A new symbol for an integer between `low` and `high`, both included; None where nothing is known."""
    name = Symbol(f"i{next(_names)}")
    name.bounds = (low, high)
    return Size.symbol(name)


def lower_bound(d: Dim, depth: int = _DEPTH) -> int | None:
    """A number that `d` is never below; None if none is known."""
    return _bound(d, -1, depth)


def upper_bound(d: Dim, depth: int = _DEPTH) -> int | None:
    """A number that `d` is never above; None if none is known."""
    return _bound(d, 1, depth)


def is_nonnegative(d: Dim) -> bool:
    """Whether `d >= 0` is known."""
    low = lower_bound(d)
    return low is not None and low >= 0


def agree(a: Dim, b: Dim) -> bool | None:
    """Whether two lengths are equal; None if that is not known."""
    if a == b:
        return True
    d = in_counters(a) - in_counters(b)
    if not isinstance(d, Size):
        return d == 0
    low, high = lower_bound(d), upper_bound(d)
    return False if low is not None and low > 0 or high is not None and high < 0 else None


def _bound(d: Dim, side: int, depth: int) -> int | None:
    """The greatest (side 1) or least (side -1) value: innermost counters are replaced by their bounds, one after another."""
    while isinstance(d, Size) and depth > 0:
        known = [s for s in d.symbols() if _bounds_of(s) is not None]
        if not known:
            break
        name = max(known, key=lambda s: int(s[1:]))     # the innermost: its bounds may name the others
        if any(m.count(name) > 1 or len(m) > 1 and name in m for m, _ in d.terms):
            return _interval(d, side, depth)
        slope = sum(c for m, c in d.terms if m == (name,))
        low, high = _bounds_of(name) or (None, None)
        bound = high if slope * side > 0 else low
        if bound is None:
            return None
        d = d.replace({name: bound})
        depth -= 1
    if not isinstance(d, Size):
        return d
    # What is left are lengths, which are not negative.
    if all(c * side < 0 for m, c in d.terms if m) and all(_bounds_of(s) is None for s in d.symbols()):
        return sum(c for m, c in d.terms if not m)
    return None


def _interval(d: Size, side: int, depth: int) -> int | None:
    """Interval arithmetic, term by term."""
    total = 0
    for monomial, c in d.terms:
        lows, highs = [], []
        for s in monomial:
            low, high = _bounds_of(s) or (0, None)
            if low is None or high is None:
                return None
            a, b = _bound(low, -1, depth - 1), _bound(high, 1, depth - 1)
            if a is None or b is None:
                return None
            lows.append(a)
            highs.append(b)
        if any(v < 0 for v in lows):
            return None
        total += c * prod(highs if c * side > 0 else lows)
    return total
