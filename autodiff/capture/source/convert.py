"""Python's control flow as calls of hooks.

`convert(f, hooks)` is `f` again, compiled from its own source under its own file name and lines, with `if`, `while`, `for`, `and`,
`or`, `not`, `a if c else b`, comparison chains, calls, subscripts and assignments to parts of objects turned into calls of methods of
`hooks`. What the hooks do with them is their affair; see `autodiff.capture`. `autodiff.show(f, stage="converted")` prints it.

Before:

    def f(x, n):
        for i in range(n):
            x = x * 0.5 + i
        return x

After:

    def f(x, n):
        if 0:                                   # never runs: it makes `i` a name of `f`, which blocks can share
            i = None
        def body__1(item__):                    # one step
            nonlocal i, x
            i = item__
            x = hooks__.add(hooks__.mul(x, 0.5), i)
        hooks__.for_(hooks__.items(range, n),   # what the loop goes over
                     body__1,
                     ('x',),                    # `carried`: names that a step sets and a later step reads
                     ('x',),                    # `state`: names that a step sets and that are read by a later step or after the loop
                     None,                      # `orelse`: the block of the loop's `else`
                     None,                      # `rest`: what follows the loop, where a step may return, so that it may not run
                     ())                        # `ends`: names that `orelse` and `rest` set and that are read after them
        return x

Three ideas keep it short. A block becomes a function of its own whose names are shared with the function around it, so that hooks read
and set names through closure cells. `break`, `continue` and `return` become values that a block function returns, and what follows a
statement that may jump becomes a function that is handed to the hook. For each branch and loop the names that are read later are found
beforehand (`autodiff.capture.source.liveness`), so that hooks know what has to come out of it.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import inspect
import linecache
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from types import CellType, CodeType, FunctionType
from typing import Any

from autodiff.capture.dispatch import BINARY, COMPARISONS, UNARY, hook_name
from autodiff.capture.source.liveness import Liveness, bound_names

__all__ = ["convert", "converted_source", "is_converted", "Unconvertible"]

HOOKS = "hooks__"
_NO_PARAMETERS: Any = {"type_params": []} if sys.version_info >= (3, 12) else {}
_FUTURE = 0x1FE0000
_JUMPS = (ast.Return, ast.Break, ast.Continue)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOPS = (ast.For, ast.While)
_OF_THE_FRAME = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
"""Expressions that bind a name of the function that they stand in, or suspend it: they cannot move into a lambda."""
_FRESH = (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Constant, ast.ListComp, ast.SetComp, ast.DictComp)
"""Expressions whose value is no iterator."""
_READS_FRAME = ("locals", "globals", "vars", "eval", "exec", "super", "dir")


class Unconvertible(Exception):
    """The function has no source, or uses what is not converted; the text says which."""


def convert(f: FunctionType, hooks: Any) -> FunctionType:
    """`f` with its control flow handed to `hooks`. It shares the globals, defaults and closure cells of `f`.

    Raises
    ------
    Unconvertible
        If the source cannot be had, or has a construct that is not converted.
    """
    code = f.__code__
    if is_converted(f):
        return f
    key = code.co_filename, code    # equal functions of two files have equal code objects, but lines of their own
    new = _converted.get(key)
    if new is None:
        try:
            new = _convert_code(f)
        except Unconvertible as e:
            new = str(e)
        _keep(_converted, key, new, MOST_CONVERTED)
    if isinstance(new, str):
        raise Unconvertible(new)
    cells = dict(zip(code.co_freevars, f.__closure__ or ()))
    cells[HOOKS] = CellType(hooks)
    out = FunctionType(new, f.__globals__, f.__name__, f.__defaults__, tuple([cells[n] for n in new.co_freevars]))
    out.__kwdefaults__ = f.__kwdefaults__
    return functools.update_wrapper(out, f)  # type: ignore[return-value]


def converted_source(f: FunctionType) -> str:
    """Return the Python source of the function that `convert` compiles in place of `f`.

    The example at the head of this file shows what it looks like.

    Raises
    ------
    Unconvertible
        If the source cannot be had, or has a construct that is not converted.
    """
    convert(f, None)    # raises where Python would not compile what is printed here
    body, _, _ = _rewritten(f)
    return ast.unparse(body.value if isinstance(body, ast.Return) and body.value else body)     # what a lambda becomes stands in a return


def is_converted(f: FunctionType) -> bool:
    """Whether this is a result of `convert`, or defined in one."""
    return f.__code__.co_consts[-1:] == (_MARK,)


MOST_CONVERTED = 4096
"""Converted functions that are kept; the oldest go first."""
MOST_FILES = 256
"""Parsed files that are kept: in a notebook every cell is one."""
_MARK = "converted by autodiff"
"""The last constant of the code that conversion makes."""
_converted: dict[tuple[str, CodeType], CodeType | str] = {}
_lock = threading.Lock()


def _keep(table: dict, key: Any, value: Any, most: int) -> None:
    """Enter a value into a table of limited size, from which the oldest goes."""
    with _lock:
        table[key] = value
        while len(table) > most:
            del table[next(iter(table))]


def _after_fork() -> None:
    """A lock that another thread held when the process was forked would never be released in the child."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _rewritten(f: FunctionType) -> tuple[ast.stmt, ast.AST, str | None]:
    """Return the rewritten definition of `f`, the definition in the source, and the name of the class that it stands in."""
    code = f.__code__
    if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise Unconvertible(f"`{f.__qualname__}` is a coroutine")
    found, owner = _find(f)
    node: Any = _Cases().visit(copy.deepcopy(found))
    converter = _Converter(_names_inside(node), owner)
    if isinstance(node, ast.Lambda):
        return ast.copy_location(ast.Return(converter.visit(node)), node), node, owner
    node.decorator_list, node.returns = [], None
    for a in ast.walk(node.args):
        if isinstance(a, ast.arg):
            a.annotation = None
    return converter.function(node), node, owner


