"""Which tests run which functions: a plugin of pytest, and the marks that tell it.

A mark is a line at the start of a function, written into the copy of the project. `python -m pytest -p tests.mutants.reach --reach FILE`
writes for every mark the tests that came past it, with the seconds that they took.
"""

from __future__ import annotations

import ast
import builtins
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.mutants.operators import Fault, write

Reached = dict[str, list[tuple[str, float]]]
_now: set[str] = set()
_tests: Reached = defaultdict(list)
_failed: set[str] = set()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The file that the tests are written to."""
    parser.addoption("--reach", help="file for the tests that came past each mark")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note the marks that a test comes past."""
    builtins.reached__ = _now.add       # type: ignore[attr-defined]
    _now.clear()
    start = time.monotonic()
    result = yield
    for name in _now:
        _tests[name].append((item.nodeid, round(time.monotonic() - start, 3)))
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that fails: it can notice nothing."""
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file."""
    Path(session.config.getoption("--reach")).write_text(
        json.dumps({name: [t for t in tests if t[0] not in _failed] for name, tests in _tests.items()}), encoding="utf-8")


def _functions(node: ast.AST, name: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a file by their qualified names."""
    for child in ast.iter_child_nodes(node):
        inside = name
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inside = f"{name}.{child.name}" if name else child.name
            if isinstance(child, ast.FunctionDef):
                yield inside, child
        yield from _functions(child, inside)


def mark(project: Path, faults: Iterable[Fault]) -> None:
    """Write a mark into each function of a copy in which a fault is to be planted."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for fault in faults:
        wanted[fault.path].add(fault.function)
    for path, names in wanted.items():
        lines = (project / path).read_text(encoding="utf-8").split("\n")
        found = [(f.body[0], name) for name, f in _functions(ast.parse("\n".join(lines)), "") if name in names]
        for first, name in sorted(found, key=lambda pair: -pair[0].lineno):
            if first.col_offset == len(lines[first.lineno - 1]) - len(lines[first.lineno - 1].lstrip()):     # no function on one line
                at = first.lineno - 1 if not _is_docstring(first) else first.end_lineno or 0
                lines.insert(at, " " * first.col_offset + f'getattr(__import__("builtins"), "reached__", len)("{path} {name}")')
        write(project / path, "\n".join(lines).encode())


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def chosen(tests: Sequence[tuple[str, float]], seconds: float) -> list[str]:
    """Tests that take no longer than some seconds together: the fast ones of each file, one file after another."""
    files: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for test in sorted(tests, key=lambda t: t[1]):
        files[test[0].split("::")[0]].append(test)
    out, total = [], 0.0
    for turn in range(max(map(len, files.values()), default=0)):
        for row in files.values():
            if turn < len(row) and total + row[turn][1] <= seconds:
                out.append(row[turn][0])
                total += row[turn][1]
    return out
