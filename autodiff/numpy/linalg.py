"""`autodiff.numpy.linalg`: norms, products and powers of matrices. Systems and decompositions are in `decompositions`."""

from __future__ import annotations

import numpy as np
from numpy.linalg import (
    LinAlgError,
    cholesky,
    cond,
    det,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    inv,
    lstsq,
    matrix_power,
    matrix_rank,
    multi_dot,
    norm,
    pinv,
    qr,
    slogdet,
    solve,
    svd,
    tensorinv,
    tensorsolve,
)

from autodiff.numpy import taking
from autodiff.numpy.decompositions import square_matrix
from autodiff.numpy.elementwise import floating
from autodiff.numpy.products import promoted
from autodiff.numpy.support import as_array, available, axes_of, axis_of, dtype_of, refuse, shape_of, static_int
from tracer.array import implements
from tracer.types import element_count

__all__ = ["LinAlgError", "cholesky", "cond", "det", "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq", "matrix_power",
           "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "svd", "tensorinv", "tensorsolve"]

for _name in ("cross", "diagonal", "matmul", "matrix_norm", "matrix_transpose", "outer", "svdvals", "tensordot", "trace",
              "vecdot", "vector_norm"):
    if hasattr(np.linalg, _name):
        globals()[_name] = getattr(np.linalg, _name)
        __all__.append(_name)


# -- norms -----------------------------------------------------------------------------------------

@implements(np.linalg.norm)
def _norm(x, ord=None, axis=None, keepdims=False):
    """As numpy.linalg.norm; the derivative is 0 where the norm is 0."""
    x = floating(x)
    ndim = len(shape_of(x))
    if axis is None:
        if ord is None or ord in ("f", "fro") and ndim == 2 or ord == 2 and ndim == 1:
            axes = tuple(range(ndim))
            return _euclidean(x, axes, keepdims)
        axes = tuple(range(ndim))
    elif isinstance(axis, tuple):
        axes = tuple(axis_of(k, ndim) for k in axis)
    else:
        axes = (axis_of(axis, ndim),)
    if len(axes) == 1:
        return _vector(x, 2 if ord is None else ord, axes[0], keepdims)
    if len(axes) == 2:
        if axes[0] == axes[1]:
            raise ValueError("Duplicate axes given.")
        return _matrix(x, ord, axes, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _euclidean(x, axes, keepdims):
    total = np.sum(x * x, axis=axes, keepdims=keepdims)
    zero = total == 0
    return np.where(zero, 0, np.sqrt(np.where(zero, 1, total)))


def _vector(x, ord, axis, keepdims):
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    if ord == 2:
        return _euclidean(x, (axis,), keepdims)
    if ord == np.inf:
        return np.max(np.abs(x), axis, keepdims=keepdims, initial=0)
    if ord == -np.inf:
        return np.min(np.abs(x), axis, keepdims=keepdims)
    if ord == 0:
        return np.sum((x != 0).astype(dtype_of(x)), axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis, keepdims=keepdims)
    size = np.abs(x)
    if ord > 0:     # the derivative of size**ord at 0 would be infinite for ord < 1
        zero = size == 0
        powers = np.where(zero, 0, np.power(np.where(zero, 1, size), ord))
    else:
        powers = np.power(size, ord)
    total = np.sum(powers, axis, keepdims=keepdims)
    zero = total == 0
    return np.where(zero, 0 if ord > 0 else np.inf, np.power(np.where(zero, 1, total), 1.0 / ord))


def _matrix(x, ord, axes, keepdims):
    if ord in (None, "f", "fro"):
        return _euclidean(x, axes, keepdims)
    if ord in (2, -2, "nuc"):
        s = np.linalg.svd(np.moveaxis(x, axes, (-2, -1)), compute_uv=False)
        y = np.sum(s, -1) if ord == "nuc" else s[..., 0 if ord == 2 else -1]
        return np.expand_dims(y, axes) if keepdims else y
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    summed, chosen = axes if abs(ord) == 1 else axes[::-1]
    sums = np.sum(np.abs(x), summed, keepdims=True)
    y = np.max(sums, chosen, keepdims=True) if ord > 0 else np.min(sums, chosen, keepdims=True)
    return y if keepdims else np.squeeze(y, axes)


@implements(*available("vector_norm", module=np.linalg))
def _vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """As numpy.linalg.vector_norm."""
    x = floating(x)
    ndim = len(shape_of(x))
    axes = axes_of(axis, ndim)
    flat = np.moveaxis(x, axes, tuple(range(ndim - len(axes), ndim)))
    flat = np.reshape(flat, (*shape_of(flat)[:ndim - len(axes)], element_count(tuple([shape_of(x)[i] for i in axes]))))
    y = _vector(flat, ord, len(shape_of(flat)) - 1, False)
    return np.reshape(y, tuple(1 if i in axes else d for i, d in enumerate(shape_of(x)))) if keepdims else y


@implements(*available("matrix_norm", module=np.linalg))
def _matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """As numpy.linalg.matrix_norm."""
    return _norm(x, ord, (-2, -1), keepdims)


# -- products --------------------------------------------------------------------------------------

@implements(np.linalg.matrix_power)
def _matrix_power(a, n):
    """As numpy.linalg.matrix_power."""
    n, a = static_int(n, "the exponent"), as_array(a)
    floats = square_matrix("linalg.matrix_power", a)
    if n < 0:
        a, n = np.linalg.inv(floats), -n
    if n == 0:
        return np.zeros_like(a) + np.eye(shape_of(a)[-1], dtype=dtype_of(a))
    result, square = None, a
    while n:
        if n & 1:
            result = square if result is None else np.matmul(result, square)
        n >>= 1
        square = np.matmul(square, square) if n else square
    return np.copy(result) if result is a else result


@implements(np.linalg.multi_dot)
def _multi_dot(arrays, *, out=None):
    """As numpy.linalg.multi_dot: the order of products is planned."""
    refuse("linalg.multi_dot", out=out)
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    arrays = promoted(*arrays)
    names = "abcdefghijklmnopqrstuvwxyz"
    if len(arrays) >= len(names):
        raise ValueError("multi_dot of more than 25 arrays")
    terms = [names[i:i + 2] for i in range(len(arrays))]
    if len(shape_of(arrays[0])) == 1:
        terms[0] = terms[0][1:]
    if len(shape_of(arrays[-1])) == 1:
        terms[-1] = terms[-1][:-1]
    ends = [c for c in (names[0], names[len(arrays)]) if c in "".join(terms)]
    return np.einsum(f"{','.join(terms)}->{''.join(ends)}", *arrays)


@implements(*available("diagonal", module=np.linalg))
def _diagonal(x, /, *, offset=0):
    """As numpy.linalg.diagonal."""
    return taking.diagonal(x, offset, -2, -1)


@implements(*available("trace", module=np.linalg))
def _trace(x, /, *, offset=0, dtype=None):
    """As numpy.linalg.trace."""
    return np.trace(x, offset, -2, -1, dtype)
