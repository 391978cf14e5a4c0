"""A writer of LLVM IR text: values, frames, arithmetic on scalars and vectors.

A *frame* is a stretch of code that is run together: the function's entry, what stands in front of a loop, a loop's body, a branch. Each
value knows the frame that made it (its level). An instruction without side effects is written at the end of the deepest frame among
its operands, not where it is asked for, and only once: so loop-invariant code motion and common subexpressions cost no pass. LLVM's
own optimiser is not run; its code generator gets what it would have made.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from codegen.backends.llvm.made import MixedTypesError

__all__ = ["Value", "Reading", "Frame", "Writer", "llvm_type", "number_text", "SIGNED"]

_TYPES = {"float64": "double", "float32": "float", "bool": "i1", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
          "uint8": "i8", "uint16": "i16", "uint32": "i32", "uint64": "i64"}
SIZES = {"double": 8, "float": 4, "i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "ptr": 8}
_SUFFIX = {"double": "f64", "float": "f32", "i1": "i1", "i8": "i8", "i16": "i16", "i32": "i32", "i64": "i64", "ptr": "p0"}
SIGNED = "bi"


_OF_DTYPE = {np.dtype(name): kind for name, kind in _TYPES.items()}


def llvm_type(dtype: np.dtype) -> str:
    """The LLVM type of an element; KeyError for types that compiled code does not know."""
    return _OF_DTYPE[dtype]


def number_text(v: Any, kind: str) -> str:
    """A constant of a scalar type."""
    if kind == "double":
        return f"0x{struct.unpack('<Q', struct.pack('<d', float(v)))[0]:016X}"
    if kind == "float":
        return number_text(np.float32(v), "double")  # LLVM writes a float as the double of the same value
    if kind == "i1":
        return "true" if v else "false"
    return str(int(v))


class Value:
    """An operand: its text, scalar type, lanes (0 for a scalar), the level of the frame that made it, its number if a constant."""

    __slots__ = ("text", "kind", "lanes", "level", "number")

    def __init__(self, text: str, kind: str, lanes: int = 0, level: int = 0, number: Any = None):
        self.text = text
        self.kind = kind
        self.lanes = lanes
        self.level = level
        self.number = number

    @property
    def type(self) -> str:
        """Its LLVM type."""
        return f"<{self.lanes} x {self.kind}>" if self.lanes else self.kind

    def __str__(self) -> str:
        return f"{self.type} {self.text}"


class Reading(NamedTuple):
    """What a load reads: two loads with equal records, one after the other, give the same value.

    The element type and the number of lanes are part of it: four and eight elements at one address are not the same value.
    """

    how: str        # load, vload (neighbours) or gather
    root: Any       # the buffer whose memory it is
    address: str    # the text of the address, or of the addresses
    kind: str       # the element's type in memory
    lanes: int
    epoch: int      # how often the buffer has been written before
    mask: str = ""


def _require_same(op: str, *vs: Value) -> None:
    first = vs[0]
    for v in vs:
        if v.kind != first.kind or v.lanes != first.lanes:
            raise MixedTypesError(f"{op} of {', '.join(v.type for v in vs)}")


class Frame:
    """Code written so far, what it computed, and the basic block at its end. Nothing moves out of a frame that is a barrier."""

    __slots__ = ("label", "barrier", "lines", "known")

    def __init__(self, label: str, barrier: bool = False):
        self.label = label
        self.barrier = barrier
        self.lines: list[str] = []
        self.known: dict[Hashable, Value] = {}


class Writer:
    """Writes one function body."""

    def __init__(self, declarations: set[str], fma: bool, has_mask_registers: bool = False):
        self.declarations = declarations
        self.fma_exact = fma
        self.has_mask_registers = has_mask_registers
        self.count = 0
        # Frame 0 is the function's entry, which holds what is computed from the arguments alone and no control flow.
        self.frames: list[Frame] = [Frame("entry"), Frame("body")]
        self.variables: dict[Hashable, Value] = {}

    # -- writing ---------------------------------------------------------------------------------

    @property
    def frame(self) -> Frame:
        """The innermost frame."""
        return self.frames[-1]

    @property
    def level(self) -> int:
        """The innermost frame's number."""
        return len(self.frames) - 1

    def fresh(self, stem: str = "t") -> str:
        """A new name."""
        self.count += 1
        return f"%{stem}{self.count}"

    def label(self) -> str:
        """A new label."""
        self.count += 1
        return f"L{self.count}"

    def line(self, text: str) -> None:
        """An instruction at the end of the innermost frame."""
        self.frame.lines.append("  " + text)

    def start_block(self, label: str) -> None:
        """Begin a basic block."""
        self.frame.lines.append(f"{label}:")
        self.frame.label = label

    def _floor(self) -> int:
        for k in range(len(self.frames) - 1, 0, -1):
            if self.frames[k].barrier:
                return k
        return 0

    def pure(self, rhs: str, kind: str, lanes: int, *operands: Value) -> Value:
        """The value of an instruction without side effects; written once, as far out as its operands allow."""
        level = self._floor()
        for v in operands:
            if v.level > level:
                level = v.level
        frame = self.frames[level]
        found = frame.known.get(rhs)
        if found is None:
            found = Value(self.fresh(), kind, lanes, level)
            frame.lines.append(f"  {found.text} = {rhs}")
            frame.known[rhs] = found
        return found

    def here(self, rhs: str, kind: str, lanes: int = 0) -> Value:
        """The value of an instruction that must stand where it is asked for."""
        v = Value(self.fresh(), kind, lanes, self.level)
        self.line(f"{v.text} = {rhs}")
        return v

    def at_level(self, level: int, key: Hashable, rhs: str, kind: str, lanes: int = 0) -> Value:
        """As `pure`, at a given level and under a given key: for loads, whose value depends on when."""
        frame = self.frames[level]
        found = frame.known.get(key)
        if found is None:
            found = frame.known[key] = Value(self.fresh(), kind, lanes, level)
            frame.lines.append(f"  {found.text} = {rhs}")
        elif found.kind != kind or found.lanes != lanes:
            raise MixedTypesError(f"{found.type} where {lanes} lanes of {kind} are read")
        return found

    def table_entry(self, base: str, index: int, row: str, kind: str) -> Value:
        """A number from one of the function's tables, read at its entry."""
        frame = self.frames[0]
        key = ("table", base, index, kind)
        found = frame.known.get(key)
        if found is None:
            at = self.fresh()
            found = frame.known[key] = Value(self.fresh(), kind)
            frame.lines += [f"  {at} = getelementptr {row}, ptr {base}, i64 {index}", f"  {found.text} = load {kind}, ptr {at}"]
        return found

    # -- constants and lanes ---------------------------------------------------------------------

    def constant(self, v: Any, kind: str, lanes: int = 0) -> Value:
        """A number."""
        text = number_text(v, kind)
        return Value(f"splat ({kind} {text})" if lanes else text, kind, lanes, 0, v)

    def spread(self, v: Value, lanes: int) -> Value:
        """A scalar in every lane."""
        if v.lanes not in (0, lanes):
            raise MixedTypesError(f"{v.type} among {lanes} lanes")
        if v.lanes or not lanes:
            return v
        if v.number is not None:
            return self.constant(v.number, v.kind, lanes)
        one = self.pure(f"insertelement <{lanes} x {v.kind}> poison, {v}, i64 0", v.kind, lanes, v)
        return self.pure(f"shufflevector {one}, {one.type} poison, <{lanes} x i32> zeroinitializer", v.kind, lanes, one)

    def first_lane(self, v: Value, rest: Value) -> Value:
        """A scalar in the first lane, `rest` in the others."""
        return self.pure(f"insertelement {rest}, {v}, i64 0", rest.kind, rest.lanes, v, rest)

    def shuffled(self, v: Value, lanes: Sequence[int], other: Value | None = None) -> Value:
        """The given lanes of a vector, or of two, one after the other."""
        order = ", ".join(f"i32 {k}" for k in lanes)
        text = f"shufflevector {v}, {v.type} {'poison' if other is None else other.text}, <{len(lanes)} x i32> <{order}>"
        return self.pure(text, v.kind, len(lanes), v, *([] if other is None else [other]))

    def even(self, *vs: Value) -> list[Value]:
        """All with as many lanes as the widest."""
        lanes = max(v.lanes for v in vs)
        return [self.spread(v, lanes) for v in vs] if lanes else list(vs)

    # -- instructions ----------------------------------------------------------------------------

    def binary(self, op: str, a: Value, b: Value) -> Value:
        """A two-operand instruction with the operands' type."""
        a, b = self.even(a, b)
        _require_same(op, a, b)
        return self.pure(f"{op} {a}, {b.text}", a.kind, a.lanes, a, b)

    def compare(self, op: str, a: Value, b: Value) -> Value:
        """`fcmp` or `icmp`, with the predicate in `op`."""
        a, b = self.even(a, b)
        _require_same(op, a, b)
        return self.pure(f"{op} {a}, {b.text}", "i1", a.lanes, a, b)

    def convert(self, op: str, a: Value, kind: str) -> Value:
        """A conversion."""
        to = f"<{a.lanes} x {kind}>" if a.lanes else kind
        return self.pure(f"{op} {a} to {to}", kind, a.lanes, a)

    def select(self, test: Value, yes: Value, no: Value) -> Value:
        """`yes` where `test`, else `no`."""
        if yes.text == no.text and yes.lanes == no.lanes:
            return yes
        lanes = max(test.lanes, yes.lanes, no.lanes)
        yes, no = self.spread(yes, lanes), self.spread(no, lanes)
        _require_same("select", yes, no)
        if test.kind != "i1" or test.lanes not in (0, lanes):
            raise MixedTypesError(f"select of {yes.type} by {test.type}")
        return self.pure(f"select {test}, {yes}, {no}", yes.kind, lanes, test, yes, no)

    def intrinsic(self, name: str, *args: Value) -> Value:
        """An LLVM intrinsic overloaded on one type, all operands of it."""
        args = tuple(self.even(*args))
        _require_same(name, *args)
        a = args[0]
        suffix = (f"v{a.lanes}" if a.lanes else "") + _SUFFIX[a.kind]
        full = f"@llvm.{name}.{suffix}"
        self.declarations.add(f"declare {a.type} {full}({', '.join(v.type for v in args)})")
        return self.pure(f"call {a.type} {full}({', '.join(map(str, args))})", a.kind, a.lanes, *args)

    def split(self, x: Value) -> tuple[Value, Value] | None:
        """(k, m) of vectors x = 2**k m, 1 <= m < 2, by two instructions of AVX-512; None where there are none.

        Of zero k is -inf, of inf it is inf, and m is 1; of what is negative m is nan, and so are both of nan.
        """
        bits = SIZES[x.kind] * 8 * x.lanes
        if not self.has_mask_registers or bits not in (256, 512):
            return None
        x = self.binary("fadd", x, self.constant(0.0, x.kind))      # -0.0 as 0.0
        suffix = f"{'pd' if x.kind == 'double' else 'ps'}.{bits}"
        mask = "i16" if x.lanes > 8 else "i8"
        found = []
        for name, more in (("getexp", []), ("getmant", ["i32 8"])):     # 8: nan of what is negative
            given = [str(x), *more, f"{x.type} zeroinitializer", f"{mask} -1", *(["i32 4"] if bits == 512 else [])]    # 4: rounding as set
            full = f"@llvm.x86.avx512.mask.{name}.{suffix}"
            self.declarations.add(f"declare {x.type} {full}({', '.join(g.rpartition(' ')[0] for g in given)})")
            found.append(self.pure(f"call {x.type} {full}({', '.join(given)})", x.kind, x.lanes, x))
        return found[0], found[1]

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a b + c with one rounding, where the host has that."""
        if self.fma_exact:
            return self.intrinsic("fma", a, b, c)
        return self.binary("fadd", self.binary("fmul", a, b), c)

    def lanewise(self, name: str, *args: Value) -> Value:
        """A scalar C function, called for each lane."""
        args = tuple(self.even(*args))
        a = args[0]
        if not name.startswith("ad_"):  # those are defined in the module
            self.declarations.add(f"declare {a.kind} @{name}({', '.join(v.kind for v in args)})")
        if not a.lanes:
            return self.pure(f"call {a.kind} @{name}({', '.join(map(str, args))})", a.kind, 0, *args)
        out: Value | None = None
        for lane in range(a.lanes):
            parts = [self.pure(f"extractelement {v}, i64 {lane}", v.kind, 0, v) for v in args]
            y = self.pure(f"call {a.kind} @{name}({', '.join(map(str, parts))})", a.kind, 0, *parts)
            base = f"{out}" if out is not None else f"{a.type} poison"
            out = self.pure(f"insertelement {base}, {y}, i64 {lane}", a.kind, a.lanes, *([out] if out is not None else []), y)
        assert out is not None
        return out

    # -- integers --------------------------------------------------------------------------------

    def iadd(self, a: Value, b: Value) -> Value:
        """Sum of two i64, folded where known."""
        if a.number is not None and b.number is not None and not a.lanes and not b.lanes:
            return self.constant(a.number + b.number, "i64")
        if a.number == 0 and a.lanes <= b.lanes:
            return b
        if b.number == 0 and b.lanes <= a.lanes:
            return a
        return self.binary("add", a, b)

    def imul(self, a: Value, b: Value) -> Value:
        """Product of two i64, folded where known."""
        if a.number is not None and b.number is not None and not a.lanes and not b.lanes:
            return self.constant(a.number * b.number, "i64")
        for x, y in ((a, b), (b, a)):
            if x.number == 1 and x.lanes <= y.lanes:
                return y
            if x.number == 0 and not x.lanes and not y.lanes:
                return x
        return self.binary("mul", a, b)

    def isub(self, a: Value, b: Value) -> Value:
        """Difference of two i64, folded where known."""
        if a.number is not None and b.number is not None and not a.lanes and not b.lanes:
            return self.constant(a.number - b.number, "i64")
        return a if b.number == 0 and b.lanes <= a.lanes else self.binary("sub", a, b)

    def offset(self, base: Value, index: Value, kind: str) -> Value:
        """The address of element `index` from `base` on; a vector of them if the index is one."""
        if index.number == 0 and not index.lanes:
            return base
        kind = "i8" if kind == "i1" else kind
        return self.pure(f"getelementptr {kind}, {base}, {index}", "ptr", index.lanes, base, index)

    # -- control flow ----------------------------------------------------------------------------

    def branch(self, test: Value, yes: str, no: str) -> None:
        """Jump by a scalar truth value."""
        self.line(f"br i1 {test.text}, label %{yes}, label %{no}")

    def push(self, label: str, barrier: bool = False) -> None:
        """Open a frame whose first block is `label`."""
        self.frames.append(Frame(label, barrier))

    def pop(self) -> Frame:
        """Close the innermost frame; the caller puts its lines where they belong."""
        return self.frames.pop()

    def _phi(self, v: Value, incoming: Sequence[tuple[Value, str]]) -> str:
        return f"  {v.text} = phi {v.type} " + ", ".join(f"[{x.text}, %{at}]" for x, at in incoming)

    def counted(self, start: Value, stop: Value, step: int, carried: Sequence[Hashable], body: Callable[[Value], None]) -> None:
        """for (i = start; i < stop; i += step) body(i), where the variables `carried` change from step to step."""
        before = {k: self.variables[k] for k in carried}
        known = start.number is not None and stop.number is not None
        if known and start.number >= stop.number:
            return
        pre, header, leave = self.label(), self.label(), self.label()
        some = None if known else self.compare("icmp slt", start, stop)
        self.push(pre)
        self.push(header)
        i = Value(self.fresh("i"), "i64", 0, self.level)
        inside = {k: Value(self.fresh("v"), v.kind, v.lanes, self.level) for k, v in before.items()}
        self.variables.update(inside)
        body(i)
        following = self.here(f"add nsw {i}, {step}", "i64")
        again = self.here(f"icmp slt {following}, {stop.text}", "i1")
        latch = self.frame.label
        self.branch(again, header, leave)
        after = {k: self.variables[k] for k in carried}
        inner = self.pop()
        outer = self.pop()
        # The jump into the loop is written now: until here, invariant code went in front of it.
        entry = self.frame.label
        if some is None:
            self.line(f"br label %{pre}")
        else:
            self.branch(some, pre, leave)
        out = self.frame.lines
        out.append(f"{pre}:")
        out += outer.lines
        out.append(f"  br label %{header}")
        out.append(f"{header}:")
        out.append(self._phi(i, [(start, outer.label), (following, latch)]))
        out += [self._phi(v, [(before[k], outer.label), (after[k], latch)]) for k, v in inside.items()]
        out += inner.lines
        self.start_block(leave)
        for k in carried:
            v = Value(self.fresh("v"), after[k].kind, after[k].lanes, self.level)
            out.append(self._phi(v, [(after[k], latch)] if known else [(before[k], entry), (after[k], latch)]))
            self.variables[k] = v

    def repeated(self, carried: Sequence[Hashable], head: Callable[[], Value], body: Callable[[], None]) -> None:
        """while head(): body()."""
        before = {k: self.variables[k] for k in carried}
        top, inside, leave = self.label(), self.label(), self.label()
        self.push(top)
        turning = {k: Value(self.fresh("v"), v.kind, v.lanes, self.level) for k, v in before.items()}
        self.variables.update(turning)
        test = head()
        left = {k: self.variables[k] for k in carried}
        self.branch(test, inside, leave)
        self.start_block(inside)
        body()
        latch = self.frame.label
        self.line(f"br label %{top}")
        after = {k: self.variables[k] for k in carried}
        frame = self.pop()
        entry = self.frame.label
        self.line(f"br label %{top}")
        out = self.frame.lines
        out.append(f"{top}:")
        out += [self._phi(v, [(before[k], entry), (after[k], latch)]) for k, v in turning.items()]
        out += frame.lines
        self.start_block(leave)
        # What the head computed last holds after the loop: its block dominates the exit.
        self.variables.update({k: Value(v.text, v.kind, v.lanes, self.level, v.number) for k, v in left.items()})

    def branches(self, tests: Sequence[Value], bodies: Sequence[Callable[[], None]], changed: Sequence[Hashable]) -> None:
        """The first body whose test holds, else the last."""
        before = {k: self.variables[k] for k in changed}
        leave = self.label()
        arms: list[tuple[str, dict]] = []
        for k, body in enumerate(bodies):
            last = k == len(bodies) - 1
            arm, other = self.label(), self.label()
            if last:
                self.line(f"br label %{arm}")
            else:
                self.branch(tests[k], arm, other)
            self.push(arm, barrier=True)
            self.variables.update(before)
            body()
            self.line(f"br label %{leave}")
            end = {k: self.variables[k] for k in changed}
            frame = self.pop()
            arms.append((frame.label, end))
            self.frame.lines.append(f"{arm}:")
            self.frame.lines += frame.lines
            if not last:
                self.start_block(other)
        self.start_block(leave)
        for k in changed:
            v = Value(self.fresh("v"), before[k].kind, before[k].lanes, self.level)
            self.frame.lines.append(self._phi(v, [(end[k], label) for label, end in arms]))
            self.variables[k] = v

    def unlikely(self, test: Value, otherwise: Value, cold: Callable[[], Value]) -> Value:
        """`otherwise`, or cold() in the rare case that `test` holds."""
        slow, join = self.label(), self.label()
        before = self.frame.label
        self.line(f"br i1 {test.text}, label %{slow}, label %{join}, !prof !0")
        self.push(slow, barrier=True)
        y = cold()
        self.line(f"br label %{join}")
        frame = self.pop()
        self.frame.lines.append(f"{slow}:")
        self.frame.lines += frame.lines
        self.start_block(join)
        v = Value(self.fresh("v"), y.kind, y.lanes, self.level)
        self.frame.lines.append(self._phi(v, [(otherwise, before), (y, frame.label)]))
        return v

    def text(self) -> list[str]:
        """The lines of the finished function."""
        entry, body = self.frames
        return ["entry:", *entry.lines, "  br label %body", "body:", *body.lines]
