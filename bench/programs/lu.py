"""LU factors without pivoting, in place: L with a unit diagonal below the diagonal, U on and above it (Doolittle's order of sums).

Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., Johns Hopkins 2013, section 3.2; N. J. Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., SIAM 2002, section 9.2.
"""

import numpy as np


def lu(A):
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            A[i, j] = (A[i, j] - A[i, :j] @ A[:j, j]) / A[j, j]
        for j in range(i, n):
            A[i, j] -= A[i, :i] @ A[:i, j]


def loss(A, weights):
    F = A.copy()
    lu(F)
    return np.sum(F * weights)


def arguments(size):
    rng = np.random.default_rng(8)
    n = {"small": 8, "large": 300}[size]
    return rng.normal(size=(n, n)) / np.sqrt(n) + 3.0 * np.eye(n), rng.normal(size=(n, n))


WRT = (0,)
