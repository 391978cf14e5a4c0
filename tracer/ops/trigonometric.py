"""Trigonometric and hyperbolic functions, element by element. Derivatives are those of Abramowitz and Stegun, chapter 4."""

from __future__ import annotations

import math

import numpy as np

from tracer.op import Elementwise, Linear, register
from tracer.ops.arithmetic import like
from tracer.ops.comparison import select
from tracer.ops.elementary import sqrt


class Sin(Elementwise):
    """y = sin(x)."""
    reference = np.sin
    code = "sin"

    def partials(self, y, x):
        return (cos(x),)


sin = register(Sin())


class Cos(Elementwise):
    """y = cos(x)."""
    reference = np.cos
    code = "cos"

    def partials(self, y, x):
        return (-sin(x),)


cos = register(Cos())


class Tan(Elementwise):
    """y = tan(x)."""
    steep = True
    reference = np.tan
    code = "tan"
    domain = (-1.2, 1.2)

    def partials(self, y, x):
        return (like(y, 1) + y * y,)


tan = register(Tan())


class Arcsin(Elementwise):
    """y = arcsin(x)."""
    steep = True
    reference = np.arcsin
    code = "asin"
    domain = (-0.8, 0.8)

    def partials(self, y, x):
        return (like(x, 1) / sqrt(like(x, 1) - x * x),)


arcsin = register(Arcsin())


class Arccos(Elementwise):
    """y = arccos(x)."""
    steep = True
    reference = np.arccos
    code = "acos"
    domain = (-0.8, 0.8)

    def partials(self, y, x):
        return (like(x, -1) / sqrt(like(x, 1) - x * x),)


arccos = register(Arccos())


class Arctan(Elementwise):
    """y = arctan(x)."""
    reference = np.arctan
    code = "atan"

    def partials(self, y, x):
        return (like(x, 1) / (like(x, 1) + x * x),)


arctan = register(Arctan())


class Arctan2(Elementwise):
    """y = angle of the point (b, a); derivative 0 at the origin."""
    steep = True
    reference = np.arctan2
    code = "atan2"
    domain = (0.3, 2.0)

    def partials(self, y, a, b):
        r2 = a * a + b * b
        safe = select(r2 == 0, like(r2, 1), r2)
        return b / safe, -a / safe


arctan2 = register(Arctan2())


class Sinh(Elementwise):
    """y = sinh(x)."""
    steep = True
    reference = np.sinh
    code = "sinh"

    def partials(self, y, x):
        return (cosh(x),)


sinh = register(Sinh())


class Cosh(Elementwise):
    """y = cosh(x)."""
    steep = True
    reference = np.cosh
    code = "cosh"

    def partials(self, y, x):
        return (sinh(x),)


cosh = register(Cosh())


class Tanh(Elementwise):
    """y = tanh(x)."""
    reference = np.tanh
    code = "tanh"

    def partials(self, y, x):
        return (like(y, 1) - y * y,)


tanh = register(Tanh())


class Arcsinh(Elementwise):
    """y = arcsinh(x)."""
    reference = np.arcsinh
    code = "asinh"

    def partials(self, y, x):
        return (like(x, 1) / sqrt(x * x + like(x, 1)),)


arcsinh = register(Arcsinh())


class Arccosh(Elementwise):
    """y = arccosh(x)."""
    steep = True
    reference = np.arccosh
    code = "acosh"
    domain = (1.3, 3.0)

    def partials(self, y, x):
        return (like(x, 1) / sqrt((x - like(x, 1)) * (x + like(x, 1))),)


arccosh = register(Arccosh())


class Arctanh(Elementwise):
    """y = arctanh(x)."""
    steep = True
    reference = np.arctanh
    code = "atanh"
    domain = (-0.8, 0.8)

    def partials(self, y, x):
        return (like(x, 1) / ((like(x, 1) - x) * (like(x, 1) + x)),)


arctanh = register(Arctanh())


class Deg2rad(Linear, Elementwise):
    """y = x pi / 180."""
    reference = np.deg2rad
    numpy_names = (np.radians,)

    def transpose(self, ct, x):
        return (ct * like(ct, math.pi / 180),)

    def scalar(self, k, x):
        return k.apply("mul", x, k.const(math.pi / 180, x.dtype))


deg2rad = register(Deg2rad())


class Rad2deg(Linear, Elementwise):
    """y = x 180 / pi."""
    reference = np.rad2deg
    numpy_names = (np.degrees,)

    def transpose(self, ct, x):
        return (ct * like(ct, 180 / math.pi),)

    def scalar(self, k, x):
        return k.apply("mul", x, k.const(180 / math.pi, x.dtype))


rad2deg = register(Rad2deg())


class Sinc(Elementwise):
    """y = sin(pi x) / (pi x), 1 at 0."""
    domain = (0.2, 2.0)

    def reference(self, x):
        return np.sinc(x)

    def partials(self, y, x):
        zero = x == 0
        safe = select(zero, like(x, 1), x)
        return (select(zero, like(x, 0), (cos(like(x, math.pi) * x) - y) / safe),)

    def scalar(self, k, x):
        u = k.apply("mul", k.const(math.pi, x.dtype), x)
        zero = k.apply("eq", x, k.const(0, x.dtype))
        one = k.const(1, x.dtype)
        safe = k.select(zero, one, u)
        return k.select(zero, one, k.apply("div", k.apply("sin", safe), safe))


sinc = register(Sinc())
