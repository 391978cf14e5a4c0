"""Sorting, positions of extremes and order statistics of rows, by NumPy's own functions where it has them (`sort.ll`, `argsort.ll`,
`extreme.ll`, `partition.ll`), and by `select.ll` and `search.ll`.

    int ad_sort_float64_0(double *x, double *y, int64 rows, int64 n)        y = each row in order; 0 is NumPy's kind, 2 the stable one
    int ad_argsort_float64_0(double *x, int64 *y, int64 rows, int64 n)      y = the order that sorts each row
    int ad_argmax_float64(double *x, int64 *y, int64 rows, int64 n)         y = the position of each row's first largest element
    int ad_order_float64(double *x, int64 *k, double *y, int64 rows, int64 n, int64 m)      y[r, j] = element k[j] of row r in order
    int ad_searchsorted_float64_left(double *x, double *v, int64 *y, int64 rows, int64 n, int64 m)  places of m numbers in one row
    int ad_argorder_float64(...)                                            where that element stands; equal ones in the order of x
    int ad_partition_float64(double *x, int64 *k, double *y, int64 rows, int64 n, int64 m)  y = each row as NumPy partitions it at k[j]
    int ad_argpartition_float64(...)                                        y = the order that does so

They return 0, 1 where memory runs out, or `OUTSIDE` where k[j] is no place of a row. A type of NumPy's holds pointers to its functions
for one row (`PyArray_ArrFuncs` in NumPy's public header `ndarraytypes.h`): sorting in NumPy's own order, also of equal elements and zeros,
at NumPy's speed. Partition has no pointer there: it is reached through NumPy's C interface, with arrays around the memory. Our selection
splits without branches (after Lomuto) around the median of three, and sorts with NumPy where splits stay bad. Source: Musser,
Introspective Sorting and Selection Algorithms, Software: Practice and Experience 27 (1997) 983.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np

from codegen.backends.llvm import link
from codegen.backends.llvm.writer import SIZES, llvm_type
from codegen.cache import cached_object
from codegen.entry.native import DATA, numpy_function
from codegen.once import once
from codegen.template import llvm_text

__all__ = ["OUTSIDE", "row_function", "rows_address"]

OUTSIDE = 2

_AT = {"argmax": 26, "sort": 33, "argsort": 36, "argmin": 46}
"""Where the pointers stand in `PyArray_ArrFuncs`, counted in pointers; of three kinds of sorts the first."""
_NEW_ARRAY, _PARTITION, _ARGPARTITION, _GET_FUNCTIONS = 94, 296, 297, 365
"""Where `PyArray_NewFromDescr`, `PyArray_Partition`, `PyArray_ArgPartition` and `_PyDataType_GetArrFuncs` stand in NumPy's table of
C functions (`__multiarray_api.h`)."""
_CARRAY = 0x1 | 0x100 | 0x400
"""NPY_ARRAY_CARRAY: in one piece, aligned, writeable."""


def row_function(op: str, params: Mapping[str, Any], dtype: np.dtype) -> str:
    """The name of the function for an op on rows of a dtype; empty if there is none here."""
    short = {"order_statistics": "order", "order_positions": "argorder"}.get(op, op)
    kind = params.get("kind", params.get("side", ""))
    if f"{short}_{kind}".rstrip("_") not in _NAMES or not _works(dtype.name):
        return ""
    return f"ad_{short}_{dtype.name}_{kind}".rstrip("_")


_NAMES = {"sort_0", "sort_2", "argsort_0", "argsort_2", "argmax", "argmin", "order", "argorder", "searchsorted_left",
          "searchsorted_right", "partition", "argpartition"}
"""The functions there are; what NumPy does for its kind 1, `heapsort`, depends on its version."""


@once
def _pointers(name: str) -> dict[str, int]:
    """NumPy's functions for rows of a dtype; empty where this NumPy does not have them at their places."""
    if not np.__version__.startswith("2."):
        return {}
    functions_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(numpy_function(_GET_FUNCTIONS))
    found = ctypes.cast(functions_of(np.dtype(name)), ctypes.POINTER(ctypes.c_void_p))
    rows = {f"{what}_{kind}": found[_AT[what] + kind] for what in ("sort", "argsort") for kind in (0, 2)}
    rows |= {what: found[_AT[what]] for what in ("argmax", "argmin")}
    return {what: pointer for what, pointer in rows.items() if pointer} if all(rows.values()) else {}


