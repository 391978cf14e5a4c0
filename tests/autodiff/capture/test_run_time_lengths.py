"""Lengths that only the numbers decide: of what is found, counted and selected, and lengths that must be equal."""

import re

import numpy as np
import pytest

import autodiff as ad
from tests.check import assert_same
from tracer.errors import ConcreteValueError, ShapeError, UnsupportedError

X = np.array([0.4, -0.9, 1.3, 0.2, -0.1, 0.0])
A = np.outer(X, X[1:4]) - 0.05


@pytest.mark.parametrize("f", [
    lambda x: np.sum(x[np.nonzero(x)] ** 3),
    lambda x: np.sum(x[np.nonzero(x > 0)[0]] ** 3),
    lambda x: np.sum(x[np.where(x < 0)] ** 3),
    lambda x: np.sum(x[np.flatnonzero(x > 0.3)]) * len(np.flatnonzero(x > 0)),
    lambda x: np.sum(np.compress(x > 0, x) ** 2),
    lambda x: np.sum(np.extract(x > 0, x) ** 2),
    lambda x: np.sum(np.compress(x[:4] > 0, np.outer(x, x), axis=1)),
    lambda x: np.sum(np.bincount((x * 10).astype(int) ** 2 % 5, weights=x) ** 2),
    lambda x: np.sum(np.bincount((x * 10).astype(int) ** 2 % 5, weights=x, minlength=9) * np.arange(9)),
    lambda x: np.sum(x) * np.sum(np.bincount((x > 0).astype(int))),
], ids=range(10))
def test_what_is_found(f):
    value, g = ad.jit(ad.value_and_grad(f))(X)
    assert_same(value, np.float64(f(X)), 1e-13)
    assert_same(g, ad.grad(f)(X), 1e-12)
    assert "along" not in ad.jit(f).why()


def test_places_of_two_axes():
    def f(a):
        i, j = np.nonzero(a > 0)
        return np.sum(a[i, j] * i * j) + np.sum(np.argwhere(a > 0)[:, 1] * 1.0) * a[0, 0]
    value, g = ad.jit(ad.value_and_grad(f))(A)
    assert_same(value, np.float64(f(A)), 1e-13)
    assert_same(g, ad.grad(f)(A), 1e-12)


def test_nothing_is_found():
    f = ad.jit(lambda x: (np.sum(x[np.nonzero(x > 9)]), np.bincount(np.nonzero(x > 9)[0], minlength=2)))
    total, counts = f(X)
    assert total == 0.0 and counts.tolist() == [0, 0]


def test_a_loop_over_what_is_found():
    def f(x):
        s = 0.0
        for i in np.where(x > 0)[0]:
            s = s * 0.5 + x[i] * i
        return s
    value, g = ad.jit(ad.value_and_grad(f))(X)
    assert_same(value, np.float64(f(X)), 1e-13)
    assert_same(g, ad.grad(f)(X), 1e-12)


def test_negative_numbers_are_not_counted():
    with pytest.raises(ValueError, match="negative"):
        ad.jit(lambda x: np.bincount(x.astype(int)))(X * 10)


def halves(x, n):
    s = 0.0
    while n > 0:
        n = n // 2
        s = s + np.sum(x[:2 * n:2] * x[1:2 * n + 1:2])
    return s


def test_lengths_that_turn_out_to_be_equal():
    f = ad.jit(ad.value_and_grad(halves))
    for n in (0, 1, 4, 6):
        value, g = f(X, n)
        assert_same(value, np.float64(halves(X, n)), 1e-13)
        assert_same(g, ad.grad(halves)(X, n), 1e-12)


@pytest.mark.parametrize("operation", [np.add, np.dot, lambda a, b: a @ b], ids=["add", "dot", "matmul"])
def test_lengths_that_turn_out_to_differ(operation):
    def f(x, n):
        k = np.minimum(n, 5)
        return np.sum(operation(x[:k], x[:n * 1]))
    g = ad.jit(f)
    assert_same(g(X, np.array(3)), np.float64(f(X, 3)), 1e-13)
    with pytest.raises(ValueError, match="test_run_time_lengths.py"):
        g(X, np.array(6))


