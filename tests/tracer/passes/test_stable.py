"""Sigmoids that users write out: finite derivatives, one number kept."""

import numpy as np
import pytest

import autodiff as ad
from tests.check import assert_same
from tracer.graph import all_nodes
from tracer.passes.stable import stable_sigmoids

X = np.array([-2000.0, -800.0, -30.0, -1.0, -0.0, 0.0, 0.5, 30.0, 800.0, np.inf, -np.inf])


@pytest.mark.parametrize("f", [lambda x: 1 / (1 + np.exp(-x)), lambda x: 1.0 / (np.exp(-x) + 1.0), lambda x: np.reciprocal(1.0 + np.exp(-x))],
                         ids=["plain", "swapped", "reciprocal"])
def test_value_and_derivative(f):
    with np.errstate(all="ignore"):
        want = f(X)
    assert_same(ad.jit(f)(X), want, 1e-15)
    value, g = ad.jit(ad.value_and_grad(lambda x: np.sum(f(x)[:-2])))(X)
    assert_same(value, np.float64(np.sum(want[:-2])), 1e-15)
    exact = np.exp(-np.abs(X)) / (1 + np.exp(-np.abs(X))) ** 2
    exact[-2:] = 0.0
    if f(0.0) == 0.5 and "sigmoid" in [n.op.name for n in all_nodes(stable_sigmoids(ad.jit(f).trace(X)))]:
        assert_same(g, exact, 1e-15)


def test_forward_mode():
    # Only reverse mode looked for sigmoids: a tangent was nan where the exponential overflows.
    def f(x):
        return 1 / (1 + np.exp(-x))
    x = np.array([-800.0, -745.0, -1.0, 3.0, 800.0])
    want = np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2
    with np.errstate(all="ignore"):
        for g in (f, ad.jit(f)):
            assert_same(ad.jvp(g, (x,), (np.ones(5),))[1], want, 1e-15)
        assert_same(ad.jit(lambda x: ad.jvp(f, (x,), (np.ones(5),))[1])(x), want, 1e-15)


def test_it_is_seen_in_loops_and_keeps_one_array():
    def f(h, w):
        for _ in range(5):
            h = 1 / (1 + np.exp(-(w * h)))
        return np.sum(h)
    h, w = np.linspace(-1, 1, 7), np.linspace(0.5, 2, 7)
    graph = ad.jit(ad.grad(f, argnums=1)).trace(h, w)
    loop = next(n for n in graph.nodes if n.op.name == "loop")
    assert len(loop.outputs) - 1 - loop.params["spec"].carries == 2     # what goes in and what comes out
    assert_same(ad.jit(ad.grad(f, argnums=1))(h, w), ad.grad(f, argnums=1)(h, w), 1e-12)


@pytest.mark.parametrize("f", [lambda x: 1 / (1 + np.exp(x)), lambda x: 2 / (1 + np.exp(-x)), lambda x: 1 / (2 + np.exp(-x)),
                               lambda x: 1 / (1 - np.exp(-x))], ids=range(4))
def test_others_stay(f):
    x = np.linspace(-2, 2, 8)
    graph = ad.jit(f).trace(x)
    assert stable_sigmoids(graph) is graph
    assert_same(ad.jit(f)(x), f(x), 1e-15)
