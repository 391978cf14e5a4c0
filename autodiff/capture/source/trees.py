"""Questions to syntax trees and small pieces of them, as the rewriting of `autodiff.capture.source.rewrite` needs them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from autodiff.capture.dispatch import COMPARISONS
from autodiff.capture.source.liveness import bound_names, children, walk

__all__ = ["COMPOUND", "FRESH", "HOOKS", "JUMPS", "LOOPS", "NO_PARAMETERS", "OF_THE_FRAME", "READS_FRAME", "SCOPES", "arguments",
           "comparison", "constants", "contains", "ends_in_jump", "hook_call", "is_number", "may_jump", "name_of",
           "names_inside", "own_statements", "placed", "thunk", "with_places", "yields"]

HOOKS = "hooks__"
NO_PARAMETERS: Any = {"type_params": []} if sys.version_info >= (3, 12) else {}
JUMPS = (ast.Return, ast.Break, ast.Continue)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOOPS = (ast.For, ast.While)
COMPOUND = (ast.If, *LOOPS, ast.With, ast.Try)
OF_THE_FRAME = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
"""Expressions that bind a name of the function that they stand in, or suspend it: they cannot move into a lambda."""
FRESH = (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Constant, ast.ListComp, ast.SetComp, ast.DictComp)
"""Expressions whose value is no iterator."""
READS_FRAME = {"locals": 0, "vars": 0, "dir": 0, "eval": 1, "exec": 1}
"""Functions that see the local variables of the function that calls them, where they are given no more arguments than this."""


def arguments(names: Sequence[ast.arg]) -> ast.arguments:
    """The parameters of a function that takes these by position."""
    return ast.arguments([], list(names), None, [], [], None, [])


def name_of(n: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(n, ast.Load())


def hook_call(name: str, *args: ast.expr, keywords: Sequence[ast.keyword] = ()) -> ast.Call:
    """A call of a hook."""
    return ast.Call(ast.Attribute(name_of(HOOKS), name, ast.Load()), list(args), list(keywords))


def is_number(e: ast.expr) -> bool:
    """Whether an expression is written as a number."""
    return isinstance(e, ast.Constant) and isinstance(e.value, (int, float)) or isinstance(e, ast.UnaryOp) and is_number(e.operand)


def comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
    """One comparison; `in` evaluates its left side first, so the hook is given both in the order in which they stand."""
    if isinstance(op, (ast.In, ast.NotIn)):
        return hook_call("within" if isinstance(op, ast.In) else "outwith", left, right)
    others = any(isinstance(e, ast.Constant) and not isinstance(e.value, bool) for e in (left, right))     # None, for example
    if isinstance(op, (ast.Is, ast.IsNot)) and not others:
        return hook_call("is_", left, right, ast.Constant(isinstance(op, ast.Is)))
    name = COMPARISONS.get(type(op).__name__)
    return ast.Compare(left, [op], [right]) if name is None else hook_call(name, left, right)


def thunk(e: ast.expr) -> ast.Lambda:
    """An expression as a function without arguments."""
    return ast.Lambda(arguments([]), e)


def constants(values: Sequence[str]) -> ast.expr:
    """A tuple of texts, sorted."""
    return ast.Tuple([ast.Constant(v) for v in sorted(values)], ast.Load())


def placed(new: Any, old: ast.AST) -> Any:
    """A new piece of a tree, which stands in the lines of an old one. What is new inside of it gets them when the whole tree is there."""
    return ast.copy_location(new, old)


def contains(node: ast.AST, kinds) -> bool:
    """Whether a node of these kinds stands anywhere in a tree."""
    return any(isinstance(n, kinds) for n in walk(node))


def ends_in_jump(block: Sequence[ast.stmt]) -> bool:
    """Whether nothing that follows a block is run after it."""
    return isinstance(block[-1], (*JUMPS, ast.Raise))


def may_jump(s: ast.stmt) -> bool:
    """Whether a statement may leave the block it stands in."""
    def go(n: ast.AST, in_loop: bool) -> bool:
        if isinstance(n, ast.Return):
            return True
        if isinstance(n, (ast.Break, ast.Continue)):
            return not in_loop
        if isinstance(n, SCOPES):
            return False
        return any(go(c, in_loop or isinstance(n, LOOPS) and c not in n.orelse) for c in children(n))
    return go(s, False)


def own_statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a function, without those of functions and classes in it."""
    for s in body:
        yield s
        if not isinstance(s, SCOPES):
            for field in ("body", "orelse", "finalbody"):
                yield from own_statements(getattr(s, field, ()))
            for part in (*getattr(s, "handlers", ()), *getattr(s, "cases", ())):
                yield from own_statements(part.body)


def yields(body: Sequence[ast.AST]) -> bool:
    """Whether statements of a function make it a generator function."""
    todo = list(body)
    for n in todo:      # grows while it is gone through
        if isinstance(n, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(n, SCOPES):
            todo += children(n)
    return False


def names_inside(node: ast.AST) -> set[str]:
    """The names that a function, or one in it, binds or declares: the others are those of functions around, the module or Python."""
    found: set[str] = set()
    for n in walk(node):
        kind = n.__class__
        if kind is ast.Name:
            if n.ctx.__class__ is not ast.Load:     # type: ignore[attr-defined]
                found.add(n.id)     # type: ignore[attr-defined]
        elif kind is ast.arg:
            found.add(n.arg)        # type: ignore[attr-defined]
        elif kind in (ast.Global, ast.Nonlocal):
            found.update(n.names)   # type: ignore[attr-defined]
        elif kind in _BINDING:
            found.update(bound_names([n]))
    return found


_BINDING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.MatchAs, ast.MatchStar,
            ast.MatchMapping)
"""Nodes that bind names which are no nodes of their own."""


def with_places(tree: Any, without: ast.AST | None = None) -> Any:
    """A tree in which every node stands somewhere: one that has no place has that of the node around it; a part may be left out.

    The same as `ast.fix_missing_locations`, in a third of the time.
    """
    todo: list[tuple[Any, tuple]] = [(tree, (1, 0, 1, 0))]
    while todo:
        node, place = todo.pop()
        if node._attributes:
            own = tuple([getattr(node, name, None) for name in _PLACE])
            if None in own:
                own = tuple([b if a is None else a for a, b in zip(own, place, strict=True)])
                node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = own
            place = own
        inner = children(node)
        if inner:
            todo += [(n, place) for n in inner if n is not without]
    return tree


_PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")
