"""Programs in the style of scientific NumPy, each a few lines, as people write them."""

import math

import numpy as np
import pytest

from tests.program_cases import Case, Cases, check

case = Cases()
R = np.random.default_rng(0)


@case(R.normal(size=(6, 5)), R.normal(size=(5,)))
def atax(A, x):
    return np.sum((A @ x) @ A)


@case(R.normal(size=(6, 6)), R.normal(size=6))
def gemver(A, u):
    A = A + np.outer(u, u) + np.outer(u * 2, u)
    x = 0.3 * u @ A + u
    w = 1.5 * A @ x
    return np.sum(w * x)


@case(R.normal(size=(8, 4)))
def correlation(data):
    M, N = data.shape[1], data.shape[0]
    mean = np.mean(data, axis=0)
    stddev = np.std(data, axis=0)
    stddev[stddev <= 0.1] = 1.0
    data = data - mean
    data = data / (np.sqrt(N) * stddev)
    corr = np.eye(M, dtype=data.dtype)
    for i in range(M - 1):
        corr[i + 1 : M, i] = corr[i, i + 1 : M] = data[:, i] @ data[:, i + 1 : M]
    return np.sum(corr * np.arange(M * M).reshape(M, M))


@case(R.normal(size=(7, 4)))
def covariance(data):
    N, M = data.shape
    mean = np.mean(data, axis=0)
    data = data - mean
    cov = np.zeros((M, M), dtype=data.dtype)
    for i in range(M):
        cov[i:M, i] = cov[i, i:M] = data[:, i] @ data[:, i:M] / (N - 1.0)
    return np.sum(cov**2)


@case(R.random(size=(12, 10)))
def deriche(imgIn):
    alpha = 0.25
    k = (1.0 - np.exp(-alpha)) * (1.0 - np.exp(-alpha)) / (1.0 + alpha * np.exp(-alpha) * 2.0 - np.exp(2.0 * alpha))
    a1 = a5 = k
    a2 = a6 = k * np.exp(-alpha) * (alpha - 1.0)
    a3 = a7 = k * np.exp(-alpha) * (alpha + 1.0)
    a4 = a8 = -k * np.exp(-2.0 * alpha)
    b1 = 2.0 ** (-alpha)
    b2 = -np.exp(-2.0 * alpha)
    c1 = c2 = 1
    y1 = np.empty_like(imgIn)
    y1[:, 0] = a1 * imgIn[:, 0]
    y1[:, 1] = a1 * imgIn[:, 1] + a2 * imgIn[:, 0] + b1 * y1[:, 0]
    for j in range(2, imgIn.shape[1]):
        y1[:, j] = a1 * imgIn[:, j] + a2 * imgIn[:, j - 1] + b1 * y1[:, j - 1] + b2 * y1[:, j - 2]
    y2 = np.empty_like(imgIn)
    y2[:, -1] = 0.0
    y2[:, -2] = a3 * imgIn[:, -1]
    for j in range(imgIn.shape[1] - 3, -1, -1):
        y2[:, j] = a3 * imgIn[:, j + 1] + a4 * imgIn[:, j + 2] + b1 * y2[:, j + 1] + b2 * y2[:, j + 2]
    imgOut = c1 * (y1 + y2)
    y1[0, :] = a5 * imgOut[0, :]
    y1[1, :] = a5 * imgOut[1, :] + a6 * imgOut[0, :] + b1 * y1[0, :]
    for i in range(2, imgIn.shape[0]):
        y1[i, :] = a5 * imgOut[i, :] + a6 * imgOut[i - 1, :] + b1 * y1[i - 1, :] + b2 * y1[i - 2, :]
    y2[-1, :] = 0.0
    y2[-2, :] = a7 * imgOut[-1, :]
    for i in range(imgIn.shape[0] - 3, -1, -1):
        y2[i, :] = a7 * imgOut[i + 1, :] + a8 * imgOut[i + 2, :] + b1 * y2[i + 1, :] + b2 * y2[i + 2, :]
    imgOut[:] = c2 * (y1 + y2)
    return np.sum(imgOut**2)


