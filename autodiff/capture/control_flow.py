"""Branches and loops of a captured function: Python's meaning on known values, nodes of the graph on traced ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.capture import branches, loops
from autodiff.capture import locations as slots
from autodiff.capture.advancing import advance
from autodiff.capture.dispatch import PLAIN
from autodiff.capture.handlers import iterable
from autodiff.capture.iteration import SHORT, known_items, stepped
from autodiff.capture.notes import note
from autodiff.capture.reads import note_content
from autodiff.capture.region import Region
from autodiff.capture.state import BREAK, NONE, RETURN, Cells, Jump, declined, truth, undecided
from tracer.errors import ConcreteValueError, UnsupportedError, explain, user_line
from tracer.trace import current_trace

__all__ = ["ControlFlow"]

WRITTEN_OUT = 64
"""Loops that cannot become a loop of the graph are written out silently up to so many steps."""
MOST_WRITTEN_OUT = 1024


class ControlFlow:
    """The hooks of `if`, `while` and `for`."""

    call: Callable[..., Any]
    test: Callable[[Any], Any]

    def if_(self, test, body: Callable, orelse: Callable | None, names: Sequence[str], rest: Callable | None) -> Jump | None:
        """`if test: body else: orelse`, then rest."""
        slots.check_read(test)
        test = self.test(test)
        if not undecided(test):
            return branches.follow(body if test else orelse, rest, names)
        cells = Cells((body, orelse, rest), names)
        return branches.branch(truth(test), lambda: branches.follow(body, rest, names), lambda: branches.follow(orelse, rest, names), cells,
                             (body, orelse, rest))

    def while_(self, test: Callable, body: Callable, carried: Sequence[str], state: Sequence[str], orelse: Callable | None,
               rest: Callable | None, ends: Sequence[str]) -> Jump | None:
        """`while test: body else: orelse`, then rest."""
        acts = False

        def goes_on() -> Any:
            nonlocal acts
            going, trace = self.test(test()), current_trace()
            acts = isinstance(trace, Region) and trace.acts()   # it comes first in a step
            return going
        steps = loops.Steps(None, None, goes_on)
        if _follows_values():
            return self._written_out(_while(goes_on), body, orelse, rest, None, None, (*state, *ends))
        try:
            jump = loops.loop(steps, body, carried, state, (body, test))
        except ConcreteValueError as e:
            first = goes_on()
            if undecided(first):
                raise
            return self._written_out(_while(goes_on, first), body, orelse, rest, e, None, (*state, *ends))
        if acts and jump is not None:
            raise declined("the test of a while loop that is left by break or return changes what is outside of it",
                           "whether it is asked once more than the steps are taken is not known while tracing")
        if acts:
            test()      # the last time, when it fails
        return self._after(jump, orelse, rest, ends)

    def for_(self, over, body: Callable, carried: Sequence[str], state: Sequence[str], orelse: Callable | None, rest: Callable | None,
             ends: Sequence[str]) -> Jump | None:
        """`for item in over: body else: orelse`, then rest."""
        slots.check_read(over)
        advance(over, "going through")
        note_content(over, 0)
        if type(over) not in PLAIN:
            over = iterable(self.call, over)
        steps = stepped(over)
        if steps is None or _follows_values():
            items = over if steps is None else known_items(over, steps)
            return self._written_out(items, body, orelse, rest, None, None, (*state, *ends))
        if isinstance(steps.count, int) and steps.count <= SHORT:
            return self._written_out(known_items(over, steps), body, orelse, rest, None, steps.count, (*state, *ends))
        try:
            jump = loops.loop(steps, body, carried, state, (body,))
        except (ConcreteValueError, UnsupportedError) as e:
            # What is refused for a counter or length that is not known may do for known ones.
            if not isinstance(steps.count, int) or isinstance(e, UnsupportedError) and steps.count > WRITTEN_OUT:
                raise

            count, item = steps.count, steps.item
            assert item is not None

            def others() -> Jump | None:
                left = loops.Steps(count - 1, lambda i: item(i + 1), memory=steps.memory)
                return loops.loop(left, body, carried, state, (body,))
            return self._written_out(known_items(over, steps), body, orelse, rest, e, count, (*state, *ends),
                                     others if count - 1 > SHORT else None)
        return self._after(jump, orelse, rest, ends)

    def _after(self, jump: Jump | None, orelse: Callable | None, rest: Callable | None, ends: Sequence[str]) -> Jump | None:
        """What follows a loop that was left by `jump`."""
        if jump is None:
            return branches.follow(orelse, rest, ends)
        code = jump.code
        on = lambda: branches.follow(orelse, rest, ends)  # noqa: E731
        left = on
        if orelse is not None:
            def left() -> Jump | None:
                return self.if_(np.equal(code, NONE), orelse, None, ends, rest)
        if jump.value is None and not _returns(jump):
            return left()
        value = jump.value
        cells = Cells((orelse, rest), ends)
        return branches.branch(np.equal(code, RETURN), lambda: Jump(RETURN, value), left, cells, (orelse, rest))

    def _written_out(self, over, body: Callable, orelse: Callable | None, rest: Callable | None, why: Exception | None,
                     count: int | None, names: Sequence[str], others: Callable[[], Jump | None] | None = None) -> Jump | None:
        """The loop as Python runs it: each step is recorded.

        `others` captures all steps but the first as a loop: the first often finds what the others do not, None instead of a number or
        a dict without a key.
        """
        if others is None:
            _say_written_out(why, count)
        steps = enumerate(over)
        taken = 0

        def go() -> Jump | None:
            nonlocal taken
            if taken == 1 and others is not None:
                try:
                    jump = others()
                except (ConcreteValueError, UnsupportedError):
                    _say_written_out(why, count)
                else:
                    note(f"the first step of the loop is written out: {_reason(why)}")
                    return self._after(jump, orelse, rest, names)
            for k, item in steps:
                if why is not None and k == MOST_WRITTEN_OUT:
                    raise why
                jump = body() if isinstance(over, _while) else body(item)
                taken += 1
                if jump is not None and not isinstance(jump.code, int):
                    return self._left(jump, go, rest, Cells((body, orelse, rest), names), (body, orelse, rest))
                if jump is not None and jump.code == RETURN:
                    return jump
                if jump is not None and jump.code == BREAK:
                    return branches.follow(rest, None)
                if taken == 1 and others is not None:
                    return go()
            return branches.follow(orelse, rest, names)
        return go()

    def _left(self, jump: Jump, on: Callable, rest: Callable | None, cells: Cells, shared: Sequence[Callable | None]) -> Jump | None:
        """A step that may have left the loop: what follows then, and the steps that are still to come."""
        def out() -> Jump | None:
            if jump.value is None:
                return branches.follow(rest, None)
            returned = np.equal(jump.code, RETURN)
            return branches.branch(returned, lambda: Jump(RETURN, jump.value), lambda: branches.follow(rest, None), cells, shared)
        return branches.branch(np.greater_equal(jump.code, BREAK), out, on, cells, shared)


def _follows_values() -> bool:
    """Whether Python runs the loops, because all values are known."""
    trace = current_trace()
    return trace is None or trace.concrete


def _reason(why: Exception | None) -> str:
    return str(why).split("\n")[0]


def _say_written_out(why: Exception | None, count: int | None) -> None:
    """Note, warn or refuse that a loop which cannot be captured is written out."""
    if why is None:
        return
    note(f"the loop is written out step by step: {_reason(why)}")
    if count is not None and count > WRITTEN_OUT:
        if count > MOST_WRITTEN_OUT:
            raise explain(UnsupportedError, f"a loop of {count} steps that cannot be captured", why=_reason(why),
                          fix="write it with arrays instead of Python objects; loops of few steps are written out") from why
        warnings.warn(f"the loop at {user_line()} is written out in {count} steps: {_reason(why)}", RuntimeWarning, stacklevel=4)


def _returns(jump: Jump) -> bool:
    return isinstance(jump.code, int) and jump.code == RETURN


class _while:
    """The steps of a while loop that Python runs. `asked`: what its test has said already, before the first step."""

    def __init__(self, test: Callable, *asked: Any):
        self.test = test
        self.asked = list(asked)

    def __iter__(self):
        while True:
            t = self.asked.pop() if self.asked else self.test()
            if undecided(t):
                raise declined("the condition of a loop that is written out is not known")
            if not t:
                return
            yield None
