"""From a graph to loop nests: the passes in front of the code generators, and what a kernel is.

    graph -> simplify -> tidy -> collect products -> simplify -> share loops -> gather updates -> schedule -> lower -> drop dead stores
          -> fuse -> contract -> accumulate products -> plan memory
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from codegen.loops.language import Program
from codegen.loops.lower import lower
from codegen.loops.passes.accumulate_products import accumulate_products
from codegen.loops.passes.arena import MemoryPlan, plan_memory
from codegen.loops.passes.fuse import contract, drop_dead, fuse
from tracer.graph import Graph, all_nodes
from tracer.passes.batch_products import collect_products
from tracer.passes.gather_updates import gather_updates
from tracer.passes.merge_loops import share_loops
from tracer.passes.schedule import schedule
from tracer.passes.shrink_loops import tidy
from tracer.passes.simplify import simplify

if TYPE_CHECKING:
    from codegen.backends.numba.source import Emitted

__all__ = ["Kernel", "Stages", "stages"]


@dataclass
class Stages:
    """Everything between a graph and machine code, kept for looking at."""

    graph: Graph
    simplified: Graph
    program: Program
    plan: MemoryPlan

    @cached_property
    def numba(self) -> Emitted:
        """The generated Python source for Numba."""
        from codegen.backends.numba.source import emit
        return emit(self.program, self.plan)

    @property
    def source(self) -> str:
        """The loops as Python source."""
        return self.numba.source


def stages(graph: Graph) -> Stages:
    """Run all passes that come before code generation."""
    simplified = simplify(graph)
    if any(n.op.name == "loop" for n in all_nodes(simplified)):
        simplified = schedule(gather_updates(share_loops(simplify(collect_products(tidy(simplified))))))
    program = accumulate_products(contract(fuse(drop_dead(lower(simplified)))))
    return Stages(graph, simplified, program, plan_memory(program))


class Kernel:
    """A compiled graph. `run(*flat arrays)` returns the tuple of flat results; safe to call from several threads.

    `note` says why it is not what was asked for, if so; `references` are the operations that call their NumPy reference.
    """

    generator = ""

    def __init__(self, graph: Graph, run: Callable[..., tuple], compile_seconds: float, references: list[str], note: str = ""):
        self.graph = graph
        self.run = run
        self.compile_seconds = compile_seconds
        self.references = references
        self.note = note

    @cached_property
    def stages(self) -> Stages:
        """Everything between the graph and machine code; made again if the kernel came from disk."""
        return stages(self.graph)
