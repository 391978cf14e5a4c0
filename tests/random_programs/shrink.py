"""Make a failing program small: drop statements, take blocks out of their loops and conditions, put parts of expressions in place of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

__all__ = ["shrunk"]

TRIES = 600


def _bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """All lists of statements."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _without_statements(tree: ast.Module) -> Iterator[ast.Module]:
    """The program with one statement less, or with the body of one in its place."""
    function = next(s for s in tree.body if isinstance(s, ast.FunctionDef) and s.name == "program")
    count = sum(len(b) for b in _bodies(function))
    for k in range(count):
        for inner in (False, True):
            copy = ast.parse(ast.unparse(tree))
            f = next(s for s in copy.body if isinstance(s, ast.FunctionDef) and s.name == "program")
            at = 0
            for block in _bodies(f):
                if at <= k < at + len(block):
                    s = block[k - at]
                    body = getattr(s, "body", None)
                    if inner and not isinstance(body, list):
                        break
                    block[k - at:k - at + 1] = body if inner else ([] if len(block) > 1 else [ast.Pass()])   # type: ignore[list-item]
                    yield copy
                    break
                at += len(block)


class _Replace(ast.NodeTransformer):
    """Puts part number `part` of expression number `k` in its place.

    What is assigned to stays: a part of it, such as `np.int64` in `v[np.int64(0)] = 0.2`, would be set for all programs to come.
    """

    def __init__(self, k: int, part: int):
        self.k, self.part, self.at, self.done = k, part, -1, False

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr):
            self.at += 1
            if self.at == self.k and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                parts = [c for c in ast.walk(node) if isinstance(c, ast.expr) and c is not node and isinstance(getattr(c, "ctx", ast.Load()), ast.Load)]
                parts = [p for p in parts if not isinstance(p, ast.Starred)]
                if self.part < len(parts):
                    self.done = True
                    return parts[self.part]
        return self.generic_visit(node)


def _with_parts(tree: ast.Module) -> Iterator[ast.Module]:
    """The program with a part of an expression in place of the whole, the largest expressions first."""
    function = next(s for s in tree.body if isinstance(s, ast.FunctionDef) and s.name == "program")
    count = sum(isinstance(n, ast.expr) for n in ast.walk(function))
    for k in range(count):
        for part in range(6):
            copy = ast.parse(ast.unparse(tree))
            f = next(s for s in copy.body if isinstance(s, ast.FunctionDef) and s.name == "program")
            change = _Replace(k, part)
            change.visit(f)
            if not change.done:
                break       # no such part, or nothing that is read
            yield ast.fix_missing_locations(copy)


def shrunk(text: str, fails: Callable[[str], bool], tries: int = TRIES) -> str:
    """The smallest program found that still fails; `fails` says so of a text, and is asked at most `tries` times."""
    tree, left = ast.parse(text), tries
    changed = True
    while changed and left > 0:
        changed = False
        for smaller in (_without_statements, _with_parts):
            for candidate in smaller(tree):
                if left <= 0:
                    break
                left -= 1
                try:
                    new = ast.unparse(candidate)
                except (ValueError, AttributeError):
                    continue
                if len(new) < len(ast.unparse(tree)) and fails(new):
                    tree, changed = candidate, True
                    break
    return ast.unparse(tree)
