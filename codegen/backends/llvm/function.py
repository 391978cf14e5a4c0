"""One function of a kernel in LLVM IR: its statements, loops and branches, and the scalar variables that it shares with others."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from codegen.backends.llvm import scalar as scalar_llvm
from codegen.backends.llvm.vectors import VectorWriter
from codegen.backends.llvm.writer import Value, llvm_type
from codegen.loops.language import Alloc, Buffer, Check, For, Grow, If, Stmt, Store, ThreadPlan, While
from codegen.loops.usage import Usage, stores

if TYPE_CHECKING:
    from codegen.backends.llvm.module import Emitter

__all__ = ["FunctionWriter"]


class FunctionWriter(VectorWriter):
    """Writes one part of a program."""

    def __init__(self, module: Emitter, body: list[Stmt], shared: set[Buffer]):
        loop = body[0] if body else None
        super().__init__(module, loop.threads if isinstance(loop, For) else None)
        self.body = body
        self.shared = shared
        self.usage = Usage(body, shared)

    # -- the whole -------------------------------------------------------------------------------

    def function(self, name: str) -> str:
        """The text of the function."""
        first: dict[Buffer, bool] = {}
        written = {b for s in self.body for b in self.usage.written[id(s)]}
        for s in self.body:
            for b in self.usage.inside[id(s)]:
                first.setdefault(b, self.usage.sets_first(b, self.body))
        for b, is_set in first.items():
            kind = llvm_type(b.dtype)
            if self.threads is not None and b in self.threads.sums:
                self.variables[b] = self.constant(scalar_llvm.neutral(self.threads.sums[b], b.dtype), kind)
            elif b in self.shared and not is_set:
                self.variables[b] = self.memory_load(self.cell(b), b.dtype)
            else:
                self.variables[b] = self.constant(0, kind)
        self.block(self.body)
        for b in first:
            if self.threads is not None and b in self.threads.sums:
                self.memory_store(self.partial(b), b.dtype, self.variables[b])
            elif b in self.shared and b in written:
                self.memory_store(self.cell(b), b.dtype, self.variables[b])
        self.line("ret i32 0")
        stretch = ", i64 %begin, i64 %end, i64 %number" if self.threads is not None else ""
        return (f"define internal i32 @{name}(ptr noalias %arrays, ptr noalias %parameters, ptr noalias %arena{stretch}) #0 {{\n"
                + "\n".join(self.text()) + "\n}\n")

    def join(self, name: str, plan: ThreadPlan) -> str:
        """The text of the function that adds up what the stretches of a parallel loop have summed."""
        for b, how in plan.sums.items():
            total = self.memory_load(self.cell(b), b.dtype)

            def add(k: Value, b=b, how=how) -> None:
                at = self.partial(b, k)
                self.variables[b] = scalar_llvm.combine(self, how, b.dtype, self.variables[b], self.memory_load(at, b.dtype))
            self.variables[b] = total
            self.counted(self.constant(0, "i64"), Value("%parts", "i64"), 1, [b], add)
            self.memory_store(self.cell(b), b.dtype, self.variables[b])
        self.line("ret void")
        return (f"define internal void @{name}(ptr noalias %arrays, ptr noalias %parameters, ptr noalias %arena, i64 %parts) #0 {{\n"
                + "\n".join(self.text()) + "\n}\n")

    # -- statements ------------------------------------------------------------------------------

    def block(self, block: list[Stmt]) -> None:
        """Statements in order."""
        for s in block:
            self.stmt(s)

    def stmt(self, s: Stmt) -> None:
        """Write a statement."""
        if isinstance(s, Store):
            kept = self.sum_of.get(id(s))
            if kept is None:
                self.store(s)
            else:
                self.accumulate(kept, s)
        elif isinstance(s, For):
            self.for_(s)
        elif isinstance(s, While):
            self.while_(s)
        elif isinstance(s, If):
            self.if_(s)
        elif isinstance(s, Check):
            self.check(s)
        elif isinstance(s, Alloc):
            self.alloc(s)
        elif isinstance(s, Grow):
            self.grow(s)
        else:
            self.call(s)

    # -- loops -----------------------------------------------------------------------------------

    def _carried(self, s: For | While, block: list[Stmt]) -> list[Hashable]:
        """Variables that a step hands to the next."""
        usage = self.usage
        summed = {x.buffer for x in self.sums}
        found: list[Hashable] = [b for b in sorted(usage.written[id(s)], key=lambda b: b.name)
                                 if not usage.private(b, s, block) and b not in summed]
        touched = {self.sum_of.get(id(x)) for x in stores(s)}
        return found + [(x, copy) for x in self.sums if x in touched for copy in range(x.copies)]

    def for_(self, s: For) -> None:
        """A loop, and the sums that are kept in vectors as long as it runs."""
        self.open_sums(s)
        written = self.written(s)
        self.advance(written)
        if s.vector is not None:
            begin, end = self._range(s, self.expr(s.stop))
            self.vector_loop(s, s.vector, begin, end, self._carried(s, s.body))
            self._forget(s, s.body)
        else:
            self._scalar_loop(s)
        self.advance(written)
        self.close_sums(s)

    def _scalar_loop(self, s: For) -> None:
        n = self.expr(s.stop)
        start, stop = self._range(s, n)

        def body(i: Value) -> None:
            self.names[s.var] = self.isub(self.isub(n, self.constant(1, "i64")), i) if s.reverse else i
            self.block(s.body)
        if n.number == 1:
            body(self.constant(0, "i64"))
        else:
            self.counted(start, stop, 1, self._carried(s, s.body), body)
        self._forget(s, s.body)

    def _range(self, s: For, n: Value) -> tuple[Value, Value]:
        """Where a loop starts and stops: a stretch, for the loop that threads share."""
        if s.threads is not None:
            return Value("%begin", "i64"), Value("%end", "i64")
        return self.constant(0, "i64"), n

    def _forget(self, s: For | While, block: list[Stmt]) -> None:
        """Drop the values of variables that live inside a loop only: they were made in a frame that is closed."""
        for b in self.usage.written[id(s)]:
            if self.usage.private(b, s, block):
                self.variables[b] = self.constant(0, llvm_type(b.dtype))

    def while_(self, s: While) -> None:
        written = self.written(s)
        self.advance(written)

        def head() -> Value:
            self.block(s.head)
            return self.expr(s.test)
        whole = [*s.head, *s.body]
        self.repeated(self._carried(s, whole), head, lambda: self.block(s.body))
        self._forget(s, whole)
        self.advance(written)

    def if_(self, s: If) -> None:
        which = self.expr(s.which)
        if which.kind == "i1":
            which = self.convert("zext", which, "i64")
        tests = [self.compare("icmp sle", which, self.constant(k, which.kind)) for k in range(len(s.branches) - 1)]
        changed = sorted(self.usage.written[id(s)], key=lambda b: b.name)
        written = self.written(s)

        def arm(block: list[Stmt]) -> Callable[[], None]:
            def run() -> None:
                self.advance(written)
                self.block(block)
            return run
        if len(s.branches) == 1:
            self.block(s.branches[0])
        else:
            self.branches(tests, [arm(b) for b in s.branches], changed)
        self.advance(written)
