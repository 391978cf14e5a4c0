"""Kernels through LLVM: one machine code for all programs with the same text, and the calls that reach it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from codegen import link, pool
from codegen.cache import cached_object
from codegen.emit_llvm import FAILED_CALL, Module, emit_llvm
from codegen.loops import Buffer
from codegen.stages import Kernel, Stages
from tracer.op import ops

__all__ = ["LlvmKernel", "why_not"]

LONG_COST = 4000
"""Kernels of at least this many elements to go through let go of the interpreter's lock."""

_code: WeakValueDictionary[bytes, link.Linked] = WeakValueDictionary()
_recent: deque[link.Linked] = deque(maxlen=256)
_lock = threading.RLock()


class _Failure(threading.local):
    """The exception that a NumPy reference raised in this thread."""

    error: BaseException | None = None


_failure = _Failure()
_REFERENCE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_int64))
_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def _array_at(address: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """An array over memory that a kernel owns."""
    count = int(np.prod(shape, dtype=np.int64))
    if not count:
        return np.empty(shape, dtype)
    memory: Any = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)


def _callback(info: dict) -> Any:
    """A C function that calls the NumPy reference of an op on arrays given by address and lengths."""
    op, params, types = ops[info["op"]], info["params"], info["types"]

    def call(pointers, lengths) -> int:
        try:
            arrays, at = [], 0
            for k, (dtype, rank) in enumerate(types):
                arrays.append(_array_at(pointers[k], dtype, tuple(lengths[at:at + rank])))
                at += rank
            count = info["inputs"]
            out = op.reference(*arrays[:count], **params)
            for target, value in zip(arrays[count:], out if op.many else [out], strict=True):
                target[...] = value
        except BaseException as e:  # noqa: BLE001 - C code stands between: it is raised again behind it
            _failure.error = e
            return 1
        return 0
    return _REFERENCE(call)


def _link(module: Module) -> link.Linked:
    """The machine code of a module; shared by all kernels with this text."""
    from codegen.runtime import symbols
    if module.references:
        calls = {name: _callback(info) for name, info in module.references.items()}
        imports = {name: link.address_of(f) for name, f in calls.items()}
        return link.link(cached_object(module.text), ["kernel"], {**imports, **symbols(module.symbols)}, list(calls.values()))
    key = hashlib.sha256(module.text.encode()).digest()
    with _lock:
        found = _code.get(key)
    if found is None:
        made = link.link(cached_object(module.text), ["kernel"], symbols(module.symbols))
        with _lock:
            found = _code.setdefault(key, made)
    _recent.append(found)
    return found


