"""Processes that fork: before, after and while kernels are compiled and run."""

import os
import threading
import time

import numpy as np
import pytest

import autodiff as ad

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
              pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")]
X = np.linspace(0.0, 1.0, 50)


def in_child(work, seconds=60):
    """Whether `work` returns true in a forked child, in time."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    end = time.time() + seconds
    while time.time() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.005)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return False


def fresh(k=0):
    return ad.jit(lambda x: np.sum(np.sin(x) * (k + 1.37)))


def test_child_runs_and_compiles():
    f = fresh()
    want = f(X)
    assert in_child(lambda: f(X) == want and np.isfinite(fresh(3)(X)))


def test_fork_while_another_thread_compiles():
    stop = threading.Event()

    def compile_on():
        k = 0
        while not stop.is_set():
            fresh(k % 50 + np.random.default_rng().uniform())(X)
            k += 1
    thread = threading.Thread(target=compile_on)
    thread.start()
    try:
        f = fresh(7)
        want = f(X)
        assert all(in_child(lambda: f(X) == want and np.isfinite(fresh(9)(X))) for _ in range(10))
    finally:
        stop.set()
        thread.join()


def test_child_has_threads_of_its_own(monkeypatch):
    monkeypatch.setattr("codegen.loops.passes.share_loops.ENOUGH", 0)
    f = ad.jit(lambda x: np.sum(np.sin(x)), threads=2)
    want = f(X)
    assert in_child(lambda: f(X) == want and f(X) == want)
    assert f(X) == want


def test_fork_while_the_background_compiles(monkeypatch):
    monkeypatch.setattr(ad.config, "wait", False)

    def long(x):
        for k in range(60):
            x = np.sin(x) * 1.01 + k
        return np.sum(x)
    f = ad.jit(long)
    want = f(X)
    assert in_child(lambda: np.isclose(f(X), want) and np.isclose(ad.jit(lambda x: long(x) + 1)(X), want + 1))
    from autodiff.compiled.background import drain
    assert drain(60)
    assert np.isclose(f(X), want)
