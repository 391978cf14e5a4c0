"""Python's own control flow and writes in place under jit: values against NumPy, gradients against differences and the uncompiled mode."""

import itertools
import math
import random

import numpy as np
import pytest

import autodiff as ad
from tracer.errors import UnsupportedError
from tracer.graph import all_nodes

X = np.linspace(0.1, 0.97, 12)
TABLE = np.array([1.0, 2.0, 3.0])


def doubling(x):
    n = 0
    b = x * 2
    while np.sqrt((b * b).sum()) < 1000.0:
        b = b * 2
        n += 1
    if b.sum() > 0:
        c = b
    else:
        c = 100 * b
    return c.sum() + n


def recurrence(u):
    x = np.zeros(u.shape[0])
    x[0] = u[0]
    for i in range(1, u.shape[0]):
        x[i] = np.tanh(0.9 * x[i - 1] + u[i])
    return x.sum()


def sweep(x):
    a = np.outer(x, x)
    for i in range(1, a.shape[0] - 1):
        for j in range(a.shape[1] - 2, 0, -1):
            a[i, j] = 0.2 * (a[i, j] + a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])
    return np.sum(a * a)


def swapped(x):
    a = np.outer(x, x)
    b = a.copy()
    for _ in range(5):
        b[1:-1, 1:-1] = 0.25 * (a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:])
        a, b = b, a
    return np.sum(a**2)


def jumps(x):
    s = 0.0
    for i in range(12):
        if x[i] > 0.8:
            continue
        s += x[i] * i
        if s > 5:
            break
    else:
        s = -s
    return s * x[0]


def early(x):
    for i in range(10):
        for j in range(i):
            if x[i] * x[j] > 0.2:
                return x[i] * 2 + j
    return x.sum()


def cholesky(x):
    a = np.outer(x, x) + np.eye(x.shape[0]) * 10
    for i in range(a.shape[0]):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[j, :j]
            a[i, j] /= a[j, j]
        a[i, i] -= a[i, :i] @ a[i, :i]
        a[i, i] = np.sqrt(a[i, i])
    return np.sum(np.log(np.diag(a)))


def lorenz(p):
    x, y, z = p[0], p[1], p[2]
    for _ in range(50):
        dx, dy, dz = 10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z
        x, y, z = x + 0.01 * dx, y + 0.01 * dy, z + 0.01 * dz
    return x + y + z


def masks(x):
    a = np.outer(x, x)
    m = a > 0.3
    a[m] = a[m] * 2
    return a[m].sum() / np.sum(m) + np.sum(a)


def logic(x):
    if x[0] > 0 and x[1] < 5 or x[2] == 3:
        y = [x * 2, x]
    else:
        y = [x * 3, -x]
    return (y[0] * y[1]).sum() if not 0 < x[3] < 0.2 else (y[0] + y[1]).sum() ** 2


def rows(x):
    total = 0.0
    for k, row in enumerate(np.outer(x, x + 1)):
        for a, b in zip(row, x):
            total = total + max(a, b) * k
    for v in reversed(x):
        total = total * 0.5 + float(v)
    return total


def forever(x):
    i = 0
    while True:
        i += 1
        if x[i] > 0.6:
            break
        if i >= 8:
            return x[0]
    return x[i] ** 2


def guarded_index(x):
    i, n = 0, x.shape[0]
    while i < n and x[i] < 0.5:
        i += 1
    j = 0
    while j < n and x[j] < 2.0:     # the index would be outside at the end
        j += 1
    return x[i] * j


class Damped:
    def __init__(self, k):
        self.k = k

    def step(self, x):
        return x * self.k if x.sum() > 3 else x / self.k


def methods(x):
    p = Damped(2.0)
    for _ in range(7):
        x = p.step(x)
    return x.sum()


def lists(x):
    out = []
    for i in range(5):
        out.append(math.sin(x[i]))
    return np.array(out).sum()


def views(x):
    y = np.linspace(0, 1, 12) * x
    y[2:5] += x[:3]
    b = y[3:]
    for i in range(3):
        b[i] = x[i] * b[i + 1]
        row = y[i:i + 3]
        row *= 0.5
    return (y * y).sum()


