"""Static values: what belongs to the structure of a tree because it is neither an array nor a number.

A text, a member of an enumeration, a dtype or a slice among the arguments of a function decides what the function does, as shapes do. In
the structure of a tree it stands as a `Static`, which equals another one if the values may take each other's place in a recorded
program: values of one type that are equal, down to the types of their parts and the signs of zeros, or one and the same object.
Functions, classes and objects of the user's classes are compared by identity, since what they hold may change.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import operator
import pathlib
import re
import types
from enum import Enum
from typing import Any

import numpy as np

from tracer.loaded import loaded

__all__ = ["Static", "distinct", "is_constant", "is_static_value", "kind_of", "kind_of_class", "LEAF_KIND", "VALUE", "FUNCTION", "OBJECT"]

LEAF_KIND = "leaf"
"""The kind of arrays, numbers, and of what no program can take."""
VALUE = "value"
"""The kind of what never changes: equal values may take each other's place."""
FUNCTION = "function"
"""The kind of functions, classes and modules, which are compared by identity."""
OBJECT = "object"
"""The kind of instances of classes that are written in Python, which are compared by identity."""

_VALUES: tuple[type, ...] = (str, bytes, np.str_, np.bytes_, type(Ellipsis), type(NotImplemented), slice, range, frozenset,
                             datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone, re.Pattern)
_VALUES_BY_NAME = ("fractions.Fraction", "decimal.Decimal", "uuid.UUID")
_FUNCTIONS: tuple[type, ...] = (
    types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodWrapperType, types.MethodDescriptorType,
    types.WrapperDescriptorType, types.ClassMethodDescriptorType, np.ufunc, type(np.mean), functools.partial,
    type(functools.lru_cache(int)), operator.itemgetter, operator.attrgetter, operator.methodcaller, types.ModuleType)
_ARRAY_PROTOCOLS = ("__array__", "__array_interface__", "__array_struct__", "__array_ufunc__", "__array_function__")
_OWN = ("tracer", "codegen", "autodiff")
_HEAP_TYPE = 1 << 9
"""The flag of classes that are made while a program runs (`Py_TPFLAGS_HEAPTYPE`), as those are that are written in Python."""


