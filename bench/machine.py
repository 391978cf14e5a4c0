"""Holding the process to some cores and threads, and saying what it ran on."""

from __future__ import annotations

import datetime
import os
import platform
from importlib import metadata
from pathlib import Path

__all__ = ["hold", "describe"]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
                    "VECLIB_MAXIMUM_THREADS")


def hold(threads: int, pin: bool = True) -> None:
    """Give the process `threads` threads and, with `pin`, as many cores.

    Must run before NumPy and the peers are imported: they read the environment once.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    if pin and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:threads])


def describe() -> dict[str, str]:
    """The machine and the versions of what every peer stands on."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("numpy", "scipy", "numba")},
        "date": datetime.date.today().isoformat(),
    }


def _processor() -> str:
    """The model's name; family and model numbers where the name says little."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    first_core = info.read_text().split("\n\n")[0]
    pairs = [line.split(":", 1) for line in first_core.splitlines() if ":" in line]
    fields = {key.strip(): value.strip() for key, value in pairs}
    name = fields.get("model name", platform.machine())
    numbers = [f"{key} {fields[key]}" for key in ("cpu family", "model") if key in fields]
    wide = [f for f in ("avx2", "avx512f") if f in fields.get("flags", "").split()]
    return ", ".join([name, *numbers, *wide[-1:]])
