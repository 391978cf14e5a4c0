"""Names of one array around a loop: where a write in a step would be seen under another name, the loop is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff.capture.body import Attempt, Carried
from autodiff.capture.region import Region
from autodiff.capture.state import UNBOUND, declined
from autodiff.leaves import as_leaf
from autodiff.numpy.aliasing import relatives
from tracer.op import type_of
from tracer.trace import Tracer

__all__ = ["LoopAliases", "check_aliases"]


class LoopAliases:
    """Which arrays from before a loop the arrays after it may be, or be parts of.

    A step may bind a name to (a view of) what another name, or the same, was at its start: `p, q = q, p`, `p = p[::-1]`. After some steps
    it may be what any name that is reached in this way was before the loop.
    """

    def __init__(self, attempt: Attempt, results: Sequence[Carried]):
        self.starts: dict[int, Any] = {}        # placeholder -> the array, or the number, before the loop
        self.ends: dict[int, Any] = {}          # placeholder -> the array at the end of a step
        self.placeholders: dict[int, Tracer] = {}
        self.stale = attempt.trace.stale
        ends = {c.name: c.ends for c in results}
        for n, p in attempt.placed.items():
            for k, t in enumerate(p.tracers):
                if t.type.shape:
                    self.starts[id(t)], self.placeholders[id(t)] = p.starts[k], t
                    self.ends[id(t)] = ends[n][k] if n in ends else None

    def reach(self, x: Tracer) -> list[int]:
        """The placeholders whose values from before the loop x may be a part of in some step, or after it."""
        found: list[int] = []
        todo = [x]
        while todo:
            y = todo.pop()
            for root in relatives(y):
                if id(root) in self.starts and id(root) not in found:
                    found.append(id(root))
                    if isinstance(self.ends[id(root)], Tracer):
                        todo.append(self.ends[id(root)])
        return found

    def cycle(self, x: Tracer) -> list[Tracer]:
        """The placeholders whose arrays from before the loop x's name has after 0, 1, … steps; then it begins again.

        Empty where a step does more than hand whole arrays from name to name: `p, q = q, p` has cycles, `p, q = q, p + q` has none.
        """
        found: list[Tracer] = []
        while not found or x is not found[0]:
            start = self.starts.get(id(x))
            if any(x is y for y in found) or not isinstance(start, Tracer) or start.type != x.type or id(x) in self.stale:
                return []
            found.append(x)
            after = self.placeholders.get(id(self.ends[id(x)]))
            if after is None:
                return []
            x = after
        return found

    def starts_of(self, x: Tracer) -> list[tuple[Tracer, bool]]:
        """The arrays from before the loop that x, an array at the end of a step, may be a part of; whether it is the very one for sure."""
        found = [(p, self.starts[p]) for p in self.reach(x) if isinstance(self.starts[p], Tracer)]
        only = len(found) == 1 and found[0][0] == id(x) and self.ends[id(x)] is x
        return [(start, only) for _, start in found]


def _root(x: Tracer) -> Tracer:
    while x.views is not None and x.views.base is not None:
        x = x.views.base
    return x


def check_aliases(attempt: Attempt, results: Sequence[Carried], trace: Region) -> LoopAliases:
    """Refuse names that share an array which the loop writes: what one of them sees could not be followed."""
    seen: dict[int, str] = {}
    writes = any(p.is_written() for p in attempt.placed.values())
    for c in results:
        for x in c.ends if c.tree is not UNBOUND else ():
            if not isinstance(x, Tracer) or not x.type.shape:
                continue
            root = _root(x)
            if id(root) in trace.written:
                raise declined(f"`{c.name}` is another name for an array that the loop writes",
                               "each step would see the writes of the next", f"copy it, `{c.name} = ….copy()`")
            if id(root) in seen and writes:
                raise declined(f"`{c.name}` and `{seen[id(root)]}` are one array after a step",
                               "a write through one would be seen by the other", "copy one of them")
            seen[id(root)] = c.name
    aliases = LoopAliases(attempt, results)
    _check_numbers(attempt, aliases)
    _check_starts(attempt, trace)
    _check_ends(attempt, results, trace)
    return aliases


def _check_numbers(attempt: Attempt, aliases: LoopAliases) -> None:
    """A name that is a number in the first step and an array in later ones: an operator in place writes the array, and not the number."""
    for n, p in attempt.placed.items():
        for t in p.written():
            if any(not type_of(as_leaf(aliases.starts[q])).shape for q in aliases.reach(t)):
                raise declined(f"`{n}` is a number in one step of a loop, and an array that the loop writes in another",
                               "a number is replaced, an array is written", f"make `{n}` an array before the loop")


def _check_starts(attempt: Attempt, trace: Region) -> None:
    """An array under a name that the loop binds anew may also be reached under other names, and one of them be written."""
    starts = [(n, start, t.ref is not v) for n, p in attempt.placed.items()
              for t, v, start in zip(p.tracers, p.vars, p.starts, strict=True) if isinstance(start, Tracer) and start.type.shape]
    outer = [(root, True) for root, _ in trace.written.values()]
    outer += [(x, False) for _, x in trace.captured if isinstance(x, Tracer) and x.type.shape]
    for k, (n, start, is_written) in enumerate(starts):
        own = set(map(id, relatives(start)))
        for x, w in outer + [(x, w) for j, (_, x, w) in enumerate(starts) if j != k]:
            if (w or is_written) and any(id(r) in own for r in relatives(x)):
                raise declined(f"`{n}` may have elements in common with an array that the loop uses", "one of them is written",
                               f"copy it, `{n} = {n}.copy()`")


def _check_ends(attempt: Attempt, results: Sequence[Carried], trace: Region) -> None:
    """A name whose array a step writes must not be bound to an array that has another name, for the next step to write."""
    ends = [(c.name, [r for x in c.ends if isinstance(x, Tracer) and x.type.shape for r in relatives(x)]) for c in results]
    for n, arrays in ends:
        if n in attempt.placed and attempt.placed[n].is_written():
            others = {id(r) for m, more in ends if m != n for r in more}
            if any(r.owner is not trace or id(r) in others for r in arrays):
                raise declined(f"`{n}` becomes a part of another array in a loop that writes to it",
                               "the next step would write to that array", f"copy it, `{n} = ….copy()`")
