"""Functions of SciPy that are written in Python: what is called in their place where an argument is traced.

SciPy's functions are recognised by module and name, so that SciPy is not loaded for this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autodiff.numpy as anp
import autodiff.scipy as asp
from autodiff.capture.counterparts import SCIPY
from autodiff.scipy import stats

__all__ = ["bottleneck_of", "function_of", "method_of"]

_DISTRIBUTIONS = {"norm_gen": stats.norm, "multivariate_normal_gen": stats.multivariate_normal}
_MODULES: dict[str, Callable[[str], Any]] = {
    "special": SCIPY.get, "linalg": lambda name: getattr(asp.linalg, name) if name in asp.linalg.__all__ else None}


def _submodule(f: Any) -> str:
    parts = (getattr(f, "__module__", None) or "").split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "scipy" else ""


def function_of(f: Any) -> Callable | None:
    """The implementation of ours of a function of `scipy.linalg` or `scipy.special`; None if there is none."""
    found = _MODULES.get(_submodule(f))
    return None if found is None else found(f.__name__)


def method_of(owner: Any, name: str) -> Callable | None:
    """The implementation of ours of a method of a distribution of `scipy.stats`; None if there is none."""
    if _submodule(type(owner)) != "stats":
        return None
    if hasattr(owner, "dist") and hasattr(owner, "kwds"):      # with fixed parameters
        inner = method_of(owner.dist, name)
        return None if inner is None else lambda x: inner(x, *owner.args, **owner.kwds)
    return getattr(_DISTRIBUTIONS.get(type(owner).__name__), name, None)


def bottleneck_of(f: Any) -> Callable | None:
    """NumPy's function with the meaning of one of the package bottleneck, whose third parameter is `ddof`, where there are three."""
    ours = getattr(anp, f.__name__, None) if (getattr(f, "__module__", None) or "").split(".")[0] == "bottleneck" else None
    if f.__name__ not in ("nanstd", "nanvar"):
        return ours
    return lambda a, axis=None, ddof=0: ours(a, axis, ddof=ddof)    # type: ignore[misc]
