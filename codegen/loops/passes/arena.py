"""The memory plan: which scratch buffers share one preallocated array.

Buffers of the outermost block get places in arenas (one a dtype) by the linear scan over their life spans; a kernel keeps its
arenas between calls. Buffers whose length is known only at run time are allocated where they are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from codegen.loops.language import Alloc, Buffer, Program, accesses

__all__ = ["MemoryPlan", "plan_memory"]

ALIGN = 8
"""Elements: 64 bytes for float64, one cache line."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """`places`: buffer -> (arena dtype, offset in elements). `arenas`: dtype -> length in elements."""

    places: dict[Buffer, tuple[np.dtype, int]]
    arenas: dict[np.dtype, int]


def plan_memory(program: Program) -> MemoryPlan:
    """Place every scratch buffer of known shape; scalars are variables and need no place."""
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    for position, s in enumerate(program.body):
        for a in accesses(s):
            b = a.buffer.storage
            first.setdefault(b, position)
            last[b] = position
        if isinstance(s, Alloc):
            first.setdefault(s.buffer, position)
    spans = [b for b in first if b.role == "scratch" and b.shape and b.static_shape() is not None]
    spans.sort(key=lambda b: first[b])
    places: dict[Buffer, tuple[np.dtype, int]] = {}
    arenas: dict[np.dtype, int] = {}
    live: dict[np.dtype, list[tuple[int, int, Buffer]]] = {}  # (start, end, buffer), by start
    for b in spans:
        shape = b.static_shape()
        assert shape is not None
        size = -(-max(1, prod(shape)) // ALIGN) * ALIGN
        taken = [t for t in live.get(b.dtype, []) if last[t[2]] >= first[b]]
        start = 0
        for s, e, _ in taken:
            if start + size <= s:
                break
            start = max(start, e)
        taken.append((start, start + size, b))
        live[b.dtype] = sorted(taken, key=lambda t: t[0])
        places[b] = (b.dtype, start)
        arenas[b.dtype] = max(arenas.get(b.dtype, 0), start + size)
    return MemoryPlan(places, arenas)
