"""Indices out of range raise IndexError in every transform, also where nobody reads what they select; see tests/wrong_indices.py."""

import numpy as np
import pytest

import autodiff as ad
from tests import wrong_indices

X = np.ones(3)


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed, tmp_path):
    wrong_indices.one(seed, tmp_path, 12)


def read(x, k):
    return np.sum(x[k])


def taken(x, k):
    return np.sum(np.take(x, k))


def along(x, k):
    return np.sum(np.take_along_axis(x, k, 0))


def in_a_loop(x, k):
    s = 0.0
    for i in k:
        s = s + x[i]
    return s


def dead_in_a_loop(x, k):
    for i in k:
        x[i]
    return np.sum(x)


def dead_in_a_branch(x, k):
    if x[0] > 0:
        x[k]
    return np.sum(x)


def written(x, k):
    y = x * 1.0
    y[k] = x * 2.0
    return np.sum(y * y)


def added(x, k):
    y = x * 1.0
    np.add.at(y, k, x)
    return np.sum(y * y)


@pytest.mark.parametrize("transform", [ad.grad, ad.value_and_grad, ad.jacfwd, ad.jacrev, lambda f: ad.grad(lambda x, k: np.sum(ad.grad(f)(x, k)))])
@pytest.mark.parametrize("f", [read, taken, along, in_a_loop, dead_in_a_loop, dead_in_a_branch, written, added])
def test_the_line_is_named(f, transform):
    jitted = ad.jit(transform(f), wait=True)
    jitted(X, np.array([0, -3, 2]))
    for wrong in ([0, 1, 3], [0, 1, 10**8], [-4, 0, 1], [2**62, 0, 0]):
        for _ in range(3):
            with pytest.raises(IndexError, match=r"out of bounds for axis 0 with size 3 \(test_wrong_indices.py:\d+\)"):
                jitted(X, np.array(wrong))


def test_equal_functions_of_two_files_name_their_own_lines(tmp_path):
    from tests.loop_programs import load
    text = "def program(x, k):\n    return x[k] * 2.0\n"
    for name in ("first", "second"):
        f = ad.jit(load(text, tmp_path, name), wait=True)
        f(X, 1)
        with pytest.raises(IndexError, match=rf"{name}.py:2"):
            f(X, 3)
