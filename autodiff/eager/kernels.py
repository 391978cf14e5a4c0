"""Kernels of whole tapes: value and gradients of a tape that repeats are one compiled function.

The key of a walk says all that the compiler needs: recipes, places of operands, and types. A tape whose key has come `HOT` times gets a
kernel, made in the background (`autodiff.compiled.background`); until it is there, `backward` goes step by step.
"""

from __future__ import annotations

import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.compiled.background import no_collection, submit
from autodiff.eager.kinds import Kind
from autodiff.eager.matching import guard
from autodiff.eager.recipes import Pick, Recipe
from autodiff.eager.tape import Step, Walk
from autodiff.transforms.linearize import linearize_graph
from autodiff.transforms.transpose import transpose_graph
from codegen.config import config
from tracer.graph import Atom, Graph, Node, Var, atom_type
from tracer.locks import process_lock
from tracer.op import ops
from tracer.trace import evaluate, full, inline, trace_graph
from tracer.types import is_inexact

__all__ = ["Program", "TapeKernel", "kernel_for", "known_kernel", "run", "forget_kernels"]

HOT = 2
"""A tape has a kernel made when its key comes for the time after this many."""
MOST_STEPS = 3000
"""A longer tape goes step by step: LLVM would take seconds for it."""
MOST_KERNELS, MOST_SEEN = 512, 8192
MOST_GUARDS = 4
"""So many kernels are tried for a root before the tape is looked at in general."""

_kernels: OrderedDict[Any, TapeKernel] = OrderedDict()
_seen: dict[int, int] = {}
_lock = process_lock(globals(), "_lock")


class Program:
    """What a kernel computes, without any value: taken from a walk, so that the tape itself is not kept.

    Attributes
    ----------
    kinds : of the values from outside
    leaves : numbers of those that get a gradient
    steps : recipe and places of the operands of each step
    root : place of the value that is differentiated; None if no gradient is asked for
    kept : places of the values that are results
    seeded : whether the cotangent of the root is the last argument; else it is 1
    numbers : for each value from outside the class of the number that it is, or None for a step
    """

    __slots__ = ("kinds", "leaves", "steps", "root", "kept", "seeded", "numbers")

    def __init__(self, walked: Walk, root: int | None, kept: Sequence[int], seeded: bool):
        kinds: list[Kind] = []
        leaves = []
        steps: list[tuple[Any, list[int]]] = []
        for entry in walked.key:
            if entry.__class__ is int:
                if len(steps) == len(walked.steps) and len(steps[-1][1]) == len(walked.steps[-1].inputs):
                    break   # the roots
                steps[-1][1].append(entry)
            elif entry.__class__ is Kind:
                kinds.append(entry)
            elif entry.__class__ is tuple:
                leaves.append(len(kinds))
                kinds.append(entry[0])
            else:
                steps.append((entry, []))
        self.kinds, self.leaves, self.steps = kinds, tuple(leaves), steps
        self.root, self.kept, self.seeded = root, tuple(kept), seeded
        self.numbers = [None if x.__class__ is Step else x.__class__ for x in walked.outside]

    def graph(self) -> Graph:
        """Values from outside -> the root, then the kept values."""
        inputs = tuple([Var(k.type) for k in self.kinds])
        nodes: list[Node] = []
        made: list[Any] = []

        def atom(place: int) -> Any:
            return made[place] if place >= 0 else inputs[-1 - place]
        for recipe, places in self.steps:
            if recipe.__class__ is Pick:
                made.append(atom(places[0])[recipe.number])
                continue
            outputs = copied(recipe.graph, [atom(p) for p in places], nodes)
            made.append(outputs[0] if recipe.is_single else outputs)
        wanted = [self.root, *self.kept] if self.root is not None else [*self.kept]
        return Graph("tape", inputs, tuple(nodes), tuple([atom(p) for p in wanted]))

    def value_and_gradients(self) -> Graph:
        """Values from outside, and the seed -> the root, the kept values, and the gradients of the leaves."""
        graph = self.graph()
        if self.root is None:
            return graph
        nodes = list(graph.nodes)
        outputs = [graph.outputs[0], *(_without_gradient(a, nodes) for a in graph.outputs[1:])]
        graph = Graph(graph.name, graph.inputs, tuple(nodes), tuple(outputs))
        active = [k in self.leaves for k in range(len(self.kinds))]
        lin = linearize_graph(graph, active, [True, *[False] * (len(outputs) - 1)])
        back = transpose_graph(lin.linear, len(lin.residuals))
        t = atom_type(outputs[0])

        def f(*args):
            out = inline(lin.primal, args[:len(self.kinds)])
            ct = args[-1] if self.seeded else full(t.shape, 1, t.dtype)
            return [*out[:len(outputs)], *inline(back, [*out[len(outputs):], ct])]
        return trace_graph(f, [*graph.in_types, *([t] if self.seeded else [])], graph.name)


