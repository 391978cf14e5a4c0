"""Graphs: what every transform and pass takes and returns.

A `Graph` is a list of typed nodes in order. It is closed (each var is an input or made above its use) and never modified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from tracer.sizes import hashable
from tracer.types import ArrayType, Size, substitute

if TYPE_CHECKING:
    from tracer.op import Op

__all__ = ["Var", "Const", "Node", "Graph", "Atom", "Where", "atom_type", "bodies", "map_bodies", "map_graphs", "live_nodes",
           "size_symbols", "structure"]


class Var:
    """The name of one array value in a graph; identity is its meaning."""

    __slots__ = ("type",)

    def __init__(self, type: ArrayType):
        self.type = type

    def __repr__(self) -> str:
        return f"Var({self.type})"


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A scalar written into the graph. Arrays are captured inputs, never constants."""

    value: np.generic

    @property
    def type(self) -> ArrayType:
        """A 0-d array type."""
        return ArrayType(self.value.dtype, ())

    def __eq__(self, other) -> bool:
        # Bytes tell 0.0 from -0.0 and make nan equal to itself.
        return isinstance(other, Const) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> tuple[str, bytes]:
        """Dtype and bits."""
        return self.value.dtype.str, self.value.tobytes()


Atom = Union[Var, Const]


@dataclass(frozen=True, slots=True)
class Where:
    """The user's line that made a node."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file.rsplit('/', 1)[-1]}:{self.line}"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One application of an op."""

    op: Op
    inputs: tuple[Atom, ...]
    outputs: tuple[Var, ...]
    params: dict[str, Any] = field(default_factory=dict)
    where: Where | None = None
    _mentions: frozenset[str] | None = field(default=None, init=False, repr=False)
    _effect: bool | None = field(default=None, init=False, repr=False)

    def has_effect(self) -> bool:
        """Whether it does something beside giving its results, or holds a graph with such a node: it must be kept, in order."""
        if self._effect is None:
            found = self.op.effect or any(n.has_effect() for _, g in bodies(self) for n in g.nodes)
            object.__setattr__(self, "_effect", found)
        return self._effect     # type: ignore[return-value]

    def may_raise(self) -> bool:
        """Whether running it may raise an exception that depends on values."""
        return self.op.effect or self.op.may_raise or any(n.may_raise() for _, g in bodies(self) for n in g.nodes)

    def mentions(self) -> frozenset[str]:
        """The size symbols in its parameters and in the lengths of its results, without those that the results bind."""
        if self._mentions is None:
            found: set[str] = set()
            for value in self.params.values():
                found |= size_symbols(value)
            for o in self.outputs:
                if not o.type.is_static():
                    found |= o.type.symbols() - {d.name() for d in o.type.shape if isinstance(d, Size)}  # type: ignore[misc]
            object.__setattr__(self, "_mentions", frozenset(found))     # a node is never modified, so that it is asked once
        return self._mentions  # type: ignore[return-value]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A typed program: inputs, nodes in order, outputs."""

    name: str
    inputs: tuple[Var, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Atom, ...]

    def __str__(self) -> str:
        from tracer.show.text import text
        return text(self)

    def svg(self) -> str:
        """A picture of the graph, as an SVG document."""
        from tracer.show.svg import svg
        return svg(self)

    _repr_svg_ = svg

    @property
    def in_types(self) -> list[ArrayType]:
        """Types of the inputs."""
        return [v.type for v in self.inputs]

    @property
    def out_types(self) -> list[ArrayType]:
        """Types of the outputs."""
        return [atom_type(v) for v in self.outputs]


def atom_type(a: Atom) -> ArrayType:
    """Type of a var or constant."""
    return a.type


def bodies(node: Node) -> Iterator[tuple[str, Graph]]:
    """The graphs a node holds, with a name for each."""
    for key, value in node.params.items():
        if isinstance(value, Graph):
            yield key, value
        elif isinstance(value, tuple) and value and isinstance(value[0], Graph):
            for i, g in enumerate(value):
                yield f"{key}{i}", g


