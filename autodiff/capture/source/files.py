"""The source of functions: a definition is found by its first line, a lambda by the places of its instructions."""

from __future__ import annotations

import ast
import copy
import linecache
import os
import sys
import threading
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from autodiff.capture.source.rewrite import Unconvertible

__all__ = ["find", "keep"]

MOST_FILES = 256
"""Parsed files that are kept: in a notebook every cell is one."""
_files: dict[str, tuple[list[str], ast.Module]] = {}
_lock = threading.Lock()


def keep(table: dict, key: Any, value: Any, most: int) -> None:
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


def _path(name: str) -> str:
    """Where the source of a file lies; modules that are frozen into the interpreter know it themselves."""
    if not name.startswith("<frozen "):
        return name
    return getattr(sys.modules.get(name[len("<frozen "):-1]), "__file__", None) or name


def _lines(name: str) -> list[str]:
    """The lines of a file, none where there are none to be had."""
    # From Python 3.13 on the text of `python -c` is known under the name that code from `exec` has too: it may be the wrong one.
    return linecache.getlines(_path(name)) if name != "<string>" else []


def find(f: FunctionType) -> tuple[Any, str | None]:
    """The definition of a function, a tree that the caller may change, and the name of the class around it.

    Raises
    ------
    Unconvertible
        If there is no source, or another one than the function was compiled from.
    """
    code = f.__code__
    lines = _lines(code.co_filename)
    if not lines:
        raise Unconvertible(f"there is no source for `{f.__qualname__}` (made by exec, or typed into a prompt)")
    node = _lambda(lines, code) if code.co_name == "<lambda>" else _definition(lines, code)
    if node is None:
        raise Unconvertible(f"the source of `{f.__qualname__}` is not what it was compiled from: "
                            "the file has changed since it was imported")
    return node, None if code.co_name == "<lambda>" else _class_around(code.co_qualname)


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
    last = max((p[1] or p[0] or 0 for c in _codes(code) for p in c.co_positions()), default=first)
    while last < len(lines) and _goes_on(lines[last], indent):
        last += 1
    # An indented definition stands under an `if`, so that its columns stay what they are.
    text = ("if 1:\n" if indent else "") + "".join(lines[first - 1:last])
    try:
        tree = ast.parse(text, code.co_filename)
    except SyntaxError:
        return None
    found: Any = tree.body[0].body[0] if indent else tree.body[0]   # type: ignore[attr-defined]
    if getattr(found, "name", None) != code.co_name:
        return None
    return ast.increment_lineno(found, first - 2 if indent else first - 1)


def _goes_on(line: str, indent: int) -> bool:
    """Whether a line may belong to the block of a definition that is indented so far."""
    text = line.lstrip()
    return not text or text[0] in "#)]}" or len(line) - len(text) > indent


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for c in code.co_consts:
        if isinstance(c, CodeType):
            yield from _codes(c)


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
