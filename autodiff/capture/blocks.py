"""Branches and loops of Python as nodes of a graph.

A block is traced once as a region. Its names are looked at before and after; arrays that it writes in place are found by the trace
(`Trace.written`), and so are places in objects that it sets (`Trace.touched`) and lists that it appends to (`Trace.appended`). All
together are what a branch gives and what a loop carries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from autodiff.capture.advancing import outermost
from autodiff.capture.locations import PENDING, Slot, append, may_append, mutating, reachable, will_set
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
    converted,
    declined,
    exceptions_refused,
    joined_type,
    leaves_of,
    truth,
    undecided,
    weak_of,
)
from autodiff.leaves import as_leaf
from autodiff.numpy.aliasing import assign, may_be, relatives, shared, stale
from autodiff.numpy.rows import Row
from autodiff.numpy.sizes import integer_of
from autodiff.transforms.checkpoint import loop_within
from tracer.array import call as call_numpy
from tracer.errors import ShapeError, UnsupportedError, user_line
from tracer.graph import Graph, Var, live_nodes
from tracer.integers import agree, counter, upper_bound
from tracer.op import type_of
from tracer.ops.control import FOREVER, LoopSpec
from tracer.ops.control import cond as cond_op
from tracer.ops.control import loop as loop_op
from tracer.passes.scalar_replacement import apart
from tracer.trace import Trace, Tracer, bind, current_trace, inline, open_trace, reopened, trace_graph, zeros
from tracer.tree import LEAF, leaf_paths, unflatten
from tracer.types import ArrayType, Dim, i64

__all__ = ["branch", "loop", "Steps"]

RETRACES = 8


def follow(block: Callable | None, rest: Callable | None, names: Sequence[str] = ()) -> Jump | None:
    """Run a block and, unless it jumps, what follows, which binds `names`."""
    jump = block() if block is not None else None
    if jump is None or rest is None:
        return jump if jump is not None else (rest() if rest is not None else None)
    if isinstance(jump.code, int):
        return jump
    return branch(np.not_equal(jump.code, NONE), lambda: jump, rest, Cells((block, rest), names), (block, rest))


# -- branches --------------------------------------------------------------------------------------

class _Path:
    """One way through a branch."""

    def __init__(self, trace: Trace, jump: Jump | None, values: dict[Target, Any]):
        self.trace = trace
        self.jump = jump
        self.values = values
        self.outputs: list = []

    def add(self, x, t: ArrayType) -> None:
        """One more result."""
        with reopened(self.trace):
            self.outputs.append(self.trace.atom(converted(x, t)))


def branch(test: Tracer, then: Callable[[], Jump | None], otherwise: Callable[[], Jump | None], cells: Cells,
           blocks: Sequence[Callable | None]) -> Jump | None:
    """Both ways of an undecided condition, as one node; the names get the values of the way that is taken."""
    cells = cells.copy()    # places that are set here are added
    before = cells.all()
    held = reachable(blocks)
    snapshot, changed = Snapshot(held), []
    paths: list[_Path] = []
    try:
        for way in (then, otherwise):
            cells.restore(before)
            changed += snapshot.restore()
            with open_trace("branch", False, region=True) as trace, exceptions_refused("one path of a branch"):
                trace.held = held
                try:
                    jump = way()
                finally:
                    for slot, old in trace.touched.items():
                        target = cells.add(slot)
                        if target is not None:
                            before[target] = old
            paths.append(_Path(trace, jump, cells.all()))
    finally:
        cells.restore(before)
        changed += snapshot.restore()
    Snapshot.refuse(changed)
    a, b = paths
    a.values = {**before, **a.values}
    joined: list[Callable[[Any], None]] = []    # what to do with the results, one after another
    given: list[tuple[Tracer, Sequence]] = []   # arrays among them, and what they are on each path

    def join(x, y, what: str, done: Callable[[Any], None], aliases: Sequence = ()) -> None:
        """Values x and y of the two ways are one from here on."""
        (xs, tree), (ys, other) = leaves_of(x), leaves_of(y)
        if tree is UNBOUND or tree != other:
            raise declined(f"{what} is {_kind(x)} on one path and {_kind(y)} on the other",
                           "a value of a compiled function has one structure", "bind the same kind of value on both paths")
        weak = []
        for p, q, path in zip(xs, ys, leaf_paths(tree), strict=True):
            t, w = joined_type(p, q, what + path)
            weak.append(w)
            a.add(p, t)
            b.add(q, t)

        def finish(results) -> None:
            new = [next(results) for _ in xs]
            for r, w, p, q in zip(new, weak, xs, ys, strict=True):
                r.weak = w
                may_be(r, [(v, (lambda: test) if v is p else (lambda: np.logical_not(test))) for v in (p, q)])
                given.append((r, (p, q)))
            done(unflatten(tree, new))
        joined.append(finish)

    for n in cells:
        x, y = a.values[n], b.values[n]
        if x is y:
            if x is not before[n]:
                joined.append(partial(_put, cells, n, x))
        elif x is UNBOUND or y is UNBOUND:
            joined.append(partial(_put, cells, n, UNBOUND))
            outermost().lost[str(n)] = user_line()      # if it is read, Python raises NameError, which `names_refused` explains
        elif _same(x, y):
            joined.append(partial(_put, cells, n, x))
        else:
            join(x, y, f"`{n}`", partial(cells.put, n))
    jump = _join_jumps(a, b, join, joined)
    roots = {**{k: e[0] for k, e in a.trace.written.items()}, **{k: e[0] for k, e in b.trace.written.items()}}
    for root in roots.values():
        a.add(root, root.type)
        b.add(root, root.type)
        joined.append(partial(_assign_next, root))
    if not roots and all(map(_is_selection, paths)):
        chosen = iter([np.where(test, x, y) for x, y in zip(*(_spliced(p) for p in paths), strict=True)])
        for done in joined:
            done(chosen)
        return jump[0]
    captured, inputs = _common_inputs([a.trace, b.trace])
    graphs = [live_nodes(Graph("branch", tuple(v), tuple(p.trace.nodes), tuple(p.outputs)))
              for p, v in zip(paths, inputs, strict=True)]
    from tracer.promote import cast_to
    which = cast_to(np.logical_not(test), i64.dtype)
    results = iter(bind(cond_op, which, *captured, branches=tuple(graphs)) if a.outputs or _has_effect(graphs) else [])
    for done in joined:
        done(results)
    shared(given)
    around = current_trace()
    assert around is not None
    for p in paths:
        for x, why in p.trace.stale.values():
            if x.owner is not p.trace:
                around.stale[id(x)] = (x, why)
    return jump[0]


def _put(cells: Cells, name: Target, value, results) -> None:
    cells.put(name, value)


def _assign_next(root: Tracer, results) -> None:
    assign(root, next(results))


MOST_SELECTED = 16
_SELECTABLE = {"index", "cast", "neg", "add", "sub", "select", "lt", "le", "gt", "ge", "eq", "ne", "logical_and", "logical_or",
               "logical_not", "reshape", "broadcast", "positive"}


def _is_selection(p: _Path) -> bool:
    """Whether both ways may be computed and one selected: scalars that cost little and whose derivatives are finite whatever they are."""
    if len(p.trace.nodes) > MOST_SELECTED or p.trace.stale or any(a.type.shape for a in p.outputs):
        return False
    return all(n.op.name in _SELECTABLE and n.outputs[0].type.shape in ((), (1,)) for n in p.trace.nodes)


def _spliced(p: _Path) -> list:
    """The results of a path, recorded where the branch stands."""
    graph = live_nodes(Graph("branch", tuple(p.trace.capture_order), tuple(p.trace.nodes), tuple(p.outputs)))
    return inline(graph, [x for x, _ in p.trace.captured])


def _join_jumps(a: _Path, b: _Path, join, joined: list) -> list:
    """The jump after a branch, in a list that is filled when the results are there."""
    out: list = [None]
    x, y = a.jump, b.jump
    if x is None and y is None:
        return out
    x, y = x or Jump(NONE), y or Jump(NONE)
    new = Jump(x.code)
    if not (isinstance(x.code, int) and isinstance(y.code, int) and x.code == y.code):
        def code(v) -> None:
            new.code = v
        join(_code(a, x), _code(b, y), "the way a block is left", code)
    returns = [j for j in (x, y) if undecided(j.code) or j.code == RETURN]
    values = [j.value for j in returns]
    if returns:
        def value(v) -> None:
            new.value = v
        first = values[0]
        if len(values) == 2 and values[0] is values[1] and leaves_of(first)[1] is UNBOUND:
            new.value = first
        else:
            full = [j.value if j in returns else _like(p, first) for p, j in ((a, x), (b, y))]
            if all(v is None for v in full):
                new.value = None
            else:
                join(*full, "the returned value", value)
    out[0] = new
    return out


def _code(path: _Path, jump: Jump):
    return np.int64(jump.code) if isinstance(jump.code, int) else jump.code


def _like(path: _Path, value):
    """Zeros of the structure of a value, where a path returns none."""
    leaves, tree = leaves_of(value)
    if tree is UNBOUND:
        return value
    with reopened(path.trace):
        return unflatten(tree, [zeros(type_of(as_leaf(x))) for x in leaves])


def _kind(x) -> str:
    return "unbound" if x is UNBOUND else str(x.type) if isinstance(x, Tracer) else f"{type(x).__name__} {x!r}"[:80]


def _same(x, y) -> bool:
    """Whether two values that are no data may stand for each other."""
    if isinstance(x, (str, bytes, type(None), bool)) or type(x) in (int, float):
        return type(x) is type(y) and bool(x == y)
    return False


def _common_inputs(traces: Sequence[Trace]) -> tuple[list, list[list[Var]]]:
    """What several regions use from outside, and the input vars of each for all of it."""
    order: dict[int, Any] = {}
    for t in traces:
        for outer, x in t.captured:
            order.setdefault(id(x), outer)
    inputs = [[t.captured_vars.get(k) or Var(type_of(x)) for k, x in order.items()] for t in traces]
    return list(order.values()), inputs


def _has_effect(graphs: Sequence[Graph]) -> bool:
    return any(n.has_effect() for g in graphs for n in g.nodes)


# -- loops -----------------------------------------------------------------------------------------

class Steps:
    """What a loop goes over: how many steps, and the item of each. `count` is None for a while loop."""

    def __init__(self, count, item: Callable[[Tracer], Any] | None, test: Callable[[], Any] | None = None, memory: float | None = None):
        self.count = count
        self.item = item
        self.test = test
        self.memory = memory    # that the reverse sweep may take


class _Hint:
    """What an attempt to trace a body taught: names and places that need a value of their own, and the types they settle to."""

    def __init__(self) -> None:
        self.rebound: set = set()
        self.types: dict[tuple[Any, int], tuple[ArrayType, bool]] = {}
        self.set: dict[tuple, None] = {}    # places outside the function that the body sets, in the order in which they were found
        self.growing: dict[Any, tuple[int, ...]] = {}   # arrays whose lengths change by the same at each step: by how much, each axis


def _learned(n: Target) -> Any:
    """What stands for a name or place in a hint, which outlives the call."""
    return n if isinstance(n, str) else n.like()


def _known_places(hint: _Hint, held: dict[int, Any]) -> list[Slot]:
    """Places that earlier attempts set, on objects that are there now."""
    found: list[Slot] = []
    for kind_of, kind, name in hint.set:
        for x in held.values() if kind != "variable" else ():
            slot = Slot(x, kind, name)
            if type(x).__qualname__ == kind_of and slot.get() is not UNBOUND:
                found.append(slot)
    return found


def _hint_of(body: FunctionType, kinds: tuple) -> _Hint:
    """What earlier attempts of this recording learned of a loop, for these types of what it carries.

    A loop inside another is recorded at each attempt to record that one. Its body is then another function object, over the same cells.
    """
    hints = outermost().hints
    key = (body.__code__, tuple(map(id, body.__closure__ or ())), kinds)
    _, hint = hints.setdefault(key, (body, _Hint()))    # the body keeps the cells alive, so that their numbers stay theirs
    return hint


class _Attempt:
    """One trace of a loop's body."""

    def __init__(self, steps: Steps, body: Callable, carried: Sequence[Target], state: Sequence[Target], cells: Cells, init: dict,
                 hint: _Hint):
        self.steps, self.body, self.carried, self.state = steps, body, carried, state
        self.cells, self.init, self.hint = cells, init, hint
        self.sure = False
        self.growing: dict[Target, tuple] = {}  # names of such arrays, and the shapes after the last step
        self.places: dict[Target, tuple[Any, list[Tracer], list[Var], list]] = {}  # name -> tree, placeholders, their vars, start

    def run(self, trace: Trace) -> None:
        """Trace test and body."""
        self.trace = trace
        self.i = trace.input(i64, weak=int)
        if isinstance(self.steps.count, int):
            trace.integers[self.i.ref] = counter(0, self.steps.count - 1)   # type: ignore[index]
        for n in self.carried:
            self._place(n)
        self.test: Any = True
        self.tested = 0
        if self.steps.test is not None:
            self.test = self.steps.test()
            if undecided(self.test):
                self.test = truth(self.test)
            self.tested = len(trace.nodes)
            self.jump = self.body()
        else:
            assert self.steps.item is not None
            self.jump = self.body(self.steps.item(self.i))
        self.end = self.cells.all()

    def _place(self, n: Target) -> None:
        """Give a name the value it has at the start of any step."""
        x = self.init[n]
        leaves, tree = leaves_of(x)
        if x is UNBOUND or tree is UNBOUND or not leaves:
            return
        if tree == "*" and _learned(n) not in self.hint.rebound and not (type_of(as_leaf(x)).shape == ()):
            return      # an array: if it is written the trace finds it, if the name is bound anew the next attempt knows
        if _learned(n) in self.hint.growing:
            self._place_growing(n, x, tree)
            return
        tracers, starts = [], []
        for k, leaf in enumerate(leaves):
            t, weak = self.hint.types.get((_learned(n), k), (type_of(as_leaf(leaf)), True))
            tracers.append(self.trace.input(t, weak=weak_of(leaf) if weak else None))
            starts.append(leaf)
        self.places[n] = (tree, tracers, [t.ref for t in tracers], starts)  # type: ignore[misc]
        self.cells.put(n, unflatten(tree, tracers))

    def _place_growing(self, n: Target, x, tree) -> None:
        """Give a name the first part of an array that has room for its longest value."""
        by = self.hint.growing[_learned(n)]
        own = type_of(as_leaf(x))
        last = tuple([d + b * self.steps.count for d, b in zip(own.shape, by, strict=True)])
        most = tuple([max(d, e) for d, e in zip(own.shape, last, strict=True)])     # type: ignore[type-var]
        known, _ = self.hint.types.get((_learned(n), 0), (own, False))
        t = self.trace.input(own.with_dtype(known.dtype).with_shape(most))
        self.places[n] = (tree, [t], [t.ref], [x])  # type: ignore[list-item]
        self.growing[n] = last
        self.cells.put(n, call_numpy("index", t, self._part(own, by)))

    def _part(self, own: ArrayType, by: Sequence[int], later: int = 0) -> tuple:
        """The index of the part that holds the value at the start of a step, or `later` steps after."""
        return tuple([slice(None, self.i * b + (d + later * b)) if b else slice(None) for d, b in zip(own.shape, by, strict=True)])

    def _grown(self, n: Target, x1) -> tuple[Target, Any, list, list[Var | None], list]:
        """What such a name hands to the next step: the array with its first part replaced."""
        tree, (t,), (v,), starts = self.places[n]
        got = type_of(as_leaf(x1))
        wide = np.result_type(v.type.dtype, got.dtype)
        if wide != v.type.dtype:
            self.hint.types[_learned(n), 0] = (v.type.with_dtype(wide), False)
            raise Retrace
        own = type_of(as_leaf(starts[0]))
        part = self._part(own, self.hint.growing[_learned(n)], 1)
        expected = tuple([d + (self.i + 1) * b if b else d for d, b in zip(own.shape, self.hint.growing[_learned(n)], strict=True)])
        lengths = [integer_of(d) for d in expected]
        if any(length is None or agree(d, length) is not True for d, length in zip(got.shape, lengths, strict=True)):
            raise declined(f"`{n}` changes in the loop to {got}", "its lengths must change by the same at each step",
                           "keep an array of the greatest shape and slice it")
        return n, tree, [call_numpy("update", t, part, x1, "set")], [v], starts

    def _grows(self, n: Target, have: ArrayType, got: ArrayType) -> bool:
        """Note that an array changes its lengths from step to step; whether that can be followed."""
        if len(have.shape) != len(got.shape) or not have.is_static() or not got.is_static() or self.places[n][0] != "*":
            return False
        ends = self.jump is None or isinstance(self.jump.code, int) and self.jump.code == CONTINUE
        if not ends or not isinstance(self.steps.count, int) or _learned(n) in self.hint.growing:
            return False
        by = tuple([b - a for a, b in zip(have.shape, got.shape, strict=True)])     # type: ignore[operator]
        if any(a + b * self.steps.count < 0 for a, b in zip(have.shape, by, strict=True)):  # type: ignore[operator]
            return False
        self.hint.growing[_learned(n)] = by     # type: ignore[assignment]
        return True

    def irregular(self, error: Exception) -> Exception:
        """The error for a step that does not take arrays of such lengths."""
        names = ", ".join(f"`{n}`" for n in self.growing)
        return declined(f"{names} changes its shape in the loop in a way that cannot be followed: {str(error).splitlines()[0]}",
                        "its lengths must change by the same at each step", "keep an array of the greatest shape and slice it")

    def explain_shape(self, error: ShapeError) -> None:
        """Lengths that do not fit may come of a name whose array changes its shape from step to step."""
        for n in self.carried:
            x0, x1 = self.init[n], self.cells.get(n)
            old, new = leaves_of(x0)[0], leaves_of(x1)[0]
            shapes = [[type_of(as_leaf(x)).shape for x in xs] for xs in (old, new)]
            if x1 is not x0 and shapes[0] != shapes[1] and any(shapes[0]):
                raise declined(f"`{n}` changes in the loop from {_kind(x0)} to {_kind(x1)}", "its shape must stay the same",
                               "keep an array of the greatest shape and slice it") from error

    # -- what came out -------------------------------------------------------------------------

    def results(self, sure: bool) -> list[tuple[Target, Any, list, list[Var | None], list]]:
        """(name, structure, values at the end, vars at the start, values at the start) for each name that the loop changes."""
        out = []
        for n in self.state:
            x0, x1 = self.init[n], self.end[n]
            if n in self.places:
                out.append(self._grown(n, x1) if n in self.growing else self._carried(n, x1))
            elif x1 is x0 or x1 is UNBOUND and x0 is UNBOUND:
                continue
            elif x1 is UNBOUND:
                raise declined(f"`{n}` is deleted in a loop")
            elif x0 is UNBOUND and not isinstance(n, str):
                raise declined(f"`{n}` is set in a loop for the first time", "a step may find it unset or as the step before left it",
                               f"set `{n}` before the loop")
            else:
                leaves, tree = leaves_of(x1)
                if n in self.carried and x0 is not UNBOUND:
                    before = leaves_of(x0)[1]
                    if tree is UNBOUND or before is UNBOUND:
                        if _same(x0, x1):
                            continue
                        raise declined(f"`{n}` changes in the loop from {_kind(x0)} to {_kind(x1)}", "it is no array")
                    if tree != before:
                        raise declined(f"`{n}` changes in the loop from {_kind(x0)} to {_kind(x1)}", "its structure must stay the same")
                    self.hint.rebound.add(_learned(n))
                    raise Retrace
                if tree is UNBOUND:
                    if not sure and not _same(x0, x1):
                        raise declined(f"`{n}` is bound in a loop that may take no step", fix=f"bind `{n}` before the loop")
                    out.append((n, UNBOUND, [x1], [], []))
                    continue
                starts: list = [None] * len(leaves)
                if not sure or n in self.carried:
                    old, other = leaves_of(x0)
                    if other != tree or any(type_of(as_leaf(p)) != type_of(as_leaf(q)) for p, q in zip(old, leaves, strict=True)):
                        raise declined(f"`{n}` is bound in a loop that may take no step", "then it would have no value",
                                       f"bind `{n}` before the loop to a value of the type it gets")
                    starts = old
                out.append((n, tree, leaves, [None] * len(leaves), starts))
        return out

    def _carried(self, n: Target, x1) -> tuple[Target, Any, list, list[Var | None], list]:
        tree, tracers, firsts, starts = self.places[n]
        leaves, other = leaves_of(x1)
        if other != tree:
            raise declined(f"`{n}` changes in the loop from {_kind(self.init[n])} to {_kind(x1)}", "its structure must stay the same")
        again = False
        for k, (x, v, start) in enumerate(zip(leaves, firsts, starts, strict=True)):
            have, got = v.type, type_of(as_leaf(x))
            was_weak = self.hint.types.get((_learned(n), k), (have, True))[1] and weak_of(start) is not None
            if got.shape != have.shape and self._grows(n, have, got):
                again = True
            elif got.shape != have.shape:
                if have.shape != () or weak_of(start) is None and not isinstance(start, (np.generic, Tracer)):
                    raise declined(f"`{n}` changes in the loop from {have} to {got}", "its shape must stay the same",
                                   "make an array of the final shape before the loop")
                self.hint.types[_learned(n), k] = (got.with_dtype(np.result_type(have.dtype, got.dtype)), False)
                again = True
            elif got.dtype != have.dtype:
                wide = np.result_type(weak_of(start)(0) if was_weak else have.dtype, got.dtype)  # type: ignore[misc]
                if wide != have.dtype:
                    self.hint.types[_learned(n), k] = (got.with_dtype(wide), False)
                    again = True
        if again:
            raise Retrace
        return n, tree, [converted(x, v.type) for x, v in zip(leaves, firsts, strict=True)], list(firsts), starts


