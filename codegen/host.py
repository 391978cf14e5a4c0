"""What this machine is to LLVM: its CPU, with the features that code may use, and the version of LLVM.

LLVM says it. Loading LLVM takes longer than everything else that a process does whose kernels are on disk, so what it said is kept there
too, under what Linux says of the CPU and under the file that LLVM lies in. On other systems LLVM is asked in each process.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
from dataclasses import asdict, dataclass

from codegen import disk
from codegen.once import once

__all__ = ["Host", "asked", "has_fma", "host", "vector_bytes"]

_HEAD = b"autodiff host 1\n"
_LINES = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features", "CPU implementer", "CPU architecture",
          "CPU variant", "CPU part", "CPU revision")
"""Lines of /proc/cpuinfo that say what a CPU is; others say how it does at the moment."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, in LLVM's words.

    name, features : the CPU, and `+avx2,-sse4a` for what it has and has not
    triple : architecture, vendor and system
    llvmlite, llvm : their versions
    """

    name: str
    features: str
    triple: str
    llvmlite: str
    llvm: str

    def has(self, *features: str) -> bool:
        """Whether the CPU has all of some features."""
        return all(f"+{f}" in self.features.split(",") for f in features)


@once
def host() -> Host:
    """This machine: what was kept of it, or what LLVM says."""
    what = _described()
    if not what:
        return asked()
    key = hashlib.sha256(what.encode()).hexdigest()
    kept = disk.load(key, _HEAD)
    if kept is not None:
        return Host(**json.loads(kept))
    found = asked()
    disk.store(key, _HEAD, json.dumps(asdict(found)).encode())
    return found


def asked() -> Host:
    """This machine as LLVM says, which is loaded for it."""
    import llvmlite
    import llvmlite.binding as llvm
    return Host(llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), llvm.get_process_triple(), llvmlite.__version__,
                str(llvm.llvm_version_info))


def _described() -> str:
    """The first CPU as Linux describes it, and the file of LLVM. Empty on other systems."""
    found = importlib.util.find_spec("llvmlite")
    if found is None or not found.submodule_search_locations:
        return ""
    library = os.path.join(found.submodule_search_locations[0], "binding", "libllvmlite.so")
    try:
        info = os.stat(library)
        with open("/proc/cpuinfo", encoding="ascii", errors="replace", buffering=8192) as f:
            lines: dict[str, str] = {}
            for line in f:
                name, _, value = line.partition(":")
                if not line.strip():
                    break
                if name.strip() in _LINES:
                    lines[name.strip()] = value.strip()
    except OSError:
        return ""
    return repr((platform.machine(), sorted(lines.items()), library, info.st_size, info.st_mtime_ns)) if lines else ""


def vector_bytes() -> int:
    """Bytes in a vector register."""
    return 64 if host().has("avx512f", "avx512dq", "avx512vl", "avx512bw") else 32 if host().has("avx2") else 16


def has_fma() -> bool:
    """Whether the host multiplies and adds with one rounding."""
    return host().has("fma") or "aarch64" in host().triple or "arm64" in host().triple
