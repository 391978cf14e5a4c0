"""Distributions of `scipy.stats` for traced arrays: the normal distribution, of one and of several variables.

In captured code `scipy.stats.norm.cdf(x)` comes here where an argument is traced. Elsewhere SciPy's own functions are meant: import them
from SciPy.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.linalg

from autodiff.numpy import asarray
from autodiff.numpy.special import log_ndtr, ndtr, ndtri

__all__ = ["multivariate_normal", "norm"]

_LOG_ROOT = 0.5 * math.log(2 * math.pi)


class norm:     # noqa: N801 - SciPy's name
    """The normal distribution: mean `loc`, standard deviation `scale`.

    Examples
    --------
    >>> import autodiff as ad
    >>> float(ad.grad(norm.cdf)(0.0).round(6))
    0.398942
    """

    @staticmethod
    def pdf(x, loc=0, scale=1):
        """The density."""
        z = (asarray(x) - loc) / scale
        return np.exp(-z * z / 2) / (math.sqrt(2 * math.pi) * asarray(scale))

    @staticmethod
    def logpdf(x, loc=0, scale=1):
        """The logarithm of the density."""
        z = (asarray(x) - loc) / scale
        return -z * z / 2 - _LOG_ROOT - np.log(asarray(scale))

    @staticmethod
    def cdf(x, loc=0, scale=1):
        """The probability of a number up to x."""
        return ndtr((asarray(x) - loc) / scale)

    @staticmethod
    def logcdf(x, loc=0, scale=1):
        """Its logarithm."""
        return log_ndtr((asarray(x) - loc) / scale)

    @staticmethod
    def sf(x, loc=0, scale=1):
        """The probability of a number above x."""
        return ndtr((loc - asarray(x)) / scale)

    @staticmethod
    def logsf(x, loc=0, scale=1):
        """Its logarithm."""
        return log_ndtr((loc - asarray(x)) / scale)

    @staticmethod
    def ppf(q, loc=0, scale=1):
        """The number below which a share q lies."""
        return ndtri(asarray(q)) * scale + loc

    @staticmethod
    def isf(q, loc=0, scale=1):
        """The number above which a share q lies."""
        return -ndtri(asarray(q)) * scale + loc


class multivariate_normal:  # noqa: N801 - SciPy's name
    """The normal distribution of several variables, with a positive definite covariance; SciPy also takes singular ones."""

    @staticmethod
    def logpdf(x, mean=None, cov=1, allow_singular=False):
        """The logarithm of the density at each point: shape (...,) of points of shape (..., n), or (...) where n is 1.

        Source: log det and the quadratic form by the Cholesky factor, Rasmussen and Williams, Gaussian Processes for Machine
        Learning (2006), algorithm 2.1.
        """
        mean = np.zeros(1) if mean is None else np.atleast_1d(asarray(mean))
        cov = np.atleast_2d(asarray(cov))
        n = max(mean.shape[0], cov.shape[0])
        cov = np.eye(n) * cov if cov.shape[0] == 1 else cov
        x = asarray(x)
        x = x[..., None] if n == 1 and (x.ndim == 0 or x.shape[-1] != 1) else x
        factor = np.linalg.cholesky(cov)
        deviation = x - mean
        z = np.linalg.solve(factor, deviation.reshape(-1, n).T)
        log_det = 2 * np.sum(np.log(np.diagonal(factor)))
        return np.reshape(-0.5 * np.sum(z * z, axis=0) - n * _LOG_ROOT - 0.5 * log_det, deviation.shape[:-1])

    @staticmethod
    def pdf(x, mean=None, cov=1, allow_singular=False):
        """The density at each point."""
        return np.exp(multivariate_normal.logpdf(x, mean, cov, allow_singular))
