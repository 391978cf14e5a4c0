"""Networks of full layers, value and all gradients: a small one in float64, where calls count, and a large one in float32, where
products do. The step of the optimiser is left out: it is the same for all."""

import numpy as np

from bench import special
from bench.workload import Workload
from bench.workloads import softmax_xent


def regression(np, params, x, y):
    for layer in params[:-1]:
        x = np.tanh(x @ layer["w"] + layer["b"])
    return np.mean((x @ params[-1]["w"] + params[-1]["b"] - y) ** 2)


def write(functions):
    cross_entropy = softmax_xent.write(functions)

    def classification(np, params, x, labels):
        for layer in params[:-1]:
            x = np.maximum(x @ layer["w"] + layer["b"], 0)
        return cross_entropy(np, x @ params[-1]["w"] + params[-1]["b"], labels)
    return classification


def torch_port():
    from torch.nn.functional import cross_entropy, relu

    def classification(np, params, x, labels):
        for layer in params[:-1]:
            x = relu(x @ layer["w"] + layer["b"])
        return cross_entropy(x @ params[-1]["w"] + params[-1]["b"], labels)
    return classification


def back(params, inputs, slopes, ct):
    """Gradients of all layers from the cotangent of the last one's sums; `slopes` are the activations' derivatives."""
    grads = []
    for k in reversed(range(len(params))):
        grads.insert(0, {"w": inputs[k].T @ ct, "b": ct.sum(axis=0)})
        if k:
            ct = (ct @ params[k]["w"].T) * slopes[k - 1]
    return grads


def regression_by_hand(params, x, y):
    inputs, slopes = [x], []
    for layer in params[:-1]:
        x = np.tanh(x @ layer["w"] + layer["b"])
        inputs.append(x)
        slopes.append(1 - x * x)
    error = x @ params[-1]["w"] + params[-1]["b"] - y
    return np.mean(error**2), back(params, inputs, slopes, 2 * error / error.size)


def classification_by_hand(params, x, labels):
    inputs, slopes = [x], []
    for layer in params[:-1]:
        x = np.maximum(x @ layer["w"] + layer["b"], 0)
        inputs.append(x)
        slopes.append(x > 0)
    value, ct = softmax_xent.by_hand(x @ params[-1]["w"] + params[-1]["b"], labels)
    return value, back(params, inputs, slopes, ct)


def layers(rng, sizes, dtype):
    return [{"w": (rng.normal(size=(n, m)) / np.sqrt(n)).astype(dtype), "b": (0.1 * rng.normal(size=m)).astype(dtype)}
            for n, m in zip(sizes[:-1], sizes[1:], strict=True)]


def small_net(batch, sizes):
    rng = np.random.default_rng(0)
    return layers(rng, sizes, np.float64), rng.normal(size=(batch, sizes[0])), rng.normal(size=(batch, sizes[-1]))


def large_net(batch, sizes, dtype):
    rng = np.random.default_rng(0)
    return layers(rng, sizes, dtype), rng.uniform(size=(batch, sizes[0])).astype(dtype), rng.integers(0, sizes[-1], size=batch)


workloads = (
    Workload("mlp_small", "network 4-32-32-1, tanh, squared error, batch 16: all gradients", regression,
             make=lambda: small_net(16, (4, 32, 32, 1)), small=lambda: small_net(3, (2, 4, 3, 1)), by_hand=regression_by_hand),
    Workload("mlp_large", "network 784-512-256-10, relu, cross-entropy, batch 128, float32: all gradients", write(special.plain()),
             make=lambda: large_net(128, (784, 512, 256, 10), np.float32),
             small=lambda: large_net(3, (4, 5, 4, 3), np.float64), by_hand=classification_by_hand,
             ports={**special.ports(write), "torch": torch_port}, rtol=2e-3),
)
