"""From a simplified graph to loop nests.

Each var becomes an operand: a reader (a function from an index to an expression; views and filled arrays have nothing else) and,
where it is stored, a buffer. An op's `lower` writes its loops through the builder. Nothing is fused here; every stored value has
its own nest, and the passes in `codegen/loops/passes` remove what need not exist.

In place: an update of a value that nobody reads afterwards writes into that value's buffer (`copy_or_alias`), carried arrays of
loops included. "Afterwards" counts views: a view keeps the buffer under it alive.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

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
    walk_expr,
)
from tracer.graph import Atom, Const, Graph, Node, Var
from tracer.op import Elementwise
from tracer.ops.control import HoldsGraph
from tracer.types import Dim, Size

__all__ = ["lower", "Operand", "Builder"]

Index = tuple[Expr, ...]
BOOL = np.dtype(np.bool_)
I64 = np.dtype(np.int64)
_COMPARES = {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"}
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
        return Apply(fn, xs, BOOL if fn in _COMPARES else xs[0].dtype)

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
        return index if isinstance(start, int) and start == 0 else _add(index, self.dim(start))

    def dim(self, d: Dim) -> Expr:
        """A length as an expression."""
        if not isinstance(d, Size):
            return Lit(int(d))
        total: Expr | None = None
        for monomial, c in d.terms:
            term: Expr | None = None
            for s in monomial:
                term = self.sizes[s] if term is None else Apply("mul", (term, self.sizes[s]), I64)
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
        return _add(i, Lit(1))

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
        work = _product(m, k, n)
        if a.dtype.kind != "f" or work is not None and (work <= SMALL_DOT or 1 in (m, n, k)):
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
                               [BufferView(x.buffer) for x in ins], {"op": op.name, "params": params}))  # type: ignore[arg-type]


def _counts_up(e: Expr) -> bool:
    """Whether an expression is made of loop counters and lengths such that it is not negative."""
    if isinstance(e, Lit):
        return e.value >= 0
    if isinstance(e, Apply):
        return e.fn in ("add", "mul") and all(map(_counts_up, e.args))
    return isinstance(e, Name)


def _product(*dims) -> int | None:
    total = 1
    for d in dims:
        if not isinstance(d, int):
            return None
        total *= d
    return total


def _add(a: Expr, b: Expr) -> Expr:
    if isinstance(a, Lit) and isinstance(b, Lit):
        return Lit(a.value + b.value)
    if isinstance(b, Lit) and isinstance(a, Apply) and a.fn == "add" and isinstance(a.args[1], Lit):
        return Apply("add", (a.args[0], Lit(a.args[1].value + b.value)), I64) if a.args[1].value + b.value else a.args[0]
    return Apply("add", (a, b), I64)


# -- graphs ---------------------------------------------------------------------------------------

class _Scope:
    """Lowering of one graph into the builder's current block."""

    def __init__(self, k: Builder, graph: Graph, operands: Sequence[Operand], owned: Sequence[bool],
                 targets: dict[Var, Operand] | None = None):
        self.k = k
        self.graph = graph
        self.env: dict[Var, Operand] = dict(zip(graph.inputs, operands, strict=True))
        self.targets = {} if targets is None else targets
        # Buffers that this graph may write when their value dies.
        self.again: dict[Var, tuple[Callable[[Index], Expr], int]] = {}
        self.owned: set[Buffer] = {x.buffer for x, o in zip(operands, owned, strict=True) if o and x.buffer is not None}
        self.made: dict[Var, Node] = {v: n for n in graph.nodes for v in n.outputs}
        self.light = self._light_nodes()
        self.last_use = self._last_uses()
        for v, x in zip(graph.inputs, operands, strict=True):
            for inner, outer in zip(v.type.shape, x.shape, strict=True):
                if isinstance(inner, Size) and inner != outer and inner.name():
                    k.sizes[inner.name()] = k.dim(outer)  # type: ignore[index]

    def _last_uses(self) -> dict[Var, int]:
        """Position of the last node that may read each var, views of it included."""
        last: dict[Var, int] = {}
        self.direct: dict[Var, int] = {}        # the same, reads through views not counted
        self.views: dict[Var, list[Var]] = {}
        under: dict[Var, set[Var]] = {}

        def touch(atom, position):
            if isinstance(atom, Var):
                self.direct[atom] = position
                for v in under.get(atom, {atom}):
                    last[v] = position
        for p, node in enumerate(self.graph.nodes):
            for a in node.inputs:
                touch(a, p)
            if node.op.name == "barrier":       # its results are its operands
                for a, o in zip(node.inputs, node.outputs, strict=True):
                    if isinstance(a, Var):
                        base = under.get(a, {a})
                        under[o] = base | {o}
                        for v in base:
                            self.views.setdefault(v, []).append(o)
            elif node.op.is_view or node in self.light or node.op.name == "reshape":
                base = set().union(*(under.get(a, {a}) for a in node.inputs if isinstance(a, Var)), set())
                for o in node.outputs:
                    under[o] = base | {o}
                    for v in base:
                        self.views.setdefault(v, []).append(o)
        end = len(self.graph.nodes)
        for a in self.graph.outputs:
            touch(a, end)
        return last

    def _light_nodes(self) -> set[Node]:
        """Nodes that are read like views: an operation or three on one array and numbers costs less than storing its result."""
        numbers: set[Var] = set()
        rows: set[Var] = set()
        depth: dict[Var, int] = {}
        light: set[Node] = set()
        for node in self.graph.nodes:
            arrays = [a for a in node.inputs if isinstance(a, Var) and a not in numbers]
            if node.op.compares:    # a truth value costs more to keep than to find again, also against one number a row
                arrays = [a for a in arrays if a not in rows]
            if node.op.name in ("broadcast", "reshape") and not arrays:
                numbers.update(node.outputs)
            elif node.op.name == "broadcast":
                rows.update(node.outputs)
            elif node.op.name in _INDEXING and node.outputs[0].type.dtype == I64 and not node.outputs[0].type.shape:
                light.add(node)     # counters and what is derived of them: loops over memory are recognised by them
            elif (node.op.light or node.op.compares) and len(arrays) == 1 and node.outputs[0].type.shape:
                level = depth.get(arrays[0], 0) + 1
                if level <= LIGHT_DEPTH:
                    light.add(node)
                    depth[node.outputs[0]] = level
        return light

    def operand(self, atom) -> Operand:
        """The operand of a var or constant."""
        if isinstance(atom, Const):
            lit = Lit(atom.value.item(), atom.value.dtype)
            return Operand(atom.value.dtype, (), lambda index: lit)
        return self.env[atom]

    def run(self) -> list[Operand]:
        """Lower every node; the operands of the graph's outputs."""
        for p, node in enumerate(self.graph.nodes):
            self.k.line = f" ({node.where})" if node.where else ""
            self.node(p, node)
            for o in node.outputs:
                self._bind_sizes(o.type, self.env[o])
        return [self.operand(a) for a in self.graph.outputs]

    def _bind_sizes(self, t, x: Operand) -> None:
        for axis, d in enumerate(t.shape):
            if isinstance(d, Size) and d.name() and d.name() not in self.k.sizes and x.buffer is not None:
                self.k.sizes[d.name()] = x.buffer.shape[axis]  # type: ignore[index]

    def node(self, position: int, node: Node) -> None:
        k = self.k
        xs = [self.operand(a) for a in node.inputs]
        control = _CONTROL.get(node.op.name)
        if control is not None:
            for v, x in zip(node.outputs, control(self, position, node, xs), strict=True):
                self.env[v] = x
            return
        if len(node.outputs) == 1:
            out_var = node.outputs[0]
            if node in self.light:
                node.op.guard(k, xs, **node.params)
            view = self._light(node, xs) if node in self.light else self._view(node, xs)
            if view is not None:
                self.env[out_var] = view
                self._note_cheap(node)
                for d, length in zip(out_var.type.shape, node.op.lengths(k, xs), strict=False):
                    _bind(k, d, length)
                return
        if node.op.name == "matmul":
            xs = [self._matrix_ready(x) for x in xs]
            for a, x in zip(node.inputs, xs, strict=True):  # what had to be stored for one product serves the next
                if isinstance(a, Var) and x.buffer is not None:
                    self.env[a] = x
        elif node.op.name == "reshape":
            xs = [k.materialize(xs[0])]
            b = xs[0].buffer
            assert b is not None
            shared = Buffer(f"t{next(k.counter)}", b.dtype, tuple([k.dim(d) for d in out_var.type.shape]), "view", b)
            self.env[out_var] = k.of_buffer(shared, out_var.type.shape)
            if b in self.owned:
                self.owned.add(shared)
            return
        elif node.op.name == "pad_sum":
            xs = [self._recomputed(a, x) for a, x in zip(node.inputs, xs, strict=True)]
        if len(node.outputs) == 1:
            for d, length in zip(out_var.type.shape, node.op.lengths(k, xs), strict=False):
                _bind(k, d, length)
        outs = [self._result(position, node, v, xs) for v in node.outputs]
        if node.op.overwrites:
            xs = self._apart(node, xs, outs[0])
        if node.op.can_lower(*[a.type for a in node.inputs], **node.params):
            node.op.lower(k, xs, outs, **node.params)
        else:
            k.call_reference(node.op, xs, outs, node.params)
        for v, o in zip(node.outputs, outs, strict=True):
            self.env[v] = o
            if o.buffer is not None:
                self.owned.add(o.buffer)
        self._note_cheap(node)

    def _note_cheap(self, node: Node) -> None:
        """Remember how to compute a cheap elementwise value anew from the kernel's inputs, which nobody writes."""
        if node.op.name not in _CHEAP or len(node.outputs) != 1:
            return
        parts = [self._source(a) for a in node.inputs]
        if any(p is None for p in parts):
            return
        cost = 1 + sum(c for _, c in parts)  # type: ignore[misc]
        if cost > RECOMPUTE_COST:
            return
        k, reads = self.k, [r for r, _ in parts]  # type: ignore[misc]

        def read(index: Index) -> Expr:
            return node.op.scalar(k, *[r(index) for r in reads])  # type: ignore[attr-defined]
        self.again[node.outputs[0]] = (read, cost)

    def _source(self, atom) -> tuple[Callable[[Index], Expr], int] | None:
        """A reader that touches only inputs of the kernel, and its cost in operations."""
        if isinstance(atom, Var) and atom in self.again:
            return self.again[atom]
        x = self.operand(atom)
        if x.buffer is not None:
            return (x.read, 1) if x.buffer.role == "input" else None
        loads = [e for e in walk_expr(x.read(tuple([Name(f"probe{i}") for i in range(len(x.shape))]))) if isinstance(e, Load)]
        return (x.read, 1 + len(loads)) if all(e.buffer.role == "input" for e in loads) else None

    def _recomputed(self, atom, x: Operand) -> Operand:
        """The operand that computes its elements anew where that is cheap, else the stored one."""
        source = self.again.get(atom)
        return x if source is None else Operand(x.dtype, x.shape, source[0])

    def _light(self, node: Node, xs: list[Operand]) -> Operand:
        """The operand that computes its elements where they are read."""
        t, k, params = node.outputs[0].type, self.k, node.params
        return Operand(t.dtype, t.shape, lambda index: node.op.scalar(k, *[x.read(index) for x in xs], **params))  # type: ignore

    def _view(self, node: Node, xs: list[Operand]) -> Operand | None:
        """The operand of a node that only moves elements, or that fills an array."""
        if not node.op.is_view:
            return None
        t = node.outputs[0].type
        extra = {"indices": [x.read for x in xs[1:]]} if node.op.name == "index" else {}
        rule: Callable[..., Any] = node.op.view
        read = rule(self.k, xs[0].read if xs else None, [a.type for a in node.inputs], **node.params, **extra)
        if read is None:
            return None
        out = Operand(t.dtype, t.shape, read)
        if node.op.name == "transpose" and node.params["axes"] == (*range(t.ndim - 2), t.ndim - 1, t.ndim - 2):
            out.swapped_of = xs[0]
        return out

    def _matrix_ready(self, x: Operand) -> Operand:
        """A matrix that BLAS can read: stored, or the transpose of a stored one."""
        if x.buffer is None and x.swapped_of is not None and x.swapped_of.buffer is not None:
            return x
        if x.buffer is None and x.swapped_of is not None:
            stored = self.k.materialize(x.swapped_of)
            out = Operand(x.dtype, x.shape, x.read)
            out.swapped_of = stored
            return out
        return self.k.materialize(x)

    def _result(self, position: int, node: Node, v: Var, xs: list[Operand]) -> Operand:
        """Where a result goes: into a dying operand for updates, a given target, or a new buffer."""
        t = v.type
        if node.op.overwrites and xs[0].buffer is not None and xs[0].buffer in self.owned:
            x = node.inputs[0]
            if isinstance(x, Var) and (self.last_use.get(x, -1) == position or self._set_free(x, position)):
                return xs[0]
        target = self.targets.get(v)
        if target is not None:
            return target
        return self.k.stored(t.dtype, t.shape)

    def _set_free(self, x: Var, position: int) -> bool:
        """Copy what views of x are still to be read, if that is less than all of x; whether x may then be overwritten."""
        if self.direct.get(x, -1) != position:
            return False
        buffer = self.env[x].buffer
        later = [v for v in self.views.get(x, ()) if self.direct.get(v, -1) > position and v in self.env]
        if any(self.env[v].buffer is not None and self.env[v].buffer.storage is buffer.storage for v in later):  # type: ignore[union-attr]
            return False    # another shape of the same memory
        reading = [v for v in later if self.env[v].buffer is None and _reads(self.k, self.env[v], buffer.storage)]  # type: ignore[union-attr]
        whole = _product(*x.type.shape)
        sizes = [_product(*v.type.shape) for v in reading]
        if whole is not None and sum(s if s is not None else 0 for s in sizes) * 2 > whole:
            return False
        for v in reading:
            self.env[v] = self.k.materialize(self.env[v])
        return True

    def _apart(self, node: Node, xs: list[Operand], out: Operand) -> list[Operand]:
        """Values and indices that read the buffer being written are stored first, each once; several that are made of one, as that one."""
        assert out.buffer is not None
        storage = out.buffer.storage
        if out.buffer is not xs[0].buffer:
            return xs
        operands = dict(zip(node.inputs[1:], xs[1:], strict=True))
        roots = {a: self._light_root(a) for a, x in operands.items() if _reads(self.k, x, storage)}
        several = {r for r, count in Counter(roots.values()).items() if count > 1}
        stored: dict[Atom, Operand] = {}
        for a in dict.fromkeys([r if r in several else a for a, r in roots.items()]):
            x = operands[a] if a in operands else self.operand(a)
            stored[a] = self.k.materialize(Operand(x.dtype, x.shape, x.read))  # a copy even if it is stored: it may be this very buffer
        return [xs[0], *(self._made_of(a, stored) if a in roots else x for a, x in zip(node.inputs[1:], xs[1:], strict=True))]

    def _light_root(self, atom: Atom) -> Atom:
        """The array of which light nodes make a value."""
        while isinstance(atom, Var) and (node := self.made.get(atom)) in self.light:
            arrays = [a for a in node.inputs if isinstance(a, Var) and self.made.get(a) in self.light]  # type: ignore[union-attr]
            if len(arrays) != 1:
                break
            atom = arrays[0]
        return atom

    def _made_of(self, atom: Atom, stored: dict[Atom, Operand]) -> Operand:
        """A value that light nodes make of what is stored."""
        if atom in stored:
            return stored[atom]
        if not isinstance(atom, Var) or self.made.get(atom) not in self.light:
            return self.operand(atom)
        return self._light(self.made[atom], [self._made_of(a, stored) for a in self.made[atom].inputs])


