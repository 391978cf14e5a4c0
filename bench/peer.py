"""What a column of the board is made of, and how the columns are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from bench.workload import Workload

__all__ = ["Peer", "NotOffered", "all_peers"]


class NotOffered(Exception):
    """This peer has no entry for this workload; the table shows a dash."""


class Peer:
    """One way to get derivatives. A file in `bench/peers/` defines `peer`, an instance of a subclass.

    A call takes NumPy arrays and returns NumPy arrays, or NumPy-like results that `check` can read without a
    copy; what the library needs to convert them is part of its time.
    """

    name: str
    ours: bool = False

    def load(self, threads: int) -> str:
        """Import the library (ImportError: not installed), hold it to `threads`, return its version."""
        raise NotImplementedError

    def call_for(self, workload: Workload) -> Callable[..., Any]:
        """The function to time; it compiles, if it compiles, at its first call."""
        if workload.asks == "hessian-vector product":
            return self.hvp(workload)
        return self.value_and_grad(workload)

    def value_and_grad(self, workload: Workload) -> Callable[..., Any]:
        """`(*args)` -> value, gradients with respect to `workload.wrt`."""
        raise NotOffered(f"{self.name} does not offer values and gradients")

    def hvp(self, workload: Workload) -> Callable[..., Any]:
        """`(x, v)` -> Hessian of the program at x, times v."""
        raise NotOffered(f"{self.name} does not offer Hessian-vector products")


def all_peers() -> dict[str, Peer]:
    """Every peer of every file in `bench/peers/`, by name, ours first."""
    package = importlib.import_module("bench.peers")
    peers = [importlib.import_module(f"{package.__name__}.{info.name}").peer
             for info in pkgutil.iter_modules(package.__path__)]
    peers.sort(key=lambda peer: not peer.ours)
    found: dict[str, Peer] = {}
    for peer in peers:
        if peer.name in found:
            raise ValueError(f"two peers are called {peer.name!r}")
        found[peer.name] = peer
    return found
