"""Gradients that are on the tape themselves: `backward(create_graph=True)`.

The pullback of each step is recorded as a step, so that gradients have gradients. Nothing is computed; a tape of gradients that repeats
becomes one kernel, as any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.eager.backward import observed, ones
from autodiff.eager.kinds import zeros_of
from autodiff.eager.recipes import Pick, made, recipes, remember
from autodiff.eager.record import results_of, step_of
from autodiff.eager.tape import Step, leaf_step, operands_of, walk

__all__ = ["recorded_gradients", "added"]


def recorded_gradients(root: Step, seed: Step | None) -> list[tuple[Step, Step]]:
    """Return, for each leaf behind `root` that asks for a gradient, the step of its gradient; `seed` is the cotangent of the root, or 1."""
    walked = walk((root,))
    cts: dict[int, Any] = {id(root): leaf_step(ones(root), root.kind) if seed is None else seed}
    for step in reversed(walked.steps):
        g = cts.pop(id(step), None)
        if g is None:
            continue
        if step.extra is not None:
            g = observed(step, g)
        if step.recipe.__class__ is Pick:
            of_parent = cts.setdefault(id(step.inputs[0]), {})     # type: ignore[index]
            _add(of_parent, step.recipe.number, g)
            continue
        mask, inputs = operands_of(step)
        pullback = step.recipe.pullback(mask, False)
        if not any(pullback.active):
            continue
        given = [g] if step.kind is not None else [g[k] if k in g else _zeros(kind) for k, kind in enumerate(step.recipe.kinds)
                                                   if pullback.active[k]]
        new = step_of(pullback.recipe, [*inputs, *given], 2)
        for k, d in zip(pullback.targets, results_of(pullback.recipe, new)):
            _add(cts, id(inputs[k]), d)
    found = []
    for x in walked.outside:
        if x.__class__ is Step and x.needs:
            g = cts.get(id(x))
            g = _zeros(x.kind) if g is None else g
            found.append((x, g if x.extra is None else observed(x, g)))
    return found


def _zeros(kind: Any) -> Step:
    return leaf_step(zeros_of(kind), kind)


def _add(cts: dict, key: int, g: Step) -> None:
    cts[key] = g if key not in cts else added(cts[key], g)


def added(a: Step, b: Step) -> Step:
    """The step of the sum of two values of one type."""
    key = (np.add, a.kind, b.kind)
    recipe = recipes.get(key) or remember(key, made("add", np.add, [a.kind, b.kind]))   # type: ignore[arg-type, list-item]
    return step_of(recipe, [a, b], 2)
