"""From a Python function of trees to a graph of flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracer.errors import DTypeError, explain
from tracer.graph import Graph
from tracer.op import type_of
from tracer.trace import Tracer, trace_flat
from tracer.tree import flatten, leaf_paths, unflatten
from tracer.types import ArrayType

__all__ = ["Recorded", "record", "as_leaf", "weak_of", "value_of_leaf", "leaf_type", "name_of"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A graph, the outside values it uses (its last inputs), and the structure of its result."""

    graph: Graph
    captured: list
    out_tree: Any


def name_of(f: Callable) -> str:
    """A name for the graph of `f`."""
    name = getattr(f, "__name__", None) or type(f).__name__
    return "function" if name == "<lambda>" else name


def weak_of(x) -> type | None:
    """float or int for Python numbers, which are weak in promotion; None otherwise."""
    if isinstance(x, Tracer):
        return x.weak
    return type(x) if type(x) in (float, int) else None


def leaf_type(x, path: str = "") -> ArrayType:
    """Type of a leaf.

    Raises
    ------
    DTypeError
        If the leaf is not an array or number of a supported dtype.
    """
    try:
        return type_of(x)
    except TypeError as e:
        raise explain(DTypeError, f"{path or 'a value'} is {type(x).__name__}, which cannot be traced", why=str(e),
                      fix="pass arrays and numbers; make other values static (static_argnames of jit) or close over them") from None


def as_leaf(x):
    """Python numbers become NumPy scalars; arrays and tracers stay."""
    return x if isinstance(x, (Tracer, np.ndarray, np.generic)) else np.asarray(x)[()]


def value_of_leaf(x):
    """The number behind a leaf, or None if it is not known."""
    return x.value if isinstance(x, Tracer) else as_leaf(x)


def record(f: Callable, in_tree, leaves: Sequence, *, concrete: bool, name: str | None = None,
           label: Callable[[str], str] = str) -> Recorded:
    """Trace `f(*args)`, `args` being the tree of `leaves`. A concrete trace carries the values of the leaves.

    `label` turns the path of a leaf into what errors call it.
    """
    holder: list = []
    paths = leaf_paths(in_tree)
    types = [leaf_type(x, label(p)) for x, p in zip(leaves, paths, strict=True)]

    def flat(*tracers):
        out, tree = flatten(f(*unflatten(in_tree, tracers)))
        holder.append(tree)
        for x, path in zip(out, leaf_paths(tree), strict=True):
            leaf_type(x, f"result{path}")
        return out
    traced = trace_flat(flat, types, name=name or name_of(f), values=[value_of_leaf(x) for x in leaves] if concrete else None,
                        weak=[weak_of(x) for x in leaves])
    return Recorded(traced.graph, traced.captured, holder[0])