def nested_functions(x):
    count = 0.0

    def add(v):
        nonlocal count
        if v > 0.3:
            count += v
        return v * 2

    total = sum([add(x[i]) for i in range(4)])
    return total + count * x[5]


def promoted(x):
    s, m, row = 0, 1, 0.0
    for i in range(6):
        s = s + x[i]
        m = m * 2
        row = row + x
    return s * m + row.sum()


def triangular(x):
    s = x[0]
    for i in range(10):
        for j in range(i, 10, 3):
            for k in range(j, 0, -2):
                s = s + np.sin(x[i] * x[j]) * x[k]
    return s


def reversed_slices(x):
    y = np.zeros(12)
    y[0] = x[0]
    for k in range(1, 12):
        y[:k] += 0.1 * x[k] * y[:k][::-1]
        y[k] = np.sum(x[k - 1:k + 1]) + x[k:0:-1].sum()
    return (y * y).sum()


def adaptive(x):
    t, h, y = 0.0, 0.3, x[0]
    while t < 2.0:
        full = y + h * np.sin(x[1] * y)
        half = y + 0.5 * h * np.sin(x[1] * y)
        half = half + 0.5 * h * np.sin(x[1] * half)
        if abs(full - half) <= 1e-3:
            t += h
            y = half
            h = min(1.5 * h, 2.0 - t) if t < 2.0 else h
        else:
            h = 0.5 * h
    return y


def into(x):
    y = np.empty(12)
    np.multiply(x, 2.0, out=y)
    np.add(y, x, out=y)
    return (y * x).sum()


def handled(x):
    with np.errstate(all="ignore"):
        y = np.sqrt(x)
        if y[0] > 0:
            y = y + 1
    try:
        z = y * 2
    finally:
        w = x * 3
    return (z * w).sum()


CASES = [doubling, recurrence, sweep, swapped, jumps, early, cholesky, lorenz, masks, logic, rows, forever, guarded_index, methods, lists,
         views, nested_functions, promoted, triangular, reversed_slices, adaptive, into, handled]


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_values_and_gradients(f):
    np.testing.assert_allclose(ad.jit(f)(X), f(X), rtol=1e-12)
    g = ad.jit(ad.grad(f))(X)
    np.testing.assert_allclose(ad.grad(f)(X), g, rtol=1e-9, atol=1e-12)
    d, h = np.random.default_rng(0).normal(size=X.shape), 1e-6
    np.testing.assert_allclose(np.sum(g * d), (f(X + h * d) - f(X - h * d)) / (2 * h), rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("f", [recurrence, sweep, swapped, cholesky, adaptive, triangular, reversed_slices], ids=lambda f: f.__name__)
def test_other_modes(f):
    d = np.random.default_rng(1).normal(size=X.shape)
    g = ad.jit(ad.grad(f))(X)
    np.testing.assert_allclose(ad.jit(lambda x: ad.jvp(f, (x,), (d,))[1])(X), g @ d, rtol=1e-9)
    hd = ad.jit(lambda x: ad.hvp(f, x, d))(X)
    h = 1e-5
    want = (ad.jit(ad.grad(f))(X + h * d) - ad.jit(ad.grad(f))(X - h * d)) / (2 * h)
    np.testing.assert_allclose(hd, want, rtol=1e-4, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("f", [recurrence, early, adaptive, doubling], ids=lambda f: f.__name__)
def test_lanes_take_their_own_ways(f):
    many = np.stack([X, X[::-1] * 0.9, X * 1.4])
    np.testing.assert_allclose(ad.jit(ad.vmap(f))(many), [f(x) for x in many], rtol=1e-12)
    np.testing.assert_allclose(ad.jit(ad.vmap(ad.grad(f)))(many), [ad.grad(f)(x) for x in many], rtol=1e-9)


@pytest.mark.parametrize("f", [recurrence, sweep, cholesky, adaptive, forever, triangular], ids=lambda f: f.__name__)
def test_loops_stay_loops(f):
    nodes = list(all_nodes(ad.jit(f).trace(X)))
    assert any(n.op.name == "loop" for n in nodes) and len(nodes) < 80


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10])
def test_any_number_of_steps(n):
    def f(x, n):
        y, last = x, 0.0
        for i in range(n):
            last = np.sum(y) + i
            y = y * 1.1
        return np.sum(y) + last
    for g in (ad.jit(f), ad.jit(f, static_argnums=1)):
        np.testing.assert_allclose(g(X, n), f(X, n))