def test_a_part_that_is_given_too_much():
    def f(x, n):
        y = np.zeros(6)
        y[:np.minimum(n, 3)] = x[:n]
        return y.sum()
    g = ad.jit(f)
    assert_same(g(X, np.array(2)), np.float64(f(X, 2)), 1e-13)
    with pytest.raises(ValueError):
        g(X, np.array(4))


def test_lengths_that_are_known_to_differ():
    def f(x):
        s = 0.0
        for i in range(2, 5):
            s = s + np.sum(x[:i] + x[:i + 1])
        return s
    with pytest.raises((ShapeError, ValueError)):
        ad.jit(f)(X)


EMPTY = {
    "max": lambda x: np.max(x[x > 0]), "min": lambda x: x[x > 0].min(), "max of columns": lambda x: np.max(np.outer(x[x > 0], x[:3]), axis=0),
    "ptp": lambda x: np.ptp(x[x > 0]), "argmax": lambda x: np.argmax(x[x > 0]), "argmin of columns": lambda x: np.argmin(np.outer(x[x > 0], x), 0),
    "Python's max": lambda x: max(x[x > 0]), "Python's min": lambda x: min(x[x > 0]), "with initial": lambda x: np.max(x[x > 0], initial=-3.0),
    "sorted values": lambda x: np.sort(x[x > 0]).sum(), "an order": lambda x: np.argsort(x[x > 0]).sum(),
    "places among": lambda x: np.searchsorted(np.sort(x[x > 0]), x).sum(), "places of": lambda x: np.searchsorted(np.sort(x), x[x > 0]).sum(),
    "long rows": lambda x: np.argmax(np.outer(x[x > 0], np.cos(np.arange(80.0))), axis=1).sum(), "any": lambda x: np.any(x[x > 0] > 3)}


@pytest.mark.parametrize("name", EMPTY)
def test_where_nothing_is_left(name):
    """The greatest element of nothing was -inf, where NumPy raises; found when NumPy's own argmax read what is not there."""
    f, g = EMPTY[name], ad.jit(EMPTY[name])
    for x in (np.arange(1.0, 21.0), -np.arange(1.0, 21.0), np.cos(np.arange(20.0))):
        try:
            want = f(x)
        except ValueError as e:
            with pytest.raises(ValueError, match=re.escape(str(e))):
                g(x)
        else:
            np.testing.assert_allclose(g(x), want, rtol=1e-13)


def test_what_goes_through_an_array_of_unknown_length_is_refused_with_the_line():
    with pytest.raises(UnsupportedError, match=r"not captured goes through an array(.|\n)*test_run_time_lengths.py"):
        ad.jit(lambda x: sorted(x[x > 0])[0])(np.arange(-3.0, 4.0))


def halved(v, m):
    v = np.concatenate([v[m], v[~m]])
    for _ in range(4):
        v = v * 0.5
    return v


def running(v, m):
    v, s = np.concatenate([v[m], v[~m]]), 0.0
    for i in range(len(v)):
        s = s * 0.5 + v[i]
        v[i] = s
    return v


def until(v, m):
    v, k = np.append(v[m], 1.0), 0
    while v[0] < 5 and k < 10:
        v, k = v * 1.5, k + 1
    return v


def either(v, m):
    v = np.concatenate([v[v > 0], [1.0], v[m]])
    return v * 2 if v[0] > 0.5 else v[::-1]


