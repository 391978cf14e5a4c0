"""Optimisers over tensors against their formulas and against PyTorch, where it is installed."""

import doctest
import gc
import threading

import numpy as np
import pytest

import autodiff as ad
from autodiff.eager import optimizers
from tests.memory import resident
from tracer.errors import GradientError, ShapeError

SHAPES = [(4, 3), (3,), (1,), ()]
SETTINGS = [("SGD", {}), ("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
            ("Adam", {}), ("Adam", {"weight_decay": 0.1, "betas": (0.8, 0.9)}), ("AdamW", {"weight_decay": 0.3, "eps": 1e-3})]


def start(dtype=np.float64):
    rng = np.random.default_rng(0)
    return [rng.normal(size=s).astype(dtype) for s in SHAPES]


def params_of(dtype=np.float64):
    return [ad.tensor(a, requires_grad=True) for a in start(dtype)]


def train(opt, params, steps):
    for _ in range(steps):
        opt.zero_grad()
        loss = 0.0
        for p in params:
            loss = loss + ((p - 1) ** 4).sum()
        loss.backward()
        opt.step()


def values(params):
    return [p.detach().numpy().copy() for p in params]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name,settings", SETTINGS)
def test_as_pytorch_does_it(name, settings, dtype):
    torch = pytest.importorskip("torch")
    params, theirs = params_of(dtype), [torch.tensor(a, requires_grad=True) for a in start(dtype)]
    train(getattr(ad.optim, name)(params, lr=0.01, **settings), params, 30)
    train(getattr(torch.optim, name)(theirs, lr=0.01, **settings), theirs, 30)
    for p, q in zip(params, theirs):
        assert p.dtype == dtype
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12 if dtype == np.float64 else 2e-5)


def test_adam_by_its_formula():
    p = ad.tensor([2.0, -1.0], requires_grad=True)
    opt = ad.optim.AdamW([p], lr=0.1, betas=(0.5, 0.75), eps=0.1, weight_decay=0.2)
    x, m, s = np.array([2.0, -1.0]), 0.0, 0.0
    for t in range(1, 6):
        g = np.array([0.3, -1.2]) * t
        p.grad = g
        opt.step()
        m, s = 0.5 * m + 0.5 * g, 0.75 * s + 0.25 * g * g
        x = x - 0.1 * 0.2 * x
        x = x - 0.1 * (m / (1 - 0.5 ** t)) / (np.sqrt(s / (1 - 0.75 ** t)) + 0.1)
        np.testing.assert_allclose(values([p])[0], x, rtol=1e-13)


def test_a_step_is_one_kernel_that_writes_in_place():
    params = params_of()
    memory = [p.value for p in params[:-1]]
    view = params[0][0].detach()
    opt = ad.optim.Adam(params, lr=0.1)
    train(opt, params, 40)
    kernel, = opt._compiled.values()
    assert kernel.cache_info().misses == 1
    for p, a in zip(params, memory):
        assert p.value is a
    opt.param_groups[0]["lr"] = 0.01        # a number: no other kernel
    train(opt, params, 3)
    assert list(opt._compiled.values()) == [kernel] and kernel.cache_info().misses == 1
    assert view.shape == (3,)


def test_what_was_recorded_before_a_step_keeps_its_values():
    p = ad.tensor([1.0, 2.0], requires_grad=True)
    opt = ad.optim.SGD([p], lr=0.5)
    before = p * 1.0
    other = (p * p).sum()
    p.grad = np.ones(2)
    opt.step()
    np.testing.assert_array_equal(before.detach().numpy(), [1.0, 2.0])
    np.testing.assert_array_equal(values([p])[0], [0.5, 1.5])
    assert float(other.detach()) == 5.0
    with pytest.raises(GradientError, match="written in place"):
        other.backward()


@pytest.mark.parametrize("name,settings", SETTINGS)
def test_a_state_goes_on_elsewhere(name, settings):
    one, two = params_of(), params_of()
    first = getattr(ad.optim, name)(one, lr=0.02, **settings)
    train(first, one, 5)
    state = first.state_dict()
    second = getattr(ad.optim, name)(two, lr=1.0)
    second.load_state_dict(state)
    for p, a in zip(two, values(one)):
        p.data = a
    train(first, one, 5)
    train(second, two, 5)
    for a, b in zip(values(one), values(two)):
        np.testing.assert_array_equal(a, b)
    assert state["param_groups"][0]["params"] == [0, 1, 2, 3] and state["state"][0]["step"] == 5
    with pytest.raises(ShapeError, match="4.*parameters for an optimiser of"):
        ad.optim.SGD(params_of()[:2]).load_state_dict(state)


def test_groups_and_parameters_without_gradient():
    a, b, c = (ad.tensor([1.0], requires_grad=True) for _ in range(3))
    opt = ad.optim.SGD([{"params": [a, b], "lr": 0.1}, {"params": [c], "momentum": 0.5}], lr=1.0)
    for _ in range(2):
        opt.zero_grad()
        (a + c).sum().backward()
        opt.step()
    assert b.grad is None
    np.testing.assert_allclose([float(x) for x in (a.detach(), b.detach(), c.detach())], [0.8, 1.0, -1.5])
    opt.zero_grad(set_to_none=False)
    assert float(a.grad) == 0.0
    assert "momentum: 0.5" in repr(opt)


def test_a_closure_computes_the_gradients():
    p = ad.tensor([3.0], requires_grad=True)
    opt = ad.optim.SGD([p], lr=0.25)

    def closure():
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss
    assert float(opt.step(closure).detach()) == 9.0
    assert float(p.detach()) == 1.5


def test_what_is_no_parameter():
    p = ad.tensor([1.0], requires_grad=True)
    for wrong, message in [([p * 2.0], "result of an operation"), ([ad.tensor([1.0])], "no tensor that requires"), ([p, p], "twice"),
                           ([np.ones(2)], "no tensor that requires")]:
        with pytest.raises(GradientError, match=message):
            ad.optim.Adam(wrong)


def trained(seed):
    rng = np.random.default_rng(seed)
    w, b = ad.tensor(rng.normal(size=(5, 3)), requires_grad=True), ad.tensor(np.zeros(3), requires_grad=True)
    x, y = rng.normal(size=(20, 5)), rng.normal(size=(20, 3))
    opt = ad.optim.Adam([w, b], lr=0.01)
    for _ in range(100):
        opt.zero_grad()
        np.mean((np.tanh(x @ w + b) - y) ** 2).backward()
        opt.step()
    return w.detach().numpy().copy()


def test_threads_train_beside_each_other():
    found = {}
    threads = [threading.Thread(target=lambda seed=seed: found.update({seed: trained(seed)})) for seed in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for seed in range(5):
        np.testing.assert_allclose(found[seed], trained(seed), rtol=1e-10)


def test_steps_keep_no_memory():
    w = ad.tensor(np.ones(10_000), requires_grad=True)
    opt = ad.optim.Adam([w], lr=1e-3)
    for k in range(3000):
        if k == 1000:
            gc.collect()
            before = resident()
        opt.zero_grad()
        np.sum(w * w).backward()
        opt.step()
    assert resident() - before < 8      # a step that kept one array would keep 160 MB


def test_examples():
    assert doctest.testmod(optimizers).failed == 0
