"""One trace of a loop's body: what a step is given, what it hands to the next, and what the attempt teaches the next attempt.

Names and places get a value of their own, a placeholder, only where the body binds them anew; which these are, and which types they settle
to, is known after a few attempts. Each attempt that finds out more raises `Retrace`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from autodiff.capture.advancing import outermost
from autodiff.capture.locations import Slot, holds_values_of
from autodiff.capture.python_numbers import KINDS
from autodiff.capture.region import Region
from autodiff.capture.state import (
    CONTINUE,
    UNBOUND,
    Cells,
    Retrace,
    Target,
    converted,
    declined,
    is_same,
    kind_of,
    leaves_of,
    truth,
    undecided,
    weak_of,
)
from autodiff.leaves import as_leaf
from autodiff.numpy.sizes import integer_of
from tracer.array import call as call_numpy
from tracer.errors import ShapeError
from tracer.graph import Var
from tracer.integers import agree, counter
from tracer.op import type_of
from tracer.trace import Tracer
from tracer.tree import unflatten
from tracer.types import ArrayType, i64

__all__ = ["Attempt", "Carried", "Hint", "Placed", "Steps", "hint_of", "known_places", "learned"]


class Steps:
    """What a loop goes over: how many steps, and the item of each. `count` is None for a while loop."""

    def __init__(self, count, item: Callable[[Tracer], Any] | None, test: Callable[[], Any] | None = None, memory: float | None = None):
        self.count = count
        self.item = item
        self.test = test
        self.memory = memory    # that the reverse sweep may take


@dataclass(slots=True)
class Placed:
    """A name or place that has a placeholder while the body is traced.

    tree : the structure of its value
    tracers : what stands for the leaves; a write in place may make them stand for another var
    vars : the vars that they stand for at the start of a step
    starts : the leaves before the first step
    """

    tree: Any
    tracers: list[Tracer]
    vars: list[Var]
    starts: list

    def written(self) -> list[Tracer]:
        """What stands for its arrays that a step writes in place."""
        return [t for t, v in zip(self.tracers, self.vars, strict=True) if t.ref is not v and t.type.shape]

    def is_written(self) -> bool:
        """Whether a step writes one of its arrays in place."""
        return bool(self.written())


@dataclass(slots=True)
class Carried:
    """What a name or place that the loop changes hands from step to step.

    tree : the structure of its value; UNBOUND for a value that is no data, which `ends` holds
    ends : the leaves at the end of a step
    vars : the vars that stand for them at the start of a step; None where a step does not look
    starts : the leaves before the first step; None where there are none, and zeros will do
    weak : float, int or bool for leaves that are Python's numbers after any step
    """

    name: Any
    tree: Any
    ends: list
    vars: Sequence[Var | None] = ()
    starts: Sequence = ()
    weak: Sequence[type | None] = ()


class Hint:
    """What an attempt to trace a body taught: names and places that need a value of their own, and the types they settle to."""

    def __init__(self) -> None:
        self.rebound: set = set()
        self.types: dict[tuple[Any, int], tuple[ArrayType, bool]] = {}
        self.set: dict[tuple, None] = {}    # places outside the function that the body sets, in the order in which they were found
        self.growing: dict[Any, tuple[int, ...]] = {}   # arrays whose lengths change by the same at each step: by how much, each axis


def learned(n: Target) -> Any:
    """What stands for a name or place in a hint, which outlives the call."""
    return n if isinstance(n, str) else n.like()


def known_places(hint: Hint, held: dict[int, Any]) -> list[Slot]:
    """Places that earlier attempts set, on objects that are there now."""
    found: list[Slot] = []
    for owner, kind, name in hint.set:
        for x in held.values() if kind != "variable" else ():
            slot = Slot(x, kind, name)
            if type(x).__qualname__ == owner and slot.get() is not UNBOUND:
                found.append(slot)
    return found


def hint_of(body: FunctionType, kinds: tuple) -> Hint:
    """What earlier attempts of this recording learned of a loop, for these types of what it carries.

    A loop inside another is recorded at each attempt to record that one. Its body is then another function object, over the same cells.
    """
    hints = outermost().hints
    key = (body.__code__, tuple(map(id, body.__closure__ or ())), kinds)
    _, hint = hints.setdefault(key, (body, Hint()))    # the body keeps the cells alive, so that their numbers stay theirs
    return hint


class Attempt:
    """One trace of a loop's body."""

    def __init__(self, steps: Steps, body: Callable, carried: Sequence[Target], state: Sequence[Target], cells: Cells, init: dict,
                 hint: Hint):
        self.steps, self.body, self.carried, self.state = steps, body, carried, state
        self.cells, self.init, self.hint = cells, init, hint
        self.sure = False
        self.growing: dict[Target, tuple] = {}  # names of such arrays, and the shapes after the last step
        self.placed: dict[Target, Placed] = {}

    def run(self, trace: Region) -> None:
        """Trace test and body."""
        self.trace = trace
        self.i = trace.input(i64, weak=int)
        if isinstance(self.steps.count, int):
            trace.integers[self.i.ref] = counter(0, self.steps.count - 1)   # type: ignore[index]
        for n in self.carried:
            self._place(n)
        self.test: Any = True
        self.tested = 0
        if self.steps.test is not None:
            self.test = self.steps.test()
            if undecided(self.test):
                self.test = truth(self.test)
            self.tested = len(trace.nodes)
            self.jump = self.body()
        else:
            assert self.steps.item is not None
            self.jump = self.body(self.steps.item(self.i))
        self.end = self.cells.all()

    def _place(self, n: Target) -> None:
        """Give a name the value it has at the start of any step."""
        x = self.init[n]
        leaves, tree = leaves_of(x)
        if x is UNBOUND or tree is UNBOUND or not leaves:
            return
        scalar = x._is_scalar() if isinstance(x, Tracer) else not isinstance(x, np.ndarray)
        if tree == "*" and learned(n) not in self.hint.rebound and not scalar:
            return      # an array: if it is written the trace finds it, if the name is bound anew the next attempt knows
        if learned(n) in self.hint.growing:
            self._place_growing(n, x, tree)
            return
        tracers, starts = [], []
        for k, leaf in enumerate(leaves):
            t, weak = self.hint.types.get((learned(n), k), (type_of(as_leaf(leaf)), True))
            tracers.append(self.trace.input(t, weak=weak_of(leaf) if weak else None))
            starts.append(leaf)
        self.placed[n] = Placed(tree, tracers, [t.ref for t in tracers], starts)  # type: ignore[misc]
        self.cells.put(n, unflatten(tree, tracers))

    def _place_growing(self, n: Target, x, tree) -> None:
        """Give a name the first part of an array that has room for its longest value."""
        by = self.hint.growing[learned(n)]
        own = type_of(as_leaf(x))
        last = tuple([d + b * self.steps.count for d, b in zip(own.shape, by, strict=True)])
        most = tuple([max(d, e) for d, e in zip(own.shape, last, strict=True)])     # type: ignore[type-var]
        known, _ = self.hint.types.get((learned(n), 0), (own, False))
        t = self.trace.input(own.with_dtype(known.dtype).with_shape(most))
        self.placed[n] = Placed(tree, [t], [t.ref], [x])  # type: ignore[list-item]
        self.growing[n] = last
        self.cells.put(n, call_numpy("index", t, self._part(own, by)))

    def _part(self, own: ArrayType, by: Sequence[int], later: int = 0) -> tuple:
        """The index of the part that holds the value at the start of a step, or `later` steps after."""
        return tuple([slice(None, self.i * b + (d + later * b)) if b else slice(None) for d, b in zip(own.shape, by, strict=True)])

    def _grown(self, n: Target, x1) -> Carried:
        """What such a name hands to the next step: the array with its first part replaced."""
        placed = self.placed[n]
        (t,), (v,) = placed.tracers, placed.vars
        got = type_of(as_leaf(x1))
        wide = np.result_type(v.type.dtype, got.dtype)
        if wide != v.type.dtype:
            self.hint.types[learned(n), 0] = (v.type.with_dtype(wide), False)
            raise Retrace
        own = type_of(as_leaf(placed.starts[0]))
        part = self._part(own, self.hint.growing[learned(n)], 1)
        expected = tuple([d + (self.i + 1) * b if b else d for d, b in zip(own.shape, self.hint.growing[learned(n)], strict=True)])
        lengths = [integer_of(d) for d in expected]
        if any(length is None or agree(d, length) is not True for d, length in zip(got.shape, lengths, strict=True)):
            raise declined(f"`{n}` changes in the loop to {got}", "its lengths must change by the same at each step",
                           "keep an array of the greatest shape and slice it")
        return Carried(n, placed.tree, [call_numpy("update", t, part, x1, "set")], [v], placed.starts)

    def _grows(self, n: Target, have: ArrayType, got: ArrayType) -> bool:
        """Note that an array changes its lengths from step to step; whether that can be followed."""
        if len(have.shape) != len(got.shape) or not have.is_static() or not got.is_static() or self.placed[n].tree != "*":
            return False
        ends = self.jump is None or isinstance(self.jump.code, int) and self.jump.code == CONTINUE
        if not ends or not isinstance(self.steps.count, int) or learned(n) in self.hint.growing:
            return False
        by = tuple([b - a for a, b in zip(have.shape, got.shape, strict=True)])     # type: ignore[operator]
        if any(a + b * self.steps.count < 0 for a, b in zip(have.shape, by, strict=True)):  # type: ignore[operator]
            return False
        self.hint.growing[learned(n)] = by     # type: ignore[assignment]
        return True

    def irregular(self, error: Exception) -> Exception:
        """The error for a step that does not take arrays of such lengths."""
        names = ", ".join(f"`{n}`" for n in self.growing)
        return declined(f"{names} changes its shape in the loop in a way that cannot be followed: {str(error).splitlines()[0]}",
                        "its lengths must change by the same at each step", "keep an array of the greatest shape and slice it")

    def explain_shape(self, error: ShapeError) -> None:
        """Lengths that do not fit may come of a name whose array changes its shape from step to step."""
        for n in self.carried:
            x0, x1 = self.init[n], self.cells.get(n)
            old, new = leaves_of(x0)[0], leaves_of(x1)[0]
            shapes = [[type_of(as_leaf(x)).shape for x in xs] for xs in (old, new)]
            if x1 is not x0 and shapes[0] != shapes[1] and any(shapes[0]):
                raise declined(f"`{n}` changes in the loop from {kind_of(x0)} to {kind_of(x1)}", "its shape must stay the same",
                               "keep an array of the greatest shape and slice it") from error

    # -- what came out -------------------------------------------------------------------------

    def results(self, sure: bool) -> list[Carried]:
        """What each name that the loop changes hands on; `sure`: the loop takes a step."""
        found = [self._result(n, sure) for n in self.state]
        return [c for c in found if c is not None]

    def _result(self, n: Target, sure: bool) -> Carried | None:
        x0, x1 = self.init[n], self.end[n]
        if n in self.placed:
            return self._grown(n, x1) if n in self.growing else self._carried(n, x1)
        if x1 is x0 or x1 is UNBOUND and x0 is UNBOUND:
            return None
        if x1 is UNBOUND:
            raise declined(f"`{n}` is deleted in a loop")
        if x0 is UNBOUND and not isinstance(n, str):
            raise declined(f"`{n}` is set in a loop for the first time", "a step may find it unset or as the step before left it",
                           f"set `{n}` before the loop")
        if n in self.carried and x0 is not UNBOUND:
            self._bound_anew(n, x0, x1)
            return None
        return self._only_set(n, x0, x1, sure)

    def _bound_anew(self, n: Target, x0, x1) -> None:
        """A name that steps read has another value after a step: the next attempt gives it a placeholder."""
        before, tree = leaves_of(x0)[1], leaves_of(x1)[1]
        if tree is UNBOUND or before is UNBOUND:
            if is_same(x0, x1):
                return
            raise declined(f"`{n}` changes in the loop from {kind_of(x0)} to {kind_of(x1)}", "it is no array")
        if tree != before:
            raise declined(f"`{n}` changes in the loop from {kind_of(x0)} to {kind_of(x1)}", "its structure must stay the same")
        self.hint.rebound.add(learned(n))
        raise Retrace

    def _only_set(self, n: Target, x0, x1, sure: bool) -> Carried:
        """A name that each step sets and none reads."""
        leaves, tree = leaves_of(x1)
        if tree is UNBOUND:
            if not sure and not is_same(x0, x1):
                raise declined(f"`{n}` is bound in a loop that may take no step", fix=f"bind `{n}` before the loop")
            if holds_values_of(x1, self.trace):
                raise declined(f"`{n}` is {kind_of(x1)} with values of the last step", "a loop hands on numbers, arrays and trees of them",
                               f"read what is needed of `{n}` in the loop")
            return Carried(n, UNBOUND, [x1])
        starts: list = [None] * len(leaves)
        if not sure or n in self.carried:
            starts, other = leaves_of(x0)
            if other != tree or any(type_of(as_leaf(p)) != type_of(as_leaf(q)) for p, q in zip(starts, leaves, strict=True)):
                raise declined(f"`{n}` is bound in a loop that may take no step", "then it would have no value",
                               f"bind `{n}` before the loop to a value of the type it gets")
        return Carried(n, tree, leaves, [None] * len(leaves), starts)

    def _carried(self, n: Target, x1) -> Carried:
        placed = self.placed[n]
        leaves, other = leaves_of(x1)
        if other != placed.tree:
            raise declined(f"`{n}` changes in the loop from {kind_of(self.init[n])} to {kind_of(x1)}", "its structure must stay the same")
        again = [self._widens(n, k, x, v, start) for k, (x, v, start) in enumerate(zip(leaves, placed.vars, placed.starts, strict=True))]
        if any(again):
            raise Retrace
        weak = [KINDS[v.type.dtype.kind] if t.weak is not None and weak_of(x) is not None else None
                for x, t, v in zip(leaves, placed.tracers, placed.vars, strict=True)]
        ends = [converted(x, v.type) for x, v in zip(leaves, placed.vars, strict=True)]
        return Carried(n, placed.tree, ends, placed.vars, placed.starts, weak)

    def _widens(self, n: Target, k: int, x, v: Var, start) -> bool:
        """Whether leaf `k` of a name has, after a step, another type than its placeholder; the hint knows the type to try next."""
        have, got = v.type, type_of(as_leaf(x))
        was_weak = self.hint.types.get((learned(n), k), (have, True))[1] and weak_of(start) is not None
        if got.shape != have.shape:
            if self._grows(n, have, got):
                return True
            if have.shape != () or weak_of(start) is None and not isinstance(start, (np.generic, Tracer)):
                raise declined(f"`{n}` changes in the loop from {have} to {got}", "its shape must stay the same",
                               "make an array of the final shape before the loop")
            self.hint.types[learned(n), k] = (got.with_dtype(np.result_type(have.dtype, got.dtype)), False)
            return True
        if got.dtype == have.dtype:
            return False
        wide = np.result_type(weak_of(start)(0) if was_weak else have.dtype, got.dtype)  # type: ignore[misc]
        if got.shape and not was_weak:
            raise declined(f"`{n}` is {have} before a step of the loop and {got} after it", "the first step would read another dtype",
                           f"convert `{n}` before the loop")
        if wide != have.dtype:
            self.hint.types[learned(n), k] = (got.with_dtype(wide), False)
        return bool(wide != have.dtype)