def _reads(k: Builder, x: Operand, storage: Buffer) -> bool:
    index = tuple(Name(f"probe{i}") for i in range(len(x.shape)))
    return any(isinstance(e, Load) and e.buffer.storage is storage for e in walk_expr(x.read(index)))


_CHEAP = {"add", "sub", "mul", "neg", "select", "lt", "le", "gt", "ge", "eq", "ne", "maximum", "minimum", "abs", "square"}
_INDEXING = {"add", "sub", "neg", "in_bounds", "in_bounds_again"}
LIGHT_DEPTH = 3
RECOMPUTE_COST = 48
"""Operations that cost less than a round trip of one number through memory: about 2 ns a core at 40 GB/s, 24 in 8 lanes."""


# -- control flow ---------------------------------------------------------------------------------

def _copy_into(k: Builder, x: Operand, target: Operand) -> None:
    if x.buffer is target.buffer and x.buffer is not None:
        return
    with k.nest(target.shape) as index:
        k.store(target, index, x.read(index))


def _own_copy(scope: _Scope, position: int, atom, x: Operand) -> Operand:
    """A buffer that starts as x and may be written: x's own if x dies here."""
    if isinstance(atom, Var) and x.buffer is not None and x.buffer in scope.owned and (
            scope.last_use.get(atom, -1) == position or scope._set_free(atom, position)):
        return x
    out = scope.k.stored(x.dtype, x.shape)
    _copy_into(scope.k, x, out)
    return out


