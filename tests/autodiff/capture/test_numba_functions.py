"""Functions compiled by Numba in captured code: the Python function that each was made of is captured."""

import math

import numba
import numpy as np
import pytest

import autodiff as ad
from tracer.errors import UnsupportedError

X = np.array([-2.0, -0.5, 0.25, 1.0, 1.5])


@numba.njit
def positive_sines(x, n):
    total = 0.0
    for i in numba.prange(n):
        if x[i] > 0:
            total += math.sin(x[i])
    return total


@numba.njit(parallel=True, fastmath=True)
def smoothed(x, width):
    y = np.zeros_like(x)
    for i in numba.prange(x.shape[0]):
        count = 0
        for j in range(max(0, i - width), min(x.shape[0], i + width + 1)):
            y[i] += x[j]
            count += 1
        y[i] /= count
    return y


@numba.vectorize
def softened(a, b):
    return a * b if a > 0 else 0.5 * b


@numba.vectorize(["float64(float64)"])
def cubed(a):
    return a * a * a


@numba.guvectorize(["(float64[:], float64[:])"], "(n)->(n)")
def doubled(a, out):
    for i in range(a.shape[0]):
        out[i] = 2 * a[i]


PROGRAMS = [lambda x: positive_sines(x, 5), lambda x: np.sum(smoothed(x, 1) ** 2), lambda x: np.sum(softened(x, x + 1.0)),
            lambda x: np.sum(cubed(x)) + np.sum(cubed(np.arange(3.0))), lambda x: positive_sines(smoothed(x, 2), 4)]


@pytest.mark.parametrize("f", PROGRAMS)
def test_differentiated_as_they_stand(f):
    want = np.array([(f(X + h) - f(X - h)) / 2e-6 for h in 1e-6 * np.eye(5)])
    np.testing.assert_allclose(ad.jit(f)(X), f(X), rtol=1e-12)
    for g in (ad.grad(f), ad.jit(ad.grad(f))):
        np.testing.assert_allclose(g(X), want, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(g(X[::-1].copy()), [(f(X[::-1] + h) - f(X[::-1] - h)) / 2e-6 for h in 1e-6 * np.eye(5)], rtol=1e-6,
                                   atol=1e-8)


def test_differentiated_itself():
    np.testing.assert_allclose(ad.grad(positive_sines)(X, 5), np.where(X > 0, np.cos(X), 0.0))
    assert ad.jit(positive_sines)(X, 5) == positive_sines(X, 5)


def test_generalized_ufuncs_are_refused():
    with pytest.raises(UnsupportedError, match="cannot be traced"):
        ad.jit(lambda x: np.sum(doubled(x)))(X)


@numba.njit("float32(float64)")
def rounded(x):
    return x * 2


@numba.njit(["float64(float64)", "int64(int64)"])
def declared(x):
    return x * 3


@numba.njit("float64(float64)")
def tripled(x):
    return 3 * x


@numba.vectorize(["float64(float64)", "float32(float32)"])
def thirds(a):
    return a / 3


@numba.vectorize(["float32(float32)", "float64(float64)"])
def halves(a):
    return a / 2


def test_where_numba_would_convert_is_refused():
    """Found by a review: `float32(float64)` gave float64, and `float64(float64)` of an int stayed an int."""
    with pytest.raises(UnsupportedError, match=r"compiled by Numba for float32\(float64\), and is given float64"):
        ad.jit(lambda x: rounded(x) + 1)(0.1)
    with pytest.raises(UnsupportedError, match="is given int64"):
        ad.jit(lambda n: halves(n) + 1)(np.arange(3))
    with pytest.raises(UnsupportedError, match="is given float32"):     # NumPy takes the first that fits: float64
        ad.jit(lambda x: thirds(x) + 1)(np.ones(3, np.float32))
    assert ad.jit(lambda x, n: tripled(x) + tripled(n))(2.0, 3) == tripled(2.0) + tripled(3) == 15.0
    assert ad.jit(ad.grad(lambda x: declared(x) ** 2))(2.0) == 36.0
    assert ad.jit(lambda x: halves(x))(np.ones(3, np.float32)).dtype == np.float32


def test_why_tells_that_numbas_function_is_captured():
    f = ad.jit(lambda x: positive_sines(x, 5))
    f(X)
    assert "`positive_sines` is compiled from its Python source" in f.why()


@numba.njit("float64(float64)")
def of_a_number(x):
    return x * 2


@numba.njit("float64[:](float64[:])")
def of_a_vector(x):
    return x * 2


def test_arrays_and_numbers_have_signatures_of_their_own():
    with pytest.raises(UnsupportedError, match=r"is given float64\[1\]"):       # Numba raises a TypeError
        ad.jit(lambda x: of_a_number(x))(X)
    np.testing.assert_array_equal(ad.jit(lambda x: of_a_vector(x))(X), 2 * X)
    with pytest.raises(UnsupportedError, match="is given list"):
        ad.jit(lambda x: of_a_vector([x[0]]))(X)
