"""The memory plan: which scratch buffers share one preallocated array.

Buffers of the outermost block get places in arenas (one a dtype) by the linear scan over their life spans; a kernel keeps its
arenas between calls. Where lengths stand for others, which of two buffers is the larger may differ from shape to shape: there a buffer
takes the place of one that is not needed any more if one of the two is never less than the other. Buffers whose length is known only at
run time are allocated where they are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from codegen.loops.language import Alloc, Buffer, Program, accesses
from tracer.sizes import Length, is_never_less

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
    if any(type(d) is Length for b in spans for d in b.static_shape() or ()):
        return _in_slots(spans, first, last)
    places: dict[Buffer, tuple[np.dtype, int]] = {}
    arenas: dict[np.dtype, int] = {}
    live: dict[np.dtype, list[tuple[int, int, Buffer]]] = {}  # (start, end, buffer), by start
    for b in spans:
        shape = b.static_shape()
        assert shape is not None
        size = _rounded(prod(shape))
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


def _rounded(size: int) -> int:
    """A number of elements, rounded up to whole cache lines."""
    return (size + (ALIGN - 1)) // ALIGN * ALIGN if type(size) is Length else -(-max(1, size) // ALIGN) * ALIGN


@dataclass(slots=True)
class _Slot:
    """A piece of an arena: its size, its buffers, and the last statement that touches the latest of them."""

    size: int
    buffers: list[Buffer]
    until: int


def _in_slots(spans: Sequence[Buffer], first: dict[Buffer, int], last: dict[Buffer, int]) -> MemoryPlan:
    """The plan for buffers, by their first use, whose lengths stand for others."""
    slots: dict[np.dtype, list[_Slot]] = {}
    for b in spans:
        size = prod(b.static_shape() or ())
        free = [s for s in slots.setdefault(b.dtype, [])
                if s.until < first[b] and (is_never_less(s.size, size) or is_never_less(size, s.size))]
        if free:
            slot = free[0]
            slot.size = slot.size if is_never_less(slot.size, size) else size
            slot.buffers.append(b)
            slot.until = last[b]
        else:
            slots[b.dtype].append(_Slot(size, [b], last[b]))
    places: dict[Buffer, tuple[np.dtype, int]] = {}
    arenas: dict[np.dtype, int] = {}
    for dtype, found in slots.items():
        at = 0
        for slot in found:
            places.update((b, (dtype, at)) for b in slot.buffers)
            at = at + _rounded(slot.size)
        arenas[dtype] = at
    return MemoryPlan(places, arenas)
