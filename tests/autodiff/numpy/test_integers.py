"""Integers and truth values as NumPy computes with them: powers, reciprocals, Python ints beside arrays of small integers, uint64."""

import operator

import numpy as np
import pytest

import autodiff as ad

SMALL = [np.array([3, -24, 1, 0], np.int8), np.array([3, 232, 1, 0], np.uint8), np.array([300, -5, 2, 0], np.int16)]


def outcome(f, *args):
    try:
        y = np.asarray(f(*args))
    except (ValueError, OverflowError, TypeError) as e:
        return type(e)
    return y.dtype, y.tolist()


def same(f, *args):
    assert outcome(ad.jit(f), *args) == outcome(f, *args)


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int64, np.float64])
@pytest.mark.parametrize("f", [
    lambda x: x ** -1, lambda x: np.power(x, -2), lambda x: x ** np.int64(-1), lambda x: x ** np.array([1, -2, 3]), lambda x: x[0] ** -1,
    lambda x: x ** x, lambda x: 2 ** x, lambda x: np.power(2, 0 - x), lambda x: x ** 2, lambda x: x ** 3, lambda x: np.power(x, 2), lambda x: x[:0] ** -1])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_integers_have_no_negative_powers(f, dtype):
    same(f, np.array([3, 2, 1]).astype(dtype))


def test_negative_powers_in_a_loop_and_of_an_exponent_that_is_known():
    def powers(x, k):
        s = 0
        for i in range(len(x)):
            s = s + x[i] ** i
        return s + np.sum(x ** k)
    f = ad.jit(powers)
    x = np.array([2, 3, 4])
    assert f(x, np.array([1, 0, 2])) == powers(x, np.array([1, 0, 2]))
    with pytest.raises(ValueError, match="Integers to negative integer powers"):
        f(x, np.array([1, 0, -2]))


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint16, np.int32, np.int64])
def test_reciprocal(dtype):
    same(np.reciprocal, np.array([1, 3, 2, 1]).astype(dtype)[:3 if dtype != np.bool_ else 1])


@pytest.mark.parametrize("n", [5, -1, 300, 1000, -300, 70000])
@pytest.mark.parametrize("x", SMALL, ids=lambda x: x.dtype.name)
def test_python_ints_beyond_the_dtype_of_an_array(x, n):
    for op in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        for f in (op, lambda x, n, op=op: op(n, x), lambda x, n, op=op: op(x, n) & ad.jit(op)(n, x)):
            same(f, x, n)                               # a traced number
        same(lambda x, op=op: op(x, n), x)              # one that is known
    for f in (operator.add, operator.mul, operator.or_, np.maximum, lambda x, n: np.where(x > 2, x, n), lambda x, n: np.full_like(x, n)):
        same(f, x, n)
        same(lambda x, f=f: f(x, n), x)
    same(lambda x: np.clip(x, 0, n) if n > 0 else np.clip(x, n, None), x)


def test_python_ints_that_a_loop_writes_and_compares():
    def filled(x, n):
        x = x.copy()
        for k in range(n):
            x[k % len(x)] = k
        return x

    def count(x, n):
        found = 0
        for k in range(n):
            if np.any(x == k):
                found += 1
        return found
    f, g = ad.jit(filled), ad.jit(count)
    for n in (3, 256, 600):
        assert outcome(f, SMALL[1], n) == outcome(filled, SMALL[1], n)
        assert g(SMALL[1], n) == count(SMALL[1], n)
    known = ad.jit(filled, static_argnums=1)
    assert "require" not in str(known.trace(SMALL[1], 100))        # a counter is known to fit
    with pytest.raises(OverflowError, match="out of bounds for uint8"):
        f(SMALL[1], 600)


@pytest.mark.parametrize("generator", ["llvm", "numba"])
def test_uint64_is_compared_with_signed_integers(generator, monkeypatch):
    monkeypatch.setattr(ad.config, "_generator", generator)
    u, i = np.array([0, 1, 2 ** 64 - 1, 5, 2 ** 63], np.uint64), np.array([0, -1, -1, 7, 3])
    for op in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        same(op, u, i)
        same(op, i, u)
        same(op, u, -1)
        same(lambda u, op=op: op(u, i), u)
