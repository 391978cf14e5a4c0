"""A dictionary of ten small arrays: the cost of taking arguments apart and putting gradients together."""

import numpy as np

from bench.workload import Workload


def loss(np, params):
    total = 0.0
    for array in params.values():
        total = total + np.sum(array * array)
    return total


def by_hand(params):
    value = 0.0
    for array in params.values():
        value += array.dot(array)
    return value, {name: 2 * array for name, array in params.items()}


def data():
    rng = np.random.default_rng(0)
    return ({f"p{i}": rng.normal(size=4) for i in range(10)},)


workloads = (
    Workload("dict10", "sum of squares over a dict of 10 arrays of 4", loss, make=data,
             small=data, by_hand=by_hand),
)
