"""A graph with numbers in place of the lengths that stand for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracer.graph import Atom, Graph, Node, Var
from tracer.lengths import filled
from tracer.sizes import Length
from tracer.types import ArrayType, Size

__all__ = ["with_numbers"]


def with_numbers(graph: Graph, numbers: Mapping[str, int]) -> Graph:
    """The graph that arrays of certain shapes have, given the numbers of its symbols: what evaluates it knows plain lengths only."""
    new: dict[Var, Var] = {}

    def put(x: Any) -> Any:
        if type(x) is Length:
            return x.size.replace(numbers)
        if isinstance(x, Size):
            return x.replace(numbers)
        if isinstance(x, ArrayType):
            return ArrayType(x.dtype, put(x.shape))
        if isinstance(x, Graph):
            return with_numbers(x, numbers)
        if isinstance(x, str):
            return filled(x, numbers)
        if type(x) is tuple:
            return tuple([put(item) for item in x])
        return x

    def var(v: Var) -> Var:
        new[v] = Var(put(v.type))
        return new[v]

    def atom(a: Atom) -> Atom:
        return new[a] if isinstance(a, Var) else a
    inputs = tuple([var(v) for v in graph.inputs])
    nodes = tuple([Node(n.op, tuple([atom(a) for a in n.inputs]), tuple([var(v) for v in n.outputs]),
                        {k: put(p) for k, p in n.params.items()}, n.where) for n in graph.nodes])
    return Graph(graph.name, inputs, nodes, tuple([atom(a) for a in graph.outputs]))
