"""Arithmetic, element by element: sums, products, quotients, casts.

An elementwise op is one scalar function on every element of arrays of one shape and dtype. Three more files hold such ops:
`comparison.py`, `rounding.py` and `elementary.py`.
"""

from __future__ import annotations

import numpy as np

from tracer.op import Cost, Elementwise, Linear, Op, Unknown, register, sum_tangents, type_of
from tracer.trace import bind, full
from tracer.types import is_inexact


def like(x, value):
    """An array of the type of `x` filled with `value`."""
    t = type_of(x)
    return full(t.shape, value, t.dtype)


class Add(Linear, Elementwise):
    """y = a + b."""
    exact = True
    cost = Cost.LITTLE
    light = True
    reference = np.add
    code = "add"
    dtypes = "fdi?"

    def dimension(self, a, b):
        return a + b

    def transpose(self, ct, a, b):
        return ct, ct


add = register(Add())


class Sub(Linear, Elementwise):
    """y = a - b."""
    exact = True
    cost = Cost.LITTLE
    light = True
    reference = np.subtract
    code = "sub"
    dtypes = "fdi"

    def dimension(self, a, b):
        return a - b

    def transpose(self, ct, a, b):
        return ct, -ct


sub = register(Sub())


class Neg(Linear, Elementwise):
    """y = -x."""
    exact = True
    cost = Cost.LITTLE
    light = True
    reference = np.negative
    code = "neg"
    dtypes = "fdi"

    def dimension(self, a):
        return -a

    def transpose(self, ct, x):
        return (-ct,)


neg = register(Neg())


class Mul(Elementwise):
    """y = a b."""
    exact = True
    cost = Cost.LITTLE
    light = True
    reference = np.multiply
    code = "mul"
    dtypes = "fdi?"

    def dimension(self, a, b):
        return a * b

    def partials(self, y, a, b):
        return b, a

    def transpose(self, ct, a, b):
        return linear_in_one(self, ct, a, b, lambda b: ct * b, lambda a: ct * a)


mul = register(Mul())


class ZeroProduct(Elementwise):
    """y = a b, and 0 where a or b is 0, even if the other one is infinite or nan.

    It multiplies tangents by derivatives that are infinite where an argument stands still: the 0 is that of the function.
    """
    exact = True
    cost = Cost.DIVISION
    light = True

    def reference(self, a, b):
        with np.errstate(invalid="ignore"):
            return np.where(np.equal(a, 0) | np.equal(b, 0), np.zeros_like(a), np.multiply(a, b))[()]

    def scalar(self, k, a, b):
        zero = k.const(0, a.dtype)
        return k.select(k.apply("eq", a, zero), zero, k.select(k.apply("eq", b, zero), zero, k.apply("mul", a, b)))

    def jvp(self, xs, dxs):
        (a, b), (da, db) = xs, dxs
        return self(a, b), sum_tangents(([] if da is None else [self(da, b)]) + ([] if db is None else [self(a, db)]))

    def transpose(self, ct, a, b):
        return linear_in_one(self, ct, a, b, lambda b: self(ct, b), lambda a: self(a, ct))


zero_product = register(ZeroProduct())


class Div(Elementwise):
    """y = a / b."""
    exact = True
    cost = Cost.DIVISION
    reference = np.divide
    code = "div"
    domain = ((-2.0, 2.0), (0.5, 2.0))

    def partials(self, y, a, b):
        return like(b, 1) / b, -y / b

    def jvp(self, xs, dxs):
        # In the direction of `a` it is linear: da / b is one division, and stays one through transposition.
        (a, b), (da, db) = xs, dxs
        y = self(a, b)
        if db is None:
            return y, None if da is None else div(da, b)
        top = -y * db if da is None else da - y * db
        return y, div(top, b)

    def transpose(self, ct, a, b):
        return div(ct, b), None


div = register(Div())


def linear_in_one(op: Op, ct, a, b, left, right):
    """Cotangents of a product-like op, in which exactly one factor is unknown."""
    if isinstance(a, Unknown) and isinstance(b, Unknown):
        raise op._missing("transpose", "(self, ct, *xs, **params)", "transpose in both factors at once: it is not linear in them")
    if isinstance(a, Unknown):
        return left(b), None
    return None, right(a)


class Positive(Linear, Elementwise):
    """y = x."""
    exact = True
    cost = Cost.LITTLE
    light = True
    reference = np.positive
    dtypes = "fdi"

    def dimension(self, d):
        return d

    def scalar(self, k, x):
        return x

    def transpose(self, ct, x):
        return (ct,)


positive = register(Positive())


class Cast(Op):
    """y = x converted to `dtype`, as `astype`."""
    exact = True
    cost = Cost.LITTLE

    light = True

    def dimension(self, d):
        return d

    def infer(self, x, *, dtype):
        return x.with_dtype(dtype)

    def reference(self, x, *, dtype):
        with np.errstate(invalid="ignore"):
            return np.asarray(x).astype(dtype)[()]

    def jvp(self, xs, dxs, *, dtype):
        y = self(*xs, dtype=dtype)
        return y, self(*dxs, dtype=dtype) if is_inexact(np.dtype(dtype)) else None

    def transpose(self, ct, x, *, dtype):
        return (bind(self, ct, dtype=x.type.dtype),)

    def lower(self, k, inputs, outputs, *, dtype):
        with k.nest(outputs[0].shape) as index:
            k.store(outputs[0], index, k.cast(k.load(inputs[0], index), dtype))

    def scalar(self, k, x, *, dtype):
        return k.cast(x, dtype)


cast = register(Cast())


class StopGradient(Elementwise):
    """y = x, with derivative zero."""
    exact = True
    cost = Cost.LITTLE
    light = True
    dtypes = "fdi"
    differentiable = False

    def reference(self, x):
        return np.asarray(x)[()]

    def scalar(self, k, x):
        return x


stop_gradient = register(StopGradient())
