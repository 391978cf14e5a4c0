"""Numbers, expressions and elements of arrays in LLVM IR: where an element is, one or a vector of them read or written.

Inside of a loop that runs in vectors, `ElementWriter.vector` says so, and an expression that depends on its counter is a vector.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from codegen.backends.llvm import scalar as scalar_llvm
from codegen.backends.llvm.layout import PLAIN
from codegen.backends.llvm.writer import SIZES, Reading, Value, Writer, llvm_type
from codegen.loops.language import (
    Apply,
    Buffer,
    Cast,
    Expr,
    Lit,
    Load,
    Name,
    Select,
    Stmt,
    Store,
    ThreadPlan,
    accesses,
    walk_expr,
)
from codegen.loops.usage import is_variable
from codegen.target import is_small
from tracer.sizes import Length

if TYPE_CHECKING:
    from codegen.backends.llvm.module import Emitter

__all__ = ["ElementWriter", "Vector"]


@dataclass(slots=True)
class Vector:
    """The loop that is being written in vectors.

    index : its counter, in the first lane
    mask : which lanes are inside of the loop; None for all
    copy : which of the vectors of a round this is
    writes : the arrays that its steps write
    hoists : whether what no step writes may be read in front of the loop
    """

    var: Name
    lanes: int
    index: Value
    mask: Value | None
    copy: int
    writes: set[Buffer]
    hoists: bool


def _has_exact_reciprocal(v: Any, dtype: np.dtype) -> bool:
    """Whether dividing by a number is the same to the bit as multiplying by its reciprocal, as it is for powers of two.

    Asked only of numbers that stand in the text: programs that differ in others, such as the length of an array, share their code.
    """
    return dtype.kind == "f" and v in PLAIN and abs(math.frexp(v)[0]) == 0.5


def _are_a_pair(s: Stmt, t: Stmt) -> bool:
    """Whether two statements store the two elements of one place, neither of which the other's value needs."""
    if not (isinstance(s, Store) and isinstance(t, Store)) or s.buffer is not t.buffer or s.combine is not None or t.combine is not None:
        return False
    if not s.buffer.shape or s.buffer.shape[-1] != Lit(2) or (s.index[-1], t.index[-1]) != (Lit(0), Lit(1)) or s.index[:-1] != t.index[:-1]:
        return False
    root = s.buffer.storage
    return not any(isinstance(p, Load) and p.buffer.storage is root for e in (*s.index, s.value, t.value) for p in walk_expr(e))


