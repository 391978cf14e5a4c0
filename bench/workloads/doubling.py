"""A loop whose length depends on the data: a vector is doubled until its norm is 1000. The gradient of the sum is a power of two."""

import numpy as np

from bench.workload import Workload

TOP = 1000.0


def loss(np, b):
    while np.sqrt(np.sum(b * b)) < TOP:
        b = b * 2
    return np.sum(b)


def ours():
    import autodiff as ad
    return lambda np, b: np.sum(ad.while_loop(lambda b: np.sqrt(np.sum(b * b)) < TOP, lambda b: b * 2, b))


def jax_port():
    """JAX does not reverse a while loop: its users bound the number of steps and mask those that should not be taken."""
    import jax

    def masked(np, b):
        def step(b, _):
            return np.where(np.sqrt(np.sum(b * b)) < TOP, b * 2, b), None
        return np.sum(jax.lax.scan(step, b, None, length=64)[0])
    return masked


def by_hand(b):
    factor = 1.0
    while np.sqrt(b @ b) * factor < TOP:
        factor *= 2
    return factor * np.sum(b), np.full_like(b, factor)


def data(n):
    return (np.random.default_rng(0).normal(size=n),)


workloads = (
    Workload("doubling", "while norm(b) < 1000: b = 2 b, 1000 numbers (JAX: 64 masked steps)", loss, make=lambda: data(1000),
             small=lambda: data(5), by_hand=by_hand, ports={"autodiff": ours, "jax": jax_port}),
)
