"""What the compiler may do, set by the user: from the environment at import, or through `ad.config` at run time."""

from __future__ import annotations

import os
import sys
from typing import Any

from tracer import tracebacks

__all__ = ["Config", "config"]


def _cache_directory() -> str:
    given = os.environ.get("AUTODIFF_CACHE_DIR")
    if given:
        return given
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", os.path.expanduser("~"))
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    return os.path.join(base, "autodiff-jit")


def _flag(name: str, default: bool) -> bool:
    given = os.environ.get(name)
    return default if given is None else given.lower() not in ("0", "no", "off", "false", "")


def _number(name: str, default: int) -> int:
    given = os.environ.get(name)
    try:
        return default if given is None else int(given)
    except ValueError:
        raise ValueError(f"the environment variable {name} is {given!r}; it is a whole number") from None


def _processors() -> int:
    """CPUs that this process may use: its affinity, and its container's share."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as f:
            quota, period = f.read().split()
        if quota != "max":
            count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return count


VERIFY = ("off", "first", "always")
"""What `config.verify` may be."""


class Config:
    """Settings of the compiler, for the whole process.

    generator : "auto" (LLVM where its self-test passes, else Numba), "llvm" or "numba"      AUTODIFF_GENERATOR
    threads : most threads that a kernel may use; 0 for as many as the process may          AUTODIFF_THREADS
    cache : whether machine code is kept on disk                                            AUTODIFF_CACHE
    cache_dir : where                                                                       AUTODIFF_CACHE_DIR
    cache_bytes : how much of it; what was used longest ago goes first                      AUTODIFF_CACHE_BYTES
    check : whether graphs and loops are checked after every pass of the compiler             AUTODIFF_CHECK
    verify : "off", or whether the "first" call of each kernel, or "always", is compared with plain Python     AUTODIFF_VERIFY
    share_shapes : whether one recording serves many shapes                                  AUTODIFF_SHARE_SHAPES
    traceback : "short", or "full" with the frames of this project                            AUTODIFF_TRACEBACK
    wait : whether a call waits for its kernel to be compiled; otherwise the NumPy evaluator serves it   AUTODIFF_WAIT

    `config.exclude("package", ...)` leaves packages uncaptured: `autodiff.capture.excluded` has it.

    Examples
    --------
    >>> config.generator in ("auto", "llvm", "numba")
    True
    >>> config.generator = "gcc"
    Traceback (most recent call last):
    ...
    ValueError: config.generator is 'gcc'; it is one of auto, llvm, numba
    """

    __slots__ = ("_generator", "_verify", "exclude", "threads", "cache", "cache_dir", "cache_bytes", "check", "share_shapes", "wait")

    def __init__(self) -> None:
        self.generator = os.environ.get("AUTODIFF_GENERATOR", "auto")
        self.verify = os.environ.get("AUTODIFF_VERIFY", "off")
        self.threads = _number("AUTODIFF_THREADS", 1)
        self.cache = _flag("AUTODIFF_CACHE", True)
        self.cache_dir = _cache_directory()
        self.cache_bytes = _number("AUTODIFF_CACHE_BYTES", 512 << 20)
        self.check = _flag("AUTODIFF_CHECK", False)
        self.share_shapes = _flag("AUTODIFF_SHARE_SHAPES", True)
        self.wait = _flag("AUTODIFF_WAIT", False)

    @property
    def generator(self) -> str:
        """Which code generator new kernels come from."""
        return self._generator

    @generator.setter
    def generator(self, name: str) -> None:
        if name not in ("auto", "llvm", "numba"):
            raise ValueError(f"config.generator is {name!r}; it is one of auto, llvm, numba")
        self._generator = name

    @property
    def verify(self) -> str:
        """Which calls are compared with the plain function."""
        return self._verify

    @verify.setter
    def verify(self, name: str) -> None:
        if name not in VERIFY:
            raise ValueError(f"config.verify is {name!r}; it is one of {', '.join(VERIFY)}")
        self._verify = name

    @property
    def traceback(self) -> str:
        """Whether errors show the frames of this project: "short" or "full"."""
        return tracebacks.settings.choice

    @traceback.setter
    def traceback(self, name: str) -> None:
        if name not in tracebacks.CHOICES:
            raise ValueError(f"config.traceback is {name!r}; it is one of {', '.join(tracebacks.CHOICES)}")
        tracebacks.settings.choice = name

    @tracebacks.trims
    def __setattr__(self, name: str, value: Any) -> None:
        if name not in SETTINGS and name not in Config.__slots__:
            raise AttributeError(f"config has no setting {name!r}; it has {', '.join(SETTINGS)}")
        object.__setattr__(self, name, value)

    def thread_count(self, threads: int | None = None) -> int:
        """Threads that a kernel may use now: as many as asked for, or by default as `threads` says, and as there are processors."""
        wanted = self.threads if threads is None else threads
        if wanted == 1:
            return 1
        available = _processors()
        return available if wanted <= 0 else min(wanted, available)

    def __repr__(self) -> str:
        return "config(" + ", ".join(f"{n}={getattr(self, n)!r}" for n in SETTINGS) + ")"


SETTINGS = ("generator", "verify", "traceback", *Config.__slots__[3:])
"""The names of the settings."""


config = Config()
"""The settings of this process."""
