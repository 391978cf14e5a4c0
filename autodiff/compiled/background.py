"""Compiling beside the calls: a queue and one thread, which starts when it is first needed.

The thread ends with the process: what is waiting then is dropped, what is being compiled is finished.
"""

from __future__ import annotations

import atexit
import gc
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from codegen.config import config
from codegen.signals import block_signals
from codegen.spare import SPARE, need_memory
from tracer.graph import Graph, all_nodes
from tracer.ops.control.loops import loop

__all__ = ["submit", "drain", "no_collection", "waits"]


class _Worker:
    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.idle = threading.Condition()
        self.open = 0
        self.stopping = False
        self.thread = threading.Thread(target=self._work, name="autodiff compiler", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        block_signals()
        while True:
            job = self.jobs.get()
            if job is None or self.stopping:
                return
            try:
                job()
            except Exception:   # what a job does not deal with, such as a warning that is an error: other jobs wait behind it
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), self.thread)))
            finally:
                with self.idle:
                    self.open -= 1
                    self.idle.notify_all()

    def stop(self) -> None:
        """Let the job that runs end, and no other begin."""
        self.stopping = True
        self.jobs.put(None)
        self.thread.join()


_worker: _Worker | None = None
_lock = threading.Lock()


def submit(job: Callable[[], None]) -> None:
    """Run a job in the background, after those that were submitted before. It deals with its own errors."""
    global _worker
    with _lock:
        if _worker is None:
            need_memory(SPARE, "for a thread that compiles")
            _worker = _Worker()
            atexit.register(_worker.stop)
        with _worker.idle:
            _worker.open += 1
        _worker.jobs.put(job)


def drain(timeout: float | None = None) -> bool:
    """Wait until nothing is being compiled any more; whether that came to pass in time."""
    worker = _worker
    if worker is None:
        return True
    with worker.idle:
        return worker.idle.wait_for(lambda: worker.open == 0, timeout)


def _forget() -> None:
    """In the child of a fork there is no thread: what waited is compiled by whoever calls it."""
    global _worker, _lock
    _worker, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def no_collection() -> Iterator[None]:
    """Compiling makes many objects and drops few: looking for garbage meanwhile takes a fifth of the time and finds nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def waits(graph: Graph, wait: bool | None) -> bool:
    """Whether a call waits for its kernel. Programs of loops do: the evaluator would take longer than the compiler.

    `wait` : what the user has said of the function; None for what `config` says
    """
    from codegen.compile import expected_seconds
    if (config.wait if wait is None else wait) or any(t.symbols() for t in graph.out_types):
        return True
    nodes = list(all_nodes(graph))
    return any(n.op is loop for n in nodes) or expected_seconds(len(nodes)) <= WAITED_SECONDS


WAITED_SECONDS = 0.02
"""A call waits for its kernel if that will take no longer than this."""
