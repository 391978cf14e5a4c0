"""Matrix products, factorizations, and systems of equations. Matrices are the last two axes; the axes before them are lanes.

The NumPy face reduces dot, tensordot, einsum and matmul to `matmul`, and solve, inv and slogdet to the factors of `lu` and
what solves by them. Derivatives are those of Giles, Collected matrix derivative results for forward and reverse mode (2008), unless a
docstring says otherwise. A matrix of which an op reads one triangle has derivative 0 in the other one, as the function computed.
"""

from __future__ import annotations

import numpy as np

from tracer.op import Op, register, sum_tangents, type_of
from tracer.ops.arithmetic import like, linear_in_one, neg
from tracer.ops.comparison import eq, ge, gt, le, lt, select
from tracer.ops.matrices import check_matrices, identity, is_square, matrix_transpose, take_rows, triangle, where_indices
from tracer.ops.reduce import expand, sum_
from tracer.trace import zeros
from tracer.types import is_inexact


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


matmul = register(Matmul())



# -- systems of equations -------------------------------------------------------------------------

class TriangularSolve(Op):
    """x with T x = b, or T' x = b if `transposed`: T is one triangle of a, its diagonal taken for ones if `unit`. Linear in b.

    dx = T**-1 (db - dT x).
    """

    def infer(self, a, b, *, lower, transposed, unit):
        check_matrices(self, is_square(a) and b.ndim >= 2 and a.shape[-1] == b.shape[-2], a, b)
        return b

    def reference(self, a, b, *, lower, transposed, unit):
        from scipy.linalg import solve_triangular
        a, b = np.asarray(a), np.asarray(b)
        x = np.empty(b.shape, b.dtype)
        for lane in np.ndindex(b.shape[:-2]):
            x[lane] = solve_triangular(a[lane], b[lane], trans=int(transposed), lower=lower, unit_diagonal=unit, check_finite=False)
        return x

    def jvp(self, xs, dxs, *, lower, transposed, unit):
        (a, b), (da, db) = xs, dxs
        x = self(a, b, lower=lower, transposed=transposed, unit=unit)
        if da is not None:
            da = triangle(da, (gt if unit else ge) if lower else (lt if unit else le))
            turned = matmul(matrix_transpose(da) if transposed else da, x)
            db = neg(turned) if db is None else db - turned
        return x, self(a, db, lower=lower, transposed=transposed, unit=unit)

    def transpose(self, ct, a, b, *, lower, transposed, unit):
        return None, self(a, ct, lower=lower, transposed=not transposed, unit=unit)


triangular_solve = register(TriangularSolve())


MOST_IN_LOOPS = 32
"""Matrices of at most so many rows are factorised by plain loops in compiled code; LAPACK's blocks gain nothing there."""


def _in_loops(a) -> bool:
    return isinstance(a.shape[-1], int) and a.shape[-1] <= MOST_IN_LOOPS


def _eliminate(k, y, lead, order=None, sign=None) -> None:
    """Gaussian elimination of y[lead] in place with partial pivoting, as LAPACK getrf2 does it column by column."""
    n, dtype = y.shape[-1], y.dtype
    at = lambda i, j: (*lead, i, j)  # noqa: E731
    with k.steps(n) as c:
        best = k.scalar(dtype, k.apply("abs", k.load(y, at(c, c))))
        row = k.scalar(np.int64, c)
        with k.steps(n, k.after(c)) as r:
            size = k.scalar(dtype, k.apply("abs", k.load(y, at(r, c))))
            with k.when(k.apply("gt", k.load(size, ()), k.load(best, ()))):
                k.store(best, (), k.load(size, ()))
                k.store(row, (), r)
        pivot = k.load(row, ())
        with k.when(k.apply("ne", pivot, c)):
            with k.steps(n) as j:
                upper = k.scalar(dtype, k.load(y, at(c, j)))
                k.store(y, at(c, j), k.load(y, at(pivot, j)))
                k.store(y, at(pivot, j), k.load(upper, ()))
            if order is not None:
                first = k.scalar(np.int64, k.load(order, (*lead, c)))
                k.store(order, (*lead, c), k.load(order, (*lead, pivot)))
                k.store(order, (*lead, pivot), k.load(first, ()))
            if sign is not None:
                k.store(sign, (), k.apply("neg", k.load(sign, ())))
        with k.steps(n, k.after(c)) as r:
            d, x = k.load(y, at(c, c)), k.load(y, at(r, c))
            factor = k.scalar(dtype, k.select(k.apply("eq", d, k.const(0, dtype)), x, k.apply("div", x, d)))
            k.store(y, at(r, c), k.load(factor, ()))
            with k.steps(n, k.after(c)) as j:
                k.store(y, at(r, j), k.apply("sub", k.load(y, at(r, j)), k.apply("mul", k.load(factor, ()), k.load(y, at(c, j)))))


