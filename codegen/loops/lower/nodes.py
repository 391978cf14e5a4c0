"""The nodes of a graph, one after another: which are read where they are used, which are stored and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from codegen.loops.language import (
    Buffer,
    Expr,
    Lit,
    Load,
    Name,
    Program,
    walk_expr,
)
from codegen.loops.lower.builder import Builder, Index, Operand, bind_size, product, reads
from codegen.loops.lower.control import CONTROL
from tracer.graph import Atom, Const, Graph, Node, Var
from tracer.op import Cost, Elementwise
from tracer.ops.arithmetic import add, neg, sub
from tracer.ops.comparison import Select
from tracer.ops.control.calls import barrier
from tracer.ops.index import in_bounds, in_bounds_again, pad_sum
from tracer.ops.index import index as index_op
from tracer.ops.linalg import matmul
from tracer.ops.shape import broadcast, reshape, transpose
from tracer.types import Size, i64

__all__ = ["Scope", "lower"]

LIGHT_DEPTH = 3
MOST_SELECTIONS = 3
"""Selections by index arrays, one of another, that are read as one view: each is one more load an element."""
MOST_STEPS = 32
"""Views and light operations that lie between an element and memory: a longer row would be an expression too deep to go through."""
RECOMPUTE_COST = 48
"""Operations that cost less than a round trip of one number through memory: about 2 ns a core at 40 GB/s, 24 in 8 lanes."""


class Scope:
    """Lowering of one graph into the builder's current block."""

    def __init__(self, k: Builder, graph: Graph, operands: Sequence[Operand], owned: Sequence[bool],
                 targets: dict[Var, Operand] | None = None):
        self.k = k
        self.graph = graph
        self.env: dict[Var, Operand] = dict(zip(graph.inputs, operands, strict=True))
        self.targets = {} if targets is None else targets
        self.selections: dict[Var, int] = {}
        self.steps: dict[Var, int] = {}
        self.again: dict[Var, tuple[Callable[[Index], Expr], int]] = {}
        # Buffers that this graph may write when their value dies.
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
                last.update(dict.fromkeys(under.get(atom, {atom}), position))

        def is_view_of(o: Var, atoms: Sequence[Atom]) -> None:
            base = set().union(*(under.get(a, {a}) for a in atoms if isinstance(a, Var)), set())
            under[o] = base | {o}
            for v in base:
                self.views.setdefault(v, []).append(o)
        for p, node in enumerate(self.graph.nodes):
            for a in node.inputs:
                touch(a, p)
            if node.op is barrier or node.op.is_view or node in self.light or node.op is reshape:
                for k, o in enumerate(node.outputs):
                    is_view_of(o, [node.inputs[k]] if node.op is barrier else node.inputs)    # a barrier's results are its operands
        for a in self.graph.outputs:
            touch(a, len(self.graph.nodes))
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
            if node.op in (broadcast, reshape) and not arrays:
                numbers.update(node.outputs)
            elif node.op is broadcast:
                rows.update(node.outputs)
            elif node.op in (add, sub, neg, in_bounds, in_bounds_again) and node.outputs[0].type == i64:
                light.add(node)     # counters and what is derived of them: loops over memory are recognised by them
            elif (node.op.light or node.op.compares) and len(arrays) == 1 and node.outputs[0].type.shape:
                level = depth.get(arrays[0], 0) + 1
                if level <= LIGHT_DEPTH:
                    light.add(node)
                    depth[node.outputs[0]] = level
        return light

    def nested(self, graph: Graph, operands: Sequence[Operand], owned: Sequence[bool], targets: dict[Var, Operand] | None = None) -> Scope:
        """The scope of a graph that a node of this one holds."""
        return Scope(self.k, graph, operands, owned, targets)

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
        """Write what a node computes, unless its readers can do so."""
        k = self.k
        xs = [self.operand(a) for a in node.inputs]
        control = CONTROL.get(node.op.name)
        if control is not None:
            for v, x in zip(node.outputs, control(self, position, node, xs), strict=True):
                self.env[v] = x
            return
        read = self._read_in_place(node, xs) if len(node.outputs) == 1 else None
        if read is not None:
            self.env[node.outputs[0]] = self._not_too_deep(node, read)
            return
        if node.op is matmul:
            xs = self._matrices_ready(node, xs)
        elif node.op is pad_sum:
            xs = [self._recomputed(a, x) for a, x in zip(node.inputs, xs, strict=True)]
        self._bind_lengths(node, xs)
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

    def _bind_lengths(self, node: Node, xs: list[Operand]) -> None:
        """Say how long the result of a node is, where only the kernel knows."""
        if len(node.outputs) == 1:
            for d, length in zip(node.outputs[0].type.shape, node.op.lengths(self.k, xs), strict=False):
                bind_size(self.k, d, length)

    def _read_in_place(self, node: Node, xs: list[Operand]) -> Operand | None:
        """The operand of a node whose result needs no memory of its own; None if it does."""
        if node in self.light:
            node.op.guard(self.k, xs, **node.params)
        view = self._light(node, xs) if node in self.light else self._view(node, xs)
        if view is not None:
            self._bind_lengths(node, xs)
            self._note_cheap(node)
        elif node.op is reshape:
            return self._same_memory(node, self.k.materialize(xs[0]))
        return view

    def _same_memory(self, node: Node, x: Operand) -> Operand:
        """The memory of an array, with the shape of a node's result."""
        b, shape = x.buffer, node.outputs[0].type.shape
        assert b is not None
        shared = Buffer(f"t{next(self.k.counter)}", b.dtype, tuple([self.k.dim(d) for d in shape]), "view", b)
        if b in self.owned:
            self.owned.add(shared)
        return self.k.of_buffer(shared, shape)

    def _note_cheap(self, node: Node) -> None:
        """Remember how to compute a cheap elementwise value anew from the kernel's inputs, which nobody writes."""
        if node.op.cost is not Cost.LITTLE or not isinstance(node.op, (Elementwise, Select)) or node.params or len(node.outputs) != 1:
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
        if node.op is index_op and len(xs) > 1 and self._selections(node) > MOST_SELECTIONS:
            xs = [self.k.materialize(xs[0]), *xs[1:]]
            self.selections[node.outputs[0]] = 1
        extra = {"indices": [x.read for x in xs[1:]]} if node.op is index_op else {}
        rule: Callable[..., Any] = node.op.view
        read = rule(self.k, xs[0].read if xs else None, [a.type for a in node.inputs], **node.params, **extra)
        if read is None:
            return None
        out = Operand(t.dtype, t.shape, read)
        if node.op is transpose and node.params["axes"] == (*range(t.ndim - 2), t.ndim - 1, t.ndim - 2):
            out.swapped_of = xs[0]
        return out

    def _not_too_deep(self, node: Node, x: Operand) -> Operand:
        """An operand that is computed where it is read; stored now if too many steps lie between it and memory."""
        steps = 1 + max([self.steps.get(a, 0) for a in node.inputs if isinstance(a, Var)], default=0)
        if x.buffer is not None or steps > MOST_STEPS:
            return self.k.materialize(x)
        self.steps[node.outputs[0]] = steps
        return x

    def _selections(self, node: Node) -> int:
        """How many selections by index arrays lie between an element of a node's result and where it is stored."""
        source = node.inputs[0]
        before = self.selections.get(source, 0) if isinstance(source, Var) else 0
        self.selections[node.outputs[0]] = before + 1
        return before + 1

    def _matrices_ready(self, node: Node, xs: list[Operand]) -> list[Operand]:
        """Operands of a product that BLAS can read. What had to be stored for one product serves the next."""
        xs = [self._matrix_ready(x) for x in xs]
        self.env.update({a: x for a, x in zip(node.inputs, xs, strict=True) if isinstance(a, Var) and x.buffer is not None})
        return xs

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
        reading = [v for v in later if self.env[v].buffer is None and reads(self.k, self.env[v], buffer.storage)]  # type: ignore[union-attr]
        whole = product(*x.type.shape)
        sizes = [product(*v.type.shape) for v in reading]
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
        roots = {a: self._light_root(a) for a, x in operands.items() if reads(self.k, x, storage)}
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


