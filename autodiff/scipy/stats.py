"""Distributions of `scipy.stats` for traced arrays: the normal distribution, of one and of several variables.

In captured code `scipy.stats.norm.cdf(x)` comes here where an argument is traced; without a traced value SciPy's own functions are called.
As in SciPy, results are float64, and nan where a standard deviation is not positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.numpy.creation import asarray
from autodiff.numpy.special import log_ndtr, ndtr, ndtri
from tracer.errors import line_before
from tracer.ops.arithmetic import stop_gradient
from tracer.ops.control import require
from tracer.promote import cast_to
from tracer.trace import Tracer, bind

__all__ = ["multivariate_normal", "norm"]

_LOG_ROOT = 0.5 * math.log(2 * math.pi)
_SINGULAR = 1e6 * np.finfo(np.float64).eps
"""Eigenvalues of a covariance up to this part of the largest count as 0 (`scipy.stats._multivariate._eigvalsh_to_eps`)."""


def _float64(x: Any) -> Any:
    return cast_to(asarray(x), np.dtype(np.float64))


def _standard(f: Callable, x: Any, loc: Any, scale: Any) -> Any:
    """f(z, scale) of z = (x - loc) / scale; nan where scale is not positive."""
    x, loc, scale = _float64(x), _float64(loc), _float64(scale)
    y = f((x - loc) / scale, scale)
    return y if not isinstance(scale, Tracer) and np.all(scale > 0) else np.where(scale > 0, y, np.nan) + 0.0


def _scaled(z: Any, loc: Any, scale: Any) -> Any:
    """z scale + loc; nan where scale is not positive."""
    loc, scale = _float64(loc), _float64(scale)
    y = z * scale + loc
    return y if not isinstance(scale, Tracer) and np.all(scale > 0) else np.where(scale > 0, y, np.nan) + 0.0


class norm:     # noqa: N801 - SciPy's name
    """The normal distribution: mean `loc`, standard deviation `scale`; arguments are numbers or arrays that broadcast together.

    Examples
    --------
    >>> import autodiff as ad
    >>> float(ad.grad(norm.cdf)(0.0).round(6))
    0.398942
    """

    @staticmethod
    def pdf(x, loc=0, scale=1):
        """The density at x."""
        return _standard(lambda z, s: np.exp(-z * z / 2) / (math.sqrt(2 * math.pi) * s), x, loc, scale)

    @staticmethod
    def logpdf(x, loc=0, scale=1):
        """The logarithm of the density at x."""
        return _standard(lambda z, s: -z * z / 2 - _LOG_ROOT - np.log(s), x, loc, scale)

    @staticmethod
    def cdf(x, loc=0, scale=1):
        """The probability of a number up to x."""
        return _standard(lambda z, s: ndtr(z), x, loc, scale)

    @staticmethod
    def logcdf(x, loc=0, scale=1):
        """The logarithm of the probability of a number up to x."""
        return _standard(lambda z, s: log_ndtr(z), x, loc, scale)

    @staticmethod
    def sf(x, loc=0, scale=1):
        """The probability of a number above x."""
        return _standard(lambda z, s: ndtr(-z), x, loc, scale)

    @staticmethod
    def logsf(x, loc=0, scale=1):
        """The logarithm of the probability of a number above x."""
        return _standard(lambda z, s: log_ndtr(-z), x, loc, scale)

    @staticmethod
    def ppf(q, loc=0, scale=1):
        """The number below which a share q of the probability lies; nan for q outside of 0 to 1."""
        return _scaled(ndtri(_float64(q)), loc, scale)

    @staticmethod
    def isf(q, loc=0, scale=1):
        """The number above which a share q of the probability lies; nan for q outside of 0 to 1."""
        return _scaled(-ndtri(_float64(q)), loc, scale)


class multivariate_normal:  # noqa: N801 - SciPy's name
    """The normal distribution of n variables."""

    @staticmethod
    def logpdf(x, mean=None, cov=1, allow_singular=False):
        """The logarithm of the density at some points.

        Parameters
        ----------
        x : array, shape (..., n); where n is 1, any shape of numbers
        mean : array, shape (n,); zeros by default
        cov : array, shape (n, n), or (n,) for a diagonal one, or a number for a multiple of the identity. The lower triangle is read.

        Returns
        -------
        float64, shape (...) without the axes of length 1, as SciPy gives it

        Raises
        ------
        ValueError, LinAlgError
            When the function runs, for a covariance that is not positive definite, by SciPy's own bound.
        NotImplementedError
            When the function runs with `allow_singular`, for a covariance that is singular: which directions have a density depends on
            the numbers.

        Source: log det and the quadratic form by the Cholesky factor, Rasmussen and Williams, Gaussian Processes for Machine
        Learning (2006), algorithm 2.1.
        """
        mean, cov = _parameters(mean, cov)
        n = mean.shape[0]
        x = _float64(x)
        points = x[None] if x.ndim == 0 else (x[:, None] if n == 1 else x[None]) if x.ndim == 1 else x
        deviation = points - mean
        _check_definite(cov, allow_singular)
        factor = np.linalg.cholesky(cov)
        z = np.linalg.solve(factor, np.reshape(deviation, (-1, n)).T)
        log_det = 2 * np.sum(np.log(np.diagonal(factor)))
        found = np.reshape(-0.5 * np.sum(z * z, axis=0) - n * _LOG_ROOT - 0.5 * log_det, deviation.shape[:-1])
        return np.squeeze(found) + 0.0

    @staticmethod
    def pdf(x, mean=None, cov=1, allow_singular=False):
        """The density at some points; see `logpdf`."""
        return np.exp(multivariate_normal.logpdf(x, mean, cov, allow_singular))


def _parameters(mean: Any, cov: Any) -> tuple[Any, Any]:
    """Mean and covariance as arrays of shapes (n,) and (n, n)."""
    cov = _float64(1.0 if cov is None else cov)
    if mean is None:
        mean = np.zeros(1 if cov.ndim < 2 else cov.shape[0])
    mean = np.reshape(_float64(mean), (-1,))
    n = mean.shape[0]
    if cov.ndim == 2:
        return mean, cov
    return mean, np.reshape(cov, (1, 1)) if n == 1 else np.eye(n) * cov


def _check_definite(cov: Any, allow_singular: bool) -> None:
    """Raise, when the function runs, what SciPy raises for a covariance that is not positive definite."""
    values = np.linalg.eigvalsh(bind(stop_gradient, cov))
    bound = _SINGULAR * np.max(np.abs(values))
    where = line_before("scipy")
    line = f" ({where})" if where else ""
    bind(require, np.min(values) >= -bound, error="ValueError", message=f"The input matrix must be symmetric positive semidefinite.{line}")
    if allow_singular:
        error, message = "NotImplementedError", "allow_singular=True: the density of a singular covariance of traced values"
    else:
        error, message = "LinAlgError", "When `allow_singular is False`, the input matrix must be symmetric positive definite."
    bind(require, np.min(values) > bound, error=error, message=message + line)
