"""What statements and expressions of the loop language cost, in instructions, about."""

from __future__ import annotations

from codegen.elementary import functions as elementary
from codegen.loops.language import Apply, Call, Expr, For, Lit, Name, Stmt, blocks, stmt_exprs, walk_expr

__all__ = ["weight", "cost_of", "work_of"]

COSTLY = set(elementary.functions) | {"pow", "cbrt", "exp2", "log10", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh",
                                      "atanh", "atan2", "hypot", "erfc", "lgamma", "fmod", "mod", "floordiv", "gcd", "lcm"}
"""Functions of some twenty instructions and more."""


def weight(e: Expr) -> int:
    """Instructions of an expression, about."""
    total = 0
    for part in walk_expr(e):
        if isinstance(part, Apply):
            total += 24 if part.fn in COSTLY else 1
        elif not isinstance(part, (Lit, Name)):
            total += 1
    return total


def cost_of(s: Stmt) -> int:
    """Instructions of the text of a statement, about: each loop's body counts once."""
    total = sum(weight(e) for e in stmt_exprs(s)) + 1
    if isinstance(s, For):
        total += 10
    if isinstance(s, Call):
        total += 20
    return total + sum(cost_of(b) for block in blocks(s) for b in block)


def work_of(s: Stmt) -> int:
    """Instructions that a statement takes, about, with the lengths of this program."""
    if isinstance(s, For):
        n = s.stop.value if isinstance(s.stop, Lit) else 1
        return n * sum(work_of(x) for x in s.body)
    inner = [x for block in blocks(s) for x in block]
    return cost_of(s) if not inner else sum(work_of(x) for x in inner)
