"""A name that a loop binds to (a part of) another array from before the loop, and that is written after it: right, or refused.

Found by random programs. The suite had such names only where the loop itself writes, or where the write came under the other name.
"""

import numpy as np
import pytest

import autodiff as ad
from tracer.errors import TraceError


def swapped(x, y, s):
    p, q = x, y
    for _ in range(3):
        p, q = q, p
    p[0] = s
    return p.sum() + q.sum() * 2


def turned(x, y, s):
    p = x
    for _ in range(3):
        p = p[::-1]
    p[0] = s
    return p.sum()


def sliced(x, y, s):
    p = x
    for _ in range(3):
        p = p[:]
    q = p
    q[0] = s
    return p.sum() + x.sum() * 2


def chosen(x, y, s):
    p = x
    for i in range(3):
        if y[i] > s:
            p = y
        else:
            p = p[::-1]
    p[0] = s
    return p.sum() + x.sum() * 2


def turned_while(x, y, s):
    p, i = x, 0
    while p[0] < s:
        p = p[::-1]
        i = i + 1
        if i > 3:
            break
    p[1] = s
    return p.sum() + x.sum() * 2


def second_name(x, y, s):
    p = x
    for _ in range(3):
        p = p.T
        t = p
    t[0] = s
    return x.sum() + t.sum() * 2


def in_a_list(x, y, s):
    p = [x, y]
    for _ in range(3):
        p = [p[1], p[0]]
    p[0][0] = s
    return x.sum() + y.sum() * 2


def unchanged(x, y, s):
    p = x
    for _ in range(3):
        p = p + 0.0 if s > 9 else p * 1.0
    p[0] = s
    return p.sum() + x.sum() * 2


def both(x, y, s):
    for row in (x, y):
        row[0] = s
    return x.sum() + 2 * y.sum()


def handed_on(x, y, s):
    for _ in range(3):
        y[1:] = x[:-1] + s
        x, y = y, x
    x[0] = 7.0
    return np.sum(x * 2 + y)


def handed_on_while(x, y, s):
    while x[0] < 4 * s:
        y[:] = x * 1.5
        x, y = y, x
    x[1] += s
    return np.sum(x * 2 + y)


def handed_on_until(x, y, s):
    for _ in range(20):
        y[:] = x * 1.5
        x, y = y, x
        if x[0] > 4 * s:
            break
    y[0] = s
    return np.sum(x * 2 + y)


def three_in_turn(x, y, s):
    a, z = x, x + y
    b = z
    for _ in range(5):
        z[1:] = x[1:] * y[:-1]
        x, y, z = y, z, x
    a[0] = s
    b[1] += x[0]
    return np.sum(x + 2 * y + 3 * z) + np.sum(a * b)


def views_in_turn(x, y, s):
    a, b = x[:2], y[1:]
    for k in range(3):
        b[:] = a * 1.1 + k
        a, b = b, a
    a[0] = s
    return np.sum(x * y)


def first_a_number(x, y, s):
    v = 0.5
    for _ in range(3):
        q = v
        q *= s
        v, x = x, v
    return np.sum(v) + np.sum(x)


PROGRAMS = [handed_on, handed_on_while, handed_on_until, three_in_turn, views_in_turn, first_a_number, swapped, turned, sliced, chosen, turned_while, second_name, in_a_list, unchanged, both]


@pytest.mark.parametrize("f", PROGRAMS)
def test_never_wrong(f):
    x, y = np.array([1.0, 2.0, 4.0]), np.array([0.5, 0.25, 0.125])
    mine, theirs = (x.copy(), y.copy(), 1.5), (x.copy(), y.copy(), 1.5)
    want = f(*theirs)
    try:
        got = ad.jit(f)(*mine)
    except TraceError as e:
        assert f in (swapped, turned, sliced, chosen, turned_while, second_name, in_a_list) and "another name" in str(e)
        return
    assert got == want
    for a, b in zip(mine[:2], theirs[:2], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_arrays_that_go_from_name_to_name(n):
    """Found by seed 120077 of the random programs: what a later step wrote under another name did not reach the argument."""
    def f(x, y, n):
        for _ in range(n):
            y[1:] = x[:-1] * 2
            x, y = y, x
        x[0] = 7.0
        return np.sum(x * 2 + y)
    mine, theirs = (np.arange(4.0), np.ones(4)), (np.arange(4.0), np.ones(4))
    assert ad.jit(f)(*mine, n) == f(*theirs, n)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(ad.jit(ad.grad(lambda x: f(x, np.ones(4), n)))(np.arange(4.0)),
                               ad.grad(lambda x: f(x.copy(), np.ones(4), n))(np.arange(4.0)))


def test_arrays_of_a_recording_around_are_exchanged():
    """In a second derivative, `x` is of the recording around, which the loop does not write to: it need not be told what `x` is afterwards."""
    def loss(x, y):
        v = x
        for _ in range(len(x)):
            v, y = y, v
        return np.sum(v * v * v)
    x, y = np.linspace(0.1, 0.9, 4), np.linspace(0.2, 0.8, 4)
    for n in (3, 4):
        for f in (ad.jit(lambda x, v, y: ad.hvp(lambda x: loss(x, y), x, v)), lambda x, v, y: ad.hvp(lambda x: loss(x, y), x, v)):
            np.testing.assert_allclose(f(x[:n], np.ones(n), y[:n]), 6.0 * x[:n] if n % 2 == 0 else np.zeros(n))
