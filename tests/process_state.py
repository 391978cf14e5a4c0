"""What of this process the packages change: names of modules that a function of theirs assigns to, or whose contents it changes.

    python -m tests.process_state

Found by reading the source: module-level names that are bound to a container, a counter, a lock, a cache or an object, and that code inside a
function rebinds (`global`), assigns an item or attribute of, or calls a changing method of; and functions with a cache of their results.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tracer", "codegen", "autodiff")
CHANGING = {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "move_to_end", "pop", "popitem", "remove", "setdefault",
            "update", "acquire", "put"}
CACHES = {"lru_cache", "cache", "once"}
STATEFUL = {"local", "count", "Lock", "RLock", "Condition", "SimpleQueue"}


def module_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _called(node: ast.AST | None) -> str:
    """The last name of what is called, as in `threading.Lock()`."""
    f = node.func if isinstance(node, ast.Call) else node
    return f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""


def _own_names(f: ast.FunctionDef | ast.Lambda) -> set[str]:
    """The parameters and the variables of a function, which hide names of the module."""
    own = {a.arg for a in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs, f.args.vararg, f.args.kwarg) if a is not None}
    inside = [n for n in ast.walk(f) if isinstance(n, (ast.Name, ast.Global))]
    own |= {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return own - {name for n in inside if isinstance(n, ast.Global) for name in n.names}


def _changed(tree: ast.AST) -> Iterator[str]:
    """Names that code inside functions rebinds or changes."""
    for f in ast.walk(tree):
        if not isinstance(f, (ast.FunctionDef, ast.Lambda)):
            continue
        own = _own_names(f)
        for n in ast.walk(f):
            if isinstance(n, ast.Global):
                yield from n.names
            elif isinstance(n, (ast.Subscript, ast.Attribute)) and not isinstance(n.ctx, ast.Load) and isinstance(n.value, ast.Name):
                yield from {n.value.id} - own
            elif isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in CHANGING and isinstance(n.func.value, ast.Name):
                yield from {n.func.value.id} - own


def _changed_at_import(tree: ast.Module) -> Iterator[str]:
    """Names whose contents the statements of a module change."""
    for s in tree.body:
        n = s.value if isinstance(s, ast.Expr) else s.targets[0] if isinstance(s, ast.Assign) else s
        if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name):
            yield n.value.id
        elif isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in CHANGING and isinstance(n.func.value, ast.Name):
            yield n.func.value.id


def objects() -> list[str]:
    """The dotted names of all such objects."""
    found: set[str] = set()
    trees = {p: ast.parse(p.read_text(encoding="utf-8")) for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))}
    imported: dict[str, set[str]] = {}      # name -> where other modules import it from
    for tree in trees.values():
        for n in ast.walk(tree):
            if isinstance(n, ast.ImportFrom) and n.module:
                for a in n.names:
                    imported.setdefault(a.asname or a.name, set()).add(f"{n.module}.{a.name}")
    for path, tree in trees.items():
        module, changed = module_of(path), set(_changed(tree))
        for s in tree.body:
            targets = s.targets if isinstance(s, ast.Assign) else [s.target] if isinstance(s, ast.AnnAssign) else []
            for t in targets:
                if isinstance(t, ast.Name) and (t.id in changed or _called(s.value) in STATEFUL):
                    found.add(f"{module}.{t.id}")
            if isinstance(s, ast.ClassDef) and "local" in map(_called, s.bases):
                found.add(f"{module}.{s.name}")
            if isinstance(s, ast.FunctionDef) and any(_called(d) in CACHES for d in s.decorator_list):
                found.add(f"{module}.{s.name}")
    defined = {f"{module_of(p)}.{t.id}" for p, tree in trees.items() for s in tree.body
               for t in (s.targets if isinstance(s, ast.Assign) else [s.target] if isinstance(s, ast.AnnAssign) else []) if isinstance(t, ast.Name)}
    for tree in trees.values():     # registries that other modules fill, and settings
        for name in (*_changed(tree), *_changed_at_import(tree)):
            found |= imported.get(name, set()) & defined
    return sorted(found)


if __name__ == "__main__":
    print("\n".join(objects()))
