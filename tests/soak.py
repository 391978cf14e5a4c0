"""The long run: random programs, compiled against the evaluator, between guard pages.

    python -m tests.soak --programs 20000 [--seed 0] [--generator llvm]

Inputs come strided and with an offset, sometimes with infinities, nan and zeros of both signs planted, sometimes float32. Stops at the
first program that differs and prints how to run it again.
"""

from __future__ import annotations

import argparse
import random
import time
import warnings

import numpy as np

import autodiff as ad
from codegen.compile import compile_graph
from codegen.config import config
from tests import guard
from tests.programs import KINDS, build
from tracer.trace import evaluate, trace_flat
from tracer.tree import flatten
from tracer.types import type_of_value

PLANTED = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e300, 1e-310]


def layouts(x: np.ndarray, rnd: random.Random) -> np.ndarray:
    """The same numbers in another layout: every second element of a wider array, columns first, or at an odd offset."""
    how = rnd.randrange(4)
    if how == 1:
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    if how == 2:
        return np.asfortranarray(x)
    if how == 3:
        longer = np.zeros(x.size + 3, x.dtype)
        longer[3:] = x.ravel()
        return longer[3:].reshape(x.shape)
    return x


def one(seed: int) -> None:
    """One random program on random data."""
    rnd = random.Random(seed)
    steps = [(rnd.choice(KINDS), rnd.randrange(100), rnd.randrange(100), rnd.randrange(100)) for _ in range(rnd.randint(3, 14))]
    dtype = rnd.choice([np.float64, np.float64, np.float32])
    rng = np.random.default_rng(seed)
    rows, columns = rnd.choice([(3, 4), (3, 4), (5, 17), (4, 33), (3, 100)])
    x, y = rng.uniform(-1, 1, (rows, columns)).astype(dtype), rng.uniform(-1, 1, columns).astype(dtype)
    planted = rnd.random() < 0.2
    if planted:
        with np.errstate(all="ignore"):
            x.flat[rnd.randrange(x.size)] = rnd.choice(PLANTED)
    f = ad.value_and_grad(build(steps, most=40 * columns * rows), argnums=(0, 1))
    given = [layouts(x, rnd), layouts(y, rnd)]
    t = trace_flat(lambda *ts: flatten(f(*ts))[0], [type_of_value(a) for a in given])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        want = evaluate(t.graph, [x, y, *t.captured])
        kernel = compile_graph(t.graph)
        got = kernel.run(*given, *t.captured)
    tol = 1e-8 if dtype == np.float64 else 5e-3
    if planted and any(np.any(np.abs(w[np.isfinite(w)]) > np.float64(1e100)) for w in (np.asarray(w, np.float64) for w in want)):
        return  # differences of huge numbers are rounding and nothing else
    for w, g in zip(want, got, strict=True):
        w = np.asarray(w)
        assert w.dtype == g.dtype and w.shape == g.shape
        finite = np.abs(w[np.isfinite(w)])
        scale = float(finite.max()) if finite.size else 1.0
        if planted:  # overflow may set in an operation earlier or later: only where both are finite are numbers compared
            both = np.isfinite(w) & np.isfinite(g)
            assert np.array_equal(np.isnan(w), np.isnan(g)), "nan in other places"
            w, g = w[both], np.asarray(g)[both]
        np.testing.assert_allclose(g, w, rtol=tol, atol=tol * max(1.0, scale))
    if kernel.generator == "llvm" and guard.AVAILABLE:
        with guard.guarded_call(kernel, x, y, *t.captured) as (code, again):
            assert code == 0
            for g, a in zip(got, again, strict=True):
                np.testing.assert_array_equal(a, g)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--generator", default="llvm", choices=["llvm", "numba"])
    options = parser.parse_args()
    config.generator, config.cache = options.generator, False
    start = time.perf_counter()
    for k in range(options.programs):
        try:
            one(options.seed + k)
        except BaseException:
            print(f"seed {options.seed + k}: python -m tests.soak --programs 1 --seed {options.seed + k}", flush=True)
            raise
        if (k + 1) % 1000 == 0:
            print(f"{k + 1} programs, {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{options.programs} programs agree, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
