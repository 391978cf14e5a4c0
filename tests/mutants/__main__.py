"""Plants one fault after another in a copy of the compiler and runs the tests that should see it.

    python -m tests.mutants [--each 18] [--seed 0] [--only GROUP ...] [--results FILE] [--narrow] [--again]

A fault is one small change of the source (`operators.py`), drawn by a hash of the seed, so that it is not chosen to be noticed and the
draw stays the same while other lines change. First run tests of its group that are likely to see it, then others of the suite that run its
function (`reach.py`), then random programs (`groups.py`). Each step has a cache of kernels of its own. A fault that makes the tests hang has been noticed. A fault that
nothing notices is a survivor: a test is missing, the line is not needed, or the change means the same (`equivalent.py`). Results go to a
file of JSON lines; a later run goes on from there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants.equivalent import reason
from tests.mutants.groups import GROUPS, Group, narrow_and_wide
from tests.mutants.operators import ROOT, Fault, faults, planted, write
from tests.mutants.reach import Reached, chosen, mark

RESULTS = Path(tempfile.gettempdir()) / "autodiff_mutants.jsonl"
SHORTEST, TIMES = 45, 3
"""Seconds that a step may always take, and how many times as long as without a fault."""
MEMORY = 12 << 30
"""Bytes of address space that the tests of one fault may take."""


def drawn(group: Group, each: int, seed: int) -> list[Fault]:
    """The faults of a group for a seed: those with the smallest hashes."""
    everything = [f for pattern in group.files for path in sorted(ROOT.glob(pattern)) for f in faults(path)]
    return sorted(everything, key=lambda f: hashlib.sha256(f"{seed} {f.identity}".encode()).digest())[:each]


PYTEST = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider")
SUITE = ("tests/tracer", "tests/codegen", "tests/autodiff", "tests/test_golden.py", "tests/test_docstrings.py")
NARROW, WIDE = 20, 120
"""Seconds that the chosen tests of a step take, about."""


@dataclass(frozen=True)
class Step:
    """A command for Python that may notice a fault; what must pass without one, or else about how many seconds it takes."""

    name: str
    command: Sequence[str]
    parts: Sequence[Sequence[str]] = ()
    seconds: float = 0.0


def steps(group: Group, fault: Fault, reached: Reached) -> list[Step]:
    """What runs one after another until the fault is noticed.

    Of the tests that a group names, and then of the whole suite, those run that come past the function of the fault. Where there is none,
    as for code that runs at import, all tests that the group names run.
    """
    narrow, wide = narrow_and_wide(group, fault.path)
    tests = reached.get(f"{fault.path} {fault.function}", [])
    first = chosen([t for t in tests if t[0].startswith(tuple(narrow))], NARROW)
    first += chosen([t for t in tests if t[0].startswith(tuple(wide)) and t[0] not in first], NARROW)
    rest = chosen([t for t in tests if t[0] not in first], WIDE)
    if not tests:
        found = [Step(name, (*PYTEST, *paths), [(*PYTEST, p) for p in paths]) for name, paths in (("narrow", narrow), ("wide", wide))]
    else:
        found = [Step(name, (*PYTEST, *some), (), seconds) for name, some, seconds in (("narrow", first, 2 * NARROW), ("wide", rest, WIDE)) if some]
    return [*found, *(Step("random", c, [c]) for c in group.random)]


class Copy:
    """A copy of the project in which faults are planted, and in which tests run."""

    def __init__(self, folder: Path, results: Path, normal: dict[str, float]):
        self.folder = folder
        self.results = results
        self.project = folder / "project"
        shutil.copytree(ROOT, self.project, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", "build", "*.egg-info"))
        self.normal = normal        # seconds that a command takes without a fault

    def run(self, command: Sequence[str], limit: float) -> tuple[str, float]:
        """What fails when Python runs a command; empty if nothing does. And how long it took."""
        cache = tempfile.mkdtemp(dir=self.folder)
        environment = {**os.environ, "AUTODIFF_CACHE_DIR": cache, "PYTHONPATH": str(self.project)}
        start = time.monotonic()
        child = subprocess.Popen([sys.executable, *command], cwd=self.project, env=environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, start_new_session=True,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)))
        try:
            output, _ = child.communicate(timeout=limit)
            found = _failure(output) if child.returncode else ""
        except subprocess.TimeoutExpired:
            found = "it hangs"
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
            shutil.rmtree(cache, ignore_errors=True)
        return found, time.monotonic() - start

    def reached(self, faults: Iterable[Fault], file: Path) -> Reached:
        """For each function with a fault, the tests of the suite that run it; from a file, or made in a copy of its own and kept there."""
        if not file.exists():
            with tempfile.TemporaryDirectory() as folder:
                copy = Copy(Path(folder), self.results, {})
                mark(copy.project, faults)
                copy.run(("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.reach", "--reach", str(file), *SUITE), 3 * 3600)
        return json.loads(file.read_text(encoding="utf-8"))

    def check(self, command: Sequence[str]) -> float:
        """Look that a command passes without a fault; the seconds that it takes, which are remembered."""
        key = " ".join(command)
        if key not in self.normal:
            found, seconds = self.run(command, 3600)
            if found:
                raise SystemExit(f"without any fault: {found} ({key})")
            self.normal[key] = seconds
            with self.results.open("a", encoding="utf-8") as f:
                f.write(json.dumps({"command": key, "seconds": round(seconds, 1)}) + "\n")
        return self.normal[key]


def _failure(output: str) -> str:
    """The first words of a failed run that say what failed."""
    lines = output.splitlines()
    named = [line for line in lines if re.match(r"FAILED|ERROR|seed \d+: ", line)]
    return (named or lines or ["it ended without a word"])[0 if named else -1][:400]


def tried(copy: Copy, group: Group, fault: Fault, only: set[str], reached: Reached) -> dict[str, Any]:
    """Plant a fault, run the steps until one notices, take the fault back; the row for the file of results."""
    row: dict[str, Any] = {"identity": fault.identity, "path": fault.path, "function": fault.function, "line": fault.line, "text": fault.text,
                           "what": fault.what, "new": fault.new, "noticed": "", "by": "", "steps": []}
    start = time.monotonic()
    for step in steps(group, fault, reached):
        if step.name not in only:
            continue
        normal = step.seconds + sum(copy.check(part) for part in step.parts)
        before = planted(fault, copy.project)
        try:
            found, _ = copy.run(step.command, SHORTEST + TIMES * normal)
        finally:
            write(copy.project / fault.path, before)
        row["steps"].append(step.name)
        if found:
            row["noticed"], row["by"] = step.name, found
            break
    row["seconds"] = round(time.monotonic() - start, 1)
    return row


def _known(file: Path) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """What former runs have found: the last row of each fault, and the seconds of commands without a fault."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    rows = [json.loads(line) for line in lines]
    return {r["identity"]: r for r in rows if "identity" in r}, {r["command"]: r["seconds"] for r in rows if "command" in r}


