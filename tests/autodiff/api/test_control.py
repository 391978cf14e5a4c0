"""Loops and branches in the graph: values, both modes, second order; evaluator and compiled code."""

import numpy as np
import pytest

import autodiff as ad
import autodiff.numpy as anp
from tests.laws import check_compiled, check_derivative, check_second_order

RNG = np.random.default_rng(5)
X = np.linspace(0.2, 1.1, 4)


def while_scalar(x):
    return ad.while_loop(lambda y: y < 10.0, lambda y: y + np.sin(y) * 0.5 * x[0] + x[1], x[2])


def while_array(x):
    return ad.while_loop(lambda b: (b * b).sum() < 50.0, lambda b: b * 2 + x, x).sum()


def doubling_norm(x):
    b = ad.while_loop(lambda b: np.linalg.norm(b) < 1000.0, lambda b: b * 2, x * 2)
    return ad.cond(b.sum() > 0, lambda b: b, lambda b: 100 * b, b).sum()


def fori_array(x):
    out = ad.fori_loop(0, 4, lambda i, s: s.at[i + 1].set(np.tanh(0.9 * s[i] + x[i])), anp.zeros(5))
    return out.sum()


def fori_traced_bound(x):
    n = (x.sum() * 0 + 3).astype(np.int64)
    return ad.fori_loop(0, n, lambda i, s: s * x[0] + i, x[1])


def swap(x):
    a, b = ad.fori_loop(0, 3, lambda i, ab: (ab[1] * x, ab[0] + i), (x, x * x))
    return (a * 2 + b).sum()


def nested(x):
    def outer(i, s):
        return ad.while_loop(lambda y: y < 3.0 + i, lambda y: y * 1.5 + x[1], s)
    return ad.fori_loop(0, 4, outer, x[0])


def nested_arrays(x):
    def row(i, a):
        return ad.fori_loop(1, 3, lambda j, a: a.at[i, j].set(a[i, j - 1] * x[j] + a[i - 1, j]), a)
    return ad.fori_loop(1, 4, row, anp.ones((4, 3)) * x[0]).sum()


def scan_early(x):
    c, ys, steps = ad.scan(lambda c, row: (c * 1.5 + row, np.sin(c) * row), x[0], np.outer(x, x)[:, 1] + 1.0, until=lambda c: c > 4.0)
    return c + (ys * ys).sum() * x[1] + steps


def scan_stacked(x):
    def step(c, row):
        c = np.tanh(c * row[0] + row[1])
        return c, c * row
    c, ys = ad.scan(step, x[0], np.outer(x, x[:2]))
    return c + (ys * ys).sum()


def scan_reverse(x):
    return ad.scan(lambda c, v: (c * v + 1.0, c), x[0], x, reverse=True)[1].sum()


def scan_constant(x):
    w = np.outer(x, x)
    return ad.scan(lambda c, _: (np.tanh(w @ c), None), x, None, length=5)[0].sum()


def branch(x):
    return ad.cond(x[0] > 0.5, lambda x: np.sin(x).sum(), lambda x: (x ** 3).sum() * 2, x)


def branch_partly_active(x):
    return ad.cond(x[0] > 5.0, lambda x: np.sin(x).sum(), lambda x: 2.0, x) + x[1]


def switched(x):
    i = (x[0] * 3).astype(np.int64)
    return ad.switch(i, [lambda x: x.sum(), lambda x: (x * x).sum(), lambda x: np.exp(x).sum()], x)


def branch_in_loop(x):
    return ad.fori_loop(0, 5, lambda i, s: ad.cond(s > 1.0, lambda s: s * x[0], lambda s: s + x[1] * s * s, s), x[2])


def update_add_repeated(x):
    idx = np.array([0, 2, 0, 1])
    return (anp.zeros(3).at[idx].add(x) ** 2).sum()


def update_set_repeated(x):
    idx = np.array([0, 2, 0, 1])
    return (anp.zeros(3).at[idx].set(x * x) * np.array([1.0, 2.0, 3.0])).sum()


def mapped(x):
    return ad.map(lambda v: np.sin(v) * x[0], x).sum()


def checkpoint_in_loop(x):
    body = ad.checkpoint(lambda s: np.sin(s * x[0]) + s)
    return ad.fori_loop(0, 4, lambda i, s: body(s), x[1])


def carry_starts_as_a_constant(x):
    y = np.exp(x)
    return ad.fori_loop(0, 3, lambda i, s: s * y + y[::-1], y).sum()


def carry_starts_as_another(x):
    y = np.exp(x)
    a, b = ad.fori_loop(0, 3, lambda i, ab: (ab[0] * 2, ab[1] + ab[0]), (y, y))
    return (a * b).sum()


