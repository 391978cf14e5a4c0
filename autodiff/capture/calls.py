"""Calls in captured functions: what a function means when it is given traced values, and which functions are captured themselves."""

from __future__ import annotations

import builtins
import copy
import functools
import math
from collections import deque
from collections.abc import Callable, Iterator
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

import numpy as np

import autodiff.numpy as anp
from autodiff.capture import dispatch
from autodiff.capture.advancing import RANDOM, advance, advance_arguments, note_made, outermost
from autodiff.capture.locations import append, check_read, is_users, mutating, set_item
from autodiff.capture.python_numbers import FUNCTIONS, python_value
from autodiff.capture.questions import QUESTIONS
from autodiff.capture.reads import note_attribute, note_content
from autodiff.capture.state import UNBOUND, declined, truth, undecided
from autodiff.numpy.aliasing import own_memory
from autodiff.numpy.rows import joined_rows
from autodiff.numpy.sizes import integer_of_length
from autodiff.numpy.support import fresh
from tracer.errors import UnsupportedError, explain
from tracer.trace import Tracer, current_trace
from tracer.types import type_of_value

__all__ = ["call", "call_method", "constant", "outside", "holds_undecided", "holds_traced"]

_MUTATORS = {list: {"append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse"},
             dict: {"update", "pop", "popitem", "clear", "setdefault", "move_to_end", "subtract"},
             set: {"add", "update", "discard", "remove", "pop", "clear"},
             deque: {"append", "appendleft", "extend", "extendleft", "insert", "pop", "popleft", "remove", "clear", "rotate", "reverse"},
             bytearray: {"append", "extend", "insert", "pop", "remove", "clear", "reverse"}}


def call_method(f) -> FunctionType | None:
    """The user's function that is run when an object is called."""
    own = next((vars(c)["__call__"] for c in type(f).__mro__ if "__call__" in vars(c)), None)
    return own if isinstance(own, FunctionType) and is_users(own) else None


def holds_undecided(x) -> bool:
    """Whether x is, or is a list, tuple or slice with, a traced value that is not known."""
    return _holds(x, undecided)


def holds_traced(x) -> bool:
    """Whether x is, or is a list, tuple or slice with, a traced value."""
    return _holds(x, lambda y: isinstance(y, Tracer))


def _holds(x, found: Callable[[Any], bool]) -> bool:
    if isinstance(x, (list, tuple)):
        return any(_holds(y, found) for y in x)
    return any(map(found, (x.start, x.stop, x.step))) if isinstance(x, slice) else found(x)


# -- builtins --------------------------------------------------------------------------------------

def _best(pick: Callable, whole: Callable) -> Callable:
    def best(*args, key=None, default=None):
        if key is not None:
            raise declined("min and max with key= of traced values", "the key decides on numbers that are not known")
        if len(args) == 1:
            rows = joined_rows(args[0]) if isinstance(args[0], list) else args[0]
            if isinstance(rows, Tracer) and len(rows.type.shape) == 1 and rows.type.shape[0] != 0:
                return rows[whole(rows)]
        values = list(args[0] if len(args) == 1 else args)
        out = values[0]
        for v in values[1:]:
            out = np.where(pick(v, out), v, out)
        return out
    return best


def _first_best(arg: Callable, worst: float) -> Callable:
    """A function from an array to the position of what Python's max or min finds: the first of equal numbers, and past nan."""
    def position(x: Tracer):
        if x.type.dtype.kind != "f":
            return arg(x)
        return np.where(np.isnan(x[0]), 0, arg(np.where(np.isnan(x), x.type.dtype.type(worst), x)))
    return position


def _len(x):
    return integer_of_length(x.type.shape[0]) if isinstance(x, Tracer) and x.type.shape else builtins.len(x)


def _sum(values, start=0):
    whole = values if isinstance(values, Tracer) else joined_rows(values) if isinstance(values, list) else None
    return builtins.sum(values, start) if whole is None else np.sum(whole, axis=0) + start


