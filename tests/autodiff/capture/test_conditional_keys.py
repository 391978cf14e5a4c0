"""Keys and attributes that one way of a condition adds: whether they are there decides what the program does afterwards.

Found by seed 300326 of `python -m tests.random_programs --objects`: what was added was lost where the ways met again, silently. Keys of the
tests' dicts, and attributes of their objects, were there before. Such functions are compiled along the path now.
"""

import numpy as np
import pytest

import autodiff as ad


class Grid:
    def __init__(self, u):
        self.u = u
        self.items = {}

    def put(self, key, value):
        self.items[key] = value

    def __setitem__(self, key, value):
        self.items[key] = value


def added(x):
    """An object to which something was added or not."""
    g = Grid(x)
    if x[0] > 0:
        g["a"] = x[1]
    return g


def by_a_method(x):
    g = Grid(x)
    if np.any(x > 1.5):
        g.put("a", 1)
    return sum(g.items.values()) + x[0]


def in_a_dict(x):
    d = {"b": x[0]}
    if np.all(x > 0):
        d["a"] = 1
    return sum(d.values()) * x[2]


def in_a_closure(x):
    d = {"b": x[0]}

    def put(k, v):
        d[k] = v
    if x[0] > 0:
        put("a", x[1])
    return len(d) * x[0]


def in_a_loop(x):
    d = {}
    for i in range(len(x)):
        if x[i] > 0:
            d[i % 2] = x[i]
    return len(d) * x[0] + sum(d.values())


def by_update(x):
    d = {"a": 1.0, "b": x[0]}
    if x[0] > 0:
        d.update(c=x[1])
    return sum(d.values()) * x[1]


def an_attribute(x):
    g = Grid(x)
    if x[0] > 0:
        g.extra = x[1]
    return getattr(g, "extra", 0.0) + len(vars(g)) * x[0]


def on_two_ways_in_two_orders(x):
    d = {}
    if x[0] > 0:
        d["a"], d["b"] = x[1], x[2]
    else:
        d["b"], d["a"] = x[1], x[2]
    return d["a"] * 2 + next(iter(d.values()))


def on_two_ways_in_one_order(x):
    d = {}
    if x[0] > 0:
        d["a"], d["b"] = x[1], x[2]
    else:
        d["a"], d["b"] = x[2], 0.5
    return d["a"] * 2 + next(iter(d.values()))


USES = [lambda g, x: (g.items["a"] if "a" in g.items else 0.0) + x[0], lambda g, x: g.items.get("a", 0.0) + x[0],
        lambda g, x: sum(dict(g.items).values()) + x[0], lambda g, x: len({**g.items}) * x[0], lambda g, x: len([*g.items]) * x[1],
        lambda g, x: sum(v for v in g.items.values()) + x[2], lambda g, x: x[0] if g.items else 2 * x[0],
        lambda g, x: x[0] if g.items == {} else 2 * x[0], lambda g, x: x[0] if list(g.items) == [] else 2 * x[0],
        lambda g, x: sum(g.items.copy().values()) * x[1], lambda g, x: max([0.0, *g.items.values()]) * x[1],
        lambda g, x: g.items.setdefault("a", 3.0) * x[1], lambda g, x: g.items.pop("a", 3.0) * x[1]]
PROGRAMS = [by_a_method, in_a_dict, in_a_closure, in_a_loop, by_update, an_attribute, on_two_ways_in_two_orders, on_two_ways_in_one_order,
            *[lambda x, use=use: use(added(x), x) for use in USES]]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("f", PROGRAMS)
def test_what_is_added_is_there(f):
    compiled, gradient = ad.jit(f), ad.jit(ad.value_and_grad(f))
    for x in (np.array([0.5, 2.0, 3.0]), np.array([-0.5, 2.0, 3.0]), np.array([0.25, -2.0, 1.0])):
        want = np.array([(f(x + d) - f(x - d)) / 2e-6 for d in 1e-6 * np.eye(3)])
        assert compiled(x) == f(x)
        for value, g in (gradient(x), ad.value_and_grad(f)(x)):
            assert value == f(x)
            np.testing.assert_allclose(g, want, atol=1e-7)
