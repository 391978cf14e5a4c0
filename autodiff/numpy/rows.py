"""Rows of what a loop kept: the elements of a list that the loop appended to.

A compiled loop keeps what its steps append in one array; the list gets a `Row` for each step. A row is read from the array when it is
used by itself. Functions that put the elements of a list together again (`np.array(list)`, `np.stack`, `sum`) take the array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.numpy.indexing import part
from autodiff.numpy.support import as_array, shape_of
from tracer.op import ops
from tracer.ops.shape import reshape_to
from tracer.trace import Tracer

__all__ = ["Row", "joined_rows"]

_REF: Any = Tracer.__dict__["ref"]


class Row(Tracer):
    """Row `number` of an array, read when it is first used."""

    __slots__ = ("stack", "number")

    def __init__(self, stack: Tracer, number: int):
        self.stack = stack
        self.number = number
        t = stack.type
        super().__init__(t.with_shape(t.shape[1:]), stack.owner, None, None, None, stack.where)

    @property
    def ref(self):
        """The var that it stands for."""
        found = _REF.__get__(self)
        if found is None:
            spec = ((self.number, 1, 1), *((0, d, 1) for d in self.type.shape))
            row = self.owner.record(ops["index"], [self.stack], {"spec": spec})
            found = self.owner.record(ops["reshape"], [row], {"shape": self.type.shape}).ref
            _REF.__set__(self, found)
        return found

    @ref.setter
    def ref(self, var) -> None:
        if var is not None:     # it was written to
            self.number = -1
        _REF.__set__(self, var)


def joined_rows(values: Sequence):
    """The array of these elements, if it can be had from few arrays that loops kept; else None."""
    if len(values) < 3:
        return None
    runs: list[tuple[Any, int, int]] = []   # an array and the rows of it, or a value and -1
    for v in values:
        if not isinstance(v, Row) or v.number < 0:
            runs.append((v, -1, -1))
        elif runs and runs[-1][0] is v.stack and runs[-1][2] == v.number:
            runs[-1] = (v.stack, runs[-1][1], v.number + 1)
        else:
            runs.append((v.stack, v.number, v.number + 1))
    if 2 * len(runs) > len(values):
        return None
    pieces = [part(x, 0, first, last) if first >= 0 else _alone(x) for x, first, last in runs]
    shapes = {shape_of(p)[1:] for p in pieces}
    if len(shapes) > 1:
        return None
    return np.concatenate(pieces) if len(pieces) > 1 else pieces[0]


def _alone(x):
    x = as_array(x)
    return reshape_to(x, (1, *shape_of(x)))
