"""Heat equation by alternating directions: each half step is implicit along one axis, solved by elimination on tridiagonal systems.

Source: D. W. Peaceman and H. H. Rachford, The numerical solution of parabolic and elliptic differential equations, J. SIAM 3 (1955).
"""

import numpy as np


def solve_rows(r, rhs, out):
    """Solve (1 + 2 r) x_j - r x_{j-1} - r x_{j+1} = rhs_j on the inner points of all rows at once; zero at both ends."""
    m = rhs.shape[1]
    c = np.zeros(m)
    d = np.zeros_like(rhs)
    for j in range(1, m - 1):
        pivot = 1.0 + 2.0 * r - r * c[j - 1]
        c[j] = r / pivot
        d[:, j] = (rhs[:, j] + r * d[:, j - 1]) / pivot
    out[:, m - 1] = 0.0
    for j in range(m - 2, 0, -1):
        out[:, j] = d[:, j] + c[j] * out[:, j + 1]
    out[:, 0] = 0.0


def adi(u, r, steps):
    n, m = u.shape
    rhs = np.zeros((n, m))
    turned = np.zeros((m, n))
    for _ in range(steps):
        rhs[:, 1:-1] = (1.0 - 2.0 * r) * u[:, 1:-1] + r * (u[:, 2:] + u[:, :-2])
        solve_rows(r, rhs.T, turned)
        turned_rhs = np.zeros((n, m))
        turned_rhs[1:-1, :] = (1.0 - 2.0 * r) * turned.T[1:-1, :] + r * (turned.T[2:, :] + turned.T[:-2, :])
        solve_rows(r, turned_rhs, u)
    return u


def loss(start, r, steps, weights):
    u = adi(start.copy(), r, steps)
    return np.sum(weights * u)


def arguments(size):
    rng = np.random.default_rng(6)
    n, steps = {"small": (7, 3), "large": (128, 100)}[size]
    start = np.zeros((n, n))
    start[1:-1, 1:-1] = rng.normal(size=(n - 2, n - 2))
    return start, 0.7, steps, rng.normal(size=(n, n))


WRT = (0, 1)
