"""Tracing: a Python function, run on stand-ins for arrays, becomes a graph.

`bind` is the one place where an op meets its arguments: on plain arrays it runs the reference, on tracers it records a node
in the innermost open trace. An inner trace is closed into its own graph; outer tracers that it used become captured inputs.
A concrete trace carries values on its tracers, so that Python's own `if` and `while` can look at them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tracer.array import ArrayMethods, call
from tracer.asked import Asked
from tracer.errors import ConcreteValueError, EscapedTracerError, TraceError, UnsupportedError, explain, user_line
from tracer.graph import Atom, Const, Graph, Node, Var, Where, live_nodes
from tracer.op import Op, type_of
from tracer.sizes import hashable
from tracer.types import ArrayType, Dim, match_sizes, substitute, type_of_value

__all__ = ["Tracer", "Trace", "Traced", "bind", "trace_flat", "inline", "evaluate", "apply",
           "walk", "current_trace", "open_trace", "opened", "reopened", "zeros", "full", "concrete_value", "is_checked",
           "trace_graph"]


class Tracer(ArrayMethods):
    """The stand-in for an array while a function is recorded."""

    __slots__ = ("type", "owner", "ref", "value", "weak", "where", "views", "origin", "__weakref__")

    def __init__(self, type: ArrayType, owner, ref: Var | None, value=None, weak=None, where: Where | None = None):
        self.type = type
        self.owner = owner      # the trace, or the tape, that it belongs to
        self.ref = ref          # the var that it stands for now; a write in place changes it
        self.value = value
        self.weak = weak        # float, int or bool: it stands for a number of Python's, which gives way in dtype promotion
        self.where = where
        self.origin: Any = None  # of an argument: the array, or outer tracer, that was passed; of an array without axes: one like it
        self.views: Any = None  # True once a view of it was taken, or the tracer it is a view of

    def __hash__(self) -> int:
        if not self.owner.level:
            return object.__hash__(self)    # a tensor of the define-by-run face is itself
        if self.type.shape:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        if self.value is None:
            raise explain(ConcreteValueError, f"hash() of a traced number {self.type}, as of a key of a dict or a member of a set",
                          why="it depends on the number, which differs from call to call", fix="use it as an index, or compare it")
        number = np.asarray(self.value)[()]
        if self.owner.guards is not None:   # what follows is right for this number only
            from tracer.op import ops
            decided(bind(ops["eq"], self, number), 1)
        return hash(number)

    def __repr__(self) -> str:
        if self.value is not None:
            return f"Tracer({self.type}, value={self.value!r})"
        return f"Tracer({self.type})"


LONGEST_PATH = 60_000
"""Operations of a function that is compiled along the path it takes: more would compile for a quarter of a minute and longer."""
LONGEST_RECORDING = 4 * LONGEST_PATH
"""Operations that such a function may ask for, those included that are there already: a quarter of a minute of recording."""


class _State(threading.local):
    def __init__(self):
        self.stack: list[Trace] = []


_state = _State()


def current_trace() -> Trace | None:
    """The innermost open trace of this thread."""
    return _state.stack[-1] if _state.stack else None


class Trace:
    """The nodes recorded while one function runs."""

    level = 1
    is_region = False
    """Whether it records a block of the function that the trace around records: names mean the same here and there."""

    def __init__(self, name: str, concrete: bool):
        self.name = name
        self.concrete = concrete
        self.open = True
        self.nodes: list[Node] = []
        self.captured: list[Any] = []
        self.captured_vars: dict[int, Var] = {}
        self.capture_order: list[Var] = []
        self.known: dict[Any, Any] = {}
        self.producers: dict[Var, Node] = {}
        self.sizes: dict[str, int] = {}
        self.where: Where | None = None  # set by transforms: derived nodes keep the line of the node they come from
        self.parent: Trace | None = None
        self.outside: dict[int, tuple[Tracer, Any]] | None = {}     # arrays of variables outside the function; None: they are constants
        self.compared: set[tuple[Dim, Dim]] = set()         # lengths that are compared when the function runs
        self.integers: dict[Var, Dim] = {}                  # what is known of integer scalars
        self.stale: dict[int, tuple[Tracer, str]] = {}      # arrays whose contents are not known here any more, and why
        self.guards: list[tuple[Atom, int]] | None = None   # where decisions of Python are to be checked: conditions and outcomes
        self.counted = 0                                    # operations asked for along a path
        self.notes: list[str] = []                          # what the user may want to know of how the function was recorded
        self.made: dict[int, tuple[Any, Any]] = {}          # in the outermost trace: iterators and generators, and who made them
        self.hints: dict[Any, Any] = {}                     # in the outermost trace: what attempts to record its loops have taught
        self.reads: Any = None                              # in the outermost trace: what was read of Python's state outside
        self.once = False               # whether it runs once each time that the function around it runs, which is no block of it
        self.effects: Any = None                            # in the outermost trace: what the function changes outside of it
        self.asked: Asked = Asked.TYPES                     # in the outermost trace: what it matters of arguments
        self.lost: dict[str, Where | None] = {}             # in the outermost trace: names without a value on one path, and the line

    def input(self, type: ArrayType, value=None, weak=None) -> Tracer:
        """A new tracer that stands for an input."""
        return Tracer(type, self, Var(type), value if self.concrete else None, weak, self.where)

    def input_from(self, source: Any, type: ArrayType) -> Var:
        """A captured input whose value `source` gives at each run."""
        var = self.captured_vars[id(source)] = Var(type)
        self.captured.append((source, source))
        self.capture_order.append(var)
        return var

    def capture(self, x) -> Var:
        """The var that stands here for an outer tracer or a concrete array."""
        var = self.captured_vars.get(id(x))
        if var is None:
            outer = x
            var = Var(type_of(x))
            if isinstance(x, Tracer):
                check_open(x)
                if self.parent is not None:
                    self.parent.check_fresh(x)
                known = x.owner.integer_of(x.ref) if x.owner.level else None
                if known is not None:
                    self.integers[var] = known
                outer = self._known_as(x)
            self.captured_vars[id(x)] = var
            self.captured.append((outer, x))
            self.capture_order.append(var)
        return var

    def _known_as(self, x: Tracer) -> Tracer:
        """What stands for an outer tracer in the trace around: a block between here and its own trace may know it under a newer value."""
        p = self.parent
        while p is not None and p is not x.owner:
            if p.is_region:
                return Tracer(x.type, self.parent, self.parent.atom(x))  # type: ignore[union-attr, arg-type]
            p = p.parent
        return Tracer(x.type, x.owner, x.ref, x.value) if x.owner.level else x      # what it is now, if written later

    def reaches(self, x: Tracer) -> bool:
        """Whether `x` is of this trace or, through blocks only, of one around it: then it may be written here."""
        p: Trace | None = self
        while p is not None and p is not x.owner:
            if not p.is_region:
                return False
            p = p.parent
        return p is not None

    def outer(self, x: Tracer) -> Var:
        """What stands for an outer tracer here."""
        return self.capture(x)

    def rebind(self, x: Tracer, new: Any, keep: Sequence[Tracer] = ()) -> None:
        """Let `x`, a tracer of this trace, stand for `new` from here on; `new` may be a plain array, whose elements all were set.

        `keep` are views of `x` that stand for what they are by now already.
        """
        if not isinstance(new, Tracer):
            new = Tracer(type_of(new), self, self.atom(new), new if self.concrete else None)  # type: ignore[arg-type]
        assert x.owner is self
        x.ref, x.value, x.weak, x.where = self.atom(new), new.value, None, new.where  # type: ignore[assignment]

    def is_stale(self, x: Tracer) -> str | None:
        """Why the contents of an array are not known any more; None if they are."""
        trace: Trace | None = self
        while trace is not None:
            if id(x) in trace.stale:
                return trace.stale[id(x)][1]
            trace = trace.parent
        return None

    def check_fresh(self, x: Tracer) -> None:
        """Refuse an array whose contents are not known any more."""
        trace: Trace | None = self
        while trace is not None:
            found = trace.stale.get(id(x))
            if found is not None:
                raise explain(UnsupportedError, f"an array {x.type} is used under another name than it was written by", why=found[1],
                              fix="use one name for it, or copy it before the loop")
            trace = trace.parent

    def has_compared(self, a: Dim, b: Dim) -> bool:
        """Whether two lengths were compared already, here or around."""
        trace: Trace | None = self
        while trace is not None and (a, b) not in trace.compared and (b, a) not in trace.compared:
            trace = trace.parent
        return trace is not None

    def integer_of(self, atom) -> Dim | None:
        """What is known of an integer scalar of this trace, as a polynomial."""
        if isinstance(atom, Const):
            return int(atom.value) if atom.value.dtype.kind in "iu" else None
        return self.integers.get(atom)

    def atom(self, x) -> Atom:
        """The var or constant that stands for a value in this trace."""
        if isinstance(x, Tracer):
            if self.stale:
                self.check_fresh(x)
            if x.owner is self:
                return x.ref  # type: ignore[return-value]
            return self.outer(x)
        if isinstance(x, np.ndarray):
            return self.capture(x)
        number: Any = x if isinstance(x, np.generic) else np.asarray(x)[()]
        type_of_value(number)
        return Const(number)

    def record(self, op: Op, args: Sequence, params: dict[str, Any]):
        """Record a node, or find the equal one that is already there; return its tracer or list of tracers."""
        if self.guards is not None:
            self._count_operation()
        atoms = tuple([self.atom(a) for a in args])
        key = (op, atoms, hashable(tuple(params.values())) if params else ())
        shared = not op.effect or op.idempotent
        if shared:
            found = self.known.get(key)
            if found is not None:  # new tracers: the ones handed out before may since have been written in place
                hits = [Tracer(v.type, self, v, value, None, where) for v, value, where in found]
                return hits if op.many else hits[0]
        found_types = op.infer(*[a.type for a in atoms], **params)
        types = found_types if op.many else [found_types]
        where = self.where or user_line()
        values = self._computed(op, args, params, types) if self.concrete else None
        out = []
        for i, t in enumerate(types):
            out.append(Tracer(t, self, Var(t), None if values is None else values[i], None, where))
        node = Node(op, atoms, tuple([o.ref for o in out]), params, where)  # type: ignore[arg-type, misc]
        self.nodes.append(node)
        if self.integers and types and not types[0].shape and types[0].dtype == np.int64:
            self._note_integer(op, atoms, out[0].ref)  # type: ignore[arg-type]
        for v in node.outputs:
            self.producers[v] = node
        if shared:
            self.known[key] = [(o.ref, o.value, where) for o in out]
        return out if op.many else out[0]

    def _count_operation(self) -> None:
        """Refuse a path that is too long."""
        self.counted += 1
        if len(self.nodes) > LONGEST_PATH or self.counted > LONGEST_RECORDING:
            raise explain(ConcreteValueError, f"the path that `{self.name}` takes has more than {LONGEST_PATH} operations",
                          why="its loops are written out, step by step", fix="call it without jit; `f.why()` says what cannot be captured")

    def _computed(self, op: Op, args: Sequence, params: dict[str, Any], types: Sequence[ArrayType]) -> list | None:
        """The results of an op as numbers; None if an operand has none."""
        values = [a.value if isinstance(a, Tracer) else a for a in args]
        if any(v is None for v in values):
            return None
        ps = {k: substitute(v, self.sizes) for k, v in params.items()} if self.sizes else params
        try:
            out = op.reference(*values, **ps)
        except Exception as e:
            e.of_traced_values = self.guards is not None    # type: ignore[attr-defined]
            raise
        results = out if op.many else [out]
        for t, v in zip(types, results, strict=True):
            match_sizes(t, np.shape(v), self.sizes)  # type: ignore[arg-type]
        return results

    def _note_integer(self, op: Op, atoms: Sequence[Atom], out: Var) -> None:
        """Note an integer scalar that is a polynomial of sizes, as its operands are."""
        known = [self.integer_of(a) for a in atoms]
        if all(k is not None for k in known):
            dimension = op.dimension(*known)    # type: ignore[arg-type]
            if dimension is not None:
                self.integers[out] = dimension


def decided(x: Tracer, outcome: int) -> int:
    """Note that Python went on by the number behind x."""
    if x.owner.level and x.owner.guards is not None:
        x.owner.guards.append((x.ref, outcome))
    return outcome


def check_open(x: Tracer) -> None:
    """A tracer may only be used while its trace is open."""
    if x.owner.level and not x.owner.open:
        made = f" at {x.where}" if x.where else ""
        raise explain(EscapedTracerError, f"a traced value {x.type} is used after the trace of `{x.owner.name}` ended",
                      made=f"in `{x.owner.name}`{made}", why="a traced value stands for a number only while its function is "
                      "being recorded", fix="return it from the function instead of storing it outside")


def bind(op: Op, *args, **params):
    """Apply an op: record a node in the innermost open trace; with none open, run its reference."""
    return apply(op, args, params)


def apply(op: Op, args: Sequence, params: dict[str, Any]):
    """`bind` with the arguments in a sequence."""
    if _state.stack:
        for a in args:
            if isinstance(a, Tracer):
                check_open(a)
        return _state.stack[-1].record(op, args, params)
    for a in args:
        if isinstance(a, Tracer):
            check_open(a)
            return a.owner.record(op, args, params)  # a tensor: its tape
    return op.reference(*args, **params)


AnyTrace = TypeVar("AnyTrace", bound=Trace)


@contextmanager
def open_trace(name: str, concrete: bool) -> Iterator[Trace]:
    """Push a new trace; on leaving, it is closed and its tracers can be used no more."""
    with opened(Trace(name, concrete)) as trace:
        yield trace


@contextmanager
def opened(trace: AnyTrace) -> Iterator[AnyTrace]:
    """Push a trace that was just made; on leaving, it is closed and its tracers can be used no more."""
    trace.parent = current_trace()
    if trace.concrete and trace.parent is not None and trace.parent.guards is not None:
        trace.guards = []
    _state.stack.append(trace)
    try:
        yield trace
    finally:
        _state.stack.pop()
        trace.open = False


@contextmanager
def reopened(trace: Trace) -> Iterator[Trace]:
    """Record a little more in a block that was closed."""
    _state.stack.append(trace)
    trace.open = True
    try:
        yield trace
    finally:
        _state.stack.pop()
        trace.open = False


@dataclass(frozen=True, slots=True)
class Traced:
    """A graph and the outside values that it uses: they are its last inputs."""

    graph: Graph
    captured: list
    guards: Graph | None = None
    """Conditions that Python decided on, by the inputs of the graph, in a trace where that is to be checked."""
    outcomes: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    asked: Asked = Asked.TYPES
    """What Python asked of the arguments, besides their types."""
    reads: Any = None
    """What was read of Python's state outside of the function."""


