"""Results whose length is known only when the function has run: compiled where the greatest length is known, else evaluated, visibly."""

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


def test_without_a_greatest_length_the_evaluator_says_so():
    f = ad.jit(lambda x: np.bincount(np.floor(x * 4 + 4).astype(int)))
    np.testing.assert_array_equal(f(CALLS[0]), np.bincount(np.floor(CALLS[0] * 4 + 4).astype(int)))
    assert "no greatest length of it is known" in f.why()


def test_very_long_results_are_not_made_at_their_greatest_length(monkeypatch):
    monkeypatch.setattr(trimmed, "MOST_ELEMENTS", 50)
    f = ad.jit(lambda x: np.multiply.outer(x[x > 0], x[x > 0]))
    np.testing.assert_array_equal(f(CALLS[0]), np.multiply.outer(CALLS[0][CALLS[0] > 0], CALLS[0][CALLS[0] > 0]))
    assert "evaluator" in f.why()


def test_an_error_of_the_function_comes_through():
    f = ad.jit(lambda x, k: x[x > 0][k])
    with pytest.raises(IndexError):
        f(CALLS[3], 5)
    g = ad.jit(lambda x, k: (x[x > 0], x[k]))
    with pytest.raises(IndexError, match="out of bounds"):
        g(CALLS[3], 25)
    assert g(CALLS[3], 7)[1] == 1.0
