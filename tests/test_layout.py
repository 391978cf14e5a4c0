"""The arrows between packages, folders and files, read from import statements, and the names of files in pages and comments.

tracer <- codegen <- autodiff; inside autodiff transforms <- capture <- api <- compiled and eager; no circle of files.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import autodiff as ad
from tests.imports import FILES, ROOT, circles, import_graph

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


# The folders of autodiff from the bottom to the top: a file imports from its own floor and from lower ones. Files that stand in no folder
# of this list, such as those of `autodiff/numpy`, are used by all.
FLOORS = {"transforms": 0, "capture": 1, "api": 2, "compiled": 3, "eager": 3}
# Arrows that go up, each with its reason.
UPWARDS = {
    ("autodiff.api.control", "autodiff.eager.tensor"): "at once, bodies of explicit loops get tensors, so that they may use `x.at`",
}
# Circles that only imports inside functions close, each with its reason. One that is no longer there must go from here too.
LATE_CIRCLES = {
    # A graph prints itself (`tracer.show`), an operator on a tracer makes a node, ops are written with other ops; the type of a value that
    # cannot be traced is refused with the user's line.
    ("tracer.array", "tracer.errors", "tracer.graph", "tracer.op", "tracer.ops.arithmetic", "tracer.ops.comparison", "tracer.ops.control",
     "tracer.ops.control.bodies", "tracer.ops.control.calls", "tracer.ops.control.checks", "tracer.ops.control.conditionals",
     "tracer.ops.control.custom", "tracer.ops.control.loops", "tracer.ops.control.replay", "tracer.ops.index", "tracer.ops.reduce",
     "tracer.ops.shape", "tracer.parts", "tracer.passes.scalar_replacement", "tracer.show.svg", "tracer.show.text", "tracer.trace", "tracer.types"),
    # A write through a view parses its index; an index may select through a view.
    ("autodiff.numpy.aliasing", "autodiff.numpy.indexing", "autodiff.numpy.selection", "autodiff.numpy.support"),
    # `jit` registers itself with Numba where that is loaded, and Numba's entry point needs the class.
    ("autodiff.compiled.interop", "autodiff.compiled.jitted"),
}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows(path):
    package = path.relative_to(ROOT).parts[0]
    ours = {name.split(".")[0] for name in imports(path)} & set(MAY_IMPORT)
    assert ours <= MAY_IMPORT[package]
    if package == "autodiff" and not COMPILING & set(path.relative_to(ROOT).parts):
        assert "codegen" not in ours, "transforms import tracer alone"


def test_no_circle_of_files():
    assert circles(import_graph()) == []


def test_circles_through_functions_are_known():
    assert {tuple(c) for c in circles(import_graph(late=True))} == LATE_CIRCLES


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": set(), "f": {"f"}}) == [["a", "b", "c"]]


def test_showing_stands_above_graphs():
    """Text and pictures of graphs are imported by no other file of tracer when it is imported."""
    for module, others in import_graph().items():
        if module.startswith("tracer") and not module.startswith("tracer.show"):
            assert not [m for m in others if m.startswith("tracer.show")], module


def test_floors_of_autodiff():
    def floor(module: str) -> int:
        package, _, rest = module.partition(".")
        return FLOORS.get(rest.partition(".")[0], -1) if package == "autodiff" else -1
    upwards = {(module, other) for module, others in import_graph().items() for other in others if -1 < floor(module) < floor(other)}
    assert upwards == set(UPWARDS)


def test_import_is_light():
    code = ("import sys, threading, autodiff; "
            "bad = [m for m in ('numba', 'llvmlite', 'scipy') if m in sys.modules]; "
            "assert not bad, bad; assert threading.active_count() == 1")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def _loaded_by(code: str, **env: str) -> set[str]:
    """The modules that a process has loaded when it has run some code."""
    done = subprocess.run([sys.executable, "-c", code + "\nimport sys; print(*sys.modules)"], check=True, cwd=ROOT, capture_output=True,
                          text=True, env=os.environ | env)
    return set(done.stdout.split())


def test_a_name_brings_what_it_needs():
    assert not {m for m in _loaded_by("import autodiff as ad; dir(ad)") if m.split(".")[0] in ("tracer", "codegen", "numpy")}
    assert not {m for m in _loaded_by("import autodiff as ad; ad.jit(ad.grad(lambda x: x * x))") if m.startswith(
        ("autodiff.eager.t", "autodiff.nn", "codegen.loops", "codegen.stages", "numpy.random", "statistics", "decimal", "llvmlite"))}
    assert "autodiff.eager.functions" in _loaded_by("import autodiff as ad; assert ad.grad(lambda x: x * x)(3.0) == 6.0")


def test_a_kernel_on_disk_needs_no_compiler(tmp_path):
    """The first call in a later process loads neither the passes nor the writer of LLVM's text."""
    code = "import numpy as np, autodiff as ad; assert ad.jit(ad.grad(lambda x: np.sum(np.sin(x) ** 2)))(np.zeros(3)).tolist() == [0, 0, 0]"
    first, second = [_loaded_by(code, AUTODIFF_CACHE_DIR=str(tmp_path / "kernels"), AUTODIFF_CACHE="1", AUTODIFF_CHECK="0") for _ in range(2)]
    assert {"codegen.stages", "codegen.backends.llvm.module"} <= first
    assert not {m for m in second if m.startswith(("codegen.stages", "codegen.loops", "codegen.elementary", "codegen.backends.llvm.module"))}


def test_public_names():
    names = set(ad.__all__)
    assert {"jit", "grad", "numpy", "nn", "optim", "tensor", "register_tree"} <= names <= set(dir(ad))
    assert all(getattr(ad, name) is not None for name in names)
    with pytest.raises(AttributeError, match="no attribute 'gradient'"):
        ad.gradient     # noqa: B018


def test_eager_gradients_need_no_compiler():
    code = ("import sys, numpy as np, autodiff as ad; "
            "assert ad.grad(lambda x: (x * x).sum())(np.arange(3.0)).tolist() == [0, 2, 4]; "
            "assert 'numba' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# A path of a Python file as prose names it, and a module that a reader is told to run.
NAMED_PATH = re.compile(r"(?<![\w/.])(?:tracer|codegen|autodiff|tests|bench)/[\w/]+\.py\b|\bdocs/[\w-]+\.md\b")
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
