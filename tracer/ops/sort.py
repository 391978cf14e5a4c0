"""Sorting. `sort` itself is a gather through `argsort`, so that its derivative needs no rule."""

from __future__ import annotations

import numpy as np

from tracer.op import Op, register


class Argsort(Op):
    """y = the order that sorts x along axis; equal elements keep their order."""
    exact = True

    def infer(self, x, *, axis):
        return x.with_dtype(np.int64)

    def reference(self, x, *, axis):
        return np.argsort(x, axis=axis, kind="stable")

    def jvp(self, xs, dxs, *, axis):
        return self(*xs, axis=axis), None


argsort = register(Argsort())


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


