"""What random programs of `--objects` call: classes as people write them, with inheritance, operators of every kind, descriptors, caches."""

from __future__ import annotations

import abc
import enum
import functools
import itertools
from collections import deque
from contextlib import ContextDecorator, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np


class Shape(abc.ABC):
    """The start of a family of classes, with a table of its members."""

    members: dict[str, type] = {}
    factor = 0.5

    def __init_subclass__(cls, name="none", **kwargs):
        super().__init_subclass__(**kwargs)
        cls.members[name] = cls

    def __init__(self, size):
        self.size = size

    @abc.abstractmethod
    def area(self):
        """What every member has."""

    @classmethod
    def of(cls, size):
        """Another way to make one."""
        return cls(size * cls.factor)

    @staticmethod
    def half(v):
        """A function that lives here."""
        return v * 0.5

    def grown(self, by):
        """A larger one of the same class."""
        return type(self)(self.size + by)

    @property
    def scaled(self):
        """Read through the class of the object."""
        return self.area() * self.factor


class Square(Shape, name="square"):
    """A member."""

    factor = 0.75

    def area(self):
        """The area."""
        return self.size * self.size

    def grown(self, by):
        """With a part of the other class."""
        other = super().grown(by * 0.5)
        other.size = other.size + 0.1
        return other


class Disc(Shape, name="disc"):
    """Another member."""

    def __init__(self, size):
        super().__init__(size)
        self.turns = 0

    def area(self):
        """The area, counted."""
        self.turns += 1
        return self.size * abs(self.size) * 0.8


class Rounded(Square, Disc, name="rounded"):
    """A member of two classes, whose methods go on to the next."""

    def area(self):
        """Of both."""
        return super().area() + Disc.area(self) * 0.1


class Limited:
    """A descriptor that clips."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, obj, owner=None):
        return self if obj is None else getattr(obj, self.name, 0.25)

    def __set__(self, obj, value):
        setattr(obj, self.name, self.low if value < self.low else self.high if value > self.high else value)


@functools.total_ordering
class Number:
    """A number with all operators, which knows how it was made."""

    level = Limited(-2.0, 2.0)

    def __init__(self, v, made="new"):
        self.v, self.made = v, made
        self.level = v

    def __add__(self, other):
        return Number(self.v + getattr(other, "v", other), "sum")

    def __radd__(self, other):
        return Number(other + self.v, "sum")

    def __sub__(self, other):
        return Number(self.v - other.v, "less") if isinstance(other, Number) else NotImplemented

    def __rsub__(self, other):
        return Number(other - self.v, "from")

    def __mul__(self, other):
        return Number(self.v * getattr(other, "v", other), "product")

    def __truediv__(self, other):
        return Number(self.v / (abs(other) + 0.5), "part")

    def __rtruediv__(self, other):
        return Number(other / (abs(self.v) + 0.5), "ratio")

    def __pow__(self, k):
        return Number(self.v ** k, "power")

    def __rpow__(self, base):
        return Number(base ** self.v, "exponent")

    def __iadd__(self, other):
        self.v = self.v + getattr(other, "v", other)
        return self

    def __matmul__(self, other):
        return self.v * np.sum(other)

    def __rmatmul__(self, other):
        return np.sum(other) * self.v * 0.5

    def __eq__(self, other):
        return bool(self.v == getattr(other, "v", other))

    def __lt__(self, other):
        return bool(self.v < getattr(other, "v", other))

    def __hash__(self):
        return hash(self.made)

    def __float__(self):
        return float(self.v)

    def __round__(self, n=0):
        return round(self.v, n)

    def __divmod__(self, other):
        return divmod(self.v, other)


class Grid:
    """A container with items of its own, made when they are asked for."""

    def __init__(self, u):
        self.u = u
        self.items: dict = {}

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.items[key]
        return self.u[key]

    def __setitem__(self, key, value):
        if isinstance(key, str):
            self.items[key] = value
        else:
            self.u[key] = value * 0.5

    def __delitem__(self, key):
        del self.items[key]

    def __contains__(self, key):
        return key in self.items

    def __missing__(self, key):
        return 0.0

    def __len__(self):
        return len(self.u)

    def __iter__(self):
        return iter(self.u)

    def __reversed__(self):
        yield from self.u[::-1]

    def __getattr__(self, name):
        if name.startswith("first_"):
            return self.u[0] * int(name[6:])
        raise AttributeError(name)

    def __call__(self, *args, scale=0.5, **more):
        return sum(args) * scale + sum(more.values())


class Frozen:
    """An object whose attributes go through a method."""

    def __init__(self, a):
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "writes", 0)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value * 0.5)
        object.__setattr__(self, "writes", self.writes + 1)


@dataclass(frozen=True, order=True)
class Point:
    """A frozen dataclass with an order."""

    p: float
    q: float = 0.5

    def moved(self, d):
        """Another point."""
        return replace(self, p=self.p + d)

    @functools.cached_property
    def norm(self):
        """Computed once."""
        return (self.p * self.p + self.q * self.q + 0.01) ** 0.5


@dataclass
class Body:
    """A dataclass with fields that are made for it."""

    at: np.ndarray
    mass: float = 1.0
    path: list = field(default_factory=list)
    total: float = field(init=False)

    def __post_init__(self):
        self.total = np.sum(self.at) * self.mass

    def __iadd__(self, d):
        self.at = self.at + d
        self.path.append(self.total * 0.1)
        return self


class Heavy(Body):
    """A dataclass's child."""

    def __post_init__(self):
        super().__post_init__()
        self.mass = self.mass * 2


