"""Random programs on the command line: draw them, compare them, and make a failing one small.

    python -m tests.random_programs --programs 1000 --seed 0 [--go-on] [--shrink] [--lengths] [--objects] [--wide] [--kept]
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from codegen.config import config
from tests.random_programs.compare import Difference, Result, compare, compare_lengths, load
from tests.random_programs.shrink import shrunk
from tests.random_programs.writer import source


def text_of(seed: int, objects: bool = False, wide: bool = False) -> tuple[str, bool]:
    """The program of a seed, and whether it computes with float32: every other one does."""
    text = source(seed, objects, wide)
    return (text, True) if seed % 2 else (text.replace("np.float32", "np.float64"), False)


def _with_other_numbers(text: str, seed: int) -> str:
    """A program with a tenth of its numbers changed, and nothing else."""
    draw = random.Random(seed)
    return re.sub(r"\b0\.[1-9]\b", lambda m: m[0] if draw.random() > 0.1 else f"0.{draw.randint(1, 9)}", text)


Way = Callable[..., Result]
FACES = ("length", "call", "gradient", "eager gradient", "forward", "differences")
"""Those that can be looked at alone."""
LONGEST = 60
"""Seconds of processor time that the comparisons of one program may take; more is a failure: something grows out of bounds."""


class _TooLong(BaseException):
    """The time is over; no handler of errors takes it for one."""


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    def stop(signal_number, frame) -> None:
        raise _TooLong
    for kind, of in ((signal.SIGPROF, signal.ITIMER_PROF), (signal.SIGALRM, signal.ITIMER_REAL)):
        signal.signal(kind, stop)
        signal.setitimer(of, seconds if of == signal.ITIMER_PROF else 10 * seconds)     # a program that waits is stopped too
    try:
        yield
    except _TooLong as e:
        where = [f"{f.f_code.co_filename.rsplit('/', 1)[-1]}:{n}" for f, n in traceback.walk_tb(e.__traceback__)]
        raise Difference("time", f"more than {seconds} s, in {' '.join(where[-12:])}") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def failure(text: str, seed: int, float32: bool, folder: Path, name: str, only: str = "", way: Way = compare) -> str:
    """What is wrong with a program; empty if nothing."""
    try:
        with _limited(LONGEST):
            way(load(text, folder, name), seed, float32, only)
    except Difference as e:
        return str(e)
    return ""


def _kind(failure: str) -> str:
    """The face and the kind of a difference: a minimum of words that a smaller program must have as well."""
    kinds = ("raises", "dtype", "shape")
    words = {"raises": ": raises", "dtype": " is float", "shape": "has shape"}
    if not failure:
        return ""
    kind = next((k for k in kinds if words[k] in failure), "value")
    return f"{failure.split(':')[0]} {kind} {failure.split(': raises ')[1].split(':')[0] if kind == 'raises' else ''}"


def small(text: str, seed: int, float32: bool, folder: Path, way: Way = compare) -> str:
    """The smallest program that fails in the same way, and how it does."""
    kind = _kind(failure(text, seed, float32, folder, f"first_{seed}", "", way))
    face = next((f for f in FACES if kind.startswith(f)), "")
    numbers = iter(range(10 ** 6))

    def fails(candidate: str) -> bool:
        try:
            return _kind(failure(candidate, seed, float32, folder, f"small_{seed}_{next(numbers)}", face, way)) == kind
        except Exception:       # noqa: BLE001 - a candidate that is no program
            return False
    found = shrunk(text, fails)
    return found.split("def program")[1].split("def loss")[0] + failure(found, seed, float32, folder, f"last_{seed}", "", way)[:300]


def main(given: Sequence[str] | None = None) -> int:
    """Command line; the exit status is 1 if a program differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.random_programs", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--go-on", action="store_true", help="count failures instead of stopping")
    parser.add_argument("--shrink", action="store_true", help="make failing programs small")
    parser.add_argument("--lengths", action="store_true", help="call each program at ten lengths, instead of in every way at three")
    parser.add_argument("--objects", action="store_true", help="programs with many kinds of classes, decorators, contexts and generators")
    parser.add_argument("--kept", action="store_true", help="keep recordings on disk: compare each program twice, and with other numbers in it")
    parser.add_argument("--wide", action="store_true", help="programs with more of NumPy: selections of nothing, masks, axes, small integers")
    options = parser.parse_args(given)
    way = compare_lengths if options.lengths else compare
    config.cache, config.wait, config.check = options.kept, True, True
    comparisons, refused, failed = Counter[str](), Counter[str](), 0
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        config.cache_dir = f"{folder}/kernels" if options.kept else config.cache_dir
        for seed in range(options.seed, options.seed + options.programs):
            text, float32 = text_of(seed, options.objects, options.wide)
            try:
                for again in (text, text, _with_other_numbers(text, seed)) if options.kept else (text,):
                    with _limited(3 * LONGEST if options.lengths else LONGEST):
                        found = way(load(again, Path(folder), f"program_{seed}"), seed, float32)
                    comparisons += found.comparisons
                    refused += found.refused
            except SyntaxError:     # such as `:=` in what a comprehension goes through: Python has no such program
                refused["no program"] += 1
            except Difference as e:
                failed += 1
                print(f"seed {seed}: {str(e)[:300]}", flush=True)
                if options.shrink:
                    print(small(text, seed, float32, Path(folder), way), flush=True)
                if not options.go_on:
                    break
    print(f"{options.programs} programs from seed {options.seed}: {comparisons.total()} comparisons, {refused.total()} refusals, {failed} differ; "
          f"{time.time() - start:.0f} s")
    for name, count in (*comparisons.most_common(), *refused.most_common(12)):
        print(f"  {count:8} {name}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
