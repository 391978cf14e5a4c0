"""The elementary functions against mpmath: error in units of the last place, and the special values."""

import inspect

import mpmath
import numpy as np
import pytest
import scipy.special

from codegen.elementary import functions as vecmath

# Largest error allowed, float64 and float32, in ULP.
LIMITS = {"exp": (1.2, 1.2), "expm1": (2.6, 2.0), "log": (1.0, 1.0), "log2": (2.0, 2.0), "log1p": (1.0, 1.0),
          "tanh": (2.6, 2.6), "sigmoid": (2.6, 2.2), "sin": (1.7, 1.7), "cos": (1.7, 1.7), "erf": (3.2, 3.6),
          "exp2": (1.2, 1.2), "log10": (0.8, 0.8), "sinh": (2.2, 2.0), "cosh": (1.6, 1.6), "asinh": (2.0, 2.0), "acosh": (2.9, 2.4),
          "atanh": (1.8, 1.8), "tan": (2.5, 2.6), "atan": (1.6, 2.0), "asin": (2.0, 2.0), "acos": (1.5, 1.5), "cbrt": (0.8, 0.8),
          "pow": (1.8, 1.8), "hypot": (1.2, 1.2), "atan2": (2.0, 2.0)}
RANGES = {"exp": [(-745, 709), (-1, 1)], "expm1": [(-40, 700), (-1, 1), (-1e-5, 1e-5)], "log": [(1e-300, 10), (0.5, 2), (1e300, 1e308)],
          "log2": [(1e-300, 10), (0.5, 2)], "log1p": [(-0.999, 5), (-1e-8, 1e-8), (1e10, 1e15)],
          "tanh": [(-25, 25), (-0.1, 0.1)], "sigmoid": [(-700, 40), (-2, 2)], "sin": [(-10, 10), (-1e11, 1e11)],
          "cos": [(-10, 10), (-1e11, 1e11)], "erf": [(-6, 6), (-1, 1)], "exp2": [(-1000, 1000), (-1, 1)], "log10": ["positive", (0.9, 1.1)],
          "sinh": [(-700, 700), (-2, 2), (-1e-3, 1e-3)], "cosh": [(-700, 700), (-2, 2)], "asinh": ["any", (-2, 2), (-1e-3, 1e-3)],
          "acosh": ["above 1", (1, 2), (1, 1.001)], "atanh": [(-1, 1), (-0.01, 0.01)], "tan": [(-10, 10), (-1e3, 1e3)],
          "atan": ["any", (-3, 3)], "asin": [(-1, 1), (0.99, 1)], "acos": [(-1, 1), (0.9, 1)], "cbrt": ["any", (-10, 10)],
          "pow": ["powers", "large powers"], "hypot": ["two", "near"], "atan2": ["two", "near"]}
