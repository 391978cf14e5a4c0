"""What changes outside of a compiled function between two calls is seen by the next call; before, most kinds of reads were not looked at."""

import functools
import os
from collections import OrderedDict, defaultdict, deque

import numpy as np
import pytest

import autodiff as ad

X = np.array([1.0, 2.0, 4.0])


class Box:
    """A namespace of its own for each test."""


class Base:
    gain = 1.0

    def value(self, x):
        return np.sum(x) * self.gain


class Derived(Base):
    own = 3.0

    def value(self, x):
        return super().value(x) + np.sum(x) * super().gain * self.own

    def __call__(self, x):
        return self.value(x) * 2.0


class Slotted:
    __slots__ = ("k",)

    def __init__(self):
        self.k = 2.0


def doubled(x):
    return np.sum(x) * 2


def tripled(x):
    return np.sum(x) * 3


helper = doubled


def with_default(x, factor=[1.0], *, shift={"s": 0.0}):  # noqa: B006
    return np.sum(x) * factor[0] + shift["s"]


def cases():
    """(name, function, changes one after another)."""
    b = Box()
    b.items, b.table, b.names, b.queue, b.nested = [1.0, 2.0], {"a": 1.0}, {"u"}, deque([1.0]), {"p": [1.0, {"q": 2.0}]}
    b.arrays, b.object, b.slotted, b.counts, b.ordered = [np.ones(3)], Derived(), Slotted(), defaultdict(float), OrderedDict(m=1.0, n=2.0)
    b.partial = functools.partial(lambda x, k: np.sum(x) * k, k=2.0)
    b.bound = b.object.value
    yield "a list is gone through", lambda x: sum(w * x[0] for w in b.items), [lambda: b.items.append(3.0), lambda: b.items.pop(0)]
    yield "a list of arrays is gone through", lambda x: sum(np.dot(w, x) for w in b.arrays), [lambda: b.arrays.append(X)]
    yield "the length of a list", lambda x: np.sum(x) * len(b.items), [lambda: b.items.append(3.0)]
    yield "the last element", lambda x: np.sum(x) * b.items[-1], [lambda: b.items.append(9.0), lambda: b.items.__setitem__(-1, 8.0)]
    yield "a slice of a list", lambda x: np.sum(x) * sum(b.items[:2]), [lambda: b.items.insert(0, 9.0)]
    yield "a list handed to NumPy", lambda x: np.sum(np.array(b.items)) * x[0], [lambda: b.items.append(3.0)]
    yield "a list in a dict in a list", lambda x: x[0] * b.nested["p"][1]["q"], [lambda: b.nested["p"].__setitem__(1, {"q": 7.0})]
    yield "a key appears", lambda x: np.sum(x) * (2.0 if "b" in b.table else 1.0), [lambda: b.table.update(b=1.0), lambda: b.table.clear()]
    yield "dict.get", lambda x: np.sum(x) * b.table.get("k", 5.0), [lambda: b.table.update(k=2.0)]
    yield "the entries of a dict", lambda x: sum(v * x[0] for v in b.ordered.values()), [lambda: b.ordered.update(o=3.0)]
    yield "membership of a set", lambda x: np.sum(x) * (2.0 if "v" in b.names else len(b.names)), [lambda: b.names.add("v")]
    yield "a deque", lambda x: np.sum(x) * b.queue[0] + len(b.queue), [lambda: b.queue.appendleft(4.0)]
    yield "a default dict", lambda x: np.sum(x) + b.counts["k"], [lambda: b.counts.update(k=5.0)]
    yield "an attribute appears", lambda x: np.sum(x) * (2.0 if hasattr(b, "extra") else 1.0), [lambda: setattr(b, "extra", 1)]
    yield "getattr with a default", lambda x: np.sum(x) * getattr(b, "other", 3.0), [lambda: setattr(b, "other", 2.0)]
    yield "an attribute of an object with slots", lambda x: np.sum(x) * b.slotted.k, [lambda: setattr(b.slotted, "k", 6.0)]
    yield "an object is another", lambda x: b.object.value(x), [lambda: setattr(b, "object", Base())]
    yield "a class attribute", lambda x: b.object.value(x), [lambda: setattr(Base, "gain", 4.0), lambda: setattr(Derived, "own", 5.0)]
    yield "an attribute hides one of the class", lambda x: b.object.value(x), [lambda: setattr(b.object, "gain", 4.0)]
    yield "a bound method", b.bound, [lambda: setattr(Derived, "own", 7.0)]
    yield "an object that is called", b.object, [lambda: setattr(Derived, "own", 7.0)]
    yield "a method is replaced", lambda x: b.object.value(x), [lambda: setattr(Derived, "value", lambda self, x: np.prod(x))]
    yield "a helper is defined anew", lambda x: helper(x) + 1.0, [lambda: globals().update(helper=tripled)]
    yield "the code of a helper", lambda x: doubled(x) + 1.0, [lambda: setattr(doubled, "__code__", tripled.__code__)]
    yield "a default is changed", lambda x: with_default(x), [lambda: with_default.__defaults__[0].__setitem__(0, 7.0),
                                                              lambda: with_default.__kwdefaults__["shift"].update(s=2.0)]
    yield "other defaults", lambda x: with_default(x), [lambda: setattr(with_default, "__defaults__", ([9.0],))]
    yield "keywords of a partial", lambda x: b.partial(x), [lambda: b.partial.keywords.update(k=9.0)]
    yield "a partial function", b.partial, [lambda: b.partial.keywords.update(k=9.0)]
    yield "the environment", lambda x: np.sum(x) * float(os.environ.get("AUTODIFF_TEST_FACTOR", "2")), [
        lambda: os.environ.update(AUTODIFF_TEST_FACTOR="3")]


