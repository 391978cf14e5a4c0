"""What IEEE 754 and NumPy define exactly is exact in compiled functions, and so is everything that follows from it: masks, branches, bins."""

import numpy as np
import pytest

import autodiff as ad

X = np.random.default_rng(3).uniform(-3.0, 3.0, 61)
SPECIAL = np.array([-np.inf, -1.0, -0.0, 0.0, 5e-324, 1e-310, 0.25, 2.0, 1e308, np.inf, np.nan])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("c", [3.0, 7.0, 10.0, 49.0, 0.001, 1.7, -6.0, 2.0, 0.5, 4096.0, 1e-300, 1e300, -0.25])
def test_division_by_a_number(c, dtype):
    with np.errstate(all="ignore"):
        d = dtype(c)
        functions = [lambda x: x / d, lambda x: x * d / d == x, lambda x: np.where(x / d * d == x, 1.0, 0.0), lambda x: (x / d) // 1,
                     lambda x: x[3] / d]
        for x in (X.astype(dtype), SPECIAL.astype(dtype)):
            for f in functions:
                np.testing.assert_array_equal(ad.jit(f, wait=True)(x), f(x))


def test_means_and_bins():
    r = np.random.default_rng(11).random(200)
    values = np.random.default_rng(12).random((30, 10))
    np.testing.assert_array_equal(ad.jit(lambda x: x.mean(axis=0) * 0 + x[0] / 10)(values), values[0] / 10)
    f = lambda r: np.floor(r / 0.1).astype(np.int64)    # noqa: E731
    np.testing.assert_array_equal(ad.jit(f)(r), f(r))


def test_square_roots_written_as_powers():
    with np.errstate(all="ignore"):
        for f in (lambda x: x ** 0.5, lambda x: np.power(x, 0.5), lambda x: np.float_power(x, 0.5), lambda x: x ** 1.5):
            got, want = ad.jit(f)(SPECIAL), f(SPECIAL)
            np.testing.assert_allclose(got, want, rtol=5e-16)
            np.testing.assert_array_equal(np.signbit(got[want == 0]), np.signbit(want[want == 0]))
        f = lambda x: [v ** 0.5 for v in x]     # noqa: E731  a NumPy number to a power is C's pow
        np.testing.assert_allclose(ad.jit(lambda x: np.array(f(x)))(SPECIAL), f(SPECIAL), rtol=5e-16)


@pytest.mark.parametrize("base", [np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize("exponent", [f(k) for f in (float, np.float64, np.float32) for k in (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0)]
                         + [f(k) for f in (int, np.int64, np.int32) for k in (0, 1, 2, 3)])
def test_types_of_powers(base, exponent):
    x = np.array([1, 2, 3], base)
    for f in (lambda x: x ** exponent, lambda x: np.power(x, exponent)):
        want = f(x)
        got = ad.jit(f)(x)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-6 if want.dtype == np.float32 else 1e-15)
