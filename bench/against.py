"""Compare this checkout with another one, row by row: has a change made a kernel or a first call slower?

    git worktree add ../before COMMIT
    python -m bench.against ../before [--only NAME ...] [--seconds 2]

Each checkout runs in a process of its own, which stays. The processes take turns on one core, so that a slow moment of the machine meets
both. The workloads of the board and the programs of `bench/programs` are measured: value and gradients, median of the samples, and the
first call, without the cache on disk. The numbers of both are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SLOWER = 1.03
"""Rows above this ratio are marked."""


def serve() -> None:
    """The process of one checkout: reads a name a line, answers with a line of JSON. A name once more gives another sample."""
    from bench.machine import hold
    hold(1)
    import time

    import numpy as np

    import autodiff as ad
    from bench.peers.ours import peer
    from bench.programs import all_programs
    from bench.workload import all_workloads
    peer.load(1)
    ad.config.cache, ad.config.wait = False, True
    workloads, programs = all_workloads(), all_programs()
    # What every kernel shares, the entry for calls and the matrix products, belongs to starting a process.
    ad.jit(lambda x: np.sum(x @ x))(np.ones((64, 64)))
    answer({"workloads": list(workloads), "programs": list(programs)})
    ready: dict = {}
    for line in sys.stdin:
        kind, name = line.split()
        if name not in ready:
            if kind == "workload":
                call, args = peer.call_for(workloads[name]), workloads[name].make()
            else:
                module = programs[name]
                args = module.arguments("large")
                static = tuple(k for k, a in enumerate(args) if isinstance(a, int))
                call = ad.jit(ad.value_and_grad(module.loss, argnums=module.WRT), static_argnums=static)
            start = time.perf_counter()
            out = call(*args)
            first = time.perf_counter() - start
            start = time.perf_counter()
            call(*args)
            once = time.perf_counter() - start
            ready[name] = call, args, max(1, int(2e-3 / max(once, 1e-7)))
            sums = [float(np.sum(x * np.random.default_rng(0).normal(size=x.shape))) for x in leaves(out)]
            answer({"first": first, "sum": sums})
            continue
        call, args, count = ready[name]
        start = time.perf_counter()
        for _ in range(count):
            call(*args)
        answer({"seconds": (time.perf_counter() - start) / count})


def leaves(x) -> list:
    """The arrays in a result."""
    import numpy as np
    if isinstance(x, dict):
        return [y for v in x.values() for y in leaves(v)]
    return [y for v in x for y in leaves(v)] if isinstance(x, (tuple, list)) else [np.asarray(x, np.float64)]


def answer(x: dict) -> None:
    """One line to the process that asks."""
    print(json.dumps(x), flush=True)


class Checkout:
    """The process of a checkout."""

    def __init__(self, root: Path):
        env = {**os.environ, "PYTHONPATH": str(root), "AUTODIFF_CACHE": "0"}
        # By path and not by name: the modules that it imports are those of the other checkout.
        code = f"import runpy, sys; sys.argv = ['', '--serve']; runpy.run_path({str(Path(__file__).resolve())!r}, run_name='__main__')"
        self.process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
                                        cwd=root)
        self.names = self.read()

    def read(self) -> dict:
        """The next answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a checkout's process has ended; what it said is above")
        return json.loads(line)

    def ask(self, kind: str, name: str) -> dict:
        """Its answer for a row."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{kind} {name}\n")
        self.process.stdin.flush()
        return self.read()


def compare(before: Path, only: list[str], seconds: float) -> int:
    """Print a row for each workload and program; the number of rows that are slower."""
    old, new = Checkout(before), Checkout(ROOT)
    rows = [("workload", n) for n in new.names["workloads"]] + [("program", n) for n in new.names["programs"]]
    slower = 0
    ratios, firsts = [], []
    print(f"{'row':24} {'before':>10} {'now':>10} {'now/before':>10}   first call: before, now, ratio")
    for kind, name in rows:
        if only and name not in only:
            continue
        a, b = old.ask(kind, name), new.ask(kind, name)
        same = len(a["sum"]) == len(b["sum"]) and all(
            abs(x - y) <= 1e-7 * max(abs(x), 1e-3) for x, y in zip(a["sum"], b["sum"], strict=True))
        times: tuple[list[float], list[float]] = ([], [])
        spent = 0.0
        while spent < seconds or len(times[0]) < 5:
            for checkout, found in zip((old, new), times, strict=True):
                t = checkout.ask(kind, name)["seconds"]
                found.append(t)
                spent += max(t, 2e-3)
        x, y = map(statistics.median, times)
        pairs = statistics.median(q / p for p, q in zip(*times, strict=True))
        slower += pairs > SLOWER
        ratios.append(pairs)
        firsts.append(b["first"] / a["first"])
        print(f"{name:24} {x * 1e6:9.2f}u {y * 1e6:9.2f}u {pairs:10.3f}{'*' if pairs > SLOWER else ' '}  {a['first'] * 1e3:8.1f} ms "
              f"{b['first'] * 1e3:8.1f} ms {b['first'] / a['first']:6.2f}{'' if same else '   OTHER NUMBERS'}", flush=True)
    print(f"medians of the ratios: calls {statistics.median(ratios):.3f}, first calls {statistics.median(firsts):.3f}; slower by more than "
          f"{SLOWER - 1:.0%}: {slower}")
    return slower


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.against", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", nargs="?", type=Path, help="the other checkout")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--seconds", type=float, default=2.0, help="for one row")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return 0
    if options.before is None:
        parser.error("which checkout is to be compared with?")
    compare(options.before.resolve(), options.only, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
