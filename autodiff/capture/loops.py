"""A loop as one node of a graph.

The body is traced as a region (`autodiff/capture/body.py`), again until the types of what it hands on settle. What the loop carries are the
names that it binds, arrays that it writes in place (`Region.written`), places in objects that it sets (`Region.touched`), and lists that it
appends to (`Region.appended`).

Order of reading: `_Loop.run`, `Attempt.run`, `Attempt._place` (both in `body.py`), `_Recording._bind`. Words: a *cell* is Python's
closure cell of a name; a *placeholder* is the input of the body that stands for a carried value; a *slot* is a place in an object, by
owner and name; a *hint* is what earlier attempts have found of a name; *held* are the objects that can be reached from the loop's blocks;
a *stale* tracer is one whose value has been written since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from autodiff.capture.body import Attempt, Carried, Hint, Steps, hint_of, known_places
from autodiff.capture.branches import pass_on_stale
from autodiff.capture.locations import PENDING, Slot, append, may_append, mutating, reachable, will_set
from autodiff.capture.loop_aliases import LoopAliases, check_aliases
from autodiff.capture.region import Region
from autodiff.capture.snapshots import Snapshot
from autodiff.capture.state import (
    BREAK,
    CONTINUE,
    NONE,
    RETURN,
    UNBOUND,
    Cells,
    Jump,
    Retrace,
    Target,
    check_lengths,
    converted,
    declined,
    exceptions_refused,
    has_effect,
    kind_of,
    leaves_of,
    undecided,
)
from autodiff.leaves import as_leaf, weak_of
from autodiff.numpy.aliasing import assign, may_be, may_be_part, put, shared, stale
from autodiff.numpy.rows import Row
from autodiff.transforms.checkpoint import loop_within
from tracer.array import call as call_numpy
from tracer.errors import ShapeError, UnsupportedError
from tracer.graph import Const, Graph, Var, live_nodes
from tracer.integers import upper_bound
from tracer.op import type_of
from tracer.ops.control import FOREVER, LoopSpec
from tracer.ops.control import cond as cond_op
from tracer.ops.control import loop as loop_op
from tracer.ops.shape import integer_of_length
from tracer.passes.scalar_replacement import apart
from tracer.promote import cast_to
from tracer.trace import Trace, Tracer, bind, current_trace, inline, opened, reopened, trace_graph, zeros
from tracer.tree import LEAF, unflatten
from tracer.types import ArrayType, Dim, i64

__all__ = ["loop", "Steps"]

RETRACES = 8
"""Attempts to record a body."""


def loop(steps: Steps, body: Callable, carried: Sequence[str], state: Sequence[str], blocks: Sequence[Callable | None]) -> Jump | None:
    """A loop as one node. Sets the names; returns how the loop was left, None at its end.

    Raises
    ------
    Declined
        If what a step hands to the next changes its structure, or a Python object is changed.
    """
    return _Loop(steps, body, carried, state, blocks).run()


class _Loop:
    """A loop while it is recorded: its names and places, and the lists that its body appends to, with what is in them."""

    def __init__(self, steps: Steps, body: Callable, carried: Sequence[str], state: Sequence[str], blocks: Sequence[Callable | None]):
        self.steps, self.body = steps, body
        self.cells = Cells(blocks, state)
        self.carry: list[Target] = [n for n in carried if n in self.cells.names]
        self.init = self.cells.all()
        kinds = tuple([(n, tuple([type_of(as_leaf(x)) for x in leaves_of(self.init[n])[0]])) for n in self.carry])
        self.hint: Hint = hint_of(body, kinds)    # type: ignore[arg-type]
        self.held = reachable(blocks)
        self.lists: dict[int, tuple[list, list]] = {}
        self.sure = self.some = steps.test is None and isinstance(steps.count, int) and steps.count > 0
        # `some`: at least one step, their number known or not.

    def run(self) -> Jump | None:
        """Trace the body until it settles, and record the node."""
        snapshot, changed = Snapshot(self.held), []
        for slot in known_places(self.hint, self.held):
            will_set(slot)      # the blocks around see it as it is now, before it gets the value of any step
            self._add(slot, slot.get())
        try:
            for _ in range(RETRACES):
                self.cells.restore(self.init)
                changed += snapshot.restore()
                found = self._attempt()
                if found is not None:
                    break
            else:
                raise declined("what the loop hands from step to step does not settle on a type")
        finally:
            self.cells.restore(self.init)
            changed += snapshot.restore()
        Snapshot.refuse(changed)
        attempt, results = found
        trace = attempt.trace
        appended = _appended(attempt, trace)
        elements = [Carried(f"an element of a list ({k})", LEAF, [x]) for k, x in enumerate(appended)]
        aliases = check_aliases(attempt, [*results, *elements], trace)
        return _Recording(attempt, results, trace, self.cells, self.some, aliases).record(appended)

    def _add(self, slot: Slot, value) -> bool:
        """A place that the body sets: it is handed from step to step. Whether it is new."""
        target = self.cells.add(slot)
        if target is None:
            return False
        if slot.kind != "last":
            self.hint.set[slot.like()] = None
        self.init[target] = value
        if value is not UNBOUND:
            self.carry.append(target)
        return True

    def _attempt(self) -> tuple[Attempt, list[Carried]] | None:
        """One trace of the body, and what it hands on; None if another one is needed."""
        around = current_trace()
        attempt = Attempt(self.steps, self.body, list(self.carry), list(self.cells.names), self.cells, self.init, self.hint)
        with opened(Region("loop", self.held)) as trace, _read_by_nobody(self.lists), exceptions_refused("a step of a loop"):
            trace.appended = {} if self.sure and self.steps.memory is None else None
            try:
                if self._traced(attempt, trace, around):
                    return None
                # One that is only left by a jump takes a step, or a part of one.
                self.some = self.sure or self.steps.test is not None and not undecided(attempt.test) and bool(attempt.test)
                return attempt, attempt.results(self.some)
            except Retrace:
                return None
            except (ShapeError, UnsupportedError) as e:
                if attempt.growing:
                    raise attempt.irregular(e) from e
                raise

    def _traced(self, attempt: Attempt, trace: Region, around: Trace | None) -> bool:
        """Trace the body; whether it sets places or appends to lists that were not known of."""
        try:
            attempt.run(trace)
        except ShapeError as e:
            attempt.explain_shape(e)
            raise
        finally:
            grown = trace.appended or {}    # elements of such a list are no places: how many there are differs from step to step
            more = [self._add(slot, old) for slot, old in trace.touched.items() if slot.kind != "item" or id(slot.owner) not in grown]
            new = {k: (x, elements) for k, (x, _, elements) in grown.items() if k not in self.lists}
            for x, elements in new.values():
                x[:] = elements
        self.lists.update(new)
        for x, _ in new.values():
            if not may_append(x, around):
                mutating(x, "append on")
        for x, elements in new.values():
            if elements and elements[-1] is not PENDING:
                self._add(Slot(x, "last", -1), elements[-1])
        return any(more) or bool(new)


@contextmanager
def _read_by_nobody(lists: dict[int, tuple[list, list]]) -> Iterator[None]:
    """Lists that a body appends to, while it is recorded: no element is what it is in another step. The last one is carried."""
    for x, elements in lists.values():
        x[:] = [PENDING, elements[-1] if elements else PENDING]
    try:
        yield
    finally:
        for x, elements in lists.values():
            x[:] = elements


def _appended(attempt: Attempt, trace: Region) -> list:
    """The leaves of all that a step appends to lists.

    Raises
    ------
    Declined
        If it is no data, an array that was there before the step, or if the loop may be left before its last step.
    """
    found = []
    for _, values, _ in (trace.appended or {}).values():
        for value in values:
            leaves, tree = leaves_of(value)
            if tree is UNBOUND:
                raise declined(f"append on a list of {kind_of(value)} in a loop", "it is no array", "use an array made before the loop")
            found += leaves
    jump = attempt.jump
    if found and jump is not None and not (isinstance(jump.code, int) and jump.code == CONTINUE):
        raise declined("append on a list in a loop that may be left by break or return", "the number of elements is not known",
                       "use an array made before the loop and write its elements")
    for x in found:
        if isinstance(x, np.ndarray) or isinstance(x, Tracer) and x.type.shape and x.owner is not trace:
            raise declined("append of an array that is made outside of the loop", "all elements would be one array", "append a copy")
    return found


class _Recording:
    """The node of a loop while it is put together: what each carry starts with, is in a step and after it, and who receives the result."""

    def __init__(self, attempt: Attempt, results: Sequence[Carried], trace: Region, cells: Cells, sure: bool,
                 aliases: LoopAliases):
        self.attempt, self.results, self.trace, self.cells, self.sure = attempt, results, trace, cells, sure
        self.starts: list = []              # a value, or the type of zeros
        self.inputs: list[Var] = []
        self.outputs: list = []
        self.receivers: list[Callable[[Any], None]] = []
        self.taken: list = []               # how many steps, once that is there
        self.arrays: list[tuple[Tracer, Sequence]] = []    # arrays among the results, and what they are in the loop
        self.left = Jump(NONE)
        self.flag: Var | None = None        # how the step before was left
        self.aliases = aliases
        self.after: dict[int, Tracer] = {}  # placeholder -> what its name has after the loop

    def record(self, appended: Sequence) -> Jump | None:
        """Record the node, and hand out what it gives; how the loop was left, None at its end."""
        trace, jump = self.trace, self.attempt.jump
        if jump is not None and isinstance(jump.code, int) and jump.code == CONTINUE:
            jump = None
        with reopened(trace):
            for c in self.results:
                self._carry_name(c)
            for root, var in list(trace.written.values()):
                self._carry(root, trace.captured_vars[id(root)], var, partial(assign, root))
            if jump is not None:
                self._carry_jump(jump)
            self.outputs += [self._atom(x) for x in appended]
        out = self._bind()
        self.arrays += _extend_lists(self.attempt, trace, out[len(self.receivers):-1])
        shared(self.arrays)
        self._follow_cycles()
        self._note_stale(out)
        pass_on_stale(trace)
        return self.left if jump is not None else None

    def _atom(self, x):
        return self.trace.atom(x if isinstance(x, Tracer) else as_leaf(x))

    def _carry(self, start, var: Var, out, receive: Callable[[Any], None]) -> None:
        self.starts.append(start)
        self.inputs.append(var)
        self.outputs.append(out)
        self.receivers.append(receive)

    def _carry_name(self, c: Carried) -> None:
        if c.tree is UNBOUND:
            self.cells.put(c.name, c.ends[0])
            return
        fresh: list = []
        placed = self.attempt.placed.get(c.name)
        for k, (x, v, start) in enumerate(zip(c.ends, c.vars, c.starts, strict=True)):
            out = self._atom(x)
            t = v.type if v is not None else out.type
            placeholder = placed.tracers[k] if placed is not None else None
            self._carry(t if start is None else start, v if v is not None else Var(t), out,
                        partial(self._receive_leaf, c, x, start, placeholder, fresh))

    def _receive_leaf(self, c: Carried, x, start, placeholder: Tracer | None, fresh: list, y) -> None:
        """One leaf of a name's value after the loop; with the last one the name gets the value."""
        inside = x if isinstance(x, Tracer) else None
        before = start if not self.sure and isinstance(start, Tracer) else None
        if placeholder is not None and self._is_handed_on(placeholder):
            self.after[id(placeholder)] = y
        else:
            may_be(y, [(inside, lambda: np.greater(self.taken[0], 0)), (before, lambda: np.equal(self.taken[0], 0))])
            if inside is not None and y.type.shape:
                for other, same in self.aliases.starts_of(inside):
                    if other is not before or not same:
                        may_be_part(y, other, same)
        self.arrays.append((y, [inside]))
        if c.name in self.attempt.growing:
            y = call_numpy("index", y, tuple([slice(None, d) for d in self.attempt.growing[c.name]]))
        if c.weak:
            y.weak = c.weak[len(fresh)]
        fresh.append(y)
        if len(fresh) == len(c.ends):
            self.cells.put(c.name, unflatten(c.tree, list(fresh)))

    def _carry_jump(self, jump: Jump) -> None:
        """How a step is left, which ends the loop, and the value that it returns."""
        code = np.int64(jump.code) if isinstance(jump.code, int) else jump.code
        self.flag = Var(i64)
        stop = np.where(np.greater_equal(code, BREAK), code, np.int64(NONE))
        self._carry(np.int64(NONE), self.flag, self.trace.atom(stop), partial(setattr, self.left, "code"))
        values, tree = leaves_of(jump.value)
        if not undecided(jump.code) and jump.code != RETURN or tree is UNBOUND:
            self.left.value = jump.value
            return
        got: list = []

        def receive(x, y) -> None:
            may_be(y, [(x, lambda: np.equal(self.left.code, RETURN))])
            self.arrays.append((y, [x]))
            got.append(y)
            self.left.value = unflatten(tree, list(got)) if len(got) == len(values) else None
        for x in values:
            t = type_of(as_leaf(x))
            self._carry(t, Var(t), self._atom(x), partial(receive, x))

    def _bind(self) -> Sequence[Tracer]:
        """Record the node and hand out the carries. All results: the carries, the stacks of what steps appended, how many steps."""
        attempt, trace, steps = self.attempt, self.trace, self.attempt.steps
        written = {id(root) for root, _ in trace.written.values()}
        constants = [(outer, trace.captured_vars[id(x)]) for outer, x in trace.captured if id(x) not in written]
        nodes = tuple(trace.nodes)
        inputs = (attempt.i.ref, *(v for _, v in constants), *self.inputs)
        body = live_nodes(Graph("loop", inputs, nodes, tuple(self.outputs)))  # type: ignore[arg-type]
        test = _test_graph(attempt, body, nodes[:attempt.tested], self.flag)
        begin = [zeros(s) if isinstance(s, ArrayType) else _begin(s, v.type) for s, v in zip(self.starts, self.inputs, strict=True)]
        count, length = _count(steps, test)
        parts = apart([c for c, _ in constants], begin, body, test)
        check_lengths([*parts.constants, *parts.carries])
        if steps.memory is not None:
            out = loop_within(steps.memory, count, parts.constants, parts.carries, parts.body, parts.test, length)    # counts chunks
        else:
            spec = LoopSpec(len(parts.constants), len(parts.carries), 0)
            out = bind(loop_op, count, *parts.constants, *parts.carries, spec=spec, length=length, body=parts.body, test=parts.test)
        out = parts.join(out)
        self.taken.append(out[-1])
        for receive, y in zip(self.receivers, out, strict=False):
            receive(y)
        return out

    def _is_handed_on(self, placeholder: Tracer) -> bool:
        """Whether an array only goes from name to name, and after how many steps is known."""
        return bool(self.aliases.cycle(placeholder)) and (self._steps() is not None or self.attempt.steps.memory is None)

    def _steps(self) -> int | None:
        """How many steps the loop takes, where that is known."""
        count = self.attempt.steps.count
        ends = self.attempt.jump is None and self.attempt.test is True
        return count if ends and isinstance(count, int) else None

    def _follow_cycles(self) -> None:
        """Arrays from before the loop that go from name to name: what is in each afterwards, and which names it has then."""
        news: dict[int, list[tuple[Any, Tracer]]] = {}
        for placeholder, y in self.after.items():
            cycle = self.aliases.cycle(self.aliases.placeholders[placeholder])
            for r, other in enumerate(cycle):
                when: Any = np.True_
                if (steps := self._steps()) is None:
                    when = np.equal(np.remainder(self.taken[0], len(cycle)), r) if len(cycle) > 1 else when
                elif steps % len(cycle) != r:
                    continue
                news.setdefault(id(other), []).append((when, y))
        written = any(t.ref is not v for p in self.attempt.placed.values() for t, v in zip(p.tracers, p.vars, strict=True))
        for other_id, found in news.items():
            start, new = self.aliases.starts[other_id], found[0][1]
            for when, y in found[1:]:
                new = np.where(when, y, new)
            if written:
                put(start, new)
            for when, y in found:
                may_be(y, [(start, lambda when=when: when)])    # type: ignore[misc]

    def _note_stale(self, out: Sequence[Tracer]) -> None:
        """An array that a step binds anew and writes: under its name from before the loop its contents are not known any more.

        A later step may write what another name was before the loop.
        """
        given = {id(y.views.memory) for y in out if y.views is not None}
        for n, p in self.attempt.placed.items():
            for t, v in zip(p.tracers, p.vars, strict=True):
                if id(t) not in self.after and t.type.shape and (t.ref is not v or id(t) in self.trace.stale):
                    for start in [self.aliases.starts[q] for q in self.aliases.reach(t)]:
                        if isinstance(start, Tracer):
                            stale(start, f"`{n}` was bound anew in a loop that also writes the array", given)


