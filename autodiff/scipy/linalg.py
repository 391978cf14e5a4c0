"""`scipy.linalg` for traced arrays: systems of equations, factors, inverses, the exponential, and matrices of blocks.

SciPy does not ask its arguments for an implementation. Captured code finds these where it calls SciPy's; elsewhere these names have to be
used. Without a traced
argument each is SciPy's function. With one, axes before the matrices are lanes; `check_finite` is not looked at, because numbers
are not known; `overwrite_*` allows something that is never done.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from autodiff.numpy.creation import asarray, zeros
from autodiff.numpy.decompositions import cholesky_of, solve_general, solve_triangle, square_matrix
from autodiff.numpy.elementwise import floating
from tracer.errors import UnsupportedError, explain
from tracer.op import type_of
from tracer.ops.control import LoopSpec, loop
from tracer.ops.equations import lyapunov
from tracer.promote import cast_to, common_dtype, is_traced
from tracer.trace import bind, trace_graph
from tracer.tracebacks import trims
from tracer.tree import flatten
from tracer.types import i64

__all__ = ["block_diag", "cho_factor", "cho_solve", "cholesky", "det", "expm", "inv", "pinv", "solve", "solve_continuous_lyapunov",
           "solve_discrete_lyapunov", "solve_triangular"]


def _or_scipy(f: Callable) -> Callable:
    """`f` where an argument is traced, else SciPy's function of that name."""
    @trims
    @functools.wraps(f)
    def chosen(*args, **kwargs):
        if any(is_traced(x) for x in flatten((args, kwargs))[0]):
            return f(*args, **kwargs)
        import scipy.linalg
        return getattr(scipy.linalg, f.__name__)(*args, **kwargs)
    return chosen


