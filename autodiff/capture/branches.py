"""Both ways of a condition that is not decided, as one node of a graph.

Each way is traced once, as a region. Its names are looked at before and after; arrays that it writes in place are found by the trace
(`Region.written`), and so are places in objects that it sets (`Region.touched`). All together are what the branch gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from autodiff.capture.advancing import outermost
from autodiff.capture.locations import reachable
from autodiff.capture.raising import acts, checked, may_be_checked, way_that_raised
from autodiff.capture.region import Region
from autodiff.capture.snapshots import Snapshot
from autodiff.capture.state import (
    NONE,
    RETURN,
    UNBOUND,
    Cells,
    Jump,
    Target,
    check_lengths,
    converted,
    declined,
    exceptions_refused,
    has_effect,
    is_same,
    joined_type,
    kind_of,
    leaves_of,
    undecided,
)
from autodiff.leaves import as_leaf
from autodiff.numpy.aliasing import assign, may_be, shared
from tracer.errors import user_line
from tracer.graph import Graph, Var, live_nodes
from tracer.op import type_of
from tracer.ops.control import cond as cond_op
from tracer.promote import cast_to
from tracer.trace import Trace, Tracer, bind, current_trace, inline, opened, reopened, zeros
from tracer.tree import leaf_paths, unflatten
from tracer.types import ArrayType, i64

__all__ = ["branch", "follow", "pass_on_stale"]


def follow(block: Callable | None, rest: Callable | None, names: Sequence[str] = ()) -> Jump | None:
    """Run a block and, unless it jumps, what follows, which binds `names`."""
    jump = block() if block is not None else None
    if jump is None or rest is None:
        return jump if jump is not None else (rest() if rest is not None else None)
    if isinstance(jump.code, int):
        return jump
    return branch(np.not_equal(jump.code, NONE), lambda: jump, rest, Cells((block, rest), names), (block, rest))


class _Path:
    """One way through a branch."""

    def __init__(self, trace: Region, jump: Jump | None, values: dict[Target, Any]):
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
    """Both ways of an undecided condition, as one node; the names get the values of the way that is taken.

    Where one way raises, it is a check, and the other way is gone where the branch stands (`autodiff.capture.raising`).
    """
    cells = cells.copy()    # places that are set here are added
    ways = then, otherwise
    key = tuple([getattr(block, "__code__", None) for block in blocks])
    before, paths, raising = _traced(ways, cells, blocks, first=way_that_raised(key))
    if raising is not None:
        way, e = raising
        checked(e, np.logical_not(test) if way == 0 else test, key, way)
        return ways[1 - way]()
    a, b = paths
    meeting = _Meeting(test, a, b)
    meeting.check_orders(before)
    for n in cells:
        meeting.join_name(cells, n, before[n])
    jump = meeting.join_jumps()
    roots = {k: x for p in (a, b) for k, (x, _) in p.trace.written.items()}
    for root in roots.values():
        meeting.give(root, root, root.type, partial(_assign_next, root))
    meeting.record(may_select=not roots)
    for p in (a, b):
        pass_on_stale(p.trace)
    return jump[0]


def _traced(ways: Sequence[Callable], cells: Cells, blocks: Sequence[Callable | None], first: int) \
        -> tuple[dict[Target, Any], list[_Path], tuple[int, Exception] | None]:
    """The values of all names before a branch, its two ways, and which of them raises what. Names and objects are as before.

    The way `first` is recorded first; if it raises, the other is not recorded.
    """
    before = cells.all()
    held = reachable(blocks)
    snapshot, changed = Snapshot(held), []
    paths: dict[int, _Path] = {}
    raising = None
    try:
        for k in (first, 1 - first):
            cells.restore(before)
            changed += snapshot.restore()
            with opened(Region("branch", held)) as trace, exceptions_refused("one path of a branch"):
                acted = acts()
                try:
                    jump = ways[k]()
                except Exception as e:
                    if acted != acts() or not may_be_checked(e):
                        raise
                    raising = k, e
                    break
                finally:
                    for slot, old in trace.touched.items():
                        target = cells.add(slot)
                        if target is not None:
                            before[target] = old
            paths[k] = _Path(trace, jump, cells.all())
    finally:
        cells.restore(before)
        changed += snapshot.restore()
    Snapshot.refuse(changed)
    for path in paths.values():
        path.values = {**before, **path.values}     # the other way may have added places
    return before, [paths[k] for k in sorted(paths)], raising


def pass_on_stale(trace: Trace) -> None:
    """What is not known any more in a block is not known after it."""
    around = current_trace()
    assert around is not None
    around.stale.update({id(x): (x, why) for x, why in trace.stale.values() if x.owner is not trace})


class _Meeting:
    """Where the two ways meet again: the results that both give, and what is done with them, one after another."""

    def __init__(self, test: Tracer, a: _Path, b: _Path):
        self.test, self.a, self.b = test, a, b
        self.receivers: list[Callable[[Any], None]] = []
        self.arrays: list[tuple[Tracer, Sequence]] = []     # arrays among the results, and what they are on each path

    def give(self, x, y, t: ArrayType, receiver: Callable[[Any], None]) -> None:
        """One more result: x on one path, y on the other."""
        self.a.add(x, t)
        self.b.add(y, t)
        self.receivers.append(receiver)

    def check_orders(self, before: dict[Target, Any]) -> None:
        """Refuse keys and attributes that both ways add in another order, in which the program may go through them."""
        orders = []
        for path in (self.a, self.b):
            new: dict[int, list] = {}
            for slot in path.trace.touched:
                if slot.kind in ("attribute", "item") and before.get(slot, slot) is UNBOUND:
                    new.setdefault(id(slot.owner), []).append(slot)
            orders.append(new)
        for k in orders[0].keys() & orders[1].keys():
            a, b = orders[0][k], orders[1][k]
            if a != b and set(a) == set(b):
                raise declined(f"`{a[0]}` is added in another order on the other path", "a dict has its keys in the order in which they "
                               "are added", "add them before")

    def join_name(self, cells: Cells, n: Target, before) -> None:
        """A name has one value after the branch."""
        x, y = self.a.values[n], self.b.values[n]
        if x is y:
            if x is not before:
                self.receivers.append(partial(_put, cells, n, x))
        elif (x is UNBOUND or y is UNBOUND) and not isinstance(n, str) and n.kind in ("attribute", "item"):
            raise declined(f"`{n}` is there on one path only", "whether an object has an attribute, or a dict a key, is known to a graph",
                           "set it before, to None or 0")
        elif x is UNBOUND or y is UNBOUND:
            self.receivers.append(partial(_put, cells, n, UNBOUND))
            outermost().lost[str(n)] = user_line()      # if it is read, Python raises NameError, which `names_refused` explains
        elif is_same(x, y):
            self.receivers.append(partial(_put, cells, n, x))
        else:
            self.join(x, y, f"`{n}`", partial(cells.put, n))

    def join(self, x, y, what: str, done: Callable[[Any], None]) -> None:
        """Values x and y of the two ways are one from here on."""
        (xs, tree), (ys, other) = leaves_of(x), leaves_of(y)
        if tree is UNBOUND or tree != other:
            raise declined(f"{what} is {kind_of(x)} on one path and {kind_of(y)} on the other",
                           "a value of a compiled function has one structure", "bind the same kind of value on both paths")
        weak = []
        for p, q, path in zip(xs, ys, leaf_paths(tree), strict=True):
            t, w = joined_type(p, q, what + path)
            weak.append(w)
            self.a.add(p, t)
            self.b.add(q, t)
        test = self.test

        def finish(results) -> None:
            new = [next(results) for _ in xs]
            for r, w, p, q in zip(new, weak, xs, ys, strict=True):
                r.weak = w
                may_be(r, [(v, (lambda: test) if v is p else (lambda: np.logical_not(test))) for v in (p, q)])
                self.arrays.append((r, (p, q)))
            done(unflatten(tree, new))
        self.receivers.append(finish)

    def join_jumps(self) -> list:
        """The jump after a branch, in a list that is filled when the results are there."""
        a, b = self.a, self.b
        out: list = [None]
        if a.jump is None and b.jump is None:
            return out
        x, y = a.jump or Jump(NONE), b.jump or Jump(NONE)
        new = out[0] = Jump(x.code)
        if not (isinstance(x.code, int) and isinstance(y.code, int) and x.code == y.code):
            self.join(_code(x), _code(y), "the way a block is left", partial(setattr, new, "code"))
        returns = [j for j in (x, y) if undecided(j.code) or j.code == RETURN]
        if not returns:
            return out
        first = returns[0].value
        if len(returns) == 2 and first is returns[1].value and leaves_of(first)[1] is UNBOUND:
            new.value = first
            return out
        v, w = (j.value if j in returns else _like(p, first) for p, j in ((a, x), (b, y)))
        if v is not None or w is not None:
            self.join(v, w, "the returned value", partial(setattr, new, "value"))
        return out

    def record(self, may_select: bool) -> None:
        """Record the node, or a selection where both ways cost little, and hand out the results."""
        a, b = self.a, self.b
        if may_select and _is_selection(a) and _is_selection(b):
            results = iter([np.where(self.test, x, y) for x, y in zip(_spliced(a), _spliced(b), strict=True)])
            for receive in self.receivers:
                receive(results)
            return
        captured, inputs = _common_inputs([a.trace, b.trace])
        check_lengths(captured)
        graphs = [live_nodes(Graph("branch", tuple(v), tuple(p.trace.nodes), tuple(p.outputs)))
                  for p, v in zip((a, b), inputs, strict=True)]
        which = cast_to(np.logical_not(self.test), i64.dtype)
        results = iter(bind(cond_op, which, *captured, branches=tuple(graphs)) if a.outputs or has_effect(graphs) else [])
        for receive in self.receivers:
            receive(results)
        shared(self.arrays)


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


def _code(jump: Jump):
    return np.int64(jump.code) if isinstance(jump.code, int) else jump.code


def _like(path: _Path, value):
    """Zeros of the structure of a value, where a path returns none."""
    leaves, tree = leaves_of(value)
    if tree is UNBOUND:
        return value
    with reopened(path.trace):
        return unflatten(tree, [zeros(type_of(as_leaf(x))) for x in leaves])


def _common_inputs(traces: Sequence[Trace]) -> tuple[list, list[list[Var]]]:
    """What several regions use from outside, and the input vars of each for all of it."""
    order: dict[int, Any] = {}
    for t in traces:
        for outer, x in t.captured:
            order.setdefault(id(x), outer)
    inputs = [[t.captured_vars.get(k) or Var(type_of(x)) for k, x in order.items()] for t in traces]
    return list(order.values()), inputs
