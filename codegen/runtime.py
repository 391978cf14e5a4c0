"""Functions that kernels call by name: matrix products.

They are made when a kernel first needs them, and bound by address at link time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from functools import cache

from codegen.link import Linked, link

__all__ = ["symbols"]


def symbols(names: Iterable[str]) -> dict[str, int]:
    """Addresses by name."""
    return {name: _PROVIDERS[name](name) for name in names}


def _blas(name: str) -> int:
    """The address of a BLAS or LAPACK function with SciPy's integers, from SciPy's own library."""
    from scipy.linalg import cython_blas
    capsule = cython_blas.__pyx_capi__[name]
    get_name, get = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, get_name(capsule)) or 0


def _gemm_text(kind: str) -> str:
    """C = A B for row-major matrices by the column-major routine: C' = B' A'."""
    name, routine, one = ("f64", "dgemm", "1.0") if kind == "double" else ("f32", "sgemm", "1.0")
    return f"""
declare void @{routine}(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
define void @ad_gemm_{name}(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i32 %ta, i32 %tb) {{
  %i = alloca [5 x i32]
  %f = alloca [2 x {kind}]
  %t = alloca [2 x i8]
  %m32 = trunc i64 %m to i32
  %k32 = trunc i64 %k to i32
  %n32 = trunc i64 %n to i32
  %at = icmp ne i32 %ta, 0
  %bt = icmp ne i32 %tb, 0
  %lda = select i1 %at, i32 %m32, i32 %k32
  %ldb = select i1 %bt, i32 %k32, i32 %n32
  %fa = select i1 %at, i8 84, i8 78
  %fb = select i1 %bt, i8 84, i8 78
  %p1 = getelementptr i32, ptr %i, i64 1
  %p2 = getelementptr i32, ptr %i, i64 2
  %p3 = getelementptr i32, ptr %i, i64 3
  %p4 = getelementptr i32, ptr %i, i64 4
  store i32 %m32, ptr %i
  store i32 %k32, ptr %p1
  store i32 %n32, ptr %p2
  store i32 %lda, ptr %p3
  store i32 %ldb, ptr %p4
  %f1 = getelementptr {kind}, ptr %f, i64 1
  store {kind} {one}, ptr %f
  store {kind} 0.0, ptr %f1
  %t1 = getelementptr i8, ptr %t, i64 1
  store i8 %fb, ptr %t
  store i8 %fa, ptr %t1
  call void @{routine}(ptr %t, ptr %t1, ptr %p2, ptr %i, ptr %p1, ptr %f, ptr %b, ptr %p4, ptr %a, ptr %p3, ptr %f1, ptr %c, ptr %p2)
  ret void
}}
"""


@cache
def _gemm_library(kind: str) -> Linked:
    from codegen.cache import cached_object
    routine = "dgemm" if kind == "double" else "sgemm"
    return link(cached_object(_gemm_text(kind)), [f"ad_gemm_{'f64' if kind == 'double' else 'f32'}"], {routine: _blas(routine)})


def _gemm(name: str) -> int:
    return _gemm_library("double" if name.endswith("f64") else "float").address(name)


_PROVIDERS: dict[str, Callable[[str], int]] = {"ad_gemm_f64": _gemm, "ad_gemm_f32": _gemm}