def _read_by_others(k: Builder, x: Operand, j: int, carries: list[Operand], others: list[Operand]) -> bool:
    if x.buffer is None:
        return True
    storage = x.buffer.storage
    return any(_reads(k, o, storage) for o in [*others, *carries[:j], *carries[j + 1:]])


def _lower_cond(scope: _Scope, position: int, node: Node, xs: list[Operand]) -> list[Operand]:
    k = scope.k
    which, *operands = xs
    graphs = node.params["branches"]
    outs: list[Operand] = []
    owned = [False] * len(operands)
    taken = _updated_operands(k, graphs)
    for j, v in enumerate(node.outputs):
        m = taken.get(j)
        if m is not None and node.inputs[1:].count(node.inputs[1 + m]) == 1:
            others = [x for i, x in enumerate(xs) if i != 1 + m]
            apart = operands[m].buffer is not None and not any(_reads(k, x, operands[m].buffer.storage) for x in others)  # type: ignore
            operands[m] = _own_copy(scope, position, node.inputs[1 + m] if apart else None, operands[m])
            owned[m] = True
            outs.append(operands[m])
        else:
            outs.append(k.stored(v.type.dtype, v.type.shape))
    branches: list[list[Stmt]] = []
    for g in graphs:
        block: list[Stmt] = []
        with k.inside(block):
            known = dict(k.sizes)
            inner = _Scope(k, g, operands, owned)
            _assign_together(k, inner.run(), outs)
            k.sizes = known
        branches.append(block)
    k.block.append(If(which.read(()), branches))
    scope.owned.update(o.buffer for o in outs if o.buffer is not None)
    return outs


