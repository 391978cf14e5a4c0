"""From LLVM IR to machine code, by LLVM itself, without its own optimiser; and its linker, for objects that `objects.py` cannot load.

llvmlite alone is used; Numba is not imported. This file is loaded where something has to be compiled.
"""

from __future__ import annotations

import itertools
import os
import threading
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm

from codegen.host import asked
from codegen.once import once
from codegen.signals import uninterrupted
from codegen.spare import SPARE, need_memory

__all__ = ["STRAIGHT_LINE", "compile_object", "linked_by_llvm"]

_names = itertools.count()
_lock = threading.RLock()
# llvmlite guards every call, also those that free its objects, by a lock of its own (recursive), which it does not export.
_llvm_lock: Any = getattr(getattr(llvm.ffi, "lib", None), "_lock", None)
if not (hasattr(_llvm_lock, "__enter__") and hasattr(_llvm_lock, "__exit__")):
    _llvm_lock = threading.RLock()

STRAIGHT_LINE = "; straight-line code\n"
"""The first line of a module that is hardly more than one long row of statements. LLVM's scheduler and register allocator take time that
grows faster than such a row; without them a row of 30,000 instructions is compiled in 0.05 s instead of 1.2 s, and runs as often as it is
called, once."""


@once
def _machine(opt: int = 2) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    h = asked()
    return llvm.Target.from_default_triple().create_target_machine(cpu=h.name, features=h.features, opt=opt, reloc="default",
                                                                   codemodel="jitdefault", jit=True)


@once
def _jit() -> Any:
    _machine()
    h = asked()
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=h.name, features=h.features, opt=2, reloc="default",
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


def linked_by_llvm(code: bytes, exports: list[str], imports: dict[str, int]) -> tuple[dict[str, int], Any]:
    """The addresses of an object's functions, and what keeps it loaded; names that are not given are looked up in the process."""
    need_memory(SPARE, "to load compiled code")
    with uninterrupted(), _lock:
        b = llvm.JITLibraryBuilder()
        b.add_object_img(code)
        for name in exports:
            b.export_symbol(name)
        for name, address in imports.items():
            b.import_symbol(name, address)
        b.add_current_process()
        tracker = b.link(_jit(), f"ad{next(_names)}")
        return {name: tracker[name] for name in exports}, tracker


def _before_fork() -> None:
    """A child that inherits a lock of LLVM's in the middle of another thread's work would wait for ever: fork waits for that work."""
    _lock.acquire()
    _llvm_lock.__enter__()


def _after_fork() -> None:
    _llvm_lock.__exit__(None, None, None)
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
