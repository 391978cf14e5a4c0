"""Log-likelihood of a linear Gaussian state-space model by the Kalman filter, predict then update at every observation.

Source: R. E. Kalman, J. Basic Engineering 82 (1960); J. Durbin and S. J. Koopman, Time Series Analysis by State Space Methods,
2nd ed., Oxford 2012, section 7.2.
"""

import numpy as np


def log_likelihood(y, F, H, Q, R):
    steps, seen = y.shape
    hidden = F.shape[0]
    m = np.zeros(hidden)
    P = np.eye(hidden)
    total = 0.0
    for t in range(steps):
        m = F @ m
        P = F @ P @ F.T + Q
        S = H @ P @ H.T + R
        e = y[t] - H @ m
        K = np.linalg.solve(S, H @ P).T
        total -= 0.5 * (e @ np.linalg.solve(S, e) + np.log(np.linalg.det(S)) + seen * np.log(2.0 * np.pi))
        m = m + K @ e
        P = P - K @ S @ K.T
    return total


def loss(y, F, H, Q, R):
    return -log_likelihood(y, F, H, Q, R)


def arguments(size):
    rng = np.random.default_rng(20)
    steps = {"small": 8, "large": 4000}[size]
    F = np.array([[1.0, 0.1, 0.0, 0.0], [-0.1, 0.95, 0.0, 0.0], [0.0, 0.0, 0.9, 0.2], [0.0, 0.0, -0.2, 0.9]])
    H = np.array([[1.0, 0.0, 0.5, 0.0], [0.0, 0.3, 1.0, 0.2]])
    Q = 0.05 * np.eye(4) + 0.01
    R = np.array([[0.3, 0.05], [0.05, 0.2]])
    y = np.cumsum(0.1 * rng.normal(size=(steps, 2)), axis=0) * 0.3 + 0.4 * rng.normal(size=(steps, 2))
    return y, F, H, Q, R


WRT = (1, 2, 3, 4)
