"""One training step's value and gradients of a network 64-128-10 with relu, for a batch of 128."""

import numpy as np

from bench import special
from bench.workload import Workload
from bench.workloads import softmax_xent


def write(functions):
    cross_entropy = softmax_xent.write(functions)

    def loss(np, params, x, labels):
        hidden = np.maximum(x @ params["hidden"]["w"] + params["hidden"]["b"], 0)
        return cross_entropy(np, hidden @ params["output"]["w"] + params["output"]["b"], labels)
    return loss


def torch_port():
    from torch.nn.functional import cross_entropy, relu

    def loss(np, params, x, labels):
        hidden = relu(x @ params["hidden"]["w"] + params["hidden"]["b"])
        return cross_entropy(hidden @ params["output"]["w"] + params["output"]["b"], labels)
    return loss


def by_hand(params, x, labels):
    first, second = params["hidden"], params["output"]
    hidden = x @ first["w"]
    hidden += first["b"]
    np.maximum(hidden, 0, out=hidden)
    value, d_scores = softmax_xent.by_hand(hidden @ second["w"] + second["b"], labels)
    d_hidden = d_scores @ second["w"].T
    d_hidden *= hidden > 0
    return value, {"hidden": {"w": x.T @ d_hidden, "b": d_hidden.sum(axis=0)},
                   "output": {"w": hidden.T @ d_scores, "b": d_scores.sum(axis=0)}}


def data(batch, inputs, width, classes):
    rng = np.random.default_rng(0)

    def layer(n, m):
        return {"w": rng.normal(size=(n, m)) / np.sqrt(n), "b": 0.1 * rng.normal(size=m)}

    params = {"hidden": layer(inputs, width), "output": layer(width, classes)}
    return params, rng.uniform(size=(batch, inputs)), rng.integers(0, classes, size=batch)


workloads = (
    Workload("digits_step", "network 64-128-10, relu, cross-entropy, batch 128: all gradients",
             write(special.plain()), make=lambda: data(128, 64, 128, 10), small=lambda: data(3, 4, 5, 3),
             by_hand=by_hand, ports={**special.ports(write), "torch": torch_port}),
)