def trace_flat(f: Callable, types: Sequence[ArrayType], *, name: str = "f", values: Sequence | None = None,
               weak: Sequence | None = None, guarded: bool = False, outside: bool = True) -> Traced:
    """Trace `f`, a function of flat arguments that returns a list.

    The graph's inputs are those of `types`, then the captured values. In a `guarded` trace with values, Python's decisions on them are
    kept, to be checked. `outside`: whether arrays of variables outside of `f` are traced.
    """
    with open_trace(name, values is not None) as trace:
        if not outside:
            trace.outside = None
        if guarded:
            trace.guards = []
        ins = [trace.input(t, None if values is None else values[i], None if weak is None else weak[i])
               for i, t in enumerate(types)]
        first = [t.ref for t in ins]
        outs = tuple([trace.atom(o) for o in f(*ins)])
    inputs: Any = (*first, *trace.capture_order)
    graph = Graph(name, inputs, tuple(trace.nodes), outs)
    captured = [outer for outer, _ in trace.captured]
    more: dict[str, Any] = {"notes": tuple(trace.notes), "asked": trace.asked, "reads": trace.reads}
    if trace.guards:
        guards = live_nodes(Graph(name, inputs, tuple(trace.nodes), tuple([a for a, _ in trace.guards])))
        return Traced(live_nodes(graph), captured, guards, tuple([k for _, k in trace.guards]), **more)
    return Traced(live_nodes(graph), captured, **more)


