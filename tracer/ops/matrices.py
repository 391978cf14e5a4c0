"""Parts and shapes of matrices, for the rules of linear algebra. Matrices are the last two axes; the axes before them are lanes."""

from __future__ import annotations

import numpy as np

from tracer.op import Op, type_of
from tracer.ops.arithmetic import cast, div, like, mul, zero_product
from tracer.ops.comparison import eq, gt, logical_and, logical_not, select
from tracer.ops.index import index
from tracer.ops.reduce import expand
from tracer.ops.shape import broadcast, iota, reshape, transpose
from tracer.trace import bind, zeros
from tracer.types import ArrayType, element_count, is_inexact


def matrix_transpose(x):
    """Last two axes swapped."""
    n = type_of(x).ndim
    return transpose(x, axes=(*range(n - 2), n - 1, n - 2))


def triangle(x, keep):
    """The elements whose row and column compare as `keep` says (`ge`: the lower triangle with the diagonal), else 0."""
    return select(where_indices(type_of(x), keep), x, zeros(type_of(x)))


def where_indices(t: ArrayType, keep):
    *_, n, m = t.shape
    return keep(broadcast(reshape(iota(n), shape=(n, 1)), shape=t.shape), broadcast(iota(m), shape=t.shape))


def identity(t: ArrayType):
    """The unit matrix of a type, in every lane."""
    return bind(cast, where_indices(t, eq), dtype=t.dtype)


def half_lower(x):
    """The lower triangle with half the diagonal; with its transpose it adds up to a symmetric matrix."""
    return select(where_indices(type_of(x), eq), mul(like(x, 0.5), x), triangle(x, gt))


def symmetric(x):
    """The symmetric matrix of which x gives the lower triangle."""
    x = half_lower(x)
    return x + matrix_transpose(x)


def along_rows(v, t: ArrayType):
    """A vector repeated as every row of a matrix."""
    return expand(v, t.shape, (t.ndim - 2,))


def along_columns(v, t: ArrayType):
    """A vector repeated as every column of a matrix."""
    return expand(v, t.shape, (t.ndim - 1,))


def one_over(x):
    """1 / x, and 0 where x is 0."""
    zero = eq(x, like(x, 0))
    return select(zero, like(x, 0), div(like(x, 1), select(zero, like(x, 1), x)))


def over_gaps(gaps, x):
    """x over the gaps between the values of each pair. Where the two are equal: 0 if x is 0, else nan, as there is no derivative.

    The vectors of equal values may be turned into each other, so what depends on them alone is no function of the matrix.
    """
    t = type_of(gaps)
    equal = bind(logical_and, eq(gaps, like(gaps, 0)), bind(logical_not, where_indices(t, eq)))
    return bind(zero_product, select(equal, like(gaps, np.nan), one_over(gaps)), x)


def take_rows(x, order):
    """y[..., i, :] = x[..., order[..., i], :]."""
    t, n = type_of(x), type_of(x).shape[-1]
    if t.ndim == 2:
        return bind(index, x, order, spec=(0, (0, n, 1)))
    lanes = element_count(t.shape[:-2])
    flat = reshape(x, shape=(lanes, *t.shape[-2:]))
    order = reshape(order, shape=(lanes, type_of(order).shape[-1]))
    lane = broadcast(reshape(iota(lanes), shape=(lanes, 1)), shape=type_of(order).shape)
    return reshape(bind(index, flat, lane, order, spec=(0, 1, (0, n, 1))), shape=t.shape)


def check_matrices(op: Op, fits: bool, *types: ArrayType) -> None:
    if not fits or any(t.ndim < 2 or t.shape[:-2] != types[0].shape[:-2] or t.dtype != types[0].dtype for t in types):
        raise TypeError(f"{op.name}({', '.join(map(str, types))})")


def is_square(t: ArrayType) -> bool:
    return t.ndim >= 2 and t.shape[-1] == t.shape[-2] and is_inexact(t.dtype)
