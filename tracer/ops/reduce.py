"""Reductions and running reductions."""

from __future__ import annotations

import numpy as np

from tracer.op import Linear, Op, check_axes, register, type_of
from tracer.ops.arithmetic import cast, like
from tracer.ops.shape import broadcast, reshape
from tracer.trace import bind, full, zeros
from tracer.types import Size, element_count, is_inexact


def expand(x, shape, axes):
    """Put reduced axes back, by repetition."""
    kept = tuple(1 if i in axes else d for i, d in enumerate(shape))
    return broadcast(reshape(x, shape=kept), shape=shape)


class Reduction(Op):
    """An array is combined to one number along `axes`, which the result has no more."""

    combine = ""
    """The combining function of the loop language."""

    def infer(self, x, *, axes):
        check_axes(self, axes, x.ndim)
        return x.with_shape(d for i, d in enumerate(x.shape) if i not in axes)

    def start(self, dtype):
        """The value that combines to nothing."""
        raise self._missing("start", "(self, dtype)", "start value")

    def lower(self, k, inputs, outputs, *, axes):
        x, = inputs
        k.reduce(x, outputs[0], axes, self.combine, k.const(self.start(x.dtype), x.dtype))


class Sum(Linear, Reduction):
    """y = sum of x along axes."""
    combine = "add"

    def reference(self, x, *, axes):
        return np.sum(x, axis=axes, dtype=np.asarray(x).dtype)

    def start(self, dtype):
        return 0

    def transpose(self, ct, x, *, axes):
        return (expand(ct, x.type.shape, axes),)

    def reached(self, masks, x, *, axes):
        return None if masks[0] is None else any_(masks[0], axes=axes)


sum_ = register(Sum())


class Prod(Reduction):
    """y = product of x along axes. The derivative is right where some factors are 0."""
    combine = "mul"

    def reference(self, x, *, axes):
        return np.prod(x, axis=axes, dtype=np.asarray(x).dtype)

    def start(self, dtype):
        return 1

    def jvp(self, xs, dxs, *, axes):
        x, = xs
        y = self(x, axes=axes)
        if not is_inexact(type_of(y).dtype):
            return y, None
        # Flatten the reduced axes to one, last: the product of the others is a product from the left times one from the right.
        t = type_of(x)
        from tracer.ops.shape import transpose
        kept = [i for i in range(t.ndim) if i not in axes]
        shape = (*(t.shape[i] for i in kept), element_count(tuple(t.shape[i] for i in axes)))

        def flat(v):
            return reshape(transpose(v, axes=(*kept, *axes)), shape=shape)
        last = len(kept)
        u, du = flat(x), flat(dxs[0])
        others = exclusive_product(u, last, False) * exclusive_product(u, last, True)
        return y, sum_(others * du, axes=(last,))


prod = register(Prod())


def exclusive_product(x, axis, reverse):
    """Product of the elements before (after, if reverse) each one along an axis."""
    from tracer.ops.index import take_slice
    from tracer.ops.shape import concatenate
    t = type_of(x)
    n = t.shape[axis]
    if isinstance(n, Size):     # there may be no element: one less is no length
        from tracer.ops.control import scan_axis
        row = t.with_shape(d for i, d in enumerate(t.shape) if i != axis)
        start = full(row.shape, 1, t.dtype)
        return scan_axis(lambda carries, sliced: ([carries[0] * sliced[0]], [carries[0]]), [start], [x], axis, reverse)[0]
    if n == 0:
        return x
    running = cumprod(x, axis=axis, reverse=reverse)
    one = like(take_slice(x, axis, 0, 1), 1)
    inner = take_slice(running, axis, 1 if reverse else 0, n - 1)
    return concatenate(*((inner, one) if reverse else (one, inner)), axis=axis)


class ArrayExtremum(Reduction):
    """Largest or smallest element; elements that tie share the derivative."""
    exact = True

    def jvp(self, xs, dxs, *, axes):
        x, = xs
        y = self(x, axes=axes)
        if not is_inexact(type_of(y).dtype):
            return y, None
        t = type_of(x)
        hit = cast(x == expand(y, t.shape, axes), dtype=t.dtype)
        return y, sum_(hit * dxs[0], axes=axes) / sum_(hit, axes=axes)