def _convert_code(f: FunctionType) -> CodeType:
    code = f.__code__
    body, node, owner = _rewritten(f)
    own = {n for n in (getattr(node, "name", None), owner) if n} - set(code.co_freevars)   # a recursive function's name stays what it was
    if owner:   # names like __x are mangled by the class they stand in
        body = ast.ClassDef(name=owner, bases=[], keywords=[], body=[body], decorator_list=[], **_NO_PARAMETERS)
    names = [ast.arg(v) for v in (*code.co_freevars, HOOKS)]
    statements = [ast.Global(sorted(own)), body] if own else [body]
    factory = ast.FunctionDef(name="factory__", args=_arguments(names), body=statements, decorator_list=[], returns=None, **_NO_PARAMETERS)
    module = ast.fix_missing_locations(ast.copy_location(ast.Module([factory], []), node))
    try:
        compiled = compile(module, code.co_filename, "exec", dont_inherit=True, flags=code.co_flags & _FUTURE)
    except SyntaxError as e:
        raise Unconvertible(f"`{f.__qualname__}` cannot be rewritten: {e.msg} (line {e.lineno})") from None
    return next(c for c in _codes(_marked(compiled)) if c.co_name == code.co_name)


def _marked(code: CodeType) -> CodeType:
    """Code that is known again as converted, and so is all that is defined in it."""
    return code.replace(co_consts=(*[_marked(c) if isinstance(c, CodeType) else c for c in code.co_consts], _MARK))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for c in code.co_consts:
        if isinstance(c, CodeType):
            yield from _codes(c)


# -- source ----------------------------------------------------------------------------------------

_files: dict[str, tuple[list[str], ast.Module, dict]] = {}


def _file(name: str) -> tuple[ast.Module, dict] | None:
    """The tree of a file, and its functions by name and first line, each with the class around it."""
    # From Python 3.13 on the text of `python -c` is known under the name that code from `exec` has too: it may be the wrong one.
    lines = linecache.getlines(name) if name != "<string>" else []
    if not lines:
        return None
    found = _files.get(name)
    if found is None or found[0] is not lines:
        try:
            tree = ast.parse("".join(lines), name)
        except SyntaxError:
            return None
        table: dict = {}

        def walk(node, owner):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    first = min([child.lineno, *(d.lineno for d in child.decorator_list)])
                    table[child.name, first] = (child, owner)
                walk(child, child.name if isinstance(child, ast.ClassDef) else owner)
        walk(tree, None)
        found = lines, tree, table
        _keep(_files, name, found, MOST_FILES)
    return found[1], found[2]


