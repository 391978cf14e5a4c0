"""What an op is: one class that holds every rule of one operation.

A subclass gives `infer` (the type rule) and `reference` (its meaning in NumPy); every other rule has a default or raises an
error that names the method to write. Inside the graph there is no promotion, no broadcasting and no negative axis, so rules
see well-typed values of equal shape.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, TypeVar

from tracer.errors import DTypeError, MissingRule, ShapeError, explain
from tracer.types import ArrayType, Dim, is_inexact, type_of_value

__all__ = ["Cost", "Op", "Elementwise", "Linear", "Unknown", "filled_mask", "ops", "register", "Total", "type_of"]

OpKind = TypeVar("OpKind", bound="Op")

ops: dict[str, Op] = {}


def register(op: OpKind) -> OpKind:
    """Enter the one instance of an op class in the table of ops, and return it: `sin = register(Sin())`."""
    if op.name in ops:
        raise ValueError(f"two ops are called {op.name!r}")
    ops[op.name] = op
    return op


class Cost(IntEnum):
    """What computing one element costs, where nothing but the op is known."""

    NOTHING = 0
    """The op moves elements, or makes them of their positions."""
    LITTLE = 1
    """About what reading or writing a number costs."""
    DIVISION = 2
    """A division, a square root, or a few operations."""
    MUCH = 3
    """An elementary function, or more."""


class Unknown:
    """A linear input, as `transpose` sees it: it has a type, no value, and the cotangent gathered so far (or None).

    needed : where that may differ from 0, if it is known: a truth value an element (`Op.needed`)
    """

    __slots__ = ("type", "gathered", "needed")

    def __init__(self, type: ArrayType, gathered=None, needed=None):
        self.type = type
        self.gathered = gathered
        self.needed = needed


class Total:
    """A cotangent that already includes `Unknown.gathered`.

    It lets the cotangent of a slice, a gather or a loop constant be added into one array instead of being padded with
    zeros and summed.
    """

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Op:
    """One operation with all its rules."""

    name: str = ""
    effect: bool = False
    """Kept by dead-code removal, in order."""
    may_raise: bool = False
    """Of what is no effect: whether it raises for some values, as a factorization does."""
    idempotent: bool = False
    """Of an effect: whether an equal node that came before leaves nothing to do, as with a check."""
    overwrites: bool = False
    """Whether the result may be put into the memory of the first operand, if that is not read any more."""
    many: bool = False
    """Whether the op returns a list."""
    cost: Cost = Cost.MUCH
    exact: bool = False
    """What `is_exact` says, where it does not depend on the parameters."""
    light: bool = False
    """Whether an element of the result may be computed where it is read, from one array and numbers."""
    compares: bool = False
    """Whether the result is a truth value made of numbers, which costs more to keep than to find again."""
    differentiates_bodies: bool = False
    """Whether the derivative rules differentiate graphs that the op holds, and so take how that is done: `jvp` and `linearize` as `mode`
    (`autodiff.transforms.jvp.Mode`), `transpose` as `transpose_graph`."""
    same_memory: bool = False
    """Whether the result is an operand in the same memory, under another shape or name."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(cls.__name__))

    def __call__(self, *args, **params):
        from tracer.trace import bind
        return bind(self, *args, **params)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self):
        return _lookup, (self.name,)

    # -- the rules -------------------------------------------------------------------------------

    def infer(self, *types: ArrayType, **params) -> Any:
        """Type of the result (a list of types if `many`)."""
        raise self._missing("infer", "(self, *types, **params)", "type rule")

    def reference(self, *arrays, **params) -> Any:
        """The meaning, in NumPy. Never writes to its arguments."""
        raise self._missing("reference", "(self, *arrays, **params)", "NumPy reference")

    def jvp(self, xs: Sequence, dxs: Sequence, **params) -> tuple:
        """Value and tangent; a tangent None is zero."""
        raise self._missing("jvp", "(self, xs, dxs, **params)", "derivative")

    def linearize(self, xs: Sequence, dxs: Sequence, **params) -> tuple:
        """As `jvp`; ops that hold graphs override it so that the tangent part is linear and apart."""
        return self.jvp(xs, dxs, **params)

    def transpose(self, ct, *xs, **params) -> Sequence:
        """Cotangents of the inputs; unknown (linear) inputs arrive as `Unknown`, known ones get None."""
        raise self._missing("transpose", "(self, ct, *xs, **params)", "transpose")

    def needed(self, mask, *xs, **params) -> Sequence:
        """Where the cotangents of the inputs may differ from 0, given where that of the result may (None: everywhere).

        For each input a truth value an element, or None; a `Total` includes what `Unknown.needed` says already. An element that nobody has
        asked for has cotangent 0 whatever its derivative is, infinity and nan included.
        """
        return [None] * len(xs)

    def reached(self, masks, *xs, **params) -> Any:
        """Where a linear result may differ from 0, given where the operands that it is linear in may: a truth value an element.

        None: everywhere, as far as is known. A mask is None too, or False for a known operand, which if it is data is 0. What is 0 because
        of how it was made has tangent 0 whatever it is multiplied by, infinity and nan included.
        """
        if not self.only_moves(len(xs), **params) or not any(m is not None for m in masks):
            return None
        return self(*[filled_mask(m, x) for m, x in zip(masks, xs, strict=True)], **params)

    def with_bodies(self, params: dict[str, Any], linear: Sequence[bool], change) -> dict[str, Any]:
        """Of an op in a linear graph: its parameters with each body b as `change(b, which inputs of b are tangents)`."""
        return params

    def linear_outputs(self, outputs: Sequence, params: dict[str, Any]) -> Sequence:
        """Of an op with many outputs in a linear graph: those that are tangents."""
        return outputs

    def lower(self, k, inputs, outputs, **params) -> None:
        """Write the loops of this op through the loop builder `k`."""
        raise self._missing("lower", "(self, k, inputs, outputs, **params)", "lowering")

    def view(self, k, read, **params) -> Any:
        """For ops that only move elements: the reader of the result, given the reader of the operand. None: not a view."""
        return None

    @property
    def is_view(self) -> bool:
        """Whether the op only moves elements, or fills an array: its result is read through its operand."""
        return type(self).view is not Op.view

    def only_moves(self, operands: int, **params) -> bool:
        """Whether each element of the result is an element of an operand, from a place that is known from the parameters.

        An op of which that is true can be run on the positions of the elements: its `reference` tells where each comes from.
        """
        return False

    def is_exact(self, **params) -> bool:
        """Whether compiled code gives what the reference gives, to the bit, also for numbers that are not integers."""
        return self.exact

    def dimension(self, *operands: Dim) -> Dim | None:
        """Of integer scalars: the result as a polynomial of sizes, given the operands as such; None where it is none."""
        return None

    def lengths(self, k, inputs) -> Sequence:
        """For ops that make an axis of a length known only at run time: the length of each axis of the result, as expressions."""
        return ()

    def greatest_lengths(self, *types: ArrayType, **params) -> Sequence | None:
        """For the same ops: the greatest length that each axis of the result may have; None where none is known."""
        return None

    def guard(self, k, inputs, **params) -> None:
        """For an effect on scalars whose result is computed where it is read: the statement that stands where the node stands."""

    def can_lower(self, *types: ArrayType, **params) -> bool:
        """Whether `lower` handles these types; otherwise the kernel calls `reference`, visibly."""
        return type(self).lower is not Op.lower

    def _missing(self, method: str, signature: str, what: str) -> Exception:
        file = inspect.getsourcefile(type(self)) or "its file"
        file = "/".join(file.split("/")[-3:]) if "tracer/" in file else file
        return explain(MissingRule, f"op `{self.name}` has no {what}", why=f"class {type(self).__name__} does not define "
                       f"`{method}`", fix=f"add `def {method}{signature}` to {type(self).__name__} in {file}, "
                       f"or wrap the call with `custom_jvp`")


