"""Python's language under jit, case by case: loops."""

import numpy as np
import pytest

from tests.autodiff.capture.language import WEIGHTS, CaseTable, check_case

case = CaseTable()


@case("loop")
def while_scalar(x):
    s, k = x[0] ** 2 + 1.0, 0
    while s < 50.0:
        s = s * 1.7 + x[1] ** 2
        k += 1
    return s + 0.1 * k


@case("loop")
def while_array_and_scalar(x):
    y, n = x * 0.1, 1
    while np.abs(y).max() < 10.0:
        y = y * 1.5 + x / n
        n += 2
    return np.sum(y) / n


@case("loop")
def while_never(x):
    y = x * 2.0
    while y[0] > 100.0:
        y = y * 0.5
    return y.sum()


@case("loop")
def while_bool_state(x):
    going, k, s = True, 0, 0.0
    while going:
        s = s + x[k] * x[k]
        k += 1
        going = s < 0.6 and k < 6
    return s * k


@case("loop")
def while_else(x):
    k, s = 0, 0.0
    while k < 6:
        s = s + x[k]
        if s > 1.3:
            break
        k += 1
    else:
        s = s * 10.0
    return s + k


@case("loop")
def for_range_start(x):
    s = 0.0
    for i in range(2, 6):
        s = s + i * x[i] * x[i - 2]
    return s


@case("loop")
def for_range_step(x):
    s = 0.0
    for i in range(0, 6, 2):
        s = s + np.sin(x[i]) * i
    return s


@case("loop")
def for_range_negative(x):
    s = 1.0
    for i in range(5, -1, -1):
        s = s * x[i] + i
    return s


@case("loop")
def for_range_negative_step(x):
    s = 1.0
    for i in range(5, 0, -2):
        s = 0.5 * s + x[i] * i
    return s + i


@case()
def for_range_empty(x):
    s = x[0]
    for i in range(3, 3):
        s = s * x[i]
    for i in range(2, 5, -1):
        s = s * x[i]
    return s


@case("loop")
def for_traced_stop(x):
    n = int(np.abs(x[0]) * 9.5)
    s = x[1]
    for i in range(n):
        s = s * 0.9 + x[i % 6]
    return s


@case("loop")
def for_traced_start_stop(x):
    a = int(x[0] > 0)
    b = int(np.floor(np.abs(x[1]) * 4)) + a
    s = x[2]
    for i in range(a, b, 2):
        s = s + np.sin(i * x[i % 6])
    return s


@case("loop")
def for_traced_negative_step(x):
    n = int(np.abs(x[4]) * 3)
    s = 0.0
    for i in range(n, -1, -1):
        s = s * x[0] + x[i]
    return s


@case("loop")
def for_traced_no_steps(x):
    n = int(np.minimum(x[0], 0.0)) - 1
    s = x[0] * x[1]
    for _ in range(n):
        s = s * 2.0
    return s


@case("loop")
def loop_bound_is_state(x):
    s, n = 0.0, 2
    for i in range(4):
        for j in range(n):
            s = s + x[j] * (i + 1)
        if s > 1.0:
            n = n + 1
    return s * n


@case("loop")
def nested_three(x):
    s = 0.0
    for i in range(3):
        for j in range(4):
            for k in range(5):
                s = s + x[i] * x[j] * np.cos(x[k] + i)
    return s


@case("loop")
def triangular_writes(x):
    a = np.zeros((6, 6))
    for i in range(6):
        for j in range(i + 1):
            a[i, j] = x[i] * x[j] if i == j else x[i] - x[j] * a[i, j - 1]
    return np.sum(a * a)


@case("loop")
def upper_triangle(x):
    s = 0.0
    for i in range(6):
        for j in range(i + 1, 6):
            d = x[i] - x[j]
            s += 1.0 / (d * d + 0.5)
    return s


@case("loop")
def rows_of_array(x):
    s = 0.0
    for row in np.outer(x, x) + 1.0:
        s = s * 0.5 + row @ x
    return s


@case("loop")
def elements_of_array(x):
    s = 0.0
    for v in x:
        s = s * 0.5 + v * v
    return s


@case("loop")
def zipped(x):
    s = 0.0
    for a, b, k in zip(x, x[::-1] * 2.0, range(6)):
        s = s + a * np.cos(b) * k
    return s


@case("loop")
def zip_of_unequal(x):
    s = 0.0
    for a, b in zip(x[1:], x):
        s = s + a * b
    return s


