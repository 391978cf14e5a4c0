"""The table of test cases of the ops that are not elementwise: for each, functions of float arrays that use it.

A registered op without a row fails the suite (`tests/tracer/test_op_cases.py`). Elementwise ops carry their own case: their domain.
"""

import numpy as np

import autodiff as ad
import autodiff.numpy as anp
from autodiff.numpy.decompositions import solve_general
from tracer.ops.equations import lyapunov
from tracer.ops.index import pad_sum
from tracer.ops.linalg import cofactor, lu
from tracer.ops.linalg import triangular_solve as solve_triangular
from tracer.ops.sliding import correlate
from tracer.ops.sort import order_positions
from tracer.trace import bind

A = np.linspace(0.3, 1.9, 12).reshape(3, 4) * np.array([1.0, -1.0, 1.2, 0.7])
V = np.array([0.4, -0.9, 1.3, 0.2])


@ad.custom_jvp
def _cubed(x):
    return x ** 3


_cubed.defjvp(lambda primals, tangents: (primals[0] ** 3, 3 * primals[0] ** 2 * tangents[0]))


@ad.custom_vjp
def _doubled(x):
    return 2 * x


_doubled.defvjp(lambda x: (2 * x, None), lambda _, ct: (2 * ct,))


def _lengths(v):
    s = 0.0
    for i in range(4):
        s = s + len(v[:i]) * v[i]
    return s


def _triangular(v):
    x = np.zeros(4)
    for i in range(4):
        x[i] = v[i] - x[:i] @ v[:i] * x[i - 1]
    return x.sum()


def _moved(v):
    k = np.argsort(v) - 2
    x, s = v * 1.0, 0.0
    for i in range(4):
        x[k[i]] = x[k[i]] * v[i] + s
        s = s + x[k[i] - 1] ** 2
    return s + x


def _compared(v):
    """Two lengths that are equal, which is known when the function runs."""
    s = 0.0
    for i in range(1, 4):
        k = np.minimum(i, np.argmax(v * 0 + np.arange(4)))
        s = s + np.sum(v[:i] * v[4 - k:] ** 2)
    return s


def _required(v):
    assert v[0] > 0, "positive"
    return v * v


SQUARE = np.array([[1.9, 0.4, -0.7], [0.3, -1.2, 0.8], [-0.5, 0.9, 1.1]])
LANES = np.stack([SQUARE, SQUARE[::-1] * 1.3])
TALL = np.concatenate([SQUARE, [[0.6, 0.2, -1.4]]])
SPD = LANES @ LANES.swapaxes(-1, -2) + np.eye(3)
SIDES = np.stack([A.T[:3], -A.T[1:]])
MIXED = np.array([2, 0, 2, 1])