class Static:
    """A static value in the structure of a tree.

    Attributes
    ----------
    value : the value itself
    kind : `VALUE`, `FUNCTION` or `OBJECT`

    Examples
    --------
    >>> Static("mean") == Static("me" + "an"), Static((1,)) == Static((1.0,)), Static(slice(2)) == Static(slice(2))
    (True, False, True)
    """

    __slots__ = ("value", "kind", "_key")

    def __init__(self, value: Any, kind: str = VALUE):
        self.value = value
        self.kind = kind
        self._key = _key(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return repr(self.value)


def is_static_value(value: Any) -> bool:
    """Whether a value belongs to the structure of a tree.

    >>> [is_static_value(x) for x in ("mean", np.float64(2.0), np.sin, float, np.ones(3), 2)]
    [True, False, True, True, False, False]
    """
    if type(value) in (slice, frozenset):
        return is_constant(value)
    return kind_of(value) != LEAF_KIND


def is_constant(x: Any) -> bool:
    """Whether a value never changes, down to its parts: a number, a static value of the kind `VALUE`, or a tuple, slice or set of such.

    >>> is_constant((1, "a", slice(None, 2))), is_constant((1, [])), is_constant(slice(np.sin))
    (True, False, False)
    """
    if type(x) is slice:
        return all(map(is_constant, (x.start, x.stop, x.step)))
    if type(x) in (tuple, frozenset):
        return all(map(is_constant, x))
    if isinstance(x, Enum):
        return all(map(is_constant, (v for n, v in vars(x).items() if n != "__objclass__")))
    return x is None or _is_number(x) or kind_of(x) == VALUE


def _is_number(x: Any) -> bool:
    return isinstance(x, (bool, int, float, np.generic))


def kind_of(value: Any) -> str:
    """What a value is in a tree, where it is no container: `LEAF_KIND`, `VALUE`, `FUNCTION` or `OBJECT`."""
    return kind_of_class(type(value))   # type: ignore[arg-type]


@functools.lru_cache(maxsize=4096)
def kind_of_class(of: type) -> str:
    """The same of the instances of a class."""
    if issubclass(of, (Enum, np.dtype, pathlib.PurePath)) or of in _VALUES or of in loaded(*_VALUES_BY_NAME):
        return VALUE
    if issubclass(of, type) or of in _FUNCTIONS:
        return FUNCTION
    if issubclass(of, (np.ndarray, np.generic, int, float, complex)) or any(hasattr(of, name) for name in _ARRAY_PROTOCOLS):
        return LEAF_KIND
    if of.__module__.split(".")[0] in _OWN:
        return FUNCTION if any("__call__" in vars(c) for c in of.__mro__) else LEAF_KIND
    return OBJECT if of.__flags__ & _HEAP_TYPE else LEAF_KIND


def distinct(value: Any) -> Any:
    """Return what equal static values must have in common beside being equal: their types, to any depth, and the signs of zeros.

    Python holds 1, 1.0 and True equal; a program that was recorded for one of them may not serve the other.

    >>> distinct((1, 2)) == distinct((1, True)), distinct(0.0) == distinct(-0.0), distinct("a") == distinct("b")
    (False, False, True)
    """
    if isinstance(value, tuple):
        return type(value), tuple([distinct(item) for item in value])
    if isinstance(value, frozenset):    # equal sets may be gone through in different orders
        return type(value), tuple(value), tuple([distinct(item) for item in value])
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value), tuple([distinct(getattr(value, f.name, None)) for f in dataclasses.fields(value)])
    return (type(value), repr(value)) if isinstance(value, (float, complex, *loaded("decimal.Decimal"))) else type(value)


def _key(value: Any) -> Any:
    """What two static values have in common exactly where one may take the place of the other."""
    kind = type(value)
    if isinstance(value, Enum):
        return id(value)
    if kind is slice or kind is range:      # two ranges without elements are equal, whatever their ends
        parts = value.start, value.stop, value.step
        return kind, tuple([(distinct(p), _key(p)) if is_static_value(p) else (distinct(p), p) for p in parts])
    if kind in (datetime.datetime, datetime.time):
        return kind, repr(value)            # `fold` and the time zone do not take part in a comparison
    if kind is types.MethodType:
        return kind, id(value.__self__), id(value.__func__)     # each access makes a new one
    if kind in (types.BuiltinMethodType, types.MethodWrapperType) and not isinstance(value.__self__, types.ModuleType):
        return kind, id(value.__self__), value.__name__
    if kind is functools.partial:
        return _key_of_partial(value)
    if kind_of(value) in (FUNCTION, OBJECT) and not _is_frozen(value):
        return id(value)
    try:
        hash(value)
    except TypeError:
        raise TypeError(f"a static value is {kind.__name__}, which cannot be hashed: use a tuple, a number, a string or a frozen "
                        f"dataclass") from None
    return distinct(value), value


def _is_frozen(value: Any) -> bool:
    """Whether a value is an instance of a frozen dataclass, which is compared by its fields."""
    parameters = getattr(type(value), "__dataclass_params__", None)
    return parameters is not None and parameters.frozen and parameters.eq


def _key_of_partial(value: functools.partial) -> Any:
    """Two partial functions are the same where they hold the same function and the same numbers and static values."""
    given = (*value.args, *value.keywords.values())
    if value.__dict__ or not all(_is_number(x) or x is None or is_static_value(x) for x in given):
        return id(value)
    keys = [(distinct(x), x) if _is_number(x) or x is None else _key(x) for x in given]
    return functools.partial, _key(value.func), tuple(value.keywords), tuple(keys)
