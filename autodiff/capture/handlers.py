"""Functions of Python and NumPy that captured code does not simply call: what is done in their place.

A handler gets a call and returns its result, or UNBOUND where it has no say. `HANDLERS` has those of each function, in the order in which
they are tried.
"""

from __future__ import annotations

import copy
import itertools
import math
import operator
from collections import deque
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import numpy as np

import autodiff.numpy as anp
from autodiff.capture import callbacks, dispatch
from autodiff.capture.advancing import advance, note_made
from autodiff.capture.counterparts import BUILTINS, NUMPY
from autodiff.capture.effects import performed
from autodiff.capture.locations import Slot, check_read, will_set
from autodiff.capture.python_numbers import python_truth, require_that
from autodiff.capture.questions import OF_NUMBERS, QUESTIONS, attribute_of
from autodiff.capture.reaching import reaches_traced
from autodiff.capture.reads import note_attribute
from autodiff.capture.standing import as_it_stands, fresh_array, note_read, outside
from autodiff.capture.state import UNBOUND, truth, undecided
from autodiff.capture.texts import numbers_in, of_object
from tracer.array import array_or_scalar
from tracer.errors import TraceError
from tracer.sizes import Length
from tracer.trace import Tracer

__all__ = ["HANDLERS", "handlers_of", "iterable", "sort"]


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

