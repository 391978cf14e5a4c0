"""Loops reversed under a memory budget: the same gradients, whatever the chunks."""

import numpy as np
import pytest

import autodiff as ad
from autodiff.transforms import checkpoint as checkpointing
from autodiff.transforms.checkpoint import chunk_sizes
from tests.laws import check_compiled
from tracer.errors import UnsupportedError

X, A = np.linspace(0.3, 1.0, 3), np.linspace(1.0, 2.0, 3)


def kept(x, a, n):
    for i in range(n):
        x = x + 0.1 * np.sin(a * x) + 0.01 * i
    return np.sum(x * x)


def budgeted(x, a, n):
    for i in ad.checkpoint_loop(range(n), memory=1.0):
        x = x + 0.1 * np.sin(a * x) + 0.01 * i
    return np.sum(x * x)


def left_early(x, a, n):
    for _ in ad.checkpoint_loop(range(n), memory=1.0):
        x = x * 1.3 + 0.1 * np.sin(a * x)
        if np.sum(x) > 9.0:
            break
    return np.sum(x)


@pytest.mark.parametrize("sizes", [[], [1], [2], [5], [3, 2], [3, 2, 1]], ids=str)
@pytest.mark.parametrize("n", [0, 1, 3, 4, 7])
def test_gradients_do_not_depend_on_the_chunks(sizes, n, monkeypatch):
    monkeypatch.setattr(checkpointing, "chunk_sizes", lambda *args: sizes)
    for f, plain in ((budgeted, kept), (left_early, left_early)):
        value, got = ad.jit(ad.value_and_grad(f, argnums=(0, 1)), static_argnums=2)(X, A, n)
        want_value, want = ad.value_and_grad(plain, argnums=(0, 1))(X, A, n)
        np.testing.assert_allclose(value, want_value, rtol=1e-12)
        np.testing.assert_allclose(got, want, rtol=1e-10)


def test_compiled_and_evaluated(monkeypatch):
    monkeypatch.setattr(checkpointing, "chunk_sizes", lambda *args: [3, 2])
    check_compiled(lambda x, a: ad.jit(lambda x, a: budgeted(x, a, 8))(x, a), [X, A], np.random.default_rng(0))


def test_second_order(monkeypatch):
    monkeypatch.setattr(checkpointing, "chunk_sizes", lambda *args: [2])
    h = ad.jit(ad.hessian(lambda x: budgeted(x, A, 5)))(X)
    np.testing.assert_allclose(h, ad.hessian(lambda x: kept(x, A, 5))(X), rtol=1e-10)


def test_the_plan_fits_the_budget():
    for steps, state, step, memory in [(10**6, 8000, 24000, 2e8), (10**4, 8, 8, 1e4), (100, 80, 800, 1e4)]:
        sizes = [steps, *chunk_sizes(memory, steps, state, step)]
        kept_bytes = sum(-(-a // b) * state for a, b in zip(sizes, sizes[1:], strict=False)) + sizes[-1] * step
        assert len(sizes) > 1 and kept_bytes <= memory
    assert chunk_sizes(1e9, 10, 8, 8) == [] == chunk_sizes(80, 10, 8, 8) != chunk_sizes(79, 10, 8, 8)
    assert chunk_sizes(1e6, 10**6, 8000, 8000) == [63096, 3981, 251, 16]
    assert chunk_sizes(2e8, 10**6, 8000, 8000) == [1000] and chunk_sizes(2e5, 10**4, 8, 800) == [10]
    assert chunk_sizes(1e6, None, 8, 100) == [5000]


def test_python_runs_it_as_it_is():
    assert list(ad.checkpoint_loop(range(3))) == [0, 1, 2] and len(ad.checkpoint_loop(range(3))) == 3
    assert kept(X, A, 4) == budgeted(X, A, 4)


def in_turn(x, a, n):
    for _ in ad.checkpoint_loop(range(n), memory=1.0):
        x, a = a, x
        x[0] = x[0] * a[1]
    return np.sum(x * a + x)


def in_turn_plainly(x, a, n):
    for _ in range(n):
        x, a = a, x
        x[0] = x[0] * a[1]
    return np.sum(x * a + x)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_arguments_that_change_names_in_turn(n):
    """The loop writes into whichever argument a name means at its step: right, or refused, and never one of the two alone."""
    want = in_turn_plainly(X.copy(), A.copy(), n)
    x, a = X.copy(), A.copy()
    try:
        found = ad.jit(in_turn, static_argnums=2)(x, a, n)
    except UnsupportedError as e:
        assert "another name" in str(e)
        return
    np.testing.assert_allclose(found, want, rtol=1e-14)
    plain = X.copy(), A.copy()
    in_turn_plainly(*plain, n)
    np.testing.assert_array_equal((x, a), plain)
