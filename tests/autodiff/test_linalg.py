"""Linear algebra as users meet it: matrices of real programs, singular ones, both triangles, three faces, errors."""

import numpy as np
import pytest

import autodiff as ad
from tests.check import assert_same, check_all, check_grads
from tracer.errors import MatrixError, ShapeError
from tracer.show.text import parse, text
from tracer.trace import trace_flat
from tracer.types import type_of_value

rng = np.random.default_rng(3)
N = 4
GENERAL = rng.standard_normal((N, N)) + 2 * np.eye(N)
SPD = GENERAL @ GENERAL.T + np.eye(N)
LANES = np.stack([GENERAL, GENERAL.T * 0.7, GENERAL[::-1]])
B = rng.standard_normal((N, 2))


def differences(f, x, h=1e-6):
    """Gradient by central differences, element by element."""
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        e = np.zeros_like(x)
        e[i] = h
        g[i] = (f(x + e) - f(x - e)) / (2 * h)
    return g


FUNCTIONS = {
    "cholesky": (lambda a: (np.linalg.cholesky(a) * np.arange(16.0).reshape(4, 4)).sum(), SPD),
    "upper cholesky": (lambda a: (np.linalg.cholesky(a, upper=True) * np.arange(16.0).reshape(4, 4)).sum(), SPD),
    "solve": (lambda a: (np.linalg.solve(a, B) ** 2).sum(), GENERAL),
    "inv": (lambda a: np.trace(np.linalg.inv(a) @ GENERAL), GENERAL),
    "det": (np.linalg.det, GENERAL),
    "slogdet": (lambda a: np.linalg.slogdet(a)[1] * np.linalg.slogdet(a).sign, GENERAL),
    "eigh": (lambda a: np.sum(np.linalg.eigh(a)[1][:, 0] ** 2 * np.arange(4.0)) + np.linalg.eigh(a).eigenvalues[-1], SPD),
    "eigvalsh": (lambda a: np.log(np.linalg.eigvalsh(a, "U")).sum(), SPD),
    "svd": (lambda a: np.linalg.svd(a, compute_uv=False)[0], GENERAL),
    "qr": (lambda a: (np.linalg.qr(a)[1][0] ** 2).sum(), GENERAL),
    "pinv": (lambda a: (np.linalg.pinv(a) ** 2).sum(), GENERAL[:, :2]),
    "negative power": (lambda a: np.linalg.matrix_power(a, -2).sum(), GENERAL),
    "spectral norm": (lambda a: np.linalg.norm(a, 2), GENERAL),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient_under_every_face(name):
    f, x = FUNCTIONS[name]
    want = differences(f, x)
    np.testing.assert_allclose(ad.grad(f)(x), want, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ad.jit(ad.grad(f))(x), want, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ad.jacfwd(f)(x), want, rtol=1e-6, atol=1e-7)
    t = ad.tensor(x, requires_grad=True)
    f(t).backward()
    np.testing.assert_allclose(t.grad, want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_stays(name):
    f, x = FUNCTIONS[name]
    g = ad.jit(ad.grad(lambda a: (f(a).astype(np.float32))))(x.astype(np.float32))
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, ad.grad(f)(x), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("f", [np.linalg.cholesky, lambda a: np.linalg.eigh(a)[0] * np.arange(4.0)])
def test_the_triangle_that_is_not_read_has_derivative_zero(f):
    g = ad.grad(lambda a: f(a).sum())(SPD)
    assert (np.triu(g, 1) == 0).all() and np.tril(g, -1).any()
    garbage = SPD + np.triu(np.full((N, N), np.nan), 1)
    assert_same(ad.grad(lambda a: f(a).sum())(garbage), g)


def test_log_likelihood_of_a_gaussian_process():
    x, y = np.linspace(0, 1, 8), np.sin(np.arange(8.0))

    def likelihood(p):
        k = np.exp(p[0]) * np.exp(-0.5 * (x[:, None] - x) ** 2 / np.exp(2 * p[1])) + np.exp(p[2]) * np.eye(8)
        c = np.linalg.cholesky(k)
        r = ad.scipy.linalg.solve_triangular(c, y, lower=True)
        return -0.5 * (r @ r) - np.log(np.diagonal(c)).sum()

    def direct(p):
        k = np.exp(p[0]) * np.exp(-0.5 * (x[:, None] - x) ** 2 / np.exp(2 * p[1])) + np.exp(p[2]) * np.eye(8)
        return -0.5 * y @ np.linalg.solve(k, y) - 0.5 * np.linalg.slogdet(k)[1]
    p = np.array([0.3, -0.9, -2.0])
    for f in (likelihood, direct):
        check_all(f, p)
    np.testing.assert_allclose(ad.jit(ad.grad(likelihood))(p), ad.grad(direct)(p), rtol=1e-10)
    np.testing.assert_allclose(ad.hessian(likelihood)(p), ad.jacfwd(ad.jacrev(direct))(p), rtol=1e-8)


def test_one_factorization_serves_value_and_derivatives():
    f = ad.jit(ad.value_and_grad(lambda a, b: (np.linalg.solve(a, b) ** 2).sum() + np.linalg.slogdet(a)[1], argnums=(0, 1)))
    f(GENERAL, B)
    assert f.cache_info().reference_calls.count("lu") <= 1
    traced = trace_flat(lambda a: [np.linalg.solve(a, B), np.linalg.inv(a), np.linalg.slogdet(a)[1]], [type_of_value(GENERAL)])
    assert [n.op.name for n in traced.graph.nodes].count("lu") == 1


def test_graphs_survive_as_text():
    t = trace_flat(lambda a: [np.linalg.solve(a, np.linalg.cholesky(a)), np.linalg.eigh(a, "U")[0], np.linalg.pinv(a)], [type_of_value(SPD)])
    assert text(parse(text(t.graph))) == text(t.graph)


def test_lanes_and_vmap():
    spd = LANES @ LANES.swapaxes(-1, -2) + np.eye(N)
    for f, x in ((np.linalg.cholesky, spd), (np.linalg.inv, LANES), (np.linalg.det, LANES), (lambda a: np.linalg.slogdet(a)[1], LANES),
                 (lambda a: np.linalg.solve(a, B), LANES), (np.linalg.eigvalsh, spd), (np.linalg.pinv, LANES)):
        want = np.stack([f(m) for m in x])
        np.testing.assert_allclose(ad.vmap(f)(x), want, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ad.jit(f)(x), want, rtol=1e-9, atol=1e-12)
        per_lane = np.stack([ad.grad(lambda m, f=f: (f(m) ** 2).sum())(m) for m in x])
        for g in (ad.vmap(ad.grad(lambda m, f=f: (f(m) ** 2).sum())), ad.jit(ad.grad(lambda m, f=f: (f(m) ** 2).sum()))):
            np.testing.assert_allclose(g(x), per_lane, rtol=1e-8, atol=1e-10)


def test_right_hand_sides_with_more_lanes_than_the_matrix():
    b = rng.standard_normal((2, 3, N, 2))
    check_all(np.linalg.solve, GENERAL, b, order=1)
    check_all(np.linalg.solve, LANES[:2, None, :2, :2], b[:, :, :2], order=1)


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_determinant_of_singular_matrices(rank):
    a = GENERAL.copy()
    a[rank:] = np.arange(1.0, N - rank + 1)[:, None] * (a[0] if rank else 0)
    f = ad.jit(ad.grad(np.linalg.det))
    want = differences(np.linalg.det, a, h=1e-3)    # a polynomial of degree 1 in each element
    np.testing.assert_allclose(f(a), want, atol=1e-9)
    assert np.abs(want).max() > 0.1 or rank < 3


def test_second_derivative_of_the_determinant():
    check_grads(np.linalg.det, GENERAL, order=3)


def test_singular_matrices_are_refused_as_in_numpy():
    a = np.ones((3, 3))
    for f in (np.linalg.inv, lambda a: np.linalg.solve(a, np.ones(3))):
        for call in (lambda a, f=f: ad.jit(f)(a), lambda a, f=f: ad.grad(lambda a: f(a).sum())(a), lambda a, f=f: f(ad.tensor(a, requires_grad=True))):
            with pytest.raises(np.linalg.LinAlgError, match="Singular"):
                call(a)
    value = ad.jit(np.linalg.slogdet)(a)
    assert (value.sign, value.logabsdet) == (0, -np.inf) and ad.jit(np.linalg.det)(a) == 0
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        ad.grad(lambda a: np.linalg.slogdet(a)[1])(a)
    for call in (ad.jit(np.linalg.cholesky), ad.grad(lambda a: np.linalg.cholesky(a).sum())):
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
            call(-np.eye(3))


def test_equal_eigenvalues_and_singular_values():
    eye = np.eye(3)
    np.testing.assert_allclose(ad.grad(lambda a: (np.linalg.eigvalsh(a) ** 3).sum())(eye), 3 * eye, atol=1e-12)
    np.testing.assert_allclose(ad.grad(lambda a: np.linalg.norm(a, "nuc"))(eye), eye, atol=1e-12)
    # A function of the vectors of equal values had a finite derivative that was wrong, as they are no functions of the matrix.
    weights = np.arange(9.0).reshape(3, 3)

    def put_together(a):
        u, s, vh = np.linalg.svd(a)
        return np.sum(((u * s) @ vh) * weights)

    def exponential(a):
        w, v = np.linalg.eigh(a)
        return np.sum(((v * np.exp(w)) @ v.T) * weights)
    for f in (put_together, exponential):
        for g in (ad.grad(f), ad.jit(ad.grad(f))):
            assert np.isnan(g(eye)).any()
    # Vectors of values that differ from all others do not see the equal ones.
    for g in (ad.grad, lambda f: ad.jit(ad.grad(f))):
        first = g(lambda a: np.linalg.eigh((a + a.T) / 2)[1][:, 0] @ weights @ np.linalg.eigh((a + a.T) / 2)[1][:, 0])(np.diag([1.0, 2.0, 2.0]))
        np.testing.assert_allclose(first, [[0, -2, -4], [-2, 0, 0], [-4, 0, 0]], atol=1e-12)
    check_grads(np.linalg.pinv, eye)


@pytest.mark.parametrize("n", [0, 1])
def test_empty_matrices_and_single_numbers(n):
    a = np.full((2, n, n), 2.0)
    for f in (np.linalg.cholesky, np.linalg.inv, np.linalg.det, lambda a: np.linalg.slogdet(a)[1], lambda a: np.linalg.eigh(a)[0],
              lambda a: np.linalg.solve(a, np.ones((*a.shape[:-1], 3))), lambda a: np.linalg.solve(a, np.ones((*a.shape[:-1], 0))), np.linalg.pinv):
        check_all(f, a, order=1)
        check_all(f, a[0], order=1)
        check_all(f, a[:0], order=1)


def test_integers_become_float64():
    a = np.array([[2, 1], [1, 3]])
    t = ad.tensor(np.ones(2), requires_grad=True)
    x = np.linalg.solve(a, t)
    x.sum().backward()
    np.testing.assert_allclose(t.grad, np.linalg.inv(a).sum(0))
    assert ad.jit(np.linalg.cholesky)(a).dtype == np.float64 == ad.jit(np.linalg.det)(a).dtype
    assert ad.jit(np.linalg.solve)(a, np.float32([1, 2])).dtype == np.float64
    assert ad.jit(lambda a: np.linalg.matrix_power(a, 3))(a).dtype == a.dtype


def test_results_have_numpy_s_names():
    def f(a):
        w, v = np.linalg.eigh(a)
        u, s, vh = np.linalg.svd(a)
        q, r = np.linalg.qr(a)
        assert np.linalg.eigh(a)._fields == ("eigenvalues", "eigenvectors") and np.linalg.svd(a)._fields == ("U", "S", "Vh")
        assert np.linalg.qr(a)._fields == ("Q", "R") and np.linalg.slogdet(a)._fields == ("sign", "logabsdet")
        return (v * w) @ v.T - (u * s) @ vh, q @ r
    zero, same = ad.jit(f)(SPD)
    np.testing.assert_allclose(zero, 0 * SPD, atol=1e-12)
    np.testing.assert_allclose(same, SPD, rtol=1e-12)


def message(kind, f, *args):
    with pytest.raises(kind) as e:
        ad.jit(f)(*args)
    return str(e.value)


@pytest.mark.parametrize("f, words", [
    (np.linalg.inv, ["linalg.inv of a matrix of shape (4, 2)", "f64[4, 2]", "equal lengths"]),
    (lambda b: np.linalg.cholesky(b[0]), ["linalg.cholesky of a 1-dimensional array", "at least two axes"]),
    (lambda b: np.linalg.solve(b.T @ b, b), ["a matrix of shape (2, 2) and a right-hand side of shape (4, 2)", "needs 2 rows"]),
    (lambda b: np.linalg.solve(np.stack([b.T @ b] * 2), np.stack([b.T] * 3)), ["the axes (2,) and (3,) before the matrices"]),
])
def test_errors_name_shapes_and_the_line(f, words):
    text = message(ShapeError, f, B)
    for w in (*words, "test_linalg.py:", "why"):
        assert w in text, text


def test_classes_of_errors():
    with pytest.raises(np.linalg.LinAlgError):
        ad.jit(np.linalg.det)(B)
    assert issubclass(MatrixError, ValueError)
    with pytest.raises(TypeError, match="complex128 cannot be traced"):
        ad.jit(lambda b: np.linalg.solve(np.eye(4) * 1j, b))(B)
