"""Jumps out of blocks within blocks: what is set before them counts where they go."""

import numpy as np
import pytest

import autodiff as ad


def overwritten_after_break(x):
    t = 0.25
    for i in range(3):
        if x[0] > -1.5:
            if x[i] > 0.0:
                t = t + 5.0
                break
        t = 2.0
    return t


def overwritten_after_continue(x):
    t, u = 0.25, 1.0
    for i in range(3):
        if i < 2:
            if x[i] > 0.0:
                t = t + x[i]
                continue
            u = u * 1.5
        t = 2.0 * x[2]
    return t + u


def overwritten_after_several(x):
    t = 0.25
    while t < 3.0:
        if x[0] > -5.0:
            if x[1] > 0.0:
                t = t + 5.0
                continue
            elif x[2] > 0.0:
                t = t + 1.5 * x[2]
                break
        elif x[0] > 0.0:
            t = t + 1.0
        t = 9.0
    return t


def overwritten_in_two_loops(x):
    t, s = 0.5, 0.0
    for i in range(2):
        for j in range(3):
            if j > 0:
                if x[j] > 0.0:
                    t = t + x[j] * (i + 1)
                    break
                elif x[i] > 0.0:
                    t = t * 1.5
                    continue
            t = 0.125 * x[0]
        if t > 0.0:
            if x[1] > 0.0:
                t, s = s, t
                continue
        t = -1.0
        s = s + t
    return s * 10.0 + t


@pytest.mark.parametrize("f", [overwritten_after_break, overwritten_after_continue, overwritten_after_several, overwritten_in_two_loops])
def test_a_name_that_a_jump_carries_past_what_overwrites_it(f):
    """`t` is set before the jump, and set again behind the block around: it counts all the same, where the jump is taken."""
    compiled = ad.jit(ad.value_and_grad(f))
    for k in range(27):
        x = np.array([k % 3 - 1.0, k // 3 % 3 - 1.0, k // 9 - 1.0]) * 0.75
        value, slope = compiled(x)
        assert value == f(x), (x, value, f(x))
        np.testing.assert_array_equal(slope, ad.grad(f)(x))
