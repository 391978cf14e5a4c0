"""The call from Python to a compiled kernel, itself compiled: one builtin function for all kernels, driven by tables.

A jitted function holds a chain of signature tables. A call takes the leaves out of the arguments (`accesses`), compares types, dtypes
and shapes with the table, makes the results, lends the arena, runs the kernel and packs the results (`builds`), without Python code
in the way: its text is `native.ll`. Where nothing fits, the Python function given as `fallback` is called with the same arguments; so is
it on any machine where `available()` says no: the entry relies on the layout of CPython's and NumPy's objects, which a self-test checks
first.

The layouts: PEP 620 and the C structs in NumPy's public headers (PyArrayObject_fields: data, nd, dimensions, strides, base, descr,
flags), stable since NumPy 1.7.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from codegen.backends.llvm.link import Linked, link
from codegen.backends.llvm.made import NO_MEMORY
from codegen.once import once
from codegen.template import llvm_text
from tracer import float_errors

__all__ = ["Signature", "NativeFunction", "Word", "Item", "word_offset", "available", "why_not", "numpy_function", "run_address"]

# Words of a signature table.
(NEXT, NARGS, ACCESSES, ACCESS_TABLE, LEAVES, LEAF_TABLE, OUTPUTS, OUTPUT_TABLE, KERNEL, PARAMETERS, ARENA_SIZE, ARENA, BUILDS, BUILD_TABLE,
 RELEASE, HITS, HANDLER, ENTER, WORDS) = range(19)
# Words of the tables' rows.
ACCESS_ROW, LEAF_ROW, OUTPUT_ROW, BUILD_ROW, WATCH_ROW = 4, 6, 8, 3, 3
GET_DICT, GET_TUPLE, GET_LIST, IS_SEQUENCE, IS_DICT, IS_OBJECT, IS_TYPE = range(7)
ARRAY, FLOAT, INT, BOOL, SCALAR = range(5)
MAKE_ARRAY, MAKE_SCALAR, MAKE_POOLED, MAKE_SAME, MAKE_DONATED, MAKE_TRUTH, MAKE_TRIMMED = range(7)
BUILD_TUPLE, BUILD_LIST, BUILD_DICT, BUILD_OBJECT, BUILD_CALL = range(5)

# Bytes from the start of an array object to its fields, and the flags that an array has that a kernel can read as it lies.
DATA, ND, DIMS, DESCR, FLAGS = 16, 24, 32, 56, 64
READY = 0x1 | 0x100  # NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED


def _text() -> str:
    """The IR of the entry."""
    numbers = {name: value for name, value in globals().items() if name.isupper() and isinstance(value, int)}
    return llvm_text(__file__, "native.ll", **{**numbers, "ITEMS": tuple.__basicsize__, "NO_MEMORY": NO_MEMORY})


class _MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("method", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


_FASTCALL = 0x80


def _types() -> dict[str, int]:
    """Addresses of the objects that the entry compares with."""
    return {"ad_dict": id(dict), "ad_array": id(np.ndarray), "ad_float": id(float), "ad_int": id(int), "ad_bool": id(bool),
            "ad_true": id(True), "ad_false": id(False), "ad_np_true": id(np.True_), "ad_np_false": id(np.False_),
            "ad_new_array": numpy_function(94), **float_errors.addresses()}


def numpy_function(slot: int) -> int:
    """An entry of NumPy's C function table; 94 is PyArray_NewFromDescr."""
    import numpy._core.multiarray as multiarray
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(get(multiarray._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    return table[slot] or 0


def _layout_problem() -> str:
    """Why this interpreter's objects may not be read directly; empty if they may."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return "not a 64-bit CPython"
    if "t" in getattr(sys, "abiflags", "") or hasattr(sys, "gettotalrefcount"):
        return "a free-threaded or debugging interpreter"
    x = np.arange(6.0).reshape(2, 3)
    words = (ctypes.c_int64 * 9).from_address(id(x))
    fields = (words[1] == id(np.ndarray), words[2] == x.ctypes.data, words[3] & 0xffffffff == 2, words[7] == id(x.dtype),
              words[8] & READY == READY, list((ctypes.c_int64 * 2).from_address(words[4])) == [2, 3])
    if not all(fields):
        return "NumPy's array object has an unknown layout"
    if ctypes.c_double.from_address(id(1.5) + 16).value != 1.5 or ctypes.c_double.from_address(id(y := np.float64(2.5)) + 16).value != y:
        return "numbers have an unknown layout"
    pair, lst = (x, None), [x]
    if ctypes.c_int64.from_address(id(pair) + tuple.__basicsize__).value != id(x) or \
            ctypes.c_int64.from_address(ctypes.c_int64.from_address(id(lst) + 24).value).value != id(x) or \
            ctypes.c_int64.from_address(id({1: 2, 3: 4}) + 16).value != 2:
        return "containers have an unknown layout"
    return ""


class Word(NamedTuple):
    """A reference in an object of Python's, such as the content of a cell: what it must be for a call to go to the kernel."""

    owner: Any
    value: Any


class Item(NamedTuple):
    """An item of a dict, and what it must be; None if there must be none."""

    owner: dict
    key: Any
    value: Any


def word_offset(owner: Any, value: Any) -> int | None:
    """Where in an object a reference to another one lies, in bytes; None if that is not the one place or beyond its first words."""
    words = (ctypes.c_int64 * 12).from_address(id(owner))
    found = [k for k in range(2, min(12, owner.__sizeof__() // 8)) if words[k] == id(value)]
    return found[0] * 8 if len(found) == 1 else None


@once
def _linked() -> Linked:
    from codegen.cache import cached_object
    return link(cached_object(_text()), ["ad_call", "ad_run"], _types())


@once
def _definition() -> int:
    """The address of the definition of all our builtin functions. It is never freed: Python reads its flags when a builtin is dropped.

    Before, each function had its own, which belonged to the same circle of objects: where that was collected, the definition could go
    first, and at the end of a process the flags were read from memory that had been given back.
    """
    definition = _MethodDef(b"autodiff_kernel", _linked().address("ad_call"), _FASTCALL, None)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(definition))
    return ctypes.addressof(definition)


def run_address() -> int:
    """The address of `int ad_run(table, void **arrays)`: a kernel for C code, which lends the arena itself."""
    return _linked().address("ad_run")


@once
def why_not() -> str:
    """Why the native entry is not used here; empty if it is."""
    problem = _layout_problem()
    if problem:
        return problem
    probe = NativeFunction(lambda *args: args, [])
    if probe.call(1, "two") != (1, "two"):
        return "the self-test of the native entry failed"
    return ""


def available() -> bool:
    """Whether calls can go through the native entry."""
    return not why_not()


def _words(values: Sequence[int]) -> np.ndarray:
    return np.array([*values, 0], np.int64)


class Signature:
    """One table: what the arguments must be, the kernel, the results. `keep` holds everything that the table points to."""

    def __init__(self, nargs: int, accesses: Sequence[Sequence[int]], leaves: Sequence[Sequence[int]], outputs: Sequence[tuple],
                 builds: Sequence[tuple[int, Sequence[int], Any]], kernel: int, parameters: np.ndarray, arena: int, release: bool,
                 handler: Callable, keep: list[Any]):
        self.words = np.zeros(WORDS, np.int64)
        self.keep = [*keep, handler, parameters]
        self._outputs = self._table([self._output(*o) for o in outputs], OUTPUT_ROW)
        rows = []
        for kind, sources, what in builds:
            table = _words(sources)
            self.keep += [table, what]
            rows.append([kind, len(sources) // (2 if kind == BUILD_DICT else 1),
                         id(what) if kind in (BUILD_OBJECT, BUILD_CALL) else table.ctypes.data])
        w = self.words
        w[NARGS], w[ACCESSES], w[ACCESS_TABLE] = nargs, len(accesses), self._table(accesses, ACCESS_ROW).ctypes.data
        w[LEAVES], w[LEAF_TABLE] = len(leaves), self._table(leaves, LEAF_ROW).ctypes.data
        w[OUTPUTS], w[OUTPUT_TABLE] = len(outputs), self._outputs.ctypes.data
        w[BUILDS], w[BUILD_TABLE] = len(rows), self._table(rows, BUILD_ROW).ctypes.data
        w[KERNEL], w[PARAMETERS], w[ARENA_SIZE] = kernel, parameters.ctypes.data, -(-arena // 64) * 64
        w[RELEASE], w[HANDLER] = release, id(handler)
        for k, (kind, dtype, shape, *_) in enumerate(outputs):
            if kind == MAKE_SAME:
                self._outputs[k * OUTPUT_ROW + 5] = self._hold(np.empty(shape, dtype))
        self.room = nargs + len(accesses) + len(leaves) + len(outputs) + len(rows) + 2
        self.pools = [k for k, o in enumerate(outputs) if o[0] in (MAKE_POOLED, MAKE_TRIMMED)]

    def _table(self, rows: Sequence[Sequence[int]], width: int) -> np.ndarray:
        table = _words([v for row in rows for v in [*row, *[0] * (width - len(row))]])
        self.keep.append(table)
        return table

    def _hold(self, x: Any) -> int:
        self.keep.append(x)
        return id(x)

    def _output(self, kind: int, dtype: np.dtype, shape: tuple[int, ...], length: int = 0) -> list[int]:
        """The words of a result; of one that is cut off, `length` is the number of the result that says where."""
        if kind == MAKE_SCALAR:
            # PyTypeObject.tp_alloc, word 38 of the type object.
            kind = MAKE_TRUTH if dtype.kind == "b" else kind
            return [kind, id(dtype.type), 0, 0, ctypes.c_int64.from_address(id(dtype.type) + 38 * 8).value]
        if kind == MAKE_DONATED:
            return [kind, 0, shape[0]]  # the number of the leaf
        dims = _words(shape)
        self.keep += [dims, dtype]
        row = prod(shape[1:]) * dtype.itemsize if kind == MAKE_TRIMMED else 0
        return [kind, id(dtype), len(shape), dims.ctypes.data, row, 0, 0, length]

    @property
    def hits(self) -> int:
        """Calls that this table served."""
        return int(self.words[HITS])

    def __del__(self):
        _release(self)


def _release(s: Signature) -> None:
    """Give back the arena and the results kept for reuse."""
    arena = int(s.words[ARENA])
    if arena:
        s.words[ARENA] = 0
        _free(arena)
    for k in s.pools:
        for at in (k * OUTPUT_ROW + 5, k * OUTPUT_ROW + 6):
            kept = int(s._outputs[at])
            if kept:
                s._outputs[at] = 0
                ctypes.pythonapi.Py_DecRef(ctypes.cast(kept, ctypes.py_object))


_free = ctypes.CDLL(None).free
_free.argtypes, _free.restype = [ctypes.c_void_p], None


class _Record(np.ndarray):
    """The words that a builtin function finds its tables by. It is the one object that the builtin holds, so it holds the rest."""

    owner: NativeFunction


class NativeFunction:
    """A builtin function over a chain of signatures. `call` is the builtin."""

    def __init__(self, fallback: Callable, signatures: Sequence[Signature]):
        self.record = np.zeros(4, np.int64).view(_Record)
        self.record.owner = self
        self.fallback = fallback
        self.record[1] = id(fallback)
        # A call that runs in another thread may still use a table that was taken out.
        self._retired: deque[Signature] = deque(maxlen=64)
        self.signatures: list[Signature] = []
        self.set(signatures)
        self._watched: deque[tuple] = deque(maxlen=8)   # tables of what is watched; a call in another thread may still read an old one
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
        self.call = make(_definition(), self.record, None)

    def watch(self, rows: Sequence[Word | Item]) -> None:
        """Let calls go to the fallback unless all these references are what they must be."""
        words = [len(rows)]
        for row in rows:
            if isinstance(row, Word):
                words += [id(row.owner) + _offset_in(row), 0, id(row.value)]
            else:
                words += [id(row.owner), id(row.key), 0 if row.value is None else id(row.value)]
        table = _words(words)
        self._watched.append((table, rows))
        self.record[3] = table.ctypes.data if rows else 0

    def set(self, signatures: Sequence[Signature]) -> None:
        """The signatures to try, in order."""
        self._retired.extend(s for s in self.signatures if s not in signatures)
        self.signatures = list(signatures)
        for s, following in zip(signatures, [*signatures[1:], None], strict=False):
            s.words[NEXT] = following.words.ctypes.data if following is not None else 0
        self.record[2] = max([4, *(s.room for s in signatures), int(self.record[2])])
        self.record[0] = signatures[0].words.ctypes.data if signatures else 0


def _offset_in(row: Word) -> int:
    offset = word_offset(row.owner, row.value)
    assert offset is not None
    return offset


def reusable(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    """Whether a result is worth giving out again when it has been dropped."""
    return prod(shape) * dtype.itemsize >= REUSED_BYTES


REUSED_BYTES = 1 << 18
"""Results of at least this size take the memory of an earlier result that nobody holds any more. Fresh memory costs a page fault
for every 4 KB, which made a 2 MB result 18 times dearer than one in used memory."""
