"""The least set of values to keep: against all sets of small random graphs; and what a loop keeps."""

import itertools
import random

import numpy as np
import pytest

import autodiff as ad
from autodiff.transforms.minimum_cut import least_set
from tracer.graph import all_nodes


def can_be_had(needed, made_of, kept):
    def have(v):
        return v in kept or v in made_of and all(map(have, made_of[v]))
    return all(map(have, needed))


@pytest.mark.parametrize("seed", range(40))
def test_no_set_costs_less(seed):
    r = random.Random(seed)
    made_of = {v: r.sample(range(v), min(v, r.randint(1, 3))) for v in range(2, 9) if r.random() < 0.8}
    cost = {v: r.randint(0, 9) for v in range(9)}
    needed = r.sample(range(9), 3)
    found = least_set(needed, made_of, cost)
    assert can_be_had(needed, made_of, found)
    best = min(sum(cost[v] for v in s) for n in range(10) for s in itertools.combinations(range(9), n) if can_be_had(needed, made_of, set(s)))
    assert sum(cost[v] for v in found) == best


def test_what_cannot_be_kept_is_made_again():
    assert least_set(["b"], {"b": ["a"]}, {"a": 100}) == {"a"}


def test_a_loop_keeps_what_differences_are_made_of():
    def f(x, c):
        for _ in range(5):
            d = x[1:] - x[:-1]
            e = x[1:] + x[:-1]
            x = x.copy()
            x[1:] += c * d * e + np.maximum(c * d, 0.1)
        return np.sum(x * x)
    x = np.random.default_rng(0).normal(size=400)
    g = ad.jit(ad.grad(f, argnums=(0, 1)))
    graph = g.trace(x, 0.1)
    stacks = [v.type for n in all_nodes(graph) if n.op.name == "loop" for v in n.outputs if v.type.ndim == 2]
    assert len({t.shape for t in stacks}) == 1 and len(stacks) <= 2
    for got, want in zip(g(x, 0.1), ad.grad(f, argnums=(0, 1))(x, 0.1), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)
