"""Python's bool and NumPy's: their arithmetic, their class, and `is`; what functions of NumPy's give of Python numbers.

Found in packages: `answer = bool(answer)`, then `if answer is True`. Before, a traced truth value was always one of NumPy's, and the other
way was taken, silently; `(x > 0) + (x > 1)` of a Python float was True instead of 2.
"""

import math
import operator
import warnings

import numpy as np
import pytest

import autodiff as ad

PROGRAMS = [
    lambda x, flag: (x > 0) + (x > 1), lambda x, flag: bool(x > 0) + bool(x > 1), lambda x, flag: -bool(x > 0), lambda x, flag: abs(x > 0),
    lambda x, flag: (x > 0) * 3, lambda x, flag: (not x > 0) + 1, lambda x, flag: sum([x > 0, x > 1, x > 2]),
    lambda x, flag: sum(v > 0 for v in [x, x - 1, x - 5]), lambda x, flag: (x > 0) / 2, lambda x, flag: bool(x > 0) ** 2,
    lambda x, flag: (x > 0) & (x > 1), lambda x, flag: bool(x > 0) ^ True, lambda x, flag: (x > 0) | 4, lambda x, flag: ~bool(x > 0),
    lambda x, flag: bool(x > 0) << 3, lambda x, flag: bool(x > 0) % 2, lambda x, flag: divmod(bool(x > 0), 2)[1],
    lambda x, flag: 2.0 * x if flag is True else 3.0 * x, lambda x, flag: 2.0 * x if flag is not False else 3.0 * x,
    lambda x, flag: 2.0 * x if flag is np.True_ else 3.0 * x, lambda x, flag: 2.0 * x if bool(x > 0) is flag else x,
    lambda x, flag: 2.0 * x if bool(x > 0) is True else x, lambda x, flag: 2.0 * x if (x > 0) is True else x,
    lambda x, flag: 2.0 * x if (x > 0) is np.True_ else x, lambda x, flag: 2.0 * x if (x > 0 and x < 5) is True else x,
    lambda x, flag: 2.0 * x if (not x < 0) is True else x, lambda x, flag: 2.0 * x if all([x > 0, x < 5]) is True else x,
    lambda x, flag: 2.0 * x if np.isclose(x, 1.5) is np.True_ else x, lambda x, flag: 2.0 * x if math.isclose(x, 1.5) is True else x,
    lambda x, flag: 2.0 * x if math.isnan(x) is False else x, lambda x, flag: 2.0 * x if isinstance(bool(x > 0), bool) else x,
    lambda x, flag: 2.0 * x if isinstance(x > 0, np.bool_) else x, lambda x, flag: 2.0 * x if type(not x > 0) is bool else x,
    lambda x, flag: 2.0 * x if isinstance(x == x, int) else x, lambda x, flag: [10.0, 20.0][bool(x > 0)] + x,
    lambda x, flag: {True: 2.0, False: 3.0}[bool(flag)] * x, lambda x, flag: flag + 1, lambda x, flag: flag * x, lambda x, flag: flag / 2,
    lambda x, flag: np.sqrt(x) * np.ones(2, np.float32), lambda x, flag: np.add(x, 1.0) * np.ones(2, np.float32),
    lambda x, flag: (x + 1) * np.ones(2, np.float32), lambda x, flag: np.sqrt(abs(x)) / 0.0, lambda x, flag: np.greater(x, 0) + np.greater(x, 1),
    lambda x, flag: max(float(x), 0.5) * np.ones(2, np.float32), lambda x, flag: max(x > 0, x > 1) + True,
    lambda x, flag: 2.0 * x if operator.is_(bool(x > 0), True) else 3.0 * x, lambda x, flag: 2.0 * x if operator.is_not(flag, True) else 3.0 * x,
    lambda x, flag: len([1, 2] * bool(x > 0)) * x, lambda x, flag: 2.0 * x if float(x).is_integer() is False else 3.0 * x,
    lambda x, flag: type(bool(x > 0).real) is int, lambda x, flag: bool(x > 0).real + 1]


def compared_with_none(x, flag):
    return 2.0 * x if x == None or x == "mean" else 3.0 * x if None != x and "a" != x else x  # noqa: E711


def counted(x, flag):
    n = 0
    for i in range(3):
        n += x > i
    return n * 2.0


def found(x, flag):
    seen = False
    for i in range(3):
        if x > i and not seen:
            seen = True
    return 1.0 if seen is True else 0.0


def still(x, flag):
    fine = x > 0
    for k in range(4):
        fine = fine and x > k
    return (1.0 if fine is False else 3.0) * x


def matched(x, flag):
    match bool(x > 1):
        case True:
            return 5.0 * x
        case False:
            return 6.0 * x
        case _:
            return 7.0 * x


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("flag", [True, False, np.True_])
@pytest.mark.parametrize("f", [*PROGRAMS, compared_with_none, counted, found, still, matched])
def test_as_in_python(f, flag):
    g = ad.jit(f)
    for x in (1.5, np.float64(1.5), 0.5, -2.0, np.float64(0.25)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want, got = f(x, flag), g(x, flag)
        assert np.result_type(want) == got.dtype
        np.testing.assert_array_equal(got, want)


def test_arrays_compared_with_none():
    x = np.array([1.0, 2.0])
    for f in (lambda x: np.sum(np.where(x == None, x, 2 * x)), lambda x: np.sum(np.where(x != None, x, 2 * x))):  # noqa: E711
        assert ad.jit(f)(x) == f(x)
        np.testing.assert_array_equal(ad.grad(f)(x), ad.jit(ad.grad(f))(x))


@pytest.mark.parametrize("transform", [ad.grad, lambda f: ad.jit(ad.grad(f))])
def test_gradients(transform):
    def f(x):
        answer = bool(x > 0)
        return x * x if answer is True else 3.0 * x
    g = transform(f)
    assert g(1.5) == 3.0 and g(-1.0) == 3.0 and g(2.0) == 4.0


def test_a_keyword_named_as_a_parameter_of_ours():
    def helper(x, f, self=1.0):
        return x * f * self
    assert ad.jit(lambda x: helper(x, f=2.0, self=3.0))(1.5) == 9.0
    assert ad.grad(lambda x: helper(x, f=2.0, self=3.0))(1.5) == 6.0