@case("loop")
def zip_with_plain_array(x):
    s = 0.0
    for v, w in zip(x, WEIGHTS):
        s = s + v ** 2 * w
    return s


@case("loop")
def enumerated(x):
    s = 0.0
    for k, v in enumerate(x):
        s = s + k * v * v
    return s


@case("loop")
def reversed_array(x):
    s = 0.0
    for v in reversed(x * x):
        s = s * 0.3 + v
    return s


@case("loop")
def reversed_range(x):
    s = 0.0
    for i in reversed(range(1, 6, 2)):
        s = s * x[0] + x[i]
    return s


@case("loop")
def plain_array_rows(x):
    s = 0.0
    for row in np.arange(12.0).reshape(6, 2):
        s = s + np.sin(row[0] * x[0]) * row[1]
    return s


@case("loop")
def loop_name_after(x):
    s = 0.0
    for i in range(5):
        last = x[i] * i
        s = s + last
    return s * last + i


@case("loop")
def target_unpacked(x):
    pairs = np.stack([x, x[::-1]], axis=1)
    s = 0.0
    for a, b in pairs:
        s = s + a * a * b
    return s


@case("loop")
def for_else_always(x):
    s = 0.0
    for i in range(6):
        s = s + x[i] ** 2
    else:
        s = s * x[0]
    return s


@case("loop")
def nested_else(x):
    s = 0.0
    for i in range(4):
        for j in range(4):
            if x[i] + x[j] > 1.5:
                break
            s = s + x[j]
        else:
            s = s + 10.0 * x[i]
            continue
        s = s - x[i]
    return s


@case("loop")
def break_first(x):
    s = 0.0
    for i in range(6):
        if x[i] * (i + 1) > 1.5:
            break
        s = s + x[i]
    return s * 2.0 + i


@case("loop")
def continue_some(x):
    s = 0.0
    for i in range(6):
        if x[i] < 0:
            continue
        s = s + np.sqrt(x[i])
    return s


@case("loop")
def continue_then_break(x):
    s, k = 0.0, 0
    while True:
        k += 1
        if k % 2 == 0:
            continue
        s = s + x[k % 6] ** 2
        if s > 0.8 or k > 8:
            break
        s = s * 1.1
    return s + k


@case("loop")
def break_of_inner_only(x):
    s = 0.0
    for i in range(5):
        for j in range(6):
            if j > i or x[j] > 1.0:
                break
            s = s + x[i] * x[j]
        s = s * 1.01
    return s


@case("loop")
def break_of_both(x):
    s, found = 0.0, False
    for i in range(6):
        for j in range(6):
            s = s + x[j] * 0.1
            if x[i] * x[j] > 0.9:
                found = True
                break
        if found:
            break
    return s * (i + 1)


@case("loop")
def return_in_loop(x):
    s = x[0]
    for i in range(6):
        s = s + x[i] ** 2
        if s > 1.0:
            return s * i
    return -s


@case("loop")
def return_in_nested_loops(x):
    s = 0.0
    for i in range(6):
        if x[i] > 0.2:
            for j in range(i):
                if x[j] < 0.5:
                    s = s + x[i] * x[j]
                    if s > 0.3:
                        return s + i * 10 + j
                else:
                    s = s * 0.5
        s = s + 0.01
    s = s * 3.0
    return s + x[5]


@case("loop")
def returns_array_early(x):
    def run(y):
        for i in range(6):
            if y[i] > 0.84:
                return y * i
        return y * y
    return np.sum(run(x) * WEIGHTS)


@case("loop")
def returns_tuple_early(x):
    def run(y):
        for i in range(5):
            if y[i] > 0.8:
                return y[i], i
        return y[5] * 2.0, 7
    a, k = run(x)
    return a * a * k


@case("loop")
def return_in_else(x):
    for i in range(6):
        if x[i] > 1.0:
            break
    else:
        return np.sum(x * x)
    return x[i] * 3.0


@case("loop")
def statements_after_three_levels(x):
    total = 0.0
    for i in range(3):
        part = x[i]
        for j in range(3):
            if x[j] < 0.4:
                k = 0
                while k < 3:
                    k += 1
                    if part > 2.0:
                        break
                    part = part * 1.3 + 0.1
                part = part - 0.05
            part = part + 0.2 * x[j]
        total = total + part
    total = total * 2.0
    return total


@pytest.mark.parametrize("f, nodes", case)
def test_cases(f, nodes):
    check_case(f, nodes)
