"""First-order upwind scheme for u_t + c(x) u_x = 0 on a ring: the difference is taken on the side the wind comes from.

Source: R. J. LeVeque, Finite Volume Methods for Hyperbolic Problems, Cambridge 2002, section 4.8.
"""

import numpy as np


def advect(u, wind, dt, dx, steps):
    n = len(u)
    left = np.empty(n)
    right = np.empty(n)
    for _ in range(steps):
        left[1:] = u[1:] - u[:-1]
        left[0] = u[0] - u[-1]
        right[:-1] = left[1:]
        right[-1] = left[0]
        slope = np.where(wind > 0.0, left, right)
        u -= dt / dx * wind * slope
    return u


def loss(start, wind, dt, steps, goal):
    dx = 1.0 / len(start)
    u = advect(start.copy(), wind, dt, dx, steps)
    return dx * np.sum((u - goal) ** 2)


def arguments(size):
    rng = np.random.default_rng(5)
    n, steps = {"small": (20, 8), "large": (2000, 8000)}[size]
    x = np.arange(n) / n
    wind = 0.8 + 0.5 * np.sin(2.0 * np.pi * x) - 0.6 * (x > 0.55)
    start = np.exp(-40.0 * (x - 0.4) ** 2) + 0.05 * rng.normal(size=n)
    return start, wind, 0.4 / n, steps, np.exp(-40.0 * (x - 0.6) ** 2)


WRT = (0, 1, 2)