def _substitute(k, f, x, lead, lower: bool, transposed: bool, unit: bool) -> None:
    """x[lead] = T**-1 x[lead] in place, T a triangle of f, or its transpose."""
    n, columns = x.shape[-2:]
    forwards = lower != transposed
    with k.nest((columns,)) as (column,):
        with k.steps(n, reverse=not forwards) as i:
            total = k.scalar(x.dtype, k.load(x, (*lead, i, column)))

            def minus(j) -> None:
                place = (*lead, j, i) if transposed else (*lead, i, j)
                k.store(total, (), k.apply("sub", k.load(total, ()), k.apply("mul", k.load(f, place), k.load(x, (*lead, j, column)))))
            if forwards:
                with k.steps_below(i) as j:
                    minus(j)
            else:
                with k.steps(n, k.after(i)) as j:
                    minus(j)
            value = k.load(total, ())
            k.store(x, (*lead, i, column), value if unit else k.apply("div", value, k.load(f, (*lead, i, i))))


class Lu(Op):
    """y, order with L U = a[order]: y holds the upper triangle U and, below the diagonal, L, whose diagonal is ones.

    Partial pivoting, as LAPACK getrf. M = L**-1 da[order] U**-1; dy = L lower(M) + upper(M) U, the diagonal belonging to the upper.
    Source: de Hoog, Anderssen and Lukas, Mathematics of Computation 80 (2011).
    """
    many = True

    def infer(self, a):
        check_matrices(self, is_square(a), a)
        return [a, a.with_dtype(np.int64).with_shape(a.shape[:-1])]

    def reference(self, a):
        from scipy.linalg import lu
        a = np.asarray(a)
        rows, low, up = lu(a, check_finite=False, p_indices=True)
        return [np.tril(low, -1) + up, np.argsort(rows.reshape(a.shape[:-1]), -1)]

    def can_lower(self, a):
        return _in_loops(a)

    def lower(self, k, inputs, outputs):
        a, (y, order) = inputs[0], outputs
        with k.nest(a.shape) as index:
            k.store(y, index, k.load(a, index))
        with k.nest(order.shape) as index:
            k.store(order, index, index[-1])
        with k.nest(a.shape[:-2]) as lead:
            _eliminate(k, y, lead, order)

    def jvp(self, xs, dxs):
        y, order = self(xs[0])
        m = triangular_solve(y, take_rows(dxs[0], order), lower=True, transposed=False, unit=True)
        m = matrix_transpose(triangular_solve(y, matrix_transpose(m), lower=False, transposed=True, unit=False))
        low, up = triangle(m, gt), triangle(m, le)
        unit_lower = select(where_indices(type_of(y), eq), like(y, 1), triangle(y, gt))
        return [y, order], [matmul(unit_lower, low) + matmul(up, triangle(y, le)), None]


lu = register(Lu())


