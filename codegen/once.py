"""Set-up that a process does once, whatever number of threads ask for it at the same time.

`functools.lru_cache` is not enough for that: two threads that miss together both run the function, and each keeps its own result. A result
that owns machine code is then freed in one thread while another still calls it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Hashable
from typing import ParamSpec, TypeVar, cast

__all__ = ["once"]

P = ParamSpec("P")
R = TypeVar("R")


class _Once:
    """The results of one function by its arguments, and the lock under which they are made."""

    __slots__ = ("make", "results", "lock")

    def __init__(self, make: Callable):
        self.make = make
        self.results: dict[tuple[Hashable, ...], object] = {}
        self.lock = threading.RLock()

    def get(self, *key: Hashable) -> object:
        """The result for these arguments, made now if no thread has made it yet."""
        try:
            return self.results[key]
        except KeyError:
            pass
        with self.lock:
            if key not in self.results:
                self.results[key] = self.make(*key)
            return self.results[key]


_functions: list[_Once] = []


def once(make: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function of few hashable arguments: it runs once for each, in one thread, while the others wait for the result.

    The results are kept for the life of the process. A function that raises has not run: the next call tries again.

    Examples
    --------
    >>> @once
    ... def table():
    ...     print("made")
    ...     return [1, 2]
    >>> table() is table()
    made
    True
    """
    state = _Once(make)
    _functions.append(state)

    @functools.wraps(make)
    def get(*key):
        return state.get(*key)
    get.is_made = lambda: bool(state.results)   # type: ignore[attr-defined]
    return cast(Callable[P, R], get)


def _after_fork() -> None:
    """A lock that another thread held when the process was forked would never be released in the child."""
    for state in _functions:
        state.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
