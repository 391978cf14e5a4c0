"""Golden texts on the command line: compare them with what the compiler makes now, or write them anew.

    python -m tests.golden [--update] [--alone] [names ...]

Without names all programs are meant. The exit status is 1 if a text differs.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from tests.golden import render
from tests.golden.programs import PROGRAMS


def report(name: str) -> int:
    """Print how a text differs; return whether it does."""
    found = render.difference(name)
    if found:
        print(found, flush=True)
    return int(bool(found))


def report_alone(name: str) -> int:
    """Do the same in a copy of this process, in which nothing was compiled before."""
    child = os.fork()
    if not child:
        try:
            status = report(name)
        except BaseException:
            traceback.print_exc()
            status = 2
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def update(names: Sequence[str]) -> None:
    """Write the texts that differ, and remove files without a program."""
    render.TEXTS.mkdir(exist_ok=True)
    for name in names:
        if render.difference(name):
            render.stored_path(name).write_text(render.golden_text(name), encoding="utf-8")
            print(f"written: {name}")
    for path in sorted(render.TEXTS.iterdir()):
        if path.stem not in PROGRAMS:
            path.unlink()
            print(f"removed: {path.name}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare or update; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="programs; all by default")
    parser.add_argument("--update", action="store_true", help="write the texts that differ")
    parser.add_argument("--alone", action="store_true", help="compare each program in a process of its own")
    given = parser.parse_args(arguments)
    unknown = [n for n in given.names if n not in PROGRAMS]
    if unknown:
        parser.error(f"no program is called {', '.join(unknown)}")
    names = given.names or list(PROGRAMS)
    if given.update:
        update(names)
        return 0
    differing = sum([1 for n in names if (report_alone if given.alone else report)(n)])
    if differing:
        print(f"\n{differing} of {len(names)} texts differ. If that is meant: {render.UPDATE}")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