def test_assert_is_checked_at_run_time():
    def f(x):
        assert x[0] > 0, "must be positive"
        return x.sum()
    g = ad.jit(f)
    np.testing.assert_allclose(g(X), f(X))
    with pytest.raises(AssertionError, match="must be positive"):
        g(-X)


# -- arguments -------------------------------------------------------------------------------------

def fill(a, b, n):
    for _ in range(n):
        b[1:-1] = 0.5 * (a[:-2] + a[2:])
        a[1:-1] = 0.5 * (b[:-2] + b[2:])


def test_arguments_are_written_as_numpy_writes_them():
    f = ad.jit(fill)
    a, b = X.copy(), X * 2
    c, d = a.copy(), b.copy()
    for n in (3, 5):
        assert f(a, b, n) is None
        fill(c, d, n)
        np.testing.assert_allclose(a, c)
        np.testing.assert_allclose(b, d)
    f(a, a, 2)
    fill(c, c, 2)
    np.testing.assert_allclose(a, c)
    with pytest.raises(UnsupportedError, match="overlaps"):
        f(a[:-1], a[1:], 2)
    a.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        f(a, b, 1)


def test_derivatives_leave_the_caller_s_arrays_alone():
    def f(x, work):
        work[:] = x * 2
        x[0] = 3.0
        return (work * x).sum()
    for g in (ad.grad(f), ad.jit(ad.grad(f))):
        x, work = X.copy(), np.zeros(12)
        got = g(x, work)
        np.testing.assert_allclose(got, np.append(6.0, 4 * X[1:]))
        assert (x == X).all() and (work == 0).all()


def test_outside_arrays_are_read_at_each_call():
    f = ad.jit(lambda x: x * TABLE)
    before = f(2.0)
    TABLE[1] = 10.0
    try:
        assert f(2.0)[1] == 20.0 and before[1] == 4.0
    finally:
        TABLE[1] = 2.0


# -- what is written out or refused ----------------------------------------------------------------

def test_lists_are_written_out():
    def f(x, weights):
        for k in range(len(weights)):
            x = np.tanh(weights[k] * x)
        return x.sum()
    g = ad.jit(f)
    w = [1.0, 2.0, 0.5, 0.3]
    np.testing.assert_allclose(g(X, w), f(X, w))
    assert "written out" in g.why() and "test_ordinary_python.py" in g.why()


def test_long_loops_over_lists_warn_and_longer_ones_are_refused():
    def f(x, n):
        kept = []
        for i in range(n):
            kept.insert(0, x[i % 12] * i)
        return kept[0]
    with pytest.warns(RuntimeWarning, match=r"test_ordinary_python.py:\d+ is written out in 100 steps"):
        assert ad.jit(f, static_argnums=1)(X, 100) == f(X, 100)
    with pytest.raises(UnsupportedError, match="5000 steps(.|\n)*insert on a list from outside"):
        ad.jit(f, static_argnums=1)(X, 5000)


def test_two_names_for_one_written_array():
    def f(x):
        a = x.copy()
        b = np.zeros(12)
        for i in range(5):
            a[i] = b[i] + x[i]
            b = a
        return a.sum() + b.sum()
    np.testing.assert_allclose(ad.jit(f)(X), f(X))     # written out: a loop could not follow it


def test_shapes_that_change():
    def f(x):
        for _ in range(3):
            x = x[1:] + x[:-1] if len(x) % 2 else x[::2] * x[1::2]
        return x.sum()
    g = ad.jit(ad.grad(f))
    np.testing.assert_allclose(g(X), ad.grad(f)(X))
    assert "changes in the loop from f64[12] to f64[6]" in g.why()


