"""Memory that must be there before code starts that cannot say that it has run out.

LLVM ends the process where it gets no memory, and a thread that starts with too little is waited for without end. Both take little; so the
process asks the system for that much address space first, gives it back, and raises MemoryError where it cannot be had. Another thread may
take it in between: this makes such an end unlikely, not impossible.
"""

from __future__ import annotations

import mmap

__all__ = ["need_memory", "SPARE"]

SPARE = 48 << 20
"""Bytes that LLVM or a new thread may need besides what grows with the program: the first module takes 27 MB, a thread's stack 8."""


def need_memory(count: int, purpose: str) -> None:
    """Look that this process can have `count` bytes.

    Raises
    ------
    MemoryError
        If it cannot.

    Examples
    --------
    >>> need_memory(1 << 62, "to compile")
    Traceback (most recent call last):
    ...
    MemoryError: too little memory to compile
    """
    try:
        mmap.mmap(-1, count).close()
    except (OSError, OverflowError, ValueError):
        raise MemoryError(f"too little memory {purpose}") from None
