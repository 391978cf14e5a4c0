"""A small convolutional network on images of 28×28: two layers of 3×3 filters with relu and 2×2 maximum pooling, then one full layer."""

import numpy as np

from bench import special
from bench.workload import Workload
from bench.workloads import softmax_xent


def network(np, params, x, convolve, pool):
    """Scores of the classes."""
    for layer in params["filters"]:
        x = pool(np.maximum(convolve(x, layer["w"]) + layer["b"][:, None, None], 0))
    return x.reshape((len(x), -1)) @ params["output"]["w"] + params["output"]["b"]


def shifted(np, x):
    """The nine neighbours of each pixel, zeros beyond the border: (images, 9 channels, rows, columns)."""
    rows, columns = x.shape[2:]
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
    return np.concatenate([wide[:, :, i:i + rows, j:j + columns] for i in range(3) for j in range(3)], axis=1)


def flat(np, w):
    return np.reshape(np.transpose(w, (0, 2, 3, 1)), (w.shape[0], -1))


def halves(np, x):
    return np.max(np.reshape(x, (*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2)), axis=(3, 5))


def write(functions):
    cross_entropy = softmax_xent.write(functions)

    def loss(np, params, x, labels):
        def convolve(x, w):
            return np.einsum("nchw,oc->nohw", shifted(np, x), flat(np, w))
        return cross_entropy(np, network(np, params, x, convolve, lambda x: halves(np, x)), labels)
    return loss


def ours():
    import autodiff as ad
    cross_entropy = softmax_xent.write(special.plain())

    def loss(np, params, x, labels):
        scores = network(np, params, x, lambda x, w: ad.nn.conv2d(x, w, padding="same"), lambda x: ad.nn.max_pool2d(x, 2))
        return cross_entropy(np, scores, labels)
    return loss


def jax_port():
    import jax
    from jax import lax
    cross_entropy = softmax_xent.write(jax.scipy.special)

    def loss(np, params, x, labels):
        def convolve(x, w):
            return lax.conv_general_dilated(x, w, (1, 1), "SAME")

        def pool(x):
            return lax.reduce_window(x, -np.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        return cross_entropy(np, network(np, params, x, convolve, pool), labels)
    return loss


def torch_port():
    import torch
    from torch.nn.functional import conv2d, cross_entropy, max_pool2d

    def loss(np, params, x, labels):
        for layer in params["filters"]:
            x = max_pool2d(torch.relu(conv2d(x, layer["w"], layer["b"], padding=1)), 2)
        return cross_entropy(x.reshape(len(x), -1) @ params["output"]["w"] + params["output"]["b"], labels)
    return loss


def by_hand(params, x, labels):
    kept = []
    for layer in params["filters"]:
        columns = shifted(np, x)
        images, depth, rows, wide = columns.shape
        matrix = columns.transpose(1, 0, 2, 3).reshape(depth, -1)
        sums = (flat(np, layer["w"]) @ matrix).reshape(-1, images, rows, wide).transpose(1, 0, 2, 3)
        active = np.maximum(sums + layer["b"][:, None, None], 0)
        pooled = halves(np, active)
        kept.append((matrix, columns.shape, active, pooled))
        x = pooled
    features = x.reshape(len(x), -1)
    value, ct = softmax_xent.by_hand(features @ params["output"]["w"] + params["output"]["b"], labels)
    grads = {"filters": [], "output": {"w": features.T @ ct, "b": ct.sum(axis=0)}}
    ct = (ct @ params["output"]["w"].T).reshape(x.shape)
    for layer, (matrix, shape, active, pooled) in zip(reversed(params["filters"]), reversed(kept), strict=True):
        images, depth, rows, wide = shape
        spread = np.repeat(np.repeat(ct, 2, axis=2), 2, axis=3)
        spread = spread * (active == np.repeat(np.repeat(pooled, 2, axis=2), 2, axis=3)) * (active > 0)
        sums = spread.transpose(1, 0, 2, 3).reshape(len(layer["b"]), -1)
        dw = (sums @ matrix.T).reshape(len(layer["b"]), 3, 3, depth // 9).transpose(0, 3, 1, 2)
        grads["filters"].insert(0, {"w": dw, "b": sums.sum(axis=1)})
        columns = (flat(np, layer["w"]).T @ sums).reshape(depth, images, rows, wide).transpose(1, 0, 2, 3)
        wide_ct = np.zeros((images, depth // 9, rows + 2, wide + 2), columns.dtype)
        for k in range(9):
            i, j = divmod(k, 3)
            wide_ct[:, :, i:i + rows, j:j + wide] += columns[:, k * (depth // 9):(k + 1) * (depth // 9)]
        ct = wide_ct[:, :, 1:-1, 1:-1]
    return value, grads


def data(images, size, channels, dtype):
    rng = np.random.default_rng(0)
    depths = (1, *channels)
    filters = [{"w": (rng.normal(size=(m, n, 3, 3)) / np.sqrt(9 * n)).astype(dtype), "b": (0.1 * rng.normal(size=m)).astype(dtype)}
               for n, m in zip(depths[:-1], depths[1:], strict=True)]
    features = depths[-1] * (size // 2 ** len(channels)) ** 2
    output = {"w": (rng.normal(size=(features, 10)) / np.sqrt(features)).astype(dtype), "b": (0.1 * rng.normal(size=10)).astype(dtype)}
    return ({"filters": filters, "output": output}, rng.uniform(size=(images, 1, size, size)).astype(dtype),
            rng.integers(0, 10, size=images))


workloads = (
    Workload("cnn", "convolutional network 28×28, 8 and 16 filters 3×3, batch 32, float32: all gradients", write(special.plain()),
             make=lambda: data(32, 28, (8, 16), np.float32), small=lambda: data(2, 4, (2, 2), np.float64), by_hand=by_hand,
             ports={**special.ports(write), "autodiff": ours, "jax": jax_port, "torch": torch_port}, rtol=2e-3),
)
