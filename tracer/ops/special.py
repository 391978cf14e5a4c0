"""Elementwise ops whose meaning is in scipy.special, which is loaded when one of them runs.

Derivatives: Abramowitz and Stegun, Handbook of Mathematical Functions, chapters 6 (gamma) and 7 (error function).
"""

from __future__ import annotations

import math

import numpy as np

from tracer.op import Elementwise, register
from tracer.ops.arithmetic import like
from tracer.ops.elementary import exp


class Special(Elementwise):
    """A function of scipy.special; `scipy_names` are the ufuncs there that mean it."""
    steep = True
    scipy_names: tuple[str, ...] = ()

    def reference(self, x):
        import scipy.special
        return getattr(scipy.special, self.scipy_names[0])(x)


class Erf(Special):
    """y = 2 / sqrt(pi) times the integral of e**(-t t) from 0 to x."""
    scipy_names = ("erf",)
    code = "erf"

    def partials(self, y, x):
        return (like(x, 2 / math.sqrt(math.pi)) * exp(-x * x),)


erf = register(Erf())


class Erfc(Special):
    """y = 1 - erf(x)."""
    scipy_names = ("erfc",)
    code = "erfc"

    def partials(self, y, x):
        return (like(x, -2 / math.sqrt(math.pi)) * exp(-x * x),)


erfc = register(Erfc())


class Erfinv(Special):
    """y with erf(y) = x."""
    scipy_names = ("erfinv",)
    domain = (-0.8, 0.8)

    def partials(self, y, x):
        return (like(x, math.sqrt(math.pi) / 2) * exp(y * y),)


erfinv = register(Erfinv())


class Ndtri(Special):
    """y with the normal distribution function of y equal to x."""
    scipy_names = ("ndtri",)
    domain = (0.1, 0.9)

    def partials(self, y, x):
        return (like(x, math.sqrt(2 * math.pi)) * exp(y * y * like(x, 0.5)),)


ndtri = register(Ndtri())


class Gamma(Special):
    """y = gamma(x)."""
    scipy_names = ("gamma",)
    domain = (0.5, 3.5)

    def partials(self, y, x):
        return (y * digamma(x),)


gamma = register(Gamma())


class Lgamma(Special):
    """y = log |gamma(x)|."""
    scipy_names = ("gammaln", "loggamma")
    code = "lgamma"
    undecided = (-math.inf, 1e-310, -1e-310)
    domain = (0.5, 3.5)

    def partials(self, y, x):
        return (digamma(x),)


lgamma = register(Lgamma())


class Digamma(Special):
    """y = derivative of log gamma(x)."""
    scipy_names = ("digamma", "psi")
    domain = (0.5, 3.5)

    def partials(self, y, x):
        return (polygamma(x, n=1),)


digamma = register(Digamma())


class Polygamma(Special):
    """y = derivative of order n of digamma(x): (-1)**(n+1) n! zeta(n+1, x), zeta being Hurwitz's (A. and S., 6.4.10)."""
    domain = (0.5, 3.5)
    case_params = {"n": 1}

    def reference(self, x, *, n):
        import scipy.special
        x = np.asarray(x)
        factor = (-1.0) ** (n + 1) * math.factorial(n)
        return (factor * scipy.special.zeta(n + 1.0, x.astype(np.float64))).astype(x.dtype)[()]

    def partials(self, y, x, *, n):
        return (polygamma(x, n=n + 1),)


polygamma = register(Polygamma())


class Lambertw(Special):
    """y with y e**y = x: for k = 0 the one with y >= -1, for x >= -1/e; for k = -1 the one with y <= -1, for -1/e <= x < 0.

    Derivative: y / (x (1 + y)), written as e**-y / (1 + y), which is 1 at x = y = 0.
    Source: Corless et al., On the Lambert W function, Advances in Computational Mathematics 5 (1996), section 3.
    """
    scipy_names = ("lambertw",)
    domain = (-0.3, -0.1)
    case_params = {"k": -1}
    dtypes = "d"

    def reference(self, x, *, k):
        import scipy.special
        return np.real(scipy.special.lambertw(x, k))[()].astype(np.asarray(x).dtype)

    def partials(self, y, x, *, k):
        return (exp(-y) / (like(y, 1) + y),)


lambertw = register(Lambertw())
