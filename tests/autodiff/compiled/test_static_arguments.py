"""Arguments and results that are no arrays: static values, trees of classes, functions and objects."""

import enum
import functools
import gc
import itertools
import random
import weakref
from collections import defaultdict, namedtuple
from dataclasses import dataclass, replace
from types import SimpleNamespace

import attrs
import numpy as np
import pytest

import autodiff as ad

X = np.array([0.5, -1.5, 2.0])


class Method(enum.Enum):
    MEAN = 1
    SUM = 2


class Scale(enum.IntEnum):
    TWO = 2


def reduced(x, mode="mean", method=Method.SUM):
    y = x * x if method is Method.SUM else x * 3.0
    return np.mean(y) if mode == "mean" else np.sum(y)


def test_texts_and_members_of_enumerations():
    f, g = ad.jit(ad.value_and_grad(reduced)), ad.value_and_grad(reduced)
    calls = [((X,), {}), ((X, "sum"), {}), ((X,), {"mode": "sum"}), ((X, "mean", Method.MEAN), {}), ((X,), {"method": Method.MEAN, "mode": "sum"})]
    for _ in range(3):
        for args, kwargs in calls:
            value, gradient = f(*args, **kwargs)
            assert value == reduced(*args, **kwargs)
            np.testing.assert_allclose(gradient, g(*args, **kwargs)[1], rtol=1e-14)
    assert f.cache_info().misses == len(calls)


def test_why_names_the_argument_that_is_another():
    f = ad.jit(reduced)
    f(X, "mean", Method.SUM)
    f(X, "sum", Method.SUM)
    assert "argument 1 is 'sum', not 'mean'" in f.why()
    f(X, "sum", Method.MEAN)
    assert "argument 2 is <Method.MEAN: 1>, not <Method.SUM: 2>" in f.why()
    f(X, mode="sum")
    f(X, mode="mean")
    assert "argument 'mode' is 'mean', not 'sum'" in f.why()
    h = ad.jit(lambda x, d: x * d["k"] if d["how"] == "times" else x)
    h(X, {"k": 2.0, "how": "times"})
    h(X, {"k": 2.0, "how": "none"})
    assert "argument 1['how'] is 'none', not 'times'" in h.why()


EQUAL_BUT_DIFFERENT = [
    ("1", np.str_("1")), (Scale.TWO, "2"), (frozenset([1]), frozenset([True])), (range(0, 0), range(1, 1)), (slice(1), slice(True)),
    (functools.partial(np.multiply, 1), functools.partial(np.multiply, True)), (functools.partial(np.multiply, 0.0), functools.partial(np.multiply, -0.0)),
    ("1", b"1"), (np.float64, np.dtype("f8")), ("f8", np.dtype("f8")), (int, np.int64)]


@pytest.mark.parametrize("a, b", EQUAL_BUT_DIFFERENT, ids=str)
def test_equal_values_of_other_types_have_programs_of_their_own(a, b):
    f = ad.jit(lambda x, v: (x * 2.0, v))
    for v in (a, b, a, b):
        assert type(f(X, v)[1]) is type(v) and repr(f(X, v)[1]) == repr(v)
    assert f.cache_info().misses == 2


def test_numbers_inside_of_static_values_decide():
    f = ad.jit(lambda x, g: g(x))
    for k in (1, 1.0, True, np.float64(1.0), 0.0, -0.0):
        g = functools.partial(np.multiply, k)
        for x in (X, X.astype(np.float32), np.array([3, -4])):
            got, want = f(x, g), g(x)
            assert got.dtype == want.dtype and np.array_equal(got, want) and np.array_equal(np.signbit(got), np.signbit(want))


def test_dtypes_slices_and_indices():
    f = ad.jit(lambda x, d: x.astype(d))
    for d in ("f4", np.float32, np.dtype("i8"), int, float, "int64"):
        assert f(X, d).dtype == np.dtype(d)
    g = ad.jit(lambda x, s: x[s])
    for s in (slice(0, 2), slice(None, None, -1), slice(0, 2.0 and 2), Ellipsis, None, range(0, 2), range(2, 0, -1), range(0, 0), (slice(1), None)):
        assert np.array_equal(g(X, s), X[s])


