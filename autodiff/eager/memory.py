"""Memory behind tensors: which tensors share an array, views, and writes in place.

A step never changes, and its value may be looked at long after it was recorded. A tensor that is written in place must therefore not change
an array that a step still needs. Three rules keep that:

* An array that is written belongs to the tensor alone, or to tensors that share it on purpose (`detach`). If a step or another value
  refers to it, the tensor moves to a copy and leaves the old array to them (`own_array`).
* An array that was handed out (`numpy()`, `value`) may be written by others at any time. Operations take a copy of it (`Exposed`), until
  nobody else holds it any more.
* A view (`x[1:]`, `x.T`) is a step of its own and knows the tensor that it is a view of. A write to the view makes a new value of that
  tensor, and a view of a tensor that was written is read anew when it is used next (`Viewed`).
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

import numpy as np

from autodiff.eager.recipes import View
from autodiff.eager.tape import Step, force, leaf_step

__all__ = ["Memory", "Viewed", "viewed", "EXPOSED", "current", "expose", "own_array", "root_of", "share", "write_array", "rebind",
           "operand_copy", "put_through"]


class Memory:
    """The tensors that share one array."""

    __slots__ = ("members",)

    def __init__(self, *members: Any):
        self.members = [weakref.ref(t) for t in members]

    def alive(self) -> list:
        """The tensors that still exist."""
        found = [t for t in (m() for m in self.members) if t is not None]
        self.members = [weakref.ref(t) for t in found]
        return found


class Viewed:
    """What a tensor is a view of: kept in its slot `alias`.

    Attributes
    ----------
    tensor : the tensor it is a view of, which may be a view itself
    root : the tensor at the end of that chain
    how : how it is read from the array of `tensor`, and put back (`autodiff.eager.recipes.View`)
    version : of the root, when the view was last read
    """

    __slots__ = ("tensor", "root", "how", "version")
    tensor: Any
    root: Any
    how: View
    version: int


def viewed(tensor: Any, how: View) -> Viewed:
    """The `alias` of a view of a tensor."""
    alias = Viewed()
    alias.tensor = tensor
    alias.root = root = tensor if tensor.alias is None else root_of(tensor)
    alias.how = how
    alias.version = root.version
    return alias


class _Exposed:
    """The mark, in the slot `alias`, of a tensor whose array others hold."""

    __slots__ = ()


EXPOSED = _Exposed()


def root_of(x):
    """The tensor whose array a tensor is a view of, or it itself."""
    return x.alias.root if x.alias.__class__ is Viewed else x


def current(x) -> Step:
    """The step that a tensor with an `alias` stands for now, as an operand of an operation."""
    alias = x.alias
    if alias.__class__ is Viewed and alias.version == alias.root.version and alias.root.alias is None:
        return x.step
    if alias is EXPOSED:
        if not _is_shared_outside(x):
            for t in _members(x):
                t.alias = None
                t.version += 1
            return x.step
        step = leaf_step(np.array(x.step.value), x.step.kind, x.step.needs)
        if x.step.extra is not None:
            step.more().owner = x.step.extra.owner
        return step
    if alias.tensor.alias is not None:
        current(alias.tensor)
    x.step = alias.how.read(alias.tensor).step
    alias.version = alias.root.version
    return x.step


# -- who refers to an array ------------------------------------------------------------------------------------------------------

def _step_references(steps: list[Step]) -> list[int]:
    """How many references there are to each step of a list that was made for this call."""
    return [sys.getrefcount(s) for s in steps]


def _array_references(step: Step) -> int:
    """How many references there are to the array of a step."""
    return sys.getrefcount(step.value)


class _Probe:
    __slots__ = ("step",)
    step: Step


def _baselines() -> tuple[int, int]:
    """What the two functions above give, in this interpreter, of a step and an array that nobody else refers to."""
    probe = _Probe()
    probe.step = leaf_step(np.zeros(2))
    return _step_references([probe.step])[0], _array_references(probe.step)


_STEP_ALONE, _ARRAY_ALONE = _baselines()


def _members(x) -> list:
    """The tensors that share the array of a leaf on purpose, with the leaf itself."""
    memory = x.step.extra.memory if x.step.extra is not None else None
    return [x] if memory is None else memory.alive()


def _is_shared_outside(x) -> bool:
    """Whether the array of a leaf is held by anybody but the tensors that share it on purpose."""
    return _array_references(x.step) > _ARRAY_ALONE + len(_members(x)) - 1


def _is_read(x) -> bool:
    """Whether recorded steps, or arrays in the same memory, depend on what the array of a leaf holds now."""
    return _is_shared_outside(x) or max(_step_references([t.step for t in _members(x)])) > _STEP_ALONE


# -- handing out and writing -----------------------------------------------------------------------------------------------------

def share(x, other) -> None:
    """Note that two tensors share one array."""
    memory = x.step.more().memory
    if memory is None:
        memory = x.step.extra.memory = Memory(x)
    memory.members.append(weakref.ref(other))
    other.step.more().memory = memory


def _move(x, writing: bool) -> None:
    """Give a tensor, and those that share its array, a copy; recorded steps keep the array that they saw."""
    memory = x.step.extra.memory if x.step.extra is not None else None
    array = np.array(x.step.value)
    for t in _members(x):
        rebind(t, array, writing)
        if memory is not None:
            t.step.more().memory = memory


def rebind(t, array, writing: bool) -> None:
    """Let a leaf stand for another array; `writing` tells what was recorded from it that the leaf is written."""
    old = t.step
    t.step = leaf_step(array, old.kind, old.needs)
    if old.needs:
        old.more().is_overwritten |= writing
        t.step.more().owner = weakref.ref(t)


def own_array(x, writing: bool = True) -> np.ndarray:
    """The array of a leaf, to be written or handed out: that of the tensor alone, and of those that share it on purpose."""
    if x.alias is EXPOSED:
        return x.step.value
    value = x.step.value
    if type(value) is not np.ndarray or value.base is not None or not value.flags.writeable:
        _move(x, writing)
    else:
        del value
        if _is_read(x):
            _move(x, writing)
    return x.step.value


def expose(x) -> Any:
    """The array of a leaf, or the part of it that a view of the leaf is, for somebody who may write to it."""
    root = root_of(x)
    force(root.step)
    if type(root.step.value) is not np.ndarray:
        return root.step.value if root is x else force(current(x))
    if root.alias is None:
        own_array(root, writing=False)
        for t in _members(root):
            t.alias = EXPOSED
    return part_of(x, root.step.value)


def part_of(x, array: np.ndarray) -> Any:
    """The part of the array of a leaf that a view of it is, in the same memory where NumPy can have it so."""
    for t in reversed(_chain(x)[:-1]):
        array = t.alias.how.read(array)
    return array


def operand_copy(x) -> Step:
    """An array from outside as a leaf: a copy, since its owner may write to it."""
    return leaf_step(np.array(x))


def write_array(x, index, value) -> None:
    """x[index] = value, in the array of the tensor that x is a view of, or of x itself."""
    root = root_of(x)
    part_of(x, own_array(root))[index] = value
    root.version = root.version + 1


def _chain(x) -> list:
    """x, the tensor that it is a view of, and so on to one that is no view."""
    chain = [x]
    while chain[-1].alias.__class__ is Viewed:
        chain.append(chain[-1].alias.tensor)
    return chain


def put_through(x, new: Step) -> None:
    """Let x, and what it is a view of, stand for new values."""
    chain = _chain(x)
    x.step = new
    for t in chain[:-1]:
        t.alias.tensor.step = t.alias.how.put(t.alias.tensor, t).step
    root = chain[-1]
    root.version = root.version + 1
    for t in chain[:-1]:
        t.alias.version = root.version


