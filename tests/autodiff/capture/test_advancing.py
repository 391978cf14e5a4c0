"""What a loop advances outside of arrays, changes unseen, raises, or binds for the first time: Python's value or a refusal, never another."""

import io
import itertools
import random
import warnings

import numpy as np
import pytest

import autodiff as ad
from tests.loop_programs import load
from tracer.errors import UnsupportedError

X = np.array([0.3, 0.5, 0.9, 0.7, 0.2])


class Stop(Exception):
    pass


def doubling():
    k = 1.0
    while True:
        got = yield k
        k = k * 2 if got is None else k + got


class Counted:
    count = 0

    def __init__(self, v):
        Counted.count += 1
        self.v = v * Counted.count


class Doubled:
    def __get__(self, owner, kind=None):
        return owner.kept

    def __set__(self, owner, v):
        owner.kept = v * 2.0
        owner.times = owner.times + 1


class Owner:
    v = Doubled()

    def __init__(self):
        self.times, self.kept = 0, 0.0


class Adder:
    """Its operator changes the object, where no hook sees it."""

    def __init__(self):
        self.calls = 0

    def __add__(self, other):
        self.calls += 1
        return other * self.calls


def logged(v, log=[]):  # noqa: B006
    log.append(1.0)
    return v * len(log)


def numpy_generator(x):
    rng, s = np.random.default_rng(0), 0.0
    for i in range(5):
        s = s + rng.normal() * x[i]
    return s


def python_generator(x):
    rng, s = random.Random(0), 0.0
    for i in range(5):
        s = s + rng.random() * x[i] + rng.gauss(0.0, 1.0)
    return s


def drawn_arrays(x):
    rng, s = np.random.default_rng(0), 0.0
    for i in range(5):
        s = s + np.sum(rng.normal(size=3) * x[i])
    return s


def drawn_positions(x):
    rng, s = np.random.default_rng(3), 0.0
    for i in range(5):
        s = s + x[rng.integers(5)] * x[i]
    return s


def drawn_while(x):
    rng, s, n = np.random.default_rng(1), 0.0, 0
    while s < 2.0:
        s = s + rng.random() * x[0]
        n += 1
    return s * n


def cycle(x):
    c, s = itertools.cycle([1.0, -1.0]), 0.0
    for i in range(5):
        s = s + next(c) * x[i]
    return s


def count(x):
    c, s = itertools.count(1), 0.0
    for v in x:
        s = s + next(c) * v
    return s


def zipped(x):
    z, s = zip([1.0, 2.0, 3.0, 4.0, 5.0], range(5), strict=True), 0.0
    for i in range(5):
        a, b = next(z)
        s = s + a * b * x[i]
    return s


def enumerated(x):
    e, s = enumerate([5.0, 6.0, 7.0, 8.0, 9.0]), 0.0
    for i in range(5):
        k, v = next(e)
        s = s + k * v * x[i]
    return s


def mapped(x):
    m, s = map(lambda v: v * 2, [1.0, 2.0, 3.0, 4.0, 5.0]), 0.0
    for i in range(5):
        s = s + next(m) * x[i]
    return s


def own_generator(x):
    g, s = doubling(), 0.0
    for i in range(5):
        s = s + next(g) * x[i]
    return s


def sent(x):
    g, s = doubling(), 0.0
    next(g)
    for i in range(5):
        s = s + g.send(3.0) * x[i]
    return s


def expression(x):
    g, s = (k * k for k in range(10)), 0.0
    for i in range(5):
        s = s + next(g) * x[i]
    return s


def array_iterator(x):
    it, s = iter(x), 0.0
    for i in range(5):
        s = s + next(it) * (i + 1)
    return s


def gone_through_in_parts(x):
    it, s = iter(range(10)), 0.0
    for v in x:
        s = s + v * sum(itertools.islice(it, 2))
    return s


def gone_through_by_a_comprehension(x):
    it, s = iter([1.0, 2.0, 3.0]), 0.0
    for v in x:
        s = s + v * len([w for w in it])
    return s


def membership(x):
    it, s = iter(range(10)), 0.0
    for i in range(5):
        s = s + x[i] * (2 * i in it)
    return s


def starred(x):
    it, s = iter([1.0, 2.0]), 0.0
    for v in x:
        s = s + v * len((*it, 0.0))
    return s


def stop_iteration(x):
    it, s = iter([1.0, 2.0, 3.0]), 0.0
    while True:
        try:
            v = next(it)
        except StopIteration:
            break
        s = s + v * x[0]
    return s


def text_file(x):
    file, s = io.StringIO("1 2 3 4 5"), 0.0
    for i in range(5):
        s = s + float(file.read(2)) * x[i]
    return s


def constructor(x):
    Counted.count = 0
    s = 0.0
    for i in range(5):
        s = s + Counted(x[i]).v
    return s


