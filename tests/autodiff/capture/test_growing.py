"""Arrays whose lengths change by the same from step to step are carried in one array of the greatest length."""

import numpy as np
import pytest

from tests.program_cases import Case, Cases, check

case = Cases()
R = np.random.default_rng(0)


@case(R.normal(size=12))
def shrink(x):
    v = x * 1.0
    for _ in range(8):
        v = np.tanh(v[1:] * v[:-1])
    return np.sum(v * np.arange(4))


@case(R.normal(size=12))
def shift(x):
    v = x * 1.0
    for _ in range(8):
        v = v[1:]
        v[0] += v[1]
    return np.sum(v * np.arange(4))


@case(R.normal(size=3))
def grow(x):
    v = x * 1.0
    for i in range(6):
        v = np.append(v, v[-1] * 0.5 + v[0])
    return np.sum(v * np.arange(9))


@case(R.normal(size=3))
def grow_hstack(x):
    v = np.zeros((2, 1))
    for i in range(6):
        v = np.hstack([v, np.array([[x[0] * i], [x[1]]]) + v[:, -1:]])
    return np.sum(v * np.arange(14).reshape(2, 7))


@case(R.normal(size=3))
def pascal(x):
    row = np.array([x[0]])
    for i in range(6):
        row = np.concatenate([[x[1]], row[1:] + row[:-1], [x[2]]])
    return np.sum(row**2)


@case(R.normal(size=16), why="changes in the loop from f64[16] to f64[8]")
def halve(x):
    v = x
    while len(v) > 1:
        v = v[::2] + v[1::2] * 0.5
    return v[0]


@case(R.normal(size=(6, 6)))
def det_minor(a):
    d = 1.0
    for k in range(5):
        d = d * a[0, 0]
        a = a[1:, 1:] - np.outer(a[1:, 0], a[0, 1:]) / a[0, 0]
    return d * a[0, 0]


@case(R.normal(size=5), why="in a way that cannot be followed")
def poly_mul(r):
    c = np.array([1.0])
    for k in range(5):
        c = np.convolve(c, np.array([1.0, -r[k]]))
    return np.sum(c**2)


@case(R.normal(size=12))
def differences(x):
    v = x
    s = 0.0
    for i in range(5):
        v = np.diff(v)
        s = s + np.sum(v**2)
    return s


@pytest.mark.filterwarnings("ignore:.*along the path.*:RuntimeWarning")
@pytest.mark.parametrize("program", case, ids=str)
def test_program(program: Case):
    check(program)
