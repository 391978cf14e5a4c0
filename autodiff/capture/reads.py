"""What a recorded function reads of Python's mutable state outside of it, and what each read gave.

Python sees the state of the moment at every call. A compiled function holds what it was when the function was recorded, so every read is
noted: an item of a dict that stands for a variable, an attribute or an entry, an element of a list, or the whole content of a container
that was gone through, asked for its length or handed to code that is not captured. A call whose notes no longer hold is recorded anew
(`autodiff.compiled.environment`).

Noted is what comes from outside: the variables, defaults and code of captured functions, and what is reached from them. Objects that the
function makes itself are not. Numbers and arrays that the environment watches anyway are left to it, for an array that was replaced can be
handed to the kernel without recording anew.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Mapping
from operator import is_
from types import CellType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np

from autodiff.capture.effects import outer_effects
from autodiff.capture.excluded import is_captured_module
from autodiff.capture.locations import Slot, global_names, is_users_class, will_set
from autodiff.capture.state import UNBOUND
from tracer.trace import Trace, Tracer, current_trace

__all__ = ["Reads", "note_attribute", "note_content", "note_function", "note_item", "note_outside"]

_NEVER_CHANGED = (Tracer, str, bytes, int, float, complex, bool, np.generic, type(None), range, slice)
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)


class Reads:
    """The notes of one recording."""

    def __init__(self) -> None:
        self.outside: dict[int, Any] = {}       # objects from outside, kept so that their numbers stay theirs
        self.items: dict[tuple[int, Any], tuple[Any, Any, Any, str]] = {}   # (dict, key, what it held or UNBOUND, name)
        self.cells: dict[int, tuple[CellType, Any, str]] = {}
        self.functions: dict[int, tuple[FunctionType, Any, Any, Any]] = {}   # (function, code, defaults, defaults by name)
        self.elements: dict[tuple[int, int], tuple[list, int, Any]] = {}    # (list, position, what it held)
        self.contents: dict[int, tuple[Any, Any]] = {}      # (container, shallow copy)

    def from_outside(self, x: Any) -> None:
        """Note that an object comes from outside, where the function has not put it there itself."""
        if isinstance(x, _NEVER_CHANGED) or id(x) in self.outside:
            return
        effects = outer_effects()
        if effects is not None and effects.is_inside(x):
            return
        self.outside[id(x)] = x
        if effects is not None and isinstance(x, np.ndarray):
            effects.found(x)

    def item(self, d: Any, key: Any, name: str) -> Any:
        """Note an item of a dict; return it."""
        value = d.get(key, UNBOUND)
        self.items.setdefault((id(d), key), (d, key, value, name))
        if value is not UNBOUND:
            self.from_outside(value)
        return value


def _as_found(x: Any) -> Any:
    """What a container held before the function has changed it."""
    effects = outer_effects()
    return x if effects is None else effects.original(x)


def _notes() -> Reads | None:
    """The notes of the recording that this thread is at; None where Python runs every step itself."""
    trace: Trace | None = current_trace()
    if trace is None:
        return None
    while trace.parent is not None:
        trace = trace.parent
    if trace.concrete and trace.guards is None:
        return None
    if trace.reads is None:
        trace.reads = Reads()
    return trace.reads


def note_function(f: FunctionType) -> None:
    """Note what a captured function may read by name, its defaults and its code."""
    notes = _notes()
    if notes is None or id(f) in notes.functions:
        return
    notes.from_outside(f.__globals__)
    notes.functions[id(f)] = (f, f.__code__, f.__defaults__, dict(f.__kwdefaults__) if f.__kwdefaults__ else None)
    for x in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
        notes.from_outside(x)
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        notes.outside[id(cell)] = cell
        try:
            value = cell.cell_contents
        except ValueError:
            continue
        if not isinstance(value, Tracer):
            notes.cells.setdefault(id(cell), (cell, value, name))
            notes.from_outside(value)
    for name in global_names(f.__code__):
        if name in f.__globals__:
            notes.item(f.__globals__, name, name)


def note_outside(x: Any) -> None:
    """Note that an object, the one whose method is recorded, comes from outside."""
    notes = _notes()
    if notes is not None:
        notes.from_outside(x)


def note_attribute(x: Any, name: str) -> None:
    """Note where Python's look-up of an attribute ends, for an object or a class from outside."""
    notes = _notes()
    if notes is None or isinstance(x, (Tracer, np.ndarray)):
        return
    if isinstance(x, super):
        around: Any = x
        classes = around.__self_class__.__mro__
        classes = classes[classes.index(around.__thisclass__) + 1:]
        _note_classes(notes, classes, name)
        return
    if id(x) not in notes.outside:
        if not isinstance(x, (type, ModuleType)) and name not in getattr(x, "__dict__", ()):
            _note_classes(notes, type(x).__mro__, name)     # an object made here, whose class is from outside
        return
    if isinstance(x, ModuleType):
        if is_captured_module(x.__name__, getattr(x, "__file__", None) or "<unknown>"):
            notes.item(vars(x), name, f"{x.__name__}.{name}")
        else:
            notes.from_outside(getattr(x, name, None))      # such as os.environ
        return
    if isinstance(x, type):
        _note_classes(notes, x.__mro__, name)
        return
    own = getattr(x, "__dict__", None)
    if name == "__dict__":
        notes.from_outside(own)
    if own is not None and notes.item(own, name, f"{type(x).__name__}.{name}") is not UNBOUND:
        return
    _note_classes(notes, type(x).__mro__, name)


