"""From NumPy's rules to the graph's: dtype promotion (NEP 50) and broadcasting become `cast` and `broadcast` nodes.

Which dtypes an elementwise function takes and gives is asked of NumPy itself (`ufunc.resolve_dtypes`), so it cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tracer.array import functions
from tracer.errors import DTypeError, ShapeError, explain, user_line
from tracer.integers import agree, lower_bound, upper_bound
from tracer.op import Elementwise, ops, type_of
from tracer.trace import Tracer, bind, current_trace
from tracer.types import Dim, Length, Size

__all__ = ["apply_ufunc", "broadcast_shapes", "broadcast_to", "cast_to", "with_lengths", "as_traced", "common_dtype", "dtype_kind_of",
           "register_ufuncs", "is_traced", "align", "face_of"]


def is_traced(x) -> bool:
    """Whether a value is a tracer."""
    return isinstance(x, Tracer)


def dtype_kind_of(x) -> Any:
    """What NumPy's promotion sees of a value: its dtype, or the Python type of a Python number."""
    if isinstance(x, Tracer):
        return x.type.dtype if x.weak is None or x.weak is bool else x.weak
    t = type(x)
    if t is float or t is int:
        return t
    if t is bool:
        return np.dtype(bool)
    return type_of(x).dtype


def as_tracer(x) -> Tracer:
    """A plain array as a value of the trace that is open."""
    if isinstance(x, Tracer):
        return x
    trace = current_trace()
    assert trace is not None
    return Tracer(type_of(x), trace, trace.capture(x))


def as_traced(x):
    """A list or tuple becomes an array (stacked, if it holds traced values); scalars and arrays stay."""
    if isinstance(x, (Tracer, np.ndarray, np.generic, float, int)):
        return x if type(x) is not Length else x.owner.as_number(x)
    return functions["asarray"](x)


@lru_cache(maxsize=4096)
def _resolve(ufunc, kinds: tuple) -> tuple[tuple[np.dtype, ...], np.dtype]:
    """Input dtypes and output dtype of a ufunc."""
    # Python numbers alone are what NumPy makes of them; left weak, two integers would be compared as objects.
    probe = list(kinds) if any(isinstance(k, np.dtype) for k in kinds) else [np.result_type(k(0)) for k in kinds]
    dtypes = ufunc.resolve_dtypes((*probe, *[None] * ufunc.nout))
    return tuple(dtypes[:ufunc.nin]), dtypes[ufunc.nin]


def common_dtype(*values) -> np.dtype:
    """The dtype that NumPy gives to values combined, Python numbers being weak."""
    kinds = [dtype_kind_of(v) for v in values]
    samples = [k if isinstance(k, np.dtype) else k(0) for k in kinds]
    return np.result_type(*samples)


def describe(x) -> str:
    """A value in an error: its type and where it was made."""
    if isinstance(x, Tracer):
        return f"{x.type}" + (f", made at {x.where}" if x.where else ", an argument")
    if isinstance(x, (np.ndarray, np.generic)):
        return f"{type_of(x)}, a plain array"
    return repr(x)


def broadcast_shapes(name: str, values: Sequence) -> tuple[Dim, ...]:
    """The common shape of values under NumPy's broadcasting. Lengths that are not known to differ are taken to be equal.

    Raises
    ------
    ShapeError
        If two lengths differ and neither is 1.
    """
    shapes = [np.shape(v) if not isinstance(v, Tracer) else v.type.shape for v in values]
    first = shapes[0]
    if all(s == first for s in shapes):
        return first
    ndim = max(map(len, shapes))
    out: list[Dim] = []
    for axis in range(-ndim, 0):
        length: Dim = 1
        for s in shapes:
            if len(s) >= -axis and s[axis] != 1:
                if length not in (1, s[axis]):
                    if agree(length, s[axis]) is not False:
                        length = length if isinstance(length, int) else s[axis]
                        continue
                    labels = ["left", "right"] if len(values) == 2 else [f"arg{i}" for i in range(len(values))]
                    raise explain(ShapeError, f"cannot {name} arrays of shapes {' and '.join(map(_show, shapes))}",
                                  **{k: describe(v) for k, v in zip(labels, values)},
                                  why=f"lengths {length} and {s[axis]} of axis {axis} differ and neither is 1",
                                  fix="transpose one of them (`.T`), or insert an axis with `x[:, None]`")
                length = s[axis]
        out.append(length)
    return tuple(out)


