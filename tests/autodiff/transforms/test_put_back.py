"""Loops that write an array again in reverse mode, and put back what they replaced (`tracer/ops/control/replay.py`).

Found by seed 2002870 of the programs with loops: a loop inside adds a number to the array that is read from an earlier version of
another one. Where the array is put back that number is not known yet, and it is not needed: the old values are. It was a KeyError.
"""

import numpy as np
import pytest

import autodiff as ad


def of_a_part_with_a_mask(x, y):
    n = x.shape[0]
    a = np.outer(x, y)
    s = 0.0
    for i in range(n):
        for _ in range(n, 0, -2):
            for _ in range(2, n):
                a[5] += y
                s = s + np.sum(x[a[i] > 0.3])
        x[i] = np.sum(x) * 0.1
    return s + np.sum(x) + np.sum(a * a) * 0.1


def of_a_row_before(x, y):
    n = x.shape[0]
    a = np.outer(x, y)
    s = 0.0
    for i in range(n):
        row = a[i] * 2.0
        for j in range(3):
            for k in range(1, n):
                a[k - 1] += np.sin(row) * 0.1 + y[k]
                s = s + np.sum(y[a[i] > 0.3]) * a[j, k]
        a[i, 2] = s * 0.01
    return s + np.sum(a * a) * 0.1


def of_two_arrays(x, y):
    n = x.shape[0]
    a, b = np.outer(x, y), np.outer(y, x)
    s = 0.0
    for i in range(n):
        for j in range(n):
            b[i] += a[j] * 0.1
            for k in range(2):
                a[k + 1] += b[k] * b[j, i]
                s = s + np.sum(x[b[i] > 0.3]) * a[j, k]
    return s + np.sum(a * b) * 0.1


def by_an_index_of_its_own(x, y):
    a = np.outer(x, y)
    s = 0.0
    for i in range(6):
        for k in range(3):
            j = int(a[0, k] * 30) % 6
            a[j] += np.sin(a[i, k]) * x
            s = s + np.sum(y[a[j] > 0.3])
        s = s + a[i, 1] ** 2
    return np.sum(a * a) + s


@pytest.mark.parametrize("f", [of_a_part_with_a_mask, of_a_row_before, of_two_arrays, by_an_index_of_its_own])
def test_what_was_written_need_not_be_known(f):
    x, y = np.linspace(0.1, 0.9, 6), np.linspace(0.3, 0.7, 6)
    got = ad.jit(ad.grad(f, argnums=(0, 1)))(x.copy(), y.copy())
    e = 1e-6 * np.eye(6)
    np.testing.assert_allclose(got[0], [(f(x + d, y.copy()) - f(x - d, y.copy())) / 2e-6 for d in e], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got[1], [(f(x.copy(), y + d) - f(x.copy(), y - d)) / 2e-6 for d in e], rtol=1e-5, atol=1e-6)
