"""How many threads BLAS uses while a kernel of small products runs: one.

Numba's `dot` calls the OpenBLAS that SciPy brings. Its threads start for products that take a few microseconds, where waking them costs
more than they do, and on a busy machine a hundred times more. Where that library is not found (another BLAS), nothing is changed.
"""

from __future__ import annotations

import ctypes
import glob
import os
from collections.abc import Callable
from functools import lru_cache

__all__ = ["thread_setter", "SMALL_PRODUCT"]

SMALL_PRODUCT = 256**3
"""Multiplications in the largest product of a kernel below which its products run on one thread: about 0.3 ms of work."""


@lru_cache(maxsize=1)
def thread_setter() -> Callable[[int], int] | None:
    """A function that sets OpenBLAS's number of threads and returns the one before; None where it is not found."""
    import scipy
    root = os.path.dirname(os.path.dirname(scipy.__file__))
    patterns = ("scipy.libs/libscipy_openblas*", "scipy/.dylibs/libscipy_openblas*", "scipy.libs/libopenblas*")
    for path in (p for pattern in patterns for p in sorted(glob.glob(os.path.join(root, pattern)))):
        try:
            library = ctypes.PyDLL(path)  # keeps the interpreter's lock: the call is too short to let go of it
            set_threads, get_threads = library.scipy_openblas_set_num_threads, library.scipy_openblas_get_num_threads
        except (OSError, AttributeError):
            continue

        def setter(n: int, get_threads=get_threads, set_threads=set_threads) -> int:
            before = get_threads()
            if before != n:
                set_threads(n)
            return before
        return setter
    return None