def test_functions():
    f = ad.jit(ad.grad(lambda x, g: np.sum(g(x))))
    np.testing.assert_allclose(f(X, np.sin), np.cos(X))
    np.testing.assert_allclose(f(X, np.exp), np.exp(X))
    assert "argument 1 is <ufunc 'exp'>, not <ufunc 'sin'>" in f.why()
    np.testing.assert_allclose(f(X, lambda x: x * x * x), 3 * X * X)
    np.testing.assert_allclose(f(X, functools.partial(np.power, 2.0)), np.log(2.0) * 2.0 ** X)


def test_what_a_function_among_the_arguments_reads_is_looked_at():
    k, scale = np.array([0, 1]), 2.0

    def picked(x):
        return x[k] * scale
    f = ad.jit(lambda x, g: g(x).sum())
    assert f(X, picked) == picked(X).sum()
    k[1] = 2                # numbers of an array that were constants of the program
    assert f(X, picked) == picked(X).sum()
    scale = 5.0
    assert f(X, picked) == picked(X).sum()
    picked.__defaults__ = None
    assert f(X, picked) == picked(X).sum()


def test_what_methods_of_containers_and_members_of_enumerations_hold_is_looked_at():
    class Setting(enum.Enum):
        A = enum.auto()
        B = enum.auto()
    Setting.A.index, Setting.B.index = np.array([0]), np.array([1, 2])
    table = {"k": 2.0}
    f = ad.jit(lambda x, get: x * get("k"))
    g = ad.jit(lambda x, s: x[s.index].sum())
    for k in (2.0, 2.0, 5.0):
        table["k"] = k
        assert np.array_equal(f(X, table.get), X * k)
    for s in (Setting.A, Setting.B, Setting.A):
        assert g(X, s) == X[s.index].sum()
    Setting.A.index[0] = 2
    assert g(X, Setting.A) == X[2]
    Setting.A.index = np.array([1])
    assert g(X, Setting.A) == X[1] and g(X, Setting.B) == X[1:].sum()


class Model:
    def __init__(self, power):
        self.weights, self.power, self.calls = np.ones(3), power, 0

    def value(self, x):
        return np.sum((self.weights * x) ** self.power)


def test_objects():
    f = ad.jit(ad.grad(lambda x, m: m.value(x)))
    one, two = Model(2), Model(3)
    for m in (one, two, one, two):
        np.testing.assert_allclose(f(X, m), m.power * X ** (m.power - 1))
    assert f.cache_info().misses == 2
    one.power = 1
    np.testing.assert_allclose(f(X, one), np.ones(3))
    assert "`Model.power` is 1, not 2" in f.why()
    one.weights = one.weights * 2.0
    np.testing.assert_allclose(f(X, one), np.full(3, 2.0))
    one.weights[0] = 7.0
    np.testing.assert_allclose(f(X, one), [7.0, 2.0, 2.0])
    assert f.cache_info().misses == 3
    np.testing.assert_allclose(f(X, m=two), 3 * X ** 2)
    np.testing.assert_allclose(ad.grad(lambda x, m: m.value(x))(X, one), [7.0, 2.0, 2.0])


def test_objects_deep_in_the_arguments_and_numbers_in_them():
    f = ad.jit(lambda x, d: x[d["model"][0].k].sum())
    m = SimpleNamespace()
    m = Model(2)
    m.k = np.array([0, 1])
    assert f(X, {"model": [m]}) == X[m.k].sum()
    m.k[1] = 2
    assert f(X, {"model": [m]}) == X[m.k].sum()
    m.k = np.array([2])
    assert f(X, {"model": [m]}) == X[m.k].sum()


def test_what_a_function_changes_in_an_object_happens_at_each_call():
    class Log:
        def __init__(self):
            self.total, self.seen = 0.0, []

    def noted(x, log):
        log.total += x.sum()
        log.seen.append(x[0])
        return np.sum(x * x)
    f = ad.jit(ad.grad(noted))
    a, b = Log(), Log()
    for x, log in ((X, a), (X, b), (2 * X, a), (3 * X, a)):
        np.testing.assert_allclose(f(x, log), 2 * x)
    assert (a.total, a.seen, b.total, b.seen) == (6.0, [0.5, 1.0, 1.5], 1.0, [0.5])


