"""Loops reversed under a memory budget: chunks of steps that are run again.

In reverse mode a loop keeps what each step needs: n steps of r bytes. Instead, the steps are grouped into chunks; only the state at the
start of each chunk (s bytes) is kept, and a chunk is run again, now keeping what its steps need, when the backward sweep comes to it. With
chunks of m steps this takes (n / m) s + m r bytes, least for m = sqrt(n s / r), and one further run of the loop. Where that is still too
much, chunks are made of chunks: L levels take about L (n s^(L-1) r)^(1/L) bytes and L - 1 further runs.

Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. (SIAM 2008), section 12.1, multilevel checkpointing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from autodiff.transforms.linearize import linearize_graph
from tracer.graph import Graph
from tracer.op import type_of
from tracer.ops.control import FOREVER, LoopSpec
from tracer.ops.control import checkpoint as checkpoint_op
from tracer.ops.control import loop as loop_op
from tracer.trace import bind, inline, trace_graph
from tracer.types import ArrayType, i64, is_inexact

__all__ = ["checkpoint_loop", "loop_within", "Budgeted"]

MOST_LEVELS = 6


class Budgeted:
    """What a loop goes over, and the memory that its reverse sweep may take."""

    def __init__(self, over, memory: float):
        self.over = over
        self.memory = memory

    def __iter__(self):
        return iter(self.over)

    def __len__(self):
        return len(self.over)


def checkpoint_loop(over, memory: float = 2e8):
    """`over`, for a `for` loop whose gradient may take about `memory` bytes in a compiled function.

    In reverse mode, steps are run again from checkpoints instead of keeping what each of them needs. Elsewhere the loop is as it was.

    Parameters
    ----------
    over : range or array that the loop goes over
    memory : bytes

    Examples
    --------
    >>> import numpy as np
    >>> def f(x):
    ...     for _ in checkpoint_loop(range(1000), memory=1e4):
    ...         x = np.sin(x)
    ...     return x.sum()
    >>> f(np.zeros(3)).item()
    0.0
    """
    return Budgeted(over, memory)


def loop_within(memory: float, count, constants: Sequence, carries: Sequence, body: Graph, test: Graph | None, length) -> list:
    """The outputs of a loop over (i | constants | carries), arranged so that its reverse sweep takes about `memory` bytes."""
    sizes = chunk_sizes(memory, length, _state_bytes(body, len(constants)), _kept_bytes(body))
    return _nested(sizes, count, list(constants), list(carries), body, test, length, None)


def chunk_sizes(memory: float, steps: int | None, state: int, kept: int) -> list[int]:
    """Steps in a chunk of each level, the greatest first; none where everything fits.

    >>> chunk_sizes(1e9, 1000, 8, 8), chunk_sizes(2e8, 10**6, 8000, 8000), chunk_sizes(1e6, 10**6, 8000, 8000)
    ([], [1000], [63096, 3981, 251, 16])
    """
    state, kept, steps = int(max(state, 8)), int(max(kept, 8)), None if steps is None else int(steps)
    if steps is None:       # as many checkpoints as steps between them, when the budget is used up
        return [max(1, int(memory / 2 / kept))]
    if steps * kept <= memory:
        return []
    for levels in range(2, MOST_LEVELS + 1):
        ways = max(2, ceil(steps ** (1 / levels)))
        innermost = max(1, min(steps, round((steps * state / kept) ** 0.5))) if levels == 2 else max(1, round(steps ** (1 / levels)))
        total = (levels - 1) * ways * state + innermost * kept if levels > 2 else -(-steps // innermost) * state + innermost * kept
        if total <= memory or levels == MOST_LEVELS:
            if levels == 2:
                return [innermost]
            return [round(steps ** ((levels - k) / levels)) for k in range(1, levels)]
    raise AssertionError


def _bytes(t: ArrayType) -> int:
    total = t.dtype.itemsize
    for d in t.shape:
        total *= d if isinstance(d, int) else 1
    return total


def _state_bytes(body: Graph, constants: int) -> int:
    return sum(_bytes(v.type) for v in body.inputs[1 + constants:])


def _kept_bytes(body: Graph) -> int:
    """What a step keeps for the backward sweep, at most: if all floats were differentiated."""
    lin = linearize_graph(body, [is_inexact(t.dtype) for t in body.in_types], keep_sized=False)
    return sum(_bytes(v.type) for v in lin.residuals if v not in lin.primal.inputs)


def _nested(sizes: list[int], count, constants: list, carries: list, body: Graph, test: Graph | None, length, start) -> list:
    """The loop whose steps are chunks of `sizes[0]`, or single steps; `start` is the number of its first step."""
    nc, nk = len(constants), len(carries)
    if not sizes:
        extra = [start] if start is not None else []

        def shifted(graph: Graph):
            def f(i, *args):
                return inline(graph, [i + args[0], *args[1:]])
            return trace_graph(f, [i64, i64, *graph.in_types[1:]], graph.name)
        inner_body, inner_test = (body, test) if start is None else (shifted(body), shifted(test) if test is not None else None)
        spec = LoopSpec(nc + len(extra), nk, 0)
        return bind(loop_op, count, *extra, *constants, *carries, spec=spec, length=length, body=inner_body, test=inner_test)
    size = sizes[0]
    unknown = isinstance(count, np.integer) and count == FOREVER
    chunks: Any = FOREVER if unknown else (count + (size - 1)) // size
    given = [i64, i64, i64, *map(type_of, constants), *map(type_of, carries)]

    def chunk(begin, first, total, *values):
        left: Any = np.int64(size) if unknown else np.minimum(total - (begin - first), size)
        return _nested(sizes[1:], left, list(values[:nc]), list(values[nc:]), body, test, size, begin)[:nk]
    inner = trace_graph(chunk, given, "chunk")

    def outer(k, first, total, *args):
        return bind(checkpoint_op, first + k * size, first, total, *args, graph=inner)
    origin = np.int64(0) if start is None else start
    outer_body = trace_graph(outer, given, "chunks")
    outer_test = None
    if test is not None:
        def again(k, first, total, *args):
            return inline(test, [first + k * size, *args])
        outer_test = trace_graph(again, given, "test")
    most = None if length is None else -(-length // size)
    spec = LoopSpec(2 + nc, nk, 0)
    whole: Any = np.int64(0) if unknown else count
    return bind(loop_op, chunks, origin, whole, *constants, *carries, spec=spec, length=most, body=outer_body, test=outer_test)
