"""Object files brought into memory without LLVM, which takes longer to load than all that a process with its kernels on disk needs.

What our modules become on x86-64 under Linux is simple: sections, symbols, and one kind of relocation, a 64-bit address, because code for
a JIT may lie anywhere. Such an object is copied into fresh memory, its addresses are written, and the memory is made executable and
read-only. Anything else is LLVM's matter: `NotLoadable`.

The format: "ELF-64 Object File Format", version 1.5, and the "System V ABI, AMD64 Supplement", sections 4.2 to 4.4.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import struct
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from codegen.once import once

__all__ = ["Loaded", "NotLoadable", "loaded"]

_ALLOCATED, _WRITABLE = 0x2, 0x1
_SYMBOLS, _RELOCATIONS, _NO_BITS, _UNWIND = 2, 4, 8, 0x70000001
_ADDRESS = 1            # R_X86_64_64: symbol + addend, 8 bytes
_UNDEFINED, _RESERVED, _ABSOLUTE = 0, 0xff00, 0xfff1


class NotLoadable(Exception):
    """An object, or a system, that this loader does not know."""


class _Section(NamedTuple):
    """A row of the section table."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


class Loaded:
    """An object in memory. It is unmapped with this object."""

    __slots__ = ("_memory", "addresses")

    def __init__(self, memory: mmap.mmap, addresses: Mapping[str, int]):
        self._memory = memory
        self.addresses = addresses


def loaded(code: bytes, imports: Mapping[str, int]) -> Loaded:
    """Load an object; its functions by name are in `addresses`. Names that are not among the imports are looked up in the process.

    Raises
    ------
    NotLoadable
        For another system, and for what an object has that is not known here.
    MemoryError
        If there is no memory for it.
    RuntimeError
        If a name is found nowhere.
    """
    if not _is_known_system():
        raise NotLoadable("objects are loaded without LLVM under Linux on x86-64 only")
    sections = _sections(code)
    places, fixed, size = _laid_out(sections)
    try:
        memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE)
    except OSError:
        raise MemoryError("too little memory to load compiled code") from None
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for k, at in places.items():
        s = sections[k]
        if s.type != _NO_BITS:
            memory[at:at + s.size] = code[s.offset:s.offset + s.size]
    values, defined = _symbols(code, sections, {k: start + at for k, at in places.items()}, imports)
    for s in sections:
        if s.type == _RELOCATIONS and s.info in places:
            for offset, info, addend in struct.iter_unpack("<QQq", code[s.offset:s.offset + s.size]):
                value = values[info >> 32]
                if info & 0xffffffff != _ADDRESS or value is None:
                    raise NotLoadable(f"a relocation of kind {info & 0xffffffff}, to symbol {info >> 32}")
                struct.pack_into("<Q", memory, places[s.info] + offset, (value + addend) % 2 ** 64)
    if _protect()(start, fixed, mmap.PROT_READ | mmap.PROT_EXEC):
        raise NotLoadable(f"memory cannot be made executable: {os.strerror(ctypes.get_errno())}")
    return Loaded(memory, defined)


def _is_known_system() -> bool:
    return sys.platform == "linux" and platform.machine() == "x86_64" and ctypes.sizeof(ctypes.c_void_p) == 8


@once
def _protect() -> Callable[[int, int, int], int]:
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return protect


def _sections(code: bytes) -> list[_Section]:
    relocatable, x86_64 = 1, 62
    if code[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<HH", code, 16) != (relocatable, x86_64):
        raise NotLoadable("no relocatable object of x86-64")
    at, = struct.unpack_from("<Q", code, 40)
    row_size, count = struct.unpack_from("<HH", code, 58)
    return [_Section(*struct.unpack_from("<IIQQQQIIQQ", code, at + k * row_size)) for k in range(count)]


def _laid_out(sections: list[_Section]) -> tuple[dict[int, int], int, int]:
    """Offsets of the sections that code needs, by number; bytes of the part that is never written again; and of all.

    What is written comes behind the rest, on pages of its own. Tables for unwinding are left out: no exception passes through a kernel.
    """
    needed = [k for k, s in enumerate(sections) if s.flags & _ALLOCATED and s.type != _UNWIND and s.size]
    places, at, fixed = {}, 0, 0
    for writable in (0, _WRITABLE):
        for k in needed:
            s = sections[k]
            if s.flags & _WRITABLE == writable:
                if s.alignment > mmap.PAGESIZE:
                    raise NotLoadable(f"a section aligned to {s.alignment} bytes")
                places[k] = at = -(-at // max(s.alignment, 1)) * max(s.alignment, 1)
                at += s.size
        at = -(-at // mmap.PAGESIZE) * mmap.PAGESIZE
        fixed = fixed or at
    return places, fixed, at


def _symbols(code: bytes, sections: list[_Section], starts: dict[int, int],
             imports: Mapping[str, int]) -> tuple[list[int | None], dict[str, int]]:
    """Addresses of the symbols by number, None for those in a section that was left out; and of those that are defined here, by name."""
    values: list[int | None] = []
    defined: dict[str, int] = {}
    for table in sections:
        if table.type != _SYMBOLS:
            continue
        names = sections[table.link].offset
        for name_at, _, _, section, value, _ in struct.iter_unpack("<IBBHQQ", code[table.offset:table.offset + table.size]):
            name = code[names + name_at:code.index(b"\0", names + name_at)].decode()
            if section == _UNDEFINED:
                values.append(_imported(name, imports) if name else 0)
            elif section == _ABSOLUTE:
                values.append(value)
            elif section >= _RESERVED:
                raise NotLoadable(f"a symbol in the special section {section:#x}")
            elif section in starts:
                defined[name] = starts[section] + value
                values.append(defined[name])
            else:
                values.append(None)
    return values, defined


def _imported(name: str, imports: Mapping[str, int]) -> int:
    if name in imports:
        return imports[name]
    try:
        return ctypes.cast(ctypes.pythonapi[name], ctypes.c_void_p).value or 0
    except AttributeError:
        raise RuntimeError(f"compiled code calls `{name}`, which is not to be found") from None
