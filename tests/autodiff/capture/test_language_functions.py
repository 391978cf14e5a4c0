"""Python's language under jit, case by case: functions."""

import functools

import numpy as np
import pytest

from tests.autodiff.capture.language import WEIGHTS, CaseTable, check_case

case = CaseTable()


@case("loop")
def lambdas(x):
    f, g = lambda v: v * 2.0 if v > 0 else -v, lambda v, k=3: v ** 2 + k
    s = 0.0
    for i in range(5):
        s = s + f(x[i]) * g(x[i]) + g(s, k=1) * 0.01
    return s


@case("loop")
def lambda_reads_state(x):
    s = 1.0
    f = lambda v: v * s + 0.1   # noqa: E731
    for i in range(5):
        s = f(x[i])
    return s


class Base:
    """Methods, a class attribute, a name of its own."""

    rate = 0.5

    def __init__(self, k):
        self.__secret = k
        self.k = k

    def __private(self, x):
        return x * self.__secret

    def step(self, x):
        """One step."""
        return self.__private(x) if x.sum() > 0 else x - self.rate

    def __call__(self, x):
        return self.step(x) * 2.0

    @property
    def doubled(self):
        return self.k * 2.0

    @staticmethod
    def halved(x):
        return x * 0.5 if x[0] > 0 else x

    @classmethod
    def rated(cls, x):
        return x * cls.rate if x[1] > 0 else x

    def __add__(self, other):
        return self.k + other


class Derived(Base):
    """Overrides a method."""

    rate = 0.25

    def step(self, x):
        """One step and a little."""
        y = super().step(x)
        for i in range(6):
            y = y + 0.01 * i
        return y


@case("loop", "cond")
def methods(x):
    d = Derived(1.2)
    for _ in range(4):
        x = d.step(x)
    return np.sum(d(x)) * d.doubled + np.sum(d.halved(x)) + np.sum(Derived.rated(x)) + (d + 1.0)


def scaled(k):
    def wrap(f):
        @functools.wraps(f)
        def inner(*args, **kwargs):
            out = f(*args, **kwargs)
            return out * k if out > 0 else out
        return inner
    return wrap


@scaled(3.0)
def decorated_inner(x, p=2):
    s = 0.0
    for v in x:
        s = s + v ** p
    return s


@case("loop")
def decorators(x):
    return decorated_inner(x) + decorated_inner(x, p=3)


def adder(k):
    def add(x):
        return x + k if x[0] > 0 else x - k
    return add


@case("cond")
def same_code_other_closure(x):
    return np.sum(adder(1.0)(x) * adder(2.5)(x) * adder(x[0])(x))


def power(x, n):
    if n == 0:
        return np.ones(6)
    y = power(x, n // 2)
    return y * y * x if n % 2 else y * y


@case()
def recursion(x):
    return np.sum(power(x, 5))


@case("loop")
def local_recursion(x):
    def tree(a, b):
        if b - a == 1:
            s = 0.0
            for i in range(4):
                s = s + x[a] ** i
            return s
        m = (a + b) // 2
        return tree(a, m) * 0.5 + tree(m, b)
    return tree(0, 6)


def defaults(x, k=2, *more, scale=3.0, **others):
    s = k * scale
    for m in more:
        s = s + m
    for name in sorted(others):
        s = s * others[name]
    return s + (x if x > 0 else 0.0)


@case()
def arguments(x):
    args, kwargs = [x[1], x[2]], {"a": x[3], "b": 2.0}
    return (defaults(x[0]) + defaults(x[0], *args) + defaults(x[0], 1, 2.0, x[4], scale=x[5]) + defaults(*x[:3], **kwargs))


def made_from(x, y=(WEIGHTS, 2.0)):
    return np.sum(x * y[0]) * y[1]


@case()
def default_array(x):
    return made_from(x) if x[0] > 0 else made_from(x, (x, 1.0))


@case("cond")
def comprehensions(x):
    f = lambda v: np.sin(v) if v > 0 else v     # noqa: E731
    a = [f(v) for v in x[:3]]
    b = {k: f(x[k]) * 2.0 for k in range(3) if k != 1}
    c = sum(f(v) for v in x[3:])
    d = [u * v for u in a for v in b.values()]
    return sum(a) + sum(b.values()) + c + sum(d)


@case()
def comprehension_in_loop(x):
    s = 0.0
    for i in range(4):
        s = s + sum([x[i] * x[j] for j in range(3)])
    return s


@case()
def mapped(x):
    return sum(map(lambda v: v * 2.0 if v > 0 else v, x)) + max(filter(None, [1.0, 0.0])) + functools.reduce(lambda a, b: a * b + 1.0, x)


@case("cond")
def with_errstate(x):
    with np.errstate(divide="ignore"):
        if x[0] > 0:
            y = np.log(np.abs(x))
        else:
            y = x * 2.0
    return y.sum()


@case("loop")
def with_in_loop(x):
    s = 0.0
    for i in range(5):
        with np.errstate(all="ignore"):
            s = s + np.sqrt(np.abs(x[i]))
    return s


@case("loop")
def try_finally(x):
    s, done = 0.0, 0
    try:
        for i in range(5):
            s = s + x[i] * s + 0.1
    finally:
        done = 2
    return s * done


@case()
def try_except(x):
    try:
        {}["missing"]
    except KeyError:
        y = x * 2.0
    else:
        y = x
    try:
        z = np.zeros(3) + x
    except ValueError:
        z = x
    return np.sum(y * z)


def unpacked(x):
    first, *middle, last = [x[k] for k in range(5)]
    return first * last + sum(middle)


@case("cond")
def function_in_branch(x):
    if x[0] > 0:
        def g(v):
            return v * 2.0
        y = g(x)
    else:
        def g(v):
            return v * 3.0
        y = g(x)
    return y.sum() + unpacked(x)


@case("cond")
def returned_function(x):
    def choose(k):
        if k == 1:
            return lambda v: v * v
        return np.sin
    f, g = choose(1), choose(2)
    return np.sum(f(x) if x[0] > 0 else g(x))


@case("loop")
def callable_argument(x):
    def integrate(rhs, y, n):
        for _ in range(n):
            k1 = rhs(y)
            k2 = rhs(y + 0.05 * k1)
            y = y + 0.05 * (k1 + k2)
        return y
    return np.sum(integrate(lambda y: -y + x[0], x, 5) * integrate(functools.partial(np.multiply, x[1]), x, 4))


@case()
def global_is_written(x):
    global COUNT
    COUNT = 3
    return np.sum(x) * COUNT


COUNT = 0


@case()
def star_expressions(x):
    a = [*x[:2], 1.0]
    b = {**{"p": x[0]}, "q": 2.0}
    return a[0] * a[1] * a[2] * b["p"] * b["q"]


@case()
def strings_and_formats(x):
    out = 0.0
    for name in ("sin", "cos"):
        out = out + np.sum(getattr(np, name)(x))
    assert f"{len(x)}" == "6" and "sin" in {"sin": 1}
    return out


@pytest.mark.parametrize("f, nodes", case)
def test_cases(f, nodes):
    check_case(f, nodes)
