"""Kepler's equation E - e sin E = M solved for the eccentric anomaly by Newton's method, one planet position at a time.

Source: R. H. Battin, An Introduction to the Mathematics and Methods of Astrodynamics, AIAA 1999, section 5.4.
"""

import numpy as np


def eccentric_anomaly(m, ecc, tol, max_steps):
    e = m
    f = e - ecc * np.sin(e) - m
    count = 0
    while abs(f) > tol:
        e = e - f / (1.0 - ecc * np.cos(e))
        f = e - ecc * np.sin(e) - m
        count += 1
        if count >= max_steps:
            break
    return e


def loss(mean_anomaly, ecc, tol, max_steps):
    n = len(mean_anomaly)
    radius = np.empty(n)
    for i in range(n):
        radius[i] = 1.0 - ecc * np.cos(eccentric_anomaly(mean_anomaly[i], ecc, tol, max_steps))
    return np.sum(radius**2)


def arguments(size):
    rng = np.random.default_rng(17)
    n = {"small": 12, "large": 25000}[size]
    return rng.uniform(0.3, 6.0, size=n), 0.4, 1e-10, 30


WRT = (0, 1)
