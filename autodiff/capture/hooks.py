"""What the statements of a captured function do: Python's meaning on known values, nodes of the graph on traced ones."""

from __future__ import annotations

import sys
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from math import prod
from types import FunctionType
from typing import Any

import numpy as np

from autodiff.capture import branches, calls, dispatch, texts
from autodiff.capture import locations as slots
from autodiff.capture.advancing import advance, note_made
from autodiff.capture.control_flow import ControlFlow
from autodiff.capture.dispatch import PLAIN
from autodiff.capture.effects import leave_to_python, will_do, will_write
from autodiff.capture.excluded import is_captured
from autodiff.capture.handlers import iterable
from autodiff.capture.iteration import ITERATORS, TracedRange, stepped
from autodiff.capture.notes import note
from autodiff.capture.numba_functions import range_of
from autodiff.capture.python_numbers import python_truth
from autodiff.capture.questions import attribute_of, is_the_same
from autodiff.capture.raising import Tried, acts_later, handled
from autodiff.capture.reads import note_attribute, note_content, note_function, note_item, note_outside
from autodiff.capture.region import Region
from autodiff.capture.scipy_functions import function_of
from autodiff.capture.snapshots import Snapshot
from autodiff.capture.source.convert import Unconvertible, convert, is_converted
from autodiff.capture.standing import holds_floats, holds_traced, holds_undecided, outside
from autodiff.capture.state import BREAK, CONTINUE, RETURN, Cells, Jump, declined, exceptions_refused, truth, undecided, weak_of
from autodiff.capture.substitution import Text
from autodiff.capture.unconverted import unconverted
from autodiff.numpy.joining import joined_as
from autodiff.numpy.sizes import shape_of_integers
from tracer import float_errors
from tracer.array import call as call_numpy
from tracer.errors import (
    ConcreteValueError,
    EscapedTracerError,
    GradientError,
    MissingRule,
    UnsupportedError,
    explain,
    is_internal,
    user_line,
)
from tracer.graph import Graph, live_nodes
from tracer.lengths import LengthRange
from tracer.ops.control import require as require_op
from tracer.sizes import Length
from tracer.trace import Tracer, bind, current_trace, inline, opened

__all__ = ["Hooks", "hooks", "lifted", "lift_here"]


