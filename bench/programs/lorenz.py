"""The Lorenz system by Euler's method: x' = s (y - x), y' = x (r - z) - y, z' = x y - b z.

Source: E. N. Lorenz, Deterministic nonperiodic flow, J. Atmospheric Sciences 20 (1963).
"""

import numpy as np


def lorenz(start, sigma, rho, beta, dt, steps):
    x, y, z = start[0], start[1], start[2]
    for _ in range(steps):
        dx = sigma * (y - x)
        dy = x * (rho - z) - y
        dz = x * y - beta * z
        x = x + dt * dx
        y = y + dt * dy
        z = z + dt * dz
    return x, y, z


def loss(start, sigma, rho, beta, dt, steps):
    x, y, z = lorenz(start, sigma, rho, beta, dt, steps)
    return x + 0.5 * y - 0.25 * z


def arguments(size):
    steps = {"small": 50, "large": 10000}[size]
    return np.array([1.0, 1.1, 20.0]), 10.0, 28.0, 8.0 / 3.0, 0.001, steps


WRT = (0, 1, 2, 3)
