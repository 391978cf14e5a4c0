"""Small arrays that a loop makes of numbers are carried as numbers; the results stay those of NumPy."""

import numpy as np
import pytest

import autodiff as ad
from tests.check import assert_same


def pendulum(y, p):
    for _ in range(20):
        y = y + 0.1 * np.array([y[1], -p[0] * np.sin(y[0]) - p[1] * y[1]])
    return y[0] ** 2 + y[1]


def rotated(y, p):
    for k in range(12):
        m = np.array([[p[0], -p[1]], [p[1], p[0]]])
        if k % 3 == 1:
            m = m.T
        y = np.array([m[0, 0] * y[0] + m[0, 1] * y[1], m[1, 0] * y[0] + m[1, 1] * y[1]])
        y = y / np.sqrt(np.sum(y * y))
    return y[0] + 2.0 * y[1] * np.sum(m)


def branches(y, p):
    k = 0
    while k < 15 and np.sum(y) < 40.0:
        if y[0] > p[0]:
            y = np.array([y[1], y[0] * 0.5])
        elif y[1] > 1.2:
            y = y * 1.1
        k += 1
        y = y + p
    return y[0] * y[1]


def written(y, p):
    s = np.zeros(3)
    for _ in range(9):
        s[0] = y[0] * p[1]
        s[1:] = s[:-1] * 0.7 + y
        y = y * 0.9 + s[1:] * 0.1
    return np.sum(s * s)


def rows(y, p):
    path = np.zeros((10, 2))
    for k in range(10):
        path[k] = y
        y = np.array([y[1], y[0] * p[0] + p[1]])
    return np.sum(path[3:] * path[:-3])


def moving(y, p):
    s = np.zeros(4)
    for k in range(12):
        s[k % 4] += y[0] * p[1]
        w = np.array([s[0], s[k % 4]])
        y = y * 0.8 + w
    return np.sum(s) + y[1]


def products(y, p):
    a = np.outer(p, y) * 0.3
    for _ in range(6):
        y = a @ np.array([y[1], y[0]]) + p
    return y[0] - y[1]


def counted(y, p):
    n = np.array([0, 1])
    for _ in range(8):
        n = np.array([n[1], n[0] + n[1]])
        y = np.where(n % 2 == 0, y * p[0], y + p[1])
    return np.sum(y * n)


def nested(y, p):
    for i in range(4):
        for j in range(3):
            y = np.array([y[1] * p[0], y[0] - p[1] * j])
        y = y + i
    return y[0] * y[1]


PROGRAMS = [pendulum, rotated, branches, written, rows, moving, products, counted, nested]