def confirmed(copy: Copy, rows: Iterable[dict[str, Any]]) -> None:
    """Look that all tests which have noticed a fault pass without one."""
    tests = {r["by"].split(" - ")[0].partition(" ")[2] for r in rows if r["by"].startswith("FAILED")}
    found, _ = copy.run(("-m", "pytest", "-q", "-p", "no:cacheprovider", *sorted(tests)), 3600)
    if tests and found:
        raise SystemExit(f"without any fault: {found}")


def report(rows: dict[str, list[dict[str, Any]]], chosen: dict[str, dict[str, Fault]]) -> int:
    """Print the table of groups and the survivors; how many there are that nobody has explained."""
    print("| group | planted | noticed | equivalent | survivors |\n|---|---:|---:|---:|---:|")
    unexplained = []
    for name, found in rows.items():
        alive = [chosen[name][r["identity"]] for r in found if not r["noticed"]]
        equivalent = [f for f in alive if reason(f)]
        unexplained += [f for f in alive if not reason(f)]
        print(f"| {name} | {len(found)} | {len(found) - len(alive)} | {len(equivalent)} | {len(alive) - len(equivalent)} |")
    for fault in unexplained:
        print(f"survivor: {fault}")
    return len(unexplained)


def main(given: Sequence[str] | None = None) -> int:
    """Command line; the exit status is 1 if faults survive that are not explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=18, help="faults a group")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(GROUPS), help=f"groups: {', '.join(GROUPS)}")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"file of results, read and appended to; default {RESULTS}")
    parser.add_argument("--narrow", action="store_true", help="run the first step only")
    parser.add_argument("--again", action="store_true", help="try survivors of former runs again")
    parser.add_argument("--report", action="store_true", help="run nothing: print the table of the results that there are")
    options = parser.parse_args(given)
    known, normal = _known(options.results)
    only = {"narrow"} if options.narrow else {"narrow", "wide", "random"}
    chosen_faults = {name: {f.identity: f for f in drawn(GROUPS[name], options.each, options.seed)} for name in options.only}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in options.only}
    with tempfile.TemporaryDirectory() as folder:
        copy = None if options.report else Copy(Path(folder), options.results, normal)
        everything = [f for name in options.only for f in chosen_faults[name].values()]
        reached = copy.reached(everything, options.results.with_suffix(".reach.json")) if copy is not None else {}
        for name in options.only:
            for fault in chosen_faults[name].values():
                row = known.get(fault.identity)
                done = set(row["steps"]) if row and not options.again else set()
                if copy is not None and not (row and row["noticed"]) and not reason(fault) and only - done:
                    row = tried(copy, GROUPS[name], fault, only - done, reached)
                    row["steps"] = sorted(done | {*row["steps"]})
                    print(f"{name}: {fault}: {row['by'] or 'SURVIVES'} ({row['seconds']} s)", flush=True)
                    with options.results.open("a", encoding="utf-8") as f:
                        f.write(json.dumps(row) + "\n")
                if row is None and reason(fault):
                    row = {"identity": fault.identity, "noticed": ""}
                if row is not None:
                    rows[name].append(row)
        if copy is not None:
            confirmed(copy, [r for found in rows.values() for r in found if r["noticed"]])
    return int(report(rows, chosen_faults) > 0)


if __name__ == "__main__":
    sys.exit(main())
