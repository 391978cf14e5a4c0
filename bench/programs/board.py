"""The programs against the derivative tools that can run them.

    python -m bench.programs.board --json bench/programs.json     measure and store (about twenty minutes)
    python -m bench.programs.board --only lorenz lstm             a look at some rows
    python -m bench.programs.board --readme                       put the stored figures into the README

Each entry of a row runs in a process of its own, one after another, on one core; what it computes is compared with this project's result.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
STORED = ROOT / "bench" / "programs.json"
BEGIN, END = "<!-- programs -->", "<!-- /programs -->"
LIMIT = 90
"""Seconds after which an entry is given up."""
PEERS = ("numba adjoint", "jax direct", "jax expert", "autograd", "torch")
RTOL = 1e-6


# -- one entry, in its own process -----------------------------------------------------------------

def entry(name: str, who: str) -> dict[str, Any]:
    """The times of one program by one tool, and a summary of what it computed."""
    from bench.machine import hold
    hold(1)
    import numpy as np

    from bench.programs import all_programs
    module = all_programs()[name]
    args = module.arguments("large")
    if who == "numpy":
        return {"forward": _median(lambda: module.loss(*args))}
    if who == "autodiff":
        import autodiff as ad
        ad.config.wait, ad.config.cache = True, False
        static = tuple(k for k, a in enumerate(args) if isinstance(a, int))
        # What every program shares is compiled before: the entry for calls and the matrix products. It belongs to starting a process.
        ad.jit(lambda x: np.sum(x @ x))(np.ones((64, 64)))
        forward = ad.jit(module.loss, static_argnums=static)
        both = ad.jit(ad.value_and_grad(module.loss, argnums=module.WRT), static_argnums=static)
        value, gradients = both(*args)
        forward(*args)
        return {"forward": _median(lambda: forward(*args)), "gradient": _median(lambda: both(*args)),
                "compile": both.cache_info().compile_seconds, "references": both.cache_info().reference_calls,
                "sum": _summary(value, gradients)}
    from bench.programs.check import peer_function
    run = peer_function(who, name, module, args)
    start = time.perf_counter()
    value, gradients = run()
    first = time.perf_counter() - start
    return {"gradient": _median(run, most=1 if first > 10 else 10**9), "first": first, "sum": _summary(value, gradients)}


def _summary(value, gradients) -> list[float]:
    """The value, and each gradient against fixed random numbers."""
    import numpy as np
    out = [float(value)]
    for g in gradients:
        g = np.asarray(g, np.float64)
        out.append(float(np.sum(g * np.random.default_rng(0).normal(size=g.shape)) / max(1.0, np.sqrt(g.size))))
    return out


def _median(f: Callable, seconds: float = 1.0, most: int = 10**9) -> float:
    times: list[float] = []
    f()
    end = time.perf_counter() + seconds
    while (time.perf_counter() < end or len(times) < 3) and len(times) < most:
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


# -- the board -------------------------------------------------------------------------------------

def measure(names: list[str]) -> dict[str, Any]:
    """All rows."""
    from bench.machine import describe
    from bench.programs.check import offers
    rows = []
    for name in names:
        row: dict[str, Any] = {"program": name, "autodiff": _run(name, "autodiff"), "numpy": _run(name, "numpy")}
        for who in PEERS:
            if offers(who, name):
                row[who] = _run(name, who)
                _compare(row, who)
        rows.append(row)
        print(_line(row), flush=True)
    return {"machine": describe(), "rows": rows}


def _run(name: str, who: str) -> dict[str, Any]:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    try:
        done = subprocess.run([sys.executable, "-m", "bench.programs.board", "--entry", name, who], env=env, capture_output=True, text=True,
                              cwd=ROOT, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return {"error": f"over {LIMIT} s"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def _compare(row: dict[str, Any], who: str) -> None:
    ours, theirs = row["autodiff"].get("sum"), row[who].get("sum")
    if ours is None or theirs is None:
        return
    scale = max(map(abs, ours))
    if any(abs(a - b) > RTOL * max(abs(a), 1e-6 * scale) for a, b in zip(ours, theirs, strict=True)):
        row[who] = {"error": f"computes other numbers: {theirs} against {ours}"}


def ratios(found: dict[str, Any]) -> list[float]:
    """Gradient time over forward time, both compiled, of every program."""
    return [r["autodiff"]["gradient"] / r["autodiff"]["forward"] for r in found["rows"] if "gradient" in r["autodiff"]]


def _time(seconds: float | None) -> str:
    from bench.report import duration
    return "–" if seconds is None else duration(seconds)


def _line(row: dict[str, Any]) -> str:
    ours = row["autodiff"]
    if "error" in ours:
        return f"{row['program']}: {ours['error']}"
    others = ", ".join(f"{who} {_time(row[who].get('gradient')) if 'error' not in row[who] else row[who]['error']}" for who in PEERS
                       if who in row)
    return (f"{row['program']}: {_time(ours['gradient'])} ({ours['gradient'] / ours['forward']:.1f} forward), compile "
            f"{_time(ours['compile'])}, numpy forward {_time(row['numpy'].get('forward'))}; {others}")


def markdown(found: dict[str, Any]) -> str:
    """The board as a table."""
    lines = ["| program | NumPy, forward | autodiff, forward | autodiff, value and gradients | over forward | compile | "
             + " | ".join(PEERS) + " |", "| --- |" + " ---: |" * (5 + len(PEERS))]
    notes = []
    for row in found["rows"]:
        ours = row["autodiff"]
        cells = []
        for who in PEERS:
            theirs = row.get(who, {})
            late = theirs.get("error", "").startswith("over ")
            cells.append(_time(theirs.get("gradient")) if "error" not in theirs else theirs["error"] if late else "error")
            if "error" in theirs and not late:
                notes.append(f"error, {who} on {row['program']}: {theirs['error']}")
        if "error" in ours:
            notes.append(f"error, autodiff on {row['program']}: {ours['error']}")
            plain = _time(row["numpy"].get("forward"))
            lines.append(f"| `{row['program']}` | {plain} | error | error | – | – | " + " | ".join(cells) + " |")
            continue
        best = min([ours["gradient"], *(row[w]["gradient"] for w in PEERS if "gradient" in row.get(w, {}))])
        mine = _time(ours["gradient"])
        lines.append(f"| `{row['program']}` | {_time(row['numpy'].get('forward'))} | {_time(ours['forward'])} | "
                     f"{f'**{mine}**' if best == ours['gradient'] else mine} | {ours['gradient'] / ours['forward']:.1f} | "
                     f"{_time(ours['compile'])} | " + " | ".join(cells) + " |")
        if ours["references"]:
            notes.append(f"{row['program']} calls NumPy for {', '.join(ours['references'])}")
    m = found["machine"]
    lines += ["", f"Gradient over forward: median {statistics.median(ratios(found)):.1f}.", ""]
    lines += [f"- {n}" for n in notes] + ([""] if notes else [])
    lines.append(f"{m['processor']}, {m['cores']} cores, {m['system']}, Python {m['python']}; {m['date']}; one thread, pinned; medians of "
                 f"calls, compilation without the kernel cache. An entry is given up after {LIMIT} seconds, compilation included.")
    return "\n".join(lines)


def rewrite_readme(found: dict[str, Any], readme: Path) -> None:
    """Put the table between the markers."""
    text = readme.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    readme.write_text(f"{head}{BEGIN}\n{markdown(found)}\n{END}{tail}", encoding="utf-8")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.programs.board", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these programs only")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures; with --readme read them")
    parser.add_argument("--readme", action="store_true", help="put the stored figures into the README")
    parser.add_argument("--entry", nargs=2, metavar=("PROGRAM", "TOOL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.entry:
        print(json.dumps(entry(*options.entry)))
        return 0
    if options.readme:
        rewrite_readme(json.loads((options.json or STORED).read_text(encoding="utf-8")), ROOT / "README.md")
        return 0
    from bench.programs import all_programs
    found = measure(options.only or list(all_programs()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(markdown(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