@case(R.normal(size=(6, 5, 4)), R.normal(size=(4, 4)))
def doitgen(A, C4):
    NR, NQ, NP = A.shape
    A = A.copy()
    for r in range(NR):
        for q in range(NQ):
            A[r, q, :] = A[r, q, :] @ C4
    return np.sum(A * A)


@case(R.normal(size=(8, 8)))
def symm_like(A):
    M = A.shape[0]
    C = np.zeros_like(A)
    temp2 = np.empty((8,), dtype=A.dtype)
    for i in range(M):
        for j in range(8):
            C[:i, j] += 1.5 * A[i, j] * A[i, :i]
            temp2[j] = A[:i, j] @ A[i, :i]
        C[i, :] += 1.5 * A[i, :] * A[i, i] + 1.5 * temp2
    return np.sum(C * C)


@case(R.normal(size=(6, 6)))
def syr2k(A):
    n = A.shape[0]
    C = np.zeros((n, n))
    B = A * 2
    for i in range(n):
        C[i, : i + 1] *= 0.5
        for k in range(n):
            C[i, : i + 1] += A[: i + 1, k] * 1.5 * B[i, k] + B[: i + 1, k] * 1.5 * A[i, k]
    return np.sum(C * C)


@case(R.normal(size=(6, 6)), R.normal(size=(6, 4)))
def trmm(A, B):
    B = B.copy()
    for i in range(B.shape[0]):
        for j in range(B.shape[1]):
            B[i, j] += np.dot(A[i + 1 :, i], B[i + 1 :, j])
    B *= 1.5
    return np.sum(B * B)


@case(np.abs(R.normal(size=9)) + 0.1)
def nussinov_like(x):
    n = x.size
    table = np.zeros((n, n))
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            if j - 1 >= 0:
                table[i, j] = max(table[i, j], table[i, j - 1])
            if i + 1 < n:
                table[i, j] = max(table[i, j], table[i + 1, j])
            if j - 1 >= 0 and i + 1 < n:
                if i < j - 1:
                    table[i, j] = max(table[i, j], table[i + 1, j - 1] + x[i] * x[j])
                else:
                    table[i, j] = max(table[i, j], table[i + 1, j - 1])
            for k in range(i + 1, j):
                table[i, j] = max(table[i, j], table[i, k] + table[k + 1, j])
    return table[0, n - 1]


@case(R.normal(size=(8, 5)))
def gramschmidt(A):
    A = A.copy()
    Q = np.zeros_like(A)
    Rm = np.zeros((A.shape[1], A.shape[1]), dtype=A.dtype)
    for k in range(A.shape[1]):
        nrm = np.dot(A[:, k], A[:, k])
        Rm[k, k] = np.sqrt(nrm)
        Q[:, k] = A[:, k] / Rm[k, k]
        for j in range(k + 1, A.shape[1]):
            Rm[k, j] = np.dot(Q[:, k], A[:, j])
            A[:, j] -= Q[:, k] * Rm[k, j]
    return np.sum(Rm**3)


@case(R.normal(size=(10,)))
def softmax_layer(x):
    tmp_max = np.max(x, axis=-1, keepdims=True)
    tmp_out = np.exp(x - tmp_max)
    tmp_sum = np.sum(tmp_out, axis=-1, keepdims=True)
    return np.sum((tmp_out / tmp_sum) ** 2)


@case(R.normal(size=(8, 8, 3)), R.normal(size=(3, 3, 3, 2)))
def conv2d(inp, weights):
    K = weights.shape[0]
    H_out = inp.shape[0] - K + 1
    W_out = inp.shape[1] - K + 1
    output = np.empty((H_out, W_out, weights.shape[3]))
    for i in range(H_out):
        for j in range(W_out):
            output[i, j, :] = np.sum(inp[i : i + K, j : j + K, :, np.newaxis] * weights, axis=(0, 1, 2))
    return np.sum(output**2)


