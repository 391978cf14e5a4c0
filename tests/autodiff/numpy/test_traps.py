"""Derivatives at kinks, ties and singular points: each has a documented answer, and none is nan."""

import numpy as np
import pytest

import autodiff as ad
import autodiff.numpy as anp
from tests.check import check_grads

ZERO = np.zeros(3)


@pytest.mark.parametrize("f, x, want", [
    (np.linalg.norm, ZERO, [0, 0, 0]),
    (lambda x: np.linalg.norm(x.reshape(1, 3)), ZERO, [0, 0, 0]),
    (lambda x: np.linalg.norm(x, 3), ZERO, [0, 0, 0]),
    (lambda x: np.linalg.norm(x, 0.5), np.array([1.0, 0.0, 4.0]), [3, 0, 1.5]),
    (lambda x: np.linalg.norm(x, 1), np.array([0.0, -2.0, 2.0]), [0, -1, 1]),
    (lambda x: np.linalg.norm(x, np.inf), np.array([1.0, -2.0, 2.0]), [0, -0.5, 0.5]),
    (np.std, np.full(3, 2.5), [0, 0, 0]),
    (np.var, np.full(3, 2.5), [0, 0, 0]),
    (lambda x: np.std(x, keepdims=True)[0], np.full(3, 2.5), [0, 0, 0]),
    (lambda x: np.nanstd(x), np.array([1.0, 1.0, np.nan]), [0, 0, 0]),
    (np.prod, np.array([0.0, 2.0, 3.0]), [6, 0, 0]),
    (np.prod, np.array([0.0, 0.0, 3.0]), [0, 0, 0]),
    (lambda x: np.cumprod(x)[-1], np.array([0.0, 2.0, 3.0]), [6, 0, 0]),
    (np.max, np.array([1.0, 3.0, 3.0]), [0, 0.5, 0.5]),
    (np.min, np.array([1.0, 1.0, 3.0]), [0.5, 0.5, 0]),
    (np.ptp, np.full(3, 1.0), [0, 0, 0]),
    (np.nanmax, np.array([1.0, np.nan, 3.0]), [0, 0, 1]),
    (np.nanmean, np.array([1.0, np.nan, 3.0]), [0.5, 0, 0.5]),
    (lambda x: np.maximum(x, 0).sum(), np.array([-1.0, 0.0, 1.0]), [0, 0.5, 1]),
    (lambda x: np.clip(x, -1, 1).sum(), np.array([-1.0, 0.5, 2.0]), [0.5, 1, 0]),
    (lambda x: np.abs(x).sum(), np.array([-1.0, 0.0, 1.0]), [-1, 0, 1]),
    (lambda x: (x ** 2).sum(), np.array([-1.0, 0.0, 1.0]), [-2, 0, 2]),
    (lambda x: np.power(x, 0).sum(), ZERO, [0, 0, 0]),
    (lambda x: np.power(x, np.arange(3)).sum(), ZERO, [0, 1, 0]),
    (lambda x: np.hypot(x, x).sum(), ZERO, [0, 0, 0]),
    (lambda x: np.arctan2(x, x).sum(), ZERO, [0, 0, 0]),
    (lambda x: np.sinc(x).sum(), ZERO, [0, 0, 0]),
    (lambda x: (np.sort(x) * np.arange(3)).sum(), np.array([1.0, 1.0, 0.0]), [1, 2, 0]),
    (lambda x: np.median(x), np.array([1.0, 1.0, 0.0]), [1, 0, 0]),
    (lambda x: np.nan_to_num(x).sum(), np.array([np.nan, np.inf, 1.0]), [0, 0, 1]),
    (lambda x: np.logaddexp(x, -np.inf).sum(), np.array([-np.inf, 0.0, 800.0]), [0.5, 1, 1]),
    (anp.logsumexp, np.full(3, -np.inf), [0, 0, 0]),
    (anp.logsumexp, np.array([-np.inf, 0.0, 0.0]), [0, 0.5, 0.5]),
    (anp.logsumexp, np.array([1e4, 0.0, -1e4]), [1, 0, 0]),
    (lambda x: anp.logsumexp(x.reshape(3, 1), axis=1)[1:].sum(), np.array([0.0, -np.inf, 2.0]), [0, 0, 1]),
    (lambda x: anp.softmax(x)[0], np.array([1e4, 0.0, -1e4]), [0, 0, 0]),
    (lambda x: anp.log_softmax(x)[1], np.array([1e4, 0.0, -1e4]), [-1, 1, 0]),
    (lambda x: anp.relu(x).sum(), np.array([-1.0, 0.0, 1.0]), [0, 0, 1]),
    (lambda x: anp.sigmoid(x).sum(), np.array([-1e4, 0.0, 1e4]), [0, 0.25, 0]),
    (lambda x: anp.softplus(x).sum(), np.array([-1e4, 0.0, 1e4]), [0, 0.5, 1]),
    (lambda x: np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0).sum(), np.array([-1.0, 0.0, 2.0]), [0, 0, 0.5]),
    (lambda x: np.interp(x, [0.0, 1.0, 3.0], [0.0, 2.0, 3.0]).sum(), np.array([-1.0, 1.0, 5.0]), [0, 0.5, 0]),
    (lambda x: np.corrcoef(x, np.array([1.0, 2.0, 4.0]))[0, 0], np.array([1.0, 2.0, 0.0]), [0, 0, 0]),
    (lambda x: np.mean(x, where=np.array([True, False, True])), np.array([1.0, np.inf, 3.0]), [0.5, 0, 0.5]),
    # A nan that is masked out is not in the result; its zero cotangent used to be multiplied by the nan.
    (lambda x: np.var(x, where=np.array([True, False, True])), np.array([0.1, np.nan, -2.0]), [1.05, 0, -1.05]),
    (lambda x: np.std(x, where=np.array([True, False, True])), np.array([0.1, np.inf, -2.0]), [0.5, 0, -0.5]),
    (lambda x: x.astype(np.float32).astype(float).sum(), ZERO, [1, 1, 1]),
])
def test_gradient_at_a_special_point(f, x, want):
    g = ad.grad(f)(x)
    np.testing.assert_allclose(g, want, atol=1e-12)
    y, dy = ad.jvp(f, (x,), (np.ones(3),))
    if np.isfinite(x).all():
        np.testing.assert_allclose(dy, np.sum(want), atol=1e-12)