def _item(x: Tracer, *place):
    if place:
        flat = len(place) == 1 and not isinstance(place[0], tuple)
        return python_value(np.ravel(x)[place[0]] if flat else x[place[0] if len(place) == 1 else place])
    return python_value(x)


def _tolist(x: Tracer):
    return [_tolist(y) for y in x] if x.type.shape else python_value(x)


_BUILTINS: dict[Any, Callable] = {
    len: _len, bool: truth, sum: _sum, builtins.any: np.any, builtins.all: np.all,
    max: _best(np.greater, _first_best(np.argmax, -np.inf)), min: _best(np.less, _first_best(np.argmin, np.inf)),
    copy.copy: fresh, copy.deepcopy: fresh,
    math.fsum: lambda xs: _sum(anp.asarray(xs)), math.prod: lambda xs, *, start=1: np.prod(anp.asarray(xs)) * start, **FUNCTIONS}
_METHODS: dict[str, Callable] = {"item": _item, "tolist": _tolist}
_LIFTS_ARGUMENTS = {map, filter, functools.partial}


def _numpys() -> dict[Any, Callable]:
    """NumPy's functions that have a counterpart of ours which takes what NumPy's protocols do not carry."""
    found = {}
    for name in dir(anp):
        theirs, ours = getattr(np, name, None), getattr(anp, name)
        if theirs is not None and callable(ours) and ours is not theirs and not isinstance(ours, type) and not isinstance(theirs, type):
            found[theirs] = ours
    return found


_NUMPY = _numpys()


def call(f: Callable, args: tuple, kwargs: dict, lift: Callable[[Any], Any]) -> Any:
    """`f(*args, **kwargs)` in a captured function."""
    return note_made(_call(f, args, kwargs, lift), args, kwargs)


