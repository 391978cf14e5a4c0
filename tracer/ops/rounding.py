"""Rounding, signs and remainders, element by element. The derivative of `abs` at 0 is 0, the mean of both sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracer.op import Cost, Elementwise, register
from tracer.ops.arithmetic import like
from tracer.ops.comparison import select


class Step(Elementwise):
    """Piecewise constant: derivative zero, also at the steps."""
    exact = True
    differentiable = False
    domain: Any = (0.1, 0.9)


def _step(name, ufunc, code, doc, **extra):
    return register(type(name, (Step,), {"reference": ufunc, "code": code, "__doc__": doc, "__module__": __name__, **extra})())


floor = _step("Floor", np.floor, "floor", "y = greatest whole number <= x.")
ceil = _step("Ceil", np.ceil, "ceil", "y = least whole number >= x.")
trunc = _step("Trunc", np.trunc, "trunc", "y = x rounded towards 0.")
rint = _step("Rint", np.rint, "rint", "y = nearest whole number, ties to even.", domain=(0.1, 0.4))
sign = _step("Sign", np.sign, "sign", "y = -1, 0 or 1.", dtypes="fdi")


class Heaviside(Elementwise):
    """y = 0 where x < 0, h where x = 0, 1 where x > 0."""
    exact = True
    reference = np.heaviside
    domain = ((0.5, 2.0), (-1.0, 1.0))

    def partials(self, y, x, h):
        return None, select(x == 0, like(x, 1), like(x, 0))

    def scalar(self, k, x, h):
        one, zero = k.const(1, x.dtype), k.const(0, x.dtype)
        return k.select(k.apply("eq", x, zero), h, k.select(k.apply("lt", x, zero), zero,
                        k.select(k.apply("gt", x, zero), one, x)))


heaviside = register(Heaviside())


class Abs(Elementwise):
    """y = |x|; derivative sign(x), 0 at 0."""
    exact = True
    cost = Cost.LITTLE
    reference = np.absolute
    numpy_names = (np.fabs,)
    code = "abs"
    domain = (0.2, 2.0)
    dtypes = "fdi"

    def partials(self, y, x):
        return (sign(x),)


abs_ = register(Abs())


class Floor_divide(Step):
    """y = floor(a / b), as Python's `//`."""
    cost = Cost.DIVISION
    name = "floor_divide"
    reference = np.floor_divide
    code = "floordiv"
    domain = ((5.1, 5.9), (1.6, 1.9))
    dtypes = "fdi"


floor_divide = register(Floor_divide())


class Remainder(Elementwise):
    """y = a - floor(a / b) b, with the sign of b, as Python's `%`."""
    exact = True
    cost = Cost.DIVISION
    reference = np.remainder
    code = "mod"
    domain = ((5.1, 5.4), (1.6, 1.7))
    dtypes = "fdi"

    def partials(self, y, a, b):
        return like(a, 1), -floor_divide(a, b)


remainder = register(Remainder())


class Fmod(Elementwise):
    """y = a - trunc(a / b) b, with the sign of a, as C's `fmod`."""
    exact = True
    reference = np.fmod
    code = "fmod"
    domain = ((5.1, 5.4), (1.6, 1.7))

    def partials(self, y, a, b):
        return like(a, 1), -trunc(a / b)


fmod = register(Fmod())


class Copysign(Elementwise):
    """y = |a| with the sign of b."""
    exact = True
    reference = np.copysign
    code = "copysign"
    domain = ((0.2, 2.0), (0.2, 2.0))

    def partials(self, y, a, b):
        return sign(a) * copysign(like(a, 1), b), None


copysign = register(Copysign())


class Nextafter(Elementwise):
    """y = the next number after a towards b."""
    exact = True
    reference = np.nextafter
    domain = ((0.2, 2.0), (3.0, 4.0))

    def partials(self, y, a, b):
        return like(a, 1), None


nextafter = register(Nextafter())


class Spacing(Elementwise):
    """y = distance from x to the next number."""
    exact = True
    reference = np.spacing
    differentiable = False


spacing = register(Spacing())
