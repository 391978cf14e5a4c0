"""jit: signature -> kernel.

A call flattens its arguments, looks the signature up, and runs the kernel. A miss traces, plans and compiles. Under an outer
trace (or on tensors) nothing is compiled: the traced graph is recorded as one `call` node.
"""

from __future__ import annotations

import functools
import gc
import inspect
import itertools
import os
import sys
import threading
import time
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MethodType
from typing import Any, NamedTuple

import numpy as np

from autodiff.capture import lift_here
from autodiff.capture.recording import Recorded, record
from autodiff.compiled.background import submit
from autodiff.compiled.environment import Surroundings
from autodiff.compiled.specialise import Variants
from autodiff.leaves import as_leaf, name_of
from codegen.config import config
from tracer.errors import ConcreteValueError, UnsupportedError, explain
from tracer.graph import Graph, all_nodes
from tracer.ops.control import call
from tracer.ops.control.loops import loop
from tracer.trace import Tracer, bind, evaluate
from tracer.tree import flatten, key_orders, leaf_paths, unflatten
from tracer.types import ArrayType, check_plain

__all__ = ["jit", "CacheInfo", "Jitted", "config"]

WAITED_SECONDS = 0.02
"""A call waits for its kernel if that will take no longer than this."""
EXPLAINED = 64
"""Signatures that a miss is compared with when it is explained."""
NATIVE_CHAIN = 8
"""Signatures that the native entry tries one after another; the others are found by hashing."""


class CacheInfo(NamedTuple):
    """Counts of a jitted function."""

    hits: int
    misses: int
    currsize: int
    kernel_seconds: float
    compile_seconds: float
    reference_calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """What decides which kernel is used."""

    tree: Any
    leaves: tuple
    statics: tuple

    def __hash__(self):
        return hash((self.tree, self.leaves, self.statics))


@dataclass(slots=True)
class Entry:
    """A kernel with what its results look like."""

    recorded: Recorded
    kernel: Any
    captured: list
    unpack: Callable
    fast: Callable | None       # the generated Python entry of a kernel through Numba
    table: Any = None           # the native entry's table of a kernel through LLVM
    native: Any = None          # the native function that the table belongs to
    detached: bool = False      # whether its direct way has to be made again
    variants: Variants | None = None    # where the signature alone does not decide which kernel is run


def _distinct(v):
    """What equal static values must have in common beside being equal: their types, to any depth of tuples, and signs of zero."""
    if isinstance(v, tuple):
        return type(v), tuple([_distinct(item) for item in v])
    return (type(v), repr(v)) if isinstance(v, (float, complex)) else type(v)


class Manner:
    """A way of calling: with certain values of the static arguments, and certain keywords. The other arguments are handed on in order."""

    __slots__ = ("statics", "keywords", "count")

    def __init__(self, statics: tuple, keywords: tuple[str, ...], count: int):
        self.statics = statics      # (position or keyword, what is distinct of it, value)
        self.keywords = keywords    # those that are not static, in order
        self.count = count          # of the arguments by position

    def key(self) -> tuple:
        """Equal for equal ways, as `Jitted._call_in_manner` tells calls apart."""
        return self.count, tuple(sorted([*self.keywords, *(n for n, _, _ in self.statics if isinstance(n, str))])), tuple(
            [(v.__class__, v) for _, _, v in self.statics])

    def is_plain(self) -> bool:
        """Whether it is a call by position alone, without static arguments."""
        return not self.statics and not self.keywords

    def is_simple(self) -> bool:
        """Whether equal keys mean equal static values: 0.0 and -0.0 have one key, and so have (1,) and (1.0,)."""
        return all(type(v) in (int, bool, str, type(None)) for _, _, v in self.statics)

    def arguments(self, rest: tuple) -> tuple[tuple, dict]:
        """The call, given the other arguments."""
        given = iter(rest)
        fixed = {n: v for n, _, v in self.statics}
        args = tuple([fixed[n] if n in fixed else next(given) for n in range(self.count)])
        return args, {**{n: next(given) for n in self.keywords}, **{n: v for n, v in fixed.items() if isinstance(n, str)}}

    def structure(self, tree) -> tuple:
        """The structure of the tuple of the other arguments, given that of the whole call, in which static ones are None."""
        args, kwargs = tree[1] if self.keywords or any(isinstance(n, str) for n, _, _ in self.statics) else (tree, ("dict", (), ()))
        fixed = {n for n, _, _ in self.statics}
        parts = [t for n, t in enumerate(args[1]) if n not in fixed]
        return "tuple", tuple(parts + [t for n, t in zip(kwargs[1], kwargs[2], strict=True) if n not in fixed])


