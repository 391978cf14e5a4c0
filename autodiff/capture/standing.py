"""Calls of what is not captured, values that come from outside, and arrays that such calls make."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import BuiltinFunctionType, BuiltinMethodType, FunctionType, MethodType
from typing import Any

import numpy as np

import autodiff.numpy as anp
from autodiff.capture.advancing import advance, advance_arguments, is_generator, note_made, outermost
from autodiff.capture.effects import array_here, outer_effects
from autodiff.capture.excluded import is_captured, why_not
from autodiff.capture.raising import handled
from autodiff.capture.reads import note_attribute, note_content
from autodiff.capture.state import undecided
from autodiff.numpy.aliasing import own_memory
from tracer.array import functions
from tracer.errors import ConcreteValueError, TraceError, UnsupportedError, explain, is_internal
from tracer.lengths import holds_length, plain
from tracer.trace import Tracer, current_trace
from tracer.types import is_traceable, type_of_value

__all__ = ["as_arrays", "as_it_stands", "constant", "drawn", "fresh_array", "holds_floats", "holds_traced", "holds_undecided",
           "note_read", "numpys_own", "outside", "with_new_arrays"]


def holds_undecided(x) -> bool:
    """Whether x is, or is a list, tuple or slice with, a traced value that is not known."""
    return _holds(x, undecided)


def holds_traced(x) -> bool:
    """Whether x is, or is a list, tuple or slice with, a traced value."""
    return _holds(x, lambda y: isinstance(y, Tracer))


def holds_floats(x) -> bool:
    """Whether x is, or is a list, tuple or slice with, a traced value that is no integer: it has a derivative, which a number has not."""
    return _holds(x, lambda y: isinstance(y, Tracer) and bool(y.owner.level) and y.type.dtype.kind == "f")


def _holds(x, found: Callable[[Any], bool]) -> bool:
    if isinstance(x, (list, tuple)):
        return any(_holds(y, found) for y in x)
    return any(map(found, (x.start, x.stop, x.step))) if isinstance(x, slice) else found(x)


_ASK_LENGTHS = frozenset(map(id, (
    min, max, abs, divmod, pow, sum, round, isinstance, list, tuple, slice, zip, enumerate, reversed, id, math.prod, operator.add,
    operator.sub, operator.mul, operator.floordiv, operator.mod, operator.eq, operator.ne, operator.lt, operator.le, operator.gt,
    operator.ge)))
"""Functions in C that do nothing with a number but what its operators do, or hand it on: they get lengths that stand for others."""


def _is_ours(f: Any) -> bool:
    code = getattr(getattr(f, "__func__", f), "__code__", None)
    return code is not None and is_internal(code)


def as_it_stands(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of what is not captured."""
    advance_arguments(f, args, kwargs)
    note_read(f, args, kwargs)
    if id(f) not in _ASK_LENGTHS and not _is_ours(f):
        args, kwargs = plain(args), {k: plain(x) for k, x in kwargs.items()}
    try:
        # A transform or a compiled function, such as `ad.grad(g)`, lets through what `g` raises.
        with nullcontext() if _is_ours(f) or _is_ours(type(f).__call__) else handled():
            return f(*args, **kwargs)
    except (ConcreteValueError, SystemError) as e:
        # C code that goes on after its callback has raised ends in a SystemError, with the cause behind it.
        cause = e if isinstance(e, ConcreteValueError) else e.__cause__ or e.__context__
        if not isinstance(cause, ConcreteValueError):
            raise
        _name_call(cause, f, (*args, *kwargs.values()))
        raise cause     # noqa: B904
    except (TypeError, ValueError) as e:
        if not _is_of_c_code(e, f) or not any(map(holds_traced, (*args, *kwargs.values()))):
            raise       # else it says something of the stand-in, and not what a handler of the program may expect
        raise explain(UnsupportedError, f"{_label(f)} is given a traced value",
                      why=f"it is compiled code, and says: {str(e) or type(e).__name__}",
                      fix="write what it does with functions of NumPy, or give it a derivative with custom_vjp") from e


def _is_of_c_code(e: Exception, f: Any) -> bool:
    """Whether an exception was raised by C code outside of Python's own, which `f` is: not by a function of Python that it called."""
    owner = getattr(f, "__self__", None)
    module = getattr(f, "__module__", None) or (owner if isinstance(owner, type) else type(owner)).__module__     # of a method
    return not isinstance(e, TraceError) and e.__traceback__ is not None and e.__traceback__.tb_next is None and isinstance(
        f, BuiltinFunctionType) and module.split(".")[0] not in sys.stdlib_module_names


def _label(f: Any) -> str:
    module, name = getattr(f, "__module__", None), getattr(f, "__qualname__", repr(f))
    return f"{module}.{name}" if module else name


