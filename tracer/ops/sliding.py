"""Products of a window with the stretches of a vector: what convolutions and correlations with long windows are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tracer.op import Op, Unknown, register, sum_tangents, type_of
from tracer.ops.index import index
from tracer.types import is_inexact

BLOCK = 1024
"""Numbers that are gone through at once: those of the vector, and the sums, stay in the first cache."""
TAPS = 8
"""Products that are added to a sum before it is stored."""


class Correlate(Op):
    """y[i] = sum of a[i + j - before] v[j] over all j for which there is such an element of a, for i < count."""

    def infer(self, a, v, *, before, count):
        if a.ndim != 1 or v.ndim != 1 or a.dtype != v.dtype:
            raise TypeError(f"correlate({a}, {v})")
        return a.with_shape((count,))

    def reference(self, a, v, *, before, count):
        a, v = np.asarray(a), np.asarray(v)
        y = np.zeros(count, a.dtype)
        if a.size and v.size:
            whole = np.correlate(a, v, "full")      # its element 0 is that of the last element of v with the first of a
            first = before - (v.size - 1)           # where in y it belongs
            part = whole[max(0, -first):max(0, count - first)]
            y[max(0, first):max(0, first) + part.size] = part
        return y

    def jvp(self, xs, dxs, **params):
        y = self(*xs, **params)
        if not is_inexact(type_of(y).dtype):
            return y, None
        (a, v), (da, dv) = xs, dxs
        return y, sum_tangents([self(*pair, **params) for pair in ((da, v), (a, dv)) if pair[0] is not None and pair[1] is not None])

    def transpose(self, ct, a, v, *, before, count):
        if isinstance(v, Unknown):
            return None, self(a, ct, before=before, count=type_of(v).shape[0])
        m = type_of(v).shape[0]
        return self(ct, index(v, spec=((m - 1, m, -1),)), before=m - 1 - before, count=type_of(a).shape[0]), None

    def lower(self, k, inputs, outputs, *, before, count):
        a, v = (k.materialize(x) for x in inputs)
        y, = outputs
        with k.nest((count,)) as at:
            k.store(y, at, k.const(0, y.dtype))
        writer = _Sums(k, a, v, y, before)
        n, m = a.shape[0], v.shape[0]
        if count < m:
            writer.by_rows(count)
            return
        low = min(max(before, 0), count)    # from here on all of v meets a, up to `high`
        high = max(low, min(n - m + 1 + before, count))
        writer.ends(0, low)
        writer.inside(low, high)
        writer.ends(high, count)


class _Sums:
    """Writes the loops that add products to the sums."""

    def __init__(self, k: Any, a: Any, v: Any, y: Any, before: int):
        self.k, self.a, self.v, self.y = k, a, v, y
        self.before = k.dim(before)
        self.n, self.m = a.shape[0], v.shape[0]

    def _plus(self, *xs: Any) -> Any:
        total = xs[0]
        for x in xs[1:]:
            total = self.k.apply("add", total, x)
        return total

    def _minus(self, x: Any, y: Any) -> Any:
        return self.k.apply("sub", x, y)

    def _product(self, place: Any, tap: Any) -> Any:
        return self.k.apply("mul", self.a.read((place,)), self.v.read((tap,)))

    @contextmanager
    def _blocks(self, low: int, high: int) -> Iterator[tuple[Any, Any]]:
        """The start of each block of what lies between two places, and its end."""
        k = self.k
        with k.steps(-(-(high - low) // BLOCK)) as block:
            start = self._plus(k.apply("mul", block, k.number(BLOCK)), k.dim(low))
            yield start, k.apply("minimum", self._plus(start, k.number(BLOCK)), k.dim(high))

    def inside(self, low: int, high: int) -> None:
        """Sums that all of v takes part in, some products at a time."""
        k = self.k
        with self._blocks(low, high) as (start, end):
            size = self._minus(end, start)
            many = self.m // TAPS
            with k.steps(many) as j:
                self._taps(start, size, k.apply("mul", j, k.number(TAPS)), TAPS)
            with k.steps(self.m - many * TAPS) as j:
                self._taps(start, size, self._plus(j, k.dim(many * TAPS)), 1)

    def _taps(self, start: Any, size: Any, first: Any, count: int) -> None:
        k = self.k
        place = self._minus(self._plus(start, first), self.before)
        with k.each_below(size) as i:
            here = self._plus(i, place)
            terms = [self._product(k.offset(here, t), k.offset(first, t)) for t in range(count)]
            k.store(self.y, (self._plus(i, start),), self._plus(*terms), "add")

    def ends(self, low: int, high: int) -> None:
        """Sums that a part of v takes part in: one product of each at a time."""
        k = self.k
        with self._blocks(low, high) as (start, end), k.steps(self.m) as tap:
            moved = self._minus(self.before, tap)
            first = k.apply("maximum", start, moved)
            last = k.apply("minimum", end, self._plus(moved, k.dim(self.n)))
            self._taps(first, k.apply("maximum", self._minus(last, first), k.number(0)), tap, 1)

    def by_rows(self, count: int) -> None:
        """Few sums of many products: one sum after another, in blocks of v."""
        k = self.k
        with self._blocks(0, self.m) as (start, end), k.steps(count) as i:
            moved = self._minus(self.before, i)
            first = k.apply("maximum", start, moved)
            last = k.apply("minimum", end, self._plus(moved, k.dim(self.n)))
            place = self._minus(first, moved)
            with k.each_below(k.apply("maximum", self._minus(last, first), k.number(0))) as j:
                k.store(self.y, (i,), self._product(self._plus(j, place), self._plus(j, first)), "add")


correlate = register(Correlate())