def _extend_lists(attempt: Attempt, trace: Region, stacks: Sequence[Tracer]) -> list[tuple[Tracer, Sequence]]:
    """Give each list what the steps appended to it; the rows that are arrays, and what they were in the loop."""
    rest = iter(stacks)
    rows: list[tuple[Tracer, Sequence]] = []
    for x, values, _ in (trace.appended or {}).values():
        kept = []
        for value in values:
            leaves, tree = leaves_of(value)
            kept.append((tree, leaves, [next(rest) for _ in leaves]))
        for k in range(attempt.steps.count):
            for tree, leaves, whole in kept:
                elements = [Row(y, k) for y in whole]
                for row, leaf in zip(elements, leaves, strict=True):
                    row.weak = weak_of(leaf)
                if k == attempt.steps.count - 1:
                    rows += [(row, [leaf]) for row, leaf in zip(elements, leaves, strict=True) if row.type.shape]
                append(x, unflatten(tree, elements))
    return rows


def _begin(x, t: ArrayType):
    """What a carry of type `t` starts with; with room behind it for an array that grows."""
    have = type_of(as_leaf(x))
    if len(have.shape) == len(t.shape) and have.shape and have.shape != t.shape:
        return np.pad(converted(x, have.with_dtype(t.dtype)), [(0, b - a) for a, b in zip(have.shape, t.shape, strict=True)])   # type: ignore
    return x if isinstance(x, Tracer) and x.type == t else converted(x, t)