def _find(f: FunctionType) -> tuple[ast.AST, str | None]:
    code = f.__code__
    found = _file(code.co_filename)
    if found is None:
        raise Unconvertible(f"there is no source for `{f.__qualname__}` (made by exec, or typed into a prompt)")
    tree, table = found
    changed = f"the source of `{f.__qualname__}` is not what it was compiled from: the file has changed since it was imported"
    if code.co_name != "<lambda>":
        hit = table.get((code.co_name, code.co_firstlineno))
        if hit is None:
            raise Unconvertible(changed)
        return hit
    spans = [p for p in code.co_positions() if None not in p and p[2] != p[3]]
    if not spans:
        raise Unconvertible(f"there is no source position for `{f.__qualname__}`")
    first, last = min((p[0], p[2]) for p in spans), max((p[1], p[3]) for p in spans)  # type: ignore[type-var]
    around = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda) and (n.body.lineno, n.body.col_offset) <= first
              and last <= (n.body.end_lineno, n.body.end_col_offset)]  # type: ignore[operator]
    if not around:
        raise Unconvertible(changed)
    return max(around, key=lambda n: (n.lineno, n.col_offset)), None


# -- the tree --------------------------------------------------------------------------------------

def _arguments(names: Sequence[ast.arg]) -> ast.arguments:
    return ast.arguments([], list(names), None, [], [], None, [])


def _name(n: str) -> ast.Name:
    return ast.Name(n, ast.Load())


def _hook(name: str, *args: ast.expr, keywords: Sequence[ast.keyword] = ()) -> ast.Call:
    return ast.Call(ast.Attribute(_name(HOOKS), name, ast.Load()), list(args), list(keywords))


def _is_number(e: ast.expr) -> bool:
    """Whether an expression is written as a number."""
    return isinstance(e, ast.Constant) and isinstance(e.value, (int, float)) or isinstance(e, ast.UnaryOp) and _is_number(e.operand)


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
    """One comparison; `in` evaluates its left side first, so the hook is given both in the order in which they stand."""
    if isinstance(op, (ast.In, ast.NotIn)):
        return _hook("within" if isinstance(op, ast.In) else "outwith", left, right)
    name = COMPARISONS.get(type(op).__name__)
    return ast.Compare(left, [op], [right]) if name is None else _hook(name, left, right)


def _thunk(e: ast.expr) -> ast.Lambda:
    return ast.Lambda(_arguments([]), e)


def _constants(values: Sequence[str]) -> ast.expr:
    return ast.Tuple([ast.Constant(v) for v in sorted(values)], ast.Load())


def _at(new: Any, old: ast.AST) -> Any:
    return ast.fix_missing_locations(ast.copy_location(new, old))


def _contains(node: ast.AST, kinds) -> bool:
    return any(isinstance(n, kinds) for n in ast.walk(node))


def _may_jump(s: ast.stmt) -> bool:
    """Whether a statement may leave the block it stands in."""
    def go(n: ast.AST, in_loop: bool) -> bool:
        if isinstance(n, ast.Return):
            return True
        if isinstance(n, (ast.Break, ast.Continue)):
            return not in_loop
        if isinstance(n, _SCOPES):
            return False
        return any(go(c, in_loop or isinstance(n, _LOOPS) and c not in n.orelse) for c in ast.iter_child_nodes(n))
    return go(s, False)


