"""The operators of tensors, recorded with as little work as there can be.

What `autodiff.eager.record.call_on_tape` does for any function is written out here for one and two operands: look the recipe up, make the
step, keep where the user's code stands. It is the one place where speed decides the form: an operation takes under a microsecond.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.eager.keys import index_key
from autodiff.eager.kinds import FLOAT, INT
from autodiff.eager.memory import current, viewed
from autodiff.eager.modes import mode
from autodiff.eager.parts import SPLITS, parts
from autodiff.eager.recipes import recipes
from autodiff.eager.record import TENSOR, TapeTracer, call_on_tape
from autodiff.eager.tape import DEEPEST, Step, force, next_number
from tracer.errors import ConcreteValueError, explain
from tracer.trace import Tracer
from tracer.trace import _state as traces
from tracer.tracebacks import trim

__all__ = ["TapeOperators", "unary_call"]

SMALL_INTEGER = 1 << 31


_new = object.__new__


def _deferred(recipe: Any, inputs: tuple, needs: bool, depth: int, frame: Any) -> Any:
    """A tensor of a new step of a recipe that may be computed later."""
    step = Step()
    step.recipe = recipe
    step.inputs = inputs
    step.kind = recipe.kind
    step.value = None
    step.needs = needs
    step.depth = depth
    step.code = frame.f_code
    step.position = frame.f_lasti
    step.extra = step.place = None
    step.number = next_number()
    if depth > DEEPEST:
        force(step)
    made: Any = _new(TENSOR[0])
    made.step = step
    made.alias = None
    made.version = 0
    return made


def _binary(ufunc: Any) -> tuple[Callable, Callable]:
    """`x op y` and `y op x`."""
    by_number = _by_power if ufunc is np.power else _by_number
    product = ufunc is np.multiply

    def method(x, y):
        try:
            if traces.stack:
                return call_on_tape(ufunc, x, y)
            a = x.step if x.alias is None else current(x)
            kind = y.__class__
            if kind is TENSOR[0]:
                b = y.step if y.alias is None else current(y)
                recipe = recipes.get((ufunc, a.kind, b.kind))
                if recipe is not None and recipe.is_simple:
                    return _deferred(recipe, (a, b), (a.needs or b.needs) and recipe.follows and mode.grad,
                                     (a.depth if a.depth > b.depth else b.depth) + 1, sys._getframe(1))
                return call_on_tape(ufunc, x, y)
            if kind is float or kind is int:
                recipe, inputs = by_number(ufunc, a, y, kind)
                if recipe is not None and recipe.is_simple:
                    return _deferred(recipe, inputs, a.needs and recipe.follows and mode.grad, a.depth + 1, sys._getframe(1))
            elif product and kind in _REPEATED:
                return Tracer.__mul__(x, y)
            elif y is None or kind is str:
                return _with_none(ufunc, x, y)
            return call_on_tape(ufunc, x, y)
        except Exception as e:
            trim(e)
            raise
    return method, _reflected(ufunc)


def _with_none(ufunc: Any, x: Any, y: Any) -> Any:
    """`x == y` and `x != y` where y is None or a text."""
    methods: dict[Any, Callable] = {np.equal: Tracer.__eq__, np.not_equal: Tracer.__ne__}
    return methods[ufunc](x, y) if ufunc in methods else call_on_tape(ufunc, x, y)


def _reflected(ufunc: Any) -> Callable:
    """`y op x`, where y is no tensor."""
    def method(x, y):
        try:
            if y.__class__ is float and not traces.stack:
                a = x.step if x.alias is None else current(x)
                recipe = recipes.get((ufunc, FLOAT, a.kind))
                if recipe is not None and recipe.is_simple:
                    return _deferred(recipe, (y, a), a.needs and recipe.follows and mode.grad, a.depth + 1, sys._getframe(1))
            if y.__class__ in _REPEATED and ufunc is np.multiply:
                return Tracer.__rmul__(x, y)
            return call_on_tape(ufunc, y, x)
        except Exception as e:
            trim(e)
            raise
    return method


def _by_number(ufunc: Any, a: Step, y: Any, kind: type) -> tuple[Any, tuple]:
    """The recipe for a step and a number of Python's, and its operands; None where the general way has to look."""
    if kind is float:
        return recipes.get((ufunc, a.kind, FLOAT)), (a, y)
    if a.kind.type.dtype.kind == "f" and -SMALL_INTEGER < y < SMALL_INTEGER:    # type: ignore[union-attr]
        return recipes.get((ufunc, a.kind, INT)), (a, y)
    return None, ()


