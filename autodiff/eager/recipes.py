"""Recipes: what a step of a tape does, found by the function, the kinds of its operands and its static arguments.

A call such as `np.mean(x, axis=0)` is one step. The first time that a function is called with operands of certain kinds it is traced
(`tracer.trace`): promotion, broadcasting and all errors of shapes and dtypes are decided then, and the graph that comes out is the recipe.
Later calls find the recipe in a table. From its graph everything else is made when it is first needed: the NumPy function that computes
it, its pullback for each set of operands that ask for gradients, and its nodes in the graph of a whole tape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autodiff.api.grad import pullback_graphs
from autodiff.eager.kinds import Kind, kind_of
from autodiff.eager.source import is_static, numpy_function
from autodiff.transforms.jvp import Mode
from tracer.errors import ConcreteValueError, UnsupportedError
from tracer.graph import Graph, Var, all_nodes, live_nodes
from tracer.locks import process_lock
from tracer.passes.simplify import simplify
from tracer.trace import Tracer, apply, inline, trace_flat, trace_graph, walk
from tracer.tree import flatten
from tracer.types import is_inexact

__all__ = ["Recipe", "Pick", "Pullback", "View", "Result", "made", "recipes", "remember", "forget"]

MOST_RECIPES = 8192
recipes: dict[Any, Recipe] = {}
"""The recipe of a step by its key: the function, the kinds of the operands and the static arguments (`autodiff.eager.keys`)."""
_lock = process_lock(globals(), "_lock")


@dataclass(frozen=True, slots=True)
class View:
    """That a result shares its elements with operand `operand`: how it is read from that array, and how that is made of a new result."""

    operand: int
    read: Callable
    put: Callable | None


@dataclass(frozen=True, slots=True)
class Result:
    """The structure of what a function returns, and a pair for each leaf: ("output" or "operand", number), or ("constant", value)."""

    tree: Any
    leaves: tuple[tuple[str, Any], ...]


class Pick:
    """The recipe of one result of a step with several."""

    __slots__ = ("number", "name")
    kernels = askers = ()
    asked = 1   # no guard is kept for it
    view = None
    follows = True

    def __init__(self, number: int, name: str):
        self.number = number
        self.name = name

    def forward(self, values: tuple) -> tuple:
        """The result, of all results."""
        return (values[self.number],)


class Pullback:
    """The function from the operands, results and cotangents of a step to the cotangents of the operands that ask for them.

    Attributes
    ----------
    graph : its graph: operands, results, cotangents of the results that have a derivative -> cotangents of the operands in `targets`
    results : whether the results are among its arguments
    targets : numbers of the operands that get a cotangent
    active : which results have a cotangent
    needs : numbers of the operands whose values it reads
    """

    __slots__ = ("graph", "results", "targets", "active", "needs", "_function", "_recipe")

    def __init__(self, graph: Graph, results: bool, targets: tuple[int, ...], active: Sequence[bool], operands: int):
        self.graph = graph
        self.results = results
        self.targets = targets
        self.active = tuple(active)
        read = {a for n in graph.nodes for a in n.inputs} | set(graph.outputs)
        self.needs = tuple([k for k, v in enumerate(graph.inputs[:operands]) if v in read])
        self._function: Callable[..., tuple] | None = None
        self._recipe: Recipe | None = None

    @property
    def function(self) -> Callable[..., tuple]:
        """It as a Python function of NumPy calls."""
        if self._function is None:
            self._function = numpy_function(self.graph)
        return self._function

    @property
    def recipe(self) -> Recipe:
        """It as a recipe, for gradients of gradients."""
        if self._recipe is None:
            kinds = tuple([kind_of(t) for t in self.graph.out_types])
            self._recipe = Recipe("backward", self.graph, kinds, None, ())
        return self._recipe


class Recipe:
    """What a step does.

    Attributes
    ----------
    name : of the function, for people
    graph : operands -> results
    kinds : of the results
    kind : that of the result, where there is one
    constants : arrays that the graph takes after the operands
    lazy : whether it may be computed later: it raises for no values, and the lengths of its results are known
    follows : whether a result has a derivative
    active : the same of each result
    is_single : whether its step has one value, and not a tuple of values
    kernels : those of value and gradients of tapes that end in a step of this recipe, the newest first
    askers : those of the value alone
    asked : how often such a value was asked for and had no kernel
    gives_array : whether a result without axes stands for an array, not for a scalar
    picks : the recipe of each result of a step with several
    is_deferred : whether a call returns the one result of a step that may be computed later
    is_simple : whether that, besides, shares its elements with no operand
    result : what the function returns; None where that is the one result, or the list of all
    view : where the result shares elements with an operand
    """

    __slots__ = ("name", "graph", "kinds", "kind", "constants", "lazy", "follows", "result", "view", "_forward", "_pullbacks", "static",
                 "is_single", "active", "is_deferred", "is_simple",
                 "picks", "kernels", "askers", "asked", "gives_array")

    def __init__(self, name: str, graph: Graph, kinds: tuple[Kind, ...], result: Result | None, constants: tuple,
                 view: View | None = None, is_single: bool | None = None):
        self.name = name
        self.graph = graph
        self.gives_array = False
        self.kinds = kinds
        self.kind = kinds[0] if kinds else None
        self.constants = constants
        self.static = is_static(graph)
        self.lazy = self.static and not any(n.op.effect or n.op.may_raise for n in all_nodes(graph))
        active = Mode.active_outputs(graph, [is_inexact(t.dtype) for t in graph.in_types])
        self.follows = any(active)
        self.active = tuple(active)
        self.is_single = len(kinds) == 1 if is_single is None else is_single
        self.result = result
        self.view = view
        self.is_deferred = self.lazy and not constants and result is None and self.is_single
        self.is_simple = self.is_deferred and view is None
        self.picks = tuple([Pick(k, name) for k in range(len(kinds))]) if not self.is_single else ()
        self.kernels: tuple = ()
        self.askers: tuple = ()
        self.asked = 0
        self._forward: Callable | None = None
        self._pullbacks: dict[tuple[int, bool], Pullback] = {}

    def __repr__(self) -> str:
        return f"<recipe {self.name}>"

    @property
    def forward(self) -> Callable[..., tuple]:
        """The results as a Python function of NumPy calls."""
        if self._forward is None:
            self._forward = numpy_function(simplified(self.graph))
        return self._forward

    def pullback(self, mask: int, results: bool = True) -> Pullback:
        """The pullback to the operands whose bits are set in `mask`.

        With `results` it reads the results where that saves work. They must then be what NumPy gives for the operands, to the bit: the
        derivative of a maximum asks which operand is equal to the result.
        """
        found = self._pullbacks.get((mask, results))
        if found is None:
            found = self._pullbacks[mask, results] = _pullback_of(self.graph, mask, results)
        return found


def simplified(graph: Graph) -> Graph:
    """A graph without calls and equal nodes; as it is where its lengths are known only at run time."""
    return simplify(graph) if is_static(graph) else graph


def _pullback_of(graph: Graph, mask: int, results: bool) -> Pullback:
    """The pullback of a graph; with `results`, what the residuals are made of is taken from the results where that can be."""
    targets = tuple([k for k, t in enumerate(graph.in_types) if mask >> k & 1 and is_inexact(t.dtype)])
    active = [k in targets for k in range(len(graph.inputs))]
    primal, count, back, active_out = pullback_graphs(graph, active)
    n_in, n_out = len(graph.inputs), len(graph.outputs) if results else 0

    def f(*args):
        known = {v: y for v, y in zip(primal.outputs, args[n_in:n_in + n_out]) if isinstance(v, Var) and v not in primal.inputs}

        def step(node, xs, params):
            if all(v in known for v in node.outputs):
                return [known[v] for v in node.outputs]
            out = apply(node.op, xs, params)
            return out if node.op.many else [out]
        out = walk(primal, args[:n_in], step)
        given = list(args[n_in + n_out:])
        cts = inline(back, [*out[len(out) - count:], *given[:len(back.inputs) - count]] if count else given[:len(back.inputs)])
        return [cts[k] for k in range(len(targets))]
    types = [*graph.in_types, *graph.out_types[:n_out], *(t for t, a in zip(graph.out_types, active_out) if a)]
    traced = trace_graph(f, types, f"{graph.name}_pullback")
    return Pullback(simplified(live_nodes(traced)), results, targets, active_out, n_in)


def remember(key: Any, recipe: Recipe) -> Recipe:
    """Keep a recipe. At most `MOST_RECIPES` are kept: then all are forgotten, as those in use are soon made again."""
    with _lock:
        if len(recipes) >= MOST_RECIPES:
            recipes.clear()
        return recipes.setdefault(key, recipe)


def forget() -> None:
    """Forget all recipes."""
    with _lock:
        recipes.clear()


def made(name: str, call: Callable[..., Any], kinds: Sequence[Kind], lines: Sequence = ()) -> Recipe | None:
    """Return the recipe of `call`, a function of one traced value for each kind; None if it needs the numbers.

    `lines` are the user's lines on which the operands were made, for errors.
    """
    holder: list = []

    def f(*tracers):
        for t, where in zip(tracers, lines):
            t.where = where
        first = [t.ref for t in tracers]
        leaves, tree = flatten(call(*tracers))
        if any(t.ref is not ref for t, ref in zip(tracers, first)):
            raise UnsupportedError("an operand is written in place")
        outputs: list[Tracer] = []
        described: list[tuple[str, Any]] = []
        for leaf in leaves:
            same = next((k for k, t in enumerate(tracers) if leaf is t), None)
            if same is not None:
                described.append(("operand", same))
            elif isinstance(leaf, Tracer):
                described.append(("output", len(outputs)))
                outputs.append(leaf)
            else:
                described.append(("constant", leaf))
        holder.append((Result(tree, tuple(described)), _view_of(outputs, tracers)))
        return outputs
    try:
        traced = trace_flat(f, [k.type for k in kinds], name=name, weak=[k.weak for k in kinds])
    except (ConcreteValueError, UnsupportedError):
        return None
    if any(isinstance(c, Tracer) for c in traced.captured):
        return None
    result, view = holder[0]
    if not is_static(traced.graph):
        return None
    plain = result.tree == "*" and result.leaves[0][0] == "output"
    return Recipe(name, traced.graph, tuple([kind_of(t) for t in traced.graph.out_types]), None if plain else result,
                  tuple([np.array(c) for c in traced.captured]), view)


def _view_of(outputs: Sequence[Tracer], tracers: Sequence[Tracer]) -> View | None:
    """How the one result shares elements with an operand, if it does."""
    if len(outputs) != 1 or outputs[0].views is None:
        return None
    place = outputs[0].views
    for k, t in enumerate(tracers):
        if place.base is t:
            return View(k, place.read, place.put)
        if place.base is None and t.views is not None and t.views.memory is place.memory:
            return View(k, _reshaped_to(outputs[0].type.shape), lambda x, y, shape=t.type.shape: np.reshape(y, shape))
    return None


def _reshaped_to(shape: tuple) -> Callable:
    return lambda x: np.reshape(x, shape)
