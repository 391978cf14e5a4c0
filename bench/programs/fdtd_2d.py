"""Maxwell's equations in the plane on Yee's staggered grid: leapfrog of two electric components and one magnetic, driven on one edge.

Source: K. S. Yee, Numerical solution of initial boundary value problems involving Maxwell's equations in isotropic media,
IEEE Trans. Antennas and Propagation 14 (1966).
"""

import numpy as np


def fdtd_2d(source, ex, ey, hz, courant):
    for t in range(len(source)):
        ey[0, :] = source[t]
        ey[1:, :] -= courant * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= courant * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= courant * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])


def loss(source, hz_start, courant):
    n, m = hz_start.shape
    ex = np.zeros((n, m))
    ey = np.zeros((n, m))
    hz = hz_start.copy()
    fdtd_2d(source, ex, ey, hz, courant)
    return np.sum(hz**2) + 0.5 * np.sum(ex * ey)


def arguments(size):
    rng = np.random.default_rng(4)
    n, m, steps = {"small": (8, 9, 6), "large": (120, 140, 600)}[size]
    return np.sin(0.3 * np.arange(steps)), 0.1 * rng.normal(size=(n, m)), 0.5


WRT = (0, 1, 2)
