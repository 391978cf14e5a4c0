"""`np.errstate` and `np.seterr`: where they ask for exceptions, Python runs the call."""

import numpy as np
import pytest

import autodiff as ad

ZERO = np.array([0.0, 1.0])


def inverse(x):
    return np.sum(1.0 / x)


def handled(x):
    try:
        with np.errstate(all="raise"):
            return np.sum(1.0 / x)
    except FloatingPointError:
        return np.sum(x) * 10


def with_static(x, how):
    return np.sum(1.0 / x) if how == "inverse" else np.sum(x)


@pytest.mark.parametrize("transform", [lambda f: ad.jit(f), lambda f: ad.jit(ad.grad(f)), ad.grad, ad.hessian,
                                       lambda f: ad.jit(ad.value_and_grad(f))])
def test_around_a_call(transform):
    g = transform(inverse)
    with np.errstate(all="ignore"):
        g(ZERO), g(ZERO)
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        g(ZERO)
    with np.errstate(divide="raise"):
        g(ZERO + 1)
    with np.errstate(all="ignore"):
        assert not np.all(np.isfinite(g(ZERO)[0] if isinstance(g(ZERO), tuple) else g(ZERO)))


def test_static_arguments_and_keywords():
    f = ad.jit(with_static)
    assert f(ZERO, "inverse") == f(ZERO, how="inverse") == np.inf
    with np.errstate(divide="raise"):
        assert f(ZERO, "sum") == 1.0
        for _ in range(2):
            with pytest.raises(FloatingPointError):
                f(ZERO, "inverse")
            with pytest.raises(FloatingPointError):
                f(ZERO, how="inverse")


def test_set_for_the_process():
    f = ad.jit(inverse)
    f(ZERO)
    before = np.seterr(divide="raise")
    try:
        with pytest.raises(FloatingPointError):
            f(ZERO)
    finally:
        np.seterr(**before)
    assert f(ZERO) == np.inf
    assert "1 calls ran uncompiled: floating-point errors are to raise" in f.why()


def test_a_function_that_is_called():
    seen = []
    with np.errstate(divide="call", call=lambda kind, flag: seen.append(kind)):
        assert ad.jit(inverse)(ZERO) == np.inf
    assert seen == ["divide by zero"]


@pytest.mark.parametrize("transform", [ad.jit, lambda f: ad.jit(ad.grad(f)), ad.grad])
def test_in_the_function(transform):
    g = transform(handled)
    for x in (ZERO, ZERO + 1, ZERO):
        if transform is ad.jit:
            assert g(x) == handled(x)
        else:
            np.testing.assert_allclose(g(x), np.full(2, 10.0) if x[0] == 0 else -1 / x ** 2)


def test_other_settings_are_compiled():
    def f(x):
        with np.errstate(invalid="ignore", divide="warn"):
            return np.sum(np.sqrt(x))
    g = ad.jit(f)
    with np.errstate(all="ignore"):
        assert g(ZERO) == g(ZERO) == 1.0
    assert "uncompiled" not in g.why() and g.cache_info().misses == 1
