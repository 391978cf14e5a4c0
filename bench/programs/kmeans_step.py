"""Lloyd's iteration for k-means: each point goes to its nearest centre, each centre moves to the mean of its points.

Source: S. P. Lloyd, Least squares quantization in PCM, IEEE Trans. Information Theory 28 (1982).
"""

import numpy as np


def kmeans(points, centres, steps):
    k = centres.shape[0]
    for _ in range(steps):
        distances = np.sum((points[:, None, :] - centres[None, :, :]) ** 2, axis=2)
        owner = np.argmin(distances, axis=1)
        for j in range(k):
            mine = owner == j
            count = np.sum(mine)
            if count > 0:
                centres[j] = np.sum(points[mine], axis=0) / count
    return centres


def loss(points, start, steps):
    centres = kmeans(points, start.copy(), steps)
    distances = np.sum((points[:, None, :] - centres[None, :, :]) ** 2, axis=2)
    return np.mean(np.min(distances, axis=1))


def arguments(size):
    rng = np.random.default_rng(15)
    n, k, dims, steps = {"small": (30, 4, 2, 2), "large": (20000, 16, 8, 6)}[size]
    middles = 3.0 * rng.normal(size=(k, dims))
    points = middles[rng.integers(0, k, size=n)] + rng.normal(size=(n, dims))
    start = points[:k].copy()
    start[-1] = 100.0
    return points, start, steps


WRT = (0,)