def _updated_operands(k: Builder, branches: tuple[Graph, ...]) -> dict[int, int]:
    """Return, for each output of a conditional that is an updated copy of one and the same operand in every branch, the position of that
    operand. Such an output may take over the operand's buffer, so that the branches write in place.

    Branches nest as deep as a program has conditions one after another, so what is found is kept (`Builder.updated`).
    """
    found = k.updated.get(id(branches))
    if found is not None:
        return found[1]
    positions: dict[int, int] = {}
    behind = [_operands_behind(k, g) for g in branches]
    for j, column in enumerate(zip(*behind, strict=True)):
        m = column[0]
        if m is not None and all(c == m for c in column) and branches[0].inputs[m].type.shape and m not in positions.values():
            positions[j] = m
    k.updated[id(branches)] = branches, positions
    return positions


def _operands_behind(k: Builder, graph: Graph) -> list[int | None]:
    """For each output of a graph, the position of the input that it is a newer version of; None if there is none."""
    made = {o: n for n in graph.nodes for o in n.outputs}
    position = {v: m for m, v in enumerate(graph.inputs)}
    found = []
    for a in graph.outputs:
        while isinstance(a, Var) and a in made and (made[a].op.overwrites or made[a].op.name in ("loop", "cond")):
            source = _source_of_update(k, made[a], a)
            if source is None:
                break
            a = source
        found.append(position.get(a) if isinstance(a, Var) else None)
    return found


