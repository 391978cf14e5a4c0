"""Guards of kernels of tapes: they know the tape that a kernel was made for, with other numbers, and no other."""

import numpy as np
import pytest

import autodiff as ad
from autodiff.eager.kernels import HOT, forget_kernels

X = np.linspace(0.1, 1.0, 5)


def tape(x, factor, twice=False):
    t = ad.tensor(x, requires_grad=True)
    y = np.sin(t) * factor
    return t, np.sum(y * (y if twice else t))


@pytest.fixture
def kernel():
    """The kernel of the tape with a float."""
    forget_kernels()
    for _ in range(HOT + 2):
        tape(X, 2.0)[1].backward()
    found, = [k for k in tape(X, 2.0)[1].step.recipe.kernels if not k.seeded]
    return found


def test_the_same_tape_is_known(kernel):
    for factor in (2.0, 5.0):
        t, s = tape(2 * X, factor)
        out, leaves, _, steps = kernel.match(s.step, None)
        assert [x is t.step for x in leaves] == [True] and len(steps) == 4
        np.testing.assert_allclose(out[0], factor * np.sum(np.sin(2 * X) * 2 * X))
        np.testing.assert_allclose(out[1], factor * (np.sin(2 * X) + 2 * X * np.cos(2 * X)))


@pytest.mark.parametrize("other", [lambda: tape(X, 2)[1], lambda: tape(X, np.float64(2.0))[1], lambda: tape(X, 2.0, twice=True)[1],
                                   lambda: tape(X[:4], 2.0)[1], lambda: tape(X.astype(np.float32), 2.0)[1],
                                   lambda: np.sum(np.cos(ad.tensor(X, requires_grad=True)) * 2.0 * ad.tensor(X))])
def test_another_tape_is_not(kernel, other):
    assert kernel.match(other().step, None) is None


def test_a_step_that_somebody_holds_is_kept(kernel):
    t = ad.tensor(X, requires_grad=True)
    y = np.sin(t) * 2.0
    s = np.sum(y * t)
    assert kernel.match(s.step, None) is None
    s.backward()
    np.testing.assert_allclose(y.detach().numpy(), 2 * np.sin(X))
    np.testing.assert_allclose(t.grad, 2 * (np.sin(X) + X * np.cos(X)))