def mutable_default(x):
    logged.__defaults__[0].clear()
    s = 0.0
    for i in range(5):
        s = s + logged(x[i])
    return s


def descriptor(x):
    o, s = Owner(), 0.0
    for i in range(5):
        o.v = x[i]
        s = s + o.v * o.times
    return s


def operator(x):
    a, s = Adder(), 0.0
    for i in range(5):
        s = s + (a + x[i])
    return s


def operator_in_a_branch(x):
    a = Adder()
    y = a + x[0] if x[1] > 0.4 else x[2]
    z = a + x[1] if x[1] < 0.4 else x[2]
    return y + z * 2 + (a + x[3])


def raised_out_of_a_loop(x):
    s = 0.0
    try:
        for i in range(5):
            s = s + x[i]
            if s > 1.5:
                raise Stop
    except Stop:
        s = s * 10.0
    return s


def raised_in_a_helper(x):
    def helper(v):
        if v > 0.8:
            raise Stop
        return v * 2.0
    s = 0.0
    for i in range(5):
        try:
            s = s + helper(x[i])
        except Stop:
            s = s + 100.0
    return s


def argument_checked(x):
    if x[0] <= 0:
        raise ValueError("positive")
    return x[0] * np.sum(x)


def bound_by_the_first_step(x):
    first, s = True, 0.0
    for v in x:
        if first:
            previous, first = v, False
        else:
            s += (v - previous) ** 2
            previous = v
    return s


def bound_by_else(x):
    for i in range(5):
        if x[i] > 0.8:
            found = x[i] * 2
            break
    else:
        found = 0.5
    return found * 3


def bound_by_else_alone(x):
    for i in range(5):
        if x[i] > 5.0:
            where = i
            break
    else:
        where = -1
    return x[where] * 2


def bound_on_one_path(x):
    if x[0] > 0.1:
        y = x[1]
    z = 2.0
    if x[0] > 0.1:
        z = y * 3
    return z


def best_so_far(x):
    best = None
    for i in range(5):
        if best is None or x[i] > x[best]:
            best = i
    return x[best] * 2


def two_lists(x):
    a, b = [], []
    for i in range(5):
        a.append(x[i])
        b.append(a[-1] * 2 + (b[-1] if i else 0.0))
    return sum(b)


def appended_under_a_condition(x):
    out = []
    for v in x:
        if v > 0.4:
            out.append(v * 2)
    return sum(out)


def stack(x):
    waiting, s = [], 0.0
    for v in x:
        waiting.append(v)
        if v > 0.6:
            s += waiting.pop() * 2
    return s + sum(waiting)


PROGRAMS = [numpy_generator, python_generator, drawn_arrays, drawn_positions, drawn_while, cycle, count, zipped, enumerated, mapped, own_generator,
            sent, expression, array_iterator, gone_through_in_parts, gone_through_by_a_comprehension, membership, starred, stop_iteration,
            text_file, constructor, mutable_default, descriptor, operator, operator_in_a_branch, raised_out_of_a_loop, raised_in_a_helper,
            argument_checked, bound_by_the_first_step, bound_by_else, bound_by_else_alone, bound_on_one_path, best_so_far, two_lists,
            appended_under_a_condition, stack]


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_value_and_gradient(f):
    want, wanted = f(X.copy()), ad.grad(f)(X.copy())
    jitted, both = ad.jit(f), ad.jit(ad.value_and_grad(f))
    for _ in range(2):
        np.testing.assert_allclose(jitted(X.copy()), want, rtol=1e-13)
        value, gradient = both(X.copy())
        np.testing.assert_allclose(value, want, rtol=1e-13)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-13)


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_the_other_path():
    for f, x in ((argument_checked, -X), (bound_by_else, X * 0.1), (bound_on_one_path, X * 0.1)):
        jitted = ad.jit(f)
        jitted(X)
        if f is argument_checked:
            with pytest.raises(ValueError, match="positive"):
                jitted(x)
        else:
            np.testing.assert_allclose(jitted(x), f(x))
        np.testing.assert_allclose(jitted(X), f(X))


def test_what_comes_from_outside_is_refused():
    rng, ticks, unseeded = random.Random(0), itertools.count(), np.random.default_rng
    for f in (lambda x: x * rng.random(), lambda x: x * next(ticks), lambda x: x * unseeded().random(), lambda x: x * random.random()):
        with pytest.raises(UnsupportedError, match="test_advancing.py"):
            ad.jit(f)(X)
        assert np.all(np.isfinite(ad.grad(lambda x, f=f: np.sum(f(x)))(X)))    # where Python runs every step it is fine


def test_a_name_that_may_have_no_value_is_refused_with_its_line():
    with pytest.raises(TypeError, match="`y` is read after a condition that binds it on one path only"):
        ad.vmap(bound_on_one_path)(np.stack([X, X]))


