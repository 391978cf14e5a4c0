"""Branches and loops as statements: what they hand on in place, and where the stacks of loops go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from codegen.loops.language import (
    Alloc,
    Apply,
    Buffer,
    Expr,
    For,
    Grow,
    If,
    Lit,
    Load,
    Name,
    Stmt,
    While,
)
from codegen.loops.lower.builder import BOOL, I64, Builder, Operand, add_index, bind_size, copy_into, reads
from tracer.graph import Atom, Graph, Node, Var
from tracer.op import Elementwise
from tracer.ops.control import HoldsGraph, cond, linear_cond, loop

if TYPE_CHECKING:
    from codegen.loops.lower.nodes import Scope

__all__ = ["CONTROL"]


def _own_copy(scope: Scope, position: int, atom, x: Operand) -> Operand:
    """A buffer that starts as x and may be written: x's own if x dies here."""
    if isinstance(atom, Var) and x.buffer is not None and x.buffer in scope.owned and (
            scope.last_use.get(atom, -1) == position or scope._set_free(atom, position)):
        return x
    out = scope.k.stored(x.dtype, x.shape)
    copy_into(scope.k, x, out)
    return out


def _read_by_others(k: Builder, x: Operand, j: int, carries: list[Operand], others: list[Operand]) -> bool:
    if x.buffer is None:
        return True
    storage = x.buffer.storage
    return any(reads(k, o, storage) for o in [*others, *carries[:j], *carries[j + 1:]])


def _lower_cond(scope: Scope, position: int, node: Node, xs: list[Operand]) -> list[Operand]:
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
            apart = operands[m].buffer is not None and not any(reads(k, x, operands[m].buffer.storage) for x in others)  # type: ignore
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
            inner = scope.nested(g, operands, owned)
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
        while isinstance(a, Var) and a in made and (made[a].op.overwrites or made[a].op in (loop, cond)):
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
    if node.op is loop:
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
        if x.buffer is not own and any(reads(k, x, w) for w in written - {own.storage}):  # type: ignore[union-attr]
            x = k.materialize(Operand(x.dtype, x.shape, x.read))
        elif x.buffer is None and reads(k, x, own.storage):  # type: ignore[union-attr]
            x = k.materialize(x)
        ready.append(x)
    for x, s in zip(ready, state, strict=True):
        copy_into(k, x, s)


def _lower_loop(scope: Scope, position: int, node: Node, xs: list[Operand]) -> list[Operand]:
    return _LoopNode(scope, position, node, xs).lower()


