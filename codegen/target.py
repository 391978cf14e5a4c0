"""The machine that a program is compiled for, as far as the decisions above the emitters ask."""

from __future__ import annotations

from dataclasses import dataclass

from tracer.sizes import Length

__all__ = ["Target", "GENERIC", "SMALL", "is_small"]

SMALL = 16
"""Whole numbers up to this stay in the text of a kernel: unrolled loops, constant offsets; a new small length is a new machine code."""


def is_small(n: int) -> bool:
    """Whether a whole number stays in the text of a kernel; a length that may be another never does."""
    return type(n) is not Length and abs(n) <= SMALL


@dataclass(frozen=True, slots=True)
class Target:
    """A machine: how long its vectors are, and how many threads a kernel may use.

    vector_bytes : bytes of a vector register: 16 (SSE, NEON), 32 (AVX2) or 64 (AVX-512)
    fma : whether a product and a sum are one instruction
    threads : most threads of a kernel

    Examples
    --------
    >>> Target(64).has_mask_registers, Target(32).has_mask_registers
    (True, False)
    """

    vector_bytes: int = 32
    fma: bool = True
    threads: int = 1

    @property
    def has_mask_registers(self) -> bool:
        """Whether masks are registers of their own, so that masked instructions cost no more than others (AVX-512)."""
        return self.vector_bytes >= 64


GENERIC = Target()
"""AVX2 and one thread: what is shown where no machine is asked for, so that printed stages are the same everywhere."""
