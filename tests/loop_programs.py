"""Random programs with loops, branches and writes in place, as source text, compared with NumPy: part of the suite and of the soak.

    python -m tests.loop_programs --programs 2000 --seed 0
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import autodiff as ad
from codegen.config import config
from tracer.trace import evaluate

N = 6
HEAD = """import numpy as np


def damped(v, w):
    if w > 0.3:
        v[0] = w
        return v * 0.9
    return v


def largest(v, start):
    best = start
    for e in v:
        if e > best:
            best = e
    return best


class Box:
    def __init__(self, value, vector):
        self.value, self.vector, self.count = value, vector, 0

    def take(self, v):
        self.value = 0.5 * self.value + v * 0.1
        if v > 0.4:
            self.count += 1
        return self.value

    def turn(self, w):
        self.vector = self.vector * w + 0.1
        self.vector[0] -= 0.1 * self.value


def program(x, y):
    n = x.shape[0]
    a = np.outer(x, y)
    b = x * 0.5
    s, t, k = 0.5, x[0], 0
    z = np.array([0.4, x[1]])
    box = Box(x[2], y * 0.5)
    d = {"p": 0.3, "q": x[1], "v": b * 1.0}
    m = 0.2
    log = [x[3]]

    def note(v):
        nonlocal m
        m = 0.6 * m + v * 0.2
