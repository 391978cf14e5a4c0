"""Locks of a process, which a forked child gets anew: the thread that held one when the process was forked is not there to release it."""

from __future__ import annotations

import os
import threading
from typing import Any

__all__ = ["process_lock"]

_locks: list[tuple[dict[str, Any], str, Any]] = []


def process_lock(variables: dict[str, Any], name: str, make: Any = threading.Lock) -> Any:
    """A lock for a variable of a module, `_lock = process_lock(globals(), "_lock")`; after a fork the variable has another one.

    Examples
    --------
    >>> space = {}
    >>> space["_lock"] = process_lock(space, "_lock")
    >>> with space["_lock"]:
    ...     print("held")
    held
    """
    _locks.append((variables, name, make))
    return make()


def _after_fork() -> None:
    for variables, name, make in _locks:
        variables[name] = make()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
