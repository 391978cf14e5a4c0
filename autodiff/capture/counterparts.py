"""What stands for functions of Python, NumPy and SciPy where they are given traced values."""

from __future__ import annotations

import builtins
import copy
import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff.numpy as anp
from autodiff.capture.python_math import FUNCTIONS
from autodiff.capture.python_numbers import as_python, error_text, python_float, python_truth, python_value, require_that
from autodiff.capture.state import declined, keeps_number, truth, undecided, weak_of
from autodiff.numpy.rows import joined_rows
from autodiff.numpy.sizes import integer_of_length
from autodiff.numpy.support import NOT_GIVEN, dtype_of, fresh
from tracer.errors import UnsupportedError, explain
from tracer.promote import cast_to
from tracer.trace import Tracer
from tracer.types import Dim, Size

__all__ = ["BUILTINS", "METHODS", "NUMPY", "SCIPY"]


def _best(pick: Callable, whole: Callable) -> Callable:
    def best(*args, key=None, default=NOT_GIVEN):
        if len(args) == 1:
            rows = joined_rows(args[0]) if isinstance(args[0], list) else args[0]
            if isinstance(rows, Tracer) and len(rows.type.shape) == 1 and rows.type.shape[0] != 0:
                _require_one(rows.type.shape[0], "max" if pick is np.greater else "min", default)
                return rows[whole(rows)]
        values = list(args[0] if len(args) == 1 else args)
        if not values:
            return (max if pick is np.greater else min)((), **({} if default is NOT_GIVEN else {"default": default}))
        strong = {dtype_of(v) for v in values if isinstance(v, (np.generic, Tracer)) and weak_of(v) is None}
        if len(strong) > 1 or strong and not all(weak_of(v) is None or keeps_number(v, *strong) for v in values):
            if any(map(undecided, values)):
                raise declined(f"the best of numbers of {' and '.join(sorted(map(str, strong)))}, or of Python's that these would round",
                               "the result has the dtype of the one that is chosen", "convert them to one dtype")
            return functools.reduce(lambda out, v: v if pick(v, out) else out, values)
        out = values[0]
        for v in values[1:]:
            out = np.where(pick(v, out), v, out)
        if isinstance(out, Tracer) and all(v._is_scalar() if isinstance(v, Tracer) else not isinstance(v, np.ndarray) for v in values):
            out = fresh(out)        # a scalar, as those that it is chosen from
        kinds = {weak_of(v) for v in values}
        if None in kinds or not isinstance(out, Tracer):
            return out
        return as_python(out, kinds.pop() if len(kinds) == 1 else float if float in kinds else int)
    return best


def _require_one(length: Dim, name: str, default: Any) -> None:
    """What Python says of an empty array, where its length is known only when the function runs."""
    if isinstance(length, Size):
        if default is not NOT_GIVEN:
            raise declined(f"{name}() with a default, of an array whose length is known only at run time",
                           "the result is the default or an element, of another type perhaps", f"call np.{name} with `initial`")
        require_that(integer_of_length(length) > 0, ValueError, error_text(max if name == "max" else min, ()))


def _first_best(arg: Callable, worst: float) -> Callable:
    """A function from an array to the position of what Python's max or min finds: the first of equal numbers, and past nan."""
    def position(x: Tracer):
        if x.type.dtype.kind != "f":
            return arg(x)
        return np.where(np.isnan(x[0]), 0, arg(np.where(np.isnan(x), x.type.dtype.type(worst), x)))
    return position


def _len(x):
    return integer_of_length(x.type.shape[0]) if isinstance(x, Tracer) and x.type.shape else builtins.len(x)


def _sum(values, start=0):
    whole = values if isinstance(values, Tracer) else joined_rows(values) if isinstance(values, list) else None
    return builtins.sum(values, start) if whole is None else np.sum(whole, axis=0) + start


def _prod(values, *, start=1):
    if isinstance(values, Tracer):
        return np.prod(values) * start
    return functools.reduce(operator.mul, values, start)


def _as_scalar(kind: type, x):
    """`np.float64(x)` and its like: a scalar of NumPy's, of an array an array."""
    return fresh(cast_to(anp.asarray(x), np.dtype(kind)))


def _item(x: Tracer, *place):
    if place:
        flat = len(place) == 1 and not isinstance(place[0], tuple)
        return python_value(np.ravel(x)[place[0]] if flat else x[place[0] if len(place) == 1 else place])
    return python_value(x)


def _tolist(x: Tracer):
    return [_tolist(y) for y in x] if x.type.shape else python_value(x)


BUILTINS: dict[Any, Callable] = {
    len: _len, bool: lambda x: python_truth(truth(x)), sum: _sum, builtins.any: np.any, builtins.all: np.all,
    max: _best(np.greater, _first_best(np.argmax, -np.inf)), min: _best(np.less, _first_best(np.argmin, np.inf)),
    copy.copy: fresh, copy.deepcopy: fresh,
    math.fsum: lambda xs: python_float(np.sum(anp.asarray(xs))), math.prod: _prod,
    **{t: functools.partial(_as_scalar, t) for t in (np.float64, np.float32, np.int64, np.int32, np.int16, np.int8, np.uint64, np.uint32,
                                                     np.uint16, np.uint8, np.bool_)}, **FUNCTIONS}
METHODS: dict[str, Callable] = {"item": _item, "tolist": _tolist}


def _numpys() -> dict[Any, Callable]:
    """NumPy's functions that have a counterpart of ours which takes what NumPy's protocols do not carry."""
    found = {}
    for name in dir(anp):
        theirs, ours = getattr(np, name, None), getattr(anp, name)
        if theirs is not None and callable(ours) and ours is not theirs and not isinstance(ours, type) and not isinstance(theirs, type):
            found[theirs] = ours
    return found


NUMPY = _numpys()


def _along(whole: Callable) -> Callable:
    """A function along an axis, which SciPy applies to all elements where no axis is given."""
    def function(x, axis=None):
        return whole(x, axis=axis) if axis is not None else np.reshape(whole(np.ravel(x), axis=0), x.shape)
    return function


def _logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    if b is not None or return_sign:
        raise explain(UnsupportedError, "scipy.special.logsumexp with b or return_sign of traced values",
                      fix="write it as m + np.log(np.sum(b * np.exp(a - m)))")
    return anp.logsumexp(a, axis, keepdims)


SCIPY: dict[str, Callable] = {"logsumexp": _logsumexp, "softmax": _along(anp.softmax), "log_softmax": _along(anp.log_softmax)}
"""Functions of scipy.special that are no ufuncs, by name, so that SciPy is not loaded for them."""
