"""Functions of SciPy, and some of NumPy, called by captured code under their own names: value and gradient."""

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats

import autodiff as ad

A = np.array([[3.0, 1.0, 0.2], [0.5, 2.0, 0.1], [0.3, 0.2, 4.0]])


def unpacked(a):
    p, q, r, *_ = a.flat
    return p * q + r


def multiplied_in_place(a):
    out = a.copy()
    out.cumprod(axis=0, out=out)
    return out


def copied(a):
    out = np.zeros((3, 3))
    np.copyto(out, a * 2, where=a > 1.5)
    return out


def first_or_number(a):
    try:
        return float(a[0])
    except TypeError:
        return a[0] * 2


PROGRAMS = [
    lambda a: scipy.linalg.inv(a), lambda a: scipy.linalg.cholesky(a @ a.T, lower=True), lambda a: scipy.linalg.pinv(a[:, :2]),
    lambda a: scipy.linalg.block_diag(a, a[:1], 3.0), lambda a: scipy.linalg.expm(a), lambda a: scipy.linalg.expm(a * 10),
    lambda a: scipy.linalg.expm(a * 0.01), lambda a: scipy.linalg.solve_continuous_lyapunov(a, a @ a.T),
    lambda a: scipy.linalg.solve_discrete_lyapunov(a * 0.1, a @ a.T), lambda a: scipy.linalg.solve(a, np.ones(3)),
    lambda a: scipy.linalg.det(a), lambda a: scipy.stats.norm.cdf(a, 1.0, 2.0), lambda a: scipy.stats.norm.pdf(a, loc=0.5),
    lambda a: scipy.stats.norm.logpdf(a), lambda a: scipy.stats.norm.sf(a), lambda a: scipy.stats.norm.ppf(a / 5),
    lambda a: scipy.stats.norm.isf(a / 5), lambda a: scipy.stats.norm.logcdf(a), lambda a: scipy.stats.norm.logsf(a),
    lambda a: scipy.stats.norm(1.0, 2.0).cdf(a), lambda a: scipy.stats.multivariate_normal.logpdf(a[0], a[1], a @ a.T),
    lambda a: scipy.stats.multivariate_normal.pdf(a, np.zeros(3), a @ a.T),
    lambda a: scipy.stats.multivariate_normal.logpdf(a[0, 0], 0.3, 2.0), lambda a: scipy.special.gamma(a),
    lambda a: scipy.special.ndtri(a / 5), lambda a: scipy.special.logsumexp(a), lambda a: np.r_[a[0], 1.0, a[1, 1], 2:4],
    lambda a: np.c_[a[0], a[1]], lambda a: np.c_[a, np.ones(3)], lambda a: np.r_[a, a[:1]], lambda a: a.flat[3] * a.flat[1],
    lambda a: np.emath.sqrt(a) + np.emath.arcsin(a / 10) + np.emath.log(a) + np.emath.power(a, 1.5),
    unpacked, multiplied_in_place, copied, first_or_number]


@pytest.mark.parametrize("f", PROGRAMS)
def test_value_and_gradient(f):
    want = f(A.copy())
    np.testing.assert_allclose(ad.jit(f)(A.copy()), want, rtol=1e-11, atol=1e-300)
    weights = np.cos(np.arange(np.size(want))).reshape(np.shape(want))
    loss = lambda a: np.sum(f(a) * weights)  # noqa: E731
    slope = np.array([(loss(A + h) - loss(A - h)) / 2e-6 for h in 1e-6 * np.eye(9).reshape(9, 3, 3)]).reshape(3, 3)
    for g in (ad.grad(loss), ad.jit(ad.grad(loss))):
        np.testing.assert_allclose(g(A.copy()), slope, rtol=1e-6, atol=1e-6 * np.max(np.abs(slope)))


