"""Jitted functions called from Numba code, from C and from SciPy."""

import ctypes

import numpy as np
import pytest
from scipy.integrate import quad

import autodiff as ad
from codegen.backends.llvm.kernel import why_not
from tracer.errors import UnsupportedError

numba = pytest.importorskip("numba")
pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
X = np.linspace(0.0, 1.0, 10)


def test_gradient_inside_numba_code():
    g = ad.jit(ad.grad(lambda x: np.sum(np.sin(x) * x)))
    want = X - 0.1 * g(X)
    want = want - 0.1 * g(want)

    @numba.njit
    def descend(x):
        for _ in range(2):
            x = x - 0.1 * g(x)
        return x
    np.testing.assert_allclose(descend(X), want, rtol=1e-14)
    np.testing.assert_allclose(descend(np.ones(4)), np.ones(4) - 0.1 * g(np.ones(4)) - 0.1 * g(np.ones(4) - 0.1 * g(np.ones(4))))


def test_numbers_tuples_and_layouts():
    f = ad.jit(lambda x, s: (np.sum(x) * s, (x * s, s + 1)))
    f(X, 2.0)

    @numba.njit
    def use(x, s):
        a, (b, c) = f(x, s)
        return a + b[0] + c
    assert use(X, 2.0) == pytest.approx(X.sum() * 2 + 3)
    assert use(X[::-1], 2.0) == pytest.approx(X.sum() * 2 + 2 + 3)


def test_functions_of_numbers_need_no_first_call():
    h = ad.jit(lambda a: np.exp(-a * a))

    @numba.njit
    def integrate(n):
        total = 0.0
        for i in range(n):
            total += h(i / n)
        return total / n
    assert integrate(2000) == pytest.approx(0.7470, abs=1e-3)


def test_unknown_arguments_are_refused():
    f = ad.jit(lambda x: x * 2)
    with pytest.raises(numba.TypingError, match="call it once"):
        numba.njit(lambda x: f(x))(X)


def test_errors_inside_numba_code():
    f = ad.jit(lambda x, i: x[i])
    f(X, 1)
    use = numba.njit(lambda x, i: f(x, i))
    assert use(X, 2) == X[2]
    with pytest.raises(IndexError):
        use(X, 10)


def test_scipy_quad():
    density = ad.jit(lambda x: np.exp(-x * x))
    area, _ = quad(ad.c_function(density, 0.0).low_level_callable(), 0, np.inf)
    assert area == pytest.approx(np.sqrt(np.pi) / 2, abs=1e-9)
    slope = ad.jit(ad.grad(lambda x, a: np.exp(-a * x), argnums=1))
    value, _ = quad(ad.c_function(slope, 0.0, 0.0).low_level_callable(), 0, 1, args=(2.0,))
    assert value == pytest.approx(-(1 - 3 * np.exp(-2)) / 4, abs=1e-9)


def test_c_address():
    f = ad.c_function(ad.jit(ad.value_and_grad(lambda x: np.sum(x * x))), X)
    assert f.inputs == [(np.dtype(float), (10,))] and f.outputs == [(np.dtype(float), ()), (np.dtype(float), (10,))]
    value, gradient = np.zeros(()), np.zeros(10)
    arrays = (ctypes.c_void_p * 3)(X.ctypes.data, value.ctypes.data, gradient.ctypes.data)
    assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(f.address)(arrays) == 0
    assert value == pytest.approx(np.sum(X * X))
    np.testing.assert_array_equal(gradient, 2 * X)


def test_what_has_no_c_form_is_refused():
    with pytest.raises(UnsupportedError, match="float64 numbers"):
        ad.c_function(ad.jit(lambda x: x * 2), X).low_level_callable()
    with pytest.raises(UnsupportedError, match="outside its arguments"):
        ad.c_function(ad.jit(lambda x: x * X), X)
