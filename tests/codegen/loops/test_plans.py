"""Vectors and threads are decided by passes: the plans stand in the program and in its text."""

import numpy as np
import pytest

import autodiff as ad
from codegen.loops.language import For
from codegen.loops.passes import share_loops
from codegen.stages import stages
from codegen.target import Target


def loops(f, *args, target=Target()):
    """The loops of a compiled function, from outside to inside."""
    found = []

    def visit(block):
        for s in block:
            if isinstance(s, For):
                found.append(s)
                visit(s.body)
    visit(stages(ad.jit(f).trace(*args), target).program.body)
    return found


@pytest.mark.parametrize("dtype, lanes", [(np.float64, 4), (np.float32, 8), (np.int8, 8)])
def test_a_vector_has_as_many_lanes_as_the_widest_value_fits(dtype, lanes):
    loop, = loops(lambda x: x + x, np.ones(100, dtype))
    assert (loop.vector.lanes, loop.vector.copies, loop.vector.masks) == (lanes, 2, "none")


def test_masks_are_for_machines_that_have_registers_for_them():
    def long(x):
        return np.exp(np.sin(np.exp(np.sin(np.exp(np.sin(np.exp(np.sin(np.exp(x)))))))))
    x = np.ones(100)
    assert loops(lambda x: x + x, x, target=Target(64))[0].vector.masks == "last"
    assert loops(lambda x: np.exp(x) * np.sin(x), x, target=Target(64))[0].vector.masks == "all"
    assert loops(lambda x: np.exp(x) * np.sin(x), x)[0].vector.masks == "none"
    assert loops(long, x)[0].vector.masks == "all"
    assert loops(lambda x: np.exp(x) * np.sin(x), np.ones(16), target=Target(64))[0].vector.masks == "last"


def test_a_sum_is_kept_in_vectors_as_far_out_as_nobody_reads_it():
    outer, inner = loops(lambda x: np.sum(x * x), np.ones((30, 40)))
    assert [str(x) for x in outer.sums] == ["t2"] and not inner.sums
    assert outer.vector is None and inner.vector is not None
    rows, row = loops(lambda x: np.sum(x * x, axis=1), np.ones((30, 40)))[:2]
    assert not rows.sums and len(row.sums) == 1


def test_sums_of_float32_are_kept_wider():
    loop, = loops(lambda x: np.sum(x), np.ones(100, np.float32))
    assert loop.sums[0].dtype == np.float64


def test_steps_that_depend_on_each_other_run_one_by_one():
    def running(x):
        s = 0.0
        for i in range(len(x)):
            s = s * 0.5 + x[i]
        return s
    assert all(s.vector is None for s in loops(running, np.ones(100)) if not s.parallel)


def test_long_loops_are_shared_by_threads_and_say_what_each_has(monkeypatch):
    x = np.ones(100)
    assert loops(lambda x: np.sum(np.tanh(x)), x, target=Target(threads=2))[0].threads is None
    monkeypatch.setattr(share_loops, "ENOUGH", 0)
    plan = loops(lambda x: np.sum(np.tanh(x)), x, target=Target(threads=2))[0].threads
    assert list(plan.sums.values()) == ["add"] and not plan.own
    assert "shared by threads (each sums" in str(stages(ad.jit(lambda x: np.sum(np.tanh(x))).trace(x), Target(threads=2)).program)
    assert loops(lambda x: np.cumsum(x), x, target=Target(threads=2))[-1].threads is None


def test_a_loop_of_a_length_known_at_run_time_is_not_shared(monkeypatch):
    """It ended in an error while the IR was written. No test had threads and such a length."""
    monkeypatch.setattr(share_loops, "ENOUGH", 0)

    def f(x):
        return np.sum(np.tanh(x[x > 0.2]))
    x = np.linspace(0.0, 1.0, 30)
    np.testing.assert_allclose(ad.jit(f, threads=2)(x), f(x), rtol=1e-14)


def test_plans_stand_in_the_text():
    text = ad.show(lambda x: np.sum(x * x), np.ones(100), stage="vectorize")
    assert "for i0 < 100:  # vectors of 4 four times, rest one by one; t2 summed in vectors" in text
