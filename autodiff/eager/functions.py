"""Derivatives of plain functions on the tape: `grad`, `value_and_grad` and `vjp` outside of `jit`.

A function that is plain numeric code (`autodiff.eager.plain`) is called on tensors. Its gradient goes the roads of `backward`: step by step
while the tape is new, through one kernel once it has repeated. What the tape cannot do, such as writing into an array that the function
makes, raises; then, and for functions that are not plain, the function is traced as `jit` does it, and the graph is evaluated. Plain code
stores nothing, so that running it twice is running it once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.api.grad import TapeRoad, tape_roads
from autodiff.eager.backward import gradients
from autodiff.eager.kinds import kind_of_value, zeros_of
from autodiff.eager.modes import mode
from autodiff.eager.plain import Plain, plain
from autodiff.eager.tape import Step, force, leaf_step
from autodiff.eager.tensor import Tensor
from tracer.errors import TraceError
from tracer.trace import current_trace
from tracer.tree import flatten, tree_map, unflatten

__all__ = ["OnTape"]


class OnTape(TapeRoad):
    """The derivatives of one function on the tape."""

    __slots__ = ("function", "found", "road")

    def __init__(self, function: Callable):
        self.function = function
        self.found: Plain | None = None
        self.road = "it has not been called yet"

    def why(self) -> str:
        """How the last call went."""
        return self.road

    def is_open(self) -> bool:
        """Whether the function may be called on tensors now."""
        if current_trace() is not None or mode.strict or mode.traced:
            return False
        found = self.found
        if found is None or not found.reason and not found.holds():
            found = self.found = plain(self.function)
        if found.reason:
            self.road = f"through its graph: {found.reason}"
            return False
        return True

    def value_and_grad(self, args: tuple, kwargs: dict, nums: Sequence[int]) -> tuple[Any, list] | None:
        """The value and the gradient for each argument in `nums`; None where the function has to be traced."""
        if not self.is_open():
            return None
        leaves: list[Tensor] = []
        try:
            given = [self._differentiated(x, leaves) if k in nums else self._constant(x) for k, x in enumerate(args)]
            named = {k: self._constant(x) for k, x in kwargs.items()}
        except _NotOnTape as e:
            self.road = f"through its graph: {e}"
            return None
        out = self._run(given, named)
        if out.__class__ is not Tensor or not out.requires_grad or out.type.shape or out.step.recipe is None:
            return None
        root = out.current()
        found, _ = gradients(root, None)
        kernel, steps, reason = root.extra.road     # type: ignore[union-attr]
        self.road = f"on the tape, {f'one kernel for {steps} operations' if kernel is not None else f'step by step: {reason}'}"
        by_step = {id(step): g for step, g in found}
        grads = iter([_gradient(x.step, by_step.get(id(x.step))) for x in leaves])
        return force(root)[()], [next(grads) if isinstance(args[k], (np.ndarray, np.generic)) else
                                 tree_map(lambda _: next(grads), args[k]) for k in nums]

    def _differentiated(self, x: Any, leaves: list[Tensor]) -> Any:
        """An argument with tensors in place of its arrays."""
        if x.__class__ not in (np.ndarray, np.float64, np.float32):
            found, tree = flatten(x)
            if tree == "*":
                raise _NotOnTape(f"an argument is a {type(x).__name__}")
            return unflatten(tree, [self._differentiated(a, leaves) for a in found])
        if x.dtype.char not in "fd" or not x.dtype.isnative:
            raise _NotOnTape(f"an argument has dtype {x.dtype}")
        made = Tensor(leaf_step(x, kind_of_value(x), True))
        leaves.append(made)
        return made

    def _constant(self, x: Any) -> Any:
        """Another argument: lists in it are made anew, as the function may append to them."""
        if x.__class__ is np.ndarray and not self.found.writes_in_place or isinstance(x, (bool, int, float, str, type(None))):  # type: ignore
            return x
        found, tree = flatten(x)
        if tree == "*":
            raise _NotOnTape(f"an argument is a {type(x).__name__}")
        return unflatten(tree, [self._constant(a) for a in found])

    def _run(self, args: list, kwargs: dict) -> Any:
        mode.strict = True
        before, mode.grad = mode.grad, True
        try:
            return self.function(*args, **kwargs)
        except TraceError as e:
            self.road = f"through its graph: {str(e).splitlines()[0]}"
            return None
        finally:
            mode.strict, mode.grad = False, before


class _NotOnTape(Exception):
    """Why a call is not carried out on the tape."""


def _gradient(step: Step, g: Any) -> Any:
    """The gradient of a leaf: a number for a number, zeros where nothing depends on it."""
    return zeros_of(step.kind)[()] if g is None else g if step.kind.type.shape else g[()]


tape_roads.append(OnTape)
