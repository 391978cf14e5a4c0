"""Static values among arguments and results: which may stand there, what is noted of them, and the errors.

A text, a dtype or a member of an enumeration goes into a recorded program as a constant, and comes out of it as it is. A function or an
object among the arguments is read while the program is recorded, so what it holds is noted like that of a variable from outside.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from types import BuiltinFunctionType, BuiltinMethodType, FunctionType, MethodType, MethodWrapperType
from typing import Any

import numpy as np

from autodiff.capture.excluded import is_captured_module
from autodiff.capture.reads import note_content, note_outside
from tracer.errors import DTypeError, GradientError, explain
from tracer.static import FUNCTION, OBJECT, VALUE, Static, is_constant, kind_of_class
from tracer.trace import Tracer
from tracer.tree import flatten, leaf_paths, static_paths, without_statics

__all__ = ["check_differentiated", "check_objects", "check_results", "holders", "is_tree_of_arrays", "note_statics", "same_but_statics",
           "shown_structure"]

FIX = ("make its class a tree (a dataclass, a class made by attrs, or ad.register_tree(cls, flatten, unflatten)), or close over it; "
       "static_argnames of jit takes what can be hashed")
"""What to do about an argument that cannot be traced."""


def note_statics(structure: Any) -> None:
    """Note that the functions and objects in the structure of the arguments come from outside of the function being recorded."""
    for _, static in static_paths(structure):
        value = static.value
        if static.kind == VALUE and is_constant(value):
            continue
        note_outside(value)
        if isinstance(value, _BOUND):
            note_outside(value.__self__)
        elif isinstance(value, functools.partial):
            note_outside(value.func)
            note_content(value)


def holders(structure: Any) -> list[Any]:
    """The functions, classes and objects in a structure that may hold what the program reads and others change.

    >>> holders(flatten((1.0, "mean", np.sin, [holders]))[1])[0] is holders
    True
    """
    return [s.value for _, s in static_paths(structure) if s.kind == OBJECT or s.kind == FUNCTION and _may_hold(s.value)
            or s.kind == VALUE and not is_constant(s.value)]


_BOUND = (MethodType, BuiltinMethodType, MethodWrapperType)
_HOLD_NOTHING = (BuiltinFunctionType, np.ufunc, type(np.mean))


def _may_hold(value: Any) -> bool:
    if isinstance(value, type):
        return kind_of_class(value) == OBJECT
    return not isinstance(value, _HOLD_NOTHING)


def is_tree_of_arrays(x: Any) -> bool:
    """Whether a value is a tree whose leaves are arrays and numbers, without functions and objects in it.

    >>> is_tree_of_arrays({"w": 1.0, "how": "mean"}), is_tree_of_arrays([is_tree_of_arrays])
    (True, False)
    """
    leaves, structure = flatten(x)
    return not holders(structure) and all(isinstance(a, (np.ndarray, np.generic, Tracer, float, int)) for a in leaves)


def check_objects(structure: Any, label: Callable[[str], str]) -> None:
    """Refuse objects among the arguments that a recorded program cannot follow.

    Raises
    ------
    DTypeError
        For an object of a class in code that is not captured.

    Examples
    --------
    >>> check_objects(flatten([1.0, "mean", np.sin])[1], str)
    """
    for path, static in static_paths(structure):
        of = type(static.value)
        if static.kind == OBJECT:
            file = getattr(sys.modules.get(of.__module__), "__file__", None) or "<unknown>"
            if not file.endswith(".py") and file != "<unknown>" or not is_captured_module(of.__module__, file):
                raise explain(DTypeError, f"{label(path)} is {of.__name__}, which cannot be traced",
                              why=f"what code of {of.__module__} does with it cannot be followed", fix=FIX)


def check_results(structure: Any, arguments: Any, what: str = "result") -> None:
    """Refuse in the structure of a result what may hold traced values, or is made anew at each call: functions and objects.

    A function that came as an argument may be returned, and so may one that shares no variables.

    Raises
    ------
    DTypeError
        For another one.

    Examples
    --------
    >>> check_results(flatten((1.0, "mean", np.sin))[1], None)
    """
    given = {id(s.value) for _, s in static_paths(arguments)}
    for path, static in static_paths(structure):
        value = static.value
        if id(value) in given or static.kind == VALUE or static.kind == FUNCTION and not _was_made(value):
            continue
        raise explain(DTypeError, f"{what}{path} is {type(value).__name__}, which cannot be traced",
                      why="a compiled function makes its results of arrays, numbers and static values", fix="return a tuple or a dict of "
                      "arrays, or make its class a tree: a dataclass, a class made by attrs, or ad.register_tree(cls, flatten, unflatten)")


def _was_made(value: Any) -> bool:
    """Whether a function or class may have been made by the program that returns it."""
    if isinstance(value, FunctionType):
        return bool(value.__closure__ or value.__defaults__ or value.__kwdefaults__)
    if isinstance(value, type):
        return "<locals>" in value.__qualname__
    return isinstance(value, (MethodType, functools.partial)) or getattr(value, "__self__", None) is not None and not isinstance(
        value.__self__, (type, type(sys)))


def check_differentiated(chosen: Sequence, what: str, nums: Sequence[int] | None = None) -> None:
    """Refuse a derivative with respect to an argument that has no arrays or numbers, only static values.

    Raises
    ------
    GradientError
        Naming the argument.

    Examples
    --------
    >>> check_differentiated([1.0, "mean"], "gradient", [0, 2])
    Traceback (most recent call last):
    ...
    tracer.errors.GradientError: gradient with respect to argument 2, which is str 'mean'
    ...
    """
    for k, x in enumerate(chosen):
        leaves, structure = flatten(x)
        if leaves or structure is None:
            continue
        found = next(iter(static_paths(structure)), None)
        if found is not None:
            n = nums[k] if nums is not None else k
            raise explain(GradientError, f"{what} with respect to argument {n}, which is {shown_structure(structure)}",
                          why="it is static: it has no derivative, and a new value of it makes another program",
                          fix="leave it out of argnums" if nums is not None else "close over it: lambda x: f(x, value)")


def shown_structure(structure: Any) -> str:
    """What a structure is, in words, for an error.

    >>> shown_structure(flatten("mean")[1]), shown_structure(flatten([1.0])[1]), shown_structure(flatten(("a",))[1])
    ("str 'mean'", 'a list', 'a tuple without arrays')
    """
    if structure is None:
        return "nothing"
    if type(structure) is Static:
        return f"{type(structure.value).__name__} {structure.value!r}"[:80]
    name = structure[0] if isinstance(structure[0], str) else structure[0].__name__
    name = structure[1].__name__ if name in ("dataclass", "namedtuple", "registered") else name
    return f"a {name}" if leaf_paths(structure) else f"a {name} without arrays"


def same_but_statics(a: Any, b: Any) -> bool:
    """Whether two structures agree apart from their static values, of which one may have None in their place.

    >>> same_but_statics(flatten((1.0, "mean"))[1], flatten((2.0, None))[1])
    True
    """
    return bool(a == b or without_statics(a) == without_statics(b))
