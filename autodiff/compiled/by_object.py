"""Functions and objects among the arguments: each set of them has a compiled function of its own.

What a function or an object holds may change between two calls, so it is looked at as variables from outside are
(`autodiff.compiled.environment`). Looking at all objects that a function was ever called with would make every call slower, so those of a
call are served by a compiled function of their own, as each object has one whose class has a compiled method.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import chain, islice
from types import MethodType
from typing import Any

import numpy as np

from autodiff.capture.statics import check_objects, holders, is_tree_of_arrays
from autodiff.compiled.entries import CacheInfo, Entry
from autodiff.compiled.environment import Surroundings
from autodiff.compiled.jitted import EXPLAINED, Jitted
from autodiff.compiled.signature import Signature, call_label
from tracer.graph import Graph
from tracer.static import Static
from tracer.trace import Tracer
from tracer.tracebacks import trims
from tracer.tree import flatten

__all__ = ["CompiledFunction"]

MOST_OBJECTS = 64
"""Sets of functions and objects that are kept, with their kernels; those used longest ago go first."""
MOST_NEW_FUNCTIONS = 8
"""Functions of one definition that are taken before there is a warning."""
_NO_OBJECTS = frozenset([np.ndarray, float, int, bool, np.float64, np.float32, np.int64, str, type(None)])
"""Classes of arguments that hold no functions or objects."""


class CompiledFunction(Jitted):
    """A function compiled once for every signature it is called with, and for the functions and objects among its arguments."""

    def __init__(self, f: Callable, *settings: Any):
        super().__init__(f, *settings)
        self._settings = settings
        self._held: Sequence | None = None      # the functions and objects that it is for; None where it is for calls of any kind
        self._around_it: CompiledFunction | None = None     # then the one that it belongs to
        self._others: OrderedDict[tuple, CompiledFunction] = OrderedDict()
        self._latest: CompiledFunction | None = None    # the one that was called last
        self._warned = False

    def __get__(self, instance, owner=None):
        """As a method: `self` is an ordinary first argument if it is a tree of arrays; else each object has a function of its own."""
        if instance is None:
            return self
        if is_tree_of_arrays(instance):
            return functools.partial(self, instance)
        nums = [n - 1 for n in self._statics.positions if n > 0]
        donate = tuple([n - 1 for n in self._donate if n > 0])
        found = CompiledFunction(MethodType(self.function, instance), nums, (), self._max, self._timed, self._threads, self._wait, donate,
                                 self._verify)
        vars(instance)[self.name] = found   # from now on it is found there
        return found

    def _serving(self, args: tuple, kwargs: dict) -> CompiledFunction:
        """The function that serves a call: this one, or one for the functions and objects among the arguments.

        Raises
        ------
        DTypeError
            For an object that cannot be followed.
        """
        if self._held is not None:
            return self
        for x in (*args, *kwargs.values()):     # asked for at each call of the general way
            if x.__class__ not in _NO_OBJECTS:
                break
        else:
            return self
        taken = self._statics.take(args, kwargs)[:2] if self._statics.names else (args, kwargs)
        leaves, structure = flatten(taken)
        held = holders(structure)
        if not held or any(isinstance(x, Tracer) for x in leaves):
            return self     # in a recording the outermost function looks at what they hold
        key = tuple([Static(x) for x in held])
        with self._lock:
            found = self._others.get(key)
            if found is None:
                check_objects(structure, call_label)
                self._warn_of_new_functions(held)
                found = self._others[key] = self._holding(held)
                if len(self._others) > MOST_OBJECTS:
                    self._others.popitem(last=False)
            else:
                self._others.move_to_end(key)
            self._latest = found
        return found

    def _holding(self, held: Sequence) -> CompiledFunction:
        new = CompiledFunction(self.function, *self._settings)
        new._statics, new._static_order = self._statics, self._static_order
        new._held, new._around = held, Surroundings(self.function, held)
        new._around_it = self
        return new

    def _warn_of_new_functions(self, held: Sequence) -> None:
        """Warn of functions that the caller makes anew for each call, so that each call compiles."""
        codes = [getattr(x, "__code__", None) for x in held]
        if None not in codes and not self._warned:
            same = sum(codes == [getattr(s.value, "__code__", None) for s in key] for key in self._others)
            if same == MOST_NEW_FUNCTIONS:
                self._warned = True
                name, line = held[0].__qualname__, codes[0].co_firstlineno  # type: ignore[union-attr]
                warnings.warn(f"`{self.name}` is given a new function for each call, `{name}` of line {line}, and compiles for each: "
                              "define the function once, outside of the loop", RuntimeWarning, stacklevel=7)

    @property
    def _relatives(self) -> Sequence[Signature]:
        if self._around_it is None:
            return ()
        others = (f for f in reversed(self._around_it._others.values()) if f is not self)
        return list(islice(chain.from_iterable(reversed(f._entries) for f in (*others, self._around_it)), EXPLAINED))

    # -- what a call asks ------------------------------------------------------------------------

    def _call_by_signature(self, args: tuple, kwargs: dict):
        other = self._serving(args, kwargs)
        if other is not self:
            return other(*args, **kwargs)
        self._latest = None
        return super()._call_by_signature(args, kwargs)

    def _entry_for(self, args: tuple) -> tuple[Entry, list]:
        other = self._serving(args, {})
        return super()._entry_for(args) if other is self else other._entry_for(args)

    # -- looking ---------------------------------------------------------------------------------

    @trims
    def trace(self, *args, **kwargs) -> Graph:
        """The typed graph for these arguments; nothing is compiled. `print` shows it, Jupyter draws it."""
        other = self._serving(args, kwargs)
        return super().trace(*args, **kwargs) if other is self else other.trace(*args, **kwargs)

    def cache_info(self) -> CacheInfo:
        """Hits, misses (compilations), kernels held, seconds in kernels (with `timed=True`) and in compiling, and the ops that run
        through NumPy."""
        all_of_them = [super().cache_info(), *(other.cache_info() for other in self._others.values())]
        columns = dict(zip(CacheInfo._fields, zip(*all_of_them, strict=True), strict=True))
        names: Any = columns.pop("reference_calls")
        return CacheInfo(reference_calls=tuple(sorted({n for found in names for n in found})), **{k: sum(c) for k, c in columns.items()})

    def cache_clear(self) -> None:
        """Forget all kernels."""
        super().cache_clear()
        self._others.clear()
        self._latest = None

    def why(self) -> str:
        """Why the last compilation happened: the closest signature that was there, and the leaf that differs."""
        return super().why() if self._latest is None else self._latest.why()
