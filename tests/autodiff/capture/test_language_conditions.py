"""Python's language under jit, case by case: branches and conditions."""

import numpy as np
import pytest

from tests.autodiff.capture.language import CaseTable, check_case

case = CaseTable()


@case("cond")
def if_elif_else(x):
    if x[0] > 1.0:
        y = np.sin(x)
    elif x[0] > 0.0:
        y = np.cos(x)
    elif x[1] > 10.0:
        y = x
    else:
        y = x * x
    return y.sum()


@case()
def if_without_else(x):
    s = x[0]
    if x[1] < 0:
        s = -2.0 * s
    return s * x[2]


@case("cond")
def pass_and_nothing(x):
    if x[0] > 0:
        pass
    else:
        x = np.exp(x)
    return x.sum()


@case("cond")
def branch_writes(x):
    y = x.copy()
    if x[0] > 0.5:
        y[1:4] = x[:3] * 2.0
    else:
        y[0] *= 4.0
        y[2] -= x[3]
    return np.sum(y * y)


@case("cond")
def branch_writes_view(x):
    a = np.outer(x, x)
    row, column = a[1], a[:, 2]
    if x[1] > 0:
        row[:] = x
    else:
        column += 1.0
    return np.sum(row * column) + a[1, 2]


@case("cond")
def branch_structure(x):
    if x[0] > 0:
        pair = {"a": x * 2.0, "b": (x[1], 3)}
    else:
        pair = {"a": np.sin(x), "b": (x[2], 4)}
    a, (b, c) = pair["a"], pair["b"]
    return np.sum(a) * b * c


@case()
def branch_promotes(x):
    k = 1
    if x[0] > 0:
        k = x[1]
    return k * x[2] + k


@case()
def ternary(x):
    return (x[0] * 2.0 if x[0] > 0 else x[1] * 3.0) + (1 if x[2] > 0.5 else 2) * x[3]


@case("cond")
def ternary_nested(x):
    y = np.sin(x) if x[0] > 1 else x * x if x[0] > 0 else np.exp(x)
    return y.sum()


@case("cond")
def ternary_guards(x):
    return np.log(x[1]) if x[1] > 0 else np.exp(x[1])


@case("loop", "cond")
def and_guards_index(x):
    i = 0
    while i < 6 and x[i] < 5.0:
        i += 1
    k = 6 if x[0] > 0 else 0
    y = x[0]
    if k < 6 and x[k] < 0.0:
        y = y * 2.0
    return y * i


@case("loop", "cond")
def or_guards_index(x):
    s = 0.0
    for i in range(6):
        if i == 0 or x[i - 1] < x[i]:
            s = s + x[i]
        if i == 5 or x[i + 1] * x[i] > 0.0:
            s = s * 0.9
    return s


@case("loop")
def guard_of_three(x):
    s, i = 0.0, 0
    while i < 9:
        if i >= 0 and i < 6 and x[i] > 0.0:
            s = s + x[i]
        i += 1
    return s + x[0]


@case()
def and_or_values(x):
    a = x[0] > 0 and x[1]
    b = 0 or x[2]
    c = x[3] and 2.0
    return a * 1.0 + b * 1.0 + c


@case()
def not_conditions(x):
    s = 0.0
    if not x[0] > 0:
        s = x[1]
    if not (x[0] > 0 and x[1] > 0):
        s = s + x[2]
    return s + x[3] * (not x[4] > 1)


@case()
def chained_comparison(x):
    s = x[0]
    if 0.2 < x[2] < 0.6:
        s = s + x[1]
    if -1 < x[0] <= x[4] < 2.0:
        s = s * 3.0
    return s


@case("loop")
def chained_in_while(x):
    s, k = x[0] ** 2, 0
    while 0 <= s < 20.0 and k < 30:
        s = s * 1.5 + 0.1
        k += 1
    return s


@case()
def any_all(x):
    s = x[0]
    if np.any(x < -1.0):
        s = s * 2.0
    if (x > -0.7).all():
        s = s * 3.0
    return s if any(x > 1.0) and all(x < 1.5) else s + x[1]


@case()
def truth_of_numbers(x):
    n = int(x[0] > 0)
    s = x[1]
    if n:
        s = s * 2.0
    if x[1] - x[1]:
        s = s * 5.0
    if not n:
        s = s + 1.0
    return s


@case("loop", "require")
def asserts_in_loop(x):
    s = 0.0
    for i in range(6):
        assert x[i] < 5.0, f"element {i}"
        s = s + x[i] ** 2
    return s


@pytest.mark.parametrize("f, nodes", case)
def test_cases(f, nodes):
    check_case(f, nodes)
