"""The log-likelihood of a Gaussian mixture, with a Wishart prior on its inverse covariances.

`icf` holds, for each component, the logarithms of the diagonal of a lower-triangular factor of the inverse
covariance, then the entries below the diagonal, column by column. Source: Srajer, Kukelova and Fitzgibbon, A
benchmark of selected algorithmic differentiation tools on some problems in computer vision and machine
learning, Optimization Methods and Software 33 (2018), section 4.1 (the objective of the ADBench suite).
"""

import math

import numpy as np

from bench import special
from bench.workload import Workload

GAMMA, DEGREES = 1.0, 0


def places_below_diagonal(d):
    """Where entry (i, j) of a factor stands among its entries below the diagonal, from 1; 0 elsewhere."""
    places = np.zeros((d, d), dtype=np.int64)
    columns, rows = np.triu_indices(d, 1)           # pairs with column < row, column by column
    places[rows, columns] = 1 + np.arange(len(rows))
    return places


def constant_part(n, d, k):
    """The terms without parameters: of the normal densities, and of the prior."""
    freedom = d + DEGREES + 1
    log_gamma = (0.25 * d * (d - 1) * math.log(math.pi)
                 + sum(math.lgamma(0.5 * (freedom - j)) for j in range(d)))
    prior = freedom * d * math.log(GAMMA / math.sqrt(2)) - log_gamma
    return -0.5 * n * d * math.log(2 * math.pi) - k * prior


def write(functions):
    def loss(np, alphas, means, icf, x):
        (n, d), k = x.shape, len(alphas)
        log_diagonal, below = icf[:, :d], icf[:, d:]
        diagonal = np.exp(log_diagonal)
        padded = np.concatenate([np.zeros((k, 1)), below], axis=1)
        factor = padded[:, places_below_diagonal(d)] + diagonal[:, None, :] * np.eye(d)
        centered = x[None] - means[:, None]                                     # (k, n, d)
        scaled = np.matmul(centered, np.swapaxes(factor, 1, 2))
        log_determinant = np.sum(log_diagonal, axis=1)
        log_weights = (alphas + log_determinant)[:, None] - 0.5 * np.sum(scaled**2, axis=2)
        likelihood = (np.sum(functions.logsumexp(log_weights, axis=0))
                      - n * functions.logsumexp(alphas, axis=0))
        prior = 0.5 * GAMMA**2 * (np.sum(diagonal**2) + np.sum(below**2)) - DEGREES * np.sum(log_determinant)
        return likelihood + prior + constant_part(n, d, k)
    return loss


def by_hand(alphas, means, icf, x):
    (n, d), k = x.shape, len(alphas)
    places = places_below_diagonal(d)
    rows, columns = np.nonzero(places)
    order = places[rows, columns] - 1
    on = np.arange(d)
    diagonal = np.exp(icf[:, :d])
    factor = np.zeros((k, d, d))
    factor[:, on, on] = diagonal
    factor[:, rows, columns] = icf[:, d + order]
    log_determinant = icf[:, :d].sum(axis=1)
    centered = x[None] - means[:, None]
    scaled = centered @ factor.swapaxes(1, 2)
    log_weights = (alphas + log_determinant)[:, None] - 0.5 * np.einsum("kni,kni->kn", scaled, scaled)
    top = log_weights.max(axis=0)
    shares = np.exp(log_weights - top)
    total = shares.sum(axis=0)
    shares /= total
    weights = np.exp(alphas - alphas.max())
    value = (np.sum(np.log(total) + top) - n * (np.log(weights.sum()) + alphas.max())
             + 0.5 * GAMMA**2 * (np.sum(diagonal**2) + np.sum(icf[:, d:] ** 2))
             - DEGREES * log_determinant.sum() + constant_part(n, d, k))

    members = shares.sum(axis=1)
    scaled *= shares[:, :, None]                    # minus the gradient by `scaled`
    d_factor = -(scaled.swapaxes(1, 2) @ centered)
    d_icf = np.empty_like(icf)
    d_icf[:, :d] = d_factor[:, on, on] * diagonal + members[:, None] + GAMMA**2 * diagonal**2 - DEGREES
    d_icf[:, d + order] = d_factor[:, rows, columns]
    d_icf[:, d:] += GAMMA**2 * icf[:, d:]
    d_means = (scaled.sum(axis=1)[:, None] @ factor)[:, 0]
    return value, (members - n * weights / weights.sum(), d_means, d_icf)


def data(n, d, k):
    rng = np.random.default_rng(0)
    return (rng.normal(size=k), rng.uniform(size=(k, d)), 0.5 * rng.normal(size=(k, d + d * (d - 1) // 2)),
            rng.normal(size=(n, d)))


workloads = (
    Workload("gmm", "Gaussian mixture log-likelihood of ADBench, d=10, k=25, n=1000", write(special.plain()),
             make=lambda: data(1000, 10, 25), small=lambda: data(4, 3, 2), by_hand=by_hand, wrt=(0, 1, 2),
             ports=special.ports(write)),
)
