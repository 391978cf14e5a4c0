"""What is masked out has no part in a gradient, even where its derivative is infinite: 0 times infinity is not added.

Found in packages, which compute a function everywhere and choose afterwards. Elsewhere the rule must not make a number of a nan: the
gradient of sqrt(x) ** 2 at 0 is 1, and 0 would be wrong.
"""

import numpy as np
import pytest

import autodiff as ad

X = np.array([-1.0, 4.0, 1.5, 0.1])


def by_where(x):
    return np.sum(np.where(x > 0, np.sqrt(np.maximum(x, 0.0)), 0.0))


def by_where_of_nan(x):
    return np.sum(np.where(x > 0, np.sqrt(x), 0.0))


def by_where_of_a_quotient(x):
    return np.sum(np.where(x > 0, x / np.maximum(x, 0.0) + 1 / np.maximum(x, 0.0), x))


def by_where_of_a_power(x):
    return np.sum(np.where(x > 0, np.maximum(x, 0.0) ** 0.5 + np.log(np.clip(x, 0, None)), 0.0))


def by_two_masks(x):
    y = np.log(np.clip(x, 0, None)) * x
    return np.sum(np.where(x > 0, y, 0.0)) + np.sum(np.where(x > 1, 2 * y, x))


def by_a_product(x):
    return np.sum(np.sqrt(np.maximum(x, 0.0)) * (x > 0))


def by_assignment(x):
    y = np.sqrt(np.maximum(x, 0.0))
    out = x.copy()
    m = x > 0
    out[m] -= y[m]
    return np.sum(out)


def by_overwriting(x):
    y = np.sqrt(np.maximum(x, 0.0))
    y[x <= 0] = 3.0
    return np.sum(y * x)


def by_mask(x):
    return np.sum(np.sqrt(np.maximum(x, 0.0))[x > 0])


def of_overflow(x):
    y = np.exp(x * 1000)
    i = np.isinf(y)
    t = np.zeros_like(x)
    t[~i] = np.log1p(y[~i])
    t[i] = x[i] * 1000
    return np.sum(t)


def pairs(x):
    d = np.sqrt((x[:, None] - x[None, :]) ** 2)
    i, j = np.triu_indices(4, 1)
    return np.sum(1 / d[i, j])


def pairs_by_mask(x):
    d = np.sqrt((x[:, None] - x[None, :]) ** 2)
    return np.sum(np.log(d[~np.eye(4, dtype=bool)]))


def read_twice(x):
    """Found by seed 210036 of the random programs: one reading of a place is masked out, another is not."""
    return np.sum(np.take(np.exp(x) / x, np.array([1, 1, 0, 0, 2])), where=np.array([True, False, False, True, True]))


def read_twice_by_condition(x):
    return np.sum(np.where(np.array([False, True, True, False]), np.log(x * x)[np.array([2, 2, 0, 0])], 0.0))


def in_a_loop(x):
    total = 0.0
    for v in x:
        root = np.sqrt(np.maximum(v, 0.0))
        total += np.where(v > 0, root, v)
    return total


PROGRAMS = [by_where, by_where_of_nan, by_where_of_a_quotient, by_where_of_a_power, by_two_masks, by_a_product, by_assignment,
            by_overwriting, by_mask, of_overflow, read_twice, read_twice_by_condition, pairs, pairs_by_mask, in_a_loop]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", PROGRAMS)
def test_gradients_are_finite(f):
    h = 1e-6 * np.eye(4)
    want = np.array([(f(X + d) - f(X - d)) / 2e-6 for d in h])
    for g in (ad.grad(f), ad.jit(ad.grad(f)), ad.jit(ad.grad(lambda x: f(x)))):
        np.testing.assert_allclose(g(X), want, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(g(X), want, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ad.jit(ad.vmap(ad.grad(f)))(np.stack([X, X])), [want, want], rtol=1e-5, atol=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", [by_where, by_where_of_a_quotient, by_a_product, by_assignment])
def test_second_derivatives_are_finite(f):
    h = 1e-5 * np.eye(4)
    g = ad.grad(f)
    want = np.array([(g(X + d) - g(X - d)) / 2e-5 for d in h])
    np.testing.assert_allclose(ad.hessian(f)(X), want, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ad.jit(ad.jacrev(ad.grad(f)))(X), want, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", [lambda x: np.sqrt(x) ** 2, lambda x: np.exp(0.5 * np.log(x)) * np.sqrt(x), lambda x: np.sqrt(x) * np.sqrt(x)])
def test_never_a_wrong_number(f):
    for g in (ad.grad(f), ad.jit(ad.grad(f))):
        got = g(0.0)
        assert np.isnan(got) or np.isclose(got, 1.0)


HOLES = np.array([1.0, 0.0, 2.0])
NOT_CHOSEN = {
    "a sum": lambda a: np.where(np.sum(a) > 0, np.sum(a), np.sum(a / HOLES)),
    "a mean of roots": lambda a: np.where(np.sum(a) > 0, np.sum(a), np.mean(np.sqrt(a * 0.0))),
    "a product of vectors": lambda a: np.where(np.sum(a) > 0, np.sum(a), np.dot(a, 1.0 / HOLES)),
    "a product of matrices": lambda a: np.where(np.sum(a) > 0, np.sum(a), (a[None] @ (1.0 / HOLES)[:, None])[0, 0]),
    "a form": lambda a: np.where(np.sum(a) > 0, np.sum(a), np.einsum("i,i,i", a, a, 1.0 / HOLES)),
    "sums of sums": lambda a: np.where(np.sum(a) > 0, np.sum(a), np.sum(np.sum(np.outer(a, 1.0 / HOLES), axis=0))),
    "the smaller of two": lambda a: min((np.sum(a), np.sum(a / HOLES))),
    "a reshaped sum": lambda a: np.where(np.sum(a) > 0, np.sum(a), np.sum((a / HOLES).reshape(3, 1), axis=0)[0]),
}


@pytest.mark.parametrize("name", NOT_CHOSEN)
def test_a_number_that_is_not_chosen_is_not_differentiated(name):
    """What it was made of gets the cotangent 0, whatever it was multiplied by on the way."""
    f, a = NOT_CHOSEN[name], np.array([0.5, 0.25, 0.125])
    with np.errstate(all="ignore"):
        for g in (ad.grad(f), ad.jit(ad.grad(f)), ad.jit(ad.jacfwd(f))):
            np.testing.assert_allclose(g(a), np.ones(3))
        for flipped in (ad.jit(ad.grad(lambda a: f(a) * 0.0 + np.sum(np.where(a > 9, f(a), a)))),):
            assert np.all(np.isfinite(flipped(a)))
