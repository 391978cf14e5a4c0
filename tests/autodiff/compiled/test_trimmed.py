"""Results whose length is known only when the function has run: compiled, at their greatest length where that is known."""

import numpy as np
import pytest

import autodiff as ad
from autodiff.compiled import trimmed

RNG = np.random.default_rng(0)
CALLS = [RNG.random(20) - 0.5, -RNG.random(20), RNG.random(20), np.where(np.arange(20) == 7, 1.0, -1.0)]
FUNCTIONS = {
    "a choice": lambda x: x[x > 0], "several results": lambda x: (x[x > 0] * 2, np.nonzero(x > 0)[0], x.max()),
    "rows": lambda x: np.stack([x, x], 1)[x > 0], "columns": lambda x: x.reshape(4, 5)[:, x[:5] > 0], "places": lambda x: np.argwhere(x.reshape(4, 5) > 0),
    "two axes": lambda x: np.multiply.outer(x[x > 0], x[x < 0]), "more than all": lambda x: np.concatenate([x[x > 0], x]),
    "turned": lambda x: np.cumsum(x[x > 0])[::-1], "compress": lambda x: np.compress(x > 0, x), "flatnonzero": lambda x: np.flatnonzero(x > 0),
    "float32": lambda x: x[x > 0].astype(np.float32), "truth values": lambda x: x[x > -0.1] > 0, "of a choice": lambda x: x[x > -0.2][x[x > -0.2] > 0],
    "in a tree": lambda x: {"a": [x[x > 0]], "b": x.sum() * 0}}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_lengths(name):
    f = FUNCTIONS[name]
    compiled = ad.jit(f)
    for x in CALLS * 2:
        for _ in range(2):
            want, got = f(x), compiled(x)
            for a, b in zip(*[list(v.values()) if isinstance(v, dict) else v if isinstance(v, tuple) else (v,) for v in (want, got)], strict=True):
                a, b = (v[0] if isinstance(v, list) else v for v in (a, b))
                assert (np.shape(b), np.result_type(b)) == (np.shape(a), np.result_type(a))
                np.testing.assert_allclose(b, a, rtol=1e-14)
    assert "evaluator" not in compiled.why()
    assert compiled.cache_info().misses == 1


def test_results_belong_to_the_caller():
    f = ad.jit(lambda x: x[x > 0])
    first = f(CALLS[2])
    kept = first.copy()
    f(CALLS[2] * 2)
    np.testing.assert_array_equal(first, kept)
    assert first.base is None and first.flags.writeable


def test_gradients_of_such_a_function():
    f = ad.jit(ad.vjp(lambda x: x[x > 0] ** 2, CALLS[0])[1])
    np.testing.assert_allclose(f(np.ones(np.sum(CALLS[0] > 0)))[0], np.where(CALLS[0] > 0, 2 * CALLS[0], 0))


def _same(got, want):
    assert (got.dtype, got.shape, got.flags.owndata) == (want.dtype, want.shape, True)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("generator", ["llvm", "numba"])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int16, np.uint64, np.bool_])
def test_bincounts_grow_and_shrink(dtype, generator, monkeypatch):
    monkeypatch.setattr(ad.config, "generator", generator)
    rng, kept = np.random.default_rng(5), []
    count, weighted = ad.jit(lambda k: np.bincount(k)), ad.jit(lambda k, w: np.bincount(k, w, 3))
    most = 2 if dtype == np.bool_ else np.iinfo(dtype).max
    for n in (0, 1, 7, 40) if generator == "llvm" else (7,):
        for top in (2, 5, 90, 3, 120, 100000, 1, 200000, 30) if generator == "llvm" else (5, 120, 3):
            k, w = rng.integers(0, min(top, most), n).astype(dtype), rng.normal(size=n)
            for _ in range(3):
                kept += [(count(k), np.bincount(k)), (weighted(k, w), np.bincount(k, w, 3))]
    for got, want in kept:      # no result is the memory of a later one
        _same(got, want)


