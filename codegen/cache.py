"""Machine code kept on disk, so that no process compiles what another one has compiled.

An entry is an object file under the hash of all that decides its contents: the IR text, the CPU and its features, the versions of
llvmlite and LLVM. How files are kept is the matter of `codegen/disk.py`.
"""

from __future__ import annotations

import hashlib

from codegen import disk
from codegen.host import host
from codegen.once import once

__all__ = ["cached_object", "key_of", "load", "store", "target"]

_MAGIC = b"autodiff object 1\n"


@once
def target() -> bytes:
    """What beside the text decides the machine code."""
    h = host()
    return f"{h.name} {h.features} llvmlite {h.llvmlite} LLVM {h.llvm} opt 2 no-lsr named\n".encode()


def key_of(text: str) -> str:
    """The name under which the machine code of a module is kept."""
    return hashlib.sha256(target() + text.encode()).hexdigest()


def cached_object(text: str) -> bytes:
    """Machine code of a module: from disk, or compiled and put there."""
    key = key_of(text)
    code = load(key)
    if code is None:
        from codegen.backends.llvm.compiler import compile_object
        code = compile_object(text)
        disk.count("compiled")
        store(key, code)
    return code


def load(key: str) -> bytes | None:
    """What is kept under a name; None if there is nothing, or nothing that can be trusted."""
    data = disk.load(key, _MAGIC + target())
    if data is not None:
        disk.count("loaded")
    return data


def store(key: str, data: bytes) -> None:
    """Keep something under a name, if there is a place to keep it."""
    disk.store(key, _MAGIC + target(), data)
