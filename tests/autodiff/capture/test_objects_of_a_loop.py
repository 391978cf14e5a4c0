"""Objects that a step of a loop makes, and that are read after it: they hold values of the last step.

Found by seed 310030 of `python -m tests.random_programs --objects`: such a function was refused, as the object held values of a recording
that had ended.
"""

import numpy as np
import pytest

import autodiff as ad


class Square:
    def __init__(self, size):
        self.size = size


class Other(Square):
    pass


def only_set(x):
    for e in x:
        s = Square(e)
    return s.size * x[0]


def of_another_class(x):
    s = Square(x[0])
    for i in range(len(x)):
        s = Other(x[i])
        x = x - x.mean() * getattr(s, "none", i * 0.01)
    return s.size * x[0]


def on_one_way(x):
    s = Square(1)
    if x[0] > 1:
        s = Square(x[1])
    else:
        for e in x:
            s = Other(e * x[2])
    return s.size * x[0]


def in_a_list(x):
    for e in x:
        s = [Square(e), {"a": Square(2 * e)}]
    return s[0].size + s[1]["a"].size * x[0]


def not_read_afterwards(x):
    t = 0.0
    for e in x:
        s = Square(e)
        r = [s, s]
        t = t + r[0].size * x[0]
    return t


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("f", [only_set, of_another_class, on_one_way, in_a_list, not_read_afterwards])
def test_objects_of_the_last_step(f):
    x = np.linspace(0.5, 2.0, 7)
    want = [(f(x + d) - f(x - d)) / 2e-6 for d in 1e-6 * np.eye(7)]
    assert np.isclose(ad.jit(f)(x), f(x))
    np.testing.assert_allclose(ad.jit(ad.grad(f))(x), want, atol=1e-7)


def test_an_object_that_is_not_read_afterwards_leaves_the_loop_a_loop():
    assert any(n.op.name == "loop" for n in ad.jit(not_read_afterwards).trace(np.linspace(0.5, 2.0, 7)).nodes)
