"""Views and writing: what `x[i] = v` means for every other name of the same elements.

A tracer is a mutable reference to a value of the graph; writing records an `update` and binds the tracer to the new value. In
NumPy a slice shares memory with its array, so the write must be seen there as well. Every view therefore keeps its base and
two functions, `read` (base -> view) and `put` (base, view -> base): a write goes up to the root through `put`, and all live
views of the root are read anew. Nodes that nobody reads afterwards are dropped with other dead code.

Where NumPy itself decides by strides whether elements are shared (`reshape`, `ravel`), a traced array cannot know. Writing to
either side is then refused while the other is alive.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from tracer.array import implements
from tracer.errors import DTypeError, UnsupportedError, explain
from tracer.promote import dtype_kind_of
from tracer.trace import Tracer, current_trace

__all__ = ["view", "may_share", "own_memory", "write"]

_ARGUMENT = "it is an argument of jit, or shares memory with one: the caller's array would change"
_OUTER = "it belongs to a function outside of the one being traced here"
_FIX = "write to a copy, x = x.copy(), or use x = x.at[index].set(value)"


class Memory:
    """The live tracers that may have elements in common."""

    __slots__ = ("members", "locked")

    def __init__(self, locked: str | None):
        self.members: list[weakref.ref] = []
        self.locked = locked    # why nothing here may be written

    def add(self, x: Tracer) -> None:
        """Enter a tracer; the ones that no longer exist are forgotten."""
        self.members = [m for m in self.members if m() is not None]
        self.members.append(weakref.ref(x))

    def alive(self) -> list[Tracer]:
        """The members that still exist."""
        return [x for x in (m() for m in self.members) if x is not None]


class Place:
    """Where the elements of a tracer lie. It is kept in `Tracer.views`."""

    __slots__ = ("memory", "base", "read", "put", "key")

    def __init__(self, memory: Memory, base: Tracer | None = None, read: Callable | None = None, put: Callable | None = None,
                 key: Any = None):
        self.memory = memory
        self.base = base
        self.read = read
        self.put = put
        self.key = key      # equal for views that select the same elements of one base


def own_memory(x: Tracer) -> Place:
    """The place of a tracer that shares elements with no other."""
    memory = Memory(None)
    memory.add(x)
    return Place(memory)


def _place(x: Tracer) -> Place:
    if x.views is None:
        memory = Memory(_ARGUMENT if x.ref in x.owner.arguments else None)
        memory.add(x)
        x.views = Place(memory)
    return x.views


def view(source, read: Callable, put: Callable | None = None, key: Any = None):
    """`read(source)`, remembered as a view: writes to either are seen by both. Without `put` the view is read-only."""
    result = read(source)
    if not isinstance(source, Tracer) or not isinstance(result, Tracer) or source.owner.level == 0:
        return result
    if result is source:
        result = Tracer(source.type, source.owner, source.ref, source.value, None, source.where)
    if result.owner is not source.owner:
        result.views = Place(Memory(_OUTER))
        return result
    memory = _place(source).memory
    memory.add(result)
    result.views = Place(memory, source, read, put, key)
    return result


def may_share(source, read: Callable):
    """`read(source)`, which NumPy makes a view or a copy depending on the layout of `source`."""
    result = read(source)
    if not isinstance(source, Tracer) or not isinstance(result, Tracer) or source.owner.level == 0:
        return result
    if result is source:
        return view(source, lambda x: x, lambda x, v: v)
    if result.owner is not source.owner:
        result.views = Place(Memory(_OUTER))
        return result
    memory = _place(source).memory
    memory.add(result)
    result.views = Place(memory)
    return result


def _root(x: Tracer) -> Tracer:
    while x.views.base is not None:
        x = x.views.base
    return x


def _depth(x: Tracer) -> int:
    n = 0
    while x.views.base is not None:
        x, n = x.views.base, n + 1
    return n


def _bind(x: Tracer, new: Tracer) -> None:
    x.ref, x.value, x.weak, x.where = new.ref, new.value, None, new.where


@implements("write")
def write(x: Tracer, index, value, exact: bool = False) -> Tracer:
    """`x[index] = value` in place, and `x` returned.

    `exact` is for `x += value`, which converts only within a kind (no float into int).

    Raises
    ------
    UnsupportedError
        If other arrays would have to change in a way that a trace cannot follow.
    DTypeError
        If `exact` and the dtype of `value` does not fit.
    """
    from autodiff.numpy.indexing import parse, update
    if x.owner.level == 0:
        x._write(index, value)  # type: ignore[attr-defined]
        return x
    if x.owner is not current_trace():
        raise _refusal(x, _OUTER)
    place = _place(x)
    if place.memory.locked:
        raise _refusal(x, place.memory.locked)
    if exact:
        _check_same_kind(x, value)
    if isinstance(value, Tracer) and value.views is not None and value.views.base is x and value.views.key is not None:
        if parse(x.type.shape, index).key() == value.views.key:
            return x    # `x[i] += v` ends with x[i] = x[i]
    new = update(x, index, value, "set")
    root = _root(x)
    members = place.memory.alive()
    for m in members:
        if _root(m) is not root:
            raise _refusal(x, f"it may share its memory with {m.type}" + (f", made at {m.where}" if m.where else ""))
    y = x
    while y.views.base is not None:
        if y.views.put is None:
            raise _refusal(x, "it is a read-only view")
        y = y.views.base
    _bind(x, new)
    written = {id(x)}
    y = x
    while y.views.base is not None:
        base = y.views.base
        _bind(base, y.views.put(base, y))
        written.add(id(base))
        y = base
    for m in sorted(members, key=_depth):
        if id(m) not in written:
            _bind(m, m.views.read(m.views.base))
    return x


def _refusal(x: Tracer, why: str) -> UnsupportedError:
    return explain(UnsupportedError, f"writing to a traced array {x.type} in place", why=why, fix=_FIX)  # type: ignore


def _check_same_kind(x: Tracer, value) -> None:
    import numpy as np
    kind = dtype_kind_of(value)
    dtype = kind if isinstance(kind, np.dtype) else np.dtype(kind)
    if not np.can_cast(dtype, x.type.dtype, "same_kind"):
        raise explain(DTypeError, f"writing the {dtype} result of an in-place operation into an array of dtype {x.type.dtype}",
                      why="NumPy converts in place within one kind only", fix="convert first, x = x.astype(float)")
