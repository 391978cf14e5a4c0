"""The loops beside the board compute what NumPy computes; the measurements run."""

import numpy as np
import pytest

import autodiff as ad
from bench import loops


@pytest.mark.parametrize("scale", [1.0, 1e-3, -1e-3, 5e3])
def test_the_textbook(scale):
    a = scale * np.linspace(-0.5, 1.0, 7)
    value, gradient = ad.jit(ad.value_and_grad(loops.textbook))(a)
    np.testing.assert_allclose(value, loops.textbook(a), rtol=1e-12)
    np.testing.assert_allclose(gradient, ad.grad(loops.textbook)(a), rtol=1e-12)
    assert np.isclose(value, np.sum(gradient * a), rtol=1e-12)


def test_writes():
    x = np.linspace(0.0, 1.0, 5)
    value, gradient = ad.jit(ad.value_and_grad(loops.writes), static_argnums=1)(x, 12)
    assert value == loops.writes(x, 12)
    h = 1e-6
    want = [(loops.writes(x + h * d, 12) - loops.writes(x - h * d, 12)) / (2 * h) for d in np.eye(5)]
    np.testing.assert_allclose(gradient, want, atol=1e-9)


def test_measurements():
    assert len(loops.measure_stored(60)) == 1
    assert len(loops.measure_budgeted(60)) == 2
