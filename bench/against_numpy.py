"""Compiled functions against NumPy's own calls, forward: 80 functions of arrays of 100, 10,000 and 1,000,000 numbers.

    python -m bench.against_numpy [--readme] [--only NAME ...]

Both compute the same numbers, checked first; then they are timed in turns, in one process, on one thread, and the medians compared. A
compiled function that is slower than NumPy stands in the text with its ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
from bench import machine

SIZES = (100, 10_000, 1_000_000)
ROUNDS = {100: 25, 10_000: 15, 1_000_000: 9}
SAMPLE = 1e-3
"""Seconds for which a call is repeated."""
README = Path(__file__).resolve().parent.parent / "README.md"
RESULTS = Path(__file__).with_name("against_numpy.json")

UNARY = ("sin cos tan arcsin arctan sinh tanh exp exp2 expm1 log log2 log10 log1p sqrt cbrt square abs floor rint sign "
         "reciprocal isfinite degrees").split()
BINARY = "add subtract multiply divide power maximum minimum hypot arctan2 fmod floor_divide copysign logaddexp greater".split()


def functions() -> dict[str, Callable]:
    """The functions by name. They get two arrays of floats from 0 to 1, whole numbers below 1000, and a matrix of 100 columns."""
    found: dict[str, Callable] = {name: lambda x, y, k, m, name=name: getattr(np, name)(x) for name in UNARY}
    found |= {name: lambda x, y, k, m, name=name: getattr(np, name)(x, y) for name in BINARY}
    window = np.ones(5) / 5
    bins = np.linspace(0.0, 1.0, 101)
    found |= {
        "sum": lambda x, y, k, m: np.sum(x), "mean": lambda x, y, k, m: np.mean(x), "std": lambda x, y, k, m: np.std(x),
        "prod": lambda x, y, k, m: np.prod(x + 0.5), "max": lambda x, y, k, m: np.max(x), "argmax": lambda x, y, k, m: np.argmax(x),
        "sum of rows": lambda x, y, k, m: np.sum(m, axis=1), "sum of columns": lambda x, y, k, m: np.sum(m, axis=0),
        "max of rows": lambda x, y, k, m: np.max(m, axis=1), "argmax of rows": lambda x, y, k, m: np.argmax(m, axis=1),
        "cumsum": lambda x, y, k, m: np.cumsum(x), "cumprod": lambda x, y, k, m: np.cumprod(x), "diff": lambda x, y, k, m: np.diff(x),
        "dot": lambda x, y, k, m: x @ y, "matrix times vector": lambda x, y, k, m: m @ m[0], "any": lambda x, y, k, m: np.any(x > 2),
        "count_nonzero": lambda x, y, k, m: np.count_nonzero(x > 0.5), "sort": lambda x, y, k, m: np.sort(x),
        "argsort": lambda x, y, k, m: np.argsort(x), "median": lambda x, y, k, m: np.median(x),
        "percentile": lambda x, y, k, m: np.percentile(x, 30.0), "partition": lambda x, y, k, m: np.partition(x, 10)[:10].max(),
        "sort rows": lambda x, y, k, m: np.sort(m, axis=1), "searchsorted": lambda x, y, k, m: np.searchsorted(bins, x),
        "digitize": lambda x, y, k, m: np.digitize(x, bins), "interp": lambda x, y, k, m: np.interp(x, bins, bins * bins),
        "bincount": lambda x, y, k, m: np.bincount(k, minlength=1000), "weighted bincount": lambda x, y, k, m: np.bincount(k, x, 1000),
        "where": lambda x, y, k, m: np.where(x > 0.5, x, y), "clip": lambda x, y, k, m: np.clip(x, 0.2, 0.8),
        "choose a mask": lambda x, y, k, m: x[x > 0.5], "take": lambda x, y, k, m: x[k % 100], "flip": lambda x, y, k, m: x[::-1] + 0.0,
        "roll": lambda x, y, k, m: np.roll(x, 3), "tile": lambda x, y, k, m: np.tile(x, 3), "repeat": lambda x, y, k, m: np.repeat(x, 3),
        "concatenate": lambda x, y, k, m: np.concatenate([x, y]), "stack": lambda x, y, k, m: np.stack([x, y], axis=1),
        "transpose": lambda x, y, k, m: np.ascontiguousarray(m.T), "pad": lambda x, y, k, m: np.pad(x, 3),
        "convolve": lambda x, y, k, m: np.convolve(x, window), "outer": lambda x, y, k, m: np.outer(m[0], x[:len(x) // 100 + 1]),
        "integers // 7": lambda x, y, k, m: k // 7, "integers % 7": lambda x, y, k, m: k % 7,
        "to float32": lambda x, y, k, m: x.astype(np.float32),
        "gradient": lambda x, y, k, m: np.gradient(x), "norm": lambda x, y, k, m: np.linalg.norm(x),
        "nansum": lambda x, y, k, m: np.nansum(x)}
    return found


def arguments(n: int) -> tuple[Any, ...]:
    """Two vectors of n floats, n whole numbers, and a matrix of n numbers in rows of 100."""
    rng = np.random.default_rng(n)
    return rng.random(n), rng.random(n), rng.integers(0, 1000, n), rng.random((n // 100, 100))


def ratio(f: Callable, args: tuple, rounds: int) -> tuple[float, float]:
    """Medians of the seconds of a compiled call and of NumPy's, timed in turns, once both give the same."""
    compiled = ad.jit(f)
    np.testing.assert_allclose(compiled(*args), f(*args), rtol=1e-9, atol=1e-12)
    compiled(*args)
    repeats = max(1, int(SAMPLE / max(_seconds(f, args, 1), 1e-7)))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for g, found in zip((compiled, f), times, strict=True):
            found.append(_seconds(g, args, repeats))
    return statistics.median(times[0]), statistics.median(times[1])


