"""Loops that are a part of other loops."""

import numpy as np

import autodiff as ad
from tracer.check import check
from tracer.graph import all_nodes
from tracer.passes.merge_loops import merge_loops
from tracer.passes.simplify import simplify
from tracer.trace import evaluate


def loops(graph):
    return sum(n.op.name == "loop" for n in all_nodes(graph))


def both(x, y):
    def step(i, state):
        a, s = state
        return a.at[i].set(a[i] * y[i]), s + a[i]
    a, s = ad.fori_loop(0, 5, step, (x, 0.0))
    b = ad.fori_loop(0, 5, lambda i, c: c.at[i].set(c[i] * y[i]), x)
    return a * s, b


def one_after_another(x, y):
    b = ad.fori_loop(0, 5, lambda i, c: c.at[i].set(c[i] * y[i]), x)

    def step(i, state):
        a, s = state
        return a.at[i].set(a[i] * y[i]), s + b[i]
    return ad.fori_loop(0, 5, step, (x, 0.0))


def apart(x, y):
    b = ad.fori_loop(0, 5, lambda i, c: c.at[i].set(c[i] + y[i]), x)
    c = ad.fori_loop(0, 5, lambda i, c: c.at[i].set(c[i] * y[i]), x)
    return b, c


def test_parts_are_taken_from_the_whole():
    x, y = np.linspace(0.5, 1.0, 5), np.linspace(1.0, 2.0, 5)
    for f, before, after in ((both, 2, 1), (one_after_another, 2, 2), (apart, 2, 2)):
        graph = simplify(ad.jit(f).trace(x, y))
        shared = merge_loops(graph)
        assert (loops(graph), loops(shared)) == (before, after), f.__name__
        for got, want in zip(evaluate(shared, [x, y]), evaluate(graph, [x, y]), strict=True):
            np.testing.assert_array_equal(got, want)


def test_a_loop_in_a_loop_that_goes_itself():
    """Found by random programs once the checker stood between the passes: the outputs of the second loop, which had gone, were read."""
    def f(x):
        s = s2 = s3 = 0.1
        t2 = t3 = 0.2
        u = 0.3
        for i in range(5):
            s = s * 0.5 + x[i]
        for i in range(5):
            s2, t2 = s2 * 0.5 + x[i], t2 + x[i] * 2.0
        for i in range(5):
            s3, t3, u = s3 * 0.5 + x[i], t3 + x[i] * 2.0, u * x[i] + 1.0
        return s + 2 * s2 + 3 * t2 + 4 * s3 + 5 * t3 + 6 * u
    x = np.linspace(0.1, 1.0, 5)
    graph = merge_loops(simplify(ad.jit(f).trace(x)))
    check(graph)
    assert [n.op.name for n in graph.nodes].count("loop") == 1
    np.testing.assert_allclose(evaluate(graph, [x])[0], f(x), rtol=1e-14)
