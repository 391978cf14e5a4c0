"""Calls in captured functions: which functions are captured themselves, and what is done with the others."""

from __future__ import annotations

import functools
import io
from collections import deque
from collections.abc import Callable
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

import numpy as np

from autodiff.capture import callbacks, dispatch
from autodiff.capture.advancing import advance_arguments, is_generator, note_made
from autodiff.capture.counterparts import METHODS
from autodiff.capture.effects import is_outside, outer_effects, performed, will_do
from autodiff.capture.excluded import is_captured
from autodiff.capture.handlers import handlers_of, iterable, sort
from autodiff.capture.locations import append, is_users, mutating, set_item
from autodiff.capture.numba_functions import call_captured, captured_of
from autodiff.capture.raising import texts_may_wait
from autodiff.capture.reaching import reaches_traced
from autodiff.capture.reads import note_content
from autodiff.capture.scipy_functions import bottleneck_of, function_of, method_of
from autodiff.capture.standing import (
    as_arrays,
    as_it_stands,
    drawn,
    fresh_array,
    holds_traced,
    holds_undecided,
    note_read,
    numpys_own,
    with_new_arrays,
)
from autodiff.capture.state import UNBOUND, undecided
from autodiff.capture.substitution import Text
from autodiff.capture.texts import numbers_in
from tracer.errors import UnsupportedError, explain
from tracer.trace import Tracer

__all__ = ["call", "call_method"]

_MUTATORS = {list: {"append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse"},
             dict: {"update", "pop", "popitem", "clear", "setdefault", "move_to_end", "subtract"},
             set: {"add", "update", "discard", "remove", "pop", "clear"},
             deque: {"append", "appendleft", "extend", "extendleft", "insert", "pop", "popleft", "remove", "clear", "rotate", "reverse"},
             bytearray: {"append", "extend", "insert", "pop", "remove", "clear", "reverse"}}


def call_method(f) -> FunctionType | None:
    """The Python function that is run when an object is called; None if there is none that is captured."""
    if captured_of(f) is not None:
        return None
    own = dispatch.found_in(type(f), "__call__")
    return own if isinstance(own, FunctionType) and is_captured(own) else None


