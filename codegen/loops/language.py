"""The loop language: what a graph is lowered to, and what emitters print.

    program    = buffers, statements, results
    statement  = For | While | If | Store | Grow | Alloc | Check | Call
    expression = Name | Lit | Load | Apply | Select | Cast

A buffer of shape () is a scalar variable. What is computed, in which order, in which buffers, in vectors of how many elements and by
how many threads is decided by passes and stands in the program; emitters print it, or leave out what they have no words for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Union

import numpy as np

from tracer.sizes import as_int, hashable
from tracer.types import short_dtype

__all__ = ["Buffer", "Name", "Lit", "Load", "Apply", "Select", "Cast", "For", "While", "If", "Store", "Grow", "Alloc", "Check",
           "Call", "Program", "VectorPlan", "VectorSum", "ThreadPlan",
           "Expr", "Stmt", "walk_expr", "stmt_exprs", "blocks", "map_expr", "show", "Access", "accesses"]

I64 = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)


@dataclass(slots=True, eq=False)
class Buffer:
    """Storage for one value. `role` is input, output, scratch, tape (grows) or view (shares the storage of `root`)."""

    name: str
    dtype: np.dtype
    shape: tuple[Expr, ...]
    role: str = "scratch"
    root: Buffer | None = None

    @property
    def storage(self) -> Buffer:
        """The buffer whose memory this is."""
        return self.root.storage if self.root is not None else self

    def static_shape(self) -> tuple[int, ...] | None:
        """The lengths, if all are known."""
        if all(isinstance(d, Lit) for d in self.shape):
            return tuple(as_int(d.value) for d in self.shape)  # type: ignore[union-attr]
        return None


class _Expr:
    """Expressions are values: equal if their parts are. Written out, because compilation makes very many of them."""

    __slots__: tuple[str, ...] = ()

    def parts(self) -> tuple:
        """What decides equality."""
        return tuple([getattr(self, n) for n in self.__slots__])

    def __eq__(self, other: object) -> bool:
        return self is other or (other.__class__ is self.__class__ and other.parts() == self.parts())  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.parts())

    def __repr__(self) -> str:
        return show_expr(self)  # type: ignore[arg-type]


class Name(_Expr):
    """A loop counter or a size."""

    __slots__ = ("name", "dtype")

    def __init__(self, name: str, dtype: np.dtype = I64):
        self.name = name
        self.dtype = dtype


class Lit(_Expr):
    """A number."""

    __slots__ = ("value", "dtype")

    def __init__(self, value: Any, dtype: np.dtype = I64):
        self.value = value
        self.dtype = dtype

    def __hash__(self) -> int:
        return hash((hashable(self.value), self.dtype))


class Load(_Expr):
    """One element of a buffer."""

    __slots__ = ("buffer", "index")

    def __init__(self, buffer: Buffer, index: tuple[Expr, ...]):
        self.buffer = buffer
        self.index = index

    @property
    def dtype(self) -> np.dtype:
        """That of the buffer."""
        return self.buffer.dtype


class Apply(_Expr):
    """A scalar function of the language applied to expressions."""

    __slots__ = ("fn", "args", "dtype")

    def __init__(self, fn: str, args: tuple[Expr, ...], dtype: np.dtype):
        self.fn = fn
        self.args = args
        self.dtype = dtype


class Select(_Expr):
    """`yes` if `test`, else `no`; both are computed."""

    __slots__ = ("test", "yes", "no")

    def __init__(self, test: Expr, yes: Expr, no: Expr):
        self.test = test
        self.yes = yes
        self.no = no

    @property
    def dtype(self) -> np.dtype:
        """That of both values."""
        return self.yes.dtype


class Cast(_Expr):
    """Conversion to a dtype."""

    __slots__ = ("x", "dtype")

    def __init__(self, x: Expr, dtype: np.dtype):
        self.x = x
        self.dtype = dtype


Expr = Union[Name, Lit, Load, Apply, Select, Cast]


@dataclass(frozen=True, slots=True)
class VectorPlan:
    """How the steps of a loop run in vectors.

    lanes : steps that run together
    copies : vectors that one round of the loop takes, one after the other
    masks : which rounds ask which of their lanes are inside of the loop. "none": the steps that are left over, fewer than a round, run one
        by one. "last": they run as vectors whose lanes outside do nothing. "all": every round is such a one
    """
    lanes: int
    copies: int = 1
    masks: str = "none"

    def __str__(self) -> str:
        rest = {"none": "rest one by one", "last": "rest masked", "all": "all masked"}[self.masks]
        often = {1: "", 2: " twice", 4: " four times"}[self.copies]
        return f"vectors of {self.lanes}{often}, {rest}"


@dataclass(frozen=True, slots=True, eq=False)
class VectorSum:
    """A sum that is kept in vectors as long as a loop runs, and put into its buffer after it.

    stores : the stores inside of the loop that add to it. They are all stores to a scalar variable, or one store to an array's element
    combine : how they add
    dtype : that of the vectors; it may be wider than the buffer's
    lanes, copies : so many vectors of so many numbers
    """
    stores: tuple[Store, ...]
    combine: str
    dtype: np.dtype
    lanes: int
    copies: int = 1

    @property
    def buffer(self) -> Buffer:
        """Where the sum goes."""
        return self.stores[0].buffer

    def __str__(self) -> str:
        return show_expr(Load(self.buffer, self.stores[0].index))


@dataclass(frozen=True, slots=True, eq=False)
class ThreadPlan:
    """How threads share the steps of a loop: each adds up its own of the scalars `sums`, and has its own of the arrays `own`."""
    sums: dict[Buffer, str]
    own: tuple[Buffer, ...] = ()

    def __str__(self) -> str:
        parts = [f"each sums {', '.join(b.name for b in self.sums)}"] if self.sums else []
        parts += [f"each has {', '.join(b.name for b in self.own)}"] if self.own else []
        return "shared by threads" + (f" ({'; '.join(parts)})" if parts else "")


@dataclass(slots=True, eq=False)
class For:
    """Run `body` for var = 0 .. stop-1, or backwards. `parallel`: the steps are independent but for reductions.

    How it runs, where that has been decided: `vector`, its steps in vectors; `sums`, what is kept in vectors as long as it runs;
    `threads`, by several threads.
    """
    var: Name
    stop: Expr
    body: list[Stmt]
    reverse: bool = False
    parallel: bool = True
    vector: VectorPlan | None = None
    sums: tuple[VectorSum, ...] = ()
    threads: ThreadPlan | None = None


@dataclass(slots=True, eq=False)
class While:
    """Run `head`, leave unless `test`, run `body`, again."""
    head: list[Stmt]
    test: Expr
    body: list[Stmt]


@dataclass(slots=True, eq=False)
class If:
    """Run one of the branches: the one of number `which`, the first for a smaller number, the last for a larger one."""
    which: Expr
    branches: list[list[Stmt]]


@dataclass(slots=True, eq=False)
class Store:
    """buffer[index] = value, or buffer[index] = combine(buffer[index], value)."""
    buffer: Buffer
    index: tuple[Expr, ...]
    value: Expr
    combine: str | None = None


@dataclass(slots=True, eq=False)
class Grow:
    """Make sure that the tape has room at `at`."""
    buffer: Buffer
    at: Expr


@dataclass(slots=True, eq=False)
class Alloc:
    """Make a buffer whose lengths are known only now."""
    buffer: Buffer


@dataclass(slots=True, eq=False)
class Check:
    """Raise `error` with `message` unless -length <= index < length."""
    index: Expr
    length: Expr
    message: str
    error: str = "IndexError"


@dataclass(slots=True, eq=False)
class Call:
    """A call outside the language: `matmul` (added to its output if info has `add`), or `reference`, the visible call of an op's NumPy
    reference."""
    kind: str
    outputs: list[BufferView]
    inputs: list[BufferView]
    info: dict[str, Any] = field(default_factory=dict)


Stmt = Union[For, While, If, Store, Grow, Alloc, Check, Call]


@dataclass(slots=True, eq=False)
class Program:
    """A whole kernel: buffers by role, statements, and what is returned (a buffer or a constant each)."""

    name: str
    inputs: list[Buffer]
    outputs: list[Any]
    body: list[Stmt]
    references: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return show(self)


def walk_expr(e: Expr) -> list[Expr]:
    """An expression and all its parts."""
    out = [e]
    for part in out:  # grows while it is gone through
        if isinstance(part, Load):
            out += part.index
        elif isinstance(part, Apply):
            out += part.args
        elif isinstance(part, Select):
            out += (part.test, part.yes, part.no)
        elif isinstance(part, Cast):
            out.append(part.x)
    return out


def map_expr(e: Expr, f) -> Expr:
    """Rebuild an expression bottom-up; `f` replaces each part."""
    if isinstance(e, Load):
        e = Load(e.buffer, tuple([map_expr(i, f) for i in e.index]))
    elif isinstance(e, Apply):
        e = Apply(e.fn, tuple([map_expr(a, f) for a in e.args]), e.dtype)
    elif isinstance(e, Select):
        e = Select(map_expr(e.test, f), map_expr(e.yes, f), map_expr(e.no, f))
    elif isinstance(e, Cast):
        e = Cast(map_expr(e.x, f), e.dtype)
    return f(e)


def stmt_exprs(s: Stmt) -> list[Expr]:
    """The expressions of a statement itself, without those of its blocks."""
    if isinstance(s, For):
        return [s.stop]
    if isinstance(s, While):
        return [s.test]
    if isinstance(s, If):
        return [s.which]
    if isinstance(s, Store):
        return [*s.index, s.value]
    if isinstance(s, Grow):
        return [s.at]
    if isinstance(s, Alloc):
        return list(s.buffer.shape)
    if isinstance(s, Check):
        return [s.index, s.length]
    return [e for x in (*s.inputs, *s.outputs) for e in x.lead]


def blocks(s: Stmt) -> list[list[Stmt]]:
    """The statement lists inside a statement."""
    if isinstance(s, For):
        return [s.body]
    if isinstance(s, While):
        return [s.head, s.body]
    if isinstance(s, If):
        return s.branches
    return []


@dataclass(frozen=True, slots=True)
class BufferView:
    """An operand of a call: a buffer, at fixed leading indices, its last two axes swapped if `swapped`."""
    buffer: Buffer
    lead: tuple[Expr, ...] = ()
    swapped: bool = False


class Access:
    """A read or write of a buffer; index None means all of it."""

    __slots__ = ("buffer", "index", "write")

    def __init__(self, buffer: Buffer, index: tuple[Expr, ...] | None, write: bool):
        self.buffer = buffer
        self.index = index
        self.write = write


def accesses(s: Stmt) -> list[Access]:
    """Every access of a statement and what is inside it."""
    out: list[Access] = []
    stack = [s]
    while stack:
        s = stack.pop()
        for e in stmt_exprs(s):
            for part in walk_expr(e):
                if isinstance(part, Load):
                    out.append(Access(part.buffer, part.index, False))
        if isinstance(s, Store):
            out.append(Access(s.buffer, s.index, True))
            if s.combine:
                out.append(Access(s.buffer, s.index, False))
        elif isinstance(s, (Grow, Alloc)):
            out.append(Access(s.buffer, None, True))
        elif isinstance(s, Call):
            out += [Access(o.buffer, None, True) for o in s.outputs]
            out += [Access(x.buffer, None, False) for x in (*s.inputs, *(s.outputs if s.info.get("add") else ()))]
        for block in reversed(blocks(s)):
            stack += reversed(block)
    return out


# -- printing -------------------------------------------------------------------------------------

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
          "and": "and", "or": "or"}


def show_expr(e: Expr) -> str:
    """An expression as text."""
    if isinstance(e, Name):
        return e.name
    if isinstance(e, Lit):
        return str(e.value)
    if isinstance(e, Load):
        return e.buffer.name + (f"[{', '.join(map(show_expr, e.index))}]" if e.index else "")
    if isinstance(e, Apply):
        args = list(map(show_expr, e.args))
        return f"({args[0]} {_INFIX[e.fn]} {args[1]})" if e.fn in _INFIX and len(args) == 2 else f"{e.fn}({', '.join(args)})"
    if isinstance(e, Select):
        return f"select({show_expr(e.test)}, {show_expr(e.yes)}, {show_expr(e.no)})"
    return f"{short_dtype(e.dtype)}({show_expr(e.x)})"


def show(program: Program) -> str:
    """A program as text."""
    results = ", ".join(o.name if isinstance(o, Buffer) else str(o.value) for o in program.outputs)
    return "\n".join([f"{program.name}({', '.join(_declare(b) for b in program.inputs)}):", *_show_block(program.body, "  "),
                      f"  return {results}"])


def _show_block(block: list[Stmt], indent: str) -> list[str]:
    """The lines of statements."""
    lines: list[str] = []
    inner = indent + "  "
    for s in block:
        if isinstance(s, For):
            kind = "for" if s.parallel else "loop"
            lines.append(f"{indent}{kind} {s.var.name} < {show_expr(s.stop)}{' backwards' if s.reverse else ''}:{_show_plans(s)}")
            lines += _show_block(s.body, inner)
        elif isinstance(s, While):
            test = f"{inner}leave unless {show_expr(s.test)}"
            lines += [f"{indent}while:", *_show_block(s.head, inner), test, *_show_block(s.body, inner)]
        elif isinstance(s, If):
            for k, b in enumerate(s.branches):
                lines += [f"{indent}branch {show_expr(s.which)} == {k}:", *_show_block(b, inner)]
        else:
            lines.append(indent + _show_simple(s))
    return lines


def _show_simple(s: Store | Grow | Alloc | Check | Call) -> str:
    """A statement without blocks as text."""
    if isinstance(s, Store):
        return f"{show_expr(Load(s.buffer, s.index))} {s.combine or ''}= {show_expr(s.value)}"
    if isinstance(s, Grow):
        return f"grow {s.buffer.name} to {show_expr(s.at)}"
    if isinstance(s, Alloc):
        return f"alloc {_declare(s.buffer)}"
    if isinstance(s, Check):
        return f"check {show_expr(s.index)} in {show_expr(s.length)}"
    ins, outs = (", ".join(map(_show_view, xs)) for xs in (s.inputs, s.outputs))
    return f"{outs} {'+' if s.info.get('add') else ''}= {s.info.get('op', s.kind)}({ins})"


def _show_plans(s: For) -> str:
    """How a loop runs, as a comment; empty if it runs step by step."""
    plans = [str(p) for p in (s.threads, s.vector) if p is not None]
    if s.sums:
        plans.append(f"{', '.join(map(str, s.sums))} summed in vectors")
    return "  # " + "; ".join(plans) if plans else ""


def _show_view(x: BufferView) -> str:
    return x.buffer.name + (f"[{', '.join(map(show_expr, x.lead))}]" if x.lead else "") + (".T" if x.swapped else "")


def _declare(b: Buffer) -> str:
    return f"{b.name}: {short_dtype(b.dtype)}[{', '.join(map(show_expr, b.shape))}]"
