"""What a process keeps for each new shape, and for each function that was compiled and dropped: the slope of Python's own memory.

The whole process grows by about 7 kB a shape and 5 kB a function (`tests/memory.py` measures it).
"""

import gc
import tracemalloc

import numpy as np
import pytest

import autodiff as ad

KEPT = 128      # derivatives that `grad` keeps for graphs it may see again


@pytest.fixture(autouse=True)
def not_verified(monkeypatch):
    """A call that may be verified keeps its graph."""
    monkeypatch.setattr(ad.config, "verify", "off")


def slope(step, first, count):
    """Bytes that each call of `step(k)` leaves behind, after `first` of them."""
    tracemalloc.start()
    try:
        for k in range(first):
            step(k)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for k in range(first, first + count):
            step(k)
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_a_new_shape_keeps_little():
    f = ad.jit(ad.value_and_grad(rosenbrock))
    assert slope(lambda k: f(np.ones(k + 2)), KEPT + 20, 60) < 10_000


def test_a_dropped_function_keeps_little():
    def make(k):
        def f(x):
            return np.sum(np.sin(x * (k + 0.5)) + k * x)
        ad.jit(ad.grad(f))(np.ones(5))
    assert slope(make, KEPT + 20, 60) < 10_000
