"""Running a kernel between guard pages: an access outside a buffer kills the process instead of going unnoticed."""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import contextmanager

import numpy as np

PAGE = mmap.PAGESIZE
CANARY = 0xA5
_libc = ctypes.CDLL(None, use_errno=True)


class Guarded:
    """Memory that ends at a page nobody may touch and starts behind bytes that are looked at afterwards."""

    def __init__(self, size: int, align: int):
        room = -(-(size + align) // PAGE) * PAGE
        self.map = mmap.mmap(-1, room + PAGE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        if _libc.mprotect(ctypes.c_void_p(self.start + room), PAGE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
        ctypes.memset(self.start, CANARY, room)
        # The end touches the guard page as closely as the alignment allows.
        self.address = (self.start + room - size) // align * align
        self.room = room

    def check(self) -> None:
        """No byte in front of the buffer was written."""
        before = ctypes.string_at(self.start, self.address - self.start)
        assert before.count(bytes([CANARY])) == len(before), "a kernel wrote in front of a buffer"


@contextmanager
def guarded_call(kernel, *leaves):
    """The results of a kernel of the LLVM generator whose inputs, outputs and arena all lie between guard pages."""
    ins = [np.require(x, b.dtype, ["C", "A"]).reshape(b.static_shape()) for x, b in zip(leaves, kernel.inputs, strict=True)]
    held, pointers = [], []
    for a in ins:
        g = Guarded(a.nbytes, a.dtype.itemsize)
        ctypes.memmove(g.address, a.ctypes.data, a.nbytes)
        held.append(g)
        pointers.append(g.address)
    outs = []
    for b in kernel.outputs:
        size = int(np.prod(b.static_shape(), dtype=np.int64)) * b.dtype.itemsize
        g = Guarded(size, b.dtype.itemsize)
        held.append(g)
        pointers.append(g.address)
        outs.append((g, b, size))
    arena = Guarded(-(-kernel.arena // 64) * 64, 64)
    held.append(arena)
    table = (ctypes.c_void_p * (len(pointers) + 1))(*pointers)
    code = kernel._call(table, kernel.parameters.ctypes.data, arena.address)
    for g in held:
        g.check()
    for a, g in zip(ins, held, strict=False):
        assert ctypes.string_at(g.address, a.nbytes) == a.tobytes(), "a kernel wrote to an input"
    yield code, [np.frombuffer(ctypes.string_at(g.address, size), b.dtype).reshape(b.static_shape()) for g, b, size in outs]


AVAILABLE = os.name == "posix"