@case(R.normal(size=(5,)), R.normal(size=(4, 5)))
def hdiff_like(w, f):
    lap = 4.0 * f[:, 1:-1] - (f[:, 2:] + f[:, :-2])
    res = lap[:, 1:] - lap[:, :-1]
    flx = np.where((res * (f[:, 2:-1] - f[:, 1:-2])) > 0, 0, res)
    return np.sum(flx * w[:2])


@case(R.normal(size=6), R.normal(size=6), R.normal(size=6), R.normal(size=6))
def vadv_thomas(a, b, c, d):
    n = len(d)
    b = b + 5
    cp = np.zeros(n)
    dp = np.zeros(n)
    x = np.zeros(n)
    cp[0] = c[0] / b[0]
    dp[0] = d[0] / b[0]
    for i in range(1, n):
        den = b[i] - a[i] * cp[i - 1]
        cp[i] = c[i] / den
        dp[i] = (d[i] - a[i] * dp[i - 1]) / den
    x[-1] = dp[-1]
    for i in range(n - 2, -1, -1):
        x[i] = dp[i] - cp[i] * x[i + 1]
    return np.sum(x**2)


@case(R.normal(size=(5, 3)), np.abs(R.normal(size=5)) + 0.5)
def nbody_pairs(pos, mass):
    x = pos[:, 0:1]
    y = pos[:, 1:2]
    z = pos[:, 2:3]
    dx = x.T - x
    dy = y.T - y
    dz = z.T - z
    inv_r3 = dx**2 + dy**2 + dz**2 + 0.1**2
    inv_r3[inv_r3 > 0] = inv_r3[inv_r3 > 0] ** (-1.5)
    ax = 1.0 * (dx * inv_r3) @ mass
    ay = 1.0 * (dy * inv_r3) @ mass
    az = 1.0 * (dz * inv_r3) @ mass
    a = np.stack((ax, ay, az), axis=1)
    return np.sum(a * a)


@case(R.normal(size=5), R.normal(size=(5, 3)))
def energy_triu(m, pos):
    KE = 0.5 * np.sum(np.sum(m.reshape(-1, 1) * pos**2))
    x = pos[:, 0:1]
    dx = x.T - x
    inv_r = np.sqrt(dx**2 + 0.01)
    inv_r[inv_r > 0] = 1.0 / inv_r[inv_r > 0]
    PE = 1.0 * np.sum(np.sum(np.triu(-(m * m.reshape(-1, 1)) * inv_r, 1)))
    return KE + PE


@case(R.normal(size=12), 4, static=(1,))
def azimint(radius, npt):
    r = np.abs(radius)
    rmax = r.max()
    res = np.zeros(npt)
    for i in range(npt):
        r1 = rmax * i / npt
        r2 = rmax * (i + 1) / npt
        mask_r12 = np.logical_and((r1 <= r), (r < r2))
        values_r12 = radius[mask_r12]
        if values_r12.size > 0:
            res[i] = values_r12.mean()
    return np.sum(res**2)