def _leaf_key(x):
    """Dtype and shape of a leaf; the class of a Python number, which is weak in promotion."""
    if type(x) is np.ndarray:
        return x.dtype, x.shape
    t = type(x)
    if t is float or t is int or t is bool:
        return t
    if isinstance(x, (np.ndarray, np.generic)):
        check_plain(x)      # a kernel for plain arrays may be there already
        return x.dtype, x.shape
    return t


def _leaf_and_layout(x):
    if isinstance(x, np.ndarray):
        return x.dtype, x.shape, x.strides, x.flags.num, x.base is None
    return _leaf_key(x)


def _orders(tree, keywords: bool) -> tuple:
    """The orders of the dicts in the arguments of a call, given their structure; the order of keywords does not count."""
    if not keywords:
        return key_orders(tree)
    args, kwargs = tree[1]
    return key_orders(("tuple", (args, *kwargs[2])))


@contextmanager
def _no_collection():
    """Compiling makes many objects and drops few: looking for garbage meanwhile takes a fifth of the time and finds nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_all: weakref.WeakSet[Jitted] = weakref.WeakSet()


def _after_fork() -> None:
    """A lock that another thread held when the process was forked would never be released in the child."""
    for jitted in list(_all):
        jitted._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Evaluated:
    """What serves a call while its kernel is being compiled: the NumPy evaluator on the traced graph."""

    generator = "evaluator"
    references: list[str] = []

    def __init__(self, graph: Graph):
        self.graph = graph
        self.calls = 0

    @property
    def note(self) -> str:
        """For `why`."""
        return self._note or f"it is being compiled; the NumPy evaluator has served {self.calls} calls"

    @note.setter
    def note(self, text_: str) -> None:
        self._note = text_

    _note = ""

    def run(self, *leaves) -> tuple:
        """Evaluate."""
        self.calls += 1
        out = evaluate(self.graph, [as_leaf(x) for x in leaves])
        return tuple([y if isinstance(y, np.ndarray) and y.ndim else np.asarray(y)[()] for y in out])


class Jitted:
    """A function compiled once for every signature it is called with. Made by `jit`."""

    is_jitted = True

    def __init__(self, f: Callable, static_argnums: Sequence[int], static_argnames: Sequence[str], max_signatures: int, timed: bool,
                 threads: int | None = None, wait: bool | None = None,
                 donate: tuple[int, ...] = ()):
        functools.update_wrapper(self, f)
        _all.add(self)
        self.function = f
        self.name = name_of(f)
        self._entries: OrderedDict[Any, Entry] = OrderedDict()
        self._max = max_signatures
        self._timed = timed
        self._threads = threads
        self._wait = wait
        self._donate = donate
        self._slow_hits = self._misses = 0
        self._fast_hits = [0]
        self._seconds = self._compile_seconds = 0.0
        self._fast: Callable = self._call
        self._native: Any = None
        self._direct: Callable = self._positional
        self._manners: dict[tuple, Any] = {}    # native functions for calls with static arguments and keywords
        self._missed: tuple | None = None
        self._lock = threading.RLock()
        self._statics = self._static_parameters(static_argnums, static_argnames)
        self._static_order = sorted(self._statics[0], reverse=True)
        self._around = Surroundings(f)
        self._same: Callable[[], bool] | None = None    # None where nothing from outside is read, or the native entry compares it
        self._around_holds: Callable[[], bool] = self._around.check()
        self._watched: list | None = None               # what the native entry compares
        self._changed = ""
        self._by_layout = False     # whether the layout of arguments belongs to the signature
        if "numba" in sys.modules:
            from autodiff.compiled.interop import register_numba
            register_numba()

    def _static_parameters(self, nums: Sequence[int], names: Sequence[str]) -> tuple[frozenset[int], frozenset[str]]:
        """Static arguments by position and by name: each way of passing one is known under both."""
        if not nums and not names:
            return frozenset(), frozenset()
        try:
            parameters = list(inspect.signature(self.function).parameters)
        except (TypeError, ValueError):
            parameters = []
        for n in names:
            if parameters and n not in parameters:
                raise ValueError(f"static_argnames: `{self.name}` has no parameter {n!r}; it has {parameters}")
        all_nums = {n % len(parameters) if parameters else n for n in nums} | {parameters.index(n) for n in names if n in parameters}
        all_names = set(names) | {parameters[n] for n in all_nums if n < len(parameters)}
        return frozenset(all_nums), frozenset(all_names)

    def __get__(self, instance, owner=None):
        """As a method: `self` is an ordinary first argument if it is a tree of arrays; else each object has a function of its own."""
        if instance is None:
            return self
        if all(isinstance(x, (np.ndarray, np.generic, Tracer, float, int)) for x in flatten(instance)[0]):
            return functools.partial(self, instance)
        nums = [n - 1 for n in self._statics[0] if n > 0]
        donate = tuple([n - 1 for n in self._donate if n > 0])
        found = Jitted(MethodType(self.function, instance), nums, (), self._max, self._timed, self._threads, self._wait, donate)
        vars(instance)[self.name] = found   # from now on it is found there
        return found

    # -- calling ---------------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        if self._same is not None and not self._same():
            self._adapt()
        if kwargs or self._static_order:
            if self._watched is not None and not self._around_holds():
                self._adapt()
            return self._call_in_manner(args, kwargs)
        return self._direct(*args)

    def _call_in_manner(self, args: tuple, kwargs: dict):
        """A call with static arguments or keywords: what is left goes to the native function for this way of calling."""
        fixed: list = []
        rest = list(args)
        for n in self._static_order:    # from the last
            if n < len(rest):
                v = rest.pop(n)
                fixed.append((v.__class__, v))
        fixed.reverse()
        keywords: tuple[str, ...] = ()
        if kwargs:
            keywords, names = tuple(sorted(kwargs)), self._statics[1]
            for k in keywords:
                v = kwargs[k]
                if k in names:
                    fixed.append((v.__class__, v))
                else:
                    rest.append(v)
        try:
            native = self._manners.get((len(args), keywords, tuple(fixed)))
        except TypeError:   # what cannot be hashed: the general way says so
            native = None
        return self._call(args, kwargs) if native is None else native.call(*rest)

    def _positional(self, *args):
        if self._watched is not None and not self._around_holds():
            self._adapt()
        return self._fast(args)

    def _look(self) -> None:
        """Have what the function reads outside of it compared at each call: by the native entry if it can, else here."""
        self._around_holds = self._around.check()
        self._watched = self._around.words() if self._around else []
        self._same = self._around_holds if self._watched is None else None
        self._watched = self._watched or None
        if self._native is not None:
            self._native.watch(self._watched or [])

    def _call(self, args: tuple, kwargs: dict | None = None):
        """The general way: flatten, look up, run. A hit makes its entry the one that is tried first at the next call."""
        kwargs = kwargs or {}
        if self._statics[1]:
            args, kwargs, statics = self._take_statics(args, kwargs)
        else:
            statics = ()
        leaves, tree = flatten((args, kwargs) if kwargs else args)
        key = self._key(tree, leaves, statics, not kwargs)
        entry = self._entries.get(key)
        if entry is None:
            if any(isinstance(x, Tracer) for x in leaves):
                return self._call_traced(args, kwargs, statics)
            entry = self._compile(key, args, kwargs, statics, leaves, tree)
        else:
            self._slow_hits += 1
            if entry.detached:
                entry.detached = False
                self._add_direct(entry, self._manner(args, kwargs, statics), tree, leaves)
        if entry.variants is not None:
            return entry.variants.call(args, kwargs, statics, leaves, tree)
        if entry.fast is not None:
            self._fast = entry.fast
        if not self._timed:
            return entry.unpack(entry.kernel.run(*leaves, *entry.captured))
        start = time.perf_counter()
        out = entry.kernel.run(*leaves, *entry.captured)
        self._seconds += time.perf_counter() - start
        return entry.unpack(out)

    def _key(self, tree, leaves: list, statics: tuple, is_plain: bool) -> tuple:
        """What decides which entry serves a call; the arguments' layout only if the function asked for it."""
        of = _leaf_and_layout if self._by_layout else _leaf_key
        return tree, tuple([of(x) for x in leaves]), statics, is_plain, _orders(tree, not is_plain)

    def _entry_for(self, args: tuple) -> tuple[Entry, list]:
        """The entry for positional arguments, compiled if need be, and their leaves."""
        args, kwargs, statics = self._take_statics(args, {}) if self._statics[1] else (args, {}, ())
        leaves, tree = flatten(args)
        key = self._key(tree, leaves, statics, True)
        return self._entries.get(key) or self._compile(key, args, kwargs, statics, leaves, tree), leaves

    def bind(self, *args, reuse: bool = False) -> Callable[[], Any]:
        """A function without arguments that calls this one on the given arrays, for the innermost loops of a solver.

        The arrays are held, not copied: what is written into them is seen by the next call. Their types and shapes are looked at
        once, here.

        Parameters
        ----------
        *args : as for a call
        reuse : whether every call returns the same result arrays with new contents; saves making them

        Examples
        --------
        >>> import numpy as np
        >>> x = np.array([1.0, 2.0])
        >>> norm2 = jit(lambda x: (x * x).sum()).bind(x)
        >>> float(norm2())
        5.0
        >>> x[0] = 3.0
        >>> float(norm2())
        13.0
        """
        entry, leaves = self._entry_for(args)
        if entry.variants is None and entry.kernel.generator == "llvm":
            from autodiff.compiled.calling import bound_table
            from codegen.entry import native as native_entry
            table = bound_table(entry.kernel, leaves, entry.captured, entry.recorded.out_tree, reuse) if native_entry.available() else None
            if table is not None:
                return native_entry.NativeFunction(lambda: self(*args), [table]).call
        return functools.partial(self, *args)

    def _take_statics(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple]:
        nums, names = self._statics
        statics = [(n, args[n]) for n in sorted(nums) if n < len(args)] + [(k, kwargs[k]) for k in sorted(names & kwargs.keys())]
        for n, v in statics:
            try:
                hash(v)
            except TypeError:
                raise TypeError(f"static argument {n!r} of `{self.name}` is {type(v).__name__}, which cannot be hashed: "
                                f"pass a tuple, a number, a string or a frozen dataclass") from None
        # Python holds 1, 1.0 and True equal; a kernel made for one of them may not serve the other.
        return (tuple([None if n in nums else a for n, a in enumerate(args)]),
                {k: None if k in names else v for k, v in kwargs.items()}, tuple([(n, _distinct(v), v) for n, v in statics]))

    def _bound(self, statics: tuple) -> Callable:
        """The function with its static arguments put back."""
        if not statics:
            return self.function

        @functools.wraps(self.function)
        def f(*args, **kwargs):
            new = list(args)
            for n, _, v in statics:
                if isinstance(n, int):
                    new[n] = v
                else:
                    kwargs[n] = v
            return lift_here(self.function)(*new, **kwargs)
        return f

    def _record(self, args: tuple, kwargs: dict, statics: tuple, **how) -> Recorded:
        f = self._bound(statics)
        leaves, tree = flatten((args, kwargs))
        before = self._around.here()
        rec = record(lambda a, k: lift_here(f)(*a, **k), tree, leaves, concrete=how.get("guarded", False), name=self.name,
                     label=_call_label, writes=True, **how)
        self._around.add(before, rec.captured, rec.reads)
        self._by_layout |= rec.asked_layout
        self._look()
        return rec

    def _record_first(self, args, kwargs, statics) -> Recorded:
        """The function recorded; with the arrays outside of it as constants where it needs their numbers."""
        try:
            return self._record(args, kwargs, statics)
        except (ConcreteValueError, UnsupportedError) as e:
            if not self._around.has_arrays():
                raise
            try:
                return self._record(args, kwargs, statics, outside=False)
            except (ConcreteValueError, UnsupportedError):
                raise e from None

    def _adapt(self) -> None:
        """What the function reads outside its arguments has changed: take over arrays of the same types, else forget the kernels."""
        with self._lock:
            self._changed, replaced = self._around.changes()
            if self._changed:
                self.cache_clear()
                return
            self._look()
            new = {id(old): x for old, x in replaced}
            for entry in self._entries.values():
                for holder in [entry] if entry.variants is None else entry.variants.holders():
                    if any(id(x) in new for x in holder.captured):
                        holder.captured = [new.get(id(x), x) for x in holder.captured]
                        self._detach(entry)

    def _detach(self, entry: Entry) -> None:
        """Let calls of an entry go the general way, until one of them has made a new direct way."""
        if entry.native is not None:
            entry.native.set([t for t in entry.native.signatures if t is not entry.table])
            entry.native = entry.table = None
        entry.fast, self._fast, entry.detached = None, self._call, True

    def _call_traced(self, args, kwargs, statics):
        rec = self._record(args, kwargs, statics)
        leaves, _ = flatten((args, kwargs))
        out = bind(call, *map(as_leaf, leaves), *rec.captured, graph=rec.graph)
        n = len(out) - len(rec.written)
        for k, new in zip(rec.written, out[n:], strict=True):
            leaves[k][...] = new
        return unflatten(rec.out_tree, out[:n])

    def _compile(self, key, args, kwargs, statics, leaves, tree) -> Entry:
        with self._lock, _no_collection():
            entry = self._entries.get(key)
            if entry is not None:
                return entry
            start = time.perf_counter()
            variants = None
            try:
                rec = self._record_first(args, kwargs, statics)
            except ConcreteValueError as e:
                variants = Variants(self, e)
                rec = variants.record(args, kwargs, statics, leaves)
            if rec.written and variants is None:
                variants = Variants(self, None)
            if variants is not None:
                entry = Entry(rec, None, [], _unpacker(rec.out_tree), None, variants=variants)
                entry.kernel = variants.start(rec, args, kwargs, statics, leaves)
                self._keep(key, entry)
                self._compile_seconds += time.perf_counter() - start
                return entry
            captured = self._outside(rec)
            direct = self._manner(args, kwargs, statics)
            if self._waits(rec.graph):
                kernel = self._kernel(rec.graph)
                entry = Entry(rec, kernel, captured, _unpacker(rec.out_tree), None)
                self._add_direct(entry, direct, tree, leaves)
            else:
                kernel = Evaluated(rec.graph)
                entry = Entry(rec, kernel, captured, _unpacker(rec.out_tree), None)
                # Arrays of the same types stand for the arguments, which are not kept alive for it.
                like = [np.empty(x.shape, x.dtype) if isinstance(x, np.ndarray) else x for x in leaves]
                submit(lambda: self._finish(entry, tree, like, direct))
            self._keep(key, entry)
            self._compile_seconds += time.perf_counter() - start
            return entry

    def _kernel(self, graph: Graph):
        """Compile, where that can be done."""
        from codegen.compile import compile_graph
        if any(t.symbols() for t in graph.out_types):
            kernel = Evaluated(graph)
            kernel.note = "the NumPy evaluator runs it: a result has a length that is known only at run time"
            return kernel
        return compile_graph(graph, threads=self._threads)

    def _outside(self, rec: Recorded) -> list:
        """The arrays that a recorded function reads from outside its arguments."""
        for c in rec.captured:
            if isinstance(c, Tracer) and c.owner.level:
                raise explain(ConcreteValueError, f"`{self.name}` uses a traced value from outside", where=None,
                              why="it is called on plain arrays while an outer function is traced",
                              fix="pass the traced value as an argument")
        return [c.value if isinstance(c, Tracer) else c for c in rec.captured]

    def _keep(self, key, entry: Entry) -> None:
        """Enter an entry; the oldest goes if there are too many."""
        self._missed = (key, list(self._entries) if len(self._entries) < EXPLAINED else self._last_keys(), entry)
        self._entries[key] = entry
        if len(self._entries) > self._max:
            _, oldest = self._entries.popitem(last=False)
            self._fast = self._call
            if oldest.native is not None:
                oldest.native.set([t for t in oldest.native.signatures if t is not oldest.table])
                self._manners = {k: f for k, f in self._manners.items() if f.signatures}
        self._misses += 1

    def _waits(self, graph: Graph) -> bool:
        """Whether the call waits for its kernel. Programs of loops do: the evaluator would take longer than the compiler."""
        from codegen.compile import expected_seconds
        if (config.wait if self._wait is None else self._wait) or any(t.symbols() for t in graph.out_types):
            return True
        nodes = list(all_nodes(graph))
        return any(n.op is loop for n in nodes) or expected_seconds(len(nodes)) <= WAITED_SECONDS

    def _finish(self, entry: Entry, tree, leaves, direct: Manner | None) -> None:
        """Compile in the background, and let calls go to the kernel from then on."""
        from codegen.compile import compile_graph
        start = time.perf_counter()
        try:
            kernel = compile_graph(entry.recorded.graph, threads=self._threads)
        except Exception as e:  # noqa: BLE001 - there is no caller: the evaluator goes on, and `why` and the warning say so
            entry.kernel.note = f"compiling failed ({type(e).__name__}: {e}); the evaluator serves it"
            warnings.warn(f"`{self.name}`: {entry.kernel.note}", RuntimeWarning, stacklevel=2)
            return
        with self._lock:
            entry.kernel = kernel
            self._compile_seconds += time.perf_counter() - start
            if any(e is entry for e in self._entries.values()):
                self._add_direct(entry, direct, tree, leaves)

    def _manner(self, args, kwargs, statics) -> Manner | None:
        """The way of calling; None if there is no direct one."""
        manner = Manner(statics, tuple(sorted(n for n in kwargs if n not in self._statics[1])), len(args))
        return manner if not self._timed and manner.is_simple() else None

    def _add_direct(self, entry: Entry, manner: Manner | None, tree, leaves) -> None:
        if manner is None or entry.variants is not None or self._by_layout:
            return
        if entry.kernel.generator == "llvm":
            self._add_native(entry, manner, tree, leaves)
        elif entry.kernel.generator != "evaluator" and manner.is_plain():
            entry.fast = _fast_entry(entry.kernel, tree, leaves, entry.captured, entry.recorded.out_tree, self._call, self._fast_hits)

    def _add_native(self, entry: Entry, manner: Manner, tree, leaves) -> None:
        """Let calls with this signature go to the kernel without Python code in the way, where that is possible."""
        from autodiff.compiled.calling import table_of
        from codegen.entry import native as native_entry
        if not native_entry.available():
            return
        donate = self._donate if manner.is_plain() else ()
        entry.table = table_of(entry.kernel, manner.structure(tree), leaves, entry.captured, entry.recorded.out_tree, donate)
        if entry.table is None:
            return
        entry.native = self._native if manner.is_plain() else self._manners.get(manner.key())
        if entry.native is not None:
            entry.native.set([entry.table, *entry.native.signatures][:NATIVE_CHAIN])
        elif manner.is_plain():
            self._native = entry.native = native_entry.NativeFunction(self._positional, [entry.table])
            self._native.watch(self._watched or [])
            self._direct = self._native.call
        else:
            def general(*rest):
                return self._call(*manner.arguments(rest))
            self._manners[manner.key()] = entry.native = native_entry.NativeFunction(general, [entry.table])

    # -- looking ---------------------------------------------------------------------------------

    def trace(self, *args, **kwargs) -> Graph:
        """The typed graph for these arguments; nothing is compiled. `print` shows it, Jupyter draws it."""
        args, kwargs, statics = self._take_statics(args, kwargs)
        return self._record(args, kwargs, statics).graph

    def source(self, *args, **kwargs) -> str:
        """The generated loop source for these arguments, as readable Python."""
        from codegen.compile import stages
        return stages(self.trace(*args, **kwargs)).source

    def cache_info(self) -> CacheInfo:
        """Hits, misses (compilations), kernels held, seconds in kernels (with `timed=True`) and in compiling, and the ops that run
        through NumPy."""
        names = sorted({n for e in self._entries.values() for n in e.kernel.references})
        hits = self._slow_hits + self._fast_hits[0] + sum(e.table.hits for e in self._entries.values() if e.table is not None)
        return CacheInfo(hits, self._misses, len(self._entries), self._seconds, self._compile_seconds, tuple(names))

    def cache_clear(self) -> None:
        """Forget all kernels."""
        self._entries.clear()
        self._fast = self._call
        self._native, self._direct = None, self._positional
        self._manners.clear()
        self._around.clear()
        self._same = self._watched = None

    def why(self) -> str:
        """Why the last compilation happened: the closest signature that was there, and the leaf that differs."""
        if self._missed is None:
            return f"`{self.name}` has not been called yet"
        key, others, entry = self._missed
        kernel = entry.kernel
        text_ = self._explain_miss(key, others)
        if self._changed:
            text_ = f"`{self.name}` compiled anew: {self._changed}"
        if kernel.note:
            text_ += f"; {kernel.note}"
        if kernel.references:
            text_ += f"; it calls NumPy for {', '.join(sorted(set(kernel.references)))}"
        if entry.variants is not None:
            text_ += entry.variants.why()
        return text_ + "".join(f"\n  {n}" for n in entry.recorded.notes)

    def _last_keys(self) -> list:
        return list(itertools.islice(reversed(self._entries), EXPLAINED))

    def _explain_miss(self, key, others) -> str:
        tree, leaves, statics, _, orders = key
        if not others:
            return f"`{self.name}` compiled: first call"
        best, reason = -1, ""
        for other in others:
            otree, oleaves, ostatics, _, oorders = other
            if otree != tree:
                score, text_ = 0, f"the structure of the arguments is {_show_tree(tree)}, not {_show_tree(otree)}"
            elif ostatics != statics:
                changed = [f"{n!r} is {v!r}, not {w!r}" for (n, _, v), (_, _, w) in zip(statics, ostatics, strict=False) if v != w]
                score, text_ = 1, f"static argument {', '.join(changed) or 'types differ'}"
            elif orders != oorders:
                score, text_ = 1, "the keys of a dict are in another order"
            else:
                paths = leaf_paths(tree, "")
                differ = [k for k in range(len(leaves)) if leaves[k] != oleaves[k]]
                score = 2 + len(leaves) - len(differ)
                text_ = "; ".join(f"{_argument(paths[k], tree)} is {_show_key(leaves[k])}, not {_show_key(oleaves[k])}"
                                  for k in differ[:3])
            if score > best:
                best, reason = score, text_
        return f"`{self.name}` compiled anew: {reason}"