def _own_statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a function, without those of functions and classes in it."""
    for s in body:
        yield s
        if not isinstance(s, _SCOPES):
            for field in ("body", "orelse", "finalbody"):
                yield from _own_statements(getattr(s, field, ()))
            for part in (*getattr(s, "handlers", ()), *getattr(s, "cases", ())):
                yield from _own_statements(part.body)


class _Scope:
    """The function that is being converted. `shared`: names that it sets for others, by `nonlocal` and `global`."""

    def __init__(self, node: ast.FunctionDef):
        self.node = node
        self.outside = {g for s in ast.walk(node) if isinstance(s, ast.Global) for g in s.names}
        self.shared = {g for s in _own_statements(node.body) if isinstance(s, (ast.Global, ast.Nonlocal)) for g in s.names}
        self.live = Liveness(node)
        self.generates = _yields(node.body)


def _yields(body: Sequence[ast.AST]) -> bool:
    """Whether statements of a function make it a generator function."""
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) or not isinstance(n, _SCOPES) and _yields(list(ast.iter_child_nodes(n)))
               for n in body)


class _Cases(ast.NodeTransformer):
    """`match` over numbers, strings and names as `if` and `elif`. Patterns that take objects apart stay Python's."""

    def __init__(self) -> None:
        self.count = 0

    def visit_Match(self, n: ast.Match) -> Any:
        self.generic_visit(n)
        if any(not _is_plain(case.pattern) for case in n.cases):
            return n
        self.count += 1
        subject = f"match__{self.count}"
        first = _at(ast.Assign([ast.Name(subject, ast.Store())], n.subject), n.subject)
        chain: list[ast.stmt] = []
        for case in reversed(n.cases):
            test, name = self._test(case.pattern, subject), getattr(case.pattern, "name", None)
            bound: list[ast.stmt] = [_at(ast.Assign([ast.Name(name, ast.Store())], _name(subject)), case.pattern)] if name else []
            body = case.body
            if case.guard is not None and test is None:
                body = [_at(ast.If(case.guard, body, chain), case.guard)]
            elif case.guard is not None:
                test = ast.BoolOp(ast.And(), [test, case.guard])
            chain = [*bound, *body] if test is None else [_at(ast.If(test, [*bound, *body], chain), case.pattern)]
        return [first, *chain]

    def _test(self, p: ast.pattern, subject: str) -> Any:
        """Whether a pattern fits; None for one that always does."""
        if isinstance(p, ast.MatchAs):
            return None if p.pattern is None else self._test(p.pattern, subject)
        if isinstance(p, ast.MatchOr):
            return ast.BoolOp(ast.Or(), [self._test(q, subject) for q in p.patterns])
        if isinstance(p, ast.MatchSingleton):
            return ast.Compare(_name(subject), [ast.Is()], [ast.Constant(p.value)])
        return ast.Compare(_name(subject), [ast.Eq()], [p.value])  # type: ignore[attr-defined]


def _is_plain(p: ast.pattern) -> bool:
    """Whether a pattern is a value, several values, or a name for anything."""
    if isinstance(p, ast.MatchOr):
        return all(isinstance(q, (ast.MatchValue, ast.MatchSingleton)) for q in p.patterns)
    return isinstance(p, (ast.MatchValue, ast.MatchSingleton)) or isinstance(p, ast.MatchAs) and p.pattern is None


def _names_inside(node: ast.AST) -> set[str]:
    """The names that a function, or one in it, binds or declares: the others are those of functions around, the module or Python."""
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    found |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    for n in ast.walk(node):
        if isinstance(n, (ast.Global, ast.Nonlocal)):
            found.update(n.names)
        elif isinstance(n, ast.stmt):
            found.update(bound_names([n]))
    return found