class LuSolve(Op):
    """x with a x = b, or a' x = b if `transposed`, by the factors f, order = lu(a). Linear in b.

    dx = a**-1 (db - da x): the factors are the means and no argument of the function, so each is made once for all derivatives.
    """

    may_raise = True

    def infer(self, a, f, order, b, *, transposed):
        check_matrices(self, is_square(a) and a == f and order.shape == a.shape[:-1] and b.ndim >= 2 and a.shape[-1] == b.shape[-2], a, b)
        return b

    def reference(self, a, f, order, b, *, transposed):
        order, rows = np.asarray(order)[..., None], np.asarray(order).shape[-1]
        if np.any(np.diagonal(f, 0, -2, -1) == 0) and np.size(b):
            raise np.linalg.LinAlgError("Singular matrix")
        first, second = {"lower": not transposed, "unit": not transposed}, {"lower": transposed, "unit": transposed}
        x = b if transposed or not rows else np.take_along_axis(np.asarray(b), order, -2)
        for part in (first, second):
            x = triangular_solve.reference(f, x, transposed=transposed, **part)
        return np.take_along_axis(x, np.argsort(order, -2), -2) if transposed and rows else x

    def can_lower(self, a, *rest, transposed):
        return _in_loops(a)

    def lower(self, k, inputs, outputs, *, transposed):
        _, f, order, b = inputs
        out, n = outputs[0], f.shape[-1]
        x = k.stored(b.dtype, b.shape) if transposed else out
        with k.nest(b.shape[:-2]) as lead:
            with k.nest((n,)) as (i,):
                nonzero = k.apply("ne", k.load(f, (*lead, i, i)), k.const(0, f.dtype))
                k.require(nonzero, "Singular matrix", "LinAlgError")
        with k.nest(b.shape) as index:
            row = index[-2] if transposed else k.load(order, index[:-1])
            k.store(x, index, k.load(b, (*index[:-2], row, index[-1])))
        with k.nest(b.shape[:-2]) as lead:
            _substitute(k, f, x, lead, not transposed, transposed, not transposed)
            _substitute(k, f, x, lead, transposed, transposed, transposed)
        if transposed:
            with k.nest(b.shape) as index:
                k.store(out, (*index[:-2], k.load(order, index[:-1]), index[-1]), k.load(x, index))

    def jvp(self, xs, dxs, *, transposed):
        (a, f, order, b), (da, *_, db) = xs, dxs
        x = self(a, f, order, b, transposed=transposed)
        if da is not None:
            turned = matmul(matrix_transpose(da) if transposed else da, x)
            db = neg(turned) if db is None else db - turned
        return x, None if db is None else self(a, f, order, db, transposed=transposed)

    def transpose(self, ct, a, f, order, b, *, transposed):
        return None, None, None, self(a, f, order, ct, transposed=not transposed)


lu_solve = register(LuSolve())


class Pinv(Op):
    """y = pseudo-inverse of a: singular values up to `rcond` times the largest count as 0.

    dy = -y da y + y y' da' (1 - a y) + (1 - y a) da' y' y, while the rank stays as it is.
    Source: Golub and Pereyra, SIAM Journal on Numerical Analysis 10 (1973), equation 4.12.
    """

    def infer(self, a, *, rcond):
        check_matrices(self, a.ndim >= 2 and is_inexact(a.dtype), a)
        return a.with_shape((*a.shape[:-2], a.shape[-1], a.shape[-2]))

    def reference(self, a, *, rcond):
        return np.linalg.pinv(a, rcond)

    def jvp(self, xs, dxs, *, rcond):
        (a,), (da,) = xs, dxs
        y = self(a, rcond=rcond)
        yt, dat = matrix_transpose(y), matrix_transpose(da)
        rows, columns = matmul(matmul(y, yt), dat), matmul(dat, matmul(yt, y))
        dy = rows - matmul(matmul(rows, a), y) + (columns - matmul(y, matmul(a, columns)))
        return y, dy - matmul(matmul(y, da), y)


pinv = register(Pinv())


# -- determinants ---------------------------------------------------------------------------------

class Slogdet(Op):
    """sign and logarithm of the absolute value of the determinant of a, by the factors f, order = lu(a).

    d log|det a| = sum of a**-T da; of a singular matrix, whose logarithm is -inf, it does not exist.
    """
    many = True

    def infer(self, a, f, order):
        check_matrices(self, is_square(a) and a == f and order.shape == a.shape[:-1], a)
        return [a.with_shape(a.shape[:-2])] * 2

    def reference(self, a, f, order):
        pivots, order = np.diagonal(f, 0, -2, -1), np.asarray(order)
        inversions = np.sum(np.triu(order[..., :, None] > order[..., None, :]), (-2, -1))
        with np.errstate(divide="ignore"):
            logs = np.sum(np.log(np.abs(pivots)), -1)
        return [(np.prod(np.sign(pivots), -1) * (1 - 2 * (inversions % 2))).astype(logs.dtype)[()], logs[()]]

    def jvp(self, xs, dxs):
        y, (da, *_) = self(*xs), dxs
        if da is None:
            return y, [None, None]
        t = type_of(xs[0])
        inverse = lu_solve(*xs, identity(t), transposed=True)
        return y, [None, sum_(inverse * da, axes=(t.ndim - 2, t.ndim - 1))]


