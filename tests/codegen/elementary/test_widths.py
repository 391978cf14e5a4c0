"""Vectors of every length give the same bits: with AVX-512 other instructions take a number apart."""

import numpy as np
import pytest

import autodiff as ad
from codegen import host
from codegen.config import config

RNG = np.random.default_rng(13)
FUNCTIONS = {name: getattr(np, name) for name in ("log", "log2", "log10", "log1p", "cbrt", "arcsinh", "arccosh", "arctanh", "sinh", "cosh", "exp")}
FUNCTIONS |= {"power": lambda x: np.power(np.abs(x), 1.7), "entropy": lambda x: np.where(x > 0, x * np.log(x), 0)}
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, -1, 1, 10, 100, 5e-324, 2.2250738585072014e-308, 1e-310, 1e-45, 1e-40, 1.1754944e-38, -3, 0.5, 2, 8,
           1000, 1e22, 0.7071067811865476, 1.4142135623730951, 1.4142131805419922, 1.4142135381698608, 1 - 2**-53]
WIDTHS = [b for b in (16, 32, 64) if b <= host.vector_bytes()]


def numbers(n, dtype):
    top = 300 if dtype == np.float64 else 37
    x = 10 ** RNG.uniform(-top, top, n) * RNG.choice([1.0, 1.0, 1.0, -1.0], n) if n % 2 else RNG.uniform(-0.99, 1.5, n)
    x[:: 3] = RNG.choice(SPECIAL, len(x[::3]))
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_same_bits_and_numpys_values(name, dtype, monkeypatch):
    f = FUNCTIONS[name]
    found: list[list[np.ndarray]] = []
    through_numba = config.generator == "numba"     # a second for each length, and the same text for all widths
    inputs = [numbers(n, dtype) for n in ((17, 3000) if through_numba else (0, 1, 2, 7, 8, 15, 16, 17, 40, 3001, 3000))]
    for width in WIDTHS[-1:] if through_numba else WIDTHS:
        monkeypatch.setattr(host, "vector_bytes", lambda width=width: width)
        g = ad.jit(lambda x: f(x))
        found.append([g(x) for x in inputs])
    for k, x in enumerate(inputs):
        want = f(x)
        for got in found:
            np.testing.assert_array_equal(got[k], found[0][k])
        got = found[0][k]
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=2e-15 if dtype == np.float64 else 1e-6, atol=1e-322 if dtype == np.float64 else 1e-44)
        np.testing.assert_array_equal(np.signbit(got[want == 0]), np.signbit(want[want == 0]))
