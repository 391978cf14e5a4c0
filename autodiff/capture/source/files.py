"""The definition of a function in its source: found by its first line, a lambda by the places of its instructions.

Whatever text it is found in (`autodiff.capture.source.texts`), the definition is compiled once more, and taken only if the code is that
of the function: a file may have changed since it was imported. Where lines were added or removed above it, the definition is found
elsewhere in the file.
"""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from autodiff.capture.source.liveness import walk
from autodiff.capture.source.rewrite import Unconvertible
from autodiff.capture.source.texts import is_file, rewritten_by_loader, texts_of, why_missing
from autodiff.capture.source.trees import NO_PARAMETERS, arguments, with_places
from tracer.locks import process_lock

__all__ = ["codes", "compiled", "find", "keep"]

MOST_FILES = 256
"""Parsed files that are kept: in a notebook every cell is one."""
_files: dict[str, tuple[list[str], ast.Module]] = {}
_lock = process_lock(globals(), "_lock")


def keep(table: dict, key: Any, value: Any, most: int) -> None:
    """Enter a value into a table of limited size, from which the oldest goes."""
    with _lock:
        table[key] = value
        while len(table) > most:
            del table[next(iter(table))]



def find(f: FunctionType) -> tuple[Any, str | None]:
    """The definition of a function, a tree that the caller may change, and the name of the class around it.

    Raises
    ------
    Unconvertible
        If there is no source, or another one than the function was compiled from.
    """
    code = f.__code__
    owner = None if code.co_name == "<lambda>" else _class_around(code.co_qualname)
    found = []
    for lines in texts_of(f):
        if not lines:
            continue
        node = _lambda(lines, code) if code.co_name == "<lambda>" else _definition(lines, code)
        if node is not None and (_is_of(node, owner, f, lines) or rewritten_by_loader(f) and is_file(code)):
            return node, owner
        found.append(lines)
    for lines in found if is_file(code) else ():
        node = _moved(lines, owner, f)
        if node is not None:
            return node, owner
    raise Unconvertible(*why_missing(f, bool(found)))


def compiled(node: Any, owner: str | None, code: CodeType, further: Iterable[str] = (), imported: Iterable[str] = (),
             parsed: bool = False) -> CodeType:
    """Compile the definition of a function, or what it was rewritten to, in the place of `code`.

    Parameters
    ----------
    node : a definition, or a lambda in a return statement
    owner : the class that it stands in, by which names like `__x` are mangled
    code : the code of the function, whose variables of functions around it keeps
    further : more such variables
    imported : names that the module imports, whose attributes are called by other instructions than those of other values
    parsed : whether the definition is as it was parsed, so that all of it has its place in the lines

    Returns
    -------
    the code of a module, in which that of the function stands
    """
    own = {n for n in (getattr(node, "name", None), owner) if n} - set(code.co_freevars)   # a recursive function's name stays what it was
    body = ast.ClassDef(name=owner, bases=[], keywords=[], body=[node], decorator_list=[], **NO_PARAMETERS) if owner else node
    names = [ast.arg(v) for v in (*code.co_freevars, *further)]
    statements = [ast.Global(sorted(own)), body] if own else [body]
    factory = ast.FunctionDef(name="factory__", args=arguments(names), body=statements, decorator_list=[], returns=None, **NO_PARAMETERS)
    imports: list[ast.stmt] = [ast.Import([ast.alias(n)]) for n in imported]
    module = with_places(ast.copy_location(ast.Module([*imports, factory], []), node), without=node if parsed else None)
    return compile(module, code.co_filename, "exec", dont_inherit=True, flags=code.co_flags & _FUTURE)


_FUTURE = 0x1FE0000


def codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function and of all functions in it.

    >>> [c.co_name for c in codes(compile("def f():\\n    return lambda: 1", "", "exec"))]
    ['<module>', 'f', '<lambda>']
    """
    yield code
    for c in code.co_consts:
        if isinstance(c, CodeType):
            yield from codes(c)


def _is_of(node: Any, owner: str | None, f: FunctionType, lines: list[str]) -> bool:
    """Whether a definition is compiled to the code of a function, wherever its lines are."""
    called = {n.func.value.id for n in walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
              and isinstance(n.func.value, ast.Name)}
    modules = {n for n in called if isinstance(f.__globals__.get(n), ModuleType)}
    if _compiles_to(node, owner, f.__code__, modules):
        return True
    # A notebook compiles each statement of a cell by itself, so that no import is in sight of the definition.
    others: tuple[set[str], ...] = (called & _imported_names(lines, f.__code__), set())
    return any(_compiles_to(node, owner, f.__code__, imported) for imported in others if imported != modules)


def _imported_names(lines: list[str], code: CodeType) -> set[str]:
    """The names that the statements of a module import, apart from those in functions and classes."""
    tree = _tree(lines, code.co_filename)
    todo: list[Any] = [] if tree is None else [tree]
    names: set[str] = set()
    while todo:
        n = todo.pop()
        if isinstance(n, (ast.Import, ast.ImportFrom)):
            names |= {(a.asname or a.name).split(".")[0] for a in n.names}
        elif not isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            todo += ast.iter_child_nodes(n)
    return names


def _compiles_to(node: Any, owner: str | None, code: CodeType, imported: Iterable[str]) -> bool:
    given: Any = ast.copy_location(ast.Return(node), node) if isinstance(node, ast.Lambda) else copy.copy(node)
    if not isinstance(node, ast.Lambda):
        given.decorator_list = []
    try:
        made = compiled(given, owner, code, imported=sorted(imported), parsed=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(_is_same(c, code) for c in codes(made) if c.co_name == code.co_name)


_COMPARED = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount",
             "co_exceptiontable")


def _is_same(a: CodeType, b: CodeType) -> bool:
    return (all(getattr(a, name) == getattr(b, name) for name in _COMPARED)
            and (a.co_flags ^ b.co_flags) & ~inspect.CO_NESTED == 0 and len(a.co_consts) == len(b.co_consts)
            and all(map(_is_same_constant, a.co_consts, b.co_consts)))


def _is_same_constant(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, CodeType):
        return a.co_name == b.co_name and _is_same(a, b)
    return bool(a == b) if isinstance(a, frozenset) else repr(a) == repr(b)     # 1 and True are equal, and so are 0.0 and -0.0


def _moved(lines: list[str], owner: str | None, f: FunctionType) -> ast.AST | None:
    """A definition elsewhere in a text that is compiled to the code of a function, with the lines that it had; the nearest of several."""
    code = f.__code__
    tree = _tree(lines, code.co_filename)
    of: Any = ast.Lambda if code.co_name == "<lambda>" else (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [n for n in ast.walk(tree) if isinstance(n, of) and getattr(n, "name", "<lambda>") == code.co_name] if tree is not None else []
    for node in sorted(nodes, key=lambda n: abs(_first_line(n) - code.co_firstlineno)):
        if _is_of(node, owner, f, lines):
            return ast.increment_lineno(copy.deepcopy(node), code.co_firstlineno - _first_line(node))
    return None


def _first_line(node: Any) -> int:
    """The first line of a definition, with its decorators."""
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])


def _class_around(name: str) -> str | None:
    """The class that a function stands in, or the function around it does, from its qualified name."""
    parts = name.split(".")[:-1]
    while parts and parts[-1] == "<locals>":
        del parts[-2:]
    return parts[-1] if parts else None


def _definition(lines: list[str], code: CodeType) -> ast.AST | None:
    """The definition that starts at the first line of a function. Only its own lines are parsed: files may be long."""
    first = code.co_firstlineno
    if first > len(lines):
        return None
    start = lines[first - 1]
    indent = len(start) - len(start.lstrip())
    last = max((p[1] or p[0] or 0 for c in codes(code) for p in c.co_positions()), default=first)
    while last < len(lines) and _goes_on(lines[last], indent):
        last += 1
    # An indented definition stands under an `if`, so that its columns stay what they are; empty lines before it give its lines their
    # numbers.
    before = max(first - 2, 0) if indent else first - 1
    text = "\n" * before + ("if 1:\n" if indent else "") + "".join(lines[first - 1:last])
    try:
        tree = ast.parse(text, code.co_filename)
    except SyntaxError:
        return None
    found: Any = tree.body[0].body[0] if indent else tree.body[0]   # type: ignore[attr-defined]
    if getattr(found, "name", None) != code.co_name:
        return None
    return ast.increment_lineno(found, -1) if indent and first == 1 else found


def _goes_on(line: str, indent: int) -> bool:
    """Whether a line may belong to the block of a definition that is indented so far."""
    text = line.lstrip()
    return not text or text[0] in "#)]}" or len(line) - len(text) > indent


def _lambda(lines: list[str], code: CodeType) -> ast.AST | None:
    """The innermost lambda around the places of the instructions of a function."""
    tree = _tree(lines, code.co_filename)
    spans = [p for p in code.co_positions() if None not in p and p[2] != p[3]]
    if tree is None or not spans:
        return None
    first, last = min((p[0], p[2]) for p in spans), max((p[1], p[3]) for p in spans)  # type: ignore[type-var]
    around = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda) and (n.body.lineno, n.body.col_offset) <= first
              and last <= (n.body.end_lineno, n.body.end_col_offset)]  # type: ignore[operator]
    return copy.deepcopy(max(around, key=lambda n: (n.lineno, n.col_offset))) if around else None


def _tree(lines: list[str], name: str) -> ast.Module | None:
    """The tree of a whole file."""
    found = _files.get(name)
    if found is None or found[0] is not lines:
        try:
            found = lines, ast.parse("".join(lines), name)
        except SyntaxError:
            return None
        keep(_files, name, found, MOST_FILES)
    return found[1]
