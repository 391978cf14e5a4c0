"""Steps repeated thousands of times leave no memory behind. A shorter run's slope stands for 100 000 steps."""

import gc
import os

import numpy as np

import autodiff as ad


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth_for_100_000(step, warm: int, run: int) -> float:
    for _ in range(warm):
        step()
    gc.collect()
    before = resident()
    for _ in range(run):
        step()
    gc.collect()
    return (resident() - before) * 100_000 / run


def test_define_by_run():
    w = ad.tensor(np.ones(64), requires_grad=True)
    x = np.linspace(0, 1, 64)

    def step():
        (np.tanh(w * x) ** 2).sum().backward()
        with ad.no_grad():
            w.value -= 1e-3 * w.grad.value
        w.grad.zero_()
    assert growth_for_100_000(step, 1500, 5000) < 2e6


def test_jitted():
    w = np.ones(64)
    x = np.linspace(0, 1, 64)
    f = ad.jit(ad.value_and_grad(lambda w: (np.tanh(w * x) ** 2).sum()))

    def step():
        f(w)
    assert growth_for_100_000(step, 5000, 50000) < 2e6