def carry_and_rows_are_one_array(x):
    y = np.outer(x, x) + 1
    return ad.scan(lambda c, row: (c * 0.5 + row, None), y[0] * 1.0, y)[0].sum() + ad.fori_loop(0, 2, lambda i, s: s @ y, y).sum()


def write_of_what_is_read(x):
    y = np.exp(x)
    z = y.at[1:].set(y[:-1])
    return (z * y).sum() + (z.at[:2].add(z[1:3]) * z).sum()


def checkpoint_of_loops(x):
    def inner(v):
        s = ad.fori_loop(0, 3, lambda i, s: np.sin(s * v) + s, v).sum()
        return ad.while_loop(lambda y: y < 9.0, lambda y: y * (1.2 + v[0]) + s, v[1]) * s
    return ad.checkpoint(inner)(x) + ad.checkpoint(lambda v: ad.cond(v[0] > 0, np.sin, np.cos, v).sum())(x)


PROGRAMS = [checkpoint_of_loops, carry_starts_as_a_constant, carry_starts_as_another, carry_and_rows_are_one_array, write_of_what_is_read,
            while_scalar, while_array, doubling_norm, fori_array, fori_traced_bound, swap, nested, nested_arrays, scan_stacked, scan_early,
            scan_reverse, scan_constant, branch, branch_partly_active, switched, branch_in_loop, update_add_repeated,
            update_set_repeated, mapped, checkpoint_in_loop]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_derivatives(f):
    check_derivative(f, [X], RNG)
    check_second_order(f, [X], RNG)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_compiled(f):
    assert check_compiled(f, [X], RNG).references == []


@pytest.mark.parametrize("f", [while_scalar, fori_array, scan_stacked, scan_early, branch_in_loop, nested], ids=lambda f: f.__name__)
def test_compiled_second_order(f):
    h = ad.hessian(f)
    np.testing.assert_allclose(ad.jit(h)(X), h(X), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mode", [lambda f: f, ad.jit], ids=["eager", "jit"])
def test_loops_of_no_steps(mode):
    f = mode(ad.grad(lambda x: ad.while_loop(lambda y: y < 0.0, lambda y: y * 2 * x, x)))
    assert f(3.0) == 1.0
    g = mode(ad.grad(lambda x: ad.fori_loop(0, 0, lambda i, s: s * x, x) + ad.scan(lambda c, v: (c, c * v), x, anp.zeros(0))[1].sum()))
    assert g(2.0) == 1.0


def test_plain_values_run_plainly():
    assert ad.cond(True, lambda: 1, lambda: 2) == 1
    assert ad.fori_loop(0, 5, lambda i, s: s + i, 0) == 10
    assert ad.while_loop(lambda s: s < 5, lambda s: s + 2, 0) == 6


def test_dtypes_of_carries_settle():
    total = ad.fori_loop(0, 3, lambda i, s: s + np.float32(0.5), 0)
    assert total == 1.5
    y = ad.jit(lambda x: ad.fori_loop(0, 3, lambda i, s: s + x, 0))(np.float32(2))
    assert y == 6 and y.dtype == np.float32


@pytest.mark.parametrize("f, message", [
    (lambda x: ad.while_loop(lambda y: y < 3.0, lambda y: (y, y), x), "structure"),
    (lambda x: ad.while_loop(lambda y: y > 3.0, lambda y: y, anp.ones(3) * x), "condition of while_loop has shape"),
    (lambda x: ad.fori_loop(0, 3, lambda i, s: np.concatenate([s, s]), anp.ones(3) * x), "changes shape"),
    (lambda x: ad.cond(x > 0, lambda: x, lambda: anp.ones(3) * x), "one shape"),
    (lambda x: ad.cond(x > 0, lambda: x, lambda: (x, x)), "structure"),
    (lambda x: ad.cond(anp.ones(3) * x > 0, lambda: x, lambda: x), "cond on an array"),
    (lambda x: ad.scan(lambda c, r: (c, r), x, (anp.ones(3), anp.ones(4))), "scan over lengths"),
], ids=["structure", "test", "shape", "branch shape", "branch structure", "array", "lengths"])
def test_errors(f, message):
    with pytest.raises(ValueError, match=message):
        ad.jit(f)(1.0)


@pytest.mark.parametrize("bad", [7, -8])
def test_indices_out_of_range_raise(bad):
    f = ad.jit(lambda x, i: ad.fori_loop(0, 2, lambda k, s: s + x[i + k], 0.0))
    assert f(X, 0) == X[0] + X[1]
    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 4"):
        f(X, bad)