@pytest.mark.parametrize("f", [halved, running, until, either])
@pytest.mark.filterwarnings("ignore:.*along the path:RuntimeWarning")
def test_sums_of_lengths_in_loops_and_branches(f):
    """A block knows lengths by name, which a sum has not: such programs are compiled along their path."""
    rng = np.random.default_rng(0)
    g, h = ad.jit(f), ad.jit(ad.grad(lambda v, m: np.sum(f(v, m) ** 2)))
    for n in (4, 7, 4):
        v, m = rng.normal(size=n), rng.random(n) < 0.5
        np.testing.assert_allclose(g(v, m), f(v, m))
        np.testing.assert_allclose(h(v, m), ad.grad(lambda v, m: np.sum(f(v, m) ** 2))(v, m))
    with pytest.raises(ConcreteValueError, match="its length is a sum of lengths that are known only at run time"):
        ad.vmap(lambda v: running(v, v > 0))(np.ones((2, 3)))


@pytest.mark.parametrize("generator", ["llvm", "numba"])
@pytest.mark.parametrize("f", [
    lambda x: np.prod(x[x > 0]), lambda x: np.sum(np.cumprod(x[x < 0.5]) ** 2),
    lambda x: ad.scan(lambda s, v: (s * v + 1.0, s * v), 0.5, x[x > 0])[0]], ids=["prod", "cumprod", "scan"])
def test_the_steps_of_a_loop_over_what_is_selected_are_counted(f, generator, monkeypatch):
    """The loops of such derivatives have as many steps as there are elements: they were endless, and wrote beyond their memory."""
    monkeypatch.setattr(ad.config, "_generator", generator)
    g, h = ad.jit(ad.grad(f)), ad.jit(lambda x, v: ad.hvp(f, x, v))
    for x in (X + 0.05, 0.05 - X, np.abs(X) + 1.1, X - 9.0, X):      # of some, of all, of none
        v = np.arange(6.0)
        assert ad.jit(f)(x) == pytest.approx(f(x))
        if x is X:      # a step over 0, where an element comes in
            continue
        np.testing.assert_allclose(h(x, v), (g(x + 1e-6 * v) - g(x - 1e-6 * v)) / 2e-6, rtol=1e-5, atol=1e-7)


def test_the_largest_of_none_with_a_default_outside_of_jit():
    f = lambda x, y: max(x[x > y], default=y[0] * 2)    # noqa: E731
    g = ad.value_and_grad(f, argnums=1)
    assert g(X, X + 1.0)[0] == 2 * (X[0] + 1.0) and g(X, X + 1.0)[1].tolist() == [2.0, 0, 0, 0, 0, 0]
    assert g(X, X - 1.0)[0] == max(X) and not g(X, X - 1.0)[1].any()
    with pytest.raises(ValueError, match="empty"):
        ad.grad(lambda x: max(x[x > 9]))(X)


def backwards(x):
    t = 0.0
    for e in reversed(x[x > 0]):
        t, last = t * 0.5 + e, e
    return t + last


def numbered(x):
    d = {}
    for i, e in enumerate(x[x > 0]):
        d["last"] = e * i
    return d["last"]


@pytest.mark.parametrize("f", [backwards, numbered])
@pytest.mark.filterwarnings("ignore:.*along the path:RuntimeWarning")
def test_loops_over_what_is_selected_that_are_written_out(f):
    g, h = ad.jit(f), ad.jit(ad.grad(f))
    for x in (X, X + 1.0, X):
        np.testing.assert_allclose(g(x), f(x))
        np.testing.assert_allclose(h(x), ad.grad(f)(x))


def test_a_length_that_a_step_finds_stays_in_the_step():
    """The counts are the same in each step, but the length that they ask about is one that only the step knows."""
    def f(v, x, k):
        n = len(v)
        v = v.copy()
        for _ in range(n):
            v[k] *= np.bincount(k % n, weights=x, minlength=n)
        return np.sum(v)
    rng = np.random.default_rng(0)
    v, x, k = rng.random(5), rng.random(5), rng.integers(0, 5, 5)
    np.testing.assert_allclose(ad.jit(f)(v, x, k), f(v, x, k), rtol=1e-14)
    slope, h, d = ad.jit(ad.grad(f))(v, x, k), 1e-6, np.cos(np.arange(5.0))
    np.testing.assert_allclose(np.sum(slope * d), (f(v + h * d, x, k) - f(v - h * d, x, k)) / (2 * h), rtol=1e-7)
