"""Ops that move elements: broadcast, reshape, transpose, concatenate, and counting (`iota`)."""

from __future__ import annotations

import numpy as np

from tracer import sizes
from tracer.op import Cost, Linear, Op, Unknown, register, type_of
from tracer.trace import bind, current_trace
from tracer.types import ArrayType, element_count


class Broadcast(Linear):
    """y = x repeated along new leading axes and axes of length 1."""
    exact = True

    cost = Cost.NOTHING

    def only_moves(self, operands, **params):
        return True

    def dimension(self, d):
        return d

    def infer(self, x, *, shape):
        tail = shape[len(shape) - x.ndim:]
        if len(shape) < x.ndim or any(a != b and a != 1 for a, b in zip(x.shape, tail, strict=True)):
            raise TypeError(f"broadcast({x}, shape={shape})")
        return x.with_shape(shape)

    def reference(self, x, *, shape):
        return np.broadcast_to(x, shape)

    def transpose(self, ct, x, *, shape):
        lead = len(shape) - x.type.ndim
        axes = tuple(i for i in range(len(shape)) if i < lead or x.type.shape[i - lead] == 1 and shape[i] != 1)
        from tracer.ops.reduce import sum_
        return (reshape_to(sum_(ct, axes=axes) if axes else ct, x.type.shape),)

    def view(self, k, read, types, *, shape):
        have = types[0].shape
        lead = len(shape) - len(have)
        return lambda index: read(tuple(k.zero if d == 1 else i for d, i in zip(have, index[lead:], strict=True)))


broadcast = register(Broadcast())


class Reshape(Linear):
    """y = the elements of x, in C order, under another shape."""
    exact = True

    same_memory = True
    cost = Cost.NOTHING

    def only_moves(self, operands, **params):
        return True

    def dimension(self, d):
        return d

    def infer(self, x, *, shape):
        if element_count(x.shape) != element_count(shape):
            raise TypeError(f"reshape({x}, shape={shape})")
        return x.with_shape(shape)

    def reference(self, x, *, shape):
        return np.reshape(x, shape)

    def transpose(self, ct, x, *, shape):
        return (bind(self, ct, shape=x.type.shape),)

    def view(self, k, read, types, *, shape):
        """Only where axes of length 1 come or go; any other reshape is a matter of memory."""
        have = types[0].shape
        if [d for d in have if d != 1] != [d for d in shape if d != 1]:
            return None

        def reader(index):
            rest = iter([i for d, i in zip(shape, index, strict=True) if d != 1])
            return read(tuple(k.zero if d == 1 else next(rest) for d in have))
        return reader


reshape = register(Reshape())


class Sized(Linear):
    """y = x, of the lengths `shape`, which are known to be its own though they are written otherwise."""
    exact = True

    cost = Cost.NOTHING

    def infer(self, x, *, shape):
        if len(shape) != x.ndim:
            raise TypeError(f"sized({x}, shape={shape})")
        return x.with_shape(shape)

    def reference(self, x, *, shape):
        return np.broadcast_to(x, shape)

    def transpose(self, ct, x, *, shape):
        return (bind(self, ct, shape=x.type.shape),)

    def view(self, k, read, types, *, shape):
        return read


sized = register(Sized())


def reshape_to(x, shape):
    """Reshape, or nothing where the shape is right."""
    return x if type_of(x).shape == shape else reshape(x, shape=shape)


class Transpose(Linear):
    """y = x with axis i of y being axis axes[i] of x."""
    exact = True

    cost = Cost.NOTHING

    def only_moves(self, operands, **params):
        return True

    def infer(self, x, *, axes):
        if sorted(axes) != list(range(x.ndim)):
            raise TypeError(f"transpose({x}, axes={axes})")
        return x.with_shape(x.shape[a] for a in axes)

    def reference(self, x, *, axes):
        return np.transpose(x, axes)

    def transpose(self, ct, x, *, axes):
        back = tuple(int(i) for i in np.argsort(axes))
        return (bind(self, ct, axes=back),)

    def view(self, k, read, types, *, axes):
        def reader(index):
            source = [None] * len(axes)
            for i, a in zip(index, axes, strict=True):
                source[a] = i
            return read(tuple(source))
        return reader


