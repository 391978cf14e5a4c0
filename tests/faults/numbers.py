"""Programs whose numbers are known in closed form, and the comparison with what compiled code gives.

A fault of the machine may end a call with an exception, but never with another number: `Programs.check` raises `WrongNumber` for one.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

import autodiff as ad

__all__ = ["Programs", "WrongNumber"]


class WrongNumber(Exception):
    """Compiled code gave another number than NumPy."""


def _same(name: str, got: object, want: object) -> None:
    if np.shape(got) != np.shape(want) or not np.allclose(np.asarray(got), np.asarray(want), rtol=1e-10, atol=1e-10):
        raise WrongNumber(f"{name}: {got} instead of {want}")


class Programs:
    """Compiled functions of one factor `k`, which is a constant of their code: another factor is another kernel."""

    def __init__(self, k: float):
        self.k = k

        def wave(x):
            return np.sum(np.sin(x) * x) * k

        def fill(x):
            a = np.zeros(len(x))
            a[0] = x[0]
            for i in range(1, len(x)):
                a[i] = 0.5 * a[i - 1] + k * x[i]
            return np.sum(a)

        def norm(a, x):
            y = a @ x
            return np.sum(y * y) * k

        def order(x, w):
            return np.sum(np.sort(x) * w) * k

        def solve(a, b):
            return np.linalg.solve(a, b) * k
        self.wave, self.fill = ad.jit(ad.value_and_grad(wave)), ad.jit(ad.value_and_grad(fill))
        self.norm, self.order, self.solve = ad.jit(ad.value_and_grad(norm, 1)), ad.jit(ad.grad(order)), ad.jit(solve)

    def check_wave(self, n: int) -> None:
        """A sum of elementary functions, and its gradient."""
        x, k = np.linspace(0.0, 1.0, n), self.k
        value, slope = self.wave(x)
        _same("wave", value, np.sum(np.sin(x) * x) * k)
        _same("slope of wave", slope, k * (np.sin(x) + x * np.cos(x)))

    def check_fill(self, n: int) -> None:
        """A recurrence, and its gradient."""
        x, k = np.linspace(1.0, 2.0, n), self.k
        a = np.zeros(n)
        a[0] = x[0]
        for i in range(1, n):
            a[i] = 0.5 * a[i - 1] + k * x[i]
        value, slope = self.fill(x)
        factor = np.full(n, k)
        factor[0] = 1.0
        _same("fill", value, np.sum(a))
        _same("slope of fill", slope, factor * 2 * (1 - 0.5 ** (n - np.arange(n))))

    def check_norm(self, n: int) -> None:
        """A matrix product, and its gradient."""
        a, x = np.sin(np.arange(n * n, dtype=float)).reshape(n, n), np.linspace(0.0, 1.0, n)
        value, slope = self.norm(a, x)
        _same("norm", value, np.sum((a @ x) ** 2) * self.k)
        _same("slope of norm", slope, 2 * self.k * a.T @ (a @ x))

    def check_order(self, n: int) -> None:
        """The gradient of a weighted sum of sorted numbers."""
        x, w = np.cos(np.arange(n) * 1.7), np.arange(1.0, n + 1)
        _same("order", self.order(x, w), self.k * w[np.argsort(np.argsort(x))])

    def check_solve(self, n: int) -> None:
        """A system of linear equations."""
        a, b = np.sin(np.arange(n * n, dtype=float)).reshape(n, n) + 2 * n * np.eye(n), np.arange(1.0, n + 1)
        _same("solve", self.solve(a, b), np.linalg.solve(a, b) * self.k)

    def check_tape(self, n: int) -> None:
        """Define-by-run tensors, often enough that the tape becomes a kernel."""
        x = np.linspace(0.0, 1.0, n)
        for turn in range(4):
            t = ad.tensor(x + turn, requires_grad=True)
            np.sum(np.sin(t) * t * self.k).backward()
            _same("tape", t.grad, self.k * (np.sin(x + turn) + (x + turn) * np.cos(x + turn)))

    @property
    def checks(self) -> list[Callable[[int], None]]:
        """All of them."""
        return [self.check_wave, self.check_fill, self.check_norm, self.check_order, self.check_solve, self.check_tape]

    def check(self, order: random.Random | None = None, lengths: tuple[int, ...] = (7, 40)) -> None:
        """Compile, run and compare all programs at some lengths."""
        checks = self.checks
        if order is not None:
            order.shuffle(checks)
        for n in lengths:
            for check in checks:
                check(n)