def _seconds(f: Callable, args: tuple, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        f(*args)
    return (time.perf_counter() - start) / repeats


def measured(only: list[str]) -> list[dict]:
    """A row a function: its name, and for each size the seconds of both."""
    rows = []
    for name, f in functions().items():
        if only and name not in only:
            continue
        found = {str(n): ratio(f, arguments(n), ROUNDS[n]) for n in SIZES}
        rows.append({"what": name, "seconds": found})
        print(f"{name:20s}" + "".join(f"{ours / theirs:8.2f}" for ours, theirs in found.values()), flush=True)
    return rows


def summary(rows: list[dict], about: dict[str, str]) -> str:
    """The text for the README: medians and worst ratios by size, and every function that is slower than NumPy."""
    ratios = {str(n): {r["what"]: r["seconds"][str(n)][0] / r["seconds"][str(n)][1] for r in rows} for n in SIZES}
    head = " | ".join(f"{n:,} numbers" for n in SIZES)
    lines = [f"| {len(rows)} functions, time over NumPy's | {head} |", "| --- | ---: | ---: | ---: |"]
    for title, of in (("median", statistics.median), ("worst", max)):
        lines.append(f"| {title} | " + " | ".join(f"{of(ratios[str(n)].values()):.2f}" for n in SIZES) + " |")
    slower = [f"`{what}` {r:.2f} ({int(n):,})" for n, found in ratios.items()
              for what, r in sorted(found.items(), key=lambda item: -item[1]) if r > 1.1]
    text = "\n".join(lines) + "\n\nMore than 1.1 times NumPy's time: " + (", ".join(slower) or "none") + "."
    where = f"{about['processor']}, {about['cores']} cores, {about['system']}, Python {about['python']}, NumPy {about['numpy']}"
    return f"{text}\n\n{where}; {about['date']}; one thread, pinned; medians of turns in one process."


def main() -> None:
    """Measure, keep, and write the table into the README."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--readme", action="store_true", help="keep the figures, and write the table into the README")
    given = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":       # NumPy reads it when it is imported
        machine.hold(1)
        os.execv(sys.executable, [sys.executable, "-m", "bench.against_numpy", *sys.argv[1:]])
    ad.config.wait = True
    about = machine.describe()
    rows = measured(given.only)
    print(summary(rows, about))
    if given.readme:
        RESULTS.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n")
        text = README.read_text()
        start, end = "<!-- against numpy -->\n", "<!-- /against numpy -->"
        before, _, rest = text.partition(start)
        README.write_text(before + start + summary(rows, about) + "\n" + end + rest.partition(end)[2])


if __name__ == "__main__":
    main()
