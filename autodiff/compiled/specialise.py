"""Signatures that several kernels serve: by the numbers of integers, by which arguments are one array, by the path that Python took.

A function that writes its arguments has a kernel for each way in which they are the same arrays, and the caller's arrays are changed
after the call. Where an integer argument has to be known (a length, a position in a list), its number belongs to the signature. Where
control flow cannot be captured, the path that was taken is compiled together with the conditions on which Python took it: a call
whose conditions come out otherwise is recorded anew, up to `MOST_PATHS` times, and then runs uncompiled.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autodiff.capture.effects import AFTER_EFFECTS, leave_to_python
from autodiff.capture.recording import Recorded
from autodiff.capture.replay import Replay, SlotInput
from autodiff.capture.state import UNBOUND
from autodiff.compiled.signature import bound
from tracer.errors import ConcreteValueError, UnsupportedError, explain
from tracer.tree import unflatten

__all__ = ["Variants", "MOST_PATHS", "integers", "shared_arrays"]

MOST_PATHS = 8


@dataclass(slots=True)
class _Path:
    recorded: Recorded
    kernel: Any
    captured: list


@dataclass(slots=True)
class _Variant:
    """The paths for one choice of numbers and shared arrays."""

    paths: list[_Path] = field(default_factory=list)


class Variants:
    """The kernels of one signature, and how a call finds its own."""

    def __init__(self, jitted, refused: ConcreteValueError | None):
        self.jitted = jitted
        self.refused = refused          # why the function could not be recorded for any values
        self.by_number = False          # integers are part of the signature
        self.guarded = False
        self.writes = False
        self.table: dict[tuple, _Variant] = {}
        self.uncompiled = 0

    @staticmethod
    def of(jitted, rec: Recorded, kernel: Any, captured: list, leaves: Sequence) -> Variants:
        """Those of a function that writes its arguments, or needs its integers, with a kernel for leaves that are different arrays."""
        variants = Variants(jitted, jitted._needs_integers)
        variants.writes, variants.by_number = bool(rec.written), jitted._needs_integers is not None
        if not shared_arrays(leaves):
            variants.table[variants._choice(leaves)] = _Variant([_Path(rec, kernel, captured)])
        return variants

    # -- recording -----------------------------------------------------------------------------

    def record(self, args, kwargs, statics, leaves) -> Recorded:
        """Record in the first way that works: with known integers, then along the path taken."""
        how = self._how(leaves)
        if any(type(x) is int for x in leaves) and not self.by_number and not self.guarded:
            self.by_number = True
            how = self._how(leaves)
            try:
                rec = self.jitted._record(args, kwargs, statics, **how)
                self.jitted._needs_integers = self.refused
                return rec
            except ConcreteValueError:
                self.by_number = False
                how = self._how(leaves)
        elif self.by_number:
            return self.jitted._record(args, kwargs, statics, **how)
        if not self.guarded and self.refused is None:
            return self.jitted._record(args, kwargs, statics, **how)
        try:
            rec = self.jitted._record(args, kwargs, statics, guarded=True, **how)
        except ConcreteValueError as e:
            if self.refused is not None:
                e.add_note(f"  besides, it is no one graph for all values: {_first_line(self.refused)}")
            raise
        if not self.guarded:
            self.guarded = True
            warnings.warn(f"`{self.jitted.name}` is compiled along the path that its conditions take: {_first_line(self.refused)}; other "
                          f"paths are recorded when they are taken", RuntimeWarning, stacklevel=4)
        return rec

    def _how(self, leaves) -> dict:
        how: dict[str, Any] = {}
        if self.by_number:
            how["fixed"] = integers(leaves)
        if self.writes:
            how["shared"] = shared_arrays(leaves)
        return how

    def start(self, rec: Recorded, args, kwargs, statics, leaves) -> Any:
        """Take the first recording, and compile it."""
        if rec.written:
            self.writes = True
            if shared_arrays(leaves):
                rec = self.jitted._record(args, kwargs, statics, **self._how(leaves), **({"guarded": True} if self.guarded else {}))
        path = self._compiled(rec)
        self.table[self._choice(leaves)] = _Variant([path])
        return path.kernel

    def _compiled(self, rec: Recorded) -> _Path:
        return _Path(rec, self.jitted._kernel(rec.graph), self.jitted._outside(rec))

    def holders(self) -> list[_Path]:
        """All that hold arrays from outside."""
        return [p for v in self.table.values() for p in v.paths]

    # -- calling -------------------------------------------------------------------------------

    def _choice(self, leaves) -> tuple:
        """What decides besides the signature."""
        numbers = tuple([x for x in leaves if type(x) is int]) if self.by_number else ()
        return (*numbers, *shared_arrays(leaves).items()) if self.writes else numbers

    def call(self, args, kwargs, statics, leaves, tree):
        """Run the kernel of these arguments."""
        variant = self.table.get(self._choice(leaves))
        if variant is None:
            with self.jitted._lock:
                rec = self.record(args, kwargs, statics, leaves)
                variant = _Variant([self._compiled(rec)])
                self.table[self._choice(leaves)] = variant
                self.jitted._misses += 1
        for path in variant.paths:
            found = self._run(path, leaves, (args, kwargs))
            if found is not None:
                return found[0]
        if len(variant.paths) < MOST_PATHS:
            with self.jitted._lock:
                rec = self.record(args, kwargs, statics, leaves)
                path = self._compiled(rec)
                variant.paths.insert(0, path)
                self.jitted._misses += 1
            if len(variant.paths) == MOST_PATHS // 2:
                warnings.warn(f"`{self.jitted.name}` was compiled for {len(variant.paths)} paths: {_first_line(self.refused)}",
                              RuntimeWarning, stacklevel=4)
            found = self._run(path, leaves, (args, kwargs))
            if found is not None:
                return found[0]
        if not self.uncompiled:
            warnings.warn(f"`{self.jitted.name}` runs uncompiled on paths beyond the first {MOST_PATHS}: {_first_line(self.refused)}",
                          RuntimeWarning, stacklevel=4)
        self.uncompiled += 1
        return bound(self.jitted.function, statics)(*args, **kwargs)

    def _run(self, path: _Path, leaves, arguments: tuple) -> tuple | None:
        """The result in a tuple; None if the path is another one."""
        rec = path.recorded
        if rec.written:
            _check_apart(rec.written, leaves, self.jitted.name)
        captured = path.captured
        if rec.effects is not None:
            captured = [x.read() if isinstance(x, SlotInput) else x for x in captured]
            if any(x is UNBOUND for x in captured):
                return None     # a number outside is of another type
            _check_outside(rec.effects, captured, leaves, self.jitted.name)
        try:
            out = path.kernel.run(*leaves, *captured)
        except (IndexError, AssertionError, ArithmeticError, ValueError, np.linalg.LinAlgError) as e:
            leave_to_python(e, AFTER_EFFECTS if rec.effects is not None else "")
            if not rec.guarded:
                raise
            return None     # on another path it may mean nothing; on this one the uncompiled function says it
        if rec.guarded and not out[-1]:
            return None
        n = rec.results() if rec.has_graph else len(out) - len(rec.written) - rec.guarded
        for k, new in zip(rec.written, out[n:], strict=False):
            if isinstance(leaves[k], np.ndarray):
                leaves[k][...] = new
        if rec.effects is not None:
            first = n + len(rec.written)
            rec.effects.run(out[first:first + rec.effects.results], captured, arguments)
        return (unflatten(rec.out_tree, out[:n]),)

    def why(self) -> str:
        """For `why`."""
        parts = []
        if self.by_number:
            parts.append(f"; integers belong to its signature: {_first_line(self.refused)}")
        if self.guarded:
            paths = sum(len(v.paths) for v in self.table.values())
            parts.append(f"; compiled along {paths} path{'s' if paths > 1 else ''}: {_first_line(self.refused)}")
        effects = sorted({p.recorded.effects.words for p in self.holders() if p.recorded.effects is not None})
        if any(effects):
            parts.append(f"; after each call it {' or '.join(filter(None, effects))}")
        if self.uncompiled:
            parts.append(f"; {self.uncompiled} calls ran uncompiled")
        return "".join(parts)


def integers(leaves: Sequence) -> dict[int, int]:
    """The leaves that are Python ints, by number."""
    return {k: x for k, x in enumerate(leaves) if type(x) is int}


def _first_line(e: Exception | None) -> str:
    lines = str(e).split("\n")
    return lines[0] + (f" ({lines[1].strip()})" if len(lines) > 1 and lines[1].strip().startswith("at") else "")


def shared_arrays(leaves: Sequence) -> dict[int, int]:
    """Leaf -> an earlier leaf that is the same array."""
    first: dict[int, int] = {}
    found = {}
    for k, x in enumerate(leaves):
        if isinstance(x, np.ndarray):
            j = first.setdefault(id(x), k)
            if j != k:
                found[k] = j
    return found


def _check_outside(effects: Replay, captured: Sequence, leaves: Sequence, name: str) -> None:
    """Refuse an argument that overlaps with an array outside which the function writes."""
    for k in effects.writes:
        for j, x in enumerate(leaves):
            if isinstance(x, np.ndarray) and np.may_share_memory(x, captured[k]):
                raise explain(UnsupportedError, f"`{name}` writes an array from outside that overlaps with argument leaf {j}",
                              why="what one of them sees of writes to the other could not be followed", fix="pass a copy")


def _check_apart(written: Sequence[int], leaves: Sequence, name: str) -> None:
    """Refuse a written array that overlaps with another argument."""
    for k in written:
        for j, x in enumerate(leaves):
            if j != k and isinstance(x, np.ndarray) and x is not leaves[k] and np.may_share_memory(x, leaves[k]):
                raise explain(UnsupportedError, f"`{name}` writes argument leaf {k}, which overlaps with leaf {j}",
                              why="what one of them sees of writes to the other could not be followed", fix="pass a copy of one of them")
