"""Results whose length is known only when the function has run, such as `x[x > 0]`, from compiled code.

A kernel fills arrays that its caller has made. So a result is put at the start of an array with room for it, and the kernel returns the
length at which it is cut off. The room is the greatest length that the result may have, where that is known; else, as for `bincount`, it
is tried: a kernel writes what there is room for and tells the true length, and where that is more, a kernel with more room runs instead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.numpy.selection import aligned
from autodiff.numpy.sizes import integer_of, integer_of_length, note_integer, span_of
from autodiff.numpy.support import as_array, filled
from codegen.kernel import Kernel
from tracer.graph import Graph
from tracer.integers import in_counters
from tracer.op import type_of
from tracer.ops.index import index, update
from tracer.ops.shape import reshape_to
from tracer.promote import cast_to
from tracer.trace import bind, inline, trace_graph
from tracer.types import Size

if TYPE_CHECKING:
    from codegen.entry.calling import CallPlan
    from codegen.entry.native import Signature

__all__ = ["trimmed_kernel"]

MOST_ELEMENTS = 1 << 26
"""Elements of the longest array that is made for a result before its length is known."""
FIRST_ROOM = 64
"""Elements for which there is room in an axis of which nothing is known."""

Shape = tuple[int, ...]


class TrimmedKernel(Kernel):
    """A kernel of a padded graph, whose results are cut off at their lengths."""

    def __init__(self, graph: Graph, compile_graph: Callable[[Graph], Kernel], shapes: Sequence[Shape], tried: bool):
        self._axes = [_open_axes(t.shape) for t in graph.out_types]
        self._make = lambda shapes: compile_graph(_padded(graph, shapes))
        self._lock = threading.Lock()
        self._state: tuple[Sequence[Shape], Kernel] = (shapes, self._make(shapes))
        self._tried = tried         # whether the room is that of the first kernel, which knows nothing
        super().__init__(graph, self._run, self.inner.compile_seconds, self.inner.references, self.inner.note)
        self.generator = self.inner.generator

    @property
    def inner(self) -> Kernel:
        """The kernel that runs."""
        return self._state[1]

    def _run(self, *leaves: Any) -> tuple:
        while True:
            shapes, inner = self._state
            found = inner.run(*leaves)
            count = sum(map(len, self._axes))
            lengths, results = iter(found[:count]), found[count:]
            ends = [tuple([int(next(lengths)) for _ in axes]) for axes in self._axes]
            if all(n <= room for end, s in zip(ends, shapes, strict=True) for n, room in zip(end, s, strict=False)):
                if self._tried:
                    self._tried, self.outgrown = False, True    # from now on there is a table
                return tuple([_cut(x, end) for x, end in zip(results, ends, strict=True)])
            self._grow(shapes, ends)

    def _grow(self, shapes: Sequence[Shape], ends: Sequence[Shape]) -> None:
        """Make room for results of these lengths: just so much the first time, and twice as much as before where they grow."""
        with self._lock:
            if self._state[0] is not shapes:
                return
            most = [_widened(shape, end, self._tried) for shape, end in zip(shapes, ends, strict=True)]
            self._tried = False
            self._state = (most, self._make(most))
            self.outgrown = True

    def call_table(self, plan: CallPlan, same: bool = False, cut: Sequence[int | None] = ()) -> Signature | None:
        """The native entry's table, where each length that is not known is that of a first axis."""
        if self._tried or same or any(len(axes) > 1 for axes in self._axes):
            return None
        self.outgrown = False
        places = iter(range(len(self._axes)))
        return self.inner.call_table(plan, False, [next(places) if axes else None for axes in self._axes])

    def release(self) -> None:
        """Drop the graphs, which are not needed to run it."""
        self.inner.release()
        vars(self).pop("graph", None)


def trimmed_kernel(graph: Graph, compile_graph: Callable[[Graph], Kernel]) -> Kernel:
    """The kernel of a graph with results of unknown lengths."""
    most = _greatest_lengths(graph)
    known = [_greatest_shape(t.shape, most) for t in graph.out_types]
    shapes: list[Any] = [t.shape if not t.symbols() else m if m is not None and prod(m) <= MOST_ELEMENTS else _first_room(t.shape)
                         for t, m in zip(graph.out_types, known, strict=True)]
    tried = any(t.symbols() and s != m for t, s, m in zip(graph.out_types, shapes, known, strict=True))
    return TrimmedKernel(graph, compile_graph, shapes, tried)


def _first_room(shape: Sequence) -> Shape:
    """The shape of an array for a result of which no greatest lengths are known."""
    return tuple([FIRST_ROOM if isinstance(d, Size) else d for d in shape])


def _widened(shape: Shape, end: Shape, exactly: bool) -> Shape:
    """The shape of an array with room for more: just so much, or twice as much as before."""
    def wide(factor: int) -> Shape:
        return tuple([room if n <= room else max(n, factor * room) for n, room in zip(end, shape, strict=False)]) + shape[len(end):]
    return wide(1) if exactly or prod(wide(2)) > MOST_ELEMENTS else wide(2)


def _cut(x: Any, end: Shape) -> Any:
    """The start of a result, in memory of its own."""
    return x if not end or x.shape[:len(end)] == end else x[tuple([slice(n) for n in end])].copy()


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


def _padded(graph: Graph, shapes: Sequence[Shape]) -> Graph:
    """The graph with arrays of these shapes for its results, after the lengths of those whose lengths are not known."""
    def flat(*args: Any) -> list:
        lengths, out = [], []
        for x, shape in zip(inline(graph, args), shapes, strict=True):
            t = type_of(x)
            ends = [integer_of_length(t.shape[k]) for k in _open_axes(t.shape)]
            lengths += [cast_to(as_array(n), np.dtype(np.int64)) for n in ends]
            out.append(_at_start(x, ends, shape) if ends else x)
        return lengths + out
    return trace_graph(flat, graph.in_types, graph.name)


def _at_start(x: Any, ends: Sequence, shape: Shape) -> Any:
    """An array of a shape that begins with x: with as much of it as there is room for."""
    t, n = type_of(x), len(ends)
    spans = []
    for k, (end, room) in enumerate(zip(ends, shape, strict=False)):
        count = note_integer(np.minimum(end, room), 0, room)
        length = integer_of(count)
        assert length is not None
        span = span_of(count, length)
        spans.append(reshape_to(span, tuple([type_of(span).shape[0] if j == k else 1 for j in range(n)])))
    places = aligned(spans)
    part = bind(index, x, *places, spec=(*range(n), *[(0, d, 1) for d in t.shape[n:]]))
    spec = (*range(n), *[(0, d, 1) for d in shape[n:]])
    return bind(update, filled(shape, 0, t.dtype), part, *places, spec=spec, mode="set", unique=True)
