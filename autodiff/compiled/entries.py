"""What a jitted function keeps for each signature, and what it tells of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from autodiff.capture.recording import Recorded
from autodiff.compiled.specialise import Variants

__all__ = ["CacheInfo", "Entry", "Uncompiled"]


class CacheInfo(NamedTuple):
    """Counts of a jitted function: `misses` are calls of a new signature, of which `shared` took no recording and no compiling."""

    hits: int
    misses: int
    currsize: int
    kernel_seconds: float
    compile_seconds: float
    reference_calls: tuple[str, ...]
    shared: int


@dataclass(slots=True)
class Entry:
    """A kernel with what its results look like."""

    recorded: Recorded
    kernel: Any
    captured: list
    unpack: Callable
    fast: Callable | None       # the generated Python entry of a kernel through Numba
    table: Any = None           # the native entry's table of a kernel through LLVM
    native: Any = None          # the native function that the table belongs to
    detached: bool = False      # whether its direct way has to be made again
    variants: Variants | None = None    # where the signature alone does not decide which kernel is run

    def why(self, name: str, difference: str, shapes: str, uncompiled: str) -> str:
        """Why it was compiled: what differs from what was there, how its shape was served, how it is called, and notes."""
        text = f"`{name}` compiled anew: {difference}" if difference else f"`{name}` compiled: first call"
        text += f"; {shapes}" if shapes else ""
        text += self.kernel.explain() + ("" if self.variants is None else self.variants.why()) + uncompiled
        return text + "".join(f"\n  {n}" for n in self.recorded.notes)


class Uncompiled:
    """Calls that Python runs: how many, and why. To call it is to have one run."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __call__(self, why: str, function: Callable, args: tuple, kwargs: dict) -> Any:
        self._counts[why] = self._counts.get(why, 0) + 1
        return function(*args, **kwargs)

    def why(self) -> str:
        """The counts, for `why` of the jitted function; empty if all calls were compiled."""
        return "".join(f"; {n} calls ran uncompiled: {reason}" for reason, n in self._counts.items())
