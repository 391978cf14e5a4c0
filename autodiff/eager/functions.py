"""Derivatives of plain functions on the tape: `grad`, `value_and_grad`, `vjp`, `jacrev` and `jacobian` outside of `jit`.

A function that is plain numeric code (`autodiff.eager.plain`) is called on tensors. Its gradient goes the roads of `backward`: step by step
while the tape is new, through one kernel once it has repeated. What the tape cannot do, such as writing into an array that the function
makes, raises; then, and for functions that are not plain, the function is traced as `jit` does it, and the graph is evaluated. Plain code
stores nothing, so that running it twice is running it once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from autodiff.api.grad import pullback_graphs
from autodiff.eager.backward import gradients
from autodiff.eager.kernels import Program
from autodiff.eager.kinds import kind_of_value, zeros_of
from autodiff.eager.modes import mode
from autodiff.eager.plain import Plain, plain
from autodiff.eager.recipes import Pick
from autodiff.eager.tape import Step, Walk, force, leaf_step, walk
from autodiff.eager.tensor import Tensor
from autodiff.tape_roads import TapeRoad
from tracer.errors import TraceError
from tracer.graph import Graph
from tracer.static import VALUE
from tracer.trace import Tracer, current_trace, inline
from tracer.tree import flatten, static_paths, tree_map, unflatten

__all__ = ["OnTape", "PulledTape"]


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

    def value_and_grad(self, args: tuple, kwargs: dict, nums: Sequence[int], has_aux: bool = False) -> tuple[Any, list] | None:
        """The value, or (value, aux), and the gradient for each argument in `nums`; None where the function has to be traced."""
        ran = self._recorded(args, kwargs, nums, has_aux)
        if ran is None or ran.out.type.shape:
            return None
        root = ran.out.current()
        found, _ = gradients(root, None)
        self._note(root)
        value = force(root)[()]
        return (value, _numbers(ran.aux)) if has_aux else value, ran.arranged(found)

    def pulled(self, args: tuple, kwargs: dict, nums: Sequence[int], has_aux: bool = False) -> PulledTape | None:
        """The value with its pullback, which may be called again and again; None where the function has to be traced."""
        ran = self._recorded(args, kwargs, nums, has_aux, keep=True)
        if ran is None:
            return None
        pulled = PulledTape(ran, has_aux)
        if pulled.graph() is None:
            self.road = "through its graph: a length in it is known only at run time"
            return None
        self.road = "on the tape"
        return pulled

    def jacobian(self, args: tuple, kwargs: dict, nums: Sequence[int], if_fewer: bool) -> list | None:
        """The Jacobian for each argument in `nums`, one pullback an element of the result.

        Returns
        -------
        list of trees; None where the function has to be traced, and with `if_fewer` where the result has more elements than the arguments
        """
        pulled = self.pulled(args, kwargs, nums)
        if pulled is None:
            return None
        shape = np.shape(pulled.value)
        arguments = [np.asarray(x.step.value) for x in pulled.ran.leaves]
        if if_fewer and prod(shape) > sum(x.size for x in arguments):
            self.road = "through its graph: forward sweeps are fewer"
            return None
        blocks = [np.zeros((*shape, *x.shape), x.dtype) for x in arguments]
        for index in np.ndindex(*shape):
            seed = np.zeros(shape, pulled.type.dtype)
            seed[index] = 1
            for block, g in zip(blocks, pulled.leaf_cotangents(seed[()])):
                block[index] = g
        if prod(shape):
            self._note(pulled.ran.out.current())
        return pulled.ran.in_trees(blocks)

    def _note(self, root: Step) -> None:
        kernel, steps, reason = root.extra.road     # type: ignore[union-attr]
        self.road = f"on the tape, {f'one kernel for {steps} operations' if kernel is not None else f'step by step: {reason}'}"

    def _recorded(self, args: tuple, kwargs: dict, nums: Sequence[int], has_aux: bool, keep: bool = False) -> _Ran | None:
        """Run the function on tensors; None where it has to be traced. With `keep` the arguments may be written to afterwards."""
        if not self.is_open():
            return None
        leaves: list[Tensor] = []
        try:
            given = [self._differentiated(x, leaves, keep) if k in nums
                     else self._constant(x) for k, x in enumerate(args)]
            named = {k: self._constant(x) for k, x in kwargs.items()}
            out = self._run(given, named)
            aux = None
            if has_aux:
                if out.__class__ is not tuple or len(out) != 2:
                    return None
                out, aux = out
                _check_aux(aux)
        except _NotOnTape as e:
            self.road = f"through its graph: {e}"
            return None
        if out.__class__ is not Tensor or not out.requires_grad or out.step.recipe is None:
            return None
        return _Ran(out, aux, leaves, args, nums)

    def _differentiated(self, x: Any, leaves: list[Tensor], keep: bool) -> Any:
        """An argument with tensors in place of its arrays, with `keep` of copies of them."""
        if x.__class__ not in (np.ndarray, np.float64, np.float32):
            found, tree = flatten(x)
            _check_values(tree)
            if tree == "*":
                raise _NotOnTape(f"an argument is a {type(x).__name__}")
            return unflatten(tree, [self._differentiated(a, leaves, keep) for a in found])
        if x.dtype.char not in "fd" or not x.dtype.isnative:
            raise _NotOnTape(f"an argument has dtype {x.dtype}")
        made = Tensor(leaf_step(np.array(x)[()] if keep else x, kind_of_value(x), True))
        leaves.append(made)
        return made

    def _constant(self, x: Any) -> Any:
        """Another argument: lists in it are made anew, as the function may append to them."""
        if x.__class__ is np.ndarray and not self.found.writes_in_place or isinstance(x, (bool, int, float, str, type(None))):  # type: ignore
            return x
        found, tree = flatten(x)
        _check_values(tree)
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


class _Ran:
    """A call that has been recorded.

    Attributes
    ----------
    out : the result
    aux : what came with it
    leaves : the tensors of the arguments that are differentiated
    """

    __slots__ = ("out", "aux", "leaves", "_chosen")

    def __init__(self, out: Tensor, aux: Any, leaves: list[Tensor], args: tuple, nums: Sequence[int]):
        self.out, self.aux, self.leaves = out, aux, leaves
        self._chosen = [args[k] for k in nums]

    def by_leaf(self, found: list[tuple[Step, Any]]) -> list:
        """The gradients in the order of the leaves: a number for a number, zeros where nothing depends on a leaf."""
        by_step = {id(step): g for step, g in found}
        return [_gradient(x.step, by_step.get(id(x.step))) for x in self.leaves]

    def in_trees(self, of_leaves: list) -> list:
        """One value for each leaf as trees like the arguments."""
        given = iter(of_leaves)
        return [next(given) if isinstance(x, (np.ndarray, np.generic)) else tree_map(lambda _: next(given), x) for x in self._chosen]

    def arranged(self, found: list[tuple[Step, Any]]) -> list:
        """The gradients as trees like the arguments."""
        return self.in_trees(self.by_leaf(found))


class PulledTape:
    """A recorded call with its pullback.

    Attributes
    ----------
    value : of the function
    aux : what came with it
    type : of the value
    """

    __slots__ = ("value", "aux", "type", "ran", "_root")

    def __init__(self, ran: _Ran, has_aux: bool):
        self.ran = ran
        self._root = ran.out.current()
        self.type = ran.out.type
        self.value = _own(ran.out)
        self.aux = _numbers(ran.aux) if has_aux else None

    def pull(self, ct: Any) -> list:
        """Cotangents of the arguments for a cotangent of the value; both may be traced values."""
        return self.ran.in_trees(self._traced_cotangents(ct) if isinstance(ct, Tracer) else self.leaf_cotangents(ct))

    def leaf_cotangents(self, seed: Any) -> list:
        """Cotangents of the leaves."""
        found, _ = gradients(self._root, np.asarray(seed)[()])
        return self.ran.by_leaf(found)

    def graph(self) -> tuple[Graph, Walk] | None:
        """The tape as a graph of what is outside of it; None if a length in it is known only at run time."""
        walked = walk((self._root,))
        if not all(step.recipe.__class__ is Pick or step.recipe.static for step in walked.steps):
            return None
        return Program(walked, walked.roots[0], (), True).graph(), walked

    def _traced_cotangents(self, ct: Tracer) -> list:
        graph, walked = self.graph()    # type: ignore[misc]
        outside = [x.value if x.__class__ is Step else x for x in walked.outside]
        active = [x.__class__ is Step and x.needs for x in walked.outside]
        primal, count, back, _ = pullback_graphs(graph, active)
        out = inline(primal, outside)
        gs = iter(inline(back, [*out[len(out) - count:], ct]))
        return self.ran.by_leaf([(x, next(gs)) for x, is_active in zip(walked.outside, active) if is_active])


def _check_values(structure: Any, what: str = "an argument is or has") -> None:
    """Refuse a tree with functions or objects in it: plain code calls none that it has not named, and asks none."""
    for _, static in static_paths(structure):
        if static.kind != VALUE:
            raise _NotOnTape(f"{what} a {type(static.value).__name__}")


def _check_aux(aux: Any) -> None:
    """Refuse what a graph would refuse, or return otherwise, as a second result."""
    leaves, tree = flatten(aux)
    _check_values(tree, "the second result has")
    for x in leaves:
        if x.__class__ not in (Tensor, bool, int, float) and not isinstance(x, (np.ndarray, np.generic)):
            raise _NotOnTape(f"the second result has a {type(x).__name__}")


def _numbers(aux: Any) -> Any:
    """A second result with NumPy's values in place of tensors and numbers; arrays in it belong to the caller."""
    return tree_map(_own, aux)


def _own(x: Any) -> Any:
    """The value of a tensor, array or number as an array of the caller's, or as a number of NumPy's."""
    return np.array(x.read() if x.__class__ is Tensor else x)[()]


def _gradient(step: Step, g: Any) -> Any:
    return zeros_of(step.kind)[()] if g is None else g if step.kind.type.shape or isinstance(g, Tracer) else g[()]

