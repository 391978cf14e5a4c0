"""Python's language under jit, case by case: the state that loops hand on."""

from collections import namedtuple

import numpy as np
import pytest

from tests.autodiff.capture.language import CaseTable, check_case

case = CaseTable()


Point = namedtuple("Point", "x y")


@case("loop")
def tuple_state(x):
    p = (x[0], x * 2.0)
    for i in range(5):
        a, b = p
        p = (a + b[i], b * 0.9 + a)
    return p[0] + p[1].sum()


@case("loop")
def dict_state(x):
    p = {"m": x * 0.0, "t": 0}
    for i in range(5):
        p = {"m": 0.9 * p["m"] + 0.1 * x * i, "t": p["t"] + 1}
    return np.sum(p["m"]) * p["t"]


@case("loop")
def named_tuple_state(x):
    p = Point(x[0], x[1])
    for i in range(5):
        p = Point(p.x + p.y * x[i], p.y * 0.5)
        p = p._replace(y=p.y + 0.1)
    return p.x * p.y


@case("loop")
def list_state(x):
    p = [x[0], x[1], 0]
    for i in range(5):
        p = [p[1], p[0] + p[1] * x[i], p[2] + i]
    return p[0] * p[1] * p[2]


@case("loop")
def nested_state(x):
    state = {"p": (x, [1.0, 2]), "n": 0}
    while state["n"] < 4:
        v, (a, b) = state["p"]
        state = {"p": (v * 0.9, [a + v[1], b + 1]), "n": state["n"] + 1}
    return np.sum(state["p"][0]) * state["p"][1][0] * state["p"][1][1]


@case("loop")
def int_becomes_float(x):
    s, p, n = 0, 1, 10
    for i in range(6):
        s += x[i]
        p = p * (i + 1)
        n = n / 2
    return s * p / n


@case("loop")
def bool_becomes_int(x):
    flag, k = False, 0
    for i in range(6):
        flag = flag + (x[i] > 0.5)
        k = k + flag
    return k * x[0]


@case("loop")
def scalar_becomes_array(x):
    s, t = 0.0, 1
    for i in range(4):
        s = s + x * i
        t = t * x
    return np.sum(s * t)


@case("loop")
def scalar_becomes_matrix(x):
    s = 0
    for i in range(6):
        s = s + np.outer(x, x) * x[i]
    return np.sum(s * s)


@case("loop")
def none_before(x):
    best = None
    for i in range(4):
        best = x[i] * 2.0
        s = best * best
    return s + best


@case("loop")
def constant_of_other_kind(x):
    mode, s = "a", 0.0
    for i in range(5):
        if mode == "a":
            s = s + x[i]
        mode = "a"
    return s


@case("loop")
def bound_in_loop_used_after(x):
    for i in range(5):
        t = x[i] * 2.0
        u = t * t
    return t + u + i


@case("loop")
def bound_in_one_branch_of_loop(x):
    s, t = 0.0, x[0]
    for i in range(5):
        if x[i] > 0.5:
            t = x[i] * i
        s = s + t
    return s * t


@case("loop")
def temporary_in_one_branch(x):
    s = 0.0
    for i in range(5):
        if x[i] > 0.5:
            t = x[i] * i
            s = s + t
        else:
            u = x[i]
            s = s - u * u
    return s


@case("loop")
def deleted_temporary(x):
    s = 0.0
    for i in range(5):
        t = x[i] * 2.0
        s = s + t
        del t
    return s


@case("loop")
def integer_state(x):
    a, b, bits = 21, 1, 0
    while a != 1:
        b = b + 1
        if a % 2 == 0:
            a = a // 2
        else:
            a = 3 * a + 1
        bits = bits ^ (a << 1) & 7
    return b * x[0] + bits * x[1]


@case("loop")
def position_of_largest(x):
    best, where = x[0], 0
    for i in range(1, 6):
        if x[i] > best:
            best, where = x[i], i
    return best * where + x[where - 1]


@case("loop")
def bisection(x):
    low, high = 0.0, 4.0
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        if middle ** 3 + middle > 9.7:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high) * x[0]


@case("loop")
def newton(x):
    c = 2.0 + x[0] ** 2
    y = c
    while abs(y * y - c) > 1e-13 * c:
        y = y - (y * y - c) / (2.0 * y)
    return y * x[1]


@pytest.mark.parametrize("f, nodes", case)
def test_cases(f, nodes):
    check_case(f, nodes)
