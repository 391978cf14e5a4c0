"""The packages' arrows, read from their import statements: tracer <- codegen <- autodiff, and no circles."""

import ast
import subprocess
import sys
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
