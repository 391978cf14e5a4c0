"""Systems of equations, determinants and decompositions of matrices: `numpy.linalg` on traced values.

Axes before the last two are lanes. Integers become float64. A matrix of which NumPy reads one triangle has derivative 0 in the
other: the derivative is that of the function as computed, not of one that symmetrises its argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autodiff.numpy.elementwise import floating
from autodiff.numpy.products import promoted
from autodiff.numpy.support import NOT_GIVEN, as_array, available, dtype_of, refuse, shape_of
from tracer.array import implements
from tracer.errors import MatrixError, ShapeError, UnsupportedError, explain
from tracer.op import type_of
from tracer.ops.decompositions import cholesky as cholesky_op
from tracer.ops.decompositions import eigh as eigh_op
from tracer.ops.decompositions import qr as qr_op
from tracer.ops.decompositions import svd as svd_op
from tracer.ops.linalg import det as det_op
from tracer.ops.linalg import lu as lu_op
from tracer.ops.linalg import lu_solve as lu_solve_op
from tracer.ops.linalg import pinv as pinv_op
from tracer.ops.linalg import slogdet as slogdet_op
from tracer.ops.linalg import triangular_solve as triangular_solve_op
from tracer.ops.matrices import identity, matrix_transpose
from tracer.ops.shape import reshape_to
from tracer.promote import broadcast_to, describe
from tracer.trace import bind
from tracer.types import element_count

__all__ = ["cholesky_of", "matrix", "solve_general", "solve_triangle", "square_matrix", "system"]


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Any
    logabsdet: Any


class EighResult(NamedTuple):
    """Eigenvalues, growing, and eigenvectors, as columns."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """Singular vectors, as columns of U and rows of Vh, and values, falling."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """A matrix with orthonormal columns, and an upper triangular one."""

    Q: Any
    R: Any


# -- arguments -------------------------------------------------------------------------------------

def matrix(name: str, a):
    """An array of floats with at least two axes. Errors name the function `name`."""
    a = as_array(a)
    if len(shape_of(a)) < 2:
        raise explain(MatrixError, f"{name} of a {len(shape_of(a))}-dimensional array", a=describe(a),
                      why="a matrix has at least two axes; those before the last two are lanes")
    return floating(a)


def square_matrix(name: str, a):
    """As `matrix`, with last axes of equal length."""
    a = matrix(name, a)
    n, m = shape_of(a)[-2:]
    if n != m:
        raise explain(MatrixError, f"{name} of a matrix of shape ({n}, {m})", a=describe(a),
                      why="the last two axes of the array must have equal lengths")
    return a


def system(name: str, a, b):
    """The square matrix and the right-hand side of a system, of one float dtype; whether the right-hand side is a vector."""
    a, b = (floating(x) for x in promoted(square_matrix(name, a), b))
    n, shape = shape_of(a)[-1], shape_of(b)
    if not shape or shape[-1 if len(shape) == 1 else -2] != n:
        raise explain(ShapeError, f"{name} of a matrix of shape {shape_of(a)} and a right-hand side of shape {shape}",
                      left=describe(a), right=describe(b), why=f"the right-hand side needs {n} rows",
                      fix="a right-hand side is one vector (n,), or matrices (..., n, k); write b[..., None] for stacked vectors")
    return (a, b[:, None], True) if len(shape) == 1 else (a, b, False)


def _in_lanes(name: str, solve: Callable, matrices: Sequence, b):
    """`solve(*matrices, b)` with the same lanes for all. Where the matrices have none, the lanes of b become further columns."""
    lead, wide = shape_of(matrices[0])[:-2], shape_of(b)[:-2]
    if lead == wide:
        return solve(*matrices, b)
    if not lead:
        n, k = shape_of(b)[-2:]
        columns = reshape_to(np.moveaxis(b, -2, 0), (n, element_count((*wide, k))))
        return np.moveaxis(reshape_to(solve(*matrices, columns), (n, *wide, k)), 0, -2)
    try:
        lanes = np.broadcast_shapes(lead, wide)  # type: ignore[arg-type]
    except ValueError:
        raise explain(ShapeError, f"{name} of arrays of shapes {shape_of(matrices[0])} and {shape_of(b)}", left=describe(matrices[0]),
                      right=describe(b), why=f"the axes {lead} and {wide} before the matrices do not broadcast") from None
    return solve(*(broadcast_to(x, (*lanes, *shape_of(x)[len(lead):])) for x in matrices), broadcast_to(b, (*lanes, *shape_of(b)[-2:])))


# -- systems of equations --------------------------------------------------------------------------

def solve_triangle(name: str, a, b, *, lower: bool, transposed: bool, unit: bool):
    """The solution of a system with one triangle of a matrix."""
    a, b, vector = system(name, a, b)
    x = _in_lanes(name, lambda *xs: bind(triangular_solve_op, *xs, lower=lower, transposed=transposed, unit=unit), (a,), b)
    return x[..., 0] if vector else x


def solve_general(name: str, a, b, transposed: bool = False):
    """The solution of a system by LU factors."""
    a, b, vector = system(name, a, b)
    x = _in_lanes(name, lambda *xs: bind(lu_solve_op, *xs, transposed=transposed), (a, *bind(lu_op, a)), b)
    return x[..., 0] if vector else x


@implements(np.linalg.solve)
def _solve(a, b):
    """As numpy.linalg.solve."""
    return solve_general("linalg.solve", a, b)


@implements(np.linalg.inv)
def _inv(a):
    """As numpy.linalg.inv."""
    a = square_matrix("linalg.inv", a)
    return bind(lu_solve_op, a, *bind(lu_op, a), identity(type_of(a)), transposed=False)


@implements(np.linalg.pinv)
def _pinv(a, rcond=None, hermitian=False, *, rtol=NOT_GIVEN):
    """As numpy.linalg.pinv; its derivative is that of matrices of constant rank."""
    refuse("linalg.pinv", hermitian=hermitian or None)
    a = matrix("linalg.pinv", a)
    if rcond is not None and rtol is not NOT_GIVEN:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if rtol is None:
        rcond = max(shape_of(a)[-2:]) * np.finfo(dtype_of(a)).eps
    elif rcond is None:
        rcond = 1e-15 if rtol is NOT_GIVEN else rtol
    if not isinstance(rcond, (float, int, np.number)):
        refuse("linalg.pinv", "give one number", rcond=rcond)
    return bind(pinv_op, a, rcond=float(rcond))


# -- determinants ----------------------------------------------------------------------------------

@implements(np.linalg.det)
def _det(a):
    """As numpy.linalg.det; the first derivative is right where the matrix is singular."""
    return bind(det_op, square_matrix("linalg.det", a))


@implements(np.linalg.slogdet)
def _slogdet(a):
    """As numpy.linalg.slogdet."""
    a = square_matrix("linalg.slogdet", a)
    return SlogdetResult(*bind(slogdet_op, a, *bind(lu_op, a)))


# -- decompositions --------------------------------------------------------------------------------

def cholesky_of(name: str, a, *, reads_upper: bool, upper: bool):
    """The Cholesky factor in either triangle, of a matrix of which either triangle is read."""
    a = square_matrix(name, a)
    y = bind(cholesky_op, matrix_transpose(a) if reads_upper else a)
    return matrix_transpose(y) if upper else y


@implements(np.linalg.cholesky)
def _cholesky(a, /, *, upper=False):
    """As numpy.linalg.cholesky: reads the lower triangle, or with `upper` the upper one."""
    return cholesky_of("linalg.cholesky", a, reads_upper=upper, upper=upper)


@implements(np.linalg.eigh)
def _eigh(a, UPLO="L"):
    """As numpy.linalg.eigh."""
    a = square_matrix("linalg.eigh", a)
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return EighResult(*bind(eigh_op, a, lower=UPLO.upper() == "L"))


@implements(np.linalg.eigvalsh)
def _eigvalsh(a, UPLO="L"):
    """As numpy.linalg.eigvalsh."""
    return _eigh(a, UPLO).eigenvalues


@implements(np.linalg.svd)
def _svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """As numpy.linalg.svd; vectors beyond the smaller side of the matrix are refused."""
    refuse("linalg.svd", hermitian=hermitian or None)
    a = matrix("linalg.svd", a)
    n, m = shape_of(a)[-2:]
    if compute_uv and full_matrices and n != m:
        raise explain(UnsupportedError, f"np.linalg.svd with full_matrices= of a matrix of shape ({n}, {m}) cannot be traced",
                      why="the additional vectors are not unique, and have no derivative", fix="pass full_matrices=False")
    result = SVDResult(*bind(svd_op, a))
    return result if compute_uv else result.S


implements(*available("svdvals", module=np.linalg))(lambda x, /: _svd(x, compute_uv=False))


@implements(np.linalg.qr)
def _qr(a, mode="reduced"):
    """As numpy.linalg.qr, in the modes reduced, complete (where that is the same) and r."""
    a = matrix("linalg.qr", a)
    n, m = shape_of(a)[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and n <= m):
        refuse("linalg.qr", "use mode='reduced'", mode=mode)
    q, r = bind(qr_op, a if n >= m else a[..., :n])
    if n < m:   # the columns beyond are those of a, turned
        r = np.concatenate([r, np.matmul(np.swapaxes(q, -1, -2), a[..., n:])], -1)
    return r if mode == "r" else QRResult(q, r)