class _LoopNode:
    """A loop node while it is lowered: to a `For` where the number of steps is known as it starts, else to a `While`.

    state : where the carries lie, from step to step
    stacked : where the stacked results go; tapes that grow where their length is not known
    count : the number of steps taken
    stop : the number of steps at most
    """

    def __init__(self, scope: Scope, position: int, node: Node, xs: list[Operand]):
        self.scope, self.k = scope, scope.k
        self.spec, self.body, self.test, self.length = (node.params[p] for p in ("spec", "body", "test", "length"))
        n, constants, carries, self.sliced = self.spec.split(xs)
        _, _, carry_atoms, _ = self.spec.split(node.inputs)
        self.constants = [self.k.materialize(x) if _is_costly(x) else x for x in constants]
        # A carry may start in the memory of its first value only if no other input of the loop reads that memory.
        others = [*self.constants, *self.sliced]
        self.state = [_own_copy(scope, position, None if _read_by_others(self.k, x, j, carries, others) else a, x)
                      for j, (a, x) in enumerate(zip(carry_atoms, carries, strict=True))]
        self.count = self.k.stored(I64, ())
        self.stop = n.read(())
        self.grows = self.length is None and self.test is not None
        self.stack_vars = node.outputs[self.spec.carries:-1]
        if self.length is None and self.test is None and not self.sliced:
            self._bind_lengths(self.stop)
        self.k.store(self.count, (), self.stop if self.test is None else Lit(0))
        self.stacked = [self._stack(v) for v in self.stack_vars]

    def _bind_lengths(self, length: Expr) -> None:
        """Say how long the stacks are."""
        for v in self.stack_vars:
            bind_size(self.k, v.type.shape[0], length)

    def _stack(self, v: Var) -> Operand:
        """Where a stacked result goes."""
        if v in self.scope.targets:
            return self.scope.targets[v]
        if not self.grows:
            return self.k.stored(v.type.dtype, v.type.shape)
        b = Buffer(f"t{next(self.k.counter)}", v.type.dtype, (Lit(16), *[self.k.dim(d) for d in v.type.shape[1:]]), "tape")
        self.k.block.append(Alloc(b))
        return self.k.of_buffer(b, v.type.shape)

    def lower(self) -> list[Operand]:
        """Write the loop; the operands of the node's results."""
        k, loop = self.k, self._loop()
        i: Expr = loop.var if isinstance(loop, For) else self._steps_taken()
        index = Operand(I64, (), lambda _: i)
        if isinstance(loop, While):
            with k.inside(loop.head):
                loop.test = self._goes_on(index, i)
        with k.inside(loop.body):
            sizes = dict(k.sizes)
            self._step(index, i)
            if self.test is not None:
                k.store(self.count, (), add_index(self._steps_taken(), Lit(1)))
            k.sizes = sizes
        k.block.append(loop)
        if self.grows:
            self._bind_lengths(self._steps_taken())
            for s in self.stacked:
                s.buffer.shape = (self._steps_taken(), *s.buffer.shape[1:])  # type: ignore[union-attr]
        self.scope.owned.update(s.buffer for s in [*self.state, *self.stacked] if s.buffer is not None and s.buffer.role != "tape")
        return [*self.state, *self.stacked, self.count]

    def _loop(self) -> For | While:
        return While([], Lit(True, BOOL), []) if self.test is not None else self.k.new_loop(self.stop, self.spec.reverse, parallel=False)

    def _steps_taken(self) -> Expr:
        return Load(self.count.buffer, ())  # type: ignore[arg-type]

    def _goes_on(self, index: Operand, i: Expr) -> Expr:
        """Whether there is another step: fewer than `stop` were taken, and the test of the node is true."""
        xs = [index, *self.constants, *self.state]
        again = self.scope.nested(self.test, xs, [False] * len(xs)).run()[0]
        return Apply("and", (Apply("lt", (i, self.stop), BOOL), again.read(())), BOOL)

    def _step(self, index: Operand, i: Expr) -> None:
        """Write a step: its results, the stacks and the carries of the next."""
        k, spec = self.k, self.spec
        rows = [_row(x, i) for x in self.sliced]
        if self.grows:
            for s in self.stacked:
                k.block.append(Grow(s.buffer, i))  # type: ignore[arg-type]
        body, rest = _kept_first(k, self.body, spec, self.state, self.stacked, i)
        targets = {} if self.grows else _stacks_of_inner_loops(body, rest, spec.carries, i)
        owned = [False] * (1 + len(self.constants)) + [True] * len(self.state) + [False] * len(rows)
        inner = self.scope.nested(body, [index, *self.constants, *self.state, *rows], owned, targets)
        targets.update(_carries_in_place(inner, self.state, 1 + len(self.constants)))
        results = inner.run()
        for y, s in zip(results[spec.carries:], rest, strict=True):
            if y.prefix and y.buffer is s.buffer:
                continue
            with k.nest(y.shape) as at:
                k.store(s, (i, *at), y.read(at))
        _assign_together(k, results[:spec.carries], self.state)


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


def _carries_in_place(scope: Scope, state: Sequence[Operand], first: int) -> dict[Var, Operand]:
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
        if isinstance(node.op, HoldsGraph) or lazy or node.op.overwrites or node.op.same_memory or graph.outputs.count(v) > 1:
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
        if node.op.overwrites or node.op in (loop, cond, linear_cond):
            found.update(o for o in node.outputs if _source_of_update(k, node, o) in found)
        elif node.op.same_memory:
            found.update(o for a, o in zip(node.inputs, node.outputs, strict=True) if a in found)
    return list(found)


def _only_directly(scope: Scope, node: Node, carry: Var) -> bool:
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
        if node is None or node.op is not loop or a in read or body.outputs.count(a) > 1 or not a.type.is_static():
            continue
        inner = node.params["spec"].carries
        if a in node.outputs[inner:-1] and (node.params["length"] is not None or node.params["test"] is None):
            prefix = (*s.prefix, i)
            row = Operand(s.dtype, s.shape[1:], lambda index, b=s.buffer, p=prefix: Load(b, (*p, *index)), s.buffer)  # type: ignore
            row.prefix = prefix
            out[a] = row    # type: ignore[index]
    return out


def _is_costly(x: Operand) -> bool:
    """A view whose elements are read in a loop: stored once outside if reading it computes anything."""
    return x.buffer is None and x.shape != () and not isinstance(x.read(tuple(Name("probe") for _ in x.shape)), (Lit, Load))


def _row(x: Operand, i: Expr) -> Operand:
    """One slice along the first axis."""
    out = Operand(x.dtype, x.shape[1:], lambda index: x.read((i, *index)))
    if x.buffer is not None:
        out.fixed_of = (x.buffer, (i,))
    return out


CONTROL: dict[str, Callable] = {"cond": _lower_cond, "linear_cond": _lower_cond, "loop": _lower_loop,
                                 "barrier": lambda scope, position, node, xs: xs}
