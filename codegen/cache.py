"""Machine code kept on disk, so that no process compiles what another one has compiled.

An entry is an object file under the hash of all that decides its contents: the IR text, the CPU and its features, the versions of
llvmlite and LLVM. It is written to a temporary file and renamed, so a reader sees a whole entry or none; it says what it was made for, and
carries a checksum that its name is part of, so that a file under another's name is no entry. Anything that does not agree is compiled
again with a warning. The directory must belong to this user
and be writable by nobody else.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import threading
import time
import warnings

from codegen.backends.llvm.link import compile_object, host
from codegen.config import config
from codegen.once import once

__all__ = ["cached_object", "key_of", "load", "store", "target", "CacheWarning", "statistics", "clear"]

_MAGIC = b"autodiff object 1\n"
_SCAN_EVERY = 32


class CacheWarning(UserWarning):
    """A kernel on disk could not be used; it was compiled again."""


@once
def target() -> bytes:
    """What beside the text decides the machine code."""
    import llvmlite
    import llvmlite.binding as llvm
    name, features = host()
    return f"{name} {features} llvmlite {llvmlite.__version__} LLVM {llvm.llvm_version_info} opt 2 no-lsr named\n".encode()


def key_of(text: str) -> str:
    """The name under which the machine code of a module is kept."""
    return hashlib.sha256(target() + text.encode()).hexdigest()


def cached_object(text: str) -> bytes:
    """Machine code of a module: from disk, or compiled and put there."""
    key = key_of(text)
    code = load(key)
    if code is None:
        code = compile_object(text)
        _count["compiled"] += 1
        store(key, code)
    return code


def load(key: str) -> bytes | None:
    """What is kept under a name; None if there is nothing, or nothing that can be trusted."""
    directory = _directory() if config.cache else None
    data = _read(directory, key) if directory is not None else None
    if data is not None:
        _count["loaded"] += 1
    return data


def store(key: str, data: bytes) -> None:
    """Keep something under a name, if there is a place to keep it."""
    directory = _directory() if config.cache else None
    if directory is not None:
        _write(directory, key, data)


_count = {"loaded": 0, "compiled": 0, "written": 0}


def statistics() -> dict[str, int]:
    """Objects loaded, compiled and written by this process.

    Examples
    --------
    >>> sorted(statistics())
    ['compiled', 'loaded', 'written']
    """
    return dict(_count)


_checked: dict[str, bool] = {}
_lock = threading.Lock()


def _directory() -> str | None:
    """The cache directory if it can be trusted, made if it is not there."""
    directory = config.cache_dir
    with _lock:
        if directory not in _checked:
            problem = _problem(directory)
            _checked[directory] = not problem
            if problem:
                warnings.warn(f"kernels are not kept on disk: {directory} {problem}", CacheWarning, stacklevel=2)
    return directory if _checked[directory] else None


def _problem(directory: str) -> str:
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        info = os.stat(directory)
    except OSError as e:
        return f"cannot be made ({e.strerror})"
    if not stat.S_ISDIR(info.st_mode):
        return "is not a directory"
    if hasattr(os, "getuid"):
        if info.st_uid != os.getuid():
            return "belongs to another user"
        if info.st_mode & 0o022:
            return "can be written by others"
    return ""


def _checksum(key: str, head: bytes, code: bytes) -> bytes:
    return hashlib.sha256(key.encode() + head + code).digest()


def _regular(path: str, flags: int) -> int:
    """Open a regular file. What is none, such as a pipe that would keep a reader waiting, is no file of ours.

    Raises
    ------
    OSError
        Where there is no such file.
    """
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is not a regular file")
    return handle


def _read(directory: str, key: str) -> bytes | None:
    path = os.path.join(directory, key + ".o")
    try:
        with open(path, "rb", opener=_regular) as f:
            data = f.read()
            info = os.fstat(f.fileno())
    except OSError:
        return None
    if hasattr(os, "getuid") and (info.st_uid != os.getuid() or info.st_mode & 0o022):
        warnings.warn(f"the kernel {path} belongs to another user or can be written by one; it is compiled anew", CacheWarning,
                      stacklevel=2)
        return None
    head = _MAGIC + target()
    code = data[len(head) + 32:]
    if not data.startswith(head) or _checksum(key, head, code) != data[len(head):len(head) + 32]:
        warnings.warn(f"the kernel {path} is damaged or was made for another machine; it is compiled anew", CacheWarning, stacklevel=2)
        return None
    if time.time() - info.st_mtime > 3600:  # the time of last use, to the hour
        try:
            os.utime(path)
        except OSError:
            pass
    return code


def _write(directory: str, key: str, code: bytes) -> None:
    path = os.path.join(directory, key + ".o")
    head = _MAGIC + target()
    try:
        handle, temporary = tempfile.mkstemp(dir=directory, prefix=".new")
        try:
            with os.fdopen(handle, "wb") as f:
                f.write(head + _checksum(key, head, code) + code)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
    except OSError:
        return  # a full or read-only disk: the kernel is there, only not kept
    _count["written"] += 1
    if _count["written"] % _SCAN_EVERY == 1:
        _evict(directory)


def _evict(directory: str) -> None:
    """Remove what was used longest ago until a tenth of the room is free, and what broken-off writes left behind."""
    found = []
    for entry in os.scandir(directory):
        try:
            info = entry.stat()
        except OSError:
            continue
        if entry.name.startswith(".new"):
            if time.time() - info.st_mtime > 3600:
                _remove(entry.path)
        elif entry.name.endswith(".o"):
            found.append((info.st_mtime, info.st_size, entry.path))
    total = sum(size for _, size, _ in found)
    if total <= config.cache_bytes:
        return
    for _, size, path in sorted(found):
        if total <= 0.9 * config.cache_bytes:
            break
        _remove(path)
        total -= size


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def clear() -> int:
    """Remove all kernels on disk; how many there were."""
    count = 0
    if os.path.isdir(config.cache_dir):
        for entry in os.scandir(config.cache_dir):
            if entry.name.endswith(".o"):
                _remove(entry.path)
                count += 1
    return count


def _after_fork() -> None:
    """A lock that another thread held when the process was forked would never be released in the child."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
