"""The arguments of derivatives: which of them are differentiated, and what the others are to the function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from autodiff.capture import lift_here
from autodiff.capture.statics import check_differentiated
from autodiff.leaves import value_of_leaf
from tracer.errors import GradientError, explain
from tracer.op import type_of
from tracer.trace import Tracer, current_trace
from tracer.tree import tree_map
from tracer.types import ArrayType, is_inexact, is_traceable

__all__ = ["argument_path", "check_inexact", "partial_of", "split_arguments"]


def check_inexact(types: Sequence[ArrayType], paths: Sequence[str], what: str) -> None:
    """Refuse a derivative with respect to, or of, what is not float.

    Raises
    ------
    GradientError
        Naming the first such leaf by its path.
    """
    for t, p in zip(types, paths, strict=True):
        if not is_inexact(t.dtype):
            raise explain(GradientError, f"{what} with respect to {p or 'an argument'} of dtype {t.dtype}",
                          why="integers and booleans have no derivative",
                          fix="convert it with x.astype(float), or leave it out of argnums")


def split_arguments(args: tuple, argnums: int | Sequence[int], what: str = "gradient") -> tuple[list[int], tuple]:
    """The numbers of the arguments that are differentiated, counted from the start, and these arguments.

    Raises
    ------
    TypeError
        If there is no such argument.
    GradientError
        If one of them is static.
    """
    nums = [argnums] if isinstance(argnums, int) else list(argnums)
    for k in nums:
        if not -len(args) <= k < len(args):
            raise TypeError(f"argnums {argnums} is out of range for a call with {len(args)} positional arguments")
    nums = [k % len(args) for k in nums]
    chosen = tuple([args[k] for k in nums])
    check_differentiated(chosen, what, nums)
    return nums, chosen


def partial_of(f: Callable, args: tuple, nums: list[int], kwargs: dict) -> Callable:
    """`f` as a function of the arguments in `nums` alone."""
    @functools.wraps(f)
    def g(*chosen):
        new, named = tree_map(_local, (list(args), kwargs))
        for k, a in zip(nums, chosen, strict=True):
            new[k] = a
        return lift_here(f)(*new, **named)
    return g


def _local(x):
    """An argument that is not differentiated, as an array of the function's own: what is written to it, the caller does not see."""
    trace = current_trace()
    if trace is None or not isinstance(x, (Tracer, np.ndarray)) or not x.shape or isinstance(x, np.ndarray) and not is_traceable(x):
        return x
    return Tracer(type_of(x), trace, trace.atom(x), value_of_leaf(x) if trace.concrete else None)  # type: ignore[arg-type]


def argument_path(path: str, nums) -> str:
    """`[0]['w']` of the chosen arguments -> `argument 2['w']`."""
    k, rest = path[1:].split("]", 1)
    return f"argument {nums[int(k)] if nums else k}{rest}"
