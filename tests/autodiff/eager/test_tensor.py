"""The define-by-run face: PyTorch's meaning."""

import gc
import weakref

import numpy as np
import pytest

import autodiff as ad


def param(*shape):
    return ad.tensor(np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape), requires_grad=True)


def test_grad_is_none_then_accumulates_into_the_same_memory():
    x = param(4)
    assert x.grad is None
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * np.arange(1.0, 5.0))
    buffer = x.grad.value
    (3 * x).sum().backward()
    assert x.grad.value is buffer
    np.testing.assert_array_equal(buffer, 2 * np.arange(1.0, 5.0) + 3)
    x.grad.zero_()
    assert x.grad.value is buffer and not buffer.any()
    x.grad = None
    x.sum().backward()
    np.testing.assert_array_equal(x.grad, np.ones(4))


def test_non_scalar_needs_a_cotangent():
    x = param(3)
    y = x * x
    with pytest.raises(TypeError, match=r"backward\(\) on a tensor of shape \(3,\)"):
        y.backward()
    y.backward(gradient=np.array([1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(x.grad, [2.0, 0.0, 12.0])
    with pytest.raises(ValueError, match="shape"):
        (x * x).backward(gradient=np.ones(2))


def test_freed_and_retained_graphs():
    x = param(3)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad, 4 * np.arange(1.0, 4.0))
    with pytest.raises(TypeError, match="freed"):
        y.backward()


def test_detach_and_no_grad():
    x = param(2)
    (x.detach() * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [1.0, 2.0])
    with ad.no_grad():
        y = x * 2
        assert not y.requires_grad and not ad.is_grad_enabled()
        with ad.enable_grad():
            assert (x * 2).requires_grad
    with pytest.raises(TypeError, match="does not require grad"):
        y.sum().backward()
    with pytest.raises(TypeError, match="requires grad"):
        x.numpy()
    assert np.asarray(x.detach()) is not None
    assert x.detach().value is x.value


def test_parameters_are_written_in_place_under_no_grad():
    x = param(2)
    memory = x.value
    (x * x).sum().backward()
    with ad.no_grad():
        x -= 0.1 * x.grad
    assert x.value is memory and x.requires_grad and x.is_leaf
    np.testing.assert_allclose(x.detach(), [0.8, 1.6])
    with pytest.raises(TypeError, match="leaf"):
        x -= 1.0
    s = ad.tensor(2.0, requires_grad=True)
    with ad.no_grad():
        s -= 0.5
    assert s.requires_grad and s.item() == 1.5


def test_a_value_written_after_it_was_used_is_noticed():
    x = param(2)
    y = (x * x).sum()
    with ad.no_grad():
        x *= 2
    with pytest.raises(TypeError, match="written in place since"):
        y.backward()


def test_control_flow_on_values():
    def f(a):
        b = a * 2
        while np.linalg.norm(b) < 1000:
            b = b * 2
        return b if b.sum() > 0 else 100 * b
    for v in (0.37, -2.5, 800.0):
        a = ad.tensor(v, requires_grad=True)
        d = f(a)
        d.backward()
        np.testing.assert_allclose(a.grad, (d / a).detach())


def test_shared_use_and_deep_tapes():
    x = param(1)
    y = x
    for _ in range(3000):  # deeper than Python's own recursion allows
        y = y * 1.0001
    (y + y * x).sum().backward()
    k = 1.0001 ** 3000
    np.testing.assert_allclose(x.grad, [k + 2 * k])


def test_methods_operators_and_dtypes():
    x = ad.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True, dtype=np.float32)
    y = (x.T @ x + x[0] - x.reshape(4)[:2]).mean(axis=0).max() + x.clip(0, 2).sum()
    assert y.dtype == np.float32
    y.backward()
    assert x.grad.dtype == np.float32 and x.grad.shape == (2, 2)
    assert repr(ad.tensor([1.0])) == "tensor([1.])"
    assert float(ad.tensor(2.5)) == 2.5 and int(ad.tensor(3)) == 3 and bool(ad.tensor([True]).all())
    with pytest.raises(TypeError, match="cannot require grad"):
        ad.tensor([1, 2], requires_grad=True)
    with pytest.raises(TypeError, match="dtype"):
        ad.tensor(["a"])


def test_tensors_through_jit_and_control():
    f = ad.jit(lambda x: np.tanh(x).sum() * x[0])
    x = param(3)
    f(x).backward()
    np.testing.assert_allclose(x.grad, ad.grad(lambda x: np.tanh(x).sum() * x[0])(np.arange(1.0, 4.0)))
    a = ad.tensor(1.5, requires_grad=True)
    ad.while_loop(lambda y: y < 10, lambda y: y * a, a).backward()
    np.testing.assert_allclose(a.grad, 6 * 1.5 ** 5)


def test_a_compiled_function_may_ignore_a_tensor():
    # Its result requires grad, as nobody looks into the call; `backward` handed a cotangent to a pullback that takes none.
    x = param(3)
    ad.jit(lambda x, y: np.sum(y * 2.0))(x, np.ones(3)).backward()
    np.testing.assert_array_equal(x.grad, np.zeros(3))


def test_a_number_stored_in_a_plain_array_is_refused():
    # NumPy took the number with float(), and the gradient was lost without a word. NumPy puts a ValueError of its own on top of ours.
    x, a, numbers = param(2), np.zeros(2), {}
    for index in (0, -1, (1,)):
        with pytest.raises(ValueError, match="array element") as e:
            a[index] = x[0] * 3.0
        text = str(e.value.__cause__)
        assert "stored in a plain array" in text and "test_tensor.py" in text and "a[index] = x[0] * 3.0" in text and "why" in text and "fix" in text
    with pytest.raises(ValueError, match="array element"):
        a[0] += x[0]
    with pytest.raises(TypeError, match="requires grad"):
        a[:] = x
    a[0], a[1] = x[0].detach(), float(x[1])
    numbers["loss"] = float(x[0])
    assert a.tolist() == [1.0, 2.0] and numbers == {"loss": 1.0}
    with ad.no_grad():
        a[0] = x[1] * 2
    assert a[0] == 4.0


@pytest.mark.parametrize("store", [lambda a, x: a.fill(x), lambda a, x: a.__setitem__(0, x), lambda a, x: [fill(x) for fill in [a.fill]],
                                   lambda a, x: (a
                                                 .fill(x))])
def test_a_number_that_a_method_stores_in_a_plain_array_is_refused(store):
    # `a.fill(x)` took the number with float() too, and the gradient was lost without a word.
    x, a = param(2), np.zeros(2)
    with pytest.raises(ValueError, match="array element") as e:
        store(a, x[0] * 3.0)
    text = str(e.value.__cause__)
    assert "stored in a plain array" in text and "test_tensor.py" in text and a.tolist() == [0.0, 0.0]
    store(a, x[0].detach())
    with ad.no_grad():
        store(a, x[1] * 3.0)


def test_a_number_that_a_method_stores_keeps_its_gradient_under_grad():
    def f(x):
        a = np.zeros(3)
        a.fill(x[0] * 2.0)
        a[1] = x[1]
        return np.sum(a * x)
    x = np.array([1.0, 2.0, 3.0])
    for g in (ad.grad(f), ad.jit(ad.grad(f)), ad.jacfwd(f)):
        np.testing.assert_allclose(g(x), [10.0, 4.0, 2.0])


def test_jit_closes_over_tensors_as_they_are_at_each_call():
    w = ad.tensor([2.0])
    f = ad.jit(lambda x: x * w)
    assert f(np.array([3.0]))[0] == 6
    w.fill_(5.0)
    assert f(np.array([3.0]))[0] == 15


def test_dropping_a_tensor_drops_its_tape():
    x = param(2)
    y = x * x
    z = weakref.ref(y.step)
    s = y.sum()
    del y
    assert z() is not None  # held by s
    del s
    gc.collect()
    assert z() is None


def test_clone_and_requires_grad_():
    x = ad.tensor([1.0, 2.0])
    assert x.requires_grad_() is x
    (x.clone() * 3).sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, 3.0])
    assert x.clone().value is not x.value


def test_zeros_of_both_signs_are_different_numbers_to_the_tape():
    x = ad.tensor(1.0, requires_grad=True)
    (np.exp(np.copysign(x, 0.0)) + np.exp(np.copysign(x, -0.0))).backward()
    np.testing.assert_allclose(x.grad.item(), np.exp(1) - np.exp(-1))
