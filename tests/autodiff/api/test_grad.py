"""The transforms of functions: against closed forms, differences, and each other; inside and outside one another and of jit."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import autodiff as ad

X = np.linspace(0.2, 1.4, 4)
MODES = [lambda f: f, ad.jit]
IDS = ["eager", "jit"]


def scalar(x):
    return np.sin(x) * np.exp(-x * x) + x ** 3


def derivative(f, x, order=1, h=1e-4):
    if order == 0:
        return f(x)
    return (derivative(f, x + h, order - 1, h) - derivative(f, x - h, order - 1, h)) / (2 * h)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_grad_to_any_order(mode, order):
    f = scalar
    for _ in range(order):
        f = ad.grad(f)
    np.testing.assert_allclose(mode(f)(0.7), derivative(scalar, 0.7, order, 1e-3), rtol=1e-4)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_jit_inside_and_outside(mode):
    inner = ad.jit(scalar)
    g = mode(ad.grad(lambda x: inner(x) * inner(2 * x)))
    np.testing.assert_allclose(g(0.7), derivative(lambda x: scalar(x) * scalar(2 * x), 0.7), rtol=1e-6)
    np.testing.assert_allclose(ad.grad(ad.jit(ad.grad(ad.jit(scalar))))(0.7), derivative(scalar, 0.7, 2), rtol=1e-4)


def test_no_perturbation_confusion():
    # d/dx [x * d/dy (x + y)] = 1: the inner derivative must not see the outer direction (Siskind and Pearlmutter, 2005).
    assert ad.grad(lambda x: x * ad.grad(lambda y: x + y)(2.0))(1.0) == 1.0
    assert ad.jvp(lambda x: x * ad.jvp(lambda y: x + y, (2.0,), (1.0,))[1], (1.0,), (1.0,))[1] == 1.0


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_closures_over_traced_values(mode):
    f = mode(ad.grad(lambda x: x * ad.grad(lambda y: np.sin(x * y))(x)))
    np.testing.assert_allclose(f(0.7), derivative(lambda x: x * x * np.cos(x * x), 0.7), rtol=1e-6)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_trees_argnums_and_aux(mode):
    Point = namedtuple("Point", "x y")

    def f(p, k, q):
        return (p["a"] * q.x).sum() + k * q.y[0] ** 2, {"sum": p["a"].sum(), "k": k}
    args = ({"a": X, "b": [X]}, 2.0, Point(X + 1, (3.0,)))
    (value, aux), (gp, gq) = mode(ad.value_and_grad(f, argnums=(0, 2), has_aux=True))(*args)
    np.testing.assert_allclose(value, (X * (X + 1)).sum() + 18)
    np.testing.assert_allclose(gp["a"], X + 1)
    np.testing.assert_array_equal(gp["b"][0], np.zeros(4))
    assert isinstance(gq, Point) and gq.y == (12.0,)
    np.testing.assert_allclose(gq.x, X)
    np.testing.assert_allclose(aux["sum"], X.sum())
    g, aux = mode(ad.grad(f, has_aux=True))(*args)
    np.testing.assert_allclose(g["a"], X + 1)


def test_dataclasses_without_registration():
    @dataclass
    class Model:
        w: np.ndarray
        b: float
    g = ad.jit(ad.grad(lambda m: (m.w * m.b).sum()))(Model(X, 2.0))
    assert isinstance(g, Model)
    np.testing.assert_allclose(g.w, 2.0)
    np.testing.assert_allclose(g.b, X.sum())


def vector(x):
    return np.concatenate([np.sin(x[:2]) * x[2], x * x[0]])


def numerical_jacobian(f, x, h=1e-6):
    return np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size).reshape(x.size, *x.shape)], -1)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
@pytest.mark.parametrize("jac", [ad.jacfwd, ad.jacrev, ad.jacobian])
def test_jacobians(mode, jac):
    np.testing.assert_allclose(mode(jac(vector))(X), numerical_jacobian(vector, X), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("jac", [ad.jacfwd, ad.jacrev])
def test_jacobian_of_trees(jac):
    J = jac(lambda p, s: {"y": p["a"] * s, "n": p["a"].sum()}, argnums=(0, 1))({"a": X}, 3.0)
    np.testing.assert_allclose(J["y"][0]["a"], 3 * np.eye(4))
    np.testing.assert_allclose(J["y"][1], X)
    np.testing.assert_allclose(J["n"][0]["a"], np.ones(4))
    assert J["n"][1] == 0.0


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_hessian_and_hvp(mode):
    def f(x):
        return (np.sin(x) * x).sum() + x[0] * x[1] ** 2
    H = mode(ad.hessian(f))(X)
    np.testing.assert_allclose(H, H.T)
    np.testing.assert_allclose(H, numerical_jacobian(ad.grad(f), X), rtol=1e-5, atol=1e-7)
    v = np.array([1.0, -2.0, 0.5, 3.0])
    np.testing.assert_allclose(mode(lambda x, v: ad.hvp(f, x, v))(X, v), H @ v)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_vjp_jvp_linearize_agree(mode):
    def check(x, v, w):
        y, pull = ad.vjp(vector, x)
        y2, dy = ad.jvp(vector, (x,), (v,))
        y3, push = ad.linearize(vector, x)
        return (w * dy).sum(), (pull(w)[0] * v).sum(), (push(v) * w).sum(), ((y - y2) ** 2).sum() + ((y - y3) ** 2).sum()
    rng = np.random.default_rng(0)
    a, b, c, zero = mode(check)(X, rng.standard_normal(4), rng.standard_normal(6))
    np.testing.assert_allclose([a, a], [b, c])
    assert zero == 0


def test_pullback_may_be_called_again():
    _, pull = ad.vjp(vector, X)
    w = np.arange(6.0)
    np.testing.assert_allclose(pull(w)[0], pull(w)[0], rtol=1e-14)     # the second call may go to a kernel made in the background


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_stop_gradient(mode):
    np.testing.assert_allclose(mode(ad.grad(lambda x: (x * ad.stop_gradient(x)).sum()))(X), X)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_checkpoint(mode):
    def f(x):
        return np.sin(np.sin(x) * x).sum()
    g = mode(ad.grad(ad.checkpoint(f)))
    np.testing.assert_allclose(g(X), ad.grad(f)(X))
    h = mode(ad.grad(lambda x: (ad.grad(ad.checkpoint(f))(x) * x).sum()))
    np.testing.assert_allclose(h(X), ad.grad(lambda x: (ad.grad(f)(x) * x).sum())(X))


def test_checkpoint_keeps_only_its_inputs():
    from autodiff.transforms.linearize import linearize_graph

    def f(x):
        for g in [np.sin] * 10:
            x = g(x)
        return x.sum()
    plain = linearize_graph(ad.jit(f).trace(X), [True])
    saved = linearize_graph(ad.jit(ad.checkpoint(f)).trace(X), [True])
    assert len(plain.residuals) == 10 and len(saved.residuals) == 1


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_vmap(mode):
    A = np.arange(12.0).reshape(4, 3) / 10
    f = mode(ad.vmap(lambda a, s: np.sin(a) * s, in_axes=(0, None)))
    np.testing.assert_allclose(f(A, 2.0), np.sin(A) * 2)
    g = mode(ad.grad(lambda A: ad.vmap(lambda a: (a * a).sum(), in_axes=1)(A).sum()))
    np.testing.assert_allclose(g(A), 2 * A)
    per_lane = mode(ad.vmap(ad.grad(lambda x: ad.while_loop(lambda y: y < 10.0, lambda y: y * x, x))))
    lanes = np.array([1.5, 3.0])
    np.testing.assert_allclose(per_lane(lanes), [ad.grad(lambda x: ad.while_loop(lambda y: y < 10.0, lambda y: y * x, x))(v)
                                                 for v in lanes])


def test_float32_stays():
    x = X.astype(np.float32)
    assert ad.grad(lambda x: (x * 2.0).sum())(x).dtype == np.float32
    assert ad.jit(ad.grad(lambda x: np.sum(np.tanh(x) * 0.5)))(x).dtype == np.float32
    assert ad.jit(lambda x: x * np.float64(2))(x).dtype == np.float64
    assert ad.jit(lambda x, s: x * s)(x, 2.0).dtype == np.float32, "a Python number is weak, also as an argument"


def test_results_are_the_callers_own():
    x = X.copy()
    g = ad.grad(lambda x: x.sum())(x)
    g[0] = 7  # writable, and not shared
    assert ad.grad(lambda x: x.sum())(x)[0] == 1
    f = ad.jit(lambda x: (x, x.reshape(2, 2)))
    a, b = f(x)
    a[0] = -1
    assert x[0] == X[0] and b[0, 0] == X[0]


def test_python_control_flow_without_jit():
    def f(x):
        while x < 100:
            x = x * 2 if x > 0 else -x
        return x
    assert ad.grad(f)(3.0) == 64
    assert ad.grad(f)(-3.0) == -64


def test_methods_named_like_numpys():
    A = np.arange(9.0).reshape(3, 3)
    np.testing.assert_allclose(ad.grad(lambda x: x.var() + x.std() + x.trace() + x.mean())(A),
                               ad.grad(lambda x: np.var(x) + np.std(x) + np.trace(x) + np.mean(x))(A))
