"""Run the board.

    python -m bench                                     all workloads, all peers that are installed
    python -m bench --quick --only gmm chain_1e3        a look at some rows
    python -m bench --json bench/board.json --png bench/board.png
    python -m bench --threads 2 --json bench/board2.json
    python -m bench --readme                            put the stored board into the README; no measuring

The exit code is 1 if this project's own entry fails on some workload.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STORED = [ROOT / "bench" / "board.json", ROOT / "bench" / "board2.json"]
"""The published runs: with one thread and with two."""


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.readme:
        from bench.board import Board
        from bench.report import rewrite_readme
        for stored in [options.json] if options.json else STORED:
            if not stored.exists():
                print(f"no run is stored in {stored}; make one with: python -m bench --json {stored}")
                return 2
            rewrite_readme(Board.from_json(json.loads(stored.read_text(encoding="utf-8"))), ROOT / "README.md")
        return 0

    from bench.machine import hold
    hold(options.threads, options.pin)
    return run(options)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these workloads only")
    parser.add_argument("--quick", action="store_true", help="a few rounds: for a look, not for publication")
    parser.add_argument("--threads", type=int, default=1, help="threads and cores of every peer (default 1)")
    parser.add_argument("--no-pin", dest="pin", action="store_false", help="leave the process on all cores")
    parser.add_argument("--json", type=Path, metavar="PATH",
                        help="write the numbers; with --readme read them")
    parser.add_argument("--png", type=Path, metavar="PATH", help="draw the bars")
    parser.add_argument("--readme", action="store_true", help="put the stored numbers into the README")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    # Imported here: `hold` must have set the threads before NumPy and the peers start theirs.
    from rich.console import Console

    from bench.board import Board
    from bench.machine import describe
    from bench.measure import FULL, QUICK, measure
    from bench.peer import all_peers
    from bench.report import picture, show
    from bench.workload import all_workloads

    console = Console()
    if not console.is_terminal:
        console.width = 140             # a file or a pipe has no width of its own
    workloads = all_workloads()
    unknown = sorted(set(options.only or ()) - set(workloads))
    if unknown:
        console.print(f"no workload called {', '.join(unknown)}; there are: {', '.join(workloads)}")
        return 2

    peers, versions, absent = [], {}, {}
    for peer in all_peers().values():
        try:
            versions[peer.name] = peer.load(options.threads)
        except ImportError as error:
            absent[peer.name] = str(error)
        else:
            peers.append(peer)

    # A library starts its compiler once a process; that is not the first call of any one workload.
    measure(workloads["sum_squares_4"], peers, QUICK)

    rows = []
    for name in options.only or workloads:
        start = time.perf_counter()
        with console.status(f"measuring {name}"):
            rows.append(measure(workloads[name], peers, QUICK if options.quick else FULL))
        console.print(f"{name}: {time.perf_counter() - start:.1f} s", style="dim")

    ours = next(peer.name for peer in all_peers().values() if peer.ours)
    board = Board(machine=describe(), threads=options.threads, pinned=options.pin, quick=options.quick,
                  ours=ours, versions=versions, absent=absent, rows=tuple(rows))
    show(board, console)
    if options.json:
        text = json.dumps(board.to_json(), indent=1, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.png:
        picture(board, options.png)
    return int(ours in absent or any(entry.peer == ours for _, entry in board.failures()))


if __name__ == "__main__":
    sys.exit(main())
