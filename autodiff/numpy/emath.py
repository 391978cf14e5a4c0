"""`numpy.emath`, whose functions give complex numbers outside of the real domain: for traced values the real part of it.

Whether the arguments lie in it is checked when the function runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.numpy.creation import asarray
from autodiff.numpy.elementwise import floating
from tracer.array import implements
from tracer.errors import UnsupportedError, explain, line_before
from tracer.ops.control import require
from tracer.trace import Tracer, bind

__all__: list[str] = []


def _real(name: str, ufunc: Callable, inside: Callable) -> None:
    """Enter one of the functions; `inside` says of an argument whether the result is real."""
    def function(x: Any) -> Any:
        x = floating(x)
        fine = np.all(inside(x) | np.isnan(x))
        where = line_before("numpy")
        if isinstance(fine, Tracer):
            bind(require, fine, error="ValueError", message=f"numpy.emath.{name} is complex for an argument outside of the real domain"
                 + (f" ({where})" if where else ""))
        return ufunc(x)
    function.__name__, function.__doc__ = name, f"As numpy.emath.{name} of arguments with a real result."
    implements(getattr(np.emath, name))(function)


for _name, _ufunc in (("sqrt", np.sqrt), ("log", np.log), ("log2", np.log2), ("log10", np.log10)):
    _real(_name, _ufunc, lambda x: x >= 0)
for _name, _ufunc in (("arcsin", np.arcsin), ("arccos", np.arccos), ("arctanh", np.arctanh)):
    _real(_name, _ufunc, lambda x: np.abs(x) <= 1)


@implements(np.emath.power)
def power(x: Any, p: Any) -> Any:
    """As numpy.emath.power of arguments with a real result, whose dtype is that of two arrays: a Python number counts as one."""
    x, p = asarray(x), asarray(p)
    if p.dtype.kind == "i":
        if isinstance(p, Tracer):
            raise explain(UnsupportedError, "numpy.emath.power with a traced exponent of integers",
                          why="a negative one makes the result a float", fix="convert the exponent to float")
        p = p * 1.0 if np.any(p < 0) else p
    fine = np.all((x >= 0) | np.isnan(x))
    if isinstance(fine, Tracer):
        bind(require, fine, error="ValueError", message="numpy.emath.power is complex for a negative base")
    return np.power(x, p)
