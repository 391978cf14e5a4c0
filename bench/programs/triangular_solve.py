"""Forward substitution for L x = b, one unknown at a time: x_i = (b_i - sum_{j<i} L_ij x_j) / L_ii.

Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., Johns Hopkins 2013, section 3.1.
"""

import numpy as np


def forward_substitution(L, b):
    n = len(b)
    x = np.zeros(n)
    for i in range(n):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x


def loss(L, b):
    x = forward_substitution(L, b)
    return np.sum(x**2)


def arguments(size):
    rng = np.random.default_rng(9)
    n = {"small": 10, "large": 4000}[size]
    L = np.tril(rng.normal(size=(n, n)), -1) / np.sqrt(n) + np.diag(rng.uniform(2.0, 3.0, size=n))
    return L, rng.normal(size=n)


WRT = (0, 1)