def _source_of_update(k: Builder, node: Node, out: Var) -> Atom | None:
    """The array that an output of a node is a newer version of."""
    if node.op.overwrites:
        return node.inputs[0]
    j = node.outputs.index(out)
    if node.op.name == "loop":
        spec = node.params["spec"]
        return node.inputs[1 + spec.constants + j] if j < spec.carries else None
    if "branches" not in node.params:
        return None
    m = _updated_operands(k, node.params["branches"]).get(j)
    return None if m is None else node.inputs[1 + m]


def _assign_together(k: Builder, new: Sequence[Operand], state: Sequence[Operand]) -> None:
    """state = new, all at once: a value that reads another's old one is stored before any is written."""
    written = {s.buffer.storage for s in state}  # type: ignore[union-attr]
    ready = []
    for x, s in zip(new, state, strict=True):
        own = s.buffer
        if x.buffer is not own and any(_reads(k, x, w) for w in written - {own.storage}):  # type: ignore[union-attr]
            x = k.materialize(Operand(x.dtype, x.shape, x.read))
        elif x.buffer is None and _reads(k, x, own.storage):  # type: ignore[union-attr]
            x = k.materialize(x)
        ready.append(x)
    for x, s in zip(ready, state, strict=True):
        _copy_into(k, x, s)