def _count(steps: Steps, test: Graph | None) -> tuple[Any, Dim | None]:
    """The most steps, and the length of what the loop may have to keep for each of them."""
    if steps.count is None:
        return FOREVER, None
    if isinstance(steps.count, int):
        return integer_of_length(steps.count), steps.count
    known = steps.count.owner.integer_of(steps.count.ref)
    most = upper_bound(known) if known is not None else None
    return steps.count, max(most, 0) if most is not None else None


def _test_graph(attempt: Attempt, body: Graph, nodes, flag: Var | None) -> Graph | None:
    """Whether there is a next step: the loop's own test, unless it was left already."""
    tested = attempt.test
    if flag is None and tested is True:
        return None

    def f(*args):
        given = dict(zip(body.inputs, args, strict=True))
        going = np.equal(given[flag], NONE) if flag is not None else None
        if not isinstance(tested, Tracer):
            return [going if going is not None else np.bool_(bool(tested))]
        only = live_nodes(Graph("test", body.inputs, tuple(nodes), (tested.ref,)))  # type: ignore[arg-type]
        if going is None:
            return inline(only, args)
        if has_effect([only]):
            stay = Graph("left", tuple([Var(v.type) for v in only.inputs]), (), (Const(np.False_),))
            return bind(cond_op, cast_to(going, i64.dtype), *args, branches=(stay, only))
        return [np.logical_and(going, inline(only, args)[0])]
    return trace_graph(f, body.in_types, "test")
