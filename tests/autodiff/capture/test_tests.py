"""Tests of loops and conditions that do something: they bind names, advance iterators, or change what is outside of them."""

import warnings

import numpy as np
import pytest

import autodiff as ad

X, Y = np.array([0.8, 0.9, 0.31, 1.0, 6.0]), np.array([0.5, 0.2, 1.9, 0.3, 3.0])


def reads_itself(x):
    t, s, i = 0.0, 0.0, 0
    while (s := s + x[i]) < 2.5:
        if s > 1:
            t += s
        i += 1
    return t, s, i


def left_by_break(x):
    s, t, i = 0.0, 0.0, 0
    while (s := s + x[i]) < 2.5:
        i += 1
        if i > 2:
            break
    else:
        t = -1.0
    return t, s, i


def in_a_loop(x):
    t = 0.0
    for _ in range(3):
        k = 0
        while (v := x[k]) < 2.0:
            k += 1
            if v < 0.4:
                continue
            t += v
    return t, v, k


def else_goes_on(x):
    t, k = 0.0, 0
    for _ in range(3):
        while (v := x[k]) < 2.0:
            k, t = k + 1, t + v
        else:
            if t > 1:
                break
            continue
    return t, v, k


def both_in_a_condition(x):
    t, i = 0.0, 0
    while True:
        if not (v := x[i]) < 2.9:
            break
        if (w := v * v) > 0.5:
            t += w
        elif (u := v + 1.0) > 1.25:
            t += u
        i += 1
    return t, v, i


def next_of_an_iterator(x):
    t, n, it = 0.0, 0, iter(x)
    while (v := next(it, None)) is not None:
        t, n = t + v * v, n + 1
    return t, n


def next_alone(x):
    n, it = 0, iter(x)
    while next(it, None) is not None:
        n += 1
    return n * x[0], n


def pops(x):
    n, stack = 0, [1, 2, 3]
    while stack.pop() > 1:
        n += 1
    return n * x[0], len(stack)


def sets_an_element(x):
    c, t = [0], 0.0

    def more():
        c[0] += 1
        return x[c[0]] < 2.0
    while more():
        t += x[c[0]]
    return t, c[0]


def sets_a_variable(x):
    v, k = x[0], 0

    def more():
        nonlocal v, k
        v, k = v * 0.5 + 0.3, k + 1
        return abs(v - 0.6) > 1e-3
    while more():
        pass
    return v, k


def writes_an_array(x):
    v, r, n = x[:2].copy(), np.zeros(2), 0

    def residual():
        r[:] = v * 0.5
        return np.sum(r * r) > 0.01
    while residual():
        v, n = v * 0.7, n + 1
    return v, r, n


class Walk:
    """An object whose question is a step."""

    def __init__(self, x):
        self.x, self.k, self.sum = x, 0, 0.0

    def more(self):
        self.k, self.sum, self.x = self.k + 1, self.sum * 0.5 + self.x, self.x * 0.8
        return self.x > 0.1


def asks_an_object(x):
    walk, t = Walk(x[0]), 0.0
    while walk.more() and walk.k < 6:
        t += walk.x
    else:
        t = -t
    return t, walk.k, walk.sum


def asks_an_object_and_breaks(x):
    walk, t = Walk(x[0]), 0.0
    while walk.more():
        t += walk.x
        if t > 1.0:
            break
    return t, walk.k, walk.sum


PROGRAMS = [reads_itself, left_by_break, in_a_loop, else_goes_on, both_in_a_condition, next_of_an_iterator, next_alone, pops, sets_an_element,
            sets_a_variable, writes_an_array, asks_an_object, asks_an_object_and_breaks]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_tests_that_act(f):
    def loss(x):
        return sum(np.sum(v * 1.0) for v in f(x))
    g, h = ad.jit(f), ad.jit(ad.grad(loss))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for x in (X, Y, X + 0.01, X):
            for got, want in zip(g(x), f(x), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-12)
            np.testing.assert_allclose(h(x), [(loss(x + 1e-6 * e) - loss(x - 1e-6 * e)) / 2e-6 for e in np.eye(5)], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("f", [reads_itself, left_by_break, both_in_a_condition, sets_an_element, sets_a_variable, writes_an_array, asks_an_object], ids=lambda f: f.__name__)
def test_they_stay_one_graph(f):
    g = ad.jit(f)
    g(X)
    assert "path" not in g.why() and "written out" not in g.why()