"""


class Writer:
    """Writes statements; every name has one shape: x, y, b vectors of n, a an n by n matrix, z one of 2, s, t scalars, k an
    integer; box is an object, d a dict, log a list, and note a function that sets m."""

    def __init__(self, rnd: random.Random):
        self.rnd = rnd
        self.lines: list[str] = []
        self.loops = 0
        self.counters: list[str] = []

    def index(self) -> str:
        """A position in 0 .. n - 1."""
        r = self.rnd
        choices = [str(r.randrange(N)), str(-r.randrange(1, N + 1))]
        for c in self.counters:
            choices += [c, c, f"({c} + {r.randrange(1, 4)}) % n", f"n - 1 - {c}", f"{c} - 1"]
        return r.choice(choices)

    def part(self) -> str:
        """A slice of n numbers; it may move."""
        r = self.rnd
        bounds = ["", str(r.randrange(N)), str(-r.randrange(N)), *self.counters, *(f"{c} + 1" for c in self.counters)]
        return f"{r.choice(bounds)}:{r.choice(bounds)}"

    def scalar(self, depth: int = 0) -> str:
        """A number."""
        r = self.rnd
        if depth > 2 or r.random() < 0.3:
            return r.choice(["s", "t", "z[0]", "z[1]", "box.value", "d['q']", "m", "box.vector[1]", f"x[{self.index()}]", f"b[{self.index()}]", f"a[{self.index()}, {self.index()}]",
                             f"{r.uniform(-1, 1):.2f}", *self.counters])
        e, f = self.scalar(depth + 1), self.scalar(depth + 1)
        part = self.part()
        simple = [f"np.sum(b[{part}] * x[{part}])", f"len(b[{part}]) * {e} * 0.1", f"({e} + {f})", f"({e} - {f})", f"np.sin({e})", f"np.tanh({e} * {f})", f"({e} * {f}) / (1.0 + abs({f}))",
                  f"max({e}, {f} + 0.01)", f"float({e})"]
        if depth < 2 and r.random() < 0.4:
            return r.choice([f"({e} if {self.test()} else {f})", f"np.sum({self.vector(depth + 1)}) * 0.2",
                             f"{self.vector(depth + 1)} @ {self.vector(depth + 1)} * 0.1"])
        return r.choice(simple)

    def vector(self, depth: int = 0) -> str:
        """n numbers."""
        r = self.rnd
        if depth > 1 or r.random() < 0.4:
            return r.choice(["x", "y", "b", f"a[{self.index()}]", f"a[:, {self.index()}]", "b[::-1]"])
        return r.choice([f"({self.vector(depth + 1)} + {self.vector(depth + 1)})", f"np.sin({self.vector(depth + 1)})",
                         f"({self.vector(depth + 1)} * {self.scalar(2)})", f"np.where({self.vector(depth + 1)} > 0.1, {self.scalar(2)}, y)"])

    def test(self) -> str:
        """A condition."""
        r = self.rnd
        e = r.choice([f"{self.scalar(3)} > {r.uniform(-0.5, 0.5):.2f}", f"0.0 < {self.scalar(3)} < 1.5", f"k < {r.randrange(6)}",
                      f"{self.scalar(2)} < {self.scalar(3)} + 0.003"])
        return r.choice([e, e, f"not {e}", f"({e} and s < 2.0)", f"({e} or t > 0.7)"])

    def put(self, indent: int, line: str) -> None:
        """One line."""
        self.lines.append("    " * indent + line)

    def statement(self, indent: int, in_loop: bool) -> None:
        """One statement."""
        r = self.rnd
        kind = r.random()
        if kind < 0.10 and self.loops < 4 and indent < 4:
            self.loop(indent)
        elif kind < 0.25 and indent < 5:
            self.put(indent, f"if {self.test()}:")
            self.block(indent + 1, in_loop, r.randint(1, 2))
            if r.random() < 0.5:
                self.put(indent, "else:")
                self.block(indent + 1, in_loop, r.randint(1, 2))
        elif kind < 0.30 and in_loop:
            self.put(indent, f"if {self.test()}:")
            self.put(indent + 1, r.choice(["break", "continue", "continue"]))
        elif kind < 0.32:
            self.put(indent, f"if {self.test()}:")
            self.put(indent + 1, f"return {self.scalar()} + np.sum(a)")
        else:
            c = self.counters[-1] if self.counters else None
            choices = [f"s = {self.scalar()}", f"t = 0.5 * t + {self.scalar()} * 0.1", f"b[{self.index()}] = {self.scalar()}",
                       f"b[{self.index()}] += {self.scalar()} * 0.1", f"a[{self.index()}, {self.index()}] = {self.scalar()}",
                       f"a[{self.index()}] = 1.0 * {self.vector()}", f"a[:, {self.index()}] *= 0.9", f"b = {self.vector()} * 0.5",
                       f"b[1:-1] = 0.5 * (b[:-2] + {self.vector()}[2:])", "a[1:, :] += 0.1 * a[:-1, :]", "k += 1", f"b *= {self.scalar(2)}",
                       f"row = a[{self.index()}]\n{'    ' * indent}row[{self.index()}] = {self.scalar(1)}",
                       f"b[b > 0.4] = {self.scalar(2)}", "a, c = a * 0.9, a\n" + "    " * indent + "s = s + c[0, 1]", "b = b.copy()"]
            pad = "\n" + "    " * indent
            choices += [f"b[:] = 1.0 * {self.vector()}", "b[:] *= 0.8", f"b[...] = {self.scalar(1)}", f"a[:, :] += 0.1 * {self.vector(1)}",
                        f"b[::2] += {self.scalar(2)}", "np.multiply(b, 0.7, out=b)", f"b.fill({self.scalar(2)})", f"a[{self.index()}] += {self.vector(1)}",
                        f"p, q = {self.index()}, {self.index()}{pad}b[p], b[q] = b[q], b[p]", f"b = damped(b, {self.scalar(2)})",
                        f"s = s * 0.5 + largest({self.vector(1)}, {self.scalar(2)})", f"b[{self.part()}] *= 0.8",
                        f"for row in a:{pad}    row *= 0.9{pad}    s = s + row[1]", f"c = np.zeros(n){pad}c[1:] = b[:-1]{pad}b = b + 0.1 * c",
                        f"for p, (u, v) in enumerate(zip(x, b)):{pad}    t = 0.5 * t + u * v * 0.1", f"x[{self.index()}] = {self.scalar(1)}",
                        f"t = s if {self.test()} else t", f"b = a[{self.index()}]", f"c = a.T{pad}c[1] = {self.vector(1)}",
                        f"b = np.where({self.test()}, b, x)", f"z = np.array([z[1], np.tanh({self.scalar(2)})])",
                        f"z = np.array([{self.scalar(2)}, 0.5]) * 0.9", f"z = 0.5 * z + b[{r.randrange(3)}:{r.randrange(3)} + 2][:2].sum()",
                        f"z[{r.randrange(2)}] = {self.scalar(2)}", "z = z[::-1] * 0.7", f"z[k % 2] += {self.scalar(2)} * 0.1"]
            choices += [f"box.value = {self.scalar(2)}", "box.count += 1", f"s = 0.5 * s + box.take({self.scalar(2)})",
                        f"box.turn({self.scalar(2)} * 0.1)", f"d['p'] = {self.scalar(2)}", "d['q'] += 0.1 * d['p']",
                        f"d['v'] = 0.5 * {self.vector(1)} + d['v'] * 0.5", f"d['v'][{self.index()}] = {self.scalar(2)}", "b = d['v'] * 0.7",
                        f"note({self.scalar(2)})", f"note(m * 0.5){pad}t = 0.5 * t + m * 0.2", f"log.append({self.scalar(2)})",
                        "log.append(0.5 * log[-1])", "s = s * 0.5 + log[-1] * 0.1", f"log.append(s){pad}t = 0.5 * t + 0.1 * log[-1]",
                        f"w = 1.0 * {self.vector(1)}{pad}for _ in range(4):{pad}    w = w[1:] * 0.5 + w[:-1] * {self.scalar(2)}{pad}s = s + w[0]",
                        f"w = {self.vector(1)}[:1] * 1.0{pad}for _ in range(3):{pad}    w = np.append(w, w[-1] * 0.5 + {self.scalar(2)}){pad}"
                        "s = s + w[1] * w[3]",
                        f"for p in np.where({self.vector(1)} > 0.2)[0]:{pad}    b[p] = b[p] * 0.5 + 0.1",
                        f"s = s + 0.1 * np.sum(b[np.nonzero({self.vector(1)} > 0.3)])",
                        f"match k % 3:{pad}    case 0:{pad}        s = s * 0.5{pad}    case 1 | 2:{pad}        t = t * 0.5 + {self.scalar(2)}"]
            if c:
                choices += [f"s = s + a[{c}, :{c}] @ b[:{c}]", f"b[:{c}] += 0.1 * b[:{c}][::-1]", f"t = t + np.sum(b[{c}:]) * 0.1",
                            f"b[{c}] = np.tanh(b[{c} - 1] + x[{c}])", f"a[{c}, {c}:] -= 0.1 * a[0, {c}:]",
                            f"part = x[{c}:]{pad}part = part[:-1] * 1.1{pad}s = s + np.sum(part) / (1 + len(part))"]
            self.put(indent, r.choice(choices))

    def loop(self, indent: int) -> None:
        """A loop."""
        r = self.rnd
        self.loops += 1
        c = f"i{self.loops}"
        outer = self.counters[-1] if self.counters else None
        over = [f"for {c} in range(n)", f"for {c} in range({r.randrange(3)}, n)", f"for {c} in range(n - 1, 0, -{r.randint(1, 2)})",
                f"for {c}, v in enumerate(y)"]
        if outer:
            over += [f"for {c} in range({outer})", f"for {c} in range({outer} + 1, n)"]
        if r.random() < 0.2:
            self.put(indent, f"{c} = 0")
            self.put(indent, f"while {c} < n and {self.test()}:")
            self.put(indent + 1, f"{c} += 1")
            self.block(indent + 1, True, r.randint(1, 3))   # the counter may be n here: it is no index
            return
        self.put(indent, r.choice(over) + ":")
        self.counters.append(c)
        self.block(indent + 1, True, r.randint(1, 4))
        self.counters.pop()
        if r.random() < 0.1:
            self.put(indent, "else:")
            self.put(indent + 1, f"s = s + {self.scalar()} * 0.1")

    def block(self, indent: int, in_loop: bool, count: int) -> None:
        """Some statements."""
        for _ in range(count):
            self.statement(indent, in_loop)


def source(seed: int) -> str:
    """The text of one program."""
    w = Writer(random.Random(seed))
    w.block(1, False, 1)
    w.loop(1)
    w.block(1, False, w.rnd.randint(1, 3))
    return HEAD + "\n".join(w.lines) + """
    u = np.array(log)
    more = box.value + box.count + np.sum(box.vector) * 0.1 + d["p"] + d["q"] * 0.3 + np.sum(d["v"]) * 0.1 + m + np.sum(u * u) * 0.05
    return s + t + np.sum(b) + np.sum(a * a) * 0.1 + np.sum(z * z) * 0.1 + k + more
