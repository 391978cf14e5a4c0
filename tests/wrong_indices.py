"""Random programs given indices of which some are out of range: every transform raises IndexError where NumPy does, and touches no other memory.

    python -m tests.wrong_indices --draws 10000 --seed 0

Kernels run between guard pages (tests/guard.py): an access outside a buffer kills the process. A program reads and writes by scalars, by arrays
of one and two axes, in loops and branches, and some of what it reads is used by nobody.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import autodiff as ad
from codegen.compile import compile_graph
from codegen.config import config
from tests import guard
from tests.loop_programs import load
from tracer.trace import evaluate
from tracer.tree import flatten

N, M, P = 5, 3, 4
"""Shapes: x (N,), a (N, M), k (P,) positions in N, q (P, M) positions in N, i and j positions in N and M."""

STATEMENTS = [
    "s = s + np.sum(x[k])",
    "s = s + x[i] * a[i, j]",
    "dead = x[k] * 2.0",
    "dead = a[k, j]",
    "s = s + np.sum(a[k] * w)",
    "s = s + np.sum(a[k, j] ** 2)",
    "s = s + np.sum(a[i])",
    "s = s + np.sum(a[:, j] * x)",
    "s = s + np.sum(np.take(x, k) * x[1:])",
    "s = s + np.sum(np.take(a, k, axis=0))",
    "s = s + np.sum(np.take_along_axis(a, q, 0) ** 2)",
    "s = s + np.sum(x[q])",
    "s = s + np.sum(x[::-1][k])",
    "s = s + np.sum(x[1:][k])",
    "s = s + np.sum(x[k[k % 4]])",
    "y[k] = x[:4] * 2.0",
    "y[k] = s",
    "y[i] = x[j] * s",
    "y[k] += x[1:]",
    "y[k] *= 0.5",
    "y[::2][i % 3] = s",
    "np.add.at(y, k, x[:4])",
    "np.add.at(y, i, s)",
    "b[k, j] = x[:4]",
    "b[i] = x[:3]",
    "b[k] = w * s",
    "b[q, j] = 1.5 * s",
    "y = y.copy(); y[k] = x[k]",
    "u = np.where(x[k] > 0, x[k], 0.0); s = s + np.sum(u)",
]
BODIES = ["s = s + x[k[t]] * 0.5", "y[k[t]] = s * 0.3", "s = s + y[k[t] - 1]", "dead = x[k[t]]", "y[k[t]] += x[t]", "b[k[t], j] = x[t]",
          "s = s + np.sum(a[k[t]])", "s = s + x[i - t]", "y[i - t] = x[t]", "s = s + a[k[t], t % 3]", "z[t] = x[k[t]]"]


def source(seed: int) -> str:
    """The text of one program."""
    rnd = random.Random(seed)
    lines = ["import numpy as np", "", "", "def program(x, a, k, q, i, j):", "    s, y, b, z, w = 0.5, x * 0.3, a * 0.1, np.zeros(4), a[0]"]
    for _ in range(rnd.randint(1, 3)):
        how = rnd.random()
        if how < 0.55:
            lines += [f"    {part}" for part in rnd.choice(STATEMENTS).split("; ")]
        elif how < 0.85:
            lines.append("    for t in range(4):")
            body = [f"        {line}" for line in rnd.sample(BODIES, rnd.randint(1, 2))]
            if rnd.random() < 0.3:
                body = ["        if x[t] > 0.5:", *[f"    {line}" for line in body]]
            lines += body
        else:
            lines += ["    if s + x[0] > 0.7:", *[f"        {part}" for part in rnd.choice(STATEMENTS[:25]).split("; ")]]
    return "\n".join([*lines, "    return s + np.sum(y * y) + np.sum(b) * 0.7 + np.sum(z * z)", ""])


TRANSFORMS = {
    "value": lambda f: f,
    "grad": lambda f: ad.grad(f, argnums=(0, 1)),
    "value_and_grad": lambda f: ad.value_and_grad(f, argnums=(0, 1)),
    "jacfwd": lambda f: ad.jacfwd(f, argnums=0),
    "grad of grad": lambda f: ad.grad(lambda x, *rest: np.sum(ad.grad(f)(x, *rest) ** 2)),
    "vmap": lambda f: ad.vmap(lambda x, a, k, q, i, j: ad.grad(f)(x, a, k, q, i, j), in_axes=(None, None, 0, None, 0, None)),
    "checkpoint": lambda f: ad.grad(ad.checkpoint(f)),
}


def positions(rng: np.random.Generator, n: int, shape, wrong: float):
    """Indices of an axis of length n, counted from the start or the end; some are out of range with the probability `wrong`."""
    k = rng.integers(-n, n, shape)
    if rng.random() < wrong:
        k = np.array(k)
        k.flat[rng.integers(k.size)] = rng.choice([n, -n - 1, n + 1, 10**8, -10**8, 2**62, -2**62, n + 7])
    return np.asarray(k, np.int64)[()]


def one(seed: int, folder: Path, draws: int, generator: str = "llvm") -> tuple[int, int]:
    """Compare one program under one transform for several draws of indices; how many, and how many of them were wrong."""
    f = load(source(seed), folder, f"indices_{seed}")
    rng = np.random.default_rng(seed)
    names = list(TRANSFORMS)
    name = names[seed % len(names)]
    transform = TRANSFORMS[name]
    lanes = (2,) if name == "vmap" else ()

    def data(wrong: float) -> list:
        return [rng.uniform(0.1, 0.9, N), rng.uniform(0.1, 0.9, (N, M)), positions(rng, N, (*lanes, P), wrong), positions(rng, N, (P, M), wrong),
                positions(rng, N, lanes, wrong), positions(rng, M, (), wrong)]
    jitted = ad.jit(transform(f), wait=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        outcome(lambda: jitted(*data(0.0)))
        if "path" in jitted.why():
            return 0, 0
        graph = jitted.trace(*data(0.0))
    kernel = compile_graph(graph, generator=generator)
    outside = 0
    for _ in range(draws):
        args = data(0.25)
        try:
            for lane in range(2 if lanes else 1):
                f(args[0], args[1], args[2][lane] if lanes else args[2], args[3], args[4][lane] if lanes else args[4], args[5])
            raises = False
        except IndexError:
            raises, outside = True, outside + 1
        check(kernel, graph, jitted, args, raises, f"indices_{seed}.py")
    return draws, outside


def check(kernel, graph, jitted, args, raises: bool, file: str) -> None:
    """One call between guard pages, one through the evaluator, and one as users call."""
    leaves = flatten(tuple(args))[0]
    if kernel.generator == "llvm" and guard.AVAILABLE:
        with guard.guarded_call(kernel, *leaves) as (code, out):
            assert (code > 0) == raises, f"code {code}, NumPy {'raises' if raises else 'does not'}"
    else:
        out = outcome(lambda: kernel.run(*leaves))
        assert isinstance(out, IndexError) == raises, f"{out}, NumPy {'raises' if raises else 'does not'}"
    want = outcome(lambda: evaluate(graph, leaves))
    got = outcome(lambda: jitted(*args))
    for error in (want, got):
        assert isinstance(error, IndexError) == raises, f"{error!r}, NumPy {'raises' if raises else 'does not'}"
        assert not raises or f"({file}:" in str(error), f"no line of the user: {error}"
    if not raises:
        for g, h, w in zip(out, flatten(got)[0], want, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(h, w, rtol=1e-9, atol=1e-12)


def outcome(call):
    """The result of a call, or the IndexError that it raised."""
    try:
        return call()
    except IndexError as e:
        return e


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=10000, help="how many draws of indices that are out of range")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=20, help="draws for one program")
    parser.add_argument("--generator", default="llvm", choices=["llvm", "numba"])
    options = parser.parse_args()
    config.cache, config.wait = False, True
    config.generator = options.generator
    start, seed, drawn, wrong, programs = time.perf_counter(), options.seed, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        while wrong < options.draws:
            try:
                count, outside = one(seed, Path(folder), options.each, options.generator)
            except BaseException:
                print(f"seed {seed}, {list(TRANSFORMS)[seed % len(TRANSFORMS)]}\n{source(seed)}", flush=True)
                raise
            drawn, wrong, programs, seed = drawn + count, wrong + outside, programs + (count > 0), seed + 1
    print(f"{programs} programs, {drawn} draws, {wrong} of them out of range: all agree, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
