"""Loops that run in vectors, and the sums kept in vectors, in LLVM IR, as `codegen/loops/passes/vectorize.py` has planned them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from codegen.backends.llvm import scalar as scalar_llvm
from codegen.backends.llvm.calls import CallWriter
from codegen.backends.llvm.elements import Vector
from codegen.backends.llvm.writer import Value, llvm_type
from codegen.loops.language import Apply, Check, For, Stmt, Store, ThreadPlan, VectorPlan, VectorSum
from codegen.loops.usage import is_variable

if TYPE_CHECKING:
    from codegen.backends.llvm.module import Emitter

__all__ = ["VectorWriter"]


class VectorWriter(CallWriter):
    """Writes vector loops. `sums` are those that are kept in vectors now, `sum_of` has them by their stores."""

    def __init__(self, module: Emitter, threads: ThreadPlan | None = None):
        super().__init__(module, threads)
        self.sums: list[VectorSum] = []
        self.sum_of: dict[int, VectorSum] = {}

    @abstractmethod
    def stmt(self, s: Stmt) -> None:
        """Write a statement."""

    @abstractmethod
    def block(self, block: list[Stmt]) -> None:
        """Write statements in order."""

    # -- sums ------------------------------------------------------------------------------------

    def open_sums(self, s: For) -> None:
        """Start the sums that are kept in vectors as long as a loop runs."""
        for x in s.sums:
            self.sums.append(x)
            self.sum_of.update({id(store): x for store in x.stores})
            start = scalar_llvm.neutral(x.combine, x.dtype)
            for copy in range(x.copies):
                self.variables[x, copy] = self.constant(start, llvm_type(x.dtype), x.lanes)

    def accumulate(self, x: VectorSum, s: Store) -> None:
        """Write a store that adds to a sum kept in vectors."""
        vector = self.vector
        if vector is None:  # one of the last elements: into the first lane
            total = self.variables[x, 0]
            v = scalar_llvm.cast(self, self.expr(s.value), s.value.dtype, x.dtype)
            v = self.first_lane(v, self.constant(scalar_llvm.neutral(x.combine, x.dtype), v.kind, total.lanes))
            self.variables[x, 0] = scalar_llvm.combine(self, x.combine, x.dtype, total, v)
            return
        at = (x, vector.copy % x.copies)
        total = self.variables[at]
        e = s.value
        if x.combine == "add" and x.dtype == np.float64 and s.buffer.dtype == np.float64 and isinstance(e, Apply) and e.fn == "mul" \
                and vector.mask is None:
            a, b = (self.spread(self.expr(y), vector.lanes) for y in e.args)
            self.variables[at] = self.fma(a, b, total)
            return
        v = self.spread(scalar_llvm.cast(self, self.expr(e), e.dtype, x.dtype), vector.lanes)
        if vector.mask is not None:
            v = self.select(vector.mask, v, self.constant(scalar_llvm.neutral(x.combine, x.dtype), v.kind, v.lanes))
        self.variables[at] = scalar_llvm.combine(self, x.combine, x.dtype, total, v)

    def close_sums(self, s: For) -> None:
        """Put the sums that were kept in vectors while a loop ran into their buffers."""
        for x in s.sums:
            self.sums.remove(x)
            for store in x.stores:
                del self.sum_of[id(store)]
            total = self.variables.pop((x, 0))
            for copy in range(1, x.copies):
                total = scalar_llvm.combine(self, x.combine, x.dtype, total, self.variables.pop((x, copy)))
            self._add_to_buffer(x, scalar_llvm.horizontal(self, x.combine, x.dtype, total))

    def _add_to_buffer(self, x: VectorSum, v: Value) -> None:
        b = x.buffer
        if is_variable(b):
            old = scalar_llvm.cast(self, self.variables[b], b.dtype, x.dtype)
            self.variables[b] = scalar_llvm.cast(self, scalar_llvm.combine(self, x.combine, x.dtype, old, v), x.dtype, b.dtype)
            return
        start, _, _ = self.address(b, x.stores[0].index)
        old = scalar_llvm.cast(self, self.memory_load(start, b.dtype), b.dtype, x.dtype)
        self.memory_store(start, b.dtype, scalar_llvm.cast(self, scalar_llvm.combine(self, x.combine, x.dtype, old, v), x.dtype, b.dtype))
        self.advance({b.storage})

    # -- loops -----------------------------------------------------------------------------------

    def vector_loop(self, s: For, plan: VectorPlan, begin: Value, end: Value, carried: list[Hashable]) -> None:
        """Write a loop in vectors, from a step to another one."""
        writes = self.written(s)
        first = Vector(s.var, plan.lanes, begin, None, 0, writes, end.number is None and not any(isinstance(x, Check) for x in s.body))
        if end.number is not None:
            self._written_out(s, plan, first, end.number)
            return

        def masked(i: Value) -> None:
            self._vector(s, replace(first, index=i, mask=self._mask(i, end, plan.lanes)))
        if plan.masks == "all":
            self.counted(begin, end, plan.lanes, carried, masked)
            return
        step = plan.copies * plan.lanes
        whole = self.iadd(begin, self.binary("and", self.isub(end, begin), self.constant(-step, "i64")))

        def round_of(i: Value) -> None:
            for copy in range(plan.copies):
                self._vector(s, replace(first, index=self.iadd(i, self.constant(copy * plan.lanes, "i64")), copy=copy))
        self.counted(begin, whole, step, carried, round_of)
        self.advance(writes)
        if plan.masks == "none":
            if plan.copies > 2:     # whole vectors that are left
                begin, whole = whole, self.iadd(begin, self.binary("and", self.isub(end, begin), self.constant(-plan.lanes, "i64")))
                self.counted(begin, whole, plan.lanes, carried, lambda i: self._vector(s, replace(first, index=i)))
                self.advance(writes)
            self.counted(whole, end, 1, carried, lambda i: self._one(s, i))
        else:
            self.counted(whole, end, plan.lanes, carried, masked)

    def _written_out(self, s: For, plan: VectorPlan, first: Vector, n: int) -> None:
        """Write a loop of few steps, the number of which stands in the text, vector by vector."""
        lanes = plan.lanes
        for k, at in enumerate(range(0, n, lanes)):
            left = n - at
            if left < lanes and plan.masks == "none":
                for last in range(at, n):
                    self._one(s, self.constant(last, "i64"))
                return
            inside = ", ".join(f"i1 {'true' if j < left else 'false'}" for j in range(lanes))
            mask = None if left >= lanes else Value(f"<{inside}>", "i1", lanes)
            self._vector(s, replace(first, index=self.constant(at, "i64"), mask=mask, copy=k))

    def _vector(self, s: For, v: Vector) -> None:
        """Write the steps of one vector."""
        self.vector = v
        rest = s.body
        while rest:
            pair = len(rest) > 1 and isinstance(rest[0], Store) and isinstance(rest[1], Store) and self.store_pair(rest[0], rest[1])
            if not pair:
                self.stmt(rest[0])
            rest = rest[2 if pair else 1:]
        self.vector = None

    def _one(self, s: For, i: Value) -> None:
        """A step of a vector loop without vectors: one of the last, which are less than a vector."""
        self.names[s.var] = i
        self.block(s.body)

    def _mask(self, i: Value, n: Value, lanes: int) -> Value:
        """Lanes that are inside the array."""
        left = self.binary("sub", n, i)
        if lanes <= 8:
            lane = Value("<" + ", ".join(f"i64 {k}" for k in range(lanes)) + ">", "i64", lanes)
            return self.compare("icmp sgt", self.spread(left, lanes), lane)
        left = self.convert("trunc", self.intrinsic("smin", left, self.constant(lanes, "i64")), "i32")
        lane = Value("<" + ", ".join(f"i32 {k}" for k in range(lanes)) + ">", "i32", lanes)
        return self.compare("icmp sgt", self.spread(left, lanes), lane)
