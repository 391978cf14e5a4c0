"""Factors and triangular systems by the LAPACK and BLAS that SciPy brings, called by pointer from compiled code (`lapack.ll`).

    int ad_cholesky_f64(double *a, double *l, int64 n)              0, or the order of the leading minor that is not positive
    int ad_triangular_f64(double *a, double *b, double *x, int64 n, int64 m, int32 lower, int32 transposed, int32 unit)
                                                                    0, or 1 if a number on the diagonal is 0

Matrices are row-major; the library sees their transposes, and is asked for the transposed problem.
"""

from __future__ import annotations

import ctypes

from codegen.backends.llvm import link
from codegen.cache import cached_object
from codegen.once import once
from codegen.template import llvm_text

__all__ = ["lapack_address", "NATIVE"]

NATIVE = {"cholesky", "triangular_solve"}
"""Operations of which there is a native form."""


def _pointer(module, name: str) -> int:
    capsule = module.__pyx_capi__[name]
    get_name, get = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, get_name(capsule)) or 0


def _text(kind: str) -> str:
    name, size = ("f64", 8) if kind == "double" else ("f32", 4)
    return llvm_text(__file__, "lapack.ll", KIND=kind, NAME=name, SIZE=size, **{letter: ord(letter) for letter in "ULTNR"})


@once
def _library(kind: str) -> link.Linked:
    from scipy.linalg import cython_blas, cython_lapack
    name, letter = ("f64", "d") if kind == "double" else ("f32", "s")
    return link.link(cached_object(_text(kind)), [f"ad_cholesky_{name}", f"ad_triangular_{name}"],
                     {"potrf": _pointer(cython_lapack, letter + "potrf"), "trsm": _pointer(cython_blas, letter + "trsm")})


def lapack_address(name: str) -> int:
    """The address of one of the functions."""
    return _library("double" if name.endswith("f64") else "float").address(name)