def _lower_loop(scope: _Scope, position: int, node: Node, xs: list[Operand]) -> list[Operand]:
    k = scope.k
    spec, body, test, length = (node.params[p] for p in ("spec", "body", "test", "length"))
    n, constants, carries, sliced = spec.split(xs)
    _, _, carry_atoms, _ = spec.split(node.inputs)
    constants = [k.materialize(x) if _is_costly(x) else x for x in constants]
    # A carry may start in the memory of its first value only if no other input of the loop reads that memory.
    state = [_own_copy(scope, position, None if _read_by_others(k, x, j, carries, [*constants, *sliced]) else a, x)
             for j, (a, x) in enumerate(zip(carry_atoms, carries, strict=True))]
    count = k.stored(I64, ())
    unknown = length is None and not (sliced and test is None) and test is not None
    stop = n.read(())
    stacked_types = [v.type for v in node.outputs[spec.carries:-1]]
    if length is None and test is None and not sliced:
        for t in stacked_types:
            _bind(k, t.shape[0], stop)
    if test is None:
        k.store(count, (), stop)
    else:
        k.store(count, (), Lit(0))
    stacked: list[Operand] = []
    for v, t in zip(node.outputs[spec.carries:-1], stacked_types, strict=True):
        if v in scope.targets:
            stacked.append(scope.targets[v])
        elif unknown:
            b = Buffer(f"t{next(k.counter)}", t.dtype, (Lit(16), *[k.dim(d) for d in t.shape[1:]]), "tape")
            k.block.append(Alloc(b))
            stacked.append(k.of_buffer(b, t.shape))
        else:
            stacked.append(k.stored(t.dtype, t.shape))
    step = Load(count.buffer, ()) if test is not None else None  # type: ignore[arg-type]
    loop: Any
    if test is None:
        loop = k.new_loop(stop, spec.reverse, parallel=False)
        i: Expr = loop.var
    else:
        loop = While([], Lit(True, BOOL), [])
        i = Load(count.buffer, ())  # type: ignore[arg-type]
    index = Operand(I64, (), lambda _: i)
    if test is not None:
        with k.inside(loop.head):
            again = _Scope(k, test, [index, *constants, *state], [False] * (1 + len(constants) + len(state))).run()[0]
            enough = Apply("lt", (i, stop), BOOL)
            loop.test = Apply("and", (enough, again.read(())), BOOL)
    with k.inside(loop.body):
        known = dict(k.sizes)
        rows = [_row(x, i) for x in sliced]
        if unknown:
            for s in stacked:
                k.block.append(Grow(s.buffer, i))  # type: ignore[arg-type]
        body, rest = _kept_first(k, body, spec, state, stacked, i)
        targets = {} if unknown else _stacks_of_inner_loops(body, rest, spec.carries, i)
        inner = _Scope(k, body, [index, *constants, *state, *rows],
                       [False] * (1 + len(constants)) + [True] * len(state) + [False] * len(rows), targets)
        targets.update(_carries_in_place(inner, state, 1 + len(constants)))
        results = inner.run()
        new, ys = results[:spec.carries], results[spec.carries:]
        for y, s in zip(ys, rest, strict=True):
            if y.prefix and y.buffer is s.buffer:
                continue
            with k.nest(y.shape) as at:
                k.store(s, (i, *at), y.read(at))
        _assign_together(k, new, state)
        if step is not None:
            k.store(count, (), _add(step, Lit(1)))
        k.sizes = known
    k.block.append(loop)
    if unknown:
        for t, s in zip(stacked_types, stacked, strict=True):
            _bind(k, t.shape[0], Load(count.buffer, ()))  # type: ignore[arg-type]
            s.buffer.shape = (Load(count.buffer, ()), *s.buffer.shape[1:])  # type: ignore[union-attr, arg-type]
    scope.owned.update(s.buffer for s in [*state, *stacked] if s.buffer is not None and s.buffer.role != "tape")
    return [*state, *stacked, count]


