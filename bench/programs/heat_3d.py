"""Explicit finite differences for the heat equation u_t = k laplace(u) in a box with fixed walls.

Source: J. W. Thomas, Numerical Partial Differential Equations: Finite Difference Methods, Springer 1995, chapter 4.
"""

import numpy as np


def heat_3d(steps, u, k):
    for _ in range(steps):
        inner = u[1:-1, 1:-1, 1:-1]
        change = u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1] - 2.0 * inner
        change += u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1] - 2.0 * inner
        change += u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2] - 2.0 * inner
        u[1:-1, 1:-1, 1:-1] += k * change
    return u


def loss(steps, start, k):
    u = heat_3d(steps, start.copy(), k)
    return np.sum(u**2)


def arguments(size):
    rng = np.random.default_rng(2)
    n, steps = {"small": (6, 4), "large": (40, 250)}[size]
    return steps, rng.normal(size=(n, n, n)), 0.12


WRT = (1, 2)
