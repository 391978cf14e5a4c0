"""Vectors of elements that lie in memory from the last one to the first, and of elements between which those of another vector lie."""

import numpy as np
import pytest

import autodiff as ad
from codegen import host
from codegen.config import config

RNG = np.random.default_rng(9)
DTYPES = ["float64", "float32", "int64", "int32", "int16", "uint8", "bool"]


def moved(x, y):
    back = np.zeros(x.shape, x.dtype)
    back[::-1] = y                                  # stores from the last one to the first
    pair = np.zeros((len(x), 2), x.dtype)
    pair[:, 0], pair[:, 1] = y, x
    crossed = np.stack([x, y], axis=1)
    crossed[:, 0] = crossed[:, 1]
    return (x[::-1] | y if x.dtype.kind == "b" else x[::-1] + y, back, np.stack([x, y], axis=1), np.stack([x[::-1], x > y], -1), pair, crossed,
            np.stack([y, x[::-1]], axis=1)[::-1], np.stack([x.reshape(1, -1)[:, ::-1], y.reshape(1, -1)], 2), np.flip(np.flip(x) * y))


def check(f, lengths, dtype):
    for n in lengths:
        x, y = ((RNG.standard_normal(3 * n) if dtype[0] == "f" else RNG.integers(0, 2 if dtype == "bool" else 100, 3 * n)).astype(dtype) for _ in range(2))
        for a, b in ((x[:n], y[:n]), (x[::-3], y[2::3]), (x[n:2 * n][::-1], y[:n])):
            for got, want in zip(f(a, b), moved(a, b), strict=True):
                assert (got.dtype, got.shape) == (want.dtype, want.shape)
                np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_lengths(dtype):
    check(ad.jit(moved), [*range(41), 1000], dtype)


@pytest.mark.parametrize("width", [b for b in (16, 32, 64) if b < host.vector_bytes()])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bool"])
def test_shorter_vectors(width, dtype, monkeypatch):
    monkeypatch.setattr(host, "vector_bytes", lambda: width)
    check(ad.jit(moved), (0, 1, 3, 4, 7, 8, 31, 40), dtype)


def test_through_numba(monkeypatch):
    monkeypatch.setattr(config, "generator", "numba")
    check(ad.jit(moved), (17,), "float64")


def test_gradients():
    x, y, w = (RNG.standard_normal(23) for _ in range(3))
    dx, dy = ad.jit(ad.grad(lambda x, y: np.sum(np.stack([x[::-1] * y, y[::-1]], axis=1) @ np.array([1.0, 3.0]) * w), argnums=(0, 1)))(x, y)
    np.testing.assert_allclose(dx, (w * y)[::-1], rtol=1e-14)
    np.testing.assert_allclose(dy, w * x[::-1] + 3 * w[::-1], rtol=1e-14)
