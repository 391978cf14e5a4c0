"""Kernels through Numba: compile the generated Python source, and the Python entry round the compiled function."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from codegen.backends.numba.source import Emitted, emit
from codegen.entry.calling import CallPlan, python_source
from codegen.entry.native import REUSED_BYTES
from codegen.kernel import Kernel
from codegen.loops.language import Buffer, BufferView, Call, Lit, Program, Stmt, blocks
from codegen.runtime.blas import SMALL_PRODUCT, one_thread
from codegen.stages import Stages
from tracer.errors import PROGRAM, error_class
from tracer.op import ops

__all__ = ["NumbaKernel", "compile_numba"]

_compile_lock = threading.Lock()


class NumbaKernel(Kernel):
    """A kernel that Numba compiled."""

    generator = "numba"

    def __init__(self, st: Stages, note: str = ""):
        start = time.perf_counter()
        with _compile_lock:
            self.function = _compile(st.program, st.numba)
        super().__init__(st.graph, _entry(self.function, st), time.perf_counter() - start, list(st.program.references), note)
        self.stages = st

    def python_entry(self, plan: CallPlan, miss: Callable, hits: list[int]) -> Callable | None:
        """A Python function of the tuple of arguments; costs about 0.1 us a leaf, against 0.5 us for the general way."""
        parts = python_source(plan)
        if parts is None:
            return None
        return _entry(self.function, self.stages, parameters="args", head=parts.head, leaves=parts.leaves, pack=parts.result,
                      names={**parts.names, "miss": miss, "hits": hits})


def compile_numba(st: Stages, note: str = "") -> NumbaKernel:
    """Compile with Numba.

    Inputs of `run` are C-contiguous, aligned arrays of the input types (0-d ones as NumPy scalars); others are converted.
    """
    return NumbaKernel(st, note)


def _compile(program: Program, emitted: Emitted) -> Callable:
    import numba
    from numba import types

    from codegen.backends.numba.scalar import helpers
    space: dict[str, Any] = {"np": np, "inf": np.inf, "nan": np.nan}
    for name in ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        space[name] = getattr(np, name)
    for name in emitted.helpers:
        space[name] = numba.objmode if name == "objmode" else helpers[name]
    for name, info in emitted.references.items():
        space[name] = _reference_caller(ops[info["op"]], info["params"], info["inputs"])
    for name in set(re.findall(rf"\braise ({PROGRAM}\w+)", emitted.source)):
        space[name] = error_class(name)
    exec(compile(emitted.source, "<autodiff kernel>", "exec"), space)
    arguments = [_numba_type(types, numba, b) for b in program.inputs]
    arguments += [_numba_type(types, numba, b) for b in program.outputs if isinstance(b, Buffer) and b.shape]
    arguments += [numba.from_dtype(d)[::1] for d in emitted.arenas]
    # A kernel that calls Python cannot run without the interpreter's lock.
    return numba.njit(tuple(arguments), nogil=not emitted.references, error_model="numpy")(space["kernel"])


def _numba_type(types, numba, b: Buffer):
    scalar = numba.from_dtype(b.dtype)
    return types.Array(scalar, len(b.shape), "C") if b.shape else scalar


def _reference_caller(op, params: dict, inputs: int):
    """The reference of an op as a function of its inputs and the arrays that its outputs go to."""
    def call(*args):
        out = op.reference(*args[:inputs], **params)
        for target, value in zip(args[inputs:], out if op.many else [out], strict=True):
            target[...] = value
    return call


def _largest_product(block: list[Stmt]) -> float:
    """Multiplications of the largest matrix product in a block; infinite if its size is known only at run time."""
    largest = 0.0
    for s in block:
        if isinstance(s, Call) and s.kind == "matmul":
            (m, k), n = (_matrix_lengths(s.inputs[0])), _matrix_lengths(s.inputs[1])[1]
            largest = max(largest, m * k * n)
        for inner in blocks(s):
            largest = max(largest, _largest_product(inner))
    return largest


def _matrix_lengths(x: BufferView) -> list[float]:
    lengths = [float(d.value) if isinstance(d, Lit) else float("inf") for d in x.buffer.shape[-2:]]
    return lengths[::-1] if x.swapped else lengths


class _Reused:
    """The memory of a result, given out again once the caller has dropped the last one."""

    __slots__ = ("shape", "dtype", "given")

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, dtype
        self.given: list[np.ndarray] = []

    def take(self):
        """The last result if no one else refers to it, also not through a view; else new memory.

        `pop` takes it out in one step, so that no other thread can be given the same one.
        """
        try:
            array = self.given.pop()
        except IndexError:
            return np.empty(self.shape, self.dtype)
        return array if sys.getrefcount(array) == _ONLY_HERE else np.empty(self.shape, self.dtype)


def _references_to_a_local() -> int:
    """What sys.getrefcount says of an object that one local variable holds; it differs between versions of Python."""
    array = np.empty(1)
    return sys.getrefcount(array)


_ONLY_HERE = _references_to_a_local()


class _Exact:
    """The same kernel with the C library's sine and cosine; compiled when an argument is first too large for the fast ones."""

    def __init__(self, st: Stages):
        self.stages = st
        self.function: Callable | None = None

    def __call__(self, *args):
        if self.function is None:
            with _compile_lock:
                if self.function is None:
                    st = self.stages
                    self.function = _compile(st.program, emit(st.program, st.plan, exact=True))
        return self.function(*args)