def _name_call(e: ConcreteValueError, f: Any, given: tuple) -> None:
    """Say in an error that it was raised inside of a call that is not captured, and which function that called back."""
    back = [g.__name__ for g in given if isinstance(g, (FunctionType, MethodType))]
    module, name = getattr(f, "__module__", None), getattr(f, "__qualname__", None)
    if name is None or isinstance(f, FunctionType) and is_captured(f) or not back and (module or "builtins") == "builtins":
        return
    if "which is not captured" not in str(e):
        called = f"{module}.{name}" if module and module != "builtins" else name
        which = f"`{back[0]}` was called back by {called}" if back else called
        e.args = (f"{e}\n  in    {which}, which is not captured: {why_not(f)}",)


def note_read(f: Callable, args: tuple, kwargs: dict) -> None:
    """Note what a call of code that is not captured may read: containers among its arguments, or the one whose method it is."""
    owner = getattr(f, "__self__", None)
    if owner is not None:
        note_content(owner)
    for a in (*args, *kwargs.values()):
        note_content(a)
    if f in (hasattr, getattr) and len(args) > 1:
        note_attribute(args[0], args[1])


_TAKE_SEQUENCES = {"concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack", "block", "select", "piecewise", "choose",
                   "einsum", "broadcast_arrays", "meshgrid", "ix_", "multi_dot", "lexsort", "einsum_path", "pad", "insert", "lstsq"}
"""NumPy's functions that look into a list of arrays themselves."""
_JOIN = {"concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack"}
"""Those that take a list of arrays: one that is given as a list of numbers is an array."""


def numpys_own(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of one of NumPy's functions: a list of traced numbers is an array, as it would be of plain ones."""
    note_read(f, args, kwargs)
    name = getattr(f, "__name__", "")
    if f in functions and any(map(holds_length, (*args, *kwargs.values()))):
        f = functions[f]
    if name not in _TAKE_SEQUENCES:
        args = as_arrays(args)
    elif name in _JOIN and args and isinstance(args[0], (list, tuple)):
        args = (list(as_arrays(tuple(args[0]))), *args[1:])
    return fresh_array(f, args, kwargs)


def as_arrays(args: tuple) -> tuple:
    return tuple([anp.asarray(a) if isinstance(a, (list, tuple)) and holds_traced(a) and not any(isinstance(b, slice) for b in a) else a
                  for a in args])


def drawn(f: Any, args: tuple, kwargs: dict) -> Any:
    """Random numbers; in a compiled function only from a generator that the function itself makes anew in each call."""
    advance(f.__self__, f"{f.__name__} of")
    return fresh_array(f, args, kwargs)


def fresh_array(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of NumPy's. An array of floats that it makes is one that the function may write traced values to."""
    out = f(*args, **kwargs)
    if is_generator(out):
        note_made(out, args, kwargs)
    if (type(out) is np.ndarray and out.dtype.kind == "f" and out.dtype.itemsize in (4, 8) and out.flags.writeable
            and not any(np.may_share_memory(out, a) for a in _arrays((f, args, kwargs)))):
        return constant(out)
    return out


def with_new_arrays(out: Any) -> Any:
    """The result of a function that ran as it stands; an array that it has made and that nobody else holds may get traced values."""
    if type(out) is np.ndarray:
        return constant(out) if sys.getrefcount(out) <= _HELD_HERE and _may_hold_traced(out) else out
    if type(out) in (tuple, list) and any(type(x) is np.ndarray for x in out) and sys.getrefcount(out) <= _HELD_HERE:
        # The references of an element here: the list or tuple, the name `x`, and the argument of getrefcount.
        return type(out)([constant(x) if type(x) is np.ndarray and sys.getrefcount(x) <= 3 and _may_hold_traced(x) else x for x in out])
    return out


_HELD_HERE = 2
"""References of an argument of `with_new_arrays` that nobody else holds: its name and the argument of getrefcount."""


def _may_hold_traced(x: np.ndarray) -> bool:
    return x.base is None and x.dtype.kind == "f" and x.dtype.itemsize in (4, 8) and x.flags.writeable


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
    effects = outer_effects()
    if effects is not None and isinstance(x, Tracer) and id(x) in effects.slot_arrays:
        held = effects.slot_arrays[id(x)][1]
        return array_here(held, effects) if id(held) in effects.learned.arrays else x
    if type(x) is not np.ndarray:
        return x
    if effects is not None and id(x) in effects.learned.arrays and is_traceable(x):
        return array_here(x, effects)
    if x.dtype.kind != "f" or x.dtype.itemsize not in (4, 8):
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
    t = Tracer(type_of_value(x), trace, trace.capture(x), x if trace.concrete else None)
    t.origin = x if not x.shape else None   # an array without axes is written in place, which a scalar is not
    return t
