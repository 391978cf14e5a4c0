"""The tape: what is computed when, the roads of `backward`, what a kernel may and may not be used for, memory, threads."""

import gc
import linecache
import threading
import time
import warnings

import numpy as np
import pytest

import autodiff as ad
from autodiff.eager import kernels
from autodiff.eager.tape import DEEPEST


def param(values):
    return ad.tensor(np.array(values, float), requires_grad=True)


def gradient(f, values):
    x = param(values)
    f(x).backward()
    return x.grad.detach().numpy().copy()


# -- lazy values ------------------------------------------------------------------------------------------------------------------

def test_nothing_is_computed_until_somebody_asks():
    x = param([1.0, 2.0])
    y = np.exp(x * 2.0)
    z = y.sum()
    assert y.step.value is None and z.step.value is None
    assert z.shape == () and y.dtype == np.float64 and y.shape == (2,)
    assert float(z) == pytest.approx(np.exp([2.0, 4.0]).sum())
    assert z.step.value is not None and y.step.value is not None


def test_errors_of_shape_and_dtype_come_at_once_at_the_users_line():
    x = param(np.ones((3, 4)))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"cannot add arrays of shapes \(3, 4\) and \(4, 3\)") as e:
            x + x.T
        assert "test_tape.py" in str(e.value) and "x + x.T" in str(e.value)
        with pytest.raises(TypeError, match="bitwise_and"):
            x & x
        with pytest.raises(np.exceptions.AxisError):
            x.sum(axis=2)
        with pytest.raises(IndexError):
            x[3]


def test_an_operand_is_what_it_was_when_the_operation_ran():
    for n in (3, 100_000):
        a, x = np.ones(n), param(np.ones(n))
        y = (a * x).sum()
        a[...] = 5.0
        assert float(y) == n
        y.backward()
        np.testing.assert_array_equal(x.grad.detach().numpy(), np.ones(n))
        memory = x.detach().numpy()
        z = x * 2.0
        memory[...] = 7.0
        assert float(z[0]) == 2.0 and float(x[0]) == 7.0


def test_a_leaf_is_what_it_was_when_the_operation_ran():
    x = param([1.0, 2.0])
    y, v = x * 3.0, np.ravel(x)
    same = x.astype(np.float64)
    with ad.no_grad():
        x += 10.0
    np.testing.assert_array_equal(y.detach(), [3.0, 6.0])
    np.testing.assert_array_equal(same.detach(), [1.0, 2.0])
    np.testing.assert_array_equal(v.detach(), [11.0, 12.0])     # a view
    y.sum().backward()      # which does not need the old values
    np.testing.assert_array_equal(x.grad.detach(), [3.0, 3.0])


def test_warnings_name_the_line_of_the_operation():
    x = param([0.0, 1.0])
    y = np.log(x)
    z = y * 2.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert z.detach().numpy()[1] == 0.0
    assert len(caught) == 1 and "divide by zero" in str(caught[0].message)
    assert caught[0].filename == __file__ and linecache.getline(__file__, caught[0].lineno).strip() == "y = np.log(x)"
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="test_tape.py"):
        np.log(param([0.0])).detach().numpy()
    with np.errstate(divide="ignore"):
        assert np.log(param([0.0])).detach().numpy()[0] == -np.inf


def test_decisions_of_python_follow_the_values():
    def f(x):
        n = 0
        while np.sum(x * x) < 1000 and n < 50:
            x, n = x * 1.5, n + 1
        return np.sum(x) if x[0] > 0 else np.sum(x * 3.0)
    for k in range(8):
        start = [1.0 + k % 3, -2.0]
        np.testing.assert_allclose(gradient(f, start), ad.jit(ad.grad(f))(np.array(start)))


