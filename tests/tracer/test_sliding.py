"""Products of long windows with the stretches of a vector, as NumPy's, in all modes, lengths and dtypes."""

import numpy as np
import pytest

import autodiff as ad
from codegen import host
from codegen.config import config
from tracer.ops.sliding import correlate

RNG = np.random.default_rng(8)
SIZES = [(17, 17), (18, 17), (40, 33), (17, 40), (200, 64), (1500, 20), (1300, 1100), (3000, 17), (1041, 17), (100, 3000)]
if config.generator == "numba":     # which takes a second for each
    SIZES = SIZES[4:5]
MODES = ["full", "same", "valid"]
DTYPES = ["float64", "float32", "int64", "int32", "uint8", "bool"]


def numbers(n, dtype):
    return (RNG.standard_normal(n) if dtype[0] == "f" else RNG.integers(-9, 9, n)).astype(dtype)


def same(got, want):
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    size = max(1.0, float(np.max(np.abs(np.nan_to_num(want.astype(float))), initial=0)))
    np.testing.assert_allclose(got, want, rtol=0, atol={"f4": 1e-5, "f8": 1e-13}.get(want.dtype.str[1:], 0) * size * 5)


def direct(a, v, before, count):
    return np.array([sum(a[i + j - before] * v[j] for j in range(len(v)) if 0 <= i + j - before < len(a)) for i in range(count)])


def modes(a, v):
    return [f(a, v, mode) for f in (np.convolve, np.correlate) for mode in MODES]


@pytest.mark.parametrize("dtype", DTYPES)
def test_as_numpy(dtype):
    f = ad.jit(modes)
    for n, m in SIZES:
        a, v = numbers(2 * n, dtype), numbers(3 * m, dtype)
        for x, y in ((a[:n], v[:m]), (a[::-2], v[::3]), (a[n:], v[m - 1::-1])):
            for got, want in zip(f(x, y), modes(x, y), strict=True):
                same(got, want)


@pytest.mark.parametrize("width", [b for b in (16, 32, 64) if b < host.vector_bytes()])
def test_in_shorter_vectors(width, monkeypatch):
    monkeypatch.setattr(host, "vector_bytes", lambda: width)
    for dtype in ("float64", "float32", "int32") if config.generator != "numba" else ("float64",):
        a, v = numbers(1100, dtype), numbers(37, dtype)
        for got, want in zip(ad.jit(modes)(a, v), modes(a, v), strict=True):
            same(got, want)


def test_through_numba(monkeypatch):
    monkeypatch.setattr(config, "generator", "numba")
    a, v = numbers(90, "float64"), numbers(21, "float64")
    for got, want in zip(ad.jit(modes)(a, v), modes(a, v), strict=True):
        same(got, want)


def test_any_start_and_any_number_of_sums():
    for n, m in ((5, 3), (20, 18)) if config.generator == "numba" else ((1, 1), (5, 3), (3, 5), (20, 18)):
        a, v = numbers(n, "float64"), numbers(m, "float64")
        for before in (-1, m - 1) if config.generator == "numba" else (-25, -n, -1, 0, 1, m - 1, m, 30):
            for count in (2, n + m) if config.generator == "numba" else (0, 1, 2, m, n + m, 50):
                f = ad.jit(lambda a, v, before=before, count=count: correlate(a, v, before=before, count=count))
                want = direct(a, v, before, count)
                np.testing.assert_allclose(f(a, v), want, atol=1e-14)
                np.testing.assert_allclose(correlate.reference(a, v, before=before, count=count), want, atol=1e-14)


def test_what_lies_outside_is_not_multiplied():
    a, v = numbers(50, "float64"), numbers(20, "float64")
    a[3], v[5], v[0] = np.nan, np.inf, np.nan
    for got, want in zip(ad.jit(modes)(a, v), modes(a, v), strict=True):
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))


@pytest.mark.parametrize("mode", MODES)
def test_gradients(mode):
    for n, m in ((60, 20), (20, 20), (20, 33), (2100, 19)):
        a, v = numbers(n, "float64"), numbers(m, "float64")
        weights = numbers(len(np.convolve(a, v, mode)), "float64")
        da, dv = ad.jit(ad.grad(lambda a, v, w=weights: np.sum(w * np.convolve(a, v, mode)), argnums=(0, 1)))(a, v)
        for x, d, f in ((a, da, lambda x, v=v: np.convolve(x, v, mode)), (v, dv, lambda x, a=a: np.convolve(a, x, mode))):
            for k in (0, 1, len(x) // 2, len(x) - 1):
                unit = np.zeros(len(x))
                unit[k] = 1.0
                np.testing.assert_allclose(d[k], weights @ f(unit), atol=1e-11)


def test_one_recording_for_many_lengths():
    f = ad.jit(lambda a, v: np.convolve(a, v, "same"))
    for n, m in ((60, 20), (61, 22), (70, 23), (300, 40), (65, 64), (20, 50)):
        a, v = numbers(n, "float64"), numbers(m, "float64")
        same(f(a, v), np.convolve(a, v, "same"))
