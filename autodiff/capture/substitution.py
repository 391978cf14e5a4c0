"""Traced values inside of containers and objects: finding them, and putting other values in their place."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from types import CellType, FunctionType
from typing import Any

import numpy as np

from autodiff.capture.places import set_raw
from tracer.trace import Tracer, current_trace

__all__ = ["Text", "attributes", "walk"]

DEPTH = 8
"""How many containers deep traced values are looked for."""


class Text:
    """The parts of an f-string: texts, and values with their conversion and format."""

    __slots__ = ("parts",)

    def __init__(self, parts: list):
        self.parts = parts

    def joined(self, call: Callable) -> str:
        """The text; `call` calls the functions that make the parts."""
        return "".join([p if type(p) is str else _formatted(call, *p) for p in self.parts])


_CONVERSIONS: dict[str, Callable] = {"r": repr, "s": str, "a": ascii}


def _formatted(call: Callable, value: Any, conversion: str, form: str) -> str:
    if conversion:
        value = call(_CONVERSIONS[conversion], value)
    return call(format, value, form)


def walk(x: Any, new: Callable[[Tracer], Any], memo: dict, depth: int = DEPTH) -> Any:
    """`x` with `new(t)` in the place of each traced value `t`: containers and objects in place, tuples made anew."""
    if isinstance(x, Tracer):
        return new(x)
    if not depth or isinstance(x, (str, bytes, int, float, complex, np.generic, np.ndarray, type, type(None))):
        return x
    if id(x) in memo:
        return memo[id(x)][1]
    if isinstance(x, tuple):
        parts = [walk(y, new, memo, depth - 1) for y in x]
        made: Any = x
        if any(a is not b for a, b in zip(parts, x, strict=True)):
            made = type(x)(*parts) if hasattr(x, "_fields") else tuple(parts)
        memo[id(x)] = (x, made)
        return made
    memo[id(x)] = (x, x)
    for name, y, put in _contents(x):
        z = walk(y, new, memo, depth - 1)
        if z is not y:
            put(name, z)
    return x


def _contents(x: Any) -> Iterator[tuple[Any, Any, Callable]]:
    """The parts of a container or an object: key, value, and what sets it."""
    if isinstance(x, (list, deque)):
        yield from [(k, y, x.__setitem__) for k, y in enumerate(x)]
    elif isinstance(x, dict):
        yield from [(k, y, x.__setitem__) for k, y in x.items()]
    elif isinstance(x, Text):
        yield from [(k, y, x.parts.__setitem__) for k, y in enumerate(x.parts)]
    elif isinstance(x, FunctionType):
        for cell in x.__closure__ or ():
            yield from _content_of_cell(cell)
    elif _was_made_here(x):
        yield from [(k, y, lambda name, value: set_raw(x, name, value)) for k, y in attributes(x)]


def attributes(x: Any) -> list[tuple[str, Any]]:
    """The attributes that an object itself has, those without a dict included."""
    found = list(getattr(x, "__dict__", {}).items())
    for c in type(x).__mro__:
        names = vars(c).get("__slots__", ())
        found += [(n, getattr(x, n)) for n in ((names,) if isinstance(names, str) else names)
                  if n not in ("__dict__", "__weakref__") and hasattr(x, n)]
    return found


def _content_of_cell(cell: CellType) -> Iterator[tuple[Any, Any, Callable]]:
    try:
        value = cell.cell_contents
    except ValueError:
        return
    yield None, value, lambda name, new: setattr(cell, "cell_contents", new)


def _was_made_here(x: Any) -> bool:
    trace = current_trace()
    while trace is not None and trace.parent is not None:
        trace = trace.parent
    return trace is not None and id(x) in trace.made
