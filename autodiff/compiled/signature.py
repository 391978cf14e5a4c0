"""The signature of a call: what decides which kernel serves it, and how two signatures differ.

A signature is the key of a jitted function's table of kernels. A call's convention says which arguments are static and which are passed
by keyword; calls of one convention share a native function.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from autodiff.capture import lift_here
from autodiff.leaves import name_of
from tracer.asked import Asked
from tracer.static import distinct
from tracer.tree import LEAF, key_orders, leaf_paths, static_paths, without_statics
from tracer.types import ArrayType, check_plain

__all__ = ["Signature", "Convention", "StaticArguments", "argument", "bound", "difference", "call_label"]


class Signature(NamedTuple):
    """The key under which a kernel is kept.

    tree : structure of the tuple of arguments, or of the pair of it and the keywords; static arguments are None
    leaves : dtype and shape of each leaf, or the class of a Python number; where more is `asked`, also its class, strides and flags
    statics : position or name of each static argument, what tells its value from equal ones, and the value
    is_plain : whether the call has no keywords
    orders : the order of the keys of each dict, which structures do not tell
    """

    tree: Any
    leaves: tuple
    statics: tuple
    is_plain: bool
    orders: tuple

    @staticmethod
    def of(tree: Any, leaves: Sequence, statics: tuple, is_plain: bool, asked: Asked = Asked.TYPES) -> Signature:
        """The signature of a call, given its flat arguments and their structure."""
        of_leaf = (_leaf_key, _leaf_and_class, _leaf_and_layout)[asked]
        return Signature(tree, tuple([of_leaf(x) for x in leaves]), statics, is_plain, _orders(tree, is_plain))


def _leaf_key(x: Any) -> Any:
    """Dtype and shape of a leaf; the class of a Python number, which is weak in promotion."""
    if type(x) is np.ndarray:
        return x.dtype, x.shape
    t = type(x)
    if t is float or t is int or t is bool:
        return t
    if isinstance(x, (np.ndarray, np.generic)):
        check_plain(x)      # a kernel for plain arrays may be there already
        return x.dtype, x.shape
    return t


def _leaf_and_class(x: Any) -> Any:
    return x.dtype.type if isinstance(x, np.generic) else _leaf_key(x)


def _leaf_and_layout(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return x.dtype, x.shape, x.strides, x.flags.num, x.base is None
    return _leaf_and_class(x)


def _orders(tree: Any, is_plain: bool) -> tuple:
    """The orders of the dicts in the arguments of a call, given their structure; the order of keywords does not count."""
    if is_plain:
        return key_orders(tree)
    args, kwargs = tree[1]
    return key_orders(("tuple", (args, *kwargs[2])))


class Convention(NamedTuple):
    """A way of calling: with certain values of the static arguments, and certain keywords. The other arguments are handed on in order.

    statics : as in `Signature`
    keywords : the names of the keywords that are not static, in order
    positional : how many arguments are passed by position
    """

    statics: tuple
    keywords: tuple[str, ...]
    positional: int

    def key(self) -> tuple:
        """Equal for equal conventions; what `Jitted` finds a native function by."""
        return self.positional, tuple(sorted([*self.keywords, *(n for n, _, _ in self.statics if isinstance(n, str))])), tuple(
            [(v.__class__, v) for _, _, v in self.statics])

    def is_plain(self) -> bool:
        """Whether it is a call by position alone, without static arguments."""
        return not self.statics and not self.keywords

    def is_simple(self) -> bool:
        """Whether equal keys mean equal static values: 0.0 and -0.0 have one key, and so have (1,) and (1.0,)."""
        return all(type(v) in (int, bool, str, type(None)) for _, _, v in self.statics)

    def arguments(self, rest: Iterable) -> tuple[tuple, dict]:
        """The call, given the other arguments."""
        given = iter(rest)
        fixed = {n: v for n, _, v in self.statics}
        args = tuple([fixed[n] if n in fixed else next(given) for n in range(self.positional)])
        return args, {**{n: next(given) for n in self.keywords}, **{n: v for n, v in fixed.items() if isinstance(n, str)}}

    def structure(self, tree: Any) -> tuple:
        """The structure of the tuple of the other arguments, given that of the whole call, in which static ones are None."""
        args, kwargs = tree[1] if self.keywords or any(isinstance(n, str) for n, _, _ in self.statics) else (tree, ("dict", (), ()))
        fixed = {n for n, _, _ in self.statics}
        parts = [t for n, t in enumerate(args[1]) if n not in fixed]
        return "tuple", tuple(parts + [t for n, t in zip(kwargs[1], kwargs[2], strict=True) if n not in fixed])


# -- static arguments ---------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class StaticArguments:
    """Which arguments of a function are static: by position and by name, each way of passing one under both."""

    function: str
    positions: frozenset[int]
    names: frozenset[str]

    @staticmethod
    def of(f: Callable, nums: Sequence[int], names: Sequence[str]) -> StaticArguments:
        """Those of a function, given some by position and some by name."""
        if not nums and not names:
            return StaticArguments(name_of(f), frozenset(), frozenset())
        try:
            parameters = list(inspect.signature(f).parameters)
        except (TypeError, ValueError):
            parameters = []
        for n in names:
            if parameters and n not in parameters:
                raise ValueError(f"static_argnames: `{name_of(f)}` has no parameter {n!r}; it has {parameters}")
        positions = {n % len(parameters) if parameters else n for n in nums} | {parameters.index(n) for n in names if n in parameters}
        by_name = frozenset(names) | {parameters[n] for n in positions if n < len(parameters)}
        return StaticArguments(name_of(f), frozenset(positions), by_name)

    def take(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple]:
        """The arguments with None for each static one, and the static ones as `Signature` has them."""
        statics: list[tuple] = [(n, args[n]) for n in sorted(self.positions) if n < len(args)]
        statics += [(k, kwargs[k]) for k in sorted(self.names & kwargs.keys())]
        for n, v in statics:
            try:
                hash(v)
            except TypeError:
                raise TypeError(f"static argument {n!r} of `{self.function}` is {type(v).__name__}, which cannot be hashed: "
                                f"pass a tuple, a number, a string or a frozen dataclass") from None
        return (tuple([None if n in self.positions else a for n, a in enumerate(args)]),
                {k: None if k in self.names else v for k, v in kwargs.items()}, tuple([(n, distinct(v), v) for n, v in statics]))


def bound(function: Callable, statics: tuple) -> Callable:
    """A function with its static arguments put back where a call holds None for them."""
    if not statics:
        return function

    @functools.wraps(function)
    def f(*args, **kwargs):
        new = list(args)
        for n, _, v in statics:
            if isinstance(n, int):
                new[n] = v
            else:
                kwargs[n] = v
        return lift_here(function)(*new, **kwargs)
    return f


# -- how two signatures differ --------------------------------------------------------------------

def difference(new: Signature, others: Sequence[Signature]) -> str:
    """How a signature differs from the closest of the others, in words."""
    return max((_differs(new, other) for other in others), key=lambda found: found[0])[1]


def _differs(new: Signature, other: Signature) -> tuple[int, str]:
    """How close two signatures are, and how they differ."""
    if other.tree != new.tree:
        if without_statics(other.tree) == without_statics(new.tree):
            return 1, _other_statics(new, other)
        return 0, f"the structure of the arguments is {_show_call(new)}, not {_show_call(other)}"
    if other.statics != new.statics:
        changed = [f"{n!r} is {v!r}, not {w!r}" for (n, _, v), (_, _, w) in zip(new.statics, other.statics, strict=False) if v != w]
        return 1, f"static argument {', '.join(changed) or 'types differ'}"
    if other.orders != new.orders:
        return 1, "the keys of a dict are in another order"
    paths = leaf_paths(new.tree, "")
    differ = [k for k in range(len(new.leaves)) if new.leaves[k] != other.leaves[k]]
    return 2 + len(new.leaves) - len(differ), "; ".join(
        f"{argument(paths[k])} is {_show_leaf(new.leaves[k])}, not {_show_leaf(other.leaves[k])}" for k in differ[:3])


def _other_statics(new: Signature, other: Signature) -> str:
    """The static values that differ in two calls which are alike otherwise."""
    pairs = zip(static_paths(new.tree), static_paths(other.tree), strict=False)
    label = argument if new.is_plain else call_label
    return "; ".join([f"{label(path)} is {_shown(a.value)}, not {_shown(b.value)}" for (path, a), (_, b) in pairs if a != b][:3])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def call_label(path: str) -> str:
    """A path in the tree (args, kwargs) -> `argument 0['w']` or `argument 'scale'`."""
    which, rest = path[:3], path[4:]
    head, rest = rest.split("]", 1)
    return f"argument {head}{rest}" if which in ("[0]", "[1]") else path


def argument(path: str) -> str:
    """`[0]['w']` -> `argument 0['w']`."""
    head, rest = path[1:].split("]", 1)
    return f"argument {head}{rest}"


def _show_leaf(key: Any) -> str:
    if isinstance(key, tuple) and len(key) > 2:
        return f"{ArrayType(*key[:2])} with strides {key[2]}"
    if isinstance(key, type) and issubclass(key, np.generic):
        return f"a number {ArrayType(np.dtype(key), ())}"
    return str(ArrayType(*key)) if isinstance(key, tuple) else f"a Python {getattr(key, '__name__', key)}"


def _show_call(signature: Signature) -> str:
    if signature.is_plain:
        return _show_tree(signature.tree)
    args, kwargs = signature.tree[1]
    named = [f"{k}={_show_tree(c, 2)}" for k, c in zip(kwargs[1], kwargs[2], strict=True)]
    return "(" + ", ".join([*(_show_tree(c, 2) for c in args[1]), *named]) + ")"


def _show_tree(tree: Any, depth: int = 3) -> str:
    """A structure in short: `(array, 'mean', {'w': array})`."""
    if tree is None or not isinstance(tree, tuple):
        return "array" if tree == LEAF else _shown(getattr(tree, "value", None))
    kind, children = tree[0], tree[-1]
    if not depth or len(children) > 8:
        return f"{kind if isinstance(kind, str) else kind.__name__} with {len(leaf_paths(tree, ''))} leaves"
    if kind in ("tuple", "list", "namedtuple", "registered"):
        name = tree[1].__name__ if kind in ("namedtuple", "registered") else ""
        text = ", ".join([_show_tree(c, depth - 1) for c in children])
        return f"[{text}]" if kind == "list" else f"{name}({text})"
    if kind == "dataclass":
        return f"{tree[1].__name__}({', '.join([f'{n}={_show_tree(c, depth - 1)}' for n, c in children])})"
    return "{" + ", ".join([f"{k!r}: {_show_tree(c, depth - 1)}" for k, c in zip(tree[1], children, strict=True)]) + "}"
