"""Errors that name the user's line.

Each error has four parts: what happened with the offending values, where, why, and what to do. Each class derives from
what NumPy or Python would raise in its place.
"""

from __future__ import annotations

import builtins
import functools
import linecache
import os
import sys
from types import CodeType, FrameType

import numpy as np

from tracer.graph import Where

__all__ = ["TraceError", "ShapeError", "MatrixError", "DTypeError", "AxisError", "IndexingError", "ConcreteValueError",
           "EscapedTracerError", "MissingRule", "GradientError", "UnsupportedError", "PROGRAM", "ProgramError", "error_class", "explain",
           "line_before", "line_of", "user_line", "user_frame"]


class TraceError(Exception):
    """Base class of the errors of this project."""


class ShapeError(TraceError, ValueError):
    """Shapes that do not fit together."""


class MatrixError(ShapeError, np.linalg.LinAlgError):
    """An array that is no matrix of the form that an operation takes."""


class DTypeError(TraceError, TypeError):
    """Dtypes that an operation does not take."""


class AxisError(TraceError, np.exceptions.AxisError):
    """An axis that the array does not have."""


class IndexingError(TraceError, IndexError):
    """An index outside the array, or of a wrong kind."""


class ConcreteValueError(TraceError, TypeError):
    """A traced value was used where its number is needed."""


class EscapedTracerError(TraceError, RuntimeError):
    """A traced value was used after its trace had ended."""


class MissingRule(TraceError, NotImplementedError):
    """An op lacks the rule that a transform asks for."""


class GradientError(TraceError, TypeError):
    """A derivative that does not exist or was asked for in the wrong way."""


class UnsupportedError(TraceError, NotImplementedError, TypeError):
    """A NumPy function, or an option of it, that cannot be traced."""


class ProgramError(Exception):
    """What the program itself raises under a condition, found by a kernel. Python then runs the call, and raises the very exception."""


@functools.lru_cache(maxsize=256)
def error_class(name: str) -> type[Exception]:
    """The class of a check's error: one of Python's, or after `program_` the name of what the program raises, as a `ProgramError`."""
    if not name.startswith(PROGRAM):
        return np.linalg.LinAlgError if name == "LinAlgError" else getattr(builtins, name)
    own = name.removeprefix(PROGRAM)
    base = getattr(builtins, own, None)
    simple = isinstance(base, type) and issubclass(base, (ValueError, ArithmeticError, AssertionError, TypeError, RuntimeError)) \
        and not issubclass(base, UnicodeError)
    return type(own, (ProgramError, base if simple else RuntimeError), {"__module__": "builtins"})     # type: ignore[arg-type]


PROGRAM = "program_"
"""How the names of errors begin that the program itself raises."""

_root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ours = tuple(os.path.join(_root, p) + os.sep for p in ("tracer", "codegen", "autodiff"))


def is_internal(code: CodeType) -> bool:
    """Whether code is of this project or of NumPy."""
    return is_internal_file(code.co_filename)


@functools.lru_cache(maxsize=4096)
def is_internal_file(file: str) -> bool:
    """The same of what a file holds."""
    package = os.sep + "numpy" + os.sep
    return file.startswith((*_ours, "<autodiff", "<__array", "<frozen")) or package in file and "-packages" in file


def user_frame() -> FrameType | None:
    """The innermost frame that is neither ours nor NumPy's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal_file(frame.f_code.co_filename):     # asked for at each node: no further call in between
        frame = frame.f_back
    return frame


def user_line() -> Where | None:
    """The user's line being run now, or None when there is none (a transform at work)."""
    frame = user_frame()
    if frame is None:
        return None
    return Where(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def line_before(package: str) -> Where | None:
    """The line being run now outside of an installed package that is written in Python and has called NumPy."""
    frame = user_frame()
    inside = os.sep + package + os.sep
    while frame is not None and inside in frame.f_code.co_filename and "-packages" in frame.f_code.co_filename:
        frame = frame.f_back
    while frame is not None and is_internal_file(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None else Where(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def line_of(e: BaseException) -> Where | None:
    """The user's line that raised an exception: the innermost that is neither ours nor NumPy's."""
    found = None
    traceback = e.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not is_internal(code):
            found = Where(code.co_filename, traceback.tb_lineno, code.co_name)
        traceback = traceback.tb_next
    return found


def explain(kind: type[TraceError] | type[TypeError], what: str, *, where: Where | None | str = "now", why: str = "", fix: str = "",
            **operands: str) -> TraceError:
    """An error of class `kind` with the four parts laid out below each other.

    `operands` are extra labelled lines, such as `left="f64[3, 4], argument 0 of loss"`.
    """
    if where == "now":
        where = user_line()
    lines = [what]
    if isinstance(where, Where):
        source = linecache.getline(where.file, where.line).strip()
        lines.append(f"  at    {where}, in {where.function}" + (f":   {source}" if source else ""))
    lines += [f"  {label:<5} {value}" for label, value in operands.items()]
    if why:
        lines.append(f"  why   {why}")
    if fix:
        lines.append(f"  fix   {fix}")
    return kind("\n".join(lines))    # type: ignore[return-value]
