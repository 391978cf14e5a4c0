"""Loops whose cost a table of programs does not show: a `while` of the textbooks, a long loop within a memory budget, writes in place.

    python -m bench.loops textbook            each prints its numbers, in seconds and megabytes; bench.figures tabulates them
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

import autodiff as ad


def textbook(a):
    """Doubles until the norm is large; then one of two ways."""
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    c = b if np.sum(b) > 0 else 100 * b
    return np.sum(c)


def stored(x, a, steps):
    """A loop of which reverse mode keeps every step."""
    for _ in range(steps):
        x = x + 0.001 * np.sin(a * x)
    return np.sum(x)


def budgeted(x, a, steps):
    """The same within 200 MB."""
    for _ in ad.checkpoint_loop(range(steps), memory=2e8):
        x = x + 0.001 * np.sin(a * x)
    return np.sum(x)


def writes(x, steps):
    """Writes one element of an array a step."""
    x = x.copy()
    for i in range(steps):
        x[i % len(x)] = 0.5 * x[(i + 1) % len(x)]
    return x[0]


def _median(f: Callable, seconds: float = 0.5) -> float:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _repeated(f: Callable) -> float:
    """Seconds a call of what takes microseconds."""
    def many() -> None:
        for _ in range(1000):
            f()
    return _median(many) / 1000


def measure_textbook() -> list[float]:
    """Forward, value and gradient (1000 numbers), kernels that ten trip counts take."""
    a = np.linspace(-0.5, 1.0, 1000)
    forward, both = ad.jit(textbook), ad.jit(ad.value_and_grad(textbook))
    for k in range(10):
        value, gradient = both(a * 2.0 ** -k)
        scale = gradient[0]
        assert np.all(gradient == scale) and np.isclose(value, np.sum(a * 2.0 ** -k * scale)), "c is linear in a, factor by factor"
    return [_repeated(lambda: forward(a)), _repeated(lambda: both(a)), float(both.cache_info().misses)]


def measure_stored(steps: int = 20_000) -> list[float]:
    """A step of forward and backward together, every step kept."""
    return [_median(_long(stored, steps)) / steps]


def measure_budgeted(steps: int = 1_000_000) -> list[float]:
    """A step of forward and backward together, and the largest memory of the process in MB, everything imported included."""
    run = _long(budgeted, steps)
    start = time.perf_counter()
    run()
    return [(time.perf_counter() - start) / steps, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]


def _long(f: Callable, steps: int) -> Callable:
    x, a = np.linspace(0, 1, 1000), np.linspace(1, 2, 1000)
    g = ad.jit(ad.grad(f, argnums=(0, 1)), static_argnums=2)
    short, want = g(x, a, 50), ad.grad(stored, argnums=(0, 1))(x, a, 50)
    assert all(np.allclose(p, q, rtol=1e-12) for p, q in zip(short, want, strict=True))
    g(x, a, steps)
    return lambda: g(x, a, steps)


def measure_writes() -> list[float]:
    """A step of value and gradient, one element written, arrays of 1e3, 1e4 and 1e5 numbers; the copies before the loop taken off."""
    out = []
    for n in (1_000, 10_000, 100_000):
        g, x = ad.jit(ad.value_and_grad(writes), static_argnums=1), np.linspace(0, 1, n)
        few, many = 1_000, 201_000
        g(x, few)
        g(x, many)
        out.append((_median(lambda: g(x, many)) - _median(lambda: g(x, few))) / (many - few))  # noqa: B023
    return out


def main() -> int:
    """Print the numbers of one measurement."""
    from bench.machine import hold
    hold(1)
    ad.config.wait, ad.config.cache = True, False
    print(*globals()[f"measure_{sys.argv[1]}"]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
