"""Statements that are no arithmetic in LLVM IR: checks, memory made at run time, matrix products, LAPACK's routines, NumPy references."""

from __future__ import annotations

from collections.abc import Sequence

from codegen.backends.llvm.elements import ElementWriter
from codegen.backends.llvm.made import FAILED_CALL, NO_MEMORY, NO_PLACE, NOT_POSITIVE, SINGULAR
from codegen.backends.llvm.writer import Value, llvm_type
from codegen.loops.language import Alloc, Buffer, BufferView, Call, Check, Expr, Grow, Lit
from codegen.loops.usage import is_variable
from codegen.runtime.lapack import NATIVE
from codegen.runtime.rows import OUTSIDE, row_function
from codegen.target import SMALL

__all__ = ["CallWriter"]


class CallWriter(ElementWriter):
    """Writes checks, allocations and calls."""

    def check(self, s: Check) -> None:
        """Leave with the number of the check unless the index is inside."""
        i, n = self.expr(s.index), self.expr(s.length)
        low = self.compare("icmp slt", i, self.binary("sub", self.constant(0, "i64"), n))
        bad = self.binary("or", low, self.compare("icmp sge", i, n))
        if bad.lanes:
            v = self.vector
            assert v is not None
            if v.mask is not None:
                bad = self.binary("and", bad, v.mask)
            kind = f"i{bad.lanes}"
            bad = self.compare("icmp ne", self.pure(f"bitcast {bad} to {kind}", kind, 0, bad), self.constant(0, kind))
        self._leave_if(bad, self.module.message(s.message if s.error == "IndexError" else f"{s.error}\0{s.message}"))

    def _leave_if(self, bad: Value, code: int) -> None:
        fail, fine = self.label(), self.label()
        self.line(f"br i1 {bad.text}, label %{fail}, label %{fine}, !prof !0")
        self.frame.lines += [f"{fail}:", f"  ret i32 {code}"]
        self.start_block(fine)

    def _row_bytes(self, b: Buffer, shape: Sequence[Expr]) -> Value:
        size = self.constant(b.dtype.itemsize, "i64")
        for d in shape:
            size = self.imul(size, self.expr(d))
        return size

    def alloc(self, s: Alloc) -> None:
        b = s.buffer
        lengths = [Lit(SMALL), *b.shape[1:]] if b.role == "tape" else list(b.shape)
        self._fit(b, self._row_bytes(b, lengths), "ad_fit")

    def grow(self, s: Grow) -> None:
        at = self.iadd(self.expr(s.at), self.constant(1, "i64"))
        self._fit(s.buffer, self.imul(at, self._row_bytes(s.buffer, s.buffer.shape[1:])), "ad_grow")

    def _fit(self, b: Buffer, size: Value, how: str) -> None:
        root = b.storage
        slot = self.slot(root)
        capacity = self.here(f"load i64, {self.offset(slot, self.constant(1, 'i64'), 'i64')}", "i64")
        short = self.here(f"icmp slt {capacity}, {size.text}", "i1")
        more, fine = self.label(), self.label()
        self.line(f"br i1 {short.text}, label %{more}, label %{fine}, !prof !0")
        self.start_block(more)
        self.module.memory_functions = True
        failed = self.here(f"call i1 @{how}({slot}, {size})", "i1")
        lost = self.label()
        self.line(f"br i1 {failed.text}, label %{lost}, label %{fine}, !prof !0")
        self.frame.lines += [f"{lost}:", f"  ret i32 {NO_MEMORY}"]
        self.start_block(fine)
        self.advance({root})

    def view_address(self, x: BufferView) -> Value:
        """Where an operand of a call starts."""
        b = x.buffer
        if not b.shape:
            return self.base(b)
        lead = [*x.lead, *[Lit(0)] * (len(b.shape) - len(x.lead))]
        start, _, _ = self.address(b, lead)
        return start

    def call(self, s: Call) -> None:
        """A matrix product, a routine of LAPACK's, a function of rows, or a reference."""
        for x in s.outputs:
            self.advance({x.buffer.storage})
        if s.kind == "matmul":
            self._matmul(s)
        elif s.info["op"] in NATIVE and s.outputs[0].buffer.dtype.kind == "f" and not any(is_variable(x.buffer) for x in s.inputs):
            self._lapack(s)
        elif name := row_function(s.info["op"], s.info["params"], s.inputs[0].buffer.dtype):
            self._rows(s, name)
        else:
            self._reference(s)
        for x in s.outputs:
            self.advance({x.buffer.storage})

    def _matmul(self, s: Call) -> None:
        a, b = s.inputs
        out, = s.outputs
        (m, k), n = self._lengths(a), self._lengths(b)[1]
        kind = llvm_type(out.buffer.dtype)
        operands = ", ".join(map(str, [self.view_address(a), self.view_address(b), self.view_address(out), m, k, n]))
        threads = self.parameter(self.layout.threads, "i64") if self.layout.threads > 1 else self.constant(1, "i64")
        flags = f"i32 {int(a.swapped)}, i32 {int(b.swapped)}, i32 {int(bool(s.info.get('add')))}, {threads}"
        name = f"ad_gemm_{'f64' if kind == 'double' else 'f32'}"
        self.module.symbols.add(name)
        self.declarations.add(f"declare void @{name}(ptr, ptr, ptr, i64, i64, i64, i32, i32, i32, i64)")
        self.line(f"call void @{name}({operands}, {flags})")

    def _lengths(self, x: BufferView) -> list[Value]:
        lengths = [self.expr(d) for d in x.buffer.shape[-2:]]
        return lengths[::-1] if x.swapped else lengths

    def _lapack(self, s: Call) -> None:
        """A factorization or a triangular system, one for each index of the leading axes."""
        out, params = s.outputs[0].buffer, s.info["params"]
        kind = llvm_type(out.dtype)
        short = "f64" if kind == "double" else "f32"
        starts = [self.view_address(x) for x in [*s.inputs, *s.outputs]]
        matrices = [[self.expr(d) for d in x.buffer.shape[-2:]] for x in [*s.inputs, *s.outputs]]
        lanes = self.constant(1, "i64")
        for d in out.shape[:-2]:
            lanes = self.imul(lanes, self.expr(d))

        def one(lane: Value) -> None:
            places = [self.offset(start, self.imul(lane, self.imul(*lengths)), kind)
                      for start, lengths in zip(starts, matrices, strict=True)]
            if s.info["op"] == "cholesky":
                name = f"ad_cholesky_{short}"
                self.declarations.add(f"declare i32 @{name}(ptr, ptr, i64)")
                code = self.here(f"call i32 @{name}({', '.join(map(str, places))}, {matrices[0][0]})", "i32")
                self._leave_if(self.here(f"icmp ne {code}, 0", "i1"), NOT_POSITIVE)
            else:
                name = f"ad_triangular_{short}"
                flags = ", ".join(f"i32 {int(params[p])}" for p in ("lower", "transposed", "unit"))
                self.declarations.add(f"declare i32 @{name}(ptr, ptr, ptr, i64, i64, i32, i32, i32)")
                code = self.here(f"call i32 @{name}({', '.join(map(str, places))}, {matrices[0][0]}, {matrices[1][1]}, {flags})", "i32")
                self._leave_if(self.here(f"icmp ne {code}, 0", "i1"), SINGULAR)
            self.module.symbols.add(name)
        if lanes.number == 1:
            one(self.constant(0, "i64"))
        else:
            self.counted(self.constant(0, "i64"), lanes, 1, [], one)

    def _rows(self, s: Call, name: str) -> None:
        """A function of `codegen/runtime/rows.py`: all rows of the first input, which are its last axis."""
        *lead, n = [self.expr(d) for d in s.inputs[0].buffer.shape]
        rows = self.constant(1, "i64")
        for d in lead:
            rows = self.imul(rows, d)
        starts, cells = self._operands(s)
        counts = [rows, n]
        if len(s.inputs) > 1:
            counts.append(self.constant(1, "i64"))
            for d in s.inputs[1].buffer.shape:
                counts[-1] = self.imul(counts[-1], self.expr(d))
        self.module.symbols.add(name)
        self.declarations.add(f"declare i32 @{name}({', '.join(['ptr'] * len(starts) + ['i64'] * len(counts))})")
        code = self.here(f"call i32 @{name}({', '.join(map(str, [*starts, *counts]))})", "i32")
        self._leave_if(self.here(f"icmp eq {code}, {OUTSIDE}", "i1"), NO_PLACE)
        self._leave_if(self.here(f"icmp ne {code}, 0", "i1"), NO_MEMORY)
        self._take_back(cells)

    def _operands(self, s: Call) -> tuple[list[Value], list[tuple[Buffer, Value]]]:
        """Where the operands of a call lie. A number in a register gets a cell; those of results are read again after the call."""
        starts, cells = [], []
        for x in [*s.inputs, *s.outputs]:
            if is_variable(x.buffer):
                cell = self.fresh("c")
                # Stack memory is taken at the head of the function: in a loop it would add up.
                self.frames[0].lines.insert(0, f"  {cell} = alloca i64")
                at = Value(cell, "ptr")
                self.memory_store(at, x.buffer.dtype, self.variables[x.buffer])
                if x in s.outputs:
                    cells.append((x.buffer, at))
            else:
                at = self.view_address(x)
            starts.append(at)
        return starts, cells

    def _take_back(self, cells: list[tuple[Buffer, Value]]) -> None:
        for b, at in cells:
            self.variables[b] = self.memory_load(at, b.dtype)

    def _reference(self, s: Call) -> None:
        views = [*s.inputs, *s.outputs]
        name = self.module.reference(s.info, len(s.inputs), views)
        self.declarations.add(f"declare i32 @{name}(ptr, ptr)")
        dims = [d for x in views for d in x.buffer.shape]
        pointers, lengths = self.fresh("p"), self.fresh("d")
        self.frames[0].lines.insert(0, f"  {pointers} = alloca ptr, i64 {max(1, len(views))}")
        self.frames[0].lines.insert(0, f"  {lengths} = alloca i64, i64 {max(1, len(dims))}")
        starts, cells = self._operands(s)
        for k, at in enumerate(starts):
            place = self.offset(Value(pointers, "ptr"), self.constant(k, "i64"), "ptr")
            self.line(f"store {at}, {place}")
        for k, d in enumerate(dims):
            place = self.offset(Value(lengths, "ptr"), self.constant(k, "i64"), "i64")
            self.line(f"store {self.expr(d)}, {place}")
        code = self.here(f"call i32 @{name}(ptr {pointers}, ptr {lengths})", "i32")
        self._leave_if(self.here(f"icmp ne {code}, 0", "i1"), FAILED_CALL)
        self._take_back(cells)