def _as_it_stands(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of what is not captured."""
    advance_arguments(f, args, kwargs)
    _note_read(f, args, kwargs)
    return f(*args, **kwargs)


def _note_read(f: Callable, args: tuple, kwargs: dict) -> None:
    """Note what a call of code that is not captured may read: containers among its arguments, or the one whose method it is."""
    owner = getattr(f, "__self__", None)
    if owner is not None:
        note_content(owner)
    for a in (*args, *kwargs.values()):
        note_content(a)
    if f in (hasattr, getattr) and len(args) > 1:
        note_attribute(args[0], args[1])


def _question(f: Any) -> Callable | None:
    try:
        return QUESTIONS.get(f)
    except TypeError:   # what cannot be hashed
        return None


def iterable(run: Callable, x: Any) -> Any:
    """What going through `x` goes through: the iterator that the `__iter__` of its class gives, where that is Python code."""
    own = dispatch.method(x, "__iter__")
    if own is None:
        return x
    found = run(own)
    return note_made(_steps(run, found)) if dispatch.method(found, "__next__") is not None else found


def _steps(run: Callable, iterator: Any) -> Iterator:
    """What the `__next__` of an iterator gives, until it raises StopIteration."""
    while True:
        try:
            value = run(dispatch.method(iterator, "__next__"))
        except StopIteration:
            return
        yield value


def _call(f: Callable, args: tuple, kwargs: dict, lift: Callable[[Any], Any]) -> Any:
    def again(g: Callable, *more: Any, **named: Any) -> Any:
        return call(g, more, named, lift)
    if isinstance(f, FunctionType) and dispatch.generated_init(f) and dispatch.initialised(again, lift.put, f, args, kwargs):     # type: ignore[attr-defined]
        return None
    try:
        special, ours = _BUILTINS.get(f), _NUMPY.get(f)
    except TypeError:   # what cannot be hashed
        special = ours = None
    if args and isinstance(args[0], Tracer) and (question := _question(f)) is not None:
        return question(*args, **kwargs)
    if ours is not None or isinstance(f, np.ufunc):
        _note_read(f, args, kwargs)
        return _fresh_array(ours or f, args if ours is not None else _as_arrays(args), kwargs)
    if special is not None:
        check_read(args[0] if args else None)
        _note_read(f, args, kwargs)
        if any(isinstance(a, Tracer) for a in args) or any(isinstance(b, Tracer) for a in args if isinstance(a, (list, tuple)) for b in a):
            return special(*args, **kwargs)
        return _as_it_stands(f, args, kwargs)
    if isinstance(f, FunctionType):
        if is_users(f):
            return lift(f)(*args, **kwargs)
        if f.__name__ in _SCIPY and (f.__module__ or "").startswith("scipy.special") and args and isinstance(args[0], Tracer):
            return _SCIPY[f.__name__](*args, **kwargs)
        return _numpys_own(f, args, kwargs) if (f.__module__ or "").startswith("numpy") else _as_it_stands(f, args, kwargs)
    if isinstance(f, MethodType):
        if isinstance(f.__func__, FunctionType) and is_users(f.__func__):
            return lift(f.__func__)(f.__self__, *args, **kwargs)
        if isinstance(f.__self__, RANDOM):
            return _drawn(f, args, kwargs)
        if isinstance(f.__self__, Tracer) and f.__name__ in _METHODS and (
                undecided(f.__self__) or f.__self__.dtype.kind == "f"):
            return _METHODS[f.__name__](f.__self__, *args, **kwargs)
        return _as_it_stands(f, args, kwargs)
    if isinstance(f, functools._lru_cache_wrapper) and any(map(holds_traced, (*args, *kwargs.values()))):
        # A result kept for an equal number would have no derivative, and one of a traced number no meaning in the next call.
        return _call(f.__wrapped__, args, kwargs, lift)
    if isinstance(f, functools.partial):
        note_content(f)
        return call(f.func, (*f.args, *args), {**f.keywords, **kwargs}, lift)
    if isinstance(f, BuiltinMethodType) and f.__self__ is not None:
        if f in (sorted, functools.reduce):
            args = tuple([lift(a) if isinstance(a, FunctionType) else a for a in args])
        return _method(f, args, kwargs)
    if isinstance(f, type):
        if f in _LIFTS_ARGUMENTS:
            args = tuple([lift(a) if isinstance(a, FunctionType) else a for a in args])
        made = dispatch.constructed(again, f, args, kwargs) if f not in dispatch.PLAIN else UNBOUND
        return _as_it_stands(f, args, kwargs) if made is UNBOUND else made
    own = call_method(f)
    if own is not None:
        return lift(own)(f, *args, **kwargs)
    return _numpys_own(f, args, kwargs) if (getattr(f, "__module__", None) or "").startswith("numpy") else _as_it_stands(f, args, kwargs)


def _along(whole: Callable) -> Callable:
    """A function along an axis, which SciPy applies to all elements where no axis is given."""
    def function(x, axis=None):
        return whole(x, axis=axis) if axis is not None else np.reshape(whole(np.ravel(x), axis=0), x.shape)
    return function


def _logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    if b is not None or return_sign:
        raise explain(UnsupportedError, "scipy.special.logsumexp with b or return_sign of traced values",
                      fix="write it as m + np.log(np.sum(b * np.exp(a - m)))")
    return anp.logsumexp(a, axis, keepdims)


_SCIPY: dict[str, Callable] = {"logsumexp": _logsumexp, "softmax": _along(anp.softmax), "log_softmax": _along(anp.log_softmax)}
"""Functions of scipy.special that are no ufuncs, by name, so that SciPy is not loaded for them."""
_TAKE_SEQUENCES = {"concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack", "block", "select", "piecewise", "choose",
                   "einsum", "broadcast_arrays", "meshgrid", "ix_", "multi_dot", "lexsort", "einsum_path", "pad", "insert", "lstsq"}
"""NumPy's functions that look into a list of arrays themselves."""


def _numpys_own(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of one of NumPy's functions: a list of traced numbers is an array, as it would be of plain ones."""
    _note_read(f, args, kwargs)
    return _fresh_array(f, args if getattr(f, "__name__", "") in _TAKE_SEQUENCES else _as_arrays(args), kwargs)


def _as_arrays(args: tuple) -> tuple:
    return tuple([anp.asarray(a) if isinstance(a, (list, tuple)) and holds_traced(a) and not any(isinstance(b, slice) for b in a) else a
                  for a in args])


def _method(f: Any, args: tuple, kwargs: dict) -> Any:
    """A method of a built-in object."""
    x = f.__self__
    names = next((found for kind, found in _MUTATORS.items() if isinstance(x, kind)), None)
    if type(x) is dict and f.__name__ == "update":
        for key, value in dict(*args, **kwargs).items():
            set_item(x, key, value)
        return None
    if type(x) is list and f.__name__ == "append" and len(args) == 1 and not kwargs:
        return append(x, args[0])
    if names is not None and f.__name__ in names:
        mutating(x, f"{f.__name__} on")
    if isinstance(x, np.ndarray):
        if any(map(holds_undecided, args)) or any(map(holds_undecided, kwargs.values())):
            theirs = getattr(np, f.__name__, None)
            if theirs is None:
                raise explain(UnsupportedError, f"the method {f.__name__} of a plain array, given traced values",
                              fix="use the function of NumPy with this meaning")
            return theirs(x, *args, **kwargs)
        return _fresh_array(f, args, kwargs)
    return _drawn(f, args, kwargs) if isinstance(x, RANDOM) else _as_it_stands(f, args, kwargs)


def _drawn(f: Any, args: tuple, kwargs: dict) -> Any:
    """Random numbers; in a compiled function only from a generator that the function itself makes anew in each call."""
    advance(f.__self__, f"{f.__name__} of")
    return _fresh_array(f, args, kwargs)


def _fresh_array(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of NumPy's. An array of floats that it makes is one that the function may write traced values to."""
    out = f(*args, **kwargs)
    if isinstance(out, RANDOM):
        note_made(out, args, kwargs)
    if (type(out) is np.ndarray and out.ndim and out.dtype.kind == "f" and out.dtype.itemsize in (4, 8) and out.flags.writeable
            and not any(np.may_share_memory(out, a) for a in _arrays((f, args, kwargs)))):
        return constant(out)
    return out


def _arrays(x) -> Iterator[np.ndarray]:
    """The plain arrays in the arguments of a call, and the one whose method is called."""
    if isinstance(x, np.ndarray):
        yield x
    elif isinstance(x, (list, tuple)):
        for y in x:
            yield from _arrays(y)
    elif isinstance(x, dict):
        yield from _arrays(tuple(x.values()))
    elif isinstance(x, BuiltinMethodType):
        yield from _arrays(x.__self__)


def outside(x: Any) -> Any:
    """The value of a variable, attribute or item. An array made outside of the function being recorded is read anew at each call."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or x.dtype.itemsize not in (4, 8):
        return x
    if current_trace() is None:     # a function that was defined in a recorded one, called later
        return x
    trace = outermost()
    if trace.concrete or trace.outside is None:
        return x
    found = trace.outside.get(id(x))
    if found is None:
        t = Tracer(type_of_value(x), trace, trace.capture(x))
        t.views = own_memory(t)
        t.views.memory.locked = "it is an array from outside of the function"
        found = trace.outside[id(x)] = (t, x)
    return found[0]


def constant(x: np.ndarray) -> Tracer:
    """A plain array as a traced one."""
    trace = current_trace()
    assert trace is not None
    return Tracer(type_of_value(x), trace, trace.capture(x), x if trace.concrete else None)
