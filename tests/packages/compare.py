"""Compare one function of a package, compiled and eager, with the plain call and with numerical derivatives."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import autodiff as ad
from tests.packages.cases import Case, Numbers
from tracer.errors import TraceError

VALUES = 1e-11
"""Relative difference of values: a few roundings, for sums are taken in another order."""
GRADIENTS = 1e-6
"""Difference of gradients, relative to the largest entry of the argument's gradient."""
SEVERAL = re.compile(r"along the path|uncompiled")


@dataclass(frozen=True)
class Outcome:
    """What came of a case, why, and the method of the derivative that it was compared with.

    The verdict is `right`, `wrong`, `refused` by an error of ours, `crashed` with any other exception, which the plain function does not
    raise, or `unsure`, where the differences are not exact enough: then the case needs other points.
    """

    verdict: str
    reason: str = ""
    method: str = ""
    seconds: float = 0.0
    along_path: bool = False
    error: BaseException | None = None


def _replaced(numbers: Numbers, k: int, index: tuple, value: complex) -> Numbers:
    """The arguments with one number replaced."""
    if not isinstance(numbers[k], np.ndarray):
        return (*numbers[:k], value, *numbers[k + 1:])
    changed = numbers[k].astype(type(value))
    changed[index] = value
    return (*numbers[:k], changed, *numbers[k + 1:])


def richardson(f: Callable, numbers: Numbers, k: int, index: tuple) -> tuple[float, float]:
    """Central differences with Richardson extrapolation: the derivative with respect to one number, and an estimate of its error.

    The table of C. J. F. Ridders, Advances in Engineering Software 4 (1982): steps fall by 1.4, and the entry that changes least is taken.
    """
    x = float(numbers[k][index]) if isinstance(numbers[k], np.ndarray) else numbers[k]
    shrink, step = 1.4, 0.01 * (abs(x) or 1.0)
    rows: list[list[float]] = []
    best, error = np.nan, np.inf
    for i in range(12):
        rows.append([(float(f(*_replaced(numbers, k, index, x + step))) - float(f(*_replaced(numbers, k, index, x - step)))) / (2.0 * step)])
        step /= shrink
        for j in range(1, i + 1):
            power = shrink ** (2 * j)
            rows[i].append((rows[i][j - 1] * power - rows[i - 1][j - 1]) / (power - 1.0))
            change = max(abs(rows[i][j] - rows[i][j - 1]), abs(rows[i][j] - rows[i - 1][j - 1]))
            if change < error:
                best, error = rows[i][j], change
    return best, error


def complex_step(f: Callable, numbers: Numbers, k: int, index: tuple) -> float:
    """The imaginary part of the function beside the real axis, over the step; nan where the function does not take complex numbers."""
    x = float(numbers[k][index]) if isinstance(numbers[k], np.ndarray) else numbers[k]
    try:
        return float(np.imag(f(*_replaced(numbers, k, index, complex(x, 1e-30))))) / 1e-30
    except Exception:
        return np.nan


def reference(case: Case, numbers: Numbers) -> tuple[list[np.ndarray], list[np.ndarray], str]:
    """Derivatives of the plain function, the error that each may have, and how they were found.

    The complex step is taken where the function takes complex numbers and agrees with the differences; a function that compares or takes
    absolute values may not.
    """
    found, errors, methods = [], [], set()
    for k, x in enumerate(numbers):
        shape = np.shape(x)
        derivative, error = np.empty(shape), np.empty(shape)
        for index in np.ndindex(shape):
            derivative[index], error[index] = richardson(case.function, numbers, k, index)
        exact = np.empty(shape)
        for index in np.ndindex(shape):
            exact[index] = complex_step(case.function, numbers, k, index)
        close = np.all(np.abs(exact - derivative) <= 10.0 * error + 1e-9 * np.max(np.abs(derivative), initial=0.0))
        methods.add("complex step" if close else "differences")
        found.append(exact if close else derivative)
        errors.append(np.zeros(shape) if close else error)
    return found, errors, " and ".join(sorted(methods))


def root_cause(e: BaseException) -> BaseException:
    """The exception from which this one follows: where no graph can be made, the path is tried, and its failure is the cause."""
    while e.__cause__ is not None:
        e = e.__cause__
    return e


def reason(e: BaseException) -> str:
    """One sentence: the first line of the cause of an error, and the function that is not captured, if it names one."""
    text = str(root_cause(e)).strip()
    where = re.search(r"^  in    (.*?), which is not captured", text, re.M)
    first = re.sub(r"\bn\d+", "n", text.partition("\n")[0])
    return first + (f" (in {where[1]})" if where else "")


def is_refusal(e: BaseException) -> bool:
    """Whether an exception is an error of ours that says what cannot be done."""
    return isinstance(e, TraceError) or "cannot be traced" in str(e)


def differs(a: object, b: object) -> bool:
    """Whether two values differ by more than roundings."""
    return not np.allclose(np.asarray(a), np.asarray(b), rtol=VALUES, atol=1e-300, equal_nan=True)


def _compare(case: Case, jitted: Callable, derived: Callable, seconds: float) -> Outcome:
    """Call what was compiled with all points of a case, and compare."""
    f, method = case.function, ""
    eager = ad.value_and_grad(f, tuple(range(len(case.points[0]))))
    for i, numbers in enumerate(case.points):
        plain = f(*numbers)
        value, gradient = derived(*numbers)
        eager_value, eager_gradient = eager(*numbers)
        for name, other in (("jit", jitted(*numbers)), ("jit of value_and_grad", value), ("eager value_and_grad", eager_value)):
            if differs(other, plain):
                return Outcome("wrong", f"value of {name}, call {i + 1}: {other!r}, plain {plain!r}")
        expected, errors, method = reference(case, numbers)
        for k, (derivative, error) in enumerate(zip(expected, errors, strict=True)):
            scale = np.max(np.abs(derivative), initial=0.0)
            allowed = GRADIENTS * scale + 20.0 * error + 1e-13 * abs(float(plain))
            if np.max(error, initial=0.0) > 1e-3 * scale + 1e-9:
                return Outcome("unsure", f"call {i + 1}: differences for argument {k} are known to {np.max(error):.1e} of {scale:.1e}")
            for name, other in (("jit", gradient[k]), ("eager", eager_gradient[k])):
                if not np.all(np.abs(np.asarray(other) - derivative) <= allowed):
                    return Outcome("wrong", f"gradient of {name}, argument {k}, call {i + 1}: {np.asarray(other)!r}, {method} {derivative!r}")
    return Outcome("right", method=method, seconds=seconds)


def compare(case: Case) -> Outcome:
    """Return what comes of a case. An exception of the plain function is a fault of the case and is raised."""
    f, argnums = case.function, tuple(range(len(case.points[0])))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for numbers in case.points:
            if not np.all(np.isfinite(f(*numbers))):
                raise ValueError(f"{case.title} is not finite at {numbers}")
        jitted, derived = ad.jit(f), ad.jit(ad.value_and_grad(f, argnums))
        start = time.perf_counter()
        try:
            derived(*case.points[0])
            outcome = _compare(case, jitted, derived, time.perf_counter() - start)
        except Exception as e:
            return Outcome("refused" if is_refusal(e) else "crashed", reason(e), error=e)
    path = any(SEVERAL.search(str(w.message)) for w in caught)
    return Outcome(outcome.verdict, outcome.reason, outcome.method, outcome.seconds, path)