def _lookup(name: str) -> Op:
    return ops[name]


class Elementwise(Op):
    """One scalar function applied to every element of arrays of one shape.

    A subclass gives `reference` (a ufunc makes the NumPy name work on traced arrays by itself), `partials` where the
    function is differentiable, `scalar` for compiled code, and `domain`, from which the tests draw their inputs.
    """

    domain: Any = (-2.0, 2.0)
    """Interval the tests draw from, or one interval an argument. Chosen where the function is smooth."""
    dtypes: str = "fd"
    """dtype characters that the tests use."""
    case_params: dict = {}
    """Parameters that the tests give, for ops that have some."""
    undecided: tuple = ()
    """Values at which the reference and the C library disagree, and neither is wrong."""
    result: str | None = None
    """dtype of the result where it differs from the common dtype of the arguments."""
    numpy_names: tuple = ()
    """Further ufuncs with the same meaning."""
    differentiable: bool = True
    steep: bool = False
    """Whether the derivative may be infinite, or nan, where the function is not."""
    code: str | None = None
    """The function of the loop language that computes it, where there is one."""

    def infer(self, *types: ArrayType, **params) -> ArrayType:
        first = types[0]
        for t in types[1:]:
            if t.shape != first.shape:
                raise explain(ShapeError, f"{self.name}: shapes {' and '.join(map(str, types))} differ",
                              why="graph ops take equal shapes", fix="insert `broadcast` nodes")
            if t.dtype != first.dtype:
                raise explain(DTypeError, f"{self.name}: dtypes {' and '.join(map(str, types))} differ",
                              why="graph ops take equal dtypes", fix="insert `cast` nodes")
        return first.with_dtype(self.result) if self.result else first

    def partials(self, y, *xs) -> Sequence:
        """Derivative with respect to each argument; None where it is zero everywhere."""
        raise self._missing("partials", "(self, y, *xs)", "derivative")

    def jvp(self, xs, dxs, **params):
        y = self(*xs, **params)
        if not self.differentiable or not is_inexact(type_of(y).dtype):
            return y, None
        times = ops["slope_product"] if self.steep else ops["mul"]
        return y, sum_tangents(times(d, dx) for d, dx in zip(self.partials(y, *xs, **params), dxs, strict=True)
                               if dx is not None and d is not None)

    def needed(self, mask, *xs, **params):
        return [mask] * len(xs)

    def reached(self, masks, *xs, **params):
        given = [m for m in masks if m is not False]
        if any(m is None for m in given):
            return None
        return functools.reduce(ops["logical_or"], given)

    def scalar(self, k, *xs, **params):
        """The value of one element, from expressions of the loop builder `k`."""
        if self.code is None:
            raise self._missing("scalar", "(self, k, *xs)", "scalar form")
        return k.apply(self.code, *xs)

    def can_lower(self, *types, **params):
        return self.code is not None or type(self).scalar is not Elementwise.scalar

    def lower(self, k, inputs, outputs, **params):
        out, = outputs
        with k.nest(out.shape) as index:
            k.store(out, index, self.scalar(k, *(k.load(x, index) for x in inputs), **params))


