"""`ad.scipy.linalg` against SciPy: plain arrays are SciPy's, traced ones give the same numbers and derivatives."""

import inspect

import numpy as np
import pytest
import scipy.linalg

import autodiff as ad
from autodiff.scipy import linalg
from tests.check import assert_same, check_all, check_compiled, check_grads, evaluated, leaves
from tracer.errors import ShapeError, UnsupportedError

rng = np.random.default_rng(5)
A = rng.standard_normal((4, 4)) + 3 * np.eye(4)
SPD = A @ A.T
V, B = rng.standard_normal(4), rng.standard_normal((4, 3))

CALLS = {
    **{f"triangular {trans} {lower} {unit}": (lambda m, a, b, trans=trans, lower=lower, unit=unit: m.solve_triangular(a, b, trans, lower, unit), (A, B))
       for trans in (0, 1, "N", "T", 2, "C") for lower in (False, True) for unit in (False, True)},
    "triangular vector": (lambda m, a, b: m.solve_triangular(a, b, lower=True), (A, V)),
    "cholesky": (lambda m, a: (m.cholesky(a), m.cholesky(a, lower=True)), (SPD,)),
    "cho_solve": (lambda m, a, b: (m.cho_solve(m.cho_factor(a), b), m.cho_solve(m.cho_factor(a, lower=True), b[:, 0])), (SPD, B)),
    "solve": (lambda m, a, b: (m.solve(a, b), m.solve(a, b[:, 0], transposed=True)), (A, B)),
    "solve pos": (lambda m, a, b: m.solve(a, b, assume_a="pos", lower=True), (SPD, B)),
    "inv and det": (lambda m, a: (m.inv(a), m.det(a)), (A,)),
}


@pytest.mark.parametrize("name", CALLS)
def test_same_numbers_as_scipy(name):
    f, args = CALLS[name]
    for dtype in (np.float64, np.float32):
        given = [a.astype(dtype) for a in args]
        want = leaves(f(scipy.linalg, *given))
        for got, w in zip(evaluated(lambda *xs: f(linalg, *xs), *given), want, strict=True):
            assert_same(got, np.asarray(w), rtol=1e-3 if dtype == np.float32 else 1e-11)
        for got, w in zip(leaves(f(linalg, *given)), want, strict=True):
            np.testing.assert_array_equal(got, w)


@pytest.mark.parametrize("name", CALLS)
def test_derivatives(name):
    f, args = CALLS[name]
    check_grads(lambda *xs: f(linalg, *xs), *args)
    check_compiled(lambda *xs: f(linalg, *xs), *args)


def test_only_the_named_triangle_counts():
    garbage = np.triu(SPD) + np.tril(np.full((4, 4), np.nan), -1)
    g = ad.grad(lambda a: linalg.cholesky(a).sum())(garbage)
    assert np.isfinite(g).all() and (np.tril(g, -1) == 0).all()
    g = ad.grad(lambda a: linalg.solve_triangular(a, V).sum())(garbage)
    assert np.isfinite(g).all() and (np.tril(g, -1) == 0).all()


def test_tensors_and_lanes():
    t = ad.tensor(SPD, requires_grad=True)
    linalg.cho_solve(linalg.cho_factor(t), V).sum().backward()
    np.testing.assert_allclose(t.grad, ad.grad(lambda a: linalg.cho_solve(linalg.cho_factor(a), V).sum())(SPD))
    lanes = np.stack([A, A.T])
    check_all(lambda a, b: linalg.solve_triangular(a, b, lower=True), lanes, np.stack([B, -B]))
    b = rng.standard_normal((5, 4, 2))
    got = ad.jit(lambda a, b: linalg.solve_triangular(a, b))(A, b)
    np.testing.assert_allclose(got, np.stack([scipy.linalg.solve_triangular(A, c) for c in b]), rtol=1e-12)


def test_a_zero_on_the_diagonal():
    a = np.diag([1.0, 0.0])
    for call in (ad.jit(lambda a: linalg.solve_triangular(a, np.ones(2))), lambda a: linalg.solve_triangular(a, np.ones(2))):
        with pytest.raises(np.linalg.LinAlgError, match="singular"):
            call(a)


NEWER = {"inv": {"assume_a", "lower"}}     # since SciPy 1.17


def test_signatures_are_scipy_s():
    for name in linalg.__all__:
        ours, theirs = inspect.signature(getattr(linalg, name)).parameters, inspect.signature(getattr(scipy.linalg, name)).parameters
        ours = {p: q for p, q in ours.items() if p in theirs or p not in NEWER.get(name, ())}
        assert list(ours) == [p for p in theirs if p in ours], name
        assert [p.default for p in ours.values()] == [theirs[p].default for p in ours], name


def test_refusals():
    for f, word in ((lambda a: linalg.solve(a, V, assume_a="sym"), "assume_a='sym'"), (lambda a: linalg.inv(a, assume_a="pos"), "assume_a='pos'")):
        with pytest.raises(UnsupportedError, match=word) as e:
            ad.jit(f)(A)
        assert "test_linalg.py" in str(e.value) and "fix" in str(e.value)
    with pytest.raises(ValueError, match="trans"):
        ad.jit(lambda a: linalg.solve_triangular(a, V, trans=3))(A)
    with pytest.raises(ShapeError, match=r"solve_triangular of a matrix of shape \(4, 4\) and a right-hand side of shape \(3, 4\)"):
        ad.jit(lambda a: linalg.solve_triangular(a, B.T))(A)
