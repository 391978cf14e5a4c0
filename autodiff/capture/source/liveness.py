"""Which names of a function are read later: the classic backward analysis, on Python's syntax tree.

Source: Aho, Lam, Sethi and Ullman, Compilers, 2nd ed. (2006), section 9.2.5. Where control may go several ways (`try`, `with`,
`match`) everything read there counts as read, and nothing as overwritten; names that inner functions use are always live.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

__all__ = ["Liveness", "bound_names", "children", "walk"]


def children(n: ast.AST) -> list[ast.AST]:
    """The nodes directly inside of a node, without those that say no more than what is done: operators, and whether a name is set."""
    out: list[ast.AST] = []
    for field in _PARTS.get(n.__class__, n._fields):
        value = getattr(n, field, None)
        if value.__class__ is list:
            out += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            out.append(value)
    return out


_NO_PARTS = {"ctx", "op", "ops", "id", "attr", "name", "kind", "conversion", "type_comment", "simple", "is_async", "level", "module"}
_PARTS: dict[type, tuple[str, ...]] = {
    kind: () if kind is ast.Constant else tuple(f for f in kind._fields if f not in _NO_PARTS)
    for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.AST)}
"""The fields of each class of nodes that may hold nodes: to look only there takes half of the time."""


def walk(n: ast.AST) -> list[ast.AST]:
    """A node and all nodes inside of it."""
    out = [n]
    for inner in out:   # grows while it is gone through
        out += children(inner)
    return out


_SIMPLE = (ast.Name, ast.Constant)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_NAMED = (ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound_names(statements: Iterable[ast.AST]) -> list[str]:
    """Names that these statements bind in their own scope, in order."""
    found: dict[str, None] = {}

    def go(n: ast.AST) -> None:
        if n.__class__ in _SIMPLE:
            if n.__class__ is ast.Name and not isinstance(n.ctx, ast.Load):     # type: ignore[attr-defined]
                found[n.id] = None      # type: ignore[attr-defined]
            return
        if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[n.name] = None
            return
        if isinstance(n, (ast.Import, ast.ImportFrom)):
            found.update((((a.asname or a.name).split(".")[0]), None) for a in n.names)
        if isinstance(n, _NAMED):
            name: str | None = getattr(n, "rest" if isinstance(n, ast.MatchMapping) else "name")
            found.update({name: None} if name else {})
        if isinstance(n, (ast.Lambda, *_COMPREHENSIONS)):   # only `:=` leaves a comprehension
            found.update((w.target.id, None) for w in walk(n) if isinstance(w, ast.NamedExpr))
            return
        for c in children(n):
            go(c)
    for s in statements:
        go(s)
    return list(found)


def _read(*nodes: ast.AST | None) -> set[str]:
    return {n.id for node in nodes if node is not None for n in walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


class Liveness:
    """What is live around each branch and loop of a function.

    `after[s]`: after statement s; `head[s]`: before each step of loop s, if there is one; `at_end[s]`: after the block that s stands in,
    and where a jump out of it may go.
    """

    def __init__(self, function: ast.FunctionDef):
        self.after: dict[ast.stmt, set[str]] = {}
        self.head: dict[ast.stmt, set[str]] = {}
        self.at_end: dict[ast.stmt, set[str]] = {}
        nodes = walk(function)
        if any(isinstance(n, (ast.If, ast.For, ast.While)) for n in nodes):     # nobody asks about other statements
            outer = {g for s in nodes if isinstance(s, (ast.Global, ast.Nonlocal)) for g in s.names}
            inner = [n for s in function.body for n in walk(s) if isinstance(n, _FUNCTIONS)]
            self.always = outer | {n for f in inner for n in _read(f)}
            self._block(function.body, set(self.always), None)

    def _block(self, statements: Sequence[ast.stmt], live: set[str], loop: tuple[set[str], set[str]] | None) -> set[str]:
        """Live before a block, given what is live after it; `loop` is (after break, after continue)."""
        end = live.union(*loop or ())
        for s in reversed(statements):
            if isinstance(s, (ast.If, ast.For, ast.While)):
                self.after[s], self.at_end[s] = live, end
            live = self._statement(s, live, loop) | self.always
        return live

    def _statement(self, s: ast.stmt, live: set[str], loop: tuple[set[str], set[str]] | None) -> set[str]:
        if isinstance(s, ast.Return):
            return _read(s.value)
        if isinstance(s, ast.Raise):
            return _read(s)
        if isinstance(s, ast.Break):
            return set(loop[0]) if loop else live
        if isinstance(s, ast.Continue):
            return set(loop[1]) if loop else live
        if isinstance(s, ast.If):
            return _read(s.test) | self._block(s.body, live, loop) | self._block(s.orelse, live, loop)
        if isinstance(s, (ast.For, ast.While)):
            return self._loop(s, live, loop)
        if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return (live - {s.name}) | _read(s)
        if isinstance(s, ast.AugAssign):
            return live | _read(s.value, s.target) | set(bound_names([s.target]))
        if isinstance(s, (ast.Try, ast.With, ast.Match)) or not isinstance(s, (ast.Assign, ast.AnnAssign, ast.Expr)):
            self._inside(s, live | _read(s), loop)
            return live | _read(s) | set(bound_names([s]))
        return (live - set(bound_names([s]))) | _read(s)

    def _inside(self, s: ast.stmt, live: set[str], loop) -> None:
        for field in ("body", "orelse", "finalbody"):
            if isinstance(getattr(s, field, None), list):
                self._block(getattr(s, field), live, loop)
        for h in (*getattr(s, "handlers", ()), *getattr(s, "cases", ())):
            self._block(h.body, live, loop)

    def _loop(self, s: ast.For | ast.While, live: set[str], loop) -> set[str]:
        after = self._block(s.orelse, live, loop) if s.orelse else live
        target = set(bound_names([s.target])) if isinstance(s, ast.For) else set()
        read = _read(s.target) if isinstance(s, ast.For) else _read(s.test)
        step = set(read)
        while True:
            new = step | (self._block(s.body, step | after, (live, step | after)) - target)
            if new == step:
                break
            step = new
        self.head[s] = step
        return step | after | (_read(s.iter) if isinstance(s, ast.For) else set())