def _kept_first(k: Builder, body: Graph, spec, state: Sequence[Operand], stacked: Sequence[Operand],
                i: Expr) -> tuple[Graph, list[Operand]]:
    """Stack what a step is given before the step changes it in place; the body without these results, and the other stacks."""
    carries = dict(zip(body.inputs[1 + spec.constants:], state, strict=False))
    outputs, rest = list(body.outputs[:spec.carries]), []
    for a, s in zip(body.outputs[spec.carries:], stacked, strict=True):
        x = carries.get(a) if isinstance(a, Var) and a.type.shape else None
        if x is None:
            outputs.append(a)
            rest.append(s)
            continue
        with k.nest(x.shape) as at:
            k.store(s, (i, *at), x.read(at))
    return Graph(body.name, body.inputs, body.nodes, tuple(outputs)), rest


def _carries_in_place(scope: _Scope, state: Sequence[Operand], first: int) -> dict[Var, Operand]:
    """Values that may be computed where a carry lies, because the carry's old value is not read any more when they are."""
    graph = scope.graph
    made = {o: p for p, n in enumerate(graph.nodes) for o in n.outputs}
    out: dict[Var, Operand] = {}
    for j, s in enumerate(state):
        v, carry = graph.outputs[j], graph.inputs[first + j]
        while isinstance(v, Var) and v in made and graph.nodes[made[v]].op.overwrites:
            x = graph.nodes[made[v]].inputs[0]
            if not isinstance(x, Var) or scope.direct.get(x) != made[v]:
                break
            v = x
        if not isinstance(v, Var) or v not in made or v in out or v.type != carry.type or not v.type.shape:
            continue
        node = graph.nodes[made[v]]
        lazy = node in scope.light or node.op.is_view
        if isinstance(node.op, HoldsGraph) or lazy or node.op.overwrites or node.op.name == "reshape" or graph.outputs.count(v) > 1:
            continue
        heirs = _heirs(scope.k, graph, carry, made[v])
        last = max(scope.last_use.get(h, -1) for h in heirs)
        if last == made[v] and any(h is not carry and scope.last_use.get(h, -1) == last for h in heirs):
            continue
        if last > made[v] or last == made[v] and not (isinstance(node.op, Elementwise) and _only_directly(scope, node, carry)):
            continue
        out[v] = s
    return out


