"""What code that is not captured changes while a block is recorded.

Hooks note what captured code sets (`autodiff/capture/locations.py`). Code that runs as it stands (a library, an operator or a descriptor of
the user's class) may change a list, an attribute or a counter too, once, while the block is recorded, however often the block runs. So
everything that existed before a block and that it can reach is compared with a shallow copy afterwards: a difference is taken back, and the
block refused.
"""

from __future__ import annotations

from collections import deque
from operator import is_
from types import CellType
from typing import Any

import numpy as np

from autodiff.capture.advancing import is_generator
from autodiff.capture.locations import slot_names
from autodiff.capture.places import put_content
from autodiff.capture.state import UNBOUND, declined

__all__ = ["Snapshot"]

MOST_COMPARED = 1 << 20
"""Elements of an array up to which it is copied and compared: about 2 ms."""
_OWN = ("__warningregistry__",)
"""What the interpreter itself sets among the variables of a module."""


class Snapshot:
    """Shallow copies of objects, by which it is seen whether they have changed."""

    def __init__(self, objects: dict[int, Any]):
        self.copies = [(x, copy) for x in objects.values() if (copy := _copy(x)) is not None]

    def restore(self) -> list[Any]:
        """Put back what has changed; return the objects that had changed."""
        changed = [(x, copy) for x, copy in self.copies if not _is_same(x, copy)]
        for x, copy in changed:
            _put_back(x, copy)
        return [x for x, _ in changed]

    @staticmethod
    def refuse(changed: list[Any]) -> None:
        """Refuse a block that has changed objects unseen.

        Raises
        ------
        Declined
            If there are any.
        """
        if changed:
            names = ", ".join(sorted({x.__name__ if isinstance(x, type) else type(x).__name__ for x in changed}))
            raise declined(f"code that is not captured changes what exists outside of a loop or branch ({names})",
                           "the block is recorded once, however often it runs", "hand the new value on as a result")


class _Attributes:
    """The attributes of an object: its dict, and those it has without one."""

    __slots__ = ("own", "slots")

    def __init__(self, x: Any):
        self.own = dict(x.__dict__) if hasattr(x, "__dict__") else {}
        self.slots = {n: getattr(x, n) for n in slot_names(type(x)) if hasattr(x, n)}


def _copy(x: Any) -> Any:
    """A shallow copy of what may change in an object; None for what is not compared."""
    if isinstance(x, (list, deque)):
        return list(x)
    if isinstance(x, dict):
        return dict(x)
    if isinstance(x, set):
        return set(x)
    if isinstance(x, np.ndarray):
        return x.copy() if x.size <= MOST_COMPARED and x.dtype.hasobject is False else None
    if isinstance(x, CellType):
        return (_contents(x),)
    if isinstance(x, type):
        return dict(vars(x))
    if is_generator(x):
        return repr(_state(x))
    return _Attributes(x) if hasattr(x, "__dict__") or slot_names(type(x)) else None


def _contents(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return UNBOUND


def _state(x: Any) -> Any:
    """The state of a generator of random numbers."""
    if hasattr(x, "bit_generator"):                                 # numpy.random.Generator
        return x.bit_generator.state
    if hasattr(x, "get_state"):                                     # numpy.random.RandomState
        return x.get_state()
    return x.getstate() if hasattr(x, "getstate") else x.state      # random.Random, numpy.random.BitGenerator


def _is_same(x: Any, copy: Any) -> bool:
    if isinstance(x, (list, deque)):
        return len(x) == len(copy) and all(map(is_, x, copy))
    if isinstance(x, dict):
        return _same_items(x, copy)
    if isinstance(x, set):
        return len(x) == len(copy) and x == copy
    if isinstance(x, np.ndarray):
        return x.shape == copy.shape and x.tobytes() == copy.tobytes()
    if isinstance(x, CellType):
        return _contents(x) is copy[0]
    if isinstance(x, type):
        return _same_items(vars(x), copy)
    if is_generator(x):
        return repr(_state(x)) == copy
    now = _Attributes(x)
    return _same_items(now.own, copy.own) and _same_items(now.slots, copy.slots)


def _same_items(now: Any, before: dict) -> bool:
    if len(now) == len(before) and all(map(is_, now.values(), before.values())):
        return True
    names = {n for n in (*now, *before) if not (n in _OWN or getattr(now.get(n), "is_jitted", False))}
    return all(now.get(n, UNBOUND) is before.get(n, UNBOUND) for n in names)


def _put_back(x: Any, copy: Any) -> None:
    for kind, put in _PUT_BACK:
        if isinstance(x, kind):
            put(x, copy)
            return
    if is_generator(x):
        return
    now = _Attributes(x)
    for ours, theirs in ((now.own, copy.own), (now.slots, copy.slots)):
        _put_items(ours, theirs, lambda n: object.__delattr__(x, n), lambda n, v: object.__setattr__(x, n, v))


def _put_array(x: np.ndarray, copy: np.ndarray) -> None:
    if x.flags.writeable:
        x[...] = copy


def _put_cell(x: CellType, copy: tuple) -> None:
    if copy[0] is not UNBOUND:
        x.cell_contents = copy[0]
    elif _contents(x) is not UNBOUND:
        del x.cell_contents


def _put_attributes_of_class(x: type, copy: dict) -> None:
    _put_items(vars(x), copy, lambda n: delattr(x, n), lambda n, v: setattr(x, n, v))


_PUT_BACK: tuple[tuple[Any, Any], ...] = (
    ((list, deque, set), put_content), (dict, lambda x, copy: _put_items(x, copy, x.__delitem__, x.__setitem__)), (np.ndarray, _put_array),
    (CellType, _put_cell), (type, _put_attributes_of_class))
"""Kinds of objects, and how their content is put back; generators of random numbers are not."""


def _put_items(now: Any, before: dict, delete: Any, put: Any) -> None:
    for n in [n for n in now if n not in before and n not in _OWN]:
        delete(n)
    for n, v in before.items():
        if now.get(n, UNBOUND) is not v:
            put(n, v)
