"""Timing: every peer is checked, then all of them are timed in turns.

Interleaving spreads a slow moment of the machine over all peers; the median of the rounds forgets it. The
first call, which compiles, is timed apart. A sample repeats a fast call until the clock's resolution and the
loop do not matter.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.board import Entry, Row
from bench.check import check
from bench.peer import NotOffered, Peer
from bench.workload import Workload

__all__ = ["Effort", "FULL", "QUICK", "measure"]


@dataclass(frozen=True)
class Effort:
    """How long to measure: `min_rounds` turns, then more until `seconds` or `max_rounds` are used up."""

    min_rounds: int = 7
    max_rounds: int = 101
    seconds: float = 6.0
    sample: float = 2e-3
    """A sample repeats the call for about this many seconds."""


FULL = Effort()
QUICK = Effort(min_rounds=3, max_rounds=5, seconds=0.5, sample=1e-3)


def measure(workload: Workload, peers: Iterable[Peer], effort: Effort) -> Row:
    """Check and time every peer on one workload. A peer that fails stands in the row with its error."""
    args = workload.make()
    reference = workload.by_hand(*args)
    entries: dict[str, Entry] = {}
    ready: dict[str, Callable] = {}
    first_calls: dict[str, float] = {}
    for peer in peers:
        try:
            call = peer.call_for(workload)
            start = time.perf_counter()
            answer = call(*args)
            first_calls[peer.name] = time.perf_counter() - start
            check(answer, reference, workload.rtol)
        except NotOffered as missing:
            entries[peer.name] = Entry(peer.name, error=str(missing), offered=False)
        except Exception as error:      # whatever a library raises belongs on the board, under its name
            entries[peer.name] = Entry(peer.name, error=_describe(error))
        else:
            ready[peer.name] = call
            entries[peer.name] = Entry(peer.name)
    for name, times in _time_in_turns(ready, args, effort).items():
        entries[name] = Entry(name, median=statistics.median(times), best=min(times),
                              first_call=first_calls[name], rounds=len(times))
    return Row(workload.name, workload.about, tuple(entries.values()))


def _time_in_turns(calls: dict[str, Callable], args: tuple, effort: Effort) -> dict[str, list[float]]:
    """Seconds a call, for each peer, one for each round."""
    repeats = {name: _repeats(call, args, effort.sample) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for done in range(effort.max_rounds):
            if done >= effort.min_rounds and time.perf_counter() - start > effort.seconds:
                break
            for name, call in calls.items():
                times[name].append(_sample(call, args, repeats[name]))
    finally:
        if collecting:
            gc.enable()
    return times


def _sample(call: Callable, args: tuple, repeats: int) -> float:
    turns = range(repeats)
    start = time.perf_counter()
    for _ in turns:
        call(*args)
    return (time.perf_counter() - start) / repeats


def _repeats(call: Callable, args: tuple, seconds: float) -> int:
    """How many calls fill a sample; finding out also warms the call up."""
    repeats = 1
    while True:
        each = _sample(call, args, repeats)
        if each * repeats >= seconds / 4:
            return max(1, round(seconds / each))
        repeats *= 4


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip()
