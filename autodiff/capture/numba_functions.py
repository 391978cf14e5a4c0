"""Functions that Numba has compiled: what is captured is the Python function that each was made of.

Numba is recognised by the names of its classes, so that it is not loaded for this.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np

__all__ = ["captured_of", "range_of"]


def captured_of(f: Any) -> Any:
    """What is called in the place of a function of Numba's that is given traced values; None if f is none, or cannot be replaced.

    Of `numba.njit` it is the Python function, of `numba.vectorize` one that goes through the elements.
    """
    if not type(f).__module__.startswith("numba."):
        return None
    kind = type(f).__name__
    own = getattr(f if kind == "CPUDispatcher" else getattr(f, "_dispatcher", None), "py_func", None)
    if not isinstance(own, FunctionType):
        return None
    return own if kind == "CPUDispatcher" else np.vectorize(own) if kind == "DUFunc" else None


def range_of(f: Any) -> Any:
    """`range` for `numba.prange`; else f."""
    return range if type(f) is type and f.__name__ == "prange" and f.__module__.startswith("numba.") else f
