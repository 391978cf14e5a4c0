"""Functions that machine learning needs and NumPy lacks. On plain arrays they return NumPy arrays.

They are written so that neither the value nor the derivative overflows or becomes nan at the usual places: large numbers, rows
of -inf, the corner of `relu`.
"""

from __future__ import annotations

import numpy as np

from tracer.errors import DTypeError, explain
from tracer.op import type_of
from tracer.ops.arithmetic import stop_gradient
from tracer.ops.elementary import sigmoid as sigmoid_op
from tracer.promote import as_traced, cast_to
from tracer.trace import Tracer, bind
from tracer.types import is_inexact

__all__ = ["logsumexp", "softmax", "log_softmax", "sigmoid", "relu", "softplus", "one_hot"]


def _floats(x):
    """An array of floats; integers become float64."""
    x = as_traced(x)
    if not isinstance(x, Tracer):
        x = np.asarray(x)
    return x if is_inexact(type_of(x).dtype) else cast_to(x, np.dtype(np.float64))


def _largest(x, axis):
    """The largest elements where they are finite, else 0; a constant for derivatives, as it cancels in the result."""
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    return bind(stop_gradient, top) if isinstance(top, Tracer) else top


def logsumexp(x, axis=None, keepdims=False):
    """Logarithm of the sum of exponentials, without overflow.

    Parameters
    ----------
    x : array, shape (..., n, ...)
    axis : int, tuple of int, or None
        Axes to sum over; None means all.
    keepdims : bool
        Whether these axes stay, with length 1.

    Returns
    -------
    array, shape of `x` without `axis`, dtype of `x` (integers become float64)

    Raises
    ------
    AxisError
        If `axis` is out of range for `x`.

    Derivative
    ----------
    dy = sum(softmax(x) * dx). Where every entry is -inf the derivative is 0.
    Source: Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021), section 1.

    Examples
    --------
    >>> float(logsumexp(np.array([0.0, 0.0])))
    0.6931471805599453
    """
    x = _floats(x)
    top = _largest(x, axis)
    total = np.sum(np.exp(x - top), axis=axis, keepdims=True)
    nothing = total == 0
    y = np.where(nothing, -np.inf, np.log(np.where(nothing, 1, total)) + top)
    return y if keepdims else np.squeeze(y, axis=_every_axis(x) if axis is None else axis)


def _every_axis(x):
    return tuple(range(np.ndim(x)))


def softmax(x, axis=-1):
    """Exponentials scaled to sum 1 along `axis`: exp(x) / sum(exp(x)), without overflow.

    Parameters
    ----------
    x : array, shape (..., n, ...)
    axis : int, tuple of int, or None

    Returns
    -------
    array, shape and dtype of `x` (integers become float64)

    Derivative
    ----------
    dy = y (dx - sum(y dx)).

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    x = _floats(x)
    e = np.exp(x - _largest(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    """Logarithm of `softmax`: x - logsumexp(x).

    Parameters
    ----------
    x : array, shape (..., n, ...)
    axis : int, tuple of int, or None

    Returns
    -------
    array, shape and dtype of `x` (integers become float64)

    Derivative
    ----------
    dy = dx - sum(softmax(x) dx).

    Examples
    --------
    >>> log_softmax(np.array([0.0, -1000.0])).tolist()
    [0.0, -1000.0]
    """
    x = _floats(x)
    x = x - _largest(x, axis)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow.

    Parameters
    ----------
    x : array, any shape

    Returns
    -------
    array, shape and dtype of `x` (integers become float64)

    Derivative
    ----------
    dy = y (1 - y) dx.

    Examples
    --------
    >>> sigmoid(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    x = _floats(x)
    return bind(sigmoid_op, x) if isinstance(x, Tracer) else sigmoid_op.reference(x)


def relu(x):
    """x where it is positive, else 0; nan stays.

    Parameters
    ----------
    x : array, any shape

    Returns
    -------
    array, shape and dtype of `x`

    Derivative
    ----------
    dy = dx where x > 0, else 0 (at 0 as well).

    Examples
    --------
    >>> relu(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    x = as_traced(x)
    return np.where(np.less_equal(x, 0), 0, x)


def softplus(x):
    """log(1 + exp(x)), without overflow.

    Parameters
    ----------
    x : array, any shape

    Returns
    -------
    array, shape and dtype of `x` (integers become float64)

    Derivative
    ----------
    dy = sigmoid(x) dx.

    Examples
    --------
    >>> softplus(np.array([-1000.0, 1000.0])).tolist()
    [0.0, 1000.0]
    """
    return np.logaddexp(_floats(x), 0)


def one_hot(x, num_classes, dtype=np.float64):
    """Rows that are 1 at the positions `x` and 0 elsewhere; all 0 where a position is out of range.

    Parameters
    ----------
    x : array of integers, shape (...)
    num_classes : int
    dtype : dtype

    Returns
    -------
    array, shape (..., num_classes)

    Raises
    ------
    DTypeError
        If `x` does not hold integers.

    Examples
    --------
    >>> one_hot(np.array([2, 0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    x = as_traced(x)
    x = x if isinstance(x, Tracer) else np.asarray(x)
    if type_of(x).dtype.kind not in "iu":
        raise explain(DTypeError, f"one_hot of {type_of(x)}", why="positions are integers", fix="convert with x.astype(int)")
    return cast_to(np.expand_dims(x, -1) == np.arange(num_classes), np.dtype(dtype))
