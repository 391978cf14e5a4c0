"""Indexing: `x[...]`, `x.at[...]`, and the functions that pick elements.

`autodiff.numpy.selection` turns an index, as NumPy takes it, into a `Selection`; here are the reads and writes of the selected part.
"""

from __future__ import annotations

from math import prod

import numpy as np

from autodiff.numpy.aliasing import view
from autodiff.numpy.selection import Selection, parse
from autodiff.numpy.sizes import integer_of
from autodiff.numpy.support import (
    array_of,
    as_array,
    dtype_of,
    fresh,
    permute,
    shape_of,
)
from tracer.array import implements
from tracer.errors import ConcreteValueError, DTypeError, ShapeError, UnsupportedError, explain
from tracer.integers import agree, is_nonnegative
from tracer.ops import index as index_ops
from tracer.ops.shape import reshape_to
from tracer.promote import broadcast_to, cast_to, check_element, describe, dtype_kind_of
from tracer.trace import Tracer, bind, concrete_value, current_trace

__all__ = ["select", "update", "take_order", "part", "fitted"]


# -- reading and writing ---------------------------------------------------------------------------

def select(x, sel: Selection):
    """The selected elements, in NumPy's shape."""
    y = reshape_to(_before_other_writes(x, sel), sel.shape)
    if not sel.is_everything():
        y = bind(index_ops.index, y, *sel.arrays, spec=sel.spec)
    y = reshape_to(y, (*sel.lead(), *sel.kept()))
    return permute(y, sel.order())


def _before_other_writes(x, sel: Selection):
    """The array as it was before writes to single elements that are known to be others than the selected one."""
    trace = current_trace()
    if trace is None or trace.concrete or not isinstance(x, Tracer) or not sel.arrays or sel.lead():
        return x
    places = [integer_of(sel.arrays[e]) if not isinstance(e, tuple) else None for e in sel.spec]
    first = atom = trace.atom(x)
    while (node := trace.producers.get(atom)) is not None and node.op is index_ops.update and node.params["mode"] == "set":    # type: ignore
        spec, others = node.params["spec"], node.inputs[2:]
        if len(spec) != len(places) or not others or others[0].type.shape:
            break
        apart = [p - q for p, e in zip(places, spec) if p is not None and not isinstance(e, tuple)
                 and (q := trace.integer_of(others[e])) is not None]
        if not any(is_nonnegative(d - 1) or is_nonnegative(-d - 1) for d in apart):
            break
        atom = node.inputs[0]
    return x if atom is first else Tracer(x.type, trace, atom)   # type: ignore[arg-type]


def replace(x, sel: Selection, value, mode: str):
    """`x` with the selected elements replaced (or `value` added); `value` has the shape of the selection."""
    v = permute(value, np.argsort(sel.order()).tolist())
    v = reshape_to(v, (*sel.lead(), *sel.sliced()))
    if sel.is_everything() and mode == "set":
        return reshape_to(v, shape_of(x))
    unique = {"unique": True} if sel.is_view and sel.lead() else {}
    y = bind(index_ops.update, reshape_to(x, sel.shape), v, *sel.arrays, spec=sel.spec, mode=mode, **unique)
    return reshape_to(y, shape_of(x))


@implements("index")
def index(x, index):
    """`x[index]`."""
    sel = parse(shape_of(x), index)
    if not sel.is_view:
        y = select(x, sel)
        return fresh(y) if y is x else y
    return view(x, lambda base: select(base, sel), lambda base, v: replace(base, sel, v, "set"), sel.key())


@implements("update")
def update(x, index, value, mode: str):
    """A new array: `x` with `x[index]` set to `value`, or with `value` added there.

    Raises
    ------
    ShapeError
        If `value` cannot be broadcast to the selection.
    DTypeError
        If `value` is added and does not fit the dtype of `x`.
    """
    is_number = isinstance(value, Tracer) and value._is_scalar() and value.weak is not int
    value = array_of(value)
    if mode == "add":
        _check_addend(x, value)
    masked = _full_mask(x, index, value)
    given, value = value, cast_to(value, dtype_of(x))
    if masked is not None:
        new = fitted(value, shape_of(x))
        return np.where(masked, new if mode == "set" else x + new, x)
    sel = parse(shape_of(x), index)
    if is_number and mode == "set" and dtype_of(x).kind in "iu" and _is_basic(index):
        check_element(given, dtype_of(x))
    return replace(x, sel, fitted(value, sel.result_shape()), mode)


def _is_basic(index) -> bool:
    """Whether an index is made of numbers, slices, None and an ellipsis, and not of arrays."""
    def is_part(p) -> bool:
        number = isinstance(p, (int, Tracer, np.ndarray, np.generic)) and not shape_of(p) and dtype_of(p).kind in "iu"
        return p is None or p is Ellipsis or isinstance(p, slice) or number
    return all(map(is_part, index if isinstance(index, tuple) else (index,)))


