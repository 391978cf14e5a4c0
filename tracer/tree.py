"""Trees: nests of dict, list, tuple, namedtuple, dataclass and None whose leaves are arrays and numbers.

The structure is a plain nested tuple, hashable and printable. Dicts with the same keys have equal structures, and each tree that is
put together again has the order of the dict that its structure was taken from. Dataclasses and namedtuples need no registration; a
dataclass field with `metadata={"static": True}` belongs to the structure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["flatten", "unflatten", "tree_map", "leaf_paths", "key_orders", "Keys", "LEAF", "unpacker"]

LEAF = "*"


class Keys(tuple):
    """The keys of a dict, sorted, so that two dicts with the same keys have equal structures; `order` is the order of the dict.

    >>> Keys({"b": 1, "a": 2}) == Keys({"a": 2, "b": 1})
    True
    >>> Keys({"b": 1, "a": 2}).order
    ('b', 'a')
    """

    order: tuple

    def __new__(cls, keys: Iterable) -> Keys:
        """The keys of a dict, which are given in its order."""
        order = tuple(keys)
        try:
            new = super().__new__(cls, sorted(order))
        except TypeError:   # keys that have no order among them
            new = super().__new__(cls, sorted(order, key=lambda k: (type(k).__qualname__, repr(k))))
        new.order = order
        return new


def flatten(tree: Any) -> tuple[list, Any]:
    """The leaves of a tree, in order, and its structure.

    >>> flatten({"b": 1.0, "a": (2.0, None)})
    ([2.0, 1.0], ('dict', ('a', 'b'), (('tuple', ('*', None)), '*')))
    """
    leaves: list = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree, leaves: list):
    t = type(tree)
    if t is dict or isinstance(tree, dict) and hasattr(t, "move_to_end"):
        keys = Keys(tree) if t is dict else tuple(tree)     # OrderedDicts are equal only if their orders are
        return "dict" if t is dict else t, keys, tuple([_flatten(tree[k], leaves) for k in keys])
    if t is tuple:
        return "tuple", tuple([_flatten(x, leaves) for x in tree])
    if t is list:
        return "list", tuple([_flatten(x, leaves) for x in tree])
    if tree is None:
        return None
    if isinstance(tree, tuple) and hasattr(t, "_fields"):
        return "namedtuple", t, tuple([_flatten(x, leaves) for x in tree])
    if dataclasses.is_dataclass(t):
        static, children = [], []
        for field in dataclasses.fields(t):
            value = getattr(tree, field.name)
            if field.metadata.get("static"):
                static.append((field.name, value))
            else:
                children.append((field.name, _flatten(value, leaves)))
        return "dataclass", t, tuple(static), tuple(children)
    leaves.append(tree)
    return LEAF


def unflatten(structure: Any, leaves: Iterable) -> Any:
    """The tree of a structure, with the given leaves.

    >>> unflatten(('tuple', ('*', None)), [2.0])
    (2.0, None)
    """
    return _unflatten(structure, iter(leaves))


def _unflatten(s, leaves):
    if s == LEAF:
        return next(leaves)
    if s is None:
        return None
    kind = s[0]
    if kind == "tuple":
        return tuple([_unflatten(c, leaves) for c in s[1]])
    if kind == "list":
        return [_unflatten(c, leaves) for c in s[1]]
    if kind == "namedtuple":
        return s[1](*[_unflatten(c, leaves) for c in s[2]])
    if kind == "dataclass":
        new = object.__new__(s[1])
        for name, value in s[2]:
            object.__setattr__(new, name, value)
        for name, child in s[3]:
            object.__setattr__(new, name, _unflatten(child, leaves))
        return new
    pairs = [(k, _unflatten(c, leaves)) for k, c in zip(s[1], s[2], strict=True)]
    if kind != "dict":
        return kind(pairs)
    children = dict(pairs)
    return {k: children[k] for k in s[1].order}


def key_orders(structure: Any) -> tuple:
    """The orders of the keys of all dicts in a structure: what two trees of equal structure may still differ in.

    >>> key_orders(flatten([{"b": 1.0, "a": 2.0}, {}])[1])
    (('b', 'a'), ())
    """
    if structure is None or structure == LEAF:
        return ()
    children: Iterable = structure[-1]
    if structure[0] == "dataclass":
        children = [child for _, child in children]
    found = tuple([order for child in children for order in key_orders(child)])
    return (structure[1].order, *found) if structure[0] == "dict" else found


def tree_map(f: Callable, tree: Any, *rest: Any) -> Any:
    """Apply `f` to the leaves of trees of one structure.

    >>> tree_map(lambda a, b: a + b, {"w": 1.0}, {"w": 2.0})
    {'w': 3.0}

    Raises
    ------
    ValueError
        If the structures differ.
    """
    leaves, structure = flatten(tree)
    columns = [leaves]
    for other in rest:
        more, s = flatten(other)
        if s != structure:
            raise ValueError(f"trees of different structure: {structure} and {s}")
        columns.append(more)
    return unflatten(structure, [f(*row) for row in zip(*columns, strict=True)])


def leaf_paths(structure: Any, path: str = "") -> list[str]:
    """How each leaf is reached from its tree, such as `['w'][0]`."""
    if structure == LEAF:
        return [path]
    if structure is None:
        return []
    kind = structure[0]
    if kind in ("tuple", "list"):
        return [p for i, c in enumerate(structure[1]) for p in leaf_paths(c, f"{path}[{i}]")]
    if kind == "namedtuple":
        return [p for n, c in zip(structure[1]._fields, structure[2]) for p in leaf_paths(c, f"{path}.{n}")]
    if kind == "dataclass":
        return [p for n, c in structure[3] for p in leaf_paths(c, f"{path}.{n}")]
    return [p for k, c in zip(structure[1], structure[2]) for p in leaf_paths(c, f"{path}[{k!r}]")]


def unpacker(tree) -> Callable[[tuple], Any]:
    """A function from the flat results to the result tree; the commonest structures without a general walk."""
    if tree == "*":
        return lambda out: out[0]
    if isinstance(tree, tuple) and tree[0] == "tuple" and all(c == "*" for c in tree[1]):
        return lambda out: out
    return lambda out: unflatten(tree, out)
