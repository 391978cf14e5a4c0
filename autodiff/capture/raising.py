"""What the program raises under a condition: a check of the compiled function, where nothing around would handle it.

Where one way of a condition raises, the other way is recorded behind a check. The kernel of a call in which the check fails ends, and
Python runs the call: it raises the very exception, with the text, the traceback and the effects that it has. What stands in `try`, in
`with`, or is called by code that is not captured may be handled there; it is compiled along the path that Python takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autodiff.capture.effects import outer_effects
from autodiff.capture.state import Retrace
from tracer.errors import PROGRAM, TraceError, is_internal, line_of
from tracer.ops.control import require
from tracer.trace import Tracer, bind

__all__ = ["acts", "checked", "handled", "may_be_checked", "texts_may_wait"]

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


def acts() -> int:
    """How much the function has done to what is outside of it."""
    effects = outer_effects()
    return 0 if effects is None else len(effects.entries)


def texts_may_wait() -> bool:
    """Whether an exception that is raised here would end the call of a compiled function: its text need not be known."""
    effects = outer_effects()
    return effects is not None and effects.deferred and effects.handlers == 0


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


def checked(e: Exception, fine: Tracer) -> None:
    """Record the check that `fine` holds; where it does not, the program raises `e`."""
    where = line_of(e)
    bind(require, fine, message=f"{e}" + (f" ({where})" if where else ""), error=f"{PROGRAM}{type(e).__name__}")
    effects = outer_effects()
    assert effects is not None
    effects.texts = [x for x in effects.texts if x is not e]
