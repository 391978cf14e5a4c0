"""Ordinary Python around NumPy: globals, dataclasses, decorators, partial functions, nested lists, lambdas, SciPy's functions."""

import functools
import math
from collections import defaultdict, deque, namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import special

from tests.program_cases import Case, Cases, check

case = Cases()
R = np.random.default_rng(0)

DATA = R.normal(size=(20, 3))
Y = R.normal(size=20)
LR = 0.05
CONFIG = {"layers": [3, 4, 1], "act": "tanh"}
WEIGHTS0 = [R.normal(size=(3, 4)), R.normal(size=(4, 1))]
p3 = np.array([0.5, 0.7, 0.9])


@case(p3)
def linreg_global(w):
    r = DATA @ w - Y
    return r @ r / len(Y)


@case(p3)
def gd_global(w):
    w = w.copy()
    for _ in range(30):
        g = 2 * DATA.T @ (DATA @ w - Y) / len(Y)
        w -= LR * g
    return np.sum((DATA @ w - Y) ** 2)


@case(p3)
def normalized_global(w):
    X = (DATA - DATA.mean(axis=0)) / DATA.std(axis=0)
    return np.mean((X @ w - Y) ** 2) + 0.1 * np.sum(np.abs(w))


@case(R.normal(size=(3, 4)), R.normal(size=(4, 1)), wrt=(0, 1))
def mlp_config(w1, w2):
    act = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}[CONFIG["act"]]
    h = DATA
    for W in (w1, w2):
        h = act(h @ W)
    return np.mean((h[:, 0] - Y) ** 2)


@case(p3)
def weights_list_global(x):
    h = x
    for W in WEIGHTS0:
        h = np.tanh(h @ W)
    return h[0]


@dataclass
class Params:
    a: float
    b: np.ndarray
    name: str = "p"

    def apply(self, x):
        return self.a * x + self.b


@case(p3)
def dataclass_params(x):
    p = Params(2.0, np.ones(3) * x[0])
    return np.sum(p.apply(x) ** 2)


Point = namedtuple("Point", "x y")


@case(p3)
def namedtuples(v):
    q = Point(v[0], v[1])
    for _ in range(6):
        q = Point(q.y, q.x * 0.5 + v[2])
    return q.x * q.y


@case(p3)
def kwargs_star(v):
    def f(*xs, scale=1.0, **kw):
        s = 0.0
        for x in xs:
            s += x * scale
        return s + kw.get("bias", 0.0)

    return f(*v, scale=v[0], bias=v[1]) + f(*[v[0], v[2]], **{"scale": 2.0})


def deco(fn):
    @functools.wraps(fn)
    def w(*a, **k):
        return fn(*a, **k) * 2

    return w


@deco
def decorated(x):
    return np.sin(x) if x > 0 else np.cos(x)


@case(p3)
def decorators(v):
    s = 0.0
    for x in v:
        s = s + decorated(x - 0.6)
    return s


@case(p3)
def partials(v):
    f = functools.partial(lambda a, x: a * x**2, v[0])
    return f(v[1]) + sum(map(lambda t: t * v[2], v)) + functools.reduce(lambda a, b: a * b, v)


@case(p3, why="append on a deque")
def sorted_py(v):
    s = sorted([1, 3, 2])
    d = defaultdict(float)
    for i, k in enumerate("aba"):
        d[k] += v[i]
    q = deque([v[0], v[1]], maxlen=2)
    for _ in range(3):
        q.append(q[0] * 0.5 + q[1])
    return d["a"] * d["b"] + s[0] + q[1]


@case(p3)
def special_fns(v):
    return (
        special.erf(v).sum()
        + special.gammaln(v).sum()
        + special.expit(v).sum()
        + special.logsumexp(v)
        + special.xlogy(v, v).sum()
        + special.j0(0.3) * v[0]
    )


@case(R.normal(size=(4, 4)))
def chained_assign(A):
    A = A.copy()
    B = np.zeros_like(A)
    B[0] = B[:, 1] = A[2]
    A[[0, 2]] = A[[2, 0]]
    A[:, 0], A[:, 1] = A[:, 1].copy(), A[:, 0].copy()
    C = A[::-1, ...]
    C[0, :2] += 1.0
    A[A < 0] *= -0.5
    A[1, A[1] > 0.2] = B[1, A[1] > 0.2]
    return np.sum(A * np.arange(16).reshape(4, 4)) + np.sum(B**2)


@case(np.abs(R.normal(size=5)) + 0.2)
def while_else(x):
    n = 0
    s = x[0]
    while s < 5:
        s = s * 1.3 + x[n % 5]
        n += 1
    else:
        s = s + n
    return s


@case(p3)
def nested_comp(v):
    M = np.array([[v[i] * v[j] for j in range(3)] for i in range(3)])
    t = [a * b for a in v for b in (1, 2) if b > 1]
    g = sum(x for x in (y * 2 for y in v))
    return np.sum(M) + sum(t) + g + np.trace(M)


@case(p3)
def fstring_print(v):
    label = f"{3:02d}"
    if len(label) != 2:
        print("never", v)
    return np.sum(v) * float(label)


@case(p3)
def isinstance_checks(v):
    if isinstance(v, np.ndarray) and v.ndim == 1 and v.dtype == np.float64 and hasattr(v, "shape"):
        return np.sum(v**2)
    return 0.0


@case(p3)
def try_values(v):
    try:
        out = np.log(v[0])
        if not np.isfinite(out):
            out = 0.0
    except (ValueError, FloatingPointError):
        out = -1.0
    finally:
        out = out * 1.0
    return out + v[1]


