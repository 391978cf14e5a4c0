"""The packages' arrows, read from their import statements: tracer <- codegen <- autodiff, and no circles."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {"tracer": {"tracer"}, "codegen": {"tracer", "codegen"}, "autodiff": {"tracer", "codegen", "autodiff"}}
# Inside autodiff only these reach for compiled code.
COMPILING = {"compiled", "eager"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


FILES = [p for package in MAY_IMPORT for p in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows(path):
    package = path.relative_to(ROOT).parts[0]
    ours = {name.split(".")[0] for name in imports(path)} & set(MAY_IMPORT)
    assert ours <= MAY_IMPORT[package]
    if package == "autodiff" and not COMPILING & set(path.relative_to(ROOT).parts):
        assert "codegen" not in ours, "transforms import tracer alone"


def test_import_is_light():
    code = ("import sys, threading, autodiff; "
            "bad = [m for m in ('numba', 'llvmlite', 'scipy') if m in sys.modules]; "
            "assert not bad, bad; assert threading.active_count() == 1")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_eager_gradients_need_no_compiler():
    code = ("import sys, numpy as np, autodiff as ad; "
            "assert ad.grad(lambda x: (x * x).sum())(np.arange(3.0)).tolist() == [0, 2, 4]; "
            "assert 'numba' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# A path of a Python file as prose names it, and a module that a reader is told to run.
NAMED_PATH = re.compile(r"(?<![\w/.])(?:tracer|codegen|autodiff|tests|bench)/[\w/]+\.py\b")
NAMED_MODULE = re.compile(r"python -m ((?:tracer|codegen|autodiff|tests|bench)[\w.]*\w)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [p for folder in (*MAY_IMPORT, "tests", "bench", "examples") for p in sorted((ROOT / folder).rglob("*.py"))]


def _names_nothing(text: str) -> Iterator[str]:
    """The paths and modules that a text names and that are no files."""
    yield from (path for path in NAMED_PATH.findall(text) if not (ROOT / path).is_file())
    for module in NAMED_MODULE.findall(text):
        path = ROOT / module.replace(".", "/")
        if not path.with_suffix(".py").is_file() and not (path / "__main__.py").is_file():
            yield module


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=lambda p: str(p.relative_to(ROOT)))
def test_named_files_exist(path):
    """In pages, docstrings, comments and error texts."""
    assert not list(_names_nothing(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_short_names_of_files_exist(path):
    """A page may name a file without its folder, in backticks, after another file of that folder."""
    names = {p.name for p in SOURCES}
    assert not {name for name in re.findall(r"`(\w+\.py)`", path.read_text(encoding="utf-8"))} - names
