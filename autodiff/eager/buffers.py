"""Memory for large results of steps, used again.

The C library gives large blocks back to the system, and fresh memory costs a page fault for every 4 KB: adding 100,000 numbers takes
300 us into fresh memory and 35 us into used memory. So the arrays that steps of one shape gave are kept, and one that nobody refers to any
more holds the next result.
"""

from __future__ import annotations

import sys
from math import prod
from typing import Any

import numpy as np

__all__ = ["LARGE", "Buffers", "is_large", "buffer", "summed"]

LARGE = 1 << 18
"""Bytes from which on memory is used again; the native entry of kernels has the same limit."""
MOST_BYTES = 1 << 27


class Buffers:
    """Arrays by shape and dtype. A thread that looks at an array refers to it, so that two threads never take the same one."""

    def __init__(self) -> None:
        self.arrays: dict[tuple, list[np.ndarray]] = {}
        self.bytes = 0

    def take(self, shape: tuple, dtype: np.dtype) -> np.ndarray:
        """An array that nobody refers to; its contents are arbitrary."""
        kept = self.arrays.get((shape, dtype))
        if kept is None:
            kept = self.arrays.setdefault((shape, dtype), [])
        for array in kept:
            if sys.getrefcount(array) <= _ALONE:
                return array
        array = np.empty(shape, dtype)
        if self.bytes + array.nbytes > MOST_BYTES:
            self.arrays, self.bytes = {}, 0     # arrays in use live on with those who use them
        if array.nbytes <= MOST_BYTES:
            self.bytes += array.nbytes
            self.arrays.setdefault((shape, dtype), []).append(array)
        return array


def _baseline() -> int:
    """References to an array in a list that only a loop looks at."""
    for array in [np.empty(1)]:
        return sys.getrefcount(array)
    raise AssertionError


_ALONE = _baseline()
_buffers = Buffers()
buffer = _buffers.take


def is_large(shape: tuple, dtype: np.dtype) -> bool:
    """Whether memory for such an array is worth using again."""
    return prod(shape) * dtype.itemsize >= LARGE


def summed(a: Any, b: Any) -> Any:
    """a + b."""
    if a.__class__ is np.ndarray and a.nbytes >= LARGE and a.shape == b.shape and a.dtype == b.dtype:
        return np.add(a, b, out=buffer(a.shape, a.dtype))
    return a + b