class Hooks(ControlFlow):
    """Methods called by converted functions; see `autodiff.capture.source.convert`."""

    BREAK, CONTINUE = Jump(BREAK), Jump(CONTINUE)
    slice = staticmethod(slice)

    # -- jumps ---------------------------------------------------------------------------------

    def return_(self, value) -> Jump:
        """A block is left with the value of the function."""
        return Jump(RETURN, value)

    def returned(self, jump: Jump | None):
        """The value of the function, whose last statement was left by `jump`."""
        if jump is None:
            return None
        if isinstance(jump.code, int):
            return jump.value if jump.code == RETURN else None
        if jump.value is None:
            return None
        raise declined("the function returns a value on one path and nothing on another", "a compiled function has one result",
                       "return a value on every path")

    # -- expressions ---------------------------------------------------------------------------

    def and_(self, first, *others: Callable):
        """`first and others()`."""
        return self._logical(first, others, True)

    def or_(self, first, *others: Callable):
        """`first or others()`."""
        return self._logical(first, others, False)

    def _logical(self, v, others: Sequence[Callable], conjunction: bool):
        slots.check_read(v)
        for k, other in enumerate(others):
            test = self.test(v)
            if undecided(test):
                if test is not v:
                    rest = lambda k=k: self._logical(others[k](), others[k + 1:], conjunction)  # noqa: E731
                    return self.choose(test, rest, lambda v=v: v) if conjunction else self.choose(test, lambda v=v: v, rest)
                return self._joined(v, others[k:], conjunction)
            if bool(test) is not conjunction:
                return v
            v = other()
        return v

    def _joined(self, v: Tracer, parts: Sequence[Callable], conjunction: bool):
        """The rest is looked at only if v does not decide; where that cannot be noticed, both are computed."""
        held = slots.reachable(parts)
        snapshot = Snapshot(held)
        with opened(Region("block", held)) as trace, exceptions_refused("a part of a condition"):
            try:
                w = self._logical(parts[0](), parts[1:], conjunction)
            finally:
                for slot, old in trace.touched.items():
                    slot.put(old)
                changed = snapshot.restore()
            Snapshot.refuse(changed)
            both = v.type.dtype.kind == "b" and v.type.shape == () and (
                isinstance(w, (bool, np.bool_)) or isinstance(w, Tracer) and w.type.dtype.kind == "b" and w.type.shape == ())
            atom = trace.atom(w) if isinstance(w, Tracer) else None
            pythons = weak_of(v) is weak_of(w) is bool
        easy = all(not n.has_effect() and not getattr(n.op, "many", False) for n in trace.nodes)
        if both and easy and not trace.written and not trace.touched:
            if atom is not None:
                graph = live_nodes(Graph("block", tuple(trace.capture_order), tuple(trace.nodes), (atom,)))
                w = inline(graph, [x for x, _ in trace.captured])[0]
            both_of = np.logical_and(v, w) if conjunction else np.logical_or(v, w)
            return python_truth(both_of) if pythons else both_of
        rest = lambda: self._logical(parts[0](), parts[1:], conjunction)  # noqa: E731
        return self.choose(v, rest, lambda: v) if conjunction else self.choose(v, lambda: v, rest)

    def is_(self, a, b, wanted: bool):
        """`a is b`, or with `wanted` False `a is not b`."""
        same = is_the_same(a, b) if type(a) is Tracer or type(b) is Tracer else a is b
        return same if wanted else self.not_(same)

    def not_(self, v):
        """`not v`."""
        slots.check_read(v)
        v = self.test(v)
        return python_truth(np.logical_not(truth(v))) if undecided(v) else not v

    def test(self, x):
        """What decides on the truth of `x`: itself, or what the `__bool__` or `__len__` of its class gives."""
        return x if type(x) in PLAIN else dispatch.test_of(self.call, x)

    def choose(self, test, yes: Callable, no: Callable):
        """`yes() if test else no()`."""
        slots.check_read(test)
        test = self.test(test)
        if not undecided(test):
            return yes() if test else no()
        jump = branches.branch(truth(test), lambda: Jump(RETURN, yes()), lambda: Jump(RETURN, no()), Cells((), ()), (yes, no))
        assert jump is not None
        return jump.value

    def compare(self, left, both: Callable, right: Callable, *more):
        """`a < b < c`."""
        r = right()
        first = both(left, r)
        if not more:
            return first
        return self.and_(first, lambda: self.compare(r, *more))

    def shape(self, x):
        """`x.shape`."""
        return shape_of_integers(x) if isinstance(x, Tracer) and x.type.symbols() else x.shape

    def size(self, x):
        """`x.size`."""
        return prod(shape_of_integers(x)) if isinstance(x, Tracer) and x.type.symbols() else x.size

    def outside(self, x):
        """A variable of a function around, or of the module."""
        return outside(x)

    def attribute(self, x, name: str):
        """`x.name`."""
        if isinstance(x, Tracer):
            return attribute_of(x, name)
        note_attribute(x, name)
        return outside(getattr(x, name) if type(x) in PLAIN else dispatch.attribute(self.call, x, name))

    # -- operators -----------------------------------------------------------------------------

    def within(self, value, x):
        """`value in x`."""
        if type(x) not in PLAIN:
            run = dispatch.method(x, "__contains__")
            if run is not None:
                return self.call(bool, self.call(run, value))
            x = iterable(self.call, x)
        self.iterated(x)
        if type(x) in (list, tuple, dict, set, str, range) and type(value) in PLAIN:
            return value in x
        if isinstance(x, (list, tuple)):
            return self.call(any, [y is value or self.eq(y, value) for y in x])
        return value in x

    def outwith(self, value, x):
        """`value not in x`."""
        return self.not_(self.within(value, x))

    def made(self, x):
        """An iterator that an expression has made."""
        return note_made(x)

    def iterated(self, x):
        """What is about to be gone through by Python itself."""
        advance(x, "going through")
        note_content(x, 0)
        return x if type(x) in PLAIN else iterable(self.call, x)

    def getitem(self, x, index):
        """`x[index]`."""
        if type(x) not in PLAIN:
            run = dispatch.method(x, "__getitem__")
            if run is None and isinstance(x, dict) and index not in x:
                run = dispatch.method(x, "__missing__")
            if run is not None:
                return self.call(run, index)
            if isinstance(x, (type(np.r_), type(np.c_))) and holds_traced(index):
                return joined_as(x, index)
        if type(x) is list and slots.is_pending(x) and index != -1:
            slots.check_read(x)
        if isinstance(x, np.ndarray) and holds_traced(index):
            return call_numpy("index", x, index)
        note_item(x, index)
        if isinstance(x, (list, tuple, range, str)) and undecided(index):
            raise declined(f"a {type(x).__name__} at a traced position", "which element it is, is not known while tracing",
                           "make an array of it")
        return x[index] if isinstance(x, (Tracer, np.ndarray)) else outside(x[index])

    # -- stores --------------------------------------------------------------------------------

    def setitem(self, x, index, value) -> None:
        """`x[index] = value`."""
        if isinstance(x, np.ndarray):
            if holds_undecided(index) or holds_undecided(value) or holds_floats(value):
                will_write(x)
                why, fix = (("integers that are known stay plain: they may be indices",
                             "fill another, y = np.zeros(x.shape, x.dtype); y[:] = x") if x.dtype.kind in "biu" else
                            ("the array was not made by a call of NumPy's in the compiled function, nor is it an argument",
                             "pass it as an argument, or make a copy in the function, x = x.copy()"))
                raise explain(UnsupportedError, f"a traced value is written into a plain array of shape {x.shape}", why=why, fix=fix)
            slots.mutating(x, "writing to")
            will_write(x)
        elif not isinstance(x, Tracer):
            run = dispatch.method(x, "__setitem__")
            if run is not None:
                self.call(run, index, value)
                return
            if type(x) is list and isinstance(index, (int, np.integer)) and index < 0:
                note_content(x, 0)      # which element it is depends on the length
            slots.set_item(x, index, value)
            return
        x[index] = value

    def setattr(self, x, name: str, value) -> None:
        """`x.name = value`."""
        if type(x) in PLAIN or not dispatch.set_attribute_of(self.call, x, name, value):
            slots.set_attribute(x, name, value)

    def sets(self, *variables: Callable) -> None:
        """Variables that the function shares with others, each read by a function, are about to be set."""
        for read in variables:
            slots.set_variable(read)

    def delete_item(self, x, index) -> None:
        """`del x[index]`."""
        run = dispatch.method(x, "__delitem__")
        if run is not None:
            self.call(run, index)
            return
        note_content(x, 0)
        slots.delete_item(x, index)

    def delete_attribute(self, x, name: str) -> None:
        """`del x.name`."""
        slots.delete_attribute(x, name)

    def update_item(self, x, index, op: str, value) -> None:
        """`x[index] op= value`."""
        self.setitem(x, index, getattr(self, op)(self.getitem(x, index), value))

    def update_attribute(self, x, name: str, op: str, value) -> None:
        """`x.name op= value`."""
        self.setattr(x, name, getattr(self, op)(self.attribute(x, name) if type(x) not in PLAIN else getattr(x, name), value))

    def require(self, test, message: Callable) -> None:
        """`assert test, message`."""
        test = self.test(test)
        if undecided(test):
            where = user_line()
            text = message()
            if isinstance(text, Text):
                text = text.joined(lambda f, x, *form: "..." if undecided(x) else f(x, *form))
            bind(require_op, truth(test), message=(str(text) if text is not None else "") + (f" ({where})" if where else ""))
        elif not test:
            text = message()
            if isinstance(text, Text):
                text = text.joined(self.call)
            raise AssertionError(*([] if text is None else [text]))

    # -- exceptions ----------------------------------------------------------------------------

    def caught(self) -> None:
        """The first statement of a handler: what refuses to record the function is none of the exceptions that the program handles.

        Nor is one that the numbers behind traced values have raised, in a function that is recorded along the path they take: with other
        numbers in a later call it would not be raised.
        """
        e = sys.exc_info()[1]
        if isinstance(e, (ConcreteValueError, UnsupportedError, EscapedTracerError, MissingRule, GradientError)):
            raise e
        if getattr(e, "of_traced_values", False):
            refused = explain(UnsupportedError, f"{type(e).__name__} of traced values is caught in a compiled function",
                              why="whether it is raised depends on numbers that differ from call to call",
                              fix="ask for the condition with `if` instead")
            if acts_later():
                leave_to_python(refused, "they handle an exception that depends on numbers")
            raise refused from e

    def tried(self) -> Tried:
        """The statements of a `try` that has handlers."""
        return Tried()

    def context(self, manager):
        """The context manager of a `with` statement: it may not keep what refuses to record the function."""
        return manager if current_trace() is None else _Context(self, manager)

    # -- calls ---------------------------------------------------------------------------------

    def call(self, f, /, *args, **kwargs):
        """`f(*args, **kwargs)`."""
        f = range_of(f)
        if f is range and any(map(undecided, args)):
            return TracedRange(*args)
        if f is range and any(type(a) is Length for a in args):
            return LengthRange(*args)
        if f is len and args and type(args[0]) is TracedRange:
            return args[0].count
        if f is len and args and type(args[0]) is LengthRange:
            return args[0].steps
        if f is int and len(args) == 1 and type(args[0]) is Length:
            return args[0]
        return calls.call(f, args, kwargs, lifted)

    def text(self, may_wait: bool, *parts):
        """An f-string; one that is an argument of a call may wait for its numbers."""
        return texts.joined(self.call, parts, may_wait)

    def items(self, f, *args):
        """`f(*args)`, to be gone through by a `for` loop."""
        if f is reversed and len(args) == 1 and isinstance(args[0], range):
            return args[0][::-1]
        if f in (zip, enumerate, reversed):
            parts = [stepped(a) for a in (args if f is not enumerate else args[:1])]
            if all(p is not None for p in parts) and any(not isinstance(a, range) for a in args):
                return ITERATORS[f](parts, args)
        return self.call(f, *args)