class _Converter(ast.NodeTransformer):
    """`inside`: names that the function binds; `owner`: the class that it stands in."""

    def __init__(self, inside: set[str], owner: str | None) -> None:
        self.count = 0
        self.scopes: list[_Scope] = []
        self.inside = inside
        self.owner = owner

    def _attribute(self, name: str) -> ast.Constant:
        """The name of an attribute as Python has it in this class."""
        private = self.owner and name.startswith("__") and not name.endswith("__")
        return ast.Constant(f"_{self.owner.lstrip('_')}{name}" if private else name)    # type: ignore[union-attr]

    # -- expressions ---------------------------------------------------------------------------

    def visit_BoolOp(self, n: ast.BoolOp) -> ast.AST:
        plain = any(_contains(v, _OF_THE_FRAME) for v in n.values[1:])    # a function would keep the name to itself
        self.generic_visit(n)
        return n if plain else _at(_hook("and_" if isinstance(n.op, ast.And) else "or_", n.values[0], *map(_thunk, n.values[1:])), n)

    def visit_UnaryOp(self, n: ast.UnaryOp) -> ast.AST:
        self.generic_visit(n)
        if isinstance(n.op, ast.Not):
            return _at(_hook("not_", n.operand), n)
        return n if _is_number(n.operand) else _at(_hook(UNARY[type(n.op).__name__], n.operand), n)

    def visit_BinOp(self, n: ast.BinOp) -> ast.AST:
        self.generic_visit(n)
        if _is_number(n.left) and _is_number(n.right) or isinstance(n.left, (ast.JoinedStr, ast.Constant)) and not _is_number(n.left):
            return n
        return _at(_hook(hook_name(BINARY[type(n.op).__name__]), n.left, n.right), n)

    def visit_IfExp(self, n: ast.IfExp) -> ast.AST:
        plain = any(_contains(v, _OF_THE_FRAME) for v in (n.body, n.orelse))
        self.generic_visit(n)
        return n if plain else _at(_hook("choose", n.test, _thunk(n.body), _thunk(n.orelse)), n)

    def visit_GeneratorExp(self, n: ast.GeneratorExp) -> ast.AST:
        self.generic_visit(n)
        return _at(_hook("made", n), n)

    def visit_comprehension(self, n: ast.comprehension) -> ast.AST:
        self.generic_visit(n)
        if not isinstance(n.iter, _FRESH):
            n.iter = _at(_hook("iterated", n.iter), n.iter)
        return n

    def visit_Starred(self, n: ast.Starred) -> ast.AST:
        self.generic_visit(n)
        if isinstance(n.ctx, ast.Load) and not isinstance(n.value, _FRESH):
            n.value = _at(_hook("iterated", n.value), n.value)
        return n

    def visit_Compare(self, n: ast.Compare) -> ast.AST:
        plain = len(n.ops) == 1 or any(_contains(v, _OF_THE_FRAME) for v in n.comparators)
        self.generic_visit(n)
        if plain:
            return _at(_comparison(n.left, n.ops[0], n.comparators[0]), n) if len(n.ops) == 1 else n
        links: list[ast.expr] = []
        for op, right in zip(n.ops, n.comparators, strict=True):
            both = ast.Lambda(_arguments([ast.arg("a"), ast.arg("b")]), _comparison(_name("a"), op, _name("b")))
            links += [both, _thunk(right)]
        return _at(_hook("compare", n.left, *links), n)

    def visit_Call(self, n: ast.Call) -> ast.AST:
        name = n.func.id if isinstance(n.func, ast.Name) else None
        self.generic_visit(n)
        if name == "super" and not n.args and self.scopes and self.scopes[-1].node.args.args:
            first = self.scopes[-1].node.args.args[0].arg
            return _at(ast.Call(n.func, [_name("__class__"), _name(first)], []), n)
        if name in _READS_FRAME:
            return n
        return _at(_hook("call", n.func, *n.args, keywords=n.keywords), n)

    def visit_Name(self, n: ast.Name) -> ast.AST:
        if not isinstance(n.ctx, ast.Load) or n.id in self.inside or hasattr(builtins, n.id) or n.id == "__class__":
            return n
        return _at(_hook("outside", n), n)

    def visit_Attribute(self, n: ast.Attribute) -> ast.AST:
        self.generic_visit(n)
        if not isinstance(n.ctx, ast.Load):
            return n
        if n.attr in ("shape", "size"):
            return _at(_hook(n.attr, n.value), n)
        return _at(_hook("attribute", n.value, self._attribute(n.attr)), n)

    def visit_Subscript(self, n: ast.Subscript) -> ast.AST:
        self.generic_visit(n)
        if not isinstance(n.ctx, ast.Load):
            return n
        return _at(_hook("getitem", n.value, self._index(n.slice)), n)

    def _index(self, s: ast.expr) -> ast.expr:
        if isinstance(s, ast.Tuple):
            return ast.Tuple([self._index(e) for e in s.elts], ast.Load())
        if isinstance(s, ast.Slice):
            return _hook("slice", *[e or ast.Constant(None) for e in (s.lower, s.upper, s.step)])
        return s

    # -- scopes --------------------------------------------------------------------------------

    def visit_FunctionDef(self, n: ast.FunctionDef) -> ast.AST:
        if _contains(n, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
            return n
        n.args.defaults = [self.visit(d) for d in n.args.defaults]
        n.args.kw_defaults = [self.visit(d) if d else d for d in n.args.kw_defaults]
        return self.function(n)

    def function(self, n: ast.FunctionDef) -> ast.FunctionDef:
        """Convert the body of a function."""
        self.scopes.append(_Scope(n))
        names = bound_names(n.body)
        elsewhere = {g for s in n.body for d in ast.walk(s) if isinstance(d, (ast.Global, ast.Nonlocal)) for g in d.names}
        a = n.args
        parameters = {p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs, *(x for x in (a.vararg, a.kwarg) if x))}
        body = self.block(n.body, top=True)
        local = [x for x in names if x not in elsewhere and x not in parameters]
        if local:   # never runs: it makes the names local to this function, whose blocks share them
            body.insert(0, _at(ast.If(ast.Constant(0), [ast.Assign([ast.Name(x, ast.Store()) for x in local], ast.Constant(None))], []), n))
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
            if isinstance(s, (ast.If, *_LOOPS, ast.With, ast.Try)) and self._stays(s, statements[k + 1:]):
                out.append(self._as_it_stands(s))
            elif isinstance(s, (ast.If, *_LOOPS)):
                jumps = _may_jump(s)
                rest = list(statements[k + 1:]) if jumps else []
                made, call = self._compound(s, rest)
                out += made
                if jumps:
                    out.append(_at(ast.Return(_hook("returned", call) if top else call), s))
                    return out
                out.append(_at(ast.Expr(call), s))
            elif isinstance(s, (ast.With, ast.Try)):
                self._guarded(s, top)
                out.append(s)
            elif isinstance(s, _JUMPS) and not (top and isinstance(s, ast.Return)):
                out.append(self._jump(s))
                return out
            else:
                out += self._simple(s)
        return out

    def _stays(self, s: ast.stmt, rest: Sequence[ast.stmt]) -> bool:
        """Whether a statement of a generator function stays Python's: no block that yields can become a function of its own."""
        return bool(self.scopes) and self.scopes[-1].generates and (_yields([s]) or _may_jump(s))

    def _as_it_stands(self, s: Any) -> ast.stmt:
        """A statement of a generator function whose condition or loop Python follows; what stands in it is converted."""
        if isinstance(s, (ast.If, ast.While)):
            s.test = _at(_hook("test", self.visit(s.test)), s.test)
        elif isinstance(s, ast.For):
            s.iter = _at(_hook("iterated", self.visit(s.iter)), s.iter)
        for item in getattr(s, "items", ()):
            self.generic_visit(item)
            item.context_expr = _at(_hook("context", item.context_expr), item.context_expr)
        for part in (s, *getattr(s, "handlers", ())):
            for field in ("body", "orelse", "finalbody"):
                if getattr(part, field, None):
                    setattr(part, field, [y for x in getattr(part, field) for y in self._piece(x)])
        for h in getattr(s, "handlers", ()):
            h.body.insert(0, _at(ast.Expr(_hook("caught")), h))
        return s

    def _piece(self, s: ast.stmt) -> list[ast.stmt]:
        if isinstance(s, (ast.Break, ast.Continue, ast.Return)):
            return [self.visit(s)]
        return self.block([s], top=True)

    def _jump(self, s: ast.stmt) -> ast.stmt:
        if isinstance(s, ast.Return):
            value = self.visit(s.value) if s.value else ast.Constant(None)
            return _at(ast.Return(_hook("return_", value)), s)
        return _at(ast.Return(ast.Attribute(_name(HOOKS), "BREAK" if isinstance(s, ast.Break) else "CONTINUE", ast.Load())), s)

    def _guarded(self, s: Any, top: bool) -> None:
        """`with` and `try`: their blocks are converted where they stand; jumps under a condition inside are not."""
        inner = [c for f in ("body", "orelse", "finalbody") for c in getattr(s, f, ())] + [c for h in getattr(s, "handlers", ())
                                                                                          for c in h.body]
        if any(_may_jump(c) and not isinstance(c, ast.Return) for c in inner) or not top and any(isinstance(c, _JUMPS) for c in inner):
            raise Unconvertible(f"line {s.lineno}: a return, break or continue under a condition inside `with` or `try`")
        for item in getattr(s, "items", ()):
            self.generic_visit(item)
            item.context_expr = _at(_hook("context", item.context_expr), item.context_expr)
        for h in getattr(s, "handlers", ()):
            h.body = [_at(ast.Expr(_hook("caught")), h), *self.block(h.body, top)]
        for f in ("body", "orelse", "finalbody"):
            if getattr(s, f, None):
                setattr(s, f, self.block(getattr(s, f), top))
        if getattr(s, "handlers", ()):
            s.body = [_at(ast.With([ast.withitem(_hook("tried"))], s.body), s)]

    def _simple(self, s: ast.stmt) -> list[ast.stmt]:
        shared = self._shared(bound_names([s]), s)
        if isinstance(s, ast.Delete):
            parts = [t.value for t in s.targets if isinstance(t, (ast.Subscript, ast.Attribute))]
            return [*shared, *(_at(ast.Expr(_hook("deletes", copy.deepcopy(p))), s) for p in parts), self.visit(s)]
        return [*shared, *self._statement(s)]

    def _shared(self, names: Sequence[str], at: ast.stmt) -> list[ast.stmt]:
        """What is to be said before names that others read are set."""
        read = [_thunk(_name(x)) for x in names if self.scopes and x in self.scopes[-1].shared]
        return [_at(ast.Expr(_hook("sets", *read)), at)] if read else []

    def _statement(self, s: ast.stmt) -> list[ast.stmt]:
        if isinstance(s, ast.AnnAssign):    # a name shared between functions may have no annotation
            if s.value is None:
                return [_at(ast.Pass(), s)]
            s = _at(ast.Assign([s.target], s.value), s)
        if isinstance(s, ast.Assign) and any(isinstance(t, (ast.Subscript, ast.Attribute)) for t in s.targets):
            if len(s.targets) == 1:
                return [self._store(s.targets[0], self.visit(s.value), s)]
            value = _at(ast.Assign([ast.Name("value__", ast.Store())], self.visit(s.value)), s)
            return [value, *(self._store(t, _name("value__"), s) for t in s.targets)]
        if isinstance(s, ast.Assign) and len(s.targets) == 1 and isinstance(s.targets[0], (ast.Tuple, ast.List)):
            return self._unpack(s)
        if isinstance(s, ast.AugAssign) and isinstance(s.target, (ast.Subscript, ast.Attribute)):
            return [self._augment(s)]
        if isinstance(s, ast.AugAssign):
            name: Any = s.target
            value = _at(_hook(f"i{BINARY[type(s.op).__name__]}", _name(name.id), self.visit(s.value)), s)
            return [_at(ast.Assign([name], value), s)]
        if isinstance(s, ast.Assert) and not (s.msg and _contains(s.msg, _OF_THE_FRAME)):
            message = s.msg or ast.Constant(None)
            return [_at(ast.Expr(_hook("require", self.visit(s.test), _thunk(self.visit(message)))), s)]
        return [self.visit(s)]

    def _store(self, target: ast.expr, value: ast.expr, at: ast.stmt) -> ast.stmt:
        if isinstance(target, ast.Subscript):
            return _at(ast.Expr(_hook("setitem", self.visit(target.value), self._index(self.visit(target.slice)), value)), at)
        if isinstance(target, ast.Attribute):
            return _at(ast.Expr(_hook("setattr", self.visit(target.value), self._attribute(target.attr), value)), at)
        return _at(ast.Assign([target], value), at)

    def _unpack(self, s: ast.Assign) -> list[ast.stmt]:
        """`a[i], b = ...`: into names first, from there into the parts of objects."""
        targets: Any = s.targets[0]
        value = self.visit(s.value)
        if not isinstance(value, _FRESH):
            value = _at(_hook("iterated", value), s.value)
        stores = []
        for k, t in enumerate(targets.elts):
            if isinstance(t, (ast.Subscript, ast.Attribute)):
                temporary = f"value__{k}"
                targets.elts[k] = ast.Name(temporary, ast.Store())
                stores.append(self._store(t, _name(temporary), s))
        return [_at(ast.Assign([targets], value), s), *stores]

    def _augment(self, s: ast.AugAssign) -> ast.stmt:
        target: Any = s.target
        part = self._index(self.visit(target.slice)) if isinstance(target, ast.Subscript) else self._attribute(target.attr)
        hook = "update_item" if isinstance(target, ast.Subscript) else "update_attribute"
        name = ast.Constant(f"i{BINARY[type(s.op).__name__]}")
        return _at(ast.Expr(_hook(hook, self.visit(target.value), part, name, self.visit(s.value))), s)

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
        name = f"{tag}__{self.count}"
        names = bound_names([*first, *statements])
        own = self._own(names)
        outside = [x for x in names if x not in own]
        body: list[ast.stmt] = []
        if own:
            body.append(ast.Nonlocal(own))
        if outside:
            body.append(ast.Global(outside))
        body += [*first, *self.block(statements, top=value)]
        parameters = _arguments([ast.arg(parameter)] if parameter else [])
        made = ast.FunctionDef(name=name, args=parameters, body=body or [ast.Pass()], decorator_list=[], returns=None,
                               **_NO_PARAMETERS)
        return _name(name), [_at(made, at)]

    def _compound(self, s: Any, rest: list[ast.stmt]) -> tuple[list[ast.stmt], ast.Call]:
        live = self.scopes[-1].live
        after = live.at_end[s] if rest or _may_jump(s) else live.after[s]
        if isinstance(s, ast.If):
            names = self._own(sorted(set(bound_names([*s.body, *s.orelse, *rest])) & after))
            test = self.visit(s.test)
            body, made = self._function("body", s.body, s)
            orelse, more = self._function("orelse", s.orelse, s)
            following, last = self._function("rest", rest, s)
            return [*made, *more, *last], _at(_hook("if_", test, body, orelse, _constants(names), following), s.test)
        bound = set(bound_names(s.body))
        if isinstance(s, ast.For):
            item: list[ast.stmt] = [*self._shared(bound_names([s.target]), s), _at(ast.Assign([s.target], _name("item__")), s)]
            bound |= set(bound_names(item))
            over = s.iter
            if isinstance(over, ast.Call) and not any(isinstance(a, ast.Starred) for a in over.args) and not over.keywords:
                self.generic_visit(over)
                over = _at(_hook("items", over.func, *over.args), over)
            else:
                over = self.visit(over)
            body, made = self._function("body", s.body, s, "item__", item)
            hook, head = "for_", over
        else:
            body, made = self._function("body", s.body, s)
            hook = "while_"
            tested = set(bound_names([s.test]))
            if tested:
                if any(map(_may_jump, s.body)) or tested & bound:
                    raise Unconvertible(f"line {s.lineno}: `:=` in the test of a while loop that is left by break or sets the name again")
                head, more = self._function("test", [_at(ast.Return(s.test), s.test)], s, value=True)
                made += more
            else:
                head = _thunk(self.visit(s.test))
        state = self._own(sorted(bound & (live.head[s] | live.after[s])))
        carried = self._own(sorted(bound & live.head[s]))
        orelse, more = self._function("orelse", s.orelse, s)
        following, last = self._function("rest", rest, s)
        ends = self._own(sorted(set(bound_names([*s.orelse, *rest])) & after))
        call = _hook(hook, head, body, _constants(carried), _constants(state), orelse, following, _constants(ends))
        return [*made, *more, *last], _at(call, s.test if isinstance(s, ast.While) else s.iter)