def map_bodies(node: Node, change: Callable[[Graph], Graph]) -> Node:
    """The node with every graph that it holds changed; the node itself if it holds none."""
    params = dict(node.params)
    for key, value in node.params.items():
        if isinstance(value, Graph):
            params[key] = change(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Graph):
            params[key] = tuple([change(g) for g in value])
    if all(params[key] is value for key, value in node.params.items()):
        return node
    return Node(node.op, node.inputs, node.outputs, params, node.where)


def map_graphs(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """The graph with every graph that its nodes hold changed; the graph itself if none was."""
    nodes = tuple([map_bodies(n, change) if n.op.many else n for n in graph.nodes])
    if all(a is b for a, b in zip(nodes, graph.nodes, strict=True)):
        return graph
    return Graph(graph.name, graph.inputs, nodes, graph.outputs)


def all_nodes(graph: Graph) -> Iterator[Node]:
    """The nodes of a graph and of all graphs inside it."""
    stack = [graph]
    while stack:
        for node in stack.pop().nodes:
            yield node
            stack += [g for _, g in bodies(node)]


def size_symbols(obj) -> set[str]:
    """Size symbols in a parameter value, to any depth of tuples."""
    if isinstance(obj, Size):
        return obj.symbols()
    if isinstance(obj, ArrayType):
        return obj.symbols()
    if isinstance(obj, tuple):
        found: set[str] = set()
        for o in obj:
            found |= size_symbols(o)
        return found
    return set()


def live_nodes(graph: Graph) -> Graph:
    """Dead-code removal: keep the nodes that outputs need, and the values that bind a size some kept node needs."""
    live: set[Var] = {a for a in graph.outputs if isinstance(a, Var)}
    mentioned: list[str] = []
    binder: dict[str, Var] | None = None

    def settle() -> None:
        nonlocal binder
        if binder is None:
            binder = _binders(graph)
        live.update([binder[s] for s in mentioned if s in binder])
        mentioned.clear()
    for a in graph.outputs:
        mentioned += a.type.symbols()
    kept = []
    for node in reversed(graph.nodes):
        if mentioned:
            settle()
        if node.has_effect() or not live.isdisjoint(node.outputs):
            kept.append(node)
            live.update([a for a in node.inputs if isinstance(a, Var)])
            mentioned += node.mentions()
    if len(kept) == len(graph.nodes):
        return graph
    return Graph(graph.name, graph.inputs, tuple(reversed(kept)), graph.outputs)


def _binders(graph: Graph) -> dict[str, Var]:
    """The first value whose type has each size as a plain length."""
    binder: dict[str, Var] = {}
    for v in [*graph.inputs, *(o for n in graph.nodes for o in n.outputs)]:
        for d in v.type.shape:
            if isinstance(d, Size) and d.name():
                binder.setdefault(d.name(), v)  # type: ignore[arg-type]
    return binder


def _without_lengths(x: Any) -> Any:
    """A size or type as a key of a table."""
    return (x.dtype, hashable(x.shape)) if isinstance(x, ArrayType) else x


def structure(graph: Graph) -> tuple:
    """A hashable value that is equal for graphs that do the same, whatever their vars are called.

    The user's line belongs to what a check does: it is in its message.
    """
    number: dict[Var, int] = {v: i for i, v in enumerate(graph.inputs)}
    sizes: dict[str, str] = {}

    def plain(value):
        if isinstance(value, Graph):
            return structure(value)
        if isinstance(value, (Size, ArrayType)) or isinstance(value, tuple):
            for s in sorted(size_symbols(value)):
                sizes.setdefault(s, f"n{len(sizes)}")
            if isinstance(value, tuple):
                return tuple([plain(v) for v in value])
            return _without_lengths(substitute(value, {k: Size.symbol(v) for k, v in sizes.items()}) if sizes else value)
        return hashable(value)

    def atom(a: Atom):
        return number[a] if isinstance(a, Var) else a

    rows: list = [tuple([plain(v.type) for v in graph.inputs])]
    for node in graph.nodes:
        rows.append((node.op, tuple([atom(a) for a in node.inputs]), tuple([plain(p) for _, p in sorted(node.params.items())]),
                     tuple([plain(o.type) for o in node.outputs]), str(node.where) if node.op.effect else ""))
        for o in node.outputs:
            number[o] = len(number)
    return (*rows, tuple([atom(a) for a in graph.outputs]))