def test_second_derivatives_at_special_points():
    assert np.isfinite(ad.hessian(np.linalg.norm)(ZERO)).all()
    assert np.isfinite(ad.hessian(np.std)(np.ones(3))).all()
    np.testing.assert_allclose(ad.hessian(np.prod)(np.array([0.0, 0.0, 3.0])), [[0, 3, 0], [3, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(ad.hessian(lambda x: np.logaddexp(x[0], x[1]))(np.zeros(2)), [[0.25, -0.25], [-0.25, 0.25]])
    np.testing.assert_allclose(ad.hessian(lambda x: (x ** 2).sum())(ZERO), 2 * np.eye(3))
    np.testing.assert_allclose(ad.hessian(anp.logsumexp)(ZERO), np.eye(3) / 3 - 1 / 9, atol=1e-15)


@pytest.mark.parametrize("exponent", [None, 1.5, 1.25, 2.5])
@pytest.mark.parametrize("second", [ad.hessian, lambda f: ad.jit(ad.hessian(f)), lambda f: ad.jacobian(ad.grad(f))])
def test_second_derivatives_of_a_power_that_stays_zero(second, exponent):
    # The second derivative of the power is infinite there, and was multiplied by a tangent of 0.
    def f(p):
        v = np.array([0.0, 0.5])
        return np.sum((v / p[0]) ** (p[1] if exponent is None else exponent))
    p = np.array([2.0, 1.5])
    y, a, b = 0.25, 2.0, 1.5 if exponent is None else exponent
    log = np.log(y)
    want = y ** b * np.array([[b * (b + 1) / a ** 2, -(1 + b * log) / a], [-(1 + b * log) / a, log ** 2]])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(second(f)(p), want if exponent is None else want * [[1, 0], [0, 0]])


def test_a_power_that_moves_off_zero_has_an_infinite_second_derivative():
    with np.errstate(divide="ignore"):
        assert ad.grad(ad.grad(lambda x: x ** 1.5))(0.0) == np.inf


def masked_log(x):
    out = np.full_like(x, -1.0)
    np.log(x, out=out, where=x > 0)
    return out


@pytest.mark.parametrize("f, x, first, second", [
    (lambda x: np.divide(1.0, x, out=np.zeros_like(x), where=x != 0), [0.0, 2.0, -4.0], [0, -0.25, -0.0625], [0, 0.25, -0.03125]),
    (lambda x: np.divide(x, 0.0, out=x * 3, where=[False, False, False]), [0.0, 2.0, -4.0], [3, 3, 3], ZERO),
    (masked_log, [-1.0, 0.0, 2.0], [0, 0, 0.5], [0, 0, -0.25]),
    (lambda x: np.arctanh(x, out=x * x, where=[True, False, False]), [0.5, 1.0, np.inf], [4 / 3, 2, np.inf], [16 / 9, 2, 2]),
    (lambda x: np.power(x, 1.5, out=np.ones_like(x), where=np.array([True, False, False])), [4.0, 0.0, -1.0], [3, 0, 0], [0.375, 0, 0])])
def test_ufuncs_with_a_mask(f, x, first, second):
    # They were refused. A masked element may hold what the mask is there for: neither value nor derivative may be nan there.
    x = np.array(x)
    with np.errstate(all="ignore"):
        want = f(x.copy())

    def total(x):
        return f(x).sum()
    np.testing.assert_allclose(ad.jit(f)(x), want, 1e-15)
    assert ad.jit(f)(x.astype(np.float32)).dtype == np.float32
    for way in (lambda g: g, ad.jit):
        np.testing.assert_allclose(way(ad.grad(total))(x), first)
        np.testing.assert_allclose(ad.jvp(way(f), (x,), (np.ones(3),))[1], first)
        np.testing.assert_allclose(np.diag(way(ad.hessian(total))(x)), second)


def test_sorted_ties_follow_the_stable_order():
    check_grads(lambda x: np.sort(x) ** 2, np.array([3.0, 1.0, 2.0]))
    jac = ad.jacobian(np.sort)(np.array([1.0, 0.0, 1.0]))
    assert jac.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