def trace_graph(f: Callable, types: Sequence[ArrayType], name: str) -> Graph:
    """Trace a function that must capture nothing (a transform's own)."""
    traced = trace_flat(f, types, name=name)
    if traced.captured:
        raise AssertionError(f"{name} captured {len(traced.captured)} values")
    return traced.graph


def walk(graph: Graph, args: Sequence, step: Callable) -> list:
    """Go through a graph in order, `step(node, inputs, params)` giving the outputs of each node, a list.

    Sizes are bound on the way: `params` come with the sizes of this run in place of the graph's symbols.
    """
    env: dict[Var, Any] = {}
    names: dict[str, Dim] = {}
    for v, a in zip(graph.inputs, args, strict=True):
        env[v] = a
        if v.type.shape and v.type.symbols():
            match_sizes(v.type, _shape(a), names)
    for node in graph.nodes:
        params = {k: substitute(v, names) for k, v in node.params.items()} if names else node.params
        out = step(node, [env[a] if isinstance(a, Var) else a.value for a in node.inputs], params)
        for v, o in zip(node.outputs, out, strict=True):
            env[v] = o
            if v.type.shape and v.type.symbols():
                match_sizes(v.type, _shape(o), names)
    return [env[a] if isinstance(a, Var) else a.value for a in graph.outputs]


