"""Derivatives that the user writes: in both modes, under jit, inside loops, with trees."""

import numpy as np
import pytest

import autodiff as ad

MODES = [lambda f: f, ad.jit]


@ad.custom_jvp
def log1pexp(x):
    return np.log1p(np.exp(x))


@log1pexp.defjvp
def _rule(primals, tangents):
    x, = primals
    return log1pexp(x), tangents[0] / (1 + np.exp(-x))


@pytest.mark.parametrize("mode", MODES, ids=["eager", "jit"])
def test_custom_jvp(mode):
    g = ad.grad(log1pexp)
    s = 1 / (1 + np.exp(-0.3))
    np.testing.assert_allclose(mode(g)(0.3), s)
    np.testing.assert_allclose(mode(ad.grad(g))(0.3), s * (1 - s))
    np.testing.assert_allclose(mode(lambda x: ad.jvp(log1pexp, (x,), (2.0,))[1])(0.3), 2 * s)
    assert log1pexp(0.0) == np.log(2)


@pytest.mark.parametrize("mode", MODES, ids=["eager", "jit"])
def test_custom_vjp_with_trees(mode):
    @ad.custom_vjp
    def f(p, x):
        return {"y": p["w"] * x, "n": x.sum()}
    f.defvjp(lambda p, x: (f.function(p, x), (p, x)),
             lambda res, ct: ({"w": 10 * ct["y"] * res[1]}, ct["y"] * res[0]["w"] + ct["n"]))
    x, w = np.arange(3.0), np.ones(3)

    def loss(w, x):
        out = f({"w": w}, x)
        return out["y"].sum() + 2 * out["n"]
    gw, gx = mode(ad.grad(loss, argnums=(0, 1)))(w, x)
    np.testing.assert_allclose(gw, 10 * x)
    np.testing.assert_allclose(gx, w + 2)


@pytest.mark.parametrize("mode", MODES, ids=["eager", "jit"])
def test_inside_a_loop(mode):
    clip = ad.custom_vjp(lambda x: x)
    clip.defvjp(lambda x: (x, None), lambda _, ct: (ct.clip(-1.0, 1.0),))
    f = ad.grad(lambda x: ad.fori_loop(0, 3, lambda i, s: 2.0 * clip(s), x))
    np.testing.assert_allclose(mode(f)(1.0), 1.0)


def test_no_cotangent_is_zero():
    f = ad.custom_vjp(lambda x, k: x * k)
    f.defvjp(lambda x, k: (x * k, k), lambda k, ct: (ct * k, None))
    gx, gk = ad.grad(f, argnums=(0, 1))(2.0, 3.0)
    assert (gx, gk) == (3.0, 0.0)
