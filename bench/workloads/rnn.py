"""A recurrent network over 200 steps: h = tanh(x W + h U + b), the sum of squares of the last state; gradients by W, U and b."""

import numpy as np

from bench.workload import Workload


def loss(np, params, x):
    h = 0 * (x[0] @ params["w"])
    for row in x:
        h = np.tanh(row @ params["w"] + h @ params["u"] + params["b"])
    return np.sum(h * h)


def ours():
    import autodiff as ad

    def scanned(np, params, x):
        def step(h, row):
            return np.tanh(row @ params["w"] + h @ params["u"] + params["b"]), None
        h, _ = ad.scan(step, np.zeros((x.shape[1], len(params["b"]))), x)
        return np.sum(h * h)
    return scanned


def jax_port():
    import jax

    def scanned(np, params, x):
        def step(h, row):
            return np.tanh(row @ params["w"] + h @ params["u"] + params["b"]), None
        h, _ = jax.lax.scan(step, np.zeros((x.shape[1], len(params["b"]))), x)
        return np.sum(h * h)
    return scanned


def by_hand(params, x):
    w, u, b = params["w"], params["u"], params["b"]
    states = [np.zeros((x.shape[1], len(b)))]
    for row in x:
        states.append(np.tanh(row @ w + states[-1] @ u + b))
    ct = 2 * states[-1]
    dw, du, db = np.zeros_like(w), np.zeros_like(u), np.zeros_like(b)
    for t in reversed(range(len(x))):
        ct = ct * (1 - states[t + 1] ** 2)
        dw += x[t].T @ ct
        du += states[t].T @ ct
        db += ct.sum(axis=0)
        ct = ct @ u.T
    return np.sum(states[-1] ** 2), {"w": dw, "u": du, "b": db}


def data(steps, batch, width):
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(width, width)) / np.sqrt(width), "u": rng.normal(size=(width, width)) / np.sqrt(width),
              "b": 0.1 * rng.normal(size=width)}
    return params, rng.normal(size=(steps, batch, width))


workloads = (
    Workload("rnn", "recurrent network, 200 steps, 64 wide, batch 16 (scan where there is one)", loss, make=lambda: data(200, 16, 64),
             small=lambda: data(3, 2, 3), by_hand=by_hand, ports={"autodiff": ours, "jax": jax_port}),
)
