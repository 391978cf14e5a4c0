"""Sums of products over the steps of a loop: one product after it, with the same numbers."""

import numpy as np
import pytest

import autodiff as ad
from tests.check import assert_same
from tracer.graph import all_nodes
from tracer.passes.batch_products import batch_products
from tracer.passes.shrink_loops import shrink_loops
from tracer.passes.simplify import simplify
from tracer.trace import evaluate

RNG = np.random.default_rng(0)


def recurrent(w, u, x):
    h = np.zeros((x.shape[1], w.shape[0]))
    for t in range(x.shape[0]):
        h = np.tanh(h @ w + x[t] @ u)
    return np.sum(h * h)


def vectors(w, u, x):
    """The factors are vectors: the sum is one of outer products."""
    v = x[0, 0]
    for _ in range(9):
        v = np.tanh(w @ v) + 0.1 * u[0]
    return v @ v


def until(w, u, x):
    """The number of steps is found at run time."""
    v, k = x[0, 0], 0
    while v @ v > 1e-3 and k < 40:
        v = 0.8 * np.sin(w @ v)
        k += 1
    return np.sum(v) + np.sum(u) + k


PROGRAMS = [recurrent, vectors, until]
ARGS = (RNG.normal(size=(50, 50)) / 9, RNG.normal(size=(50, 50)) / 9, RNG.normal(size=(7, 2, 50)))


def carried_matrices(graph):
    return [v for node in all_nodes(graph) if node.op.name == "loop" for v in node.outputs[:node.params["spec"].carries] if v.type.shape == (50, 50)]


@pytest.mark.parametrize("f", PROGRAMS)
def test_no_matrix_is_carried(f):
    graph = shrink_loops(simplify(ad.jit(ad.grad(f)).trace(*ARGS)))
    assert carried_matrices(graph)
    assert not carried_matrices(batch_products(graph))


@pytest.mark.parametrize("f", PROGRAMS)
def test_the_numbers_stay(f):
    graph = shrink_loops(simplify(ad.jit(ad.value_and_grad(f, argnums=(0, 1))).trace(*ARGS)))
    collected = batch_products(graph)
    for a, b in zip(evaluate(collected, ARGS), evaluate(graph, ARGS), strict=True):
        assert_same(a, b, 1e-12)
    value, gradients = ad.jit(ad.value_and_grad(f, argnums=(0, 1)))(*ARGS)
    assert_same(value, np.float64(f(*ARGS)), 1e-12)
    for g, e in zip(gradients, ad.grad(f, argnums=(0, 1))(*ARGS), strict=True):
        assert_same(g, e, 1e-11)


def test_no_step_at_all():
    w, u, x = ARGS
    g = ad.jit(ad.grad(until))(w, u, x * 1e-9)
    assert not g.any()


def test_thick_factors_and_small_matrices_stay():
    w, u, x = ARGS
    thick = np.repeat(x, 60, axis=1)
    for args in ((w, u, thick), (w[:9, :9], u[:9, :9], x[:, :, :9])):
        graph = shrink_loops(simplify(ad.jit(ad.grad(recurrent)).trace(*args)))
        assert len(batch_products(graph).nodes) == len(graph.nodes)


def test_a_matrix_that_the_loop_reads_stays():
    def f(w, x):
        m = np.zeros((50, 50))
        for t in range(5):
            m = m + np.outer(x[t], w[t] * m[0, 1])
        return np.sum(m)
    graph = shrink_loops(simplify(ad.jit(f).trace(ARGS[0], ARGS[2][:, 0])))
    assert len(batch_products(graph).nodes) == len(graph.nodes)
