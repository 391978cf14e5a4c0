"""Functions that kernels call by name: matrix products, LAPACK, sorting of rows, and the threads that share a loop.

They are made when a kernel first needs them, and bound by address at link time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from codegen.runtime.gemm import gemm_address
from codegen.runtime.lapack import lapack_address
from codegen.runtime.pool import pool_address
from codegen.runtime.rows import rows_address

__all__ = ["symbols"]


def symbols(names: Iterable[str]) -> dict[str, int]:
    """Addresses by name."""
    return {name: _PROVIDERS.get(name, rows_address)(name) for name in names}


_PROVIDERS: dict[str, Callable[[str], int]] = {"ad_gemm_f64": gemm_address, "ad_gemm_f32": gemm_address, "ad_parallel": pool_address,
                                              **{f"ad_{what}_{kind}": lapack_address for what in ("cholesky", "triangular")
                                                 for kind in ("f64", "f32")}}
