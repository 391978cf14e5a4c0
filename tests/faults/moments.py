"""Exceptions at random moments: an interrupt, and memory that runs out."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from pathlib import Path

import numpy as np
import scipy.linalg

from tests.faults.children import in_child, settings
from tests.faults.disk import factor
from tests.faults.numbers import Programs, WrongNumber

INTERRUPTS = 12
"""Of one process."""
MEMORY_OF_PROCESS = "/proc/self/statm"


def interrupts(rng: random.Random, folder: Path) -> str:
    """Interrupts while functions are recorded, compiled and called; afterwards these functions and others give right numbers."""
    def work() -> None:
        settings(str(folder) if rng.random() < 0.5 else None, wait=rng.random() < 0.7)
        start = time.monotonic()
        Programs(factor(rng)).check(lengths=(7,))
        longest = time.monotonic() - start
        old = Programs(factor(rng))

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, interrupt)
        for _ in range(INTERRUPTS):
            programs = Programs(factor(rng)) if rng.random() < 0.7 else old
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-5, longest))
                programs.check(rng, lengths=(rng.randint(3, 60),))
            except KeyboardInterrupt:
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            programs.check(rng, lengths=(7,))
            Programs(factor(rng)).check_wave(9)
    return in_child(work, seconds=300)


def _address_space() -> int:
    """Bytes of address space that this process has now."""
    with open(MEMORY_OF_PROCESS, encoding="ascii") as f:
        return int(f.read().split()[0]) * resource.getpagesize()


def _use_blas() -> None:
    """Have BLAS take its memory: where it gets none, it hangs or ends the process, in `scipy.linalg.lu` alone just as well."""
    large = np.eye(300)
    np.linalg.solve(large @ large, scipy.linalg.lu(large)[1] @ large)


def little_memory(rng: random.Random, folder: Path) -> str:
    """A limit on the address space, a random amount above what is used; afterwards, without it, the functions give right numbers."""
    if not os.path.exists(MEMORY_OF_PROCESS):
        return "skipped: needs /proc"

    def work() -> str:
        settings(str(folder) if rng.random() < 0.5 else None, wait=rng.random() < 0.7)
        programs = Programs(factor(rng))
        if rng.random() < 0.5:
            Programs(factor(rng)).check()
        _use_blas()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        name = ""
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + rng.randrange(1 << rng.randint(12, 28)), hard))
        try:
            programs.check(rng, lengths=(7, 300))
        except WrongNumber:
            raise
        except Exception as e:      # noqa: BLE001 - any exception will do
            name = type(e).__name__
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        programs.check(rng)
        Programs(factor(rng)).check(rng)
        return name and f"exception: {name}"
    return in_child(work, seconds=200)
