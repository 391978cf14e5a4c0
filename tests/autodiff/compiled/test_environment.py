"""What a compiled function reads outside of its arguments has the value of the moment at each call."""

import numpy as np
import pytest

import autodiff as ad
from codegen.config import config
from tests.check import assert_same

X = np.array([0.4, -0.9, 1.3])
WEIGHTS = np.array([1.0, 2.0, 3.0])
SCALE = 2.0
PLACES = np.array([0, 2])
TABLE = {"w": WEIGHTS * 1.0, "k": 3.0, "rows": [WEIGHTS + 1.0, WEIGHTS + 2.0]}


class Settings:
    dt = 0.1


def helper(x):
    return x * SCALE + (WEIGHTS * Settings.dt) ** 2


def everything(x):
    return np.sum(helper(x) * TABLE["w"] * TABLE["k"]) + np.sum(x[PLACES]) + np.sum(TABLE["rows"][1] * x)


@pytest.fixture(params=["llvm", "numba"])
def generator(request, monkeypatch):
    monkeypatch.setattr(config, "generator", request.param)


def agrees(f, g, *args):
    assert_same(g(*args), np.float64(f(*args)), 1e-13)
    assert_same(g(*args), np.float64(f(*args)), 1e-13)


def test_globals(generator, monkeypatch):
    f, space = ad.jit(everything), globals()
    gradient = ad.jit(ad.grad(everything))

    def check():
        agrees(everything, f, X)
        assert_same(gradient(X), ad.grad(everything)(X), 1e-12)
    check()
    for change in (lambda: monkeypatch.setitem(space, "WEIGHTS", WEIGHTS * 3.0), lambda: WEIGHTS.__setitem__(1, 9.0),
                   lambda: monkeypatch.setitem(space, "SCALE", 5.0), lambda: monkeypatch.setattr(Settings, "dt", 0.7),
                   lambda: monkeypatch.setitem(TABLE, "w", X + 1.0), lambda: TABLE["rows"].__setitem__(1, X * 4.0),
                   lambda: monkeypatch.setitem(space, "PLACES", np.array([1, 1])), lambda: PLACES.__setitem__(0, 2),
                   lambda: monkeypatch.setitem(TABLE, "k", 7.0)):
        change()
        check()
    TABLE["rows"][1] = WEIGHTS + 2.0


def test_variables_of_functions_around(generator):
    w, k = np.ones(3), 2.0

    def f(x):
        return np.sum((w + 1.0) * x) * k

    def replace(new_w, new_k):
        nonlocal w, k
        w, k = new_w, new_k
    g = ad.jit(f)
    agrees(f, g, X)
    w[0] = 5.0
    agrees(f, g, X)
    replace(np.arange(3.0), 2.0)
    agrees(f, g, X)
    assert g.cache_info().misses == 1
    replace(np.float64(3.0) * np.ones(1), 2.0)
    agrees(f, g, X)
    assert "`w` is float64[1], not float64[3]" in g.why()
    replace(w, 4.0)
    agrees(f, g, X)
    assert "`k` is 4.0, not 2.0" in g.why()


def test_attributes(generator):
    class Model:
        def __init__(self):
            self.w, self.__hidden, self.layers = np.ones(3), 2.0, [np.ones(3), X * 2.0]

        def shift(self):
            return self.w * self.__hidden

        def hide(self, v):
            self.__hidden = v

        @ad.jit
        def loss(self, x):
            return np.sum(self.shift() * x) + np.sum(self.layers[0] * self.layers[1] * x)

        def plain(self, x):
            return np.sum(self.shift() * x) + np.sum(self.layers[0] * self.layers[1] * x)
    one, two = Model(), Model()
    two.w = X * 3.0
    for m in (one, two, one):
        agrees(m.plain, m.loss, X)
    one.w = one.w + 1.0
    one.layers[0] = X
    agrees(one.plain, one.loss, X)
    assert one.loss.cache_info().misses == 1
    one.hide(7.0)
    agrees(one.plain, one.loss, X)
    agrees(two.plain, two.loss, X)
    bound = ad.jit(ad.value_and_grad(two.plain))
    assert_same(bound(X)[1], ad.grad(two.plain)(X), 1e-13)
    two.w[:] = 0.5
    assert_same(bound(X)[1], ad.grad(two.plain)(X), 1e-13)


