"""One function of a kernel in LLVM IR: statements, vector loops, sums kept in vectors."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from codegen.backends.llvm import scalar as scalar_llvm
from codegen.backends.llvm.layout import (
    FAILED_CALL,
    NO_MEMORY,
    NOT_POSITIVE,
    PLAIN,
    SINGULAR,
    SMALL,
    THIN,
    Usage,
    affine_in,
    innermost,
    is_variable,
    stores,
    value_parts,
    weight,
)
from codegen.backends.llvm.parallel import Part
from codegen.backends.llvm.writer import SIZES, Reading, Value, Writer, llvm_type
from codegen.loops.language import (
    Alloc,
    Apply,
    Buffer,
    BufferView,
    Call,
    Cast,
    Check,
    Expr,
    For,
    Grow,
    If,
    Lit,
    Load,
    Name,
    Select,
    Stmt,
    Store,
    While,
    accesses,
    stmt_exprs,
    walk_expr,
)
from codegen.runtime.lapack import NATIVE

if TYPE_CHECKING:
    from codegen.backends.llvm.module import Emitter

__all__ = ["FunctionWriter"]

MASKED = 200
"""Instructions of a vector loop's body from which on all its steps are masked, where masks are not registers (AVX2): then a mask costs
little, and a copy of the body for the last elements much. A masked store of truth values is a branch an element there: the flags of a
minimum, stored and read by a gradient, took 5.2 ns a number, and take 2.0 (`python -m bench.programs.board --only floyd_warshall`)."""

@dataclass(slots=True)
class _Vector:
    """The loop that is being written in vectors."""

    var: Name
    lanes: int
    index: Value
    mask: Value | None
    part: int
    writes: set[Buffer]
    hoists: bool


@dataclass(slots=True)
class _Plan:
    """How a vector loop is written."""

    lanes: int
    thin: bool
    cost: int
    sums: list[Store] = field(default_factory=list)
    memory_sums: list[Store] = field(default_factory=list)
    private: list[Buffer] = field(default_factory=list)


def _has_exact_reciprocal(v: Any, dtype: np.dtype) -> bool:
    """Whether dividing by a number is the same to the bit as multiplying by its reciprocal, as it is for powers of two.

    Asked only of numbers that stand in the text: programs that differ in others, such as the length of an array, share their code.
    """
    return dtype.kind == "f" and v in PLAIN and abs(math.frexp(v)[0]) == 0.5


class FunctionWriter(Writer):
    """Writes one part of a program."""

    def __init__(self, module: Emitter, body: list[Stmt], shared: set[Buffer], part: Part | None = None):
        super().__init__(module.declarations, module.fma)
        self.module = module
        self.layout = module.layout
        self.body = body
        self.shared = shared
        self.usage = Usage(body, shared)
        self.names: dict[Name, Value] = {}
        self.vector: _Vector | None = None
        self.epochs: dict[Buffer, int] = {}
        self.plans: dict[int, _Plan | None] = {}
        self.sums: dict[Hashable, tuple[str, np.dtype, int]] = {}
        self.loops: list[For | While] = []
        self.part = part

    # -- the whole -------------------------------------------------------------------------------

    def function(self, name: str) -> str:
        """The text of the function."""
        first: dict[Buffer, bool] = {}
        written = {b for s in self.body for b in self.usage.written[id(s)]}
        for s in self.body:
            for b in self.usage.inside[id(s)]:
                first.setdefault(b, self.usage._set_first(b, self.body))
        for b, is_set in first.items():
            kind = llvm_type(b.dtype)
            if self.part is not None and b in self.part.sums:
                self.variables[b] = self.constant(scalar_llvm.neutral(self.part.sums[b], b.dtype), kind)
            elif b in self.shared and not is_set:
                self.variables[b] = self._memory_load(self._cell(b), b.dtype)
            else:
                self.variables[b] = self.constant(0, kind)
        self.block(self.body)
        for b in first:
            if self.part is not None and b in self.part.sums:
                self._memory_store(self._partial(b), b.dtype, self.variables[b])
            elif b in self.shared and b in written:
                self._memory_store(self._cell(b), b.dtype, self.variables[b])
        self.line("ret i32 0")
        stretch = ", i64 %begin, i64 %end, i64 %number" if self.part is not None else ""
        return (f"define internal i32 @{name}(ptr noalias %arrays, ptr noalias %parameters, ptr noalias %arena{stretch}) #0 {{\n"
                + "\n".join(self.text()) + "\n}\n")

    def join(self, name: str, part: Part) -> str:
        """The text of the function that adds up what the stretches of a parallel loop have summed."""
        for b, how in part.sums.items():
            total = self._memory_load(self._cell(b), b.dtype)

            def add(k: Value, b=b, how=how) -> None:
                at = self._partial(b, k)
                self.variables[b] = scalar_llvm.combine(self, how, b.dtype, self.variables[b], self._memory_load(at, b.dtype))
            self.variables[b] = total
            self.counted(self.constant(0, "i64"), Value("%parts", "i64"), 1, [b], add)
            self._memory_store(self._cell(b), b.dtype, self.variables[b])
        self.line("ret void")
        return (f"define internal void @{name}(ptr noalias %arrays, ptr noalias %parameters, ptr noalias %arena, i64 %parts) #0 {{\n"
                + "\n".join(self.text()) + "\n}\n")

    def _partial(self, b: Buffer, number: Value | None = None) -> Value:
        """Where a stretch of a parallel loop leaves what it has summed."""
        number = number or Value("%number", "i64")
        start = self.offset(Value("%arena", "ptr"), self.constant(self.layout.partial(b), "i64"), "i8")
        return self.offset(start, self.imul(number, self.constant(64, "i64")), "i8")

    def _cell(self, b: Buffer) -> Value:
        if b in self.layout.arguments:
            return self._argument(b)
        return self.offset(Value("%arena", "ptr"), self.constant(self.layout.cell(b), "i64"), "i8")

    def _argument(self, b: Buffer) -> Value:
        return self.table_entry("%arrays", self.layout.arguments[b], "ptr", "ptr")

    def _memory_load(self, at: Value, dtype: np.dtype) -> Value:
        if dtype.kind == "b":
            return self.compare("icmp ne", self.here(f"load i8, {at}", "i8"), self.constant(0, "i8"))
        kind = llvm_type(dtype)
        return self.here(f"load {kind}, {at}, align {SIZES[kind]}", kind)

    def _memory_store(self, at: Value, dtype: np.dtype, v: Value) -> None:
        if dtype.kind == "b":
            v = self.convert("zext", v, "i8")
        self.line(f"store {v}, {at}, align {SIZES[v.kind]}")

    # -- numbers ---------------------------------------------------------------------------------

    def parameter(self, v: Any, kind: str) -> Value:
        """A number from the table."""
        return self.table_entry("%parameters", self.layout.parameter(v, kind), "i64", kind)

    def whole(self, v: int) -> Value:
        """A length, offset or index."""
        return self.constant(v, "i64") if abs(v) <= SMALL else self.parameter(v, "i64")

    def lit(self, e: Lit) -> Value:
        kind = llvm_type(e.dtype)
        if e.dtype.kind == "f":
            v = float(e.value)
            return self.constant(v, kind) if v in PLAIN or v != v or v in (np.inf, -np.inf) else self.parameter(v, kind)
        if e.dtype == np.int64:
            return self.whole(int(e.value))
        return self.constant(e.value, kind)

    # -- expressions -----------------------------------------------------------------------------

    def expr(self, e: Expr) -> Value:
        """The value of an expression: a vector if it varies along the loop that is being vectorised."""
        if isinstance(e, Name):
            v = self.vector
            if v is not None and e == v.var:
                lane = Value("<" + ", ".join(f"i64 {k}" for k in range(v.lanes)) + ">", "i64", v.lanes)
                return self.binary("add", v.index, lane)
            return self.names[e]
        if isinstance(e, Lit):
            return self.lit(e)
        if isinstance(e, Load):
            return self.load(e.buffer, e.index)
        if isinstance(e, Select):
            return self.select(self.expr(e.test), self.expr(e.yes), self.expr(e.no))
        if isinstance(e, Cast):
            return scalar_llvm.cast(self, self.expr(e.x), e.x.dtype, e.dtype)
        dtype = e.args[0].dtype
        if e.fn == "div" and isinstance(e.args[1], Lit) and _has_exact_reciprocal(e.args[1].value, dtype):
            e = Apply("mul", (e.args[0], Lit(1 / dtype.type(e.args[1].value), dtype)), dtype)
        args = [self.expr(a) for a in e.args]
        if dtype == np.int64:
            if e.fn == "add":
                return self.iadd(*args)
            if e.fn == "mul":
                return self.imul(*args)
            if e.fn == "sub":
                return self.isub(*args)
        if (e.fn, dtype) in self.module.outlined:
            return self.module.call_outlined(self, e.fn, dtype, self.even(*args))
        if dtype.kind in "iu" and e.fn in ("pow", "gcd", "lcm"):
            self.module.help(f"ad_{e.fn}_{'s' if dtype.kind == 'i' else 'u'}{dtype.itemsize * 8}")
        return scalar_llvm.apply(self, e.fn, dtype, args)

    def _varies(self, e: Expr) -> bool:
        v = self.vector
        if v is None:
            return False
        return any(p == v.var or isinstance(p, Load) and not p.index and p.buffer in self.variables and self.variables[p.buffer].lanes
                   for p in walk_expr(e))

    def _split(self, e: Expr) -> tuple[int, Value] | None:
        """(factor, rest) of an index that is factor * (vector counter) + rest; None if it is not."""
        if not self._varies(e):
            return 0, self.expr(e)
        if isinstance(e, Name):
            return 1, self.constant(0, "i64")
        if isinstance(e, Apply) and e.fn in ("add", "sub", "mul"):
            a, b = self._split(e.args[0]), self._split(e.args[1])
            if a is None or b is None:
                return None
            if e.fn == "add":
                return a[0] + b[0], self.iadd(a[1], b[1])
            if e.fn == "sub":
                return a[0] - b[0], self.isub(a[1], b[1])
            for x, y in ((a, b), (b, a)):
                if x[0] == 0 and x[1].number is not None:
                    return y[0] * x[1].number, self.imul(y[1], x[1])
        return None

    @staticmethod
    def _from_data(e: Expr) -> bool:
        return any(isinstance(p, Load) for p in walk_expr(e))

    def place(self, b: Buffer, index: Sequence[Expr]) -> tuple[Value, Value | None, Value | None]:
        """(start, stride, offsets) of an element: of the vector counter the address is start + stride * counter, in elements; or
        `offsets` are the elements' offsets from the start, one a lane."""
        base = self.base(b)
        one = self.constant(1, "i64")
        strides = [one]
        for d in b.shape[:0:-1]:
            strides.insert(0, self.imul(strides[0], self.expr(d)))
        rest = self.constant(0, "i64")
        stride = self.constant(0, "i64")
        scattered: Value | None = None
        for e, length, by in zip(index, b.shape, strides, strict=True):
            if length == Lit(1):
                continue
            parts = None if self._from_data(e) else self._split(e)
            if parts is None:
                v = self.expr(e)
                if not v.lanes:
                    rest = self.iadd(rest, self.imul(v, by))
                    continue
                v = self.imul(v, self.spread(by, v.lanes)) if by.number != 1 else v
                scattered = v if scattered is None else self.iadd(scattered, v)
                continue
            factor, r = parts
            rest = self.iadd(rest, self.imul(r, by))
            if factor:
                stride = self.iadd(stride, self.imul(self.constant(factor, "i64"), by))
        kind = llvm_type(b.dtype)
        start = self.offset(base, rest, kind)
        if scattered is not None:
            v = self.vector
            assert v is not None
            if stride.number != 0:
                counter = self.expr(v.var)
                scattered = self.iadd(scattered, self.imul(counter, self.spread(stride, v.lanes)))
            return start, None, scattered
        return start, stride, None

    def base(self, b: Buffer) -> Value:
        """Where the memory of a buffer starts."""
        root = b.storage
        if root in self.layout.arguments:
            return self._argument(root)
        if self.part is not None and root in self.part.own:
            start, size = self.layout.own(root)
            mine = self.iadd(self.parameter(start, "i64"), self.imul(Value("%number", "i64"), self.parameter(size, "i64")))
            return self.offset(Value("%arena", "ptr"), mine, "i8")
        if root in self.layout.places:
            return self.offset(Value("%arena", "ptr"), self.parameter(self.layout.place(root), "i64"), "i8")
        slot = self._slot(root)
        key = ("slot", root, self.epochs.get(root, 0))
        for frame in self.frames:
            if key in frame.known:
                return frame.known[key]
        return self.at_level(self._memory_level(root, 0), key, f"load ptr, {slot}", "ptr")

    def _slot(self, root: Buffer) -> Value:
        return self.offset(Value("%arena", "ptr"), self.constant(self.layout.slot(root), "i64"), "i8")

    def _memory_level(self, root: Buffer, least: int) -> int:
        """How far out a load may stand: in front of the innermost vector loop, if nothing in there writes what it reads."""
        v = self.vector
        if v is not None and v.hoists and root not in v.writes:
            return max(self.level - 1, least)
        return self.level

    def load(self, b: Buffer, index: Sequence[Expr]) -> Value:
        """One element, or one a lane."""
        if not b.shape:
            if b in self.variables:
                return self.variables[b]
            if b.role == "input":
                return self._input_number(b)
        start, stride, offsets = self.place(b, index)
        kind = llvm_type(b.dtype)
        memory = "i8" if kind == "i1" else kind
        root = b.storage
        epoch = self.epochs.get(root, 0)
        v = self.vector
        if offsets is not None or (stride is not None and stride.number != 0):
            assert v is not None
            raw = self._vector_load(start, stride, offsets, memory, root, epoch, v)
        else:
            level = max(self._memory_level(root, start.level), start.level)
            key = Reading("load", root, start.text, memory, 0, epoch)
            for frame in self.frames[start.level:]:
                if key in frame.known:
                    raw = frame.known[key]
                    break
            else:
                raw = self.at_level(level, key, f"load {memory}, {start}, align {SIZES[memory]}", memory)
        return self.compare("icmp ne", raw, self.constant(0, "i8")) if kind == "i1" else raw

    def _input_number(self, b: Buffer) -> Value:
        """An input without axes, read at the function's entry: nobody writes it."""
        frame = self.frames[0]
        key = ("input", b)
        if key not in frame.known:
            kind = llvm_type(b.dtype)
            at = self._argument(b)
            raw = Value(self.fresh(), "i8" if kind == "i1" else kind)
            frame.lines.append(f"  {raw.text} = load {raw.kind}, {at}, align {SIZES[raw.kind]}")
            if kind == "i1":
                truth = Value(self.fresh(), "i1")
                frame.lines.append(f"  {truth.text} = icmp ne {raw}, 0")
                raw = truth
            frame.known[key] = raw
        return frame.known[key]

    def _vector_load(self, start: Value, stride, offsets, memory: str, root: Buffer, epoch: int, v: _Vector) -> Value:
        lanes, align = v.lanes, SIZES[memory]
        t = f"<{lanes} x {memory}>"
        mask_text = v.mask.text if v.mask is not None else ""
        suffix = {"double": "f64", "float": "f32"}.get(memory, memory)
        if offsets is None and stride.number == 1:
            at = self.offset(start, v.index, memory)
            key = Reading("vload", root, at.text, memory, lanes, epoch, mask_text)
            if v.mask is None:
                return self.at_level(self.level, key, f"load {t}, {at}, align {align}", memory, lanes)
            name = f"@llvm.masked.load.v{lanes}{suffix}.p0"
            self.declarations.add(f"declare {t} {name}(ptr, i32, <{lanes} x i1>, {t})")
            return self.at_level(self.level, key, f"call {t} {name}({at}, i32 {align}, {v.mask}, {t} zeroinitializer)", memory, lanes)
        if self.module.bytes < 64 and v.mask is None:
            return self._load_apart(start, stride, offsets, memory, root, epoch, v)
        at = self._lanes_at(start, stride, offsets, memory, v)
        mask = v.mask if v.mask is not None else self.constant(True, "i1", lanes)
        name = f"@llvm.masked.gather.v{lanes}{suffix}.v{lanes}p0"
        self.declarations.add(f"declare {t} {name}(<{lanes} x ptr>, i32, <{lanes} x i1>, {t})")
        key = Reading("gather", root, at.text, memory, lanes, epoch, mask_text)
        return self.at_level(self.level, key, f"call {t} {name}({at}, i32 {align}, {mask}, {t} zeroinitializer)", memory, lanes)

    def _lane_addresses(self, start: Value, stride, offsets, memory: str, v: _Vector) -> list[Value]:
        """Where each lane's element is."""
        if offsets is None:
            first = self.offset(start, self.imul(v.index, stride), memory)
            return [self.offset(first, self.imul(stride, self.constant(k, "i64")), memory) for k in range(v.lanes)]
        each = [self.pure(f"extractelement {offsets}, i64 {k}", "i64", 0, offsets) for k in range(v.lanes)]
        return [self.offset(start, e, memory) for e in each]

    def _load_apart(self, start: Value, stride, offsets, memory: str, root: Buffer, epoch: int, v: _Vector) -> Value:
        """Elements that are not neighbours, one by one: a gather of AVX2 is no faster, and LLVM takes long over it."""
        out = self.constant(0, memory, v.lanes)
        for k, at in enumerate(self._lane_addresses(start, stride, offsets, memory, v)):
            key = Reading("load", root, at.text, memory, 0, epoch)
            one = self.at_level(self.level, key, f"load {memory}, {at}, align {SIZES[memory]}", memory)
            out = self.pure(f"insertelement {out}, {one}, i64 {k}", memory, v.lanes, out, one)
        return out

    def _lanes_at(self, start: Value, stride, offsets, memory: str, v: _Vector) -> Value:
        if offsets is None:
            first = self.offset(start, self.imul(v.index, stride), memory)
            lane = Value("<" + ", ".join(f"i64 {k}" for k in range(v.lanes)) + ">", "i64", v.lanes)
            return self.offset(first, self.binary("mul", self.spread(stride, v.lanes), lane), memory)
        return self.offset(start, offsets, memory)

    # -- statements ------------------------------------------------------------------------------

    def block(self, block: list[Stmt]) -> None:
        """Statements in order."""
        for s in block:
            self.stmt(s)

    def stmt(self, s: Stmt) -> None:
        if isinstance(s, Store):
            self.store(s)
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

    def store(self, s: Store) -> None:
        """A store; sums that are kept in vectors go to their accumulator."""
        b = s.buffer
        key = self._sum_key(s)
        if key is not None:
            self._accumulate(key, s)
            return
        if is_variable(b):
            v = self.expr(s.value)
            old = self.variables[b]
            if s.combine is not None:
                v = scalar_llvm.combine(self, s.combine, b.dtype, old, v)
            self.variables[b] = v
            return
        start, stride, offsets = self.place(b, s.index)
        v = self.expr(s.value)
        if s.combine is not None:
            v = scalar_llvm.combine(self, s.combine, b.dtype, self.load(b, s.index), v)
        root = b.storage
        self.epochs[root] = self.epochs.get(root, 0) + 1
        memory = "i8" if b.dtype.kind == "b" else llvm_type(b.dtype)
        if b.dtype.kind == "b":
            v = self.convert("zext", v, "i8")
        vector = self.vector
        # What was stored need not be loaded again.
        if vector is None or offsets is None and stride is not None and stride.number == 0:
            self.line(f"store {v}, {start}, align {SIZES[memory]}")
            self.frame.known[Reading("load", root, start.text, memory, 0, self.epochs[root])] = v
            return
        v = self.spread(v, vector.lanes)
        self._vector_store(start, stride, offsets, memory, v, vector)
        if offsets is None and stride is not None and stride.number == 1:
            mask = vector.mask.text if vector.mask is not None else ""
            at = self.offset(start, vector.index, memory)
            self.frame.known[Reading("vload", root, at.text, memory, vector.lanes, self.epochs[root], mask)] = v

    def _vector_store(self, start, stride, offsets, memory: str, v: Value, vector: _Vector) -> None:
        lanes, align = vector.lanes, SIZES[memory]
        suffix = {"double": "f64", "float": "f32"}.get(memory, memory)
        if offsets is None and stride.number == 1:
            at = self.offset(start, vector.index, memory)
            if vector.mask is None:
                self.line(f"store {v}, {at}, align {align}")
                return
            name = f"@llvm.masked.store.v{lanes}{suffix}.p0"
            self.declarations.add(f"declare void {name}({v.type}, ptr, i32, <{lanes} x i1>)")
            self.line(f"call void {name}({v}, {at}, i32 {align}, {vector.mask})")
            return
        if self.module.bytes < 64 and vector.mask is None:
            for k, at in enumerate(self._lane_addresses(start, stride, offsets, memory, vector)):
                one = self.pure(f"extractelement {v}, i64 {k}", v.kind, 0, v)
                self.line(f"store {one}, {at}, align {align}")
            return
        at = self._lanes_at(start, stride, offsets, memory, vector)
        mask = vector.mask if vector.mask is not None else self.constant(True, "i1", lanes)
        name = f"@llvm.masked.scatter.v{lanes}{suffix}.v{lanes}p0"
        self.declarations.add(f"declare void {name}({v.type}, <{lanes} x ptr>, i32, <{lanes} x i1>)")
        self.line(f"call void {name}({v}, {at}, i32 {align}, {mask})")

    def _written(self, s: Stmt) -> set[Buffer]:
        return {a.buffer.storage for a in accesses(s) if a.write and a.buffer.shape}

    def _advance(self, roots: set[Buffer]) -> None:
        for root in roots:
            self.epochs[root] = self.epochs.get(root, 0) + 1

    # -- loops -----------------------------------------------------------------------------------

    def _carried(self, s: For | While, block: list[Stmt]) -> list[Hashable]:
        """Variables that a step hands to the next."""
        usage = self.usage
        found: list[Hashable] = [b for b in sorted(usage.written[id(s)], key=lambda b: b.name)
                                 if not usage.private(b, s, block) and b not in self.sums]
        touched = {self._sum_key(x) for x in stores(s)}
        for key in self.sums:
            if key in touched:
                found += [(key, part) for part in range(self.sums[key][2])]
        return found

    def for_(self, s: For) -> None:
        """A loop, and the vector accumulators that live as long as it runs."""
        plan = self.plan(s)
        opened = self._open_sums(s, plan)
        written = self._written(s)
        self._advance(written)
        self.loops.append(s)
        if plan is not None:
            self._vector_loop(s, plan)
        else:
            self._scalar_loop(s)
        self.loops.pop()
        self._advance(written)
        self._close_sums(opened)

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
        if self.part is not None and s is self.part.loop:
            return Value("%begin", "i64"), Value("%end", "i64")
        return self.constant(0, "i64"), n

    def _forget(self, s: For | While, block: list[Stmt]) -> None:
        """Drop the values of variables that live inside a loop only: they were made in a frame that is closed."""
        for b in self.usage.written[id(s)]:
            if self.usage.private(b, s, block):
                self.variables[b] = self.constant(0, llvm_type(b.dtype))

    def while_(self, s: While) -> None:
        written = self._written(s)
        self._advance(written)
        self.loops.append(s)

        def head() -> Value:
            self.block(s.head)
            return self.expr(s.test)
        whole = [*s.head, *s.body]
        self.repeated(self._carried(s, whole), head, lambda: self.block(s.body))
        self._forget(s, whole)
        self.loops.pop()
        self._advance(written)

    def if_(self, s: If) -> None:
        which = self.expr(s.which)
        if which.kind == "i1":
            which = self.convert("zext", which, "i64")
        tests = [self.compare("icmp sle", which, self.constant(k, which.kind)) for k in range(len(s.branches) - 1)]
        changed = sorted(self.usage.written[id(s)], key=lambda b: b.name)
        written = self._written(s)

        def arm(block: list[Stmt]) -> Callable[[], None]:
            def run() -> None:
                self._advance(written)
                self.block(block)
            return run
        if len(s.branches) == 1:
            self.block(s.branches[0])
        else:
            self.branches(tests, [arm(b) for b in s.branches], changed)
        self._advance(written)

    # -- vector loops ----------------------------------------------------------------------------

    def plan(self, s: For) -> _Plan | None:
        """How to write a loop in vectors; None if it cannot be."""
        if id(s) not in self.plans:
            self.plans[id(s)] = self._make_plan(s)
        return self.plans[id(s)]

    def _make_plan(self, s: For) -> _Plan | None:
        if not s.parallel or s.reverse or not s.body or not all(isinstance(x, (Store, Check)) for x in s.body):
            return None
        if self.vector is not None:
            return None
        usage, var = self.usage, s.var
        widest, cost = 1, 0
        plan = _Plan(0, True, 0)
        for x in s.body:
            parts = [p for e in stmt_exprs(x) for p in walk_expr(e)]
            for p in parts:
                if not isinstance(p, (Lit, Name)):
                    widest = max(widest, p.dtype.itemsize if not isinstance(p, Apply) else 1)
            if isinstance(x, Check):
                cost += weight(x.index)
                widest = 8
                continue
            assert isinstance(x, Store)
            cost += weight(x.value)
            if any(p == var for p in value_parts(x.value)):
                widest = 8
            widest = max(widest, x.buffer.dtype.itemsize)
            if is_variable(x.buffer):
                if x.combine is None:
                    if not usage.private(x.buffer, s, s.body):
                        return None
                    plan.private.append(x.buffer)
                else:
                    if not self._only_sums(x.buffer, s):
                        return None
                    plan.sums.append(x)
                continue
            if any(isinstance(p, Load) and p.buffer in usage.written[id(s)] for e in x.index for p in walk_expr(e)):
                return None
            if any(var in set(walk_expr(e)) for e in x.index):
                if any(affine_in(e, var) is None for e in x.index) or not any(affine_in(e, var) for e in x.index):
                    return None
            elif x.combine is None:
                return None
            else:
                root = x.buffer.storage
                touching = [a for a in accesses(s) if a.buffer.storage is root]
                mine = sum(1 for y in s.body if isinstance(y, Store) and y.buffer.storage is root)
                if len(touching) != 2 * mine or any(y.combine != x.combine for y in s.body
                                                    if isinstance(y, Store) and y.buffer.storage is root):
                    return None
                plan.memory_sums.append(x)
        if widest < 4:
            widest = 4
        plan.lanes = self.module.bytes // widest
        plan.cost = cost
        plan.thin = cost < THIN
        return plan

    def _only_sums(self, b: Buffer, s: Stmt) -> bool:
        """Whether all accesses to a variable inside a statement combine into it, in one way, in loops that run in vectors."""
        found = [x for x in stores(s) if x.buffer is b]
        return len({x.combine for x in found}) == 1 and found[0].combine is not None and \
            self.usage.inside[id(s)].get(b, 0) == len(found)

    def _sum_key(self, s: Stmt) -> Hashable | None:
        if not isinstance(s, Store):
            return None
        if s.buffer in self.sums:
            return s.buffer
        return id(s) if id(s) in self.sums else None

    def _open_sums(self, s: For, plan: _Plan | None) -> list[tuple[Hashable, Store]]:
        opened: list[tuple[Hashable, Store]] = []
        for inner in innermost(s):
            p = self.plan(inner)
            if p is None:
                continue
            for x in p.sums:
                if x.buffer not in self.sums and self._only_sums(x.buffer, s) and len(self._lanes_of(x.buffer, s)) == 1:
                    self._open(x.buffer, x, s)
                    opened.append((x.buffer, x))
        if plan is not None:
            for x in plan.memory_sums:
                self._open(id(x), x, s)
                opened.append((id(x), x))
        return opened

    def _lanes_of(self, b: Buffer, s: For) -> set[int]:
        """Numbers of lanes of the loops that sum into a variable; 0 among them if one does not run in vectors."""
        lanes = {p.lanes for p in map(self.plan, innermost(s)) if p is not None and any(x.buffer is b for x in p.sums)}
        found = sum(1 for p in map(self.plan, innermost(s)) if p is not None for x in p.sums if x.buffer is b)
        return lanes if found == sum(1 for x in stores(s) if x.buffer is b) else lanes | {0}

    def _open(self, key: Hashable, x: Store, s: For) -> None:
        assert x.combine is not None
        plans = [p for p in map(self.plan, innermost(s)) if p is not None
                 and any(y.buffer is x.buffer if key is x.buffer else y is x for y in [*p.sums, *p.memory_sums])]
        dtype = x.buffer.dtype
        if dtype == np.float32 and x.combine == "add":
            dtype = np.dtype(np.float64)  # float32 sums are as accurate as NumPy's pairwise ones
        parts = 2 if any(p.thin for p in plans) else 1
        self.sums[key] = (x.combine, dtype, parts)
        start = scalar_llvm.neutral(x.combine, dtype)
        for part in range(parts):
            self.variables[key, part] = self.constant(start, llvm_type(dtype), plans[0].lanes)

    def _accumulate(self, key: Hashable, s: Store) -> None:
        how, dtype, parts = self.sums[key]
        vector = self.vector
        if vector is None:  # one of the last elements: into the first lane
            total = self.variables[key, 0]
            v = scalar_llvm.cast(self, self.expr(s.value), s.value.dtype, dtype)
            v = self.first_lane(v, self.constant(scalar_llvm.neutral(how, dtype), v.kind, total.lanes))
            self.variables[key, 0] = scalar_llvm.combine(self, how, dtype, total, v)
            return
        at = (key, vector.part % parts)
        total = self.variables[at]
        e = s.value
        if how == "add" and dtype == np.float64 and s.buffer.dtype == np.float64 and isinstance(e, Apply) and e.fn == "mul" \
                and vector.mask is None:
            a, b = (self.spread(self.expr(x), vector.lanes) for x in e.args)
            self.variables[at] = self.fma(a, b, total)
            return
        v = self.spread(scalar_llvm.cast(self, self.expr(e), e.dtype, dtype), vector.lanes)
        if vector.mask is not None:
            v = self.select(vector.mask, v, self.constant(scalar_llvm.neutral(how, dtype), v.kind, v.lanes))
        self.variables[at] = scalar_llvm.combine(self, how, dtype, total, v)

    def _close_sums(self, opened: list[tuple[Hashable, Store]]) -> None:
        for key, x in opened:
            how, dtype, parts = self.sums.pop(key)
            total = self.variables.pop((key, 0))
            for part in range(1, parts):
                total = scalar_llvm.combine(self, how, dtype, total, self.variables.pop((key, part)))
            v = scalar_llvm.horizontal(self, how, dtype, total)
            b = x.buffer
            if is_variable(b):
                old = scalar_llvm.cast(self, self.variables[b], b.dtype, dtype)
                self.variables[b] = scalar_llvm.cast(self, scalar_llvm.combine(self, how, dtype, old, v), dtype, b.dtype)
            else:
                start, _, _ = self.place(b, x.index)
                old = scalar_llvm.cast(self, self._memory_load(start, b.dtype), b.dtype, dtype)
                new = scalar_llvm.cast(self, scalar_llvm.combine(self, how, dtype, old, v), dtype, b.dtype)
                self._memory_store(start, b.dtype, new)
                self._advance({b.storage})

    def _vector_loop(self, s: For, plan: _Plan) -> None:
        lanes = plan.lanes
        n = self.expr(s.stop)
        zero, n = self._range(s, n)
        writes = self._written(s)
        hoists = not any(isinstance(x, Check) for x in s.body)
        carried = self._carried(s, s.body)

        def body(i: Value, mask: Value | None, part: int) -> None:
            self.vector = _Vector(s.var, lanes, i, mask, part, writes, hoists and n.number is None)
            for x in s.body:
                self.stmt(x)
            self.vector = None

        slow_masks = self.module.bytes < 64
        if n.number is not None:
            for k, at in enumerate(range(0, n.number, lanes)):
                left = n.number - at
                if left < lanes and slow_masks:
                    for last in range(at, n.number):
                        self._one(s, self.constant(last, "i64"))
                    break
                mask = None if left >= lanes else Value(
                    "<" + ", ".join(f"i1 {'true' if j < left else 'false'}" for j in range(lanes)) + ">", "i1", lanes)
                body(self.constant(at, "i64"), mask, k)
            for b in plan.private:
                self.variables[b] = self.constant(0, llvm_type(b.dtype))
            return

        def rest(i: Value) -> None:
            body(i, self._mask(i, n, lanes), 0)
        if slow_masks and plan.cost < MASKED or plan.thin:
            parts = 2 if plan.thin else 1
            step = parts * lanes
            whole = self.iadd(zero, self.binary("and", self.isub(n, zero), self.constant(-step, "i64")))

            def main(i: Value) -> None:
                for part in range(parts):
                    body(self.iadd(i, self.constant(part * lanes, "i64")), None, part)
            self.counted(zero, whole, step, carried, main)
            self._advance(writes)
            if slow_masks:
                self.counted(whole, n, 1, carried, lambda i: self._one(s, i))
            else:
                self.counted(whole, n, lanes, carried, rest)
        else:
            self.counted(zero, n, lanes, carried, rest)
        for b in plan.private:
            self.variables[b] = self.constant(0, llvm_type(b.dtype))

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

    # -- checks, memory, calls -------------------------------------------------------------------

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
        slot = self._slot(root)
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
        self._advance({root})

    def view_address(self, x: BufferView) -> Value:
        """Where an operand of a call starts."""
        b = x.buffer
        if not b.shape:
            return self.base(b)
        lead = [*x.lead, *[Lit(0)] * (len(b.shape) - len(x.lead))]
        start, _, _ = self.place(b, lead)
        return start

    def call(self, s: Call) -> None:
        """A matrix product, or a reference."""
        for x in s.outputs:
            self._advance({x.buffer.storage})
        if s.kind == "matmul":
            self._matmul(s)
        elif s.info["op"] in NATIVE and s.outputs[0].buffer.dtype.kind == "f" and not any(is_variable(x.buffer) for x in s.inputs):
            self._lanes(s)
        else:
            self._reference(s)
        for x in s.outputs:
            self._advance({x.buffer.storage})

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

    def _lanes(self, s: Call) -> None:
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

    def _reference(self, s: Call) -> None:
        views = [*s.inputs, *s.outputs]
        name = self.module.reference(s.info, len(s.inputs), views)
        self.declarations.add(f"declare i32 @{name}(ptr, ptr)")
        dims = [d for x in views for d in x.buffer.shape]
        pointers, lengths = self.fresh("p"), self.fresh("d")
        # Stack memory is taken at the head of the function: in a loop it would add up.
        self.frames[0].lines.insert(0, f"  {pointers} = alloca ptr, i64 {max(1, len(views))}")
        self.frames[0].lines.insert(0, f"  {lengths} = alloca i64, i64 {max(1, len(dims))}")
        cells: list[tuple[Buffer, str]] = []
        for k, x in enumerate(views):
            if is_variable(x.buffer):
                cell = self.fresh("c")
                self.frames[0].lines.insert(0, f"  {cell} = alloca i64")
                at = Value(cell, "ptr")
                self._memory_store(at, x.buffer.dtype, self.variables[x.buffer])
                if x in s.outputs:
                    cells.append((x.buffer, cell))
            else:
                at = self.view_address(x)
            place = self.offset(Value(pointers, "ptr"), self.constant(k, "i64"), "ptr")
            self.line(f"store {at}, {place}")
        for k, d in enumerate(dims):
            place = self.offset(Value(lengths, "ptr"), self.constant(k, "i64"), "i64")
            self.line(f"store {self.expr(d)}, {place}")
        code = self.here(f"call i32 @{name}(ptr {pointers}, ptr {lengths})", "i32")
        self._leave_if(self.here(f"icmp ne {code}, 0", "i1"), FAILED_CALL)
        for b, cell in cells:
            self.variables[b] = self._memory_load(Value(cell, "ptr"), b.dtype)


