"""A block of a captured function while it is recorded: one way through a branch, or a step of a loop.

Names mean the same in a block and around it, so a block may write what was made outside of it. What outer arrays and views stand for there
is kept here until the branch or loop gives it to the trace around.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracer.graph import Var
from tracer.op import type_of
from tracer.trace import Trace, Tracer, reopened

__all__ = ["Region"]


class Region(Trace):
    """The trace of a block.

    held : the objects that were there before it, by number
    written : outer arrays that it writes, and what they are now
    reread : outer views, read from what their base is now
    touched : places in objects from before the block that it sets, and what they held
    appended : lists from before a loop, what a step appends to each, and its elements before; None where it is not known how often a block
        runs
    """

    is_region = True

    def __init__(self, name: str, held: dict[int, Any]):
        super().__init__(name, False)
        self.held = held
        self.written: dict[int, tuple[Tracer, Var]] = {}
        self.reread: dict[int, tuple[Tracer, Var]] = {}
        self.touched: dict[Any, Any] = {}
        self.appended: dict[int, tuple[list, list, list]] | None = None

    def acts(self) -> bool:
        """Whether it has changed what was there before it."""
        return bool(self.touched or self.written or self.appended)

    def _known_as(self, x: Tracer) -> Tracer:
        """An outer tracer is known by itself: the trace around gives what it stands for when the block is recorded."""
        return x

    def outer(self, x: Tracer) -> Var:
        """What an outer tracer stands for in this block."""
        found = self.written.get(id(x)) or self.reread.get(id(x))
        if found is not None:
            return found[1]
        if x.owner.level and x.views is not None and x.views.base is not None and self.reaches(x):
            was_open = self.open
            with reopened(self):
                ref = self.atom(x.views.read(x.views.base))
            self.open = was_open
            self.reread[id(x)] = (x, ref)  # type: ignore[assignment]
            return ref  # type: ignore[return-value]
        return self.capture(x)

    def rebind(self, x: Tracer, new: Any, keep: Sequence[Tracer] = ()) -> None:
        """Let `x`, of this block or from outside, stand for `new` from here on."""
        if x.owner is self:
            super().rebind(x, new)
            return
        if not isinstance(new, Tracer):
            new = Tracer(type_of(new), self, self.atom(new))  # type: ignore[arg-type]
        kept = {id(y): self.reread[id(y)] for y in keep if id(y) in self.reread}
        self.reread.clear()
        if x.views is None or x.views.base is None:
            self.capture(x)
            self.written[id(x)] = (x, self.atom(new))  # type: ignore[assignment]
        else:
            self.reread[id(x)] = (x, self.atom(new))  # type: ignore[assignment]
        self.reread.update(kept)