class Max(ArrayExtremum):
    """y = largest element along axes; nan if one is nan."""
    combine = "maximum"

    def reference(self, x, *, axes):
        return np.max(x, axis=axes)

    def start(self, dtype):
        return -np.inf if dtype.kind == "f" else (False if dtype.kind == "b" else np.iinfo(dtype).min)


max_ = register(Max())


class Min(ArrayExtremum):
    """y = smallest element along axes; nan if one is nan."""
    combine = "minimum"

    def reference(self, x, *, axes):
        return np.min(x, axis=axes)

    def start(self, dtype):
        return np.inf if dtype.kind == "f" else (True if dtype.kind == "b" else np.iinfo(dtype).max)


min_ = register(Min())


class Truth(Reduction):
    """Truth value over booleans; no derivative."""
    exact = True

    def jvp(self, xs, dxs, *, axes):
        return self(*xs, axes=axes), None


class All(Truth):
    """y = every element along axes is true."""
    combine = "and"

    def reference(self, x, *, axes):
        return np.all(x, axis=axes)

    def start(self, dtype):
        return True


all_ = register(All())


class Any(Truth):
    """y = some element along axes is true."""
    combine = "or"

    def reference(self, x, *, axes):
        return np.any(x, axis=axes)

    def start(self, dtype):
        return False


any_ = register(Any())


SHORT_ROW = 64
"""Numbers in a row up to which a loop finds the extreme one as fast as a call of NumPy's function."""


class ArgExtremum(Op):
    """Position of the first extreme element along one axis; nan counts as extreme, as in NumPy."""
    exact = True

    better = ""

    def infer(self, x, *, axis):
        return x.with_dtype(np.int64).with_shape(d for i, d in enumerate(x.shape) if i != axis)

    def jvp(self, xs, dxs, *, axis):
        return self(*xs, axis=axis), None

    def can_lower(self, x, *, axis):
        """Rows that are known to be short are gone through by loops, which fuse; others by NumPy's own function, which is vectorised."""
        return axis != x.ndim - 1 or type(x.shape[-1]) is int and x.shape[-1] <= SHORT_ROW

    def lower(self, k, inputs, outputs, *, axis):
        k.arg_reduce(inputs[0], outputs[0], axis, self.better)


class Argmax(ArgExtremum):
    """y = position of the largest element along axis."""
    better = "gt"

    def reference(self, x, *, axis):
        return np.argmax(x, axis=axis)


argmax = register(Argmax())


class Argmin(ArgExtremum):
    """y = position of the smallest element along axis."""
    better = "lt"

    def reference(self, x, *, axis):
        return np.argmin(x, axis=axis)


argmin = register(Argmin())


class Running(Op):
    """Running reduction along one axis, from the start or, if reverse, from the end."""

    combine = ""

    def infer(self, x, *, axis, reverse):
        return x

    def lower(self, k, inputs, outputs, *, axis, reverse):
        k.running(inputs[0], outputs[0], axis, reverse, self.combine)


def _flip(x, axis, reverse):
    return np.flip(x, axis) if reverse else x


class Cumsum(Linear, Running):
    """y = running sum."""
    combine = "add"

    def reference(self, x, *, axis, reverse):
        return _flip(np.cumsum(_flip(x, axis, reverse), axis, dtype=np.asarray(x).dtype), axis, reverse)

    def transpose(self, ct, x, *, axis, reverse):
        return (bind(self, ct, axis=axis, reverse=not reverse),)


cumsum = register(Cumsum())


class Cumprod(Running):
    """y = running product. Its tangent is the recurrence dy[k] = x[k] dy[k-1] + y[k-1] dx[k], right where factors are 0."""
    combine = "mul"

    def reference(self, x, *, axis, reverse):
        return _flip(np.cumprod(_flip(x, axis, reverse), axis, dtype=np.asarray(x).dtype), axis, reverse)

    def jvp(self, xs, dxs, *, axis, reverse):
        from tracer.ops.control import scan_axis
        x, = xs
        y = self(x, axis=axis, reverse=reverse)
        t = type_of(x)
        if not is_inexact(t.dtype):
            return y, None
        before = exclusive_product(x, axis, reverse)

        def step(carries, sliced):
            dy = sliced[0] * carries[0] + sliced[1]
            return [dy], [dy]
        row = t.with_shape(d for i, d in enumerate(t.shape) if i != axis)
        return y, scan_axis(step, [zeros(row)], [x, before * dxs[0]], axis, reverse)[0]


cumprod = register(Cumprod())


