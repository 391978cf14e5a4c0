"""Jacobi relaxation in the plane: every inner point becomes the mean of itself and its four neighbours, with two buffers and a fixed rim.

Source: Y. Saad, Iterative Methods for Sparse Linear Systems, 2nd ed., SIAM 2003, section 4.1 (here the damped form with weight 4/5).
"""

import numpy as np


def jacobi_2d(steps, a):
    b = a.copy()
    for _ in range(steps):
        b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        a[:, :] = b
    return a


def loss(steps, start, weights):
    a = start.copy()
    return np.sum(weights * jacobi_2d(steps, a))


def arguments(size):
    rng = np.random.default_rng(1)
    n, steps = {"small": (10, 5), "large": (128, 100)}[size]
    return steps, rng.normal(size=(n, n)), rng.normal(size=(n, n))


WRT = (1,)
