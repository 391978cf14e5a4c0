"""The elementary functions against mpmath: error in units of the last place, and the special values."""

import mpmath
import numpy as np
import pytest

from codegen import vecmath

# Largest error allowed, float64 and float32, in ULP.
LIMITS = {"exp": (1.2, 1.2), "expm1": (2.6, 2.0), "log": (1.0, 1.0), "log2": (2.0, 2.0), "log1p": (1.0, 1.0),
          "tanh": (2.6, 2.6), "sigmoid": (2.6, 2.2), "sin": (1.7, 1.7), "cos": (1.7, 1.7), "erf": (3.2, 3.6)}
RANGES = {"exp": [(-745, 709), (-1, 1)], "expm1": [(-40, 700), (-1, 1), (-1e-5, 1e-5)], "log": [(1e-300, 10), (0.5, 2), (1e300, 1e308)],
          "log2": [(1e-300, 10), (0.5, 2)], "log1p": [(-0.999, 5), (-1e-8, 1e-8), (1e10, 1e15)],
          "tanh": [(-25, 25), (-0.1, 0.1)], "sigmoid": [(-700, 40), (-2, 2)], "sin": [(-10, 10), (-1e11, 1e11)],
          "cos": [(-10, 10), (-1e11, 1e11)], "erf": [(-6, 6), (-1, 1)]}
EXACT = {"sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "log2": lambda x: mpmath.log(x, 2)}


@pytest.fixture(scope="module")
def compiled():
    import numba

    from codegen.scalar_numba import helpers

    def loop(name):
        f = helpers[name]

        @numba.njit(error_model="numpy")
        def run(x, out):
            for i in range(x.shape[0]):
                out[i] = f(x[i])
        return run
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
        for low, high in RANGES[name]:
            x = rng.uniform(*clip(low, high, width), 400).astype(dtype)
            out = np.empty_like(x)
            compiled[name, width](x, out)
            for a, y in zip(x, out, strict=True):
                want = exact(mpmath.mpf(float(a)))
                ulp = float(np.spacing(np.abs(dtype(float(want)))))
                worst = max(worst, abs(float((mpmath.mpf(float(y)) - want) / ulp)))
    assert worst <= LIMITS[name][width == 32]


@pytest.mark.parametrize("width", [64, 32])
@pytest.mark.parametrize("name", sorted(vecmath.functions))
def test_special_values(name, width, compiled):
    import scipy.special
    dtype = np.float64 if width == 64 else np.float32
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 1.0, 1e-310, -1e-310, 1e-40, 720.0, -720.0, 5e-324, 1e4], dtype)
    reference = {"sigmoid": scipy.special.expit, "erf": scipy.special.erf}.get(name) or getattr(np, name)
    out = np.empty_like(x)
    compiled[name, width](x, out)
    with np.errstate(all="ignore"):
        want = reference(x)
    np.testing.assert_allclose(out, want, rtol=1e-14 if width == 64 else 1e-6, atol=1e-312)
    np.testing.assert_array_equal(np.signbit(out[want == 0]), np.signbit(want[want == 0]))


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
