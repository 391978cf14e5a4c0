"""Decompositions of matrices: Cholesky, eigenvalues, singular values, QR. Matrices are the last two axes; the axes before them are lanes.

Derivatives are those of Giles, Collected matrix derivative results for forward and reverse mode (2008), unless a docstring says
otherwise. A matrix of which an op reads one triangle has derivative 0 in the other one, as the function computed.
"""

from __future__ import annotations

import numpy as np

from tracer.op import Op, register, type_of
from tracer.ops.comparison import gt
from tracer.ops.linalg import matmul, triangular_solve
from tracer.ops.matrices import (
    along_columns,
    along_rows,
    check_matrices,
    half_lower,
    is_square,
    matrix_transpose,
    one_over,
    over_gaps,
    symmetric,
    triangle,
)
from tracer.ops.reduce import sum_
from tracer.types import is_inexact


class Cholesky(Op):
    """y lower triangular with y y' = the symmetric matrix whose lower triangle a has; the upper one is not read.

    dy = y P(y**-1 dS y**-T) with dS that symmetric matrix of da, P taking the lower triangle with half the diagonal.
    Source: Murray, Differentiation of the Cholesky decomposition, arXiv:1602.07527 (2016), equation 8.
    """

    may_raise = True

    def infer(self, a):
        check_matrices(self, is_square(a), a)
        return a

    def reference(self, a):
        return np.linalg.cholesky(a)

    def jvp(self, xs, dxs):
        y = self(xs[0])
        how = {"lower": True, "transposed": False, "unit": False}
        left = triangular_solve(y, symmetric(dxs[0]), **how)
        return y, matmul(y, half_lower(triangular_solve(y, matrix_transpose(left), **how)))


cholesky = register(Cholesky())


class Eigh(Op):
    """w, v with S v = v w, w growing: the eigenvalues and vectors of the symmetric S whose lower (or upper) triangle a has.

    M = v' dS v; dw = its diagonal, dv = v (M / (w_j - w_i)). Where eigenvalues are equal their vectors are not unique: what turns one
    into the other gives nan. Source: Giles, section 3.1.
    """
    many = True

    def infer(self, a, *, lower):
        check_matrices(self, is_square(a), a)
        return [a.with_shape(a.shape[:-1]), a]

    def reference(self, a, *, lower):
        return list(np.linalg.eigh(a, "L" if lower else "U"))

    def jvp(self, xs, dxs, *, lower):
        (da,), (w, v) = dxs, self(xs[0], lower=lower)
        t = type_of(v)
        turned = matmul(symmetric(da if lower else matrix_transpose(da)), v)
        dv = matmul(v, over_gaps(along_rows(w, t) - along_columns(w, t), matmul(matrix_transpose(v), turned)))
        return [w, v], [sum_(v * turned, axes=(t.ndim - 2,)), dv]


eigh = register(Eigh())


class Svd(Op):
    """u, s, v with a = u diag(s) v, s falling; u has min(m, n) columns and v as many rows.

    Where singular values are equal their vectors are not unique: what turns one into the other gives nan.
    Source: Townsend, Differentiating the singular value decomposition (2016).
    """
    many = True

    def infer(self, a):
        check_matrices(self, a.ndim >= 2 and is_inexact(a.dtype), a)
        *lead, m, n = a.shape
        if not (isinstance(m, int) and isinstance(n, int)):
            raise TypeError(f"svd({a})")
        k = min(m, n)
        return [a.with_shape((*lead, m, k)), a.with_shape((*lead, k)), a.with_shape((*lead, k, n))]

    def reference(self, a):
        return list(np.linalg.svd(a, full_matrices=False))

    def jvp(self, xs, dxs):
        (da,), (u, s, vt) = dxs, self(xs[0])
        *lead, m, n = type_of(da).shape
        ut, v = matrix_transpose(u), matrix_transpose(vt)
        on_v, on_u = matmul(da, v), matmul(matrix_transpose(da), u)
        inner = matmul(ut, on_v)
        t = type_of(inner)
        columns, rows = along_rows(s, t), along_columns(s, t)
        gaps = (columns - rows) * (columns + rows)
        right, left = inner * columns, rows * inner
        du = matmul(u, over_gaps(gaps, right + matrix_transpose(right)))
        dv = matmul(v, over_gaps(gaps, left + matrix_transpose(left)))
        if m > n:
            du = du + (on_v - matmul(u, inner)) * along_rows(one_over(s), type_of(u))
        if n > m:
            dv = dv + (on_u - matmul(v, matrix_transpose(inner))) * along_rows(one_over(s), type_of(v))
        return [u, s, vt], [du, sum_(u * on_v, axes=(t.ndim - 2,)), matrix_transpose(dv)]


svd = register(Svd())


class Qr(Op):
    """q, r with a = q r, q' q = 1 and r upper triangular, for a with no more columns than rows.

    X = da r**-1, low = the part of q' X below the diagonal, W = low - low': dq = q (W - q' X) + X, dr = (q' X - W) r.
    Source: Walter and Lehmann, arXiv:1001.1654 (2010), section 3.2.
    """
    many = True

    def infer(self, a):
        check_matrices(self, a.ndim >= 2 and is_inexact(a.dtype), a)
        *lead, m, n = a.shape
        if isinstance(m, int) and isinstance(n, int) and m < n:
            raise TypeError(f"qr({a})")
        return [a, a.with_shape((*lead, n, n))]

    def reference(self, a):
        return list(np.linalg.qr(a))

    def jvp(self, xs, dxs):
        q, r = self(xs[0])
        x = matrix_transpose(triangular_solve(r, matrix_transpose(dxs[0]), lower=False, transposed=True, unit=False))
        inner = matmul(matrix_transpose(q), x)
        low = triangle(inner, gt)
        turn = inner - (low - matrix_transpose(low))
        return [q, r], [x - matmul(q, turn), matmul(turn, r)]


qr = register(Qr())
