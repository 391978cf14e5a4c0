"""A driven nonlinear recurrence: x_i = tanh(0.9 x_{i-1} + u_i), the smallest program in which every step waits for the one before.

Source: J. J. Hopfield, Neurons with graded response have collective computational properties like those of two-state neurons,
PNAS 81 (1984), for one neuron in discrete time.
"""

import numpy as np


def recurrence(u):
    n = len(u)
    x = np.zeros(n)
    x[0] = np.tanh(u[0])
    for i in range(1, n):
        x[i] = np.tanh(0.9 * x[i - 1] + u[i])
    return x


def loss(u, weights):
    return np.sum(weights * recurrence(u))


def arguments(size):
    rng = np.random.default_rng(23)
    n = {"small": 40, "large": 10000}[size]
    return rng.normal(size=n), rng.normal(size=n)


WRT = (0,)
