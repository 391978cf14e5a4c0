"""Twice the scalar product of a vector with itself: one reading and one writing of memory."""

import numpy as np

from bench.workload import Workload


def loss(np, x):
    return 2 * np.dot(x, x)


def by_hand(x):
    return 2 * x.dot(x), 4 * x


def loops():
    import numba

    @numba.njit(fastmath=True)
    def value_and_gradient(x):
        value, gradient = 0.0, np.empty_like(x)
        for i in range(x.size):
            value += x[i] * x[i]
            gradient[i] = 4 * x[i]
        return 2 * value, gradient

    return value_and_gradient


def data(n):
    return (np.random.default_rng(0).normal(size=n),)


workloads = (
    Workload("square_1e6", "2 x·x, 1e6 numbers", loss, make=lambda: data(10**6), small=lambda: data(5),
             by_hand=by_hand, numba=loops),
)
