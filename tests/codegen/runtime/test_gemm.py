"""Matrix products against NumPy's, every edge of the blocks."""

import ctypes

import numpy as np
import pytest

from codegen.backends.llvm.kernel import why_not
from codegen.runtime import gemm

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
RNG = np.random.default_rng(0)
P, I, J = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
SIZES = [0, 1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 23, 24, 25, 31, 33, 48, 49, 70]


def multiply(a, b, ta, tb, add=None, threads=1):
    m, k = a.shape[::-1] if ta else a.shape
    n = b.shape[0] if tb else b.shape[1]
    room = np.full(m * n + 16, 7.0, a.dtype)
    c = room[8:8 + m * n].reshape(m, n)
    c[...] = np.nan if add is None else add
    f = ctypes.CFUNCTYPE(None, P, P, P, I, I, I, J, J, J, I)(gemm.gemm_address("ad_gemm_f64" if a.dtype == np.float64 else "ad_gemm_f32"))
    f(a.ctypes.data, b.ctypes.data, c.ctypes.data, m, k, n, ta, tb, add is not None, threads)
    assert (room[:8] == 7).all() and (room[8 + m * n:] == 7).all()
    return c


def operands(m, k, n, ta, tb, dtype):
    return RNG.standard_normal((k, m) if ta else (m, k)).astype(dtype), RNG.standard_normal((n, k) if tb else (k, n)).astype(dtype)


def check(m, k, n, ta, tb, dtype, threads=1):
    a, b = operands(m, k, n, ta, tb, dtype)
    want = (a.T if ta else a).astype(np.float64) @ (b.T if tb else b).astype(np.float64)
    tol = (1e-14 if dtype == np.float64 else 1e-6) * max(k, 1)
    np.testing.assert_allclose(multiply(a, b, ta, tb, threads=threads), want, rtol=tol, atol=tol)
    np.testing.assert_allclose(multiply(a, b, ta, tb, want.astype(dtype), threads), 2 * want, rtol=2 * tol, atol=2 * tol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("ta", [0, 1])
@pytest.mark.parametrize("tb", [0, 1])
def test_edges(dtype, ta, tb):
    for m in SIZES:
        for n in SIZES:
            check(m, int(RNG.choice(SIZES)), n, ta, tb, dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(200, 300, 150), (129, 700, 65), (17, 400, 1000), (500, 8, 500), (241, 321, 97), (260, 330, 3100)])
def test_blocks(dtype, shape):
    for ta, tb in ((0, 0), (1, 0), (0, 1), (1, 1)):
        check(*shape, ta, tb, dtype)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads(threads):
    for shape in ((200, 300, 150), (64, 64, 64), (33, 500, 40), (7, 900, 90), (1, 1, 1)):
        for ta, tb in ((0, 0), (1, 1)):
            check(*shape, ta, tb, np.float64, threads)


def test_infinities_and_nan():
    a, b = RNG.standard_normal((9, 11)), RNG.standard_normal((11, 26))
    a[2, 3], b[4, 25], b[0, 0] = np.nan, np.inf, -np.inf
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(np.isfinite(multiply(a, b, 0, 0)), np.isfinite(a @ b))
