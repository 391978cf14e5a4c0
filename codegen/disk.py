"""Files in the cache directory: whole or not there, of this user alone, and what they say they are.

A file is written under a temporary name and renamed, so a reader sees a whole one or none. It starts with a head that says what it was made
for, and carries a checksum that its name is part of, so that a file under another's name is none. What does not agree is not used, with a
warning. The directory must belong to this user and be writable by nobody else. What was used longest ago goes first when there is no room.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
import warnings

from codegen.config import config
from tracer.locks import process_lock

__all__ = ["CacheWarning", "clear", "load", "statistics", "store"]

_SCAN_EVERY = 32
"""The directory is looked through at one write in so many, which the name decides: most processes write a few files, and looking through
20,000 takes 0.2 s."""


class CacheWarning(UserWarning):
    """A kernel on disk could not be used; it was compiled again."""


def load(key: str, head: bytes) -> bytes | None:
    """What is kept under a name for a head; None if there is nothing, or nothing that can be trusted."""
    directory = _directory() if config.cache else None
    return _read(directory, key, head) if directory is not None else None


def store(key: str, head: bytes, data: bytes) -> None:
    """Keep something under a name, if there is a place to keep it."""
    directory = _directory() if config.cache else None
    if directory is not None:
        _write(directory, key, head, data)


_count = {"loaded": 0, "compiled": 0, "written": 0}


def count(what: str) -> None:
    """One object more was "loaded" or "compiled"."""
    _count[what] += 1


def statistics() -> dict[str, int]:
    """Objects loaded, compiled and written by this process.

    Examples
    --------
    >>> sorted(statistics())
    ['compiled', 'loaded', 'written']
    """
    return dict(_count)


_checked: dict[str, bool] = {}
_lock = process_lock(globals(), "_lock")


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


def _read(directory: str, key: str, head: bytes) -> bytes | None:
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


def _write(directory: str, key: str, head: bytes, code: bytes) -> None:
    path = os.path.join(directory, key + ".o")
    temporary = os.path.join(directory, f".new{os.getpid()}_{threading.get_ident()}_{time.time_ns()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
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
    if int(key[:8], 16) % _SCAN_EVERY == 0:
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