def _check_addend(x, value) -> None:
    kind = dtype_kind_of(value)
    dtype = np.result_type(dtype_of(x), kind if isinstance(kind, np.dtype) else kind(0))
    if not np.can_cast(dtype, dtype_of(x), "same_kind"):
        raise explain(DTypeError, f"adding {describe(value)} to elements of an array of dtype {dtype_of(x)}",
                      why="the sum does not fit the array", fix="convert the array first, x.astype(float)")


def _full_mask(x, index, value):
    """The mask, broadcast to `x`, when the index is one boolean array and `value` does not depend on how many it selects."""
    if isinstance(index, tuple) and len(index) == 1:
        index = index[0]
    if not isinstance(index, (Tracer, np.ndarray)) or dtype_of(index).kind != "b" or not shape_of(index):
        return None
    mask, shape = shape_of(index), shape_of(x)
    if mask != shape[:len(mask)]:
        return None
    if prod(shape_of(value)[:max(0, len(shape_of(value)) - len(shape) + len(mask))]) != 1:
        if concrete_value(index) is None and isinstance(shape_of(value)[0], int):
            raise explain(ConcreteValueError, "assigning an array through a boolean mask whose values are not known",
                          mask=describe(index), why="how many elements it selects is not known while tracing",
                          fix="use x = np.where(mask, values, x) with values of the shape of x")
        return None
    mask = reshape_to(as_array(index), (*mask, *[1] * (len(shape) - len(mask))))
    return broadcast_to(mask, shape) if isinstance(mask, Tracer) else np.broadcast_to(mask, shape)


def fitted(value, shape):
    """`value` broadcast to the selection; further leading axes of length 1 are dropped, as in NumPy's assignment."""
    have = shape_of(value)
    extra = len(have) - len(shape)
    if extra > 0 and all(d == 1 for d in have[:extra]):
        value, have = reshape_to(value, have[extra:]), have[extra:]
    if len(have) > len(shape) or any(agree(a, b) is False and a != 1 for a, b in zip(have[::-1], shape[::-1])):
        raise explain(ShapeError, f"could not broadcast input array from shape {have} into shape {shape}", value=describe(value),
                      why="the selected part has another shape")
    return broadcast_to(value, shape)


def part(x, axis: int, start, stop=None):
    """The elements start:stop of one axis, as a new array."""
    return select(x, parse(shape_of(x), (slice(None),) * axis + (slice(start, stop),)))


def take_order(x, axis: int, order: np.ndarray):
    """Elements of one axis in a fixed order: runs of slices where there are few, else index arrays."""
    order = np.asarray(order, np.int64)
    runs = _runs(order)
    if len(runs) <= _MANY_RUNS:
        pieces = []
        for start, length, step in runs:
            if step:
                pieces.append(index_ops.take_slice(x, axis, start, length, step))
            else:
                shape = shape_of(x)
                one = index_ops.take_slice(x, axis, start, 1)
                pieces.append(broadcast_to(one, (*shape[:axis], length, *shape[axis + 1:])))
        if len(pieces) == 1:
            return fresh(pieces[0]) if pieces[0] is x else pieces[0]
        from tracer.ops.shape import concatenate
        return bind(concatenate, *pieces, axis=axis)
    return select(x, parse(shape_of(x), (slice(None),) * axis + (order,)))


_MANY_RUNS = 6
"""Beyond this many pieces a gather is shorter than a concatenation of slices."""


def _runs(order: np.ndarray) -> list[tuple[int, int, int]]:
    """An integer sequence as (start, length, step) runs; a run of one step is begun by any pair."""
    runs: list[tuple[int, int, int]] = []
    i, n = 0, len(order)
    if n == 0:
        return [(0, 0, 1)]
    while i < n and len(runs) <= _MANY_RUNS:
        if i == n - 1:
            runs.append((int(order[i]), 1, 1))
            break
        step = int(order[i + 1] - order[i])
        ends = np.nonzero(np.diff(order[i:]) != step)[0]
        length = int(ends[0]) + 1 if len(ends) else n - i
        if length == 2 and abs(step) > 1:
            length, step = 1, 1     # two neighbours by chance: the second may begin a longer run
        runs.append((int(order[i]), length, step))
        i += length
    return runs


# -- ufunc.at ---------------------------------------------------------------------------------------

@implements((np.add, "at"))
def add_at(x, indices, b):
    """As numpy.add.at: adds in place, repeated indices repeatedly."""
    _write_at(x, indices, b)


@implements((np.subtract, "at"))
def subtract_at(x, indices, b):
    """As numpy.subtract.at: subtracts in place, repeated indices repeatedly."""
    _write_at(x, indices, np.negative(b))


def _write_at(x, indices, b) -> None:
    from autodiff.numpy.aliasing import write
    if not isinstance(x, Tracer):
        raise explain(UnsupportedError, "ufunc.at: traced values cannot be added into a plain array",
                      why="the trace would be lost",
                      fix="make the array with autodiff.numpy.zeros, or use x = x.at[index].add(v) on a traced one")
    write(x, Ellipsis, update(x, indices, b, "add"))
