"""Code that no signal may stop in the middle.

A signal handler of Python's may raise, as that of Ctrl-C does, between any two steps of a function. Where the function belongs to a library
that owns memory of C, such as llvmlite, memory that was just freed is then freed again, and the process ends.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["block_signals", "uninterrupted"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGWINCH", "SIGIO")
_BLOCKED = [int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name)]
"""What programs handle. A list of numbers: to look through the set of all signals would take 0.2 ms."""


def block_signals() -> set[int] | None:
    """Have signals wait in this thread; the ones that were blocked before, or None where a system has no such masks."""
    return signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED) if hasattr(signal, "pthread_sigmask") else None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What comes in this thread while the block runs is handled at its end.

    A signal to the whole process goes to any thread that does not block it, and its handler runs in the main thread all the same. So it is
    certain in a process whose other threads block signals, as those of this project do (`autodiff.compiled.background`).
    """
    before = block_signals()
    try:
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
