"""The leaves of trees: arrays and numbers, plain or traced, and what functions are called."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tracer.errors import DTypeError, TraceError, explain
from tracer.op import type_of
from tracer.trace import Tracer
from tracer.types import ArrayType

__all__ = ["as_leaf", "weak_of", "value_of_leaf", "leaf_type", "name_of"]


def name_of(f: Callable) -> str:
    """A name for the graph of `f`."""
    name = getattr(f, "__name__", None) or type(f).__name__
    return "function" if name == "<lambda>" else name


def weak_of(x) -> type | None:
    """float, int or bool for Python numbers, which are weak in promotion; None otherwise."""
    if isinstance(x, Tracer):
        return x.weak
    return type(x) if type(x) in (float, int, bool) else None


def leaf_type(x, path: str = "") -> ArrayType:
    """Type of a leaf.

    Raises
    ------
    DTypeError
        If the leaf is not an array or number of a supported dtype.
    UnsupportedError
        If it is a masked array, a matrix, or another array with operations of its own.
    """
    try:
        return type_of(x)
    except TypeError as e:
        if isinstance(e, TraceError) and not isinstance(e, DTypeError):
            raise
        raise explain(DTypeError, f"{path or 'a value'} is {type(x).__name__}, which cannot be traced", why=str(e).split("\n")[0],
                      fix="pass arrays and numbers in lists, tuples, dicts and dataclasses; make other values static (static_argnames of "
                          "jit) or close over them") from None


def as_leaf(x):
    """Python numbers become NumPy scalars; arrays and tracers stay."""
    return x if isinstance(x, (Tracer, np.ndarray, np.generic)) else np.asarray(x)[()]


def value_of_leaf(x):
    """The number behind a leaf, or None if it is not known."""
    return x.value if isinstance(x, Tracer) else as_leaf(x)
