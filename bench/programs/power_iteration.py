"""Largest eigenvalue of a symmetric matrix by the power method, stopped when the Rayleigh quotient no longer changes.

Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., Johns Hopkins 2013, section 8.2.
"""

import numpy as np


def power_iteration(A, v, tol, maxit):
    old = 0.0
    for _ in range(maxit):
        v = v / np.sqrt(np.sum(v**2))
        w = A @ v
        new = v @ w
        if np.abs(new - old) < tol:
            break
        old = new
        v = w
    return new, v


def loss(A, start, tol, maxit, weights):
    value, vector = power_iteration(A, start, tol, maxit)
    return value + 0.1 * np.sum(weights * vector)


def arguments(size):
    rng = np.random.default_rng(18)
    n, gap = {"small": (8, 0.5), "large": (1000, 0.99)}[size]
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    values = np.append(rng.uniform(0.0, gap, size=n - 1), 1.0)
    A = (Q * values) @ Q.T
    return 0.5 * (A + A.T), np.ones(n), 1e-10, 2000, rng.normal(size=n)


WRT = (0, 1)
