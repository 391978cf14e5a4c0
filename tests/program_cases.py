"""Whole programs as test cases: value and gradient, compiled and uncompiled, against NumPy and central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import autodiff as ad


@dataclass(frozen=True)
class Case:
    """A program of arrays to a number, where it is tried, and by which arguments it is differentiated."""

    f: Callable
    args: tuple
    wrt: tuple[int, ...]
    static: tuple[int, ...]
    why: str | None

    def __str__(self) -> str:
        return self.f.__name__

    def copies(self) -> list[Any]:
        """The arguments, for a program that may write to them."""
        return [a.copy() if isinstance(a, np.ndarray) else a for a in self.args]


class Cases(list):
    """The cases of a file, entered by a decorator."""

    def __call__(self, *args, wrt: int | tuple[int, ...] = 0, static: tuple[int, ...] = (), why: str | None = None) -> Callable:
        """Enter a program. `why` stands in what `f.why()` says where the program is not captured as it is."""
        def enter(f: Callable) -> Callable:
            self.append(Case(f, args, wrt if isinstance(wrt, tuple) else (wrt,), static, why))
            return f
        return enter


def check(case: Case) -> None:
    """The laws that every program is held to."""
    f, wrt = case.f, case.wrt
    want = f(*case.copies())
    np.testing.assert_allclose(ad.jit(f, static_argnums=case.static)(*case.copies()), want, rtol=1e-9, err_msg="forward")
    rng = np.random.default_rng(1)
    directions = [rng.normal(size=np.shape(case.args[k])) for k in wrt]
    slopes = [(_moved(case, k, d, 1e-6) - _moved(case, k, d, -1e-6)) / 2e-6 for k, d in zip(wrt, directions, strict=True)]
    compiled = ad.jit(ad.value_and_grad(f, argnums=wrt), static_argnums=case.static)
    for what, both in (("compiled", compiled), ("uncompiled", ad.value_and_grad(f, argnums=wrt))):
        value, gradients = both(*case.copies())
        np.testing.assert_allclose(value, want, rtol=1e-9, err_msg=what)
        for g, d, slope in zip(gradients, directions, slopes, strict=True):
            np.testing.assert_allclose(np.sum(g * d), slope, rtol=1e-4, atol=1e-5 * max(1.0, abs(want)), err_msg=f"gradient, {what}")
    why = compiled.why()
    if case.why is not None:
        assert case.why in why, why
    else:
        assert "written out" not in why and "along" not in why, why


def _moved(case: Case, k: int, direction, h: float) -> float:
    args = case.copies()
    args[k] = args[k] + h * direction
    return case.f(*args)
