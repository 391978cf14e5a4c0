"""The record of one function of a package, and how it is written down.

    fluids = of("fluids")
    fluids("friction_factor", (1e5, 1e-3))
    fluids("C_Reader_Harris_Gallagher", (0.05, 0.12), call=lambda m, Do, flow: m.C_Reader_Harris_Gallagher(0.0739, Do, 1.165, 1.85e-5, flow))

A record imports nothing: a package is imported when its function is called for the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from operator import attrgetter
from typing import Any

import numpy as np

Numbers = tuple[Any, ...]
"""The arguments of one call: floats and arrays of floats, all of them differentiated."""


def weighted_sum(result: Any) -> Any:
    """Make one number of what a function returns: numbers, arrays, and tuples, lists and dicts of them. A complex result stays complex."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (tuple, list)):
        total = 0.0
        for k, part in enumerate(result):
            total = total + (1.0 + 0.1 * k) * weighted_sum(part)
        return total
    if not isinstance(result, np.ndarray):
        return result
    return np.sum(result * np.cos(0.7 * np.arange(result.size)).reshape(result.shape))


def moved(numbers: Numbers, by: float) -> Numbers:
    """Return other numbers near these; each changes by another share, of which `by` is the largest."""
    def shift(k: int, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return x * (1.0 + by * np.cos(np.arange(x.size) + k + 1.0).reshape(x.shape))
        return float(x * (1.0 + by * np.cos(k + 1.0)))
    return tuple(shift(k, x) for k, x in enumerate(numbers))


@dataclass(frozen=True)
class Case:
    """One function or method of a package.

    `points` are at least three tuples of arguments at which the function is smooth. `call` gets the package's module and the arguments;
    without it, `name` is looked up in the module and called with them and with `keywords`. `slow` cases take more than two seconds.
    """

    package: str
    module: str
    name: str
    points: tuple[Numbers, ...]
    call: Callable | None = None
    keywords: Mapping[str, Any] = field(default_factory=dict)
    slow: bool = False

    @property
    def title(self) -> str:
        """The full name of the function."""
        return f"{self.module}.{self.name}"

    @cached_property
    def function(self) -> Callable:
        """The function of the arguments that is differentiated; it returns one number."""
        module, call, keywords = import_module(self.module), self.call, dict(self.keywords)
        if call is not None:
            return lambda *numbers: weighted_sum(call(module, *numbers))
        called = attrgetter(self.name)(module)
        return lambda *numbers: weighted_sum(called(*numbers, **keywords))


def of(package: str, module: str = "") -> Callable[..., Case]:
    """Return a constructor of the cases of one module of a package, whose name on PyPI is `package`."""
    def case(name: str, *points: Numbers, call: Callable | None = None, slow: bool = False, **keywords: Any) -> Case:
        near = (moved(points[0], 0.04), moved(points[0], -0.03))
        return Case(package, module or package, name, (*points, *near[: max(0, 3 - len(points))]), call, keywords, slow)
    return case