"""


def load(text: str, folder: Path, name: str):
    """The program, from a file: functions are captured from their source."""
    file = folder / f"{name}.py"
    file.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.program


def one(seed: int, folder: Path) -> str:
    """Compare one program in every way; what became of it."""
    f = load(source(seed), folder, f"program_{seed}")
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.1, 0.9, N), rng.uniform(0.1, 0.9, N)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        want = f(x.copy(), y.copy())
        jitted = ad.jit(ad.value_and_grad(f, argnums=(0, 1)))
        value, gradients = jitted(x, y)
        eager_value, eager = ad.value_and_grad(f, argnums=(0, 1))(x, y)
        rec = ad.jit(f).trace(x, y) if "path" not in jitted.why() else None
        if rec is not None and len(rec.inputs) > 2:
            rec = None      # it reads arrays of its own making from outside the graph
    np.testing.assert_allclose(value, want, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(eager_value, want, rtol=1e-9, atol=1e-9)
    for g, e in zip(gradients, eager, strict=True):
        if np.all(np.isfinite(e)):      # what overflows may be inf in one order of summation and nan in another
            np.testing.assert_allclose(g, e, rtol=1e-7, atol=1e-8)
    if rec is not None:
        np.testing.assert_allclose(evaluate(rec, [x, y])[0], want, rtol=1e-9, atol=1e-9)
    d, h = rng.normal(size=N), 1e-6
    with np.errstate(all="ignore"):
        near = [f(x + c * h * d, y + c * h * d) for c in (-2, -1, 1, 2)]
    slopes = [(near[2] - near[1]) / (2 * h), (near[3] - near[0]) / (4 * h)]
    if abs(slopes[0] - slopes[1]) < 1e-5 * (1 + abs(slopes[0])) and abs(slopes[0]) < 1e20:     # no step of a condition lies between
        np.testing.assert_allclose(sum(np.sum(g * d) for g in gradients), slopes[0], rtol=1e-4, atol=1e-5)
    return "path" if rec is None else "graph"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--go-on", action="store_true", help="count failures instead of stopping")
    options = parser.parse_args()
    config.cache, config.wait = False, True
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seed, options.seed + options.programs):
            try:
                how = one(seed, Path(folder))
            except Exception as e:
                print(f"seed {seed}: {type(e).__name__}: {str(e).strip().splitlines()[0]}", flush=True)
                if not options.go_on:
                    print(source(seed))
                    raise
                how = type(e).__name__
            counts[how] = counts.get(how, 0) + 1
    print(counts)


if __name__ == "__main__":
    sys.exit(main())
