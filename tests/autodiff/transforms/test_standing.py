"""What stands still has tangent 0 in forward mode, even where a derivative is infinite, as it has gradient 0 in reverse mode.

Found by seed 230002 of the random programs: `np.sqrt` of a choice that is the constant 0. What only happens to be 0 must not become a
number: the derivative of the cube root of x ** 3 at 0 is 1.
"""

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.transforms.test_masked_out import PROGRAMS, X


def root_of_a_choice(x):
    return np.sum(np.sqrt(np.where(x > 0.2, x, 0.0)))


def root_of_steps(x):
    return np.sum(np.sqrt(np.where(x > 0, x, np.floor(x) * 0.0)))


def root_of_what_was_written(x):
    y = np.zeros(6)
    y[np.array([1, 4, 2, 0])] = x * x
    return np.sum(np.sqrt(y) * np.arange(6.0))


def root_of_a_part(x):
    y = np.concatenate([np.zeros(2), x * x])
    return np.sum(np.sqrt(y[1:5].reshape(2, 2).T))


def norm_of_nothing(x):
    return x[1] + np.sqrt(np.sum(np.where(x > 9, x, 0.0) ** 2))


def through_infinity(x):
    return np.sum(np.exp(-1 / np.where(x > 0.2, x, 0.0) ** 2))


def in_steps(x):
    total = 0.0
    for v in x:
        total = total + np.sqrt(np.where(v > 0.2, v, 0.0))
    return total


def in_steps_of_a_branch(x):
    total = 0.0
    for v in x:
        if v > -0.5:
            total = total + np.sqrt(np.where(v > 0.2, v, 0.0)) * v
    return total


def behind_steps(x):
    y = np.zeros(4)
    for i in range(4):
        y[i] = x[i] * x[i]
    return np.sum(np.sqrt(np.where(x > 0.2, y, 0.0)))


STANDING = [root_of_a_choice, root_of_steps, root_of_what_was_written, root_of_a_part, norm_of_nothing, through_infinity, in_steps,
            in_steps_of_a_branch, behind_steps]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", [*PROGRAMS, *STANDING])
def test_forward_mode_is_finite(f):
    want = np.array([(f(X + d) - f(X - d)) / 2e-6 for d in 1e-6 * np.eye(4)])
    v = np.array([0.5, -1.0, 2.0, 0.25])

    def along(x):
        return ad.jvp(f, (x,), (v,))[1]
    for got in (ad.grad(f)(X), ad.jit(ad.grad(f))(X), ad.jacfwd(f)(X), ad.jit(ad.jacfwd(f))(X)):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-7)
    for got in (along(X), ad.jit(along)(X), ad.linearize(f, X)[1](v)):
        np.testing.assert_allclose(got, want @ v, rtol=1e-5, atol=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", STANDING)
def test_second_derivatives_are_finite(f):
    g = ad.grad(f)
    want = np.array([(g(X + d) - g(X - d)) / 2e-5 for d in 1e-5 * np.eye(4)])
    v = np.array([0.5, -1.0, 2.0, 0.25])
    for got in (ad.hessian(f)(X), ad.jit(ad.hessian(f))(X), ad.jit(ad.jacfwd(ad.jacfwd(f)))(X)):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ad.jit(lambda x: ad.hvp(f, x, v))(X), want @ v, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_a_column_of_a_jacobian_knows_which_argument_moves():
    x = np.array([0.0, 4.0])
    for jacobian in (ad.jacfwd, lambda f: ad.jit(ad.jacfwd(f)), lambda f: ad.jit(ad.jacrev(f))):
        np.testing.assert_array_equal(jacobian(lambda x: np.sum(np.sqrt(x)))(x), [np.inf, 0.25])
        np.testing.assert_array_equal(jacobian(lambda x: np.sqrt(x) + x[0])(x), [[np.inf, 0.0], [1.0, 0.25]])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", [lambda x: np.cbrt(x ** 3), lambda x: np.sqrt(x) ** 2, lambda x: np.sqrt(x * x * (x + 1)) + x])
def test_never_a_wrong_number(f):
    for derivative in (lambda x: ad.jvp(f, (x,), (1.0,))[1], ad.jacfwd(f)):
        for got in (derivative(0.0), ad.jit(derivative)(0.0)):
            assert np.isnan(got) or np.isclose(got, 1.0)
