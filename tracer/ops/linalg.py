"""Matrix products. The NumPy face reduces dot, tensordot, einsum and matmul to this one op."""

from __future__ import annotations

import numpy as np

from tracer.op import Op, ops, register, sum_tangents, type_of
from tracer.ops.elementwise import linear_in_one
from tracer.ops.shape import transpose
from tracer.types import is_inexact


@register
class Matmul(Op):
    """y[..., i, j] = sum over k of a[..., i, k] b[..., k, j]."""

    def infer(self, a, b):
        if a.ndim < 2 or a.ndim != b.ndim or a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2] or a.dtype != b.dtype:
            raise TypeError(f"matmul({a}, {b})")
        return a.with_shape((*a.shape[:-1], b.shape[-1]))

    def reference(self, a, b):
        return np.matmul(a, b)

    def jvp(self, xs, dxs):
        (a, b), (da, db) = xs, dxs
        y = self(a, b)
        if not is_inexact(type_of(y).dtype):
            return y, None
        return y, sum_tangents(([] if da is None else [self(da, b)]) + ([] if db is None else [self(a, db)]))

    def transpose(self, ct, a, b):
        return linear_in_one(self, ct, a, b, lambda b: self(ct, matrix_transpose(b)), lambda a: self(matrix_transpose(a), ct))

    def lower(self, k, inputs, outputs):
        k.matmul(*inputs, outputs[0])


matmul = ops["matmul"]


def matrix_transpose(x):
    """Last two axes swapped."""
    n = type_of(x).ndim
    return transpose(x, axes=(*range(n - 2), n - 1, n - 2))
