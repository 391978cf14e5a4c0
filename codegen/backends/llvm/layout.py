"""Where everything of a kernel is: argument slots, the table of numbers, the arena."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from codegen.loops.language import Buffer, Program
from codegen.loops.passes.arena import MemoryPlan
from tracer.sizes import Length

__all__ = ["Layout", "PLAIN", "CHUNK", "INLINED", "SLOT"]

PLAIN = {k / 4 for k in range(-32, 33)}
"""Constants that stay in the text; others may come from a length, such as 1/n."""
CHUNK = 400
"""Instructions in a function, about; LLVM's time grows faster than a function's length."""
INLINED = 8
"""Uses of an elementary function in a program up to which each has its own code."""
SLOT = 16
"""Bytes of the pointer and capacity of memory whose length is found at run time."""


class Layout:
    """Where everything is: argument slots, parameters, the arena."""

    def __init__(self, program: Program, plan: MemoryPlan, threads: int = 1):
        self.threads = threads
        self.partials: dict[Buffer, int] = {}
        self.numbers: dict[tuple[str, Any], int] = {}
        self.table: list[int] = []
        self.arguments = {b: k for k, b in enumerate([*program.inputs, *program.outputs])}
        self.slots: dict[Buffer, int] = {}
        self.cells: dict[Buffer, int] = {}
        self.head = 0
        self.places = plan.places
        self.arenas = plan.arenas

    def parameter(self, v: Any, kind: str) -> int:
        """The place of a number in the table."""
        if kind == "double":
            bits = struct.unpack("<q", struct.pack("<d", v))[0]
        else:
            bits = struct.unpack("<i", struct.pack("<f", v))[0] if kind == "float" else v if type(v) is Length else int(v)
        key = (kind, bits.size if type(bits) is Length else bits)
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = len(self.table)
            self.table.append(bits)    # type: ignore[arg-type]
        return found

    def cell(self, b: Buffer) -> int:
        """Bytes from the arena's start to a shared scalar."""
        if b not in self.cells:
            self.cells[b] = self.head
            self.head += 8
        return self.cells[b]

    def slot(self, b: Buffer) -> int:
        """Bytes from the arena's start to the pointer and capacity of a buffer made at run time."""
        if b not in self.slots:
            self.slots[b] = self.head
            self.head += SLOT
        return self.slots[b]

    def partial(self, b: Buffer) -> int:
        """Bytes from the arena's start to the cells of a sum that threads share, a cache line each."""
        if b not in self.partials:
            self.head = -(-self.head // 64) * 64
            self.partials[b] = self.head
            self.head += 64 * self.threads
        return self.partials[b]

    def own(self, b: Buffer) -> tuple[int, int]:
        """Bytes from the arena's start to the threads' copies of a scratch array, and of one copy."""
        return self.owned[b]

    def fix(self, own: Sequence[Buffer] = ()) -> None:
        """No cells from here on: the rest of the arena follows them."""
        start = -(-self.head // 64) * 64
        self.base: dict[np.dtype, int] = {}
        for dtype, n in self.arenas.items():
            self.base[dtype] = start
            start = -(-(start + n * dtype.itemsize) // 64) * 64
        self.owned: dict[Buffer, tuple[int, int]] = {}
        for b in own:
            size = -(-prod(b.static_shape() or ()) * b.dtype.itemsize // 64) * 64 + 64
            self.owned[b] = (start, size)
            start += size * self.threads
        self.size = start

    def place(self, b: Buffer) -> int:
        """Bytes from the arena's start to a planned buffer."""
        dtype, at = self.places[b]
        return self.base[dtype] + at * dtype.itemsize
