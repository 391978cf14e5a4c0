"""Functions that NumPy lacks, plain and traced, and the ufuncs of scipy.special."""

import doctest

import numpy as np
import pytest
import scipy.special as sp

import autodiff as ad
import autodiff.numpy as anp
from autodiff.numpy import extra, special
from tests.check import assert_same, check_compiled, check_grads, check_value, evaluated
from tracer.errors import DTypeError, UnsupportedError
from tracer.trace import trace_flat
from tracer.types import type_of_value

X = np.array([[0.3, -1.2, 2.0, 0.1], [1.5, 0.7, -0.4, -2.2], [0.9, 0.2, 1.1, -0.6]])

OWN = {
    "logsumexp": (lambda x: (anp.logsumexp(x), anp.logsumexp(x, 0), anp.logsumexp(x, axis=(0, 1), keepdims=True)),
                  lambda x: (sp.logsumexp(x), sp.logsumexp(x, 0), sp.logsumexp(x, axis=(0, 1), keepdims=True))),
    "softmax": (lambda x: (anp.softmax(x), anp.softmax(x, 0), anp.softmax(x, None)),
                lambda x: (sp.softmax(x, -1), sp.softmax(x, 0), sp.softmax(x))),
    "log_softmax": (lambda x: (anp.log_softmax(x), anp.log_softmax(x, 0)), lambda x: (sp.log_softmax(x, -1), sp.log_softmax(x, 0))),
    "sigmoid": (anp.sigmoid, sp.expit),
    "relu": (anp.relu, lambda x: np.maximum(x, 0)),
    "softplus": (anp.softplus, lambda x: np.log1p(np.exp(x))),
}


@pytest.mark.parametrize("name", OWN)
def test_own_functions(name):
    f, reference = OWN[name]
    for x in (X, X[:, ::-2], X.astype(np.float32)):
        got, want = f(x), reference(x)
        for g, w in zip(got if isinstance(got, tuple) else [got], want if isinstance(want, tuple) else [want], strict=True):
            assert not isinstance(g, anp.ndarray) or type(g) is np.ndarray
            assert np.asarray(g).dtype == x.dtype
            np.testing.assert_allclose(g, w, rtol=1e-6 if x.dtype == np.float32 else 1e-14)
        check_value(f, x)
    check_value(f, (X * 3).astype(int))
    check_grads(f, X)
    check_compiled(f, X)


