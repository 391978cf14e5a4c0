"""What a back end makes of a graph: a kernel. A caller of kernels needs to know nothing else of the back end.

    run(*leaves)            the general way: any layout of the arguments
    call_table(plan)        the table by which the native entry calls the kernel without Python code in the way, if there is one
    python_entry(plan, …)   else a Python function for calls of one signature, if that is faster than the general way
    explain()               what a user should know of how the kernel came about
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tracer.graph import Graph

if TYPE_CHECKING:
    from codegen.entry.calling import CallPlan
    from codegen.entry.native import Signature
    from codegen.stages import Stages
    from tracer.lengths import Lengths

__all__ = ["Kernel"]


class Kernel:
    """A compiled graph.

    Attributes
    ----------
    generator : name of the back end
    graph : what was compiled
    run : takes the flat arrays of the graph's inputs, returns the tuple of flat results; safe to call from several threads
    compile_seconds : how long making it took
    references : the operations that call their NumPy reference
    note : why the kernel is not what was asked for, if so
    """

    generator = ""
    has_address = False
    """Whether it is a C function, which Numba and C code can call."""

    def __init__(self, graph: Graph, run: Callable[..., tuple], compile_seconds: float, references: list[str], note: str = ""):
        self.graph = graph
        self.run = run
        self.compile_seconds = compile_seconds
        self.references = references
        self.note = note

    outgrown = False
    """Whether tables that it has given are of no use any more: a result has become longer than they have room for."""

    def call_table(self, plan: CallPlan, same: bool = False, cut: Sequence[int | None] = ()) -> Signature | None:
        """The native entry's table for calls by a plan; None if only Python code can call this kernel.

        `same`: every call fills the same result arrays. `cut`: the kernel has further outputs, which come first and are integers; for each
        output of the plan the number of the one at which its first axis is cut off, if it is.
        """
        return None

    def python_entry(self, plan: CallPlan, miss: Callable, hits: list[int]) -> Callable | None:
        """A Python function of the tuple of arguments for calls by a plan; None if there is no faster way than the general one.

        Arguments of another signature go to `miss`; calls that it serves are counted in `hits[0]`.
        """
        return None

    def for_lengths(self, lengths: Lengths) -> Callable[[Sequence[int]], Any] | None:
        """A function from the numbers of the symbols to the kernel for arrays of these lengths; None if there is none.

        The kernel was made of a graph whose lengths are those of `lengths`, and the numbers must be such that these hold.
        """
        return None

    def explain(self) -> str:
        """What a user should know of how the kernel came about; begins with "; " unless it is empty."""
        called = f"; it calls NumPy for {', '.join(sorted(set(self.references)))}" if self.references else ""
        return (f"; {self.note}" if self.note else "") + called

    def release(self) -> None:
        """Drop what was kept for looking at the kernel, and is not needed to run it: `stages` cannot be asked for afterwards."""

    @cached_property
    def stages(self) -> Stages:
        """Everything between the graph and machine code; made again if the kernel came from disk."""
        from codegen.stages import stages
        return stages(self.graph)
