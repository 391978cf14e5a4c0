"""Kinds: the types of values on a tape, as objects that are compared by identity.

A step of a tape is looked up by the kinds of its operands. An `ArrayType` is compared by its dtype and shape, which takes as long as the
whole look-up may take; a `Kind` stands for one and is found in a table as fast as a string.
"""

from __future__ import annotations

import numpy as np

from tracer.locks import process_lock
from tracer.types import ArrayType, f64, i64, type_of_value

__all__ = ["Kind", "FLOAT", "INT", "kind_of", "kind_of_value", "zeros_of"]

MOST_KINDS = 4096
_kinds: dict[tuple, Kind] = {}
_lock = process_lock(globals(), "_lock")


class Kind:
    """The type of a value on a tape; `weak` is float, int or bool for a number of Python's, which gives way in dtype promotion.

    `leaf` is the kind, in a key of a tape, of a value of this type that asks for a gradient.
    """

    __slots__ = ("type", "weak", "leaf")

    def __init__(self, type: ArrayType, weak: type | None = None):
        self.type = type
        self.weak = weak
        self.leaf = (self, "leaf")

    def __repr__(self) -> str:
        return f"Kind({self.type}{f', {self.weak.__name__}' if self.weak else ''})"


FLOAT = Kind(f64, float)
INT = Kind(i64, int)


def kind_of(t: ArrayType) -> Kind:
    """Return the kind of a type.

    At most `MOST_KINDS` are kept in the table. Those that are dropped stay what they are: an equal type then gets another kind, and what
    was kept under the old one is not found any more.
    """
    found = _kinds.get((t.dtype, t.shape))
    if found is None:
        with _lock:
            if len(_kinds) >= MOST_KINDS:
                _kinds.clear()
            # NumPy's own object for the dtype: the native entry of kernels compares dtypes by identity.
            own = ArrayType(np.dtype(t.dtype.type), t.shape)
            found = _kinds.setdefault((t.dtype, t.shape), Kind(own))
    return found


def zeros_of(kind: Kind) -> np.ndarray:
    """Zeros of a type whose lengths are known."""
    return np.zeros(kind.type.shape, kind.type.dtype)   # type: ignore[arg-type]


def kind_of_value(x) -> Kind:
    """Return the kind of an array or a NumPy scalar.

    Raises
    ------
    TypeError
        If it has a dtype that cannot be traced, or is an array with operations of its own.
    """
    if type(x) is np.ndarray:
        found = _kinds.get((x.dtype, x.shape))
        if found is not None:
            return found
    return kind_of(type_of_value(x))
