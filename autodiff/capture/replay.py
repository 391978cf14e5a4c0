"""What a recording has changed outside of its function, in a form that can be carried out after each call.

`Replay.of` takes the log of effects at the end of a recording (`autodiff.capture.effects`). Traced values in it are results of the graph;
`Replay.run` gets their numbers and sets places, calls methods and `print`, and writes arrays, in the order of the recording. What the
function has made anew (lists, dicts, objects of the user's) is made anew at each call; what comes from outside is the object itself.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from autodiff.capture.advancing import is_generator, outermost
from autodiff.capture.arguments import Change
from autodiff.capture.effects import Do, Effects, Put, is_outside
from autodiff.capture.places import put_raw, set_raw
from autodiff.capture.state import UNBOUND
from autodiff.capture.substitution import Text, attributes, walk
from autodiff.leaves import leaf_type, weak_of
from tracer.errors import UnsupportedError, explain
from tracer.trace import Trace, Tracer
from tracer.types import ArrayType

__all__ = ["Replay", "SlotInput"]

Builder = Callable[[Sequence, dict], Any]
"""From the numbers of a call to a value; the dict holds what this call has made already."""


class SlotInput:
    """A number or array that a function both finds in a place outside and changes there: an input of its graph."""

    __slots__ = ("slot", "kind", "type", "first")

    def __init__(self, slot: Any):
        self.slot = slot
        value = self.first = slot.get()     # what it held when the function was recorded
        self.kind = type(value)
        self.type = leaf_type(value, str(slot))

    def read(self) -> Any:
        """The value of the moment; UNBOUND if it is of another type than when the function was recorded."""
        value = self.slot.get()
        if type(value) is not self.kind:
            return UNBOUND
        if isinstance(value, (int, float)) and not isinstance(value, np.generic):
            return value if self.kind is float or -2**63 <= value < 2**63 else UNBOUND
        return value if (value.dtype, value.shape) == (self.type.dtype, self.type.shape) else UNBOUND

    def install(self, trace: Trace, effects: Effects) -> None:
        """Let a stand-in take the place of the value while the function is recorded."""
        value = self.slot.get()
        t = Tracer(self.type, trace, trace.input_from(self, self.type), np.asarray(value)[()] if trace.concrete else None, weak_of(value))
        effects.stand_in(self.slot, t)
        if isinstance(value, np.ndarray):
            effects.stand_in_array(t, value, trace)


@dataclass(frozen=True, slots=True)
class Replay:
    """The effects of a recording.

    actions : what sets a place or makes a call, given the numbers of a call and what it has made
    writes : the positions, among what the recording has captured, of the arrays that it writes; their new contents are the last results
    words : what is done, for `why`
    """

    actions: tuple[Callable[[Sequence, dict], None], ...]
    writes: tuple[int, ...]
    results: int
    words: str

    @staticmethod
    def of(effects: Effects, trace: Trace) -> tuple[Replay | None, list[Tracer]]:
        """The effects at the end of a recording, and the traced values whose numbers they need; None if there are none."""
        effects.settle(trace)
        effects.refuse_strangers(trace)
        places = {id(x): k for k, (_, x) in enumerate(trace.captured)}
        places.update({id(x.first): k for k, (_, x) in enumerate(trace.captured) if isinstance(x, SlotInput)})
        arrays = {t: places[id(x)] for t, x in effects.stand_ins(trace).items()}
        found = [t for t in effects.traced_entries() if id(t) not in arrays]
        numbers = {id(t): k for k, t in enumerate(found)}
        made: dict[int, Builder] = {}
        actions = []
        for entry in effects.entries:
            build = _Builders(numbers, arrays, made, entry.where)
            if isinstance(entry, Do):
                actions.append(_doing(entry.function, build.of(entry.args), build.of(entry.kwargs)))
            elif isinstance(entry, Change):
                actions.append(_changing(entry.without_value(), build.of(entry.value)))
            else:
                actions.append(_putting(entry.slot, build.of(entry.value)))
        written = effects.written(trace)
        found_outside = trace.reads.outside.values() if trace.reads is not None else ()
        _check_apart([x for _, x in written], [*found_outside, *(x for _, x in trace.captured)])
        if not actions and not written and not any(isinstance(x, SlotInput) for _, x in trace.captured):
            return None, []
        words = sorted({_words(e) for e in effects.entries} | ({"writes arrays from outside"} if written else set()))
        return (Replay(tuple(actions), tuple([places[id(x)] for _, x in written]), len(found) + len(written), ", ".join(words)),
                [*found, *[t for t, _ in written]])

    def run(self, values: Sequence, captured: Sequence, arguments: tuple) -> None:
        """Carry the effects out."""
        made: dict[Any, Any] = {"captured": captured, "arguments": arguments}
        for action in self.actions:
            action(values, made)
        for k, new in zip(self.writes, values[self.results - len(self.writes):], strict=True):
            captured[k][...] = new


def _words(entry: Put | Do | Change) -> str:
    if isinstance(entry, Do):
        return f"calls {getattr(entry.function, '__name__', 'a function')}"
    return "changes its arguments" if isinstance(entry, Change) else f"sets {entry.slot}"


def _doing(function: Callable, args: Builder, kwargs: Builder) -> Callable[[Sequence, dict], None]:
    def do(values: Sequence, made: dict) -> None:
        function(*args(values, made), **kwargs(values, made))
    return do


def _putting(slot: Any, value: Builder) -> Callable[[Sequence, dict], None]:
    def put(values: Sequence, made: dict) -> None:
        put_raw(slot, value(values, made))
    return put


def _changing(change: Change, value: Builder) -> Callable[[Sequence, dict], None]:
    def put(values: Sequence, made: dict) -> None:
        change.apply(made["arguments"], value(values, made))
    return put


def _check_apart(written: Sequence[np.ndarray], captured: Sequence) -> None:
    """Refuse to write an array from outside that overlaps with another one that the function uses."""
    for x in written:
        for y in captured:
            if isinstance(y, np.ndarray) and y is not x and np.may_share_memory(x, y):
                raise explain(UnsupportedError, f"an array from outside of shape {x.shape} is written, and overlaps with another of shape "
                              f"{y.shape}", why="what one of them sees of writes to the other could not be followed",
                              fix="use one name for both")


class _Builders:
    """Makes the builders of the values of one effect."""

    def __init__(self, numbers: dict[int, int], arrays: dict[int, int], made: dict[int, Builder], where: Any):
        self.numbers, self.arrays, self.made, self.where = numbers, arrays, made, where

    def of(self, x: Any) -> Builder:
        """The builder of one value."""
        if isinstance(x, Tracer):
            if id(x) in self.arrays:
                k = self.arrays[id(x)]
                return lambda values, made: made["captured"][k]
            return _number(self.numbers[id(x)], x.weak, x.type)
        if isinstance(x, _LEAVES) or x is UNBOUND or is_outside(x):
            return lambda values, made: x
        if id(x) not in self.made:
            # An object may hold itself, so that its builder is needed before it is there.
            self.made[id(x)] = lambda values, made: self.made[id(x)](values, made)
            self.made[id(x)] = self._of_object(x)
        return self.made[id(x)]

    def _of_object(self, x: Any) -> Builder:
        if isinstance(x, Text):
            parts = [self.of(y) for y in x.parts]
            return lambda values, made: Text([p(values, made) for p in parts]).joined(lambda f, *args: f(*args))
        if isinstance(x, np.ndarray):
            return _once(x, lambda: x.copy(), ())
        if type(x) is tuple or isinstance(x, tuple) and hasattr(x, "_fields"):
            parts = [self.of(y) for y in x]
            make: Callable = tuple if type(x) is tuple else type(x)._make    # type: ignore[attr-defined]
            return lambda values, made: make([p(values, made) for p in parts])
        if type(x) in (list, deque):
            parts = [self.of(y) for y in x]
            return _once(x, lambda: [] if type(x) is list else deque(maxlen=x.maxlen),
                         [lambda new, values, made, p=p: new.append(p(values, made)) for p in parts])
        if type(x) in (dict, OrderedDict, Counter, defaultdict):
            empty: Callable = (lambda: defaultdict(x.default_factory)) if isinstance(x, defaultdict) else type(x)
            return _once(x, empty, [_part(dict.__setitem__, k, self.of(y)) for k, y in x.items()])
        if type(x) is set:
            return _once(x, lambda: set(x), ())
        if id(x) in outermost().made and not isinstance(x, FunctionType):
            return self._of_instance(x)
        holds: list[Tracer] = []
        walk(x, lambda t: holds.append(t) or t, {})     # type: ignore[func-returns-value]
        if holds:
            raise self._refused(x, "it holds traced values")
        return lambda values, made: x

    def _of_instance(self, x: Any) -> Builder:
        kind = type(x)
        is_container = isinstance(x, (list, dict, set, tuple, np.ndarray))
        if hasattr(x, "__next__") or is_generator(x) or is_container or kind.__new__ is not object.__new__:
            raise self._refused(x, "it would have to be made anew at each call")
        return _once(x, lambda: object.__new__(kind), [_part(set_raw, n, self.of(y)) for n, y in attributes(x)])

    def _refused(self, x: Any, why: str) -> Exception:
        return explain(UnsupportedError, f"a {type(x).__name__} made in a compiled function is kept outside of it", where=self.where,
                       why=why, fix="return it from the function, and keep it outside")


_LEAVES = (str, bytes, int, float, complex, np.generic, type, type(None), range, slice, frozenset)


def _number(k: int, weak: type | None, t: ArrayType) -> Builder:
    """The number or array that a traced value is at a call: Python's number where it was one, and an array of its own."""
    if t.shape:
        def array(values: Sequence, made: dict) -> Any:
            if ("array", k) not in made:
                made["array", k] = np.array(values[k])
            return made["array", k]
        return array
    if weak is not None:
        return lambda values, made: weak(values[k])
    return lambda values, made: np.asarray(values[k])[()]


def _part(put: Callable, name: Any, value: Builder) -> Callable:
    def step(new: Any, values: Sequence, made: dict) -> None:
        put(new, name, value(values, made))
    return step


def _once(x: Any, empty: Callable[[], Any], fill: Sequence[Callable]) -> Builder:
    """The builder of an object: made once in a call, then filled."""
    key = id(x)

    def build(values: Sequence, made: dict) -> Any:
        if key not in made:
            new = made[key] = empty()
            for step in fill:
                step(new, values, made)
        return made[key]
    build.of = x    # type: ignore[attr-defined]    # kept alive, so that its number stays its own
    return build