class Mode(enum.Enum):
    """Ways to go."""

    SLOW = 0.25
    FAST = 2.0

    def of(self, v):
        """A method of a member."""
        return v * self.value if self is Mode.FAST else v + self.value


class counted:     # noqa: N801 - a decorator
    """A decorator that is an object."""

    def __init__(self, f):
        functools.update_wrapper(self, f)
        self.f, self.calls = f, 0

    def __call__(self, *args):
        self.calls += 1
        return self.f(*args) * 0.5


@counted
def bent(v):
    """A function under an object."""
    return v * v


def tuned(by, *, more=0.0):
    """A decorator with arguments."""
    def decorate(f):
        @functools.wraps(f)
        def wrapped(*args, **kwargs):
            return f(*args, **kwargs) * by + more
        return wrapped
    return decorate


@tuned(0.5, more=0.1)
def mixed(a, b=0.3, *rest, scale=1.0):
    """A function with every kind of parameter."""
    return (a + b + sum(rest)) * scale


@functools.singledispatch
def measure(x):
    """A function that looks at the class."""
    return abs(x) * 0.5


@measure.register
def _(x: list):
    return sum(x) * 0.1


@measure.register
def _(x: Shape):
    return x.area() * 0.2


class noted(ContextDecorator):      # noqa: N801 - a context that is a decorator
    """A context that swallows one kind of exception."""

    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append(0.5)
        return self

    def __exit__(self, kind, error, trace):
        self.log.append(0.25)
        return kind is not None and issubclass(kind, ZeroDivisionError)


@contextmanager
def halved(body):
    """A context that changes an object for a while."""
    before = body.mass
    body.mass = before * 0.5
    try:
        yield body
    finally:
        body.mass = before


def running(start):
    """A generator that is sent numbers."""
    total = start
    while True:
        got = yield total * 0.5
        if got is None:
            return
        total = total * 0.5 + got


def chained(v):
    """Generators in a row, with a result."""
    n = yield from pairs(v)
    yield n * 0.1


def pairs(v):
    """Neighbours; the number of them is the result."""
    count = 0
    for a, b in zip(v, v[1:]):
        yield a * b
        count += 1
    return count


def window(v, k):
    """Sums of neighbours by a deque."""
    last: deque = deque(maxlen=k)
    out = []
    for e in v:
        last.append(e)
        out.append(sum(last) * 0.5)
    return np.array(out)


def accumulated(v):
    """By itertools."""
    return np.array(list(itertools.accumulate(v, lambda t, e: t * 0.5 + e)))


@functools.cache
def weights(n):
    """A cached table."""
    return tuple(1.0 / (k + 1) for k in range(n))
