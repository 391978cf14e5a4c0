"""Loop nests as LLVM IR with explicit vectors.

The text depends on the structure of a program alone: lengths, offsets and most constants are parameters, read from a table at the head
of a function. Programs that differ only in them have the same text, and share one machine code. Numbers up to SMALL stay in the text,
where the code generator can use them.

Which loops run in vectors or are shared by threads stands in the program (`codegen/loops/passes/vectorize.py`, `share_loops.py`). The body
of a program is cut into functions of limited size, so that compile time grows linearly; scalars that several of them use live in memory
between. Who writes what: `writer.py` instructions and control flow, `scalar.py` functions of numbers, `elements.py` expressions and
elements of arrays, `calls.py` checks and calls, `vectors.py` loops in vectors, `function.py` a function of statements.

The kernel is a C function: int kernel(void **arrays, int64 *parameters, char *arena): 0, or k if check number k failed, or -k.
`arrays` are the inputs, the outputs and the arena's cells are laid out by `Layout`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from codegen.backends.llvm import scalar as scalar_llvm
from codegen.backends.llvm.compiler import STRAIGHT_LINE
from codegen.backends.llvm.function import FunctionWriter
from codegen.backends.llvm.layout import CHUNK, INLINED, SLOT, Layout
from codegen.backends.llvm.made import FAILED_CALL, NO_MEMORY, Module
from codegen.backends.llvm.writer import Value, Writer
from codegen.elementary import functions as elementary
from codegen.loops.cost import cost_of
from codegen.loops.language import (
    Alloc,
    Apply,
    Buffer,
    BufferView,
    Call,
    Check,
    For,
    If,
    Lit,
    Program,
    Stmt,
    Store,
    ThreadPlan,
    While,
    accesses,
    blocks,
    stmt_exprs,
    walk_expr,
)
from codegen.loops.passes.arena import MemoryPlan
from codegen.loops.usage import is_variable
from codegen.target import Target
from tracer.lengths import number_of

__all__ = ["emit_llvm", "Module", "FAILED_CALL", "NO_MEMORY"]


class Emitter:
    """Writes a module."""

    def __init__(self, program: Program, plan: MemoryPlan, target: Target):
        self.program = program
        self.target = target
        self.layout = Layout(program, plan, target.threads)
        self.declarations: set[str] = set()
        self.messages: dict[str, int] = {}
        self.references: dict[str, dict] = {}
        self.symbols: set[str] = set()
        self.helpers: dict[str, str] = {}
        self.memory_functions = False
        self.outlined = self._outlined()

    def _outlined(self) -> set[tuple[str, np.dtype]]:
        """Elementary functions that are used so often that their code stands once, in a function of its own."""
        uses: dict[tuple[str, np.dtype], int] = {}

        def visit(block: list[Stmt]) -> None:
            for s in block:
                for e in stmt_exprs(s):
                    for p in walk_expr(e):
                        if isinstance(p, Apply) and p.fn in elementary.functions and p.dtype.kind == "f":
                            uses[p.fn, p.dtype] = uses.get((p.fn, p.dtype), 0) + 1
                for b in blocks(s):
                    visit(b)
        visit(self.program.body)
        return {key for key, n in uses.items() if n > INLINED}

    def call_outlined(self, w: Writer, fn: str, dtype: np.dtype, args: list[Value]) -> Value:
        """A call of an elementary function's own function, which is written when it is first needed."""
        kind, lanes, t = args[0].kind, args[0].lanes, args[0].type
        name = f"ad_{fn}_{kind}_{lanes}"
        if name not in self.helpers:
            inner = Writer(self.declarations, self.target.fma, self.target.has_mask_registers)
            y = scalar_llvm.apply(inner, fn, dtype, [Value(f"%x{k}", kind, lanes) for k in range(len(args))])
            inner.line(f"ret {y}")
            parameters = ", ".join(f"{t} %x{k}" for k in range(len(args)))
            self.helpers[name] = f"define internal {t} @{name}({parameters}) noinline #0 {{\n" + "\n".join(inner.text()) + "\n}\n"
        return w.pure(f"call {t} @{name}({', '.join(map(str, args))})", kind, lanes, *args)

    def message(self, text: str) -> int:
        """The number of a check."""
        return self.messages.setdefault(text, len(self.messages) + 1)

    def help(self, name: str) -> None:
        """Define one of the helper functions."""
        if name not in self.helpers:
            text, needs = scalar_llvm.HELPERS[name]
            self.helpers[name] = text
            for other in needs:
                self.help(other)

    def reference(self, info: dict, inputs: int, views: Sequence[BufferView]) -> str:
        """The symbol of a call of a NumPy reference."""
        name = f"reference_{len(self.references)}"
        self.references[name] = {**info, "inputs": inputs, "types": [(x.buffer.dtype, len(x.buffer.shape)) for x in views]}
        return name

    def chunks(self) -> list[list[Stmt]]:
        """The body cut into functions; a loop that threads share has one of its own."""
        out: list[list[Stmt]] = [[]]
        size = 0
        for s in self.program.body:
            c = cost_of(s)
            if out[-1] and (size + c > CHUNK or _threads(s) or _threads(out[-1][-1])):
                out.append([])
                size = 0
            out[-1].append(s)
            size += c
        return out

    def shared(self, chunks: list[list[Stmt]]) -> set[Buffer]:
        """Scalar variables that several functions use, or that are results."""
        seen: dict[Buffer, int] = {}
        shared: set[Buffer] = {b for b in self.program.outputs if isinstance(b, Buffer) and not b.shape}
        for k, chunk in enumerate(chunks):
            for s in chunk:
                for a in accesses(s):
                    if is_variable(a.buffer) and seen.setdefault(a.buffer, k) != k:
                        shared.add(a.buffer)
        return shared

    def dynamic(self) -> list[Buffer]:
        """Buffers whose memory is made at run time."""
        found: dict[Buffer, None] = {}

        def visit(block: list[Stmt]) -> None:
            for s in block:
                if isinstance(s, Alloc):
                    found.setdefault(s.buffer.storage)
                for b in blocks(s):
                    visit(b)
        visit(self.program.body)
        return list(found)

    def module(self) -> Module:
        """All of it."""
        chunks = self.chunks()
        plans = [plan for s in self.program.body if (plan := _threads(s))]
        shared = self.shared(chunks) | {b for plan in plans for b in plan.sums}
        for b in sorted(shared, key=lambda b: b.name):
            if b not in self.layout.arguments:
                self.layout.cell(b)
        dynamic = self.dynamic()
        for b in dynamic:
            self.layout.slot(b)
        for plan in plans:
            for b in plan.sums:
                self.layout.partial(b)
        self.layout.fix([b for plan in plans for b in plan.own])
        parts = []
        for k, chunk in enumerate(chunks):
            parts.append(FunctionWriter(self, chunk, shared).function(f"part{k}"))
            loop = chunk[0] if chunk else None
            if isinstance(loop, For) and loop.threads is not None:
                parts += [FunctionWriter(self, [], shared).join(f"join{k}", loop.threads), self._launch(k, loop)]
        texts = [*self.helpers.values(), *parts, self._kernel(chunks, dynamic)]
        if self.memory_functions:
            texts.insert(0, _MEMORY)
        first = STRAIGHT_LINE if _is_straight_line(self.program) else ""
        text = first + "\n".join([*sorted(self.declarations), *texts, _ATTRIBUTES])
        names = sorted(self.messages, key=lambda t: self.messages[t])
        table, arena = self.layout.table or [0], max(64, self.layout.size)
        has_loops = any(isinstance(s, While) or isinstance(s, For) and not s.parallel for s in self.program.body)
        return Module(text, np.array([number_of(v) for v in table], np.int64), number_of(arena), names, self.references, self.symbols,
                      has_loops, table, arena)

    def _launch(self, k: int, loop: For) -> str:
        """The function that has a loop run by threads, and adds up their sums."""
        self.symbols.add("ad_parallel")
        self.declarations.add("declare i32 @ad_parallel(ptr, ptr, ptr, ptr, i64, i64)")
        w = FunctionWriter(self, [], set())
        n = w.expr(loop.stop)
        threads = w.parameter(self.layout.threads, "i64")
        arguments = "ptr %arrays, ptr %parameters, ptr %arena"
        code = w.here(f"call i32 @ad_parallel(ptr @part{k}, {arguments}, {n}, {threads})", "i32")
        w.line(f"call void @join{k}({arguments}, {threads})")
        w.line(f"ret {code}")
        return f"define internal i32 @launch{k}(ptr %arrays, ptr %parameters, ptr %arena) #0 {{\n" + "\n".join(w.text()) + "\n}\n"

    def _kernel(self, chunks: list[list[Stmt]], dynamic: list[Buffer]) -> str:
        lines = ["define i32 @kernel(ptr noalias %arrays, ptr noalias %parameters, ptr noalias %arena) #0 {", "entry:"]
        for k, b in enumerate(dynamic):
            lines += [f"  %s{k} = getelementptr i8, ptr %arena, i64 {self.layout.slot(b)}",
                      f"  store <2 x i64> zeroinitializer, ptr %s{k}, align 8"]
        arguments = "ptr %arrays, ptr %parameters, ptr %arena"
        codes = []
        for k, chunk in enumerate(chunks):
            codes.append((f"%c{k}", f"after{k}"))
            name = f"launch{k}" if chunk and _threads(chunk[0]) else f"part{k}"
            lines += [f"  %c{k} = call i32 @{name}({arguments})", f"  %bad{k} = icmp ne i32 %c{k}, 0",
                      f"  br label %after{k}", f"after{k}:", f"  br i1 %bad{k}, label %leave, label %next{k}", f"next{k}:"]
        lines += ["  br label %leave", "leave:",
                  "  %code = phi i32 " + ", ".join([*(f"[{c}, %{at}]" for c, at in codes), f"[0, %next{len(chunks) - 1}]"])]
        for k in range(len(dynamic)):
            lines += [f"  %m{k} = load ptr, ptr %s{k}", f"  call void @free(ptr %m{k})"]
        lines += ["  ret i32 %code", "}"]
        if dynamic:
            self.memory_functions = True
        return "\n".join(lines) + "\n"