_HARMLESS = (np.errstate, warnings.catch_warnings, nullcontext)
"""Context managers that let exceptions through."""


class _Context:
    """A context manager that lets through what `Hooks.caught` raises again."""

    def __init__(self, hooks: Hooks, manager: Any):
        self.manager = manager
        self.tried = hooks.tried() if isinstance(manager, suppress) else nullcontext() if isinstance(manager, _HARMLESS) else handled()

    def __enter__(self) -> Any:
        run = dispatch.method(self.manager, "__enter__")
        value = type(self.manager).__enter__(self.manager) if run is None else hooks.call(run)
        self.tried.__enter__()
        if acts_later() and float_errors.are_wanted():
            refused = explain(UnsupportedError, "floating-point errors are to raise in a compiled function",
                              why="kernels do not raise them", fix="ask for the condition with `if` instead")
            leave_to_python(refused, float_errors.FLOAT_ERRORS)
            self.__exit__(UnsupportedError, refused, None)
            raise refused
        return value

    def __exit__(self, kind, e, traceback) -> bool:
        if e is None:
            try:
                self.tried.__exit__(None, None, None)
            except BaseException as refused:
                self._leave(type(refused), refused, refused.__traceback__)
                raise
        else:
            self.tried.__exit__(kind, e, traceback)
        swallowed = bool(self._leave(kind, e, traceback))
        if swallowed:
            try:
                raise e
            except type(e):
                hooks.caught()
        return swallowed

    def _leave(self, *raised: Any) -> Any:
        run = dispatch.method(self.manager, "__exit__")
        return type(self.manager).__exit__(self.manager, *raised) if run is None else hooks.call(run, *raised)



