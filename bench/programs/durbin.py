"""Levinson-Durbin recursion: the Yule-Walker equations T y = -r for a Toeplitz T with unit diagonal, order by order.

The reflection coefficient is alpha_k = -(r_{k+1} + r_{k:1} . y_{1:k}) / beta_k with beta_{k+1} = (1 - alpha_k^2) beta_k.

Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., Johns Hopkins 2013, section 4.7.
"""

import numpy as np


def durbin(r):
    n = len(r)
    y = np.zeros(n)
    y[0] = -r[0]
    alpha = -r[0]
    beta = 1.0
    for k in range(1, n):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + r[:k][::-1] @ y[:k]) / beta
        y[:k] += alpha * y[:k][::-1]
        y[k] = alpha
    return y


def loss(r, weights):
    y = durbin(r)
    return np.sum(weights * y)


def arguments(size):
    rng = np.random.default_rng(11)
    n = {"small": 12, "large": 6000}[size]
    lags = np.arange(1, n + 1)
    return 0.8 * 0.6**lags + 0.1 * 0.9**lags * np.cos(0.7 * lags), rng.normal(size=n)


WRT = (0,)
