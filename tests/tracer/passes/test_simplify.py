"""The simplified graph computes what the graph does: each rewrite on random and on special values, value and gradient.

`x ** 3` and powers of n + 1/2 may differ by a rounding or two; every other rewrite is exact, to the sign of zero.
"""

import numpy as np
import pytest

import autodiff as ad
from tests.laws import SPECIAL
from tracer.op import ops
from tracer.passes.shrink_loops import shrink_loops
from tracer.passes.simplify import rewrites, simplify
from tracer.trace import evaluate, trace_flat
from tracer.types import type_of_value

RANDOM = np.random.default_rng(3).standard_normal(SPECIAL.size)

# rewrite of the named op -> programs that it changes
PROGRAMS = {
    "mul": [lambda x: x * 1.0, lambda x: -1.0 * x],
    "sub": [lambda x: x - 0.0, lambda x: x - (-(x * 2))],
    "add": [lambda x: x + -0.0, lambda x: x + 0.0, lambda x: x + (-(x * 2)), lambda x: (-(x * 2)) + x],
    "div": [lambda x: x / 1.0],
    "neg": [lambda x: np.negative(-x)],
    "pow": [lambda x: x ** 0, lambda x: x ** 1, lambda x: x ** 2, lambda x: x ** -1],
    "broadcast": [lambda x: np.broadcast_to(np.broadcast_to(x[:1], (3, 1)), (2, 3, 4))],
    "reshape": [lambda x: x.reshape(4, 4).reshape(2, 8), lambda x: np.full((4, 4), 2.0).reshape(16) * x],
    "transpose": [lambda x: x.reshape(4, 4).T.T, lambda x: x.reshape(2, 2, 4).transpose(0, 1, 2)],
    "index": [lambda x: x[:], lambda x: (x * 0 + 3.0)[1:4] * x[:3]],
    "update": [lambda x: ad.numpy.zeros(20).at[2:18].add(x).at[0:16].add(x * 2), lambda x: ad.numpy.zeros(20).at[4:].set(x)],
    "sum": [lambda x: np.sum(x, axis=())],
    "cast": [lambda x: x.astype(np.float64), lambda x: x * np.float32(1.5).astype(np.float64)],
    "select": [lambda x: np.where(x > 0, x, x), lambda x: np.where(np.ones(16, bool) & True, x, 2 * x),
               lambda x: np.where(np.logical_not(x > 0), x, 2 * x), lambda x: np.where(x > 0, np.where(x > 0, x, 0.0) * np.exp(x), 0.0)],
    "slope_product": [lambda x: ops["slope_product"](x, 2 * x)],
}


def test_every_rewrite_has_a_program():
    assert {op.name for op in rewrites} <= set(PROGRAMS)


def same(a, b, exact=True):
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype and a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=0 if exact else 1e-15, atol=0)
    if exact:
        zero = a == 0
        np.testing.assert_array_equal(np.signbit(a[zero]), np.signbit(b[zero]))


def both(f, x, exact=True):
    t = trace_flat(lambda x: [f(x)], [type_of_value(x)])
    again = simplify(shrink_loops(simplify(t.graph)))
    with np.errstate(all="ignore"):
        for a, b in zip(evaluate(t.graph, [x, *t.captured]), evaluate(again, [x, *t.captured]), strict=True):
            same(a, b, exact)


@pytest.mark.parametrize("values", [SPECIAL, RANDOM], ids=["special", "random"])
@pytest.mark.parametrize("op, k", [(op, k) for op, fs in PROGRAMS.items() for k in range(len(fs))])
def test_value_and_gradient(op, k, values):
    f = PROGRAMS[op][k]
    both(f, values)
    # Sums of cotangents may be gathered in another order: their values are compared, not their zeros.
    both(ad.grad(lambda x: np.sum(f(x) * np.linspace(0.5, 1.5, np.size(f(x))).reshape(np.shape(f(x))))), values, exact=False)


@pytest.mark.parametrize("values", [SPECIAL, RANDOM], ids=["special", "random"])
def test_cubes_to_a_rounding(values):
    t = trace_flat(lambda x: [x ** 3], [type_of_value(values)])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(evaluate(simplify(t.graph), [values]), evaluate(t.graph, [values]), rtol=4e-16)


@pytest.mark.parametrize("values", [SPECIAL, RANDOM, RANDOM.astype(np.float32)], ids=["special", "random", "float32"])
@pytest.mark.parametrize("exponent", [0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, -3.5])
def test_half_powers_to_two_roundings(values, exponent):
    t = trace_flat(lambda x: [np.power(x, values.dtype.type(exponent))], [type_of_value(values)])
    assert "pow" not in [n.op.name for n in simplify(t.graph).nodes]
    with np.errstate(all="ignore"):
        got, = evaluate(simplify(t.graph), [values])
        want = np.power(values, values.dtype.type(exponent))    # of 0.5 it is the square root
    subnormal = (want != 0) & (np.abs(want) < np.finfo(values.dtype).tiny)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got[~subnormal], want[~subnormal], rtol=2 * np.finfo(values.dtype).eps, atol=0)
    np.testing.assert_array_equal(np.signbit(got[want == 0]), np.signbit(want[want == 0]))
