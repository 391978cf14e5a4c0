"""Integer scalars while tracing: what is known of them, and axes as long as one of them says."""

from __future__ import annotations

from tracer.integers import counter, length_symbol
from tracer.ops.shape import iota
from tracer.ops.shape import span as span_op
from tracer.trace import Tracer, bind
from tracer.types import Dim

__all__ = ["integer_of", "note_integer", "span_of"]


def integer_of(x) -> Dim | None:
    """An integer as a polynomial over loop counters and lengths; None if nothing is known of it."""
    if not isinstance(x, Tracer):
        return int(x)
    if x.value is not None:
        return int(x.value)
    return x.owner.integer_of(x.ref) if x.owner.level else None


def note_integer(x, low: Dim, high: Dim):
    """Note the bounds of a traced integer of which nothing else is known."""
    if isinstance(x, Tracer) and x.value is None and x.owner.level and x.owner.integer_of(x.ref) is None:
        x.owner.integers[x.ref] = counter(low, high)
    return x


def span_of(count, length: Dim):
    """0, 1, ..., count - 1, of a length that may be known only at run time."""
    if isinstance(length, int):
        return iota(length)
    return bind(span_op, count, length=length_symbol(length))


