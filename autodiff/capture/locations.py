"""Places outside a block that its statements set: attributes of objects, items of dicts and lists, variables of other functions.

A block is recorded once, however often it runs. What it sets is noted before it is set (`will_set`), with the value from before, in every
open block that the place existed before; the block's branch or loop then treats it like one of its own names: a branch joins what its
ways left there, a loop carries it. What cannot be followed so (a list that shrinks, or is appended to
under a condition) is refused (`mutating`), and the loop written out.
"""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Callable, Iterable, MutableMapping
from types import CellType, CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from autodiff.capture.effects import will_change as will_change_unseen
from autodiff.capture.effects import will_do, will_put
from autodiff.capture.excluded import is_library_file
from autodiff.capture.places import plain_setter, set_raw
from autodiff.capture.region import Region
from autodiff.capture.state import UNBOUND, declined, regions
from tracer.errors import is_internal_file
from tracer.trace import Trace, Tracer, current_trace

__all__ = ["Slot", "PENDING", "append", "check_read", "is_pending", "may_append",
           "delete_attribute", "delete_item", "will_set", "set_attribute", "set_item", "set_variable", "mutating", "reachable", "is_users",
           "is_users_file", "global_names", "slot_names"]

DEPTH = 6
"""How many references are followed from the variables of a block."""


def is_users(f: FunctionType) -> bool:
    """Whether a function is the user's own: neither of this project, nor of the standard library, nor of an installed package."""
    return is_users_file(f.__code__.co_filename)


@functools.lru_cache(maxsize=4096)
def is_users_file(file: str) -> bool:
    """The same of what a file holds."""
    return not (is_internal_file(file) or is_library_file(file))


