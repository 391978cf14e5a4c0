"""From a graph to loops: the passes that run, in their order, before a back end makes code.

    graph -> GRAPH_PASSES -> LOWER -> LOOP_PASSES -> plan of the memory

Each pass has a name. `autodiff.show(f, *args, stage=name)` prints what it leaves, `stage="passes"` what all of them changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from codegen.config import config
from codegen.loops.check import check as check_program
from codegen.loops.language import Program, Stmt, blocks
from codegen.loops.lower import lower
from codegen.loops.passes.accumulate_products import accumulate_products
from codegen.loops.passes.arena import MemoryPlan, plan_memory
from codegen.loops.passes.fuse import contract, drop_dead, fuse
from codegen.loops.passes.share_loops import share_loops
from codegen.loops.passes.vectorize import vectorize
from codegen.target import GENERIC, Target
from tracer.check import check as check_graph
from tracer.graph import Graph, all_nodes
from tracer.ops.control import loop
from tracer.passes.batch_products import batch_products
from tracer.passes.gather_updates import gather_updates
from tracer.passes.merge_loops import merge_loops
from tracer.passes.schedule import schedule
from tracer.passes.shrink_loops import shrink_loops
from tracer.passes.simplify import simplify
from tracer.passes.stable import stable_sigmoids
from tracer.passes.store_forwarding import forward_stores
from tracer.show.text import text

if TYPE_CHECKING:
    from codegen.backends.numba.source import Emitted

__all__ = ["GRAPH_PASSES", "LOOP_PASSES", "LOWER", "Pass", "Stages", "all_passes", "pass_table", "stages", "text_after"]


@dataclass(frozen=True)
class Pass:
    """A step from graph to graph or from program to program that keeps the meaning; the step between the two is one as well.

    A pass over programs may change the program that it is given; it returns it.
    """

    name: str
    run: Callable[..., Any]
    assumes: str
    guarantees: str
    only_with_loops: bool = False
    """Whether the pass is left out where the graph that it would get holds no loop node."""
    asks_target: bool = False
    """Whether the pass depends on the machine: `run` takes it as a second argument."""

    def applies(self, subject: Graph | Program) -> bool:
        """Whether the pass is run on this graph or program."""
        return not self.only_with_loops or any(n.op is loop for n in all_nodes(subject))  # type: ignore[arg-type]


GRAPH_PASSES: tuple[Pass, ...] = (
    Pass("stable_sigmoids", stable_sigmoids,
         assumes="any well-formed graph",
         guarantees="1 / (1 + exp(-x)) is one node, whose derivative does not overflow"),
    Pass("forward_stores", forward_stores,
         assumes="any well-formed graph",
         guarantees="no element is read where it was just set, or set twice with no reader between"),
    Pass("simplify", simplify,
         assumes="any well-formed graph",
         guarantees="no call node, no two equal nodes and no dead node, in bodies too; constants are folded"),
    Pass("shrink_loops", shrink_loops, only_with_loops=True,
         assumes="a simplified graph",
         guarantees="each loop has only inputs and outputs that are used, and no work that is the same at every step"),
    Pass("batch_products", batch_products, only_with_loops=True,
         assumes="shrunk loops",
         guarantees="sums of products of thin factors over the steps of a loop are one product after it; may leave work to fold"),
    Pass("simplify_again", simplify, only_with_loops=True,
         assumes="any well-formed graph",
         guarantees="what `simplify` does, for the nodes that the two passes before have made"),
    Pass("merge_loops", merge_loops, only_with_loops=True,
         assumes="a simplified graph",
         guarantees="no loop computes only what another loop computes as well"),
    Pass("gather_updates", gather_updates, only_with_loops=True,
         assumes="a simplified graph",
         guarantees="updates of one array by several slices of known lengths, one after another, are one `add_slices` node"),
    Pass("schedule", schedule, only_with_loops=True,
         assumes="any well-formed graph",
         guarantees="a reader of an array stands before the node that may overwrite it, unless it depends on that node"),
)
"""The passes over graphs, in the order in which they run."""

LOWER = Pass("lower", lower,
             assumes="a simplified graph without call nodes",
             guarantees="a program in which every stored value has loops and a buffer of its own; updates are in place where they may be")
"""The step from a graph to a program of the loop language."""

LOOP_PASSES: tuple[Pass, ...] = (
    Pass("drop_dead_stores", drop_dead,
         assumes="any program",
         guarantees="no store to a scratch buffer that nothing reads, and no empty loop"),
    Pass("fuse", fuse,
         assumes="any program; finds most where each value has loops of its own",
         guarantees="adjacent loops of equal length are one, where each step then finds what it reads"),
    Pass("contract", contract,
         assumes="fused loops",
         guarantees="a scratch buffer has no axis that one loop around all its uses runs over; most become scalars"),
    Pass("accumulate_products", accumulate_products,
         assumes="any program",
         guarantees="a matrix product that is only added to an array is accumulated there by the call itself"),
    Pass("share_loops", share_loops, asks_target=True,
         assumes="all loops as they will be run",
         guarantees="a long outermost loop whose steps threads may take says so, with what each of them has of its own"),
    Pass("vectorize", vectorize, asks_target=True,
         assumes="all statements as they will be run: its plans name stores",
         guarantees="each loop says whether and how it runs in vectors, and which sums are kept in vectors while it runs"),
)
"""The passes over programs, in the order in which they run."""


def all_passes() -> tuple[Pass, ...]:
    """The passes in the order in which they run, with the step from graphs to programs among them."""
    return (*GRAPH_PASSES, LOWER, *LOOP_PASSES)


Observer = Callable[[Pass, Any, bool], None]
"""Called after each pass with the pass, the graph or program that there is now, and whether the pass was run."""


def run_passes(passes: Sequence[Pass], subject: Any, target: Target, observe: Observer | None = None) -> Any:
    """Return what the passes make of a graph or a program, one after another."""
    for p in passes:
        applies = p.applies(subject)
        if applies:
            subject = p.run(subject, target) if p.asks_target else p.run(subject)
            if config.check:
                _check(subject, p.name)
        if observe is not None:
            observe(p, subject, applies)
    return subject


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


def _check(subject: Graph | Program, after: str) -> None:
    """Raise where a graph or program is not well formed."""
    if isinstance(subject, Graph):
        check_graph(subject, after)
    else:
        check_program(subject, after)


def stages(graph: Graph, target: Target = GENERIC, observe: Observer | None = None) -> Stages:
    """Run all passes that come before a back end, for a machine."""
    if config.check:
        _check(graph, "recording and differentiation")
    simplified = run_passes(GRAPH_PASSES, graph, target, observe)
    program = run_passes((LOWER, *LOOP_PASSES), simplified, target, observe)
    return Stages(graph, simplified, program, plan_memory(program))


# -- looking at passes ----------------------------------------------------------------------------

def _printed(subject: Graph | Program) -> str:
    return text(subject) if isinstance(subject, Graph) else str(subject)


def _size(subject: Graph | Program) -> tuple[int, str]:
    """The number of nodes of a graph, or of statements of a program, with those inside others, and what they are called."""
    def count(block: list[Stmt]) -> int:
        return sum(1 + sum(map(count, blocks(s))) for s in block)
    return (sum(1 for _ in all_nodes(subject)), "nodes") if isinstance(subject, Graph) else (count(subject.body), "statements")


def text_after(graph: Graph, name: str) -> str:
    """Return the text of the graph or program that the pass of this name leaves; it is the one before where the pass is left out."""
    found: list[str] = []

    def observe(p: Pass, subject: Graph | Program, ran: bool) -> None:
        if p.name == name:
            found.append(_printed(subject))
    stages(graph, observe=observe)
    if not found:
        raise ValueError(f"no pass is called {name!r}; there are {', '.join(p.name for p in all_passes())}")
    return found[0]


def pass_table(graph: Graph) -> str:
    """Return a table of all passes: how large the graph or program is before and after each, and whether it changed."""
    rows = [("pass", "before", "after", "")]
    size, unit = _size(graph)
    last = _printed(graph)

    def observe(p: Pass, subject: Graph | Program, ran: bool) -> None:
        nonlocal size, unit, last
        (now, name), printed = _size(subject), _printed(subject)
        note = "left out: no loop" if not ran else "nothing to change" if printed == last else ""
        rows.append((p.name, str(size), str(now), f"{name if name == unit else f'{unit} -> {name}'}{note and ', ' + note}"))
        size, unit, last = now, name, printed
    stages(graph, observe=observe)
    width = max(len(name) for name, *_ in rows)
    return "\n".join(f"{name:{width}}  {before:>6}  {after:>6}  {note}".rstrip() for name, before, after, note in rows)
