"""Recording: a call of a NumPy function on tensors becomes a step of the tape.

Nothing is computed here but what has to be: a function that raises for some values, or whose result has a length that depends on values.
Shapes and dtypes, and their errors, come from the recipe. The operators of tensors do the same in fewer lines
(`autodiff.eager.operators`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.eager.keys import NotStatic, filled, op_key, split
from autodiff.eager.kinds import FLOAT, INT, Kind, kind_of, kind_of_value
from autodiff.eager.memory import current, operand_copy, viewed
from autodiff.eager.modes import mode
from autodiff.eager.recipes import Recipe, made, recipes, remember
from autodiff.eager.tape import DEEPEST, Step, calling, force, leaf_step, new_step, where_of
from tracer.array import ArrayMethods, call
from tracer.graph import Graph, Node, Var
from tracer.op import Op, type_of
from tracer.trace import Tracer
from tracer.trace import _state as traces
from tracer.tree import unflatten
from tracer.types import ArrayType, match_sizes, substitute

__all__ = ["call_on_tape", "record_op", "step_of", "results_of", "operand", "TapeTracer", "TENSOR"]


class TapeTracer(Tracer):
    """What every tensor has: the step that it stands for, and what else refers to its array."""

    __slots__ = ("step", "alias", "version", "_grad")
    step: Step
    alias: Any
    version: int

    def current(self) -> Step:
        """The step that it stands for now."""
        return self.step if self.alias is None else current(self)


class _Direct:
    """In the table of recipes: a call that is carried out on the tensors themselves."""

    is_deferred = is_simple = False


DIRECT: Any = _Direct()


def call_on_tape(name: Any, *args: Any, **kwargs: Any) -> Any:
    """Call our implementation of a NumPy function on tensors: it is recorded as one step.

    Where a function is being traced, tensors are values from outside, and the call belongs to the trace. Where the implementation has to
    know the numbers, it runs on the tensors and records its own steps.
    """
    if traces.stack or name == "write":
        return call(name, *args, **kwargs)
    tensor = TENSOR[0]
    operands: list[Any] = []
    try:
        key, template = split(name, args, kwargs, tensor, operands)
    except NotStatic:
        return call(name, *args, **kwargs)
    recipe = recipes.get(key)
    if recipe is None:
        recipe = _make(key, name, template, operands)
    if recipe is DIRECT:
        return call(name, *args, **kwargs)
    return _result(recipe, operands, step_of(recipe, [operand(x) for x in operands], 1))


def _make(key: Any, name: Any, template: Any, operands: Sequence) -> Any:
    """The recipe of a call that is seen for the first time."""
    gives_array = False

    def f(*tracers):
        nonlocal gives_array
        args, kwargs = filled(template[0], list(tracers)), filled(template[1], list(tracers))
        y = call(name, *args, **kwargs)
        gives_array = isinstance(y, ArrayMethods) and not y._is_scalar()
        return y
    kinds = [_kind(x) for x in operands]
    lines = [where_of(x.current()) if isinstance(x, TapeTracer) else None for x in operands]
    found = made(_label(name), f, kinds, lines)
    if found is not None:
        found.gives_array = gives_array
    return remember(key, DIRECT if found is None else found)


def _label(name: Any) -> str:
    if isinstance(name, tuple):
        return ".".join(getattr(n, "__name__", str(n)) for n in name)
    return getattr(name, "__name__", None) or str(name).removeprefix("python ")


def _kind(x: Any) -> Kind:
    if isinstance(x, TapeTracer):
        return x.current().kind
    return FLOAT if x.__class__ is float else INT if x.__class__ is int else kind_of_value(x)


def operand(x: Any) -> Any:
    """What a step keeps of an operand: the step of a tensor, a copy of an array from outside, a number."""
    if isinstance(x, TapeTracer):
        return x.current()
    return operand_copy(x) if x.__class__ is np.ndarray else x


def step_of(recipe: Recipe, inputs: list, outer: int) -> Step:
    """Return the new step of a recipe on its operands; `outer` frames out stands who called."""
    needs, depth = False, 0
    for x in inputs:
        if x.__class__ is Step:
            needs = needs or x.needs
            depth = max(depth, x.depth)
    code, position = calling(outer + 1)
    step = new_step(recipe, (*inputs, *[leaf_step(c) for c in recipe.constants]), recipe.kind if recipe.is_single else None,
                needs and recipe.follows and mode.grad, depth + 1, code, position)
    if not recipe.lazy or depth >= DEEPEST:
        force(step)
    return step


def results_of(recipe: Recipe, step: Step) -> list[Step]:
    """The steps of the single results of a step."""
    if recipe.is_single:
        return [step]
    out = []
    for k, kind in enumerate(recipe.kinds):
        one = new_step(recipe.picks[k], (step,), kind, step.needs and recipe.active[k], step.depth + 1, step.code, step.position)
        if step.value is not None:
            one.set(step.value[k])
        out.append(one)
    return out


def _result(recipe: Recipe, operands: Sequence, step: Step) -> Any:
    """What the call returns."""
    tensor = TENSOR[0]
    outputs = [tensor(s) for s in results_of(recipe, step)]
    if recipe.view is not None and isinstance(operands[recipe.view.operand], Tracer):
        outputs[0].alias = viewed(operands[recipe.view.operand], recipe.view)
    if recipe.result is None:
        return outputs[0]
    leaves: list[Any] = []
    for what, which in recipe.result.leaves:
        leaves.append(outputs[which] if what == "output" else operands[which] if what == "operand" else _own(which))
    return unflatten(recipe.result.tree, leaves)


def _own(x: Any) -> Any:
    return np.array(x) if isinstance(x, np.ndarray) else x


TENSOR: list[type] = []
"""The class of tensors, which enters itself: it is made of operators that record."""


# -- operations of the graph -----------------------------------------------------------------------------------------------------

def record_op(op: Op, args: Sequence, params: dict[str, Any]) -> Any:
    """Record an operation of the graph: what runs on tensors where no recipe of a whole function serves."""
    inputs = [operand(x) for x in args]
    types = [x.kind.type if x.__class__ is Step else type_of(x) for x in inputs]
    tensor = TENSOR[0]
    key = op_key(op, types, params)
    try:
        recipe = recipes.get(key)
    except TypeError:       # a parameter that is not hashable
        key, recipe = None, None
    if recipe is None:
        recipe = _op_recipe(op, types, params)
        if key is not None and recipe.static:
            recipe = remember(key, recipe)
    step = step_of(recipe, inputs, 1)
    if not recipe.static:
        recipe = step.recipe = _with_lengths(recipe, step)
    out = [tensor(s) for s in results_of(recipe, step)]
    return out if op.many else out[0]


def _op_recipe(op: Op, types: Sequence[ArrayType], params: dict[str, Any]) -> Recipe:
    found = op.infer(*types, **params)
    outputs = tuple([Var(t) for t in (found if op.many else [found])])
    inputs = tuple([Var(t) for t in types])
    graph = Graph(op.name, inputs, (Node(op, inputs, outputs, params),), outputs)
    kinds = tuple([kind_of(t) for t in graph.out_types])
    return Recipe(op.name, graph, kinds, None, (), is_single=not op.many)


def _with_lengths(recipe: Recipe, step: Step) -> Recipe:
    """A recipe with the lengths that its results turned out to have."""
    values = step.value if step.kind is None else (step.value,)
    sizes: dict = {}
    for t, v in zip(recipe.graph.out_types, values, strict=True):
        match_sizes(t, np.shape(v), sizes)
    kinds = tuple([kind_of(substitute(t, sizes)) for t in recipe.graph.out_types])
    new = Recipe(recipe.name, recipe.graph, kinds, None, (), is_single=recipe.is_single)
    if step.kind is not None:
        step.kind = kinds[0]
    return new

