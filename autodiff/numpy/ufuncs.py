"""Ufuncs called in other ways: with a mask, and their methods, such as `np.add.reduce` and `np.multiply.outer`."""

from __future__ import annotations

import numpy as np

from autodiff.numpy.extra import logsumexp
from autodiff.numpy.indexing import part
from autodiff.numpy.support import NOT_GIVEN, array_of, as_array, axis_of, dtype_of, length_of, refuse, shape_of
from tracer.array import functions, implements
from tracer.op import Elementwise, ops
from tracer.ops.control import scan_axis
from tracer.promote import cast_to, common_dtype, dtype_kind_of

__all__: list[str] = []


@implements("masked_ufunc")
def masked_ufunc(ufunc, where, out, inputs, kwargs):
    """What `ufunc(*inputs, where=where, out=out)` leaves in `out`.

    Where an element is masked out, the ufunc is given inputs at which it is smooth: its own may be those that the mask is there for,
    such as a zero divisor, and a derivative that is infinite there would turn the zero cotangent into nan.
    """
    if ufunc.nout != 1 or ufunc.signature is not None:
        refuse(ufunc.__name__, where=where)
    mask = as_array(where)
    if dtype_of(mask).kind != "b":
        raise TypeError(f"Cannot cast array data from {dtype_of(mask)!r} to dtype('bool') according to the rule 'safe'")
    inputs = [array_of(x) for x in inputs]
    dtypes = [dtype_kind_of(x) for x in inputs]
    if not all(isinstance(d, np.dtype) for d in dtypes):    # a Python number takes the dtype of the others
        common = common_dtype(*inputs)
        dtypes = [d if isinstance(d, np.dtype) else common for d in dtypes]
    safe = [np.where(mask, cast_to(x, d), _smooth_point(ufunc, k, d)) for k, (x, d) in enumerate(zip(inputs, dtypes, strict=True))]
    return np.where(mask, cast_to(ufunc(*safe, **kwargs), dtype_of(out)), out)


def _smooth_point(ufunc, k: int, dtype: np.dtype):
    """A value of argument `k` of a ufunc near which it is smooth."""
    op = next((op for op in ops.values() if isinstance(op, Elementwise) and ufunc in (op.reference, *op.numpy_names)), None)
    low, high = (0.0, 2.0) if op is None else op.domain[k] if isinstance(op.domain[0], tuple) else op.domain
    return dtype.type(low + 0.625 * (high - low)) if dtype.kind == "f" else dtype.type(1)


def _enter_reduce(ufunc, function):
    def reduce(array, axis=0, dtype=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
        refuse(f"{ufunc.__name__}.reduce", out=out)
        options = {} if dtype is None else {"dtype": dtype}
        options |= {} if initial is NOT_GIVEN or initial is None else {"initial": initial}
        return function(array, axis=axis, keepdims=keepdims, where=where, **options)
    reduce.__doc__ = f"As numpy.{ufunc.__name__}.reduce."
    implements((ufunc, "reduce"))(reduce)


for _ufunc, _function in ((np.add, np.sum), (np.multiply, np.prod), (np.maximum, np.max), (np.minimum, np.min),
                          (np.logical_and, np.all), (np.logical_or, np.any)):
    _enter_reduce(_ufunc, _function)


@implements((np.logaddexp, "reduce"))
def logaddexp_reduce(array, axis=0, dtype=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
    """As numpy.logaddexp.reduce."""
    refuse("logaddexp.reduce", out=out, dtype=dtype, initial=initial, where=None if where is True else where)
    return logsumexp(array, axis, keepdims)


def _enter_accumulate(ufunc, function):
    def accumulate(array, axis=0, dtype=None, out=None):
        refuse(f"{ufunc.__name__}.accumulate", out=out)
        return function(array, axis, dtype)
    accumulate.__doc__ = f"As numpy.{ufunc.__name__}.accumulate."
    implements((ufunc, "accumulate"))(accumulate)


def _running(ufunc):
    """A running `ufunc` through a loop: the values so far are carried."""
    def running(array, axis, dtype):
        a = as_array(array)
        if dtype is not None:
            a = cast_to(a, np.dtype(dtype))
        axis = axis_of(axis, len(shape_of(a)))
        if length_of(a, axis, f"{ufunc.__name__}.accumulate") < 2:
            return np.copy(a)
        first = part(a, axis, 0, 1)

        def step(carries, slices):
            y = ufunc(carries[0], slices[0])
            return [y], [y]
        start = np.squeeze(first, axis)
        return np.concatenate([first, scan_axis(step, [start], [part(a, axis, 1)], axis, False)[0]], axis)
    return running


_enter_accumulate(np.add, np.cumsum)
_enter_accumulate(np.multiply, np.cumprod)
for _ufunc in (np.maximum, np.minimum, np.logaddexp):
    _enter_accumulate(_ufunc, _running(_ufunc))


def _enter_outer(ufunc):
    def outer(a, b, /, dtype=None):
        a, b = as_array(a), as_array(b)
        n, m = len(shape_of(a)), len(shape_of(b))
        options = {} if dtype is None else {"dtype": dtype}
        return ufunc(np.reshape(a, (*shape_of(a), *[1] * m)), np.reshape(b, (*[1] * n, *shape_of(b))), **options)
    outer.__doc__ = f"As numpy.{ufunc.__name__}.outer."
    implements((ufunc, "outer"))(outer)


for _ufunc in [u for u in functions if isinstance(u, np.ufunc) and u.nin == 2 and u.signature is None]:
    _enter_outer(_ufunc)
del _ufunc, _function
