"""Graphs as text, both ways: `text(parse(text(g))) == text(g)`.

A line is `name: type, ... = op(inputs, param=value)`; the bodies of a node follow it, indented, each headed by the name of its
parameter. Names are given in order of appearance, sizes are n, m, n2, ..., so equal graphs have equal texts.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tracer.graph import Atom, Const, Graph, Node, Var, bodies
from tracer.op import ops
from tracer.types import ArrayType, Dim, Size, short_dtype

__all__ = ["text", "parse"]

_DTYPES = {"bool": np.dtype(bool), **{f"{k}{b * 8}": np.dtype(f"{k}{b}") for k in "iu" for b in (1, 2, 4, 8)},
           "f32": np.dtype("f4"), "f64": np.dtype("f8")}


def _names() -> Iterator[str]:
    for n in itertools.count(0):
        for c in "abcdefghijklmopqrstuvwxyz":  # no n: it is a size
            yield c + (str(n) if n else "")


class _Printer:
    def __init__(self, lines: bool):
        self.lines = lines
        self.vars: dict[Var, str] = {}
        self.sizes: dict[str, str] = {}
        self.fresh = _names()
        self.size_names = (c + (str(k) if k else "") for k in itertools.count(0) for c in "nm" if k or c)

    def var(self, v: Var) -> str:
        if v not in self.vars:
            self.vars[v] = next(self.fresh)
        return self.vars[v]

    def dim(self, d: Dim) -> str:
        if isinstance(d, Size):
            for s in sorted(d.symbols()):
                if s not in self.sizes:
                    self.sizes[s] = next(self.size_names)
            return str(d.replace({s: Size.symbol(self.sizes[s]) for s in d.symbols()}))
        return str(d)

    def type(self, t: ArrayType) -> str:
        return f"{short_dtype(t.dtype)}[{', '.join(map(self.dim, t.shape))}]"

    def atom(self, a: Atom) -> str:
        return self.var(a) if isinstance(a, Var) else const_text(a)

    def param(self, value) -> str:
        if isinstance(value, Size):
            return self.dim(value)
        if isinstance(value, ArrayType):
            return self.type(value)
        if isinstance(value, np.dtype):
            return short_dtype(value)
        if isinstance(value, tuple):
            return "(" + ", ".join(map(self.param, value)) + ("," if len(value) == 1 else "") + ")"
        if hasattr(value, "carries"):
            return f"spec({value.constants}, {value.carries}, {value.sliced}, {value.reverse})"
        if value is None or isinstance(value, (int, float, str, bool)):
            return repr(value)
        return f"<{getattr(value, '__name__', type(value).__name__)}>"

    def graph(self, g: Graph, indent: str = "", head: str = "") -> Iterator[str]:
        ins = ", ".join(f"{self.var(v)}: {self.type(v.type)}" for v in g.inputs)
        yield f"{indent}{head}{g.name}({ins}):"
        inner = indent + "  "
        for node in g.nodes:
            outs = ", ".join(f"{self.var(v)}: {self.type(v.type)}" for v in node.outputs)
            held = dict(bodies(node))
            params = [f"{k}={self.param(v)}" for k, v in node.params.items()
                      if not isinstance(v, Graph) and not (isinstance(v, tuple) and v and isinstance(v[0], Graph))]
            line = f"{inner}{outs} = {node.op.name}({', '.join([*map(self.atom, node.inputs), *params])})"
            if self.lines and node.where:
                line = f"{line:<70}  # {node.where}"
            yield line
            for key, body in held.items():
                yield from self.graph(body, inner + "  ", f"{key} = ")
        yield f"{inner}return {', '.join(map(self.atom, g.outputs))}".rstrip()


def const_text(c: Const) -> str:
    """A constant: bare for float64, int64 and bool, with its dtype otherwise."""
    v = c.value.item()
    bare = str(v) if not isinstance(v, float) or v == v and abs(v) != np.inf else {True: "nan"}.get(v != v, str(v))
    return bare if c.value.dtype in (np.dtype("f8"), np.dtype("i8"), np.dtype("?")) else f"{short_dtype(c.value.dtype)}({bare})"


def text(graph: Graph, *, lines: bool = False) -> str:
    """A graph as text; with `lines`, each node is followed by the user's file and line."""
    return "\n".join(_Printer(lines).graph(graph))


