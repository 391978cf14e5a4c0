"""Calls of what is not captured, values that come from outside, and arrays that such calls make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import BuiltinMethodType
from typing import Any

import numpy as np

import autodiff.numpy as anp
from autodiff.capture.advancing import RANDOM, advance, advance_arguments, note_made, outermost
from autodiff.capture.reads import note_attribute, note_content
from autodiff.capture.state import undecided
from autodiff.numpy.aliasing import own_memory
from tracer.trace import Tracer, current_trace
from tracer.types import type_of_value

__all__ = ["as_arrays", "as_it_stands", "constant", "drawn", "fresh_array", "holds_traced", "holds_undecided", "note_read", "numpys_own",
           "outside"]


def holds_undecided(x) -> bool:
    """Whether x is, or is a list, tuple or slice with, a traced value that is not known."""
    return _holds(x, undecided)


def holds_traced(x) -> bool:
    """Whether x is, or is a list, tuple or slice with, a traced value."""
    return _holds(x, lambda y: isinstance(y, Tracer))


def _holds(x, found: Callable[[Any], bool]) -> bool:
    if isinstance(x, (list, tuple)):
        return any(_holds(y, found) for y in x)
    return any(map(found, (x.start, x.stop, x.step))) if isinstance(x, slice) else found(x)


def as_it_stands(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of what is not captured."""
    advance_arguments(f, args, kwargs)
    note_read(f, args, kwargs)
    return f(*args, **kwargs)


def note_read(f: Callable, args: tuple, kwargs: dict) -> None:
    """Note what a call of code that is not captured may read: containers among its arguments, or the one whose method it is."""
    owner = getattr(f, "__self__", None)
    if owner is not None:
        note_content(owner)
    for a in (*args, *kwargs.values()):
        note_content(a)
    if f in (hasattr, getattr) and len(args) > 1:
        note_attribute(args[0], args[1])


_TAKE_SEQUENCES = {"concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack", "block", "select", "piecewise", "choose",
                   "einsum", "broadcast_arrays", "meshgrid", "ix_", "multi_dot", "lexsort", "einsum_path", "pad", "insert", "lstsq"}
"""NumPy's functions that look into a list of arrays themselves."""


def numpys_own(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of one of NumPy's functions: a list of traced numbers is an array, as it would be of plain ones."""
    note_read(f, args, kwargs)
    return fresh_array(f, args if getattr(f, "__name__", "") in _TAKE_SEQUENCES else as_arrays(args), kwargs)


def as_arrays(args: tuple) -> tuple:
    return tuple([anp.asarray(a) if isinstance(a, (list, tuple)) and holds_traced(a) and not any(isinstance(b, slice) for b in a) else a
                  for a in args])


def drawn(f: Any, args: tuple, kwargs: dict) -> Any:
    """Random numbers; in a compiled function only from a generator that the function itself makes anew in each call."""
    advance(f.__self__, f"{f.__name__} of")
    return fresh_array(f, args, kwargs)


def fresh_array(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of NumPy's. An array of floats that it makes is one that the function may write traced values to."""
    out = f(*args, **kwargs)
    if isinstance(out, RANDOM):
        note_made(out, args, kwargs)
    if (type(out) is np.ndarray and out.dtype.kind == "f" and out.dtype.itemsize in (4, 8) and out.flags.writeable
            and not any(np.may_share_memory(out, a) for a in _arrays((f, args, kwargs)))):
        return constant(out)
    return out


def _arrays(x) -> Iterator[np.ndarray]:
    """The plain arrays in the arguments of a call, and the one whose method is called."""
    if isinstance(x, np.ndarray):
        yield x
    elif isinstance(x, (list, tuple)):
        for y in x:
            yield from _arrays(y)
    elif isinstance(x, dict):
        yield from _arrays(tuple(x.values()))
    elif isinstance(x, BuiltinMethodType):
        yield from _arrays(x.__self__)


def outside(x: Any) -> Any:
    """The value of a variable, attribute or item. An array made outside of the function being recorded is read anew at each call."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or x.dtype.itemsize not in (4, 8):
        return x
    if current_trace() is None:     # a function that was defined in a recorded one, called later
        return x
    trace = outermost()
    if trace.concrete or trace.outside is None:
        return x
    found = trace.outside.get(id(x))
    if found is None:
        t = Tracer(type_of_value(x), trace, trace.capture(x))
        t.views = own_memory(t)
        t.views.memory.locked = "it is an array from outside of the function"
        found = trace.outside[id(x)] = (t, x)
    return found[0]


def constant(x: np.ndarray) -> Tracer:
    """A plain array as a traced one."""
    trace = current_trace()
    assert trace is not None
    t = Tracer(type_of_value(x), trace, trace.capture(x), x if trace.concrete else None)
    t.origin = x if not x.shape else None   # an array without axes is written in place, which a scalar is not
    return t
