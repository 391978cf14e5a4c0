"""What ops that hold graphs share: types of bodies, and lists of tangents of which some are None."""

from __future__ import annotations

from collections.abc import Sequence

from tracer.graph import Graph
from tracer.op import Op, type_of
from tracer.trace import zeros
from tracer.types import ArrayType, Dim, fresh_size, match_sizes, substitute


def body_out_types(graph: Graph, in_types: Sequence[ArrayType]) -> list[ArrayType]:
    """Output types of a body for given input types; sizes made inside get new symbols."""
    names: dict[str, Dim] = {}
    for v, t in zip(graph.inputs, in_types, strict=True):
        if v.type.dtype != t.dtype or len(v.type.shape) != len(t.shape):
            raise TypeError(f"body {graph.name} takes {v.type}, not {t}")
        match_sizes(v.type, t.shape, names)
    out = []
    for t in graph.out_types:
        for s in t.symbols():
            names.setdefault(s, fresh_size())
        out.append(substitute(t, names))
    return out


class HoldsGraph(Op):
    """An op with bodies: it gives a list of outputs, and its rules are made of the derivatives of its bodies."""
    exact = True
    many = True
    differentiates_bodies = True


def present(values: Sequence) -> list:
    """The values that are not None."""
    return [v for v in values if v is not None]


def pick(values: Sequence, flags: Sequence[bool], want: bool) -> list:
    """The values whose flag is the wanted one."""
    return [v for v, f in zip(values, flags, strict=True) if f is want]


def in_place_of_none(tangents: Sequence, values: Sequence, wanted: Sequence[bool]) -> list:
    """Tangents, with zeros for those that are None but wanted."""
    return [zeros(type_of(x)) if w and d is None else d for x, d, w in zip(values, tangents, wanted, strict=True)]


def full_cotangents(cts: Sequence, types: Sequence[ArrayType]) -> list:
    """Cotangents, with zeros for those that are None."""
    return [zeros(t) if ct is None else ct for ct, t in zip(cts, types, strict=True)]
