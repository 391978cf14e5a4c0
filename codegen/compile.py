"""From a graph to a kernel: which back end makes it.

A back end is an entry of `BACK_ENDS`: a function that makes a kernel of a graph. It may raise `NotKnown` for what it has no code for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

from codegen.backends.llvm.made import MixedTypesError, NotKnown
from codegen.config import config
from codegen.kernel import Kernel
from tracer.graph import Graph

__all__ = ["BACK_ENDS", "Kernel", "compile_graph", "expected_seconds", "CompilerWarning"]


class CompilerWarning(UserWarning):
    """A back end failed where it should not have, and another one took its place."""


def _llvm(graph: Graph, threads: int) -> Kernel:
    """Through LLVM IR. Raises NotKnown where its self-test fails, and for what it has no code for."""
    from codegen.backends.llvm.kernel import llvm_kernel, why_not
    problem = why_not()
    if problem:
        raise NotKnown(problem)
    return llvm_kernel(graph, threads)


def _numba(graph: Graph, threads: int) -> Kernel:
    """Through Python source for Numba; it knows all programs, and uses one thread."""
    from codegen.backends.numba.kernel import NumbaKernel
    from codegen.stages import stages
    return NumbaKernel(stages(graph))


BACK_ENDS: dict[str, Callable[[Graph, int], Kernel]] = {"llvm": _llvm, "numba": _numba}
"""Name of a back end -> the function that makes a kernel of a graph, for at most so many threads."""


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
    generator : "auto" or a name in `BACK_ENDS`; by default what `config` says. "auto" takes LLVM where its self-test passes and it knows
        all that the program does, else Numba, and the kernel's `note` says why. Should LLVM fail where it knows all, a warning says so
    threads : most threads that the kernel may use; by default what `config` says
    """
    generator = generator or config.generator
    most = config.thread_count(threads)
    if generator != "auto" and generator not in BACK_ENDS:
        raise ValueError(f"no back end is called {generator!r}; there are {', '.join(BACK_ENDS)}")
    try:
        return BACK_ENDS["llvm" if generator == "auto" else generator](graph, most)
    except NotKnown as e:
        if generator != "auto":
            raise RuntimeError(f"the {generator} generator was asked for, but: {e}") from None
        problem: Exception = e
    except (MixedTypesError, RuntimeError) as e:    # what LLVM says of IR that is not well formed is a RuntimeError
        if generator != "auto":
            raise
        problem = e
        line = str(e).split("\n")[0]
        warnings.warn(f"the llvm generator failed on `{graph.name}` ({type(e).__name__}: {line}); Numba compiles it. This is a fault of "
                      "autodiff: please report it with the function", CompilerWarning, stacklevel=2)
    kernel = BACK_ENDS["numba"](graph, most)
    kernel.note = f"generated through Numba: {problem}"
    return kernel
