"""What the LLVM generator knows of a program before it writes: where everything is, who touches what, what it costs."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from codegen.backends.llvm import scalar as scalar_llvm
from codegen.loops.language import (
    Apply,
    Buffer,
    Call,
    Cast,
    Expr,
    For,
    If,
    Lit,
    Load,
    Name,
    Program,
    Select,
    Stmt,
    Store,
    While,
    blocks,
    stmt_exprs,
    walk_expr,
)
from codegen.loops.passes.arena import MemoryPlan

__all__ = ["Layout", "Usage", "is_variable", "value_parts", "affine_in", "stores", "innermost", "weight", "cost_of", "SMALL", "PLAIN",
           "CHUNK", "INLINED", "THIN", "FAILED_CALL", "NO_MEMORY",
           "NOT_POSITIVE", "SINGULAR", "SLOT"]

SMALL = 16
"""Whole numbers up to this stay in the text: unrolled loops, constant offsets; a new small length is a new machine code."""
PLAIN = {k / 4 for k in range(-32, 33)}
"""Constants that stay in the text; others may come from a length, such as 1/n."""
CHUNK = 400
"""Instructions in a function, about; LLVM's time grows faster than a function's length."""
INLINED = 8
"""Uses of an elementary function in a program up to which each has its own code."""
THIN = 30
"""Bodies of fewer instructions are unrolled."""
FAILED_CALL = -1
NO_MEMORY = -2
NOT_POSITIVE = -3
SINGULAR = -4
SLOT = 16
"""Bytes of the pointer and capacity of memory whose length is found at run time."""


def weight(e: Expr) -> int:
    """Instructions of an expression, about."""
    total = 0
    for part in walk_expr(e):
        if isinstance(part, Apply):
            total += 24 if part.fn in scalar_llvm.COSTLY else 1
        elif not isinstance(part, (Lit, Name)):
            total += 1
    return total


def cost_of(s: Stmt) -> int:
    total = sum(weight(e) for e in stmt_exprs(s)) + 1
    if isinstance(s, For):
        total += 10
    if isinstance(s, Call):
        total += 20
    return total + sum(cost_of(b) for block in blocks(s) for b in block)


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
            bits = struct.unpack("<i", struct.pack("<f", v))[0] if kind == "float" else int(v)
        key = (kind, bits)
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = len(self.table)
            self.table.append(bits)
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


class Usage:
    """Which statement touches which scalar variable, within one function."""

    def __init__(self, body: list[Stmt], shared: set[Buffer]):
        self.total: dict[Buffer, int] = {}
        self.inside: dict[int, dict[Buffer, int]] = {}
        self.written: dict[int, set[Buffer]] = {}
        self.first: dict[tuple[int, ...], dict[Buffer, Stmt]] = {}
        for s in body:
            for b, n in self._count(s).items():
                self.total[b] = self.total.get(b, 0) + n
        for b in shared:
            self.total[b] = self.total.get(b, 0) + 1

    def _count(self, s: Stmt) -> dict[Buffer, int]:
        found: dict[Buffer, int] = {}
        written: set[Buffer] = set()
        for e in stmt_exprs(s):
            for part in walk_expr(e):
                if isinstance(part, Load) and is_variable(part.buffer):
                    found[part.buffer] = found.get(part.buffer, 0) + 1
        if isinstance(s, Store) and is_variable(s.buffer):
            found[s.buffer] = found.get(s.buffer, 0) + 1
            written.add(s.buffer)
        if isinstance(s, Call):
            for x in [*s.inputs, *s.outputs]:
                if is_variable(x.buffer):
                    found[x.buffer] = found.get(x.buffer, 0) + 1
            written |= {x.buffer for x in s.outputs if is_variable(x.buffer)}
        for block in blocks(s):
            for inner in block:
                for b, n in self._count(inner).items():
                    found[b] = found.get(b, 0) + n
                written |= self.written[id(inner)]
        self.inside[id(s)] = found
        self.written[id(s)] = written
        return found

    def private(self, b: Buffer, s: Stmt, block: list[Stmt]) -> bool:
        """Whether a variable lives inside a loop only, and each step of `block` sets it before it reads it."""
        return self.inside[id(s)].get(b, 0) == self.total[b] and self._set_first(b, block)

    def _set_first(self, b: Buffer, block: list[Stmt]) -> bool:
        """Whether the first statement that touches a variable sets it."""
        s = self._first_touch(block).get(b)
        if isinstance(s, Store):
            return s.buffer is b and s.combine is None and not any(
                isinstance(p, Load) and p.buffer is b for e in stmt_exprs(s) for p in walk_expr(e))
        if isinstance(s, For):
            return self.inside[id(s)][b] == self.total[b] and self._set_first(b, s.body)
        return False

    def _first_touch(self, block: list[Stmt]) -> dict[Buffer, Stmt]:
        key = tuple(map(id, block[:1])) + (len(block), id(block[-1]) if block else 0)
        found = self.first.get(key)
        if found is None:
            found = self.first[key] = {}
            for s in block:
                for b in self.inside[id(s)]:
                    found.setdefault(b, s)
        return found


def is_variable(b: Buffer) -> bool:
    return not b.shape and b.role != "input" and b.root is None


def value_parts(e: Expr):
    """Parts of an expression outside the indices of loads."""
    yield e
    if isinstance(e, Apply):
        for a in e.args:
            yield from value_parts(a)
    elif isinstance(e, Select):
        for a in (e.test, e.yes, e.no):
            yield from value_parts(a)
    elif isinstance(e, Cast):
        yield from value_parts(e.x)


def affine_in(e: Expr, var: Name) -> int | None:
    """The factor of a counter in an index; 0 if it is not in there, None if the index is not affine in it."""
    if e == var:
        return 1
    if var not in set(walk_expr(e)):
        return 0
    if isinstance(e, Apply) and e.fn in ("add", "sub", "mul"):
        a, b = (affine_in(x, var) for x in e.args)
        if a is None or b is None:
            return None
        if e.fn == "add":
            return a + b
        if e.fn == "sub":
            return a - b
        for f, other in ((a, e.args[1]), (b, e.args[0])):
            if isinstance(other, Lit):
                return f * int(other.value)
    return None


def stores(s: Stmt):
    if isinstance(s, Store):
        yield s
    for block in blocks(s):
        for inner in block:
            yield from stores(inner)


def innermost(s: Stmt):
    """Loops without loops inside, in a statement."""
    if isinstance(s, For) and not any(isinstance(x, (For, While, If)) for x in s.body):
        yield s
        return
    for block in blocks(s):
        for inner in block:
            yield from innermost(inner)