def _entry(function: Callable, st: Stages, *, parameters: str | None = None, head: Sequence[str] = (),
           leaves: Sequence[str] | None = None, pack: Callable[[list[str]], str] | None = None,
           names: dict[str, Any] | None = None) -> Callable[..., Any]:
    """The Python function round a compiled one: allocates outputs, lends an arena, puts results in order.

    By default it takes the flat inputs and returns the tuple of flat results. `head` is code that makes the `leaves` from other
    `parameters`, `pack` writes the expression that is returned, `names` are what both refer to. One generated function does it all,
    because at this point every call counts.
    """
    program = st.program
    inputs = list(leaves) if leaves is not None else [f"a{i}" for i in range(len(program.inputs))]
    arrays = [b for b in program.outputs if b.shape]
    made = [f"o{i}" for i in range(len(arrays))]
    arenas = [(n, d) for d, n in st.plan.arenas.items()]
    spare: list[tuple] = []
    space: dict[str, Any] = {"function": function, "empty": np.empty, "spare": spare, "convert": _convert, "exact": _Exact(st),
                             "ndarray": np.ndarray, "types": [(b.dtype, b.static_shape()) for b in program.inputs],
                             "make_arenas": lambda: tuple([np.empty(n, d) for n, d in arenas])}
    lend = ["*arenas"] if arenas else []
    body = list(head)
    # A 0-d array is a scalar to compiled code; Numba would take 0.1 ms to find that out.
    body += [f"if type({n}) is ndarray: {n} = {n}[()]" for n, b in zip(inputs, program.inputs, strict=True) if not b.shape]
    for i, b in enumerate(arrays):
        shape = b.static_shape()
        space[f"shape{i}"], space[f"dtype{i}"] = shape, b.dtype
        if prod(shape) * b.dtype.itemsize >= REUSED_BYTES:  # type: ignore[arg-type]
            space[f"memory{i}"] = _Reused(shape, b.dtype)
            body.append(f"o{i} = memory{i}.take()")
        else:
            body.append(f"o{i} = empty(shape{i}, dtype{i})")
    if arenas:
        body += ["try:", "    arenas = spare.pop()", "except IndexError:", "    arenas = make_arenas()"]
    converted = [f"{n} = convert({n}, types[{i}])" for i, n in enumerate(inputs)]
    call = f"({', '.join([*inputs, *made, *lend])})"
    # Numba refuses an array of another layout, slowly (40 us); from then on this entry looks at the layout of each array itself.
    looks = [f"    if not {n}.flags.carray: {n} = convert({n}, types[{i}])"
             for i, (n, b) in enumerate(zip(inputs, program.inputs, strict=True)) if b.shape]
    run = [*(["if careful:", *looks] if looks else []), "try:", f"    s = function{call}", "except TypeError:",
           "    careful.append(True)", *(f"    {c}" for c in converted), f"    s = function{call}"]
    space["careful"] = []
    if st.numba.watches:
        run += ["if s[-1]:", f"    s = exact{call}"]
    limit = one_thread() if 0 < _largest_product(program.body) <= SMALL_PRODUCT else None
    if limit is not None:
        space["blas"] = limit
        run = ["blas.enter()", "try:", *(f"    {line}" for line in run), "finally:", "    blas.leave()"]
    body += run
    if arenas:
        body.append("spare.append(arenas)")
    body += [f"memory{i}.given.append(o{i})" for i in range(len(arrays)) if f"memory{i}" in space]
    results, rest, j = [], iter(made), 0
    for b in program.outputs:
        if b.shape:
            results.append(next(rest))
        else:
            space[f"scalar{j}"] = b.dtype.type
            results.append(f"scalar{j}(s[{j}])")
            j += 1
    body.append(f"return {pack(results)}" if pack else f"return ({', '.join(results)}{',' if results else ''})")
    source = f"def run({parameters if parameters is not None else ', '.join(inputs)}):\n" + "\n".join(f"    {line}" for line in body)
    space.update(names or {})
    exec(compile(source, "<autodiff entry>", "exec"), space)
    return space["run"]


def _convert(x, wanted):
    """An input as compiled code takes it: C-contiguous, aligned, native, writable; 0-d as a scalar."""
    dtype, shape = wanted
    if shape == ():
        return dtype.type(x)
    return np.require(x, dtype, ["C", "A", "W"])
