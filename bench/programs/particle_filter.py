"""Log-likelihood of a nonlinear growth model by a particle filter whose random numbers are drawn beforehand.

x_t = a x_{t-1} + b x_{t-1} / (1 + x_{t-1}^2) + 8 cos(1.2 t) + s v_t is seen through y_t = x_t^2 / 20 + w_t. Particles are resampled
systematically when the effective sample size falls below half; the choice is piecewise constant in the parameters.

Source: N. J. Gordon, D. J. Salmond and A. F. M. Smith, Novel approach to nonlinear/non-Gaussian Bayesian state estimation,
IEE Proceedings F 140 (1993); A. Doucet, N. de Freitas and N. Gordon, Sequential Monte Carlo Methods in Practice, Springer 2001.
"""

import numpy as np


def log_likelihood(theta, y, noise, uniforms):
    steps, n = noise.shape
    x = 2.0 * noise[0]
    log_w = np.full(n, -np.log(n))
    total = 0.0
    for t in range(1, steps):
        x = theta[0] * x + theta[1] * x / (1.0 + x**2) + 8.0 * np.cos(1.2 * t) + theta[2] * noise[t]
        log_w = log_w - 0.5 * ((y[t] - x**2 / 20.0) / theta[3]) ** 2 - np.log(theta[3]) - 0.5 * np.log(2.0 * np.pi)
        top = np.max(log_w)
        step = top + np.log(np.sum(np.exp(log_w - top)))
        total += step
        log_w = log_w - step
        w = np.exp(log_w)
        if 1.0 / np.sum(w**2) < 0.5 * n:
            marks = (np.arange(n) + uniforms[t]) / n
            chosen = np.minimum(np.searchsorted(np.cumsum(w), marks), n - 1)
            x = x[chosen]
            log_w = np.full(n, -np.log(n))
    return total


def loss(theta, y, noise, uniforms):
    return -log_likelihood(theta, y, noise, uniforms)


def arguments(size):
    rng = np.random.default_rng(19)
    steps, n = {"small": (6, 20), "large": (500, 4000)}[size]
    theta = np.array([0.5, 25.0, 3.0, 1.2])
    y = np.zeros(steps)
    x = 0.0
    for t in range(steps):
        x = theta[0] * x + theta[1] * x / (1.0 + x**2) + 8.0 * np.cos(1.2 * t) + theta[2] * rng.normal()
        y[t] = x**2 / 20.0 + theta[3] * rng.normal()
    return theta, y, rng.normal(size=(steps, n)), rng.uniform(size=steps)


WRT = (0,)
