"""Recordings kept on disk: a later process takes the kernel of a function without recording the function again.

The name of what is kept is made of the fingerprint of the function (`autodiff/compiled/fingerprint.py`), the signature of the call, the
settings, the versions of Python, NumPy and SciPy, and this project's files. What is kept is what a recording tells beside its graph: the
name of the kernel, the structure of the result, which arrays from outside the kernel reads, the numbers of the other arrays, and the notes
of what was read, so that a change within the process is seen as ever. Under `ad.config.check` the function is recorded all the same, and
has to give the same graph.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff
from autodiff.capture.excluded import excluded_by_user
from autodiff.capture.reads import Reads
from autodiff.capture.recording import Recorded
from autodiff.capture.state import UNBOUND
from autodiff.compiled.entries import Entry
from autodiff.compiled.fingerprint import Fingerprint, NoFingerprint
from autodiff.compiled.signature import Signature
from codegen.cache import compiler, files_of, load, store
from codegen.config import config
from codegen.once import once
from tracer.asked import Asked
from tracer.graph import Graph
from tracer.tree import Keys, unpacker

__all__ = ["Kept", "kept_for"]

MOST_BYTES = 1 << 16
"""Of arrays that the function makes itself and that are constants of its kernel."""
MOST_COMPARED = 1 << 24
"""Bytes of arrays from outside whose numbers are constants, or are not read: to compare them takes 10 ms."""
NOTE = "not recorded: its code, and all that it reads, are as they were in an earlier process, whose kernel serves it"


def kept_for(jitted: Any, key: Signature) -> Kept:
    """Where the recording of a function for a signature is kept; where it cannot be, a place that stays empty."""
    settings = (jitted._threads, config.thread_count(jitted._threads), excluded_by_user())
    if (not config.cache or config.generator == "numba" or jitted._donate or key.statics or jitted._asked != Asked.TYPES
            or (jitted._verify or config.verify) != "off"):
        return Kept(jitted, None, "")
    try:
        found = Fingerprint(jitted.function, key.tree)
        call = ([_leaf(x) for x in key.leaves], key.is_plain, repr(key.orders))
    except NoFingerprint:
        return Kept(jitted, None, "")
    from codegen.backends.llvm.kernel import why_not
    if why_not():
        return Kept(jitted, None, "")
    scipy = getattr(sys.modules.get("scipy"), "__version__", "")
    text = repr((call, settings, jitted.name, scipy)) + found.text
    return Kept(jitted, found, hashlib.sha256(_versions() + text.encode()).hexdigest())


def _leaf(x: Any) -> Any:
    """A leaf of a signature."""
    if isinstance(x, tuple) and len(x) == 2:
        return x[0].str, x[1]
    if x in (float, int, bool):
        return x.__name__
    raise NoFingerprint(f"an argument of class {x}")


@once
def _versions() -> bytes:
    return compiler() + repr((files_of([autodiff.__path__[0]]), sys.version, np.__version__)).encode()


class Kept:
    """The recording of a function for one signature, on disk.

    name : of the file; empty where nothing is kept
    """

    def __init__(self, jitted: Any, found: Fingerprint | None, name: str):
        self._jitted = jitted
        self._found = found
        self.name = name
        self._recording: dict | None = None     # what is to be kept of it

    def served(self, args: tuple, kwargs: dict) -> Entry | None:
        """The entry whose recording an earlier process has kept; what the function reads is watched from now on. None if there is none."""
        jitted = self._jitted
        if self._found is None:
            return None
        before = jitted._around.here()
        kept = self._entry(self._found)
        if kept is None:
            return None
        entry, reads, graph = kept
        if config.check:
            self._compare(jitted._record_first(args, kwargs, ()), graph)
        jitted._around.add(before, entry.captured, reads, jitted._learned)
        jitted._look()
        return entry

    def _entry(self, found: Fingerprint) -> tuple[Entry, Reads, str] | None:
        """The entry, what the function reads, and the name of its graph; None if there is none."""
        data = load(self.name)
        if data is None:
            return None
        d = json.loads(data)
        arrays = found.arrays
        if any(_digest(arrays[int(k)]) != digest for k, digest in d["numbers"].items()):
            return None
        from codegen.backends.llvm.kernel import kernel_on_disk
        graph = Graph(self._jitted.name, (), (), ())
        kernel = kernel_on_disk(d["front"], graph)
        if kernel is None:
            return None
        kernel.release()
        captured = [arrays[c] if isinstance(c, int) else _unpacked(c) for c in d["captured"]]
        out_tree = unpacked_structure(d["result"], found.classes)
        rec = Recorded(graph, captured, out_tree, notes=(NOTE, *d["notes"]), has_graph=False)
        return Entry(rec, kernel, captured, unpacker(out_tree), None), _read(d["reads"], found), d["front"]

    def note(self, rec: Recorded, captured: Sequence) -> None:
        """Note a recording that was just made, if another process can make use of it: what it has read may change from now on."""
        found = self._found
        if found is None or rec.written or rec.effects is not None or rec.guarded or rec.asked != Asked.TYPES:
            return
        numbers = [found.number_of_array(x) for x in captured]
        made = [x for x, number in zip(captured, numbers, strict=True) if number is None]
        reads = _notes(rec.reads, found)
        if reads is None or any(type(x) is not np.ndarray for x in made) or sum(x.nbytes for x in made) > MOST_BYTES:
            return
        try:
            result = packed_structure(rec.out_tree, found.classes)
        except NoFingerprint:
            return
        constants = {k: x for k, x in enumerate(found.arrays) if k not in numbers}
        if sum(x.nbytes for x in constants.values()) > MOST_COMPARED:
            return
        self._recording = {"result": result, "notes": rec.notes, "numbers": {k: _digest(x) for k, x in constants.items()}, "reads": reads,
                           "captured": [_packed(x) if n is None else n for x, n in zip(captured, numbers, strict=True)]}

    def keep(self, kernel: Any) -> None:
        """Keep the recording that was noted, if its kernel is on disk."""
        front = getattr(kernel, "front", None)
        if self._recording is not None and front is not None:
            store(self.name, json.dumps({"front": front, **self._recording}).encode())

    def _compare(self, rec: Recorded, front: str) -> None:
        """Raise AssertionError if a recording of today gives another graph than that which was kept under this name."""
        from codegen.backends.llvm.kernel import name_on_disk
        from codegen.runtime import pool
        threads = min(config.thread_count(self._jitted._threads), pool.MOST) if pool.available() else 1
        assert name_on_disk(rec.graph, threads) == front, "a recording kept on disk is not that of the function"


# -- what the function reads, by the numbers of what holds it -------------------------------------

def _notes(reads: Reads | None, found: Fingerprint) -> list | None:
    """The notes of a recording, as JSON has them; None if one is of something that the fingerprint does not know."""
    if reads is None:
        return []
    rows: list[tuple] = [("cell", cell, None, name) for cell, _, name in reads.cells.values()]
    rows += [("item", d, key, name) for d, key, _, name in reads.items.values()]
    rows += [("element", x, k, "") for x, k, _ in reads.elements.values()]
    rows += [("content", x, None, "") for x, _ in reads.contents.values()]
    rows += [("function", f, None, "") for f, *_ in reads.functions.values()]
    numbered = [(kind, found.number_of(holder), key, name) for kind, holder, key, name in rows]
    known = all(number is not None and type(key) in (str, int, type(None)) for _, number, key, _ in numbered)
    return numbered if known else None


def _read(rows: list, found: Fingerprint) -> Reads:
    """The notes, about the objects of this process."""
    reads = Reads()
    for kind, number, key, name in rows:
        x = found.holders[number]
        if kind == "cell":
            reads.cells[id(x)] = (x, x.cell_contents, name)
        elif kind == "item":
            reads.items[id(x), key] = (x, key, x.get(key, UNBOUND), name)
        elif kind == "element":
            reads.elements[id(x), key] = (x, key, x[key])
        elif kind == "content":
            reads.contents[id(x)] = (x, dict(x) if isinstance(x, dict) else list(x))
        else:
            reads.functions[id(x)] = (x, x.__code__, x.__defaults__, dict(x.__kwdefaults__) if x.__kwdefaults__ else None)
    return reads


# -- structures and arrays -------------------------------------------------------------------------

def packed_structure(structure: Any, classes: list[type]) -> Any:
    """The structure of a tree of tuples, lists, dicts whose keys are texts or integers, and instances of some classes, as JSON has it.

    Raises
    ------
    NoFingerprint
        For other classes and static values.

    Examples
    --------
    >>> from tracer.tree import flatten
    >>> packed_structure(flatten(({"w": 1.0, "b": 3.0}, [2.0]))[1], [])
    [0, 'tuple', [0, [0, 'dict', [1, 'w', 'b'], [0, '*', '*']], [0, 'list', [0, '*']]]]
    >>> unpacked_structure(packed_structure(flatten([2.0, None])[1], []), [])
    ('list', ('*', None))
    """
    kind = type(structure)
    if structure is None or kind in (str, int):
        return structure
    if kind is tuple or kind is Keys:
        return [int(kind is Keys), *[packed_structure(part, classes) for part in (structure if kind is tuple else structure.order)]]
    if structure in classes:
        return [2, classes.index(structure)]
    raise NoFingerprint(f"a result of class {kind.__name__}")


def unpacked_structure(packed: Any, classes: list[type]) -> Any:
    """The structure that `packed_structure` has packed."""
    if type(packed) is not list:
        return packed
    if packed[0] == 2:
        return classes[packed[1]]
    parts = [unpacked_structure(p, classes) for p in packed[1:]]
    return Keys(parts) if packed[0] else tuple(parts)


def _digest(x: np.ndarray) -> str:
    """The numbers of an array, in short."""
    return hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest()


def _packed(x: np.ndarray) -> list:
    return [x.dtype.str, x.shape, base64.b64encode(np.ascontiguousarray(x).tobytes()).decode()]


def _unpacked(packed: list) -> np.ndarray:
    dtype, shape, data = packed
    return np.frombuffer(base64.b64decode(data), dtype).reshape(shape).copy()
