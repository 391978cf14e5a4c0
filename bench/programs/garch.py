"""Gaussian log-likelihood of a GARCH(1,1) model: v_t = omega + alpha r_{t-1}^2 + beta v_{t-1}.

Source: T. Bollerslev, Generalized autoregressive conditional heteroskedasticity, J. Econometrics 31 (1986).
"""

import numpy as np


def garch_variance(returns, omega, alpha, beta):
    n = len(returns)
    v = np.empty(n)
    v[0] = omega / (1.0 - alpha - beta)
    for t in range(1, n):
        v[t] = omega + alpha * returns[t - 1] ** 2 + beta * v[t - 1]
    return v


def loss(returns, omega, alpha, beta):
    v = garch_variance(returns, omega, alpha, beta)
    return 0.5 * np.sum(np.log(2.0 * np.pi * v) + returns**2 / v)


def arguments(size):
    rng = np.random.default_rng(21)
    n = {"small": 30, "large": 150000}[size]
    return rng.standard_t(6, size=n), 0.1, 0.08, 0.85


WRT = (1, 2, 3)