def _heirs(k: Builder, graph: Graph, v: Var, end: int) -> list[Var]:
    """An array and the values, made before node `end`, that may lie in its memory."""
    found = {v}
    for node in graph.nodes[:end]:
        if node.op.overwrites or node.op.name in ("loop", "cond", "linear_cond"):
            found.update(o for o in node.outputs if _source_of_update(k, node, o) in found)
        elif node.op.name in ("reshape", "barrier"):
            found.update(o for a, o in zip(node.inputs, node.outputs, strict=True) if a in found)
    return list(found)


def _only_directly(scope: _Scope, node: Node, carry: Var) -> bool:
    """Whether an elementwise node reads a carry itself, element by element, and no view of it."""
    views = set(scope.views.get(carry, ())) - {carry}
    return not any(a in views for a in node.inputs)


def _stacks_of_inner_loops(body: Graph, stacked: Sequence[Operand], carries: int, i: Expr) -> dict[Var, Operand]:
    """Where the stacks of inner loops go that are only kept: into the row of this loop's stack, without a copy."""
    made = {o: n for n in body.nodes for o in n.outputs}
    read = {a for n in body.nodes for a in n.inputs}
    out: dict[Var, Operand] = {}
    for a, s in zip(body.outputs[carries:], stacked, strict=True):
        node = made.get(a) if isinstance(a, Var) else None
        if node is None or node.op.name != "loop" or a in read or body.outputs.count(a) > 1 or not a.type.is_static():
            continue
        inner = node.params["spec"].carries
        if a in node.outputs[inner:-1] and (node.params["length"] is not None or node.params["test"] is None):
            prefix = (*s.prefix, i)
            row = Operand(s.dtype, s.shape[1:], lambda index, b=s.buffer, p=prefix: Load(b, (*p, *index)), s.buffer)  # type: ignore
            row.prefix = prefix
            out[a] = row    # type: ignore[index]
    return out


def _bind(k: Builder, d: Dim, e: Expr) -> None:
    if isinstance(d, Size) and d.name():
        k.sizes.setdefault(d.name(), e)  # type: ignore[arg-type]


def _is_costly(x: Operand) -> bool:
    """A view whose elements are read in a loop: stored once outside if reading it computes anything."""
    return x.buffer is None and x.shape != () and not isinstance(x.read(tuple(Name("probe") for _ in x.shape)), (Lit, Load))


def _row(x: Operand, i: Expr) -> Operand:
    """One slice along the first axis."""
    out = Operand(x.dtype, x.shape[1:], lambda index: x.read((i, *index)))
    if x.buffer is not None:
        out.fixed_of = (x.buffer, (i,))
    return out


_CONTROL: dict[str, Callable] = {"cond": _lower_cond, "linear_cond": _lower_cond, "loop": _lower_loop,
                                 "barrier": lambda scope, position, node, xs: xs}


def lower(graph: Graph) -> Program:
    """Lower a closed graph of concrete input shapes. Outputs are buffers of role output, or constants."""
    k = Builder()
    inputs = []
    operands = []
    for v in graph.inputs:
        b = k.new_buffer(v.type.dtype, v.type.shape, "input", "x")
        inputs.append(b)
        operands.append(k.of_buffer(b, v.type.shape))
    scope = _Scope(k, graph, operands, [False] * len(operands))
    results = scope.run()
    outputs: list[Any] = []
    taken: set[Buffer] = set()
    # The memory of views among the results.
    shared = {x.buffer.storage for x in results if x.buffer is not None and x.buffer.storage is not x.buffer}
    for x in results:
        b = x.buffer
        if b is None or b.role != "scratch" or b in taken or b.static_shape() is None or b in shared:
            x = k.materialize(Operand(x.dtype, x.shape, x.read))
            b = x.buffer
        assert b is not None
        b.role = "output"
        taken.add(b)
        outputs.append(b)
    return Program(graph.name, inputs, outputs, k.block, k.references)
