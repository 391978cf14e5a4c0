"""Calls in captured functions: what a function means when it is given traced values, and which functions are captured themselves."""

from __future__ import annotations

import builtins
import copy
import functools
import itertools
import math
import operator
from collections import deque
from collections.abc import Callable, Iterator
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

import numpy as np

import autodiff.numpy as anp
from autodiff.capture import callbacks, dispatch
from autodiff.capture.advancing import RANDOM, advance, advance_arguments, note_made, outermost
from autodiff.capture.excluded import is_captured
from autodiff.capture.locations import Slot, append, check_read, is_users, mutating, set_item, will_set
from autodiff.capture.python_numbers import FUNCTIONS, python_value, require_that
from autodiff.capture.questions import QUESTIONS
from autodiff.capture.reaching import reaches_traced
from autodiff.capture.reads import note_attribute, note_content
from autodiff.capture.state import UNBOUND, truth, undecided
from autodiff.numpy.aliasing import own_memory
from autodiff.numpy.rows import joined_rows
from autodiff.numpy.sizes import integer_of_length
from autodiff.numpy.support import fresh
from tracer.errors import TraceError, UnsupportedError, explain
from tracer.trace import Tracer, current_trace
from tracer.types import type_of_value

__all__ = ["call", "call_method", "constant", "outside", "holds_undecided", "holds_traced"]

_MUTATORS = {list: {"append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse"},
             dict: {"update", "pop", "popitem", "clear", "setdefault", "move_to_end", "subtract"},
             set: {"add", "update", "discard", "remove", "pop", "clear"},
             deque: {"append", "appendleft", "extend", "extendleft", "insert", "pop", "popleft", "remove", "clear", "rotate", "reverse"},
             bytearray: {"append", "extend", "insert", "pop", "remove", "clear", "reverse"}}


def call_method(f) -> FunctionType | None:
    """The Python function that is run when an object is called; None if there is none that is captured."""
    own = dispatch.found_in(type(f), "__call__")
    return own if isinstance(own, FunctionType) and is_captured(own) else None


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


def _numpys() -> dict[Any, Callable]:
    """NumPy's functions that have a counterpart of ours which takes what NumPy's protocols do not carry."""
    found = {}
    for name in dir(anp):
        theirs, ours = getattr(np, name, None), getattr(anp, name)
        if theirs is not None and callable(ours) and ours is not theirs and not isinstance(ours, type) and not isinstance(theirs, type):
            found[theirs] = ours
    return found


_NUMPY = _numpys()


# -- which of them a call is -----------------------------------------------------------------------

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
    for handle in _handlers(f):
        result = handle(f, args, kwargs, caller)
        if result is not UNBOUND:
            return result
    for kind, handle in _KINDS:
        if isinstance(f, kind):
            return handle(f, args, kwargs, caller)
    return _object(f, args, kwargs, caller)


def _handlers(f: Any) -> tuple[Callable, ...]:
    """What is tried for one function before that for all of its kind."""
    try:
        return _HANDLERS.get(f, ())
    except TypeError:   # what cannot be hashed
        return ()


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


def iterable(run: Callable, x: Any) -> Any:
    """What going through `x` goes through: the iterator that its class gives, where that is Python code.

    That is what `__iter__` returns, or the items at 0, 1, ... of a class that has `__getitem__` alone.
    """
    own = dispatch.method(x, "__iter__")
    if own is not None:
        found = run(own)
        return note_made(_steps(run, found)) if dispatch.method(found, "__next__") is not None else found
    item = dispatch.method(x, "__getitem__") if dispatch.found_in(type(x), "__iter__") is UNBOUND else None
    return x if item is None else note_made(_items_of(run, item))


def _steps(run: Callable, iterator: Any) -> Iterator:
    """What the `__next__` of an iterator gives, until it raises StopIteration."""
    while True:
        try:
            value = run(dispatch.method(iterator, "__next__"))
        except StopIteration:
            return
        yield value


def _items_of(run: Callable, item: Callable) -> Iterator:
    """What the `__getitem__` of an object gives at 0, 1, ..., until it raises IndexError."""
    for i in itertools.count():
        try:
            value = run(item, i)
        except IndexError as e:
            if isinstance(e, TraceError):
                raise
            return
        yield value


