"""Random programs: steps chosen by numbers, so that any list of numbers is a program."""

import numpy as np

import autodiff as ad

UNARY = [np.tanh, np.sin, np.cos, lambda x: np.exp(-x * x), lambda x: np.log1p(x * x), np.abs, lambda x: np.sqrt(x * x + 1),
         np.square, lambda x: -x, lambda x: x * 0.5, lambda x: x - 1, lambda x: 1 / (2 + x * x)]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, lambda a, b: a / (1 + b * b), lambda a, b: np.where(a > b, a, b * a),
          np.arctan2, lambda a, b: np.hypot(a, b)]
SHAPE = [lambda x: x.T, lambda x: x[::-1], lambda x: np.flip(x, -1), lambda x: x.reshape(-1), lambda x: x[1:], lambda x: x[..., :2],
         lambda x: np.concatenate([x, x]), lambda x: np.roll(x, 1), lambda x: x[None], lambda x: np.cumsum(x, axis=0),
         lambda x: np.broadcast_to(x, (2, *x.shape)), lambda x: np.repeat(x, 2, axis=0), lambda x: x[np.array([0, -1, 0])]]
REDUCE = [lambda x: x.sum(axis=0), lambda x: x.mean(axis=-1), lambda x: np.max(x, axis=0), lambda x: x.sum(axis=-1, keepdims=True),
          lambda x: x.sum(), lambda x: np.prod(x, axis=0)]
DOT = [lambda a, b: a.reshape(-1) @ np.ones(a.size) * b, lambda a, b: a.reshape(-1, 1) @ b.reshape(1, -1)]
LOOP = [lambda x: ad.fori_loop(0, 3, lambda i, s: np.tanh(s + i) * 0.9, x),
        lambda x: ad.scan(lambda c, r: (c * 0.5 + r, c), x[0] * 0, x)[1],
        lambda x: ad.cond(x.sum() > 0, lambda x: x * 2, lambda x: np.sin(x), x),
        lambda x: x.at[0].set(x[-1] * 2), lambda x: x.at[1:].add(x[:-1])]

KINDS = ["unary", "binary", "binary", "shape", "reduce", "dot", "loop"]


def build(steps, most=400):
    """A program from a list of steps; steps that do not fit the values at hand are passed over, alike in every run."""
    def f(x, y):
        values = [x, y, x * y[0]]
        for kind, which, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == "unary":
                new = UNARY[which % len(UNARY)](a)
            elif kind == "binary":
                if a.ndim != b.ndim or a.shape != b.shape:
                    b = a + 1.0
                new = BINARY[which % len(BINARY)](a, b)
            elif kind == "dot":
                new = DOT[which % len(DOT)](a, b)
            else:
                family = {"shape": SHAPE, "reduce": REDUCE, "loop": LOOP}[kind]
                if a.ndim == 0 or min(a.shape) < 3:
                    a = values[0]
                new = family[which % len(family)](a)
            if new.size <= most:
                values.append(new)
        return sum(np.sum(np.tanh(v)) for v in values[2:])
    return f
