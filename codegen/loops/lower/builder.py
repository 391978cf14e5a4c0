"""What ops see while they are lowered: operands, and the builder that writes expressions, loops, reads and stores."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

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
    If,
    Lit,
    Load,
    Name,
    Select,
    Stmt,
    Store,
    walk_expr,
)
from tracer.graph import Graph
from tracer.lengths import plain
from tracer.sizes import Dim, Length, LengthSymbol, Size, as_length

__all__ = ["Operand", "Builder", "Index", "I64", "BOOL", "COMPARES", "reads", "copy_into", "bind_size", "product", "add_index"]

Index = tuple[Expr, ...]
BOOL = np.dtype(np.bool_)
I64 = np.dtype(np.int64)
COMPARES = {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"}
SMALL_DOT = 512
"""Products of at most this many multiplications are plain loops: a BLAS call costs about 0.3 us."""



class Operand:
    """A value while lowering: how to read an element, and its buffer if it has one."""

    __slots__ = ("dtype", "shape", "read", "buffer", "swapped_of", "fixed_of", "prefix")

    def __init__(self, dtype: np.dtype, shape: tuple[Dim, ...], read: Callable[[Index], Expr], buffer: Buffer | None = None):
        self.dtype = dtype
        self.shape = shape
        self.read = read
        self.buffer = buffer
        self.swapped_of: Operand | None = None  # a transpose of the last two axes of this operand
        self.fixed_of: tuple[Buffer, Index] | None = None  # a buffer at fixed leading indices
        self.prefix: Index = ()     # where in its buffer a stack of an inner loop lies


class Builder:
    """What ops see while they are lowered."""

    zero = Lit(0)

    def __init__(self):
        self.block: list[Stmt] = []
        self.counter = itertools.count()
        self.loop_names = itertools.count()
        self.sizes: dict[str, Expr] = {}
        self.references: list[str] = []
        self.dying: set[int] = set()
        # What `_updated_operands` has found of the branches of conditionals.
        self.updated: dict[int, tuple[tuple[Graph, ...], dict[int, int]]] = {}
        self.line = ""

    # -- expressions -----------------------------------------------------------------------------

    def const(self, value, dtype) -> Expr:
        """A number of a dtype."""
        return Lit(np.dtype(dtype).type(value).item(), np.dtype(dtype))

    def apply(self, fn: str, *xs: Expr) -> Expr:
        """A function of the loop language."""
        return Apply(fn, xs, BOOL if fn in COMPARES else xs[0].dtype)

    def select(self, test: Expr, yes: Expr, no: Expr) -> Expr:
        """`yes` where `test`, else `no`."""
        return Select(test, yes, no)

    def cast(self, x: Expr, dtype) -> Expr:
        """Conversion."""
        return x if x.dtype == dtype else Cast(x, np.dtype(dtype))

    def truth(self, x: Expr) -> Expr:
        """Whether x is not zero."""
        return x if x.dtype == BOOL else self.apply("ne", x, Lit(x.dtype.type(0).item(), x.dtype))

    def offset(self, index: Expr, start: Dim) -> Expr:
        """index + start."""
        return index if isinstance(start, int) and start == 0 else add_index(index, self.dim(start))

    def dim(self, d: Dim) -> Expr:
        """A length as an expression."""
        if not isinstance(d, Size):
            return Lit(d if type(d) is Length else int(d))
        total: Expr | None = None
        for monomial, c in d.terms:
            term: Expr | None = None
            for s in monomial:
                factor = Lit(as_length(s)) if isinstance(s, LengthSymbol) else self.sizes[s]
                term = factor if term is None else Apply("mul", (term, factor), I64)
            term = Lit(c) if term is None else (term if c == 1 else Apply("mul", (Lit(c), term), I64))
            total = term if total is None else Apply("add", (total, term), I64)
        return total if total is not None else Lit(0)

    # -- reading and writing ---------------------------------------------------------------------

    def load(self, x: Operand, index: Index) -> Expr:
        """One element."""
        return x.read(index)

    def reader(self, x: Operand) -> Callable[[Index], Expr]:
        """The function from an index to an element."""
        return x.read

    def store(self, out: Operand, index: Index, value: Expr, combine: str | None = None) -> None:
        """Write one element of a result."""
        assert out.buffer is not None
        self.block.append(Store(out.buffer, (*out.prefix, *index), value, combine))

    def new_buffer(self, dtype, shape: Sequence[Dim], role="scratch", stem="t") -> Buffer:
        """A buffer; allocated here when its lengths are not all known."""
        b = Buffer(f"{stem}{next(self.counter)}", np.dtype(dtype), tuple([self.dim(d) for d in shape]), role)
        if role == "scratch" and shape and b.static_shape() is None:
            self.block.append(Alloc(b))
        return b

    def stored(self, dtype, shape: Sequence[Dim], role="scratch") -> Operand:
        """A result with a new buffer."""
        return self.of_buffer(self.new_buffer(dtype, shape, role), shape)

    @staticmethod
    def of_buffer(buffer: Buffer, shape: Sequence[Dim]) -> Operand:
        """The operand that reads a buffer."""
        return Operand(buffer.dtype, tuple(shape), lambda index: Load(buffer, tuple(index)), buffer)

    def materialize(self, x: Operand) -> Operand:
        """The operand with a buffer of its own, written now if it had none."""
        if x.buffer is not None:
            return x
        out = self.stored(x.dtype, x.shape)
        with self.nest(x.shape) as index:
            self.store(out, index, x.read(index))
        return out

    # -- loops -----------------------------------------------------------------------------------

    @contextmanager
    def nest(self, shape: Sequence[Dim]) -> Iterator[Index]:
        """Loops over a shape; axes of length 1 have the index 0 and no loop."""
        outer = self.block
        index: list[Expr] = []
        for d in shape:
            if isinstance(d, int) and d == 1:
                index.append(self.zero)
                continue
            loop = self.new_loop(self.dim(d))
            self.block.append(loop)
            self.block = loop.body
            index.append(loop.var)
        yield tuple(index)
        self.block = outer

    def new_loop(self, stop: Expr, reverse=False, parallel=True) -> For:
        """A loop with a counter of its own."""
        return For(Name(f"i{next(self.loop_names)}"), stop, [], reverse, parallel)

    @contextmanager
    def inside(self, block: list[Stmt]) -> Iterator[None]:
        """Write into another block."""
        outer, self.block = self.block, block
        yield
        self.block = outer

    @contextmanager
    def steps(self, n: Dim, first: Expr | None = None, reverse: bool = False) -> Iterator[Expr]:
        """A loop from `first` up to n - 1 whose steps depend on each other."""
        stop = self.dim(n) if first is None else Apply("sub", (self.dim(n), first), I64)
        loop = self.new_loop(stop, reverse, parallel=False)
        self.block.append(loop)
        with self.inside(loop.body):
            yield loop.var if first is None else Apply("add", (loop.var, first), I64)

    @contextmanager
    def steps_below(self, n: Expr) -> Iterator[Expr]:
        """A loop from 0 to n - 1, n an expression."""
        loop = self.new_loop(n, parallel=False)
        self.block.append(loop)
        with self.inside(loop.body):
            yield loop.var

    @contextmanager
    def each_below(self, n: Expr) -> Iterator[Expr]:
        """As `steps_below`, of steps that do not depend on each other."""
        loop = self.new_loop(n)
        self.block.append(loop)
        with self.inside(loop.body):
            yield loop.var

    def number(self, i: int) -> Expr:
        """An index."""
        return Lit(i)

    def scalar(self, dtype, value: Expr) -> Operand:
        """A variable."""
        x = self.stored(np.dtype(dtype), ())
        self.store(x, (), value)
        return x

    def after(self, i: Expr) -> Expr:
        """i + 1."""
        return add_index(i, Lit(1))

    @contextmanager
    def when(self, test: Expr) -> Iterator[None]:
        """What is done only where `test` holds."""
        then: list[Stmt] = []
        self.block.append(If(Cast(Apply("not", (test,), BOOL), I64), [then, []]))
        with self.inside(then):
            yield

    def require(self, test: Expr, message: str, error: str = "AssertionError") -> None:
        """Raise an error unless `test` holds."""
        self.block.append(Check(Select(test, Lit(0), Lit(1)), Lit(1), message, error))

    def reduce(self, x: Operand, out: Operand, axes: tuple[int, ...], combine: str, start: Expr) -> None:
        """out = x combined along axes."""
        with self.nest(out.shape) as index:
            self.store(out, index, start)
        with self.nest(x.shape) as index:
            kept = tuple(i for k, i in enumerate(index) if k not in axes)
            self.store(out, kept, x.read(index), combine)

    def arg_reduce(self, x: Operand, out: Operand, axis: int, better: str) -> None:
        """out = position of the first best element along an axis; nan is best of all."""
        rest = x.shape[:axis] + x.shape[axis + 1:]
        best = self.stored(x.dtype, rest)
        with self.nest(rest) as index:
            first = (*index[:axis], self.zero, *index[axis:])
            self.store(best, index, x.read(first))
            self.store(out, index, self.zero)
            loop = self.new_loop(self.dim(x.shape[axis]))
            loop.parallel = False
            self.block.append(loop)
            with self.inside(loop.body):
                v = x.read((*index[:axis], loop.var, *index[axis:]))
                b = best.read(index)
                wins = Apply(better, (v, b), BOOL)
                if x.dtype.kind == "f":
                    wins = Apply("or", (wins, Apply("and", (Apply("ne", (v, v), BOOL), Apply("eq", (b, b), BOOL)), BOOL)), BOOL)
                self.store(out, index, Select(wins, loop.var, out.read(index)))
                self.store(best, index, Select(wins, v, b))

    def running(self, x: Operand, out: Operand, axis: int, reverse: bool, combine: str) -> None:
        """out = x combined from the start (end) up to each element along an axis."""
        rest = x.shape[:axis] + x.shape[axis + 1:]
        total = self.stored(x.dtype, rest)
        with self.nest(rest) as index:
            # -0.0 + x is x, also where x is -0.0: the first element stands for itself, as in NumPy.
            self.store(total, index, Lit({"add": -0.0, "mul": 1.0}[combine] if x.dtype.kind == "f" else
                                         {"add": 0, "mul": 1}[combine], x.dtype))
            loop = self.new_loop(self.dim(x.shape[axis]), reverse)
            loop.parallel = False
            self.block.append(loop)
            with self.inside(loop.body):
                place = (*index[:axis], loop.var, *index[axis:])
                self.store(total, index, Apply(combine, (total.read(index), x.read(place)), x.dtype))
                self.store(out, place, total.read(index))

    # -- indexing --------------------------------------------------------------------------------

    def check_index(self, i: Expr, length: Dim, message: str) -> None:
        """Raise IndexError unless -length <= i < length."""
        self.block.append(Check(i, self.dim(length), message + self.line))

    def place(self, spec, readers, index: Index) -> Index:
        """Where in the array element `index` of a selection is."""
        indexed = [e for e in spec if not isinstance(e, tuple)]
        lead = len(index) - sum(isinstance(e, tuple) for e in spec)
        rest = iter(index[lead:])
        out: list[Expr] = []
        assert len(indexed) == len(readers)
        for e in spec:
            if isinstance(e, tuple):
                start, _, step = e
                i = next(rest)
                if step != 1:
                    i = Apply("mul", (i, Lit(step)), I64)
                out.append(self.offset(i, start))
            else:
                out.append(self.cast(readers[e](index[:lead]), I64))
        return tuple(out)

    def from_start(self, i: Expr, length: Dim) -> Expr:
        """An index that may count from the end, counted from the start."""
        if _counts_up(i):
            return i
        return Select(Apply("lt", (i, Lit(0)), BOOL), Apply("add", (i, self.dim(length)), I64), i)

    def copy_or_alias(self, x: Operand, out: Operand) -> None:
        """Start a result as a copy of `x`; nothing to do where it shares the buffer of `x`."""
        if out.buffer is x.buffer and x.buffer is not None:
            return
        with self.nest(x.shape) as index:
            self.store(out, index, x.read(index))

    # -- calls -----------------------------------------------------------------------------------

    def matmul(self, a: Operand, b: Operand, out: Operand) -> None:
        """out = a @ b: BLAS for float matrices, loops for small, thin and integer ones."""
        *batch, m, k = a.shape
        n = b.shape[-1]
        work = product(m, k, n)
        if a.dtype.kind != "f" or work is not None and (1 in (m, n, k) or work <= SMALL_DOT):
            self._dot_loops(a, b, out)
            return
        with self.nest(batch) as lead:
            self.block.append(Call("matmul", [BufferView(out.buffer, lead)],  # type: ignore[arg-type]
                                   [self._matrix(a, lead), self._matrix(b, lead)]))

    def _matrix(self, x: Operand, lead: Index) -> BufferView:
        if x.buffer is None and x.swapped_of is not None and x.swapped_of.buffer is not None:
            return BufferView(x.swapped_of.buffer, lead, True)
        if x.buffer is None and x.fixed_of is not None and not lead:
            return BufferView(*x.fixed_of)
        if x.buffer is None:
            raise AssertionError("matrix operands are stored before they are multiplied")
        return BufferView(x.buffer, lead)

    def _dot_loops(self, a: Operand, b: Operand, out: Operand) -> None:
        *batch, m, k = a.shape
        n = b.shape[-1]
        with self.nest(out.shape) as index:
            self.store(out, index, self.const(0, out.dtype))
        # A row of `b` times an element of `a` runs along memory; a single column is summed instead. Transposed, it is the other way.
        swapped_a, swapped_b = (x.buffer is None and x.swapped_of is not None for x in (a, b))
        inner = "m" if n == 1 and swapped_a else "k" if n == 1 or m == 1 and swapped_b else "n"
        axes = {"m": [k, n, m], "k": [m, n, k], "n": [m, k, n]}[inner]
        with self.nest([*batch, *axes]) as index:
            lead, last = index[:-3], index[-3:]
            i, p, j = (last["mkn".index(c)] for c in "mkn") if inner == "n" else (
                (last[0], last[2], last[1]) if inner == "k" else (last[2], last[0], last[1]))
            self.store(out, (*lead, i, j), Apply("mul", (a.read((*lead, i, p)), b.read((*lead, p, j))), a.dtype), "add")

    def call_reference(self, op, inputs: Sequence[Operand], outputs: Sequence[Operand], params: dict) -> None:
        """A visible call of an op's NumPy reference."""
        self.references.append(op.name)
        ins = [self.materialize(x) for x in inputs]
        self.block.append(Call("reference", [BufferView(o.buffer) for o in outputs],  # type: ignore[arg-type]
                               [BufferView(x.buffer) for x in ins], {"op": op.name, "params": {k: plain(v) for k, v in params.items()}}))  # type: ignore[arg-type]