def _show(shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def cast_to(x, dtype: np.dtype):
    """Convert to a dtype; Python numbers are checked as NumPy does."""
    if isinstance(x, Tracer):
        if x.type.dtype == dtype:
            return x
        if x.weak is int and dtype.kind in "iu":
            check_fits(x, dtype)
        from tracer.ops.arithmetic import cast
        return bind(cast, x, dtype=dtype)
    if isinstance(x, (np.ndarray, np.generic)):
        if x.dtype == dtype:
            return x
        return x.astype(dtype)
    if isinstance(x, int) and dtype.kind in "iu":
        return np.array(x, dtype)[()]  # raises OverflowError as NumPy does
    return dtype.type(x)


def check_fits(x: Tracer, dtype: np.dtype) -> None:
    """Raise OverflowError, as NumPy does of a Python int, where a dtype does not hold a traced one.

    That is when the function runs, or at once of what is known.
    """
    if _fits(x, dtype):
        return
    n = x.owner.integer_of(x.ref) if x.owner.level else None
    if type(n) is Length:
        np.array(int(n), dtype)
        return
    info = np.iinfo(dtype)
    fits = bind(ops["le"], np.int64(info.min), x)
    if info.max < _LARGEST:
        fits = bind(ops["logical_and"], fits, bind(ops["le"], x, np.int64(info.max)))
    _require(fits, "OverflowError", f"Python integer out of bounds for {dtype}")


def check_element(x: Tracer, dtype: np.dtype) -> None:
    """Raise what NumPy raises where a number is put into an element of an integer type that does not hold it.

    NumPy takes a number without axes for a Python int there; elements of arrays wrap around, and so does all that is put into types
    without sign.
    """
    info, of = np.iinfo(dtype), x.type.dtype
    if of.kind == "f":
        _require(bind(ops["eq"], x, x), "ValueError", "cannot convert float NaN to integer")
        _require(bind(ops["lt"], bind(ops["abs"], x), of.type(np.inf)), "OverflowError", "cannot convert float infinity to integer")
        if dtype.kind == "u":
            return
        below = of.type(info.min - 1)
        low = bind(ops["lt"], below, x) if int(below) == info.min - 1 else bind(ops["le"], of.type(info.min), x)
        fits = bind(ops["logical_and"], low, bind(ops["lt"], x, of.type(info.max + 1)))
    elif of.kind not in "iu" or dtype.kind == "u" or np.can_cast(of, dtype):
        return
    elif of == np.int64:
        check_fits(x, dtype)
        return
    else:
        own = np.iinfo(of)
        fits = bind(ops["le"], x, of.type(min(own.max, info.max)))
        if own.min < info.min:
            fits = bind(ops["logical_and"], bind(ops["le"], of.type(info.min), x), fits)
    _require(fits, "OverflowError", f"Python integer out of bounds for {dtype}")


def _require(condition: Any, error: str, message: str) -> None:
    from tracer.ops.control import require
    where = user_line()
    bind(require, condition, error=error, message=message + (f" ({where})" if where else ""))


_LARGEST = np.iinfo(np.int64).max


def _fits(x: Any, dtype: np.dtype) -> bool:
    """Whether a Python int, which may be traced, is known to be among the numbers of an integer type."""
    n = x if not isinstance(x, Tracer) else x.owner.integer_of(x.ref) if x.owner.level else None
    low, high = (n, n) if n is None or type(n) in (int, Length) else (lower_bound(n), upper_bound(n))
    info = np.iinfo(dtype)
    enough = info.min < -_LARGEST or low is not None and low >= info.min
    return enough and (info.max >= _LARGEST or high is not None and high <= info.max)


def with_lengths(x, shape: tuple[Dim, ...]):
    """A traced array with its lengths written as in `shape`. Those that are not known to be equal are compared when the function runs.

    Raises
    ------
    ValueError
        Then, if they differ.
    """
    if x.type.shape == shape:
        return x
    from tracer.ops.control import require
    from tracer.ops.shape import sized
    trace = current_trace()
    assert trace is not None
    for a, b in zip(x.type.shape, shape, strict=True):
        if agree(a, b) is None and not trace.has_compared(a, b):
            where = user_line()
            bind(require, bind(ops["eq"], _as_integer(a), _as_integer(b)), error="ValueError",
                 message="operands could not be broadcast together: two lengths differ" + (f" ({where})" if where else ""))
            trace.compared.add((a, b))
    return bind(sized, x, shape=shape)


def _as_integer(d: Dim):
    if not isinstance(d, Size):
        return np.int64(d)
    from tracer.ops.shape import length
    trace = current_trace()
    assert trace is not None
    return trace.record(length, (), {"length": d})


def broadcast_to(x, shape: tuple[Dim, ...]):
    """Broadcast to a shape that is known, or taken, to fit."""
    have = x.type.shape if isinstance(x, Tracer) else np.shape(x)
    if have == shape:
        return x
    tail = shape[len(shape) - len(have):]
    if any(a != b and a != 1 for a, b in zip(have, tail)):
        x = with_lengths(as_tracer(x), tuple([b if a != 1 else a for a, b in zip(have, tail)]))
        if x.type.shape == shape:
            return x
    from tracer.ops.shape import broadcast
    trace = current_trace()
    if trace is not None and not isinstance(x, Tracer):
        return trace.record(broadcast, (x,), {"shape": shape})
    return bind(broadcast, x, shape=shape)


def align(name: str, values: Sequence, dtype: np.dtype) -> list:
    """Cast all values to one dtype and broadcast them to their common shape."""
    values = [as_traced(v) for v in values]
    shape = broadcast_shapes(name, values)
    return [broadcast_to(cast_to(v, dtype), shape) for v in values]


_COMPARISONS = frozenset([np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal])


def _compared(args: list, kinds: tuple) -> tuple[list, tuple]:
    """The operands of a comparison and their kinds: a Python int is compared also where the dtype of the other operand does not hold it."""
    k = 0 if kinds[0] is int else 1
    t = kinds[1 - k]
    if not isinstance(t, np.dtype) or t.kind not in "iu" or _fits(args[k], t):
        return args, kinds
    n, other = args[k], args[1 - k]
    if not isinstance(n, Tracer):       # it is on one side of all numbers of the type, as 1 or -1 is of 0
        n, other, t = np.int64(1 if n > 0 else -1), functions[np.zeros_like](other, np.int64), np.dtype(np.int64)
    pairs = [(n, np.dtype(np.int64)), (other, t)]
    first, second = pairs if k == 0 else pairs[::-1]
    return [first[0], second[0]], (first[1], second[1])


def _of_both_signs(args: list, dtypes: tuple) -> tuple[list, tuple]:
    """The operands of a comparison of uint64 with int64, which NumPy makes of the numbers themselves, both as uint64."""
    k = 0 if dtypes[0].kind == "i" else 1
    n, u, where = args[k], args[1 - k], functions[np.where]
    negative = n < 0        # any u is greater, as 1 is greater than 0
    as_unsigned = bind(ops["cast"], n, dtype=dtypes[1 - k]) if isinstance(n, Tracer) else n.astype(dtypes[1 - k])
    n, u = where(negative, np.uint64(0), as_unsigned), where(negative, np.uint64(1), u)
    return [n, u] if k == 0 else [u, n], (dtypes[1 - k],) * 2


_VERBS = {"subtract": "subtract", "divide": "divide", "power": "raise to a power"}


def apply_ufunc(op: Elementwise, ufunc, args: Sequence):
    """Apply an elementwise op with NumPy's promotion and broadcasting."""
    args = [as_traced(a) for a in args]
    kinds = tuple([dtype_kind_of(a) for a in args])
    if ufunc in _COMPARISONS and (kinds[0] is int or kinds[1] is int):
        args, kinds = _compared(args, kinds)
    try:
        dtypes, _ = _resolve(ufunc, kinds)
    except TypeError as e:
        raise explain(DTypeError, f"np.{ufunc.__name__} does not take "
                      f"{' and '.join(str(k) if isinstance(k, np.dtype) else k.__name__ for k in kinds)}",
                      **{f"arg{i}": describe(a) for i, a in enumerate(args)}, why=str(e).split("\n")[0]) from None
    if np.dtype(np.float16) in dtypes:
        raise explain(DTypeError, f"np.{ufunc.__name__} of {kinds[0]} is float16 in NumPy, which cannot be traced",
                      fix="convert with x.astype(np.float32) first")
    if dtypes[0] != dtypes[-1] and ufunc in _COMPARISONS:
        args, dtypes = _of_both_signs(args, dtypes)
    name = _VERBS.get(ufunc.__name__, ufunc.__name__)
    shape = broadcast_shapes(name, args) if len(args) > 1 else None
    xs = []
    for a, d in zip(args, dtypes, strict=True):
        a = cast_to(a, d)
        xs.append(a if shape is None else broadcast_to(a, shape))
    return bind(op, *xs)


def register_ufuncs() -> None:
    """Enter every elementwise op whose reference is a ufunc under that ufunc."""
    for op in ops.values():
        if isinstance(op, Elementwise):
            for ufunc in (op.reference, *op.numpy_names):
                if isinstance(ufunc, np.ufunc) and ufunc not in functions:
                    functions[ufunc] = _handler(op, ufunc)


def face_of(op: Elementwise):
    """An elementwise op as a function of arrays and numbers, for ops that no ufunc names: integers become float64."""
    def function(*args):
        args = [as_traced(a) for a in args]
        dtype = common_dtype(*args)
        return bind(op, *align(op.name, args, dtype if dtype.kind == "f" else np.dtype(np.float64)))
    function.__name__, function.__doc__ = op.name, op.__doc__
    return function


def _handler(op, ufunc):
    def handler(*args):
        return apply_ufunc(op, ufunc, args)
    handler.__name__ = ufunc.__name__
    return handler
