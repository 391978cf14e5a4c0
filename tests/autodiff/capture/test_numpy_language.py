"""NumPy programs that use much of Python: objects, comprehensions, loops with exits, and many functions of NumPy."""

import math

import numpy as np
import pytest

from tests.program_cases import Case, Cases, check

case = Cases()
R = np.random.default_rng(1)


@case(np.array([0.5, 0.4, 0.3]))
def class_state(p):
    class Osc:
        def __init__(self, x, v):
            self.x = x
            self.v = v

        def step(self, dt):
            self.v -= dt * np.sin(self.x) * p[2]
            self.x += dt * self.v

    o = Osc(p[0], p[1])
    for _ in range(100):
        o.step(0.01)
    return o.x + o.v


@case(np.array([0.5, 0.4, 0.3]))
def list_append(p):
    out = []
    x = p[0]
    for i in range(10):
        x = p[1] * x * (1 - x) + p[2]
        out.append(x)
    return np.sum(np.array(out) ** 2)


@case(np.array([1.5, 0.4, 0.3]))
def list_comp(p):
    xs = [p[0] ** k / math.factorial(k) for k in range(6)]
    return sum(xs) + max(p[1], p[2])


@case(np.array([1.5, 0.4, 0.3]))
def math_calls(p):
    s = 0.0
    for i in range(3):
        s += math.sin(p[i]) * math.exp(-p[i]) + math.sqrt(abs(p[i])) + math.pi + math.hypot(p[0], p[1]) + math.atan2(p[1], p[0])
    return s


@case(2.0)
def sqrt_newton(a):
    x = a
    while abs(x * x - a) > 1e-10:
        x = 0.5 * (x + a / x)
    return x


@case(np.array([0.3, 1.2]))
def bisect(p):
    lo, hi = 0.0, 10.0
    for _ in range(60):
        mid = (lo + hi) / 2
        if mid**3 + p[0] * mid - p[1] > 0:
            hi = mid
        else:
            lo = mid
    x = (lo + hi) / 2
    # one newton step for derivative
    return x - (x**3 + p[0] * x - p[1]) / (3 * x * x + p[0])


@case(np.array([0.3, 1.2, 0.7]))
def while_true_break(p):
    x, n = p[0], 0
    while True:
        x = x + p[1] * np.exp(-x)
        n += 1
        if x > 3 * p[2]:
            break
        if n > 100:
            return x * 2
    else:
        x = 0.0
    return x * n


@case(np.array([0.3, 1.2, 0.7, 2.0, -1.0]))
def early_return(p):
    for i in range(len(p)):
        if p[i] > 1.5:
            return p[i] * p[0]
    return np.sum(p)


@case(np.array([0.3, 1.2, 0.7, 2.0, -1.0]))
def for_else(p):
    s = 0.0
    for v in p:
        if v > 5:
            break
        s = s + v * v
    else:
        s = s * 2
    return s


@case(np.array([0.3, 1.2, 0.7, 2.0, -1.0]))
def try_except(p):
    try:
        s = np.sum(p[:3])
    except ValueError:
        s = 0.0
    with np.errstate(divide="ignore"):
        s = s + np.sum(1 / p)
    return s


@case(np.array([0.3, 1.2, 0.7, 2.0, -1.0]))
def sort_median(p):
    q = np.sort(p)
    i = np.argsort(p)
    return q[1] * 3 + np.median(p) + p[i[-1]] * p[np.argmax(p)] + np.partition(p, 2)[2] + np.percentile(p, 30)


@case(np.array([0.3, 1.2, 0.7, 2.0, -1.0]))
def cumul(p):
    return (
        np.sum(np.cumsum(p) ** 2) + np.prod(p) + np.cumprod(p)[2] + np.sum(np.diff(p) ** 2) + np.trapezoid(p) + np.sum(np.gradient(p) ** 2)
    )


@case(R.normal(size=(3, 3)), R.normal(size=3))
def linalgs(A, b):
    M = A @ A.T + np.eye(3)
    return (
        np.linalg.slogdet(M)[1]
        + np.linalg.solve(M, b) @ b
        + np.trace(np.linalg.inv(M))
        + np.linalg.norm(A)
        + np.linalg.det(M)
        + np.sum(np.linalg.cholesky(M))
        + np.linalg.norm(b, 1)
        + np.linalg.norm(b, np.inf)
    )


