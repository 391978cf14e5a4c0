"""The figures beside the board: starting, compiling, calling, loops, matrix products, memory, elementary functions.

    python -m bench.figures --json bench/figures.json       measure and store (about five minutes)
    python -m bench.figures --readme                        put the stored figures into the README

What is said of a process is measured in a fresh one, bytecode caches filled, as users have them.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STORED = ROOT / "bench" / "figures.json"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"

CHAIN = """
def f(np, x):
    return np.sum(np.tanh(x) * np.exp(-x**2) + np.log1p(x**2) * np.sin(x))
def rosenbrock(np, x):
    return np.sum(100.0 * (x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)
"""
OURS = """
import time; start = time.perf_counter()
import numpy as np
import autodiff as ad
ad.config.wait = True
make = lambda f: ad.jit(ad.value_and_grad(lambda x: f(np, x)))
done = lambda y: y
"""
JAX = """
import time; start = time.perf_counter()
import numpy as np
import jax
jax.config.update("jax_enable_x64", True)
make = lambda f: jax.jit(jax.value_and_grad(lambda x: f(jax.numpy, x)))
done = jax.block_until_ready
"""
TORCH = """
import time; start = time.perf_counter()
import numpy as np
import torch
def make(f):
    def call(x):
        x = torch.from_numpy(x).requires_grad_()
        y = f(torch, x)
        return y.detach().numpy(), torch.autograd.grad(y, x)[0].numpy()
    return call
done = lambda y: y
"""
FIRST = "x = np.linspace(0.01, 3, 1000)\ndone(make(f)(x))\nprint(time.perf_counter() - start)\n"
AFTER = """x = np.linspace(0.01, 3, 1000)
done(make(rosenbrock)(x))
start = time.perf_counter(); done(make(f)(x)); print(time.perf_counter() - start)
"""
SHAPES = """import resource
g = make(rosenbrock); done(g(np.ones(500))); done(g(np.ones(501)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
for n in range(600, 800): done(g(np.linspace(0, 1, n)))
print(time.perf_counter() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
LINES = """lines = ["def body(np, x):", "    y = x"]
lines += [f"    y = np.sin(y) * {1 + k / 1e4} + x" for k in range(1600)] + ["    return np.sum(y)"]
space = {}; exec("\\n".join(lines), space)
done(make(rosenbrock)(np.ones(100)))
start = time.perf_counter(); done(make(space["body"])(np.linspace(0, 1, 100))); print(time.perf_counter() - start)
"""
LATER = """
def more(np, x, k):
    for i in range(k): x = np.tanh(x) * 0.5 + i
    return np.sum(x * x)
first, second = make(f), make(rosenbrock)
others = [ad.jit(ad.grad(lambda x, k=k: more(np, x, k))) for k in (2, 3, 4)]
x = np.linspace(0.01, 3, 1000)
start = time.perf_counter(); first(x); middle = time.perf_counter(); second(x)
for g in others: g(x)
print(middle - start, (time.perf_counter() - middle) / 4)
"""
CALLS = """
def best(g, *args):
    g(*args); times = []
    for _ in range(15):
        n = 2000; t = time.perf_counter()
        for _ in range(n): g(*args)
        times.append((time.perf_counter() - t) / n)
    return sorted(times)[len(times) // 2]
x = np.linspace(0.1, 1, 10); g = make(rosenbrock); h = lambda x: done(g(x))
tree = {f"p{k}": np.linspace(0.1, 1, 4) for k in range(10)}
"""
CALLS_OURS = CALLS + """
d = ad.jit(ad.value_and_grad(lambda p: sum(np.sum(v * v) for v in p.values())))
print(best(g, x), best(d, tree), best(g.bind(x)), best(g.bind(x, reuse=True)))
"""
CALLS_JAX = CALLS + """
d = jax.jit(jax.value_and_grad(lambda p: sum(jax.numpy.sum(v * v) for v in p.values())))
print(best(h, x), best(lambda p: done(d(p)), tree))
"""
INTEROP = """
import numba
from scipy.integrate import quad
s = ad.jit(lambda a: a * a + 1.0); slope = ad.jit(ad.grad(lambda a: np.exp(-a * a)))
@numba.njit
def total(n):
    t = 0.0
    for i in range(n): t += s(i * 1e-6)
    return t
@numba.njit
def plain(n):
    t = 0.0
    for i in range(n): t += (i * 1e-6) * (i * 1e-6) + 1.0
    return t
def timed(g):
    g(10); best = 1e9
    for _ in range(7):
        t = time.perf_counter(); g(1_000_000); best = min(best, time.perf_counter() - t)
    return best * 1e-6
c = ad.c_function(slope, 0.0).low_level_callable()
def q(): return quad(c, 0, 3, epsabs=0, epsrel=1e-12)
q(); t = time.perf_counter()
for _ in range(200): y = q()
print(timed(total) - timed(plain), (time.perf_counter() - t) / 200, y[0])
"""


class _NotInstalled(RuntimeError):
    """A peer that this environment does not have."""


class _Machine:
    """Fresh processes with a bytecode cache of their own."""

    def __init__(self, folder: str):
        self.env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.env |= {"PYTHONPYCACHEPREFIX": os.path.join(folder, "bytecode"), "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu",
                     "AUTODIFF_CACHE_DIR": os.path.join(folder, "kernels")}
        self.folder = folder

    def run(self, text: str, **env: str) -> list[float]:
        """The numbers that a program prints."""
        done = subprocess.run([sys.executable, "-c", CHAIN + text], env=self.env | env, capture_output=True, text=True, cwd=ROOT,
                              timeout=600)
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1]
            if said in (f"ModuleNotFoundError: No module named {peer!r}" for peer in ("jax", "torch")):
                raise _NotInstalled(said)
            raise RuntimeError(said)
        return [float(v) for v in done.stdout.split()]

    def median(self, text: str, times: int = 5, fresh_kernels: bool = False, **env: str) -> list[float]:
        """Medians over several processes, the first one left out; None for a peer that is not installed."""
        runs = []
        for k in range(times + 1):
            if fresh_kernels:
                env["AUTODIFF_CACHE_DIR"] = os.path.join(self.folder, f"kernels{time.perf_counter_ns()}")
            try:
                found = self.run(text, **env)
            except _NotInstalled:
                return [None] * 8       # type: ignore[list-item]
            if k:
                runs.append(found)
        return [statistics.median(column) for column in zip(*runs, strict=True)]


def starting(m: _Machine) -> list[dict]:
    """Imports, cold processes, compiling, new shapes."""
    def imported(name: str) -> float:
        code = f"import time; t = time.perf_counter()\nimport {name}\nprint(time.perf_counter() - t)"
        return m.median(code)[0]
    alive = m.run("import autodiff as ad, threading, sys\nad.jit(ad.grad(abs))\n"
                  "print(threading.active_count(), int('numba' in sys.modules))")
    loaded = f"{alive[0]:.0f} thread alive, Numba {'imported' if alive[1] else 'not imported'}"

    def made(what: str) -> float:
        return m.median(f"import time; t = time.perf_counter()\n{what}\nprint(time.perf_counter() - t)")[0]
    # A name of autodiff's brings what it needs when it is first used: the import alone would compare nothing with something.
    rows = [{"what": f"import, NumPy included, and `jit(grad(f))` made ({loaded})", "unit": "s",
             "autodiff": made("import numpy, autodiff as ad\nad.jit(ad.grad(abs))"), "jax": made("import jax\njax.jit(jax.grad(abs))"),
             "torch": imported("torch")},
            {"what": "cold process to the first gradient of the chain, n = 1000, no kernel on disk", "unit": "s",
             "autodiff": m.median(OURS + FIRST, fresh_kernels=True)[0],
             "jax": m.median(JAX + FIRST)[0], "torch": m.median(TORCH + FIRST)[0]},
            {"what": "the same, kernels on disk", "unit": "s", "autodiff": m.median(OURS + FIRST)[0]},
            {"what": "compile the chain's gradient, traced and differentiated, no kernel on disk", "unit": "s",
             "autodiff": m.median(OURS + AFTER, AUTODIFF_CACHE="0")[0], "jax": m.median(JAX + AFTER)[0]},
            {"what": "the same from disk, in another process", "unit": "s", "autodiff": m.median(OURS + AFTER)[0]}]
    later = m.median(OURS + LATER)
    rows += [{"what": "first call in a later process, kernels on disk: of the first function", "unit": "s", "autodiff": later[0]},
             {"what": "of each further function", "unit": "s", "autodiff": later[1]}]
    ours, jax = m.median(OURS + SHAPES, 3), m.median(JAX + SHAPES, 1)
    rows += [{"what": "200 new shapes of Rosenbrock's function", "unit": "s", "autodiff": ours[0], "jax": jax[0]},
             {"what": "memory for them", "unit": "MB", "autodiff": ours[1], "jax": jax[1]},
             {"what": "compile the gradient of 1600 straight-line statements", "unit": "s",
              "autodiff": m.median(OURS + LINES, 3, AUTODIFF_CACHE="0")[0], "jax": m.median(JAX + LINES, 1)[0]},
             {"what": "their first call, which does not wait for the kernel", "unit": "s",
              "autodiff": m.median(OURS.replace("ad.config.wait = True\n", "") + LINES, 3, AUTODIFF_CACHE="0")[0]},
             {"what": "the same in a later process, kernel on disk", "unit": "s", "autodiff": m.median(OURS + LINES, 3)[0]}]
    return rows


def calls(m: _Machine) -> list[dict]:
    """Calls from Python, Numba and C."""
    ours, jax, inside = m.median(OURS + CALLS_OURS, 3), m.median(JAX + CALLS_JAX, 3), m.median(OURS + INTEROP, 3)
    return [{"what": "value and gradient of Rosenbrock's function, n = 10", "unit": "s", "autodiff": ours[0], "jax": jax[0]},
            {"what": "value and gradient by a dict of 10 arrays of 4", "unit": "s", "autodiff": ours[1], "jax": jax[1]},
            {"what": "the first, bound to its argument", "unit": "s", "autodiff": ours[2]},
            {"what": "bound, the same result arrays at every call", "unit": "s", "autodiff": ours[3]},
            {"what": "a function of a number called in Numba code, above the same inlined", "unit": "s", "autodiff": inside[0]},
            {"what": "scipy.integrate.quad over a compiled derivative, the whole integral", "unit": "s", "autodiff": inside[1]}]


def loops() -> list[dict]:
    """What `bench.loops` measures, a process each; Numba's generator where it tells something."""
    def run(name: str, **env: str) -> list[float]:
        done = subprocess.run([sys.executable, "-m", "bench.loops", name], env=os.environ | env, capture_output=True, text=True, cwd=ROOT,
                              timeout=600)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        return [float(v) for v in done.stdout.split()]
    book, stored, within = run("textbook"), run("stored"), run("budgeted")
    rows = [{"what": "the textbook's `while` and `if`, 1000 numbers, forward", "unit": "s", "autodiff": book[0]},
            {"what": "value and gradient of it", "unit": "s", "autodiff": book[1]},
            {"what": "kernels for ten trip counts", "unit": "", "autodiff": book[2]},
            {"what": "a step of 1000 numbers reversed, 2e4 steps, all of them kept", "unit": "s", "autodiff": stored[0]},
            {"what": "a step of 1000 numbers reversed, 1e6 steps within 200 MB", "unit": "s", "autodiff": within[0]},
            {"what": "the largest memory of that process", "unit": "MB", "autodiff": within[1]}]
    ours, numba = run("writes"), run("writes", AUTODIFF_GENERATOR="numba")
    for n, a, b in zip(("1e3", "1e4", "1e5"), ours, numba, strict=True):
        rows.append({"what": f"a step that writes one of {n} numbers, value and gradient", "unit": "s", "autodiff": a,
                     "numba generator": b})
    return rows


def _best(f: Callable, seconds: float = 0.25) -> float:
    f()
    start = time.perf_counter()
    f()
    once = max(time.perf_counter() - start, 1e-7)
    inner, times = max(1, int(2e-4 / once)), []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        for _ in range(inner):
            f()
        times.append((time.perf_counter() - start) / inner)
    return statistics.median(times)


def products() -> list[dict]:
    """Matrix products, one thread, GFLOP/s: called from Python, and the bare kernel."""
    import jax
    import numpy as np

    import autodiff as ad
    from codegen.runtime.gemm import gemm_address
    pointer, i64, i32 = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    rows = []
    for dtype, short in ((np.float64, "f64"), (np.float32, "f32")):
        bare = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, i64, i64, i64, i32, i32, i32, i64)(gemm_address(f"ad_gemm_{short}"))
        ours, theirs = ad.jit(lambda a, b: a @ b), jax.jit(lambda a, b: a @ b)
        for n in (8, 16, 32, 48, 64, 96, 100, 128, 192, 256, 384, 512, 768, 1024, 2048):
            a, b = np.random.default_rng(n).normal(size=(2, n, n)).astype(dtype)
            c = np.empty_like(a)
            at = (a.ctypes.data, b.ctypes.data, c.ctypes.data)
            empty = _best(lambda at=at, bare=bare: bare(*at, 0, 0, 0, 0, 0, 0, 1), 0.05)  # noqa: B023
            times = {"autodiff": _best(lambda: ours(a, b)),  # noqa: B023
                     "kernel": max(_best(lambda at=at, n=n, bare=bare: bare(*at, n, n, n, 0, 0, 0, 1)) - empty, 1e-9),
                     "numpy": _best(lambda: np.matmul(a, b, out=c)),  # noqa: B023
                     "jax": _best(lambda: jax.block_until_ready(theirs(a, b)))}  # noqa: B023
            assert np.allclose(c, ours(a, b), rtol=1e-3, atol=1e-3)
            rows.append({"what": f"{n} × {n}, {dtype.__name__}", "unit": "GFLOP/s", **{k: 2e-9 * n**3 / t for k, t in times.items()}})
    return rows


def memory() -> list[dict]:
    """Maps and sums, one thread, GB/s; `limit` is the best plain loop of the machine in the same run."""
    import numba
    import numpy as np

    import autodiff as ad

    @numba.njit(fastmath=True)
    def total(x):
        s = 0.0
        for i in range(x.size):
            s += x[i]
        return s

    @numba.njit
    def double(x, out):
        for i in range(x.size):
            out[i] = x[i] * 2

    @numba.njit
    def add(x, y, out):
        for i in range(x.size):
            out[i] = x[i] + y[i]
    rows = []
    for n, name in ((1 << 15, "32 Ki"), (1 << 20, "1 Mi"), (1 << 24, "16 Mi")):
        x, y, out = np.ones(n), np.ones(n), np.empty(n)
        cases: list[tuple[str, Any, Any, Any, int, tuple]] = [
            ("sum(x)", ad.jit(np.sum), lambda x: np.sum(x), lambda: total(x), 1, (x,)),  # noqa: B023
            ("sum(x x)", ad.jit(lambda x: np.sum(x * x)), lambda x: np.sum(x * x), lambda: total(x), 1, (x,)),  # noqa: B023
            ("2 x", ad.jit(lambda x: x * 2), lambda x: np.multiply(x, 2, out=out), lambda: double(x, out), 2, (x,)),  # noqa: B023
            ("x + y", ad.jit(lambda x, y: x + y), lambda x, y: np.add(x, y, out=out), lambda: add(x, y, out), 3, (x, y))]  # noqa: B023
        for what, ours, plain, loop, streams, args in cases:
            size = 8e-9 * n * streams
            mine = size / _best(lambda: ours(*args))  # noqa: B023
            numpy_ = size / _best(lambda: plain(*args))  # noqa: B023
            rows.append({"what": f"{what}, {name} float64", "unit": "GB/s", "autodiff": mine, "numpy": numpy_,
                         "limit": max(size / _best(loop), numpy_)})
    return rows


def functions() -> list[dict]:
    """Elementary functions of 1 Mi float64 numbers, one thread, ns an element."""
    import jax
    import numpy as np
    import scipy.special

    import autodiff as ad
    import autodiff.numpy as anp
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.05, 0.95, 1 << 20), rng.uniform(0.5, 2.0, 1 << 20)
    rows = []
    for name in ("exp", "log", "log1p", "expm1", "tanh", "sin", "cos", "tan", "arctan", "arcsin", "sinh", "cbrt", "sqrt", "power", "hypot"):
        args = (x, y) if name in ("power", "hypot") else (x,)
        ours, theirs, plain = ad.jit(getattr(np, name)), jax.jit(getattr(jax.numpy, name)), getattr(np, name)
        rows.append((name, ours, theirs, plain, args))
    rows.append(("erf", ad.jit(anp.erf), jax.jit(jax.scipy.special.erf), scipy.special.erf, (x,)))
    out = []
    for name, ours, theirs, plain, args in rows:
        assert np.allclose(ours(*args), plain(*args), rtol=1e-13)
        out.append({"what": name, "unit": "ns", "autodiff": 1e9 * _best(lambda: ours(*args)) / x.size,  # noqa: B023
                    "numpy": 1e9 * _best(lambda: plain(*args)) / x.size,  # noqa: B023
                    "jax": 1e9 * _best(lambda: jax.block_until_ready(theirs(*args))) / x.size})  # noqa: B023
    return out


SECTIONS = {"starting": "Starting and compiling", "calls": "Calls", "loops": "Loops", "products": "Matrix products, one thread",
            "memory": "Maps and sums, one thread", "functions": "Elementary functions, 1 Mi float64, one thread"}


def measure() -> dict[str, Any]:
    """All figures."""
    from bench.machine import describe, hold
    hold(1)
    with tempfile.TemporaryDirectory() as folder:
        m = _Machine(folder)
        found: dict[str, Any] = {"starting": starting(m), "calls": calls(m), "loops": loops()}
    import jax

    import autodiff as ad
    jax.config.update("jax_enable_x64", True)
    ad.config.wait = True
    for name, section in (("products", products), ("memory", memory), ("functions", functions)):
        found[name] = section()
    return {"machine": describe(), **found}


def show(value: float | None, unit: str) -> str:
    """One figure."""
    if value is None:
        return "–"
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")):
            if value * factor >= 1 or name == "ns":
                return f"{value * factor:.3g} {name}"
    return f"{value:.3g}"


def markdown(found: dict[str, Any]) -> str:
    """The figures as tables."""
    parts = []
    for key, title in SECTIONS.items():
        rows = found.get(key) or []
        columns = list(dict.fromkeys(c for row in rows for c in row if c not in ("what", "unit")))
        unit = {row["unit"] for row in rows}
        head = title + (f" ({unit.pop()})" if len(unit) == 1 and "s" not in unit else "")
        lines = [f"**{head}**", "", "| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
        for row in rows:
            label = row["what"] + (f", {row['unit']}" if row["unit"] == "MB" else "")
            lines.append(f"| {label} | " + " | ".join(show(row.get(c), row["unit"]) for c in columns) + " |")
        parts.append("\n".join(lines))
    m = found["machine"]
    parts.append(f"{m['processor']}, {m['cores']} cores, {m['system']}, Python {m['python']}; {m['date']}. "
                 "A process is pinned to one core; medians.")
    return "\n\n".join(parts)


def rewrite_readme(found: dict[str, Any], readme: Path) -> None:
    """Put the tables between the markers."""
    text = readme.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    readme.write_text(f"{head}{BEGIN}\n{markdown(found)}\n{END}{tail}", encoding="utf-8")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.figures", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures; with --readme read them")
    parser.add_argument("--readme", action="store_true", help="put the stored figures into the README")
    options = parser.parse_args()
    if options.readme:
        rewrite_readme(json.loads((options.json or STORED).read_text(encoding="utf-8")), ROOT / "README.md")
        return 0
    found = measure()
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(markdown(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