# -- handlers of one function: UNBOUND where they have no say --------------------------------------

def _question(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    return QUESTIONS[f](*args, **kwargs) if args and isinstance(args[0], Tracer) else UNBOUND


def _special(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A builtin function that calls a special method, of an object whose class defines that in Python."""
    run = dispatch.method(args[0], _SPECIAL_METHODS[f]) if args else None
    return UNBOUND if run is None else caller(run, *args[1:], **kwargs)


def _operation(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """`divmod(a, b)` and `pow(a, b)` of objects."""
    if len(args) != 2 or kwargs or type(args[0]) in dispatch.PLAIN and type(args[1]) in dispatch.PLAIN:
        return UNBOUND
    return dispatch.binary(caller, f.__name__, *args)


def _truth(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    return UNBOUND if len(args) != 1 or type(args[0]) in dispatch.PLAIN else caller(bool, dispatch.test_of(caller, args[0]))


def _next(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """`next(x)` and `next(x, default)` of an object whose class has `__next__` in Python."""
    run = dispatch.method(args[0], "__next__") if args else None
    if run is None:
        return UNBOUND
    try:
        return caller(run)
    except StopIteration:
        if len(args) == 1:
            raise
        return args[1]


def _get_attribute(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """`getattr(x, name)` and `getattr(x, name, default)` of an object."""
    if len(args) < 2 or type(args[0]) in dispatch.PLAIN or type(args[1]) is not str:
        return UNBOUND
    note_attribute(args[0], args[1])
    try:
        return outside(dispatch.attribute(caller, args[0], args[1]))
    except AttributeError:
        if len(args) == 2:
            raise
        return args[2]


def _set_attribute(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    return UNBOUND if len(args) != 3 or type(args[0]) in dispatch.PLAIN else caller.lift.put(*args)


def _set_own_attribute(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """`object.__setattr__(x, name, value)`, as in the constructor of a frozen class."""
    if len(args) == 3:
        will_set(Slot(args[0], "attribute", args[1]))
    return UNBOUND


def _counterpart(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """One of NumPy's functions that has a counterpart of ours."""
    _note_read(f, args, kwargs)
    return _fresh_array(_NUMPY[f], args, kwargs)


def _builtin(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A function of Python that has a counterpart for traced values."""
    check_read(args[0] if args else None)
    _note_read(f, args, kwargs)
    if any(isinstance(a, Tracer) for a in args) or any(isinstance(b, Tracer) for a in args if isinstance(a, (list, tuple)) for b in a):
        return _BUILTINS[f](*args, **kwargs)
    return UNBOUND


def _called_back(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """C code that calls back: the function of `autodiff.capture.callbacks` in its place."""
    return caller.lift(callbacks.FUNCTIONS[f])(*args, **kwargs) if reaches_traced((args, kwargs)) else UNBOUND


def _iterator(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A function of Python that goes through its arguments, or makes an iterator that does and calls back."""
    if not reaches_traced((args, kwargs)):
        return UNBOUND
    if f is itertools.accumulate and len(args) == 1 and kwargs.get("func") is None:
        kwargs = {**kwargs, "func": operator.add}
    places, is_test = callbacks.ITERATORS[f], f in callbacks.TAKE_TESTS
    given = tuple([caller.callback(a, is_test) if k in places else caller.elements(a) for k, a in enumerate(args)])
    named = {n: caller.callback(a) if n in ("func", "key") else a for n, a in kwargs.items()}
    return _as_it_stands(f, given, named)


def _reduction(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """`sum`, `min` and `max`: of numbers at once, of objects and by a key one element after the other."""
    if not args or not reaches_traced((args, kwargs)):
        return UNBOUND
    alone = f is sum or len(args) == 1
    over: Any = args[0] if alone else args
    if not isinstance(over, (Tracer, np.ndarray, list, tuple)):
        advance(over, "going through")
        over = list(caller.elements(over))
        args = (over, *args[1:])
    by_key = kwargs.get("key") is not None
    if not by_key and (isinstance(over, (Tracer, np.ndarray)) or all(type(x) in dispatch.PLAIN or isinstance(x, Tracer) for x in over)):
        result = _builtin(f, args, kwargs, caller)
        return _as_it_stands(f, args, kwargs) if result is UNBOUND else result
    if f is sum:
        return caller.lift(callbacks.total)(over, *args[1:], **kwargs)
    if not len(over):
        return _as_it_stands(f, args, kwargs)
    key = kwargs["key"] if by_key else _itself
    return caller.lift(callbacks.smallest if f is min else callbacks.largest)(over, key)


def _itself(x: Any) -> Any:
    return x


class _Ordered:
    """A key for Python's sorting, compared as captured code compares."""

    __slots__ = ("caller", "key")

    def __init__(self, caller: Caller, key: Any):
        self.caller = caller
        self.key = key

    def __lt__(self, other: _Ordered) -> bool:
        return bool(dispatch.test_of(self.caller, dispatch.compare(self.caller, "lt", self.key, other.key)))


def _sorted(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """`sorted`: traced numbers by their order when the function runs, others by comparisons that have to be known."""
    if len(args) != 1 or not reaches_traced((args, kwargs)):
        return UNBOUND
    advance(args[0], "going through")
    values = list(caller.elements(args[0]))
    key = kwargs.get("key")
    keys = values if key is None else [caller(key, x) for x in values]
    if any(map(undecided, keys)) and _are_alike(values) and _are_alike(keys):
        return _in_order(values, keys, bool(kwargs.get("reverse", False)))
    order = sorted(range(len(values)), key=lambda k: _Ordered(caller, keys[k]), reverse=kwargs.get("reverse", False))
    return [values[k] for k in order]


def _are_alike(values: list) -> bool:
    """Whether all are traced numbers of one type."""
    first = values[0]
    return all(isinstance(x, Tracer) and not x.type.shape and x.type == first.type and x.weak is first.weak for x in values)


def _in_order(values: list, keys: list, reverse: bool) -> list:
    """Numbers in the order of their keys, equal ones as they were; nan has no order, and is refused when the function runs."""
    by = anp.stack(keys)
    if by.dtype.kind == "f":
        require_that(np.all(by == by), ValueError, "sorting nan in a compiled function: it has no order")
    if reverse:
        by = np.logical_not(by) if by.dtype.kind == "b" else -by if by.dtype.kind == "f" else ~by
    rows = anp.stack(values)[np.argsort(by, kind="stable")]
    found = [rows[k] for k in range(len(values))]
    for x in found:
        x.weak = values[0].weak
    return found


_SPECIAL_METHODS = {abs: "__abs__", round: "__round__", len: "__len__", float: "__float__", int: "__int__", complex: "__complex__",
                    operator.index: "__index__", math.floor: "__floor__", math.ceil: "__ceil__", math.trunc: "__trunc__",
                    reversed: "__reversed__", iter: "__iter__", copy.copy: "__copy__", copy.deepcopy: "__deepcopy__",
                    hash: "__hash__", dir: "__dir__", operator.length_hint: "__length_hint__"}
"""Functions of Python, and the special methods that they call."""


def _all_handlers() -> dict[Any, tuple[Callable, ...]]:
    """The handlers of each function that has some, in the order in which they are tried."""
    tables: tuple[tuple[Callable, Any], ...] = (
        (_question, QUESTIONS), (_get_attribute, [getattr]), (_set_attribute, [setattr]), (_set_own_attribute, [object.__setattr__]),
        (_special, _SPECIAL_METHODS), (_operation, [divmod, pow]), (_truth, [bool]), (_next, [next]), (_sorted, [sorted]),
        (_reduction, [sum, min, max]), (_called_back, callbacks.FUNCTIONS), (_iterator, callbacks.ITERATORS), (_counterpart, _NUMPY),
        (_builtin, _BUILTINS))
    found: dict[Any, tuple[Callable, ...]] = {}
    for handle, functions in tables:
        for f in functions:
            found[f] = (*found.get(f, ()), handle)
    return found


_HANDLERS = _all_handlers()


# -- handlers of all functions of a kind -----------------------------------------------------------

def _function(f: FunctionType, args: tuple, kwargs: dict, caller: Caller) -> Any:
    if dispatch.generated_init(f) and dispatch.initialised(caller, caller.lift.put, f, args, kwargs):
        return None
    if _captures(f, args, kwargs):
        return caller.lift(f)(*args, **kwargs)
    if f.__name__ in _SCIPY and (f.__module__ or "").startswith("scipy.special") and args and isinstance(args[0], Tracer):
        return _SCIPY[f.__name__](*args, **kwargs)
    return _numpys_own(f, args, kwargs) if _is_numpys(f) else _as_it_stands(f, args, kwargs)


def _captures(f: FunctionType, args: tuple, kwargs: dict) -> bool:
    """Whether a call of a Python function is captured: of the user's always, of a library's where a traced value can reach it."""
    return is_captured(f) and (is_users(f) or reaches_traced((f, args, kwargs)))


def _is_numpys(f: Any) -> bool:
    return (getattr(f, "__module__", None) or "").split(".")[0] == "numpy"


def _bound(f: MethodType, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A method of an object."""
    own = f.__func__
    if not isinstance(own, FunctionType):
        return caller(own, f.__self__, *args, **kwargs)
    if isinstance(f.__self__, RANDOM) and not is_users(own):
        return _drawn(f, args, kwargs)
    if isinstance(f.__self__, Tracer) and f.__name__ in _METHODS and (undecided(f.__self__) or f.__self__.dtype.kind == "f"):
        return _METHODS[f.__name__](f.__self__, *args, **kwargs)
    if dispatch.generated_init(own) or _captures(own, (f.__self__, *args), kwargs):
        return _function(own, (f.__self__, *args), kwargs, caller)
    return _as_it_stands(f, args, kwargs)


def _cached(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A call of what `functools.lru_cache` made.

    A result kept for an equal number would have no derivative, and one of a traced number no meaning in the next call.
    """
    return caller(f.__wrapped__, *args, **kwargs) if reaches_traced((args, kwargs)) else _as_it_stands(f, args, kwargs)


def _partial(f: functools.partial, args: tuple, kwargs: dict, caller: Caller) -> Any:
    note_content(f)
    return caller(f.func, *f.args, *args, **{**f.keywords, **kwargs})


def _ufunc(f: np.ufunc, args: tuple, kwargs: dict, caller: Caller) -> Any:
    _note_read(f, args, kwargs)
    return _fresh_array(f, _as_arrays(args), kwargs)


def _kind(f: type, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A class is called: an object is made."""
    if f is functools.partial:
        args = tuple([caller.lift(a) if isinstance(a, FunctionType) else a for a in args])
    made = dispatch.constructed(caller, f, args, kwargs) if f not in dispatch.PLAIN else UNBOUND
    return _as_it_stands(f, args, kwargs) if made is UNBOUND else made


def _object(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """An object is called."""
    stands_for = callbacks.OBJECTS.get(type(f))
    if stands_for is not None and reaches_traced((f, args, kwargs)):
        return caller.lift(stands_for)(f, *args, **kwargs)
    own = call_method(f)
    if own is not None and _captures(own, (f, *args), kwargs):
        return caller.lift(own)(f, *args, **kwargs)
    return _numpys_own(f, args, kwargs) if _is_numpys(f) else _as_it_stands(f, args, kwargs)


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


def _method(f: Any, args: tuple, kwargs: dict, caller: Caller) -> Any:
    """A function in C: a method of a built-in object, or a function of a module."""
    x = f.__self__
    if x is None:
        return _as_it_stands(f, args, kwargs)
    if type(x) is list and f.__name__ == "sort" and not args and reaches_traced((x, kwargs)):
        mutating(x, "sort on")
        x[:] = _sorted(sorted, (x,), kwargs, caller)
        return None
    if type(x) in (list, deque) and f.__name__ == "extend" and len(args) == 1:
        args = (caller.elements(args[0]),)
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


_KINDS: tuple[tuple[Any, Callable], ...] = (
    (FunctionType, _function), (MethodType, _bound), (np.ufunc, _ufunc), (functools._lru_cache_wrapper, _cached),
    (functools.partial, _partial), (BuiltinMethodType, _method), (type, _kind))
"""Kinds of callable objects, and how they are called."""


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