@pytest.fixture
def restored():
    code, defaults, by_name = doubled.__code__, with_default.__defaults__, with_default.__kwdefaults__
    value, own = Derived.value, Derived.own
    yield
    globals().update(helper=doubled)
    doubled.__code__, with_default.__defaults__, with_default.__kwdefaults__ = code, defaults, by_name
    with_default.__defaults__[0][0], with_default.__kwdefaults__["shift"]["s"] = 1.0, 0.0
    Base.gain, Derived.own, Derived.value = 1.0, own, value
    os.environ.pop("AUTODIFF_TEST_FACTOR", None)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("number", range(len(list(cases()))), ids=[name.replace(" ", "_") for name, _, _ in cases()])
def test_the_next_call_sees_it(number):
    _, f, changes = list(cases())[number]
    jitted, both = ad.jit(f), ad.jit(ad.value_and_grad(f))
    for change in (lambda: None, *changes):
        change()
        for _ in range(2):
            np.testing.assert_allclose(jitted(X), f(X), rtol=1e-14)
            np.testing.assert_allclose(both(X)[0], f(X), rtol=1e-14)
    assert jitted.cache_info().misses <= 1 + len(changes)       # a call after no change records nothing


def test_what_the_function_itself_changes_is_its_own_affair():
    log = []

    @ad.jit
    def f(x):
        log.append(1)
        return np.sum(x) * 2
    for _ in range(5):
        f(X)
    assert f.cache_info().misses == 1


def test_objects_made_inside_are_not_watched():
    @ad.jit
    def f(x):
        d = {"a": x[0], "b": [1.0, 2.0]}
        return sum(d["b"]) * d["a"] + Derived().value(x)
    f(X)
    assert len(f._around.reads.contents) == 0 and not any("[" in name for *_, name in f._around.reads.items.values())


class Scaled:
    """Made in the compiled function: its class is from outside all the same. Until now only objects from outside had their classes watched,
    and every test made its objects outside."""

    scale = 0.5

    def __init__(self, value):
        self._value = value

    @property
    def value(self):
        return self._value * self.scale


def test_a_class_attribute_read_by_an_object_made_in_the_function(monkeypatch):
    f = ad.jit(lambda x: Scaled(x).value + Scaled(x).scale)
    assert f(2.0) == 1.5
    monkeypatch.setattr(Scaled, "scale", 3.0)
    assert f(2.0) == 9.0
