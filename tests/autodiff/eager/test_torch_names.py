"""PyTorch's names for methods of tensors, against PyTorch where it is installed and against NumPy."""

import doctest

import numpy as np
import pytest

import autodiff as ad
from autodiff.eager import hooks, torch_names
from tracer.errors import GradientError

A = np.random.default_rng(0).normal(size=(3, 4, 2))
W = np.random.default_rng(1).normal(size=(3, 4, 2))

SAME = [lambda x: x.sum(dim=1), lambda x: x.mean(dim=0, keepdim=True), lambda x: x.prod(dim=-1), lambda x: x.sum(dim=(0, 2)),
        lambda x: x.norm(), lambda x: x.norm(dim=1), lambda x: x.norm(1, dim=0, keepdim=True), lambda x: x.norm(p=3),
        lambda x: x.max(dim=1).values, lambda x: x.min(dim=1, keepdim=True)[0], lambda x: x.amax(dim=0), lambda x: x.amin(dim=2),
        lambda x: x.cumsum(dim=1), lambda x: x.cumprod(dim=0), lambda x: x.std(dim=1, correction=1), lambda x: x.var(dim=0, correction=0),
        lambda x: x.exp().log(), lambda x: x.sin() * x.cos() + x.tanh(), lambda x: x.abs().sqrt().square(), lambda x: x.sigmoid(),
        lambda x: x.relu(), lambda x: x.softmax(dim=1), lambda x: x.log_softmax(dim=-1), lambda x: x.clamp(min=-0.5, max=0.5),
        lambda x: x.permute(2, 0, 1), lambda x: x.unsqueeze(1), lambda x: x.view(6, 4), lambda x: x.pow(3), lambda x: x[0].T.matmul(x[1]),
        lambda x: x.sinh() - x.cosh() + x.tan(), lambda x: (x * 1.0).add_(2.0).mul_(3.0).sub_(1.0).div_(2.0),
        lambda x: (x * 1.0).clamp_(min=0.0), lambda x: x.clone()]


@pytest.mark.parametrize("number", range(len(SAME)))
def test_values_and_gradients_are_those_of_pytorch(number):
    torch = pytest.importorskip("torch")
    f = SAME[number]
    ours, theirs = ad.tensor(A, requires_grad=True), torch.tensor(A, requires_grad=True)
    y, z = f(ours), f(theirs)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-12)
    (y * y).sum().backward()
    (z * z).sum().backward()
    np.testing.assert_allclose(ours.grad.detach().numpy(), theirs.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_places_of_extremes_and_answers():
    x = ad.tensor(A)
    found = x.max(dim=1)
    np.testing.assert_array_equal(found.indices.numpy(), A.argmax(1))
    np.testing.assert_array_equal(x.argmin(dim=0).numpy(), A.argmin(0))
    np.testing.assert_array_equal((x > 0).any(dim=1).numpy(), (A > 0).any(1))
    np.testing.assert_array_equal((x > -1).all(dim=(0, 1)).numpy(), (A > -1).all((0, 1)))
    np.testing.assert_array_equal(x.max(axis=1).numpy(), A.max(1))      # NumPy's name: the values alone
    assert x.dim() == 3 and x.numel() == 24
    assert x.float().dtype == np.float32 and x.long().dtype == np.int64 and x.double() is x
    np.testing.assert_array_equal(x.floor().numpy(), np.floor(A))
    np.testing.assert_array_equal(x.ceil().numpy(), np.ceil(A))
    np.testing.assert_array_equal(x.sign().numpy(), np.sign(A))


def test_what_the_two_call_alike_and_mean_otherwise():
    x = ad.tensor(A)
    np.testing.assert_allclose(x.std().item(), A.std())
    with pytest.raises(TypeError, match="correction="):
        x.std(dim=0)


def test_functions_of_arrays_get_no_names_of_pytorch():
    with pytest.raises(TypeError, match="dim"):
        ad.grad(lambda x: x.sum(dim=0))(np.ones(3))


def test_a_step_is_named_and_placed_as_numpys():
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    z = x.sum(dim=0)
    assert y.grad_fn == "exp" and z.grad_fn == "sum"
    assert y.where.function == z.where.function == "test_a_step_is_named_and_placed_as_numpys" and z.where.line == y.where.line + 1


def test_detach_in_place():
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    assert y.detach_() is y and not y.requires_grad and y.grad_fn is None
    np.testing.assert_array_equal(y.numpy(), [1.0, 4.0])
    (x * y).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 4.0])
    assert not x.detach_().requires_grad
    with pytest.raises(GradientError, match="view"):
        (ad.tensor([1.0, 2.0], requires_grad=True) * 2.0)[:1].detach_()


def test_writes_in_place_under_no_grad():
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    memory = x.value
    with ad.no_grad():
        assert x.mul_(2.0).add_(1.0).clamp_(max=4.0) is x
    np.testing.assert_array_equal(x.value, [3.0, 4.0])
    assert x.value is memory
    with pytest.raises(GradientError, match="in place"):
        x.add_(1.0)


def test_examples():
    for module in (torch_names, hooks):
        assert doctest.testmod(module).failed == 0