@_or_scipy
def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=True):
    """The x with a x = b, `a` triangular.

    Parameters
    ----------
    a : array, shape (..., n, n)
        Only one triangle is read, and has a derivative.
    b : array, shape (n,) or (..., n, k)
    trans : 0, 1, 2, "N", "T" or "C"
        Whether `a` is transposed first.
    lower, unit_diagonal : bool
        Which triangle; whether its diagonal is taken for ones.

    Returns
    -------
    array, shape of `b`

    Raises
    ------
    LinAlgError
        If a number on the diagonal is 0.

    Derivative
    ----------
    dx = a**-1 (db - da x), with the same triangle of da.
    Source: Giles, Collected matrix derivative results for forward and reverse mode (2008), section 2.2.

    Examples
    --------
    >>> import autodiff as ad
    >>> a, b = np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([2.0, 5.0])
    >>> solve_triangular(a, b, lower=True).tolist()
    [1.0, 1.0]
    >>> ad.grad(lambda b: solve_triangular(a, b, lower=True)[1])(b).tolist()
    [-0.125, 0.25]
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"trans must be 0, 1, 2, 'N', 'T' or 'C', not {trans!r}")
    return solve_triangle("solve_triangular", a, b, lower=bool(lower), transposed=trans not in (0, "N"), unit=bool(unit_diagonal))


@_or_scipy
def cholesky(a, lower=False, overwrite_a=False, check_finite=True):
    """The triangular factor of a positive definite matrix: u with u' u = a, or with `lower` l with l l' = a.

    Parameters
    ----------
    a : array, shape (..., n, n)
        Only the named triangle is read, and has a derivative.
    lower : bool

    Returns
    -------
    array, shape of `a`, with zeros in the other triangle

    Raises
    ------
    LinAlgError
        If the matrix is not positive definite.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.grad(lambda a: cholesky(a)[0, 1])(np.array([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[-0.125, 0.5], [0.0, 0.0]]
    """
    return cholesky_of("cholesky", a, reads_upper=not lower, upper=not lower)


@_or_scipy
def cho_factor(a, lower=False, overwrite_a=False, check_finite=True):
    """The pair (factor, lower) for `cho_solve`. SciPy leaves the other triangle of the factor undefined; here it is 0.

    Examples
    --------
    >>> import autodiff as ad
    >>> a, b = np.array([[4.0, 2.0], [2.0, 5.0]]), np.array([6.0, 7.0])
    >>> ad.grad(lambda b: cho_solve(cho_factor(a), b)[0])(b).tolist()
    [0.3125, -0.125]
    """
    return cholesky_of("cho_factor", a, reads_upper=not lower, upper=not lower), lower


@_or_scipy
def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    """The x with a x = b, by the factor that `cho_factor` or `cholesky` gives of `a`."""
    c, lower = c_and_lower
    lower = bool(lower)
    x = solve_triangle("cho_solve", c, b, lower=lower, transposed=not lower, unit=False)
    return solve_triangle("cho_solve", c, x, lower=lower, transposed=lower, unit=False)


@_or_scipy
def solve(a, b, lower=False, overwrite_a=False, overwrite_b=False, check_finite=True, assume_a=None, transposed=False):
    """The x with a x = b, or a' x = b if `transposed`.

    Parameters
    ----------
    a : array, shape (..., n, n)
    b : array, shape (n,) or (..., n, k)
    assume_a : None, "gen" or "pos"
        "pos": positive definite, solved by its Cholesky factor; one triangle is read, and has a derivative.
    lower : bool
        Which triangle "pos" reads.

    Raises
    ------
    UnsupportedError
        For another `assume_a`.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.grad(lambda b: solve(np.array([[1.0, 0.0], [0.0, 2.0]]), b).sum())(np.ones(2)).tolist()
    [1.0, 0.5]
    """
    if assume_a in ("pos", "positive definite"):
        return cho_solve(cho_factor(a, lower), b)
    if assume_a not in (None, "gen", "general"):
        raise _refusal("solve", assume_a, "leave it out, or give 'pos' for a positive definite matrix")
    return solve_general("solve", a, b, bool(transposed))


@_or_scipy
def inv(a, overwrite_a=False, check_finite=True, *, assume_a=None, lower=False):
    """The inverse matrix; as numpy.linalg.inv."""
    if assume_a not in (None, "gen", "general"):
        raise _refusal("inv", assume_a, "leave it out")
    return np.linalg.inv(square_matrix("inv", a))


@_or_scipy
def det(a, overwrite_a=False, check_finite=True):
    """The determinant, in float64 always, as SciPy's."""
    return np.linalg.det(cast_to(square_matrix("det", a), np.dtype(np.float64)))


def _refusal(name: str, assume_a, fix: str) -> UnsupportedError:
    return explain(UnsupportedError, f"scipy.linalg.{name} with assume_a={assume_a!r} cannot be traced",
                   why="this structure has no solver for traced values", fix=fix)  # type: ignore[return-value]


@_or_scipy
def pinv(a, *, atol=None, rtol=None, return_rank=False, check_finite=True):
    """The pseudo-inverse; singular values of at most max(m, n) times the spacing of 1 times the largest count as 0."""
    if atol is not None or return_rank:
        raise explain(UnsupportedError, "scipy.linalg.pinv with atol or return_rank of traced values", fix="use rtol")
    a = floating(a)
    m, n = a.shape[-2:]
    return np.linalg.pinv(a, max(m, n) * np.finfo(a.dtype).eps if rtol is None else rtol)


@_or_scipy
def block_diag(*arrs):
    """A matrix with the given ones along its diagonal, and 0 elsewhere.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.jit(lambda x: block_diag(x, np.eye(1)))(np.array([[2.0, 3.0]])).tolist()
    [[2.0, 3.0, 0.0], [0.0, 0.0, 1.0]]
    """
    parts = [np.atleast_2d(asarray(a)) for a in arrs]
    dtype = common_dtype(*parts)
    whole = zeros((sum(p.shape[0] for p in parts), sum(p.shape[1] for p in parts)), dtype)
    row = column = 0
    for p in parts:
        whole[row:row + p.shape[0], column:column + p.shape[1]] = p
        row, column = row + p.shape[0], column + p.shape[1]
    return whole


@_or_scipy
def expm(A):
    """The matrix exponential.

    By the Pade approximant of order 13 of A / 2**s, squared s times, where s makes the 1-norm at most 5.37; SciPy chooses lower orders for
    small norms, which differ in rounding only.
    Source: Higham, The scaling and squaring method for the matrix exponential revisited, SIAM Journal on Matrix
    Analysis 26 (2005), table 2.3.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.jit(expm)(np.zeros((2, 2))).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    A = floating(square_matrix("expm", A))
    norm = np.max(np.sum(np.abs(A), axis=-2))
    s = np.maximum(0.0, np.ceil(np.log2(np.where(norm > 0, norm, 1.0) / 5.371920351148152)))
    B = A / np.exp2(s)
    one = np.eye(A.shape[-1], dtype=A.dtype)
    B2 = B @ B
    B4 = B2 @ B2
    B6 = B4 @ B2
    b = _PADE_13
    U = B @ (B6 @ (b[13] * B6 + b[11] * B4 + b[9] * B2) + b[7] * B6 + b[5] * B4 + b[3] * B2 + b[1] * one)
    V = B6 @ (b[12] * B6 + b[10] * B4 + b[8] * B2) + b[6] * B6 + b[4] * B4 + b[2] * B2 + b[0] * one
    x = np.linalg.solve(V - U, V + U)
    squaring = trace_graph(lambda i, x: [x @ x], [i64, type_of(x)], "squaring")
    return bind(loop, s.astype(np.int64), x, spec=LoopSpec(0, 1, 0), length=None, body=squaring, test=None)[0]


_PADE_13 = (64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0, 10559470521600.0,
            670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0)


@_or_scipy
def solve_continuous_lyapunov(a, q):
    """The x with a x + x a' = q, by SciPy's own routine.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.jit(solve_continuous_lyapunov)(np.eye(2), np.eye(2)).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    return _lyapunov("solve_continuous_lyapunov", a, q, discrete=False)


@_or_scipy
def solve_discrete_lyapunov(a, q, method=None):
    """The x with a x a' - x + q = 0, by SciPy's own routine. Which of its two methods is taken makes a difference of rounding only."""
    if method is not None:
        raise explain(UnsupportedError, f"scipy.linalg.solve_discrete_lyapunov with method={method!r} of traced values", fix="leave it out")
    return _lyapunov("solve_discrete_lyapunov", a, q, discrete=True)


def _lyapunov(name: str, a, q, discrete: bool):
    dtype = common_dtype(a, q)
    dtype = np.dtype(np.float64) if discrete or dtype.kind != "f" else dtype    # as SciPy has it
    return bind(lyapunov, *[cast_to(square_matrix(name, x), dtype) for x in (a, q)], discrete=discrete)
