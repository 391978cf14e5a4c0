"""Texts of traced numbers: `str`, `repr`, `format`, f-strings, `%` and the methods of texts that format.

A text is no value of a graph. Where the numbers are known (an eager `grad`, a function compiled along the path taken) the text is theirs,
and what follows is right for these numbers only; elsewhere it is refused, so that the function is compiled along its path. An f-string that
is handed to `print` or to a log is kept in parts (`Text`) and put together at each call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.capture import dispatch
from autodiff.capture.effects import number_of
from autodiff.capture.state import UNBOUND, undecided
from autodiff.capture.substitution import Text
from tracer.errors import ConcreteValueError, explain
from tracer.trace import Tracer, concrete_value

__all__ = ["joined", "numbers_in", "of_object"]


def numbers_in(x: Any) -> Any:
    """A value with the numbers of the traced values in it, whose text is wanted.

    Raises
    ------
    ConcreteValueError
        Where they are not known.
    """
    if isinstance(x, Tracer):
        if not x.owner.level:
            return x
        if concrete_value(x) is None:
            raise explain(ConcreteValueError, f"the text of a traced value {x.type}", why="it depends on the number, which differs from "
                          "call to call", fix="print it or log it: the number of each call is shown")
        return number_of(x)
    if type(x) in (list, tuple, set, frozenset):
        return type(x)([numbers_in(y) for y in x])
    if type(x) is dict:
        return {k: numbers_in(y) for k, y in x.items()}
    return x


def of_object(call: Callable, f: Callable, x: Any, rest: tuple) -> Any:
    """`str(x)`, `repr(x)` or `format(x, ...)` where the class of `x` says in Python what that is; UNBOUND elsewhere."""
    if type(x) in dispatch.PLAIN:
        return UNBOUND
    names = {str: ("__str__", "__repr__"), format: ("__format__", "__str__", "__repr__")}.get(f, ("__repr__",))
    for name in names:
        run = dispatch.method(x, name)
        if run is not None and (name != "__format__" or len(rest) < 2):
            if f is format and name != "__format__" and rest not in ((), ("",)):
                return UNBOUND
            return call(run, *(rest or ("",) if name == "__format__" else ()))
        if dispatch.found_in(type(x), name) is not dispatch.found_in(object, name):
            return UNBOUND      # it is C code of its own
    return UNBOUND


def joined(call: Callable, parts: tuple, may_wait: bool) -> Any:
    """An f-string. Where it `may_wait` and holds numbers that are not known, it stays in parts."""
    if may_wait and any(type(p) is tuple and _waits(p[0]) for p in parts):
        return Text(list(parts))
    return Text(list(parts)).joined(call)


def _waits(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_waits, x))
    return undecided(x)
