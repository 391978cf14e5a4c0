"""Set-up that a process does once, whatever number of threads ask for it at the same time.

`functools.lru_cache` is not enough for that: two threads that miss together both run the function, and each keeps its own result. A result
that owns machine code is then freed in one thread while another still calls it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

__all__ = ["once"]

P = ParamSpec("P")
R = TypeVar("R")


class once(Generic[P, R]):
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

    def __init__(self, make: Callable[P, R]):
        functools.update_wrapper(self, make)
        self._make = make
        self._results: dict[tuple, R] = {}
        self._lock = threading.RLock()
        _functions.append(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return self._results[args]
        except KeyError:
            pass
        with self._lock:
            if args not in self._results:
                self._results[args] = self._make(*args)     # type: ignore[call-arg]
            return self._results[args]

    def is_made(self) -> bool:
        """Whether there is a result."""
        return bool(self._results)


_functions: list[once] = []


def _after_fork() -> None:
    """A lock that another thread held when the process was forked would never be released in the child."""
    for function in _functions:
        function._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
