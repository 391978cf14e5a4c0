"""A long short-term memory layer run over a batch of sequences, with gates i, f, g, o computed by one matrix product a step.

Source: S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997); F. A. Gers, J. Schmidhuber and F. Cummins,
Learning to forget, Neural Computation 12 (2000).
"""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm(x, w_in, w_rec, bias):
    steps, batch, _ = x.shape
    hidden = w_rec.shape[0]
    h = np.zeros((batch, hidden))
    c = np.zeros((batch, hidden))
    for t in range(steps):
        gates = x[t] @ w_in + h @ w_rec + bias
        i = sigmoid(gates[:, :hidden])
        f = sigmoid(gates[:, hidden : 2 * hidden])
        g = np.tanh(gates[:, 2 * hidden : 3 * hidden])
        o = sigmoid(gates[:, 3 * hidden :])
        c = f * c + i * g
        h = o * np.tanh(c)
    return h


def loss(x, w_in, w_rec, bias, target):
    h = lstm(x, w_in, w_rec, bias)
    return np.sum((h - target) ** 2)


def arguments(size):
    rng = np.random.default_rng(14)
    steps, batch, inputs, hidden = {"small": (5, 2, 3, 4), "large": (200, 8, 32, 32)}[size]
    x = rng.normal(size=(steps, batch, inputs))
    w_in = rng.normal(size=(inputs, 4 * hidden)) / np.sqrt(inputs)
    w_rec = rng.normal(size=(hidden, 4 * hidden)) / np.sqrt(hidden)
    bias = 0.1 * rng.normal(size=4 * hidden)
    return x, w_in, w_rec, bias, rng.normal(size=(batch, hidden))


WRT = (1, 2, 3)
