"""Ten small array arguments: the cost of a call that hands over many."""

import numpy as np

from bench.workload import Workload


def loss(np, *arrays):
    total = 0.0
    for array in arrays:
        total = total + np.sum(array * array)
    return total


def by_hand(*arrays):
    value = 0.0
    for array in arrays:
        value += array.dot(array)
    return value, tuple(2 * array for array in arrays)


def data():
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=4) for _ in range(10))


workloads = (
    Workload("ten_arrays", "sum of squares of 10 array arguments of 4", loss, make=data, small=data, by_hand=by_hand,
             wrt=tuple(range(10))),
)
