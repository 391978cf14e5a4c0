"""PyTorch's names for methods of tensors, where NumPy has none: `dim=` and `keepdim=`, `norm`, `unsqueeze`, `add_` and others.

Each is a NumPy function under another name, recorded as that function. A name that NumPy gives another meaning keeps NumPy's: `x.size` is a
number and `x.std()` divides by n. With `dim=`, where the two differ, `std` and `var` want to be told which (`correction=`), and `max` and
`min` return values and indices as PyTorch does.

Within `ad.grad` and others, a function is called on tensors in place of arrays: there `dim=` is refused, as arrays refuse it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autodiff.eager.memory import Viewed
from autodiff.eager.modes import mode
from autodiff.eager.operators import TapeOperators, unary_call
from autodiff.eager.record import call_on_tape, record_op
from autodiff.numpy.extra import log_softmax, relu, sigmoid, softmax
from tracer.errors import GradientError, explain
from tracer.ops.arithmetic import stop_gradient
from tracer.tracebacks import trim

__all__ = ["TorchNames", "Extreme"]


class Extreme(NamedTuple):
    """What `max` and `min` along a dimension give: the values, and where they stand."""

    values: Any
    indices: Any


def _numpy_arguments(name: str, kwargs: dict) -> dict:
    """`dim` and `keepdim` as `axis` and `keepdims`."""
    given = [k for k in ("dim", "keepdim") if k in kwargs]
    if given and mode.strict:
        raise TypeError(f"{name}() got an unexpected keyword argument '{given[0]}': NumPy calls it {_NAMES[given[0]]}")
    return {_NAMES.get(k, k): v for k, v in kwargs.items()}


_NAMES = {"dim": "axis", "keepdim": "keepdims"}


def _reduction(function: Callable) -> Callable:
    """A method that reduces along `axis` or `dim`."""
    name = function.__name__

    def method(x, *args, **kwargs):
        try:
            if kwargs:
                return call_on_tape(function, x, *args, **_numpy_arguments(name, kwargs))
            return call_on_tape(function, x, *args) if args else unary_call(function, x, sys._getframe(1))
        except Exception as e:
            trim(e)
            raise
    return _named(method, name, f"As the method of NumPy arrays, see `numpy.{name}`; `dim` and `keepdim` stand for `axis` and `keepdims`.")


def _extreme(function: Callable, place: Callable) -> Callable:
    """`max` or `min`: with `dim`, values and indices."""
    reduction = _reduction(function)

    def method(x, *args, **kwargs):
        try:
            if not args and not kwargs:
                return unary_call(function, x, sys._getframe(1))
            values = reduction(x, *args, **kwargs)
            if "dim" not in kwargs:
                return values
            return Extreme(values, call_on_tape(place, x, **_numpy_arguments(function.__name__, kwargs)))
        except Exception as e:
            trim(e)
            raise
    return _named(method, function.__name__, f"As `numpy.{function.__name__}`; with `dim`, values and indices, of equal ones the first.")


def _spread(function: Callable) -> Callable:
    """`std` or `var`: with `dim`, `correction` has to say by what number less than n to divide."""
    name = function.__name__

    def method(x, *args, **kwargs):
        try:
            if "correction" in kwargs:
                kwargs["ddof"] = kwargs.pop("correction")
            elif "dim" in kwargs and "ddof" not in kwargs and not mode.strict:
                raise TypeError(f"{name}(dim=...) needs correction=: PyTorch divides by n - 1 (correction=1), NumPy by n (correction=0)")
            return call_on_tape(function, x, *args, **_numpy_arguments(name, kwargs))
        except Exception as e:
            trim(e)
            raise
    return _named(method, name, f"As `numpy.{name}`; with `dim` also `correction`, which is subtracted from n.")


def _function(function: Callable) -> Callable:
    """A method that is a function of the elements."""
    def method(x):
        try:
            return unary_call(function, x, sys._getframe(1))
        except Exception as e:
            trim(e)
            raise
    return _named(method, function.__name__, f"`numpy.{function.__name__}` of each element.")


def _in_place(function: Callable, what: str) -> Callable:
    """A method that writes the result of an operator into the tensor."""
    def method(x, other):
        return x._write(Ellipsis, call_on_tape(function, x, other))
    return _named(method, what, f"`{what.rstrip('_')}` in place; returns the tensor.")


def _named(method: Callable, name: str, doc: str) -> Callable:
    method.__name__, method.__doc__ = name, doc
    return method


class TorchNames(TapeOperators):
    """The methods of tensors that PyTorch has and NumPy has not."""

    __slots__ = ()
    sum, mean, prod = _reduction(np.sum), _reduction(np.mean), _reduction(np.prod)
    all, any = _reduction(np.all), _reduction(np.any)
    argmax, argmin, amax, amin = _reduction(np.argmax), _reduction(np.argmin), _reduction(np.amax), _reduction(np.amin)
    cumsum, cumprod = _reduction(np.cumsum), _reduction(np.cumprod)
    max, min = _extreme(np.max, np.argmax), _extreme(np.min, np.argmin)
    std, var = _spread(np.std), _spread(np.var)
    exp, log, sqrt, square, sign = (_function(f) for f in (np.exp, np.log, np.sqrt, np.square, np.sign))
    sin, cos, tan, sinh, cosh, tanh = (_function(f) for f in (np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh))
    abs, floor, ceil = (_function(f) for f in (np.absolute, np.floor, np.ceil))
    add_, sub_ = _in_place(np.add, "add_"), _in_place(np.subtract, "sub_")
    mul_, div_ = _in_place(np.multiply, "mul_"), _in_place(np.divide, "div_")
    _write: Callable[..., Any]
    detach: Callable[..., Any]
    requires_grad_: Callable[..., Any]

    # -- values --------------------------------------------------------------------------------------

    def norm(self, p: float = 2, dim=None, keepdim: bool = False):
        """The norm of all elements, or of those along some dimensions: (sum |x|^p)^(1/p); the derivative is 0 where it is 0.

        Examples
        --------
        >>> from autodiff import tensor
        >>> x = tensor([[3.0, 4.0], [0.0, 2.0]])
        >>> x.norm(dim=1)
        tensor([5., 2.])
        >>> x.norm(1).item()
        9.0
        """
        return call_on_tape(np.linalg.vector_norm, self, axis=dim, keepdims=keepdim, ord=p)

    def pow(self, exponent):
        """`self ** exponent`."""
        return self ** exponent

    def matmul(self, other):
        """`self @ other`."""
        return self @ other

    def clamp(self, min=None, max=None):
        """`numpy.clip`."""
        return call_on_tape(np.clip, self, min, max)

    def sigmoid(self):
        """1 / (1 + exp(-x)), without overflow."""
        return sigmoid(self)

    def relu(self):
        """max(x, 0); the derivative at 0 is 0."""
        return relu(self)

    def softmax(self, dim: int):
        """exp(x) / sum(exp(x)) along a dimension, without overflow."""
        return softmax(self, axis=dim)

    def log_softmax(self, dim: int):
        """The logarithm of `softmax`."""
        return log_softmax(self, axis=dim)

    # -- shapes --------------------------------------------------------------------------------------

    def dim(self) -> int:
        """The number of dimensions: `ndim`."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements: NumPy's `size`."""
        return self.size

    def view(self, *shape: int):
        """`reshape`: a view of the same elements."""
        return self.reshape(*shape)

    def permute(self, *dims: int):
        """`transpose` with all dimensions given."""
        return self.transpose(*dims)

    def unsqueeze(self, dim: int):
        """With a dimension of length 1 at a place."""
        return call_on_tape(np.expand_dims, self, dim)

    def to(self, dtype):
        """`astype`; the tensor itself if it has the dtype."""
        return self if self.dtype == np.dtype(dtype) else self.astype(dtype)

    def double(self):
        """As float64."""
        return self.to(np.float64)

    def float(self):
        """As float32."""
        return self.to(np.float32)

    def long(self):
        """As int64."""
        return self.to(np.int64)

    # -- in place ------------------------------------------------------------------------------------

    def zero_(self):
        """Fill with zeros in place; returns itself."""
        return self._write(Ellipsis, 0)

    def fill_(self, value):
        """Fill with a value in place; returns itself."""
        return self._write(Ellipsis, value)

    def copy_(self, value):
        """Write the values of another array in place; returns itself."""
        return self._write(Ellipsis, value)

    def clamp_(self, min=None, max=None):
        """`clamp` in place; returns itself."""
        return self._write(Ellipsis, self.clamp(min, max))

    def clone(self):
        """A copy; gradients pass through it."""
        return call_on_tape(np.positive, self)

    def detach_(self):
        """Forget the history of this tensor; returns itself.

        Raises
        ------
        GradientError
            If it is a view of another tensor, which would keep its history.

        Examples
        --------
        >>> from autodiff import tensor
        >>> x = tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * x
        >>> y.detach_().requires_grad
        False
        """
        if self.alias.__class__ is Viewed:
            raise explain(GradientError, "detach_() of a view", why="the tensor that it is a view of would keep its history",
                          fix="use detach(), or detach the other tensor")
        if self.step.is_leaf:
            return self.requires_grad_(False)
        self.step = record_op(stop_gradient, (self,), {}).step
        return self