@pytest.mark.parametrize("f", PROGRAMS)
def test_value_and_derivatives(f):
    y, p = np.array([0.8, 0.3]), np.array([0.9, 0.4])
    value, gradients = ad.jit(ad.value_and_grad(f, argnums=(0, 1)))(y, p)
    assert_same(value, f(y, p), 1e-13)
    uncompiled = ad.grad(f, argnums=(0, 1))(y, p)
    for k, g in enumerate(gradients):
        assert_same(g, uncompiled[k], 1e-12, "gradient")
        forward = ad.jit(ad.jacfwd(f, argnums=k))(y, p)
        assert_same(g, forward, 1e-12, "forward mode")
    for d in np.eye(2):
        h = 1e-6
        near = (f(y + h * d, p - h * d) - f(y - h * d, p + h * d)) / (2 * h)
        np.testing.assert_allclose(gradients[0] @ d - gradients[1] @ d, near, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("f", [pendulum, rotated, written, rows, nested])
def test_higher_order_and_batches(f):
    y, p = np.array([0.8, 0.3]), np.array([0.9, 0.4])
    hessian = ad.jit(ad.hessian(f))(y, p)
    assert_same(hessian, ad.jit(ad.jacfwd(ad.jacfwd(f)))(y, p), 1e-10)
    many = np.array([y, 2 * y, -y])
    got = ad.jit(ad.vmap(ad.grad(f), in_axes=(0, None)))(many, p)
    assert_same(got, np.array([ad.jit(ad.grad(f))(v, p) for v in many]), 1e-12)


def carried_shapes(f, *args):
    return {v.type.shape for node in ad.jit(f).trace(*args).nodes if node.op.name == "loop" for v in node.outputs[:node.params["spec"].carries]}


def test_the_state_is_carried_as_numbers():
    y, p = np.array([0.8, 0.3]), np.array([0.9, 0.4])
    assert carried_shapes(pendulum, y, p) == {()}
    assert carried_shapes(rotated, y, p) == {()}
    assert carried_shapes(branches, y, p) == {()}


def test_arrays_with_moving_places_stay_arrays():
    y, p = np.array([0.8, 0.3]), np.array([0.9, 0.4])
    assert (4,) in carried_shapes(moving, y, p)


def test_larger_arrays_stay_arrays():
    def f(y):
        for _ in range(5):
            y = y + 0.1 * np.array([*y[1:], y[0]])
        return np.sum(y * y)
    y = np.linspace(0.1, 1.0, 9)
    assert carried_shapes(f, y) == {(9,)}
    assert carried_shapes(f, y[:8]) == {()}
    for v in (y, y[:8]):
        assert_same(ad.jit(ad.grad(f))(v), ad.grad(f)(v), 1e-12)


def test_rows_of_a_large_array_are_not_taken_apart():
    def f(a, y):
        for k in range(a.shape[0]):
            part = a[5, 2:4] * a[k, :2]
            y = np.array([y[1] + part[0], y[0] * part[1]])
        return y[0] + y[1]
    a, y = np.random.default_rng(0).normal(size=(30, 40)), np.array([0.5, 1.5])
    graph = ad.jit(f).trace(a, y)
    assert len(str(graph).splitlines()) < 60
    value, g = ad.jit(ad.value_and_grad(f))(a, y)
    assert_same(value, f(a, y), 1e-12)
    assert_same(g, ad.grad(f)(a, y), 1e-12)


def test_no_steps_and_special_numbers():
    def f(y, n):
        z = y
        for _ in range(n):
            z = np.array([z[1], -z[0]])
        return z
    y = np.array([np.inf, -0.0])
    for n in range(4):
        assert_same(ad.jit(f)(y, n), f(y, n))
        assert np.array_equal(np.signbit(ad.jit(f)(y, n)), np.signbit(f(y, n)))
    assert_same(ad.jit(f)(y.astype(np.float32), 3), f(y.astype(np.float32), 3))


def test_explicit_loops():
    def step(k, y):
        return np.array([y[1], y[0] * 0.5 + k])

    def f(y):
        return np.sum(ad.fori_loop(0, 6, step, y))
    y = np.array([0.3, 0.7])
    assert carried_shapes(f, y) == {()}
    assert_same(ad.jit(ad.grad(f))(y), ad.grad(f)(y), 1e-13)


def test_under_a_memory_budget():
    def f(y, p):
        for _ in ad.checkpoint_loop(range(3000), memory=1 << 12):
            y = y + 0.01 * np.array([y[1], -p[0] * y[0]])
        return y[0]
    y, p = np.array([0.8, 0.3]), np.array([0.9, 0.4])

    def plain(y, p):
        for _ in range(3000):
            y = y + 0.01 * np.array([y[1], -p[0] * y[0]])
        return y[0]
    for k in (0, 1):
        assert_same(ad.jit(ad.grad(f, argnums=k))(y, p), ad.jit(ad.grad(plain, argnums=k))(y, p), 1e-12)


def test_numbers_in_an_array_are_constants_of_the_graph():
    assert len(ad.jit(lambda x: np.sum(np.array([0.4, x[1], 3]))).trace(np.ones(3)).inputs) == 1
