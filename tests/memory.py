"""How much a process grows by 3000 shapes of one function, and by 1000 functions that are made, called and dropped.

    python -m tests.memory

Linux only: it reads the resident memory from /proc.
"""

from __future__ import annotations

import gc

import numpy as np

import autodiff as ad


def resident() -> float:
    """Resident memory of this process in MB."""
    with open("/proc/self/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * 4096 / 1e6


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def shape(f, n: int) -> None:
    f(np.ones(n))


def made_and_dropped(k: int) -> None:
    def f(x):
        return np.sum(np.sin(x * (k + 0.5)) + k * x)
    ad.jit(ad.grad(f))(np.ones(5))


def main() -> None:
    ad.config.wait = True
    f = ad.jit(ad.value_and_grad(rosenbrock))
    for what, step, first, count in (("shapes", lambda n: shape(f, n + 2), 58, 3000), ("functions", made_and_dropped, 100, 1000)):
        for k in range(first):
            step(k)
        gc.collect()
        before = resident()
        for k in range(first, first + count):
            step(k)
        gc.collect()
        print(f"{count} {what}: {resident() - before:+.1f} MB")


if __name__ == "__main__":
    main()
