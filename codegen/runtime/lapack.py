"""Factors and triangular systems by the LAPACK and BLAS that SciPy brings, called by pointer from compiled code.

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
    return f"""
declare void @potrf(ptr, ptr, ptr, ptr, ptr)
declare void @trsm(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
@one = private constant {kind} 1.0

define i32 @ad_cholesky_{name}(ptr %a, ptr %l, i64 %n) {{
entry:
  %n32p = alloca i32
  %info = alloca i32
  %upper = alloca i8
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %row, label %leave
row:
  %i = phi i64 [0, %entry], [%i1, %row]
  %i1 = add i64 %i, 1
  %at = mul i64 %i, %n
  %from = getelementptr {kind}, ptr %a, i64 %at
  %to = getelementptr {kind}, ptr %l, i64 %at
  %bytes = mul i64 %i1, {size}
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  %behind = getelementptr {kind}, ptr %to, i64 %i1
  %left = sub i64 %n, %i1
  %rest = mul i64 %left, {size}
  call void @llvm.memset.p0.i64(ptr %behind, i8 0, i64 %rest, i1 false)
  %more = icmp slt i64 %i1, %n
  br i1 %more, label %row, label %factor
factor:
  %n32 = trunc i64 %n to i32
  store i32 %n32, ptr %n32p
  store i8 {ord('U')}, ptr %upper
  call void @potrf(ptr %upper, ptr %n32p, ptr %l, ptr %n32p, ptr %info)
  %code = load i32, ptr %info
  ret i32 %code
leave:
  ret i32 0
}}

define i32 @ad_triangular_{name}(ptr %a, ptr %b, ptr %x, i64 %n, i64 %m, i32 %lower, i32 %transposed, i32 %unit) {{
entry:
  %letters = alloca [4 x i8]
  %lengths = alloca [2 x i32]
  %count = mul i64 %n, %m
  %bytes = mul i64 %count, {size}
  %some = icmp sgt i64 %count, 0
  %isunit = icmp ne i32 %unit, 0
  %next = add i64 %n, 1
  br i1 %some, label %begin, label %leave
begin:
  br i1 %isunit, label %solve, label %diagonal
diagonal:
  %k = phi i64 [0, %begin], [%k1, %fine]
  %at = mul i64 %k, %next
  %dp = getelementptr {kind}, ptr %a, i64 %at
  %d = load {kind}, ptr %dp
  %zero = fcmp oeq {kind} %d, 0.0
  br i1 %zero, label %singular, label %fine
singular:
  ret i32 1
fine:
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %n
  br i1 %more, label %diagonal, label %solve
solve:
  call void @llvm.memcpy.p0.p0.i64(ptr %x, ptr %b, i64 %bytes, i1 false)
  %l1 = getelementptr i8, ptr %letters, i64 1
  %l2 = getelementptr i8, ptr %letters, i64 2
  %l3 = getelementptr i8, ptr %letters, i64 3
  %islower = icmp ne i32 %lower, 0
  %isturned = icmp ne i32 %transposed, 0
  %uplo = select i1 %islower, i8 {ord('U')}, i8 {ord('L')}
  %op = select i1 %isturned, i8 {ord('T')}, i8 {ord('N')}
  %diag = select i1 %isunit, i8 {ord('U')}, i8 {ord('N')}
  store i8 {ord('R')}, ptr %letters
  store i8 %uplo, ptr %l1
  store i8 %op, ptr %l2
  store i8 %diag, ptr %l3
  %n32 = trunc i64 %n to i32
  %m32 = trunc i64 %m to i32
  %np = getelementptr i32, ptr %lengths, i64 1
  store i32 %m32, ptr %lengths
  store i32 %n32, ptr %np
  call void @trsm(ptr %letters, ptr %l1, ptr %l2, ptr %l3, ptr %lengths, ptr %np, ptr @one, ptr %a, ptr %np, ptr %x, ptr %lengths)
  ret i32 0
leave:
  ret i32 0
}}
"""


@once
def _library(kind: str) -> link.Linked:
    from scipy.linalg import cython_blas, cython_lapack
    name, letter = ("f64", "d") if kind == "double" else ("f32", "s")
    return link.link(cached_object(_text(kind)), [f"ad_cholesky_{name}", f"ad_triangular_{name}"],
                     {"potrf": _pointer(cython_lapack, letter + "potrf"), "trsm": _pointer(cython_blas, letter + "trsm")})


def lapack_address(name: str) -> int:
    """The address of one of the functions."""
    return _library("double" if name.endswith("f64") else "float").address(name)
