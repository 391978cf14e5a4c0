"""Kernels through LLVM: one machine code for all programs with the same text, and the calls that reach it."""

from __future__ import annotations

import ctypes
import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from codegen import host
from codegen.backends.llvm import link
from codegen.backends.llvm.made import FAILED_CALL, NO_PLACE, NOT_POSITIVE, SINGULAR, Module
from codegen.cache import cached_object, compiler, key_of, load, store, target
from codegen.config import config
from codegen.entry import native
from codegen.entry.calling import CallPlan, NativeRows, native_table
from codegen.kernel import Kernel
from codegen.once import once
from codegen.runtime import pool
from codegen.target import Target
from tracer.errors import PROGRAM, error_class
from tracer.graph import Graph, structure
from tracer.lengths import Lengths, filled, number_of, source_of
from tracer.locks import process_lock
from tracer.op import ops
from tracer.sizes import Dim, Length
from tracer.tracebacks import trims

__all__ = ["LlvmKernel", "llvm_kernel", "why_not"]

LONG_COST = 4000
"""Kernels of at least this many elements to go through let go of the interpreter's lock."""

_code: WeakValueDictionary[str, link.Linked] = WeakValueDictionary()
_recent: deque[link.Linked] = deque(maxlen=256)
_lock = process_lock(globals(), "_lock", threading.RLock)


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


def _link(module: Module, key: str) -> link.Linked:
    """The machine code of a module; shared by all kernels with this text."""
    from codegen.runtime.symbols import symbols
    if module.references:
        calls = {name: _callback(info) for name, info in module.references.items()}
        imports = {name: link.address_of(f) for name, f in calls.items()}
        return link.link(cached_object(module.text), ["kernel"], {**imports, **symbols(module.symbols)}, list(calls.values()))
    return _shared(key, module.symbols, lambda: cached_object(module.text))


def _shared(key: str, names: Iterable[str], code: Callable[[], bytes]) -> link.Linked:
    from codegen.runtime.symbols import symbols
    with _lock:
        found = _code.get(key)
    if found is None:
        made = link.link(code(), ["kernel"], symbols(names))
        with _lock:
            found = _code.setdefault(key, made)
    _recent.append(found)
    return found


_MATRIX_ERRORS = {NOT_POSITIVE: "Matrix is not positive definite", SINGULAR: "singular matrix"}


class Slot:
    """An input or output of a kernel."""

    __slots__ = ("dtype", "shape")

    def __init__(self, dtype: np.dtype, shape: tuple[int, ...]):
        self.dtype = dtype
        self.shape = shape

    def static_shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.shape


def llvm_kernel(graph: Graph, threads: int = 1) -> LlvmKernel:
    """The kernel of a graph: from disk if this compiler has made it before, else compiled.

    Raises NotKnown for what this generator cannot write.
    """
    start = time.perf_counter()
    threads = min(threads, pool.MOST) if pool.available() else 1
    front = name_on_disk(graph, threads)
    made = kernel_on_disk(front, graph) if front else None
    if made is not None:
        return made
    from codegen.backends.llvm.build import build
    st, module = build(graph, this_machine(threads))
    key = key_of(module.text)
    code = _link(module, key)
    shapes = [b.static_shape() or () for b in (*st.program.inputs, *st.program.outputs)]
    slots = [Slot(b.dtype, tuple([number_of(d) for d in shape]))
             for b, shape in zip((*st.program.inputs, *st.program.outputs), shapes, strict=True)]
    split = len(st.program.inputs)
    kernel = LlvmKernel(graph, module, code, slots[:split], slots[split:], [info["op"] for info in module.references.values()],
                        time.perf_counter() - start)
    kernel.stages, kernel.shapes = st, shapes
    if front and not module.references:
        store(front, _packed(kernel, key))
        kernel.front = front
    return kernel


def this_machine(threads: int = 1) -> Target:
    """What kernels are compiled for here."""
    return Target(host.vector_bytes(), host.has_fma(), threads)


def name_on_disk(graph: Graph, threads: int) -> str | None:
    """A name for what this compiler makes of a graph. None if the graph holds something that has no lasting name, such as a function."""
    if not config.cache:
        return None
    text = repr((structure(graph), threads))
    if " at 0x" in text or any(type(d) is Length for v in graph.inputs for d in v.type.shape):
        return None
    return hashlib.sha256(compiler() + target() + text.encode()).hexdigest()


