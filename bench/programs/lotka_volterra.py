"""Predators and prey by the classical Runge-Kutta method with adaptive steps: one step is compared with two halves, then kept or redone.

Source: V. Volterra, Nature 118 (1926); for the step control, E. Hairer, S. P. Norsett and G. Wanner, Solving Ordinary Differential
Equations I, 2nd ed., Springer 1993, section II.4.
"""

import numpy as np


def rate(y, p):
    prey = p[0] * y[0] - p[1] * y[0] * y[1]
    predators = p[2] * y[0] * y[1] - p[3] * y[1]
    return np.array([prey, predators])


def rk4(y, h, p):
    k1 = rate(y, p)
    k2 = rate(y + 0.5 * h * k1, p)
    k3 = rate(y + 0.5 * h * k2, p)
    k4 = rate(y + h * k3, p)
    return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def integrate(y, p, t_end, h, tol):
    t = 0.0
    while t < t_end:
        if t + h > t_end:
            h = t_end - t
        full = rk4(y, h, p)
        half = rk4(rk4(y, 0.5 * h, p), 0.5 * h, p)
        err = np.sqrt(np.mean((half - full) ** 2)) / 15.0
        if err <= tol:
            t += h
            y = half + (half - full) / 15.0
        h *= min(4.0, max(0.2, 0.9 * (tol / (err + 1e-300)) ** 0.2))
    return y


def loss(start, p, t_end, h, tol):
    y = integrate(start, p, t_end, h, tol)
    return y[0] ** 2 + y[1]


def arguments(size):
    t_end, tol = {"small": (2.0, 1e-8), "large": (100.0, 1e-10)}[size]
    return np.array([1.3, 0.7]), np.array([1.1, 0.9, 0.8, 1.0]), t_end, 0.5, tol


WRT = (0, 1)
