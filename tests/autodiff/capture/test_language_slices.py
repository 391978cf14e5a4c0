"""Python's language under jit, case by case: slices that move, and masks."""

import numpy as np
import pytest

from tests.autodiff.capture.language import WEIGHTS, CaseTable, check_case

case = CaseTable()


@case("loop")
def window(x):
    s = 0.0
    for i in range(4):
        s = s + np.prod(x[i:i + 3])
    return s


@case("loop")
def window_clipped(x):
    s = 0.0
    for i in range(6):
        s = s + np.sum(x[max(i - 1, 0):i + 2] ** 2) / len(x)
    return s


@case("loop")
def window_centered(x):
    y = np.zeros(6)
    for i in range(1, 5):
        y[i - 1:i + 2] += x[i - 1:i + 2] * x[i]
    return np.sum(y * y)


@case("loop")
def ragged_products(x):
    a = np.outer(x, x + 1.0)
    s = 0.0
    for i in range(6):
        for j in range(6):
            s = s + a[i, :j] @ a[j, :j] + a[:i, j] @ a[:i, i]
    return s


@case("loop")
def ragged_matrix_vector(x):
    a, y = np.outer(x, WEIGHTS), x.copy()
    for k in range(1, 6):
        y[k:] -= 0.1 * a[k:, :k] @ y[:k]
        y[:k] += a[:k, k] * 0.1
    return np.sum(y * y)


@case("loop")
def prefix_reversed(x):
    s = 0.0
    for k in range(6):
        s = s + np.dot(x[:k][::-1], WEIGHTS[:k]) + x[:k + 1][::-1][0]
    return s


@case("loop")
def stepping_back(x):
    s = 0.0
    for i in range(6):
        s = s + np.sum(x[i:0:-1] * WEIGHTS[i:0:-1]) + np.sum(x[i::-1]) * 0.1
    return s


@case("loop")
def stepping_by_two(x):
    s = 0.0
    for i in range(6):
        s = s + np.sum(x[i::2]) * i + np.sum(x[:i:2])
        s = s + np.sum(x[5:i:-2])
    return s


@case("loop")
def negative_bounds(x):
    s = 0.0
    for i in range(1, 6):
        s = s + np.sum(x[-i:] ** 2) * i + np.sum(x[:-i]) * 0.3 + x[-i] + x[-i:-1].sum()
    return s


@case("loop")
def bounds_outside(x):
    s = x[0]
    for i in range(0, 9):
        s = s + np.sum(x[i:i + 2]) + np.sum(x[i - 9:i - 5]) * 0.1
    return s


@case("loop")
def empty_slices(x):
    y, s = x.copy(), 0.0
    for i in range(6):
        y[i:i] = 5.0
        s = s + np.sum(y[i:i]) + np.sum(y[i + 1:i])
    return s + y.sum()


@case("loop")
def slices_of_traced_integers(x):
    n = int(abs(x[0]) * 3) + 1
    y = x.copy()
    y[:n] *= 2.0
    for i in range(n):
        y[i:n] += 0.1
    return np.sum(y[n:]) * np.sum(y[:n]) + y[n - 1]


@case("loop")
def slice_written_by_counter(x):
    a = np.zeros((6, 6))
    for i in range(6):
        a[i, i:] = x[i:] * x[i]
        a[i:, i] += 1.0
        a[:i, :i] *= 0.9
        a[i, :i] = a[:i, i]
    return np.sum(a * a)


@case("loop")
def slice_of_slice(x):
    s = 0.0
    for i in range(5):
        y = x[i:]
        s = s + np.sum(y[1:]) + y[0] + np.sum(y[:2] ** 2)
    return s


def mean_square(v):
    n, s = len(v), 0.0
    for k in range(n):
        s = s + v[k] ** 2
    return s / v.size


@case("loop")
def lengths_computed_with(x):
    s = 0.0
    for i in range(1, 6):
        y = x[:i]
        s = s + mean_square(y) * y.shape[0] + np.sum(y[::2]) + np.sum(y[::-1] * y) + sum(y[:5]) - y[-1]
        for v in y:
            s = s + v * v
        if i == 3:
            s = s + y[-2]
    return s


@case("loop")
def arrays_of_moving_length(x):
    s = 0.0
    for i in range(1, 6):
        y = x[:i]
        a, b = np.zeros(len(y)), np.empty((i, 2))
        a[1:] = y[:-1]
        a[-1] += y[0]
        b[:, 0] = y
        b[:, 1] = 2.0 * y
        s = s + np.sum(a * y) + np.sum(b * b) + np.sum(np.arange(i) * y) + np.sum(y.reshape(i, 1) @ np.ones((1, 3)))
    return s


@case("loop")
def functions_of_ragged_slices(x):
    s = 0.0
    for i in range(1, 6):
        y = x[:i]
        s = s + np.mean(y) + np.max(y) + np.linalg.norm(y) + np.sum(np.exp(y) * y) + np.sum(np.where(y > 0, y, 2.0 * y))
    return s


@case("loop")
def indices_wrap(x):
    s = 0.0
    for i in range(6):
        s = s + x[i - 1] * x[(i + 2) % 6] + x[-i] * x[~i]
    return s


@case("loop")
def index_from_array(x):
    order, s = np.argsort(WEIGHTS), 0.0
    for i in range(6):
        s = s * 0.5 + x[order[i]] * WEIGHTS[i]
    return s


@case("loop")
def index_from_data(x):
    k, s = 0, 0.0
    for _ in range(5):
        s = s + x[k]
        k = (k + int(abs(x[k]) * 3.7) + 1) % 6
    return s * x[k]


@case()
def argmax_index(x):
    k = np.argmax(x)
    return x[k] ** 2 + x[k - 1] + WEIGHTS[k] * x[0]


@case()
def masks_read_and_written(x):
    y = x.copy()
    y[y < 0.5] = 0.25
    y[x > 0.6] *= 3.0
    y[(x > 0.31) & (x < 0.61)] += x[0]
    m = x > 0.41
    y[m] = x[m] * y[m]
    return np.sum(y * WEIGHTS) + np.sum(x[m]) + np.sum(y[~m] ** 2) + np.sum(m)


@case("loop")
def masks_in_loop(x):
    y = np.outer(x, WEIGHTS)
    for i in range(5):
        m = y[i] > 0.103 * i
        y[i + 1][m] = x[i]
        y[y < -0.517] += 0.1
        y[i, m] *= 0.9
    return np.sum(y * y)


@case("loop")
def selected_mean(x):
    s = 0.0
    for i in range(6):
        near = np.abs(x - x[i]) < 0.617
        s = s + np.mean(x[near]) * i + np.sum(x[near] * WEIGHTS[near]) + np.sum(near)
    return s


@pytest.mark.parametrize("f, nodes", case)
def test_cases(f, nodes):
    check_case(f, nodes)
