"""Modified Gram-Schmidt: the columns of A become orthonormal in place, and R records what was taken away, so that A = Q R.

Source: A. Bjorck, Numerical Methods for Least Squares Problems, SIAM 1996, section 2.4.
"""

import numpy as np


def gram_schmidt(Q, R):
    n = Q.shape[1]
    for k in range(n):
        R[k, k] = np.sqrt(np.sum(Q[:, k] ** 2))
        Q[:, k] /= R[k, k]
        for j in range(k + 1, n):
            R[k, j] = Q[:, k] @ Q[:, j]
            Q[:, j] -= R[k, j] * Q[:, k]


def loss(A, q_weights, r_weights):
    Q = A.copy()
    R = np.zeros((A.shape[1], A.shape[1]))
    gram_schmidt(Q, R)
    return np.sum(Q * q_weights) + np.sum(R * r_weights)


def arguments(size):
    rng = np.random.default_rng(10)
    m, n = {"small": (9, 5), "large": (400, 250)}[size]
    return rng.normal(size=(m, n)), rng.normal(size=(m, n)), rng.normal(size=(n, n))


WRT = (0,)
