"""Matrix equations that SciPy solves: its own routine is called, and only the derivative is ours."""

from __future__ import annotations

import numpy as np

from tracer.op import Op, register, sum_tangents
from tracer.ops.linalg import matmul
from tracer.ops.matrices import check_matrices, is_square, matrix_transpose
from tracer.types import is_inexact


class Lyapunov(Op):
    """x with a x + x a' = q, or with a x a' - x + q = 0 if `discrete`; a, q and x have shape (..., n, n).

    x is linear in q. With a it changes as with q' = dq - da x - x da', or q' = dq + da x a' + a x da'. Transposed, a is.
    Source: differentiate the equations.
    """

    def infer(self, a, q, *, discrete):
        check_matrices(self, is_square(a) and a == q and is_inexact(a.dtype), a, q)
        return q

    def reference(self, a, q, *, discrete):
        import scipy.linalg
        solve = scipy.linalg.solve_discrete_lyapunov if discrete else scipy.linalg.solve_continuous_lyapunov
        a, q = np.asarray(a), np.asarray(q)
        n = q.shape[-1]
        parts = [solve(b, p) for b, p in zip(a.reshape(-1, n, n), q.reshape(-1, n, n), strict=True)]
        return np.array(parts, q.dtype).reshape(q.shape)

    def jvp(self, xs, dxs, *, discrete):
        (a, q), (da, dq) = xs, dxs
        x = self(a, q, discrete=discrete)
        terms = [] if dq is None else [dq]
        if da is not None:
            left = matmul(da, matmul(x, matrix_transpose(a)) if discrete else x)
            right = matmul(matmul(a, x) if discrete else x, matrix_transpose(da))
            terms += [left, right] if discrete else [-left, -right]
        return x, self(a, sum_tangents(terms), discrete=discrete)

    def transpose(self, ct, a, q, *, discrete):
        return None, self(matrix_transpose(a), ct, discrete=discrete)


lyapunov = register(Lyapunov())
