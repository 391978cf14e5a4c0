"""Whole numbers divided by a number of the program: by multiplication, to the bit as NumPy divides."""

import numpy as np
import pytest

import autodiff as ad
from codegen import host
from codegen.config import config

RNG = np.random.default_rng(11)


def _divisors(dtype, count):
    limits = np.iinfo(dtype)
    found = {0, 1, 2, 3, 5, 7, 10, 16, 17, 100, limits.max, limits.max - 1, limits.max // 2, limits.max // 2 + 1, limits.max // 2 + 2, limits.max // 3}
    found |= {int(v) for v in RNG.integers(1, limits.max, count, dtype)}
    found |= {int(v) % (1 << int(s)) + 1 for v, s in zip(RNG.integers(1, limits.max, count, dtype), RNG.integers(1, limits.bits - 1, count), strict=True)}
    return sorted(found | {-d for d in found} | {limits.min} if limits.min else found)


def _numbers(dtype, divisors, n):
    limits = np.iinfo(dtype)
    near = [d * m + k for d in divisors for m in (1, 2, -3) for k in (-1, 0, 1)]    # where a quotient steps
    near = [v for v in near if limits.min <= v <= limits.max]
    some = RNG.choice(np.array(near, dtype=dtype), n // 2)
    edges = np.array([limits.min, limits.min + 1, limits.max, limits.max - 1, 0], dtype)
    return np.concatenate([some, RNG.integers(limits.min, limits.max, n - n // 2, dtype, endpoint=True), edges[:n]])


def _check(dtype, divisors, lengths):
    for start in range(0, len(divisors), 8):
        part = [dtype.type(d) for d in divisors[start:start + 8]]

        def f(x, part=part):
            return [(x // d, x % d, np.fmod(x, d)) for d in part]
        g = ad.jit(f)
        for n in lengths:
            x = _numbers(dtype, divisors, n)
            for view in (x, x[::-1], x[::2]):
                for d, got, want in zip(part, g(view), f(view), strict=True):
                    for a, b in zip(got, want, strict=True):
                        assert a.dtype == b.dtype
                        np.testing.assert_array_equal(a, b, err_msg=f"divided by {d}")


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"])
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:overflow")
def test_by_numbers_of_the_program(dtype):
    _check(np.dtype(dtype), _divisors(dtype, 8), (0, 1, 7, 8, 33, 400))


@pytest.mark.parametrize("width", [b for b in (16, 32, 64) if b < host.vector_bytes()])
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:overflow")
def test_in_shorter_vectors(width, monkeypatch):
    monkeypatch.setattr(host, "vector_bytes", lambda: width)
    for dtype in map(np.dtype, ("int64", "int32", "uint64", "uint16")):
        _check(dtype, _divisors(dtype, 0)[::4], (41,))


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("generator", ["llvm", "numba"])
def test_in_loops_and_of_numbers(generator, monkeypatch):
    monkeypatch.setattr(config, "generator", generator)

    def f(k, n):
        s = np.zeros(20, np.int64)
        for i in range(20):
            s[i % 7 + i // 11] += k[(i * 3) % 5] // -9 + (n - i) // 1000003 + (n + i) % 37
        return s, n // 7, n % -12
    k = RNG.integers(-1000, 1000, 5)
    for n in (0, 5, -2**62, 2**61 + 12345):
        for a, b in zip(ad.jit(f)(k, n), f(k, n), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_length_of_an_argument_as_divisor():
    f = ad.jit(lambda k: (k // len(k), k % len(k)))
    for n in (20, 21, 22, 23, 40):
        k = RNG.integers(-10**9, 10**9, n)
        for a, b in zip(f(k), (k // n, k % n), strict=True):
            np.testing.assert_array_equal(a, b)
