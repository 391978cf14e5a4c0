"""Hooks: functions of the user's that see, and may replace, the gradient of a tensor while `backward` runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable

__all__ = ["Hook"]

_numbers = itertools.count()


class Hook:
    """A hook that can be taken away.

    Parameters
    ----------
    hooks : those of one step, by number
    function : the hook, which is entered there
    """

    __slots__ = ("_hooks", "_number")

    def __init__(self, hooks: dict[int, Callable], function: Callable):
        self._hooks = hooks
        self._number = next(_numbers)
        hooks[self._number] = function

    def remove(self) -> None:
        """Have the hook called no more.

        Examples
        --------
        >>> found = {}
        >>> Hook(found, abs).remove()
        >>> found
        {}
        """
        self._hooks.pop(self._number, None)
