"""From a graph to LLVM IR: all passes and the writer of modules. It is loaded only where no kernel is on disk."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from codegen.backends.llvm.link import Linked
from codegen.backends.llvm.made import Module
from codegen.backends.llvm.module import emit_llvm
from codegen.loops.language import Apply, Buffer, For, Lit, Load, Name, Program, Store
from codegen.loops.passes.arena import plan_memory
from codegen.loops.passes.vectorize import vectorize
from codegen.stages import Stages, stages
from codegen.target import Target
from tracer.graph import Graph

__all__ = ["build", "test_generator"]


def build(graph: Graph, machine: Target) -> tuple[Stages, Module]:
    """The stages of a graph, and its module. Raises NotKnown for what this generator cannot write."""
    st = stages(graph, machine)
    return st, emit_llvm(st.program, st.plan, machine)


def test_generator(machine: Target, link: Callable[[Module], Linked]) -> str:
    """Compile and run a small program with a masked loop, a sum and an elementary function; what is wrong, or nothing."""
    f8 = np.dtype(np.float64)
    n = 19
    x, y, total = (Buffer(s, f8, shape, role) for s, shape, role in
                   (("x", (Lit(n),), "input"), ("y", (Lit(n),), "output"), ("s", (), "output")))
    i = Name("i")
    e = Apply("exp", (Load(x, (i,)),), f8)
    program = Program("test", [x], [y, total], [Store(total, (), Lit(0.0, f8)),
                                                For(i, Lit(n), [Store(y, (i,), e), Store(total, (), Load(x, (i,)), "add")])])
    module = emit_llvm(vectorize(program, machine), plan_memory(program), machine)
    code = link(module)
    xs, ys, sums = np.linspace(-1, 1, n), np.zeros(n + 8), np.zeros(1)
    pointers = (ctypes.c_void_p * 3)(xs.ctypes.data, ys.ctypes.data, sums.ctypes.data)
    kernel = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(code.address("kernel"))
    result = kernel(pointers, module.parameters.ctypes.data, np.zeros(1024).ctypes.data)
    if result or not np.allclose(ys[:n], np.exp(xs), rtol=1e-14) or ys[n:].any() or abs(sums[0] - xs.sum()) > 1e-12:
        return "the self-test of the LLVM generator failed"
    return ""
