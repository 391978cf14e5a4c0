"""Forward mode leaves alone what stands still: the tangent of what does not move is 0, and stays 0 where a derivative is infinite.

In: a graph that is linear in some of its values. Out: the same, in which the products with derivatives give 0 where the tangent is 0
because of how it was made (`Op.reached`): by a choice, a write or an index. A tangent that only happens to be 0 is multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import numpy as np

from tracer.graph import Graph, Var, all_nodes
from tracer.op import type_of
from tracer.ops.arithmetic import div, mul, slope_product
from tracer.ops.comparison import select
from tracer.passes.simplify import filled_with
from tracer.trace import apply, current_trace, trace_graph, walk, zeros
from tracer.types import is_inexact

__all__ = ["PRODUCTS", "has_steep_slopes", "is_by_a_number", "moved", "still_zero"]

PRODUCTS = (slope_product, mul, div)
"""Ops whose other factor may be infinite or nan: what is 0 because of how it was made stays 0."""


def still_zero(graph: Graph, linear: Sequence[bool], tangents: Set[Var] | None = None) -> Graph:
    """The graph with tangents that stay 0, given which inputs are tangents and which outputs of ops with many are; None: all of them."""
    if not any(node.op in PRODUCTS or node.op.differentiates_bodies for node in graph.nodes):
        return graph
    return trace_graph(lambda *args: moved(graph, args, linear, tangents=tangents), graph.in_types, graph.name)


def moved(graph: Graph, args: Sequence, linear: Sequence[bool], masks: Sequence | None = None, tangents: Set[Var] | None = None) -> list:
    """Record a graph, of which some inputs are tangents; `masks` say where these may differ from 0, None: everywhere."""
    nodes = iter(graph.nodes)
    trace = current_trace()
    outer = trace.where if trace is not None else None
    where: dict[Var, Any] = {v: None if masks is None else m
                             for v, t, m in zip(graph.inputs, linear, masks or [None] * len(graph.inputs), strict=True) if t}

    def step(_, xs, params):
        node = next(nodes)
        if trace is not None and node.where is not None:
            trace.where = node.where
        flags = [isinstance(a, Var) and a in where for a in node.inputs]
        if not any(flags):
            out = apply(node.op, xs, params)
            return out if node.op.many else [out]
        if node.op.many:
            if tangents is None:
                params = node.op.with_bodies(params, flags, still_zero)
            out = apply(node.op, xs, params)
            found = node.op.linear_outputs(node.outputs, params) if tangents is None else [v for v in node.outputs if v in tangents]
            where.update((v, None) for v in found if is_inexact(v.type.dtype))
            return out
        out = apply(node.op, xs, params)
        if is_inexact(type_of(out).dtype):
            mask = node.op.reached([where[a] if f else False for a, f in zip(node.inputs, flags, strict=True)], *xs, **params)
            if mask is not None and node.op in PRODUCTS and not is_by_a_number(trace, [x for x, f in zip(xs, flags, strict=True) if not f]):
                out = select(mask, out, zeros(type_of(out)))
            where[node.outputs[0]] = mask
        return [out]
    try:
        return walk(graph, args, step)
    finally:
        if trace is not None:
            trace.where = outer


def has_steep_slopes(graph: Graph) -> bool:
    """Whether a graph that is linear in tangents multiplies by derivatives that may be infinite where the function is finite."""
    return any(node.op in (slope_product, div) for node in all_nodes(graph))


def is_by_a_number(trace, factors: Sequence) -> bool:
    """Whether a factor is a number that is known, and finite."""
    fills = [] if trace is None else [filled_with(trace, x) for x in factors]
    return any(f is not None and np.isfinite(f) for f in fills)
