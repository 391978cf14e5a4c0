"""Tensors with plain numbers and sequences of Python."""

import numpy as np
import pytest

import autodiff as ad


@pytest.mark.parametrize("values", [[1.0, 2.0], (1.0, 2.0), "ab"], ids=repr)
def test_a_whole_number_repeats_a_sequence(values):
    """As NumPy's whole numbers do."""
    assert ad.tensor(3) * values == values * 3 and values * ad.tensor(3) == values * 3


@pytest.mark.parametrize("base", [2.0, 0.5, 3, 1])
def test_powers_of_a_number(base):
    for x in (np.linspace(-1.0, 2.0, 4), np.float64(1.5)):
        t = ad.tensor(x, requires_grad=True)
        (base ** t).sum().backward()
        np.testing.assert_allclose(t.grad, np.log(base) * base ** x, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, 0.5, 0.0, 1.0, 2.0])
def test_powers_by_a_number(exponent):
    x = np.linspace(0.5, 2.0, 4)
    t = ad.tensor(x, requires_grad=True)
    (t ** exponent).sum().backward()
    np.testing.assert_allclose(t.grad, exponent * x ** (exponent - 1.0), rtol=1e-13)
    np.testing.assert_allclose(ad.grad(lambda x: (x ** exponent).sum())(x), exponent * x ** (exponent - 1.0), rtol=1e-13)
    second = ad.grad(lambda x: ad.grad(lambda x: (x ** exponent).sum())(x).sum())(x)
    np.testing.assert_allclose(second, exponent * (exponent - 1.0) * x ** (exponent - 2.0), rtol=1e-13)
