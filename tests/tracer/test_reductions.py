"""Reductions of integers and truth values, whose start values are those of the dtype; and of nothing."""

import numpy as np
import pytest

import autodiff as ad

NUMBERS = {"negative": np.array([[-7, -3, -5], [-2, -9, -4]]), "positive": np.array([[7, 3, 5], [2, 9, 4]])}
REDUCTIONS = (np.max, np.min, np.sum, np.prod, np.argmax, np.argmin)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("sign", NUMBERS)
@pytest.mark.parametrize("reduce", REDUCTIONS, ids=lambda f: f.__name__)
def test_integers(reduce, sign, axis):
    for dtype in (np.int64, np.int32, np.int8, np.float32):
        x = NUMBERS[sign].astype(dtype)
        got, want = ad.jit(lambda x: reduce(x, axis=axis))(x), reduce(x, axis=axis)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("reduce", [np.max, np.min, np.any, np.all, np.sum], ids=lambda f: f.__name__)
def test_truth_values(reduce):
    for x in (np.array([True, True]), np.array([False, False]), np.array([True, False])):
        got, want = ad.jit(reduce)(x), reduce(x)
        assert got == want and got.dtype == want.dtype


@pytest.mark.parametrize("reduce", [np.sum, np.prod, np.any, np.all], ids=lambda f: f.__name__)
def test_nothing(reduce):
    x = np.zeros((0, 3))
    np.testing.assert_array_equal(ad.jit(lambda x: reduce(x, axis=0))(x), reduce(x, axis=0))