def _call_label(path: str) -> str:
    """A path in the tree (args, kwargs) -> `argument 0['w']` or `argument 'scale'`."""
    which, rest = path[:3], path[4:]
    head, rest = rest.split("]", 1)
    return f"argument {head}{rest}" if which in ("[0]", "[1]") else path


def _argument(path: str, tree) -> str:
    """`[0]['w']` -> `argument 0['w']`."""
    head, rest = path[1:].split("]", 1)
    return f"argument {head}{rest}"


def _show_key(key) -> str:
    if isinstance(key, tuple) and len(key) > 2:
        return f"{ArrayType(*key[:2])} with strides {key[2]}"
    return str(ArrayType(*key)) if isinstance(key, tuple) else f"a Python {getattr(key, '__name__', key)}"


def _show_tree(tree) -> str:
    leaves = len(leaf_paths(tree, ""))
    return f"{tree[0] if isinstance(tree, tuple) else 'a leaf'} with {leaves} leaves"


def _unpacker(tree) -> Callable:
    """A function from the flat results to the result tree; the commonest structures without a general walk."""
    if tree == "*":
        return lambda out: out[0]
    if isinstance(tree, tuple) and tree[0] == "tuple" and all(c == "*" for c in tree[1]):
        return lambda out: out
    return lambda out: unflatten(tree, out)


