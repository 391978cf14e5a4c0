"""`grad` and `value_and_grad` outside of `jit`: plain functions go the tape's roads, others are traced, and both give one result."""

import numpy as np
import pytest

import autodiff as ad
from autodiff.eager.plain import plain

SCALE = 2.0
TABLE = np.array([1.0, 2.0, 3.0])
LOG: list = []


def helper(x, k=2):
    return np.sum(x ** k) * SCALE


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def loop(x):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0:
            total = total + x[i] * i
        else:
            total += np.sin(x[i])
    return total + helper(x)


def rows(x):
    return np.sum(np.stack([row * 2.0 for row in x.reshape(1, 3)]) * TABLE)


def appends(x):
    parts = []
    for k in range(3):
        parts.append(x * (k + 1.0))
    return np.sum(np.concatenate(parts))


PLAIN = [rosenbrock, helper, loop, rows, appends, lambda x: np.linalg.norm(x), lambda x: (x @ x) / np.mean(x), lambda x: x.max() - x.T.min()]


@pytest.mark.parametrize("f", PLAIN)
def test_plain_functions_go_on_the_tape(f):
    x = np.array([0.5, -1.0, 2.0])
    assert plain(f).reason == ""
    g, both = ad.grad(f), ad.value_and_grad(f)
    want = ad.jit(ad.grad(f))(x)
    for _ in range(6):
        got = g(x)
        np.testing.assert_allclose(got, want, rtol=1e-12)
        assert type(got) is np.ndarray and got.flags.writeable and got.base is None
        value, second = both(x)
        np.testing.assert_allclose(value, f(x), rtol=1e-12)
        assert isinstance(value, np.float64) and second is not got
        got[...] = 0
    assert "one kernel" in ad.why(g), ad.why(g)


def stores(x):
    a = np.zeros(3)
    for i in range(3):
        a[i] = x[i] * 2.0
    return np.sum(a * a)


def asks(x):
    return np.sum(x * x) if isinstance(x, np.ndarray) else np.sum(x)


def counts(x):
    LOG.append(1)
    return np.sum(x * x)


def number(x):
    return np.sum(x * float(np.sum(x)))


NOT_PLAIN = [stores, asks, counts]


@pytest.mark.parametrize("f", NOT_PLAIN)
def test_other_functions_are_traced(f):
    x = np.array([0.5, -1.0, 2.0])
    g = ad.grad(f)
    for _ in range(4):
        LOG.clear()
        np.testing.assert_allclose(g(x), ad.jit(ad.grad(f))(x))
    assert ad.why(g).startswith("through its graph")
    LOG.clear()
    g(x)
    assert len(LOG) == (f is counts)


def test_a_number_taken_out_keeps_its_derivative():
    # A tensor gives its number to float() and np.float64(): such functions are not plain, or leave the tape when it happens.
    x = np.array([0.5, 2.0])
    g, h = ad.grad(number), ad.grad(lambda x: np.sum(x * np.float64(x[0])))
    for _ in range(4):
        np.testing.assert_allclose(g(x), [5.0, 5.0])
        np.testing.assert_allclose(h(x), [3.0, 0.5])
    assert ad.why(g).startswith("through its graph") and ad.why(h).startswith("through its graph")


def test_what_a_function_refers_to_is_looked_at():
    global SCALE
    x = np.array([1.0, 2.0])
    g = ad.grad(helper)
    np.testing.assert_allclose(g(x), 4.0 * x)
    SCALE = 3.0
    try:
        np.testing.assert_allclose(g(x), 6.0 * x)
    finally:
        SCALE = 2.0
    TABLE[0] = 5.0
    try:
        np.testing.assert_allclose(ad.grad(lambda x: np.sum(x * TABLE))(np.ones(3)), [5.0, 2.0, 3.0])
    finally:
        TABLE[0] = 1.0


def test_arguments_are_left_alone():
    def f(x, y):
        y += 1.0
        x = x * 1.0
        x += y
        return np.sum(x * y)
    y = np.array([1.0, 2.0])
    for _ in range(4):
        np.testing.assert_allclose(ad.grad(f)(np.ones(2), y), [2.0, 3.0])
        np.testing.assert_allclose(ad.grad(f, argnums=(0, 1))(np.ones(2), y)[1], 1.0 + 2 * (y + 1.0))
        np.testing.assert_array_equal(y, [1.0, 2.0])

    def h(x):
        x += 1.0
        return np.sum(x * x)
    z = np.array([1.0, 2.0])
    np.testing.assert_allclose(ad.grad(h)(z), 2 * (z + 1))
    np.testing.assert_array_equal(z, [1.0, 2.0])


def test_trees_dtypes_and_scalars():
    def f(p, scale):
        return np.sum(p["w"] * p["w"]) * scale + p["b"][0] * p["b"][1]
    p = {"w": np.array([1.0, 2.0], np.float32), "b": (np.float64(2.0), np.array(3.0))}
    for _ in range(4):
        g = ad.grad(f)(p, 2.0)
        assert g["w"].dtype == np.float32 and g["w"].tolist() == [4.0, 8.0] and float(g["b"][0]) == 3.0 and float(g["b"][1]) == 2.0
    assert ad.grad(lambda x: x * x * x)(2.0) == 12.0
    with pytest.raises(TypeError, match="integers"):
        ad.grad(lambda x: np.sum(x))(np.arange(3))
    with pytest.raises(TypeError, match="which returns"):
        ad.grad(lambda x: x * 2.0)(np.ones(3))
    assert ad.grad(lambda x: np.sum(x * 0.0) + 1.0)(np.ones(2)).tolist() == [0.0, 0.0]


def test_derivatives_of_derivatives_are_traced():
    f = lambda x: np.sum(np.sin(x) * x)  # noqa: E731
    x = np.array([0.2, 0.7])
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(ad.grad(f)(x) ** 2))(x), ad.jit(ad.grad(lambda x: np.sum(ad.grad(f)(x) ** 2)))(x))
    np.testing.assert_allclose(ad.hessian(f)(x), np.diag(2 * np.cos(x) - x * np.sin(x)))
    t = ad.tensor(x, requires_grad=True)
    ad.grad(f)(t).sum().backward()
    np.testing.assert_allclose(t.grad.detach(), 2 * np.cos(x) - x * np.sin(x))