def loop(steps: Steps, body: Callable, carried: Sequence[str], state: Sequence[str], blocks: Sequence[Callable | None]) -> Jump | None:
    """A loop as one node. Sets the names; returns how the loop was left, None at its end.

    Raises
    ------
    Declined
        If what a step hands to the next changes its structure, or a Python object is changed.
    """
    cells = Cells(blocks, state)
    carry: list[Target] = [n for n in carried if n in cells.names]
    init = cells.all()
    kinds = tuple([(n, tuple([type_of(as_leaf(x)) for x in leaves_of(init[n])[0]])) for n in carry])
    hint = _hint_of(body, kinds)    # type: ignore[arg-type]
    held = reachable(blocks)
    snapshot, changed = Snapshot(held), []

    def add(slot: Slot, value) -> bool:
        """A place that the body sets: it is handed from step to step."""
        target = cells.add(slot)
        if target is None:
            return False
        if slot.kind != "last":
            hint.set[slot.like()] = None
        init[target] = value
        if value is not UNBOUND:
            carry.append(target)
        return True
    for slot in _known_places(hint, held):
        will_set(slot)      # the blocks around see it as it is now, before it gets the value of any step
        add(slot, slot.get())
    sure = steps.test is None and isinstance(steps.count, int) and steps.count > 0
    around = current_trace()
    lists: dict[int, tuple[list, list]] = {}    # that the body appends to, and what is in them
    try:
        for _ in range(RETRACES):
            cells.restore(init)
            changed += snapshot.restore()
            with open_trace("loop", False, region=True) as trace, _read_by_nobody(lists), exceptions_refused("a step of a loop"):
                trace.held = held
                trace.appended = {} if sure and steps.memory is None else None
                attempt = _Attempt(steps, body, list(carry), list(cells.names), cells, init, hint)
                try:
                    try:
                        attempt.run(trace)
                    except ShapeError as e:
                        attempt.explain_shape(e)
                        raise
                    finally:
                        more = [add(slot, old) for slot, old in trace.touched.items()]
                        new = {k: (x, elements) for k, (x, _, elements) in (trace.appended or {}).items() if k not in lists}
                        for x, elements in new.values():
                            x[:] = elements
                    lists.update(new)
                    for x, _ in new.values():
                        if not may_append(x, around):
                            mutating(x, "append on")
                    for x, elements in new.values():
                        if elements and elements[-1] is not PENDING:
                            add(Slot(x, "last", -1), elements[-1])
                    if any(more) or new:
                        continue
                    results = attempt.results(sure)
                    break
                except Retrace:
                    pass
                except (ShapeError, UnsupportedError) as e:
                    if attempt.growing:
                        raise attempt.irregular(e) from e
                    raise
        else:
            raise declined("what the loop hands from step to step does not settle on a type")
    finally:
        cells.restore(init)
        changed += snapshot.restore()
    Snapshot.refuse(changed)
    attempt.sure = sure
    appended = _appended(attempt, trace)
    _check_aliases(attempt, [*results, *((f"an element of a list ({k})", LEAF, [x], [], []) for k, x in enumerate(appended))], trace)
    return _record(attempt, results, trace, cells, appended)


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


