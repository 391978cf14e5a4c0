"""One recording for all shapes of a structure.

The first shape with which a function is called is recorded as it stands. When a second one comes, the lengths in which they differ are
symbols (`tracer/lengths.py`), and what is recorded and compiled then holds for all shapes that meet its conditions: a new shape takes no
tracing, no graph and no machine code, only the numbers in the kernel's table. A shape that does not meet them is recorded with symbols
again, up to `MOST` times a structure. Lengths that have not differed stay numbers, and so do those below 17.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.capture.recording import Recorded
from autodiff.compiled.background import submit, waits
from autodiff.compiled.entries import Entry
from autodiff.compiled.signature import Signature, argument
from autodiff.compiled.specialise import Variants, integers, shared_arrays
from autodiff.numpy.sizes import number_of_length
from codegen.backends.interpreter import InterpretedKernel
from codegen.config import config
from tracer.asked import Asked
from tracer.errors import user_line
from tracer.lengths import LEAST, Lengths, number_of
from tracer.passes.numbers import with_numbers
from tracer.sizes import Length
from tracer.tree import leaf_paths, unpacker
from tracer.types import Dim

if TYPE_CHECKING:
    from autodiff.compiled.jitted import Jitted

__all__ = ["Shapes"]

MOST = 8
"""Recordings with symbols that one structure may have; further shapes are recorded as they stand."""
FRUITLESS = 2
"""Recordings that turned out to hold for one shape only, after which no more are tried."""
NEAR = 2
"""Lengths that differ by so little in both shapes are taken to belong together, such as n and n - 1."""


@dataclass(slots=True)
class Template:
    """A recording with symbols, and what the entries of its shapes are made from."""

    recorded: Recorded
    captured: list
    unpack: Callable
    lengths: Lengths
    dims: list[Dim]
    numbers: Callable[[Sequence[int]], tuple[int, ...] | None] = lambda d: None
    resized: Callable[[Sequence[int]], Any] = lambda numbers: None


@dataclass(slots=True)
class _Structure:
    """What is known of the shapes of one structure."""

    first: Signature                        # of the first shape
    seen: tuple[int, ...]                   # its lengths
    names: list[str]                        # what the user may call them
    varied: set[int] = field(default_factory=set)
    templates: list[Template] = field(default_factory=list)
    fruitless: int = 0
    waiting: bool = False                   # whether one is being compiled
    refused: str = ""                       # why shapes are recorded one by one


class Shapes:
    """The structures with which a function is called."""

    def __init__(self, jitted: Jitted):
        self.jitted = jitted
        self.structures: dict[tuple, _Structure] = {}
        self.served_shapes = 0              # those that took no recording
        self.last = ""                      # for `why`: how the last new shape was served

    def holders(self) -> list[Template]:
        """All that hold arrays from outside."""
        return [t for s in self.structures.values() for t in s.templates]

    def clear(self) -> None:
        """Forget all of it."""
        self.structures.clear()

    def _structure(self, key: Signature, leaves: list) -> tuple:
        """A signature without its lengths, with the integers that the function needs."""
        numbers = tuple(integers(leaves).values()) if self.jitted._needs_integers is not None else ()
        kinds = tuple([(leaf[0], len(leaf[1])) if type(leaf) is tuple else leaf for leaf in key.leaves])
        return key.tree, kinds, key.statics, key.is_plain, key.orders, numbers

    def _may_share(self) -> bool:
        """Whether one recording may serve many shapes: not where memory of arguments is given away, or their layout decides."""
        return config.share_shapes and not self.jitted._donate and self.jitted._asked != Asked.LAYOUT

    def _has_variants(self, rec: Recorded) -> bool:
        """Whether the signature alone does not decide which kernel is run."""
        return bool(rec.written) or self.jitted._needs_integers is not None

    def served(self, key: Signature, leaves: list) -> Entry | None:
        """The entry for a new shape that needs no recording; None if there is none."""
        if not self._may_share():
            return None
        known = self.structures.get(self._structure(key, leaves))
        if known is None:
            return None
        dims = _lengths(key)
        for template in known.templates:
            numbers = template.numbers(dims)
            if numbers is not None:
                self.served_shapes += 1
                self.last = "a kernel whose lengths may be others serves it"
                return self._keep(key, known, self._entry(template, numbers, leaves))
        return None

    def recorded(self, key: Signature, args: tuple, kwargs: dict, statics: tuple, leaves: list) -> Entry | None:
        """The entry for a new shape that is recorded for others too; None where it is to be recorded as it stands."""
        self.last = ""
        if not self._may_share():
            return None
        dims = _lengths(key)
        known = self.structures.get(self._structure(key, leaves))
        if known is None:
            if dims:
                self.structures[self._structure(key, leaves)] = _Structure(key, dims, _names(key))
            return None
        broken = _broken(known.templates[-1], dims, known.names) if known.templates else ""
        known.varied |= {k for k, (a, b) in enumerate(zip(known.seen, dims, strict=True)) if a != b}
        if known.waiting or not any(dims[k] >= LEAST for k in known.varied):
            return None
        if known.fruitless < FRUITLESS and len(known.templates) < MOST:
            found = self._recorded(known, dims, args, kwargs, statics, leaves)
        else:
            found = None
        if found is None:
            many = f"there are {MOST} recordings with other conditions" if len(known.templates) >= MOST else ""
            self.last = f"recorded for this shape alone: {many or known.refused}"
            return None
        self.last = f"recorded for other lengths too{f', because {broken}' if broken else ''}"
        return self._keep(key, known, found)

    def _keep(self, key: Signature, known: _Structure, entry: Entry) -> Entry:
        """Enter an entry under a key that shares all but the lengths with the first one."""
        first = known.first
        self.jitted._keep(Signature(first.tree, key.leaves, first.statics, key.is_plain, first.orders), entry)
        return entry

    def _recorded(self, known: _Structure, dims: tuple[int, ...], args: tuple, kwargs: dict, statics: tuple,
                  leaves: list) -> Entry | None:
        """Record with symbols."""
        jitted = self.jitted
        lengths = Lengths(number_of_length, user_line)
        symbolic = _symbols(known, dims, lengths)
        fixed = {"fixed": integers(leaves)} if jitted._needs_integers is not None else {}
        try:
            rec = jitted._record(args, kwargs, statics, shapes=_by_leaf(symbolic, leaves), **fixed)
        except Exception as e:  # noqa: BLE001 - recorded as it stands, the function says it again, unless that is the difference
            lengths.close()
            known.fruitless += 1
            known.refused = f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"
            return None
        if self._is_for_one(rec, leaves):
            lengths.close()
            known.fruitless = FRUITLESS
            known.refused = ("it changes something outside, asks how arguments lie in memory, or returns an array whose length is "
                             "known only at run time")
            return None
        template = Template(rec, jitted._outside(rec), unpacker(rec.out_tree), lengths, symbolic)
        if self._has_variants(rec) or waits(rec.graph, jitted._wait):
            try:
                return self._compiled(known, template, leaves)
            except Exception as e:  # noqa: BLE001 - a fault of the compiler, which need not stop the call; tests are to see it
                if config.check:
                    raise
                known.fruitless, known.refused = FRUITLESS, f"compiling failed: {type(e).__name__}: {e}"
                return None
            finally:
                lengths.close()
        graph = with_numbers(rec.graph, lengths.numbers)
        entry = Entry(replace(rec, graph=graph), InterpretedKernel(graph), template.captured, template.unpack, None)
        known.waiting = True
        submit(lambda: self._in_background(known, template, entry))
        return entry

    def _is_for_one(self, rec: Recorded, leaves: list) -> bool:
        """Whether a recording is no use to other shapes."""
        return bool(rec.effects is not None or rec.written and shared_arrays(leaves) or self.jitted._asked == Asked.LAYOUT
                    or any(t.symbols() for t in rec.graph.out_types))

    def _in_background(self, known: _Structure, template: Template, entry: Entry) -> None:
        """Compile a recording, and let its entry go to the kernel from then on."""
        try:
            made = self._compiled(known, template, [])
        except Exception as e:  # noqa: BLE001 - there is no caller: the evaluator goes on, and `why` says so
            entry.kernel.note = f"compiling failed ({type(e).__name__}: {e}); the evaluator serves it"
            known.fruitless = FRUITLESS
            return
        finally:
            template.lengths.close()
            known.waiting = False
        with self.jitted._lock:
            if made is not None:
                entry.recorded, entry.kernel, entry.detached = made.recorded, made.kernel, True

    def _compiled(self, known: _Structure, template: Template, leaves: list) -> Entry | None:
        """Compile a recording with symbols; from then on other shapes may use it."""
        jitted, lengths = self.jitted, template.lengths
        start = time.perf_counter()
        kernel = jitted._kernel(template.recorded.graph)
        lengths.close()
        resized = kernel.for_lengths(lengths)
        jitted._compile_seconds += time.perf_counter() - start
        if resized is None:
            known.fruitless = FRUITLESS
            known.refused = kernel.note or "its generator writes lengths into the code"
            return None
        numbers = tuple(lengths.numbers.values())
        template.resized, template.numbers = resized, lengths.matcher(template.dims)
        if template.numbers([number_of(d) for d in template.dims]) is None:
            raise AssertionError(f"the conditions of a recording do not hold for itself: {lengths.reasons}")
        if lengths.pinned():
            known.fruitless += 1
            known.refused = "; ".join(_named(template, text, known.names) + (f" ({where})" if where else "")
                                      for text, where in lengths.reasons if "==" in text)
        if (jitted._verify or config.verify) == "off":
            template.recorded = template.recorded.without_graph()
            kernel.release()
        known.templates.append(template)
        return self._entry(template, numbers, leaves)

    def _entry(self, template: Template, numbers: tuple[int, ...], leaves: list) -> Entry:
        """What serves one shape."""
        rec = template.recorded
        if rec.has_graph:
            rec = replace(rec, graph=with_numbers(rec.graph, dict(zip(template.lengths.numbers, numbers, strict=True))))
        kernel = template.resized(numbers)
        if self._has_variants(rec):
            variants = Variants.of(self.jitted, rec, kernel, template.captured, leaves)
            return Entry(rec, kernel, [], template.unpack, None, variants=variants)
        return Entry(rec, kernel, template.captured, template.unpack, None, detached=True)


def _lengths(key: Signature) -> tuple[int, ...]:
    """All lengths of a signature, in order."""
    return tuple([d for leaf in key.leaves if type(leaf) is tuple for d in leaf[1]])


def _symbols(known: _Structure, dims: tuple[int, ...], lengths: Lengths) -> list[Dim]:
    """The lengths of a call, with symbols for those that differ from call to call."""
    found: list[tuple[int, int, Length]] = []   # the length in the first shape and in this one, and the symbol
    out: list[Dim] = []
    for k, (first, d) in enumerate(zip(known.seen, dims, strict=True)):
        if k not in known.varied or d < LEAST:
            out.append(d)
            continue
        near = next((s + (d - b) for a, b, s in found if d - b == first - a and abs(d - b) <= NEAR), None)
        if near is None:
            near = lengths.symbol(d)
            found.append((first, d, near))
        out.append(near)    # type: ignore[arg-type]
    return out


def _by_leaf(dims: Sequence[Dim], leaves: Sequence) -> dict[int, tuple[Dim, ...]]:
    """The shapes of the leaves, from all their lengths in order."""
    rest = iter(dims)
    return {k: tuple([next(rest) for _ in range(np.ndim(x))]) for k, x in enumerate(leaves) if isinstance(x, (np.ndarray, np.generic))}


def _names(key: Signature) -> list[str]:
    """What the user may call the lengths of a call, in order."""
    return [f"{argument(path)}.shape[{axis}]" for path, leaf in zip(leaf_paths(key.tree, ""), key.leaves, strict=True)
            if type(leaf) is tuple for axis in range(len(leaf[1]))]


def _named(template: Template, text: str, names: Sequence[str]) -> str:
    """A condition with the names of lengths in place of the symbols."""
    for s, k in template.lengths.places(template.dims).items():
        text = re.sub(rf"\b{s}\b", names[k], text)
    return text


def _broken(template: Template, dims: Sequence[int], names: Sequence[str]) -> str:
    """Why a recording does not hold for a call."""
    for have, d, name in zip(template.dims, dims, names, strict=True):
        if type(have) is not Length and have != d:
            return f"{name} was {have} so far"
    text, where = template.lengths.broken(dims, template.dims)
    text = _named(template, text, names)
    return f"{text} held so far{f' ({where})' if where else ''}" if text else "lengths that were alike differ"