def copied(graph: Graph, args: Sequence[Atom], nodes: list[Node]) -> list[Atom]:
    """Append the nodes of a graph, applied to some values, to a list; return its outputs."""
    env: dict[Any, Atom] = dict(zip(graph.inputs, args, strict=True))
    for n in graph.nodes:
        outputs = tuple([Var(v.type) for v in n.outputs])
        nodes.append(Node(n.op, tuple([env.get(a, a) for a in n.inputs]), outputs, n.params, n.where))
        env.update(zip(n.outputs, outputs, strict=True))
    return [env.get(a, a) for a in graph.outputs]


def _without_gradient(a: Atom, nodes: list[Node]) -> Atom:
    """A value through which no gradient goes."""
    if not is_inexact(a.type.dtype):
        return a
    out = Var(a.type)
    nodes.append(Node(ops["stop_gradient"], (a,), (out,), {}, None))
    return out


class TapeKernel:
    """The kernel of a program, or why there is none yet.

    Attributes
    ----------
    call : values from outside -> tuple of results; None until it is there
    match : the guard that finds out whether a tape is the one, and calls the kernel (`autodiff.eager.matching`)
    recipe : that of the last step, under which the guard is found
    seeded : whether a seed is its last argument
    note : why there will be none
    """

    __slots__ = ("call", "match", "recipe", "seeded", "note", "scalars", "seconds", "explain")

    def __init__(self) -> None:
        self.recipe: Recipe | None = None
        self.match: Callable[..., Any] | None = None
        self.seeded = False
        self.call: Callable[..., tuple] | None = None
        self.note = ""
        self.scalars: tuple[int, ...] = ()
        self.seconds = 0.0
        self.explain = ""

    def compile(self, program: Program) -> None:
        """Make the kernel; what fails is noted, and `backward` goes on step by step."""
        from codegen.compile import compile_graph
        from codegen.entry.calling import CallPlan
        from codegen.entry.native import NativeFunction
        start = time.perf_counter()
        try:
            with no_collection():
                graph = program.value_and_gradients()
                kernel = compile_graph(graph)
        except Exception as e:  # noqa: BLE001 - in the background there is no caller: the warning and `ad.why` say it
            self.note = f"compiling it failed ({type(e).__name__}: {e})"
            warnings.warn(f"a tape of {len(program.steps)} steps goes step by step: {self.note}", RuntimeWarning, stacklevel=2)
            return
        examples: list[Any] = [_example(k) for k in program.kinds]
        if program.seeded:
            examples.append(_example(Kind(graph.in_types[-1])))
        self.scalars = tuple([i for i, x in enumerate(examples) if isinstance(x, np.generic)])
        tree = ("tuple", ("*",) * len(examples))
        plan = CallPlan.of(tree, examples, [], ("tuple", ("*",) * len(graph.outputs)))
        table = kernel.call_table(plan) if plan is not None else None
        self.explain = kernel.explain()
        kernel.release()
        self.seconds = time.perf_counter() - start

        def general(*leaves):
            return tuple(kernel.run(*leaves))
        call = general if table is None else NativeFunction(general, [table]).call
        recipe = program.steps[-1][0]
        if recipe.__class__ is Recipe and (program.root is not None or len(program.steps) - 1 in program.kept):
            self.match, self.seeded = guard(program, call), program.seeded
            if program.root is not None:
                recipe.kernels = (self, *recipe.kernels)[:MOST_GUARDS]
            else:
                recipe.askers = (self, *recipe.askers)[:MOST_GUARDS]
            self.recipe = recipe
        self.call = call

    def detach(self) -> None:
        """Let the kernel be found no more."""
        if self.recipe is not None:
            self.recipe.kernels = tuple([k for k in self.recipe.kernels if k is not self])
            self.recipe.askers = tuple([k for k in self.recipe.askers if k is not self])


