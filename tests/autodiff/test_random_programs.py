"""Random compositions of operations: compiled value and gradient equal the evaluator's."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autodiff as ad
from tests import soak
from tests.programs import KINDS, build
from tracer.tree import flatten

step = st.tuples(st.sampled_from(KINDS), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.lists(step, min_size=3, max_size=12), st.sampled_from([np.float64, np.float64, np.float32]))
def test_compiled_equals_evaluator(steps, dtype):
    rng = np.random.default_rng(len(steps))
    x = rng.uniform(-1, 1, (3, 4)).astype(dtype)
    y = rng.uniform(-1, 1, (4,)).astype(dtype)
    f = ad.value_and_grad(build(steps), argnums=(0, 1))
    want, got = flatten(f(x, y))[0], flatten(ad.jit(f)(x, y))[0]
    tol = 1e-9 if dtype == np.float64 else 2e-3
    for w, g in zip(want, got, strict=True):
        assert np.asarray(w).dtype == g.dtype
        np.testing.assert_allclose(g, w, rtol=tol, atol=tol * max(1.0, float(np.max(np.abs(w)))))


@pytest.mark.parametrize("block", range(10))
def test_soak(block):
    for seed in range(20 * block, 20 * block + 20):
        soak.one(seed)
