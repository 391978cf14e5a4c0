"""Iterators and generators of random numbers: state that every call advances, and that nobody can look at or put back.

A block is recorded once, however often it runs, so what it draws while it is recorded would be drawn once for all its runs. A call may
therefore advance only what the same block has made: the trace in which a call made an iterator or a generator is noted (`note_made`), and
`advance` refuses all others. In a loop that is refused so, every step is recorded by itself, in Python's order.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from autodiff.capture.state import declined
from tracer.errors import UnsupportedError, explain
from tracer.loaded import loaded
from tracer.trace import Trace, current_trace

__all__ = ["advance", "advance_arguments", "is_generator", "note_made", "note_new", "outermost"]

_GENERATORS = ("numpy.random.Generator", "numpy.random.RandomState", "numpy.random.BitGenerator", "random.Random")


def is_generator(x: Any) -> bool:
    """Whether x is a generator of random numbers."""
    return isinstance(x, loaded(*_GENERATORS))


_ONLY_ASKS = {iter, isinstance, issubclass, type, id, hasattr, getattr, callable, repr, print, bool}
"""Functions that advance none of their arguments."""


def outermost() -> Trace:
    """The outermost open trace of this thread: that of the function being recorded."""
    trace = current_trace()
    assert trace is not None
    while trace.parent is not None:
        trace = trace.parent
    return trace


@functools.lru_cache(maxsize=4096)
def _is_advanced(kind: Any) -> bool:
    """Whether calls advance the objects of a class."""
    return hasattr(kind, "__next__") or issubclass(kind, loaded(*_GENERATORS))


def _class(x: Any) -> Any:
    return type(x)


def note_made(x: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
    """Note that a call with these arguments has made `x` in the block being recorded; return `x`.

    A generator of random numbers without a seed is not noted: every run of the function would get other numbers from it.
    """
    if _is_advanced(_class(x)) and current_trace() is not None:
        seeded = any(a is not None for a in (*args, *(kwargs or {}).values()))
        if seeded or not is_generator(x):
            outermost().made[id(x)] = (x, current_trace())
    elif isinstance(x, contextlib._GeneratorContextManager) and current_trace() is not None:    # by code that runs as it stands, perhaps
        note_made(x.gen, args, kwargs)
    return x


def note_new(x: Any) -> None:
    """Note that captured code has made an object of a class that Python code defines."""
    if current_trace() is not None:
        outermost().made[id(x)] = (x, current_trace())


def advance(x: Any, how: str) -> None:
    """Refuse to advance an iterator or a generator of random numbers that the block being recorded has not made.

    Parameters
    ----------
    x : any object; those that nothing advances are let through
    how : what is about to happen, such as "next() of"

    Raises
    ------
    Declined
        If an enclosing block made it.
    UnsupportedError
        If it was made outside of the function being recorded, or is a generator of random numbers without a seed.
    """
    trace = current_trace()
    if trace is None or not _is_advanced(_class(x)):
        return
    first = outermost()
    if first.concrete and first.guards is None:
        return      # Python runs every step itself
    made = first.made.get(id(x))
    kind = type(x).__name__
    if made is None:
        raise explain(UnsupportedError, f"{how} {'a random generator' if is_generator(x) else f'the {kind}'} in a compiled function",
                      why="it comes from outside or has no seed: it would be advanced once, while the function is recorded, and every call "
                      "would get the same", fix="make it in the function, from a seed, or pass what it gives as an argument")
    inner: Trace | None = trace
    while inner is not made[1]:
        if inner is None or inner.is_region:
            raise declined(f"{how} a {kind} that was made outside of a loop or branch",
                           "the block is recorded once, however often it runs", "draw what it gives before the block, into an array")
        inner = inner.parent


def advance_arguments(f: Any, args: tuple, kwargs: dict) -> None:
    """Refuse what `advance` refuses for the object whose method `f` is, and for the arguments of a call that is not captured."""
    owner = getattr(f, "__self__", None)
    if owner is not None and not isinstance(owner, type):
        advance(owner, f"{getattr(f, '__name__', 'a method')} of")
    for a in args:
        if _is_advanced(_class(a)) and not any(f is g for g in _ONLY_ASKS):
            advance(a, f"{getattr(f, '__name__', 'a call')}() of")
    for a in kwargs.values():
        advance(a, f"{getattr(f, '__name__', 'a call')}() of")