def _example(kind: Kind) -> Any:
    """A value of a kind, as kernels are called with it."""
    if kind.weak is not None:
        return kind.weak(1)
    dtype = np.dtype(kind.type.dtype.type)
    return np.empty(kind.type.shape, dtype) if kind.type.shape else dtype.type(1)


def kernel_for(walked: Walk, root: int | None, kept: tuple[int, ...], seeded: bool) -> TapeKernel | None:
    """Return the kernel of a walk; None while the tape is new. A kernel that is not there yet has no `call`."""
    if len(walked.steps) > MOST_STEPS:
        return None
    key = (walked.key, root, kept, seeded)
    with _lock:
        found = _kernels.get(key)
        if found is not None:
            _kernels.move_to_end(key)
            return found
        number = hash(key)
        count = _seen[number] = _seen.get(number, 0) + 1
        if count <= HOT:
            if len(_seen) > MOST_SEEN:
                _seen.clear()
            return None
        kernel = _kernels[key] = TapeKernel()
        if len(_kernels) > MOST_KERNELS:
            _kernels.popitem(last=False)[1].detach()
    if any(s.recipe.__class__ is Recipe and not s.recipe.static for s in walked.steps):
        kernel.note = "a length in it is known only at run time"
        return kernel
    program = Program(walked, root, kept, seeded)
    if config.wait:
        kernel.compile(program)
    else:
        submit(lambda: kernel.compile(program))
    return kernel


def known_kernel(walked: Walk, root: int, kept: tuple[int, ...]) -> TapeKernel | None:
    """The kernel for value and gradients of a walk, if it is there."""
    with _lock:
        found = _kernels.get((walked.key, root, kept, False))
    return found if found is not None and found.call is not None else None


def run(kernel: TapeKernel, walked: Walk, seed=None) -> tuple:
    """The results of a kernel for the values from outside of a walk."""
    leaves = [x.value if x.__class__ is Step else x for x in walked.outside]
    if seed is not None:
        leaves.append(seed)
    for i in kernel.scalars:
        leaves[i] = leaves[i][()]
    return kernel.call(*leaves)     # type: ignore[misc]


def evaluated_gradients(walked: Walk, root: int, seed=None) -> list | None:
    """The gradients of the leaves by the NumPy evaluator; None where a length is known only at run time.

    The graph of the whole tape has forms that do not overflow where the operations one by one do, as 1 / (1 + exp(-x)) does.
    """
    if any(s.recipe.__class__ is Recipe and not s.recipe.static for s in walked.steps):
        return None
    graph = Program(walked, root, (), seed is not None).value_and_gradients()
    given = [x.value if x.__class__ is Step else x for x in walked.outside]
    inputs = [np.asarray(x, t.dtype) if t.shape else np.asarray(x, t.dtype)[()]
              for x, t in zip([*given, *([seed] if seed is not None else [])], graph.in_types, strict=True)]
    with np.errstate(all="ignore"):
        return [np.array(g) if np.shape(g) else g for g in evaluate(graph, inputs)[1:]]


def forget_kernels() -> None:
    """Forget all kernels of tapes."""
    with _lock:
        for kernel in _kernels.values():
            kernel.detach()
        _kernels.clear()
        _seen.clear()
