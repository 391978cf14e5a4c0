"""Ufuncs of scipy.special on traced values, recognised by name, so that SciPy is not loaded for them.

Where a formula has a removable singularity, the argument is moved away from it inside the branch that is not chosen; else
the derivative of that branch would be 0 times infinity.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from autodiff.numpy.elementwise import floating
from autodiff.numpy.extra import sigmoid, softplus
from tracer.array import functions, resolvers
from tracer.errors import UnsupportedError, explain, line_before
from tracer.op import ops
from tracer.ops.control import require
from tracer.ops.special import Special
from tracer.promote import cast_to
from tracer.trace import Tracer, bind

__all__ = ["table"]

table: dict[str, Callable] = {}
"""Name of a ufunc of scipy.special -> function of traced values."""


def _enter(*names):
    def enter(f):
        for name in names:
            table[name] = f
        return f
    return enter


def _elementwise(op):
    return lambda x: bind(op, floating(x))


for _op in ops.values():
    if isinstance(_op, Special) and _op is not ops["lambertw"]:     # a function of two arguments, see below
        for _name in _op.scipy_names:
            table[_name] = _elementwise(_op)

for _ufunc in (np.log1p, np.expm1, np.exp2, np.cbrt):
    table[_ufunc.__name__] = functions[_ufunc]

table["expit"] = sigmoid
table["softplus"] = softplus


def _floats(*xs) -> list:
    """Floats of one dtype."""
    xs = tuple(floating(x) for x in xs)
    dtype = np.result_type(*[x.dtype for x in xs])
    return [cast_to(x, dtype) for x in xs]


@_enter("logit")
def logit(p):
    """log(p / (1 - p))."""
    p = floating(p)
    return np.log(p) - np.log1p(-p)


@_enter("log_expit")
def log_expit(x):
    """log(sigmoid(x))."""
    return -softplus(-floating(x))


@_enter("exp10")
def exp10(x):
    """10 ** x."""
    x = floating(x)
    return np.power(x.dtype.type(10), x)


@_enter("xlogy")
def xlogy(x, y):
    """x log(y), 0 where x is 0. Where x = 0 and y <= 0 the derivative is 0."""
    x, y = _floats(x, y)
    corner = (x == 0) & ((y <= 0) | np.isinf(y))
    return x * np.log(np.where(corner, 1, y))


@_enter("xlog1py")
def xlog1py(x, y):
    """x log(1 + y), 0 where x is 0. Where x = 0 and y <= -1 the derivative is 0."""
    x, y = _floats(x, y)
    corner = (x == 0) & ((y <= -1) | np.isinf(y))
    return x * np.log1p(np.where(corner, 0, y))


@_enter("entr")
def entr(x):
    """-x log(x), 0 at 0, -inf below. The derivative at 0 is 0."""
    x = floating(x)
    return np.where(x < 0, -np.inf, -xlogy(x, np.where(x < 0, 1, x)))


@_enter("rel_entr")
def rel_entr(x, y):
    """x log(x / y); 0 where x = 0 and y >= 0, inf outside of the domain."""
    x, y = _floats(x, y)
    inside = (x > 0) & (y > 0)
    value = xlogy(x, np.where(inside, x, 1)) - xlogy(x, np.where(inside, y, 1))
    return np.where(inside, value, np.where((x == 0) & (y >= 0), 0, np.where(np.isnan(x) | np.isnan(y), x + y, np.inf)))


@_enter("kl_div")
def kl_div(x, y):
    """x log(x / y) - x + y; y where x = 0 and y >= 0, inf outside of the domain."""
    x, y = _floats(x, y)
    return np.where((x >= 0) & (y >= 0), rel_entr(x, y) - x + y, rel_entr(x, y))


@_enter("huber")
def huber(delta, r):
    """r**2 / 2 where |r| <= delta, else delta (|r| - delta / 2)."""
    delta, r = _floats(delta, r)
    a = np.abs(r)
    return np.where(delta < 0, np.inf, np.where(a <= delta, r * r / 2, delta * (a - delta / 2)))


@_enter("pseudo_huber")
def pseudo_huber(delta, r):
    """delta**2 (sqrt(1 + (r / delta)**2) - 1)."""
    delta, r = _floats(delta, r)
    v = r / np.where(delta == 0, 1, delta)
    # sqrt(1 + v v) - 1 = v v / (sqrt(1 + v v) + 1), without cancellation.
    value = delta * delta * (v * v / (np.sqrt(1 + v * v) + 1))
    return np.where(delta < 0, np.inf, value)


@_enter("ndtr")
def ndtr(x):
    """Normal distribution function, erfc(-x / sqrt(2)) / 2."""
    x = floating(x)
    return bind(ops["erfc"], x * x.dtype.type(-math.sqrt(0.5))) * x.dtype.type(0.5)


@_enter("ndtri")
def ndtri(y):
    """The x with ndtr(x) = y."""
    return bind(ops["ndtri"], floating(y))


@_enter("log_ndtr")
def log_ndtr(x):
    """log(ndtr(x)); by its asymptotic series far on the left.

    Source: Abramowitz and Stegun, 26.2.12. At the change (-30, in float32 -10) the terms left out are below rounding.
    """
    x = floating(x)
    far = -10.0 if x.dtype == np.float32 else -30.0
    left = x < far
    z = np.where(left, x, far)
    r = 1 / (z * z)
    series = 1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r * (1 - 11 * r)))))
    tail = -z * z / 2 - np.log(-z) - 0.5 * math.log(2 * math.pi) + np.log(series)
    right = x > 0   # there log1p(-small) keeps the digits of 1 - small
    near = np.where(left | right, 0, x)
    upper = np.where(right, x, 0)
    return np.where(left, tail, np.where(right, np.log1p(-ndtr(-upper)), np.log(ndtr(near))))


@_enter("exprel")
def exprel(x):
    """(e**x - 1) / x, 1 at 0; by its Taylor series near 0, where the derivatives of the quotient cancel."""
    x = floating(x)
    small = np.abs(x) < 0.5
    s, t = np.where(small, x, 0), np.where(small, 1, x)
    series = 1 + 0 * s
    for k in range(18, 1, -1):  # 0.5**17 / 18! < 2**-64
        series = 1 + s / k * series
    return np.where(small, series, np.expm1(t) / t)


@_enter("betaln")
def betaln(a, b):
    """Logarithm of the beta function, for positive arguments."""
    a, b = _floats(a, b)
    lgamma = ops["lgamma"]
    return bind(lgamma, a) + bind(lgamma, b) - bind(lgamma, a + b)


@_enter("boxcox")
def boxcox(x, lmbda):
    """(x**lmbda - 1) / lmbda, log(x) where lmbda is 0."""
    x, lmbda = _floats(x, lmbda)
    u = np.log(x)
    return u * exprel(lmbda * u)


@_enter("_lambertw")
def lambertw(z, k=0, tol=1e-8):
    """Lambert's W function where its values are real, as float64: the branches 0 and -1 of real arguments. SciPy's are complex.

    Raises
    ------
    UnsupportedError
        For another branch, all of whose values are complex.
    ValueError
        When the function runs, for an argument with a complex value: below -1/e, and for the branch -1 above 0.
    """
    branch = None if isinstance(k, Tracer) or np.size(k) != 1 else int(np.asarray(k).item())
    if branch not in (0, -1):
        raise explain(UnsupportedError, f"scipy.special.lambertw of traced values with k={k if branch is None else branch}",
                      why="the values of the branches other than 0 and -1 are complex, and complex numbers are not traced",
                      fix="pass k=0 or k=-1 as a Python number")
    x = cast_to(floating(z), np.dtype(np.float64))
    inside = x >= -1 / math.e if branch == 0 else (x >= -1 / math.e) & (x <= 0)
    where = line_before("scipy")
    bind(require, np.all(inside | np.isnan(x)), error="ValueError", message=f"scipy.special.lambertw with k={branch} is complex for an "
         f"argument {'below -1/e' if branch == 0 else 'outside of -1/e to 0'}" + (f" ({where})" if where else ""))
    return bind(ops["lambertw"], x, k=branch)


def resolve(ufunc) -> Callable | None:
    """The implementation of a ufunc of scipy.special, found by its name."""
    if isinstance(ufunc, np.ufunc) and getattr(np, ufunc.__name__, None) is not ufunc:
        return table.get(ufunc.__name__)
    return None


resolvers.append(resolve)