def _fast_entry(kernel, tree, leaves, captured, out_tree, miss: Callable, hits: list[int]) -> Callable | None:
    """One generated function for one signature: takes the leaves out of the arguments, checks them, runs the kernel, packs.

    Anything unexpected goes to `miss`. Costs about 0.1 us a leaf, against 0.5 us for the general way.
    """
    names: dict[str, Any] = {"miss": miss, "hits": hits, "ndarray": np.ndarray}
    assigns: list[str] = []
    checks: list[str] = [f"len(args) == {len(tree[1])}"]
    if not _take_apart("args", tree, assigns, checks, names, itertools.count()):
        return None
    found = [a.split(" = ")[0] for a in assigns if a.startswith("l")]
    for i, (name, x) in enumerate(zip(found, leaves, strict=True)):
        if isinstance(x, np.ndarray) and type(x) is np.ndarray and x.dtype is np.dtype(x.dtype.type):
            names[f"s{i}"], names[f"d{i}"] = x.shape, x.dtype
            checks.append(f"type({name}) is ndarray and {name}.shape == s{i} and {name}.dtype is d{i}")
        elif type(x) in (float, int, bool) or isinstance(x, np.generic):
            names[f"t{i}"] = type(x)
            checks.append(f"type({name}) is t{i}")
        else:
            return None
    pack = _pack_expression(out_tree, names)
    extra = [f"captured{i}" for i in range(len(captured))]
    names.update((f"{n}_value", c) for n, c in zip(extra, captured, strict=True))
    head = []
    if assigns:
        head = ["try:", *(f"    {a}" for a in assigns), "except (LookupError, TypeError, AttributeError):", "    return miss(args)"]
    head += [f"if not ({' and '.join(checks)}):", "    return miss(args)", "hits[0] += 1", *(f"{n} = {n}_value" for n in extra)]
    return kernel.entry(parameters="args", head=head, leaves=[*found, *extra], pack=pack, names=names)


