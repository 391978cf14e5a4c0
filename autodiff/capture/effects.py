"""Effects: what a recorded function changes outside of itself, such as a counter, a list that it appends to, or the text that it prints.

A function is recorded once, and perhaps several times before one recording is taken, while Python runs it at every call. So what it
changes while it is recorded by `jit` is kept in a log, in order, and put back when the recording ends. The log belongs to the recording:
traced values in it become results of the graph, and `autodiff.compiled.replay` carries it out after every call, with numbers.

An eager `grad` records while Python runs. Its effects happen as they come, and traced values in them are replaced by their numbers when
the recording ends. The same happens at the end of a recording inside another one: its values become values of the recording around.

What is changed is an attribute, an item or a variable (`Put`: the last value counts), or it is changed by a call (`Do`), or it is an array
(`Effects.arrays`). Numbers and arrays that a function changes are inputs of its graph: `Learned` keeps which they are, as this is known
only when a recording has changed them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.capture.arguments import Change
from autodiff.capture.places import copied, own_value, put_content, put_raw
from autodiff.capture.state import UNBOUND, declined, is_data
from autodiff.capture.substitution import Text, walk
from autodiff.numpy.aliasing import own_memory
from tracer.errors import ConcreteValueError, UnsupportedError, explain, user_line
from tracer.trace import Trace, Tracer, current_trace
from tracer.types import is_traceable, type_of_value

__all__ = ["Do", "Effects", "Learned", "Put", "array_here", "effects_on", "left_to_python", "is_number", "is_outside", "leave_to_python",
           "number_of", "outer_effects", "performed", "will_change", "will_do", "will_put", "will_write"]

LIVE: Any = object()
"""In place of the value of a `Put` whose value is the one that its place holds."""
MOST_COMPARED = 1 << 20
"""Elements of an array up to which it is copied and compared: about 2 ms."""


class Put:
    """A place outside that is set: what it held before, and what it is given, or LIVE."""

    __slots__ = ("slot", "old", "value", "where")

    def __init__(self, slot: Any, old: Any, where: Any):
        self.slot, self.old, self.value, self.where = slot, old, LIVE, where

    def parts(self) -> list:
        """What may hold traced values."""
        return [own_value(self.slot) if self.value is LIVE else self.value]

    def replace(self, new: Callable[[Tracer], Any], memo: dict) -> None:
        """Replace the traced values."""
        before = self.parts()[0]
        after = walk(before, new, memo)
        if self.value is not LIVE:
            self.value = after
        elif after is not before:
            put_raw(self.slot, after)


class Do:
    """A call that changes something outside."""

    __slots__ = ("function", "args", "kwargs", "where")

    def __init__(self, function: Callable, args: tuple, kwargs: dict, where: Any):
        self.function, self.args, self.kwargs, self.where = function, args, kwargs, where

    def parts(self) -> list:
        """What may hold traced values."""
        return [self.args, self.kwargs]

    def replace(self, new: Callable[[Tracer], Any], memo: dict) -> None:
        """Replace the traced values."""
        self.args, self.kwargs = walk(self.args, new, memo), walk(self.kwargs, new, memo)


class Learned:
    """Places and arrays outside that earlier recordings of a function have changed: in the next one they are inputs of the graph."""

    def __init__(self) -> None:
        self.slots: dict[Any, None] = {}
        self.arrays: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.slots) + len(self.arrays)


class Effects:
    """The log of one recording.

    deferred : whether the effects are put back at the end, and carried out after each call; else they happen as they come
    learned : what is known of earlier recordings
    """

    def __init__(self, deferred: bool, learned: Learned | None = None):
        self.deferred = deferred
        self.learned = Learned() if learned is None else learned
        self.entries: list[Put | Do | Change] = []
        self.puts: dict[Any, Put] = {}          # the last one of each place
        self.copies: dict[int, tuple[Any, Any]] = {}    # containers that calls have changed, and what they held
        self.inside: dict[int, Any] = {}        # containers made in the function that are part of something outside now
        self.arrays: dict[tuple[int, int], tuple[Tracer, Any, np.ndarray, Trace]] = {}  # by trace: stand-in, var at first, array
        self.slot_arrays: dict[int, tuple[Tracer, np.ndarray]] = {}     # stand-ins of arrays that places held, and the arrays
        self.plain: dict[int, tuple[np.ndarray, np.ndarray]] = {}   # arrays outside that are no inputs, and copies
        self.handlers = 0       # how many statements and functions around may handle what the program raises
        self.raised: dict[tuple, int] = {}      # code of the blocks of a branch -> which of them was found to raise
        self.texts: list[BaseException] = []    # exceptions whose texts wait for numbers: only Python, running the call, may show them
        self._undo: list[Callable[[], None]] = []
        self._before_copy: set[int] = set()     # puts on containers that no call had changed then

    def refuse_texts(self) -> None:
        """Refuse exceptions whose texts would be asked for: their numbers are not known."""
        if self.texts:
            raise explain(ConcreteValueError, f"the text of a traced value in {type(self.texts[0]).__name__}(...)",
                          why="it depends on the number, which differs from call to call", fix="raise it under the condition itself")

    # -- the log ----------------------------------------------------------------------------------

    def put(self, slot: Any) -> None:
        """A place is about to be set."""
        if slot in self.puts:
            return
        old = own_value(slot)
        entry = self.puts[slot] = Put(slot, old, user_line() if self.deferred else None)
        self.entries.append(entry)
        if not self.deferred:
            return
        if id(slot.owner) not in self.copies:
            self._before_copy.add(id(entry))
        self._undo.append(lambda: put_raw(slot, old))

    def do(self, x: Any, function: Callable, args: tuple, kwargs: dict) -> None:
        """A call is about to change a container, or, for None, the world outside of Python."""
        if not self.deferred:
            self.copies[id(x)] = (x, None)
            return
        if x is not None:
            self.will_change(x)
            self._mark(args, 3)
        self.entries.append(Do(function, args, kwargs, user_line()))

    def will_change(self, x: Any) -> None:
        """A container is about to be changed otherwise than by setting an item: what was set before counts as it is now."""
        for slot, entry in list(self.puts.items()):
            if slot.owner is x:
                entry.value = own_value(slot)
                del self.puts[slot]
        if id(x) not in self.copies:
            kept = copied(x)
            self.copies[id(x)] = (x, kept)
            self._undo.append(lambda: put_content(x, kept))

    def _mark(self, x: Any, depth: int) -> None:
        """Note that what comes to be a part of something outside was made in the function."""
        if depth and isinstance(x, (list, tuple, dict, set, deque)) and not is_outside(x):
            self.inside[id(x)] = x
            for y in (x.values() if isinstance(x, dict) else x):
                self._mark(y, depth - 1)

    def is_inside(self, x: Any) -> bool:
        """Whether an object that is found outside was put there by the function itself."""
        return id(x) in self.inside or any(p.value is LIVE and p.old is not x and own_value(s) is x for s, p in self.puts.items())

    def original(self, x: Any) -> Any:
        """What a container held before the function has changed it: the container itself if it has not."""
        puts = [e for e in self.entries if isinstance(e, Put) and e.slot.owner is x]
        if not puts and id(x) not in self.copies:
            return x
        content: Any = copied(self.copies[id(x)][1] if id(x) in self.copies else x)
        for e in reversed(puts):
            if id(e) in self._before_copy:
                if e.old is UNBOUND:
                    content.pop(e.slot.name, None)
                else:
                    content[e.slot.name] = e.old
        return content

    # -- the end ----------------------------------------------------------------------------------

    def undo(self) -> None:
        """Put everything back."""
        for back in reversed(self._undo):
            back()
        self._undo.clear()

    def settle(self, trace: Trace) -> None:
        """Take what the places hold now for their values, and learn which of them are inputs."""
        for entry in self.entries:
            if isinstance(entry, Put) and entry.value is LIVE:
                entry.value = own_value(entry.slot)
        arrays = self.stand_ins(trace)
        self.entries = [e for e in self.entries if not isinstance(e, Put) or arrays.get(id(e.value), e.value) is not e.old]
        for entry in self.entries:
            if isinstance(entry, Put) and is_number(_inherited(entry.slot) if entry.old is UNBOUND else entry.old):
                self.learned.slots.setdefault(entry.slot)
        for x, kept in self.plain.values():
            if x.shape == kept.shape and x.tobytes() == kept.tobytes():
                continue
            x[...] = kept
            if id(x) in self.learned.arrays:
                raise explain(UnsupportedError, f"an array from outside of shape {x.shape} is written by code that is not captured",
                              why="it would have to be repeated at each call", fix="pass it as an argument, or write a copy")
            self.learned.arrays[id(x)] = x

    def stand_in(self, slot: Any, t: Tracer) -> None:
        """Let a stand-in take the place of what a place holds."""
        old = own_value(slot)
        self._undo.append(lambda: put_raw(slot, old))
        put_raw(slot, t)

    def stand_in_array(self, t: Tracer, x: np.ndarray, trace: Trace) -> None:
        """Note that a stand-in of what a place holds is one of an array, which may be written if an earlier recording has written it."""
        t.views = own_memory(t)
        self.slot_arrays[id(t)] = (t, x)
        if id(x) in self.learned.arrays:
            self.arrays[id(trace), id(x)] = (t, t.ref, x, trace)
        else:
            t.views.memory.locked = "it is an array from outside of the function"

    def found(self, x: np.ndarray) -> None:
        """Keep a copy of an array that was found outside."""
        if self.deferred and x.flags.writeable and not x.dtype.hasobject and x.size <= MOST_COMPARED:
            self.plain[id(x)] = (x, x.copy())

    def stands_for_outside(self, t: Tracer) -> None:
        """The stand-in of an array from outside is about to be written: the next recording lets it."""
        trace = current_trace()
        outside = _top(trace).outside if trace is not None else None
        for s, x in (*(outside or {}).values(), *self.slot_arrays.values()):
            if s is t:
                self.learned.arrays[id(x)] = x

    def traced_entries(self) -> list[Tracer]:
        """The traced values of the log, without those that only the changed containers hold."""
        return self.traced(containers=False)

    def traced(self, containers: bool = True) -> list[Tracer]:
        """The traced values among the effects."""
        found: dict[int, Tracer] = {}
        memo: dict[int, Any] = {}

        def note(t: Tracer) -> Tracer:
            found[id(t)] = t
            return t
        for entry in self.entries:
            for part in entry.parts():
                walk(part, note, memo)
        for x, _ in self.copies.values() if containers else ():
            walk(x, note, memo)
        return [t for t in found.values() if t.owner.level]

    def refuse_strangers(self, trace: Trace) -> None:
        """Refuse effects with values of recordings that have ended, such as those of one lane of `vmap`."""
        for entry in self.entries:
            strangers: list[Tracer] = []

            def note(t: Tracer, strangers=strangers) -> Tracer:
                if t.owner.level and not t.owner.open:
                    strangers.append(t)
                return t
            for part in entry.parts():
                walk(part, note, {})
            if strangers:
                raise explain(UnsupportedError, f"a value {strangers[0].type} of `{strangers[0].owner.name}` is kept outside of it",
                              where=entry.where, why="the function that it belongs to is recorded once, however often it runs",
                              fix="return it from the function instead of storing it outside")

    def replace(self, new: Callable[[Tracer], Any]) -> None:
        """Put other values in the place of traced ones, in the log and where they lie."""
        memo: dict[int, Any] = {}
        for entry in self.entries:
            entry.replace(new, memo)
        for x, _ in self.copies.values():
            walk(x, new, memo)

    def stand_ins(self, trace: Trace) -> dict[int, np.ndarray]:
        """Arrays from outside, by what stands for them in a recording."""
        found = {id(t): x for t, x in (trace.outside or {}).values()}
        return {**found, **{id(t): x for t, _, x, owner in self.arrays.values() if owner is trace}}

    def written(self, trace: Trace) -> list[tuple[Tracer, np.ndarray]]:
        """Arrays from outside that the recording has written: what stands for them, and the arrays."""
        return [(t, x) for t, first, x, owner in self.arrays.values() if owner is trace and t.ref is not first]


AFTER_EFFECTS = "they raise after they have changed something outside"


def leave_to_python(e: BaseException, why: str) -> None:
    """Note of an exception that Python is to run the call from the start, as recording it cannot be right; `why` completes "calls ran
    uncompiled: ...". An empty text changes nothing.
    """
    if why:
        vars(e)["left_to_python"] = why


def left_to_python(e: BaseException) -> str:
    """Why Python is to run a call; empty if it need not."""
    return vars(e).get("left_to_python", "")


# -- which effects ---------------------------------------------------------------------------------

def _top(trace: Trace) -> Trace:
    while trace.parent is not None:
        trace = trace.parent
    return trace


def outer_effects() -> Effects | None:
    """The effects of the recording that this thread is at; None if there is none that keeps them."""
    trace = current_trace()
    return None if trace is None else _top(trace).effects


def is_outside(x: Any) -> bool:
    """Whether the function being recorded has found an object outside."""
    trace = current_trace()
    top = None if trace is None else _top(trace)
    return top is not None and top.reads is not None and id(x) in top.reads.outside


def effects_on(x: Any, what: str) -> Effects | None:
    """The log that a change of an object belongs to; None if it belongs to none, as the object was made in the function.

    Raises
    ------
    UnsupportedError
        In a function that is recorded once though it runs several times, as under `vmap`.
    """
    trace = current_trace()
    if trace is None:
        return None
    top = _top(trace)
    effects = top.effects
    if effects is not None and not effects.deferred:
        return None if id(x) in top.made else effects
    if x is not None and (top.reads is None or id(x) not in top.reads.outside):
        return None
    inner: Trace | None = trace
    while inner is not None:
        if not inner.is_region and not inner.once:
            raise explain(UnsupportedError, f"{what} in `{inner.name}`, which is recorded once and runs several times",
                          why="Python would do it at each run", fix="return the value from the function, and keep it outside")
        inner = inner.parent
    return effects


def will_put(slot: Any) -> None:
    """A place is about to be set (`Slot`)."""
    effects = effects_on(slot.owner, f"setting `{slot}`") if slot.kind != "last" else None
    if effects is not None:
        effects.put(slot)


def will_change(x: Any, what: str) -> None:
    """A container is about to be changed by what `will_do` cannot carry out: only an eager recording may go on.

    Raises
    ------
    UnsupportedError
        For an object from outside in a compiled function.
    """
    effects = effects_on(x, what)
    if effects is not None:
        if effects.deferred:
            raise refuse_change(x, what)
        effects.copies[id(x)] = (x, None)


def performed(f: Callable, args: tuple, kwargs: dict) -> Any:
    """A call that writes to the screen, a file or a log: with the numbers of traced values, at each call of the function.

    Raises
    ------
    Declined
        In a loop or branch that is recorded once.
    """
    trace = current_trace()
    effects = outer_effects()
    if trace is None:
        return f(*args, **kwargs)
    name = getattr(f, "__name__", "a call")
    if effects is None or not effects.deferred:
        def number(t: Tracer) -> Any:
            if t.value is None:
                raise explain(UnsupportedError, f"{name} of a traced value {t.type}", why="its number is not known here")
            return number_of(t)
        return f(*walk(_frozen(args), number, {}), **walk(_frozen(kwargs), number, {}))
    if trace.is_region:
        raise declined(f"{name} in a loop or branch", "the block is recorded once, however often it runs", "call it after the block")
    effects_on(None, name)
    effects.do(None, f, _frozen(args), _frozen(kwargs))
    return None


def number_of(t: Tracer) -> Any:
    """The number or array that a traced value carries, as Python would have it."""
    if not t.owner.level:
        return t
    if t.type.shape:
        return np.array(t.value)
    return t.weak(t.value) if t.weak is not None else np.asarray(t.value)[()]


def _frozen(x: Any) -> Any:
    """A value as it is now, whatever is written to it later."""
    if isinstance(x, Tracer) and x.owner.level:
        trace = current_trace()
        assert trace is not None
        atom = trace.atom(x)
        return Tracer(x.type, trace, atom, x.value, x.weak, x.where)    # type: ignore[arg-type]
    if type(x) is tuple or type(x) is list:
        return type(x)([_frozen(y) for y in x])
    if type(x) is dict:
        return {k: _frozen(y) for k, y in x.items()}
    if type(x) is Text:
        return Text([_frozen(y) for y in x.parts])
    return x.copy() if type(x) is np.ndarray else x


def refuse_change(x: Any, what: str) -> Exception:
    """The error for a change of an object from outside that cannot be repeated at each call."""
    return explain(UnsupportedError, f"{what} a {type(x).__name__} from outside of a compiled function",
                   why="it is recorded once and could not be repeated at each call", fix="return the new value, and set it outside")


def will_do(x: Any, name: str, args: tuple, kwargs: dict) -> None:
    """A method of a container is about to change it."""
    effects = effects_on(x, f"{name} on a {type(x).__name__}")
    if effects is not None:
        effects.do(x, getattr(x, name), args, kwargs)


def will_write(x: np.ndarray) -> None:
    """A plain array is about to be written.

    Raises
    ------
    UnsupportedError
        If it comes from outside of a compiled function: the next recording has it among its inputs.
    """
    effects = effects_on(_outermost_owner(x), "writing an array from outside")
    if effects is not None and effects.deferred:
        y = _outermost_owner(x)
        again = id(y) in effects.learned.arrays
        effects.learned.arrays[id(y)] = y
        raise explain(UnsupportedError, f"an array from outside of shape {x.shape} is written under a name that is not followed" if again
                      else f"an array from outside of shape {x.shape} is written in a compiled function",
                      why="it is no array of numbers, or is reached in a way that cannot be followed",
                      fix="pass it as an argument, or write a copy")


def _outermost_owner(x: np.ndarray) -> np.ndarray:
    """The array from outside that an array is, or is a view of."""
    y: Any = x
    while isinstance(y, np.ndarray) and not is_outside(y):
        y = y.base
    return y if isinstance(y, np.ndarray) else x


def array_here(x: np.ndarray, effects: Effects) -> Tracer:
    """What stands for an array from outside that the function writes: one stand-in in each recording that runs once."""
    trace = current_trace()
    assert trace is not None
    return _array_in(x, effects, _recording(trace))


def _recording(trace: Trace) -> Trace:
    while trace.parent is not None and (trace.is_region or not trace.once):
        trace = trace.parent
    return trace


def _array_in(x: np.ndarray, effects: Effects, trace: Trace) -> Tracer:
    found = effects.arrays.get((id(trace), id(x)))
    if found is None:
        if trace.parent is None:
            atom: Any = trace.capture(x)
            value = x.copy() if trace.concrete else None
        else:
            around = _array_in(x, effects, _recording(trace.parent))
            atom, value = trace.atom(around), around.value
        t = Tracer(type_of_value(x), trace, atom, value)
        t.views = own_memory(t)
        found = effects.arrays[id(trace), id(x)] = (t, atom, x, trace)
    return found[0]


def is_number(x: Any) -> bool:
    """Whether a graph can have a value outside as an input; a truth value decides what Python does, and stays one."""
    return is_data(x) and not isinstance(x, (bool, np.bool_, Tracer)) and (not isinstance(x, np.ndarray) or is_traceable(x))


def _inherited(slot: Any) -> Any:
    """The value that an attribute without one of its own has by the class."""
    return getattr(type(slot.owner), slot.name, UNBOUND) if slot.kind == "attribute" else UNBOUND
