"""Algorithms in the style of scientific NumPy: finance, clusters, differential equations, factorizations, wavelets."""

import numpy as np
import pytest

from tests.program_cases import Case, Cases, check

case = Cases()
R = np.random.default_rng(2)


@case(R.normal(size=(5, 3)))
def generator_zip(A):
    s = 0.0
    for i, row in enumerate(A):
        for a, b in zip(row[:-1], row[1:]):
            s += a * b * (i + 1)
    return s + sum(r[0] * r[1] for r in A)


@case(R.normal(size=(5, 3)))
def nested_fn(A):
    def inner(r, k=2):
        nonlocal total
        total = total + r[0]
        return r @ r * k

    total = 0.0
    acc = 0.0
    for r in A:
        acc += inner(r)
    f = lambda z: z**2 if z > 0 else -z
    return acc + total + f(acc)


def helper_rec(x, n):
    return x if n == 0 else helper_rec(np.sin(x) + x, n - 1)


@case(0.3)
def recursion(x):
    return helper_rec(x, 5)


@case(np.abs(R.normal(size=8)) + 1, 0.05, wrt=(0, 1))
def american_option(K, r):
    S0, T, n, sig = 1.3, 1.0, 16, 0.3
    dt = T / n
    u = np.exp(sig * np.sqrt(dt))
    d = 1 / u
    p = (np.exp(r * dt) - d) / (u - d)
    total = 0.0
    for k in K:
        v = np.maximum(k - S0 * u ** (2 * np.arange(n + 1) - n), 0)
        for i in range(n - 1, -1, -1):
            s = S0 * u ** (2 * np.arange(i + 1) - i)
            v = np.maximum(np.exp(-r * dt) * (p * v[1:] + (1 - p) * v[:-1]), k - s)
        total += v[0]
    return total


@case(R.normal(size=20), 0.1, wrt=(0, 1))
def hmm_forward(x, a):
    T = np.array([[0.9, 0.1], [0.2, 0.8]])
    mu = np.array([a, 1.0])
    alpha = np.array([0.5, 0.5])
    ll = 0.0
    for t in range(len(x)):
        e = np.exp(-0.5 * (x[t] - mu) ** 2)
        alpha = (alpha @ T) * e
        c = alpha.sum()
        alpha /= c
        ll += np.log(c)
    return ll


@case(R.normal(size=15), np.array([0.1, 0.2, 0.7]), wrt=(0, 1))
def garch(r, p):
    n = r.shape[0]
    s2 = np.empty(n)
    s2[0] = np.var(r)
    for t in range(1, n):
        s2[t] = p[0] + p[1] * r[t - 1] ** 2 + p[2] * s2[t - 1]
    return 0.5 * np.sum(np.log(s2) + r**2 / s2)


@case(R.normal(size=(4, 2)))
def kmeans(X):
    c = X[:2].copy()
    for it in range(3):
        d = ((X[:, None, :] - c[None, :, :]) ** 2).sum(-1)
        lab = np.argmin(d, axis=1)
        for k in range(2):
            m = lab == k
            if np.any(m):
                c[k] = X[m].mean(axis=0)
    return np.sum(d.min(axis=1)) + np.sum(c**2)


@case(np.array([1.0, 2.0]), np.array([0.5, 0.3]), wrt=(0, 1))
def rk45_tuple(y0, p):
    def f(t, y):
        a, b = y
        return np.array([p[0] * a - a * b, a * b - p[1] * b])

    t, h, y = 0.0, 0.1, y0
    ts = [t]
    while t < 2.0:
        h = min(h, 2.0 - t)
        k1 = f(t, y)
        k2 = f(t + h / 2, y + h / 2 * k1)
        k3 = f(t + h, y - h * k1 + 2 * h * k2)
        ynew = y + h / 6 * (k1 + 4 * k2 + k3)
        err = np.max(np.abs(ynew - (y + h * k2)))
        if err < 1e-3:
            t += h
            y = ynew
        h = h * min(2.0, max(0.5, 0.9 * (1e-3 / max(err, 1e-12)) ** (1 / 3)))
    return np.sum(y)


@case(R.normal(size=(3,)))
def global_const(x):
    return np.sum(TABLE * x)


TABLE = np.array([1.0, 2.0, 3.0])


@case(R.normal(size=(4, 4)))
def power_qr(A):
    A = A + A.T
    Q = np.eye(4)
    for i in range(10):
        Q, Rr = np.linalg.qr(A @ Q)
    return np.sum(np.abs(np.diag(Q.T @ A @ Q)))


@case(R.normal(size=(4, 4)))
def householder(A):
    A = A.copy()
    m, n = A.shape
    for k in range(n - 1):
        x = A[k:, k].copy()
        x[0] += np.sign(x[0]) * np.linalg.norm(x)
        v = x / np.linalg.norm(x)
        A[k:, k:] -= 2.0 * np.outer(v, v @ A[k:, k:])
    return np.sum(np.abs(np.diag(A)) ** 1.5)