# -- reading --------------------------------------------------------------------------------------

class _Reader:
    def __init__(self, source: str):
        self.rows = [(len(r) - len(r.lstrip()), r.strip()) for r in source.splitlines() if r.strip()]
        self.rows = [(i, re.sub(r"\s+# .*$", "", r)) for i, r in self.rows]
        self.at = 0
        self.vars: dict[str, Var] = {}

    def typed(self, items: str) -> list[Var]:
        """`a: f64[3, n], b: i64[]` -> new vars."""
        out = []
        for name, dtype, dims in re.findall(r"(\w+): (\w+)\[([^\]]*)\]", items):
            shape = tuple(self.value(ast.parse(d.strip(), mode="eval").body) for d in dims.split(",") if d.strip())
            self.vars[name] = v = Var(ArrayType(_DTYPES[dtype], shape))
            out.append(v)
        return out

    def value(self, e: ast.AST) -> Any:
        """A parameter, a dimension or a constant."""
        if isinstance(e, ast.Constant):
            return e.value
        if isinstance(e, ast.Tuple):
            return tuple(self.value(x) for x in e.elts)
        if isinstance(e, ast.Name):
            if e.id in ("nan", "inf"):
                return float(e.id)
            return _DTYPES.get(e.id) or Size.symbol(e.id)
        if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub):
            return -self.value(e.operand)
        if isinstance(e, ast.BinOp):
            a, b = self.value(e.left), self.value(e.right)
            return {ast.Add: lambda: a + b, ast.Sub: lambda: a - b, ast.Mult: lambda: a * b}[type(e.op)]()
        if isinstance(e, ast.Call) and isinstance(e.func, ast.Name):
            args = [self.value(a) for a in e.args]
            if e.func.id == "spec":
                from tracer.ops.control import LoopSpec
                return LoopSpec(*args)
            return _DTYPES[e.func.id].type(args[0])
        raise ValueError(f"cannot read {ast.dump(e)}")

    def atom(self, e: ast.AST) -> Atom:
        if isinstance(e, ast.Name) and e.id in self.vars:
            return self.vars[e.id]
        v = self.value(e)
        if isinstance(v, np.generic):
            return Const(v)
        return Const(np.bool_(v) if isinstance(v, bool) else np.int64(v) if isinstance(v, int) else np.float64(v))

    def graph(self) -> Graph:
        indent, row = self.rows[self.at]
        match = re.match(r"(?:\w+ = )?(\S+?)\((.*)\):$", row)
        if not match:
            raise ValueError(f"not a graph: {row}")
        inputs = self.typed(match[2])
        self.at += 1
        nodes: list[Node] = []
        while True:
            _, row = self.rows[self.at]
            self.at += 1
            if row == "return" or row.startswith("return "):
                items = ast.parse(f"({row[7:]},)" if row[7:] else "()", mode="eval").body
                return Graph(match[1], tuple(inputs), tuple(nodes), tuple(self.atom(e) for e in items.elts))  # type: ignore
            left, right = row.split(" = ", 1) if " = " in row else ("", row)
            e = ast.parse(right, mode="eval").body
            if not isinstance(e, ast.Call) or not isinstance(e.func, ast.Name):
                raise ValueError(f"not a node: {row}")
            ins = tuple(self.atom(a) for a in e.args)
            params = {str(k.arg): self.value(k.value) for k in e.keywords}
            held: dict[str, Graph] = {}
            while self.at < len(self.rows) and self.rows[self.at][0] > indent + 2:
                key = self.rows[self.at][1].split(" = ")[0]
                held[key] = self.graph()
            numbered: dict[str, list] = {}
            for key, g in held.items():
                stem = key.rstrip("0123456789")
                if stem == key:
                    params[key] = g
                else:
                    numbered.setdefault(stem, []).append(g)
            params.update((k, tuple(v)) for k, v in numbered.items())
            nodes.append(Node(ops[e.func.id], ins, tuple(self.typed(left)), params))


def parse(source: str) -> Graph:
    """Read a graph from its text.

    Raises
    ------
    ValueError
        If a line is not of the form that `text` writes (a custom derivative rule, for one, is a Python function).
    """
    return _Reader(source).graph()
