"""The rewriting of a function's syntax tree: control flow, operators, calls and stores become calls of hooks.

`autodiff.capture.source.convert` shows what comes of it.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Sequence
from typing import Any

from autodiff.capture.dispatch import BINARY, UNARY, hook_name
from autodiff.capture.source.liveness import Liveness, bound_names, walk
from autodiff.capture.source.trees import (
    COMPOUND,
    FRESH,
    HOOKS,
    JUMPS,
    LOOPS,
    NO_PARAMETERS,
    OF_THE_FRAME,
    READS_FRAME,
    arguments,
    comparison,
    constants,
    contains,
    ends_in_jump,
    hook_call,
    is_number,
    may_jump,
    name_of,
    own_statements,
    placed,
    thunk,
    yields,
)

__all__ = ["BLOCK_NAME", "Converter", "Unconvertible"]

BLOCK_NAME = re.compile(r"(body|orelse|rest)__\d+")
"""The names of the functions that blocks become."""


class Unconvertible(Exception):
    """The function has no source, or uses what is not converted; the text says which, and `fix` what to do about it."""

    def __init__(self, reason: str, fix: str = ""):
        super().__init__(reason)
        self.fix = fix


class _Scope:
    """The function that is being converted. `shared`: names that it sets for others, by `nonlocal` and `global`."""

    def __init__(self, node: ast.FunctionDef):
        self.node = node
        self.outside = {g for s in walk(node) if isinstance(s, ast.Global) for g in s.names}
        self.shared = {g for s in own_statements(node.body) if isinstance(s, (ast.Global, ast.Nonlocal)) for g in s.names}
        self.live = Liveness(node)
        self.generates = yields(node.body)


class Converter(ast.NodeTransformer):
    """`inside`: names that the function binds; `owner`: the class that it stands in."""

    def __init__(self, inside: set[str], owner: str | None) -> None:
        self.count = 0
        self.scopes: list[_Scope] = []
        self.inside = inside
        self.owner = owner
        self.waiting: set[int] = set()      # f-strings that are arguments of a call

    def _attribute(self, name: str) -> ast.Constant:
        """The name of an attribute as Python has it in this class."""
        private = self.owner and name.startswith("__") and not name.endswith("__")
        return ast.Constant(f"_{self.owner.lstrip('_')}{name}" if private else name)    # type: ignore[union-attr]

    # -- expressions ---------------------------------------------------------------------------

    def visit_BoolOp(self, n: ast.BoolOp) -> ast.AST:
        plain = any(contains(v, OF_THE_FRAME) for v in n.values[1:])    # a function would keep the name to itself
        self.generic_visit(n)
        return n if plain else placed(hook_call("and_" if isinstance(n.op, ast.And) else "or_", n.values[0], *map(thunk, n.values[1:])), n)

    def visit_UnaryOp(self, n: ast.UnaryOp) -> ast.AST:
        self.generic_visit(n)
        if isinstance(n.op, ast.Not):
            return placed(hook_call("not_", n.operand), n)
        return n if is_number(n.operand) else placed(hook_call(UNARY[type(n.op).__name__], n.operand), n)

    def visit_BinOp(self, n: ast.BinOp) -> ast.AST:
        self.generic_visit(n)
        is_text = isinstance(n.left, ast.Constant) and not is_number(n.left) and not isinstance(n.op, ast.Mod)
        if is_number(n.left) and is_number(n.right) or is_text:
            return n
        return placed(hook_call(hook_name(BINARY[type(n.op).__name__]), n.left, n.right), n)

    def visit_IfExp(self, n: ast.IfExp) -> ast.AST:
        plain = any(contains(v, OF_THE_FRAME) for v in (n.body, n.orelse))
        self.generic_visit(n)
        return n if plain else placed(hook_call("choose", n.test, thunk(n.body), thunk(n.orelse)), n)

    def visit_GeneratorExp(self, n: ast.GeneratorExp) -> ast.AST:
        self.generic_visit(n)
        return placed(hook_call("made", n), n)

    def visit_YieldFrom(self, n: ast.YieldFrom) -> ast.AST:
        self.generic_visit(n)
        if not isinstance(n.value, FRESH):
            n.value = placed(hook_call("iterated", n.value), n.value)
        return n

    def visit_comprehension(self, n: ast.comprehension) -> ast.AST:
        self.generic_visit(n)
        if not isinstance(n.iter, FRESH):
            n.iter = placed(hook_call("iterated", n.iter), n.iter)
        return n

    def visit_Starred(self, n: ast.Starred) -> ast.AST:
        self.generic_visit(n)
        if isinstance(n.ctx, ast.Load) and not isinstance(n.value, FRESH):
            n.value = placed(hook_call("iterated", n.value), n.value)
        return n

    def visit_Compare(self, n: ast.Compare) -> ast.AST:
        plain = len(n.ops) == 1 or any(contains(v, OF_THE_FRAME) for v in n.comparators)
        self.generic_visit(n)
        if plain:
            return placed(comparison(n.left, n.ops[0], n.comparators[0]), n) if len(n.ops) == 1 else n
        links: list[ast.expr] = []
        for op, right in zip(n.ops, n.comparators, strict=True):
            both = ast.Lambda(arguments([ast.arg("a"), ast.arg("b")]), comparison(name_of("a"), op, name_of("b")))
            links += [both, thunk(right)]
        return placed(hook_call("compare", n.left, *links), n)

    def visit_Call(self, n: ast.Call) -> ast.AST:
        name = n.func.id if isinstance(n.func, ast.Name) else None
        self.waiting.update(id(a) for a in n.args if isinstance(a, ast.JoinedStr))
        self.generic_visit(n)
        if name == "super" and not n.args and self.scopes and self.scopes[-1].node.args.args:
            first = self.scopes[-1].node.args.args[0].arg
            return placed(ast.Call(n.func, [name_of("__class__"), name_of(first)], []), n)
        if name in READS_FRAME and name not in self.inside and len(n.args) + len(n.keywords) <= READS_FRAME[name]:
            raise Unconvertible(f"line {n.lineno}: `{name}` reads the local variables, and a converted function has others")
        if name in ("super", "globals", "eval", "exec"):
            return n
        return placed(hook_call("call", n.func, *n.args, keywords=n.keywords), n)

    def visit_JoinedStr(self, n: ast.JoinedStr) -> ast.AST:
        parts: list[ast.expr] = []
        for p in n.values:
            if not isinstance(p, ast.FormattedValue):
                parts.append(p)
                continue
            form = self.visit(p.format_spec) if p.format_spec is not None else ast.Constant("")
            conversion = ast.Constant(chr(p.conversion) if p.conversion > 0 else "")
            parts.append(ast.Tuple([self.visit(p.value), conversion, form], ast.Load()))
        return placed(hook_call("text", ast.Constant(id(n) in self.waiting), *parts), n)

    def visit_Name(self, n: ast.Name) -> ast.AST:
        shared = bool(self.scopes) and (n.id in self.scopes[0].shared or n.id in self.scopes[-1].outside)
        if not isinstance(n.ctx, ast.Load) or not shared and (n.id in self.inside or hasattr(builtins, n.id) or n.id == "__class__"):
            return n
        return placed(hook_call("outside", n), n)

    def visit_Attribute(self, n: ast.Attribute) -> ast.AST:
        self.generic_visit(n)
        if not isinstance(n.ctx, ast.Load):
            return n
        if n.attr in ("shape", "size"):
            return placed(hook_call(n.attr, n.value), n)
        return placed(hook_call("attribute", n.value, self._attribute(n.attr)), n)

    def visit_Subscript(self, n: ast.Subscript) -> ast.AST:
        self.generic_visit(n)
        if not isinstance(n.ctx, ast.Load):
            return n
        return placed(hook_call("getitem", n.value, self._index(n.slice)), n)

    def _index(self, s: ast.expr) -> ast.expr:
        if isinstance(s, ast.Tuple):
            return ast.Tuple([self._index(e) for e in s.elts], ast.Load())
        if isinstance(s, ast.Slice):
            return hook_call("slice", *[e or ast.Constant(None) for e in (s.lower, s.upper, s.step)])
        return s

    # -- scopes --------------------------------------------------------------------------------

    def visit_FunctionDef(self, n: ast.FunctionDef) -> ast.AST:
        if contains(n, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
            return n
        n.args.defaults = [self.visit(d) for d in n.args.defaults]
        n.args.kw_defaults = [self.visit(d) if d else d for d in n.args.kw_defaults]
        return self.function(n)

    def function(self, n: ast.FunctionDef) -> ast.FunctionDef:
        """Convert the body of a function."""
        self.scopes.append(_Scope(n))
        names = bound_names(n.body)
        elsewhere = self.scopes[-1].shared      # a name that a function inside declares nonlocal may well be one of this function
        a = n.args
        parameters = {p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs, *(x for x in (a.vararg, a.kwarg) if x))}
        body = self.block(n.body, top=True)
        local = [x for x in names if x not in elsewhere and x not in parameters]
        if local:   # never runs: it makes the names local to this function, whose blocks share them
            unset = ast.Assign([ast.Name(x, ast.Store()) for x in local], ast.Constant(None))
            body.insert(0, placed(ast.If(ast.Constant(0), [unset], []), n))
        n.body = body or [ast.Pass()]
        self.scopes.pop()
        return n

    def visit_ClassDef(self, n: ast.ClassDef) -> ast.AST:
        around, self.owner = self.owner, n.name
        n.body = [self.visit(s) if isinstance(s, ast.FunctionDef) else s for s in n.body]
        self.owner = around
        return n

    def visit_AsyncFunctionDef(self, n: ast.AsyncFunctionDef) -> ast.AST:
        return n

    # -- statements ----------------------------------------------------------------------------

    def block(self, statements: Sequence[ast.stmt], top: bool) -> list[ast.stmt]:
        """Convert a block. In a block function (not `top`) a jump is a value that is returned."""
        out: list[ast.stmt] = []
        for k, s in enumerate(statements):
            if isinstance(s, COMPOUND) and self._stays(s):
                out.append(self._as_it_stands(s, top))
            elif isinstance(s, (ast.If, *LOOPS)):
                jumps = may_jump(s)
                rest = list(statements[k + 1:]) if jumps else []
                made, call = self._compound(s, rest)
                out += made
                if jumps:
                    out.append(placed(ast.Return(hook_call("returned", call) if top else call), s))
                    return out
                out.append(placed(ast.Expr(call), s))
            elif isinstance(s, (ast.With, ast.Try)):
                out.append(self._guarded(s, top))
            elif isinstance(s, JUMPS) and not (top and isinstance(s, ast.Return)):
                out.append(self._jump(s))
                return out
            else:
                out += self._simple(s)
        return out

    def _stays(self, s: ast.stmt) -> bool:
        """Whether a statement of a generator function stays Python's: no block that yields can become a function of its own."""
        return bool(self.scopes) and self.scopes[-1].generates and (yields([s]) or may_jump(s))

    def _as_it_stands(self, s: Any, top: bool, in_loop: bool = False) -> ast.stmt:
        """A statement whose condition or loop Python follows: in a generator function, or within `with` and `try`, which no jump leaves
        as a value. What stands in it is converted. `in_loop`: a loop around it stays Python's too, so that its own jumps do."""
        if isinstance(s, (ast.If, ast.While)):
            s.test = placed(hook_call("test", self.visit(s.test)), s.test)
        elif isinstance(s, ast.For):
            s.iter = placed(hook_call("iterated", self.visit(s.iter)), s.iter)
        for item in getattr(s, "items", ()):
            self._entered(item)
        for part in (s, *getattr(s, "handlers", ())):
            for field in ("body", "orelse", "finalbody"):
                if getattr(part, field, None):
                    inside = in_loop or isinstance(s, LOOPS) and field == "body"
                    setattr(part, field, [y for x in getattr(part, field) for y in self._piece(x, top, inside)])
        self._handled(s)
        if getattr(s, "handlers", ()) and not self.scopes[-1].generates:
            s.body = [placed(ast.With([ast.withitem(hook_call("tried"))], s.body), s)]
        return s

    def _piece(self, s: ast.stmt, top: bool, in_loop: bool) -> list[ast.stmt]:
        """A statement in one that stays Python's."""
        generates = self.scopes[-1].generates
        if isinstance(s, ast.Return):
            return [self.visit(s) if top or generates else self._jump(s)]
        if isinstance(s, (ast.Break, ast.Continue)):
            return [s if in_loop or generates else self._jump(s)]
        if isinstance(s, COMPOUND) and may_jump(s) and not generates:
            return [self._as_it_stands(s, top, in_loop)]
        return self.block([s], top=True)

    def _entered(self, item: ast.withitem) -> None:
        """A context manager of a `with` statement."""
        self.generic_visit(item)
        item.context_expr = placed(hook_call("context", item.context_expr), item.context_expr)

    def _handled(self, s: Any) -> None:
        """Let the handlers of a `try` ask first whether the exception is one of the program's."""
        for h in getattr(s, "handlers", ()):
            h.body.insert(0, placed(ast.Expr(hook_call("caught")), h))

    def _jump(self, s: ast.stmt) -> ast.stmt:
        if isinstance(s, ast.Return):
            value = self.visit(s.value) if s.value else ast.Constant(None)
            return placed(ast.Return(hook_call("return_", value)), s)
        return placed(ast.Return(ast.Attribute(name_of(HOOKS), "BREAK" if isinstance(s, ast.Break) else "CONTINUE", ast.Load())), s)

    def _guarded(self, s: Any, top: bool) -> ast.stmt:
        """`with` and `try`: their blocks are converted where they stand. Where a jump leaves them under a condition, Python follows it."""
        inner = [c for part in (s, *getattr(s, "handlers", ())) for f in ("body", "orelse", "finalbody") for c in getattr(part, f, ())]
        if any(may_jump(c) and not isinstance(c, ast.Return) for c in inner) or not top and any(isinstance(c, JUMPS) for c in inner):
            return self._as_it_stands(s, top)
        for item in getattr(s, "items", ()):
            self._entered(item)
        for part in (s, *getattr(s, "handlers", ())):
            for f in ("body", "orelse", "finalbody"):
                if getattr(part, f, None):
                    setattr(part, f, self.block(getattr(part, f), top))
        self._handled(s)
        if getattr(s, "handlers", ()):
            s.body = [placed(ast.With([ast.withitem(hook_call("tried"))], s.body), s)]
        return s

    def _simple(self, s: ast.stmt) -> list[ast.stmt]:
        shared = self._shared(bound_names([s]), s)
        if isinstance(s, ast.Delete):
            return [*shared, *map(self._delete, s.targets)]
        return [*shared, *self._statement(s)]

    def _delete(self, target: ast.expr) -> ast.stmt:
        if isinstance(target, ast.Subscript):
            return placed(ast.Expr(hook_call("delete_item", self.visit(target.value), self._index(self.visit(target.slice)))), target)
        if isinstance(target, ast.Attribute):
            return placed(ast.Expr(hook_call("delete_attribute", self.visit(target.value), self._attribute(target.attr))), target)
        return placed(ast.Delete([self.visit(target)]), target)

    def _shared(self, names: Sequence[str], at: ast.stmt) -> list[ast.stmt]:
        """What is to be said before names that others read are set."""
        read = [thunk(name_of(x)) for x in names if self.scopes and x in self.scopes[-1].shared]
        return [placed(ast.Expr(hook_call("sets", *read)), at)] if read else []

    def _statement(self, s: ast.stmt) -> list[ast.stmt]:
        if isinstance(s, ast.AnnAssign):    # a name shared between functions may have no annotation
            if s.value is None:
                return [placed(ast.Pass(), s)]
            s = placed(ast.Assign([s.target], s.value), s)
        if isinstance(s, ast.Assign) and any(isinstance(t, (ast.Subscript, ast.Attribute)) for t in s.targets):
            if len(s.targets) == 1:
                return [self._store(s.targets[0], self.visit(s.value), s)]
            value = placed(ast.Assign([ast.Name("value__", ast.Store())], self.visit(s.value)), s)
            return [value, *(self._store(t, name_of("value__"), s) for t in s.targets)]
        if isinstance(s, ast.Assign) and len(s.targets) == 1 and isinstance(s.targets[0], (ast.Tuple, ast.List)):
            return self._unpack(s)
        if isinstance(s, ast.AugAssign) and isinstance(s.target, (ast.Subscript, ast.Attribute)):
            return [self._augment(s)]
        if isinstance(s, ast.AugAssign):
            name: Any = s.target
            value = placed(hook_call(f"i{BINARY[type(s.op).__name__]}", self.visit(name_of(name.id)), self.visit(s.value)), s)
            return [placed(ast.Assign([name], value), s)]
        if isinstance(s, ast.Assert) and not (s.msg and contains(s.msg, OF_THE_FRAME)):
            message = s.msg or ast.Constant(None)
            self.waiting.add(id(message))
            return [placed(ast.Expr(hook_call("require", self.visit(s.test), thunk(self.visit(message)))), s)]
        return [self.visit(s)]

    def _store(self, target: ast.expr, value: ast.expr, at: ast.stmt) -> ast.stmt:
        if isinstance(target, ast.Subscript):
            return placed(ast.Expr(hook_call("setitem", self.visit(target.value), self._index(self.visit(target.slice)), value)), at)
        if isinstance(target, ast.Attribute):
            return placed(ast.Expr(hook_call("setattr", self.visit(target.value), self._attribute(target.attr), value)), at)
        return placed(ast.Assign([target], value), at)

    def _unpack(self, s: ast.Assign) -> list[ast.stmt]:
        """`a[i], b = ...`: into names first, from there into the parts of objects."""
        targets: Any = s.targets[0]
        value = self.visit(s.value)
        if not isinstance(value, FRESH):
            value = placed(hook_call("iterated", value), s.value)
        stores = []
        for k, t in enumerate(targets.elts):
            if isinstance(t, (ast.Subscript, ast.Attribute)):
                temporary = f"value__{k}"
                targets.elts[k] = ast.Name(temporary, ast.Store())
                stores.append(self._store(t, name_of(temporary), s))
        return [placed(ast.Assign([targets], value), s), *stores]

    def _augment(self, s: ast.AugAssign) -> ast.stmt:
        target: Any = s.target
        part = self._index(self.visit(target.slice)) if isinstance(target, ast.Subscript) else self._attribute(target.attr)
        hook = "update_item" if isinstance(target, ast.Subscript) else "update_attribute"
        name = ast.Constant(f"i{BINARY[type(s.op).__name__]}")
        return placed(ast.Expr(hook_call(hook, self.visit(target.value), part, name, self.visit(s.value))), s)

    # -- branches and loops --------------------------------------------------------------------

    def _own(self, names: Sequence[str]) -> list[str]:
        outside = self.scopes[-1].outside if self.scopes else set()
        return [x for x in names if x not in outside]

    def _function(self, tag: str, statements: Sequence[ast.stmt], at: ast.AST, parameter: str | None = None,
                  first: Sequence[ast.stmt] = (), value: bool = False) -> tuple[ast.expr, list[ast.stmt]]:
        """A block as a function that shares its names with the function around it; with `value` it returns one."""
        if not statements and not first:
            return ast.Constant(None), []
        self.count += 1
        name = f"{tag}__{self.count}"      # as `BLOCK_NAME` has it
        names = bound_names([*first, *statements])
        own = self._own(names)
        outside = [x for x in names if x not in own]
        body: list[ast.stmt] = []
        if own:
            body.append(ast.Nonlocal(own))
        if outside:
            body.append(ast.Global(outside))
        body += [*first, *self.block(statements, top=value)]
        parameters = arguments([ast.arg(parameter)] if parameter else [])
        made = ast.FunctionDef(name=name, args=parameters, body=body or [ast.Pass()], decorator_list=[], returns=None,
                               **NO_PARAMETERS)
        return name_of(name), [placed(made, at)]

    def _compound(self, s: Any, rest: list[ast.stmt]) -> tuple[list[ast.stmt], ast.Call]:
        live = self.scopes[-1].live
        after = live.at_end[s] if rest or may_jump(s) else live.after[s]
        if isinstance(s, ast.If):
            names = self._own(sorted(set(bound_names([*s.body, *s.orelse, *rest])) & after))
            test = self.visit(s.test)
            if s.orelse and ends_in_jump(s.body):       # what follows does so on the other way only
                s.orelse, rest = [*s.orelse, *rest], []
            body, made = self._function("body", s.body, s)
            orelse, more = self._function("orelse", s.orelse, s)
            following, last = self._function("rest", rest, s)
            return [*made, *more, *last], placed(hook_call("if_", test, body, orelse, constants(names), following), s.test)
        bound = set(bound_names(s.body))
        if isinstance(s, ast.For):
            item: list[ast.stmt] = [*self._shared(bound_names([s.target]), s), placed(ast.Assign([s.target], name_of("item__")), s)]
            bound |= set(bound_names(item))
            over = s.iter
            if isinstance(over, ast.Call) and not any(isinstance(a, ast.Starred) for a in over.args) and not over.keywords:
                self.generic_visit(over)
                over = placed(hook_call("items", over.func, *over.args), over)
            else:
                over = self.visit(over)
            body, made = self._function("body", s.body, s, "item__", item)
            hook, head = "for_", over
        else:
            body, made = self._function("body", s.body, s)
            hook = "while_"
            if bound_names([s.test]):       # see `Cases.visit_While`
                raise Unconvertible(f"line {s.lineno}: `:=` in the test of a while loop whose `else` leaves the loop around it")
            head = thunk(self.visit(s.test))
        state = self._own(sorted(bound & (live.head[s] | live.after[s])))
        carried = self._own(sorted(bound & live.head[s]))
        orelse, more = self._function("orelse", s.orelse, s)
        following, last = self._function("rest", rest, s)
        ends = self._own(sorted(set(bound_names([*s.orelse, *rest])) & after))
        call = hook_call(hook, head, body, constants(carried), constants(state), orelse, following, constants(ends))
        return [*made, *more, *last], placed(call, s.test if isinstance(s, ast.While) else s.iter)
