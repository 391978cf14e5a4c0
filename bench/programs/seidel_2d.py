"""Gauss-Seidel relaxation with a nine-point mean: each point is replaced in place, so that later points of a sweep see the new values.

Source: R. S. Varga, Matrix Iterative Analysis, 2nd ed., Springer 2000, chapter 3.
"""

import numpy as np


def seidel_2d(sweeps, a):
    n, m = a.shape
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                above = a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1]
                level = a[i, j - 1] + a[i, j] + a[i, j + 1]
                below = a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
                a[i, j] = (above + level + below) / 9.0


def loss(sweeps, start, weights):
    a = start.copy()
    seidel_2d(sweeps, a)
    return np.sum(weights * a)


def arguments(size):
    rng = np.random.default_rng(3)
    n, sweeps = {"small": (9, 2), "large": (128, 1)}[size]
    return sweeps, rng.normal(size=(n, n)), rng.normal(size=(n, n))


WRT = (1,)
