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
import functools
import inspect
from types import CellType, CodeType, FunctionType
from typing import Any

from autodiff.capture.source.cases import Cases
from autodiff.capture.source.files import codes, compiled, find, keep
from autodiff.capture.source.rewrite import BLOCK_NAME, Converter, Unconvertible
from autodiff.capture.source.trees import HOOKS, contains, names_inside, with_places
from tracer.tracebacks import PART_OF_FUNCTION

__all__ = ["convert", "converted_source", "is_converted", "Unconvertible"]



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
            new = str(e), e.fix
        keep(_converted, key, new, MOST_CONVERTED)
    if isinstance(new, tuple):
        raise Unconvertible(*new)
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
    with_places(body)
    return ast.unparse(body.value if isinstance(body, ast.Return) and body.value else body)     # what a lambda becomes stands in a return


def is_converted(f: FunctionType) -> bool:
    """Whether this is a result of `convert`, or defined in one."""
    return f.__code__.co_consts[-1:] in ((_MARK,), (PART_OF_FUNCTION,))


MOST_CONVERTED = 4096
"""Converted functions that are kept; the oldest go first."""
_MARK = "converted by autodiff"
"""The last constant of the code that conversion makes."""
_converted: dict[tuple[str, CodeType], CodeType | tuple[str, str]] = {}


def _rewritten(f: FunctionType) -> tuple[ast.stmt, ast.AST, str | None]:
    """Return the rewritten definition of `f`, the definition in the source, and the name of the class that it stands in."""
    code = f.__code__
    if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise Unconvertible(f"`{f.__qualname__}` is a coroutine")
    found, owner = find(f)
    node: Any = Cases().visit(found) if contains(found, (ast.Match, ast.NamedExpr)) else found
    converter = Converter(names_inside(node), owner)
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
    try:
        made = compiled(body, owner, code, (HOOKS,))
    except SyntaxError as e:
        raise Unconvertible(f"`{f.__qualname__}` cannot be rewritten: {e.msg} (line {e.lineno})") from None
    return next(c for c in codes(_marked(made)) if c.co_name == code.co_name)


def _marked(code: CodeType, around: CodeType | None = None) -> CodeType:
    """Code that is known again as converted, and so is all that is defined in it.

    A block has the name of the function that it is a part of, by which errors and tracebacks call it.
    """
    mark = _MARK
    if around is not None and BLOCK_NAME.fullmatch(code.co_name):
        code, mark = code.replace(co_name=around.co_name, co_qualname=around.co_qualname), PART_OF_FUNCTION
    return code.replace(co_consts=(*[_marked(c, code) if isinstance(c, CodeType) else c for c in code.co_consts], mark))
