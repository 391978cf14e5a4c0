"""The source of functions: files are parsed once, and the functions in them found by name and line."""

from __future__ import annotations

import ast
import linecache
import os
import sys
import threading
from types import FunctionType
from typing import Any

from autodiff.capture.source.rewrite import Unconvertible

__all__ = ["find", "keep"]

MOST_FILES = 256
"""Parsed files that are kept: in a notebook every cell is one."""
_files: dict[str, tuple[list[str], ast.Module, dict]] = {}
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


def _file(name: str) -> tuple[ast.Module, dict] | None:
    """The tree of a file, and its functions by name and first line, each with the class around it."""
    # From Python 3.13 on the text of `python -c` is known under the name that code from `exec` has too: it may be the wrong one.
    lines = linecache.getlines(_path(name)) if name != "<string>" else []
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
        keep(_files, name, found, MOST_FILES)
    return found[1], found[2]


def find(f: FunctionType) -> tuple[ast.AST, str | None]:
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
