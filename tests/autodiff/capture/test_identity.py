"""Questions of identity, `is`, without `jit`, where a function may run on tensors: every tensor is an object of its own.

A function that was plain numeric code but for `(x > 0) is np.True_` had the gradient of the other branch, silently.
"""

import numpy as np
import pytest

import autodiff as ad

TRUE = np.True_


def of_a_comparison(x):
    return np.sum(x * 2 if (x[0] > 0) is np.True_ else x * 3)


def of_a_constant(x):
    c = x[1] > 5
    return np.sum(x * 2 if c is not TRUE else x * 3)


def of_a_reduction(x):
    return np.sum(x * 2 if np.all(x > 0) is np.True_ else x * 3)


def of_none(x):
    y = None
    return np.sum(x * 2 if x is not None and y is None and (y is None) else x * 3)


def of_names(x):
    y = x
    return np.sum(x * 2 if y is x and x * 1 is not x else x * 3)


def of_an_answer(x):
    return np.sum(x * 2 if np.array_equal(x, x * 1) is True and np.allclose(x, x + 1) is False else x * 3)


def of_a_sum_of_answers(x):
    return np.sum(x * (np.allclose(x, x * 1) + np.array_equal(x, x) + np.array_equiv(x, x[:1])))


def of_two_shapes(x):
    return np.sum(x * (2 + np.array_equal(x, x[1:]) + np.array_equiv(x, np.ones((3, 5)))))


@pytest.mark.parametrize("f", [of_a_comparison, of_a_constant, of_a_reduction, of_none, of_names, of_an_answer, of_a_sum_of_answers,
                               of_two_shapes])
def test_identity(f):
    x = np.array([1.5, 2.0])
    assert f(x) == 7.0
    assert ad.jit(f)(x) == 7.0
    for g in (ad.grad(f), ad.jit(ad.grad(f)), ad.jacfwd(f)):
        np.testing.assert_array_equal(g(x), [2.0, 2.0])
        np.testing.assert_array_equal(g(x), [2.0, 2.0])


@pytest.mark.parametrize("f", [of_none, of_names, of_an_answer, of_a_sum_of_answers, of_two_shapes])
def test_identity_of_tensors(f):
    x = ad.tensor([1.5, 2.0], requires_grad=True)
    f(x).backward()
    assert x.grad.tolist() == [2.0, 2.0]