def test_errors_of_bincount_are_those_of_numpy():
    count = ad.jit(lambda k: np.bincount(k))
    _same(count(np.array([3, 1])), np.bincount([3, 1]))
    for _ in range(2):
        with pytest.raises(ValueError, match="'list' argument must have no negative elements"):
            count(np.array([3, -1]))
    with pytest.raises(TypeError):
        count(np.array([3.0, 1.0]))
    with pytest.raises(ValueError, match="don't have the same length"):
        ad.jit(lambda k, w: np.bincount(k, w))(np.array([1, 2]), np.ones(3))
    with pytest.raises(ValueError, match="minlength"):
        ad.jit(lambda k: np.bincount(k, minlength=-1))(np.array([1, 2]))


def test_weights_of_a_bincount_have_a_gradient():
    f = ad.jit(ad.grad(lambda w, k: np.sum(np.bincount(k, w) ** 2)))
    for top in (3, 50, 7):
        k, w = RNG.integers(0, top, 12), RNG.normal(size=12)
        np.testing.assert_allclose(f(w, k), 2 * np.bincount(k, w)[k], rtol=1e-14)


def test_several_results_of_lengths_that_are_not_known():
    def f(k, x):
        return {"a": [np.bincount(k), x[x > 0]], "b": (np.bincount(k, x) + 1, x.sum() > 0, np.outer(x[x > 0], x[x > 0]))}
    g = ad.jit(f)
    for top in (2, 400, 9, 4000):
        k, x = RNG.integers(0, top, 30), RNG.normal(size=30)
        for _ in range(3):
            got, want = g(k, x), f(k, x)
            for a, b in zip([*got["a"], *got["b"]], [*want["a"], *want["b"]], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-14)
                assert a.shape == b.shape
            assert got["b"][1] is want["b"][1]


def test_such_calls_go_to_the_kernel_without_python(monkeypatch):
    f = ad.jit(lambda k: np.bincount(k))
    for top in (5, 1000):
        k = np.array([1, 2, top])
        for _ in range(3):
            f(k)
        monkeypatch.setattr(trimmed.TrimmedKernel, "_run", None)
        _same(f(k), np.bincount(k))
        monkeypatch.undo()


def test_bound_calls_of_results_that_grow():
    k = np.array([1, 2, 2])
    f = ad.jit(lambda k: np.bincount(k)).bind(k)
    for top in (3, 500, 4):
        k[0] = top
        for _ in range(3):
            _same(f(), np.bincount(k))


def test_other_functions_of_lengths_that_are_not_known():
    for f in (lambda n, x: np.arange(n * n) * x[0], lambda n, x: np.zeros(n), lambda n, x: np.repeat(x, 3)[:n], lambda n, x: np.full((n, 2), x[1])):
        g = ad.jit(f)
        for n in (1, 3, 100, 2, 300):
            for _ in range(2):
                np.testing.assert_allclose(g(n, CALLS[0]), f(n, CALLS[0]), rtol=1e-15)


def test_very_long_results_are_not_made_at_their_greatest_length(monkeypatch):
    monkeypatch.setattr(trimmed, "MOST_ELEMENTS", 50)
    f = ad.jit(lambda x: np.multiply.outer(x[x > 0], x[x > 0]))
    for x in CALLS * 2:
        np.testing.assert_array_equal(f(x), np.multiply.outer(x[x > 0], x[x > 0]))


def test_an_error_of_the_function_comes_through():
    f = ad.jit(lambda x, k: x[x > 0][k])
    with pytest.raises(IndexError):
        f(CALLS[3], 5)
    g = ad.jit(lambda x, k: (x[x > 0], x[k]))
    with pytest.raises(IndexError, match="out of bounds"):
        g(CALLS[3], 25)
    assert g(CALLS[3], 7)[1] == 1.0