def _appended(attempt: _Attempt, trace: Trace) -> list:
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
                raise declined(f"append on a list of {_kind(value)} in a loop", "it is no array", "use an array made before the loop")
            found += leaves
    jump = attempt.jump
    if found and jump is not None and not (isinstance(jump.code, int) and jump.code == CONTINUE):
        raise declined("append on a list in a loop that may be left by break or return", "the number of elements is not known",
                       "use an array made before the loop and write its elements")
    for x in found:
        if isinstance(x, np.ndarray) or isinstance(x, Tracer) and x.type.shape and x.owner is not trace:
            raise declined("append of an array that is made outside of the loop", "all elements would be one array", "append a copy")
    return found


def _root(x: Tracer) -> Tracer:
    while x.views is not None and x.views.base is not None:
        x = x.views.base
    return x


def _check_aliases(attempt: _Attempt, results, trace: Trace) -> None:
    """Names that share an array which the loop writes: what one of them sees could not be followed."""
    seen: dict[int, str] = {}
    writes = any(t.ref is not v and t.type.shape for _, ts, vs, _ in attempt.places.values() for t, v in zip(ts, vs, strict=True))
    for n, tree, leaves, _, _ in results:
        for x in leaves if tree is not UNBOUND else ():
            if not isinstance(x, Tracer) or not x.type.shape:
                continue
            root = _root(x)
            if id(root) in trace.written:
                raise declined(f"`{n}` is another name for an array that the loop writes", "each step would see the writes of the next",
                               f"copy it, `{n} = ….copy()`")
            if id(root) in seen and writes:
                raise declined(f"`{n}` and `{seen[id(root)]}` are one array after a step", "a write through one would be seen by the other",
                               "copy one of them")
            seen[id(root)] = n
    _check_starts(attempt, trace)
    _check_ends(attempt, results, trace)


