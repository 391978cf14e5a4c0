"""From a graph to loop nests: the passes in front of the code generators, and what a kernel is.

    graph -> simplify -> tidy -> simplify -> lower -> drop dead stores -> fuse -> contract -> plan memory
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from codegen.fuse import contract, drop_dead, fuse
from codegen.loops import Program
from codegen.lower import lower
from codegen.memory import MemoryPlan, plan_memory
from codegen.simplify import simplify
from codegen.tidy import tidy
from tracer.graph import Graph

if TYPE_CHECKING:
    from codegen.emit_numba import Emitted

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
        from codegen.emit_numba import emit
        return emit(self.program, self.plan)

    @property
    def source(self) -> str:
        """The loops as Python source."""
        return self.numba.source


def stages(graph: Graph) -> Stages:
    """Run all passes that come before code generation."""
    simplified = simplify(tidy(simplify(graph)))
    program = contract(fuse(drop_dead(lower(simplified))))
    return Stages(graph, simplified, program, plan_memory(program))


@dataclass
class Kernel:
    """A compiled graph. `run(*flat arrays)` returns the tuple of flat results; safe to call from several threads.

    `note` says why it is not what was asked for, if so.
    """

    stages: Stages
    run: Callable[..., tuple]
    compile_seconds: float
    note: str = ""
    generator: str = field(default="", init=False)

    @property
    def references(self) -> list[str]:
        """Operations that call their NumPy reference."""
        return list(self.stages.program.references)
