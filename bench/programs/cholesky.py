"""Cholesky factor of a symmetric positive definite matrix, row by row in place: A = L L^T, L in the lower triangle.

Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., Johns Hopkins 2013, section 4.2 (the row-wise, dot-product form).
"""

import numpy as np


def cholesky(A):
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[j, :j]
            A[i, j] /= A[j, j]
        A[i, i] -= A[i, :i] @ A[i, :i]
        A[i, i] = np.sqrt(A[i, i])


def loss(A, weights):
    L = A.copy()
    cholesky(L)
    return np.sum(np.tril(L) * weights)


def arguments(size):
    rng = np.random.default_rng(7)
    n = {"small": 8, "large": 400}[size]
    B = rng.normal(size=(n, n)) / np.sqrt(n)
    return B @ B.T + 2.0 * np.eye(n), rng.normal(size=(n, n))


WRT = (0,)