def _by_power(ufunc: Any, a: Step, y: Any, kind: type) -> tuple[Any, tuple]:
    """The same for a power, whose recipe knows the exponent where that is an integer."""
    if kind is int and a.kind.type.dtype.kind == "f" and -SMALL_INTEGER < y < SMALL_INTEGER:    # type: ignore[union-attr]
        return recipes.get((ufunc, a.kind, int, y)), (a,)
    return None, ()


def unary_call(name: Any, x: Any, frame: Any) -> Any:
    """A function of one tensor, without other arguments."""
    if not traces.stack:
        a = x.step if x.alias is None else current(x)
        recipe = recipes.get((name, a.kind))
        if recipe is not None and recipe.is_simple:
            return _deferred(recipe, (a,), a.needs and recipe.follows and mode.grad, a.depth + 1, frame)
    return call_on_tape(name, x)


def _unary(name: Any) -> Callable:
    def method(x):
        try:
            return unary_call(name, x, sys._getframe(1))
        except Exception as e:
            trim(e)
            raise
    return method


_REPEATED = frozenset([list, tuple, str, bytes])
"""What a product with an integer repeats."""
_ANSWERS = frozenset([np.allclose, np.array_equal, np.array_equiv])
"""NumPy's functions that give a truth value of Python's, of which there are two objects: it is known at once."""


class TapeOperators(TapeTracer):
    """The operators; methods are those of `autodiff.eager.torch_names` and `tracer.array.ArrayMethods`."""

    __slots__ = ()
    _call = staticmethod(call_on_tape)

    __add__, __radd__ = _binary(np.add)
    __sub__, __rsub__ = _binary(np.subtract)
    __mul__, __rmul__ = _binary(np.multiply)
    __truediv__, __rtruediv__ = _binary(np.divide)
    __pow__, __rpow__ = _binary(np.power)
    __matmul__, __rmatmul__ = _binary(np.matmul)
    __floordiv__, __rfloordiv__ = _binary(np.floor_divide)
    __mod__, __rmod__ = _binary(np.remainder)
    __lt__, __gt__ = _binary(np.less)[0], _binary(np.greater)[0]
    __le__, __ge__ = _binary(np.less_equal)[0], _binary(np.greater_equal)[0]
    __eq__ = _binary(np.equal)[0]  # type: ignore[assignment]
    __ne__ = _binary(np.not_equal)[0]  # type: ignore[assignment]
    __neg__, __pos__, __abs__ = _unary(np.negative), _unary(np.positive), _unary(np.absolute)

    def __getitem__(self, index):
        try:
            if not traces.stack:
                a = self.step if self.alias is None else current(self)
                key = index_key(a.kind, index)
                recipe = recipes.get(key) if key is not None else None
                if recipe is not None and recipe.is_deferred:
                    frame = sys._getframe(1)
                    y = _deferred(recipe, (a,), a.needs and recipe.follows and mode.grad, a.depth + 1, frame)
                    if recipe.view is not None:
                        y.alias = viewed(self, recipe.view)
                    return y
            return call_on_tape("index", self, index)
        except Exception as e:
            trim(e)
            raise

    def __hash__(self) -> int:
        if mode.strict:     # in a dict of numbers it would have to be the number
            raise explain(ConcreteValueError, "the hash of a differentiated value is asked for", why="it stands for a number or an array")
        return object.__hash__(self)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        try:
            if len(inputs) == 1 and method == "__call__" and not kwargs:
                return unary_call(ufunc, self, sys._getframe(1))
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        except Exception as e:
            trim(e)
            raise

    def __array_function__(self, func, types, args, kwargs):
        try:
            if len(args) == 1 and args[0] is self and not kwargs and func not in SPLITS:
                return unary_call(func, self, sys._getframe(1))
            if not traces.stack and args and args[0] is self:
                found = parts(func, self, args[1:], kwargs)
                if found is not None:
                    return found
            found = super().__array_function__(func, types, args, kwargs)
            return bool(found) if func in _ANSWERS and isinstance(found, TapeOperators) else found
        except Exception as e:
            trim(e)
            raise