def _shape(x) -> tuple[Dim, ...]:
    return x.type.shape if isinstance(x, Tracer) else np.shape(x)


def inline(graph: Graph, args: Sequence) -> list:
    """Record a graph's nodes into the current trace; they keep their lines."""
    trace = current_trace()

    def step(node, xs, params):
        if trace is not None and node.where is not None:
            trace.where = node.where
        out = apply(node.op, xs, params)
        return out if node.op.many else [out]
    outer = trace.where if trace is not None else None
    try:
        return walk(graph, args, step)
    finally:
        if trace is not None:
            trace.where = outer


def evaluate(graph: Graph, args: Sequence) -> list:
    """Run a graph with NumPy: its meaning, and what compiled code is compared with."""
    def step(node, xs, params):
        try:
            out = node.op.reference(*xs, **params)
        except (IndexError, AssertionError, ValueError) as e:
            if node.op.effect and node.where is not None and not isinstance(e, TraceError):
                raise type(e)(f"{e} ({node.where})") from None
            raise
        return out if node.op.many else [out]
    return walk(graph, args, step)


def full(shape: tuple[Dim, ...], value, dtype) -> Any:
    """An array filled with one number: a node inside a trace, a NumPy array outside."""
    from tracer.ops.shape import broadcast
    scalar = np.dtype(dtype).type(value)
    trace = current_trace()
    if trace is None:
        return np.full(shape, scalar, dtype)  # type: ignore[arg-type]
    if shape == ():
        return scalar
    return trace.record(broadcast, (scalar,), {"shape": tuple(shape)})


def zeros(type: ArrayType) -> Any:
    """Zeros of a type: a node inside a trace, a NumPy array outside."""
    return full(type.shape, 0, type.dtype)


def concrete_value(x):
    """The numbers behind a tracer, if it carries them; a plain value as it is; None if they are not known.

    In a trace whose decisions are checked it is a decision to go on with them: what follows is right for these numbers only.
    """
    if not isinstance(x, Tracer):
        return x
    if x.value is not None and is_checked(x):
        value = np.asarray(x.value)
        equal = call(np.equal, x, value)
        if value.dtype.kind == "f" and np.isnan(value).any():
            equal = call(np.where, np.isnan(value), call(np.isnan, x), equal)
        decided(call(np.all, equal), 1)
    return x.value


def is_checked(x: Tracer) -> bool:
    """Whether a tracer is of a trace that follows Python's decisions on numbers, and has them checked in later runs."""
    return bool(x.owner.level) and x.owner.guards is not None