def _packed(kernel: LlvmKernel, key: str) -> bytes:
    """What a kernel is beside its machine code, as JSON."""
    m = kernel.module
    return json.dumps({"code": key, "parameters": m.parameters.tolist(), "arena": m.arena, "messages": m.messages,
                       "symbols": sorted(m.symbols), "loops": m.has_loops,
                       "inputs": [(b.dtype.name, b.shape) for b in kernel.inputs],
                       "outputs": [(b.dtype.name, b.shape) for b in kernel.outputs]}).encode()


def kernel_on_disk(front: str, graph: Graph) -> LlvmKernel | None:
    """The kernel that is kept under the name of a graph; None if there is none. Of the graph itself, nothing is looked at."""
    start = time.perf_counter()
    data = load(front)
    if data is None:
        return None
    d = json.loads(data)
    found = _code.get(d["code"])
    code = load(d["code"]) if found is None else b""
    if code is None:
        return None
    module = Module("", np.array(d["parameters"], np.int64), d["arena"], d["messages"], {}, set(d["symbols"]), d["loops"])
    linked = _shared(d["code"], d["symbols"], lambda: code)
    slots = [[Slot(np.dtype(name), tuple(shape)) for name, shape in d[which]] for which in ("inputs", "outputs")]
    kernel = LlvmKernel(graph, module, linked, slots[0], slots[1], [], time.perf_counter() - start)
    kernel.front = front
    return kernel