@once
def _works(name: str) -> bool:
    """Whether the functions for a dtype do what NumPy does, on a short row."""
    if not _pointers(name):
        return False
    dtype = np.dtype(name)
    x = np.array([3, 1, 0, 2, 1, 5, 1, 4]).astype(dtype)
    n, address = ctypes.c_int64(x.size), ctypes.c_void_p
    for what, pointer in _pointers(name).items():
        which, _, kind = what.partition("_")
        sorts = {} if not kind else {"kind": ("quicksort", "heapsort", "stable")[int(kind)]}
        want = np.asarray(getattr(np, which)(x, **sorts))
        if which == "sort":
            got = x.copy()
            ctypes.CFUNCTYPE(ctypes.c_int, address, ctypes.c_int64, address)(pointer)(got.ctypes.data, n, None)
        elif which == "argsort":
            got = np.arange(x.size)
            ctypes.CFUNCTYPE(ctypes.c_int, address, address, ctypes.c_int64, address)(pointer)(x.ctypes.data, got.ctypes.data, n, None)
        else:
            got = np.zeros((), np.int64)
            ctypes.CFUNCTYPE(ctypes.c_int, address, ctypes.c_int64, address, address)(pointer)(x.ctypes.data, n, got.ctypes.data, None)
        if not np.array_equal(got, want):
            return False
    return True


@once
def _library(name: str, what: str) -> link.Linked:
    """The functions of one name: `sort`, `argsort`, an extreme, `order`, `partition`, or `searchsorted`."""
    dtype = np.dtype(name)
    kind = "i8" if dtype.kind == "b" else llvm_type(dtype)
    values = {"KIND": kind, "SIZE": SIZES[kind], "NAME": name}
    if what == "order":
        is_float, order = dtype.kind == "f", "slt" if dtype.kind == "i" else "ult"
        number = f"fcmp ord {kind} %{{0}}, %{{0}}" if is_float else "icmp eq i1 true, true"
        values |= {"LESS": "fcmp olt" if is_float else f"icmp {order}", "EQUAL": "fcmp oeq" if is_float else "icmp eq",
                   "IS_NUMBER": number.format("v"), "IS_NUMBER_J": number.format("vj"), "IS_NUMBER_0": number.format("v0")}
        return link.link(cached_object(llvm_text(__file__, "select.ll", **values)), [f"ad_order_{name}", f"ad_argorder_{name}"],
                         {"numpy_sort": _pointers(name)["sort_0"]})
    if what == "partition":
        text = llvm_text(__file__, "partition.ll", **values, CARRAY=_CARRAY, DATA=DATA, OUTSIDE=OUTSIDE)
        return link.link(cached_object(text), [f"ad_partition_{name}", f"ad_argpartition_{name}"],
                         {"numpy_new_array": numpy_function(_NEW_ARRAY), "numpy_partition": numpy_function(_PARTITION),
                          "numpy_argpartition": numpy_function(_ARGPARTITION), "numpy_array": id(np.ndarray), "numpy_dtype": id(dtype),
                          "numpy_int64": id(np.dtype(np.int64))}, [dtype, np.dtype(np.int64)])
    which, _, number = what.partition("_")
    if which == "searchsorted":
        before = _before(kind, dtype, "%e", "%w") if number == "left" else _before(kind, dtype, "%w", "%e", True)
        return link.link(cached_object(llvm_text(__file__, "search.ll", **values, SIDE=number, BEFORE=before)),
                         [f"ad_{which}_{name}_{number}"], {})
    template = {"sort": "sort.ll", "argsort": "argsort.ll"}.get(which, "extreme.ll")
    text = llvm_text(__file__, template, **values, WHICH=which, NUMBER=number)
    return link.link(cached_object(text), [f"ad_{which}_{name}" + (f"_{number}" if number else "")], {"numpy_row": _pointers(name)[what]})


def _before(kind: str, dtype: np.dtype, a: str, b: str, negated: bool = False) -> str:
    """LLVM text for %before = a < b, nan being larger than all numbers; or the contrary."""
    if dtype.kind == "f":
        lines = [f"%less = fcmp olt {kind} {a}, {b}", f"%number = fcmp ord {kind} {a}, {a}", f"%nan = fcmp uno {kind} {b}, {b}",
                 "%last_of_all = and i1 %number, %nan", "%is = or i1 %less, %last_of_all"]
    else:
        lines = [f"%is = icmp {'slt' if dtype.kind == 'i' else 'ult'} {kind} {a}, {b}"]
    return "\n".join(f"  {line}" for line in [*lines, f"%before = xor i1 %is, {'true' if negated else 'false'}"])


def rows_address(name: str) -> int:
    """The address of a function by its name."""
    _, short, dtype, *kind = name.split("_")
    what = {"argorder": "order", "argpartition": "partition"}.get(short) or "_".join([short, *kind])
    return _library(dtype, what).address(name)
