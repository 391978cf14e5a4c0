"""What a program asks of a value before it uses it: its type, its class, its methods, its layout in memory.

While a function is recorded a stand-in has the place of each value. Asked for its type, a stand-in would name a class of ours, and the
program would take another way than on NumPy's values. So captured code asks an empty value of NumPy's with the dtype and the number of axes
of the stand-in (`plain`). What depends on the number itself (`hash`), or on how a result lies in memory, is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import MethodDescriptorType
from typing import Any

import numpy as np

from autodiff.capture.advancing import outermost
from autodiff.capture.python_numbers import python_truth
from tracer.asked import Asked, ask
from tracer.errors import UnsupportedError, explain
from tracer.trace import Tracer

__all__ = ["QUESTIONS", "LAYOUT", "OF_NUMBERS", "attribute_of", "is_the_same"]

LAYOUT = ("flags", "strides", "base")
"""Attributes that tell how an array lies in memory."""


def plain(x: Tracer) -> Any:
    """A value of NumPy's, or a number of Python's, of the same class as what a stand-in has the place of."""
    if x.weak is not None and not x.type.shape:
        return x.weak(0)
    like: Any = np.zeros((1,) * x.type.ndim, x.type.dtype)
    if x.type.ndim:
        return like
    return like[()] if x._is_scalar() else like.reshape(())


def _type(x: Any, *more: Any) -> Any:
    return type(x, *more) if more else type(plain(x))


def _isinstance(x: Any, kinds: Any) -> bool:
    ours = any(isinstance(k, type) and issubclass(k, Tracer) for k in (kinds if isinstance(kinds, tuple) else (kinds,)))
    return isinstance(plain(x), kinds) or ours and isinstance(x, kinds)


def _getattr(x: Any, name: str, *default: Any) -> Any:
    if default and not hasattr(plain(x), name):
        return default[0]
    return attribute_of(x, name)


def _index(x: Any) -> Any:
    if x.type.dtype.kind not in "iu" or x.type.shape:
        raise TypeError("only integer scalar arrays can be converted to a scalar index")
    return x if x.value is None else operator.index(x)


QUESTIONS: dict[Any, Callable] = {type: _type, isinstance: _isinstance, operator.index: _index, getattr: _getattr,
                                  hasattr: lambda x, name: hasattr(plain(x), name), callable: lambda x: False,
                                  dir: lambda x: dir(plain(x))}
"""Functions of Python that ask something of their first argument, and the answer where that is a stand-in."""


def attribute_of(x: Tracer, name: str) -> Any:
    """`x.name` of a stand-in: its class and its layout are those of the value that it has the place of."""
    if name == "__class__":
        return type(plain(x))
    if name in LAYOUT:
        return _layout(x, name)
    if not x.type.shape and not hasattr(x, name) and hasattr(plain(x), name):
        return _of_number(x, name)
    return getattr(x, name)


def _of_number(x: Tracer, name: str) -> Any:
    """An attribute or a method that numbers have and arrays have not, such as `hex`: where the number is known, that of the number.

    Raises
    ------
    ConcreteValueError
        Where it is not known.
    """
    number = x._number(f"`{name}` of")
    return getattr(number if x.weak is not None else x.type.dtype.type(number), name)


OF_NUMBERS = [f for kind in (float, int) for name, f in vars(kind).items()
               if isinstance(f, MethodDescriptorType) and not name.startswith("__")]
"""Methods of Python's numbers, as functions of a number."""


def is_the_same(a: Any, b: Any) -> Any:
    """`a is b`. There is one object for each truth value of Python's, and for each of NumPy's, so that the answer depends on the number."""
    kinds = [type(plain(x) if isinstance(x, Tracer) else x) for x in (a, b)]
    if a is b or kinds[0] is not kinds[1] or kinds[0] not in (bool, np.bool_):
        return a is b
    return python_truth(np.equal(a, b))


def _layout(x: Tracer, name: str) -> Any:
    """The layout of an argument as it was passed; that of a result that is no view is NumPy's for new arrays.

    From then on the layout of the arguments belongs to the signature (`Trace.asked`).
    """
    if not x.type.shape:
        return getattr(plain(x), name)
    y: Any = x
    while isinstance(y, Tracer) and y.origin is not None:
        y = y.origin
    if isinstance(y, np.ndarray) and y.ndim == x.type.ndim:
        ask(outermost(), Asked.LAYOUT)
        if name != "base" or y.base is None:
            return getattr(y, name)
    elif not (x.views is not None and x.views.base is not None) and x.type.is_static():
        new: Any = np.empty(x.type.shape, x.type.dtype)     # type: ignore[arg-type]
        return getattr(new, name)
    raise explain(UnsupportedError, f"`{name}` of an array {x.type} in a compiled function",
                  why="how a view lies in memory is not followed", fix="ask before the compiled function is called, or copy the array")
