"""Rosenbrock's function, chained: neighbouring elements of a vector, read through slices.

f(x) = sum over i of 100 (x[i+1] - x[i]²)² + (1 - x[i])².
"""

import numpy as np

from bench.workload import Workload


def loss(np, x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def by_hand(x):
    a, b = x[:-1], x[1:]
    gap = b - a * a
    short = 1 - a
    gradient = np.empty_like(x)
    gradient[:-1] = -400 * a * gap - 2 * short
    gradient[-1] = 0
    gradient[1:] += 200 * gap
    return 100 * gap.dot(gap) + short.dot(short), gradient


def loops():
    import numba

    @numba.njit(fastmath=True)
    def value_and_gradient(x):
        n = x.size
        gradient = np.empty_like(x)
        gap = x[1] - x[0] * x[0]
        short = 1 - x[0]
        value = 100 * gap * gap + short * short
        gradient[0] = -400 * x[0] * gap - 2 * short
        for i in range(1, n - 1):
            before = x[i] - x[i - 1] * x[i - 1]
            gap = x[i + 1] - x[i] * x[i]
            short = 1 - x[i]
            value += 100 * gap * gap + short * short
            gradient[i] = 200 * before - 400 * x[i] * gap - 2 * short
        gradient[n - 1] = 200 * (x[n - 1] - x[n - 2] * x[n - 2])
        return value, gradient

    return value_and_gradient


def data(n):
    return (np.random.default_rng(0).normal(size=n),)


workloads = (
    Workload("rosenbrock_small", "Rosenbrock's function, 10 numbers", loss, make=lambda: data(10),
             small=lambda: data(5), by_hand=by_hand, numba=loops),
    Workload("rosenbrock_1e3", "Rosenbrock's function, 1e3 numbers", loss, make=lambda: data(1000),
             small=lambda: data(4), by_hand=by_hand, numba=loops),
    Workload("rosenbrock_1e6", "Rosenbrock's function, 1e6 numbers", loss, make=lambda: data(10**6),
             small=lambda: data(6), by_hand=by_hand, numba=loops),
)