def _take_apart(at: str, tree, assigns: list[str], checks: list[str], names: dict, count) -> bool:
    """Code that takes the leaves out of the value called `at`; False for structures that only the general way knows."""
    if tree == "*":
        assigns.append(f"l{next(count)} = {at}")
        return True
    if tree is None:
        checks.append(f"{at} is None")
        return True
    kind = tree[0]
    if kind in ("tuple", "list"):
        if at != "args":
            checks.append(f"type({at}) is {kind} and len({at}) == {len(tree[1])}")
        children = [(f"{at}[{i}]", c) for i, c in enumerate(tree[1])]
    elif kind == "dict" and all(isinstance(k, str) for k in tree[1]):
        checks.append(f"type({at}) is dict and tuple({at}) == {tuple(tree[1].order)!r}")
        children = [(f"{at}[{k!r}]", c) for k, c in zip(tree[1], tree[2], strict=True)]
    elif kind == "namedtuple":
        cls = f"c{next(count)}"
        names[cls] = tree[1]
        checks.append(f"type({at}) is {cls}")
        children = [(f"{at}[{i}]", c) for i, c in enumerate(tree[2])]
    else:
        return False
    return all(_take_apart(a, c, assigns, checks, names, count) for a, c in children)


def _pack_expression(tree, names: dict) -> Callable[[list[str]], str]:
    """A function from the names of the results to the expression that builds their tree."""
    def build(t, rest) -> str:
        if t == "*":
            return next(rest)
        if t is None:
            return "None"
        kind = t[0]
        if kind in ("tuple", "list"):
            listed = ", ".join(build(c, rest) for c in t[1])
            return f"[{listed}]" if kind == "list" else f"({listed}{',' if len(t[1]) == 1 else ''})"
        if kind == "dict":
            items = {k: build(c, rest) for k, c in zip(t[1], t[2], strict=True)}
            return "{" + ", ".join(f"{k!r}: {items[k]}" for k in t[1].order) + "}"
        label = f"tree{len(names)}"
        names[label], names["unflatten"] = t, unflatten
        leaves = [next(rest) for _ in leaf_paths(t)]
        return f"unflatten({label}, ({', '.join(leaves)}{',' if leaves else ''}))"

    def pack(results: list[str]) -> str:
        return build(tree, iter(results))
    return pack


