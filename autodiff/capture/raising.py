"""What the program raises under a condition: a check of the compiled function, where nothing around would handle it.

Where one way of a condition raises, the other way is recorded behind a check. The kernel of a call in which the check fails ends, and
Python runs the call: it raises the very exception, with the text, the traceback and the effects that it has. What stands in `try`, in
`with`, or is called by code that is not captured may be handled there; it is compiled along the path that Python takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autodiff.capture.effects import outer_effects
from autodiff.capture.state import Retrace, declined
from tracer.errors import PROGRAM, TraceError, is_internal, line_of
from tracer.graph import Const
from tracer.ops.control import require
from tracer.trace import bind, current_trace

__all__ = ["Tried", "acts", "acts_later", "checked", "handled", "may_be_checked", "texts_may_wait"]

_HANDLED_BY_PYTHON = (StopIteration, StopAsyncIteration, AttributeError, LookupError, GeneratorExit, NameError)
"""Exceptions by which the interpreter finds out where something ends or whether it is there, and names that one path leaves unset."""


@contextmanager
def handled() -> Iterator[None]:
    """What may handle an exception of the program."""
    effects = outer_effects()
    if effects is None:
        yield
        return
    effects.handlers += 1
    try:
        yield
    finally:
        effects.handlers -= 1


class Tried:
    """The statements of a `try` that has handlers.

    Raises
    ------
    Declined
        At their end, if a check was recorded among them: when the function runs, the handler would be passed by.
    """

    def __enter__(self) -> None:
        trace = current_trace()
        self.start = len(trace.nodes) if trace is not None else 0
        self.handled = handled()
        self.handled.__enter__()

    def __exit__(self, kind: Any, e: Any, traceback: Any) -> None:
        self.handled.__exit__(kind, e, traceback)
        trace = current_trace()
        if e is not None or trace is None or not any(n.may_raise() for n in trace.nodes[self.start:]):
            return
        if trace.guards is not None:
            trace.guards.append((Const(np.True_), 1))   # what the kernel raises means another path, not the end
        if not trace.concrete:
            raise declined("an index, an assertion, a condition or a matrix is checked inside `try`",
                           "the check would end the compiled function instead of going to the handler", "ask for the condition with `if`")


def acts() -> int:
    """How much the function has done to what is outside of it."""
    effects = outer_effects()
    return 0 if effects is None else len(effects.entries)


def acts_later() -> bool:
    """Whether a compiled function is recorded: the call itself comes after it, and Python may run it instead."""
    effects = outer_effects()
    return effects is not None and effects.deferred


def texts_may_wait() -> bool:
    """Whether an exception that is raised here would end the call of a compiled function: its text need not be known."""
    effects = outer_effects()
    return effects is not None and acts_later() and effects.handlers == 0


def may_be_checked(e: Exception) -> bool:
    """Whether what one way of a condition raises ends the call of a compiled function, by a `raise` of the program's own.

    What is raised in code of ours, or by a function in C that is given a stand-in, need not be what the program raises.
    """
    if isinstance(e, (TraceError, Retrace, *_HANDLED_BY_PYTHON)) or not texts_may_wait():
        return False
    traceback = e.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and not is_internal(traceback.tb_frame.f_code)


def way_that_raised(key: tuple) -> int:
    """Which way of a branch is recorded first: the one that has raised before, so that what stands on the other is recorded once.

    `key` : the code objects of the blocks of the branch. A program may come to it many times, in branches one within another
    """
    effects = outer_effects()
    return 0 if effects is None else effects.raised.get(key, 0)


def checked(e: Exception, fine: Any, key: tuple, way: int) -> None:
    """Record the check that `fine` holds; where it does not, the program raises `e`, in the branch `key` on this way."""
    where = line_of(e)
    bind(require, fine, message=f"{e}" + (f" ({where})" if where else ""), error=f"{PROGRAM}{type(e).__name__}")
    effects = outer_effects()
    assert effects is not None
    effects.raised[key] = way
    effects.texts = [x for x in effects.texts if x is not e]