@case(R.normal(size=8))
def heapsort_like(x):
    a = x.copy()
    n = len(a)
    for i in range(n):
        m = i
        for j in range(i + 1, n):
            if a[j] < a[m]:
                m = j
        a[i], a[m] = a[m], a[i]
    return np.sum(a * np.arange(n))


@case(R.normal(size=(5, 5)))
def gauss_jordan(A):
    n = A.shape[0]
    M = np.hstack([A + 5 * np.eye(n), np.eye(n)])
    for i in range(n):
        M[i] = M[i] / M[i, i]
        for j in range(n):
            if j != i:
                M[j] = M[j] - M[j, i] * M[i]
    return np.sum(M[:, n:] ** 2)


@case(R.normal(size=12))
def moving_average(x):
    k = 3
    out = np.zeros(len(x) - k + 1)
    for i in range(len(out)):
        out[i] = x[i : i + k].mean()
    c = np.cumsum(np.insert(x, 0, 0))
    return np.sum(out**2) + np.sum((c[k:] - c[:-k]) / k)


@case(R.normal(size=(6, 2)))
def knn(X):
    d = np.sqrt(((X[:, None] - X[None]) ** 2).sum(-1) + 1e-12)
    idx = np.argsort(d, axis=1)[:, 1:3]
    return np.sum(np.take_along_axis(d, idx, axis=1))


@case(R.normal(size=10))
def ema_states(x):
    fast = slow = x[0]
    pos = 0.0
    pnl = 0.0
    for t in range(1, len(x)):
        pnl += pos * (x[t] - x[t - 1])
        fast += 0.5 * (x[t] - fast)
        slow += 0.1 * (x[t] - slow)
        pos = 1.0 if fast > slow else -1.0
    return pnl + fast


@case(np.array([100.0, 105.0, 1.0, 0.05, 0.2]))
def bs_implied(v):
    S, K, T, r, target = v
    sig = 0.3
    for _ in range(50):
        d1 = (math.log(S / K) + (r + 0.5 * sig**2) * T) / (sig * math.sqrt(T))
        d2 = d1 - sig * math.sqrt(T)
        N = lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2)))
        price = S * N(d1) - K * math.exp(-r * T) * N(d2)
        vega = S * math.exp(-(d1**2) / 2) / math.sqrt(2 * math.pi) * math.sqrt(T)
        diff = price - target * 40
        if abs(diff) < 1e-10:
            break
        sig = sig - diff / vega
    return sig


@case(np.array([0.3, 0.6]))
def pendulum_rk4_list(p):
    def f(s):
        return [s[1], -np.sin(s[0]) - p[1] * s[1]]

    s = [p[0], 0.0]
    h = 0.05
    for _ in range(60):
        k1 = f(s)
        k2 = f([a + h / 2 * b for a, b in zip(s, k1)])
        k3 = f([a + h / 2 * b for a, b in zip(s, k2)])
        k4 = f([a + h * b for a, b in zip(s, k3)])
        s = [a + h / 6 * (b + 2 * c + 2 * d + e) for a, b, c, d, e in zip(s, k1, k2, k3, k4)]
    return s[0] ** 2 + s[1]


@case(R.normal(size=(3, 3)))
def symm_eig(A):
    w, V = np.linalg.eigh(A + A.T)
    return np.sum(w**3) + np.sum(np.abs(V[0]))


@case(R.normal(size=6))
def polyfit_like(y):
    x = np.linspace(0, 1, 6)
    V = np.vander(x, 3)
    c = np.linalg.solve(V.T @ V, V.T @ y)
    return np.sum((V @ c - y) ** 2) + np.polyval(c, 0.3)


@case(R.normal(size=6))
def meshgrids(x):
    X, Yy = np.meshgrid(x, x[:3], indexing="ij")
    return np.sum(np.exp(-(X**2)) * Yy) + np.sum(np.triu(np.outer(x, x), 1)) + np.sum(np.diag(x) @ x)


@case(R.normal(size=(4, 3)))
def views_loop(A):
    B = A.copy()
    for row in B:
        row -= row.mean()
        row /= np.sqrt(np.sum(row**2))
    for j in range(B.shape[1]):
        col = B[:, j]
        col += 0.1 * j
    return np.sum(B**3)


@case(p3)
def mutable_default(v, cache={}):
    key = "k"
    if key not in cache:
        cache[key] = 2.0
    return np.sum(v) * cache[key]


@case(R.normal(size=20), np.array([0.1, 0.8]), wrt=(0, 1))
def arma(x, p):
    e = np.zeros_like(x)
    n = len(x)
    for t in range(n):
        e[t] = x[t] - (p[0] * x[t - 1] if t > 0 else 0.0) - (p[1] * e[t - 1] if t > 0 else 0.0)
    return np.sum(e**2)


@case(np.array([0.2, 0.3, 0.5]), R.integers(0, 3, size=15))
def viterbi(p, obs):
    T = np.array([[0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.2, 0.3, 0.5]])
    lp = np.log(p)
    bp = np.zeros((15, 3), dtype=int)
    E = np.log(np.array([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]]))
    d = lp + E[:, obs[0]]
    for t in range(1, len(obs)):
        m = d[:, None] + np.log(T)
        bp[t] = np.argmax(m, axis=0)
        d = np.max(m, axis=0) + E[:, obs[t]]
    return np.max(d)


@pytest.mark.parametrize("program", case, ids=str)
def test_program(program: Case):
    check(program)
