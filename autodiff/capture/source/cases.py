"""`match` statements as `if` and `elif`, and `while` loops whose test binds names as endless ones that are left."""

from __future__ import annotations

import ast
from typing import Any

from autodiff.capture.source.liveness import bound_names
from autodiff.capture.source.trees import name_of, own_statements, placed

__all__ = ["Cases"]


class Cases(ast.NodeTransformer):
    """`match` over numbers, strings and names as `if` and `elif`. Patterns that take objects apart stay Python's.

    A test that binds names stands before what it decides: `while (x := f(x)) > 0: ...` is `while True:`, `test = (x := f(x)) > 0`,
    `if not test: break`, ..., so that a step hands on these names.
    """

    def __init__(self) -> None:
        self.count = 0

    def visit_Match(self, n: ast.Match) -> Any:
        self.generic_visit(n)
        if any(not _is_plain(case.pattern) for case in n.cases):
            return n
        self.count += 1
        subject = f"match__{self.count}"
        first = placed(ast.Assign([ast.Name(subject, ast.Store())], n.subject), n.subject)
        chain: list[ast.stmt] = []
        for case in reversed(n.cases):
            test, name = self._test(case.pattern, subject), getattr(case.pattern, "name", None)
            bound: list[ast.stmt] = [placed(ast.Assign([ast.Name(name, ast.Store())], name_of(subject)), case.pattern)] if name else []
            body = case.body
            if case.guard is not None and test is None:
                body = [placed(ast.If(case.guard, body, chain), case.guard)]
            elif case.guard is not None:
                test = ast.BoolOp(ast.And(), [test, case.guard])
            chain = [*bound, *body] if test is None else [placed(ast.If(test, [*bound, *body], chain), case.pattern)]
        return [first, *chain]

    def visit_While(self, n: ast.While) -> Any:
        self.generic_visit(n)
        if bound_names([n.test]) and not any(isinstance(s, (ast.Break, ast.Continue)) for s in own_statements(n.orelse)):
            test, name = self._named(n.test)
            leave = placed(ast.If(ast.UnaryOp(ast.Not(), name), [*n.orelse, placed(ast.Break(), n.test)], []), n.test)
            n.test, n.body, n.orelse = placed(ast.Constant(True), n.test), [test, leave, *n.body], []
        return n

    def visit_If(self, n: ast.If) -> Any:
        self.generic_visit(n)
        if not bound_names([n.test]):
            return n
        first, n.test = self._named(n.test)
        return [first, n]

    def _named(self, test: ast.expr) -> tuple[ast.stmt, ast.expr]:
        """A statement that gives a test a name, and the name."""
        self.count += 1
        name = f"test__{self.count}"
        return placed(ast.Assign([ast.Name(name, ast.Store())], test), test), placed(name_of(name), test)

    def _test(self, p: ast.pattern, subject: str) -> Any:
        """Whether a pattern fits; None for one that always does."""
        if isinstance(p, ast.MatchAs):
            return None if p.pattern is None else self._test(p.pattern, subject)
        if isinstance(p, ast.MatchOr):
            return ast.BoolOp(ast.Or(), [self._test(q, subject) for q in p.patterns])
        if isinstance(p, ast.MatchSingleton):
            return ast.Compare(name_of(subject), [ast.Is()], [ast.Constant(p.value)])
        return ast.Compare(name_of(subject), [ast.Eq()], [p.value])  # type: ignore[attr-defined]


def _is_plain(p: ast.pattern) -> bool:
    """Whether a pattern is a value, several values, or a name for anything."""
    if isinstance(p, ast.MatchOr):
        return all(isinstance(q, (ast.MatchValue, ast.MatchSingleton)) for q in p.patterns)
    return isinstance(p, (ast.MatchValue, ast.MatchSingleton)) or isinstance(p, ast.MatchAs) and p.pattern is None
