"""Names that both ways of a branch bind."""

import numpy as np
import pytest

import autodiff as ad

X = np.arange(1.0, 5.0)


def one_function(x, k):
    """One function on both ways, another one before."""
    reduce = np.max
    if k > 0:
        reduce = np.sum
    else:
        reduce = np.sum
    return reduce(x)


def one_array(x, k):
    y, z = x, x * 2
    if k > 0:
        y = z
    else:
        y = z
    return np.sum(y * x)


def one_text(x, k):
    name = "max"
    if k > 0:
        name, x = "sum", x * 2
    else:
        name = "sum"
    return {"sum": np.sum, "max": np.max}[name](x)


def unbound_before(x, k):
    if k > 0:
        c = 3
    else:
        c = 3
    return x * c


def bound_on_one_way(x, k):
    c = 2.0
    if k > 0:
        c = 3.0
    return x * c


@pytest.mark.parametrize("f", [one_function, one_array, one_text, unbound_before, bound_on_one_way])
def test_the_name_has_the_new_value(f):
    g = ad.jit(f)
    for k in (1.0, -1.0):
        np.testing.assert_allclose(g(X, k), f(X, k))
        slope = ad.grad(lambda x, k: np.sum(f(x, k) ** 2))
        np.testing.assert_allclose(ad.jit(slope)(X, k), slope(X, k))
    assert g.cache_info().misses == 1