def test_objects_of_nested_compiled_functions():
    inner = ad.jit(lambda x, m: np.sum(m.weights * x))
    outer = ad.jit(ad.grad(lambda x, m: inner(x, m) ** 2))
    m = Model(2)
    for change in (lambda: None, lambda: m.weights.__setitem__(0, 3.0), lambda: setattr(m, "weights", np.full(3, 2.0))):
        change()
        np.testing.assert_allclose(outer(X, m), 2 * np.sum(m.weights * X) * m.weights)
        assert inner.cache_info().currsize <= 1     # objects of a recording are not kept
        np.testing.assert_allclose(inner(X, m), np.sum(m.weights * X))


def test_objects_are_not_kept_for_ever():
    from autodiff.compiled.by_object import MOST_OBJECTS
    f = ad.jit(lambda x, m: m.value(x))
    first = Model(2)
    gone = weakref.ref(first)
    f(X, first)
    del first
    for _ in range(MOST_OBJECTS):
        f(X, Model(1))
    gc.collect()
    assert gone() is None and f.cache_info().currsize == MOST_OBJECTS
    f.cache_clear()
    assert f.cache_info().currsize == 0


def test_a_function_that_is_made_anew_for_each_call_is_warned_of():
    f = ad.jit(lambda x, g: g(x))
    with pytest.warns(RuntimeWarning, match="a new function for each call") as caught:
        for _ in range(20):
            f(X, lambda x: x + 1.0)
    assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize("wrong, name", [({1, 2}, "set"), (iter([1]), "list_iterator"), (np.random.default_rng(0), "Generator"), (2j, "complex"),
                                         (random.Random(0), "Random"), ([{"a": {3}}], "set")],
                         ids=["set", "iterator", "Generator", "complex", "Random", "nested set"])
def test_what_cannot_be_an_argument_is_refused_with_its_name(wrong, name):
    for f in (ad.jit(lambda x, w: x), ad.jit(ad.grad(lambda x, w: x.sum()))):
        with pytest.raises(TypeError) as e:
            f(X, wrong)
        text = str(e.value)
        assert f"argument 1{'[0]' if isinstance(wrong, list) else ''}" in text and f"is {name}" in text and "test_static_arguments.py:" in text
        assert "dataclass" in text and "close over" in text and "static_argnames" in text


# -- trees ---------------------------------------------------------------------------------------

Pair = namedtuple("Pair", "a b")


@dataclass
class Layer:
    w: object
    b: object
    activation: object = np.tanh
    name: str = "layer"


@dataclass(frozen=True)
class Frozen:
    w: object
    b: object
    activation: object = np.tanh
    name: str = "layer"


@attrs.define
class Attrs:
    w: object
    b: object
    activation: object = np.tanh
    name: str = "layer"


class Own:
    def __init__(self, w, b, activation=np.tanh, name="layer"):
        self.w, self.b, self.activation, self.name = w, b, activation, name


ad.register_tree(Own, lambda x: ((x.w, x.b), (x.activation, x.name)), lambda aux, parts: Own(*parts, *aux))
KINDS = [Layer, Frozen, Attrs, Own, namedtuple("Named", "w b activation name"), lambda *parts: SimpleNamespace(**dict(zip(("w", "b", "activation", "name"), parts)))]


def applied(layer, x):
    y = layer.activation(layer.w * x + layer.b)
    return np.sum(y) if layer.name == "layer" else np.sum(y * y)


