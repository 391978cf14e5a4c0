"""The tape: steps that remember what they are made of, and the walk over what is behind a step.

A step is one value: the recipe that gives it, its operands, and the value itself once somebody has asked for it. A step never changes its
meaning; writing to a tensor in place gives the tensor another step. Steps hold their operands and nothing holds the steps but the tensors
that stand for them and later steps, so that dropping a tensor drops its tape.

`force` computes values. `walk` lists the steps behind one in the order in which they can be computed, with a key that is equal for tapes
that do the same with values of the same types. Both are loops: a tape may be deeper than Python's recursion.
"""

from __future__ import annotations

import itertools
import operator
import sys
import warnings
from collections.abc import Sequence
from types import CodeType
from typing import Any

import numpy as np

from autodiff.eager.kinds import FLOAT, INT, Kind, kind_of_value
from tracer.errors import GradientError, explain, is_internal
from tracer.graph import Where
from tracer.locks import process_lock

__all__ = ["Step", "Walk", "Extra", "new_step", "leaf_step", "force", "value_of", "walk", "where_of", "calling", "operands_of",
           "at_line", "next_number", "BY_KERNEL"]

BY_KERNEL = -1
"""The depth of a step whose value came from a kernel. It may differ in the last bit from what NumPy makes of the operands."""
DEEPEST = 4000
"""A chain of steps that nobody asks for is computed when it is this long: its memory stays bounded."""


class Extra:
    """What few steps have.

    Attributes
    ----------
    owner : of a leaf, a weak reference to the tensor that gathers its gradient
    memory : of a leaf, who shares its array (`autodiff.eager.memory.Memory`)
    is_overwritten : of a leaf, whether its tensor was written in place since
    hooks : functions of the gradient of this step, by number
    retained : a weak reference to the tensor that keeps the gradient of this step
    road : how the last `backward` from here was done: a kernel or None, the number of steps, and why no kernel
    pending : of a number that was asked for, the walk behind it, its kernel and the gradients that it gave, until `backward` takes them
    """

    owner: Any = None
    memory: Any = None
    is_overwritten = False
    hooks: dict[int, Any] | None = None
    retained: Any = None
    road: tuple = ()
    pending: tuple | None = None


class Step:
    """One value on the tape.

    Attributes
    ----------
    recipe : what computes it; None of a leaf
    inputs : steps, arrays of nobody else, and numbers; None of a leaf, and once they are not needed any more
    kind : its type; None of a step with several results, whose value is the tuple of them
    value : None until it is computed
    needs : whether gradients go through it
    depth : the greatest number of steps behind it of which no value was asked; `BY_KERNEL` where a kernel computed its value
    code, position : where in which code the operation stands
    number : greater than those of its operands
    place : in the walk that goes on now; else None
    """

    __slots__ = ("recipe", "inputs", "kind", "value", "needs", "depth", "code", "position", "extra", "number", "place", "__weakref__")
    recipe: Any
    inputs: Any
    kind: Any
    value: Any
    needs: bool
    depth: int
    code: CodeType | None
    position: int
    extra: Any
    number: int
    place: Any

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, or no gradient goes through it."""
        return self.recipe is None or not self.needs

    @property
    def was_freed(self) -> bool:
        """Whether a `backward` has used up what is behind it."""
        return self.inputs is None and self.recipe is not None and self.needs

    def more(self) -> Extra:
        """Its rare attributes."""
        if self.extra is None:
            self.extra = Extra()
        return self.extra

    def set(self, value, depth: int = 0) -> None:
        """Enter its value. What no gradient goes through needs its operands no more."""
        self.value = value
        self.depth = depth
        if not self.needs:
            self.inputs = None


def leaf_step(value, kind: Kind | None = None, needs: bool = False) -> Step:
    """A step with a value that nothing computes."""
    step = new_step(None, None, kind or kind_of_value(value), needs, 0, None, 0)
    step.value = value
    return step


next_number = itertools.count().__next__


def new_step(recipe: Any, inputs: tuple | None, kind: Kind | None, needs: bool, depth: int, code: CodeType | None, position: int) -> Step:
    """A step without a value. (A class with an `__init__` of its own takes twice as long to make: 0.1 us.)"""
    step = Step()
    step.recipe = recipe
    step.inputs = inputs
    step.kind = kind
    step.value = None
    step.needs = needs
    step.depth = depth
    step.code = code
    step.position = position
    step.extra = step.place = None
    step.number = next_number()
    return step


def calling(depth: int) -> tuple[CodeType | None, int]:
    """The code and position of the innermost frame of the user's, from `depth` frames out."""
    frame: Any = sys._getframe(depth + 1)
    while frame is not None and is_internal(frame.f_code):
        frame = frame.f_back
    return (None, 0) if frame is None else (frame.f_code, frame.f_lasti)