def _in_place(name: str) -> Callable:
    """A hook for `a op= b`."""
    python = dispatch.python_operator(f"i{name}")

    def hook(self, a, b):
        kind = type(a)
        if kind is np.ndarray:
            if not isinstance(b, Tracer):
                will_write(a)
        elif kind in _CHANGED_IN_PLACE and type(b) in PLAIN:
            note_content(b)
            will_do(a, f"__i{name}__", (b,), {})
        return python(a, b) if kind in PLAIN and type(b) in PLAIN else dispatch.in_place(self.call, name, a, b)
    return hook


_CHANGED_IN_PLACE = (list, dict, set, deque)


def _operator(python: Callable, of: Callable, name: str) -> Callable:
    """A hook for an operator of two operands."""
    def hook(self, a, b):
        for x in (a, b):
            if type(x) in _CHANGED_IN_PLACE:
                note_content(x)
        return python(a, b) if type(a) in PLAIN and type(b) in PLAIN else of(self.call, name, a, b)
    return hook


def _remainder(self, a, b):
    """`a % b`, which formats a text."""
    if type(a) in PLAIN and type(b) in PLAIN:
        return a % (texts.numbers_in(b) if type(a) is str else b)
    return dispatch.binary(self.call, "mod", a, b)


def _unary(python: Callable, name: str) -> Callable:
    def hook(self, x):
        return python(x) if type(x) in PLAIN else dispatch.unary(self.call, name, x)
    return hook


