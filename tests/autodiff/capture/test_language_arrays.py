"""Python's language under jit, case by case: arrays in loops, their views, writes and copies."""

import numpy as np
import pytest

from tests.autodiff.capture.language import WEIGHTS, CaseTable, check_case

case = CaseTable()


@case("loop")
def row_views(x):
    a = np.outer(x, WEIGHTS)
    for i in range(5):
        row = a[i]
        row += 1.0
        row[2:4] *= x[i]
        a[i + 1] += 0.1 * row
    return np.sum(a * a)


@case("loop")
def view_from_outside(x):
    a = np.outer(x, x)
    diagonal, middle = a[2], a[1:4, 1:4]
    for i in range(3):
        middle[i, i] += x[i]
        diagonal[i] *= 2.0
        a[2, 5] += middle[0, 0]
    return np.sum(a * a) + diagonal.sum() + middle[1, 1]


@case("loop")
def view_of_view(x):
    a = np.outer(x, x)
    for i in range(4):
        block = a[i:i + 2]
        part = block[:, 1:3]
        part *= 1.1
        part[0] -= 0.2
        block[1, 0] = part[1, 1]
    return np.sum(a * WEIGHTS)


@case("loop")
def transposed_view(x):
    a = np.outer(x, WEIGHTS)
    t = a.T
    for i in range(1, 6):
        t[i] += 0.3 * t[i - 1]
        a[i] *= 0.9
    return np.sum(a * a) + t[1, 2]


@case("loop")
def reversed_view(x):
    y = x.copy()
    r = y[::-1]
    for i in range(3):
        r[i] = y[i] * 2.0
    return np.sum(y * WEIGHTS)


@case("loop")
def rows_written_while_looping(x):
    a = np.outer(x, WEIGHTS)
    for row in a:
        row *= 0.5
        row[0] = 1.0
    return np.sum(a * x)


@case("loop")
def copies_are_apart(x):
    a = x * 2.0
    b = a.copy()
    c = np.copy(a)
    d = np.array(a)
    for i in range(6):
        a[i] = a[i] + b[i] * c[i]
        b[i] = d[i] * 0.5
    return np.sum(a * b * c * d)


@case("loop")
def shifted_reads(x):
    y = x.copy()
    for _ in range(3):
        y[1:] = y[:-1]
        y[0] += 0.5
        y[:-1] += y[1:] * 0.1
    return np.sum(y * WEIGHTS)


@case("loop")
def overlapping_update(x):
    y = np.concatenate([x, x])
    for i in range(5):
        y[i:i + 4] += 0.1 * y[i + 2:i + 6]
        y[i + 1:i + 5] = y[i:i + 4] * 0.9
    return np.sum(y * y)


@case("loop")
def history(x):
    out = np.empty((7, 6))
    out[0] = x
    for t in range(6):
        out[t + 1] = out[t] + 0.1 * np.sin(out[t - 1] if t > 0 else out[t])
    return np.sum(out ** 2)


@case("loop")
def accumulated_matrix(x):
    a = np.zeros((6, 6))
    for i in range(6):
        for j in range(6):
            a[i, j] += x[i] * x[j]
            a[j, i] -= 0.5 * x[i]
            a[i] += 0.01
    return np.sum(a ** 3)


@case("loop")
def made_in_each_step(x):
    s = 0.0
    for i in range(4):
        y = np.zeros(6)
        y[:3] = x[i]
        y[i] += 1.0
        z = np.ones_like(x)
        z[1] = y[0]
        s = s + np.sum(y * z * x)
    return s


@case()
def makers(x):
    y = [np.zeros(6), np.empty(6), np.ones(6), np.full(6, 2.0), np.linspace(0.0, 1.0, 6), WEIGHTS.copy(), np.copy(WEIGHTS), np.arange(6.0),
         np.eye(6)[1], np.zeros_like(WEIGHTS), np.empty_like(WEIGHTS), np.full_like(WEIGHTS, 0.5), np.array([1.0, 2, 3, 4, 5, 6]),
         np.asarray([0.0] * 6), np.tile(WEIGHTS[:2], 3), np.repeat(1.0, 6), np.array(WEIGHTS), WEIGHTS[::-1].copy(),
         np.identity(6)[:, 2].copy(), np.concatenate([WEIGHTS[:3], WEIGHTS[3:]]), np.sort(WEIGHTS), np.random.default_rng(0).normal(size=6),
         np.zeros((2, 3)).reshape(6), np.geomspace(1.0, 2.0, 6), np.vander([1.0, 2.0], 6)[0].copy()]
    y[1][:] = 1.0
    y[10][:] = -1.0
    s = 0.0
    for k in range(len(y)):
        y[k][k % 6] = x[0]
        y[k][2:4] += x[1:3]
        s = s + np.sum(y[k] * x) * (k + 1)
    return s


