"""Powers, exponentials and logarithms, element by element.

Derivatives are those of Abramowitz and Stegun, Handbook of Mathematical Functions, chapter 4, unless a docstring says otherwise.
"""

from __future__ import annotations

import math

import numpy as np

from tracer.graph import Const
from tracer.op import Cost, Elementwise, register, sum_tangents, type_of
from tracer.ops.arithmetic import like, mul, zero_product
from tracer.ops.comparison import eq, isinf, logical_and, select
from tracer.trace import Tracer, bind
from tracer.types import is_inexact

LN2 = math.log(2.0)
LN10 = math.log(10.0)


# -- powers and roots -----------------------------------------------------------------------------

class Pow(Elementwise):
    """y = a ** b. The derivative in b is 0 where a = 0; the one in a is 0 where b = 0.

    The one in a is infinite at 0 for b < 1, and so is the second one for b < 2; what stands still there adds 0 (`zero_product`).
    """
    numpy_names = (np.power, np.float_power)
    code = "pow"
    domain = ((0.3, 2.0), (-2.0, 2.0))

    def reference(self, a, b):
        """The operator of arrays, with one number that stands for all exponents as a number.

        Squares, roots and reciprocals are rounded correctly so; `numpy.power` does so too since NumPy 2.3.
        """
        b = np.asarray(b)
        return np.asarray(a) ** (b if any(b.strides) or not b.size else b.flat[0])

    def partials(self, y, a, b):
        one, zero = like(a, 1), like(a, 0)
        da = select(b == 0, zero, b * pow(a, select(b == 0, one, b - one)))
        db = y * log(select(a == 0, one, a))
        return da, db

    def jvp(self, xs, dxs):
        a, b = xs
        y = self(a, b)
        if not is_inexact(type_of(y).dtype):
            return y, None
        if dxs[1] is None:  # skip log(a), which is nan for negative a
            exponent = constant_of(b)
            if exponent is not None:
                if exponent == 0.0:
                    return y, None
                if exponent == 2.0:
                    return y, dxs[0] * (like(a, 2) * a)
                slope = like(a, exponent) * power_by(a, exponent - 1.0)
                return y, dxs[0] * slope if exponent > 1.0 else bind(zero_product, slope, dxs[0])
            return y, bind(zero_product, self.partials(y, a, b)[0], dxs[0])
        slopes = self.partials(y, a, b)
        return y, sum_tangents(bind(zero_product, d, dx) for d, dx in zip(slopes, dxs, strict=True) if dx is not None)


pow = register(Pow())


def constant_of(x):
    """The number that fills `x`, when the trace shows it is a broadcast constant; else None."""
    if isinstance(x, np.generic):
        return x
    if isinstance(x, Tracer) and x.owner.level:
        node = x.owner.producers.get(x.ref)
        if node is not None and node.op.name == "broadcast" and isinstance(node.inputs[0], Const):
            return node.inputs[0].value
    return None


def power_by(a, exponent: float):
    """a ** exponent for a constant exponent, without a call of pow where it is 0, 1 or 2."""
    if exponent == 0.0:
        return like(a, 1)
    if exponent == 1.0:
        return a
    return mul(a, a) if exponent == 2.0 else pow(a, like(a, exponent))


class Sqrt(Elementwise):
    """y = x ** (1/2)."""
    steep = True
    exact = True
    cost = Cost.DIVISION
    reference = np.sqrt
    code = "sqrt"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(y, 0.5) / y,)


sqrt = register(Sqrt())


class Cbrt(Elementwise):
    """y = x ** (1/3)."""
    steep = True
    reference = np.cbrt
    code = "cbrt"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(y, 1) / (like(y, 3) * y * y),)


cbrt = register(Cbrt())


class Square(Elementwise):
    """y = x x."""
    exact = True
    cost = Cost.LITTLE
    reference = np.square
    dtypes = "fdi"

    def partials(self, y, x):
        return (like(x, 2) * x,)

    def scalar(self, k, x):
        return k.apply("mul", x, x)


square = register(Square())


class Reciprocal(Elementwise):
    """y = 1 / x."""
    steep = True
    exact = True
    reference = np.reciprocal
    domain = (0.5, 2.0)

    def partials(self, y, x):
        return (-y * y,)

    def scalar(self, k, x):
        return k.apply("div", k.const(1, x.dtype), x)


