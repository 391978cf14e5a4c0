"""Functions that Numba has compiled: what is captured is the Python function that each was made of.

It follows NumPy's and Python's rules and not Numba's: where Numba would convert arguments or results, as a declared signature may say, the
call is refused. Numba is recognised by the names of its classes, so that it is not loaded for this.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np

from autodiff.capture.notes import note
from tracer.errors import UnsupportedError, explain
from tracer.op import type_of
from tracer.trace import Tracer

__all__ = ["call_captured", "captured_of", "range_of"]


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


def call_captured(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """`f(*args, **kwargs)` of a function of Numba's, some of whose arguments are traced.

    Raises
    ------
    UnsupportedError
        When f was given signatures, and none of them has the dtypes of the arguments and of the result: Numba would convert them. Whole
        numbers where a float64 is declared are converted.
    """
    note(f"`{f.__name__}` is compiled from its Python source: NumPy's dtypes and Python's numbers, not Numba's")
    declared = _declared(f)
    if declared is None:
        return caller(captured_of(f), *args, **kwargs)
    if len(declared) == 1 and len(args) == len(declared[0][0]):       # integers become floats, as Numba has it
        wanted = declared[0][0]
        args = tuple([caller(float, x) if want == "float64" and _is_integer(x) else x for x, want in zip(args, wanted, strict=False)])
    given = [_name_of_value(x) for x in (*args, *kwargs.values())]
    results = [result for types, result in declared if types == given]
    if type(f).__name__ == "DUFunc":    # for each element; NumPy takes the first one to which the arguments can be cast
        given = [name.partition("[")[0] for name in given]
        results = next(([result] * (types == given) for types, result in declared if all(map(np.can_cast, given, types))), [])
    y = caller(captured_of(f), *args, **kwargs) if results else None
    got = _name_of_value(y)
    if not results or results[0] != (got.partition("[")[0] if type(f).__name__ == "DUFunc" else got):
        signatures = ", ".join(f"{result}({', '.join(types)})" for types, result in declared)
        raise explain(UnsupportedError, f"`{f.__name__}` is compiled by Numba for {signatures}, and is given {', '.join(given)}",
                      why="Numba would convert the arguments or the result", fix="leave the signature out, or convert the arguments")
    return y


def _is_integer(x: Any) -> bool:
    """Whether x is one whole number, or a truth value."""
    return _name_of_value(x) in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def _declared(f: Any) -> list[tuple[list[str], str]] | None:
    """The signatures that f was given, as names of dtypes: the arguments' and the result's; None where Numba takes any types."""
    if type(f).__name__ == "DUFunc":
        if not f._frozen:
            return None
        return [([_name(np.dtype(c)) for c in types], _name(np.dtype(result))) for types, result in (t.split("->") for t in f.types)]
    if f._can_compile:
        return None
    return [([_name(x) for x in s.args], _name(s.return_type)) for s in f.nopython_signatures]


def _name(x: Any) -> str:
    """The name of a type of Numba's, or of a dtype, such as "float64"; of arrays with the number of axes, "float64[2]"."""
    return str(getattr(x, "dtype", x)).replace("boolean", "bool") + (f"[{x.ndim}]" if getattr(x, "ndim", 0) else "")


def _name_of_value(x: Any) -> str:
    """The same of a number or an array; the name of its class of anything else, which no signature here has."""
    if not isinstance(x, (Tracer, np.ndarray, np.generic, bool, int, float)):
        return type(x).__name__
    t = type_of(x)
    return _name(t.dtype) + (f"[{t.ndim}]" if t.ndim else "")


def range_of(f: Any) -> Any:
    """`range` for `numba.prange`; else f."""
    return range if type(f) is type and f.__name__ == "prange" and f.__module__.startswith("numba.") else f
