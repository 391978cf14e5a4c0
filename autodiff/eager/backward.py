"""The roads from a value on the tape to the gradients of its leaves.

1. Step by step: the pullback of each step, a Python function of NumPy calls (`autodiff.eager.recipes.Pullback`), for a tape that is new.
2. One kernel for the value and all gradients (`autodiff.eager.kernels`), for a tape that repeats.
3. The evaluator, for a step with a length that is known only at run time: its pullback walks over its graph. Such a tape stays on road 1.

What somebody still holds of the tape is computed along, so that it need not be computed again.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.eager.buffers import summed
from autodiff.eager.kernels import TapeKernel, evaluated_gradients, kernel_for, known_kernel, run
from autodiff.eager.kinds import zeros_of
from autodiff.eager.recipes import Pick, Pullback
from autodiff.eager.tape import BY_KERNEL, Step, Walk, at_line, force, leaf_step, walk, where_of
from tracer import float_errors
from tracer.errors import GradientError, explain

__all__ = ["gradients", "prepared", "held_steps", "ones", "release"]


def gradients(root: Step, seed) -> tuple[list[tuple[Step, Any]], Sequence[Step]]:
    """Return the gradient of `root` for each leaf behind it that asks for one, and the steps that were passed.

    `seed` is the cotangent of the root; None stands for 1.
    """
    strict = float_errors.are_wanted()
    if root.extra is None and not strict:
        found = _through_guard(root, seed)
        if found is not None:
            return found
    pending = root.extra.pending if root.extra is not None else None
    if pending is not None:
        root.extra.pending = None
        if seed is None and not _any_obstacle(pending[1], [leaf for leaf, _ in pending[0]]):
            return pending
    walked = walk((root,))
    reason = float_errors.FLOAT_ERRORS if strict else _obstacle(walked)
    if not reason:
        place = walked.roots[0]
        held = held_steps(walked, place)
        kernel = kernel_for(walked, place, held, seed is not None)
        if kernel is not None and kernel.call is not None:
            root.more().road = kernel, len(walked.steps), ""
            return _through_kernel(kernel, walked, root, held, seed), walked.steps
        reason = _why_not(kernel)
    root.more().road = None, len(walked.steps), reason
    found = _step_by_step(walked, root, ones(root) if seed is None else seed)
    if not _are_finite([g for _, g in found]) and _are_finite([root.value]) and not _obstacle(walked):
        values = evaluated_gradients(walked, walked.roots[0], seed)
        if values is not None:
            root.more().road = None, len(walked.steps), "its graph was evaluated, as step by step a gradient was not finite"
            found = list(zip([x for x, _ in found], values, strict=True))
    return found, walked.steps


def _are_finite(values: Sequence[Any]) -> bool:
    return all(np.isfinite(x).all() for x in values)


def _through_guard(root: Step, seed) -> tuple[list[tuple[Step, Any]], Sequence[Step]] | None:
    """The same by a kernel whose guard knows the tape; None if there is none."""
    for kernel in root.recipe.kernels:
        if kernel.seeded is (seed is not None):
            matched = kernel.match(root, seed)
            if matched is not None:
                out, leaves, kept, steps = matched
                if root.value is None:
                    root.set(out[0], BY_KERNEL)
                for step, value in zip(kept, out[1:]):
                    step.set(value, BY_KERNEL)
                root.more().road = kernel, len(steps), ""
                return list(zip(leaves, out[1 + len(kept):])), steps
    return None


def prepared(root: Step) -> None:
    """Compute a number that is asked for before its `backward` by the kernel of that, if there is one; the gradients wait."""
    if root.extra is None and root.recipe.kernels:
        matched = _through_guard(root, None)
        if matched is not None:
            root.more().pending = matched
            return
    walked = walk((root,))
    if _obstacle(walked):
        return
    place = walked.roots[0]
    held = held_steps(walked, place)
    kernel = known_kernel(walked, place, held)
    if kernel is not None:
        found = _through_kernel(kernel, walked, root, held, None)
        root.more().road = kernel, len(walked.steps), ""
        root.extra.pending = found, walked.steps


def ones(root: Step) -> Any:
    """The cotangent of a result that is differentiated itself."""
    t = root.kind.type      # type: ignore[union-attr]
    return np.ones(t.shape, t.dtype) if t.shape else t.dtype.type(1)


def _why_not(kernel: TapeKernel | None) -> str:
    if kernel is None:
        return "the tape is new"
    return kernel.note or "its kernel is being made in the background"


def _obstacle(walked: Walk) -> str:
    """Why a walk cannot go through a kernel; empty if it can."""
    return _any_obstacle(walked.special)


def _any_obstacle(*steps: Sequence[Step]) -> str:
    for step in itertools.chain(*steps):
        extra = step.extra
        if extra is None:
            continue
        if extra.hooks or extra.retained is not None:
            return "a hook or retain_grad asks for the gradient of a step within it"
        if extra.is_overwritten:
            return "a leaf was written in place since, so that each step is asked whether it needs the old value"
    return ""


# -- one kernel ------------------------------------------------------------------------------------------------------------------

def _references(steps: list[Step], uses: list[int]) -> list[int]:
    """For each step the number of references to it besides those of the list and of later steps in it."""
    count = sys.getrefcount
    return [count(step) - n for step, n in zip(steps, uses)]


def _baseline() -> int:
    """What `_references` gives of a step that nobody else holds, in this interpreter."""
    return _references([leaf_step(1.0)], [0])[0]


_ALONE = _baseline()


def held_steps(walked: Walk, root: int = -1) -> tuple[int, ...]:
    """Places of the steps, but for the root, that somebody holds besides the tape and whose value is not known."""
    steps = walked.steps
    return tuple([k for k, n in enumerate(_references(steps, walked.uses)) if n > _ALONE and k != root
                  and steps[k].kind is not None and steps[k].value is None])


def _through_kernel(kernel: TapeKernel, walked: Walk, root: Step, held: tuple[int, ...], seed) -> list[tuple[Step, Any]]:
    out = run(kernel, walked, seed)
    if root.value is None:      # else it stays what was seen of it
        root.set(out[0], BY_KERNEL)
    for place, value in zip(held, out[1:]):
        walked.steps[place].set(value, BY_KERNEL)
    leaves = [x for x in walked.outside if x.__class__ is Step and x.needs]
    return list(zip(leaves, out[1 + len(held):], strict=True))


# -- step by step ----------------------------------------------------------------------------------------------------------------

def _step_by_step(walked: Walk, root: Step, ct) -> list[tuple[Step, Any]]:
    force(root)
    cts: dict[int, Any] = {id(root): ct}
    left = list(walked.steps)
    while left:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            failed = _pull_back(left, cts)
        if failed is not None:
            step, pullback, values = failed
            _add_cotangents(step, pullback, at_line(step, pullback.function, values), cts)
    found = []
    for x in walked.outside:
        if x.__class__ is Step and x.needs:
            g = cts.get(id(x))
            if g is None:
                g = zeros_of(x.kind)
            if x.extra is not None:
                g = observed(x, g)
            cts.pop(id(x), None)
            found.append((x, g if _is_alone(g) else np.array(g)))
    return found


def _is_alone(g) -> bool:
    """Whether an array in a variable of the caller is its own, and referred to by nobody else."""
    return g.__class__ is np.ndarray and g.base is None and g.flags.writeable and sys.getrefcount(g) <= _ALONE_ARRAY


def _array_baseline() -> int:
    def count(g):
        return sys.getrefcount(g)
    g = np.zeros(1)
    return count(g)


_ALONE_ARRAY = _array_baseline()


def _pull_back(left: list[Step], cts: dict[int, Any]) -> tuple[Step, Pullback, list] | None:
    """Go back through steps, the last one first, up to one whose pullback raises FloatingPointError: returned with its arguments."""
    while left:
        step = left.pop()
        g = cts.pop(id(step), None)
        if g is None:
            continue
        if step.extra is not None:
            g = observed(step, g)
        if step.recipe.__class__ is Pick:
            of_parent = cts.setdefault(id(step.inputs[0]), {})
            k = step.recipe.number
            of_parent[k] = g if k not in of_parent else of_parent[k] + g
            continue
        mask = 0
        for k, x in enumerate(step.inputs):
            if x.__class__ is Step and x.needs:
                mask |= 1 << k
        pullback = step.recipe.pullback(mask, step.depth != BY_KERNEL)
        if not any(pullback.active):    # a sign: its derivative is 0
            continue
        values = _arguments(step, pullback, g)
        try:
            out = pullback.function(*values)
        except FloatingPointError:
            return step, pullback, values
        _add_cotangents(step, pullback, out, cts)
    return None


def _add_cotangents(step: Step, pullback: Pullback, out: tuple, cts: dict[int, Any]) -> None:
    for k, d in zip(pullback.targets, out):
        x = step.inputs[k]
        old = cts.get(id(x))
        cts[id(x)] = d if old is None else summed(old, d)


def _arguments(step: Step, pullback: Pullback, g) -> list:
    """The arguments of the pullback of a step."""
    inputs = step.inputs
    for k in pullback.needs:
        x = inputs[k]
        if x.__class__ is Step:
            if x.value is None:
                force(x)
            if x.extra is not None and x.extra.is_overwritten:
                raise explain(GradientError, f"a value that `{step.recipe.name}` needs in backward() was written in place since",
                              where=where_of(step), fix="write to a copy, or call backward() before")
    if step.value is None:
        force(step)
    values = [x.value if x.__class__ is Step else x for x in inputs]
    if step.kind is not None:
        if pullback.results:
            values.append(step.value)
        values.append(g)
    else:
        if pullback.results:
            values += step.value
        values += [g[k] if k in g else np.zeros_like(y) for k, y in enumerate(step.value) if pullback.active[k]]
    return values


def observed(step: Step, g) -> Any:
    """The gradient of a step, an array or a step, after its hooks; it is kept where that was asked for."""
    for hook in list((step.extra.hooks or {}).values()):
        g = hook(g)
    keeper = step.extra.retained() if step.extra.retained is not None else None
    if keeper is not None:
        keeper._gather(g if g.__class__ is Step else np.array(g))
    return g


def release(steps: Sequence[Step]) -> None:
    """Forget what is behind some steps, but of those whose value somebody may still ask for."""
    for step in steps:
        if step.value is not None:
            step.inputs = None

