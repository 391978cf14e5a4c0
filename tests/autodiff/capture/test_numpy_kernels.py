"""Kernels of linear algebra, stencils and networks in the style of scientific NumPy, each a few lines, as people write them."""

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


@pytest.mark.filterwarnings("ignore:.*along the path.*:RuntimeWarning")
@pytest.mark.parametrize("program", case, ids=str)
def test_program(program: Case):
    check(program)