def _counts_up(e: Expr) -> bool:
    """Whether an expression is made of loop counters and lengths such that it is not negative."""
    if isinstance(e, Lit):
        return e.value >= 0
    if isinstance(e, Apply):
        return e.fn in ("add", "mul") and all(map(_counts_up, e.args))
    return isinstance(e, Name)


def product(*dims) -> int | None:
    total = 1
    for d in dims:
        if not isinstance(d, int):
            return None
        total *= d
    return total


def add_index(a: Expr, b: Expr) -> Expr:
    if isinstance(a, Lit) and isinstance(b, Lit):
        return Lit(a.value + b.value)
    if isinstance(b, Lit) and isinstance(a, Apply) and a.fn == "add" and isinstance(a.args[1], Lit):
        return Apply("add", (a.args[0], Lit(a.args[1].value + b.value)), I64) if a.args[1].value + b.value else a.args[0]
    return Apply("add", (a, b), I64)


def reads(k: Builder, x: Operand, storage: Buffer) -> bool:
    """Whether an element of an operand is made of what lies in a buffer."""
    index = tuple(Name(f"probe{i}") for i in range(len(x.shape)))
    return any(isinstance(e, Load) and e.buffer.storage is storage for e in walk_expr(x.read(index)))


def copy_into(k: Builder, x: Operand, target: Operand) -> None:
    """Write an operand into the buffer of another, unless it is there already."""
    if x.buffer is target.buffer and x.buffer is not None:
        return
    with k.nest(target.shape) as index:
        k.store(target, index, x.read(index))


def bind_size(k: Builder, d: Dim, e: Expr) -> None:
    """Let a size that is a plain symbol be an expression."""
    if isinstance(d, Size) and d.name():
        k.sizes.setdefault(d.name(), e)  # type: ignore[arg-type]
