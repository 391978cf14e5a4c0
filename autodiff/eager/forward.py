"""Asking for values: step by step, or through a kernel.

`evaluated` is what `float(x)`, `print(x)` and NumPy do. A long chain through which no gradient goes, such as an optimiser's step, is one
kernel once it has repeated. A loss that is asked for before its `backward` is computed by the kernel that gives the gradients too, which
wait for `backward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff.eager.backward import prepared
from autodiff.eager.kernels import kernel_for, run
from autodiff.eager.tape import BY_KERNEL, Step, force, walk

__all__ = ["evaluated", "evaluated_together"]

LONG = 8
"""Shorter chains are computed step by step: the key of a chain costs what its steps do, at small sizes."""


def evaluated(step: Step) -> Any:
    """The value of a step."""
    if step.value is None:
        if step.depth >= LONG:
            if not step.needs:
                evaluated_together((step,))
            elif step.kind is not None and not step.kind.type.shape:
                prepared(step)
        if step.value is None:
            force(step)
    return step.value


def evaluated_together(steps: Sequence[Step]) -> None:
    """Compute several steps at once: through one kernel if what they do has repeated."""
    roots = [s for s in steps if s.value is None]
    if not roots:
        return
    walked = walk(roots, for_values=True)
    kernel = kernel_for(walked, None, tuple(walked.roots), False)
    if kernel is None or kernel.call is None:
        for s in roots:
            force(s)
        return
    for s, value in zip(roots, run(kernel, walked)):
        if s.value is None:
            s.set(value, BY_KERNEL)
