"""Every op that is not elementwise, by the table of cases: value, derivative in both modes, second order, compiled code."""

import numpy as np
import pytest

import autodiff as ad
from tests.laws import check_compiled, check_derivative, check_second_order
from tests.op_cases import CASES, FORWARD_REFUSED, SQUARE
from tracer.op import Elementwise, ops
from tracer.trace import trace_flat
from tracer.types import type_of_value

ROWS = [(name, k) for name, rows in CASES.items() for k in range(len(rows))]


def test_every_op_has_a_row():
    missing = {n for n, op in ops.items() if not isinstance(op, Elementwise)} - set(CASES)
    assert not missing, f"add rows to tests/op_cases.py for {sorted(missing)}"
    for op in ops.values():
        if isinstance(op, Elementwise):
            assert op.__doc__ and op.reference is not None


@pytest.mark.parametrize("name, k", ROWS, ids=[f"{n}-{k}" for n, k in ROWS])
def test_laws(name, k):
    f, xs = CASES[name][k]
    rng = np.random.default_rng(k)
    if name in FORWARD_REFUSED:
        g = ad.grad(lambda *a: (f(*a) * 0.7).sum())(*xs)
        h = 1e-6
        for i in np.ndindex(xs[0].shape):
            e = np.zeros_like(xs[0])
            e[i] = h
            np.testing.assert_allclose(g[i], 0.7 * (np.sum(f(xs[0] + e)) - np.sum(f(xs[0] - e))) / (2 * h), rtol=1e-6)
    else:
        check_derivative(f, xs, rng)
        check_second_order(f, xs, rng)
    check_compiled(f, xs, rng)


WRONG_MATRICES = {
    "triangular_solve": [((SQUARE, SQUARE[:2]), {"lower": True, "transposed": False, "unit": False}),
                         ((SQUARE[:2], SQUARE[:2]), {"lower": True, "transposed": False, "unit": False})],
    "matmul": [((SQUARE, SQUARE[:2]), {})], "lu": [((SQUARE[:2],), {})], "det": [((SQUARE[:2],), {})],
    "cofactor": [((SQUARE[:2],), {})],
}


@pytest.mark.parametrize("name", WRONG_MATRICES)
def test_matrices_that_do_not_fit_are_refused(name):
    """When the node is recorded, not when it runs."""
    for xs, params in WRONG_MATRICES[name]:
        with pytest.raises(TypeError, match=name):
            trace_flat(lambda *ts, params=params: [ops[name](*ts, **params)], [type_of_value(x) for x in xs])