for _name in dispatch.BINARY.values():
    setattr(Hooks, dispatch.hook_name(_name), _operator(dispatch.python_operator(_name), dispatch.binary, _name))
    setattr(Hooks, f"i{_name}", _in_place(_name))
for _name in dispatch.COMPARISONS.values():
    setattr(Hooks, _name, _operator(dispatch.python_operator(_name), dispatch.compare, _name))
for _name in dispatch.UNARY.values():
    setattr(Hooks, _name, _unary(dispatch.python_operator(_name), _name))

Hooks.mod = _remainder  # type: ignore[attr-defined]
hooks = Hooks()


def lifted(f):
    """`f` with its control flow captured; `f` itself if it is excluded, or cannot be converted (which is noted)."""
    if not isinstance(f, FunctionType):
        own = getattr(f, "__func__", None)
        if isinstance(own, FunctionType) and is_captured(own):
            note_outside(f.__self__)
            return lambda *args, **kwargs: lifted(own)(f.__self__, *args, **kwargs)
        own = calls.call_method(f)
        if own is not None:
            note_outside(f)
            return lambda *args, **kwargs: lifted(own)(f, *args, **kwargs)
        if hasattr(f, "func") and hasattr(f, "keywords"):
            note_content(f)
            return lambda *args, **kwargs: lifted(f.func)(*f.args, *args, **{**f.keywords, **kwargs})
        return lambda *args, **kwargs: calls.call(f, args, kwargs, lifted)
    if is_converted(f) or not is_captured(f):
        return function_of(f) or f
    if not is_internal(f.__code__):
        note_function(f)
    try:
        return convert(f, hooks)
    except Unconvertible as e:
        note(f"`{f.__name__}` is not captured: {e}")
        return unconverted(f, e)


lifted.put = hooks.setattr   # type: ignore[attr-defined]


def lift_here(f):
    """`lifted(f)` while a function is recorded; `f` elsewhere. Where values are known its control flow is Python's."""
    return f if current_trace() is None else lifted(f)