def test_a_static_argument_is_part_of_the_key_and_a_number_is_not():
    x = param([1.0, 2.0, 3.0])
    before = len(kernels._kernels)
    for k in range(6):
        x.grad = None
        (np.sum(x * (1.0 + k))).backward()
        np.testing.assert_array_equal(x.grad.detach(), [1.0 + k] * 3)
    assert len(kernels._kernels) == before + 1
    for k in range(1, 6):
        for _ in range(4):
            x.grad = None
            np.sum(x ** k).backward()
            np.testing.assert_allclose(x.grad.detach(), k * np.array([1.0, 2.0, 3.0]) ** (k - 1))
    for axis in (0, 1, 0, 1, 0, 1):
        m = param(np.arange(6.0).reshape(2, 3))
        (m.sum(axis=axis) ** 2).sum().backward()
        np.testing.assert_allclose(m.grad.detach(), 2 * np.broadcast_to(np.arange(6.0).reshape(2, 3).sum(axis=axis, keepdims=True), (2, 3)))


def test_numbers_keep_pythons_rules_of_promotion():
    x32 = ad.tensor(np.ones(2, np.float32), requires_grad=True)
    for number, dtype in ((2.0, np.float32), (2, np.float32), (np.float64(2), np.float64), (np.ones(2), np.float64)):
        for y in (x32 * number, number * x32, x32 + number, np.maximum(x32, number)):
            assert y.dtype == dtype and y.detach().numpy().dtype == dtype
    i = ad.tensor([1, 2])
    assert (i * 2).dtype == np.int64 and (i / 2).dtype == np.float64 and (i * 2.5).dtype == np.float64 and (i ** 2).dtype == np.int64
    with pytest.raises(OverflowError):
        ad.tensor(np.ones(2, np.int8)) + 300


# -- roads ------------------------------------------------------------------------------------------------------------------------

def test_the_three_roads_give_one_gradient():
    rng = np.random.default_rng(0)
    data, w0 = rng.normal(size=(8, 4)), rng.normal(size=(4, 3))

    def loss(w):
        y = np.tanh(data @ w)
        return np.mean((y - np.max(y, axis=1, keepdims=True)) ** 2) + np.linalg.norm(w)
    want = ad.jit(ad.grad(loss))(w0)
    said = []
    for _ in range(5):
        w = param(w0)
        y = loss(w)
        assert ad.why(y) == "backward() has not been called on it"
        y.backward()
        said.append(ad.why(y))
        np.testing.assert_allclose(w.grad.detach(), want, rtol=1e-12)
        assert float(y) == pytest.approx(float(loss(w0)))
    assert said[0].startswith("step by step") and "new" in said[0] and said[-1].startswith("one kernel"), said


def test_a_length_known_only_at_run_time_stays_step_by_step():
    for _ in range(5):
        x = param([1.0, -2.0, 3.0])
        y = np.sum(x[x > 0] ** 2)
        y.backward()
        np.testing.assert_array_equal(x.grad.detach(), [2.0, 0.0, 6.0])


def test_what_is_held_is_computed_along():
    for k in range(6):
        x = param([0.3, 0.7])
        hidden = np.tanh(x * (1.0 + k))
        loss = np.sum(hidden * hidden)
        accuracy = np.mean(hidden > 0.5)
        loss.backward()
        assert hidden.step.value is not None
        with ad.no_grad():
            x -= 100.0
        np.testing.assert_allclose(hidden.detach(), np.tanh(np.array([0.3, 0.7]) * (1.0 + k)))
        assert float(accuracy) == np.mean(np.tanh(np.array([0.3, 0.7]) * (1.0 + k)) > 0.5)
        with pytest.raises(TypeError, match="freed"):
            np.sum(hidden).backward()


def test_a_loss_asked_for_before_its_gradient():
    for k in range(6):
        x = param([1.0, 2.0])
        loss = np.sum(np.exp(x * 0.1) * x)
        value = float(loss)
        if k % 2:
            with ad.no_grad():
                x += 1.0
            with pytest.raises(TypeError, match="written in place since"):
                loss.backward()
        else:
            loss.backward()
            np.testing.assert_allclose(x.grad.detach(), np.exp([0.1, 0.2]) * (1 + 0.1 * np.array([1.0, 2.0])))
        assert float(loss) == value