class Linear(Op):
    """Linear in all inputs together: the tangent is the op applied to the tangents."""

    def jvp(self, xs, dxs, **params):
        from tracer.trace import zeros
        y = self(*xs, **params)
        if not is_inexact(type_of(y).dtype):
            return y, None
        return y, self(*[zeros(type_of(x)) if d is None else d for x, d in zip(xs, dxs, strict=True)], **params)


def sum_tangents(tangents):
    """Sum of an iterable of tangents; None if there are none."""
    total = None
    for t in tangents:
        total = t if total is None else total + t
    return total


def type_of(x) -> ArrayType:
    """Type of a tracer, a var, a constant or a concrete value."""
    t = getattr(x, "type", None)
    if isinstance(t, ArrayType):
        return t
    return type_of_value(x)


def filled_mask(mask, x):
    """The truth values of a mask of `x`, given as such, as None for all of them, or as False for none."""
    from tracer.trace import full
    return full(type_of(x).shape, mask is None, "?") if mask is None or mask is False else mask


def check_axes(op: Op, axes: tuple[int, ...], ndim: int) -> None:
    """Axes must be increasing and in range inside the graph."""
    if any(not 0 <= a < ndim for a in axes) or list(axes) != sorted(set(axes)):
        raise explain(ShapeError, f"{op.name}: axes {axes} of an array with {ndim} axes",
                      why="graph ops take sorted, non-negative axes", fix="normalise the axes first")


