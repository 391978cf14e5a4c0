"""Results whose length is known only when the function has run, such as `x[x > 0]`, from compiled code.

A kernel fills arrays that its caller has made. So a result is put at the start of one of the greatest length that it may have, which
the kernel returns with the length, and is cut off there. Where no greatest length is known, the evaluator runs the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from autodiff.numpy.indexing import update
from autodiff.numpy.sizes import integer_of_length
from autodiff.numpy.support import as_array, filled
from codegen.backends.interpreter import InterpretedKernel
from codegen.kernel import Kernel
from tracer.graph import Graph
from tracer.integers import in_counters
from tracer.op import type_of
from tracer.promote import cast_to
from tracer.trace import inline, trace_graph
from tracer.types import Size

__all__ = ["trimmed_kernel"]

MOST_ELEMENTS = 1 << 26
"""Elements of the longest array that is made for a result whose length is not known."""


class TrimmedKernel(Kernel):
    """A kernel of a padded graph, whose results are cut off at their lengths."""

    def __init__(self, graph: Graph, inner: Kernel, lengths: Sequence[Sequence[int]]):
        super().__init__(graph, self._run, inner.compile_seconds, inner.references, inner.note)
        self.generator = inner.generator
        self.inner = inner
        self._lengths = lengths     # of each result the axes, from the first on, whose lengths the kernel returns behind it

    def _run(self, *leaves: Any) -> tuple:
        found = iter(self.inner.run(*leaves))
        out = []
        for axes in self._lengths:
            x = next(found)
            out.append(x[tuple([slice(int(next(found))) for _ in axes])].copy() if axes else x)
        return tuple(out)

    def release(self) -> None:
        """Drop the graphs, which are not needed to run it."""
        self.inner.release()
        vars(self).pop("graph", None)


def trimmed_kernel(graph: Graph, compile_graph: Callable[[Graph], Kernel]) -> Kernel:
    """The kernel of a graph with results of unknown lengths: compiled where the greatest lengths are known."""
    most = _greatest_lengths(graph)
    shapes = [_greatest_shape(t.shape, most) if t.symbols() else t.shape for t in graph.out_types]
    known: list[tuple[Any, ...]] = [s for s in shapes if s is not None]
    if len(known) < len(shapes) or any(prod(s) > MOST_ELEMENTS for s, t in zip(known, graph.out_types, strict=True) if t.symbols()):
        return InterpretedKernel(graph, "the NumPy evaluator runs it: a result has a length that is known only at run time, and no "
                                        "greatest length of it is known")
    return TrimmedKernel(graph, compile_graph(_padded(graph, known)), [_open_axes(t.shape) for t in graph.out_types])


def _open_axes(shape: Sequence) -> range:
    """The axes up to the last one whose length is not known."""
    return range(max([k + 1 for k, d in enumerate(shape) if isinstance(d, Size)], default=0))


def _greatest_lengths(graph: Graph) -> dict[str, int]:
    """The greatest length that each symbol may stand for, of those whose op tells."""
    found: dict[str, int] = {}
    for node in graph.nodes:
        lengths = node.op.greatest_lengths(*[a.type for a in node.inputs], **node.params)
        most = None if lengths is None else _greatest_shape(lengths, found)
        for d, m in zip(node.outputs[0].type.shape, most, strict=True) if most is not None else ():
            name = d.name() if isinstance(d, Size) else None
            if name is not None:
                found[name] = m
    return found


def _greatest_shape(shape: Sequence, most: Mapping[str, int]) -> tuple[int, ...] | None:
    """The greatest lengths of a result: polynomials of symbols, none of which is negative."""
    found = []
    for d in shape:
        d = in_counters(d)
        if isinstance(d, Size):
            terms = [(m, c) for m, c in d.terms if c > 0]
            if any(s not in most for m, _ in terms for s in m):
                return None
            d = sum(c * prod([most[s] for s in m]) for m, c in terms)
        found.append(int(d))
    return tuple(found)


def _padded(graph: Graph, shapes: Sequence) -> Graph:
    """The graph with arrays of these shapes for results of unknown lengths, each followed by its lengths."""
    def flat(*args: Any) -> list:
        out = []
        for x, shape in zip(inline(graph, args), shapes, strict=True):
            t = type_of(x)
            axes = _open_axes(t.shape)
            if axes:
                lengths = [integer_of_length(t.shape[k]) for k in axes]
                out.append(update(filled(shape, 0, t.dtype), tuple([slice(0, n) for n in lengths]), x, "set"))
                out += [cast_to(as_array(n), np.dtype(np.int64)) for n in lengths]
            else:
                out.append(x)
        return out
    return trace_graph(flat, graph.in_types, graph.name)