@pytest.mark.parametrize("make", KINDS, ids=["dataclass", "frozen", "attrs", "registered", "namedtuple", "namespace"])
def test_classes_are_trees_for_all_transforms(make):
    layer, square = make(2.0 * X, 1.0, np.tanh, "layer"), make(2.0 * X, 1.0, np.sin, "square")
    d = 1.0 - np.tanh(2.0 * X * X + 1.0) ** 2
    for g in (ad.grad(applied), ad.jit(ad.grad(applied))):
        for _ in range(2):
            out = g(layer, X)
            np.testing.assert_allclose(out.w, d * X)
            np.testing.assert_allclose(out.b, np.sum(d))
            assert type(out) is type(layer) and out.name == "layer" and out.activation is np.tanh
    f = ad.jit(applied)
    assert np.isclose(f(layer, X), applied(layer, X)) and np.isclose(f(square, X), applied(square, X)) and np.isclose(f(layer, x=X), applied(layer, X))
    assert f.cache_info().misses == 3
    value, gradient = ad.jit(ad.value_and_grad(applied))(layer, X)
    assert np.isclose(value, applied(layer, X)) and np.allclose(gradient.w, d * X)
    y, pull = ad.vjp(lambda p: applied(p, X), layer)
    assert np.allclose(pull(1.0)[0].w, d * X) and pull(1.0)[0].name == "layer"
    y, dy = ad.jvp(lambda p: applied(p, X), (layer,), (make(X, 0.0, np.tanh, "layer"),))
    assert np.isclose(dy, np.sum(d * X * X))
    doubled = ad.jit(lambda p: make(2.0 * p.w, p.b, p.activation, p.name))(layer)
    assert type(doubled) is type(layer) and np.array_equal(doubled.w, 4.0 * X) and doubled.activation is np.tanh and doubled.name == "layer"
    stacked = ad.vmap(lambda p: make(2.0 * p.w, p.b, p.activation, p.name))(make(np.stack([X, X]), np.ones(2), np.tanh, "layer"))
    assert np.array_equal(stacked.w, np.stack([2 * X, 2 * X])) and stacked.name == "layer"
    t = ad.tensor(X, requires_grad=True)
    ad.jit(applied)(make(t, 1.0, np.sin, "layer"), X).backward()
    np.testing.assert_allclose(t.grad.numpy(), np.cos(X * X + 1.0) * X)


@pytest.mark.parametrize("make", KINDS[:4], ids=["dataclass", "frozen", "attrs", "registered"])
def test_classes_are_carried_by_loops_and_joined_by_branches(make):
    def run(p, x):
        for _ in range(50):
            p = make(0.5 * p.w + x, p.b + 1.0, p.activation, p.name)
        if p.b > 20.0:
            p = make(p.w * 2.0, p.b, p.activation, p.name)
        return p
    f = ad.jit(run)
    got, want = f(make(X, 0.0, np.tanh, "layer"), X), run(make(X, 0.0, np.tanh, "layer"), X)
    np.testing.assert_allclose(got.w, want.w)
    assert got.b == want.b and got.name == "layer" and "written out" not in f.why() and "path" not in f.why()


def test_what_a_function_changes_in_its_trees_the_caller_sees():
    def step(p):
        p.w = p.w * 2.0
        p.extra = p.b + 1.0
        return np.sum(p.w)
    for p in (Layer(X, 1.0), Own(X, 1.0), SimpleNamespace(w=X, b=1.0)):
        assert ad.jit(step)(p) == 2.0 * X.sum()
        assert np.array_equal(p.w, 2.0 * X) and p.extra == 2.0
    p = Attrs(X, 1.0)

    def small(p):
        p.w = p.w * 2.0
        return np.sum(p.w)
    assert ad.jit(small)(p) == 2.0 * X.sum() and np.array_equal(p.w, 2.0 * X)
    d = defaultdict(float, a=X)
    assert np.array_equal(ad.jit(lambda d: d["a"] + d["b"])(d), X) and dict(d).keys() == {"a", "b"} and d["c"] == 0.0


# -- results -------------------------------------------------------------------------------------

def test_static_results_come_back_as_they_are():
    def f(x):
        return {"value": np.sum(x * x), "name": "loss", "none": None, "method": Method.SUM, "type": np.float32, "part": slice(0, 2)}, Layer(x, 1.0)
    want = f(X)
    for g in (f, ad.jit(f)):
        for _ in range(3):
            out, layer = g(X)
            assert out == want[0] and list(out) == list(want[0]) and out["method"] is Method.SUM and layer.activation is np.tanh
    for h in (ad.value_and_grad(lambda x: (np.sum(x), {"note": "text", "how": Method.SUM}), has_aux=True),
              ad.value_and_grad(lambda x: (np.sum(x * np.ones(3)), {"note": "text", "how": Method.SUM}), has_aux=True)):
        for g in (h, ad.jit(h)):
            for _ in range(2):
                (_, aux), _ = g(X)
                assert aux == {"note": "text", "how": Method.SUM}


def test_results_that_may_hold_traced_values_are_refused():
    class Box:
        def __init__(self, x):
            self.x = x
    for f in (lambda x: (x, Box(x)), lambda x: (x, lambda: x), lambda x: (x, functools.partial(np.add, x)), lambda x: [Box(x).__init__]):
        with pytest.raises(TypeError, match=r"result\[\d\] is .*, which cannot be traced"):
            ad.jit(f)(X)
    assert ad.jit(lambda x, g: (x, g))(X, reduced)[1] is reduced


