"""Softmax cross-entropy: the mean over rows of logsumexp(row) - row[label].

Its gradient is (softmax(row) - one at the label) / number of rows.
"""

import math

import numpy as np

from bench import special
from bench.workload import Workload


def write(functions):
    def loss(np, logits, labels):
        chosen = logits[np.arange(len(labels)), labels]
        return np.mean(functions.logsumexp(logits, axis=1) - chosen)
    return loss


def torch_port():
    from torch.nn.functional import cross_entropy
    return lambda np, logits, labels: cross_entropy(logits, labels)


def by_hand(logits, labels):
    n, rows = len(labels), np.arange(len(labels))
    top = logits.max(axis=1, keepdims=True)
    gradient = np.exp(logits - top)
    total = gradient.sum(axis=1, keepdims=True)
    value = np.mean(np.log(total[:, 0]) + top[:, 0] - logits[rows, labels])
    gradient /= total * n
    gradient[rows, labels] -= 1 / n
    return value, gradient


def loops():
    import numba

    @numba.njit(fastmath=True)
    def value_and_gradient(logits, labels):
        n, classes = logits.shape
        value, gradient = 0.0, np.empty_like(logits)
        for i in range(n):
            top = logits[i, 0]
            for j in range(classes):
                top = max(top, logits[i, j])
            total = 0.0
            for j in range(classes):
                e = math.exp(logits[i, j] - top)
                gradient[i, j] = e
                total += e
            scale = 1 / (n * total)
            for j in range(classes):
                gradient[i, j] *= scale
            gradient[i, labels[i]] -= 1 / n
            value += math.log(total) + top - logits[i, labels[i]]
        return value / n, gradient

    return value_and_gradient


def data(rows, classes):
    rng = np.random.default_rng(0)
    return 3 * rng.normal(size=(rows, classes)), rng.integers(0, classes, size=rows)


workloads = (
    Workload("softmax_xent", "softmax cross-entropy, logits 4096×1000, integer labels",
             write(special.plain()), make=lambda: data(4096, 1000), small=lambda: data(3, 4),
             by_hand=by_hand, numba=loops, ports={**special.ports(write), "torch": torch_port}),
)
