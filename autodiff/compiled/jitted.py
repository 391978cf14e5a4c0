"""jit: signature -> kernel.

A call flattens its arguments, looks the signature up, and runs the kernel. A miss traces, plans and compiles. Under an outer trace (or on
tensors) nothing is compiled: the traced graph is recorded as one `call` node. Users hold the subclass `CompiledFunction` of `by_object.py`.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
import threading
import time
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.capture import lift_here
from autodiff.capture.effects import Learned, left_to_python
from autodiff.capture.recording import Recorded, record, with_effects
from autodiff.compiled.background import no_collection, submit, waits
from autodiff.compiled.entries import CacheInfo, Entry, Uncompiled
from autodiff.compiled.environment import Surroundings
from autodiff.compiled.kept import Kept, kept_for
from autodiff.compiled.shapes import Shapes
from autodiff.compiled.signature import Convention, Signature, StaticArguments, bound, call_label, difference
from autodiff.compiled.specialise import MOST_PATHS, Variants
from autodiff.compiled.trimmed import trimmed_kernel
from autodiff.compiled.verify import verified_call
from autodiff.leaves import as_leaf, name_of
from codegen.backends.interpreter import InterpretedKernel
from codegen.config import VERIFY, config
from tracer import float_errors
from tracer.asked import Asked
from tracer.errors import ConcreteValueError, ProgramError, UnsupportedError, explain
from tracer.graph import Graph
from tracer.ops.control import call
from tracer.trace import Tracer, bind, current_trace
from tracer.tracebacks import said_by_python, trim, trims
from tracer.tree import flatten, unflatten, unpacker

__all__ = ["CacheInfo", "Jitted", "config"]

EXPLAINED = 64
"""Signatures that a miss is compared with when it is explained."""
NATIVE_CHAIN = 8
"""Signatures that the native entry tries one after another; the others are found by hashing."""

_all: weakref.WeakSet[Jitted] = weakref.WeakSet()


def _after_fork() -> None:
    """A lock that another thread held when the process was forked would never be released in the child."""
    for jitted in list(_all):
        jitted._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Jitted:
    """A function compiled once for every signature it is called with. Made by `jit`."""

    is_jitted = True
    _relatives: Sequence[Signature] = ()    # signatures that a first compilation is explained with

    def __init__(self, f: Callable, static_argnums: Sequence[int], static_argnames: Sequence[str], max_signatures: int, timed: bool,
                 threads: int | None = None, wait: bool | None = None, donate: tuple[int, ...] = (), verify: str | None = None):
        functools.update_wrapper(self, f)
        _all.add(self)
        self.function = f
        self.name = name_of(f)
        self._entries: OrderedDict[Signature, Entry] = OrderedDict()
        self._max = max_signatures
        self._timed = timed
        self._threads, self._wait, self._donate = threads, wait, donate
        if verify is not None and verify not in VERIFY:
            raise ValueError(f"verify is {verify!r}; it is one of {', '.join(VERIFY)}")
        self._verify = verify
        self._slow_hits = self._misses = 0
        self._fast_hits = [0]
        self._seconds = self._compile_seconds = 0.0
        self._fast: Callable = self._call
        self._native: Any = None
        self._direct: Callable = self._positional
        self._by_convention: dict[tuple, Any] = {}    # native functions for calls with static arguments and keywords
        self._missed: tuple | None = None
        self._lock = threading.RLock()
        self._statics = StaticArguments.of(f, static_argnums, static_argnames)
        self._static_order = sorted(self._statics.positions, reverse=True)
        self._around = Surroundings(f)
        self._same: Callable[[], bool] | None = None    # None where nothing from outside is read, or the native entry compares it
        self._around_holds: Callable[[], bool] = self._around.check()
        self._watched: list | None = None               # what the native entry compares
        self._changed = ""
        self._acts = False              # whether it changes something outside
        self._uncompiled = Uncompiled()
        self._renewed = 0               # recordings in a row that what the function changes outside has made necessary
        self._learned = Learned()       # what the function changes outside of it
        self._shapes = Shapes(self)
        self._needs_integers: ConcreteValueError | None = None      # why the numbers of integer arguments belong to the signature
        self._asked = Asked.TYPES   # what of the arguments belongs to the signature
        if "numba" in sys.modules:
            from autodiff.compiled.interop import register_numba
            register_numba()

    # -- calling ---------------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        try:
            if self._same is not None and not self._same():
                self._adapt()
            if kwargs or self._static_order:
                if self._watched is not None and not self._around_holds():
                    self._adapt()
                return self._call_by_convention(args, kwargs)
            return self._direct(*args)
        except ProgramError as e:
            found = e
        except Exception as e:
            trim(e)
            raise
        return said_by_python(found, self._uncompiled, "the program raises", self.function, args, kwargs)

    def _call_by_convention(self, args: tuple, kwargs: dict):
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
            keywords, names = tuple(sorted(kwargs)), self._statics.names
            for k in keywords:
                v = kwargs[k]
                if k in names:
                    fixed.append((v.__class__, v))
                else:
                    rest.append(v)
        try:
            native = self._by_convention.get((len(args), keywords, tuple(fixed)))
        except TypeError:   # what cannot be hashed: the general way says so
            native = None
        return self._call(args, kwargs) if native is None else native.call(*rest)

    def _positional(self, *args):
        if self._watched is not None and not self._around_holds():
            self._adapt()
        return (self._call if float_errors.are_wanted() else self._fast)(args)

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
        if float_errors.are_wanted():
            return self._uncompiled(float_errors.FLOAT_ERRORS, self.function, args, kwargs or {})
        try:
            return self._call_by_signature(args, kwargs or {})
        except Exception as e:
            why = left_to_python(e)
            if not why:
                raise
        return self._uncompiled(why, self.function, args, kwargs or {})

    def _call_by_signature(self, args: tuple, kwargs: dict):
        statics: tuple = ()
        if self._statics.names:
            args, kwargs, statics = self._statics.take(args, kwargs)
        leaves, tree = flatten((args, kwargs) if kwargs else args)
        key = Signature.of(tree, leaves, statics, not kwargs, self._asked)
        entry = self._entries.get(key)
        is_new = entry is None
        if entry is None:
            if any(isinstance(x, Tracer) for x in leaves):
                return self._call_traced(args, kwargs, statics)
            if self._renewed > MOST_PATHS:
                why = "what they change outside decides what the next call does"
                return self._uncompiled(why, bound(self.function, statics), args, kwargs)
            entry = self._compile(key, args, kwargs, statics, leaves, tree)
        else:
            self._slow_hits += 1
            self._renewed = 0
            if entry.detached or entry.kernel.outgrown:
                self._detach(entry)
                self._add_direct(entry, self._convention(args, kwargs, statics), tree, leaves)
        verify = self._verify or config.verify
        if verify != "off" and (is_new or verify == "always") and not self._acts:   # else its effects would happen twice
            found = entry

            def compiled(args: tuple, kwargs: dict):
                return self._run(found, args, kwargs, statics, flatten((args, kwargs) if kwargs else args)[0], tree)
            return verified_call(self.name, bound(self.function, statics), entry.recorded, args, kwargs, compiled)
        return self._run(entry, args, kwargs, statics, leaves, tree)

    def _run(self, entry: Entry, args: tuple, kwargs: dict, statics: tuple, leaves: list, tree):
        """Run the kernel of an entry."""
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

    def _entry_for(self, args: tuple) -> tuple[Entry, list]:
        """The entry for positional arguments, compiled if need be, and their leaves."""
        args, kwargs, statics = self._statics.take(args, {}) if self._statics.names else (args, {}, ())
        leaves, tree = flatten(args)
        key = Signature.of(tree, leaves, statics, True, self._asked)
        return self._entries.get(key) or self._compile(key, args, kwargs, statics, leaves, tree), leaves

    @trims
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
        >>> import autodiff as ad
        >>> x = np.array([1.0, 2.0])
        >>> norm2 = ad.jit(lambda x: (x * x).sum()).bind(x)
        >>> float(norm2())
        5.0
        >>> x[0] = 3.0
        >>> float(norm2())
        13.0
        """
        entry, leaves = self._entry_for(args)
        if entry.variants is None:
            from codegen.entry.calling import CallPlan
            from codegen.entry.native import NativeFunction
            table = entry.kernel.call_table(CallPlan.bound(leaves, entry.captured, entry.recorded.out_tree), reuse)
            if table is not None:
                return NativeFunction(functools.partial(self, *args), [table]).call
        return functools.partial(self, *args)

    def _record(self, args: tuple, kwargs: dict, statics: tuple, **how) -> Recorded:
        f = bound(self.function, statics)
        leaves, tree = flatten((args, kwargs))
        before = self._around.here()

        def attempt() -> Recorded:
            return record(lambda a, k: lift_here(f)(*a, **k), tree, leaves, concrete=how.get("guarded", False), name=self.name,
                          label=call_label, writes=True, learned=self._learned, **how)
        rec = with_effects(attempt, self._learned)
        self._acts |= rec.effects is not None
        self._around.add(before, rec.captured, rec.reads, self._learned)
        self._asked = max(self._asked, rec.asked)
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
                self._renewed += self._acts
                if self._renewed == MOST_PATHS + 1:
                    warnings.warn(f"`{self.name}` runs uncompiled: what it changes outside decides what it does in the next call "
                                  f"({self._changed})", RuntimeWarning, stacklevel=4)
                self.cache_clear()
                return
            self._look()
            new = {id(old): x for old, x in replaced}
            for template in self._shapes.holders():
                template.captured[:] = [new.get(id(x), x) for x in template.captured]
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
        trace = current_trace()     # None for tensors
        guarded = trace is not None and trace.guards is not None
        rec = self._record(args, kwargs, statics, **({"guarded": True} if guarded else {}))
        leaves, _ = flatten((args, kwargs))
        out = bind(call, *map(as_leaf, leaves), *rec.captured, graph=rec.graph)
        n = rec.results()
        for k, new in zip(rec.written, out[n:], strict=True):
            leaves[k][...] = new
        return unflatten(rec.out_tree, out[:n])

    def _compile(self, key, args, kwargs, statics, leaves, tree) -> Entry:
        with self._lock:
            found = self._entries.get(key) or self._shapes.served(key, leaves)
        if found is not None:
            return found
        with self._lock, no_collection():
            start = time.perf_counter()
            if (entry := self._entries.get(key) or self._shapes.recorded(key, args, kwargs, statics, leaves)) is not None:
                return entry
            kept = kept_for(self, key)
            if (entry := kept.served(args, kwargs)) is not None:
                self._add_direct(entry, self._convention(args, kwargs, statics), tree, leaves)
                return self._keep(key, entry, start)
            variants = None
            try:
                rec = self._record_first(args, kwargs, statics)
            except ConcreteValueError as e:
                variants = Variants(self, e)
                rec = variants.record(args, kwargs, statics, leaves)
            key = Signature.of(tree, leaves, statics, key.is_plain, self._asked)    # the recording may have asked for more
            variants = Variants(self, None) if variants is None and (rec.written or rec.effects is not None) else variants
            if variants is not None:
                entry = Entry(rec, None, [], unpacker(rec.out_tree), None, variants=variants)
                entry.kernel = variants.start(rec, args, kwargs, statics, leaves)
                return self._keep(key, entry, start)
            captured = self._outside(rec)
            kept.note(rec, captured)
            direct = self._convention(args, kwargs, statics)
            if waits(rec.graph, self._wait):
                kernel = self._kernel(rec.graph)
                kept.keep(kernel)
                entry = Entry(rec, kernel, captured, unpacker(rec.out_tree), None)
                self._add_direct(entry, direct, tree, leaves)
                self._release(entry)
            else:
                kernel = InterpretedKernel(rec.graph)
                entry = Entry(rec, kernel, captured, unpacker(rec.out_tree), None)
                # Arrays of the same types stand for the arguments, which are not kept alive for it.
                like = [np.empty(x.shape, x.dtype) if isinstance(x, np.ndarray) else x for x in leaves]
                submit(lambda: self._finish(entry, tree, like, direct, kept))
            return self._keep(key, entry, start)

    def _release(self, entry: Entry) -> None:
        """Drop the graphs of an entry that has its kernel, where nothing will ask for them again: they take most of its memory."""
        if not self._donate and (self._verify or config.verify) == "off":
            entry.recorded = entry.recorded.without_graph()
            entry.kernel.release()

    def _kernel(self, graph: Graph):
        """Compile, where that can be done."""
        from codegen.compile import compile_graph
        make = functools.partial(compile_graph, threads=self._threads)
        return trimmed_kernel(graph, make) if any(t.symbols() for t in graph.out_types) else make(graph)

    def _outside(self, rec: Recorded) -> list:
        """The arrays that a recorded function reads from outside its arguments."""
        for c in rec.captured:
            if isinstance(c, Tracer) and c.owner.level:
                raise explain(ConcreteValueError, f"`{self.name}` uses a traced value from outside", where=None,
                              why="it is called on plain arrays while an outer function is traced",
                              fix="pass the traced value as an argument")
        return [c.value if isinstance(c, Tracer) else c for c in rec.captured]

    def _keep(self, key, entry: Entry, start: float | None = None) -> Entry:
        """Enter an entry that was begun at a time, and return it; the oldest goes if there are too many."""
        self._missed = (key, None if self._missed is None else self._missed[0], entry)
        self._entries[key] = entry
        if len(self._entries) > self._max:
            _, oldest = self._entries.popitem(last=False)
            self._fast = self._call
            if oldest.native is not None:
                oldest.native.set([t for t in oldest.native.signatures if t is not oldest.table])
                self._by_convention = {k: f for k, f in self._by_convention.items() if f.signatures}
        self._misses += 1
        self._compile_seconds += time.perf_counter() - start if start else 0.0
        return entry

    def _finish(self, entry: Entry, tree, leaves, direct: Convention | None, kept: Kept) -> None:
        """Compile in the background, and let calls go to the kernel from then on."""
        from codegen.compile import compile_graph
        start = time.perf_counter()
        try:
            kernel = compile_graph(entry.recorded.graph, threads=self._threads)
            kept.keep(kernel)
        except Exception as e:  # noqa: BLE001 - there is no caller: the evaluator goes on, and `why` and the warning say so
            entry.kernel.note = f"compiling failed ({type(e).__name__}: {e}); the evaluator serves it"
            warnings.warn(f"`{self.name}`: {entry.kernel.note}", RuntimeWarning, stacklevel=2)
            return
        with self._lock:
            entry.kernel = kernel
            self._compile_seconds += time.perf_counter() - start
            if any(e is entry for e in self._entries.values()):
                self._add_direct(entry, direct, tree, leaves)
            self._release(entry)

    def _convention(self, args, kwargs, statics) -> Convention | None:
        """The way of calling; None if there is no direct one."""
        convention = Convention(statics, tuple(sorted(n for n in kwargs if n not in self._statics.names)), len(args))
        always = (self._verify or config.verify) == "always"     # then each call comes through Python
        return convention if not self._timed and not always and convention.is_simple() else None

    def _add_direct(self, entry: Entry, convention: Convention | None, tree, leaves) -> None:
        entry.detached = False
        if convention is None or entry.variants is not None or self._asked == Asked.LAYOUT:
            return
        from codegen.entry.calling import CallPlan
        plain = convention.is_plain()
        plan = CallPlan.of(convention.structure(tree), leaves, entry.captured, entry.recorded.out_tree, self._donate if plain else ())
        if plan is None:
            return
        entry.table = entry.kernel.call_table(plan)
        if entry.table is not None:
            self._add_native(entry, convention)
        elif plain:
            entry.fast = entry.kernel.python_entry(plan, self._call, self._fast_hits)

    def _add_native(self, entry: Entry, convention: Convention) -> None:
        """Let calls with this signature go to the kernel without Python code in the way."""
        from codegen.entry.native import NativeFunction
        entry.native = self._native if convention.is_plain() else self._by_convention.get(convention.key())
        if entry.native is not None:
            entry.native.set([entry.table, *entry.native.signatures][:NATIVE_CHAIN])
        elif convention.is_plain():
            self._native = entry.native = NativeFunction(self._positional, [entry.table])
            self._native.watch(self._watched or [])
            self._direct = self._native.call
        else:
            def general(*rest):
                return self._call(*convention.arguments(rest))
            self._by_convention[convention.key()] = entry.native = NativeFunction(general, [entry.table])

    # -- looking ---------------------------------------------------------------------------------

    @trims
    def trace(self, *args, **kwargs) -> Graph:
        """The typed graph for these arguments; nothing is compiled. `print` shows it, Jupyter draws it."""
        args, kwargs, statics = self._statics.take(args, kwargs)
        return self._record(args, kwargs, statics).graph

    def source(self, *args, **kwargs) -> str:
        """The generated loop source for these arguments, as readable Python."""
        from codegen.stages import stages
        return stages(self.trace(*args, **kwargs)).source

    def cache_info(self) -> CacheInfo:
        """Hits, misses (compilations), kernels held, seconds in kernels (with `timed=True`) and in compiling, and the ops that run
        through NumPy."""
        names = sorted({n for e in self._entries.values() for n in e.kernel.references})
        hits = self._slow_hits + self._fast_hits[0] + sum(e.table.hits for e in self._entries.values() if e.table is not None)
        return CacheInfo(hits, self._misses, len(self._entries), self._seconds, self._compile_seconds, tuple(names),
                         self._shapes.served_shapes)

    def cache_clear(self) -> None:
        """Forget all kernels."""
        self._entries.clear()
        self._shapes.clear()
        self._fast = self._call
        self._native, self._direct = None, self._positional
        self._by_convention.clear()
        self._around.clear()
        self._same = self._watched = None

    def why(self) -> str:
        """Why the last compilation happened: the closest signature that was there, and the leaf that differs."""
        if self._missed is None:
            return f"`{self.name}` has not been " + (f"compiled{told}" if (told := self._uncompiled.why()) else "called yet")
        key, before, entry = self._missed
        others = [k for k in itertools.islice(reversed(self._entries), EXPLAINED) if k is not key] or ([before] if before else [])
        others = others or self._relatives
        return entry.why(self.name, self._changed or (difference(key, others) if others else ""), self._shapes.last, self._uncompiled.why())
