"""Functions of arrays whose lengths are known only at run time: right for every length, or refused."""

import numpy as np
import pytest

import autodiff.numpy as anp
from tests.check import assert_same, leaves
from tracer.errors import UnsupportedError
from tracer.trace import evaluate, trace_flat
from tracer.types import ArrayType, fresh_size

F = {
    "elementwise": lambda x, v: (x * 2 + v, np.where(x > 0, x, v), np.clip(x, 0, 1)),
    "sums": lambda x, v: (np.sum(x, 0), np.sum(x), np.cumsum(x, 0), np.prod(x, 0), x.any()),
    "means": lambda x, v: (np.mean(x, 0), np.mean(x), np.var(x, 0), np.std(v), np.average(v)),
    "extrema": lambda x, v: (np.max(x, 1), np.argmin(v), np.ptp(v), np.linalg.norm(x)),
    "reshape": lambda x, v: (x.T, x.reshape(-1), x[None], np.flip(x), np.squeeze(x[:, None]), x.reshape(-1, 1, 3)),
    "joining": lambda x, v: (np.concatenate([x, x * 2]), np.stack([v, v]), np.vstack([x, x]), np.tile(v, 2), np.repeat(v, 2)),
    "products": lambda x, v: (x @ np.ones(3), x.T @ x, v @ x, np.einsum("ij,i->j", x, v), np.outer(v, v), np.dot(v, v), np.inner(x, x)),
    "indexing": lambda x, v: (x[0], x[:, 1], x[-1, 2], v[::-1], x[:, [0, 2]], np.take(x, 0, axis=0), x[[0, -1]]),
    "slices": lambda x, v: (x[1:], v[:-1], x[-2:, 1], v[:9], v[9:], v[::2], v[3:0:-1], v[-1:-9:-2], v[1:][1:], x[2:1]),
    "sorting": lambda x, v: (np.sort(v), np.argsort(x, 0), np.searchsorted(np.sort(v), 0.3)),
    "own": lambda x, v: (anp.logsumexp(x, 0), anp.softmax(v), anp.log_softmax(x, 0)),
    "creation": lambda x, v: (np.zeros_like(x), np.full_like(v, 3), np.diag(v), np.tril(x @ x.T), np.eye(3) @ x.T),
    "systems": lambda x, v: (np.linalg.solve(x.T @ x + np.eye(3), x.T), np.linalg.inv(x @ x.T + np.diag(v)), np.linalg.det(np.diag(v)),
                             np.linalg.slogdet(np.diag(v))[1], np.linalg.cholesky(x @ x.T + np.diag(v)), np.linalg.eigvalsh(x @ x.T)),
    "three products": lambda x, v: np.einsum("i,ij,jk->k", v, x, np.ones((3, 2))),
}


def types():
    n = fresh_size()
    return [ArrayType(np.dtype(np.float64), (n, 3)), ArrayType(np.dtype(np.float64), (n,))]


@pytest.mark.parametrize("name", F)
def test_value(name):
    def f(x, v):
        return leaves(F[name](x, v[:, None] if name == "elementwise" else v))
    traced = trace_flat(lambda x, v: f(x, v), types())
    for n in (2, 5):
        x, v = np.random.default_rng(n).standard_normal((n, 3)), np.linspace(0.2, 1.1, n)
        for got, want in zip(evaluate(traced.graph, [x, v, *traced.captured]), f(x, v), strict=True):
            assert_same(got, want, rtol=1e-13)


@pytest.mark.parametrize("f", [
    lambda x: np.median(x), lambda x: np.split(x, 2), lambda x: np.roll(x, 1, 0), lambda x: np.convolve(x[:, 0], np.ones(3)),
    lambda x: np.vander(x[:, 0]), lambda x: np.delete(x, 0, 0), lambda x: np.unstack(x), lambda x: np.gradient(x),
])
def test_refused(f):
    with pytest.raises(UnsupportedError, match="known only at run time"):
        trace_flat(lambda x: [f(x)], types()[:1])
