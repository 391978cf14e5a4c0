"""Heat on a plate with fixed borders: 100 explicit steps of the five-point formula, sum of squares of the end, gradient by the start."""

import numpy as np

from bench.workload import Workload

RATE = 0.1


def write(steps):
    def loss(np, u):
        for _ in range(steps):
            inside = u[1:-1, 1:-1]
            change = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * inside
            u = u + np.pad(RATE * change, 1, "constant")
        return np.sum(u * u)
    return loss


def step(u):
    return u.at[1:-1, 1:-1].add(RATE * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1]))


def ours(steps):
    import autodiff as ad

    def loop(np, u):
        u = ad.fori_loop(0, steps, lambda i, u: step(u), u)
        return np.sum(u * u)
    return loop


def jax_port(steps):
    import jax

    def scanned(np, u):
        u, _ = jax.lax.scan(lambda u, _: (step(u), None), u, None, length=steps)
        return np.sum(u * u)
    return scanned


def torch_port(steps):
    import torch

    def loop(np, u):
        for _ in range(steps):
            inside = u[1:-1, 1:-1]
            change = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * inside
            u = u + torch.nn.functional.pad(RATE * change, (1, 1, 1, 1))
        return np.sum(u * u)
    return loop


def hand(steps):
    def by_hand(u):
        for _ in range(steps):
            v = u.copy()
            v[1:-1, 1:-1] += RATE * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1])
            u = v
        value, ct = np.sum(u * u), 2 * u
        for _ in range(steps):
            inside = RATE * ct[1:-1, 1:-1]
            ct = ct.copy()
            ct[1:-1, 1:-1] -= 4 * inside
            ct[:-2, 1:-1] += inside
            ct[2:, 1:-1] += inside
            ct[1:-1, :-2] += inside
            ct[1:-1, 2:] += inside
        return value, ct
    return by_hand


def data(n):
    return (np.random.default_rng(0).normal(size=(n, n)),)


def workload(name, steps, make, small):
    return Workload(name, f"heat on a plate 128×128, {steps} steps, gradient by the start (loops in the explicit forms)", write(steps),
                    make=make, small=small, by_hand=hand(steps),
                    ports={"autodiff": lambda: ours(steps), "jax": lambda: jax_port(steps), "torch": lambda: torch_port(steps)})


workloads = (workload("heat", 100, lambda: data(128), lambda: data(5)),)
