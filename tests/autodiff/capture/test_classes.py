"""What the interpreter calls by itself of a user's class is captured: operators, comparisons, truth, items, calls, properties, constructors."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest

import autodiff as ad

X = np.array([0.7, -0.4, 1.3])


class Dual:
    """A number with a slope, in Python's own operators."""

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def __add__(self, other):
        if not isinstance(other, Dual):
            return NotImplemented
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = other if isinstance(other, Dual) else Dual(other, 0.0)
        return Dual(self.value * other.value, self.value * other.slope + self.slope * other.value)

    __rmul__ = __mul__

    def __neg__(self):
        return Dual(-self.value, -self.slope)

    def __lt__(self, other):
        return self.value < other.value

    def __bool__(self):
        return bool(self.value > 0)


class Clipped:
    """Items and calls with a condition on the value in them."""

    def __init__(self, data, low):
        self.data, self.low = data, low

    def __getitem__(self, i):
        v = self.data[i]
        if v < self.low:
            return self.low * 2.0
        return v * v

    def __call__(self, t):
        return self[0] * t if t > 0 else t

    @property
    def spread(self):
        if self.data[0] > self.data[1]:
            return self.data[0] - self.data[1]
        return self.data[1] - self.data[0]


@dataclass
class Point:
    x: float
    y: float

    def __post_init__(self):
        if self.x > 1.0:
            self.x = self.x * 0.5


def operators(x):
    a, b = Dual(x[0], 1.0), Dual(x[1], 0.5)
    c = 2.0 * (a * b) + -a
    return c.value + 3.0 * c.slope


def comparisons(x):
    a, b = Dual(x[0], 1.0), Dual(x[2], 2.0)
    if a < b:
        return a.value * 2.0 + a.slope * x[1]
    return b.value * 3.0 + b.slope * x[1]


def truth_value(x):
    d = Dual(x[1], 1.0)
    if d:
        return x[0] * 3.0
    return x[0] * x[2]


def items(x):
    c = Clipped(x, 0.1)
    return c[0] + 2.0 * c[1] + 3.0 * c[2]


def calls(x):
    c = Clipped(x, 0.1)
    return c(x[2]) + c(x[1])


def properties(x):
    return Clipped(x, 0.0).spread * x[2] + Clipped(x[::-1], 0.0).spread


def constructors(x):
    p, q = Point(x[0], x[1]), Point(x[2], x[0])
    return p.x * q.x + p.y * q.y


def refused_operand(x):
    try:
        return (Dual(x[0], 1.0) + 3).value
    except TypeError:
        return x[1] * 2.0


FUNCTIONS = [operators, comparisons, truth_value, items, calls, properties, constructors, refused_operand]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("x", [X, -X, X[::-1].copy()], ids=["x", "negative", "reversed"])
def test_value_and_gradient(f, x):
    """One compiled function for all inputs: the conditions inside of methods are branches of the graph."""
    want, h = f(x.copy()), 1e-6
    slope = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(3)]
    compiled = ad.jit(ad.value_and_grad(f))
    compiled(X)
    value, gradient = compiled(x)
    assert compiled.cache_info().misses == 1 and "path" not in compiled.why()
    np.testing.assert_allclose(value, want, rtol=1e-13)
    np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ad.grad(f)(x), slope, rtol=1e-6, atol=1e-8)


class Table:
    """An object from outside that keeps what it computes."""

    def __init__(self):
        self.a = np.arange(3.0)

    @functools.cached_property
    def doubled(self):
        return self.a * 2.0


@pytest.mark.parametrize("transform", [ad.grad, lambda f: ad.jit(ad.grad(f))], ids=["eager", "jit"])
def test_what_an_object_from_outside_keeps_is_no_traced_value(transform):
    table = Table()
    g = transform(lambda x: np.sum(x * table.doubled))
    for _ in range(2):
        np.testing.assert_array_equal(g(X), table.a * 2.0)
    assert type(vars(table)["doubled"]) is np.ndarray


def in_a_conditional_expression(x, chosen):
    def parts():
        (yield x[0] * 2.0) if chosen else (yield x[1] * 3.0)
    return sum_of(parts())


def behind_and(x, chosen):
    def parts():
        chosen and (yield x[2] * 5.0)
        yield x[0]
    return sum_of(parts())


def behind_or_and_in_a_comparison(x, chosen):
    def parts():
        chosen or (yield x[1] * 7.0)
        _ = 0 < 1 < ((yield x[2] * 2.0) or 5)
    return sum_of(parts())


def in_a_message(x, chosen):
    def parts():
        assert chosen or True, (yield x[0])
        yield x[1] * 4.0
    return sum_of(parts())


def sum_of(parts):
    total = 0.0
    for k, part in enumerate(parts):
        total = total + (k + 1) * part
    return total


@pytest.mark.parametrize("chosen", [True, False])
@pytest.mark.parametrize("f", [in_a_conditional_expression, behind_and, behind_or_and_in_a_comparison, in_a_message], ids=lambda f: f.__name__)
def test_a_yield_inside_of_an_expression_suspends_its_own_generator(f, chosen):
    """An expression with a `yield` may not become a lambda: the lambda would be a generator of its own, and the value would be lost."""
    def g(x):
        return f(x, chosen)
    want, h = g(X), 1e-6
    slope = [(g(X + h * e) - g(X - h * e)) / (2 * h) for e in np.eye(3)]
    value, gradient = ad.jit(ad.value_and_grad(g))(X)
    np.testing.assert_allclose(value, want, rtol=1e-14)
    np.testing.assert_allclose(gradient, slope, atol=1e-8)
    np.testing.assert_allclose(ad.grad(g)(X), slope, atol=1e-8)
