"""Reads and writes of one place: passed on where it is the same place, kept where it may be another."""

import numpy as np
import pytest

import autodiff as ad
from tests.check import assert_same
from tracer.graph import all_nodes
from tracer.passes.shrink_loops import shrink_loops
from tracer.passes.simplify import simplify
from tracer.passes.store_forwarding import forward_stores
from tracer.trace import evaluate

X = np.array([0.4, -0.9, 1.3, 0.2])


def twice(x, k):
    y = x * 1.0
    y[k] -= 0.3
    y[k] *= x[0]
    y[k] = np.sin(y[k])
    return y


def between(x, k):
    """Another place is read, which may be the same."""
    y = x * 1.0
    y[k] = 2.0
    y[1] = y[0] + 1.0
    y[k] = 3.0
    return y


def version(x, k):
    """The version in between is a result."""
    y = x * 1.0
    y[k] = x[1]
    z = y.copy()
    y[k] = x[2]
    return y + 2.0 * z


def repeated(x, k):
    """One place is written twice by one statement: what is read is not what was given."""
    y = x * 1.0
    places = (x[:3] > 0.3).astype(np.int64)
    y[places] = x[1:]
    return y[places]


@pytest.mark.parametrize("f", [twice, between, version, repeated])
def test_the_meaning_stays(f):
    for k in range(4):
        graph = ad.jit(f).trace(X, np.array(k))
        want = f(X, k)
        assert_same(evaluate(graph, [X, np.int64(k)])[0], want)
        assert_same(evaluate(forward_stores(graph), [X, np.int64(k)])[0], want)
        assert_same(ad.jit(f)(X, np.array(k)), want, 1e-13)
        g = ad.jit(ad.grad(lambda x, k, f=f: np.sum(f(x, k) ** 2)))(X, np.array(k))
        assert_same(g, ad.grad(lambda x, k, f=f: np.sum(f(x, k) ** 2))(X, k), 1e-12)


def test_one_write_is_left():
    graph = forward_stores(ad.jit(twice).trace(X, np.array(2)))
    assert [n.op.name for n in graph.nodes].count("update") == 1
    assert [n.op.name for n in forward_stores(ad.jit(version).trace(X, np.array(2))).nodes].count("update") == 2


def stacked(f, *args):
    """Shapes of what the loops of a gradient keep for each step."""
    graph = shrink_loops(simplify(ad.jit(ad.grad(f)).trace(*args)))
    loops = [n for n in all_nodes(graph) if n.op.name == "loop" and not n.params["spec"].reverse]
    return [v.type for n in loops for v in n.outputs[n.params["spec"].carries:-1] if n in graph.nodes]


def test_cholesky_keeps_one_number_an_element():
    def log_determinant(a):
        a = a.copy()
        n = a.shape[0]
        for i in range(n):
            for j in range(i):
                a[i, j] -= a[i, :j] @ a[j, :j]
                a[i, j] /= a[j, j]
            a[i, i] -= a[i, :i] @ a[i, :i]
            a[i, i] = np.sqrt(a[i, i])
        return np.sum(np.log(np.diag(a)))
    b = np.random.default_rng(0).normal(size=(9, 9))
    spd = b @ b.T + 3 * np.eye(9)
    kept = stacked(log_determinant, spd)
    assert sum(t.shape == (9, 8) for t in kept) == 1 and len(kept) <= 4
    g = ad.jit(ad.grad(log_determinant))(spd)
    assert_same(g, ad.grad(log_determinant)(spd), 1e-11)


def test_elements_of_what_a_loop_is_given_are_not_kept():
    def f(h, letters, scores):
        for i in range(1, len(letters)):
            h = max(h + scores[letters[i - 1], letters[i]], 0.0) * 0.9
        return h
    letters = np.array([0, 2, 1, 1, 0, 2])
    graph = ad.jit(ad.grad(f, argnums=2)).trace(0.5, letters, np.arange(9.0).reshape(3, 3) - 3)
    loop = next(n for n in graph.nodes if n.op.name == "loop")
    assert all(v.type.dtype.kind in "bf" for v in loop.outputs[loop.params["spec"].carries:-1])


def test_a_transposed_constant_gathers_its_cotangent_in_one_array():
    def f(a, v):
        for j in range(a.shape[0]):
            v = v + a.T[:, j] * v[j]
        return np.sum(v)
    a, v = np.random.default_rng(1).normal(size=(5, 5)) * 0.3, np.ones(5)
    graph = ad.jit(ad.grad(f)).trace(a, v)
    back = next(n for n in graph.nodes if n.op.name == "loop" and n.params["spec"].reverse)
    assert not any(n.op.name in ("transpose", "broadcast") and n.outputs[0].type.shape == (5, 5) for n in back.params["body"].nodes)
    assert_same(ad.jit(ad.grad(f))(a, v), ad.grad(f)(a, v), 1e-12)


def test_a_branch_computes_again_what_only_it_needs():
    def f(c, n):
        z, out = 0.0, 7.0
        for k in range(n):
            z = z * z + c
            if z > 4.0:
                out = k + 1.0 - np.log2(np.log2(z))
                break
        return out
    graph = ad.jit(ad.grad(f), static_argnums=1).trace(0.7, 50)
    loop = next(n for n in graph.nodes if n.op.name == "loop")
    kept = loop.outputs[loop.params["spec"].carries:-1]
    assert len(kept) == 1 and kept[0].type.dtype == np.float64
    assert_same(ad.jit(ad.grad(f), static_argnums=1)(0.7, 50), np.float64(ad.grad(f)(0.7, 50)), 1e-12)
