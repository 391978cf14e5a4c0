"""Does anything but a right number or an exception come out when the machine has faults?

    python -m tests.faults [--trials 20] [--seed 0] [--only NAME ...]

Each fault is tried many times with random moments, places and sizes, in processes of its own. Prints a table: the fault, the trials, and
how they ended. The exit status is 1 if one of them ended with a wrong number, a signal or a hang.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.children import RIGHT, is_good
from tests.faults.disk import flipped_bits, full_disk, killed_writer, raced, read_only, swapped_files, truncated_files, zeroed_blocks
from tests.faults.moments import interrupts, little_memory
from tests.faults.processes import exit_while_compiling, fork_after_compiling, fork_while_compiling, threads

FAULTS: dict[str, Callable[[random.Random, Path], str]] = {f.__name__: f for f in (
    killed_writer, truncated_files, flipped_bits, zeroed_blocks, swapped_files, raced, full_disk, read_only, fork_while_compiling,
    fork_after_compiling, threads, interrupts, little_memory, exit_while_compiling)}
"""Name -> one trial: from a source of random numbers and an empty folder to how it ended."""


MAY_RAISE = {"little_memory"}
"""Faults that may end with an exception; the others always with right numbers."""


def trial(name: str, seed: int) -> str:
    """How one trial of a fault ends."""
    with tempfile.TemporaryDirectory() as folder:
        return FAULTS[name](random.Random(f"{name} {seed}"), Path(folder))


def main(given: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20, help="trials of each fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(FAULTS), help=f"faults: {', '.join(FAULTS)}")
    options = parser.parse_args(given)
    failed = 0
    print("| fault | trials | right numbers | exceptions | others | seconds |\n|---|---:|---:|---|---|---:|")
    for name in options.only:
        start = time.monotonic()
        outcomes: Counter[str] = Counter()
        for seed in range(options.seed, options.seed + options.trials):
            outcome = trial(name, seed)
            outcomes[outcome] += 1
            if not is_good(outcome, name in MAY_RAISE):
                print(f"{name}, seed {seed}: {outcome}", file=sys.stderr, flush=True)
        good = {o: n for o, n in outcomes.items() if is_good(o, name in MAY_RAISE) and o != RIGHT}
        bad = {o: n for o, n in outcomes.items() if not is_good(o, name in MAY_RAISE)}
        failed += sum(bad.values())
        words = [", ".join(f"{n} {o.removeprefix('exception: ')}" for o, n in which.items()) for which in (good, bad)]
        what = " ".join((FAULTS[name].__doc__ or "").split()).rstrip(".")
        print(f"| {name}: {what} | {options.trials} | {outcomes[RIGHT]} | {words[0]} | {words[1]} | {time.monotonic() - start:.0f} |", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
