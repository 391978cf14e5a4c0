"""Reading and writing parts of arrays.

One description serves both ops: `spec` has an entry for each axis of the array, either `(start, length, step)` or the number
of an index array. All index arrays have one integer dtype and one shape; its axes come first in the selection, the sliced axes
follow. Their values lie between 0 and the length of the axis: where that is not known of what a user gives, `in_bounds` makes it so,
and every read and write that uses its result depends on the check. `unique` says that no element is selected twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracer.graph import Graph, Node, map_bodies
from tracer.lengths import shown
from tracer.op import Cost, Linear, Op, Total, Unknown, filled_mask, register, type_of
from tracer.ops.arithmetic import cast
from tracer.ops.comparison import eq, ne, select
from tracer.ops.shape import broadcast, iota, reshape
from tracer.trace import bind, full, zeros
from tracer.types import ArrayType, element_count, fresh_size, is_inexact


def selection_shape(spec, index_types):
    """Shape of the selected part."""
    lead = index_types[0].shape if index_types else ()
    return (*lead, *(e[1] for e in spec if isinstance(e, tuple)))


def full_spec(shape):
    """The spec that takes everything."""
    return tuple((0, d, 1) for d in shape)


def _select(x, spec):
    """A NumPy view of the sliced part, indexed axes first."""
    slices = []
    for e in spec:
        if isinstance(e, tuple):
            start, length, step = e
            stop = start + length * step
            slices.append(slice(start, stop if stop >= 0 else None, step) if length else slice(0, 0))
        else:
            slices.append(slice(None))
    part = x[tuple(slices)]
    lead = sorted((e, i) for i, e in enumerate(spec) if not isinstance(e, tuple))
    return np.moveaxis(part, [i for _, i in lead], range(len(lead)))


class _BoundsCheck(Op):
    """y = i counted from the start of an axis: i, or i + length where i is negative. Raises IndexError unless -length <= i < length.

    `wraps` is False where i is known not to be negative.
    """
    exact = True

    def infer(self, i, *, length, axis, wraps):
        if i.dtype != np.int64:
            raise TypeError(f"in_bounds({i})")
        return i

    def reference(self, i, *, length, axis, wraps):
        i = np.asarray(i)
        wrong = (i < -length) | (i >= length)
        if wrong.any():
            raise IndexError(out_of_bounds(i[wrong][0], length, axis))
        return np.where(i < 0, i + length, i)[()]

    def jvp(self, xs, dxs, **params):
        return self(*xs, **params), None

    def guard(self, k, inputs, *, length, axis, wraps):
        k.check_index(inputs[0].read(()), length, out_of_bounds("", length, axis))

    def scalar(self, k, i, *, length, axis, wraps):
        return k.from_start(i, length) if wraps else i

    def lower(self, k, inputs, outputs, *, length, axis, wraps):
        with k.nest(outputs[0].shape) as at:
            i = k.load(inputs[0], at)
            k.check_index(i, length, out_of_bounds("", length, axis))
            k.store(outputs[0], at, self.scalar(k, i, length=length, axis=axis, wraps=wraps))


class InBounds(_BoundsCheck):
    """y = i counted from the start of an axis: i, or i + length where i is negative. Raises IndexError unless -length <= i < length.

    The check is an effect: it is made although nobody may read what the index selects. Reads and writes take the result as their index, in
    every transform, so that none of them comes before the check.
    """
    cost = Cost.LITTLE

    effect = True
    idempotent = True


in_bounds = register(InBounds())


class InBoundsAgain(_BoundsCheck):
    """As `in_bounds`, in a linear graph that computes an index again: checked where it is used, and dropped where it is not.

    The primal graph has made the same check, but nothing else makes the linear graph's reads and writes wait for it.
    """

    cost = Cost.NOTHING


in_bounds_again = register(InBoundsAgain())


def check_where_used(node: Node) -> Node:
    """A node that the linear graph runs again, with its checks, and those of the graphs in it, as `in_bounds_again`."""
    if node.op is in_bounds:
        return Node(in_bounds_again, node.inputs, node.outputs, node.params, node.where)
    return map_bodies(node, lambda g: Graph(g.name, g.inputs, tuple(map(check_where_used, g.nodes)), g.outputs))


def out_of_bounds(i, length, axis: int) -> str:
    """The message of an index out of range, as NumPy has it; without the number where it is not known."""
    return f"index {i} is out of bounds for axis {axis} with size {shown(length)}".replace("  ", " ")


class Index(Op):
    """y = x[spec]."""
    exact = True

    cost = Cost.LITTLE

    def only_moves(self, operands, *, spec):
        return operands == 1

    def infer(self, x, *indices, spec):
        if len(spec) != x.ndim or any(i.dtype.kind not in "iu" or i.shape != indices[0].shape for i in indices):
            raise TypeError(f"index({x}, {', '.join(map(str, indices))}, spec={spec})")
        return x.with_shape(selection_shape(spec, indices))

    def reference(self, x, *indices, spec):
        part = _select(np.asarray(x), spec)
        return part[tuple(np.asarray(i) for i in indices)] if indices else part

    def jvp(self, xs, dxs, *, spec):
        y = self(*xs, spec=spec)
        dx = dxs[0]
        return y, None if dx is None else self(dx, *xs[1:], spec=spec)

    def transpose(self, ct, x, *indices, spec):
        into = zeros(x.type) if x.gathered is None else x.gathered
        return (Total(update(into, ct, *indices, spec=spec, mode="add")), *[None] * len(indices))

    def needed(self, mask, x, *indices, spec):
        if not indices:
            return [None]
        if x.gathered is not None and x.needed is None:
            return [None] * (1 + len(indices))      # all of it may be needed, as far as is known
        shape = type_of(x).shape
        if mask is None:
            before = full(shape, False, np.bool_) if x.needed is None else x.needed
            taken = full(selection_shape(spec, [type_of(i) for i in indices]), True, np.bool_)
            return [Total(update(before, taken, *indices, spec=spec, mode="set")), *[None] * len(indices)]
        # A place may be read several times, and be asked for by some of them: they are counted.
        count = update(full(shape, 0, np.int64), cast(mask, dtype=np.dtype(np.int64)), *indices, spec=spec, mode="add")
        return [ne(count, full(shape, 0, np.int64)), *[None] * len(indices)]

    def reached(self, masks, x, *indices, spec):
        return None if masks[0] is None else index(masks[0], *indices, spec=spec)

    def view(self, k, read, types, *, spec, indices=()):
        return lambda index: read(k.place(spec, indices, index))


index = register(Index())


class Update(Op):
    """y = x, with x[spec] = v (mode set) or x[spec] += v (mode add; repeated indices add repeatedly)."""

    overwrites = True

    def is_exact(self, *, mode, **params):
        return mode == "set"    # sums of cotangents are made in another order

    def only_moves(self, operands, *, spec, mode, unique=False):
        return operands == 2 and mode == "set"

    def infer(self, x, v, *indices, spec, mode, unique=False):
        if len(spec) != x.ndim or v.shape != selection_shape(spec, indices) or v.dtype != x.dtype:
            raise TypeError(f"update({x}, {v}, {', '.join(map(str, indices))}, spec={spec})")
        return x

    def reference(self, x, v, *indices, spec, mode, unique=False):
        y = np.array(x)
        part = _select(y, spec)
        where = tuple(np.asarray(i) for i in indices) if indices else Ellipsis
        if mode == "set":
            part[where] = v
        elif indices:
            np.add.at(part, where, v)
        else:
            part[...] += v
        return y

    def jvp(self, xs, dxs, *, spec, mode, **unique):
        x, v, *indices = xs
        dx, dv = dxs[:2]
        y = self(*xs, spec=spec, mode=mode, **unique)
        if dx is None and dv is None or not is_inexact(type_of(x).dtype):
            return y, None
        if dv is None and mode == "add":
            return y, dx
        dx = zeros(type_of(x)) if dx is None else dx
        dv = zeros(type_of(v)) if dv is None else dv
        return y, self(dx, dv, *indices, spec=spec, mode=mode, **unique)

    def transpose(self, ct, x, v, *indices, spec, mode, unique=False):
        ct_v = index(ct, *indices, spec=spec) if isinstance(v, Unknown) else None
        ct_x = None
        if isinstance(x, Unknown):
            extra = {"unique": True} if unique else {}
            ct_x = ct if mode == "add" else bind(self, ct, zeros(type_of(v)), *indices, spec=spec, mode="set", **extra)
        if ct_v is not None and indices and mode == "set" and not unique:
            ct_v = self._winners(ct_v, x, v, indices, spec)
        return (ct_x, ct_v, *[None] * len(indices))

    def needed(self, mask, x, v, *indices, spec, mode, unique=False):
        rest = [None] * len(indices)
        if mode == "add" or not indices:
            return [mask if mode == "add" else None, None if mask is None else index(mask, *indices, spec=spec), *rest]
        t = type_of(x)
        kept = update(full(t.shape, True, np.bool_) if mask is None else mask, full(type_of(v).shape, False, np.bool_), *indices, spec=spec,
                      mode="set")
        return [kept, None if mask is None else index(mask, *indices, spec=spec), *rest]

    def reached(self, masks, x, v, *indices, spec, mode, unique=False):
        of_x, of_v = masks[:2]
        if of_x is None and (of_v is None or mode == "add"):
            return None
        if mode == "add":
            of_v = None     # what is added to one place several times is not told apart
        return self(filled_mask(of_x, x), filled_mask(of_v, v), *indices, spec=spec, mode="set", **({"unique": True} if unique else {}))

    @staticmethod
    def _winners(ct_v, x, v, indices, spec):
        """Of values written to one place only the last one is seen: the others get cotangent 0."""
        t = type_of(v)
        lead = type_of(indices[0]).shape
        if lead == () or all(d == 1 for d in lead):
            return ct_v
        count = element_count(lead)
        order = reshape(iota(count), shape=lead)
        indexed = [e for e in spec if not isinstance(e, tuple)]
        lengths = [type_of(x).shape[i] for i, e in enumerate(spec) if not isinstance(e, tuple)]
        lengths = [n for _, n in sorted(zip(indexed, lengths, strict=True))]
        short = tuple(range(len(lengths)))
        table = update(full(tuple(lengths), -1, np.int64), order, *indices, spec=short, mode="set")
        last = eq(index(table, *indices, spec=short), order)
        last = reshape(last, shape=(*lead, *[1] * (t.ndim - len(lead))))
        return select(broadcast(last, shape=t.shape), ct_v, zeros(t))

    def lower(self, k, inputs, outputs, *, spec, mode, unique=False):
        x, v, *indices = inputs
        k.copy_or_alias(x, outputs[0])
        with k.nest(v.shape) as position:
            place = k.place(spec, [k.reader(i) for i in indices], position)
            k.store(outputs[0], place, k.load(v, position), combine="add" if mode == "add" else None)


update = register(Update())


class Selected(Op):
    """y = the positions at which a flat mask is true, in order; as many as there are at run time."""
    exact = True

    def infer(self, mask):
        if mask.dtype.kind != "b" or mask.ndim != 1:
            raise TypeError(f"selected({mask})")
        return ArrayType(np.dtype(np.int64), (fresh_size(),))

    def reference(self, mask):
        return np.flatnonzero(mask)

    def jvp(self, xs, dxs):
        return self(*xs), None

    def greatest_lengths(self, mask):
        return mask.shape

    def lengths(self, k, inputs):
        mask, = inputs
        count = k.stored(np.dtype(np.int64), ())
        k.store(count, (), k.const(0, np.int64))
        with k.nest(mask.shape) as index:
            k.store(count, (), k.cast(k.load(mask, index), np.dtype(np.int64)), "add")
        return [k.load(count, ())]

    def lower(self, k, inputs, outputs):
        mask, = inputs
        at = k.stored(np.dtype(np.int64), ())
        k.store(at, (), k.const(0, np.int64))
        places = k.stored(np.dtype(np.int64), mask.shape)   # room for all, so that no step needs a branch: `at` is never above i
        with k.steps(mask.shape[0]) as i:
            k.store(places, (k.load(at, ()),), i)
            k.store(at, (), k.cast(k.load(mask, (i,)), np.dtype(np.int64)), "add")
        with k.nest(outputs[0].shape) as index:
            k.store(outputs[0], index, k.load(places, index))


selected = register(Selected())


class PadSum(Linear):
    """y = sum of the arrays, each put into zeros of `shape` at its start: the cotangent of slices, element by element.

    The compiler makes it of updates that add slices to zeros. Written so, each element is computed once from what reaches it,
    instead of the array being filled and swept again for every slice.
    """

    def infer(self, *xs, shape, starts):
        if any(any(s < 0 or s + d > n for s, d, n in zip(start, x.shape, shape, strict=True))
               for x, start in zip(xs, starts, strict=True)):
            raise TypeError(f"pad_sum({', '.join(map(str, xs))}, shape={shape}, starts={starts})")
        return xs[0].with_shape(shape)

    def reference(self, *xs, shape, starts):
        y = np.zeros(shape, np.asarray(xs[0]).dtype)
        for x, start in zip(xs, starts, strict=True):
            y[tuple(slice(s, s + d) for s, d in zip(start, np.shape(x), strict=True))] += x
        return y

    def transpose(self, ct, *xs, shape, starts):
        out = []
        for x, start in zip(xs, starts, strict=True):
            spec = tuple((s, d, 1) for s, d in zip(start, type_of(x).shape, strict=True))
            out.append(bind(index, ct, spec=spec) if isinstance(x, Unknown) else None)
        return out

    def lower(self, k, inputs, outputs, *, shape, starts):
        out, = outputs
        for cell in cells(shape, [(start, x.shape) for start, x in zip(starts, inputs, strict=True)]):
            with k.nest(cell.size) as at:
                # 0 + x, not x: -0.0 becomes 0.0, as in the reference
                k.store(out, cell.place(k, at), _added(k, k.const(0, out.dtype), cell, at, inputs, starts))


pad_sum = register(PadSum())


class AddSlices(Op):
    """y = x with each array added at its start; before that the elements of the box `cleared` (starts, lengths), if any, are made 0.

    The compiler makes it of updates of one array by slices, such as the cotangents of a stencil: each element is read and
    written once, instead of the array being swept again for every slice. The order of the sums is that of the updates.
    """

    overwrites = True

    def infer(self, x, *vs, starts, cleared):
        return x

    def reference(self, x, *vs, starts, cleared):
        y = np.array(x)
        if cleared is not None:
            y[tuple(slice(s, s + d) for s, d in zip(*cleared, strict=True))] = 0
        for v, start in zip(vs, starts, strict=True):
            y[tuple(slice(s, s + d) for s, d in zip(start, np.shape(v), strict=True))] += v
        return y

    def lower(self, k, inputs, outputs, *, starts, cleared):
        x, *vs = inputs
        out, = outputs
        k.copy_or_alias(x, out)
        boxes = [(start, v.shape) for start, v in zip(starts, vs, strict=True)]
        for cell in cells(x.shape, [*boxes, *([cleared] if cleared else [])]):
            clears = cleared is not None and cell.inside(cleared)
            if not clears and not any(map(cell.inside, boxes)):
                continue
            with k.nest(cell.size) as at:
                place = cell.place(k, at)
                first = k.const(0, out.dtype) if clears else k.load(out, place)
                k.store(out, place, _added(k, first, cell, at, vs, starts))


add_slices = register(AddSlices())


@dataclass(frozen=True, slots=True)
class Cell:
    """A box of an array."""

    low: tuple[int, ...]
    size: tuple[int, ...]

    def inside(self, box) -> bool:
        """Whether it lies in a box (starts, lengths)."""
        return all(s <= lo and lo + n <= s + d for lo, n, s, d in zip(self.low, self.size, *box, strict=True))

    def place(self, k, at) -> tuple:
        """The index, in the array, of the element that has the index `at` in the box."""
        return tuple(k.offset(i, lo) for i, lo in zip(at, self.low, strict=True))


def _in_order(numbers: list[int]) -> list[int]:
    """The different numbers among some, which may be lengths, in order."""
    numbers = sorted(numbers)
    return [n for k, n in enumerate(numbers) if k == 0 or n != numbers[k - 1]]


def cells(shape: Sequence[Any], boxes: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[Cell]:
    """The cells into which the edges of boxes (starts, lengths) cut an array: each lies in a box as a whole or not at all."""
    cuts = [_in_order([0, n, *(s[d] for s, _ in boxes), *(s[d] + size[d] for s, size in boxes)]) for d, n in enumerate(shape)]
    corners = itertools.product(*(range(len(c) - 1) for c in cuts))
    return [Cell(tuple(c[i] for c, i in zip(cuts, corner, strict=True)), tuple(c[i + 1] - c[i] for c, i in zip(cuts, corner, strict=True)))
            for corner in corners]


def _added(k, total, cell: Cell, at, inputs, starts):
    """An element of a cell with what the arrays add to it."""
    for x, start in zip(inputs, starts, strict=True):
        if cell.inside((start, x.shape)):
            total = k.apply("add", total, k.load(x, tuple(k.offset(i, lo - s) for i, lo, s in zip(at, cell.low, start, strict=True))))
    return total




def take_slice(x, axis, start, length, step=1):
    """Part of one axis."""
    shape = type_of(x).shape
    if start == 0 and step == 1 and shape[axis] == length:
        return x
    spec = list(full_spec(shape))
    spec[axis] = (start, length, step)
    return bind(index, x, spec=tuple(spec))
