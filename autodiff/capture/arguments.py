"""What a function changes in the lists, dicts and instances of classes that are its arguments, beside the arrays in them.

A recorded function gets containers of its own, with stand-ins in the place of the leaves. What it has changed in them at the end of the
recording is done to the caller's containers after each call; each is found by its path in the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.capture.state import UNBOUND
from autodiff.capture.substitution import walk
from tracer.trace import Tracer
from tracer.tree import attributes_of, is_tree_of_attributes

__all__ = ["Change", "Containers"]


class Change:
    """One change of a container: of the item or attribute `key`; with `key` None the `value` is what a list has been extended by."""

    __slots__ = ("path", "key", "value", "where")

    def __init__(self, path: tuple, key: Any, value: Any):
        self.path, self.key, self.value, self.where = path, key, value, None

    def parts(self) -> list:
        """What may hold traced values."""
        return [self.value]

    def replace(self, new: Callable[[Tracer], Any], memo: dict) -> None:
        """Replace the traced values."""
        self.value = walk(self.value, new, memo)

    def without_value(self) -> Change:
        """The change for another value."""
        return Change(self.path, self.key, None)

    def apply(self, arguments: Any, value: Any) -> None:
        """Do it to the arguments of a call."""
        x = arguments
        for key in self.path:
            x = x[key] if isinstance(x, (list, tuple, dict)) else getattr(x, key)
        if isinstance(x, list) and self.key is None:
            x.extend(value)
        elif isinstance(x, (list, dict)):
            if value is UNBOUND:
                del x[self.key]
            else:
                x[self.key] = value
        elif value is UNBOUND:
            object.__delattr__(x, self.key)
        else:
            object.__setattr__(x, self.key, value)


class Containers:
    """The containers among the arguments of a recording, and what they held."""

    def __init__(self, arguments: Any):
        self.found: list[tuple[tuple, Any, Any]] = []
        self._enter((), arguments)

    def _enter(self, path: tuple, x: Any) -> None:
        items = _items(x)
        if not isinstance(x, tuple) and items:
            self.found.append((path, x, list(x) if isinstance(x, list) else dict(items)))
        elif isinstance(x, (list, dict)):
            self.found.append((path, x, type(x)()))
        for key, y in items:
            self._enter((*path, key), y)

    def changes(self) -> list[Change]:
        """What the function has changed."""
        return [c for path, x, before in self.found
                for c in (_of_list(path, x, before) if isinstance(x, list) else _by_key(path, x, before))]


def _items(x: Any) -> list[tuple[Any, Any]]:
    if isinstance(x, dict):
        return list(x.items())
    if isinstance(x, (list, tuple)):
        return list(enumerate(x))
    return list(attributes_of(x).items()) if is_tree_of_attributes(x) else []


def _of_list(path: tuple, x: list, before: list) -> list[Change]:
    n = len(before)
    if len(x) < n or len(x) > n and any(a is not b for a, b in zip(x, before, strict=False)):
        return [Change(path, slice(None), list(x))]
    changes = [Change(path, k, x[k]) for k in range(n) if x[k] is not before[k]]
    return changes + ([Change(path, None, x[n:])] if len(x) > n else [])


def _by_key(path: tuple, x: Any, before: dict) -> list[Change]:
    now = dict(_items(x))
    gone = [Change(path, k, UNBOUND) for k in before if k not in now]
    return gone + [Change(path, k, y) for k, y in now.items() if k not in before or before[k] is not y]
