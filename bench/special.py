"""Functions that NumPy does not have, as each library offers them: `erf(x)` and `logsumexp(x, axis)`."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

__all__ = ["plain", "ports"]


def plain() -> Any:
    """For programs in NumPy and SciPy: SciPy's `erf`, and `logsumexp` written out."""
    import scipy.special

    def logsumexp(x, axis):
        top = np.max(x, axis=axis, keepdims=True)
        return np.log(np.sum(np.exp(x - top), axis=axis)) + np.squeeze(top, axis=axis)

    return SimpleNamespace(erf=scipy.special.erf, logsumexp=logsumexp)


def ports(write: Callable[[Any], Callable]) -> dict[str, Callable[[], Callable]]:
    """The ports of a program that needs these functions, given `write(special)` -> program."""
    return {peer: lambda load=load: write(load()) for peer, load in _LIBRARIES.items()}


def _jax():
    import jax.scipy.special
    return jax.scipy.special


def _autograd():
    import autograd.scipy.special
    return autograd.scipy.special


def _torch():
    import torch
    return SimpleNamespace(erf=torch.erf, logsumexp=lambda x, axis: torch.logsumexp(x, dim=axis))


_LIBRARIES = {"jax": _jax, "autograd": _autograd, "torch": _torch}