def test_one_leaf_in_two_places_of_a_tape_that_had_two():
    def f(a, b):
        return np.sum(a * b * b)
    for _ in range(5):
        a, b = param([1.0, 2.0]), param([3.0, 4.0])
        f(a, b).backward()
        np.testing.assert_allclose(a.grad.detach(), [9.0, 16.0])
        np.testing.assert_allclose(b.grad.detach(), [6.0, 16.0])
    for _ in range(5):
        a = param([1.0, 2.0])
        f(a, a).backward()
        np.testing.assert_allclose(a.grad.detach(), 3 * np.array([1.0, 4.0]))


def test_shared_steps_are_not_taken_for_copies():
    def twice(x):
        y = np.sin(x)
        return np.sum(y * y)

    def apart(x):
        return np.sum(np.sin(x) * np.sin(x))
    for k in range(12):
        f = (twice, apart)[k % 2]
        np.testing.assert_allclose(gradient(f, [0.1, 0.2]), np.sin([0.2, 0.4]), rtol=1e-12)


def test_a_seed_changes_and_its_kernel_serves():
    x = param([1.0, 2.0, 3.0])
    for k in range(6):
        x.grad = None
        y = x * x * x
        y.backward(gradient=np.array([1.0, k, 0.0]))
        np.testing.assert_allclose(x.grad.detach(), [3.0, 12.0 * k, 0.0])
    assert ad.why(y).startswith("one kernel")


# -- hooks, retained gradients, gradients of gradients ----------------------------------------------------------------------------

def test_hooks_and_retained_gradients():
    for _ in range(5):
        x = param([1.0, 2.0])
        seen = []
        y = x * 3.0
        y.retain_grad()
        z = (y * y).sum()
        hook = y.register_hook(lambda g, seen=seen: seen.append(g.detach().numpy().copy()))
        y.register_hook(lambda g: g * 10.0)
        x.register_hook(lambda g: g + 1.0)
        z.backward(retain_graph=True)
        np.testing.assert_allclose(seen, [[6.0, 12.0]])
        np.testing.assert_allclose(y.grad.detach(), [60.0, 120.0])
        np.testing.assert_allclose(x.grad.detach(), [181.0, 361.0])
        assert "hook" in ad.why(z)
        hook.remove()
        z.backward()
        assert len(seen) == 1
    with pytest.raises(TypeError, match="hook"):
        ad.tensor([1.0]).register_hook(print)


def test_gradients_of_gradients():
    def f(x):
        return np.sum(np.tanh(x) * x ** 3) + np.max(x) * x[0] + np.linalg.norm(x)
    start = np.array([0.3, 1.2, -0.7])
    want = ad.jit(ad.grad(lambda x: np.sum(ad.grad(f)(x) ** 2)))(start)
    for _ in range(5):
        x = param(start)
        f(x).backward(create_graph=True)
        g, x.grad = x.grad, None
        assert g.requires_grad
        np.testing.assert_allclose(g.detach(), ad.grad(f)(start), rtol=1e-10)
        total = (g * g).sum()
        total.backward()
        np.testing.assert_allclose(x.grad.detach(), want, rtol=1e-9)
    assert ad.why(total).startswith("one kernel")
    x = param(2.0)
    y = x ** 4
    for k in range(3):
        x.grad = None
        y.backward(create_graph=True)
        y = x.grad
        assert float(y) == [32.0, 48.0, 48.0][k]