def test_functions_of_any_kind_among_the_arguments_and_the_result():
    for g in (np.sin, len, reduced, functools.partial(reduced, mode="sum"), Model, "".join):
        for _ in range(2):
            assert ad.jit(lambda x, g: (x, g))(X, g)[1] is g


# -- derivatives with respect to what has none -----------------------------------------------------

def test_a_derivative_with_respect_to_a_static_argument():
    for make in (ad.grad, ad.value_and_grad, ad.jacobian, ad.jacfwd, ad.jacrev, ad.hessian):
        for g in (make(reduced, 1), ad.jit(make(reduced, 1)), make(reduced, (0, 1))):
            with pytest.raises(TypeError, match=r"with respect to argument 1, which is str 'mean'"):
                g(X, "mean")
    with pytest.raises(TypeError, match="which is a Layer without arrays"):
        ad.grad(applied)(Layer("a", "b"), X)
    with pytest.raises(TypeError, match="vjp with respect to argument 1"):
        ad.vjp(reduced, X, "mean")


def test_directions_may_leave_static_values_out():
    for tangent in ("sum", None):
        _, dy = ad.jvp(reduced, (X, "sum"), (np.ones(3), tangent))
        assert dy == 2 * X.sum()
    _, pull = ad.vjp(lambda x: (x * 2.0, "text"), X)
    for ct in ((np.ones(3), None), (np.ones(3), "text")):
        assert np.array_equal(pull(ct)[0], np.full(3, 2.0))


# -- everything mixed ------------------------------------------------------------------------------

def test_random_calls():
    """Random nests of arrays, numbers, statics, functions and objects: compiled and plain calls agree, in whatever order they come."""
    rng = random.Random(1)
    models = [Model(1), Model(2)]
    leaves = [X, 2.0 * X, 3, 0.5, "mean", "sum", Method.MEAN, Method.SUM, None, np.sin, np.float32, slice(0, 2), models[0], models[1], reduced]

    def nest(depth):
        if depth == 0 or rng.random() < 0.3:
            return rng.choice(leaves)
        parts = [nest(depth - 1) for _ in range(2)]
        return rng.choice([lambda: tuple(parts), lambda: list(parts), lambda: {"p": parts[0], "q": parts[1]}, lambda: Pair(*parts),
                           lambda: Layer(*parts), lambda: Own(*parts), lambda: SimpleNamespace(p=parts[0], q=parts[1])])()

    def total(v):
        if isinstance(v, (tuple, list)):
            return sum([total(p) for p in v], 0.0)
        if isinstance(v, dict):
            return sum([total(p) for p in v.values()], 0.0)
        if isinstance(v, (Layer, Own, SimpleNamespace)):
            return sum([total(p) for p in vars(v).values()], 0.0)
        if isinstance(v, str):
            return float(len(v))
        if isinstance(v, Method):
            return 10.0 * v.value
        if isinstance(v, slice):
            return np.sum(X[v])
        if isinstance(v, Model):
            return v.value(X)
        if v is None or isinstance(v, type):
            return 100.0
        if callable(v):
            return np.sum(v(X))
        return np.sum(v * v)
    f = ad.jit(lambda x, v: np.sum(x) * total(v))
    seen = [nest(3) for _ in range(40)]
    for k in range(120):
        v = seen[k % 40] if k % 3 else rng.choice(seen)
        if k == 60:
            models[0].power, models[1].weights = 3, np.full(3, 0.5)
        np.testing.assert_allclose(f(X, v), np.sum(X) * total(v), rtol=1e-12, err_msg=repr(v))


def test_static_argnames_stay():
    f = ad.jit(lambda x, n, mode: x * n if mode == "times" else x, static_argnames=("n", "mode"))
    for n, mode in itertools.product((2, 2.0, True), ("times", "none")):
        assert np.array_equal(f(X, n, mode), X * n if mode == "times" else X)
    assert f.cache_info().misses == 6
    frozen = replace(Frozen(1, 2), w=3)
    g = ad.jit(lambda x, c: x * c.w, static_argnames="c")
    for w in (1, 1.0, True, 3):
        assert g(np.array([2]), replace(frozen, w=w)).dtype == (np.array([2]) * w).dtype
    assert g.cache_info().misses == 4