class LlvmKernel(Kernel):
    """A kernel that LLVM compiled. `address` is that of its C function; see `codegen/backends/llvm/module.py`."""

    generator = "llvm"
    has_address = True
    front: str | None = None
    """The name under which it is kept on disk; None where it is not."""
    shapes: Sequence[tuple[Dim, ...]] = ()
    """Those of the inputs and outputs, with the lengths in them that stand for others."""
    numbers: Mapping[str, int] = {}
    """What the symbols of these lengths are; empty for the shape that the kernel was made for."""

    def __init__(self, graph: Graph, module: Module, code: link.Linked, inputs: list[Slot], outputs: list[Slot], references: list[str],
                 seconds: float):
        self.module = module
        self.parameters = module.parameters
        self.arena = module.arena
        self.code = code
        self.address = code.address("kernel")
        self._call = _KERNEL(self.address)
        self._arenas: list[np.ndarray] = []
        self.inputs = inputs
        self.outputs = outputs
        super().__init__(graph, self._run, seconds, references)

    def _run(self, *leaves: Any) -> tuple:
        """Call through ctypes: any layout of the inputs, for the general way of a call."""
        ins = [_ready(x, b) for x, b in zip(leaves, self.inputs, strict=True)]
        outs = [np.empty(b.shape, b.dtype) for b in self.outputs]
        pointers = (ctypes.c_void_p * (len(ins) + len(outs) + 1))(*[a.ctypes.data for a in (*ins, *outs)])
        try:
            arena = self._arenas.pop()
        except IndexError:
            arena = np.empty(self.arena + 64, np.uint8)
        base = -(-arena.ctypes.data // 64) * 64
        code = self._call(pointers, self.parameters.ctypes.data, base)
        self._arenas.append(arena)
        if code:
            self.fail(code)
        return tuple([o if o.shape else o[()] for o in outs])

    def release(self) -> None:
        """Drop the graph and what was made of it, the IR too."""
        self.module = replace(self.module, text="")
        vars(self).pop("stages", None)
        vars(self).pop("graph", None)

    def fail(self, code: int) -> None:
        """Raise what a kernel's code means."""
        if code == FAILED_CALL:
            error, _failure.error = _failure.error, None
            assert error is not None
            raise error
        if code in _MATRIX_ERRORS:
            raise np.linalg.LinAlgError(_MATRIX_ERRORS[code])
        if code == NO_PLACE:
            raise ValueError("kth out of bounds")
        if code < 0:
            raise MemoryError("out of memory in a compiled function")
        kind, _, text = self.module.messages[code - 1].rpartition("\0")
        raise error_class(kind or "IndexError")(filled(text, self.numbers))

    def for_lengths(self, lengths: Lengths) -> Callable[[Sequence[int]], Resized]:
        table = self.module.table
        moving = [k for k, v in enumerate(table) if type(v) is Length]
        at = np.array(moving, np.intp)
        slots = [*self.inputs, *self.outputs]
        split, ranks = len(self.inputs), [len(s) for s in self.shapes]
        values_of = lengths.function([*(source_of(table[k]) for k in moving), source_of(self.module.arena_length),
                                      *(source_of(d) for shape in self.shapes for d in shape)])
        self.numbers = dict(lengths.numbers)

        def made(numbers: Sequence[int]) -> LlvmKernel:
            values = values_of(*numbers)
            n = len(moving)
            new = LlvmKernel.__new__(LlvmKernel)
            vars(new).update(vars(self))
            new.parameters = self.parameters.copy()
            new.parameters[at] = values[:n]
            new.arena, new._arenas = values[n], []
            n += 1
            shaped = []
            for slot, rank in zip(slots, ranks, strict=True):
                shaped.append(Slot(slot.dtype, values[n:n + rank]) if rank else slot)
                n += rank
            new.inputs, new.outputs = shaped[:split], shaped[split:]
            new.numbers = dict(zip(lengths.numbers, numbers, strict=True))
            new.run = new._run
            return new

        def resized(numbers: Sequence[int]) -> Resized:
            return Resized(made, numbers)
        return resized

    def call_table(self, plan: CallPlan, same: bool = False, cut: Sequence[int | None] = ()) -> native.Signature | None:
        """The native entry's table for calls by a plan; None where the entry does not work here, or does not know such leaves."""
        before = len(self.outputs) - plan.outputs if cut else 0
        rows = native_table(plan, before) if native.available() else None
        return None if rows is None else self._table(plan.arguments, rows, same, plan.donated, [*[None] * before, *cut])

    def c_table(self) -> native.Signature:
        """The table for calls that bring their own arrays."""
        return self._table(0, NativeRows([], [], [], [self]), False, [])

    def _table(self, arguments: int, rows: NativeRows, same: bool, donated: Sequence[int],
               cut: Sequence[int | None] = ()) -> native.Signature:
        outputs: list[tuple] = []
        # Where the program itself may raise, Python runs the call again: it needs the arguments as they are.
        raises = any(m.startswith(PROGRAM) for m in self.module.messages)
        taken = {}
        if donated and not raises:
            from codegen.loops.donate import donations
            taken = donations(self.stages.program, donated)
        for k, b in enumerate(self.outputs):
            shape = b.shape
            if cut and cut[k] is not None:
                outputs.append((native.MAKE_TRIMMED, b.dtype, shape, cut[k]))
                continue
            if k in taken:
                how, shape = native.MAKE_DONATED, (taken[k],)
            elif not shape:
                how = native.MAKE_SCALAR
            elif same:
                how = native.MAKE_SAME
            else:
                how = native.MAKE_POOLED if native.reusable(shape, b.dtype) else native.MAKE_ARRAY
            outputs.append((how, b.dtype, shape))
        return native.Signature(arguments, rows.accesses, rows.leaves, outputs, rows.builds, self.address, self.parameters,
                                self.arena, self._is_long(), trims(self.fail), [*rows.keep, self.code, self])

    def _is_long(self) -> bool:
        """Whether the kernel runs long enough to let go of the interpreter's lock."""
        if self.module.references:
            return True
        sizes = [int(np.prod(b.shape, dtype=np.int64)) for b in [*self.inputs, *self.outputs]]
        return max(sizes, default=0) >= LONG_COST or self.arena >= 8 * LONG_COST or self.module.has_loops


class Resized:
    """A kernel for other lengths. It keeps only these until it is used a second time: many shapes come once.

    Making it takes a few microseconds. Calls that repeat go through the native entry's table, if there is one.
    """

    __slots__ = ("_made", "_numbers", "_kernel", "_used")
    outgrown = False

    def __init__(self, made: Callable[[Sequence[int]], LlvmKernel], numbers: Sequence[int]):
        self._made = made
        self._numbers = numbers
        self._kernel: LlvmKernel | None = None
        self._used = False

    def __getattr__(self, name: str) -> Any:
        kernel = self._made(self._numbers) if self._kernel is None else self._kernel
        if self._used:
            self._kernel = kernel
        self._used = True
        return getattr(kernel, name)


def _ready(x: Any, b: Slot) -> np.ndarray:
    """An input as compiled code takes it: C-contiguous, aligned, of the kernel's dtype."""
    a = np.require(x, b.dtype, ["C", "A"])
    return a if a.shape == b.shape else a.reshape(b.shape)


@once
def why_not() -> str:
    """Why kernels are not generated through LLVM here; empty if they are."""
    try:
        return _tested()
    except (ImportError, RuntimeError, OSError) as e:
        return f"{type(e).__name__}: {e}"


def _tested() -> str:
    """Run the generator's self-test, unless this compiler has passed it on this machine before."""
    name = hashlib.sha256(compiler() + target() + b"self-test").hexdigest()
    if load(name) == b"passed":
        return ""
    from codegen.backends.llvm.build import test_generator
    problem = test_generator(this_machine(), lambda module: link.link(cached_object(module.text), ["kernel"], {}))
    if not problem:
        store(name, b"passed")
    return problem
