"""What the program wants done about floating-point errors: the settings of `np.errstate` and `np.seterr`.

Kernels neither warn nor raise. Where the settings of a call say "raise" or "call", the call is not the kernel's but Python's. NumPy
keeps the settings in a context variable, as one object that is never changed: the native entry compares it with two objects that are
known to ask for neither.
"""

from __future__ import annotations

import ctypes
from contextvars import ContextVar

import numpy as np
import numpy._core.umath

__all__ = ["FLOAT_ERRORS", "addresses", "are_wanted"]

FLOAT_ERRORS = "floating-point errors are to raise in them (np.errstate, np.seterr)"
"""Why Python runs a call."""

_missing = object()
_variable: ContextVar = getattr(numpy._core.umath, "_extobj_contextvar", ContextVar("no settings", default=_missing))
_calm = (ctypes.py_object * 2)(_variable.get(), _variable.get())
"""Settings that ask for no exception: NumPy's own, and those seen last."""


def addresses() -> dict[str, int]:
    """Where the native entry finds the variable and the settings that need no attention."""
    return {"ad_settings": id(_variable), "ad_calm": ctypes.addressof(_calm)}


def are_wanted() -> bool:
    """Whether the settings of this moment ask for exceptions, or for a function to be called.

    Examples
    --------
    >>> are_wanted()
    False
    >>> with np.errstate(divide="raise"):
    ...     are_wanted()
    True
    """
    now = _variable.get()
    if any(now is x for x in _calm):
        return False
    if any(v in ("raise", "call", "log") for v in np.geterr().values()):
        return True
    _calm[1] = now
    return False
