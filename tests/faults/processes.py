"""Forks, threads and the end of the interpreter, while kernels are compiled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import autodiff as ad
from tests.faults.children import RIGHT, in_child, settings, worst
from tests.faults.disk import factor
from tests.faults.numbers import Programs

ROOT = Path(__file__).resolve().parents[2]
SHAPES = 59


def fork_while_compiling(rng: random.Random, folder: Path) -> str:
    """A process forks some times while another thread compiles; each child uses old kernels and makes new ones."""
    def parent() -> str:
        settings(str(folder) if rng.random() < 0.5 else None, wait=rng.random() < 0.5)
        old, stop = Programs(factor(rng)), threading.Event()
        old.check(lengths=(7,))

        def compile_on() -> None:
            others = random.Random(rng.random())
            while not stop.is_set():
                Programs(factor(others)).check(others, lengths=(7,))
        thread = threading.Thread(target=compile_on)
        thread.start()
        try:
            outcomes = []
            for _ in range(4):
                time.sleep(rng.uniform(0.0, 0.1))
                new = factor(rng)

                def child(new: float = new) -> None:
                    old.check(lengths=(7, 12))
                    Programs(new).check(lengths=(9,))
                outcomes.append(in_child(child, seconds=60))
        finally:
            stop.set()
            thread.join()
        old.check()
        return worst(outcomes)
    return in_child(parent, seconds=300)


def fork_after_compiling(rng: random.Random, folder: Path) -> str:
    """Kernels that are used in a child, in its child, and in the parent afterwards; with threads in some."""
    def parent() -> str:
        settings(wait=rng.random() < 0.5)
        old = Programs(factor(rng))
        old.check(rng)

        def child() -> str:
            old.check(rng)
            Programs(factor(rng)).check(rng)
            return in_child(lambda: old.check(lengths=(40, 13)), seconds=60)
        outcome = in_child(child, seconds=90)
        old.check(lengths=(7, 13))
        return outcome
    return in_child(parent, seconds=200)


def threads(rng: random.Random, folder: Path) -> str:
    """Eight threads, 59 lengths, one set of functions for all threads, both faces."""
    def work() -> None:
        settings(str(folder) if rng.random() < 0.5 else None, wait=rng.random() < 0.5)
        programs, k = Programs(factor(rng)), factor(rng)
        shared = ad.jit(ad.grad(lambda x: np.sum(x * x * x) * k))

        def one(seed: int) -> None:
            r = random.Random(seed)
            for n in r.sample(range(2, 2 + SHAPES), SHAPES):
                x = np.arange(1.0, n + 1)
                if not np.allclose(shared(x), 3 * k * x * x, rtol=1e-12):
                    raise AssertionError("wrong number")
                r.choice(programs.checks)(n)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, range(8)))
    outcome = in_child(work, seconds=300)
    return "wrong number" if outcome == "exception: AssertionError" else outcome


EXITS = """
import random, sys, time
import numpy as np
import autodiff as ad
ad.config.wait, ad.config.cache = False, False
rng = random.Random({seed})
def long(k):
    def f(x):
        for j in list(range(60)):
            x = np.sin(x) * 1.01 + k
        return np.sum(x)
    return f
x = np.linspace(0.0, 1.0, 30)
for k in range(rng.randint(1, 4)):
    want = long(k)(x)
    assert np.allclose(ad.jit(long(k))(x), want)
    if rng.random() < 0.5:
        for _ in range(4):
            t = ad.tensor(x, requires_grad=True)
            np.sum(np.sin(t) * k).backward()
            assert np.allclose(t.grad, np.cos(x) * k)
time.sleep(rng.choice([0.0, rng.uniform(0.0, 0.02), rng.uniform(0.0, 0.5)]))
way = rng.randrange(3)
if way == 1:
    sys.exit(0)
if way == 2:
    def last():
        assert np.allclose(ad.jit(long(9))(x), long(9)(x))
    import atexit
    atexit.register(last)
"""


def exit_while_compiling(rng: random.Random, folder: Path) -> str:
    """The interpreter ends at a random moment while the background compiles, in some trials with calls from `atexit`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", EXITS.format(seed=rng.randrange(10 ** 9))]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return "hangs"
    if done.returncode or done.stderr:
        return f"ends with {done.returncode}: {done.stderr[-300:]}"
    return RIGHT