@case()
def stacked_scalars(x):
    a = np.array([x[0], x[1] * x[2], 3.0, -x[3]])
    b = np.array([[x[0], 1.0], [2, x[5]]])
    c = np.asarray((np.sin(x[0]), x[1]))
    d = np.array([x, x * 2.0])
    return np.sum(a) ** 2 + np.linalg.det(b) + np.prod(c) + np.sum(d[1] * d[0]) + np.stack([x[0], x[1]])[1]


@case("loop")
def stacked_in_loop(x):
    s = np.array([0.1, 0.2])
    for i in range(5):
        s = np.array([s[1], s[0] * x[i]]) + np.array([x[i], 1.0])
    return s[0] * s[1]


@case("loop")
def out_argument(x):
    y, z = np.empty(6), np.zeros((6, 6))
    for i in range(4):
        np.multiply(x, float(i), out=y)
        np.add(y, 1.0, out=y)
        np.outer(x, y, out=z)
        np.sin(z[i], out=z[i])
    return np.sum(y * y) + z.sum()


@case("loop")
def add_at(x):
    y = np.zeros(4)
    where = np.array([0, 1, 1, 3, 0, 2])
    for i in range(3):
        np.add.at(y, where, x * (i + 1))
        y[where[i]] += x[i]
    return np.sum(y * y)


@case("loop")
def methods_that_write(x):
    y, z = x.copy(), np.zeros(6)
    for i in range(3):
        z.fill(0.5)
        z[i] = y[i]
        y += z
        z[:] = y
        np.subtract(z, 0.1, out=y)
    return np.sum(y * z)


@case("loop")
def helper_writes_its_argument(x):
    def relax(a, i):
        a[i] = 0.5 * (a[i - 1] + a[i])
        a[i - 1] *= 0.9

    y = x.copy()
    for i in range(1, 6):
        relax(y, i)
        relax(y[1:], 1)
    return np.sum(y * WEIGHTS)


@case("loop")
def written_in_branch_of_loop(x):
    y = x.copy()
    for i in range(6):
        if y[i] > 0.4:
            y[i] = y[i] * y[i - 1]
            y[0] += 0.1
        elif y[i] < -1.0:
            y[i:] *= 0.5
        else:
            continue
        y[-1] += 0.05
    return np.sum(y * WEIGHTS)


@case("loop")
def sorted_by_exchange(x):
    y = x.copy()
    for i in range(6):
        for j in range(5 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    return np.sum(y * np.arange(6.0))


@case("loop")
def insertion_sort(x):
    y = x.copy()
    for i in range(1, 6):
        key, j = y[i], i - 1
        while j >= 0 and y[j] > key:
            y[j + 1] = y[j]
            j -= 1
        y[j + 1] = key
    return np.sum(y * np.arange(6.0))


@case("loop")
def gauss(x):
    a, b = np.outer(x, x) + np.diag(np.arange(3.0, 9.0)), x.copy()
    n = len(b)
    for k in range(n - 1):
        for i in range(k + 1, n):
            f = a[i, k] / a[k, k]
            a[i, k:] -= f * a[k, k:]
            b[i] -= f * b[k]
    for i in range(n - 1, -1, -1):
        b[i] = (b[i] - a[i, i + 1:] @ b[i + 1:]) / a[i, i]
    return np.sum(b * WEIGHTS)


@case("loop")
def levenshtein_like(x):
    d = np.zeros((7, 7))
    d[0] = np.arange(7)
    d[:, 0] = np.arange(7)
    for i in range(1, 7):
        for j in range(1, 7):
            d[i, j] = min(d[i - 1, j] + 1.0, d[i, j - 1] + 0.9, d[i - 1, j - 1] + abs(x[i - 1] - WEIGHTS[j - 1]))
    return d[6, 6]


@case("loop")
def shape_follows_python(x):
    s = 0.0
    for n in range(1, 5):
        for m in (2, 3):
            y = np.zeros(m)
            y[0] = x[n]
            s = s + np.sum(y) * m
    return s


@pytest.mark.parametrize("f, nodes", case)
def test_cases(f, nodes):
    check_case(f, nodes)