def _is_all_of(view: Buffer, scratch: Buffer) -> bool:
    """Whether a buffer is another shape of all of a scratch buffer, so that either of the two may be the one that has the memory."""
    shapes = view.static_shape(), scratch.static_shape()
    return (view.role == "view" and scratch.role == "scratch" and view.dtype == scratch.dtype and None not in shapes
            and prod(shapes[0]) == prod(shapes[1]))  # type: ignore[arg-type]


def lower(graph: Graph) -> Program:
    """Lower a closed graph of concrete input shapes. Outputs are buffers of role output, or constants."""
    k = Builder()
    inputs = []
    operands = []
    for v in graph.inputs:
        b = k.new_buffer(v.type.dtype, v.type.shape, "input", "x")
        inputs.append(b)
        operands.append(k.of_buffer(b, v.type.shape))
    scope = Scope(k, graph, operands, [False] * len(operands))
    results = scope.run()
    outputs: list[Any] = []
    taken: set[Buffer] = set()
    # The memory of views among the results.
    shared = {x.buffer.storage for x in results if x.buffer is not None and x.buffer.storage is not x.buffer}
    used = Counter(x.buffer.storage for x in results if x.buffer is not None)
    for x in results:
        b = x.buffer
        if b is not None and used[b.storage] == 1 and _is_all_of(b, b.storage):
            scratch = b.storage
            b.root, b.role = None, "scratch"
            scratch.root, scratch.role = b, "view"
        if b is None or b.role != "scratch" or b in taken or b.static_shape() is None or b in shared:
            x = k.materialize(Operand(x.dtype, x.shape, x.read))
            b = x.buffer
        assert b is not None
        b.role = "output"
        taken.add(b)
        outputs.append(b)
    return Program(graph.name, inputs, outputs, k.block, k.references)