def where_of(step: Step) -> Where | None:
    """The user's line of a step."""
    if step.code is None or is_internal(step.code):
        return None
    line = next(itertools.islice(step.code.co_positions(), step.position // 2, None), (None,))[0]
    return Where(step.code.co_filename, line or step.code.co_firstlineno, step.code.co_name)


def value_of(x) -> Any:
    """The value of an operand."""
    if x.__class__ is Step:
        return x.value if x.value is not None else force(x)
    return x


# -- computing ----------------------------------------------------------------------------------------------------------------

def force(last: Step) -> Any:
    """Compute a step and what is behind it, one after the other; return its value.

    What NumPy would warn of is raised; the step is then computed again with the user's settings, and the warning gets the user's line.
    """
    while last.value is None:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            failed = _compute(last)
        if failed is not None:
            step, values = failed
            out = at_line(step, step.recipe.forward, values)
            step.set(out[0] if step.kind is not None else out)
    return last.value


def _compute(last: Step) -> tuple[Step, list] | None:
    """Compute a step and what is behind it, up to one that raises FloatingPointError, which is returned with the values of its operands."""
    stack = [last]
    while stack:
        step = stack[-1]
        inputs = step.inputs
        if step.value is not None or inputs is None:    # another thread may have computed it meanwhile
            stack.pop()
            continue
        values = []
        for x in inputs:
            if x.__class__ is Step:
                value = x.value
                if value is None:
                    stack.append(x)
                    break
                values.append(value)
            else:
                values.append(x)
        else:
            stack.pop()
            try:
                out = step.recipe.forward(*values)
            except FloatingPointError:
                return step, values
            step.value = out[0] if step.kind is not None else out
            step.depth = 0
            if not step.needs:
                step.inputs = None
    return None


def at_line(step: Step, function, values) -> Any:
    """Call a function of NumPy again that raised for its numbers: it warns, or raises, with the user's line of the step."""
    where = where_of(step)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            out = function(*values)
        except FloatingPointError as e:
            raise FloatingPointError(f"{e} ({where})" if where else str(e)) from None
    for w in caught:
        if where is None:
            warnings.warn(w.message, w.category, stacklevel=2)
        else:
            warnings.warn_explicit(w.message, w.category, where.file, where.line)   # type: ignore[arg-type]
    return out


# -- looking back --------------------------------------------------------------------------------------------------------------

class Walk:
    """The steps behind some steps.

    Attributes
    ----------
    steps : those that are computed, operands before their users
    outside : what they are computed of: steps with a value, and numbers
    key : equal for walks that do the same with values of the same types
    roots : the place of each root: its number in `steps`, or -1 - its number in `outside`
    uses : how often each step is an operand of a step of the walk
    special : the steps, in it and outside, that have rare attributes
    """

    __slots__ = ("steps", "outside", "key", "roots", "uses", "special")
    steps: list[Step]
    outside: list
    key: tuple
    roots: list[int]
    uses: list[int]
    special: list[Step]


_walking = process_lock(globals(), "_walking")
_number_of = operator.attrgetter("number")


def walk(roots: Sequence[Step], for_values: bool = False) -> Walk:
    """Go through all that is behind some steps, down to leaves and to values through which no gradient goes; `for_values`: to any values.

    The key is flat: the kind of each value from outside where it is first met, and the recipe of each step with the places of its operands;
    last come the places of the roots. While it goes, each step knows its place, so that only one thread can walk at a time.

    Raises
    ------
    GradientError
        If an earlier `backward` has freed what is behind a step.
    """
    found = Walk()
    with _walking:
        met = _reachable(roots, for_values)
        try:
            _number(found, met, roots, for_values)
        finally:
            for step in met:
                step.place = None
    return found


def _reachable(roots: Sequence[Step], for_values: bool) -> list[Step]:
    """All steps of a walk, with those outside, in no order; each is marked by the place 0."""
    met: list[Step] = []
    stack = list(roots)
    while stack:
        step = stack.pop()
        if step.place is not None:
            continue
        step.place = 0
        met.append(step)
        inputs = step.inputs
        if inputs is not None and not (for_values and step.value is not None):
            for x in inputs:
                if x.__class__ is Step and x.place is None:
                    stack.append(x)
    return met


def _number(found: Walk, met: list[Step], roots: Sequence[Step], for_values: bool) -> None:
    """Bring the steps of a walk in order, and make its key."""
    met.sort(key=_number_of)
    steps: list[Step] = []
    outside: list = []
    key: list = []
    uses: list[int] = []
    special: list[Step] = []
    for step in met:
        if step.extra is not None:
            special.append(step)
        inputs = step.inputs
        if inputs is None or for_values and step.value is not None:
            if not for_values and step.recipe is not None and step.needs:
                raise explain(GradientError, "backward() runs through a graph that was freed", why="an earlier backward() used it up",
                              fix="call the earlier one with retain_graph=True, or compute the value again")
            outside.append(step)
            step.place = -len(outside)
            key.append(step.kind.leaf if step.needs and not for_values else step.kind)
            continue
        places = []
        for x in inputs:
            if x.__class__ is Step:
                at = x.place
                if at >= 0:
                    uses[at] += 1
                places.append(at)
            else:
                outside.append(x)
                places.append(-len(outside))
                key.append(FLOAT if x.__class__ is float else INT if x.__class__ is int else kind_of_value(x))
        step.place = len(steps)
        steps.append(step)
        uses.append(0)
        key.append(step.recipe)
        key += places
    found.roots = [root.place for root in roots]
    key += found.roots
    found.steps, found.outside, found.key, found.uses, found.special = steps, outside, tuple(key), uses, special


def operands_of(step: Step) -> tuple:
    """The mask of the operands through which gradients go, and the operands."""
    mask = 0
    for k, x in enumerate(step.inputs):
        if x.__class__ is Step and x.needs:
            mask |= 1 << k
    return mask, step.inputs
