"""Which file of the packages imports which, read from the import statements, and the circles that these arrows make.

`import a.b` and `from a import name` reach the file of the module; a package is its `__init__.py`. `from a import b` reaches `a/b.py` if
that is a file. Imports under `TYPE_CHECKING` never run and do not count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tracer", "codegen", "autodiff")
FILES = [p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))]


def module_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(p): p for p in FILES}


def import_statements(tree: ast.AST, late: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run when the module is imported, and with `late` also those inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and not late:
            continue
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from import_statements(ast.Module([other], []), late)
        else:
            yield from import_statements(node, late)


def imports_inside_functions(tree: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    """Imports that run when a function is called."""
    at_import = set(import_statements(tree, late=False))
    return [s for s in import_statements(tree, late=True) if s not in at_import]


def import_graph(late: bool = False) -> dict[str, set[str]]:
    """Module -> modules that it imports, of the three packages; with `late` also by imports inside functions."""
    graph = {}
    for module, path in MODULES.items():
        found = set()
        for s in import_statements(ast.parse(path.read_text(encoding="utf-8")), late):
            if isinstance(s, ast.Import):
                found |= {a.name for a in s.names}
            else:
                found |= {inner if (inner := f"{s.module}.{a.name}") in MODULES else s.module or "" for a in s.names}
        graph[module] = (found & set(MODULES)) - {module}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module: Tarjan, SIAM J. Computing 1 (1972)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in number:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in stack:
                lowest[module] = min(lowest[module], number[other])
        if lowest[module] == number[module]:
            at = stack.index(module)
            component = stack[at:]
            del stack[at:]
            if len(component) > 1:
                found.append(sorted(component))

    for module in graph:
        if module not in number:
            visit(module)
    return sorted(found)
