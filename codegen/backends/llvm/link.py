"""From LLVM IR to machine code in this process: parse, compile without LLVM's own optimiser, keep on disk, link.

Objects are relocatable: what they call outside (the C library, BLAS, NumPy references) is bound by name at link time, never baked in.
llvmlite alone is used; Numba is not imported.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import threading
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm

from codegen.once import once
from codegen.signals import uninterrupted
from codegen.spare import SPARE, need_memory

__all__ = ["Linked", "link", "compile_object", "host", "vector_bytes", "has_fma"]

_names = itertools.count()
_lock = threading.RLock()
# llvmlite guards every call, also those that free its objects, by a lock of its own (recursive), which it does not export.
_llvm_lock: Any = getattr(getattr(llvm.ffi, "lib", None), "_lock", None)
if not (hasattr(_llvm_lock, "__enter__") and hasattr(_llvm_lock, "__exit__")):
    _llvm_lock = threading.RLock()


@once
def host() -> tuple[str, str]:
    """The CPU's name and features, as LLVM says them."""
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@once
def _features() -> dict[str, bool]:
    return dict(llvm.get_host_cpu_features())


def vector_bytes() -> int:
    """Bytes in a vector register."""
    f = _features()
    return 64 if f.get("avx512f") and f.get("avx512dq") and f.get("avx512vl") and f.get("avx512bw") else (32 if f.get("avx2") else 16)


def has_fma() -> bool:
    """Whether the host multiplies and adds with one rounding."""
    triple = llvm.get_process_triple()
    return bool(_features().get("fma")) or "aarch64" in triple or "arm64" in triple


STRAIGHT_LINE = "; straight-line code\n"
"""The first line of a module that is hardly more than one long row of statements. LLVM's scheduler and register allocator take time that
grows faster than such a row; without them a row of 30,000 instructions is compiled in 0.05 s instead of 1.2 s, and runs as often as it is
called, once."""


@once
def _machine(opt: int = 2) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name, features = host()
    return llvm.Target.from_default_triple().create_target_machine(cpu=name, features=features, opt=opt, reloc="default",
                                                                   codemodel="jitdefault", jit=True)


@once
def _jit() -> Any:
    _machine()
    name, features = host()
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=name, features=features, opt=2, reloc="default",
                                                                      codemodel="jitdefault", jit=True)
    return llvm.create_lljit_compiler(machine)


@once
def header() -> str:
    """Target lines of a module."""
    return f'target triple = "{llvm.get_process_triple()}"\ntarget datalayout = "{_machine().target_data}"\n'


BYTES_PER_CHARACTER = 64
"""Memory that LLVM takes for a character of text: 23 to 35 bytes, measured with straight-line programs of 60 and 560 kB."""


def compile_object(text: str) -> bytes:
    """Machine code of a module, as an object file."""
    need_memory(SPARE + BYTES_PER_CHARACTER * len(text), "to compile")
    with uninterrupted(), _lock:
        module = llvm.parse_assembly(header() + text)
        if os.environ.get("AUTODIFF_VERIFY"):
            module.verify()
        with _llvm_lock, _no_strength_reduction():
            return _machine(0 if text.startswith(STRAIGHT_LINE) else 2).emit_object(module)


@contextmanager
def _no_strength_reduction():
    """LLVM's loop strength reduction off, for what this thread compiles under LLVM's lock.

    The pass costs more than the rest of code generation where a loop reads many places of many arrays (a 3-D stencil and its
    cotangents: 180 ms of 240), and our loops gain nothing by it: their addresses are written in the form it looks for, a base and one
    index. The option belongs to the process, so it is put back before another's code is compiled.
    """
    llvm.set_option("autodiff", "-disable-lsr")
    try:
        yield
    finally:
        llvm.set_option("autodiff", "-disable-lsr=false")


class Linked:
    """Machine code in this process. `address(name)` of an exported function."""

    __slots__ = ("_tracker", "_keep", "__weakref__")

    def __init__(self, tracker, keep: list[Any]):
        self._tracker = tracker
        self._keep = keep

    def address(self, name: str) -> int:
        """The address of an exported function."""
        return self._tracker[name]


def link(code: bytes, exports: list[str], imports: dict[str, int], keep: list[Any] | None = None) -> Linked:
    """Load an object. `imports` are addresses by name; other names are looked up in the process."""
    need_memory(SPARE, "to load compiled code")
    with uninterrupted(), _lock:
        b = llvm.JITLibraryBuilder()
        b.add_object_img(code)
        for name in exports:
            b.export_symbol(name)
        for name, address in imports.items():
            b.import_symbol(name, address)
        b.add_current_process()
        return Linked(b.link(_jit(), f"ad{next(_names)}"), keep or [])


def _before_fork() -> None:
    """A child that inherits a lock of LLVM's in the middle of another thread's work would wait for ever: fork waits for that work."""
    _lock.acquire()
    _llvm_lock.__enter__()


def _after_fork() -> None:
    _llvm_lock.__exit__(None, None, None)
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


def address_of(function) -> int:
    """The address of a ctypes function."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0
