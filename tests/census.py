"""What a reader of the source would count: long files, long functions, circles, tests by name, state of the process, late imports.

    python -m tests.census [--update]

Prints a Markdown table that is made by reading the source; with `--update` it is written into docs/architecture.md between its markers.
Lengths of files are rounded down to hundreds, so that the table does not change with every line.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.imports import FILES, PACKAGES, ROOT, circles, import_graph, imports_inside_functions
from tests.process_state import objects

PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- census -->", "<!-- /census -->"
LONG = 500
OUTSIDE_TESTS = (*PACKAGES, "bench", "examples")
# Rule of ruff -> what it counts, and ruff's own limit for it.
RULES = {"C901": "paths through a function (McCabe), more than 10", "PLR0912": "branches of a function, more than 12",
         "PLR0915": "statements of a function, more than 50"}

LOOKUP = "Python's own rules of look-up, in their order"
KINDS = "a case for each kind of object that may hold others"
LEFT = {
    "autodiff/capture/control_flow.py: _written_out": "the ways in which a step of a loop may end, one after another",
    "autodiff/capture/dispatch.py: attribute": LOOKUP,
    "autodiff/capture/dispatch.py: binary": LOOKUP,
    "autodiff/capture/locations.py: go": KINDS,
    "autodiff/capture/locations.py: reachable": KINDS + ", in functions inside of it",
    "bench/define_by_run.py: measure": "the phases of a measurement, in their order",
    "bench/define_by_run.py: programs": "a program a row of the board, as functions inside of it",
    "bench/programs/adjoints.py: jacobi_2d": "loops of a hand-written adjoint, in functions inside of it",
}
"""Functions over the limits -> why they are not cut up."""

Row = tuple[str, int, str]


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    """Names and numbers, the largest first."""
    return ", ".join(f"`{name}` {count}" for name, count in sorted(counts, key=lambda item: (-item[1], item[0])))


def long_files() -> Row:
    """Files of more than `LONG` lines."""
    found = []
    for folder in OUTSIDE_TESTS:
        for path in (ROOT / folder).rglob("*.py"):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > LONG:
                found.append((path.relative_to(ROOT).as_posix(), lines // 100 * 100))
    return f"files of more than {LONG} lines (in hundreds, rounded down)", len(found), _listed(found)


def functions_over_limits() -> dict[str, set[str]]:
    """Rule -> the functions that break it, as `path: name`."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--exit-zero", "--select", ",".join(RULES), "--output-format", "json"]
    done = subprocess.run([*command, *OUTSIDE_TESTS], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, set[str]] = {rule: set() for rule in RULES}
    for d in json.loads(done.stdout):
        path = Path(d["filename"])
        line = path.read_text(encoding="utf-8").splitlines()[d["location"]["row"] - 1]
        name = line.split("def ", 1)[1].split("(", 1)[0]
        found[d["code"]].add(f"{path.relative_to(ROOT).as_posix()}: {name}")
    return found


def long_functions() -> Iterator[Row]:
    """For each rule, the functions that break it, and why they were left so."""
    for rule, functions in functions_over_limits().items():
        yield f"{RULES[rule]} ({rule})", len(functions), "; ".join(f"`{f}` ({LEFT.get(f, 'no reason')})" for f in sorted(functions))


def _is_op_name(node: ast.expr, aliases: set[str]) -> bool:
    """Whether this is `x.op.name`, `op.name`, or a variable that was given it."""
    if isinstance(node, ast.Name):
        return node.id in aliases
    if not isinstance(node, ast.Attribute) or node.attr != "name":
        return False
    return isinstance(node.value, ast.Attribute) and node.value.attr == "op" or isinstance(node.value, ast.Name) and node.value.id == "op"


def name_tests(tree: ast.AST) -> int:
    """How many comparisons ask which op a node has by its name. Looking a name up in the table `ops` is not one."""
    aliases = {t.id for s in ast.walk(tree) if isinstance(s, ast.Assign) and _is_op_name(s.value, set())
               for t in s.targets if isinstance(t, ast.Name)}
    return sum(1 for n in ast.walk(tree) if isinstance(n, ast.Compare) and any(_is_op_name(e, aliases) for e in (n.left, *n.comparators))
               and not any(isinstance(e, ast.Name) and e.id == "ops" for e in n.comparators))


def tests_by_name() -> Row:
    """Comparisons with the name of an op, outside of the ops themselves."""
    counts = Counter({path.relative_to(ROOT).as_posix(): name_tests(ast.parse(path.read_text(encoding="utf-8")))
                      for path in FILES if not path.is_relative_to(ROOT / "tracer" / "ops")})
    return "tests of an op by its name, outside of `tracer/ops`", counts.total(), _listed((p, n) for p, n in counts.items() if n)


def late_imports() -> Row:
    """Imports inside functions: of own modules, and of what is heavy or may be missing."""
    own, others = Counter[str](), Counter[str]()
    for path in FILES:
        package = path.relative_to(ROOT).parts[0]
        for s in imports_inside_functions(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in s.names] if isinstance(s, ast.Import) else [s.module or ""]
            (own if names[0].split(".")[0] in PACKAGES else others)[package] += 1
    where = "; ".join(f"`{p}` {own[p] + others[p]}, {own[p]} of them of own modules" for p in PACKAGES)
    return "imports inside functions", own.total() + others.total(), where


def rows() -> Iterator[Row]:
    """The rows of the table."""
    yield long_files()
    yield from long_functions()
    found, late = circles(import_graph()), circles(import_graph(late=True))
    yield "circles of files at import", len(found), "; ".join(" ".join(f"`{m}`" for m in c) for c in found)
    yield ("circles that imports inside functions close", len(late),
           "; ".join(f"{len(c)} files from `{c[0]}` to `{c[-1]}`" for c in late) + " (`tests/test_layout.py` gives the reasons)")
    yield tests_by_name()
    state = objects()
    packages = Counter(name.partition(".")[0] for name in state)
    yield "objects of the process that code changes", len(state), f"{_listed(packages.items())} (`docs/state.md` names each and says why)"
    yield late_imports()


def table() -> str:
    """The census as a Markdown table."""
    return "\n".join(["| what | number | where |", "|---|---:|---|", *(f"| {what} | {number} | {where} |" for what, number, where in rows())])


def updated(page: str) -> str:
    """The text of the page with the table of now between its markers."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.census", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the table into the page")
    if parser.parse_args(arguments).update:
        PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