SOURCES = {"g": ("np.random.default_rng(5)", "g.random()"), "c": ("itertools.cycle([1.0, 2.0, -1.5])", "next(c)"),
           "k": ("itertools.count(1)", "next(k) * 0.1"), "o": ("Adder()", "(o + 0.3)"), "z": ("zip(range(99), range(99))", "next(z)[1]"),
           "e": ("(v * v for v in range(99))", "next(e) * 0.01"), "r": ("random.Random(2)", "r.uniform(0.0, 1.0)")}
HEAD = """import itertools
import random
import numpy as np


class Adder:
    def __init__(self):
        self.calls = 0

    def __add__(self, other):
        self.calls += 1
        return other * self.calls


def program(x):
"""


def source(seed: int) -> str:
    """A loop or two over what is advanced in steps, in branches and in front."""
    rnd = random.Random(seed)
    names = rnd.sample(list(SOURCES), rnd.randint(1, 3))
    lines = [f"    {n} = {SOURCES[n][0]}" for n in names] + ["    s = x[0]"]
    for _ in range(rnd.randint(1, 2)):
        indent, in_loop = "    ", rnd.random() < 0.8
        if in_loop:
            lines.append(f"{indent}for {rnd.choice(['i in range(4)', 'i in range(3, 0, -1)', 'i, _ in enumerate(x)'])}:")
            indent += "    "
        if rnd.random() < 0.4:
            lines.append(f"{indent}if {rnd.choice(['s > 0.9', 'x[1] > 0.4', 's * s < 2.0'])}:")
            indent += "    "
        for n in rnd.sample(names, rnd.randint(1, len(names))):
            lines.append(f"{indent}s = s * 0.7 + {SOURCES[n][1]} * x[{rnd.randrange(4)}]")
        if rnd.random() < 0.3:
            left = "break" if in_loop and rnd.random() < 0.5 else f"s = s - {SOURCES[names[0]][1]}"
            lines += [f"{indent}if s > 3.0:", f"{indent}    {left}"]
    return HEAD + "\n".join([*lines, "    return s", ""])


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed, tmp_path):
    f = load(source(seed), tmp_path, f"advancing_{seed}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jitted = ad.jit(ad.value_and_grad(f))
        for x in (X, X * 0.4, X * 2.0, X):
            value, gradient = jitted(x)
            np.testing.assert_allclose(value, f(x), rtol=1e-12)
            np.testing.assert_allclose(gradient, ad.grad(f)(x), rtol=1e-11)


def test_max_and_min_of_python_pass_nan_by():
    for x in (np.array([1.0, np.nan, 3.0, 3.0]), np.array([np.nan, 1.0, 2.0]), np.array([-np.inf, np.nan]), np.array([2.0, 1.0, 1.0])):
        np.testing.assert_array_equal(ad.jit(lambda x: np.array([max(x), min(x)]))(x), [max(x), min(x)])
    g = ad.jit(ad.grad(lambda x: max(x) - min(x) * 2))(np.array([2.0, 3.0, 3.0, 2.0]))
    np.testing.assert_array_equal(g, [-2.0, 1.0, 0.0, 0.0])    # the first of equal numbers is meant


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_the_dtype_is_that_of_the_path_taken():
    f = ad.jit(lambda x, y: y if x[0] > 0 else x)
    for sign in (1.0, -1.0, 1.0):
        assert f(X * sign, X.astype(np.float32)).dtype == (np.float32 if sign > 0 else np.float64)


def test_what_a_handler_would_catch_is_not_compiled_into_its_place():
    def factored(a):
        try:
            return np.linalg.cholesky(a)[1, 1]
        except np.linalg.LinAlgError:
            return np.sum(a)
    f = ad.jit(factored)
    with pytest.warns(RuntimeWarning, match="compiled along the path"):
        assert f(np.eye(2) * 4.0) == 2.0
    assert f(np.array([[1.0, 2.0], [2.0, 1.0]])) == 6.0
    assert "1 calls ran uncompiled: they handle an exception that depends on numbers" in f.why()


def test_a_kept_result_is_not_taken_for_a_traced_number(monkeypatch):
    monkeypatch.setattr(ad.config, "verify", "off")     # it counts how often the function runs
    from functools import lru_cache

    @lru_cache
    def squared(v):
        return v * v
    squared(0.3)
    f = lambda x: squared(x[0]) + sum(squared(v) for v in x)  # noqa: E731
    for gradient in (ad.grad(f)(X), ad.jit(ad.grad(f))(X)):
        np.testing.assert_allclose(gradient, 2 * X + [0.6, 0.0, 0.0, 0.0, 0.0])
    assert squared(0.3) == 0.09 and squared.cache_info().currsize == 1
