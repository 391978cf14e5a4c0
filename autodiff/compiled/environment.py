"""What a compiled function reads from outside its arguments: variables of functions around, of the module, and what hangs on them.

A Python function sees their values of the moment at each call. A compiled one holds them as they were when it was recorded, so each call
first looks whether they are still the same objects. An array that was replaced by one of its type takes the place of the old one; any
other change, a number or an array of another shape, means that the function is recorded anew.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from autodiff.capture.effects import Learned
from autodiff.capture.locations import global_names, is_users, is_users_file, slot_names
from autodiff.capture.reads import Reads, holds, same_content
from autodiff.capture.state import UNBOUND
from tracer.static import OBJECT, kind_of
from tracer.trace import Tracer

__all__ = ["Surroundings"]

DEPTH = 4
"""How many references are followed from the variables of a function."""
MOST = 512
"""Places that are looked at, at most."""
_LEAVES = (int, float, complex, str, bytes, bool, type(None), np.generic, np.ndarray)
_MISSING = object()


class Place:
    """A variable, attribute or item, and the value that it had when the function was recorded."""

    __slots__ = ("name", "owner", "holder", "key", "value")

    def __init__(self, name: str, owner: Any, holder: Any, key: Any, value: Any):
        self.name = name
        self.owner = owner      # the cell, list, dict, object or class that it belongs to
        self.holder = holder    # that, or what its attributes are read from by name
        self.key = key
        self.value = value

    def now(self) -> Any:
        """The value of the moment."""
        if isinstance(self.holder, CellType):
            try:
                return self.holder.cell_contents
            except ValueError:
                return _MISSING
        if isinstance(self.holder, list):
            return self.holder[self.key] if self.key < len(self.holder) else _MISSING
        return self.holder.get(self.key, _MISSING)


class _Slots:
    """The attributes of an object without a dict, by name."""

    __slots__ = ("of",)

    def __init__(self, of: Any):
        self.of = of

    def __getitem__(self, name: str) -> Any:
        return getattr(self.of, name, _MISSING)

    def get(self, name: str, default: Any) -> Any:
        """The attribute, or a default."""
        return getattr(self.of, name, default)


class Surroundings:
    """The places that a function reads, and whether they still hold what they held."""

    def __init__(self, function: Callable, held: Sequence = ()):
        self.function = function
        self.held = held    # functions and objects among the arguments
        self.places: dict[tuple[int, Any], Place] = {}
        self.reads = Reads()
        self._items: list[tuple] = []
        self._functions: list[tuple] = []
        self._copies: list[tuple] = []
        self._cells: list[tuple[CellType, Any]] = []
        self._dicts: list[tuple[Mapping, Any, Any]] = []
        self._lists: list[tuple[list, int, Any]] = []
        self._contents: dict[int, tuple[np.ndarray, np.ndarray]] = {}   # arrays whose numbers were taken for constants, and copies

    def here(self) -> list[Place]:
        """The places that the function may read, as they are."""
        found: list[Place] = []
        for place in _places_of(self.function, self.held):
            found.append(place)
            if len(found) == MOST:
                break
        return found

    def has_arrays(self) -> bool:
        """Whether the function may read an array."""
        return any(isinstance(p.value, np.ndarray) for p in self.here())

    def add(self, before: list[Place], captured: list, reads: Reads | None, learned: Learned) -> None:
        """Keep an eye on what the recorded function may have read. Of an array that is no input of the graph, the numbers count.

        `reads` is what it has read by what was noted. What it has `learned` to change is read at each call.
        """
        inputs = {id(x) for x in captured}
        changed = {(id(s.owner), s.name) for s in learned.slots}
        for p in before:
            if p.now() is not p.value or (id(p.owner), p.key) in changed:
                continue    # what the function itself has set is its own affair
            self.places[id(p.owner), p.key] = p
            if isinstance(p.value, np.ndarray) and id(p.value) not in inputs and not _is_frozen(p.value):
                self._contents[id(p.value)] = (p.value, p.value.copy())
        if reads is not None:
            self._add_reads(reads)
        self._sort()

    def _add_reads(self, reads: Reads) -> None:
        mine = self.reads
        watched = {(id(p.holder), p.key) for p in self.places.values()}
        for k, (cell, value, name) in reads.cells.items():
            if (k, name) not in watched and not isinstance(value, ModuleType) and _content_of(cell) is value:
                mine.cells[k] = (cell, value, name)
        for k, (d, key, value, name) in reads.items.items():
            if k not in watched and not isinstance(value, ModuleType) and d.get(key, UNBOUND) is value:
                mine.items[k] = (d, key, value, name)
        for k, (x, position, value) in reads.elements.items():
            if k not in watched and len(x) > position and x[position] is value:
                mine.elements[k] = (x, position, value)
        mine.contents.update({k: row for k, row in reads.contents.items() if same_content(*row)})
        for k, (f, code, defaults, by_name) in reads.functions.items():
            # The compiled function's own code is not looked at: a check at each call would cost a small kernel a third of its time.
            own = f is inspect.unwrap(self.function) and defaults is None and by_name is None
            if not own and f.__code__ is code and f.__defaults__ is defaults:
                mine.functions[k] = (f, code, defaults, by_name)

    def _sort(self) -> None:
        places = self.places.values()
        self._cells = [(p.holder, p.value) for p in places if isinstance(p.holder, CellType)]
        self._lists = [(p.holder, p.key, p.value) for p in places if isinstance(p.holder, list)]
        self._dicts = [(p.holder, p.key, p.value) for p in places if not isinstance(p.holder, (CellType, list))]
        self._cells += [(cell, value) for cell, value, _ in self.reads.cells.values()]
        self._items = [row[:3] for row in self.reads.items.values()]
        self._functions = [row[:3] for row in self.reads.functions.values()]
        self._lists += list(self.reads.elements.values())
        self._copies = list(self.reads.contents.values())

    def __bool__(self) -> bool:
        return any((self._cells, self._dicts, self._lists, self._items, self._functions, self._copies))

    def clear(self) -> None:
        """Forget all places."""
        self.places.clear()
        self._contents.clear()
        self.reads = Reads()
        self._sort()

    def check(self) -> Callable[[], bool]:
        """A function that says whether all places hold what they held. It runs at each call, so it is one generated expression."""
        space: dict[str, Any] = {"UNBOUND": UNBOUND, "same_content": same_content, "equal": _equal}
        terms: list[str] = []

        def named(x: Any) -> str:
            name = f"v{len(space)}"
            space[name] = x
            return name
        terms += [f"{named(cell)}.cell_contents is {named(value)}" for cell, value in self._cells]
        terms += [f"{named(d)}[{named(key)}] is {named(value)}" for d, key, value in (*self._dicts, *self._lists)]
        terms += [f"{named(d)}.get({named(key)}, UNBOUND) is {named(value)}" for d, key, value in self._items]
        for f, code, defaults in self._functions:
            name = named(f)
            terms += [f"{name}.__code__ is {named(code)}", f"{name}.__defaults__ is {named(defaults)}"]
        terms += [f"same_content({named(x)}, {named(copy)})" for x, copy in self._copies]
        terms += [f"equal({named(x)}, {named(kept)})" for x, kept in self._contents.values()]
        source = "def check():\n    try:\n        return " + " and ".join(terms or ["True"])
        exec(compile(source + "\n    except (ValueError, LookupError):\n        return False\n", "<autodiff environment>", "exec"), space)
        return space["check"]

    def words(self) -> list | None:
        """The same as rows that the native entry compares; None if there is anything that it cannot look at."""
        from codegen.entry import native
        if self._lists or self._copies or self._contents or not native.available():
            return None
        rows: list = [native.Word(cell, value) for cell, value in self._cells]
        for f, code, defaults in self._functions:
            if defaults is not None:
                return None
            rows.append(native.Word(f, code))
        if any(native.word_offset(row.owner, row.value) is None for row in rows):
            return None
        for d, key, value in [*self._dicts, *self._items]:
            if type(d) is not dict or type(key) is not str or value is None:
                return None
            rows.append(native.Item(d, key, None if value is UNBOUND else value))
        return rows

    def changes(self) -> tuple[str, list[tuple[np.ndarray, np.ndarray]]]:
        """What a compiled function cannot take over, in words (empty if there is nothing), and arrays that took the place of others."""
        replaced: list[tuple[np.ndarray, np.ndarray]] = []
        for p in self.places.values():
            new, old = p.now(), p.value
            if id(old) in self._contents:
                kept = self._contents[id(old)][1]
                if type(new) is not np.ndarray or new.dtype != kept.dtype or not _equal(new, kept):
                    return f"`{p.name}` holds other numbers", []
                del self._contents[id(old)]
                self._contents[id(new)] = (new, kept)
            elif new is old:
                continue
            elif isinstance(old, np.ndarray) and type(new) is type(old) and (new.dtype, new.shape) == (old.dtype, old.shape):
                replaced.append((old, new))
            elif isinstance(old, np.ndarray) or type(new) is not type(old) or repr(new) != repr(old):
                return f"`{p.name}` is {_shown(new)}, not {_shown(old)}", []
            p.value = new
        self._sort()
        return holds(self.reads), replaced


def _content_of(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return UNBOUND


def _is_frozen(x: np.ndarray) -> bool:
    """Whether the array owns its numbers and is read-only: nobody writes there, and they need not be compared at each call."""
    return x.base is None and not x.flags.writeable


def _equal(x: np.ndarray, y: np.ndarray) -> bool:
    # without NaN first: looking for them takes two more arrays
    return np.array_equal(x, y) or (x.dtype.kind in "fc" and np.array_equal(x, y, equal_nan=True))


def _shown(x: Any) -> str:
    return "gone" if x is _MISSING else f"{x.dtype}{list(x.shape)}" if isinstance(x, np.ndarray) else repr(x)[:40]


def _places_of(function: Callable, held: Sequence = ()) -> Iterator[Place]:
    """Places with numbers, texts and arrays that a function, and those that it calls or is given, may read; nearest first."""
    search = _Search()
    search.enter(getattr(function, "__name__", "function"), function, DEPTH, ())
    for x in held:
        search.enter_argument(getattr(x, "__name__", type(x).__name__), x)
    while search.todo:
        following, search.todo = search.todo, []
        for name, owner, holder, key, value, depth, mentioned in following:
            if isinstance(value, Tracer):
                continue
            if isinstance(value, _LEAVES) or isinstance(value, tuple) and holder is not None and all(isinstance(y, _LEAVES) for y in value):
                if holder is not None:
                    yield Place(name, owner, holder, key, value)
            else:
                search.enter(name, value, depth, mentioned)


class _Search:
    """What is still to be looked at: places (name, owner, holder, key, value, depth, names that the reader mentions)."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.todo: list[tuple[str, Any, Any, Any, Any, int, tuple[str, ...]]] = []

    def enter(self, name: str, x: Any, depth: int, mentioned: tuple[str, ...]) -> None:
        """Look into an object."""
        if id(x) in self.seen or depth < 0:
            return
        for kind, look in _SEARCHED:
            if isinstance(x, kind):
                look(self, name, x, depth, mentioned)
                return
        if getattr(type(x), "is_jitted", False):
            self.enter(name, x.function, depth, mentioned)
        elif _is_users_module(type(x).__module__):
            self._object(name, x, depth, mentioned)

    def enter_argument(self, name: str, x: Any) -> None:
        """Look into an object that is an argument, whosever class it has."""
        self.enter(name, x, DEPTH, ())
        if id(x) not in self.seen and kind_of(x) == OBJECT:
            self._object(name, x, DEPTH, ())

    def _function(self, name: str, x: FunctionType, depth: int, mentioned: tuple[str, ...]) -> None:
        self.seen.add(id(x))
        own = is_users(x)
        names = global_names(x.__code__) if own else ()
        for n, cell in zip(x.__code__.co_freevars, x.__closure__ or (), strict=True):
            try:
                self.todo.append((n, cell, cell if own else None, n, cell.cell_contents, depth, names))
            except ValueError:
                continue    # it has no value yet
        self.todo.extend((n, x.__globals__, x.__globals__, n, x.__globals__[n], depth, names) for n in names if n in x.__globals__)

    def _method(self, name: str, x: MethodType, depth: int, mentioned: tuple[str, ...]) -> None:
        self.enter(name, x.__func__, depth, mentioned)
        self.enter("self", x.__self__, depth, mentioned)

    def _partial(self, name: str, x: functools.partial, depth: int, mentioned: tuple[str, ...]) -> None:
        for y in (x.func, *x.args, *x.keywords.values()):
            self.enter(name, y, depth, mentioned)

    def _items(self, name: str, x: Any, depth: int, mentioned: tuple[str, ...]) -> None:
        self.seen.add(id(x))
        for k, y in enumerate(x) if isinstance(x, list) else x.items():
            self.todo.append((f"{name}[{k!r}]", x, x, k, y, depth - 1, mentioned))

    def _elements(self, name: str, x: Any, depth: int, mentioned: tuple[str, ...]) -> None:
        for y in x:
            self.enter(name, y, depth - 1, mentioned)

    def _module(self, name: str, x: ModuleType, depth: int, mentioned: tuple[str, ...]) -> None:
        if _is_users_module(x):
            self.seen.add(id(x))
            self.todo.extend((f"{name}.{n}", x, vars(x), n, vars(x)[n], depth - 1, mentioned) for n in mentioned if n in vars(x))

    def _class(self, name: str, x: type, depth: int, mentioned: tuple[str, ...]) -> None:
        if _is_users_module(x.__module__):
            self.seen.add(id(x))
            self.todo.extend((f"{name}.{n}", x, vars(x), n, y, depth - 1, mentioned) for n, y in vars(x).items() if n in mentioned)

    def _object(self, name: str, x: Any, depth: int, mentioned: tuple[str, ...]) -> None:
        self.seen.add(id(x))
        own_attributes = getattr(x, "__dict__", {})
        self.todo.extend((f"{name}.{n}", x, own_attributes, n, y, depth - 1, mentioned) for n, y in own_attributes.items())
        slots = _Slots(x)
        self.todo.extend((f"{name}.{n}", x, slots, n, getattr(x, n), depth - 1, mentioned) for n in slot_names(type(x)) if hasattr(x, n))
        self.enter(name, type(x), depth, mentioned)
        for base in type(x).__mro__:
            for y in vars(base).values():
                if isinstance(y, FunctionType) and y.__name__ in mentioned and is_users(y):
                    self.enter(name, y, depth, mentioned)


_SEARCHED: tuple[tuple[Any, Callable], ...] = (
    (FunctionType, _Search._function), (MethodType, _Search._method), (functools.partial, _Search._partial), ((list, dict), _Search._items),
    ((set, frozenset, tuple), _Search._elements), (ModuleType, _Search._module), (type, _Search._class))
"""Kinds of objects, and how they are looked into."""


def _is_users_module(x: ModuleType | str) -> bool:
    """Whether a module is the user's own, as `is_users` has it of functions."""
    module = sys.modules.get(x) if isinstance(x, str) else x
    return is_users_file(getattr(module, "__file__", None) or "<unknown>")
