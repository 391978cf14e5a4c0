"""Keys of calls: what decides which recipe serves a call of a function on tensors.

A call is split into its operands (tensors, arrays, NumPy numbers) and what is static: axes, indices, slices, exponents, dtypes, and all
other arguments. The key holds the kinds of the operands and the static arguments; two calls with one key differ in the numbers of their
operands alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff.eager.kinds import FLOAT, INT, kind_of, kind_of_value
from tracer.graph import Graph, structure
from tracer.types import ArrayType

__all__ = ["Slot", "NotStatic", "split", "index_key", "filled", "op_key"]

NUMBERS = frozenset([np.where, np.clip, "update"])
"""Functions, besides ufuncs, that take numbers as operands: a number that changes must not make another recipe."""
STATIC_NUMBERS = frozenset([np.power, np.float_power, np.left_shift, np.right_shift])
"""Ufuncs whose second operand decides how they are computed, where it is a number of Python's."""
SMALL_INTEGER = 1 << 31
_BOUND = frozenset([int, type(None)])
_PLAIN = frozenset([str, bool, int, type(None), type(Ellipsis), bytes, type, type(np._NoValue), np.dtype, range])   # type: ignore[attr-defined]


class NotStatic(Exception):
    """An argument that a key cannot hold; the function is then called on the tensors themselves."""


class Slot:
    """Where an operand stands among the arguments of a call."""

    __slots__ = ("number",)

    def __init__(self, number: int):
        self.number = number


def split(name: Any, args: Any, kwargs: dict, tensor: Any, operands: list) -> tuple[Any, Any]:
    """Return the key of a call, and its arguments with a `Slot` for each operand; the operands are appended to `operands`.

    Parameters
    ----------
    tensor : the class of tensors

    Raises
    ------
    NotStatic
        If an argument is of a kind that no key holds.
    """
    if name == "index" and args[0].__class__ is tensor:
        short = index_key(args[0].current().kind, args[1])
        if short is not None:
            operands.append(args[0])
            return short, ((Slot(0), args[1]), {})
    key: list[Any] = [name]
    ufunc = isinstance(name, np.ufunc)
    floats = ufunc or name in NUMBERS
    fixed = len(args) - 1 if ufunc and name in STATIC_NUMBERS else -1
    new = []
    for k, a in enumerate(args):
        new.append(_split(a, tensor, operands, key, floats and k != fixed, name))
    named = {}
    if kwargs:
        for k in sorted(kwargs):
            key.append(k)
            named[k] = _split(kwargs[k], tensor, operands, key, floats, name)
    return tuple(key), (tuple(new), named)


def index_key(kind: Any, index: Any) -> Any:
    """The key of `x[index]` for an integer, or for a slice of integers; None for others."""
    t = index.__class__
    if t is int:
        return ("index", kind, index)
    if t is slice:
        start, stop, step = index.start, index.stop, index.step
        if start.__class__ in _BOUND and stop.__class__ in _BOUND and step.__class__ in _BOUND:
            return (slice, kind, start, stop, step)
    return None


def _split(x: Any, tensor: type, operands: list, key: list, floats: bool, name: Any) -> Any:
    t = x.__class__
    if t is tensor:
        operands.append(x)
        key.append(x.current().kind)
        return Slot(len(operands) - 1)
    if t is float or t is int and floats and -SMALL_INTEGER < x < SMALL_INTEGER and _is_float(operands):
        if floats:
            operands.append(x)
            key.append(FLOAT if t is float else INT)
            return Slot(len(operands) - 1)
        key.append(x.hex())
        return x
    if t in _PLAIN:
        key.append(t)
        key.append(x)
        return x
    if t is tuple or t is list:
        key.append((t, len(x)))
        return t([_split(a, tensor, operands, key, floats, name) for a in x])
    if t is slice:
        key.append(slice)
        return slice(*[_split(a, tensor, operands, key, False, name) for a in (x.start, x.stop, x.step)])
    if name == "index" and isinstance(x, np.integer):
        key += (int, int(x))
        return int(x)
    if t is np.ndarray or isinstance(x, np.generic):
        return _array(x, operands, key, name)
    raise NotStatic


def _is_float(operands: list) -> bool:
    """Whether the first operand is float, so that an integer beside it becomes a float."""
    return bool(operands) and not isinstance(operands[0], (int, float)) and operands[0].dtype.kind == "f"


def _array(x, operands: list, key: list, name: Any) -> Any:
    if x.dtype.kind in "biu" and name in ("index", "update"):
        raise NotStatic     # an index: its numbers are known, so they are checked at once
    try:
        kind = kind_of_value(x)
    except TypeError:
        raise NotStatic from None
    operands.append(x)
    key.append(kind)
    return Slot(len(operands) - 1)


def filled(template: Any, values: list) -> Any:
    """The arguments of a call, with values in place of the slots."""
    t = template.__class__
    if t is Slot:
        return values[template.number]
    if t is tuple or t is list:
        return t([filled(a, values) for a in template])
    if t is slice:
        return slice(*[filled(a, values) for a in (template.start, template.stop, template.step)])
    if t is dict:
        return {k: filled(a, values) for k, a in template.items()}
    return template


def op_key(op: Any, types: list[ArrayType], params: dict[str, Any]) -> tuple:
    """The key of an operation of the graph."""
    return (op, *[kind_of(t) for t in types], *[_parameter(p) for p in params.values()])


def _parameter(p: Any) -> Any:
    if isinstance(p, Graph):
        return structure(p)
    if isinstance(p, tuple):
        return tuple([_parameter(q) for q in p])
    return (p.__class__, p.hex() if isinstance(p, float) else p)     # 0.0 and -0.0 are equal

