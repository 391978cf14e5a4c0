"""Random scripts of tensors against NumPy and forward mode.

A script makes tensors of tensors, takes views, writes to tensors and to plain operands in place, asks for values in the middle, drops
results, and calls `backward`. Beside each tensor stands its shadow: a plain array of its value and one of its tangent in a fixed direction,
computed at once; views of shadows are NumPy's views. The value of a tensor must be that of its shadow at any time, and the gradients,
multiplied by the direction, must be the tangent. A script is run several times with other numbers, so that its tapes come to be kernels.
"""

import numpy as np
import pytest

import autodiff as ad

UNARY = [np.sin, np.tanh, np.negative, np.square, np.cumsum, lambda x: x * 0.5, lambda x: 2 - x, lambda x: x ** 2, lambda x: x ** 3.0,
         lambda x: x / (1.5 + x * x), lambda x: np.exp(0.1 * x), lambda x: np.where(x > 0, x, 0.25 * x), lambda x: abs(x) + 1.0,
         lambda x: np.maximum(x, 0.1), lambda x: x - x.mean(), lambda x: np.clip(x, -0.7, 0.9), np.sort,
         lambda x: x.astype(np.float32).astype(np.float64), lambda x: np.concatenate([x[1:], x[:1]]), lambda x: x[[0] * len(x)],
         lambda x: np.roll(x, 1), lambda x: np.sum(x) * x, lambda x: (x.reshape(1, -1) * 2.0).reshape(-1), lambda x: np.linalg.norm(x) + x]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, lambda x, y: x / (2.0 + y * y), lambda x, y: np.where(x > y, x, y * 0.5),
          lambda x, y: (x @ y) * x, lambda x, y: np.stack([x, y]).sum(axis=0), lambda x, y: np.outer(x, y).mean(axis=1),
          lambda x, y: np.dot(x, y) + y]
N = 4


class Pair:
    """A tensor and its shadow."""

    def __init__(self, tensor, value, tangent, root=None):
        self.tensor, self.value, self.tangent = tensor, value, tangent
        self.root = root or self

    def check(self):
        np.testing.assert_allclose(np.asarray(self.tensor.detach()), self.value, rtol=1e-6, atol=1e-9)


def shadow(f, *pairs):
    return ad.jvp(f, tuple(np.array(p.value) for p in pairs), tuple(np.array(p.tangent) for p in pairs))


class Script:
    """`plan` decides what is done, `numbers` with which values: scripts of one plan have tapes of one key."""

    def __init__(self, plan, numbers):
        self.plan, self.numbers = plan, numbers
        self.leaves = [self.leaf() for _ in range(2)]
        self.pool = list(self.leaves)

    def leaf(self):
        value, tangent = self.numbers.normal(size=N), self.numbers.normal(size=N)
        return Pair(ad.tensor(value, requires_grad=True), value.copy(), tangent)

    def pick(self):
        return self.pool[self.plan.integers(len(self.pool))]

    def run(self, steps):
        for _ in range(steps):
            getattr(self, self.plan.choice(["unary", "unary", "binary", "binary", "plain", "number", "view", "write", "write_view", "ask",
                                            "drop", "detached"]))()

    def unary(self):
        f, x = UNARY[self.plan.integers(len(UNARY))], self.pick()
        self.pool.append(Pair(f(x.tensor), *map(np.array, shadow(f, x))))

    def binary(self):
        f, x, y = BINARY[self.plan.integers(len(BINARY))], self.pick(), self.pick()
        self.pool.append(Pair(f(x.tensor, y.tensor), *map(np.array, shadow(f, x, y))))

    def plain(self):
        """An operand that is written after the operation."""
        dtype = self.plan.choice([np.float64, np.float32, np.int64])
        data, x = (2 * self.numbers.normal(size=N)).astype(dtype), self.pick()
        f = [np.add, np.multiply, np.subtract][self.plan.integers(3)]
        left = self.plan.integers(2)

        def g(x):
            return f(data, x) if left else f(x, data)
        self.pool.append(Pair(g(x.tensor), *map(np.array, shadow(g, x))))
        data[...] = 77

    def number(self):
        x = self.pick()
        number = self.plan.choice([float, int])(1 + 3 * self.numbers.random())
        self.pool.append(Pair(number * x.tensor - number, number * x.value - number, number * x.tangent))

    def view(self):
        x = self.pick()
        if x.value.shape == (N,):
            self.pool.append(Pair(x.tensor[::-1], x.value[::-1], x.tangent[::-1], x.root))

    def target(self):
        x = self.pick()
        return None if x.root in self.leaves else x

    def write(self):
        x, y = self.target(), self.pick()
        if x is not None:
            i = int(self.plan.integers(N))
            number = self.numbers.normal()
            kind = self.plan.integers(3)
            if kind == 0:
                x.tensor[i] = number
                x.value[i], x.tangent[i] = number, 0
            elif kind == 1:
                x.tensor[i] = y.tensor[i] * 2.0
                x.value[i], x.tangent[i] = y.value[i] * 2.0, y.tangent[i] * 2.0
            else:
                x.tensor *= 0.5
                x.value *= 0.5
                x.tangent *= 0.5

    def write_view(self):
        x = self.target()
        if x is not None:
            v = x.tensor[1:3]
            v += 1.0
            v[0] = 0.25
            x.value[1:3] += 1.0
            x.value[1], x.tangent[1] = 0.25, 0

    def ask(self):
        self.pick().check()

    def drop(self):
        if len(self.pool) > 3:
            self.pool.pop(int(self.plan.integers(2, len(self.pool))))

    def detached(self):
        x = self.pick()
        self.pool.append(Pair(x.tensor.detach() * 2.0, x.value * 2.0, np.zeros(N)))

    def finish(self):
        results = self.pool[-2:]
        loss, tangent, before = 0.0, 0.0, len(results)
        for p in results:
            loss = loss + np.sum(p.tensor * p.tensor)
            tangent += 2 * np.sum(p.value * p.tangent)
        twice = bool(self.plan.integers(2))
        if loss.requires_grad:
            loss.backward(retain_graph=twice)
            if twice:
                loss.backward()
            got = sum(np.sum(p.tensor.grad.detach().numpy() * p.tangent) for p in self.leaves if p.tensor.grad is not None)
            np.testing.assert_allclose(got, (1 + twice) * tangent, rtol=1e-5, atol=1e-7)
        else:
            assert tangent == 0
        for p in self.pool:
            p.check()
        assert before == len(results)
        for p in self.leaves:       # a step of descent, in the memory of the leaf
            before = p.tensor.detach().numpy().copy()
            with ad.no_grad():
                p.tensor -= 0.5
            np.testing.assert_array_equal(p.tensor.detach().numpy(), before - 0.5)
        for p in self.pool[2:]:
            if p.root not in self.leaves:
                p.check()


@pytest.mark.parametrize("seed", range(150))
def test_scripts(seed):
    for numbers in range(5):
        script = Script(np.random.default_rng(seed), np.random.default_rng(1000 * seed + numbers))
        script.run(14)
        script.finish()
