"""Methods of ufuncs: `np.add.reduce`, `np.multiply.outer` and the like."""

from __future__ import annotations

import numpy as np

from autodiff.numpy.extra import logsumexp
from autodiff.numpy.indexing import part
from autodiff.numpy.support import NOT_GIVEN, as_array, axis_of, length_of, refuse, shape_of
from tracer.array import functions, implements
from tracer.ops.control import scan_axis
from tracer.promote import cast_to

__all__: list[str] = []


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
