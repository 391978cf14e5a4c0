"""Lengths of the shortest paths between all pairs of vertices: d_ij <- min(d_ij, d_ik + d_kj) for k = 1, 2, ....

Every edge has a positive length, the edge from a vertex to itself too, so the diagonal ends as the length of the shortest cycle.

Source: R. W. Floyd, Algorithm 97: shortest path, Communications of the ACM 5 (1962); S. Warshall, J. ACM 9 (1962).
"""

import numpy as np


def floyd_warshall(dist):
    n = dist.shape[0]
    for k in range(n):
        for i in range(n):
            dist[i, :] = np.minimum(dist[i, :], dist[i, k] + dist[k, :])


def loss(edges, weights):
    dist = edges.copy()
    floyd_warshall(dist)
    return np.sum(weights * dist)


def arguments(size):
    rng = np.random.default_rng(12)
    n = {"small": 7, "large": 250}[size]
    return rng.uniform(0.1, 1.0, size=(n, n)) ** 2, rng.normal(size=(n, n))


WRT = (0,)