def _check_starts(attempt: _Attempt, trace: Trace) -> None:
    """An array under a name that the loop binds anew may also be reached under other names, and one of them be written."""
    starts = [(n, start, t.ref is not v) for n, (_, ts, vs, begins) in attempt.places.items()
              for t, v, start in zip(ts, vs, begins, strict=True) if isinstance(start, Tracer) and start.type.shape]
    outer = [(root, True) for root, _ in trace.written.values()]
    outer += [(x, False) for _, x in trace.captured if isinstance(x, Tracer) and x.type.shape]
    for k, (n, start, is_written) in enumerate(starts):
        own = set(map(id, relatives(start)))
        for x, w in outer + [(x, w) for j, (_, x, w) in enumerate(starts) if j != k]:
            if (w or is_written) and any(id(r) in own for r in relatives(x)):
                raise declined(f"`{n}` may have elements in common with an array that the loop uses", "one of them is written",
                               f"copy it, `{n} = {n}.copy()`")


def _check_ends(attempt: _Attempt, results, trace: Trace) -> None:
    """A name whose array a step writes must not be bound to an array that has another name, for the next step to write."""
    ends = [(n, [r for x in leaves if isinstance(x, Tracer) and x.type.shape for r in relatives(x)]) for n, _, leaves, _, _ in results]
    for n, arrays in ends:
        _, tracers, firsts, _ = attempt.places.get(n, (None, [], [], []))
        if any(t.ref is not v and t.type.shape for t, v in zip(tracers, firsts, strict=True)):
            others = {id(r) for m, more in ends if m != n for r in more}
            if any(r.owner is not trace or id(r) in others for r in arrays):
                raise declined(f"`{n}` becomes a part of another array in a loop that writes to it",
                               "the next step would write to that array", f"copy it, `{n} = ….copy()`")


