"""A table of golden programs: what an entry holds, and the decorator that enters one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Program", "Table"]


@dataclass(frozen=True)
class Program:
    """A small program whose compilation is kept as text.

    Attributes
    ----------
    function : a function of the arguments
    idea : what the program shows, in a few words
    args : the arguments for which it is compiled; their types and shapes matter, their numbers do not
    wrt : the position of the argument by which it is differentiated, None if it is not
    calls : functions that it calls and whose converted source is shown too
    """

    function: Callable
    idea: str
    args: tuple
    wrt: int | None
    calls: tuple[Callable, ...]


class Table(dict[str, Program]):
    """The programs of a file by name, in the order of their definition."""

    def __call__(self, idea: str, *args, wrt: int | None = 0, calls: tuple[Callable, ...] = ()) -> Callable[[Callable], Callable]:
        """Enter the function that follows, under its own name."""
        def enter(f: Callable) -> Callable:
            assert f.__name__ not in self, f"two programs are called {f.__name__}"
            self[f.__name__] = Program(f, idea, args, wrt, calls)
            return f
        return enter