class ElementWriter(Writer):
    """Writes expressions, loads and stores."""

    def __init__(self, module: Emitter, threads: ThreadPlan | None = None):
        super().__init__(module.declarations, module.target.fma, module.target.has_mask_registers)
        self.module = module
        self.layout = module.layout
        self.names: dict[Name, Value] = {}
        self.vector: Vector | None = None
        self.epochs: dict[Buffer, int] = {}
        self.threads = threads

    # -- scalar variables in memory --------------------------------------------------------------

    def partial(self, b: Buffer, number: Value | None = None) -> Value:
        """Where a stretch of a parallel loop leaves what it has summed."""
        number = number or Value("%number", "i64")
        start = self.offset(Value("%arena", "ptr"), self.constant(self.layout.partial(b), "i64"), "i8")
        return self.offset(start, self.imul(number, self.constant(64, "i64")), "i8")

    def cell(self, b: Buffer) -> Value:
        if b in self.layout.arguments:
            return self._argument(b)
        return self.offset(Value("%arena", "ptr"), self.constant(self.layout.cell(b), "i64"), "i8")

    def _argument(self, b: Buffer) -> Value:
        return self.table_entry("%arrays", self.layout.arguments[b], "ptr", "ptr")

    def memory_load(self, at: Value, dtype: np.dtype) -> Value:
        if dtype.kind == "b":
            return self.compare("icmp ne", self.here(f"load i8, {at}", "i8"), self.constant(0, "i8"))
        kind = llvm_type(dtype)
        return self.here(f"load {kind}, {at}, align {SIZES[kind]}", kind)

    def memory_store(self, at: Value, dtype: np.dtype, v: Value) -> None:
        if dtype.kind == "b":
            v = self.convert("zext", v, "i8")
        self.line(f"store {v}, {at}, align {SIZES[v.kind]}")

    # -- numbers ---------------------------------------------------------------------------------

    def parameter(self, v: Any, kind: str) -> Value:
        """A number from the table."""
        return self.table_entry("%parameters", self.layout.parameter(v, kind), "i64", kind)

    def whole(self, v: int) -> Value:
        """A length, offset or index."""
        return self.constant(v, "i64") if is_small(v) else self.parameter(v, "i64")

    def lit(self, e: Lit) -> Value:
        kind = llvm_type(e.dtype)
        if e.dtype.kind == "f":
            v = float(e.value)
            return self.constant(v, kind) if v in PLAIN or v != v or v in (np.inf, -np.inf) else self.parameter(v, kind)
        if e.dtype == np.int64:
            return self.whole(e.value if type(e.value) is Length else int(e.value))    # type: ignore[arg-type]
        return self.constant(e.value, kind)

    # -- expressions -----------------------------------------------------------------------------

    def expr(self, e: Expr) -> Value:
        """The value of an expression: a vector if it varies along the loop that is being vectorised."""
        if isinstance(e, Name):
            return self._counter(e)
        if isinstance(e, Lit):
            return self.lit(e)
        if isinstance(e, Load):
            return self.load(e.buffer, e.index)
        if isinstance(e, Select):
            return self.select(self.expr(e.test), self.expr(e.yes), self.expr(e.no))
        if isinstance(e, Cast):
            return scalar_llvm.cast(self, self.expr(e.x), e.x.dtype, e.dtype)
        return self._applied(e)

    def _counter(self, e: Name) -> Value:
        v = self.vector
        if v is None or e != v.var:
            return self.names[e]
        lane = Value("<" + ", ".join(f"i64 {k}" for k in range(v.lanes)) + ">", "i64", v.lanes)
        return self.binary("add", v.index, lane)

    def _applied(self, e: Apply) -> Value:
        """The value of a function; arithmetic of indices folds numbers."""
        dtype = e.args[0].dtype
        if e.fn == "div" and isinstance(e.args[1], Lit) and _has_exact_reciprocal(e.args[1].value, dtype):
            e = Apply("mul", (e.args[0], Lit(1 / dtype.type(e.args[1].value), dtype)), dtype)
        args = [self.expr(a) for a in e.args]
        if e.fn in ("floordiv", "mod", "fmod") and dtype.kind in "iu" and isinstance(by := e.args[1], Lit) and type(by.value) is not Length:
            args[1] = self.constant(by.value, llvm_type(dtype))     # in the text: by a number one divides without a division
        if dtype == np.int64 and e.fn in ("add", "mul", "sub"):
            return {"add": self.iadd, "mul": self.imul, "sub": self.isub}[e.fn](*args)
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

    def address(self, b: Buffer, index: Sequence[Expr]) -> tuple[Value, Value | None, Value | None]:
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
        if self.threads is not None and root in self.threads.own:
            start, size = self.layout.own(root)
            mine = self.iadd(self.parameter(start, "i64"), self.imul(Value("%number", "i64"), self.parameter(size, "i64")))
            return self.offset(Value("%arena", "ptr"), mine, "i8")
        if root in self.layout.places:
            return self.offset(Value("%arena", "ptr"), self.parameter(self.layout.place(root), "i64"), "i8")
        slot = self.slot(root)
        key = ("slot", root, self.epochs.get(root, 0))
        for frame in self.frames:
            if key in frame.known:
                return frame.known[key]
        return self.at_level(self._memory_level(root, 0), key, f"load ptr, {slot}", "ptr")

    def slot(self, root: Buffer) -> Value:
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
        start, stride, offsets = self.address(b, index)
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

    def _vector_load(self, start: Value, stride, offsets, memory: str, root: Buffer, epoch: int, v: Vector) -> Value:
        lanes, align = v.lanes, SIZES[memory]
        t = f"<{lanes} x {memory}>"
        mask_text = v.mask.text if v.mask is not None else ""
        suffix = {"double": "f64", "float": "f32"}.get(memory, memory)
        if offsets is None and stride.number == -1:
            start, v = self._backwards(start, v, memory)
            found = self._vector_load(start, self.constant(1, "i64"), None, memory, root, epoch, v)
            return self.shuffled(found, range(lanes)[::-1])
        if offsets is None and stride.number == 1:
            at = self.offset(start, v.index, memory)
            key = Reading("vload", root, at.text, memory, lanes, epoch, mask_text)
            if v.mask is None:
                return self.at_level(self.level, key, f"load {t}, {at}, align {align}", memory, lanes)
            name = f"@llvm.masked.load.v{lanes}{suffix}.p0"
            self.declarations.add(f"declare {t} {name}(ptr, i32, <{lanes} x i1>, {t})")
            return self.at_level(self.level, key, f"call {t} {name}({at}, i32 {align}, {v.mask}, {t} zeroinitializer)", memory, lanes)
        if not self.module.target.has_mask_registers and v.mask is None:
            return self._load_each(start, stride, offsets, memory, root, epoch, v)
        at = self._lane_pointers(start, stride, offsets, memory, v)
        mask = v.mask if v.mask is not None else self.constant(True, "i1", lanes)
        name = f"@llvm.masked.gather.v{lanes}{suffix}.v{lanes}p0"
        self.declarations.add(f"declare {t} {name}(<{lanes} x ptr>, i32, <{lanes} x i1>, {t})")
        key = Reading("gather", root, at.text, memory, lanes, epoch, mask_text)
        return self.at_level(self.level, key, f"call {t} {name}({at}, i32 {align}, {mask}, {t} zeroinitializer)", memory, lanes)

    def _backwards(self, start: Value, v: Vector, memory: str) -> tuple[Value, Vector]:
        """Where a vector begins in memory whose elements lie there from the last one to the first, and what its lanes are then."""
        first = self.imul(self.iadd(v.index, self.constant(v.lanes - 1, "i64")), self.constant(-1, "i64"))
        mask = None if v.mask is None else self.shuffled(v.mask, range(v.lanes)[::-1])
        return self.offset(start, first, memory), replace(v, index=self.constant(0, "i64"), mask=mask)

    def _lane_addresses(self, start: Value, stride, offsets, memory: str, v: Vector) -> list[Value]:
        """Where each lane's element is."""
        if offsets is None:
            first = self.offset(start, self.imul(v.index, stride), memory)
            return [self.offset(first, self.imul(stride, self.constant(k, "i64")), memory) for k in range(v.lanes)]
        each = [self.pure(f"extractelement {offsets}, i64 {k}", "i64", 0, offsets) for k in range(v.lanes)]
        return [self.offset(start, e, memory) for e in each]

    def _load_each(self, start: Value, stride, offsets, memory: str, root: Buffer, epoch: int, v: Vector) -> Value:
        """Elements that are not neighbours, one by one: a gather of AVX2 is no faster, and LLVM takes long over it."""
        out = self.constant(0, memory, v.lanes)
        for k, at in enumerate(self._lane_addresses(start, stride, offsets, memory, v)):
            key = Reading("load", root, at.text, memory, 0, epoch)
            one = self.at_level(self.level, key, f"load {memory}, {at}, align {SIZES[memory]}", memory)
            out = self.pure(f"insertelement {out}, {one}, i64 {k}", memory, v.lanes, out, one)
        return out

    def _lane_pointers(self, start: Value, stride, offsets, memory: str, v: Vector) -> Value:
        if offsets is None:
            first = self.offset(start, self.imul(v.index, stride), memory)
            lane = Value("<" + ", ".join(f"i64 {k}" for k in range(v.lanes)) + ">", "i64", v.lanes)
            return self.offset(first, self.binary("mul", self.spread(stride, v.lanes), lane), memory)
        return self.offset(start, offsets, memory)

    def store(self, s: Store) -> None:
        """Write one element, or one a lane."""
        b = s.buffer
        if is_variable(b):
            v = self.expr(s.value)
            old = self.variables[b]
            if s.combine is not None:
                v = scalar_llvm.combine(self, s.combine, b.dtype, old, v)
            self.variables[b] = v
            return
        start, stride, offsets = self.address(b, s.index)
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

    def store_pair(self, s: Store, t: Store) -> bool:
        """Write two stores of a vector loop as one, where the elements of the one lie between those of the other; whether they do."""
        b, vector = s.buffer, self.vector
        if vector is None or not _are_a_pair(s, t):
            return False
        start, stride, offsets = self.address(b, s.index)
        if offsets is not None or stride is None or stride.number != 2:
            return False
        lanes, kind = vector.lanes, llvm_type(b.dtype)
        x, y = (self.spread(self.expr(one.value), lanes) for one in (s, t))
        joined = self.shuffled(x, [k for i in range(lanes) for k in (i, lanes + i)], y)
        if kind == "i1":
            joined, kind = self.convert("zext", joined, "i8"), "i8"
        self.epochs[b.storage] = self.epochs.get(b.storage, 0) + 1
        mask = None if vector.mask is None else self.shuffled(vector.mask, [i for i in range(lanes) for _ in range(2)])
        both = replace(vector, lanes=2 * lanes, index=self.imul(vector.index, self.constant(2, "i64")), mask=mask)
        self._vector_store(start, self.constant(1, "i64"), None, kind, joined, both)
        return True

    def _vector_store(self, start, stride, offsets, memory: str, v: Value, vector: Vector) -> None:
        if offsets is None and stride.number == -1:
            start, vector = self._backwards(start, vector, memory)
            v, stride = self.shuffled(v, range(vector.lanes)[::-1]), self.constant(1, "i64")
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
        if not self.module.target.has_mask_registers and vector.mask is None:
            for k, at in enumerate(self._lane_addresses(start, stride, offsets, memory, vector)):
                one = self.pure(f"extractelement {v}, i64 {k}", v.kind, 0, v)
                self.line(f"store {one}, {at}, align {align}")
            return
        at = self._lane_pointers(start, stride, offsets, memory, vector)
        mask = vector.mask if vector.mask is not None else self.constant(True, "i1", lanes)
        name = f"@llvm.masked.scatter.v{lanes}{suffix}.v{lanes}p0"
        self.declarations.add(f"declare void {name}({v.type}, <{lanes} x ptr>, i32, <{lanes} x i1>)")
        self.line(f"call void {name}({v}, {at}, i32 {align}, {mask})")

    def written(self, s: Stmt) -> set[Buffer]:
        return {a.buffer.storage for a in accesses(s) if a.write and a.buffer.shape}

    def advance(self, roots: set[Buffer]) -> None:
        for root in roots:
            self.epochs[root] = self.epochs.get(root, 0) + 1
