"""Functions that kernels call by name: matrix products, LAPACK, sorting of rows, and the threads that share a loop.

They are made when a kernel first needs them, and bound by address at link time. What makes them is imported then too: most kernels call
none of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

__all__ = ["symbols"]


def symbols(names: Iterable[str]) -> dict[str, int]:
    """Addresses by name."""
    return {name: _address(name) for name in names}


def _address(name: str) -> int:
    module = next((m for start, m in _PROVIDERS.items() if name.startswith(start)), "rows")
    return getattr(import_module(f"codegen.runtime.{module}"), f"{module}_address")(name)


_PROVIDERS = {"ad_gemm_": "gemm", "ad_parallel": "pool", "ad_cholesky_": "lapack", "ad_triangular_": "lapack"}
"""How a name starts -> the file that makes it, by its function `..._address`; all others are of `rows.py`."""
