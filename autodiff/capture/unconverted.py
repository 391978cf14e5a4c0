"""Functions that could not be converted: they run as they stand, and an error that comes of it says so."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType

from autodiff.capture.source.rewrite import Unconvertible
from tracer.errors import ConcreteValueError

__all__ = ["unconverted"]

_SAID = "is not captured: "


def unconverted(f: FunctionType, reason: Unconvertible) -> Callable:
    """Return a function that does the same; where Python needs the number of a traced value in it, the error gives the reason.

    What cannot be decided is not the fault of the array that the error would speak of, but of the missing source.
    """
    if inspect.isgeneratorfunction(f) or inspect.iscoroutinefunction(f) or inspect.isasyncgenfunction(f):
        return f

    @functools.wraps(f)
    def run(*args, **kwargs):
        try:
            return f(*args, **kwargs)
        except Exception as e:
            # NumPy turns what `float(x)` raises into an error of its own.
            cause = e if isinstance(e, ConcreteValueError) else e.__cause__
            if not isinstance(cause, ConcreteValueError) or _SAID in str(cause):
                raise
            cause.args = (_with_reason(str(cause), f, reason),)
            if cause is e:
                raise
            raise cause.with_traceback(e.__traceback__) from None
    return run


def _with_reason(text: str, f: FunctionType, reason: Unconvertible) -> str:
    """An error's text with this reason and what to do about it in the place of its own."""
    lines = [line for line in text.split("\n") if not line.startswith(("  why ", "  fix "))]
    lines.append(f"  why   `{f.__name__}` {_SAID}{reason}")
    if reason.fix:
        lines.append(f"  fix   {reason.fix}")
    return "\n".join(lines)
