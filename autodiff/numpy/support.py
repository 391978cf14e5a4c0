"""What the implementations share: arguments made regular, and options that are refused.

NumPy's functions take negative axes, Python numbers, lists and many options; graph ops take none of them. The helpers here
are the way from one to the other.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.numpy.aliasing import own_memory
from autodiff.numpy.sizes import integer_of_length, length_of_integer
from tracer.array import functions
from tracer.errors import AxisError, ConcreteValueError, DTypeError, UnsupportedError, explain
from tracer.op import type_of
from tracer.ops.arithmetic import cast
from tracer.promote import as_traced, cast_to, describe
from tracer.trace import Tracer, bind, concrete_value, current_trace, full, is_checked
from tracer.types import Dim, Length, Size, type_of_value

__all__ = ["NOT_GIVEN", "array_of", "as_array", "available", "axes_of", "axis_list", "axis_of", "dtype_of", "filled", "fresh",
           "known", "length_of", "length_value", "permute", "refuse", "refuse_order", "require_value", "shape_of", "static_int",
           "static_length", "strong_dtype", "supported_dtype"]

NOT_GIVEN: Any = np._NoValue  # type: ignore[attr-defined]


def available(*names: str, module=np) -> list:
    """Those of the named NumPy functions that the installed NumPy has."""
    return [getattr(module, n) for n in names if hasattr(module, n)]


def array_of(x):
    """A tracer or NumPy value; lists become arrays, Python numbers stay as they are."""
    return as_traced(x)


def shape_of(x) -> tuple[Dim, ...]:
    """Shape of a traced or plain value."""
    return type_of(x).shape


def dtype_of(x) -> np.dtype:
    """Dtype of a traced or plain value."""
    return type_of(x).dtype


def supported_dtype(dtype) -> np.dtype:
    """A dtype that can be traced.

    Raises
    ------
    DTypeError
        If it is not bool, integer, float32 or float64.
    """
    dtype = np.dtype(dtype)
    try:
        return type_of_value(np.empty((), dtype)).dtype
    except TypeError as e:
        raise explain(DTypeError, f"an array of dtype {dtype}", why=str(e)) from None


def static_int(x, what: str) -> int:
    """An integer that must be known while tracing, such as an axis or a length."""
    if type(x) is Length:
        return x    # type: ignore[return-value]
    try:
        return operator.index(x)
    except ConcreteValueError:
        raise
    except TypeError:
        raise TypeError(f"{what} must be an integer, not {x!r}") from None


def strong_dtype(values) -> np.dtype:
    """The dtype of an array made of the values; Python numbers count as float64 and int64, as in numpy.array."""
    return supported_dtype(np.result_type(*[dtype_of(v) for v in values]))


def static_length(x) -> Dim:
    """The length of an axis to be made: a number, a length, or a traced integer of which enough is known while tracing."""
    if isinstance(x, Size):
        return x
    found = length_of_integer(x)
    return static_int(x, "a length") if found is None else found


def axis_of(axis, ndim: int) -> int:
    """One axis, counted from the front.

    Raises
    ------
    AxisError
        If there is no such axis.
    """
    a = static_int(axis, "an axis")
    if not -ndim <= a < ndim:
        raise explain(AxisError, f"axis {a} is out of bounds for array of dimension {ndim}")
    return a % ndim


def axes_of(axis, ndim: int) -> tuple[int, ...]:
    """Sorted axes, counted from the front; None means all."""
    if axis is None:
        return tuple(range(ndim))
    given = axis_list(axis, ndim)
    if len(set(given)) < len(given):
        raise ValueError("duplicate value in 'axis'")
    return tuple(sorted(given))


def axis_list(axis, ndim: int) -> list[int]:
    """One axis or a sequence of axes, in the given order, counted from the front."""
    return [axis_of(a, ndim) for a in axis] if isinstance(axis, (tuple, list, range, np.ndarray)) else [axis_of(axis, ndim)]


def refuse(name: str, fix: str = "", **options) -> None:
    """Raise if one of the options is given: neither None nor NumPy's mark for an option left out."""
    for option, value in options.items():
        if value is not None and value is not NOT_GIVEN:
            raise explain(UnsupportedError, f"np.{name} with {option}= cannot be traced", value=describe_option(value),
                          why="this option has no implementation for traced values", fix=fix or "leave it out")


def refuse_order(name: str, order, allowed: str = "CKA") -> None:
    """Raise for a memory order that a traced array does not have."""
    if order not in (None, *allowed):
        refuse(name, "elements are counted in C order; transpose first for another one", order=order)


def describe_option(value) -> str:
    """An option in an error."""
    return describe(value) if isinstance(value, (Tracer, np.ndarray)) else repr(value)


def known(x):
    """The numbers behind a value, or None where they may be others in a later run of what is being recorded."""
    return None if isinstance(x, Tracer) and is_checked(x) else concrete_value(x)


def require_value(x, name: str, why: str, fix: str) -> np.ndarray:
    """The number behind a value.

    Raises
    ------
    ConcreteValueError
        If it is not known.
    """
    value = concrete_value(x)
    if value is None:
        raise explain(ConcreteValueError, f"np.{name} of a traced value {x.type} whose numbers are not known", value=describe(x),
                      why=why, fix=fix)
    return np.asarray(value)


def fresh(x):
    """A copy: the same value under a new reference, so that writing to one leaves the other as it is."""
    if not isinstance(x, Tracer):
        return np.array(x)
    if x.owner.level == 0:
        return bind(cast, x, dtype=x.type.dtype)
    trace = current_trace()
    if trace is not None:
        trace.check_fresh(x)
    if trace is not None and trace is not x.owner:      # a copy is the function's own; in a block x may stand for a newer value
        copy = Tracer(x.type, trace, trace.atom(x), x.value if trace.concrete else None, None, x.where)  # type: ignore[arg-type]
    else:
        copy = Tracer(x.type, x.owner, x.ref, x.value, None, x.where)
    copy.views = own_memory(copy)
    return copy


def length_of(x, axis: int, name: str) -> int:
    """The length of an axis, which must be known while tracing.

    Raises
    ------
    UnsupportedError
        If it is known only at run time.
    """
    n = shape_of(x)[axis]
    if not isinstance(n, int):
        raise explain(UnsupportedError, f"np.{name} along an axis of length {n}", array=describe(x),
                      why="the length is known only at run time, and the result is put together piece by piece")
    return n


def length_value(length: Dim, dtype):
    """A length as a number of the given dtype."""
    if type(length) is Length:
        return cast_to(length.owner.as_number(length), np.dtype(dtype))
    if isinstance(length, int):
        return np.dtype(dtype).type(length)
    return cast_to(integer_of_length(length), np.dtype(dtype))


def permute(x, axes: Sequence[int]):
    """Transposed, or as it is where the order is right."""
    axes = tuple(axes)
    if axes == tuple(range(len(axes))):
        return x
    from tracer.ops.shape import transpose
    return bind(transpose, x, axes=axes)


def filled(shape, value, dtype):
    """An array filled with a number, which may be traced."""
    if not isinstance(value, Tracer):
        return full(tuple(shape), value, dtype)
    from tracer.promote import broadcast_to
    return broadcast_to(cast_to(value, np.dtype(dtype)), tuple(shape))


def as_array(x):
    """As `array_of`, and Python numbers become NumPy's, which a graph holds as constants."""
    x = array_of(x)
    if isinstance(x, (Tracer, np.ndarray, np.generic)):
        return x
    x = functions["asarray"](x)
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x
