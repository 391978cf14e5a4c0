"""Asking for values: step by step, or through a kernel.

`evaluated` is what `float(x)`, `print(x)` and NumPy do. A long chain through which no gradient goes, such as an optimiser's step, is one
kernel once it has repeated. A loss that is asked for before its `backward` is computed by the kernel that gives the gradients too, which
wait for `backward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff.eager.backward import held_steps, prepared
from autodiff.eager.kernels import kernel_for, run
from autodiff.eager.recipes import Pick
from autodiff.eager.tape import BY_KERNEL, Step, force, walk
from tracer import float_errors

__all__ = ["evaluated", "evaluated_together"]

LONG = 3
"""Shorter chains are computed step by step."""


def evaluated(step: Step) -> Any:
    """The value of a step."""
    if step.value is None and float_errors.are_wanted():
        force(step)
    if step.value is None:
        if step.needs and step.kind is not None and not step.kind.type.shape:
            prepared(step)
        if step.value is None and not _through_guard(step):
            if step.depth >= LONG and _is_looked_at(step):
                evaluated_together((step,))
            else:
                force(step)
    return step.value


PATIENCE = 16
"""After so many values of one recipe without a kernel only one in `RARELY` is looked at: what does not repeat shall not pay for the key."""
RARELY = 16


def _is_looked_at(step: Step) -> bool:
    """Whether to find out if the chain behind a step has come before."""
    recipe = step.recipe
    if recipe.__class__ is Pick:
        return False
    recipe.asked += 1
    return recipe.asked <= PATIENCE or recipe.asked % RARELY == 0


def _through_guard(step: Step) -> bool:
    """Compute a step by a kernel whose guard knows what is behind it; whether there is one."""
    for kernel in step.recipe.askers:
        matched = kernel.match(step, None)
        if matched is not None:
            for s, value in zip(matched[2], matched[0]):
                s.set(value, BY_KERNEL)
            return True
    return False


def evaluated_together(steps: Sequence[Step]) -> None:
    """Compute several steps at once: through one kernel, with what somebody holds of the steps behind them, if this has repeated."""
    roots = [s for s in steps if s.value is None]
    if not roots:
        return
    if float_errors.are_wanted():
        for s in roots:
            force(s)
        return
    walked = walk(roots, for_values=True)
    places = (*walked.roots, *[k for k in held_steps(walked) if k not in walked.roots])
    kernel = kernel_for(walked, None, places, False)
    if kernel is None or kernel.call is None:
        for s in roots:
            force(s)
        return
    for k, value in zip(places, run(kernel, walked)):
        if walked.steps[k].value is None:
            walked.steps[k].set(value, BY_KERNEL)
