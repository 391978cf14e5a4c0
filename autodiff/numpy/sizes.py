"""Integer scalars while tracing: what is known of them, and axes as long as one of them says."""

from __future__ import annotations

from tracer.integers import counter, in_counters, is_nonnegative, length_symbol
from tracer.ops.shape import iota
from tracer.ops.shape import length as length_op
from tracer.ops.shape import span as span_op
from tracer.sizes import as_int
from tracer.trace import Tracer, bind, current_trace, is_checked
from tracer.types import Dim, Length, Size

__all__ = ["integer_of", "integer_of_length", "length_of_integer", "note_integer", "note_value",
           "number_of_length", "shape_of_integers", "span_of"]


def integer_of(x) -> Dim | None:
    """An integer as a polynomial over loop counters and lengths; None if nothing is known of it."""
    if not isinstance(x, Tracer):
        return as_int(x)
    if x.value is not None and not is_checked(x):
        return int(x.value)
    return x.owner.integer_of(x.ref) if x.owner.level else None


def _is_open(x) -> bool:
    """Whether a value is a traced one that may be another number in a later run of what is being recorded."""
    return isinstance(x, Tracer) and bool(x.owner.level) and (x.value is None or is_checked(x))


def note_integer(x, low: Dim | None, high: Dim | None):
    """Note the bounds of a traced integer of which nothing else is known."""
    if _is_open(x) and x.owner.integer_of(x.ref) is None:
        x.owner.integers[x.ref] = counter(low, high)
    return x


def note_value(x, number: Dim) -> None:
    """Note that a traced integer is the number that a polynomial over loop counters and lengths gives."""
    if _is_open(x):
        x.owner.integers[x.ref] = number


def span_of(count, length: Dim):
    """0, 1, ..., count - 1, of a length that may be known only at run time."""
    if isinstance(length, int):
        return iota(length)
    return bind(span_op, count, length=length_symbol(length))


def integer_of_length(d: Dim):
    """The length of an axis as an integer that can be computed with."""
    if not isinstance(d, Size):
        return d
    return _recorded(d)


def _recorded(d: Dim) -> Tracer:
    trace = current_trace()
    assert trace is not None
    n = trace.record(length_op, (), {"length": d})
    if _is_open(n):
        trace.integers[n.ref] = in_counters(d)
    return n


def number_of_length(d: Length):
    """A length of an argument as a Python number that is computed with: traced, so that it may be another in the next call."""
    if current_trace() is None or not -2**63 <= d < 2**63:
        return int(d)
    n = _recorded(d)    # type: ignore[arg-type]
    n.weak = int
    return n


def length_of_integer(x) -> Dim | None:
    """The length that a traced integer stands for, of an axis to be made; None if it is not known to be one."""
    if not isinstance(x, Tracer) or x.value is not None or x.type.shape:
        return None
    d = integer_of(x)
    return span_of(x, d).type.shape[0] if d is not None and is_nonnegative(d) else None


def shape_of_integers(x: Tracer) -> tuple:
    """The shape of an array for computing with: no length is other than an integer, which may be traced."""
    return tuple([integer_of_length(d) for d in x.type.shape])
