"""Questions that decisions and emitters ask of statements: who touches which scalar variable, how an index depends on a counter."""

from __future__ import annotations

from collections import Counter

from codegen.loops.language import (
    Apply,
    Buffer,
    Call,
    Cast,
    Expr,
    For,
    If,
    Lit,
    Load,
    Name,
    Select,
    Stmt,
    Store,
    While,
    blocks,
    stmt_exprs,
    walk_expr,
)
from tracer.sizes import as_int

__all__ = ["Usage", "is_variable", "value_parts", "affine_in", "stores", "innermost"]


class Usage:
    """Which statement touches which scalar variable, within one function."""

    def __init__(self, body: list[Stmt], shared: set[Buffer]):
        self.total: dict[Buffer, int] = {}
        self.inside: dict[int, dict[Buffer, int]] = {}
        self.written: dict[int, set[Buffer]] = {}
        self.first: dict[tuple[int, ...], dict[Buffer, Stmt]] = {}
        for s in body:
            for b, n in self._count(s).items():
                self.total[b] = self.total.get(b, 0) + n
        for b in shared:
            self.total[b] = self.total.get(b, 0) + 1

    def _count(self, s: Stmt) -> dict[Buffer, int]:
        touched = [part.buffer for e in stmt_exprs(s) for part in walk_expr(e) if isinstance(part, Load)]
        set_here: list[Buffer] = []
        if isinstance(s, Store):
            set_here = [s.buffer]
        elif isinstance(s, Call):
            touched += [x.buffer for x in s.inputs]
            set_here = [x.buffer for x in s.outputs]
        found: dict[Buffer, int] = dict(Counter(b for b in [*touched, *set_here] if is_variable(b)))
        written = {b for b in set_here if is_variable(b)}
        for block in blocks(s):
            for inner in block:
                for b, n in self._count(inner).items():
                    found[b] = found.get(b, 0) + n
                written |= self.written[id(inner)]
        self.inside[id(s)] = found
        self.written[id(s)] = written
        return found

    def private(self, b: Buffer, s: Stmt, block: list[Stmt]) -> bool:
        """Whether a variable lives inside a loop only, and each step of `block` sets it before it reads it."""
        return self.inside[id(s)].get(b, 0) == self.total[b] and self.sets_first(b, block)

    def sets_first(self, b: Buffer, block: list[Stmt]) -> bool:
        """Whether the first statement that touches a variable sets it."""
        s = self._first_touch(block).get(b)
        if isinstance(s, Store):
            return s.buffer is b and s.combine is None and not any(
                isinstance(p, Load) and p.buffer is b for e in stmt_exprs(s) for p in walk_expr(e))
        if isinstance(s, For):
            return self.inside[id(s)][b] == self.total[b] and self.sets_first(b, s.body)
        return False

    def _first_touch(self, block: list[Stmt]) -> dict[Buffer, Stmt]:
        key = tuple(map(id, block[:1])) + (len(block), id(block[-1]) if block else 0)
        found = self.first.get(key)
        if found is None:
            found = self.first[key] = {}
            for s in block:
                for b in self.inside[id(s)]:
                    found.setdefault(b, s)
        return found


def is_variable(b: Buffer) -> bool:
    """Whether a buffer is a scalar that emitters may keep in a register."""
    return not b.shape and b.role != "input" and b.root is None


def value_parts(e: Expr):
    """Parts of an expression outside the indices of loads."""
    yield e
    if isinstance(e, Apply):
        for a in e.args:
            yield from value_parts(a)
    elif isinstance(e, Select):
        for a in (e.test, e.yes, e.no):
            yield from value_parts(a)
    elif isinstance(e, Cast):
        yield from value_parts(e.x)


def affine_in(e: Expr, var: Name) -> int | None:
    """The factor of a counter in an index; 0 if it is not in there, None if the index is not affine in it."""
    if e == var:
        return 1
    if var not in set(walk_expr(e)):
        return 0
    if isinstance(e, Apply) and e.fn in ("add", "sub", "mul"):
        a, b = (affine_in(x, var) for x in e.args)
        if a is None or b is None:
            return None
        if e.fn == "add":
            return a + b
        if e.fn == "sub":
            return a - b
        for f, other in ((a, e.args[1]), (b, e.args[0])):
            if isinstance(other, Lit):
                return f * as_int(other.value)
    return None


def stores(s: Stmt):
    """The stores of a statement and what is inside it, in order."""
    if isinstance(s, Store):
        yield s
    for block in blocks(s):
        for inner in block:
            yield from stores(inner)


def innermost(s: Stmt):
    """Loops without loops inside, in a statement."""
    if isinstance(s, For) and not any(isinstance(x, (For, While, If)) for x in s.body):
        yield s
        return
    for block in blocks(s):
        for inner in block:
            yield from innermost(inner)
