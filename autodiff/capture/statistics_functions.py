"""Functions of `statistics` for traced numbers; the module is loaded where a program calls one of them.

The standard library computes with exact fractions, which have no derivative: in their place stand sums of floats. Like those of
`callbacks.py`, they are captured as a user's functions are.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

__all__ = ["FUNCTIONS"]


def _float_data(data: Any) -> list:
    return [float(x) for x in data]


def _mean(data: Any) -> Any:
    """`statistics.mean` of floats."""
    values = _float_data(data)
    if len(values) < 1:
        raise statistics.StatisticsError("mean requires at least one data point")
    return math.fsum(values) / len(values)


def _squares(values: list, center: Any) -> Any:
    center = _mean(values) if center is None else center
    return math.fsum([(x - center) * (x - center) for x in values])


def _variance(data: Any, xbar: Any = None) -> Any:
    """`statistics.variance` of floats."""
    values = _float_data(data)
    if len(values) < 2:
        raise statistics.StatisticsError("variance requires at least two data points")
    return _squares(values, xbar) / (len(values) - 1)


def _population_variance(data: Any, mu: Any = None) -> Any:
    """`statistics.pvariance` of floats."""
    values = _float_data(data)
    if len(values) < 1:
        raise statistics.StatisticsError("pvariance requires at least one data point")
    return _squares(values, mu) / len(values)


def _deviation(data: Any, xbar: Any = None) -> Any:
    """`statistics.stdev` of floats."""
    return math.sqrt(_variance(data, xbar))


def _population_deviation(data: Any, mu: Any = None) -> Any:
    """`statistics.pstdev` of floats."""
    return math.sqrt(_population_variance(data, mu))


def _harmonic_mean(data: Any, weights: Any = None) -> Any:
    """`statistics.harmonic_mean` of floats."""
    values = _float_data(data)
    if len(values) < 1:
        raise statistics.StatisticsError("harmonic_mean requires at least one data point")
    if weights is not None and len(weights) != len(values):
        raise statistics.StatisticsError("Number of weights does not match data size")
    shares = [1.0 for _ in values] if weights is None else _float_data(weights)
    if min(values) < 0 or min(shares) < 0:
        raise statistics.StatisticsError("harmonic mean does not support negative values")
    if len(values) == 1 and weights is None:
        return values[0]
    if min([x if w else 1.0 for w, x in zip(shares, values, strict=True)]) == 0:
        return 0.0
    total = math.fsum([w / x if w else 0.0 for w, x in zip(shares, values, strict=True)])
    if total <= 0:
        raise statistics.StatisticsError("Weighted sum must be positive")
    return math.fsum(shares) / total


FUNCTIONS: dict[Any, Callable] = {
    statistics.mean: _mean, statistics.variance: _variance, statistics.pvariance: _population_variance,
    statistics.harmonic_mean: _harmonic_mean, statistics.stdev: _deviation, statistics.pstdev: _population_deviation}
"""Functions, and what is called in their place where a traced value can reach them."""