# op -> [(function, arguments)]
CASES = {
    "cast": [(lambda a: (a > 0).astype(np.float64) * a + a.astype(np.int64), (V,))],
    "select": [(lambda a: np.where(a > 0, a * a, -a), (A,))],
    "broadcast": [(lambda v: np.broadcast_to(v, (3, 4)) * 2, (V,)), (lambda v: v[:, None] * v, (V,))],
    "reshape": [(lambda a: a.reshape(2, 6) * 2, (A,)), (lambda a: a.reshape(1, 3, 1, 4) + 1, (A,))],
    "transpose": [(lambda a: a.T * 2, (A,)), (lambda a: np.transpose(a.reshape(2, 3, 2), (2, 0, 1)), (A,))],
    "concatenate": [(lambda a, v: np.concatenate([a, v[None], a]), (A, V)), (lambda a: np.concatenate([a, a], axis=1), (A,))],
    "span": [(lambda v: ad.fori_loop(1, 5, lambda i, s: s + (v[:i] * np.arange(4.0)[4 - i:]).sum(), 0.0), (V,))],
    "selected": [(lambda v: (v[v > 0] ** 2).sum(), (V,)), (lambda v: v[v > 9].sum() + v[0], (V,))],
    "replayed_loop": [(lambda v: ad.fori_loop(0, 3, lambda i, s: s.at[i + 1].set(s[i] * s[i:i + 2].sum() * v[i]), v).sum(), (V,)),
                      (lambda v: ad.jit(_triangular)(v), (V,))],
    "length": [(lambda v: ad.jit(_lengths)(v), (V,))],
    "sized": [(lambda v: ad.jit(_compared)(v), (V,))],
    "require": [(lambda v: ad.jit(_required)(v), (V,))],
    "in_bounds": [(lambda v: ad.fori_loop(0, 4, lambda i, s: s + v[i * 2 - 4] * v[(i * i) % 3], 0.0), (V,)),
                  (lambda v: v[np.argsort(v) - 2] * v, (V,))],
    "in_bounds_again": [(lambda v: ad.jit(_moved)(v), (V,))],
    "iota": [(lambda v: ad.fori_loop(0, 4, lambda i, s: s + np.take(v, anp.arange(4) * 0 + i).sum(), 0.0), (V,))],
    "sum": [(lambda a: a.sum(), (A,)), (lambda a: a.sum(axis=0), (A,)), (lambda a: a.sum(axis=(0, 1), keepdims=True), (A,))],
    "prod": [(lambda a: np.prod(a, axis=1), (A,)), (lambda v: np.prod(v * np.array([1.0, 0.0, 1.0, 1.0])), (V,)),
             (lambda v: np.prod(v * np.array([1.0, 0.0, 0.0, 1.0])), (V,)), (lambda v: np.prod(v[:, None], axis=1) * v, (V,)),
             (lambda v: np.prod(v[:0]) * v, (V,))],
    "max": [(lambda a: np.max(a, axis=0), (A,)), (lambda a: a.max(), (A,))],
    "min": [(lambda a: np.min(a, axis=1), (A,))],
    "all": [(lambda a: np.where(np.all(a > -1.0, axis=0), a[0], a[1] * 2), (A,))],
    "any": [(lambda a: np.where(np.any(a < -1.0, axis=0), a[0], a[1] * 2), (A,))],
    "argmax": [(lambda a: np.take_along_axis(a, np.argmax(a, axis=1)[:, None], 1), (A,)),
               (lambda v: v * np.argmax(np.sin(np.arange(70.0) * v[0])), (V,))],
    "argmin": [(lambda a: np.take_along_axis(a, np.argmin(a, axis=0)[None], 0), (A,))],
    "cumsum": [(lambda a: np.cumsum(a, axis=1) ** 2, (A,)), (lambda a: np.cumsum(a), (A,))],
    "cumprod": [(lambda a: np.cumprod(a, axis=1), (A,)), (lambda v: np.cumprod(v * np.array([1.0, 0.0, 1.0, 2.0])), (V,))],
    "index": [(lambda a: a[1:, ::-2] * 2, (A,)), (lambda v: v[MIXED] * 3, (V,)), (lambda a: a[MIXED, MIXED], (A,)),
              (lambda a: a[:, MIXED].T, (A,)), (lambda v: v[-1] * v[0], (V,))],
    "update": [(lambda a, v: a.at[1].set(v * v), (A, V)), (lambda a, v: a.at[MIXED, 1:3].add(v[:2] * a[0, :2]), (A, V)),
               (lambda a, v: a.at[MIXED].set(v * v), (A, V)), (lambda a, v: a.at[::2, 1].add(v[:2]), (A, V))],
    "add_slices": [(ad.grad(lambda v: ad.fori_loop(0, 3, lambda i, s: s.at[1:-1].set(s[:-2] * s[2:]), v).sum()), (V,))],
    "pad_sum": [(ad.grad(lambda v: (v[1:] * v[:-1] ** 2).sum()), (V,)), (ad.grad(lambda a: (a[1:, 1:] * a[:-1, :-1] ** 2).sum()), (A,)),
                (lambda v: pad_sum(v, v[1:] ** 2, shape=(6,), starts=((0,), (3,))), (V,)),
                (lambda v: pad_sum(np.ones(3), v, shape=(6,), starts=((3,), (1,))), (V,))],
    "matmul": [(lambda a: a @ a.T, (A,)), (lambda a, v: a @ v, (A, V)), (lambda a: np.matmul(a.reshape(3, 2, 2), a.reshape(3, 2, 2)), (A,)),
               (lambda a: (np.ones((40, 3)) @ a) @ np.ones((4, 30)), (A,))],
    "triangular_solve": [(lambda a, b, lower=lower, transposed=transposed, unit=unit: solve_triangular(
        a, b, lower=lower, transposed=transposed, unit=unit), (LANES, SIDES))
        for lower in (False, True) for transposed in (False, True) for unit in (False, True)],
    "lu": [(lambda a: lu(a)[0], (SQUARE,)), (lambda a: lu(a)[0], (LANES,))],
    "lu_solve": [(np.linalg.solve, (SQUARE, V[:3])), (np.linalg.solve, (LANES, SIDES)), (np.linalg.solve, (SQUARE, SIDES)),
                 (np.linalg.inv, (LANES,)), (lambda a, b: solve_general("solve", a, b, True), (LANES, SIDES))],
    "pinv": [(np.linalg.pinv, (TALL,)), (np.linalg.pinv, (TALL.T,)), (np.linalg.pinv, (LANES,))],
    "lyapunov": [(lambda a, q, discrete=discrete: lyapunov(a * 0.3, q, discrete=discrete), (x, x * x)) for discrete in (False, True)
                 for x in (SQUARE, LANES)],
    "slogdet": [(lambda a: np.linalg.slogdet(a)[1], (SQUARE,)), (lambda a: np.linalg.slogdet(a).logabsdet, (LANES,))],
    "det": [(np.linalg.det, (SQUARE,)), (np.linalg.det, (LANES,))],
    "cofactor": [(ad.grad(np.linalg.det), (SQUARE,)), (cofactor, (LANES,)), (cofactor, (SQUARE[:2, :2],)), (cofactor, (SQUARE[1:, 1:] * np.ones((2, 1, 1)),))],
    "cholesky": [(np.linalg.cholesky, (SPD[0],)), (np.linalg.cholesky, (SPD,)), (lambda a: np.linalg.cholesky(a, upper=True), (SPD,))],
    "eigh": [(lambda a: np.linalg.eigh(a)[0], (SPD,)), (lambda a: np.linalg.eigh(a, "U").eigenvectors, (SPD[0],)),
             (lambda a: np.linalg.eigh(a)[1], (SPD,))],
    "svd": [(lambda a, i=i: np.linalg.svd(a, full_matrices=False)[i], (x,)) for i in range(3) for x in (TALL, LANES, TALL.T)],
    "qr": [(lambda a, i=i: np.linalg.qr(a)[i], (x,)) for i in range(2) for x in (TALL, LANES, TALL.T)],
    "correlate": [(lambda a, v, at=at: correlate(a, v, before=at[0], count=at[1]), (A.ravel(), V)) for at in ((0, 9), (3, 15), (-2, 3), (5, 2), (1, 1))]
    + [(lambda v: np.convolve(np.cumsum(np.outer(v, v).ravel()), np.outer(v, v * v).ravel()[:-1] ** 2, "same"), (np.append(V, 0.5),))],
    "sort": [(lambda v: np.sort(v) * np.arange(4.0), (V,)), (lambda a: np.sort(a, axis=0) * a, (A,)), (lambda a: np.sort(a, None), (A,)),
             (lambda v: np.sort(v, kind="heapsort"), (V,))],
    "argsort": [(lambda v: v[np.argsort(v, stable=True)] * np.arange(4.0), (V,)), (lambda a: a * np.argsort(a), (A,))],
    "partition": [(lambda v: np.partition(v, 2)[2] * v, (V,)), (lambda a: np.partition(a, [0, -1], axis=0)[::2], (A,))],
    "argpartition": [(lambda v: v[np.argpartition(v, 1)[1]] * v, (V,))],
    "order_statistics": [(lambda a: np.median(a, axis=1) * a[:, 0], (A,)), (lambda v: np.quantile(v, [0.9, 0.2]) * v[:2], (V,)),
                         (lambda a: np.median(a), (A,))],
    "order_positions": [(ad.grad(lambda v: np.median(v) ** 3), (V,)), (lambda v: bind(order_positions, v, np.array([2, 0, 2])) * v[0], (V,))],
    "searchsorted": [(lambda v: v * np.searchsorted(np.array([-1.0, 0.0, 1.0]), v), (V,)),
                     (lambda v: v * np.searchsorted(np.sort(v), v, "right"), (V,))],
    "call": [(lambda v: ad.jit(np.tanh)(v) * v, (V,))],
    "checkpoint": [(lambda v: ad.checkpoint(lambda x: np.sin(x) * x)(v), (V,))],
    "linear_call": [(ad.grad(lambda v: ad.checkpoint(lambda x: (np.sin(x) * x).sum())(v)), (V,))],
    "barrier": [(ad.grad(lambda v: ad.checkpoint(lambda x: (np.cos(x) * x).sum())(v)), (V,))],
    "cond": [(lambda v: ad.cond(v[0] > 0, np.sin, np.cos, v), (V,)), (lambda v: ad.cond(v[1] > 0, np.sin, np.cos, v), (V,))],
    "linear_cond": [(ad.grad(lambda v: ad.cond(v[0] > 0, np.sin, np.cos, v).sum()), (V,))],
    "loop": [(lambda v: ad.fori_loop(0, 3, lambda i, s: np.sin(s) * v, v), (V,)),
             (lambda v: ad.scan(lambda c, x: (c * x, c), v[0], v, reverse=True)[1], (V,))],
    "custom_jvp": [(lambda v: _cubed(v) * v, (V,))],
    "custom_vjp": [(lambda v: _doubled(v) * v, (V,))],
    "custom_linear": [(ad.grad(lambda v: (_doubled(v) * v).sum()), (V,))],
}
FORWARD_REFUSED = {"custom_vjp", "custom_linear"}
