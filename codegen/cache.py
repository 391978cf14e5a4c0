"""Machine code kept on disk, so that no process compiles what another one has compiled.

An entry is an object file under the hash of all that decides its contents: the IR text, the CPU and its features, the versions of
llvmlite and LLVM. How files are kept is the matter of `codegen/disk.py`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable

import codegen
import tracer
from codegen import disk
from codegen.host import has_fma, host, vector_bytes
from codegen.once import once

__all__ = ["cached_object", "compiler", "files_of", "key_of", "load", "store", "target"]

_MAGIC = b"autodiff object 1\n"


@once
def target() -> bytes:
    """What beside the text decides the machine code."""
    h = host()
    return f"{h.name} {h.features} llvmlite {h.llvmlite} LLVM {h.llvm} opt 2 no-lsr named\n".encode()


def key_of(text: str) -> str:
    """The name under which the machine code of a module is kept."""
    return hashlib.sha256(target() + text.encode()).hexdigest()


def cached_object(text: str | Callable[[], str], name: str = "") -> bytes:
    """Machine code of a module: from disk, or compiled and put there.

    Parameters
    ----------
    text : the module, or, where writing it takes long, a function that does
    name : tells it from all other modules that this compiler writes with such a function
    """
    key = key_of(text) if isinstance(text, str) else hashlib.sha256(compiler() + target() + name.encode()).hexdigest()
    code = load(key)
    if code is None:
        from codegen.backends.llvm.compiler import compile_object
        code = compile_object(text if isinstance(text, str) else text())
        disk.count("compiled")
        store(key, code)
    return code


@once
def compiler() -> bytes:
    """What tells this compiler from one that might make something else: its files."""
    files = files_of([os.path.abspath(package.__path__[0]) for package in (codegen, tracer)])
    return repr((files, vector_bytes(), has_fma())).encode()


def files_of(roots: Iterable[str]) -> list[tuple[str, int, int]]:
    """Return path, size and time of the last change of every file in these folders and the folders inside them, in order.

    Paths start with the name of the root, so that the same package in another place has the same paths. Byte code and
    hidden files are left out.
    """
    found = []
    folders = [(root, os.path.basename(root)) for root in roots]
    while folders:
        folder, name = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__pycache__":    # what starts with a dot an editor keeps for a while
                    continue
                path = os.path.join(name, entry.name)
                if entry.is_dir():
                    folders.append((entry.path, path))
                else:
                    info = entry.stat()
                    found.append((path, info.st_size, info.st_mtime_ns))
    return sorted(found)


def load(key: str) -> bytes | None:
    """What is kept under a name; None if there is nothing, or nothing that can be trusted."""
    data = disk.load(key, _MAGIC + target())
    if data is not None:
        disk.count("loaded")
    return data


def store(key: str, data: bytes) -> None:
    """Keep something under a name, if there is a place to keep it."""
    disk.store(key, _MAGIC + target(), data)