@case(R.normal(size=(4, 5)))
def einsums(A):
    return (
        np.einsum("ij,ij->", A, A)
        + np.einsum("ij->j", A)[2]
        + np.einsum("ij,kj->ik", A, A)[0, 1]
        + np.tensordot(A, A)
        + np.inner(A[0], A[1])
        + np.kron(A[0], A[1])[3]
        + np.vdot(A, A)
        + np.einsum("ii", A[:, :4])
    )


@case(R.normal(size=(4, 5)))
def shapes(A):
    B = A.reshape(2, -1).T.ravel()
    C = np.concatenate([B, A[0]], axis=0)
    D = np.vstack([A, A * 2])
    E = np.hstack([A, A])
    F = np.tile(A, (2, 1))
    G = np.repeat(A, 2, axis=1)
    H = np.pad(A, 1)
    I = np.roll(A, 1, axis=0)
    J = np.flip(A, 1)
    K = np.rot90(A)
    L = np.squeeze(A[None])
    M = np.expand_dims(A, 1)
    N = np.swapaxes(A, 0, 1)
    O = np.moveaxis(A[None], 0, -1)
    Q = np.split(A, 2)[0]
    S = np.broadcast_to(A[0], (3, 5))
    T = np.array_split(A, 3)[1]
    c = [C, D, E, F, G, H, I, J, K, L, M, N, O, Q, S, T]
    return sum(np.sum(np.arange(x.size).reshape(x.shape) * x**2) for x in c)


@case(R.normal(size=6), np.array([0, 2, 2, 5]))
def fancy(x, idx):
    y = np.zeros(6)
    y[idx] += x[idx] * 2
    np.add.at(y, idx, x[:4])
    z = np.take(x, idx) + x[idx[::-1]]
    w = x.copy()
    w[x > 0] = 0
    w[[1, 2]] = 7 * x[3]
    return np.sum(y * y) + np.sum(z**3) + np.sum(w) + np.bincount(idx, weights=x[:4], minlength=6) @ y


@case(R.normal(size=6))
def reductions(x):
    return (
        x.sum()
        + x.mean()
        + x.std()
        + x.var()
        + x.max()
        + x.min()
        + x.prod()
        + np.ptp(x)
        + np.nansum(x)
        + np.average(x, weights=np.arange(1, 7))
        + np.logaddexp.reduce(x)
        + np.linalg.norm(x)
        + np.any(x > 0)
        + x[np.argmin(x)]
    )


@case(R.normal(size=6))
def conv_interp(x):
    return (
        np.convolve(x, np.array([1.0, 2, 1]), mode="same") @ x
        + np.interp(0.3, np.arange(6), x)
        + np.correlate(x, x[:3])[0]
        + np.polyval(x, 0.5)
        + np.sum(np.searchsorted(np.sort(x), 0.1) * x)
    )


@case(R.normal(size=6))
def special_elem(x):
    return np.sum(
        np.arctan2(x, 2)
        + np.hypot(x, 1)
        + np.sinh(x)
        + np.expm1(x)
        + np.log1p(x * x)
        + np.sign(x) * x
        + np.abs(x)
        + np.square(x)
        + np.cbrt(x)
        + np.reciprocal(x)
        + np.maximum(x, 0.1)
        + np.minimum(x, 0.2)
        + np.fmax(x, 0)
        + np.mod(x, 0.7)
        + np.floor(x)
        + np.clip(x, -1, 1)
        + np.heaviside(x, 0.5)
        + np.deg2rad(x)
        + np.sinc(x)
        + np.exp2(x)
        + np.logaddexp(x, 1)
        + np.float_power(np.abs(x), 1.3)
        + np.copysign(x, -1)
        + np.nan_to_num(x)
    )


@pytest.mark.filterwarnings("ignore:.*along the path.*:RuntimeWarning")
@pytest.mark.parametrize("program", case, ids=str)
def test_program(program: Case):
    check(program)