def test_what_would_be_complex_is_refused_when_it_runs():
    f = ad.jit(lambda x: np.sum(np.emath.sqrt(x)))
    assert f(np.array([4.0, 9.0])) == 5.0
    with pytest.raises(ValueError, match="complex"):
        f(np.array([4.0, -9.0]))


def singular(a):
    return scipy.stats.multivariate_normal.logpdf(a[0], a[1], np.outer(a[0], a[0]))


def last_of_flat_written(a):
    b = a.copy()
    b.flat[-1] = 7
    return b


OVER_DTYPES = [
    scipy.linalg.inv, scipy.linalg.det, scipy.linalg.pinv, scipy.linalg.expm, lambda a: scipy.linalg.block_diag(a, a[:1]),
    lambda a: scipy.linalg.solve_continuous_lyapunov(a, a), lambda a: scipy.linalg.solve_discrete_lyapunov(a / 10, a),
    lambda a: scipy.stats.norm.cdf(a), lambda a: scipy.stats.norm.ppf(a / 5), lambda a: scipy.stats.norm.cdf(a, 0, a - 1),
    lambda a: scipy.stats.norm.pdf(a, 0, -a), lambda a: scipy.stats.norm.ppf(a), lambda a: scipy.stats.norm.logpdf(a, a[0], 2),
    lambda a: scipy.stats.multivariate_normal.logpdf(a, a[0], a @ a.T), lambda a: scipy.stats.multivariate_normal.logpdf(a[:1], a[0], a @ a.T),
    lambda a: scipy.stats.multivariate_normal.logpdf(a, a[0], a[1] + 1), lambda a: scipy.stats.multivariate_normal.logpdf(a[0], 0.3, a[0, 0]),
    lambda a: scipy.stats.multivariate_normal.pdf(a[0][:, None], 0.3, a[0, 0]), lambda a: scipy.stats.multivariate_normal.logpdf(a[0, 0], cov=2.0),
    lambda a: scipy.stats.multivariate_normal.logpdf(a[0], a[1], a @ a.T, allow_singular=True),
    lambda a: np.r_[a[0], 1], lambda a: np.r_[a[0], 1.5], lambda a: np.c_[a[0], a[1]], lambda a: np.emath.power(a, 2), lambda a: a.flat[-1],
    last_of_flat_written]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("f", OVER_DTYPES)
def test_dtypes_and_shapes_are_scipys(f, dtype):
    a = np.array([[3, 1, 0], [0, 2, 1], [1, 0, 4]]).astype(dtype)
    with np.errstate(all="ignore"):
        want, found = f(a.copy()), ad.jit(f)(a.copy())
    assert (np.shape(found), np.result_type(found)) == (np.shape(want), np.result_type(want))
    np.testing.assert_allclose(found, want, rtol=1e-5 if dtype == np.float32 else 1e-11)


def test_a_singular_covariance_raises_what_scipy_raises():
    with pytest.raises(np.linalg.LinAlgError, match="allow_singular is False"):
        ad.jit(singular)(A)
    with pytest.raises(ValueError, match="positive semidefinite"):
        ad.jit(lambda a: scipy.stats.multivariate_normal.logpdf(a[0], a[1], -a @ a.T))(A)
    with pytest.raises(NotImplementedError, match="singular covariance"):
        ad.jit(lambda a: scipy.stats.multivariate_normal.logpdf(a[0], a[1], np.outer(a[0], a[0]), allow_singular=True), verify="off")(A)


def test_a_function_of_scipy_is_compiled_itself():
    np.testing.assert_allclose(ad.jit(scipy.linalg.inv)(A), np.linalg.inv(A))
    np.testing.assert_allclose(ad.grad(scipy.special.gammaln)(2.5), scipy.special.digamma(2.5))


def test_positions_in_flat_are_checked():
    """A review found that x.flat[25] = v of 9 elements wrote element 7."""
    def written(a):
        b = a.copy()
        b.flat[9] = 7.0
        return b
    for f in (written, ad.jit(written)):
        with pytest.raises(IndexError, match="out of bounds"):
            f(A)
