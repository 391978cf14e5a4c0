"""Views and writing: what `x[i] = v` means for every other name of the same elements.

A tracer is a mutable reference to a value of the graph; writing records an `update` and binds the tracer to the new value. In
NumPy a slice shares memory with its array, so the write must be seen there as well. Every view therefore keeps its base and
two functions, `read` (base -> view) and `put` (base, view -> base): a write goes up to the root through `put`, and all live
views of the root are read anew. Nodes that nobody reads afterwards are dropped with other dead code.

In a block of a captured loop or branch, outer arrays are written likewise: the block's trace holds what they stand for there, and
the loop or branch gives it to the trace around. Outer views are read from their base when a block uses them.

Where NumPy itself decides by strides whether elements are shared (`reshape`, `ravel`), a traced array cannot know. Writing to
either side is then refused while the other is alive.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracer.array import implements
from tracer.errors import DTypeError, UnsupportedError, explain
from tracer.promote import dtype_kind_of
from tracer.trace import Tracer, current_trace

__all__ = ["view", "may_share", "own_memory", "assign", "may_be", "may_be_part", "put", "relatives", "shared", "stale", "write"]

_OUTER = "it belongs to a function outside of the one being traced here"
_FIX = "write to a copy, x = x.copy(), or use x = x.at[index].set(value)"


class Memory:
    """The live tracers that may have elements in common."""

    __slots__ = ("members", "locked", "links")

    def __init__(self, locked: str | None):
        self.members: list[weakref.ref] = []
        self.links: list[tuple] = []    # arrays that are the same under a condition
        self.locked = locked    # why nothing here may be written

    def add(self, x: Tracer) -> None:
        """Enter a tracer; the ones that no longer exist are forgotten."""
        self.members = [m for m in self.members if m() is not None]
        self.members.append(weakref.ref(x))

    def alive(self) -> list[Tracer]:
        """The members that still exist and can be used."""
        return [x for x in (m() for m in self.members) if x is not None and x.owner.open]


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
        memory = Memory(None)
        memory.add(x)
        x.views = Place(memory)
    return x.views


def _check(x) -> None:
    """Refuse an array whose contents are not known; an op would, but a view need not be made by one."""
    trace = current_trace()
    if trace is not None and isinstance(x, Tracer):
        trace.check_fresh(x)


def view(source, read: Callable, put: Callable | None = None, key: Any = None):
    """`read(source)`, remembered as a view: writes to either are seen by both. Without `put` the view is read-only."""
    _check(source)
    result = read(source)
    if not isinstance(source, Tracer) or not isinstance(result, Tracer):
        return result
    if source.owner.level == 0:
        return source._viewed(result, read, put)    # type: ignore[attr-defined]
    if result is source:
        result = Tracer(source.type, source.owner, source.ref, source.value, None, source.where)
    if not result.owner.reaches(source):
        result.views = Place(Memory(_OUTER))
        return result
    memory = _place(source).memory
    memory.add(result)
    result.views = Place(memory, source, read, put, key)
    return result


def may_share(source, read: Callable):
    """`read(source)`, which NumPy makes a view or a copy depending on the layout of `source`."""
    _check(source)
    result = read(source)
    if not isinstance(source, Tracer) or not isinstance(result, Tracer) or source.owner.level == 0:
        return result
    if result is source:
        return view(source, lambda x: x, lambda x, v: v)
    if not result.owner.reaches(source):
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


def assign(root: Tracer, new: Tracer, written: Sequence[Tracer] = ()) -> None:
    """Let an array that is no view stand for a new value, and read its views anew, but for those in `written`."""
    trace = current_trace()
    assert trace is not None
    trace.rebind(root, new, written)
    if root.views is None:
        return
    done = {id(root), *map(id, written)}
    for m in sorted(root.views.memory.alive(), key=_depth):
        if id(m) not in done and m.owner is trace and m.views.base is not None:     # those of other traces are read when they are used
            trace.rebind(m, m.views.read(m.views.base))


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
    from autodiff.numpy.indexing import update
    from autodiff.numpy.selection import parse
    if x.owner.level == 0:
        if exact:
            _check_same_kind(x, value)
        x._write(index, value)  # type: ignore[attr-defined]
        return x
    _check_writable(x)
    place = _place(x)
    if exact:
        _check_same_kind(x, value)
    if isinstance(value, Tracer) and value.views is not None and value.views.base is x and value.views.key is not None:
        if parse(x.type.shape, index).key() == value.views.key:
            return x    # `x[i] += v` ends with x[i] = x[i]
    root = _root(x)
    for m in place.memory.alive():
        if _root(m) is not root:
            raise _refusal(x, f"it may share its memory with {m.type}" + (f", made at {m.where}" if m.where else ""))
    _chain(x)
    put(x, update(x, index, value, "set"))
    if place.memory.links:
        _follow_links(place.memory, {id(place.memory)})
    return x


@implements(np.copyto)
def copyto(dst, src, casting="same_kind", where=True):
    """As numpy.copyto; what is traced can be written into traced arrays only."""
    if not isinstance(dst, Tracer):
        raise explain(UnsupportedError, "np.copyto of a traced value into a plain array", why="a plain array cannot hold traced values",
                      fix="make the array in the function, or pass it as an argument")
    write(dst, Ellipsis, src if where is True else np.where(where, src, dst), exact=casting == "same_kind")


def _check_writable(x: Tracer) -> None:
    """Refuse to write an array of a function outside; a recording that lets such arrays be written learns of it."""
    trace = current_trace()
    why = _OUTER if trace is None or not trace.reaches(x) else _place(x).memory.locked
    if why:
        if trace is not None:
            _note_change_outside(trace, _root(x) if x.views is not None else x)
        raise _refusal(x, why)


def _note_change_outside(trace: Any, x: Tracer) -> None:
    """Tell the recording that an array from outside is to be written."""
    while trace.parent is not None:
        trace = trace.parent
    if trace.effects is not None:
        trace.effects.stands_for_outside(x)


def may_be(x: Tracer, others: Sequence[tuple[Any, Callable[[], Any]]]) -> None:
    """Note that x, the result of a branch or loop, is one of some arrays: each with the condition under which it is."""
    for y, when in others:
        if not isinstance(y, Tracer) or not y.type.shape or not y.owner.level or y is x or not x.type.shape:
            continue
        if y.owner.open:
            _link(x, y, when())
        else:
            for z in _origins(y, set()):
                _link(x, z, None)


def may_be_part(x: Tracer, y: Tracer, same: bool) -> None:
    """Note that x, the result of a loop, may be a part of the array y, or, if `same`, is y."""
    if x is not y and y.owner.level and y.type.shape:
        _link(x, y, np.True_ if same and x.type == y.type else None)


def _link(x: Tracer, y: Tracer, when) -> None:
    """Note that x is y under a condition; without one, that x is some part of y or of what y may be."""
    link = (weakref.ref(x), y, when)    # y may have no name any more, but be a view of an array that has one
    for z in (x, y):
        _place(z).memory.links.append(link)


def shared(results: Sequence[tuple[Tracer, Sequence[Any]]]) -> None:
    """Note which results of a branch or loop may share elements: each with what it was inside, on every path."""
    sets = [{id(r) for x in inside if isinstance(x, Tracer) and x.type.shape for r in relatives(x) if not r.owner.open}
            for _, inside in results]
    for i, (x, _) in enumerate(results):
        for j in range(i):
            if sets[i] & sets[j]:
                _link(x, results[j][0], None)


def _origins(x: Tracer, seen: set[int]) -> list[Tracer]:
    """The arrays outside of a block of which an array in it, which is no longer open, is a part or may be one."""
    if x.views is None or id(x.views.memory) in seen:
        return []
    seen.add(id(x.views.memory))
    root = _root(x)
    if root.owner.open:
        return [root]
    return [o for first, y, _ in root.views.memory.links for z in (first(), y) if z is not None for o in _origins(z, seen)]


def _follow_links(memory: Memory, done: set[int]) -> None:
    """Let arrays that are, under a condition, the one just written change with it."""
    trace = current_trace()
    assert trace is not None
    memory.links = [e for e in memory.links if e[0]() is not None]
    found = []
    for first, y, when in memory.links:
        x = first()
        if x is not None and x.owner.open and y.owner.open:
            changed, other = (x, y) if x.views.memory is memory else (y, x)
            if id(other.views.memory) not in done and not trace.is_stale(other):
                found.append((changed, other, when))
    for changed, other, when in found:
        if when is None:
            stale(other, f"it may have elements in common with {changed.type}, which was written", done | {id(memory)})
    changed_too = {}
    for changed, other, when in found:
        if not trace.is_stale(other):
            if not trace.reaches(other):
                raise _refusal(changed, f"it may be {other.type} of a function around")
            put(other, np.where(when, changed, other))
            changed_too[id(other.views.memory)] = other.views.memory
    done |= set(changed_too)
    for m in changed_too.values():
        _follow_links(m, done)


def relatives(x: Tracer) -> list[Tracer]:
    """The arrays, no views, of which x is a part or may be one."""
    found: dict[int, Tracer] = {}
    todo = [x]
    while todo:
        root = _root(y) if (y := todo.pop()).views is not None else y
        if id(root) not in found:
            found[id(root)] = root
            if root.views is not None:
                todo += [z for first, y, _ in root.views.memory.links for z in (first(), y) if z is not None]
    return list(found.values())


def put(x: Tracer, new) -> None:
    """Let x and what it is a view of have a new value."""
    trace = current_trace()
    assert trace is not None
    _place(x)
    chain = _chain(x)
    for y in chain[:-1]:
        trace.rebind(y, new)
        new = y.views.put(y.views.base, y)
        if new is y:    # all elements: the view and its base stay two names
            new = Tracer(y.type, trace, trace.atom(y), y.value, None, y.where)  # type: ignore[arg-type]
    assign(chain[-1], new, chain[:-1])


def _chain(x: Tracer) -> list[Tracer]:
    """x, what it is a view of, and so on to an array that is no view."""
    chain = [x]
    while chain[-1].views.base is not None:
        if chain[-1].views.put is None:
            raise _refusal(x, "it is a read-only view")
        chain.append(chain[-1].views.base)
    return chain


def stale(x: Tracer, why: str, but: set[int] | None = None) -> None:
    """Refuse any further use of an array, of its views and of arrays that may be it; `but` are memories to leave out."""
    trace = current_trace()
    assert trace is not None
    but = set() if but is None else but
    place = _place(x)
    but.add(id(place.memory))
    for y in (x, *place.memory.alive()):
        if _root(y) is _root(x):
            trace.stale[id(y)] = (y, why)
    for first, other, _ in place.memory.links:
        for z in (first(), other):
            if z is not None and z.owner.open and id(_place(z).memory) not in but:
                stale(z, why, but)


def _refusal(x: Tracer, why: str) -> UnsupportedError:
    return explain(UnsupportedError, f"writing to a traced array {x.type} in place", why=why, fix=_FIX)  # type: ignore


def _check_same_kind(x: Tracer, value) -> None:
    kind = dtype_kind_of(value)
    dtype = kind if isinstance(kind, np.dtype) else np.dtype(kind)
    if not np.can_cast(dtype, x.type.dtype, "same_kind"):
        raise explain(DTypeError, f"writing the {dtype} result of an in-place operation into an array of dtype {x.type.dtype}",
                      why="NumPy converts in place within one kind only", fix="convert first, x = x.astype(float)")
