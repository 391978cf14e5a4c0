"""Best local alignment of two sequences: h_ij = max(0, h_{i-1,j-1} + s(a_i, b_j), h_{i-1,j} - g, h_{i,j-1} - g), and the score is max h.

Source: T. F. Smith and M. S. Waterman, Identification of common molecular subsequences, J. Molecular Biology 147 (1981),
with a linear gap cost.
"""

import numpy as np


def smith_waterman(a, b, scores, gap):
    n, m = len(a), len(b)
    h = np.zeros((n + 1, m + 1))
    best = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            match = h[i - 1, j - 1] + scores[a[i - 1], b[j - 1]]
            up = h[i - 1, j] - gap
            left = h[i, j - 1] - gap
            h[i, j] = max(0.0, match, up, left)
            if h[i, j] > best:
                best = h[i, j]
    return best


def loss(a, b, scores, gap):
    return smith_waterman(a, b, scores, gap)


def arguments(size):
    rng = np.random.default_rng(13)
    n, m = {"small": (14, 12), "large": (500, 450)}[size]
    a = rng.integers(0, 4, size=n)
    b = rng.integers(0, 4, size=m)
    scores = rng.uniform(-1.2, -0.4, size=(4, 4)) + np.diag(rng.uniform(1.6, 2.4, size=4))
    return a, b, scores, 0.83


WRT = (2, 3)