class Caller:
    """Calls of captured code: `caller(f, *args)` is what a converted function makes of `f(*args)`.

    lift : a function to its converted form; its attribute `put` sets attributes
    """

    __slots__ = ("lift",)

    def __init__(self, lift: Any):
        self.lift = lift

    def __call__(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        return call(f, args, kwargs, self.lift)

    def callback(self, f: Any, is_test: bool = False) -> Any:
        """A function that C code may call: it captures what `f` does. Of a test it gives what decides on the truth."""
        if f is None:
            return None
        return (lambda *args: dispatch.test_of(self, self(f, *args))) if is_test else lambda *args: self(f, *args)

    def elements(self, x: Any) -> Any:
        """What C code may go through in the place of `x`: see `iterable`."""
        return x if type(x) in dispatch.PLAIN else iterable(self, x)


def call(f: Callable, args: tuple, kwargs: dict, lift: Callable[[Any], Any]) -> Any:
    """`f(*args, **kwargs)` in a captured function."""
    return note_made(_call(f, args, kwargs, Caller(lift)), args, kwargs)


def _call(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    if isinstance(f, type) and issubclass(f, BaseException) and any(type(a) is Text for a in args) and texts_may_wait():
        return _exception(f, args, kwargs, caller)
    if any(type(a) is Text for a in args) and not (f is print or _logs(getattr(f, "__func__", f))):
        args = tuple([a.joined(caller) if type(a) is Text else a for a in args])
    for handle in _handlers(f):
        result = handle(f, args, kwargs, caller)
        if result is not UNBOUND:
            return result
    for kind, handle in _KINDS:
        if isinstance(f, kind):
            return handle(f, args, kwargs, caller)
    return _object(f, args, kwargs, caller)


def _exception(f: type, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """An exception whose text has traced numbers in it: it is not shown where it ends a call, which Python then runs."""
    made = _call(f, tuple([a.joined(_dots) if type(a) is Text else a for a in args]), kwargs, caller)
    effects = outer_effects()
    assert effects is not None
    effects.texts.append(made)
    return made


def _dots(f: Any, x: Any, *form: Any) -> str:
    return "..." if holds_traced(x) else f(x, *form)


def _handlers(f: Any) -> tuple[Callable, ...]:
    """What is tried for one function before that for all of its kind."""
    try:
        return handlers_of(f)
    except TypeError:   # what cannot be hashed
        return ()


# -- handlers of all functions of a kind -----------------------------------------------------------

def _function(f: FunctionType, args: tuple, kwargs: dict, caller: Caller) -> Any:
    if _logs(f):
        return performed(f, args, kwargs)
    if dispatch.generated_init(f) and dispatch.initialised(caller, caller.lift.put, f, args, kwargs):
        return None
    if _captures(f, args, kwargs):
        return caller.lift(f)(*args, **kwargs)
    own = function_of(f)
    if own is not None and reaches_traced((args, kwargs)):
        return own(*args, **kwargs)
    return numpys_own(f, args, kwargs) if _is_numpys(f) else with_new_arrays(as_it_stands(f, args, kwargs))


def _captures(f: FunctionType, args: tuple, kwargs: dict) -> bool:
    """Whether a call of a Python function is captured: of the user's always, of a library's where a traced value can reach it."""
    return is_captured(f) and (is_users(f) or reaches_traced((f, args, kwargs)))


def _logs(f: Any) -> bool:
    """Whether a function of the standard library writes to a log."""
    return getattr(f, "__module__", None) == "logging" and f.__name__ in _LEVELS


_LEVELS = {"debug", "info", "warning", "warn", "error", "critical", "fatal", "exception", "log"}


def _is_numpys(f: Any) -> bool:
    return (getattr(f, "__module__", None) or "").split(".")[0] == "numpy"


def _bound(f: MethodType, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A method of an object."""
    own = f.__func__
    if _logs(own):
        return performed(f, args, kwargs)
    if is_generator(f.__self__) and not (isinstance(own, FunctionType) and is_users(own)):
        return drawn(f, args, kwargs)
    if not isinstance(own, FunctionType):
        return caller(own, f.__self__, *args, **kwargs)
    theirs = method_of(f.__self__, f.__name__)
    if theirs is not None and reaches_traced((f, args, kwargs)):
        return theirs(*args, **kwargs)
    if isinstance(f.__self__, Tracer) and f.__name__ in METHODS and (undecided(f.__self__) or f.__self__.dtype.kind == "f"):
        return METHODS[f.__name__](f.__self__, *args, **kwargs)
    if dispatch.generated_init(own) or _captures(own, (f.__self__, *args), kwargs):
        return _function(own, (f.__self__, *args), kwargs, caller)
    return as_it_stands(f, args, kwargs)


def _cached(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A call of what `functools.lru_cache` made.

    A result kept for an equal number would have no derivative, and one of a traced number no meaning in the next call.
    """
    return caller(f.__wrapped__, *args, **kwargs) if reaches_traced((args, kwargs)) else as_it_stands(f, args, kwargs)


def _partial(f: functools.partial, args: tuple, kwargs: dict, caller: Caller) -> Any:
    note_content(f)
    return caller(f.func, *f.args, *args, **{**f.keywords, **kwargs})


def _ufunc(f: np.ufunc, args: tuple, kwargs: dict, caller: Caller) -> Any:
    note_read(f, args, kwargs)
    if all(set(types) <= set("O->") for types in f.types) and any(map(holds_traced, (*args, *kwargs.values()))):
        raise explain(UnsupportedError, f"`{f.__name__.removesuffix(' (vectorized)')}`, made by np.frompyfunc, is given traced values",
                      why="NumPy calls the Python function for each element itself, and gives an array of objects, which has no derivative",
                      fix="call the function on whole arrays, or make it with np.vectorize")
    return fresh_array(f, as_arrays(args), kwargs)


def _kind(f: type, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A class is called: an object is made."""
    if f is functools.partial:
        args = tuple([caller.lift(a) if isinstance(a, FunctionType) else a for a in args])
    made = dispatch.constructed(caller, f, args, kwargs) if f not in dispatch.PLAIN else UNBOUND
    return as_it_stands(f, args, kwargs) if made is UNBOUND else made


def _object(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """An object is called."""
    if captured_of(f) is not None:
        return call_captured(f, args, kwargs, caller) if reaches_traced((f, args, kwargs)) else as_it_stands(f, args, kwargs)
    stands_for = callbacks.OBJECTS.get(type(f))
    if stands_for is not None and reaches_traced((f, args, kwargs)):
        return caller.lift(stands_for)(f, *args, **kwargs)
    own = call_method(f)
    if own is not None and _captures(own, (f, *args), kwargs):
        return caller.lift(own)(f, *args, **kwargs)
    return numpys_own(f, args, kwargs) if _is_numpys(f) else as_it_stands(f, args, kwargs)


def _method(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A function in C: a method of a built-in object, or a function of a module."""
    x = f.__self__
    theirs = bottleneck_of(f)
    if theirs is not None and reaches_traced((args, kwargs)):
        return theirs(*args, **kwargs)
    if isinstance(x, np.ndarray):
        return _method_of_array(f, args, kwargs)
    if is_generator(x):
        return drawn(f, args, kwargs)
    if type(x) is str and f.__name__ in ("format", "format_map", "join"):
        return f(*numbers_in(args), **numbers_in(kwargs))
    change = _CHANGES.get((type(x), f.__name__))
    result = UNBOUND if change is None else change(x, args, kwargs, caller)
    if result is not UNBOUND:
        return result
    names = next((found for kind, found in _MUTATORS.items() if isinstance(x, kind)), ())
    if f.__name__ in names:
        mutating(x, f"{f.__name__} on")
        return _changing(x, f, args, kwargs)
    if isinstance(x, io.IOBase) and f.__name__ in ("write", "writelines", "flush") and is_outside(x):
        return performed(f, args, kwargs)
    return as_it_stands(f, args, kwargs)


def _method_of_array(f: Any, args: tuple, kwargs: dict) -> Any:
    """A method of a plain array."""
    if not any(map(holds_undecided, (*args, *kwargs.values()))):
        return fresh_array(f, args, kwargs)
    theirs = getattr(np, f.__name__, None)
    if theirs is None:
        raise explain(UnsupportedError, f"the method {f.__name__} of a plain array, given traced values",
                      fix="use the function of NumPy with this meaning")
    return theirs(f.__self__, *args, **kwargs)


def _changing(x: Any, f: Any, args: tuple, kwargs: dict) -> Any:
    """A method of a container that changes it."""
    advance_arguments(f, args, kwargs)
    args = tuple([list(a) if hasattr(a, "__next__") else a for a in args])
    for a in (*args, *kwargs.values()):
        note_content(a)
    if f.__name__ not in _SAY_NOTHING:
        note_content(x)
    will_do(x, f.__name__, args, kwargs)
    return f(*args, **kwargs)


_SAY_NOTHING = {"append", "appendleft", "clear", "insert", "add", "reverse", "rotate", "extend", "extendleft"}
"""Methods that change a container and say nothing about what it held."""


def _update(x: dict, args: tuple, kwargs: dict, caller: Caller) -> None:
    for key, value in dict(*args, **kwargs).items():
        set_item(x, key, value)


def _append(x: list, args: tuple, kwargs: dict, caller: Caller) -> Any:
    return append(x, args[0]) if len(args) == 1 and not kwargs else UNBOUND


def _extend(x: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    if len(args) != 1 or type(args[0]) in dispatch.PLAIN:
        return UNBOUND
    mutating(x, "extend on")
    elements = list(caller.elements(args[0]))
    will_do(x, "extend", (elements,), {})
    return x.extend(elements)


def _sort(x: list, args: tuple, kwargs: dict, caller: Caller) -> Any:
    if args or not reaches_traced((x, kwargs)):
        return UNBOUND
    mutating(x, "sort on")
    note_content(x)
    in_order = sort(sorted, (x,), kwargs, caller)
    will_do(x, "__setitem__", (slice(None), in_order), {})
    x[:] = in_order
    return None


_CHANGES: dict[tuple[type, str], Callable] = {(dict, "update"): _update, (list, "append"): _append, (list, "extend"): _extend,
                                              (deque, "extend"): _extend, (list, "sort"): _sort}
"""Methods of containers whose changes are followed, or that call back; they give UNBOUND where they have no say."""


_KINDS: tuple[tuple[Any, Callable], ...] = (
    (FunctionType, _function), (MethodType, _bound), (np.ufunc, _ufunc), (functools._lru_cache_wrapper, _cached),
    (functools.partial, _partial), (BuiltinMethodType, _method), (type, _kind))
"""Kinds of callable objects, and how they are called."""
