"""Arithmetic, element by element: sums, products, quotients, casts.

An elementwise op is one scalar function on every element of arrays of one shape and dtype. Three more files hold such ops:
`comparison.py`, `rounding.py` and `elementary.py`.
"""

from __future__ import annotations

import numpy as np

from tracer.graph import Var
from tracer.op import Cost, Elementwise, Linear, Op, Unknown, ops, register, sum_tangents, type_of
from tracer.trace import Tracer, bind, current_trace, full
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

    def jvp(self, xs, dxs):
        (a, b), (da, db) = xs, dxs
        y = self(a, b)
        if not is_inexact(type_of(y).dtype):
            return y, None
        return y, sum_tangents(_masked(d, x) for d, x in ((da, b), (db, a)) if d is not None)

    def transpose(self, ct, a, b):
        return linear_in_one(self, ct, a, b, lambda b: ct * b, lambda a: ct * a)


def _masked(d, x):
    """d x; where x is a truth value, d or 0: what is masked out adds 0 even if its derivative is infinite or nan."""
    truth = truth_of(x)
    return x * d if truth is None else ops["select"](truth, d, like(d, 0))


def truth_of(x):
    """The truth values that an array of numbers was made of; None if it was not."""
    trace = current_trace()
    node = trace.producers.get(x.ref) if trace is not None and isinstance(x, Tracer) and x.ref is not None else None
    if node is None or node.op is not cast or node.inputs[0].type.dtype.kind != "b":
        return None
    a = node.inputs[0]
    return Tracer(a.type, trace, a) if isinstance(a, Var) else a.value


mul = register(Mul())


class Bilinear(Elementwise):
    """A product of two factors with a meaning of its own where one of them is 0 or infinite; its derivative is made of such products."""

    light = True

    def jvp(self, xs, dxs):
        (a, b), (da, db) = xs, dxs
        return self(a, b), sum_tangents(([] if da is None else [self(da, b)]) + ([] if db is None else [self(a, db)]))

    def transpose(self, ct, a, b):
        return linear_in_one(self, ct, a, b, lambda b: self(ct, b), lambda a: self(ct, a))


class SlopeProduct(Bilinear):
    """y = a b, where one factor is a derivative that may be infinite, or nan, where the function is not.

    Transposed, it gives 0 for what nobody has asked for (`Op.needed`). In a finished program it is a product (`tracer/passes/simplify.py`).
    """
    exact = True
    cost = Cost.LITTLE
    code = "mul"
    dtypes = "fdi"

    def reference(self, a, b):
        return np.multiply(a, b)


slope_product = register(SlopeProduct())


class ZeroProduct(Bilinear):
    """y = a b, and 0 where a or b is 0, even if the other one is infinite or nan.

    It multiplies tangents by derivatives that are infinite where an argument stands still: the 0 is that of the function.
    """
    exact = True
    cost = Cost.DIVISION

    def reference(self, a, b):
        with np.errstate(invalid="ignore"):
            return np.where(np.equal(a, 0) | np.equal(b, 0), np.zeros_like(a), np.multiply(a, b))[()]

    def scalar(self, k, a, b):
        zero = k.const(0, a.dtype)
        return k.select(k.apply("eq", a, zero), zero, k.select(k.apply("eq", b, zero), zero, k.apply("mul", a, b)))


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
        top = slope_product(-y, db) if da is None else da - slope_product(y, db)
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

    def reached(self, masks, x, *, dtype):
        return masks[0]

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
