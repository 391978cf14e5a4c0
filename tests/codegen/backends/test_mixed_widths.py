"""Kernels that mix element widths, at lengths around those of vector registers, for every register width that this machine has."""

import random

import numpy as np
import pytest

import autodiff as ad
from codegen import host
from codegen.backends.llvm.made import MixedTypesError
from codegen.backends.llvm.writer import Value, Writer
from codegen.compile import compile_graph
from tests import guard
from tracer.trace import evaluate

LENGTHS = (1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33)
DTYPES = ("f4", "f8", "i1", "i2", "i4", "i8", "?", "u1")
WIDTHS = [b for b in (16, 32, 64) if b <= host.vector_bytes()]


def program(seed: int):
    """Some sums and arrays made of two arrays of different dtypes, each of them read several times."""
    rnd = random.Random(seed)
    ways, kind, first = [rnd.randrange(9) for _ in range(2)], rnd.choice(["f4", "f8", "i4"]), rnd.random() < 0.7

    def term(x, y, how):
        if how < 3:
            return [x + y, x * y, x - y * 2][how]
        if how == 3:
            return np.where(x > y, x, y)
        if how == 4:
            return (x.astype(np.float64) - np.mean(x)) ** 2
        if how == 5:
            return x.astype(kind) + y
        if how == 6:
            return np.maximum(x, y) * np.float32(0.5)
        return np.abs(x) + x[::-1] if how == 7 else x * np.max(y)

    def f(x, y):
        a = term(x, y, ways[0])
        b = term(y, x, ways[1]) if first else term(a, y, ways[1])
        return a, np.sum(a * 1.5), np.sum(b), b.astype(np.float32) + np.sum(x)
    return f


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("seed", range(40))
def test_random_programs(width, seed, monkeypatch):
    monkeypatch.setattr(host, "vector_bytes", lambda: width)
    monkeypatch.setattr(ad.config, "cache", False)
    rng = np.random.default_rng(seed)
    rnd = random.Random(seed)
    kinds = rnd.sample(DTYPES, 2) if seed % 4 else ["f4", "i8"]
    f = program(seed)
    for n in rnd.sample(LENGTHS, 4):
        x, y = (rng.integers(0, 2, n).astype(k) if k == "?" else rng.uniform(1, 9, n).astype(k) for k in kinds)
        try:
            f(x, y)
        except TypeError:
            return      # NumPy subtracts no truth values
        jitted = ad.jit(f, wait=True)
        got = jitted(x, y)
        for g, w in zip(got, f(x, y), strict=True):
            assert g.dtype == w.dtype
            np.testing.assert_allclose(g, w, rtol=2e-6 if "f4" in (g.dtype.str[1:], *kinds) else 1e-12)
        graph = jitted.trace(x, y)
        kernel = compile_graph(graph)
        if kernel.generator == "llvm" and guard.AVAILABLE:
            with guard.guarded_call(kernel, x, y) as (code, again):
                assert code == 0
                for g, w in zip(again, evaluate(graph, [x, y]), strict=True):
                    np.testing.assert_allclose(g, w, rtol=2e-6)


def test_the_writer_refuses_to_mix():
    w = Writer(set(), True)
    four, eight = Value("%a", "double", 4), Value("%b", "double", 8)
    other, single = Value("%d", "double", 8), Value("%c", "float", 8)
    for write in (lambda: w.binary("fadd", four, eight), lambda: w.binary("fadd", eight, single), lambda: w.compare("fcmp olt", single, eight),
                  lambda: w.select(Value("%t", "i1", 4), eight, other), lambda: w.spread(four, 8), lambda: w.intrinsic("fma", eight, single, eight),
                  lambda: w.select(Value("%t", "i8", 8), eight, other)):
        with pytest.raises(MixedTypesError):
            write()
    w.at_level(0, "one place", "load <4 x double>, ptr %p", "double", 4)
    with pytest.raises(MixedTypesError):
        w.at_level(0, "one place", "load <8 x double>, ptr %p", "double", 8)