def test_several_results_of_one_function():
    a0 = np.array([[2.0, 0.5], [0.5, 1.0]])
    for _ in range(4):
        a = param(a0)
        values, vectors = np.linalg.eigh(a)
        (values[1] * 2.0 + vectors[0, 0] ** 2).backward()
        want = ad.jit(ad.grad(lambda a: np.linalg.eigh(a)[0][1] * 2.0 + np.linalg.eigh(a)[1][0, 0] ** 2))(a0)
        np.testing.assert_allclose(a.grad.detach(), want, atol=1e-10)
        first, second = np.split(param([1.0, 2.0, 3.0, 4.0]), 2)
        assert first.shape == second.shape == (2,)


# -- writes -----------------------------------------------------------------------------------------------------------------------

def test_writes_on_tensors_on_the_tape():
    for _ in range(4):
        x = param([1.0, 2.0, 3.0])
        y = np.exp(x)
        z = y.sum()
        y[0] = 5.0
        y *= 2.0
        (z + y.sum()).backward()
        np.testing.assert_allclose(x.grad.detach(), np.exp([1.0, 2.0, 3.0]) * [1.0, 3.0, 3.0])
        np.testing.assert_allclose(y.detach(), np.array([5.0, np.exp(2.0), np.exp(3.0)]) * 2.0)


def test_views_and_their_tensors_are_written_together():
    for _ in range(4):
        x = param(np.arange(4.0))
        y = x * 1.0
        row, turned = y[1:3], y[::-1]
        row += 10.0
        turned[0] = x[0] * 5.0
        np.testing.assert_array_equal(y.detach(), [0.0, 11.0, 12.0, 0.0])
        np.testing.assert_array_equal(turned.detach(), [0.0, 12.0, 11.0, 0.0])
        (y * np.arange(4.0)).sum().backward()
        np.testing.assert_array_equal(x.grad.detach(), [15.0, 1.0, 2.0, 0.0])
    w = ad.tensor(np.zeros((2, 3)))
    first, flat = w[0], w.reshape(6)
    first += 1.0
    flat[5] = 9.0
    w.T[1, 1] = 4.0
    assert w.tolist() == [[1.0, 1.0, 1.0], [0.0, 4.0, 9.0]] and first.tolist() == [1.0] * 3 and flat.tolist() == [1, 1, 1, 0, 4, 9]
    array = w.numpy()
    array[0, 0] = -1.0
    assert first.tolist() == [-1.0, 1.0, 1.0] and float(w[0, 0]) == -1.0
    with pytest.raises(TypeError, match="within one kind"):
        i = ad.tensor([1, 2])
        i += 0.5


def test_no_grad_as_a_decorator_and_requires_grad_():
    @ad.no_grad()
    def step(w):
        w -= 0.1
        return w * 2.0
    w = param([1.0])
    assert not step(w).requires_grad and w.tolist() == [0.9]
    frozen = ad.tensor([1.0])
    y = frozen * 2.0
    frozen.requires_grad_()
    (frozen * 3.0 + y).sum().backward()
    assert frozen.grad.tolist() == [3.0] and repr(frozen * 2) == "tensor([2.], grad_fn=<multiply>)"


# -- memory and threads ---------------------------------------------------------------------------------------------------------

def test_chains_that_nobody_asks_for_are_bounded():
    x, total = ad.tensor([1.0, 2.0]), ad.tensor([0.0, 0.0])
    for _ in range(3 * DEEPEST):
        total = total + x
    assert total.step.depth <= DEEPEST
    gc.collect()
    assert total.tolist() == [3.0 * DEEPEST, 6.0 * DEEPEST]


@pytest.mark.slow
def test_a_million_steps():
    from tests.memory import resident
    start = time.process_time()
    x, total = ad.tensor(np.ones(100)), ad.tensor(np.zeros(100))
    w = param(np.ones(3))
    for k in range(1_000_000):
        if k == 200_000:
            gc.collect()
            before = resident()
        total = total + x
        if k % 100 == 0:
            (w[:1 + k % 3] * float(k)).sum().backward()
    gc.collect()
    assert resident() - before < 20
    assert total.tolist() == [1e6] * 100
    assert time.process_time() - start < 10.0       # seconds of this process: 5 on a shared 2-core EPYC


