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


PROGRAMS = [swapped, turned, sliced, chosen, turned_while, second_name, in_a_list, unchanged, both]


@pytest.mark.parametrize("f", PROGRAMS)
def test_never_wrong(f):
    x, y = np.array([1.0, 2.0, 4.0]), np.array([0.5, 0.25, 0.125])
    mine, theirs = (x.copy(), y.copy(), 1.5), (x.copy(), y.copy(), 1.5)
    want = f(*theirs)
    try:
        got = ad.jit(f)(*mine)
    except TraceError as e:
        assert f not in (unchanged, both) and "another name" in str(e)
        return
    assert got == want
    for a, b in zip(mine[:2], theirs[:2], strict=True):
        np.testing.assert_array_equal(a, b)