@functools.lru_cache(maxsize=4096)
def is_users_class(kind: type) -> bool:
    """Whether a class is defined in the user's own code."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return kind.__module__ != "builtins" and (file is None or is_users_file(file))


class Slot:
    """A place that holds a value: an attribute (`name` of `owner`), an item (`owner[name]`), a variable (a closure cell), or the last
    element of a list that the loop being recorded appends to."""

    __slots__ = ("owner", "kind", "name")

    def __init__(self, owner: Any, kind: str, name: Any):
        self.owner = owner
        self.kind = kind
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slot) and self.owner is other.owner and (self.kind, self.name) == (other.kind, other.name)

    def __hash__(self) -> int:
        return hash((id(self.owner), self.kind, self.name))

    def __str__(self) -> str:
        kind = type(self.owner).__name__
        return {"attribute": f"{kind}.{self.name}", "variable": str(self.name)}.get(self.kind, f"{kind}[{self.name!r}]")

    def like(self) -> tuple:
        """What is the same of this place in another call: what was learned of one serves the other."""
        return type(self.owner).__qualname__, self.kind, self.name

    def get(self) -> Any:
        """The value, or UNBOUND."""
        try:
            if self.kind == "attribute":
                return getattr(self.owner, self.name)
            return self.owner.cell_contents if self.kind == "variable" else self.owner[self.name]
        except (AttributeError, LookupError, ValueError):
            return UNBOUND

    def put(self, value: Any) -> None:
        """Set or unset the value."""
        if self.kind == "attribute":
            set_raw(self.owner, self.name, value)
        elif self.kind == "last":
            if is_pending(self.owner):
                self.owner[-1] = value
        elif self.kind == "item":
            if value is UNBOUND:
                del self.owner[self.name]
            else:
                self.owner[self.name] = value
        elif value is UNBOUND:
            del self.owner.cell_contents
        else:
            self.owner.cell_contents = value


def will_set(slot: Slot) -> None:
    """A place is about to be set: every block that it existed before remembers what it held."""
    outside = _comes_from_outside(slot.owner)
    for trace in regions():
        if (outside or id(slot.owner) in trace.held) and slot not in trace.touched:
            trace.touched[slot] = slot.get()
    will_put(slot)


def _comes_from_outside(x: Any) -> bool:
    """Whether the function being recorded has found an object outside, such as among the variables of a library's module.

    Every block exists after it, also those that cannot reach it by what `reachable` follows.
    """
    trace = current_trace()
    while trace is not None and trace.parent is not None:
        trace = trace.parent
    return trace is not None and trace.reads is not None and id(x) in trace.reads.outside


def set_attribute(x: Any, name: str, value: Any) -> None:
    """`x.name = value`.

    Raises
    ------
    Declined
        For an object from outside the block whose class decides itself what setting means.
    """
    found = next((vars(c)[name] for c in type(x).__mro__ if name in vars(c)), None)
    if isinstance(x, type) and type(x).__setattr__ is type.__setattr__:
        mutating(x, f"setting `{name}` of")
        will_set(Slot(x, "attribute", name))
    elif hasattr(type(found), "__set__") and not isinstance(found, MemberDescriptorType) or not _sets_plainly(type(x)):
        mutating(x, f"setting `{name}` of")
        will_change_unseen(x, f"setting `{name}` of")
    elif not hasattr(x, name) or getattr(x, name) is not value:
        will_set(Slot(x, "attribute", name))
    setattr(x, name, value)


def _sets_plainly(kind: type) -> bool:
    """Whether setting an attribute of an object of a class is what it is for all objects."""
    base = plain_setter(kind)
    return base is not None and kind.__setattr__ is base.__setattr__


def set_item(x: Any, key: Any, value: Any) -> None:
    """`x[key] = value` for what is no array.

    Raises
    ------
    Declined
        For an object from outside the block that is neither a dict nor a list, and for slices of lists.
    """
    if type(x) is dict and not isinstance(key, Tracer):
        will_set(Slot(x, "item", key))
    elif type(x) is list and is_pending(x):
        _set_appended(x, key, value)
    elif type(x) is list and isinstance(key, (int, np.integer)) and -len(x) <= key < len(x):
        will_set(Slot(x, "item", int(key) % len(x)))
    else:
        mutating(x, "writing to")
        if isinstance(x, (list, MutableMapping, deque, bytearray)):
            will_do(x, "__setitem__", (key, value), {})
        else:
            will_change_unseen(x, "writing to")
    x[key] = value


def _set_appended(x: list, key: Any, value: Any) -> None:
    """`x[key] = value` of a list that an open loop appends to: the element that this step has appended last gets another value.

    Raises
    ------
    Declined
        For any other element, and in a branch, whose elements are not those of the step.
    """
    trace = current_trace()
    mine = trace.appended.get(id(x)) if isinstance(trace, Region) and trace.appended is not None else None
    if mine is None or not mine[1] or isinstance(key, Tracer) or key != -1:
        raise declined("writing to a list in a loop that appends to it", "its elements are not known while the body is recorded",
                       "use an array made before the loop and write its elements")
    mine[1][-1] = value


def delete_item(x: Any, key: Any) -> None:
    """`del x[key]` for what is no array."""
    mutating(x, "deleting from")
    if isinstance(x, (list, MutableMapping, deque, bytearray)):
        will_do(x, "__delitem__", (key,), {})
    else:
        will_change_unseen(x, "deleting from")
    del x[key]


def delete_attribute(x: Any, name: str) -> None:
    """`del x.name`."""
    mutating(x, "deleting from")
    will_set(Slot(x, "attribute", name))
    delattr(x, name)


def set_variable(read: Callable[[], Any]) -> None:
    """A variable of another function, or of the module, is about to be set; `read` reads it and nothing else."""
    if read.__closure__:
        will_set(Slot(read.__closure__[0], "variable", read.__code__.co_freevars[0]))
    else:
        will_set(Slot(read.__globals__, "item", read.__code__.co_names[0]))


def append(x: list, value: Any) -> None:
    """`x.append(value)`. In the body of a loop, what is appended to a list from outside is kept for each step (`Region.appended`).

    Raises
    ------
    Declined
        Where it is not known how often that is done, as in a branch.
    """
    trace = current_trace()
    if not may_append(x, trace):
        mutating(x, "append on")
    if not _is_from_outside(x, trace):
        will_do(x, "append", (value,), {})
        x.append(value)
    else:
        assert isinstance(trace, Region) and trace.appended is not None
        trace.appended.setdefault(id(x), (x, [], list(x)))[1].append(value)
        if is_pending(x):
            x[-1] = value


def _is_from_outside(x: list, trace: Trace | None) -> bool:
    """Whether a list was there before the block that is being traced."""
    return isinstance(trace, Region) and id(x) in trace.held


def may_append(x: list, trace: Trace | None) -> bool:
    """Whether it is known how often an append in a block is done."""
    return not isinstance(trace, Region) or id(x) not in trace.held or trace.appended is not None


class Pending:
    """Stands in a list that a loop appends to while its body is recorded: what is in the list differs from step to step."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name.startswith("__") else _unknown_list()


def _unknown_list(*args: Any) -> Exception:
    return declined("reading a list in a loop that appends to it", "its elements are not known while the body is recorded",
                    "use an array made before the loop and write its elements")


def _refuse(*args: Any) -> Any:
    raise _unknown_list()


for _name in ("add radd sub rsub mul rmul truediv rtruediv pow rpow matmul rmatmul neg abs lt le gt ge eq ne bool len iter getitem "
              "float int index array").split():
    setattr(Pending, f"__{_name}__", _refuse)
