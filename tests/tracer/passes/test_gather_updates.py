"""Cotangents of stencils: updates gathered into one node, which means what they meant."""

import numpy as np
import pytest

import autodiff as ad
from codegen.stages import stages
from tracer.graph import all_nodes
from tracer.passes.gather_updates import gather_updates
from tracer.trace import evaluate


def line(x, steps):
    a, b = x.copy(), x.copy()
    for _ in range(steps):
        b[1:-1] = (a[:-2] + 2.0 * a[1:-1] - a[2:]) / 3.0
        a[1:-1] = (b[:-2] * b[2:] + b[1:-1]) / 3.0
    return np.sum(a * np.sin(b))


def plane(x, steps):
    a = x.copy()
    for _ in range(steps):
        a[1:-1, 1:-1] += 0.1 * (a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] * a[1:-1, :-2])
    return np.sum(a ** 2)


def apart(x, steps):
    """Boxes that do not touch, and one that is read between two updates."""
    a, s = x.copy(), 0.0
    for _ in range(steps):
        s = s + np.sum(a[:2] * a[-2:]) + np.sum(a[:, 1:3] ** 2)
        a[:2] *= 0.9
        s = s + np.sum(a[1:4])
    return s


def heat(x, steps):
    """The cotangent is added to itself: five slices, all made of one product."""
    a = x.copy()
    for _ in range(steps):
        a[1:-1, 1:-1] += 0.1 * (a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] - 4 * a[1:-1, 1:-1])
    return np.sum(a * a)


def turns(x, steps):
    """Two arrays take turns: the cotangents of both are read as their sum alone."""
    a, b = x.copy(), x.copy()
    for _ in range(steps):
        b[1:-1] = 0.4 * a[1:-1] + 0.3 * (a[:-2] + a[2:])
        a[:] = b
    return np.sum(a ** 2)


def both(x, steps):
    """As `turns`, but each of the two arrays is read after the loop as well."""
    a, b = x.copy(), 0.5 * x
    for _ in range(steps):
        b[1:-1] = np.sin(a[1:-1]) * a[:-2] + a[2:]
        a[:] = b
    return np.sum(a ** 2) + np.sum(b * x)


CASES = [(turns, (9,)), (turns, (3,)), (both, (8,)), (line, (9,)), (line, (3,)), (heat, (6, 7)), (heat, (3, 3)), (plane, (6, 7)), (plane, (3, 3)), (apart, (5, 4))]


@pytest.mark.parametrize("f, shape", CASES)
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_gradients(f, shape, steps):
    x = np.random.default_rng(0).uniform(0.2, 1.0, shape)
    g = ad.jit(ad.grad(f), static_argnums=1)(x, steps)
    np.testing.assert_allclose(g, ad.grad(f)(x, steps), rtol=1e-12, atol=1e-14)
    d, h = np.random.default_rng(1).normal(size=shape), 1e-6
    np.testing.assert_allclose(np.sum(g * d), (f(x + h * d, steps) - f(x - h * d, steps)) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("f, shape", CASES)
def test_the_pass_keeps_the_meaning(f, shape):
    x = np.random.default_rng(0).uniform(0.2, 1.0, shape)
    graph = ad.jit(ad.grad(f), static_argnums=1).trace(x, 3)
    gathered = gather_updates(graph)
    np.testing.assert_allclose(evaluate(gathered, [x]), evaluate(graph, [x]), rtol=1e-14)


@pytest.mark.parametrize("f, carries", [(turns, [2, 1]), (both, [2, 2])])
def test_two_cotangents_become_their_sum(f, carries):
    graph = stages(ad.jit(ad.grad(f), static_argnums=1).trace(np.ones(9), 3)).simplified
    assert [n.params["spec"].carries for n in graph.nodes if n.op.name == "loop"] == carries


def test_a_stencil_is_gathered():
    graph = ad.jit(ad.grad(line), static_argnums=1).trace(np.ones(9), 3)
    found = [n for n in all_nodes(stages(graph).simplified) if n.op.name == "add_slices"]
    assert len(found) == 2 and any(n.params["cleared"] is not None for n in found)


def test_what_several_slices_add_is_stored_once():
    """The slices read the array they are added to; so they are stored first, as the one product they are made of."""
    graph = ad.jit(ad.grad(heat), static_argnums=1).trace(np.ones((40, 50)), 3)
    assert stages(graph).source.count("reshape((38, 48))") == 2  # of the step forwards, and of the step backwards
