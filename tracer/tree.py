"""Trees: nests of dict, list, tuple, namedtuple, dataclass and None whose leaves are arrays and numbers.

The structure is a plain nested tuple, hashable and printable. Dicts with the same keys have equal structures, and each tree that is
put together again has the order of the dict that its structure was taken from. Dataclasses, classes made by attrs, and namedtuples need no
registration; a field with `metadata={"static": True}` belongs to the structure. `register_tree` makes trees of other classes. Texts,
functions and other values that are neither arrays nor numbers belong to the structure (`tracer.static`).
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from types import MemberDescriptorType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from tracer.static import LEAF_KIND, OBJECT, Static, is_static_value, kind_of

__all__ = ["flatten", "unflatten", "tree_map", "leaf_paths", "static_paths", "without_statics", "key_orders", "Keys", "LEAF", "unpacker",
           "register_tree", "is_registered", "attribute_names", "attributes_of",
           "is_tree_of_attributes"]

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


class _Registered(NamedTuple):
    """How instances of a class are taken apart and put together."""

    flatten: Callable[[Any], tuple[Iterable, Any]]
    unflatten: Callable[[Any, tuple], Any]


_registered: dict[type, _Registered] = {
    SimpleNamespace: _Registered(lambda x: (vars(x).values(), tuple(vars(x))),
                                 lambda names, values: SimpleNamespace(**dict(zip(names, values, strict=True)))),
    defaultdict: _Registered(lambda x: (x.values(), (x.default_factory, tuple(x))),
                             lambda aux, values: defaultdict(aux[0], zip(aux[1], values, strict=True))),
}
"""Classes that are trees because somebody has said so."""


def register_tree(cls: type, flatten: Callable[[Any], tuple[Iterable, Any]], unflatten: Callable[[Any, tuple], Any]) -> type:
    """Make the instances of a class trees, so that they can be arguments and results of compiled and differentiated functions.

    Parameters
    ----------
    cls : the class itself; classes derived from it are registered by themselves
    flatten : function from an instance to `(children, aux)`: a sequence of subtrees, whose leaves are arrays and numbers, and what is the
        same for all instances that one recording serves, which can be hashed
    unflatten : function from `aux` and a tuple of children to an instance; it must not look at the children, which may be stand-ins

    Returns
    -------
    type : `cls`

    Raises
    ------
    TypeError
        If `cls` is no class, or a tree by itself.

    Examples
    --------
    >>> class Line:
    ...     def __init__(self, slope, start):
    ...         self.slope, self.start = slope, start
    >>> register_tree(Line, lambda x: ((x.slope, x.start), None), lambda aux, children: Line(*children)) is Line
    True
    >>> doubled = tree_map(lambda x: 2 * x, Line(3.0, 1.0))
    >>> doubled.slope, doubled.start
    (6.0, 2.0)
    """
    if not isinstance(cls, type) or cls in (dict, list, tuple, type(None)) or issubclass(cls, (np.ndarray, np.generic, int, float)):
        raise TypeError(f"register_tree: {cls!r} is no class whose instances could be made trees")
    _registered[cls] = _Registered(flatten, unflatten)
    return cls


def is_registered(cls: type) -> bool:
    """Whether somebody has said how instances of a class are taken apart."""
    return cls in _registered


def flatten(tree: Any) -> tuple[list, Any]:
    """The leaves of a tree, in order, and its structure.

    >>> flatten({"b": 1.0, "a": (2.0, None, "mean")})
    ([2.0, 1.0], ('dict', ('a', 'b'), (('tuple', ('*', None, 'mean')), '*')))
    """
    leaves: list = []
    return leaves, _flatten(tree, leaves)


_PLAIN = frozenset([np.ndarray, float, int, bool, np.float64])
"""The classes of most leaves."""


def _flatten(tree, leaves: list):
    t = type(tree)
    if t in _PLAIN:
        leaves.append(tree)
        return LEAF
    if t is dict or isinstance(tree, dict) and hasattr(t, "move_to_end"):
        keys = Keys(tree) if t is dict else tuple(tree)     # OrderedDicts are equal only if their orders are
        return "dict" if t is dict else t, keys, tuple([_flatten(tree[k], leaves) for k in keys])
    if t is tuple:
        return "tuple", tuple([_flatten(x, leaves) for x in tree])
    if t is list:
        return "list", tuple([_flatten(x, leaves) for x in tree])
    if tree is None:
        return None
    if t in _registered:
        children, aux = _registered[t].flatten(tree)
        return "registered", t, Static(aux), tuple([_flatten(x, leaves) for x in children])
    if isinstance(tree, tuple) and hasattr(t, "_fields"):
        return "namedtuple", t, tuple([_flatten(x, leaves) for x in tree])
    kind = kind_of(tree)
    if kind in (OBJECT, LEAF_KIND) and _fields_of(tree) is not None:
        return _flatten_fields(tree, leaves)
    if kind == OBJECT or kind != LEAF_KIND and is_static_value(tree):
        return Static(tree, kind)
    leaves.append(tree)
    return LEAF


def _fields_of(x: Any) -> dict[str, bool] | None:
    """The fields of an instance of a dataclass or of a class made by attrs, and whether they are static; None for other values."""
    return _fields_of_class(type(x))    # type: ignore[arg-type]


@functools.lru_cache(maxsize=4096)
def _fields_of_class(cls: type) -> dict[str, bool] | None:
    """The same of the instances of a class."""
    if dataclasses.is_dataclass(cls):
        return {f.name: bool(f.metadata.get("static")) for f in dataclasses.fields(cls)}
    found = getattr(cls, "__attrs_attrs__", None)
    return None if found is None else {a.name: bool(a.metadata.get("static")) for a in found}


def attribute_names(x: Any) -> list[str]:
    """The names of the attributes of an instance that is a tree: its fields, and what it holds besides.

    What a `cached_property` has kept is left out: it follows from the rest, and would have no derivative by it.
    """
    fields = _fields_of(x) or {}
    names = [n for n in fields if hasattr(x, n)]
    return names + [n for n in getattr(x, "__dict__", ())
                    if n not in fields and not isinstance(inspect.getattr_static(type(x), n, None), functools.cached_property)]


def is_tree_of_attributes(x: Any) -> bool:
    """Whether something is a tree with its parts in attributes: an instance of a dataclass, a class made by attrs, or a registered one."""
    t = type(x)
    return not isinstance(x, dict) and (t in _registered or _fields_of(x) is not None)


def attributes_of(x: Any) -> dict[str, Any]:
    """The attributes of such an instance by name.

    >>> attributes_of(SimpleNamespace(a=1, b=2))
    {'a': 1, 'b': 2}
    """
    names = dict.fromkeys([*(_fields_of(x) or ()), *getattr(x, "__dict__", ())])
    slots = [n for c in type(x).__mro__ for n, v in vars(c).items() if isinstance(v, MemberDescriptorType)]
    return {n: getattr(x, n) for n in (*names, *slots) if n != "__dict__" and hasattr(x, n)}


def _flatten_fields(tree: Any, leaves: list) -> tuple:
    fields = _fields_of(tree) or {}
    static, children = [], []
    for name in attribute_names(tree):
        value = getattr(tree, name)
        if fields.get(name):
            static.append((name, Static(value)))
        else:
            children.append((name, _flatten(value, leaves)))
    return "dataclass", type(tree), tuple(static), tuple(children)


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
    if type(s) is Static:
        return s.value
    kind = s[0]
    if kind == "tuple":
        return tuple([_unflatten(c, leaves) for c in s[1]])
    if kind == "list":
        return [_unflatten(c, leaves) for c in s[1]]
    if kind in ("namedtuple", "registered", "dataclass"):
        return _instance(s, leaves)
    pairs = [(k, _unflatten(c, leaves)) for k, c in zip(s[1], s[2], strict=True)]
    if kind != "dict":
        return kind(pairs)
    children = dict(pairs)
    return {k: children[k] for k in s[1].order}


def _instance(s, leaves):
    if s[0] == "namedtuple":
        return tuple.__new__(s[1], [_unflatten(c, leaves) for c in s[2]])
    if s[0] == "registered":
        return _registered[s[1]].unflatten(s[2].value, tuple([_unflatten(c, leaves) for c in s[3]]))
    new = object.__new__(s[1])
    for name, value in s[2]:
        object.__setattr__(new, name, value.value)
    for name, child in s[3]:
        object.__setattr__(new, name, _unflatten(child, leaves))
    return new


def _children(structure: Any) -> list[tuple[str, Any]]:
    """The parts of a structure, each with what is added to the path of the whole."""
    if structure is None or structure == LEAF or type(structure) is Static:
        return []
    kind = structure[0]
    if kind in ("tuple", "list"):
        return [(f"[{i}]", c) for i, c in enumerate(structure[1])]
    if kind == "namedtuple":
        return [(f".{n}", c) for n, c in zip(structure[1]._fields, structure[2], strict=True)]
    if kind == "dataclass":
        return [(f".{n}", c) for n, c in structure[3]]
    if kind == "registered":
        names = structure[2].value if structure[1] is SimpleNamespace else None
        return [(f".{names[i]}" if names else f"[{i}]", c) for i, c in enumerate(structure[3])]
    return [(f"[{k!r}]", c) for k, c in zip(structure[1], structure[2], strict=True)]


def key_orders(structure: Any) -> tuple:
    """The orders of the keys of all dicts in a structure: what two trees of equal structure may still differ in.

    The types of keys count where one is no string: 1 and True are equal keys.

    >>> key_orders(flatten([{"b": 1.0, "a": 2.0}, {}])[1])
    (('b', 'a'), ())
    """
    found = tuple([order for _, child in _children(structure) for order in key_orders(child)])
    if not isinstance(structure, tuple) or structure[0] != "dict":
        return found
    order = structure[1].order
    return (order if all(type(k) is str for k in order) else (order, tuple(map(type, order))), *found)


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
    return [p for step, child in _children(structure) for p in leaf_paths(child, path + step)]


def static_paths(structure: Any, path: str = "") -> Iterator[tuple[str, Static]]:
    """How each static value of a structure is reached from its tree, and the value.

    >>> list(static_paths(flatten({"w": 1.0, "how": ["mean"]})[1]))
    [("['how'][0]", 'mean')]
    """
    if type(structure) is Static:
        yield path, structure
    for step, child in _children(structure):
        yield from static_paths(child, path + step)


def without_statics(structure: Any) -> Any:
    """Return a structure with None in the place of each static value, so that structures can be compared apart from those.

    >>> without_statics(flatten((1.0, "mean"))[1])
    ('tuple', ('*', None))
    """
    if type(structure) is Static:
        return None
    if structure is None or structure == LEAF:
        return structure
    if structure[0] == "dataclass":
        return (*structure[:3], tuple([(n, without_statics(c)) for n, c in structure[3]]))
    return (*structure[:-1], tuple([without_statics(c) for c in structure[-1]]))


def unpacker(tree) -> Callable[[tuple], Any]:
    """A function from the flat results to the result tree; the commonest structures without a general walk."""
    if tree == "*":
        return lambda out: out[0]
    if isinstance(tree, tuple) and tree[0] == "tuple" and all(c == "*" for c in tree[1]):
        return lambda out: out
    return lambda out: unflatten(tree, out)
