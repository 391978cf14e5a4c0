"""Jacobi relaxation on a line: u_i <- (u_{i-1} + u_i + u_{i+1}) / 3 with two buffers and fixed ends.

Source: Y. Saad, Iterative Methods for Sparse Linear Systems, 2nd ed., SIAM 2003, section 4.1 (here the damped form with weight 2/3).
"""

import numpy as np


def jacobi_1d(steps, a, b):
    for _ in range(steps):
        b[1:-1] = (a[:-2] + a[1:-1] + a[2:]) / 3.0
        a[1:-1] = (b[:-2] + b[1:-1] + b[2:]) / 3.0
    return a


def loss(steps, start, weights):
    a = start.copy()
    b = start.copy()
    return np.sum(weights * jacobi_1d(steps, a, b))


def arguments(size):
    rng = np.random.default_rng(0)
    n, steps = {"small": (24, 6), "large": (4000, 10000)}[size]
    return steps, rng.normal(size=n), rng.normal(size=n)


WRT = (1,)
