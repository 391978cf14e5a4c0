"""Tracebacks that end at the user's line: frames of this project and of NumPy are left out.

Each function that users call takes the frames of this project out of an exception that leaves it, and out of the exceptions that led to it.
A `raise` without an expression adds no frame of its own, so that nothing remains of the function itself. Functions that are called a
million times a second do this in their own `except` clause, which costs nothing until something is raised; for the others there is `trims`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from types import CodeType, FunctionType, TracebackType
from typing import Any, TypeVar

from tracer.errors import ProgramError, TraceError, is_internal

__all__ = ["CHOICES", "PART_OF_FUNCTION", "said_by_python", "settings", "trim", "trims", "trims_methods"]

CHOICES = ("short", "full")
"""What `ad.config.traceback` may be."""
PART_OF_FUNCTION = "part of a function converted by autodiff"
"""The last constant of the code of a block that has become a function of its own."""
Function = TypeVar("Function", bound=Callable)


class _Settings:
    """Whether all frames are shown."""

    __slots__ = ("choice",)

    def __init__(self) -> None:
        given = os.environ.get("AUTODIFF_TRACEBACK", "short")
        if given not in CHOICES:
            raise ValueError(f"the environment variable AUTODIFF_TRACEBACK is {given!r}; it is one of {', '.join(CHOICES)}")
        self.choice = given


settings = _Settings()
"""The setting of this process."""


def trim(e: BaseException) -> None:
    """Leave the frames of this project out of the traceback of an exception, and of those that led to it.

    >>> from tracer.types import type_of_value
    >>> try:
    ...     type_of_value("text")
    ... except TypeError as e:
    ...     trim(e)
    ...     print(e.__traceback__.tb_next)
    None

    An exception that this project has caught is no longer mentioned as one during whose handling another occurred, nor is a cause that
    says the same as its effect.
    """
    if settings.choice == "full":
        return
    todo, seen = [e], {id(e)}
    while todo:
        x = todo.pop()
        x.__traceback__ = _without_our_frames(x.__traceback__)
        if x.__context__ is not None and x.__context__ is not x.__cause__ and id(x.__context__) not in seen:
            if _was_caught_here(x.__context__):
                x.__context__ = None
        if type(x.__cause__) is type(x) and x.__cause__.args == x.args:
            x.__cause__ = None      # the same was found twice
        for other in (x.__cause__, x.__context__, *getattr(x, "exceptions", ())):
            if isinstance(other, BaseException) and id(other) not in seen:
                seen.add(id(other))
                todo.append(other)


def _was_caught_here(e: BaseException) -> bool:
    """Whether an exception was caught in a frame of this project: the outermost of its traceback is the one that caught it."""
    return e.__traceback__ is None or is_internal(e.__traceback__.tb_frame.f_code)


def _without_our_frames(traceback: TracebackType | None) -> TracebackType | None:
    entries = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    kept = [t for t in entries if not is_internal(t.tb_frame.f_code)]
    # Of the frames of a function and of blocks in it, which are functions of their own, the innermost stands where Python would be.
    kept = [t for k, t in enumerate(kept) if k + 1 == len(kept) or not _is_part(kept[k + 1].tb_frame.f_code)]
    if len(kept) == len(entries):
        return entries[0] if entries else None
    following = None
    for t in reversed(kept):
        following = TracebackType(following, t.tb_frame, t.tb_lasti, t.tb_lineno)
    return following


def _is_part(code: CodeType) -> bool:
    return code.co_consts[-1:] == (PART_OF_FUNCTION,)


def trims(function: Function) -> Function:
    """Return a function that does the same, and leaves the frames of this project out of what it raises.

    >>> trims(lambda x: x + 1)(2)
    3
    """
    @functools.wraps(function)
    def entry(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as e:
            trim(e)
            raise
    return entry    # type: ignore[return-value]


def trims_methods(of: type) -> type:
    """Let the public methods and operators of a class, inherited ones too, do so that do not do it themselves; return the class."""
    for c in of.__mro__:
        for name, f in list(vars(c).items()):
            public = not name.startswith("_") or name.startswith("__") and name not in _AS_THEY_ARE
            if public and isinstance(f, FunctionType) and getattr(of, name) is f and "trim" not in f.__code__.co_names:
                setattr(of, name, trims(f))
    return of


_AS_THEY_ARE = frozenset(["__init__", "__new__", "__getattribute__", "__getattr__", "__setattr__", "__init_subclass__", "__class_getitem__",
                          "__reduce__", "__reduce_ex__", "__del__", "__hash__", "__repr__", "__float__"])


def said_by_python(found: ProgramError, run: Callable, *args: Any) -> Any:
    """What Python says where a kernel has found that the program raises: the very exception, or a value where rounding decided.

    `run(*args)` lets Python run the call. What cannot be run without being recorded, such as `vmap`, raises what the kernel has found.
    """
    try:
        return run(*args)
    except TraceError:
        trim(found)
        raise found from None
    except Exception as e:
        trim(e)
        raise
