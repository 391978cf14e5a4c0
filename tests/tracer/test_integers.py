"""Bounds of polynomials over loop counters: against all values that the counters can take."""

import itertools
import random

import pytest

from tracer.integers import agree, counter, length_symbol, lower_bound, upper_bound
from tracer.sizes import Size


def polynomial(rnd, counters):
    """A random polynomial of the counters, and its values for all their values."""
    terms = [(rnd.randint(-3, 3), rnd.sample(range(len(counters)), rnd.randint(0, min(2, len(counters))))) for _ in range(rnd.randint(1, 4))]
    d, values = 0, []
    for c, factors in terms:
        term = c
        for k in factors:
            term = counters[k][0] * term
        d = term + d
    for point in itertools.product(*[range(low, high + 1) for _, low, high in counters]):
        total = 0
        for c, factors in terms:
            for k in factors:
                c *= point[k]
            total += c
        values.append(total)
    return d, values


@pytest.mark.parametrize("part", range(4))
def test_bounds_hold_and_are_close(part):
    found = exact = 0
    for seed in range(100 * part, 100 * part + 100):
        rnd = random.Random(seed)
        counters = []
        for _ in range(rnd.randint(1, 3)):
            low = rnd.randint(0, 3)
            high = low + rnd.randint(0, 4)
            counters.append((counter(low, high), low, high))
        d, values = polynomial(rnd, counters)
        low, high = lower_bound(d), upper_bound(d)
        assert (low is None or low <= min(values)) and (high is None or high >= max(values)), seed
        found += (low is not None) + (high is not None)
        exact += (low == min(values)) + (high == max(values))
        other, others = polynomial(rnd, counters)
        equal = [a == b for a, b in zip(values, others, strict=True)]
        same = agree(d, other)
        assert same is None or all(e is same for e in equal), seed
    assert found == 200 and exact > 120


def test_counters_of_counters():
    """The bounds of the inner one name the outer one."""
    i = counter(0, 9)
    j = counter(i + 1, 10)
    assert lower_bound(j - i) == 1 and upper_bound(j) == 10 and lower_bound(i - j + 10) == 0 and upper_bound(i - j) == -1
    assert agree(i, j) is False and agree(i, counter(0, 9)) is None


def test_lengths_of_axes_are_what_they_stand_for():
    i = counter(2, 9)
    n, m = length_symbol(i + 1), length_symbol(2 * i)
    assert isinstance(n, Size) and n != i + 1 and agree(n, i + 1) is True and agree(length_symbol(i + 1), n) is True
    assert agree(n, i) is False and agree(m, n) is False and agree(m, length_symbol(i + 5)) is None
