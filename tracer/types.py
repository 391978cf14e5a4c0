"""Array types and sizes.

An `ArrayType` is the dtype and shape of a var. A shape entry is an `int`, a `Length`, which counts as one, or a `Size`: a length
known only at run time. A symbol of a size is bound, whenever a graph runs, by the first value whose type has it as a plain length.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracer.sizes import Dim, Length, Size, fresh_size, hashable

__all__ = ["ArrayType", "Length", "Size", "Dim", "fresh_size", "f64", "i64", "boolean", "element_count", "type_of_value",
           "short_dtype", "substitute", "match_sizes", "is_inexact", "SUPPORTED_KINDS"]

SUPPORTED_KINDS = "biuf"
_SHORT = {"b": "b", "i": "i", "u": "u", "f": "f", "c": "c"}


def short_dtype(dtype: np.dtype) -> str:
    """`f64` for float64, `i32` for int32, `bool` for booleans."""
    if dtype.kind == "b":
        return "bool"
    return f"{_SHORT.get(dtype.kind, dtype.kind)}{dtype.itemsize * 8}"


@dataclass(frozen=True, slots=True)
class ArrayType:
    """Dtype and shape of a var; printed as `f64[3, n]`."""

    dtype: np.dtype
    shape: tuple[Dim, ...]

    def __hash__(self) -> int:
        return hash((self.dtype, hashable(self.shape)))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def with_dtype(self, dtype) -> ArrayType:
        """The same shape with another dtype."""
        return ArrayType(np.dtype(dtype), self.shape)

    def with_shape(self, shape) -> ArrayType:
        """The same dtype with another shape."""
        return ArrayType(self.dtype, tuple(shape))

    def is_static(self) -> bool:
        """Whether every length is known."""
        return all(isinstance(d, int) for d in self.shape)

    def symbols(self) -> set[str]:
        """The size symbols in the shape."""
        return {s for d in self.shape if isinstance(d, Size) for s in d.symbols()}

    def __str__(self) -> str:
        return f"{short_dtype(self.dtype)}[{', '.join([str(d.size) if type(d) is Length else str(d) for d in self.shape])}]"


f64 = ArrayType(np.dtype(np.float64), ())
i64 = ArrayType(np.dtype(np.int64), ())
boolean = ArrayType(np.dtype(np.bool_), ())


def element_count(shape: tuple[Dim, ...]) -> Dim:
    """Product of the lengths."""
    total: Dim = 1
    for d in shape:
        total = total * d
    return total


def is_inexact(dtype: np.dtype) -> bool:
    """Whether values of this dtype have derivatives."""
    return dtype.kind == "f"


def type_of_value(x) -> ArrayType:
    """Type of a NumPy array or scalar, or of a Python number.

    Raises
    ------
    TypeError, DTypeError
        If it is no number and no array; if the dtype is not boolean, integer, float32 or float64, or the class of the array has
        operations of its own.
    """
    if not isinstance(x, (np.ndarray, np.generic)):
        x = np.asarray(x)
    check_plain(x)
    dtype = x.dtype
    if not is_traceable(x):
        from tracer.errors import DTypeError, explain
        kind = TypeError if dtype.kind == "O" else DTypeError   # as Python says of a number and, for example, None
        raise explain(kind, f"arrays of dtype {dtype} cannot be traced", why="the supported dtypes are bool, integers, float32 and float64")
    return ArrayType(dtype.newbyteorder("="), x.shape)


_HARMLESS = frozenset([
    "__array_finalize__", "__array_priority__", "__array_wrap__", "__class_getitem__", "__copy__", "__deepcopy__", "__dir__", "__doc__",
    "__format__", "__init__", "__init_subclass__", "__new__", "__reduce__", "__reduce_ex__", "__repr__", "__setstate__", "__sizeof__",
    "__str__"])
"""Attributes of arrays that a subclass may define without any operation meaning something else."""


@functools.lru_cache(maxsize=1024)
def own_operations(kind: type) -> tuple[str, ...]:
    """The operations of arrays that a subclass defines itself; a memory-mapped array is a plain one."""
    bases = [c for c in kind.__mro__ if issubclass(c, np.ndarray) and c not in (np.ndarray, np.memmap)]
    return tuple(sorted({n for c in bases for n in vars(c) if n in dir(np.ndarray) and n not in _HARMLESS}))


def check_plain(x) -> None:
    """Refuse an array whose class gives operations another meaning: a graph would compute with its bare numbers.

    Raises
    ------
    UnsupportedError
        For masked arrays, matrices, and subclasses that define an operation of arrays.
    """
    if type(x) is np.ndarray or not isinstance(x, np.ndarray):
        return
    kind: Any = type(x)
    own = own_operations(kind)
    if own:
        from tracer.errors import UnsupportedError, explain
        fix = ("fill or leave out what is masked, x.filled(0), or give the mask as an array of its own and use np.where"
               if isinstance(x, np.ma.MaskedArray) else "pass np.asarray(x), if its numbers alone are meant")
        raise explain(UnsupportedError, f"an array of class {type(x).__name__} cannot be traced", fix=fix,
                      why=f"the class has a meaning of its own for {', '.join(own[:4])}{' and others' if len(own) > 4 else ''}, "
                      f"and a graph knows plain arrays")


def is_traceable(x: np.ndarray | np.generic) -> bool:
    """Whether an array has a dtype that graphs hold."""
    return x.dtype.kind in SUPPORTED_KINDS and x.dtype.itemsize <= 8 and x.dtype != np.float16


def substitute(obj, names: Mapping[str, Dim]):
    """Replace size symbols in a size, type, tuple or list, to any depth; other objects are returned as they are."""
    if isinstance(obj, Size):
        return obj.replace(names)
    if isinstance(obj, ArrayType):
        return ArrayType(obj.dtype, substitute(obj.shape, names))
    if isinstance(obj, tuple) and not hasattr(obj, "_fields"):
        return tuple(substitute(o, names) for o in obj)
    return obj


def match_sizes(pattern: ArrayType, actual: tuple[Dim, ...], names: dict[str, Dim]) -> None:
    """Bind the plain symbols of `pattern` to the lengths `actual` (first binding wins)."""
    for p, a in zip(pattern.shape, actual, strict=True):
        if isinstance(p, Size):
            name = p.name()
            if name is not None and name not in names:
                names[name] = a