def _threads(s: Stmt) -> ThreadPlan | None:
    """How threads share a statement; None if they do not."""
    return s.threads if isinstance(s, For) else None


LONG_ROW = 1000
"""Statements from which on a program is compiled as straight-line code, unless its loops take more steps."""


def _is_straight_line(program: Program) -> bool:
    """Whether a program is a long row of statements, beside which its loops are of no account."""
    def steps(block: list[Stmt], times: int) -> float:
        total = 0.0
        for s in block:
            if isinstance(s, For) and isinstance(s.stop, Lit):
                total += steps(s.body, times * max(1, s.stop.value))
            elif isinstance(s, If):
                total += max(steps(b, times) for b in s.branches)
            else:
                total += inf if isinstance(s, (For, While, Call)) else times
        return total
    row = sum(isinstance(s, (Store, Check)) for s in program.body)
    return row >= LONG_ROW and steps(program.body, 1) <= 2 * row


_MEMORY = f"""declare ptr @malloc(i64)
declare ptr @realloc(ptr, i64)
declare void @free(ptr)
define internal i1 @ad_fit(ptr %slot, i64 %size) noinline {{
  %old = load ptr, ptr %slot
  call void @free(ptr %old)
  %new = call ptr @malloc(i64 %size)
  store ptr %new, ptr %slot
  %at = getelementptr i8, ptr %slot, i64 {SLOT // 2}
  store i64 %size, ptr %at
  %failed = icmp eq ptr %new, null
  ret i1 %failed
}}
define internal i1 @ad_grow(ptr %slot, i64 %size) noinline {{
  %old = load ptr, ptr %slot
  %double = shl i64 %size, 1
  %new = call ptr @realloc(ptr %old, i64 %double)
  %failed = icmp eq ptr %new, null
  br i1 %failed, label %leave, label %fine
fine:
  store ptr %new, ptr %slot
  %at = getelementptr i8, ptr %slot, i64 {SLOT // 2}
  store i64 %double, ptr %at
  br label %leave
leave:
  ret i1 %failed
}}
"""
_ATTRIBUTES = """attributes #0 = { nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512" }
!0 = !{!"branch_weights", i32 1, i32 1000000}
"""


def emit_llvm(program: Program, plan: MemoryPlan, target: Target) -> Module:
    """Write a program as LLVM IR for a machine. Raises NotKnown for what this generator cannot write."""
    return Emitter(program, plan, target).module()
