"""The optimisers against their published formulas, step by step, on plain arrays and inside `jit`."""

import doctest
import importlib
import math
from typing import NamedTuple

import numpy as np
import pytest

import autodiff as ad
from autodiff import optim
from tracer.tree import tree_map

OPTIMIZERS = {
    "sgd": lambda: optim.sgd(0.05),
    "momentum": lambda: optim.sgd(0.05, momentum=0.9),
    "adam": lambda: optim.adam(0.1),
    "adamw": lambda: optim.adamw(0.1, weight_decay=0.01),
    "rmsprop": lambda: optim.rmsprop(0.05),
}
each_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


class Layer(NamedTuple):
    w: np.ndarray
    b: np.ndarray


def params_of(dtype=np.float64):
    rng = np.random.default_rng(0)
    return {"first": Layer(rng.normal(size=(3, 2)).astype(dtype), np.zeros(2, dtype)),
            "scale": [np.array(2.0, dtype)]}


def leaves(params):
    return [params["first"].w, params["first"].b, params["scale"][0]]


def run(opt, params, steps, update=None):
    """Minimise the sum of squares of every parameter's distance from 1."""
    state = opt.init(params)
    for _ in range(steps):
        grads = tree_map(lambda p: 2 * (p - 1), params)
        params, state = (update or opt.update)(grads, state, params)
    return params, state


def one_weight(opt, weight, grads):
    """The values a single scalar weight takes under a list of gradients."""
    params, seen = [np.array(weight)], []
    state = opt.init(params)
    for g in grads:
        params, state = opt.update([np.array(g)], state, params)
        seen.append(float(params[0]))
    return seen


GRADS = [0.3, -1.2, 0.7, 0.7, -0.01]


def test_sgd_is_its_formula():
    weight, expected = 1.5, []
    for g in GRADS:
        weight -= 0.1 * g
        expected.append(weight)
    assert one_weight(optim.sgd(0.1), 1.5, GRADS) == pytest.approx(expected, rel=1e-14)


def test_momentum_is_its_formula():
    weight, velocity, expected = 1.5, 0.0, []
    for g in GRADS:
        velocity = 0.8 * velocity + g
        weight -= 0.1 * velocity
        expected.append(weight)
    assert one_weight(optim.sgd(0.1, momentum=0.8), 1.5, GRADS) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_adam_and_adamw_are_their_formulas(decay):
    lr, b1, b2, eps = 0.1, 0.7, 0.95, 1e-3
    weight, m, s, expected = 1.5, 0.0, 0.0, []
    for t, g in enumerate(GRADS, start=1):
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * g * g
        weight = weight - lr * decay * weight - lr * (m / (1 - b1**t)) / (math.sqrt(s / (1 - b2**t)) + eps)
        expected.append(weight)
    opt = optim.adamw(lr, b1, b2, eps, weight_decay=decay) if decay else optim.adam(lr, b1, b2, eps)
    assert one_weight(opt, 1.5, GRADS) == pytest.approx(expected, rel=1e-14)


def test_rmsprop_is_its_formula():
    weight, s, expected = 1.5, 0.0, []
    for g in GRADS:
        s = 0.6 * s + 0.4 * g * g
        weight -= 0.1 * g / (math.sqrt(s) + 1e-3)
        expected.append(weight)
    opt = optim.rmsprop(0.1, decay=0.6, eps=1e-3)
    assert one_weight(opt, 1.5, GRADS) == pytest.approx(expected, rel=1e-14)


@each_optimizer
def test_minimises(make):
    params, _ = run(make(), params_of(), 300)
    for p in leaves(params):
        np.testing.assert_allclose(p, 1.0, atol=0.06)


@each_optimizer
def test_structure_shapes_and_dtypes_stay(make):
    before = params_of(np.float32)
    after, _ = run(make(), before, 3)
    assert type(after["first"]) is Layer and type(after["scale"]) is list
    for p, q in zip(leaves(before), leaves(after), strict=True):
        assert np.shape(q) == p.shape and q.dtype == np.float32


@each_optimizer
def test_nothing_is_written(make):
    opt, params = make(), params_of()
    kept = [p.copy() for p in leaves(params)]
    _, first = run(opt, params, 1)
    grads = params_of()
    again = opt.update(grads, first, params)
    once_more = opt.update(grads, first, params)
    for p, q in zip(leaves(params), kept, strict=True):
        np.testing.assert_array_equal(p, q)
    for p, q in zip(leaves(again[0]), leaves(once_more[0]), strict=True):
        np.testing.assert_array_equal(p, q)


@each_optimizer
def test_python_numbers_are_parameters_too(make):
    opt = make()
    params, _ = opt.update((2.0,), opt.init((3.0,)), (3.0,))
    assert float(params[0]) < 3.0


@each_optimizer
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_inside_jit(make, dtype):
    opt = make()
    update = ad.jit(opt.update)
    plain, _ = run(opt, params_of(dtype), 5)
    jitted, _ = run(opt, params_of(dtype), 5, update)
    for p, q in zip(leaves(plain), leaves(jitted), strict=True):
        assert np.shape(q) == np.shape(p) and q.dtype == dtype
        np.testing.assert_allclose(q, p, rtol=1e-12 if dtype is np.float64 else 1e-5)
    assert update.cache_info().misses == 1


def test_examples_in_docstrings():
    result = doctest.testmod(importlib.import_module("autodiff.optim"))
    assert result.attempted > 10 and result.failed == 0