def test_with_static_arguments_and_keywords():
    w = np.ones(3)

    def f(x, n, y=1.0):
        return np.sum(w ** 2 * x) * n + y
    g = ad.jit(f, static_argnums=1)
    for _ in range(3):
        agrees(f, g, X, 2)
        assert_same(g(X, 3, y=2.0), f(X, 3, y=2.0), 1e-13)
        w = w + 1.0
    assert g.cache_info().misses == 2


def test_a_function_that_needs_the_numbers():
    lengths, w = np.array([1.0, 2.0]), np.ones(3)

    def f(x):
        return sum(np.sum(x[:int(n)]) for n in lengths.tolist()) + np.sum(w * x)
    g = ad.jit(f)
    agrees(f, g, X)
    lengths[1] = 3.0
    agrees(f, g, X)
    w[2] = 4.0
    agrees(f, g, X)


def test_what_the_function_itself_sets_is_no_change():
    calls = []
    count = 0

    def f(x):
        nonlocal count
        count += 1
        calls.append(1)
        return x * 2.0
    g = ad.jit(f)
    for _ in range(3):
        g(X)
    assert g.cache_info().misses == 1


def test_arrays_from_outside_are_written_at_each_call():
    w = np.ones(3)

    def f(x):
        w[0] = x[0]
        return np.sum(w)

    def h(x):
        v = w
        v += x
        return np.sum(v)
    for g in (f, h):
        w[:] = 1.0
        wanted = [(g(X), w.copy()) for _ in range(3)]
        w[:] = 1.0
        compiled = ad.jit(g)
        for value, after in wanted:
            assert np.allclose(compiled(X), value) and np.allclose(w, after)


def test_copies_may_be_written_in_loops():
    w = np.arange(6.0)

    def f(x):
        y = w.copy()
        for i in range(6):
            y[i] = y[i] * x[i % 3] + w[i - 1]
        return np.sum(y)
    g = ad.jit(ad.value_and_grad(f))
    value, gradient = g(X)
    assert_same(value, np.float64(f(X)), 1e-13)
    assert_same(gradient, ad.grad(f)(X), 1e-13)
    w *= 2.0
    assert_same(g(X)[0], np.float64(f(X)), 1e-13)


def test_jitted_functions_inside():
    w = np.ones(3)
    inner = ad.jit(lambda x: np.sum(w * x))
    outer = ad.jit(lambda x: inner(x) * 2.0)
    np.testing.assert_allclose(outer(X), 2.0 * np.sum(X), rtol=1e-15)     # sums have an order of their own
    w = w * 3.0
    assert_same(outer(X), np.float64(6.0 * np.sum(X)), 1e-13)
    assert_same(inner(X), np.float64(3.0 * np.sum(X)), 1e-13)


def test_functions_made_in_a_recorded_function_are_called_later():
    kept = []

    def f(x):
        def g(y):
            return y * WEIGHTS if y[0] > 0 else y
        kept.append(g)
        return np.sum(g(x))
    ad.jit(f)(X)
    assert_same(kept[0](X), X * WEIGHTS)


def test_objects_without_a_dict_and_places_that_stay_few():
    class Limits:
        __slots__ = ("low", "high")
        step = 0.5

        def __init__(self):
            self.low, self.high = -0.5, X * 2.0
    limits = Limits()

    def f(x):
        return np.sum(np.maximum(x, limits.low) * limits.high[:x.shape[0]]) * Limits.step
    g = ad.jit(f)
    for n in (1, 2, 3):
        agrees(f, g, X[:n])
    count = len(g._around.places)
    g(X.reshape(3)[:2].copy())
    assert len(g._around.places) == count <= 8
    limits.low = 0.0
    agrees(f, g, X)
    limits.high = X * 3.0
    agrees(f, g, X)
    Limits.step = 2.0
    agrees(f, g, X)


@pytest.mark.parametrize("size", [10, 100_000])
def test_numbers_taken_as_constants_are_compared_in_arrays_of_any_size(size):
    places = np.zeros(size, np.int64)
    x = np.arange(1.0, 4.0)

    def f(x):
        return np.sum(x[places[:3]]) + (x[1] ** 2 if places[5] > 0 else x[2])
    compiled = ad.jit(ad.grad(f))
    assert_same(compiled(x), np.array([3.0, 0.0, 1.0]))
    places[:] = 1
    assert_same(compiled(x), np.array([0.0, 7.0, 0.0]))