slogdet = register(Slogdet())


class Det(Op):
    """y = determinant of a. dy = sum of cofactor(a) da, also where a is singular."""

    def infer(self, a):
        check_matrices(self, is_square(a), a)
        return a.with_shape(a.shape[:-2])

    def reference(self, a):
        return np.linalg.det(a)

    def can_lower(self, a):
        return _in_loops(a)

    def lower(self, k, inputs, outputs):
        a, = inputs
        y = k.stored(a.dtype, a.shape)
        with k.nest(a.shape) as index:
            k.store(y, index, k.load(a, index))
        with k.nest(a.shape[:-2]) as lead:
            product = k.scalar(a.dtype, k.const(1, a.dtype))
            _eliminate(k, y, lead, sign=product)
            with k.steps(a.shape[-1]) as i:
                k.store(product, (), k.apply("mul", k.load(product, ()), k.load(y, (*lead, i, i))))
            k.store(outputs[0], lead, k.load(product, ()))

    def jvp(self, xs, dxs):
        n = type_of(xs[0]).ndim
        return self(xs[0]), sum_(cofactor(xs[0]) * dxs[0], axes=(n - 2, n - 1))


det = register(Det())


class Cofactor(Op):
    """y = det(a) a**-T, the derivative of det(a) by a; by singular values, so that it is right where a is singular.

    a = u s v' gives y = det(u) det(v) u (products of all s but one) v'. dy = (sum(y da) 1 - y da') a**-T: of singular
    matrices the derivative of the cofactors is refused.
    """

    def infer(self, a):
        check_matrices(self, is_square(a), a)
        return a

    def reference(self, a):
        a = np.asarray(a)
        u, s, v = np.linalg.svd(a)
        n = s.shape[-1]
        others = np.prod(np.where(np.eye(n, dtype=bool), s.dtype.type(1), s[..., None, :]), -1)
        return np.asarray(np.sign(np.linalg.det(u) * np.linalg.det(v))[..., None, None] * (u * others[..., None, :]) @ v, a.dtype)

    def can_lower(self, a):
        return a.shape[-1] in (1, 2, 3)

    def lower(self, k, inputs, outputs):
        a, n = inputs[0], inputs[0].shape[-1]
        with k.nest(a.shape[:-2]) as lead:
            for i in range(n):
                for j in range(n):
                    k.store(outputs[0], (*lead, k.number(i), k.number(j)), self._minor(k, a, lead, n, i, j))

    @staticmethod
    def _minor(k, a, lead, n, i, j):
        """The cofactor of element i, j: by rows and columns in cyclic order, which settles the sign."""
        if n == 1:
            return k.const(1, a.dtype)
        rows, columns = [(i + d) % n for d in range(1, n)], [(j + d) % n for d in range(1, n)]
        at = lambda r, c: k.load(a, (*lead, k.number(rows[r]), k.number(columns[c])))  # noqa: E731
        if n == 2:
            return at(0, 0) if (i + j) % 2 == 0 else k.apply("neg", at(0, 0))
        return k.apply("sub", k.apply("mul", at(0, 0), at(1, 1)), k.apply("mul", at(0, 1), at(1, 0)))

    def jvp(self, xs, dxs):
        (a,), (da,) = xs, dxs
        y, t = self(a), type_of(a)
        total = expand(sum_(y * da, axes=(t.ndim - 2, t.ndim - 1)), t.shape, (t.ndim - 2, t.ndim - 1))
        right = select(where_indices(t, eq), total, zeros(t)) - matmul(da, matrix_transpose(y))
        return y, matrix_transpose(lu_solve(a, *lu(a), right, transposed=False))


cofactor = register(Cofactor())
