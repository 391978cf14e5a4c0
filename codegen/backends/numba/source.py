"""Loop nests as one readable Python function for `numba.njit`.

The emitter decides nothing: it prints. A function takes the input arrays (0-d ones as scalars), the output arrays, and the arenas,
and returns the 0-d outputs as a tuple.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from codegen.elementary.functions import functions
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
from tracer.types import short_dtype

__all__ = ["emit", "Emitted"]

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
          "and": "and", "or": "or", "bitand": "&", "bitor": "|", "bitxor": "^", "shl": "<<", "shr": ">>"}
_PREFIX = {"neg": "-", "not": "not ", "invert": "~"}
STEP = "    "
_BOOL_INFIX = {**_INFIX, "add": "or", "mul": "and", "bitand": "and", "bitor": "or", "bitxor": "!=", "maximum": "or", "minimum": "and"}
_BOOL_PREFIX = {**_PREFIX, "invert": "not "}


@dataclass(frozen=True, slots=True)
class Emitted:
    """Source text, the helper functions and references it names, its arenas, and whether it watches for huge angles.

    A function that watches returns one more value: whether an argument of sin or cos was larger than their fast form takes.
    """

    source: str
    helpers: set[str]
    references: dict[str, Any]
    arenas: list[np.dtype]
    watches: bool


class _Emitter:
    def __init__(self, program: Program, plan: MemoryPlan, exact: bool):
        self.exact = exact
        self.watches = not exact and any(e.fn in BEYOND_WATCHED for e in _all_applies(program))
        self.indent = "    "
        self.program = program
        self.plan = plan
        self.lines: list[str] = []
        self.helpers: set[str] = set()
        self.references: dict[str, Any] = {}
        self.declared: set[Buffer] = set()

    # -- expressions -----------------------------------------------------------------------------

    def lit(self, e: Lit) -> str:
        if e.dtype.kind == "b":
            return str(bool(e.value))
        if e.dtype.kind in "iu":
            return str(int(e.value)) if e.dtype == np.int64 else f"{e.dtype.name}({int(e.value)})"
        v = float(e.value)
        text = repr(v) if math.isfinite(v) else ("nan" if v != v else ("inf" if v > 0 else "-inf"))
        return text if e.dtype == np.float64 else f"float32({text})"

    def expr(self, e: Expr) -> str:
        if isinstance(e, Name):
            return e.name
        if isinstance(e, Lit):
            return self.lit(e)
        if isinstance(e, Load):
            return self.element(e.buffer, e.index)
        if isinstance(e, Select):
            self.helpers.add("select")
            return f"select({self.expr(e.test)}, {self.expr(e.yes)}, {self.expr(e.no)})"
        if isinstance(e, Cast):
            return self.cast(e)
        args = [self.expr(a) for a in e.args]
        infix, prefix = (_BOOL_INFIX, _BOOL_PREFIX) if e.args[0].dtype.kind == "b" else (_INFIX, _PREFIX)
        if e.fn in infix:
            text = f"({args[0]} {infix[e.fn]} {args[1]})"
        elif e.fn in prefix:
            text = f"({prefix[e.fn]}{args[0]})"
        else:
            text = self._helper_call(e, args)
        if e.dtype.kind in "iu" and e.dtype.itemsize < 8:
            text = f"{e.dtype.name}({text})"  # Numba widens to int64
        return text

    def _helper_call(self, e: Apply, args: list[str]) -> str:
        """A call of one of the helper functions; where angles may be too large for the fast form, after a line that watches for it."""
        name = f"{e.fn}_int" if e.args[0].dtype.kind in "iu" and f"{e.fn}_int" in INTEGER_HELPERS else e.fn
        if self.exact and e.fn in BEYOND_WATCHED:
            name = f"exact_{name}"
        elif e.fn in functions and e.dtype == np.float32:
            name = f"{name}32"
        if self.watches and e.fn in BEYOND_WATCHED:
            watch = "beyond32" if e.dtype == np.float32 else "beyond"
            self.helpers.add(watch)
            self.put(self.indent, f"huge |= {watch}({args[0]})")
        self.helpers.add(name)
        return f"{name}({', '.join(args)})"

    def cast(self, e: Cast) -> str:
        x = self.expr(e.x)
        if e.dtype.kind == "b":
            return f"({x} != 0)"
        return f"{e.dtype.name}({x})"

    def element(self, b: Buffer, index) -> str:
        if not b.shape:
            return b.name
        return f"{b.name}[{', '.join(map(self.expr, index))}]"

    # -- statements ------------------------------------------------------------------------------

    def put(self, indent: str, text: str) -> None:
        self.lines.append(indent + text)

    def block(self, block: list[Stmt], indent: str) -> None:
        if not block:
            self.put(indent, "pass")
        for s in block:
            self.stmt(s, indent)

    def stmt(self, s: Stmt, indent: str) -> None:
        self.indent = indent
        rules: dict[type, Callable[[Any, str], None]] = {
            Store: self.store, For: self.for_, While: self.while_, If: self.if_, Grow: self.grow, Alloc: self.alloc, Check: self.check,
            Call: self.call}
        rules[type(s)](s, indent)

    def for_(self, s: For, indent: str) -> None:
        stop = self.expr(s.stop)
        span = f"{stop} - 1, -1, -1" if s.reverse else stop
        self.put(indent, f"for {s.var.name} in range({span}):")
        self.block(s.body, indent + STEP)

    def while_(self, s: While, indent: str) -> None:
        inner = indent + STEP
        self.put(indent, "while True:")
        if s.head:
            self.block(s.head, inner)
        self.indent = inner
        test = self.expr(s.test)
        self.put(inner, f"if not {test}" + (" or huge:" if self.watches else ":"))
        self.put(inner, "    break")
        self.block(s.body, inner)

    def if_(self, s: If, indent: str) -> None:
        which = self.expr(s.which)
        for k, b in enumerate(s.branches):
            head = "else:" if k == len(s.branches) - 1 and k else (f"{'el' if k else ''}if {which} <= {k}:")
            self.put(indent, head)
            self.block(b, indent + STEP)

    def grow(self, s: Grow, indent: str) -> None:
        self.helpers.add("grow")
        self.put(indent, f"if {self.expr(s.at)} >= {s.buffer.name}.shape[0]:")
        self.put(indent + STEP, f"{s.buffer.name} = grow({s.buffer.name})")

    def alloc(self, s: Alloc, indent: str) -> None:
        lengths = [self.expr(d) for d in s.buffer.shape]
        if s.buffer.role == "tape":
            lengths[0] = "16"
        self.put(indent, f"{s.buffer.name} = np.empty(({', '.join(lengths)},), np.{s.buffer.dtype.name})")

    def check(self, s: Check, indent: str) -> None:
        i, n = self.expr(s.index), self.expr(s.length)
        self.put(indent, f"if {i} < -{n} or {i} >= {n}:")
        self.put(indent + STEP, f"raise {'np.linalg.' if s.error == 'LinAlgError' else ''}{s.error}({s.message!r})")

    def store(self, s: Store, indent: str) -> None:
        target = self.element(s.buffer, s.index)
        value = self.expr(s.value)
        if s.combine is None:
            self.put(indent, f"{target} = {value}")
        elif s.buffer.dtype.kind == "f" and s.combine == "add" and not s.buffer.shape:
            self.helpers.add("accumulate")
            self.put(indent, f"{target} = accumulate({target}, {value})")
        elif s.combine in ("and", "or") or s.buffer.dtype.kind == "b":
            word = {"add": "or", "mul": "and", "maximum": "or", "minimum": "and"}.get(s.combine, s.combine)
            self.put(indent, f"{target} = {target} {word} {value}")
        elif s.combine in ("add", "mul"):
            self.put(indent, f"{target} {_INFIX[s.combine]}= {value}")
        else:
            name = f"{s.combine}_int" if s.buffer.dtype.kind in "iu" else s.combine
            self.helpers.add(name)
            self.put(indent, f"{target} = {name}({target}, {value})")

    def call(self, s: Call, indent: str) -> None:
        if s.kind == "matmul":
            name = "gemm_add" if s.info.get("add") else "gemm"
            self.helpers.add(name)
            a, b, out = (self.matrix(x) for x in (*s.inputs, *s.outputs))
            self.put(indent, f"{name}({a}, {b}, {out})")
            return
        op = s.info["op"]
        name = f"{op}_reference_{len(self.references)}"
        self.references[name] = {**s.info, "inputs": len(s.inputs)}
        scalars = [x.buffer for x in s.outputs if not x.buffer.shape]
        for b in scalars:
            self.put(indent, f"{b.name}_cell = np.empty((1,), np.{b.dtype.name})")
        self.helpers.add("objmode")
        outs = [x.buffer.name if x.buffer.shape else f"{x.buffer.name}_cell" for x in s.outputs]
        self.put(indent, "with objmode():")
        self.put(indent, f"    {name}({', '.join([*(x.buffer.name for x in s.inputs), *outs])})")
        for b in scalars:
            self.put(indent, f"{b.name} = {b.name}_cell[0]")

    def matrix(self, x: BufferView) -> str:
        lead = f"[{', '.join(map(self.expr, x.lead))}]" if x.lead else ""
        return f"{x.buffer.name}{lead}{'.T' if x.swapped else ''}"

    # -- the function ----------------------------------------------------------------------------

    def function(self) -> str:
        p = self.program
        outputs = [b for b in p.outputs if isinstance(b, Buffer) and b.shape]
        arenas = [f"arena_{short_dtype(d)}" for d in self.plan.arenas]
        args = [b.name for b in [*p.inputs, *outputs]] + arenas
        self.put("", f"def kernel({', '.join(args)}):")
        for b, (dtype, start) in self.plan.places.items():
            shape = b.static_shape()
            assert shape is not None
            size = int(np.prod(shape))
            view = f"arena_{short_dtype(dtype)}[{start}:{start + size}]"
            self.put("    ", f"{b.name} = {view}" + (f".reshape({shape})" if len(shape) != 1 else ""))
        if any(e.fn in functions for e in _all_applies(p)):
            self.helpers.add("wide_vectors")
            self.put("    ", "wide_vectors()")
        if self.watches:
            self.put("    ", "huge = 0")
        self.views(p.body, "    ")
        self.block(p.body, "    ")
        scalars = [b.name for b in p.outputs if isinstance(b, Buffer) and not b.shape] + ["huge"] * self.watches
        self.put("    ", f"return ({', '.join(scalars)},)" if scalars else "return")
        return "\n".join(self.lines) + "\n"

    def views(self, block: list[Stmt], indent: str) -> None:
        """Other shapes of inputs, outputs and arena buffers, named at the head."""
        from codegen.loops.language import accesses
        static = {*self.program.inputs, *(b for b in self.program.outputs if isinstance(b, Buffer)), *self.plan.places}
        for s in block:
            for a in accesses(s):
                self._declare(a.buffer, static, indent)

    def _declare(self, b: Buffer, static: set[Buffer], indent: str) -> None:
        if b.root is None or b in self.declared:
            return
        if b.storage not in static:
            raise AssertionError(f"{b.name} views {b.storage.name}, which is made inside the function")
        self.declared.add(b)
        self.put(indent, f"{b.name} = {b.storage.name}.reshape(({', '.join(map(self.expr, b.shape))},))")


def _all_applies(program: Program) -> Iterator[Apply]:
    """Every function application in a program."""
    stack = list(program.body)
    while stack:
        s = stack.pop()
        for e in stmt_exprs(s):
            yield from (part for part in walk_expr(e) if isinstance(part, Apply))
        for block in blocks(s):
            stack.extend(block)


BEYOND_WATCHED = {"sin", "cos", "tan"}
INTEGER_HELPERS = {"maximum_int", "minimum_int", "abs_int", "sign_int", "floordiv_int", "mod_int", "pow_int", "fmax_int", "fmin_int"}


def emit(program: Program, plan: MemoryPlan, exact: bool = False) -> Emitted:
    """Print a program as Python source; `exact` takes the C library's sin and cos, right for arguments of any size."""
    e = _Emitter(program, plan, exact)
    source = e.function()
    return Emitted(source, e.helpers, e.references, list(plan.arenas), e.watches)