Pending.__hash__ = object.__hash__  # type: ignore[method-assign]
PENDING = Pending()


def is_pending(x: list) -> bool:
    """Whether an open loop appends to a list: then it holds what stands for its elements, and the last one."""
    return bool(x) and x[0] is PENDING


def check_read(x: Any) -> None:
    """Refuse to look at a list that an open loop appends to."""
    if type(x) is list and is_pending(x):
        raise _unknown_list()


def mutating(x, how: str) -> None:
    """Refuse to change a Python object that was there before the block that is being traced.

    Raises
    ------
    Declined
        A block is traced once, however often and whether or not it is run.
    """
    outside = _comes_from_outside(x)
    if any(outside or id(x) in trace.held or isinstance(x, type) for trace in regions()):
        raise declined(f"{how} a {type(x).__name__} from outside a loop or branch", "the block is recorded once, however often it runs",
                       "use an array made before it and write its elements")


def reachable(blocks: Iterable[Callable | None]) -> dict[int, Any]:
    """Lists, dicts, sets, arrays, objects, classes and variables that these blocks can reach: what existed before they ran."""
    found: dict[int, Any] = {}

    def go(x: Any, depth: int) -> None:
        if depth < 0 or id(x) in found or isinstance(x, _NOTHING_INSIDE):
            return
        if isinstance(x, type):
            if is_users_class(x):
                found[id(x)] = x
                for y in vars(x).values():
                    go(y, depth - 1)
            return
        if isinstance(x, FunctionType):
            if is_users(x):
                found[id(x)] = x
                variables(x, depth)
        elif isinstance(x, MethodType):
            go(x.__self__, depth)
            go(x.__func__, depth)
        elif isinstance(x, functools.partial):
            go((x.func, x.args, x.keywords), depth)
        elif isinstance(x, (list, tuple, set, frozenset, deque)):
            found[id(x)] = x
            for y in x:
                go(y, depth - 1)
        elif isinstance(x, dict):
            found[id(x)] = x
            for y in x.values():
                go(y, depth - 1)
        elif isinstance(x, np.ndarray):
            found[id(x)] = x
        elif type(x).__module__ != "builtins":
            found[id(x)] = x
            for y in (type(x), *_parts(x)):
                go(y, depth - 1)

    def variables(f: FunctionType, depth: int) -> None:
        space = f.__globals__
        found[id(space)] = space
        for cell in f.__closure__ or ():
            if id(cell) not in found:
                found[id(cell)] = cell
                try:
                    go(cell.cell_contents, depth - 1)
                except ValueError:
                    pass
        for name in global_names(f.__code__):
            if name in space:
                go(space[name], depth - 1)
        for default in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            go(default, depth - 1)
    for f in blocks:
        if isinstance(f, FunctionType):
            variables(f, DEPTH)
    return found


def holds_values_of(x: Any, trace: Region) -> bool:
    """Whether an object that was made in a block has values of that block among its attributes and items."""
    seen: set[int] = set()
    waiting: list[Any] = [x]
    while waiting:
        y = waiting.pop()
        if isinstance(y, Tracer):
            if y.owner is trace:
                return True
        elif id(y) not in seen and id(y) not in trace.held and not isinstance(y, (type, FunctionType, *_NOTHING_INSIDE)):
            seen.add(id(y))
            waiting += y.values() if isinstance(y, dict) else y if isinstance(y, (list, tuple, set, frozenset, deque)) else _parts(y)
    return False


_NOTHING_INSIDE = (Tracer, str, bytes, int, float, complex, np.generic, ModuleType, CellType, type(None))


def _parts(x: Any) -> Iterable[Any]:
    """The values of an object's attributes, slots included."""
    yield from getattr(x, "__dict__", {}).values()
    for name in slot_names(type(x)):
        value = getattr(x, name, None)
        if value is not None:
            yield value


def slot_names(kind: type) -> tuple[str, ...]:
    """The attributes that the objects of a class have without a dict."""
    found: list[str] = []
    for c in kind.__mro__:
        slots = vars(c).get("__slots__", ())
        found += [n for n in ((slots,) if isinstance(slots, str) else slots) if n not in ("__dict__", "__weakref__")]
    return tuple([f"_{kind.__name__.lstrip('_')}{n}" if n.startswith("__") and not n.endswith("__") else n for n in found])


@functools.lru_cache(maxsize=4096)
def global_names(code: CodeType) -> tuple[str, ...]:
    """The global names and attributes that a function and those inside it mention."""
    return (*code.co_names, *(n for c in code.co_consts if isinstance(c, CodeType) for n in global_names(c)))