class LlvmKernel(Kernel):
    """A kernel that LLVM compiled. `address` is that of its C function; see `emit_llvm`."""

    generator = "llvm"

    def __init__(self, st: Stages, threads: int = 1):
        start = time.perf_counter()
        threads = min(threads, pool.MOST) if pool.available() else 1
        self.module = emit_llvm(st.program, st.plan, link.vector_bytes(), link.has_fma(), threads)
        self.code = _link(self.module)
        self.address = self.code.address("kernel")
        self._call = _KERNEL(self.address)
        self._arenas: list[np.ndarray] = []
        self.inputs = st.program.inputs
        self.outputs: list[Buffer] = list(st.program.outputs)
        super().__init__(st, self._run, time.perf_counter() - start)

    def _run(self, *leaves: Any) -> tuple:
        """Call through ctypes: any layout of the inputs, for the general way of a call."""
        ins = [_ready(x, b) for x, b in zip(leaves, self.inputs, strict=True)]
        outs = [np.empty(b.static_shape() or (), b.dtype) for b in self.outputs]
        pointers = (ctypes.c_void_p * (len(ins) + len(outs) + 1))(*[a.ctypes.data for a in (*ins, *outs)])
        try:
            arena = self._arenas.pop()
        except IndexError:
            arena = np.empty(self.module.arena + 64, np.uint8)
        base = -(-arena.ctypes.data // 64) * 64
        code = self._call(pointers, self.module.parameters.ctypes.data, base)
        self._arenas.append(arena)
        if code:
            self.fail(code)
        return tuple([o if o.shape else o[()] for o in outs])

    def fail(self, code: int) -> None:
        """Raise what a kernel's code means."""
        if code == FAILED_CALL:
            error, _failure.error = _failure.error, None
            assert error is not None
            raise error
        if code < 0:
            raise MemoryError("out of memory in a compiled function")
        raise IndexError(self.module.messages[code - 1])

    def signature(self, nargs: int, accesses: Sequence[Sequence[int]], leaves: Sequence[Sequence[int]],
                  builds: Sequence[tuple[int, Sequence[int], Any]], keep: list[Any], same: bool = False):
        """The table by which the native entry calls this kernel. `same`: every call fills the same result arrays."""
        from codegen import native_entry as native
        outputs = []
        for b in self.outputs:
            shape = b.static_shape()
            assert shape is not None
            if not shape:
                how = native.MAKE_SCALAR
            elif same:
                how = native.MAKE_SAME
            else:
                how = native.MAKE_POOLED if native.reusable(shape, b.dtype) else native.MAKE_ARRAY
            outputs.append((how, b.dtype, shape))
        return native.Signature(nargs, accesses, leaves, outputs, builds, self.address, self.module.parameters, self.module.arena,
                                self._is_long(), self.fail, [*keep, self.code, self])

    def _is_long(self) -> bool:
        """Whether the kernel runs long enough to let go of the interpreter's lock."""
        if self.module.references:
            return True
        sizes = [int(np.prod(b.static_shape() or (), dtype=np.int64)) for b in [*self.inputs, *self.outputs]]
        return max(sizes, default=0) >= LONG_COST or self.module.arena >= 8 * LONG_COST or self.module.has_loops


def _ready(x: Any, b: Buffer) -> np.ndarray:
    """An input as compiled code takes it: C-contiguous, aligned, of the kernel's dtype."""
    a = np.require(x, b.dtype, ["C", "A"])
    return a if a.shape == b.static_shape() else a.reshape(b.static_shape())  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def why_not() -> str:
    """Why kernels are not generated through LLVM here; empty if they are."""
    try:
        return _self_test()
    except (ImportError, RuntimeError, OSError) as e:
        return f"{type(e).__name__}: {e}"


def _self_test() -> str:
    """Compile and run a small program with a masked loop, a sum and an elementary function."""
    from codegen.loops import Apply, For, Lit, Load, Name, Program, Store
    from codegen.memory import plan_memory
    f8 = np.dtype(np.float64)
    n = 19
    x, y, total = (Buffer(s, f8, shape, role) for s, shape, role in
                   (("x", (Lit(n),), "input"), ("y", (Lit(n),), "output"), ("s", (), "output")))
    i = Name("i")
    e = Apply("exp", (Load(x, (i,)),), f8)
    program = Program("test", [x], [y, total], [Store(total, (), Lit(0.0, f8)),
                                                For(i, Lit(n), [Store(y, (i,), e), Store(total, (), Load(x, (i,)), "add")])])
    module = emit_llvm(program, plan_memory(program), link.vector_bytes(), link.has_fma())
    code = link.link(cached_object(module.text), ["kernel"], {})
    xs, ys, sums = np.linspace(-1, 1, n), np.zeros(n + 8), np.zeros(1)
    pointers = (ctypes.c_void_p * 3)(xs.ctypes.data, ys.ctypes.data, sums.ctypes.data)
    result = _KERNEL(code.address("kernel"))(pointers, module.parameters.ctypes.data, np.zeros(1024).ctypes.data)
    if result or not np.allclose(ys[:n], np.exp(xs), rtol=1e-14) or ys[n:].any() or abs(sums[0] - xs.sum()) > 1e-12:
        return "the self-test of the LLVM generator failed"
    return ""


def _after_fork() -> None:
    """A lock that another thread held when the process was forked would never be released in the child."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
