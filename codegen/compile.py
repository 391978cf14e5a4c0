"""From a graph to a kernel: which code generator makes it."""

from __future__ import annotations

from codegen.backends.llvm.scalar import NotKnown
from codegen.config import config
from codegen.stages import Kernel, Stages, stages
from tracer.graph import Graph

__all__ = ["Kernel", "Stages", "stages", "compile_graph", "expected_seconds"]


def expected_seconds(operations: int) -> float:
    """How long compiling a graph of so many operations takes, about."""
    if config.generator != "numba":
        from codegen.backends.llvm.kernel import why_not
        if not why_not():
            return 4e-4 * operations
    return 0.06 + 4e-3 * operations


def compile_graph(graph: Graph, generator: str | None = None, threads: int | None = None) -> Kernel:
    """Compile a graph.

    Inputs of `run` are C-contiguous, aligned arrays of the input types (0-d ones as NumPy scalars); others are converted.

    Parameters
    ----------
    generator : "auto", "llvm" or "numba"; by default what `config` says. "auto" takes LLVM where its self-test passes and it knows
        all that the program does, else Numba, and the kernel's `note` says why
    threads : most threads that the kernel may use; by default what `config` says
    """
    generator = generator or config.generator
    if generator != "numba":
        from codegen.backends.llvm.kernel import llvm_kernel, why_not
        problem = why_not()
        if not problem:
            try:
                return llvm_kernel(graph, config.thread_count(threads))
            except NotKnown as e:
                problem = str(e)
        if generator == "llvm":
            raise RuntimeError(f"the llvm generator was asked for, but: {problem}")
        note = f"generated through Numba: {problem}"
    else:
        note = ""
    from codegen.backends.numba.kernel import NumbaKernel
    return NumbaKernel(stages(graph), note)