EXACT = {"sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "log2": lambda x: mpmath.log(x, 2), "exp2": lambda x: mpmath.power(2, x),
         "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), "pow": mpmath.power}
NUMPY = {"sigmoid": scipy.special.expit, "erf": scipy.special.erf, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
         "atan": np.arctan, "asin": np.arcsin, "acos": np.arccos, "pow": np.power, "atan2": np.arctan2}


def arity(name):
    return len(inspect.signature(vecmath.functions[name]).parameters) - 1


def draw(where, width, rng, n=300):
    """Arguments: from an interval, or over all exponents."""
    dtype = np.float64 if width == 64 else np.float32
    top = 300.0 if width == 64 else 36.0
    if not isinstance(where, str):
        return [rng.uniform(*clip(*where, width), n).astype(dtype)]
    x = 10 ** rng.uniform(-top, top, n)
    if where == "positive":
        return [x.astype(dtype)]
    if where == "above 1":
        return [(10 ** rng.uniform(0, top, n)).astype(dtype)]
    if where == "powers":
        return [rng.uniform(0.5, 2, n).astype(dtype), rng.uniform(-30, 30, n).astype(dtype)]
    if where == "large powers":
        x = x.astype(dtype)
        y = rng.uniform(-1, 1, n) * (700 if width == 64 else 80) / np.log(x.astype(float))
        return [x, y.astype(dtype)]
    x = x * rng.choice([-1, 1], n)
    if where == "any":
        return [x.astype(dtype)]
    y = x * rng.uniform(-3, 3, n) if where == "near" else 10 ** rng.uniform(-top, top, n)
    return [x.astype(dtype), y.astype(dtype)]


@pytest.fixture(scope="module")
def compiled():
    import numba

    from codegen.backends.numba.scalar import helpers

    def loop(name):
        f = helpers[name]

        @numba.njit(error_model="numpy")
        def one(x, out):
            for i in range(x.shape[0]):
                out[i] = f(x[i])

        @numba.njit(error_model="numpy")
        def two(x, y, out):
            for i in range(x.shape[0]):
                out[i] = f(x[i], y[i])
        return two if arity(name.removesuffix("32")) == 2 else one
    return {(n, w): loop(n if w == 64 else f"{n}32") for n in vecmath.functions for w in (64, 32)}


def clip(low, high, width):
    limits = {1e-300: 1e-37, 709: 88.0, 700: 87.0, -745: -100.0, -700: -85.0, 1e308: 1e38, 1e300: 1e36, 1e11: 5e3, -1e11: -5e3}
    return (low, high) if width == 64 else (limits.get(low, low), limits.get(high, high))


@pytest.mark.parametrize("width", [64, 32])
@pytest.mark.parametrize("name", sorted(vecmath.functions))
def test_error(name, width, compiled):
    dtype = np.float64 if width == 64 else np.float32
    rng = np.random.default_rng(1)
    exact = EXACT.get(name) or getattr(mpmath, name)
    worst = 0.0
    with mpmath.workprec(200):
        for where in RANGES[name]:
            xs = draw(where, width, rng)
            out = np.empty_like(xs[0])
            compiled[name, width](*xs, out)
            for *a, y in zip(*xs, out, strict=True):
                want = exact(*[mpmath.mpf(float(v)) for v in a])
                if abs(want) > float(np.finfo(dtype).max):
                    assert np.isinf(y)
                    continue
                ulp = float(np.spacing(np.abs(dtype(float(want)))))
                worst = max(worst, abs(float((mpmath.mpf(float(y)) - want) / ulp)))
    assert worst <= LIMITS[name][width == 32]


SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 1e-310, -1e-310, 1e-40, 720.0, -720.0, 5e-324, 1e4]


@pytest.mark.parametrize("width", [64, 32])
@pytest.mark.parametrize("name", sorted(vecmath.functions))
def test_special_values(name, width, compiled):
    dtype = np.float64 if width == 64 else np.float32
    with np.errstate(all="ignore"):
        x = np.array([*SPECIAL, *([1e300, 9007199254740993.0, 4503599627370497.0] if width == 64 else [1e30, 16777215.0, 8388609.0])], dtype)
        xs = [x] if arity(name) == 1 else [v.ravel() for v in np.meshgrid(x, -x)]
        if name == "tan":
            xs = [x[np.abs(x) <= 1e4]]
        elif name in ("sin", "cos"):
            xs = [x[~(np.abs(x) > 1e4)]]
        want = (NUMPY.get(name) or getattr(np, name))(*xs)
    out = np.empty_like(xs[0])
    compiled[name, width](*xs, out)
    np.testing.assert_allclose(out, want, rtol=1e-14 if width == 64 else 1e-6, atol=1e-312)
    np.testing.assert_array_equal(np.signbit(out[want == 0]), np.signbit(want[want == 0]))


def test_powers_of_ten_have_whole_logarithms(compiled):
    x = 10.0 ** np.arange(-22, 23)
    out = np.empty_like(x)
    compiled["log10", 64](x, out)
    np.testing.assert_array_equal(out[22:], np.arange(0, 23))


def test_powers_of_two_have_whole_logarithms(compiled):
    x = 2.0 ** np.arange(-1074, 1024)
    out = np.empty_like(x)
    compiled["log2", 64](x, out)
    np.testing.assert_array_equal(out, np.arange(-1074, 1024))


def test_huge_angles_are_right():
    import autodiff as ad
    x = np.array([1e13, 1e22, -3e300, 0.5, np.inf])
    f = ad.jit(lambda x: (np.sin(x), np.cos(x)))
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(f(x), (np.sin(x), np.cos(x)), rtol=1e-14)
    y = x[[0, 3]].astype(np.float32)
    np.testing.assert_allclose(f(y)[0], np.sin(y), rtol=1e-5)