def test_own_functions_at_large_numbers():
    x = np.array([[1e4, 0.0], [-np.inf, -np.inf], [-np.inf, 3.0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert anp.logsumexp(x, 1).tolist() == [1e4, -np.inf, 3.0]
        assert anp.softmax(np.array([1e300, 0.0])).tolist() == [1.0, 0.0]
        assert anp.relu(np.array([np.nan, -1.0]))[1] == 0 and np.isnan(anp.relu(np.array([np.nan]))[0])
    assert anp.logsumexp(np.zeros((0, 2)), 0).tolist() == [-np.inf, -np.inf]
    assert anp.logsumexp(3.0) == 3.0 and anp.logsumexp([0, 0]) == np.log(2.0)


def test_one_hot():
    i = np.array([[2, 0], [1, 7]])
    want = (i[..., None] == np.arange(3)).astype(float)
    assert_same(anp.one_hot(i, 3), want)
    assert_same(evaluated(lambda k: [anp.one_hot(k, 3)], i)[0], want)
    assert anp.one_hot(1, 2, dtype=np.float32).dtype == np.float32
    with pytest.raises(DTypeError):
        anp.one_hot(X, 3)


def test_docstrings():
    results = doctest.testmod(extra, extraglobs={"np": np})
    assert results.attempted > 5 and results.failed == 0


def test_cross_entropy_gradient():
    labels = np.array([0, 2, 1])
    g = ad.grad(lambda x: -np.mean(anp.log_softmax(x)[np.arange(3), labels]))(X)
    np.testing.assert_allclose(g, (sp.softmax(X, 1) - anp.one_hot(labels, 4)) / 3, rtol=1e-13)


# -- scipy.special ---------------------------------------------------------------------------------

P = np.linspace(0.07, 0.93, 9)
R = np.linspace(-2.1, 2.3, 9)
Q = np.linspace(0.4, 4.0, 9)
SPECIAL = {
    "erf": (R,), "erfc": (R,), "erfinv": (2 * P - 1,), "gammaln": (Q,), "loggamma": (Q,), "digamma": (Q,), "psi": (Q,), "expit": (R,), "logit": (P,),
    "log_expit": (R * 20,), "exp10": (R,), "exp2": (R,), "expm1": (R,), "log1p": (P,), "cbrt": (Q,), "xlogy": (R, Q), "xlog1py": (R, P),
    "entr": (Q,), "rel_entr": (Q, Q[::-1]), "kl_div": (Q, Q[::-1]), "huber": (Q, R), "pseudo_huber": (Q, R), "ndtr": (R,),
    "log_ndtr": (R * 25 - 0.01,), "exprel": (R * 0.4,), "betaln": (Q, Q[::-1]), "boxcox": (Q, R), "gamma": (Q,), "ndtri": (P,),
}


def test_every_special_function_has_a_row():
    have = {name for name in special.table if isinstance(getattr(sp, name, None), np.ufunc)}
    assert have <= set(SPECIAL) | {"softplus"}
    assert set(SPECIAL) <= set(special.table)


@pytest.mark.parametrize("name", SPECIAL)
def test_special(name):
    f = getattr(sp, name)
    check_value(f, *SPECIAL[name], rtol=1e-11)
    check_value(f, *[a.astype(np.float32) for a in SPECIAL[name]], rtol=2e-5)
    check_grads(f, *SPECIAL[name], order=1 if name in ("digamma", "psi") else 2, tol=1e-5)


@pytest.mark.parametrize("name", ["erf", "gammaln", "xlogy", "log_ndtr", "exprel", "expit"])
def test_special_compiled(name):
    check_compiled(getattr(sp, name), *SPECIAL[name], rtol=1e-9)


def test_special_values():
    zero, inf = np.array([0.0, 0.0, 0.0, 1.0]), np.array([0.0, np.inf, -1.0, 0.0])
    check_value(sp.xlogy, zero, inf)
    check_value(sp.xlog1py, zero, inf - 1)
    check_value(sp.entr, np.array([0.0, -1.0, np.inf, np.nan]))
    check_value(sp.rel_entr, np.array([0.0, 1.0, -1.0, np.nan, 2.0]), np.array([0.0, 0.0, 1.0, 1.0, 3.0]))
    check_value(sp.kl_div, np.array([0.0, 1.0, -1.0, np.nan, 2.0]), np.array([0.5, 0.0, 1.0, 1.0, 3.0]))
    check_value(sp.pseudo_huber, np.array([0.0, -1.0, 2.0]), np.array([1.0, 1.0, 0.0]))
    check_value(sp.huber, np.array([0.0, -1.0, 2.0]), np.array([1.0, 1.0, 0.0]))
    check_value(sp.log_ndtr, np.array([-200.0, -37.0, -30.0, -29.99, 0.0, 5.0, 9.0]), rtol=1e-12)
    check_value(sp.exprel, np.array([0.0, 1e-9, 0.5, -0.5, 700.0]))
    check_value(sp.boxcox, np.array([1.5, 2.0]), np.array([0.0, 0.5]))


@pytest.mark.parametrize("f, x, want", [
    (lambda x: sp.xlogy(x, x).sum(), np.array([0.0, 1.0]), [0, 1]),
    (lambda x: sp.xlogy(x, 2.0).sum(), np.array([0.0, 1.0]), [np.log(2)] * 2),
    (lambda x: sp.xlog1py(x, x).sum(), np.array([0.0, 1.0]), [0, np.log(2) + 0.5]),
    (lambda x: sp.entr(x).sum(), np.array([0.0, 1.0]), [0, -1]),
    (lambda x: sp.exprel(x).sum(), np.array([0.0, 1e-9]), [0.5, 0.5]),
    (lambda x: sp.log_ndtr(x).sum(), np.array([-1e3, 0.0]), [1000.000999998, np.sqrt(2 / np.pi)]),
    (lambda x: sp.pseudo_huber(1.0, x).sum(), np.array([0.0, 1e3]), [0, 1 / np.sqrt(1 + 1e-6)]),
])
def test_special_gradients(f, x, want):
    np.testing.assert_allclose(ad.grad(f)(x), want, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("k, x", [(0, np.linspace(-0.36, 6.0, 9)), (-1, -np.linspace(0.36, 0.001, 9)), (0, np.array([-1 / np.e + 1e-9, 0.0, -0.0, 1e-310, 1e308])),
                                  (0, np.array([[0.5], [2.0]], np.float32))])
def test_lambertw(k, x):
    want = sp.lambertw(x, k)
    assert not np.any(want.imag)
    slope = np.exp(-want.real) / (1 + want.real)    # is w / (x (1 + w)), and 1 at 0
    for f in (lambda x: sp.lambertw(x, k), lambda x: sp.lambertw(x, k).real, lambda x: sp.lambertw(x, np.int64(k)) + sp.lambertw(x, k).imag):
        assert_same(ad.jit(f)(x), want.real, 1e-14)
        assert ad.jit(f)(x).dtype == np.float64
        for g in (ad.grad(lambda x, f=f: np.sum(f(x))), ad.jit(ad.grad(lambda x, f=f: np.sum(f(x))))):
            np.testing.assert_allclose(g(x), slope, rtol=1e-6 if x.dtype == np.float32 else 1e-13)
    t = ad.tensor(x, requires_grad=True)
    sp.lambertw(t, k).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), slope, rtol=1e-6 if x.dtype == np.float32 else 1e-13)
    if x.ndim == 1 and np.all(np.abs(x) < 10) and np.all(x > -0.37 + 0.005):
        check_grads(lambda x: sp.lambertw(x, k).real, x[1:], order=2, tol=1e-4)


def test_lambertw_is_its_definition():
    f = ad.jit(lambda x: sp.lambertw(x).real)
    x = np.array([-0.3, 0.1, 2.0, 50.0])
    np.testing.assert_allclose(f(x) * np.exp(f(x)), x, rtol=1e-13)
    assert np.isnan(f(np.nan)) and f(np.inf) == np.inf and f(np.array([])).shape == (0,)
    np.testing.assert_allclose(ad.jit(ad.grad(lambda x: sp.lambertw(x).real))(0.0), 1.0)


@pytest.mark.parametrize("make", [ad.jit, ad.grad, lambda f: ad.jit(ad.grad(f))])
@pytest.mark.parametrize("k, x", [(0, -0.4), (-1, 0.5), (-1, -1.0)])
def test_complex_values_of_lambertw_are_refused_at_run_time(make, k, x):
    f = make(lambda x: sp.lambertw(x, k).real)
    f(-0.2)
    with pytest.raises(ValueError, match=rf"lambertw with k={k} is complex for an argument .*test_extra.py:\d+\)"):
        f(x)


@pytest.mark.parametrize("k", [1, -2, np.array([0, -1])], ids=str)
def test_other_branches_of_lambertw_are_refused(k):
    with pytest.raises(UnsupportedError, match="lambertw of traced values with k="):
        ad.jit(lambda x: sp.lambertw(x, k))(0.5)


def test_unknown_special_functions_are_refused():
    with pytest.raises(UnsupportedError, match="j0"):
        trace_flat(lambda x: [sp.j0(x)], [type_of_value(X)])
