"""A chain of elementwise functions and a sum: tanh, exp, log1p and sin of the same numbers."""

import math

import numpy as np

from bench.workload import Workload


def loss(np, x):
    return np.sum(np.tanh(x) * np.exp(-x**2) + np.log1p(x**2) * np.sin(x))


def by_hand(x):
    square = x * x
    t, e, g, s = np.tanh(x), np.exp(-square), np.log1p(square), np.sin(x)
    gradient = (1 - t * t - 2 * x * t) * e + 2 * x / (1 + square) * s + g * np.cos(x)
    return np.sum(t * e + g * s), gradient


def loops():
    import numba

    @numba.njit(fastmath=True, error_model="numpy")
    def value_and_gradient(x):
        value, gradient = 0.0, np.empty_like(x)
        for i in range(x.size):
            square = x[i] * x[i]
            t, e, g, s = math.tanh(x[i]), math.exp(-square), math.log1p(square), math.sin(x[i])
            value += t * e + g * s
            gradient[i] = (1 - t * t - 2 * x[i] * t) * e + 2 * x[i] / (1 + square) * s + g * math.cos(x[i])
        return value, gradient

    return value_and_gradient


def data(n):
    return (np.random.default_rng(0).uniform(0.01, 3.0, size=n),)


ABOUT = "sum(tanh(x) exp(-x²) + log1p(x²) sin(x))"
workloads = (
    Workload("chain_1e3", f"{ABOUT}, 1e3 numbers", loss, make=lambda: data(10**3), small=lambda: data(6),
             by_hand=by_hand, numba=loops),
    Workload("chain_1e6", f"{ABOUT}, 1e6 numbers", loss, make=lambda: data(10**6), small=lambda: data(7),
             by_hand=by_hand, numba=loops),
    Workload("chain_1e7", f"{ABOUT}, 1e7 numbers", loss, make=lambda: data(10**7), small=lambda: data(5),
             by_hand=by_hand, numba=loops),
)
