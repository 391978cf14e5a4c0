"""What random programs call: functions, classes and state of another module, written without any thought of derivatives."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

RATE = 0.75
"""Changed between calls of a program."""
TABLE = [0.5, -0.25, 1.5]
SETTINGS = {"gain": 0.8, "steps": 3}


def damped(v, w):
    """A copy with its first element set, or not."""
    if w > 0.3:
        v = v.copy()
        v[0] = w
        return v * 0.9
    return v


def largest(v, start):
    """The largest element, by hand."""
    best = start
    for e in v:
        if e > best:
            best = e
    return best


def checked_root(t):
    """A square root that refuses negative numbers."""
    if t < 0:
        raise ValueError("negative")
    return t ** 0.5


def first_above(v, bound):
    """The position of the first element above a bound; -1 if there is none."""
    for i in range(len(v)):
        if v[i] > bound:
            return i
    return -1


def searched(v, bound):
    """The first element above a bound, or half of the last one."""
    i = 0
    while i < len(v):
        if v[i] > bound:
            found = v[i]
            break
        i += 1
    else:
        found = v[-1] * 0.5
    return found


def deep(t, n):
    """A recursion that ends early."""
    if n == 0 or t < 0.05:
        return t
    return deep(t * 0.7, n - 1) + 0.1 * t


def pieces(v, step):
    """Numbers of a vector, one after another."""
    for i in range(0, len(v), step):
        yield v[i] * RATE


def scaled(factor):
    """A function that knows a number."""
    def f(v):
        return v * factor + TABLE[1]
    return f


def twice(f):
    """A decorator."""
    @functools.wraps(f)
    def g(*args):
        return f(*args) + f(*args)
    return g


@twice
def shifted(v, w):
    """A decorated function."""
    return v - w * 0.5


class Meter:
    """An object with state, a property and a context."""

    scale = 0.5

    def __init__(self, value):
        self._value = value
        self.count = 0

    @property
    def value(self):
        """What it shows."""
        return self._value * self.scale

    @value.setter
    def value(self, v):
        self._value = v

    def __enter__(self):
        self._value = self._value * 0.5
        return self

    def __exit__(self, *exc):
        self._value = self._value + 0.25
        return False

    def __call__(self, v):
        if v > self._value:
            self.count += 1
            self._value = 0.7 * self._value + 0.3 * v
        return self._value


class Pair:
    """Numbers with operators."""

    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __add__(self, other):
        if isinstance(other, Pair):
            return Pair(self.a + other.a, self.b + other.b)
        return Pair(self.a + other, self.b)

    __radd__ = __add__

    def __mul__(self, other):
        if isinstance(other, Pair):
            return Pair(self.a * other.a - self.b * other.b, self.a * other.b + self.b * other.a)
        return Pair(self.a * other, self.b * other)

    __rmul__ = __mul__

    def __lt__(self, other):
        return self.a < other.a

    def __bool__(self):
        return bool(self.a > 0.1)

    def __getitem__(self, k):
        return self.a if k == 0 else self.b

    def __len__(self):
        return 2

    def __iter__(self):
        yield self.a
        yield self.b

    def __contains__(self, t):
        return t == self.a or t == self.b

    def __neg__(self):
        return Pair(-self.a, -self.b)

    def __abs__(self):
        return (self.a * self.a + self.b * self.b + 0.01) ** 0.5


@dataclass
class State:
    """A dataclass."""

    u: np.ndarray
    w: float = 0.5
    seen: list = field(default_factory=list)

    def step(self, dt):
        """The next state."""
        self.seen.append(dt)
        return State(self.u + dt * np.roll(self.u, 1) * 0.1, self.w + dt * 0.5)

    @functools.cached_property
    def size(self):
        """Computed once."""
        return np.sum(self.u * self.u)


class Triple(NamedTuple):
    """A named tuple."""

    p: float
    q: float
    r: float


@contextmanager
def lifted(log, v):
    """A context made of a generator."""
    log.append(v)
    try:
        yield v * 0.5
    finally:
        log.append(v * 0.25)
