"""Do the tests notice faults? Plants one fault after another in the compiler and runs the tests that should see it.

    python -m tests.mutants [--each 20] [--seed 0] [--only GROUP ...]

A fault is one small change of the source: another operator, a comparison turned, a number moved by one, a condition negated, a statement left
out. Each runs in a copy of the project, so that nothing here is touched. A fault that no test notices is a survivor: it is printed with its
line, and either a test is missing or the change means the same.
"""

from __future__ import annotations

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 900
"""Seconds that the tests of one fault may take; a fault that makes them hang has been noticed."""
GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "rules": (("tracer/ops/*.py", "tracer/ops/control/*.py"), ("tests/tracer", "tests/autodiff/numpy", "tests/autodiff/test_linalg.py")),
    "transforms": (("autodiff/transforms/*.py",), ("tests/autodiff/transforms", "tests/autodiff/api")),
    "lowering": (("codegen/loops/lower/*.py", "codegen/loops/donate.py"), ("tests/codegen", "tests/tracer")),
    "passes": (("codegen/loops/passes/*.py", "tracer/passes/*.py"), ("tests/codegen/loops", "tests/tracer/passes", "tests/test_golden.py")),
    "vectors": (("codegen/backends/llvm/elements.py", "codegen/backends/llvm/vectors.py", "codegen/backends/llvm/writer.py",
                 "codegen/backends/llvm/scalar.py"), ("tests/codegen/backends", "tests/codegen/loops", "tests/tracer/test_elementwise_laws.py")),
    "capture": (("autodiff/capture/branches.py", "autodiff/capture/body.py", "autodiff/capture/loops.py", "autodiff/capture/loop_aliases.py",
                 "autodiff/capture/locations.py", "autodiff/numpy/aliasing.py"), ("tests/autodiff/capture",)),
    "shapes": (("tracer/lengths.py", "tracer/sizes.py", "autodiff/compiled/shapes.py", "autodiff/numpy/of_lengths.py",
                "tracer/passes/numbers.py"), ("tests/autodiff/compiled/test_shapes.py", "tests/test_docstrings.py")),
    "keys": (("autodiff/compiled/signature.py", "autodiff/compiled/environment.py", "codegen/cache.py"),
             ("tests/autodiff/compiled", "tests/codegen/test_cache.py")),
}
"""Name -> files in which faults are planted, and tests that should notice them."""
OPERATORS: dict[type, tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "//"),
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="),
    ast.Is: (" is ", " is not "), ast.IsNot: (" is not ", " is "), ast.In: (" in ", " not in "), ast.NotIn: (" not in ", " in "),
    ast.And: (" and ", " or "), ast.Or: (" or ", " and ")}


@dataclass(frozen=True)
class Fault:
    """A change of a file: the text from `start` to `end` becomes `new`."""

    path: str
    line: int
    start: int
    end: int
    new: str
    what: str


def _offsets(text: str) -> list[int]:
    """Where each line starts, in bytes of UTF-8: positions in the syntax tree are counted so."""
    out = [0]
    for line in text.encode().split(b"\n"):
        out.append(out[-1] + len(line) + 1)
    return out


def faults(path: Path) -> Iterator[Fault]:
    """All faults that can be planted in a file."""
    text = path.read_text(encoding="utf-8")
    data, starts, name = text.encode(), _offsets(text), path.relative_to(ROOT).as_posix()

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    def between(left: ast.expr, right: ast.expr, op: ast.AST) -> Iterator[Fault]:
        old, new = OPERATORS.get(type(op), ("", ""))
        a, b = at(left.end_lineno or 0, left.end_col_offset or 0), at(right.lineno, right.col_offset)
        k = data[a:b].find(old.strip().encode()) if old else -1
        if k >= 0:
            yield Fault(name, left.end_lineno or 0, a + k, a + k + len(old.strip()), new.strip(), f"{old.strip()} -> {new.strip()}")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.BinOp) and not isinstance(node.left, ast.Constant | ast.JoinedStr):
            yield from between(node.left, node.right, node.op)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from between(node.left, node.comparators[0], node.ops[0])
        elif isinstance(node, ast.BoolOp):
            yield from between(node.values[0], node.values[1], node.op) if len(node.values) == 2 else ()
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            a = at(node.lineno, node.col_offset)
            yield Fault(name, node.lineno, a, at(node.lineno, node.end_col_offset or 0), str(node.value + 1), f"{node.value} -> {node.value + 1}")
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            a = at(node.lineno, node.col_offset)
            yield Fault(name, node.lineno, a, at(node.lineno, node.end_col_offset or 0), str(not node.value), f"{node.value} -> {not node.value}")
        elif isinstance(node, ast.If | ast.IfExp):
            a, b = at(node.test.lineno, node.test.col_offset), at(node.test.end_lineno or 0, node.test.end_col_offset or 0)
            yield Fault(name, node.test.lineno, a, b, f"not ({data[a:b].decode()})", "condition negated")
        elif isinstance(node, ast.AugAssign) or isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant | ast.Yield | ast.YieldFrom):
            a, b = at(node.lineno, node.col_offset), at(node.end_lineno or 0, node.end_col_offset or 0)
            yield Fault(name, node.lineno, a, b, "pass", "statement left out")


def planted(fault: Fault, copy: Path) -> bytes:
    """Plant a fault in the copy; the file as it was."""
    file = copy / fault.path
    data = file.read_bytes()
    file.write_bytes(data[:fault.start] + fault.new.encode() + data[fault.end:])
    return data


def noticed(fault: Fault, tests: Sequence[str], copy: Path) -> bool:
    """Whether a test fails with the fault."""
    before = planted(fault, copy)
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        return subprocess.run(command, cwd=copy, capture_output=True, timeout=LONGEST, check=False).returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        (copy / fault.path).write_bytes(before)


def main(given: Sequence[str] | None = None) -> int:
    """Command line; the exit status is 1 if faults survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=22, help="faults a group")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(GROUPS), help=f"groups: {', '.join(GROUPS)}")
    options = parser.parse_args(given)
    survivors, total, start = 0, 0, time.time()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__"))
        for name in options.only:
            patterns, tests = GROUPS[name]
            everything = [f for p in patterns for path in sorted(ROOT.glob(p)) for f in faults(path)]
            chosen = random.Random(f"{name} {options.seed}").sample(everything, min(options.each, len(everything)))
            alive = 0
            for fault in chosen:
                if not noticed(fault, tests, copy):
                    alive += 1
                    print(f"survivor: {fault.path}:{fault.line}: {fault.what}", flush=True)
            print(f"{name}: {len(chosen) - alive} of {len(chosen)} noticed, of {len(everything)} possible", flush=True)
            survivors, total = survivors + alive, total + len(chosen)
    print(f"{total - survivors} of {total} noticed; {time.time() - start:.0f} s")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
