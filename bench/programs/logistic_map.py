"""Lyapunov exponent of the logistic map x <- r x (1 - x): the mean of log |r (1 - 2 x)| along the orbit, after a transient.

Source: R. M. May, Simple mathematical models with very complicated dynamics, Nature 261 (1976); S. H. Strogatz, Nonlinear
Dynamics and Chaos, Westview 1994, section 10.5.
"""

import numpy as np


def lyapunov_exponent(x, r, transient, steps):
    for _ in range(transient):
        x = r * x * (1.0 - x)
    total = 0.0
    for _ in range(steps):
        total += np.log(abs(r * (1.0 - 2.0 * x)))
        x = r * x * (1.0 - x)
    return total / steps


def loss(x, r, transient, steps):
    return lyapunov_exponent(x, r, transient, steps)


def arguments(size):
    transient, steps = {"small": (5, 25), "large": (1000, 500000)}[size]
    return 0.31, 3.42, transient, steps


WRT = (0, 1)