def _question(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    return QUESTIONS[f](*args, **kwargs) if args and isinstance(args[0], Tracer) else UNBOUND


def _number_asked(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """`float.hex(x)` and its like."""
    return attribute_of(args[0], f.__name__)(*args[1:], **kwargs) if args and isinstance(args[0], Tracer) else UNBOUND


def _deque(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """`deque(items, maxlen)`, which takes for its length nothing but an int."""
    if len(args) == 2 and isinstance(args[1], Tracer):
        return caller(f, args[0], operator.index(args[1]))
    if isinstance(kwargs.get("maxlen"), Tracer):
        return caller(f, *args, **{**kwargs, "maxlen": operator.index(kwargs["maxlen"])})
    return UNBOUND


def _of_known_numbers(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """A function in C that takes integers for nothing but numbers: how many items there are, or a seed."""
    if not any(map(_is_integer, (*args, *kwargs.values()))):
        return UNBOUND
    return caller(f, *[operator.index(x) if _is_integer(x) else x for x in args],
                  **{k: operator.index(x) if _is_integer(x) else x for k, x in kwargs.items()})


def _is_integer(x: Any) -> bool:
    return isinstance(x, Tracer) and not x.type.shape and x.type.dtype.kind in "iu"


_OF_KNOWN_NUMBERS = (itertools.islice, itertools.permutations, bytes, bytearray, np.ndarray)
_TAKE_SEEDS = {"random.Random", "numpy.random.default_rng", "numpy.random.mtrand.RandomState", "numpy.random.bit_generator.SeedSequence"}
"""The same, of modules that need not be there."""


def _special(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """A builtin function that calls a special method, of an object whose class defines that in Python."""
    run = dispatch.method(args[0], _SPECIAL_METHODS[f]) if args else None
    return UNBOUND if run is None else caller(run, *args[1:], **kwargs)


def _operation(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """`divmod(a, b)` and `pow(a, b)` of objects."""
    if len(args) != 2 or kwargs or type(args[0]) in dispatch.PLAIN and type(args[1]) in dispatch.PLAIN:
        return UNBOUND
    return dispatch.binary(caller, f.__name__, *args)


def _truth(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    return UNBOUND if len(args) != 1 or type(args[0]) in dispatch.PLAIN else caller(bool, dispatch.test_of(caller, args[0]))


def _next(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
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


def _get_attribute(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
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


def _attributes(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """`vars(x)` of an object."""
    if len(args) == 1:
        note_attribute(args[0], "__dict__")
    return UNBOUND


def _set_attribute(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    return UNBOUND if len(args) != 3 or type(args[0]) in dispatch.PLAIN else caller.lift.put(*args)


def _set_own_attribute(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """`object.__setattr__(x, name, value)`, as in the constructor of a frozen class."""
    if len(args) == 3:
        will_set(Slot(args[0], "attribute", args[1]))
    return UNBOUND


def _text(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """`str(x)`, `repr(x)`, `ascii(x)` and `format(x, form)`."""
    if not args or kwargs:
        return UNBOUND
    made = of_object(caller, f, args[0], args[1:])
    return f(numbers_in(args[0]), *args[1:]) if made is UNBOUND else made


def _printed(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    return performed(f, args, kwargs)


def _counterpart(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """One of NumPy's functions that has a counterpart of ours."""
    note_read(f, args, kwargs)
    return array_or_scalar(f, fresh_array(NUMPY[f], args, kwargs), args)


_OF_FLOATS = frozenset(getattr(math, n) for n in (
    "acosh", "asinh", "atan", "atan2", "cbrt", "copysign", "cos", "degrees", "dist", "erf", "erfc", "exp", "exp2", "expm1", "fmod", "gamma",
    "hypot", "lgamma", "log", "log10", "log1p", "log2", "pow", "radians", "sin", "sinh", "sqrt", "tan", "tanh") if hasattr(math, n))
"""Functions of `math` that take an integer for a float."""


def _builtin(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """A function of Python that has a counterpart for traced values."""
    check_read(args[0] if args else None)
    note_read(f, args, kwargs)
    if (f is float or f in _OF_FLOATS) and any(type(a) is Length for a in args):
        args = tuple([a.owner.as_number(a) if type(a) is Length else a for a in args])
    if any(isinstance(a, Tracer) for a in args) or any(isinstance(b, Tracer) for a in args if isinstance(a, (list, tuple)) for b in a):
        return BUILTINS[f](*args, **kwargs)
    return UNBOUND


def _called_back(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """C code that calls back: the function of `autodiff.capture.callbacks` in its place."""
    return caller.lift(callbacks.FUNCTIONS[f])(*args, **kwargs) if reaches_traced((args, kwargs)) else UNBOUND


def _of_statistics(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """A function of `statistics`: ours in its place, if there is one."""
    from autodiff.capture.statistics_functions import FUNCTIONS
    return caller.lift(FUNCTIONS[f])(*args, **kwargs) if f in FUNCTIONS and reaches_traced((args, kwargs)) else UNBOUND


def _iterator(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """A function of Python that goes through its arguments, or makes an iterator that does and calls back."""
    if not reaches_traced((args, kwargs)):
        return UNBOUND
    if f is itertools.accumulate and len(args) == 1 and kwargs.get("func") is None:
        kwargs = {**kwargs, "func": operator.add}
    places, is_test = callbacks.ITERATORS[f], f in callbacks.TAKE_TESTS
    given = tuple([caller.callback(a, is_test) if k in places else caller.elements(a) for k, a in enumerate(args)])
    named = {n: caller.callback(a) if n in ("func", "key") else a for n, a in kwargs.items()}
    made = as_it_stands(f, given, named)
    if f is itertools.tee:
        for x in made:
            note_made(x)
    return made


def _reduction(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """`sum`, `min`, `max` and products: of numbers at once, of objects and by a key one element after the other."""
    if not args or not reaches_traced((args, kwargs)):
        return UNBOUND
    alone = f not in (min, max) or len(args) == 1
    over: Any = args[0] if alone else args
    if not isinstance(over, (Tracer, np.ndarray, list, tuple)):
        advance(over, "going through")
        over = list(caller.elements(over))
        args = (over, *args[1:])
    by_key = kwargs.get("key") is not None
    if not by_key and (isinstance(over, (Tracer, np.ndarray)) or all(type(x) in dispatch.PLAIN or isinstance(x, Tracer) for x in over)):
        result = _builtin(f, args, kwargs, caller)
        return as_it_stands(f, args, kwargs) if result is UNBOUND else result
    if f is sum or f is math.prod:
        return caller.lift(callbacks.total if f is sum else callbacks.product)(over, *args[1:], **kwargs)
    if not len(over) or f is math.fsum:
        return as_it_stands(f, args, kwargs)
    key = kwargs["key"] if by_key else _itself
    return caller.lift(callbacks.smallest if f is min else callbacks.largest)(over, key)


def _any_all(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
    """`any` and `all` of a list: the truth of each element is asked for, as nothing happens in between."""
    if len(args) != 1 or not isinstance(args[0], (list, tuple)) or not reaches_traced(args):
        return UNBOUND
    check_read(args[0])
    tests = [dispatch.test_of(caller, x) for x in args[0]]
    if not any(map(undecided, tests)):
        return f(tests)
    whole = anp.stack([truth(x) if isinstance(x, Tracer) else bool(x) for x in tests])
    return python_truth(np.any(whole) if f is any else np.all(whole))


def _itself(x: Any) -> Any:
    return x


class _Ordered:
    """A key for Python's sorting, compared as captured code compares."""

    __slots__ = ("caller", "key")

    def __init__(self, caller: Any, key: Any):
        self.caller = caller
        self.key = key

    def __lt__(self, other: _Ordered) -> bool:
        return bool(dispatch.test_of(self.caller, dispatch.compare(self.caller, "lt", self.key, other.key)))


def sort(f: Any, args: tuple, kwargs: dict, caller: Any) -> Any:
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
        (_question, QUESTIONS), (_number_asked, OF_NUMBERS), (_deque, [deque]), (_of_known_numbers, _OF_KNOWN_NUMBERS),
        (_get_attribute, [getattr]), (_set_attribute, [setattr]), (_set_own_attribute, [object.__setattr__]),
        (_printed, [print]), (_text, [str, repr, ascii, format]), (_attributes, [vars]),
        (_special, _SPECIAL_METHODS), (_operation, [divmod, pow]), (_truth, [bool]), (_next, [next]), (sort, [sorted]),
        (_any_all, [any, all]),
        (_reduction, [sum, min, max, math.fsum, math.prod]), (_called_back, callbacks.FUNCTIONS),
        (_iterator, callbacks.ITERATORS), (_counterpart, NUMPY), (_builtin, BUILTINS))
    found: dict[Any, tuple[Callable, ...]] = {}
    for handle, functions in tables:
        for f in functions:
            found[f] = (*found.get(f, ()), handle)
    return found


HANDLERS = _all_handlers()


def handlers_of(f: Any) -> tuple[Callable, ...]:
    """The handlers of a function. Those of `statistics` are looked up where one of its functions is called, and the module is there."""
    if type(f) is FunctionType:
        return (_of_statistics,) if f.__module__ == "statistics" else HANDLERS.get(f, ())
    found = HANDLERS.get(f)
    if found is None and getattr(f, "__module__", None) and f"{f.__module__}.{getattr(f, '__name__', '')}" in _TAKE_SEEDS:
        return (_of_known_numbers,)
    return found or ()