def _note_classes(notes: Reads, classes: Any, name: str) -> None:
    for c in classes:
        if is_users_class(c):
            found = notes.item(vars(c), name, f"{c.__name__}.{name}")
            if found is not UNBOUND:
                return
        elif name in vars(c):
            return


def note_item(x: Any, key: Any) -> None:
    """Note an item of a list or dict from outside."""
    notes = _notes()
    if notes is None or id(x) not in notes.outside:
        return
    if isinstance(x, dict) and not isinstance(key, Tracer):
        try:
            if _as_found(x) is not x:
                note_content(x, 0)
            if hasattr(type(x), "__missing__") and key not in x:
                will_set(Slot(x, "item", key))
                x[key]      # a default is entered by the read itself
            notes.item(x, key, f"[{key!r}]")
        except TypeError:
            note_content(x)
    elif type(x) is list and isinstance(key, (int, np.integer)) and -len(x) <= key < len(x):
        k = int(key) % len(x)
        if key < 0 or len(_as_found(x)) != len(x):
            notes.contents.setdefault(id(x), (x, list(_as_found(x))))      # it depends on the length
        notes.elements.setdefault((id(x), k), (x, k, x[k]))
        notes.from_outside(x[k])
    elif isinstance(x, (*_CONTAINERS, Mapping)):
        note_content(x)


def note_content(x: Any, depth: int = 3) -> None:
    """Note all that a container from outside holds, to a depth; also the parts of a partial function and of a bound method."""
    notes = _notes()
    if notes is None:
        return
    if isinstance(x, functools.partial):
        for part in (x.args, x.keywords):
            notes.from_outside(part)
            note_content(part, depth - 1)
        return
    if isinstance(x, MethodType):
        x = x.__self__
    if id(x) in notes.outside and depth >= 0:
        _note_container(notes, x, depth)


def _note_container(notes: Reads, x: Any, depth: int) -> None:
    if isinstance(x, Mapping) and not isinstance(x, (dict, MappingProxyType)):
        notes.contents.setdefault(id(x), (x, dict(_as_found(x))))
    elif isinstance(x, _CONTAINERS):
        if not isinstance(x, (tuple, frozenset)) and id(x) not in notes.contents:
            found = _as_found(x)
            notes.contents[id(x)] = (x, dict(found) if isinstance(found, dict) else list(found))
        for y in x.values() if isinstance(x, dict) else x:
            notes.from_outside(y)
            if isinstance(y, _CONTAINERS):
                note_content(y, depth - 1)


def holds(notes: Reads) -> str:
    """Which of the notes no longer holds, in words; empty if all hold."""
    return next((words for find in (_other_cell, _other_item, _other_content, _other_function) if (words := find(notes))), "")


def _other_cell(notes: Reads) -> str:
    for cell, value, name in notes.cells.values():
        try:
            if cell.cell_contents is not value:
                return f"`{name}` is another object"
        except ValueError:
            return f"`{name}` is gone"
    return ""


def _other_item(notes: Reads) -> str:
    for d, key, value, name in notes.items.values():
        if d.get(key, UNBOUND) is not value:
            return f"`{name}` is {'gone' if key not in d else 'there' if value is UNBOUND else 'another object'}"
    for x, k, value in notes.elements.values():
        if len(x) <= k or x[k] is not value:
            return f"element {k} of a list that it reads is another object"
    return ""


def _other_content(notes: Reads) -> str:
    return next((f"a {type(x).__name__} that it reads holds other things" for x, copy in notes.contents.values()
                 if not same_content(x, copy)), "")


def _other_function(notes: Reads) -> str:
    return next((f"`{f.__name__}` has other code or defaults" for f, code, defaults, by_name in notes.functions.values()
                 if f.__code__ is not code or f.__defaults__ is not defaults or (f.__kwdefaults__ or None) != by_name), "")


def same_content(x: Any, copy: Any) -> bool:
    """Whether a container holds the same objects as when it was copied."""
    if len(x) != len(copy):
        return False
    if isinstance(copy, dict):
        return all(map(is_, x.values(), copy.values())) and all(map(is_, x, copy)) if isinstance(x, dict) else dict(x) == copy
    return all(map(is_, x, copy))