reciprocal = register(Reciprocal())


class Hypot(Elementwise):
    """y = sqrt(a a + b b), without overflow; derivative 0 where both are 0."""
    steep = True
    reference = np.hypot
    code = "hypot"
    domain = (0.3, 2.0)

    def partials(self, y, a, b):
        safe = select(y == 0, like(y, 1), y)
        return a / safe, b / safe


hypot = register(Hypot())


# -- exponentials and logarithms ------------------------------------------------------------------

class Exp(Elementwise):
    """y = e ** x."""
    steep = True
    reference = np.exp
    code = "exp"

    def partials(self, y, x):
        return (y,)


exp = register(Exp())


class Exp2(Elementwise):
    """y = 2 ** x."""
    steep = True
    reference = np.exp2
    code = "exp2"

    def partials(self, y, x):
        return (y * like(y, LN2),)


exp2 = register(Exp2())


class Expm1(Elementwise):
    """y = e ** x - 1."""
    steep = True
    reference = np.expm1
    code = "expm1"

    def partials(self, y, x):
        return (y + like(y, 1),)


expm1 = register(Expm1())


class Log(Elementwise):
    """y = natural logarithm of x."""
    steep = True
    reference = np.log
    code = "log"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(x, 1) / x,)


log = register(Log())


class Log2(Elementwise):
    """y = logarithm of x to base 2."""
    steep = True
    reference = np.log2
    code = "log2"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(x, 1 / LN2) / x,)


log2 = register(Log2())


class Log10(Elementwise):
    """y = logarithm of x to base 10."""
    steep = True
    reference = np.log10
    code = "log10"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(x, 1 / LN10) / x,)


log10 = register(Log10())


class Log1p(Elementwise):
    """y = log(1 + x)."""
    steep = True
    reference = np.log1p
    code = "log1p"
    domain = (-0.5, 3.0)

    def partials(self, y, x):
        return (like(x, 1) / (like(x, 1) + x),)


log1p = register(Log1p())


class Logaddexp(Elementwise):
    """y = log(e**a + e**b), without overflow."""
    reference = np.logaddexp

    def partials(self, y, a, b):
        return sigmoid(a - b), sigmoid(b - a)

    def jvp(self, xs, dxs):
        a, b = xs
        y = self(a, b)
        # Equal infinities: their difference is nan, the weights are half each.
        equal = logical_and(eq(a, b), isinf(a))
        d = select(equal, like(a, 0), a) - select(equal, like(a, 0), b)
        parts = [sigmoid(s) * t for s, t in ((d, dxs[0]), (-d, dxs[1])) if t is not None]
        return y, parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def scalar(self, k, a, b):
        top, low = k.apply("maximum", a, b), k.apply("minimum", a, b)
        equal = k.apply("eq", a, b)
        gap = k.select(equal, k.const(0, a.dtype), k.apply("sub", low, top))
        return k.apply("add", top, k.apply("log1p", k.apply("exp", gap)))


logaddexp = register(Logaddexp())


class Logaddexp2(Elementwise):
    """y = log2(2**a + 2**b), without overflow."""
    reference = np.logaddexp2

    def partials(self, y, a, b):
        return exp2(a - y), exp2(b - y)

    def scalar(self, k, a, b):
        top, low = k.apply("maximum", a, b), k.apply("minimum", a, b)
        equal = k.apply("eq", a, b)
        gap = k.select(equal, k.const(0, a.dtype), k.apply("sub", low, top))
        return k.apply("add", top, k.apply("mul", k.const(1 / LN2, a.dtype), k.apply("log1p", k.apply("exp2", gap))))


logaddexp2 = register(Logaddexp2())


class Sigmoid(Elementwise):
    """y = 1 / (1 + e**-x)."""
    code = "sigmoid"

    def reference(self, x):
        # Through the exponential of -|x|: no overflow on either side.
        e = np.exp(-np.abs(x))
        return np.where(np.asarray(x) >= 0, 1 / (1 + e), e / (1 + e)).astype(np.asarray(x).dtype)[()]

    def partials(self, y, x):
        return (y * (like(y, 1) - y),)


sigmoid = register(Sigmoid())

