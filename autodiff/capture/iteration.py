"""What loops go over: how many steps there are, and the item of each as a function of the counter."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.capture import loops
from autodiff.capture.state import declined, undecided
from autodiff.numpy.rows import joined_rows
from autodiff.numpy.sizes import integer_of, integer_of_length, note_integer
from autodiff.transforms.checkpoint import Budgeted
from tracer.array import call as call_numpy
from tracer.integers import counter, is_nonnegative, upper_bound
from tracer.lengths import LengthRange
from tracer.sizes import as_int
from tracer.trace import Tracer
from tracer.types import Size

__all__ = ["ITERATORS", "SHORT", "TracedRange", "known_items", "stepped"]

SHORT = 2
"""Loops of so few steps are written out: nothing is gained by a loop."""


class TracedRange:
    """range() with traced bounds."""

    def __init__(self, *bounds):
        whole = [b if undecided(b) else as_int(b) for b in bounds]
        self.start, self.stop, self.step = (0, whole[0], 1) if len(whole) == 1 else (*whole, 1)[:3]
        if isinstance(self.step, Tracer):
            raise declined("range() with a traced step", fix="use a while loop")
        if self.step == 0:
            raise ValueError("range() arg 3 must not be zero")
        way = self.stop - self.start if self.step > 0 else self.start - self.stop
        size = abs(self.step)
        count = (way + (size - 1)) // size if size > 1 else way
        known = integer_of(count)
        self.most = known
        if known is None or not is_nonnegative(known):
            most = upper_bound(known) if known is not None else None
            count = np.maximum(count, 0)
            if most is not None:
                note_integer(count, 0, max(most, 0))
        self.count = count

    def item(self, i: Tracer):
        """The number of step i."""
        return i * self.step + self.start if self.step != 1 else i + self.start if not _is_zero(self.start) else i

    def __iter__(self):
        raise declined("a range with traced bounds outside of a for loop")

    def known(self) -> range:
        """The range itself, for what needs its bounds."""
        return range(*map(operator.index, (self.start, self.stop, self.step)))

    def __getitem__(self, index):
        return self.known()[index]

    def __reversed__(self):
        return reversed(self.known())


def _is_zero(x) -> bool:
    return not isinstance(x, Tracer) and x == 0


def _noted(i, count):
    """The counter, with what is known of it."""
    if not isinstance(i, Tracer):
        return i
    if i.ref not in i.owner.integers:
        most = integer_of(count) if isinstance(count, Tracer) else count
        i.owner.integers[i.ref] = counter(0, most - 1 if most is not None else None)
    return i


def stepped(over) -> loops.Steps | None:
    """The steps of what a loop goes over; None where Python has to go through it."""
    if isinstance(over, loops.Steps):
        return over
    if isinstance(over, Budgeted):
        steps = stepped(over.over)
        return None if steps is None else loops.Steps(steps.count, steps.item, memory=over.memory)
    if isinstance(over, range):
        n = over.steps if type(over) is LengthRange else len(over)
        return loops.Steps(n, lambda i: _range_item(over, _noted(i, n)))
    if isinstance(over, TracedRange):
        return loops.Steps(over.count, lambda i: over.item(_noted_up_to(i, over)))
    if isinstance(over, list) and len(over) > SHORT:
        over = joined_rows(over)
    if isinstance(over, (Tracer, np.ndarray)) and over.shape and over.dtype.kind in "biuf":
        n = over.shape[0]
        if isinstance(n, Size):
            upto = TracedRange(integer_of_length(n))
            return loops.Steps(upto.count, lambda i: call_numpy("index", over, _noted_up_to(i, upto)))
        return loops.Steps(n, lambda i: call_numpy("index", over, _noted(i, n)))
    return None


def _noted_up_to(i: Any, over: TracedRange) -> Any:
    if not isinstance(i, Tracer):   # of a loop that is written out
        return i
    most = over.most if over.most is not None else None
    i.owner.integers[i.ref] = counter(0, most - 1 if most is not None else None)
    return i


def _range_item(r: range, i: Tracer):
    x = i * r.step if r.step != 1 else i
    return x + r.start if r.start else x


def known_items(over, steps: loops.Steps):
    """The items for a loop that Python runs."""
    if not isinstance(over, loops.Steps):
        return over
    return (over.item(k) for k in range(steps.count))  # type: ignore[misc, arg-type]


def _zipped(parts: Sequence[loops.Steps], args) -> loops.Steps:
    counts = [p.count for p in parts]
    if not all(isinstance(c, int) for c in counts):
        raise declined("zip() of a range with traced bounds", fix="loop over range and index")
    return loops.Steps(min(counts), lambda i: tuple([p.item(i) for p in parts]))  # type: ignore[misc]


def _enumerated(parts: Sequence[loops.Steps], args) -> loops.Steps:
    start = args[1] if len(args) > 1 else 0
    one, = parts

    def item(i):
        value = one.item(i)
        return (i + start if not _is_zero(start) else i), value
    return loops.Steps(one.count, item)


def _reversed(parts: Sequence[loops.Steps], args) -> loops.Steps:
    one, = parts
    over = args[0]
    if isinstance(over, TracedRange):
        last = over.count - 1

        def item(i):
            _noted_up_to(i, over)
            x = (last - i) * over.step if over.step != 1 else last - i
            return x + over.start if not _is_zero(over.start) else x
        return loops.Steps(one.count, item)
    n = one.count

    def back(i):
        if not isinstance(i, Tracer):
            return one.item(n - 1 - i)
        return call_numpy("index", over, (n - 1) - _noted(i, n))
    return loops.Steps(n, back)


ITERATORS: dict[Any, Callable] = {zip: _zipped, enumerate: _enumerated, reversed: _reversed}
