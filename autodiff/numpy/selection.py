"""From NumPy's index to a selection, the form in which the ops `index` and `update` take it.

`parse` holds all of NumPy's rules about where the axes of index arrays go. Indices whose numbers are known are checked at once; the others
when they are used.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autodiff.numpy.sizes import integer_of, integer_of_length, note_integer, note_value, span_of
from autodiff.numpy.support import (
    array_of,
    as_array,
    dtype_of,
    known,
    require_value,
    shape_of,
)
from tracer.errors import ConcreteValueError, IndexingError, UnsupportedError, explain
from tracer.integers import is_nonnegative
from tracer.ops import index as index_ops
from tracer.ops.shape import reshape_to
from tracer.promote import broadcast_to, cast_to, describe
from tracer.sizes import Length, as_int
from tracer.trace import Tracer, bind
from tracer.types import Dim, element_count

__all__ = ["Selection", "parse", "aligned", "bounded", "mask_indices"]


@dataclass(frozen=True, slots=True)
class Selection:
    """An index in the form that the ops take, and the way from their result to NumPy's.

    The op gives the axes of the index arrays first, then all sliced axes. NumPy drops those that an integer selected, and puts
    the axes of the index arrays at `place`.
    """

    shape: tuple[Dim, ...]      # of the array, with the new axes
    spec: tuple                 # as in tracer/ops/index.py
    arrays: tuple               # the index arrays: one dtype and one shape, within bounds and not negative
    dropped: tuple[int, ...]    # numbers of the sliced axes that integers selected
    places: tuple[int, ...]     # of the axes of the index arrays in the result
    is_view: bool

    def key(self) -> Any:
        """Equal for selections of the same elements; None if that cannot be told."""
        atoms = tuple([a.ref if isinstance(a, Tracer) else a.tobytes() for a in self.arrays])
        return (self.shape, self.spec, self.dropped, atoms) if self.is_view else None

    def is_everything(self) -> bool:
        """Whether every element is selected, in order."""
        return not self.arrays and self.spec == index_ops.full_spec(self.shape)

    def lead(self) -> tuple[Dim, ...]:
        """Shape of the index arrays."""
        return shape_of(self.arrays[0]) if self.arrays else ()

    def sliced(self) -> tuple[Dim, ...]:
        """Lengths of the sliced axes, dropped ones too."""
        return tuple(e[1] for e in self.spec if isinstance(e, tuple))

    def kept(self) -> tuple[Dim, ...]:
        """Lengths of the sliced axes that stay."""
        return tuple(d for i, d in enumerate(self.sliced()) if i not in self.dropped)

    def result_shape(self) -> tuple[Dim, ...]:
        """Shape of the selection in NumPy."""
        both = (*self.lead(), *self.kept())
        return tuple([both[k] for k in self.order()])

    def order(self) -> tuple[int, ...]:
        """The permutation from (index arrays' axes, kept axes) to NumPy's order."""
        n, k = len(self.lead()), len(self.kept())
        kept = iter(range(n, n + k))
        return tuple([self.places.index(p) if p in self.places else next(kept) for p in range(n + k)])


# -- from NumPy's index to a selection -------------------------------------------------------------

def parse(shape: tuple[Dim, ...], index) -> Selection:
    """The selection that an index means for an array of this shape.

    Raises
    ------
    IndexingError
        If there are too many indices, one of a wrong kind, or one out of range.
    ConcreteValueError
        If the shape of the selection depends on numbers that are not known.
    """
    entries = _entries(index)
    ellipsis = any(e is Ellipsis for e in entries)
    consumed = sum(_consumes(e) for e in entries)
    if consumed > len(shape):
        raise explain(IndexingError, f"too many indices for array: array is {len(shape)}-dimensional, but {consumed} were "
                      f"indexed")
    if not ellipsis:
        entries.append(Ellipsis)
    fancy = any(_is_array(e) for e in entries)
    # With moving slices known integers are index arrays too.
    gathers = fancy or any(_is_unknown(e) for e in entries) or not all(isinstance(d, int) for d in shape) and any(
        isinstance(e, slice) and not _is_whole(e) for e in entries)
    parts = _Parts(shape, gathers)
    groups: list[bool] = []     # of each entry: whether it counts as an index array
    place = 0
    for e in entries:
        advanced = _is_array(e) or fancy and _is_integer(e)
        if advanced and True not in groups:
            place = parts.axes
        groups.append(advanced)
        parts.add(e, len(shape) - consumed)
    if _separated(groups):
        place = 0
    if parts.moving and fancy:
        raise explain(UnsupportedError, "an index with arrays and with slices whose bounds are traced", why="they are not combined",
                      fix="index in two steps, x[i:j][arrays]")
    arrays = parts.aligned()
    lead = len(shape_of(arrays[0])) if arrays else 0
    places = tuple(parts.moving_at) if parts.moving else tuple(range(place, place + lead))
    is_view = not fancy and (ellipsis or parts.axes > 0)
    return Selection(tuple(parts.lengths), tuple(parts.spec), arrays, tuple(parts.dropped), places, is_view)


class _Parts:
    """A selection while the entries of an index are gone through, for an array of a shape; `axis` is the next one."""

    def __init__(self, shape: tuple[Dim, ...], gathers: bool) -> None:
        self.shape = shape
        self.gathers = gathers              # whether integers that are known select as index arrays do
        self.axis = 0
        self.spec: list[Any] = []
        self.lengths: list[Dim] = []
        self.arrays: list[Any] = []
        self.moving: list[int] = []         # numbers of the arrays that stand for slices
        self.moving_at: list[int] = []      # axes of the result they make
        self.dropped: list[int] = []
        self.sliced = 0
        self.axes = 0                       # of the result, without those of index arrays

    def add(self, e, rest: int) -> None:
        """The next entry; an ellipsis stands for `rest` axes."""
        if e is Ellipsis:
            for n in self.shape[self.axis:self.axis + rest]:
                self.slice((0, n, 1), n)
            self.axis += rest
        elif e is None:
            self.slice((0, 1, 1), 1)
        elif isinstance(e, _Truth):
            self.array(np.zeros(int(e.value), np.int64), 1)
        elif isinstance(e, slice):
            self._add_slice(e, self.shape[self.axis])
        elif isinstance(e, (int, np.integer)) and isinstance(self.shape[self.axis], int):
            self._add_integer(as_int(e), self.shape[self.axis])    # type: ignore[arg-type]
        else:
            self._add_array(e)

    def _add_slice(self, e: slice, n: Dim) -> None:
        if _is_unknown(e) or not isinstance(n, int) and not _is_whole(e):
            self.move(_moving(e, n), n)
        else:
            self.slice(_slice(e, n), n)
        self.axis += 1

    def _add_integer(self, e: int, n: int) -> None:
        if not -n <= e < n:
            raise _out_of_bounds(e, self.axis, n)
        e = e + n if e < 0 else e
        if self.gathers:
            self.array(e, n)
        else:
            self.drop((e, 1, 1), n)
        self.axis += 1

    def _add_array(self, e) -> None:
        from_mask = _is_mask(e)
        for a in mask_indices(e, self.shape, self.axis) if from_mask else (e,):
            n = self.shape[self.axis]
            self.array(a if from_mask else bounded(a, n, self.axis), n)
            self.axis += 1

    def slice(self, entry, length) -> None:
        """An axis of which a part is taken."""
        self.spec.append(entry)
        self.lengths.append(length)
        self.sliced += 1
        self.axes += 1

    def drop(self, entry, length) -> None:
        """An axis of which one element is taken."""
        self.slice(entry, length)
        self.dropped.append(self.sliced - 1)
        self.axes -= 1

    def array(self, array, length) -> None:
        """An axis with an index array, whose values are within bounds and not negative."""
        self.spec.append(len(self.arrays))
        self.lengths.append(length)
        self.arrays.append(array)

    def move(self, array, length) -> None:
        """An axis of which a part is taken that moves or grows: `array` are the positions."""
        self.moving.append(len(self.arrays))
        self.moving_at.append(self.axes)
        self.array(array, length)
        self.axes += 1

    def aligned(self) -> tuple:
        """The index arrays with one shape: each moving slice has an axis of its own."""
        if len(self.moving) > 1:
            for k, a in enumerate(self.moving):
                x = self.arrays[a]
                self.arrays[a] = reshape_to(x, tuple([shape_of(x)[0] if j == k else 1 for j in range(len(self.moving))]))
        return aligned(self.arrays)


def _is_unknown(e) -> bool:
    """Whether an entry is a traced integer, or a slice with a traced bound, whose number is not known."""
    if isinstance(e, slice):
        return any(isinstance(b, Tracer) and b.value is None for b in (e.start, e.stop, e.step))
    return isinstance(e, Tracer) and e.type.shape == () and e.type.dtype.kind != "b" and e.value is None


def _is_whole(e: slice) -> bool:
    """Whether all elements are taken, forwards or backwards."""
    return e.start is None and e.stop is None and (e.step is None or not isinstance(e.step, Tracer) and e.step in (1, -1))


def _moving(e: slice, n: Dim):
    """The positions that a slice with traced bounds selects."""
    step = 1 if e.step is None else e.step
    if isinstance(step, Tracer):
        raise explain(ConcreteValueError, "a slice whose step is traced", step=describe(step),
                      why="the direction decides what is selected", fix="use a number, or index arrays")
    step = int(step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    n = integer_of_length(n)
    low, high = (0, n) if step > 0 else (-1, n - 1)
    start = _bound_of(e.start, low if step > 0 else high, n, low, high)
    stop = _bound_of(e.stop, high if step > 0 else low, n, low, high)
    count = stop - start if step > 0 else start - stop
    if abs(step) > 1:
        count = (count + (abs(step) - 1)) // abs(step)
    length = integer_of(count)
    if length is None or not is_nonnegative(length):
        if not isinstance(length, int):
            count = note_integer(np.maximum(count, 0), 0, integer_of(n))
            length = integer_of(count)
            assert length is not None
        else:
            length = 0
    positions = span_of(count, length)
    positions = positions * step if step != 1 else positions
    return positions if isinstance(start, int) and start == 0 else positions + start


def _bound_of(b, default, n, low, high):
    """A bound of a slice as Python clips it: counted from the start, and not outside."""
    if b is None:
        return default
    if not any(isinstance(v, Tracer) for v in (b, n)):
        b = as_int(b)
        return min(max(b + n if b < 0 else b, low), high)
    bounds = integer_of(low), integer_of(high)
    traced = isinstance(b, Tracer)
    b = cast_to(b, np.dtype(np.int64)) if traced else as_int(b) if b >= 0 else b + n
    known = integer_of(b)
    if known is not None and is_nonnegative(known):
        if bounds[1] is not None and is_nonnegative(bounds[1] - known):
            return b
        return note_integer(np.minimum(b, high), *bounds)
    return note_integer(np.clip(np.where(b < 0, b + n, b) if traced else b, low, high), *bounds)


class _Truth:
    """A boolean scalar as index: a new axis of length 1 or 0."""

    def __init__(self, value):
        self.value = bool(value)


def _entries(index) -> list:
    """The entries of an index, each in regular form."""
    entries = [_entry(e) for e in (index if isinstance(index, tuple) else (index,))]
    if sum(e is Ellipsis for e in entries) > 1:
        raise explain(IndexingError, "an index can only have a single ellipsis ('...')")
    return entries


def _entry(e):
    if e is None or e is Ellipsis or isinstance(e, slice):
        return e
    if isinstance(e, (bool, np.bool_)):
        return _Truth(e)
    if isinstance(e, (int, np.integer)):
        return e
    if not isinstance(e, (Tracer, np.ndarray, list, tuple)) and hasattr(e, "__index__"):
        return e.__index__()
    a = array_of(e)
    if isinstance(e, (list, tuple, range)) and not isinstance(a, Tracer) and np.size(a) == 0:
        a = a.astype(np.int64)
    kind = dtype_of(a).kind
    if kind == "b" and shape_of(a) == ():
        return _Truth(require_value(a, "ndarray.__getitem__", "a truth value as index decides the shape", "use np.where"))
    if kind not in "biu":
        raise explain(IndexingError, "arrays used as indices must be of integer (or boolean) type", index=describe(a))
    return a[()] if isinstance(a, np.ndarray) and a.shape == () else a


def _is_array(e) -> bool:
    return isinstance(e, _Truth) or isinstance(e, (np.ndarray, Tracer)) and shape_of(e) != ()


def _is_integer(e) -> bool:
    return isinstance(e, (int, np.integer)) or isinstance(e, Tracer) and e.type.shape == ()


def _is_mask(e) -> bool:
    return isinstance(e, (np.ndarray, Tracer)) and dtype_of(e).kind == "b"


def _consumes(e) -> int:
    """How many axes of the array an entry stands for."""
    if e is None or e is Ellipsis or isinstance(e, _Truth):
        return 0
    return len(shape_of(e)) if _is_mask(e) else 1


def _separated(groups: list[bool]) -> bool:
    """Whether other entries stand between index arrays: their axes go first then."""
    if True not in groups:
        return False
    first, last = groups.index(True), len(groups) - 1 - groups[::-1].index(True)
    return False in groups[first:last]


def _slice(e: slice, n: Dim) -> tuple:
    if not isinstance(n, int):
        return (0, n, 1) if e.step != -1 else (n - 1, n, -1)
    if type(n) is int and not any(type(b) is Length for b in (e.start, e.stop, e.step)):
        start, stop, step = e.indices(n)
        length = len(range(start, stop, step))
        return (start, length, step) if length else (0, 0, 1)
    step = 1 if e.step is None else operator.index(e.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    low, high = (0, n) if step > 0 else (-1, n - 1)
    start = _clipped(e.start, low if step > 0 else high, n, low, high)
    stop = _clipped(e.stop, high if step > 0 else low, n, low, high)
    way = stop - start if step > 0 else start - stop
    return (start, (way + (abs(step) - 1)) // abs(step), step) if way > 0 else (0, 0, 1)


def _clipped(b: Any, default: int, n: int, low: int, high: int) -> int:
    """A bound of a slice as Python clips it, where lengths stand for others."""
    if b is None:
        return default
    b = as_int(b)
    if b < 0:
        b = b + n
    return low if b < low else high if b > high else b


def mask_indices(mask, shape, axis) -> tuple:
    """The places that a mask selects in the axes of an array from `axis` on, one index array an axis."""
    have, want = shape_of(mask), shape[axis:axis + len(shape_of(mask))]
    for i, (a, b) in enumerate(zip(have, want)):
        if a != b:
            raise explain(IndexingError, f"boolean index did not match indexed array along axis {axis + i}; "
                          f"size of axis is {b} but size of corresponding boolean axis is {a}")
    value = known(mask)
    if value is None:
        flat = bind(index_ops.selected, reshape_to(as_array(mask), (element_count(have),)))
        positions = []
        for n in have[:0:-1]:
            positions.append(flat % n)
            flat = flat // n
        return (flat, *positions[::-1])
    return np.nonzero(np.asarray(value))


def bounded(a, n: Dim, axis: int):
    """Return an index array (or an integer) counted from the start of its axis, which has length `n`: no value is negative or out of range.

    Numbers that are known are checked now. Of the others it is proven, where they are made of loop counters and lengths, or the op
    `in_bounds` checks them whenever the function runs. What a tracer of a concrete trace stands for may be another number in a later run.
    """
    value = known(a)
    if value is not None and isinstance(n, int):
        value = np.asarray(value)
        low, high = (int(value.min()), int(value.max())) if value.size else (0, -1)
        if value.size and (low < -n or high >= n):
            error = _out_of_bounds(low if low < -n else high, axis, n)
            error.of_traced_values = isinstance(a, Tracer) and a.owner.level and a.owner.guards is not None    # type: ignore[attr-defined]
            raise error
        if not isinstance(a, Tracer):
            return np.where(value < 0, value + n, value)[()] if low < 0 else a
    number = integer_of(a) if shape_of(a) == () and (not isinstance(a, Tracer) or a.value is None) else None
    if number is not None and is_nonnegative(number) and is_nonnegative(n - 1 - number):
        return a
    wraps = number is None or not is_nonnegative(number)
    found = bind(index_ops.in_bounds, cast_to(a, np.dtype(np.int64)), length=n, axis=axis, wraps=wraps)
    if number is not None and (not wraps or is_nonnegative(-1 - number)):
        note_value(found, n + number if wraps else number)
    return found


def _out_of_bounds(i, axis, n) -> Exception:
    return explain(IndexingError, index_ops.out_of_bounds(i, n, axis))


def aligned(arrays: list) -> tuple:
    """Index arrays of one dtype and one shape."""
    if not arrays:
        return ()
    arrays = [a if isinstance(a, (Tracer, np.ndarray, np.generic)) else np.int64(a) for a in arrays]
    shapes = [shape_of(a) for a in arrays]
    common = shapes[0]
    if any(s != common for s in shapes):
        try:
            common = _broadcast(shapes)
        except ValueError:
            raise explain(IndexingError, "shape mismatch: indexing arrays could not be broadcast together with shapes "
                          + " ".join(map(str, shapes))) from None
    return tuple([broadcast_to(cast_to(a, np.dtype(np.int64)), common) for a in arrays])


def _broadcast(shapes) -> tuple[Dim, ...]:
    if all(isinstance(d, int) for s in shapes for d in s):
        return np.broadcast_shapes(*shapes)
    from tracer.promote import broadcast_shapes
    return broadcast_shapes("index with", [Tracer(_type(s), None, None) for s in shapes])


def _type(shape):
    from tracer.types import ArrayType
    return ArrayType(np.dtype(np.int64), shape)
