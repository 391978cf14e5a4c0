"""The faults that can be planted in a file: small changes of its syntax tree, of the kinds that people make.

In: the source of a file. Out: one `Fault` for each place and kind of change. What only changes words that a user reads (the text of an
error, `__repr__`) is left out, as are annotations, decorators and `assert` statements, and what any test would notice: the arguments of
`isinstance` and the like in the other order.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPERATORS: dict[type, tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "//"),
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
    ast.And: ("and", "or"), ast.Or: ("or", "and")}
"""Operator -> its text, and the text that takes its place."""


ALWAYS_NOTICED = {"isinstance", "issubclass", "hasattr", "getattr", "setattr", "trace_graph", "warn"}
"""Functions whose arguments in the other order are a TypeError."""


@dataclass(frozen=True)
class Fault:
    """A change of a file: the bytes from `start` to `end` become `new`.

    `function` and `text` (the line as it was) say where, also when lines above have moved; `number` counts equal faults of equal lines.
    """

    path: str
    function: str
    line: int
    text: str
    column: int
    start: int
    end: int
    new: str
    what: str
    number: int = 0

    @property
    def identity(self) -> str:
        """A name that stays while lines move."""
        words = f"{self.path} {self.function} {self.text} {self.column} {self.what} {self.new}{f' {self.number}' if self.number else ''}"
        return hashlib.sha256(words.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} in {self.function}: {self.what}: {self.text}"


class _File:
    """A file with the positions of its syntax tree as offsets in bytes."""

    def __init__(self, path: Path, root: Path):
        self.data = path.read_bytes()
        self.tree = ast.parse(self.data)
        self.name = path.relative_to(root).as_posix()
        self.lines = self.data.split(b"\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node starts and ends."""
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    def source(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node."""
        a, b = self.span(node)
        return self.data[a:b].decode()

    def fault(self, function: str, start: int, end: int, new: str, what: str) -> Fault:
        """The fault that puts `new` in the place of some bytes."""
        line = self.data.count(b"\n", 0, start) + 1
        text = self.lines[line - 1].lstrip()
        column = start - self.starts[line] + 1 + len(text)
        return Fault(self.name, function, line, text.decode().rstrip(), column, start, end, new, what)


def faults(path: Path, root: Path = ROOT) -> Iterator[Fault]:
    """All faults that can be planted in a file."""
    file, seen = _File(path, root), Counter[str]()
    for node, function in _code(file.tree, ""):
        for start, end, new, what in _changes(file, node):
            fault = file.fault(function or "module", start, end, new, what)
            seen[fault.identity] += 1
            yield replace(fault, number=seen[fault.identity] - 1)


def _code(node: ast.AST, function: str) -> Iterator[tuple[ast.AST, str]]:
    """The nodes that run, each with the qualified name of the function or class that it stands in."""
    if isinstance(node, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr):
        return
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        if node.name in ("__repr__", "__str__"):
            return
        function = f"{function}.{node.name}" if function else node.name
    yield node, function
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _code(child, function)


def _changes(file: _File, node: ast.AST) -> Iterator[tuple[int, int, str, str]]:
    """Start, end, new text and kind of the changes of one node."""
    if isinstance(node, ast.BinOp) and not isinstance(node.left, ast.Constant | ast.JoinedStr):
        yield from _operator(file, node.left, node.right, node.op)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from _operator(file, node.left, node.comparators[0], node.ops[0])
    elif isinstance(node, ast.BoolOp) and len(node.values) == 2:
        yield from _operator(file, node.values[0], node.values[1], node.op)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        new = str(not node.value) if isinstance(node.value, bool) else str(node.value + 1)
        yield *file.span(node), new, f"{node.value} -> {new}"
    elif isinstance(node, ast.If | ast.IfExp | ast.While) and file.source(node.test) != "TYPE_CHECKING":
        yield *file.span(node.test), f"not ({file.source(node.test)})", "condition negated"
    elif isinstance(node, ast.Call) and _may_be_swapped(node):
        yield from _swapped(file, node.args[0], node.args[1])
    elif isinstance(node, ast.Return) and node.value is not None and not _is_false(node.value):
        yield *file.span(node.value), "None", "return value dropped"
    elif isinstance(node, ast.AugAssign) or isinstance(node, ast.Expr) and not isinstance(
            node.value, ast.Constant | ast.Yield | ast.YieldFrom) or isinstance(node, ast.Assign) and not isinstance(
            node.targets[0], ast.Name | ast.Tuple):
        yield *file.span(node), "pass", "statement left out"


def _may_be_swapped(node: ast.Call) -> bool:
    """Whether a call has two arguments that somebody might mix up."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
    return len(node.args) >= 2 and name not in ALWAYS_NOTICED and not any(isinstance(a, ast.Starred) for a in node.args[:2])


def _is_false(node: ast.expr) -> bool:
    """Whether this is None, or False, for which None passes in a condition."""
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)


def _operator(file: _File, left: ast.expr, right: ast.expr, op: ast.AST) -> Iterator[tuple[int, int, str, str]]:
    """Another operator between two operands."""
    old, new = OPERATORS.get(type(op), ("", ""))
    a, b = file.span(left)[1], file.span(right)[0]
    at = file.data[a:b].find(old.encode()) if old else -1
    if at >= 0:
        yield a + at, a + at + len(old), new, f"{old} -> {new}"


def _swapped(file: _File, first: ast.expr, second: ast.expr) -> Iterator[tuple[int, int, str, str]]:
    """The first two arguments of a call in the other order."""
    a, b = file.source(first), file.source(second)
    if a != b:
        (start, end), (start_2, end_2) = file.span(first), file.span(second)
        between = file.data[end:start_2].decode()
        yield start, end_2, f"{b}{between}{a}", "arguments swapped"


def planted(fault: Fault, copy: Path) -> bytes:
    """Plant a fault in the copy; the file as it was."""
    file = copy / fault.path
    data = file.read_bytes()
    write(file, data[:fault.start] + fault.new.encode() + data[fault.end:])
    return data


def write(file: Path, data: bytes) -> None:
    """Write a source file, and drop its byte code: that is known by its time and size, which two faults may share."""
    file.write_bytes(data)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()
