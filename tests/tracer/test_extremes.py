"""Largest and smallest elements: nan is passed on from any place, infinities and equal numbers are right."""

import numpy as np
import pytest

import autodiff as ad
from codegen import host
from codegen.config import config

RNG = np.random.default_rng(12)
WIDEST = host.vector_bytes()
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0]


def extremes(x):
    return (np.max(x), np.min(x), np.max(x.reshape(1, -1), axis=1), np.min(x.reshape(-1, 1), axis=0), np.max(np.stack([x, -x], 1), axis=0),
            np.min(np.stack([x, x * 2]), axis=0), np.max(x, where=x > 0, initial=-3.0), np.min(x * 2, initial=np.inf) + np.max(x))


@pytest.mark.parametrize("width", [b for b in (16, 32, 64) if b <= host.vector_bytes()])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_as_numpy(dtype, width, monkeypatch):
    monkeypatch.setattr(host, "vector_bytes", lambda: width)
    f = ad.jit(extremes)
    few = [3, 130] if config.generator == "numba" else [1, 3, 17, 64, 130]     # a second each through Numba, whose vectors are LLVM's affair
    for n in [*range(1, 41), 130, 1000] if width == WIDEST and config.generator != "numba" else few:
        for k in range(7):
            x = RNG.integers(-3, 3, n).astype(dtype) if k % 2 else RNG.standard_normal(n).astype(dtype)
            x[RNG.integers(0, n, k // 2)] = RNG.choice(SPECIAL, k // 2)
            for got, want in zip(f(x), extremes(x), strict=True):
                assert (np.shape(got), np.result_type(got)) == (np.shape(want), np.result_type(want))
                np.testing.assert_array_equal(got, want)