transpose = register(Transpose())


class Concatenate(Linear):
    """y = arrays one after the other along `axis`."""
    exact = True

    def only_moves(self, operands, **params):
        return True

    def infer(self, *xs, axis):
        total = 0
        for x in xs:
            if x.dtype != xs[0].dtype or x.shape[:axis] + x.shape[axis + 1:] != xs[0].shape[:axis] + xs[0].shape[axis + 1:]:
                raise TypeError(f"concatenate({', '.join(map(str, xs))}, axis={axis})")
            total = total + x.shape[axis]
        return xs[0].with_shape((*xs[0].shape[:axis], total, *xs[0].shape[axis + 1:]))

    def reference(self, *xs, axis):
        return np.concatenate(xs, axis)

    def transpose(self, ct, *xs, axis):
        from tracer.ops.index import take_slice
        out, start = [], 0
        for x in xs:
            length = type_of(x).shape[axis]
            out.append(take_slice(ct, axis, start, length) if isinstance(x, Unknown) else None)
            start = start + length
        return out

    def lower(self, k, inputs, outputs, *, axis):
        start = 0
        for x in inputs:
            with k.nest(x.shape) as index:
                place = list(index)
                place[axis] = k.offset(index[axis], start)
                k.store(outputs[0], tuple(place), k.load(x, index))
            start = start + x.shape[axis]


concatenate = register(Concatenate())


class Iota(Op):
    """y = 0, 1, 2, ... (`length` numbers)."""
    exact = True

    cost = Cost.NOTHING

    def infer(self, *, length, dtype):
        return ArrayType(np.dtype(dtype), (length,))

    def reference(self, *, length, dtype):
        return np.arange(length, dtype=dtype)

    def jvp(self, xs, dxs, **params):
        return self(**params), None

    def view(self, k, read, types, *, length, dtype):
        return lambda index: k.cast(index[0], np.dtype(dtype))


_iota = register(Iota())


class Span(Op):
    """y = 0, 1, 2, ... (n numbers; n is an integer scalar, and `length` the symbol that stands for it in types)."""
    exact = True

    cost = Cost.NOTHING

    def infer(self, n, *, length):
        if n.shape or n.dtype != np.int64:
            raise TypeError(f"span({n})")
        return ArrayType(n.dtype, (length,))

    def reference(self, n, *, length):
        return np.arange(n)

    def jvp(self, xs, dxs, *, length):
        return self(*xs, length=length), None

    def view(self, k, read, types, *, length):
        return lambda index: index[0]

    def lengths(self, k, inputs):
        return [inputs[0].read(())]


span = register(Span())


class Length(Op):
    """y = the length of an axis, as an integer."""
    exact = True

    cost = Cost.NOTHING

    def infer(self, *, length):
        return ArrayType(np.dtype(np.int64), ())

    def reference(self, *, length):
        return np.int64(length)

    def jvp(self, xs, dxs, **params):
        return self(**params), None

    def view(self, k, read, types, *, length):
        return lambda index: k.dim(length)


length = register(Length())




def integer_of_length(d: int) -> object:
    """The length of an axis as an int64 scalar: a node where it may be another in the next call, or is known only at run time."""
    return bind(length, length=d) if isinstance(d, (sizes.Length, sizes.Size)) else np.int64(d)


def iota(length, dtype=np.int64):
    """0, 1, 2, ...: a node inside a trace, an array outside."""
    trace = current_trace()
    if trace is None:
        return np.arange(length, dtype=dtype)
    return trace.record(_iota, (), {"length": length, "dtype": np.dtype(dtype)})
