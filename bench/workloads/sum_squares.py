"""The sum of squares of four numbers: nothing but the cost of a call."""

import numpy as np

from bench.workload import Workload


def loss(np, x):
    return np.sum(x * x)


def by_hand(x):
    return x.dot(x), 2 * x


def loops():
    import numba

    @numba.njit
    def value_and_gradient(x):
        value, gradient = 0.0, np.empty_like(x)
        for i in range(x.size):
            value += x[i] * x[i]
            gradient[i] = 2 * x[i]
        return value, gradient

    return value_and_gradient


def data():
    return (np.array([0.5, -1.25, 2.0, 3.0]),)


workloads = (
    Workload("sum_squares_4", "sum(x*x), 4 numbers", loss, make=data, small=data,
             by_hand=by_hand, numba=loops),
)