def test_detached_results_keep_their_values_alone():
    from tests.memory import resident
    w, state, kept = param(np.ones(1000)), ad.tensor(np.ones(1000)), []
    for k in range(3000):
        if k == 1000:
            gc.collect()
            before = resident()
        state = (state * 0.9 + w * 0.1).detach()        # truncated: no gradient goes further back
        y = np.exp(w * 2.0 + state)
        kept.append(y.detach())
        w.grad = None
        y.sum().backward()
    gc.collect()
    assert resident() - before < 1.5 * 2000 * 8e-3      # one array of 8 kB each


SPLITS = [lambda x: np.split(x, 2), lambda x: np.split(x, [1, 3]), lambda x: np.array_split(x, 4), lambda x: np.split(x, 2, axis=-1),
          lambda x: np.split(x, [1, 9], 1), np.unstack, lambda x: np.unstack(x, axis=1), lambda x: np.hsplit(x, 2),
          lambda x: np.vsplit(x, 3), lambda x: np.hsplit(x[0], 2), lambda x: np.dsplit(x, 2)]


@pytest.mark.parametrize("number", range(len(SPLITS)))
def test_parts_are_views(number):
    f = SPLITS[number]
    array = np.arange(48.0).reshape(6, 4, 2)
    x, w = ad.tensor(array), param(array)
    y = w * 1.0
    for k, (p, q, r) in enumerate(zip(f(x), f(array), f(y), strict=True)):
        assert p.shape == q.shape == r.shape and (p.tolist() == q.tolist())
        p[...] = q[...] = r[...] = float(k)
    np.testing.assert_array_equal(x.numpy(), array)
    np.testing.assert_array_equal(y.detach(), array)
    parts = f(x)
    x[...] = 5.0
    assert all((p.numpy() == 5.0).all() for p in parts)
    w.grad = None
    sum((k + 1.0) * p.sum() for k, p in enumerate(f(w))).backward()
    want = np.zeros_like(array)
    for k, p in enumerate(f(want)):
        p += k + 1.0
    np.testing.assert_array_equal(w.grad.detach(), want)


def test_parts_of_unequal_division_are_refused():
    with pytest.raises(ValueError, match="split|division|parts"):
        np.split(ad.tensor(np.ones(5)), 2)


def test_stores_of_keys_are_bounded(monkeypatch):
    monkeypatch.setattr(kernels, "MOST_KERNELS", 4)
    monkeypatch.setattr(kernels, "MOST_SEEN", 20)
    kernels.forget_kernels()
    for n in range(2, 12):
        for _ in range(5):
            x = param(np.arange(1.0, n))
            for _ in range(n):
                x = x * 1.5
            x.sum().backward()
    assert len(kernels._kernels) <= 4 and len(kernels._seen) <= 22
    recipe = x.sum().step.recipe
    assert all(k in kernels._kernels.values() for k in recipe.kernels)


def test_threads():
    failures = []

    def work(seed):
        rng = np.random.default_rng(seed)
        try:
            for k in range(60):
                start = rng.normal(size=3 + k % 3)
                got = gradient(lambda x: np.sum(np.sin(x * x) * (2.0 + seed)) + np.sum(x[1:]), start)
                want = np.cos(start ** 2) * 2 * start * (2.0 + seed) + np.r_[0.0, np.ones(len(start) - 1)]
                np.testing.assert_allclose(got, want, rtol=1e-10)
        except Exception as e:  # noqa: BLE001 - shown by the assertion below
            failures.append(e)
    threads = [threading.Thread(target=work, args=(s,)) for s in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[0]


def test_threads_share_a_tape():
    x = param(np.linspace(0.0, 1.0, 500))
    y = x
    for _ in range(200):
        y = np.sin(y) + 0.01
    results = []
    threads = [threading.Thread(target=lambda: results.append(y.detach().numpy().sum())) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(results)) == 1 and len(results) == 6