def _record(attempt: _Attempt, results, trace: Trace, cells: Cells, appended: Sequence) -> Jump | None:
    """Put the loop's node together, record it, and hand out what it gives."""
    steps = attempt.steps
    taken: list = []        # how many steps
    starts: list = []
    inputs: list[Var] = []
    outputs: list = []
    done: list[Callable[[Any], None]] = []
    received: list[tuple[Tracer, Sequence]] = []    # arrays, and what they are in the loop

    def carry(start, var: Var, out, finish: Callable[[Any], None]) -> None:
        starts.append(start)
        inputs.append(var)
        outputs.append(out)
        done.append(finish)

    jump = attempt.jump
    if jump is not None and isinstance(jump.code, int) and jump.code == CONTINUE:
        jump = None
    flag: Var | None = None
    left = Jump(NONE)
    with reopened(trace):
        for n, tree, leaves, firsts, begins in results:
            if tree is UNBOUND:
                cells.put(n, leaves[0])
                continue
            fresh: list = []
            for k, (x, v, start) in enumerate(zip(leaves, firsts, begins, strict=True)):
                out = trace.atom(x if isinstance(x, Tracer) else as_leaf(x))
                t = v.type if v is not None else out.type
                if start is None:
                    start = ("zeros", t)
                last = k == len(leaves) - 1

                inside = x if isinstance(x, Tracer) else None
                before = begins[k] if not attempt.sure and isinstance(begins[k], Tracer) else None

                def finish(y, n=n, tree=tree, fresh=fresh, last=last, inside=inside, before=before) -> None:
                    may_be(y, [(inside, lambda: np.greater(taken[0], 0)), (before, lambda: np.equal(taken[0], 0))])
                    received.append((y, [inside]))
                    if n in attempt.growing:
                        y = call_numpy("index", y, tuple([slice(None, d) for d in attempt.growing[n]]))
                    fresh.append(y)
                    if last:
                        cells.put(n, unflatten(tree, list(fresh)))
                carry(start, v if v is not None else Var(t), out, finish)  # type: ignore[arg-type]
        for root, var in list(trace.written.values()):
            carry(root, trace.captured_vars[id(root)], var, partial(assign, root))
        if jump is not None:
            code = np.int64(jump.code) if isinstance(jump.code, int) else jump.code
            flag = Var(i64)

            def set_code(y) -> None:
                left.code = y
            stop = np.where(np.greater_equal(code, BREAK), code, np.int64(NONE))
            carry(np.int64(NONE), flag, trace.atom(stop), set_code)
            values, tree = leaves_of(jump.value)
            if (undecided(jump.code) or jump.code == RETURN) and tree is not UNBOUND:
                got: list = []

                def take(y, x) -> None:
                    may_be(y, [(x, lambda: np.equal(left.code, RETURN))])
                    received.append((y, [x]))
                    got.append(y)
                    left.value = unflatten(tree, list(got)) if len(got) == len(values) else None
                for x in values:
                    t = type_of(as_leaf(x))
                    carry(("zeros", t), Var(t), trace.atom(x if isinstance(x, Tracer) else as_leaf(x)), partial(take, x=x))
            elif jump.value is not None:
                left.value = jump.value
        outputs += [trace.atom(x if isinstance(x, Tracer) else as_leaf(x)) for x in appended]
    written = {id(root) for root, _ in trace.written.values()}
    constants = [(outer, trace.captured_vars[id(x)]) for outer, x in trace.captured if id(x) not in written]
    nodes = tuple(trace.nodes)
    body = live_nodes(Graph("loop", (attempt.i.ref, *(v for _, v in constants), *inputs), nodes, tuple(outputs)))  # type: ignore[arg-type]
    test = _test_graph(attempt, body, nodes[:attempt.tested], flag, len(constants))
    begin = [zeros(s[1]) if isinstance(s, tuple) else _begin(s, v.type) for s, v in zip(starts, inputs, strict=True)]
    count, length = _count(steps, test)
    parts = apart([c for c, _ in constants], begin, body, test)
    if steps.memory is not None:
        out = loop_within(steps.memory, count, parts.constants, parts.carries, parts.body, parts.test, length)    # counts chunks
    else:
        spec = LoopSpec(len(parts.constants), len(parts.carries), 0)
        out = bind(loop_op, count, *parts.constants, *parts.carries, spec=spec, length=length, body=parts.body, test=parts.test)
    out = parts.join(out)
    taken.append(out[-1])
    for receive, y in zip(done, out, strict=False):
        receive(y)
    received += _extend_lists(attempt, trace, out[len(done):-1])
    shared(received)
    given = {id(y.views.memory) for y in out if y.views is not None}
    for n, (_, tracers, firsts, begins) in attempt.places.items():
        for t, v, start in zip(tracers, firsts, begins, strict=True):
            if isinstance(start, Tracer) and t.type.shape and (t.ref is not v or id(t) in trace.stale):
                stale(start, f"`{n}` was bound anew in a loop that also writes the array", given)
    around = current_trace()
    assert around is not None
    for x, why in trace.stale.values():
        if x.owner is not trace:
            around.stale[id(x)] = (x, why)
    return left if jump is not None else None


def _extend_lists(attempt: _Attempt, trace: Trace, stacks: Sequence[Tracer]) -> list[tuple[Tracer, Sequence]]:
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
        return np.int64(steps.count), steps.count
    known = steps.count.owner.integer_of(steps.count.ref)
    most = upper_bound(known) if known is not None else None
    return steps.count, max(most, 0) if most is not None else None


def _test_graph(attempt: _Attempt, body: Graph, nodes, flag: Var | None, constants: int) -> Graph | None:
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
        if _has_effect([only]):
            stay = Graph("left", tuple([Var(v.type) for v in only.inputs]), (), (_false(),))
            return bind(cond_op, _index_of(going), *args, branches=(stay, only))
        return [np.logical_and(going, inline(only, args)[0])]
    return trace_graph(f, body.in_types, "test")


def _false():
    from tracer.graph import Const
    return Const(np.False_)


def _index_of(going):
    from tracer.promote import cast_to
    return cast_to(going, i64.dtype)

