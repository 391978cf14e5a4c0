"""Random compositions of operations: compiled value and gradient equal the evaluator's."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autodiff as ad
from tracer.tree import flatten

UNARY = [np.tanh, np.sin, np.cos, lambda x: np.exp(-x * x), lambda x: np.log1p(x * x), np.abs, lambda x: np.sqrt(x * x + 1),
         np.square, lambda x: -x, lambda x: x * 0.5, lambda x: x - 1, lambda x: 1 / (2 + x * x)]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, lambda a, b: a / (1 + b * b), lambda a, b: np.where(a > b, a, b * a),
          np.arctan2, lambda a, b: np.hypot(a, b)]
SHAPE = [lambda x: x.T, lambda x: x[::-1], lambda x: np.flip(x, -1), lambda x: x.reshape(-1), lambda x: x[1:], lambda x: x[..., :2],
         lambda x: np.concatenate([x, x]), lambda x: np.roll(x, 1), lambda x: x[None], lambda x: np.cumsum(x, axis=0),
         lambda x: np.broadcast_to(x, (2, *x.shape)), lambda x: np.repeat(x, 2, axis=0), lambda x: x[np.array([0, -1, 0])]]
REDUCE = [lambda x: x.sum(axis=0), lambda x: x.mean(axis=-1), lambda x: np.max(x, axis=0), lambda x: x.sum(axis=-1, keepdims=True),
          lambda x: x.sum(), lambda x: np.prod(x, axis=0)]
DOT = [lambda a, b: a.reshape(-1) @ np.ones(a.size) * b, lambda a, b: a.reshape(-1, 1) @ b.reshape(1, -1)]
LOOP = [lambda x: ad.fori_loop(0, 3, lambda i, s: np.tanh(s + i) * 0.9, x),
        lambda x: ad.scan(lambda c, r: (c * 0.5 + r, c), x[0] * 0, x)[1],
        lambda x: ad.cond(x.sum() > 0, lambda x: x * 2, lambda x: np.sin(x), x),
        lambda x: x.at[0].set(x[-1] * 2), lambda x: x.at[1:].add(x[:-1])]

step = st.tuples(st.sampled_from(["unary", "binary", "binary", "shape", "reduce", "dot", "loop"]), st.integers(0, 99),
                 st.integers(0, 99), st.integers(0, 99))
MAX = 400


def build(steps):
    """A program from a list of steps; steps that do not fit the values at hand are passed over, alike in every run."""
    def f(x, y):
        values = [x, y, x * y[0]]
        for kind, which, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == "unary":
                new = UNARY[which % len(UNARY)](a)
            elif kind == "binary":
                if a.ndim != b.ndim or a.shape != b.shape:
                    b = a + 1.0
                new = BINARY[which % len(BINARY)](a, b)
            elif kind == "dot":
                new = DOT[which % len(DOT)](a, b)
            else:
                family = {"shape": SHAPE, "reduce": REDUCE, "loop": LOOP}[kind]
                if a.ndim == 0 or min(a.shape) < 3:
                    a = values[0]
                new = family[which % len(family)](a)
            if new.size <= MAX:
                values.append(new)
        return sum(np.sum(np.tanh(v)) for v in values[2:])
    return f


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
