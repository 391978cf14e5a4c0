"""What a row of the board is made of, and how the rows are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Workload", "all_workloads"]


@dataclass(frozen=True)
class Workload:
    """One program, its data, and its derivative by hand.

    A file in `bench/workloads/` defines `workloads`, a tuple of these (several where only the size differs).
    """

    name: str
    about: str
    """One line for the reader of the table: the formula and the sizes."""
    program: Callable[..., Any]
    """`program(np, *args)` -> scalar, written once against a module that looks like NumPy."""
    make: Callable[[], tuple]
    """The data at the size of the board: a tuple of arrays, or of nests of dict, list and tuple of arrays."""
    small: Callable[[], tuple]
    """Data of a few elements, for tests."""
    by_hand: Callable[..., Any]
    """The answer in plain NumPy, the reference: `by_hand(*args)` -> (value, gradients), or H @ v."""
    asks: Literal["value and gradient", "hessian-vector product"] = "value and gradient"
    """A Hessian-vector product has the arguments (x, v) and the program (np, x)."""
    wrt: tuple[int, ...] = (0,)
    """Numbers of the differentiated arguments. One: the gradient stands alone; several: a tuple."""
    numba: Callable[[], Callable] | None = None
    """Makes `by_hand` as loops compiled by Numba, where those are short."""
    ports: Mapping[str, Callable[[], Callable]] = field(default_factory=dict)
    """Peer name -> maker of its `program(np, *args)`, where its users would write it otherwise."""
    rtol: float = 1e-6

    def program_for(self, peer: str) -> Callable[..., Any]:
        """The program as users of this peer would write it."""
        return self.ports[peer]() if peer in self.ports else self.program

    @property
    def argnums(self) -> int | tuple[int, ...]:
        """`wrt` as the transforms take it: a number for one argument, else a tuple."""
        return self.wrt[0] if len(self.wrt) == 1 else self.wrt


def all_workloads() -> dict[str, Workload]:
    """Every workload of every file in `bench/workloads/`, by name."""
    package = importlib.import_module("bench.workloads")
    found: dict[str, Workload] = {}
    for info in pkgutil.iter_modules(package.__path__):
        for workload in importlib.import_module(f"{package.__name__}.{info.name}").workloads:
            if workload.name in found:
                raise ValueError(f"two workloads are called {workload.name!r}")
            found[workload.name] = workload
    return found