@case(R.normal(size=(4, 4)))
def lu_pivot(A):
    A = A.copy()
    n = A.shape[0]
    sgn = 1.0
    for k in range(n - 1):
        piv = k + np.argmax(np.abs(A[k:, k]))
        if piv != k:
            A[[k, piv]] = A[[piv, k]]
            sgn = -sgn
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :])
    return sgn * np.prod(np.diag(A))


@case(R.normal(size=(4, 4)))
def lu_pivot_swap_loop(A):
    A = A.copy()
    n = A.shape[0]
    sgn = 1.0
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(A[i, k]) > abs(A[p, k]):
                p = i
        if p != k:
            tmp = A[k].copy()
            A[k] = A[p]
            A[p] = tmp
            sgn = -sgn
        for i in range(k + 1, n):
            f = A[i, k] / A[k, k]
            A[i, k:] = A[i, k:] - f * A[k, k:]
    d = sgn
    for i in range(n):
        d *= A[i, i]
    return d


@case(R.normal(size=10))
def match_stmt(x):
    s = 0.0
    for i in range(10):
        match i % 3:
            case 0:
                s = s + x[i]
            case 1:
                s = s * x[i]
            case _:
                s = s - x[i] ** 2
    return s


@case(R.normal(size=10))
def insertion_sort(x):
    a = x.copy()
    for i in range(1, len(a)):
        key = a[i]
        j = i - 1
        while j >= 0 and a[j] > key:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = key
    return np.sum(a * np.arange(10))


@case(R.normal(size=10))
def walrus_dictcomp(x):
    n = 0
    while (s := np.sum(x[: n + 1])) < 0.5 and n < 8:
        n += 1
    return s * n + sum({k: x[k] * k for k in range(3)}.values())


@case(R.normal(size=(6, 6)))
def life_contact(x):
    v = np.zeros(6)
    p = x[0].copy()
    for t in range(30):
        f = -p
        for i in range(6):
            if p[i] < 0:
                f[i] -= 5 * p[i]
            elif p[i] > 1 and v[i] > 0:
                v[i] *= -0.5
        v += 0.05 * f
        p += 0.05 * v
    return np.sum(p * p)


@case(R.normal(size=(6, 6)))
def sum_axis_loop(x):
    out = np.zeros((6,))
    for i, j in np.ndindex(6, 6):
        out[i] += x[i, j] * j
    return np.sum(out**2)


@case(R.normal(size=(3,)), R.normal(size=(3,)))
def cross_norm(a, b):
    c = np.cross(a, b)
    return c @ c / np.linalg.norm(a)


@case(R.normal(size=(3,)))
def rotation(w):
    th = np.linalg.norm(w)
    k = w / th
    K = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    Rm = np.eye(3) + np.sin(th) * K + (1 - np.cos(th)) * K @ K
    return np.sum(Rm[0] * np.array([1.0, 2, 3]))


@case(R.normal(size=(16,)))
def fft_loop(x):
    n = len(x)
    X = 0.0
    for k in range(n):
        re = np.sum(x * np.cos(2 * np.pi * k * np.arange(n) / n))
        im = np.sum(x * np.sin(2 * np.pi * k * np.arange(n) / n))
        X = X + np.sqrt(re**2 + im**2 + 1e-9)
    return X


@case(R.normal(size=(16,)))
def haar(x):
    x = x.copy()
    n = len(x)
    while n > 1:
        n //= 2
        t = x[: 2 * n].copy()
        x[:n] = (t[0::2] + t[1::2]) / 2
        x[n : 2 * n] = (t[0::2] - t[1::2]) / 2
    return np.sum(np.abs(x) ** 1.5)


@case(R.normal(size=(8,)))
def string_flags(x):
    mode = "fast"
    opts = {"scale": 2.0, "norm": True}
    if mode == "fast" and opts["norm"]:
        x = x / np.linalg.norm(x)
    return np.sum(x**3) * opts["scale"]


@case(R.normal(size=(8,)))
def print_and_assert(x):
    assert x.ndim == 1, "bad"
    assert np.all(np.isfinite(x))
    return float(np.sum(x**3))


@case(R.normal(size=(8,)))
def int_casts(x):
    k = int(np.floor(np.abs(x[0]) * 3))
    return x[k] * x[min(k + 1, 7)] + x[int(len(x) / 2)]


@case(R.normal(size=(8,)))
def ternary_sum(x):
    return sum(v if v > 0 else 0.1 * v for v in x)


@case(R.normal(size=(8,)))
def enumerate_where(x):
    s = 0.0
    for i in np.where(x > 0)[0]:
        s += x[i]
    return s + np.sum(x[np.nonzero(x < 0)])


@pytest.mark.filterwarnings("ignore:.*along the path.*:RuntimeWarning")
@pytest.mark.parametrize("program", case, ids=str)
def test_program(program: Case):
    check(program)
