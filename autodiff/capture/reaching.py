"""Whether a traced value can reach a call: what its function, its object and its arguments hold."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from autodiff.capture.advancing import outermost
from autodiff.capture.locations import is_users, slot_names
from tracer.trace import Tracer, current_trace

__all__ = ["reaches_traced"]

MOST = 1000
"""Objects that are looked at: about 0.2 ms. A call that holds more is taken to hold a traced value."""
_HOLD_NONE = (str, bytes, int, float, complex, np.generic, np.ndarray, ModuleType, type, type(None), BuiltinFunctionType, CodeType, range,
              np.ufunc, np.dtype)


def reaches_traced(objects: Iterable[Any]) -> bool:
    """Whether one of these objects is a traced value or holds one, in attributes, items, elements, or variables that it shares.

    Three things count as such: a function of the user's, because it may read an array from outside; an iterator, because nobody can look
    inside it; and an object that captured code has made, because a traced value may be written into the arrays that its methods make.
    """
    todo, seen = list(objects), set()
    made = outermost().made if current_trace() is not None else {}
    while todo:
        x = todo.pop()
        if isinstance(x, Tracer):
            return True
        if isinstance(x, _HOLD_NONE) or id(x) in seen:
            continue
        seen.add(id(x))
        if len(seen) > MOST or id(x) in made or hasattr(x, "__next__") or isinstance(x, FunctionType) and is_users(x):
            return True
        todo += _parts(x)
    return False


def _parts(x: Any) -> list[Any]:
    """What an object holds, or shares with others."""
    for kind, parts in _KINDS:
        if isinstance(x, kind):
            return [*parts(x), *_attributes(x)]
    return _attributes(x)


def _contents(cell: CellType) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _attributes(x: Any) -> list[Any]:
    found = list(vars(x).values()) if type(x).__dictoffset__ else []
    for name in slot_names(type(x)):
        try:
            found.append(object.__getattribute__(x, name))
        except AttributeError:
            continue    # it is not set
    return found


_KINDS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (dict, lambda x: [*x.keys(), *x.values()]), ((list, tuple), lambda x: x[:MOST + 1]), ((set, frozenset, deque), list),
    (MethodType, lambda x: [x.__self__, x.__func__]), (functools.partial, lambda x: [x.func, *x.args, *x.keywords.values()]),
    (CellType, _contents), (super, lambda x: [x.__self__]),
    (FunctionType, lambda f: [*(f.__closure__ or ()), *(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]))
"""Kinds of objects, and what they hold beside their attributes."""
