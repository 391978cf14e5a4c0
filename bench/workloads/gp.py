"""The marginal likelihood of a Gaussian process with a squared exponential kernel, by its three hyperparameters.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (MIT Press 2006), equations 2.30 and 5.9.
"""

import math

import numpy as np

from bench.workload import Workload


def covariance(np, h, squares, unit):
    return np.exp(2 * h[0]) * np.exp(-0.5 * squares * np.exp(-2 * h[1])) + np.exp(2 * h[2]) * unit


def write(solve):
    """The program, given `solve(L, y)` for a lower triangular system."""
    def loss(np, h, squares, unit, y):
        low = np.linalg.cholesky(covariance(np, h, squares, unit))
        white = solve(low, y)
        return 0.5 * np.sum(white * white) + np.sum(np.log(np.diagonal(low))) + 0.5 * len(y) * math.log(2 * math.pi)
    return loss


def ours():
    from autodiff.scipy.linalg import solve_triangular
    return write(lambda low, y: solve_triangular(low, y, lower=True))


def jax_port():
    from jax.scipy.linalg import solve_triangular
    return write(lambda low, y: solve_triangular(low, y, lower=True))


def torch_port():
    import torch
    return write(lambda low, y: torch.linalg.solve_triangular(low, y[:, None], upper=False)[:, 0])


def autograd_port():
    import autograd.numpy
    from autograd.scipy.linalg import solve_triangular

    def loss(np, h, squares, unit, y):
        low = np.linalg.cholesky(covariance(np, h, squares, unit))
        white = solve_triangular(low, y, lower=True)
        diagonal = np.sum(low * unit, axis=1)
        return 0.5 * np.sum(white * white) + np.sum(np.log(diagonal)) + 0.5 * len(y) * math.log(2 * math.pi)
    del autograd
    return loss


def by_hand(h, squares, unit, y):
    from scipy.linalg import cho_solve, cholesky
    k = covariance(np, h, squares, unit)
    low = cholesky(k, lower=True)
    weights = cho_solve((low, True), y)
    value = 0.5 * y @ weights + np.sum(np.log(np.diagonal(low))) + 0.5 * len(y) * math.log(2 * math.pi)
    slope = 0.5 * (cho_solve((low, True), unit) - np.outer(weights, weights))
    noise = math.exp(2 * h[2])
    smooth = k - noise * unit
    gradient = [2 * np.sum(slope * smooth), np.sum(slope * smooth * squares) * math.exp(-2 * h[1]), 2 * noise * np.trace(slope)]
    return value, np.array(gradient)


def data(n):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 5, size=n)
    y = np.sin(x) + 0.1 * rng.normal(size=n)
    return np.array([0.1, -0.2, -2.0]), (x[:, None] - x[None, :]) ** 2, np.eye(n), y


workloads = (
    Workload("gp", "Gaussian process likelihood, 300 points, 3 hyperparameters", write(np.linalg.solve), make=lambda: data(300),
             small=lambda: data(4), by_hand=by_hand,
             ports={"autodiff": ours, "jax": jax_port, "torch": torch_port, "autograd": autograd_port}),
)
