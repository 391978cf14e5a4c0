"""Compiling beside the calls."""

import sys
import threading

import numpy as np
import pytest

import autodiff as ad
from autodiff.compiled.background import drain, submit
from codegen.config import config

X = np.linspace(0.0, 1.0, 30)


def long(x):
    for k in list(range(60)):       # a list: each step is recorded
        x = np.sin(x) * 1.01 + k
    return np.sum(x)


@pytest.fixture(autouse=True)
def not_waiting(waiting, monkeypatch):
    monkeypatch.setattr(config, "wait", False)


def test_calls_are_served_and_then_switched_over():
    f = ad.jit(ad.value_and_grad(long))
    first = f(X)
    assert drain(60)
    later = f(X)
    np.testing.assert_allclose(first[0], later[0], rtol=1e-13)
    np.testing.assert_allclose(first[1], later[1], rtol=1e-9, atol=1e-12)
    assert type(first[0]) is type(later[0]) and first[1].dtype == later[1].dtype
    assert "evaluator" not in f.why() and f.cache_info().misses == 1


def test_why_says_who_serves(monkeypatch):
    jobs = []
    monkeypatch.setattr(sys.modules["autodiff.compiled.jitted"], "submit", jobs.append)
    f = ad.jit(long)
    f(X), f(X)
    assert "the NumPy evaluator has served 2 calls" in f.why()
    for job in jobs:
        job()
    f(X)
    assert "evaluator" not in f.why()


def test_wait_turns_it_off(monkeypatch):
    monkeypatch.setattr(sys.modules["autodiff.compiled.jitted"], "submit", lambda job: pytest.fail("compiled in the background"))
    ad.jit(long, wait=True)(X)
    ad.jit(lambda x: np.sum(x * x))(X)                                       # short
    ad.jit(lambda x: ad.fori_loop(0, 100, lambda i, s: np.sin(s), x))(X)     # the evaluator would take longer


def test_failure_is_reported_and_the_evaluator_goes_on(monkeypatch):
    jobs = []
    monkeypatch.setattr(sys.modules["autodiff.compiled.jitted"], "submit", jobs.append)
    f = ad.jit(long)
    want = f(X)

    def fail(*args, **kwargs):
        raise RuntimeError("no compiler today")
    monkeypatch.setattr("codegen.compile.compile_graph", fail)
    with pytest.warns(RuntimeWarning, match="no compiler today"):
        jobs[0]()
    assert f(X) == want and "no compiler today" in f.why()


def test_arguments_of_other_layouts_and_numbers():
    f = ad.jit(lambda x, s: long(x) * s)
    a = f(X[::2], 2)
    assert drain(60)
    np.testing.assert_allclose(f(X[::2], 2), a, rtol=1e-12)
    np.testing.assert_allclose(f(X[::2].copy(), 2), a, rtol=1e-12)


def test_a_job_that_raises_does_not_end_the_thread(monkeypatch):
    """As where warnings are errors: the warning that compiling failed is raised in the thread."""
    seen, done = [], []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    monkeypatch.setattr("codegen.compile.compile_graph", lambda *args, **kwargs: 1 / 0)
    f = ad.jit(long)
    want = f(X)
    submit(lambda: done.append(1))
    assert drain(60) and done == [1]
    assert [e.exc_type for e in seen] == [RuntimeWarning] and f(X) == want


def test_too_little_memory_for_a_thread(monkeypatch):
    background = sys.modules["autodiff.compiled.background"]
    monkeypatch.setattr(background, "_worker", None)
    monkeypatch.setattr(background, "SPARE", 1 << 62)
    with pytest.raises(MemoryError, match="too little memory for a thread"):
        ad.jit(long)(X)
