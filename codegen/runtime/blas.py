"""How many threads BLAS uses while a kernel of small products runs: one.

Numba's `dot` calls the OpenBLAS that SciPy brings. Its threads start for products that take a few microseconds, where waking them costs
more than they do, and on a busy machine a hundred times more. Where that library is not found (another BLAS), nothing is changed.
"""

from __future__ import annotations

import ctypes
import glob
import os
import threading
from collections.abc import Callable
from typing import Any

from codegen.once import once

__all__ = ["OneThread", "one_thread", "SMALL_PRODUCT"]

SMALL_PRODUCT = 256**3
"""Multiplications in the largest product of a kernel below which its products run on one thread: about 0.3 ms of work."""


class OneThread:
    """Keeps OpenBLAS on one thread while any kernel of small products runs; the last one to leave restores what the first found."""

    __slots__ = ("threads", "_set", "_lock", "_inside", "_before")

    def __init__(self, get_threads: Callable[[], int], set_threads: Callable[[int], Any]):
        self.threads = get_threads
        self._set = set_threads
        self._lock = threading.Lock()
        self._inside = self._before = 0

    def enter(self) -> None:
        """Before a kernel."""
        with self._lock:
            if self._inside == 0:
                self._before = self.threads()
                if self._before != 1:
                    self._set(1)
            self._inside += 1

    def leave(self) -> None:
        """After it, also when it failed."""
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._before != 1:
                self._set(self._before)


@once
def one_thread() -> OneThread | None:
    """The limit on the OpenBLAS that SciPy brings; None where it is not found."""
    import scipy
    root = os.path.dirname(os.path.dirname(scipy.__file__))
    patterns = ("scipy.libs/libscipy_openblas*", "scipy/.dylibs/libscipy_openblas*", "scipy.libs/libopenblas*")
    for path in (p for pattern in patterns for p in sorted(glob.glob(os.path.join(root, pattern)))):
        try:
            library = ctypes.PyDLL(path)  # keeps the interpreter's lock: the calls are too short to let go of it
            return OneThread(library.scipy_openblas_get_num_threads, library.scipy_openblas_set_num_threads)
        except (OSError, AttributeError):
            continue
    return None