def _as_tuple(x) -> tuple:
    return (x,) if isinstance(x, (int, str)) else tuple(x)


def jit(f: Callable | None = None, *, static_argnums: int | Iterable[int] = (), static_argnames: str | Iterable[str] = (),
        max_signatures: int = 4096, timed: bool = False, threads: int | None = None,
        wait: bool | None = None, donate: int | Iterable[int] = ()) -> Any:
    """Compile a function: traced at the first call with a signature, then run as native code.

    Parameters
    ----------
    f : function of trees of arrays and numbers, made of NumPy operations
    static_argnums, static_argnames : positions and names of arguments that are not arrays; a new value compiles anew
    max_signatures : how many kernels are kept; the oldest go first
    timed : whether `cache_info()` counts the seconds spent in kernels (costs 0.1 us a call)
    threads : most threads that a kernel may use, 0 for as many as there are processors; by default `ad.config.threads`. Only loops
        long enough to repay it are shared. Results depend on the number of threads, in the last digits, not on the load
    wait : whether a call waits until its kernel is compiled. Otherwise, where that would take more than about 20 ms, the NumPy evaluator
        serves calls meanwhile, with results that agree to rounding; by default as `ad.config.wait` says
    donate : positions of arguments that the caller gives away, such as the parameters and state of a training step: results may take
        the memory of their arrays, which then hold the results. Hand such an array over once only, and use it no more

    Returns
    -------
    Jitted : callable as `f`; has `trace`, `source`, `cache_info`, `cache_clear` and `why`

    Raises
    ------
    ConcreteValueError
        While tracing, where Python needs the number behind a traced value.

    Examples
    --------
    >>> import numpy as np
    >>> norm2 = jit(lambda x: (x * x).sum())
    >>> float(norm2(np.arange(4.0)))
    14.0
    >>> norm2.cache_info().misses
    1
    """
    if f is None:
        return lambda g: jit(g, static_argnums=static_argnums, static_argnames=static_argnames, max_signatures=max_signatures,
                             timed=timed, threads=threads, wait=wait, donate=donate)
    return Jitted(f, _as_tuple(static_argnums), _as_tuple(static_argnames), max_signatures, timed, threads, wait, _as_tuple(donate))
