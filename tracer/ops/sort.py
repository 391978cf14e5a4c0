"""Sorting, positions in sorted arrays, and order statistics. All of them go along the last axis, whose lanes are called rows.

Orders, positions and counts have no derivative: sorted values follow the elements that they are (`take_along_rows`).
"""

from __future__ import annotations

import numpy as np

from tracer.op import Op, register, type_of
from tracer.ops.index import index
from tracer.ops.shape import broadcast, iota, reshape
from tracer.trace import bind

KINDS = ("quicksort", "heapsort", "stable")
"""NumPy's names of its algorithms; the parameter `kind` of the ops is the place in here."""


def take_along_rows(x, order):
    """The elements of each row of x at the places `order`, which are in range: the shape of `order`."""
    t = type_of(order)
    n = t.ndim
    places = [broadcast(reshape(iota(d), shape=(*[1] * k, d, *[1] * (n - k - 1))), shape=t.shape) for k, d in enumerate(t.shape[:-1])]
    return bind(index, x, *places, order, spec=tuple(range(n)))


class Sort(Op):
    """y = the elements of each row in order, nan last. NumPy's algorithm decides how equal ones and zeros follow each other."""
    exact = True

    def infer(self, x, *, kind):
        return x

    def reference(self, x, *, kind):
        return np.sort(x, kind=KINDS[kind])  # type: ignore[call-overload]

    def jvp(self, xs, dxs, *, kind):
        y = self(xs[0], kind=kind)
        return y, None if dxs[0] is None else take_along_rows(dxs[0], argsort(xs[0], kind=kind))


sort = register(Sort())


class Argsort(Op):
    """y = the order that sorts each row of x."""
    exact = True

    def infer(self, x, *, kind):
        return x.with_dtype(np.int64)

    def reference(self, x, *, kind):
        return np.argsort(x, kind=KINDS[kind])  # type: ignore[call-overload]

    def jvp(self, xs, dxs, *, kind):
        return self(*xs, kind=kind), None


argsort = register(Argsort())


class Partition(Op):
    """y = the elements of each row, with those in place that belong at the places k, smaller ones before and larger ones behind."""
    exact = True
    may_raise = True

    def infer(self, x, k):
        return x

    def reference(self, x, k):
        return np.partition(x, np.asarray(k).tolist())

    def jvp(self, xs, dxs):
        order = argpartition(*xs)    # of equal elements any may stand at a place, in the values too
        return take_along_rows(xs[0], order), None if dxs[0] is None else take_along_rows(dxs[0], order)


partition = register(Partition())


class Argpartition(Op):
    """y = an order that partitions each row of x."""
    exact = True
    may_raise = True

    def infer(self, x, k):
        return x.with_dtype(np.int64)

    def reference(self, x, k):
        return np.argpartition(x, np.asarray(k).tolist())

    def jvp(self, xs, dxs):
        return self(*xs), None


argpartition = register(Argpartition())


class OrderStatistics(Op):
    """y[..., j] = the element of each row of x that belongs at place k[j] of the sorted row, nan last; k has one axis."""
    exact = True

    def infer(self, x, k):
        return x.with_shape((*x.shape[:-1], *k.shape))

    def reference(self, x, k):
        return np.take(np.sort(x), k, axis=-1)

    def jvp(self, xs, dxs):
        if dxs[0] is None:
            return self(*xs), None
        at = order_positions(*xs)
        return take_along_rows(xs[0], at), take_along_rows(dxs[0], at)


order_statistics = register(OrderStatistics())


class OrderPositions(Op):
    """y[..., j] = where in each row of x the element stands that belongs at place k[j]; equal ones in the order of x."""
    exact = True

    def infer(self, x, k):
        return x.with_dtype(np.int64).with_shape((*x.shape[:-1], *k.shape))

    def reference(self, x, k):
        return np.take(np.argsort(x, kind="stable"), k, axis=-1)

    def jvp(self, xs, dxs):
        return self(*xs), None


order_positions = register(OrderPositions())


class Searchsorted(Op):
    """y = where each v would be inserted into the sorted x."""
    exact = True

    def infer(self, x, v, *, side):
        return v.with_dtype(np.int64)

    def reference(self, x, v, *, side):
        return np.searchsorted(x, v, side=side)

    def jvp(self, xs, dxs, *, side):
        return self(*xs, side=side), None


searchsorted = register(Searchsorted())