@case(R.normal(size=(6, 6)), R.normal(size=(6, 6)), R.normal(size=(6, 6)))
def cavity(u, v, p):
    u, v, p = u * 0.1, v * 0.1, p * 0.1
    nt, nit, dx, dy, dt, rho, nu = 3, 4, 0.1, 0.1, 0.001, 1.0, 0.1
    b = np.zeros_like(u)
    for n in range(nt):
        un = u.copy()
        vn = v.copy()
        b[1:-1, 1:-1] = rho * (
            1 / dt * ((u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx) + (v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy))
            - ((u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx)) ** 2
            - 2 * ((u[2:, 1:-1] - u[0:-2, 1:-1]) / (2 * dy) * (v[1:-1, 2:] - v[1:-1, 0:-2]) / (2 * dx))
            - ((v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy)) ** 2
        )
        pn = np.empty_like(p)
        for q in range(nit):
            pn[:] = p.copy()
            p[1:-1, 1:-1] = ((pn[1:-1, 2:] + pn[1:-1, 0:-2]) * dy**2 + (pn[2:, 1:-1] + pn[0:-2, 1:-1]) * dx**2) / (
                2 * (dx**2 + dy**2)
            ) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, 1:-1]
            p[:, -1] = p[:, -2]
            p[0, :] = p[1, :]
            p[:, 0] = p[:, 1]
            p[-1, :] = 0
        u[1:-1, 1:-1] = (
            un[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, 0:-2])
            - dt / (2 * rho * dx) * (p[1:-1, 2:] - p[1:-1, 0:-2])
        )
        u[0, :] = 0
        u[:, 0] = 0
        u[:, -1] = 0
        u[-1, :] = 1
        v[0, :] = 0
        v[-1, :] = 0
        v[:, 0] = 0
        v[:, -1] = 0
    return np.sum(u**2) + np.sum(p**2)


@case(R.normal(size=(6, 6)))
def channel_while(u):
    u = u * 0.5
    udiff = 1.0
    stepcount = 0
    while udiff > 0.001:
        un = u.copy()
        u[1:-1, 1:-1] = 0.25 * (un[1:-1, 2:] + un[1:-1, :-2] + un[2:, 1:-1] + un[:-2, 1:-1])
        udiff = (np.sum(u * u) - np.sum(un * un)) / np.sum(u * u)
        udiff = abs(udiff)
        stepcount += 1
    return np.sum(u**2) + stepcount


@case(R.normal(size=(5, 5)))
def contour_like(H):
    H = H @ H.T + np.eye(5) * 3
    n = H.shape[0]
    acc = 0.0
    for z in (0.5, 1.5, 2.5):
        Tz = np.zeros((n, n))
        for k in range(3):
            zz = np.power(z, k - 1)
            Tz += zz * H
        X = np.linalg.inv(Tz)
        acc = acc + np.sum(X)
    return acc


@case(np.abs(R.normal(size=(6, 6))))
def scattering_like(G):
    out = np.zeros((3, 6, 6))
    for k in range(3):
        for q in range(2):
            for i in range(2):
                for j in range(2):
                    if k - q >= 0:
                        out[k] += G * G[i, j] @ G * (q + 1)
    return np.sum(out * out)


@case(R.normal(size=(9,)))
def compute_int(x):
    a = np.clip(x, -0.5, 0.7) * 4 + x * 3 + 9
    return np.sum(a)


@case(R.normal(size=6), R.normal(size=6))
def cg(b0, v):
    n = b0.size
    A = np.outer(v, v) + 4 * np.eye(n)
    x = np.zeros_like(b0)
    r = b0 - A @ x
    p = r.copy()
    rsold = r @ r
    for i in range(20):
        Ap = A @ p
        alpha = rsold / (p @ Ap)
        x += alpha * p
        r -= alpha * Ap
        rsnew = r @ r
        if rsnew < 1e-10:
            break
        p = r + rsnew / rsold * p
        rsold = rsnew
    return np.sum(x**2)


@case(R.normal(size=4), R.normal(size=(4, 4)))
def lenet_like(x, w):
    for layer in range(3):
        x = np.maximum(x @ w, 0) + 0.1 * x
    return np.sum(x)


@case(np.array([0.5, 0.4, 0.3]))
def gibbs_style_dict(p):
    s = {"a": p[0], "b": p[1]}
    for i in range(5):
        s["a"] = s["a"] * p[2] + s["b"]
        s["b"] = np.sin(s["a"])
    return s["a"] + s["b"]


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