def test_without_source_paths_are_compiled():
    space = {}
    lines = ["def h(x):", "    s, k = x.sum(), 0", "    while s > 1.0:", "        s, k = s * 0.5, k + 1", "    return s * x[0] + k"]
    exec("\n".join(lines), space)   # a text that nothing holds afterwards
    h = space["h"]
    f = ad.jit(ad.value_and_grad(h))
    with pytest.warns(RuntimeWarning) as caught:
        for k in range(12):
            x = X * 2.0**k * 0.17
            value, g = f(x)
            np.testing.assert_allclose(value, h(x))
            np.testing.assert_allclose(g, ad.grad(h)(x))
    assert len(caught) == 3 and "8 paths" in f.why() and "ran uncompiled" in f.why()


def test_integers_that_shapes_need():
    def f(x, n):
        y = np.zeros(n)
        y[:3] = x[:3]
        return y
    g = ad.jit(f)
    for n in (4, 7, 4):
        np.testing.assert_array_equal(g(X, n), f(X, n))
    assert g.cache_info().misses == 2 and "integers belong to its signature" in g.why()


@pytest.mark.parametrize("f", [
    lambda x, n: sum(itertools.islice(x, n)), lambda x, n: sum(itertools.islice(x, 1, None, n)), lambda x, n: range(n)[-1] * x[0],
    lambda x, n: sum(x[k] * k for k in reversed(range(n))), lambda x, n: len(list(itertools.permutations(x[:4], n))) * x[0],
    lambda x, n: len(bytes(n)) * x[0], lambda x, n: random.Random(n).random() * x[0], lambda x, n: np.random.default_rng(n).normal() * x[0],
    lambda x, n: np.random.RandomState(seed=n).rand() * x[0]], ids=range(9))
def test_integers_that_code_in_c_needs(f):
    g = ad.jit(ad.value_and_grad(f))
    for n in (2, 3, 2):
        np.testing.assert_allclose(g(X, n)[0], f(X, n))
        np.testing.assert_allclose(g(X, n)[1], ad.grad(f)(X, n))


def test_arrays_of_known_integers_say_how_to_write_to_them():
    def pivots(a, copied):
        p = np.arange(len(a))
        if copied:
            q, p = p, np.zeros(p.shape, p.dtype)
            p[:] = q
        for k in range(len(a) - 1):
            m = k + np.argmax(np.abs(a[k:, k]))
            if m != k:
                p[[k, m]] = p[[m, k]]
        return p
    a = np.outer(X[:4], X[4:8]) + np.eye(4)[::-1]
    f = ad.jit(pivots, static_argnums=1)
    with pytest.raises(UnsupportedError, match=r"they may be indices\n.*y = np.zeros"):
        f(a, False)
    np.testing.assert_array_equal(f(a, True), pivots(a, True))


def test_random_numbers_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(UnsupportedError, match="advanced once"):
        ad.jit(lambda x: x * rng.normal())(X)
    f = ad.jit(lambda x: x * np.random.default_rng(3).normal(size=12))
    np.testing.assert_array_equal(f(X), X * np.random.default_rng(3).normal(size=12))


def test_plain_arrays_from_outside_take_numbers():
    work = np.zeros(12)

    def f(x):
        work[0] = x[0]
        return x
    assert np.array_equal(ad.jit(f)(X), X) and work[0] == X[0]


def test_one_branch_only():
    def f(x):
        if x[0] > 5:
            y = x
        return y.sum()
    with pytest.raises(UnboundLocalError):
        ad.jit(f)(X)


def test_the_length_of_a_moving_slice_in_the_gradient_of_two_loops():
    def f(x):
        s, z = 0.5, 0.3
        for _ in range(2):
            for i in range(6):
                s = (x * (s - 0.07)) @ x
                z += len(x[i:4]) * s * 0.1
        return s + z
    value, g = ad.jit(ad.value_and_grad(f))(X)
    np.testing.assert_allclose(value, f(X), rtol=1e-12)
    np.testing.assert_allclose(g, ad.grad(f)(X), rtol=1e-12)
