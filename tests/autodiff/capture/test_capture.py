"""Python's language, case by case, under jit: values equal plain NumPy's, gradients equal differences and those of the uncompiled mode.

Each case is run at several points, so that branches are taken both ways by one compiled function. Where a case names nodes, the graph has
to hold them: a loop that was written out, or a branch that was decided while recording, would not.
"""

import functools
import math
from collections import namedtuple

import numpy as np
import pytest

import autodiff as ad
from tracer.errors import UnsupportedError
from tracer.graph import all_nodes

POINTS = [np.array([0.3, 0.85, 0.55, 0.15, 0.7, 0.42]), np.array([1.4, -0.6, 0.35, 0.9, -1.2, 0.8]),
          np.array([-0.35, -1.1, 0.62, -0.2, 1.7, -0.5])]
SCALE, WEIGHTS = 1.5, np.array([0.5, -1.0, 2.0, 0.25, 1.5, -0.75])
CASES = []


def case(*nodes):
    """Enter a function in the table; `nodes` are the ops its graph must hold."""
    def enter(f):
        CASES.append(pytest.param(f, nodes, id=f.__name__))
        return f
    return enter


def ops_of(f, *args):
    """The names of all nodes of the graph of a function."""
    return [n.op.name for n in all_nodes(ad.jit(f).trace(*args))]


def difference(f, x, d, h=1e-6):
    """Derivative of f along d, from values."""
    return (f(x + h * d) - f(x - h * d)) / (2 * h)


def check_value(f, x, compiled=None):
    """The compiled value is NumPy's."""
    given = x.copy()
    want, got = f(x.copy()), (compiled or ad.jit(f))(given)
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    np.testing.assert_array_equal(given, x)


def check_gradient(f, x, compiled=None):
    """The compiled gradient is that of the uncompiled mode and of differences."""
    given = x.copy()
    g = (compiled or ad.jit(ad.grad(f)))(given)
    np.testing.assert_allclose(ad.grad(f)(given), g, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(given, x)
    d = np.random.default_rng(0).normal(size=x.shape)
    np.testing.assert_allclose(np.sum(g * d), difference(f, x, d), rtol=2e-5, atol=1e-6)


@pytest.fixture(scope="module", autouse=True)
def table_is_distinct():
    names = [p.id for p in CASES]
    assert len(set(names)) == len(names)


# -- loops -----------------------------------------------------------------------------------------

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


# -- branches and conditions -----------------------------------------------------------------------

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


# -- assignment ------------------------------------------------------------------------------------

@case("loop")
def augmented_names(x):
    s, p, q, r = 0.0, 1.0, 2.0, 3.0
    for i in range(5):
        s += x[i]
        p *= 1.0 + 0.1 * x[i]
        q -= x[i] * s
        r /= 1.5
        r **= 2
    return s + p + q + r


@case("loop")
def augmented_elements(x):
    y = np.ones(6)
    for i in range(6):
        y[i] *= x[i]
        y[i] += 2.0
        y[(i + 1) % 6] -= 0.5 * y[i]
        y[-1] /= 1.1
    return np.sum(y * y)


@case("loop")
def augmented_slices(x):
    a = np.outer(x, np.ones(4))
    for i in range(1, 6):
        a[i] += 0.5 * a[i - 1]
        a[:, i % 4] *= 0.9
        a[1:3, :2] -= 0.01
    return np.sum(a * a)


@case("loop")
def augmented_array_name(x):
    y = x.copy()
    z = y
    for _ in range(4):
        y += 0.1 * x
        y *= 1.1
    return np.sum(y * z)


@case("loop")
def rebinding_is_no_write(x):
    y = x
    for _ in range(4):
        y = y + 0.1 * x
    return np.sum(y * x)


class Bag:
    """Something with attributes."""

    def __init__(self, value, total=0.0):
        self.value = value
        self.total = total


@case()
def attributes_of_objects_made_inside(x):
    bag = Bag(x * 2.0)
    bag.total += np.sum(bag.value)
    bag.value[2] = 7.0
    bag.value *= x
    bag.extra = bag.total * 2.0
    return np.sum(bag.value) + bag.extra


@case("loop")
def object_made_in_each_step(x):
    s = 0.0
    for i in range(5):
        bag = Bag(x[i])
        bag.total += bag.value * 2.0
        s = s + bag.total
    return s


@case("loop")
def array_in_an_object(x):
    bag = Bag(np.zeros(6))
    for i in range(6):
        bag.value[i] = x[i] * x[i - 1]
        bag.value[0] += 0.1
    return np.sum(bag.value * bag.value)


@case("loop")
def tuple_targets(x):
    y = np.zeros(6)
    y[0], s = x[0], 1.0
    for i in range(1, 6):
        y[i], s = s * x[i], s + y[i - 1]
        (a, b), c = (y[i], s), i
        s = a + b * 0.1 * c
    return s + y.sum()


@case("loop")
def swapped_elements(x):
    y = x.copy()
    for i in range(3):
        y[i], y[5 - i] = y[5 - i], y[i] * 2.0
    return np.sum(y * np.arange(6))


@case("loop")
def swapped_rows(x):
    a = np.outer(x, WEIGHTS)
    for i in range(3):
        a[[i, i + 2]] = a[[i + 2, i]]
        t = a[i].copy()
        a[i] = a[i + 1]
        a[i + 1] = t * 1.1
    return np.sum(a * np.arange(36).reshape(6, 6))


@case("loop")
def swapped_scalars(x):
    a, b = 0.0, 1.0
    for i in range(6):
        a, b = b, a + b * x[i]
    return a * b


def factorised(x):
    a = np.outer(x, x) + np.diag(WEIGHTS + 2.0)
    for i in range(6):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[j, :j]
            a[i, j] /= a[j, j]
        a[i, i] = np.sqrt(a[i, i] - a[i, :i] @ a[i, :i])
    return np.sum(np.tril(a) * np.arange(36.0).reshape(6, 6))


def swept(x):
    a = np.outer(x, WEIGHTS)
    for _ in range(3):
        for i in range(1, 5):
            a[i, 0] = np.sin(a[i - 1, 0]) * a[i, 1]
            for j in range(1, 3):
                a[i, j] = a[i - 1, j] * a[i, j - 1] + x[j]
            a[0, 5] = a[0, 5] * a[i, 2]
    return np.sum(a * a)


@pytest.mark.parametrize("f", [factorised, swept])
def test_arrays_written_by_inner_loops_are_not_kept_for_each_step(f):
    for x in POINTS[1:]:
        check_gradient(f, np.abs(x) + 0.1)
    kept = {v.type.shape for n in all_nodes(ad.jit(ad.grad(f)).trace(POINTS[0])) if n.op.name == "loop" for v in n.outputs}
    assert f is swept or (6, 6, 6) not in kept


@case("loop")
def written_as_a_whole(x):
    b = x * 0.5
    for _ in range(4):
        b[:] *= 0.8
        b[...] += 0.1 * x
    return np.sum(b * WEIGHTS)


@case("loop")
def copied_and_overwritten(x):
    b = x * 0.5
    for _ in range(4):
        b = b.copy()
        b[:] = x
        b[1] *= 2.0
    return np.sum(b * WEIGHTS)


@case()
def part_or_copy(x):
    a = np.outer(x, WEIGHTS)
    b = a[2]
    if x[0] > 0.1:
        b = b.copy()
    b[3] += a[5, 1]
    return np.sum(b) + np.sum(a * a)


@case()
def one_part_or_another(x):
    a = np.outer(x, WEIGHTS)
    p, q = a[2], a[4]
    b = p if x[0] > 0.1 else q
    b[3] += 2.0
    q[0] = 5.0
    return np.sum(b) + np.sum(a * a) + p[3] + q[3]


@case()
def part_of_what_is_written(x):
    a = np.outer(x, WEIGHTS)
    b = x * 0.5
    for i in range(5, 0, -1):
        b[:i] += 0.1 * b[:i][::-1]
        b = a[i]
    return np.sum(b) + np.sum(a * a)


@case()
def other_name_bound_anew(x):
    a = np.outer(x, WEIGHTS)
    b = a[2]
    for _ in range(4):
        b[...] += 0.5
        a = a * 0.9
    return np.sum(b) + np.sum(a * a)


@case("loop")
def damped_when_large(x):
    def damped(v, w):
        if w > 0.3:
            v[0] = w
            return v * 0.9
        return v

    b = x * 0.5
    if x[0] > 0.2:
        b = damped(b, x[1])
    for i in range(6):
        b[:i] += 0.1 * b[:i][::-1]
    return np.sum(b)


def last_row(a, k):
    for row in a:
        b = row
    b[k] = 1.0
    return np.sum(a)


def picked_row(a, k):
    b = a[0]
    for row in a:
        if row[k] > 0.3:
            b = row
    b[k] = 1.0
    return np.sum(a)


def row_of_a_new_array(a, k):
    b = a[3]
    while a[0, 0] > 0.1:
        a = a * 0.5
        b = a[3]
    b[k] = 1.0
    return np.sum(a)


def copied_after_a_write_under_another_name(a, k):
    for row in a:
        b = row
    a[5, k] = 1.0
    c = b.copy()
    return np.sum(c)


@pytest.mark.parametrize("f", [last_row, picked_row, row_of_a_new_array, copied_after_a_write_under_another_name])
def test_a_part_that_a_loop_picked_is_not_written_under_two_names(f):
    a = np.outer(POINTS[0], WEIGHTS)
    with pytest.raises(UnsupportedError, match="used under another name"):
        ad.jit(f)(a, 2)


@case("loop")
def swapped_buffers(x):
    a, b = x.copy(), np.zeros(6)
    for _ in range(5):
        b[1:-1] = 0.5 * (a[:-2] + a[2:])
        b[0] = x[0]
        a, b = b, a
    return np.sum(a * WEIGHTS) + np.sum(b)


@case("loop")
def rotated_buffers(x):
    a, b, c = x, x * 0.5, np.zeros(6)
    for k in range(4):
        c = 2.0 * b - 0.9 * a + 0.01 * k
        a, b, c = b, c, a
    return np.sum(a * b) + c[0]


@case()
def chained_assignment(x):
    y = z = x * 2.0
    y[0] = 5.0
    a = b = np.sum(z)
    return a * b + z[0] * x[1]


@case("loop")
def annotated(x):
    s: float = 0.0
    k: int
    for i in range(4):
        k = i * 2
        t: float = x[i] * k
        s += t
    return s


@case()
def walrus(x):
    s = 0.0
    for i in range(5):
        s += (t := x[i] * 2.0) * t
    return s


@case("loop")
def starred(x):
    s = 0.0
    for i in range(4):
        first, *others = x[i], x[i + 1], 2.0
        s += first * others[0] * others[1]
    return s


# -- functions -------------------------------------------------------------------------------------


@case("loop")
def lambdas(x):
    f, g = lambda v: v * 2.0 if v > 0 else -v, lambda v, k=3: v ** 2 + k
    s = 0.0
    for i in range(5):
        s = s + f(x[i]) * g(x[i]) + g(s, k=1) * 0.01
    return s


@case("loop")
def lambda_reads_state(x):
    s = 1.0
    f = lambda v: v * s + 0.1   # noqa: E731
    for i in range(5):
        s = f(x[i])
    return s


class Base:
    """Methods, a class attribute, a name of its own."""

    rate = 0.5

    def __init__(self, k):
        self.__secret = k
        self.k = k

    def __private(self, x):
        return x * self.__secret

    def step(self, x):
        """One step."""
        return self.__private(x) if x.sum() > 0 else x - self.rate

    def __call__(self, x):
        return self.step(x) * 2.0

    @property
    def doubled(self):
        return self.k * 2.0

    @staticmethod
    def halved(x):
        return x * 0.5 if x[0] > 0 else x

    @classmethod
    def rated(cls, x):
        return x * cls.rate if x[1] > 0 else x

    def __add__(self, other):
        return self.k + other


class Derived(Base):
    """Overrides a method."""

    rate = 0.25

    def step(self, x):
        """One step and a little."""
        y = super().step(x)
        for i in range(6):
            y = y + 0.01 * i
        return y


@case("loop", "cond")
def methods(x):
    d = Derived(1.2)
    for _ in range(4):
        x = d.step(x)
    return np.sum(d(x)) * d.doubled + np.sum(d.halved(x)) + np.sum(Derived.rated(x)) + (d + 1.0)


def scaled(k):
    def wrap(f):
        @functools.wraps(f)
        def inner(*args, **kwargs):
            out = f(*args, **kwargs)
            return out * k if out > 0 else out
        return inner
    return wrap


@scaled(3.0)
def decorated_inner(x, p=2):
    s = 0.0
    for v in x:
        s = s + v ** p
    return s


@case("loop")
def decorators(x):
    return decorated_inner(x) + decorated_inner(x, p=3)


def adder(k):
    def add(x):
        return x + k if x[0] > 0 else x - k
    return add


@case("cond")
def same_code_other_closure(x):
    return np.sum(adder(1.0)(x) * adder(2.5)(x) * adder(x[0])(x))


def power(x, n):
    if n == 0:
        return np.ones(6)
    y = power(x, n // 2)
    return y * y * x if n % 2 else y * y


@case()
def recursion(x):
    return np.sum(power(x, 5))


@case("loop")
def local_recursion(x):
    def tree(a, b):
        if b - a == 1:
            s = 0.0
            for i in range(4):
                s = s + x[a] ** i
            return s
        m = (a + b) // 2
        return tree(a, m) * 0.5 + tree(m, b)
    return tree(0, 6)


def defaults(x, k=2, *more, scale=3.0, **others):
    s = k * scale
    for m in more:
        s = s + m
    for name in sorted(others):
        s = s * others[name]
    return s + (x if x > 0 else 0.0)


@case()
def arguments(x):
    args, kwargs = [x[1], x[2]], {"a": x[3], "b": 2.0}
    return (defaults(x[0]) + defaults(x[0], *args) + defaults(x[0], 1, 2.0, x[4], scale=x[5]) + defaults(*x[:3], **kwargs))


def made_from(x, y=(WEIGHTS, 2.0)):
    return np.sum(x * y[0]) * y[1]


@case()
def default_array(x):
    return made_from(x) if x[0] > 0 else made_from(x, (x, 1.0))


@case("cond")
def comprehensions(x):
    f = lambda v: np.sin(v) if v > 0 else v     # noqa: E731
    a = [f(v) for v in x[:3]]
    b = {k: f(x[k]) * 2.0 for k in range(3) if k != 1}
    c = sum(f(v) for v in x[3:])
    d = [u * v for u in a for v in b.values()]
    return sum(a) + sum(b.values()) + c + sum(d)


@case()
def comprehension_in_loop(x):
    s = 0.0
    for i in range(4):
        s = s + sum([x[i] * x[j] for j in range(3)])
    return s


@case()
def mapped(x):
    return sum(map(lambda v: v * 2.0 if v > 0 else v, x)) + max(filter(None, [1.0, 0.0])) + functools.reduce(lambda a, b: a * b + 1.0, x)


@case("cond")
def with_errstate(x):
    with np.errstate(divide="ignore"):
        if x[0] > 0:
            y = np.log(np.abs(x))
        else:
            y = x * 2.0
    return y.sum()


@case("loop")
def with_in_loop(x):
    s = 0.0
    for i in range(5):
        with np.errstate(all="ignore"):
            s = s + np.sqrt(np.abs(x[i]))
    return s


@case("loop")
def try_finally(x):
    s, done = 0.0, 0
    try:
        for i in range(5):
            s = s + x[i] * s + 0.1
    finally:
        done = 2
    return s * done


@case()
def try_except(x):
    try:
        {}["missing"]
    except KeyError:
        y = x * 2.0
    else:
        y = x
    try:
        z = np.zeros(3) + x
    except ValueError:
        z = x
    return np.sum(y * z)


def unpacked(x):
    first, *middle, last = [x[k] for k in range(5)]
    return first * last + sum(middle)


@case("cond")
def function_in_branch(x):
    if x[0] > 0:
        def g(v):
            return v * 2.0
        y = g(x)
    else:
        def g(v):
            return v * 3.0
        y = g(x)
    return y.sum() + unpacked(x)


@case("cond")
def returned_function(x):
    def choose(k):
        if k == 1:
            return lambda v: v * v
        return np.sin
    f, g = choose(1), choose(2)
    return np.sum(f(x) if x[0] > 0 else g(x))


@case("loop")
def callable_argument(x):
    def integrate(rhs, y, n):
        for _ in range(n):
            k1 = rhs(y)
            k2 = rhs(y + 0.05 * k1)
            y = y + 0.05 * (k1 + k2)
        return y
    return np.sum(integrate(lambda y: -y + x[0], x, 5) * integrate(functools.partial(np.multiply, x[1]), x, 4))


@case()
def global_is_written(x):
    global COUNT
    COUNT = 3
    return np.sum(x) * COUNT


COUNT = 0


@case()
def star_expressions(x):
    a = [*x[:2], 1.0]
    b = {**{"p": x[0]}, "q": 2.0}
    return a[0] * a[1] * a[2] * b["p"] * b["q"]


@case()
def strings_and_formats(x):
    out = 0.0
    for name in ("sin", "cos"):
        out = out + np.sum(getattr(np, name)(x))
    assert f"{len(x)}" == "6" and "sin" in {"sin": 1}
    return out


# -- state of loops --------------------------------------------------------------------------------

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


# -- arrays in loops: views, writes, copies --------------------------------------------------------

@case("loop")
def row_views(x):
    a = np.outer(x, WEIGHTS)
    for i in range(5):
        row = a[i]
        row += 1.0
        row[2:4] *= x[i]
        a[i + 1] += 0.1 * row
    return np.sum(a * a)


@case("loop")
def view_from_outside(x):
    a = np.outer(x, x)
    diagonal, middle = a[2], a[1:4, 1:4]
    for i in range(3):
        middle[i, i] += x[i]
        diagonal[i] *= 2.0
        a[2, 5] += middle[0, 0]
    return np.sum(a * a) + diagonal.sum() + middle[1, 1]


@case("loop")
def view_of_view(x):
    a = np.outer(x, x)
    for i in range(4):
        block = a[i:i + 2]
        part = block[:, 1:3]
        part *= 1.1
        part[0] -= 0.2
        block[1, 0] = part[1, 1]
    return np.sum(a * WEIGHTS)


@case("loop")
def transposed_view(x):
    a = np.outer(x, WEIGHTS)
    t = a.T
    for i in range(1, 6):
        t[i] += 0.3 * t[i - 1]
        a[i] *= 0.9
    return np.sum(a * a) + t[1, 2]


@case("loop")
def reversed_view(x):
    y = x.copy()
    r = y[::-1]
    for i in range(3):
        r[i] = y[i] * 2.0
    return np.sum(y * WEIGHTS)


@case("loop")
def rows_written_while_looping(x):
    a = np.outer(x, WEIGHTS)
    for row in a:
        row *= 0.5
        row[0] = 1.0
    return np.sum(a * x)


@case("loop")
def copies_are_apart(x):
    a = x * 2.0
    b = a.copy()
    c = np.copy(a)
    d = np.array(a)
    for i in range(6):
        a[i] = a[i] + b[i] * c[i]
        b[i] = d[i] * 0.5
    return np.sum(a * b * c * d)


@case("loop")
def shifted_reads(x):
    y = x.copy()
    for _ in range(3):
        y[1:] = y[:-1]
        y[0] += 0.5
        y[:-1] += y[1:] * 0.1
    return np.sum(y * WEIGHTS)


@case("loop")
def overlapping_update(x):
    y = np.concatenate([x, x])
    for i in range(5):
        y[i:i + 4] += 0.1 * y[i + 2:i + 6]
        y[i + 1:i + 5] = y[i:i + 4] * 0.9
    return np.sum(y * y)


@case("loop")
def history(x):
    out = np.empty((7, 6))
    out[0] = x
    for t in range(6):
        out[t + 1] = out[t] + 0.1 * np.sin(out[t - 1] if t > 0 else out[t])
    return np.sum(out ** 2)


@case("loop")
def accumulated_matrix(x):
    a = np.zeros((6, 6))
    for i in range(6):
        for j in range(6):
            a[i, j] += x[i] * x[j]
            a[j, i] -= 0.5 * x[i]
            a[i] += 0.01
    return np.sum(a ** 3)


@case("loop")
def made_in_each_step(x):
    s = 0.0
    for i in range(4):
        y = np.zeros(6)
        y[:3] = x[i]
        y[i] += 1.0
        z = np.ones_like(x)
        z[1] = y[0]
        s = s + np.sum(y * z * x)
    return s


@case()
def makers(x):
    y = [np.zeros(6), np.empty(6), np.ones(6), np.full(6, 2.0), np.linspace(0.0, 1.0, 6), WEIGHTS.copy(), np.copy(WEIGHTS), np.arange(6.0),
         np.eye(6)[1], np.zeros_like(WEIGHTS), np.empty_like(WEIGHTS), np.full_like(WEIGHTS, 0.5), np.array([1.0, 2, 3, 4, 5, 6]),
         np.asarray([0.0] * 6), np.tile(WEIGHTS[:2], 3), np.repeat(1.0, 6), np.array(WEIGHTS), WEIGHTS[::-1].copy(),
         np.identity(6)[:, 2].copy(), np.concatenate([WEIGHTS[:3], WEIGHTS[3:]]), np.sort(WEIGHTS), np.random.default_rng(0).normal(size=6),
         np.zeros((2, 3)).reshape(6), np.geomspace(1.0, 2.0, 6), np.vander([1.0, 2.0], 6)[0].copy()]
    y[1][:] = 1.0
    y[10][:] = -1.0
    s = 0.0
    for k in range(len(y)):
        y[k][k % 6] = x[0]
        y[k][2:4] += x[1:3]
        s = s + np.sum(y[k] * x) * (k + 1)
    return s


@case()
def stacked_scalars(x):
    a = np.array([x[0], x[1] * x[2], 3.0, -x[3]])
    b = np.array([[x[0], 1.0], [2, x[5]]])
    c = np.asarray((np.sin(x[0]), x[1]))
    d = np.array([x, x * 2.0])
    return np.sum(a) ** 2 + np.linalg.det(b) + np.prod(c) + np.sum(d[1] * d[0]) + np.stack([x[0], x[1]])[1]


@case("loop")
def stacked_in_loop(x):
    s = np.array([0.1, 0.2])
    for i in range(5):
        s = np.array([s[1], s[0] * x[i]]) + np.array([x[i], 1.0])
    return s[0] * s[1]


@case("loop")
def out_argument(x):
    y, z = np.empty(6), np.zeros((6, 6))
    for i in range(4):
        np.multiply(x, float(i), out=y)
        np.add(y, 1.0, out=y)
        np.outer(x, y, out=z)
        np.sin(z[i], out=z[i])
    return np.sum(y * y) + z.sum()


@case("loop")
def add_at(x):
    y = np.zeros(4)
    where = np.array([0, 1, 1, 3, 0, 2])
    for i in range(3):
        np.add.at(y, where, x * (i + 1))
        y[where[i]] += x[i]
    return np.sum(y * y)


@case("loop")
def methods_that_write(x):
    y, z = x.copy(), np.zeros(6)
    for i in range(3):
        z.fill(0.5)
        z[i] = y[i]
        y += z
        z[:] = y
        np.subtract(z, 0.1, out=y)
    return np.sum(y * z)


@case("loop")
def helper_writes_its_argument(x):
    def relax(a, i):
        a[i] = 0.5 * (a[i - 1] + a[i])
        a[i - 1] *= 0.9

    y = x.copy()
    for i in range(1, 6):
        relax(y, i)
        relax(y[1:], 1)
    return np.sum(y * WEIGHTS)


@case("loop")
def written_in_branch_of_loop(x):
    y = x.copy()
    for i in range(6):
        if y[i] > 0.4:
            y[i] = y[i] * y[i - 1]
            y[0] += 0.1
        elif y[i] < -1.0:
            y[i:] *= 0.5
        else:
            continue
        y[-1] += 0.05
    return np.sum(y * WEIGHTS)


@case("loop")
def sorted_by_exchange(x):
    y = x.copy()
    for i in range(6):
        for j in range(5 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    return np.sum(y * np.arange(6.0))


@case("loop")
def insertion_sort(x):
    y = x.copy()
    for i in range(1, 6):
        key, j = y[i], i - 1
        while j >= 0 and y[j] > key:
            y[j + 1] = y[j]
            j -= 1
        y[j + 1] = key
    return np.sum(y * np.arange(6.0))


@case("loop")
def gauss(x):
    a, b = np.outer(x, x) + np.diag(np.arange(3.0, 9.0)), x.copy()
    n = len(b)
    for k in range(n - 1):
        for i in range(k + 1, n):
            f = a[i, k] / a[k, k]
            a[i, k:] -= f * a[k, k:]
            b[i] -= f * b[k]
    for i in range(n - 1, -1, -1):
        b[i] = (b[i] - a[i, i + 1:] @ b[i + 1:]) / a[i, i]
    return np.sum(b * WEIGHTS)


@case("loop")
def levenshtein_like(x):
    d = np.zeros((7, 7))
    d[0] = np.arange(7)
    d[:, 0] = np.arange(7)
    for i in range(1, 7):
        for j in range(1, 7):
            d[i, j] = min(d[i - 1, j] + 1.0, d[i, j - 1] + 0.9, d[i - 1, j - 1] + abs(x[i - 1] - WEIGHTS[j - 1]))
    return d[6, 6]


@case("loop")
def shape_follows_python(x):
    s = 0.0
    for n in range(1, 5):
        for m in (2, 3):
            y = np.zeros(m)
            y[0] = x[n]
            s = s + np.sum(y) * m
    return s


# -- slices that move, masks -----------------------------------------------------------------------

@case("loop")
def window(x):
    s = 0.0
    for i in range(4):
        s = s + np.prod(x[i:i + 3])
    return s


@case("loop")
def window_clipped(x):
    s = 0.0
    for i in range(6):
        s = s + np.sum(x[max(i - 1, 0):i + 2] ** 2) / len(x)
    return s


@case("loop")
def window_centered(x):
    y = np.zeros(6)
    for i in range(1, 5):
        y[i - 1:i + 2] += x[i - 1:i + 2] * x[i]
    return np.sum(y * y)


@case("loop")
def ragged_products(x):
    a = np.outer(x, x + 1.0)
    s = 0.0
    for i in range(6):
        for j in range(6):
            s = s + a[i, :j] @ a[j, :j] + a[:i, j] @ a[:i, i]
    return s


@case("loop")
def ragged_matrix_vector(x):
    a, y = np.outer(x, WEIGHTS), x.copy()
    for k in range(1, 6):
        y[k:] -= 0.1 * a[k:, :k] @ y[:k]
        y[:k] += a[:k, k] * 0.1
    return np.sum(y * y)


@case("loop")
def prefix_reversed(x):
    s = 0.0
    for k in range(6):
        s = s + np.dot(x[:k][::-1], WEIGHTS[:k]) + x[:k + 1][::-1][0]
    return s


@case("loop")
def stepping_back(x):
    s = 0.0
    for i in range(6):
        s = s + np.sum(x[i:0:-1] * WEIGHTS[i:0:-1]) + np.sum(x[i::-1]) * 0.1
    return s


@case("loop")
def stepping_by_two(x):
    s = 0.0
    for i in range(6):
        s = s + np.sum(x[i::2]) * i + np.sum(x[:i:2])
        s = s + np.sum(x[5:i:-2])
    return s


@case("loop")
def negative_bounds(x):
    s = 0.0
    for i in range(1, 6):
        s = s + np.sum(x[-i:] ** 2) * i + np.sum(x[:-i]) * 0.3 + x[-i] + x[-i:-1].sum()
    return s


@case("loop")
def bounds_outside(x):
    s = x[0]
    for i in range(0, 9):
        s = s + np.sum(x[i:i + 2]) + np.sum(x[i - 9:i - 5]) * 0.1
    return s


@case("loop")
def empty_slices(x):
    y, s = x.copy(), 0.0
    for i in range(6):
        y[i:i] = 5.0
        s = s + np.sum(y[i:i]) + np.sum(y[i + 1:i])
    return s + y.sum()


@case("loop")
def slices_of_traced_integers(x):
    n = int(abs(x[0]) * 3) + 1
    y = x.copy()
    y[:n] *= 2.0
    for i in range(n):
        y[i:n] += 0.1
    return np.sum(y[n:]) * np.sum(y[:n]) + y[n - 1]


@case("loop")
def slice_written_by_counter(x):
    a = np.zeros((6, 6))
    for i in range(6):
        a[i, i:] = x[i:] * x[i]
        a[i:, i] += 1.0
        a[:i, :i] *= 0.9
        a[i, :i] = a[:i, i]
    return np.sum(a * a)


@case("loop")
def slice_of_slice(x):
    s = 0.0
    for i in range(5):
        y = x[i:]
        s = s + np.sum(y[1:]) + y[0] + np.sum(y[:2] ** 2)
    return s


def mean_square(v):
    n, s = len(v), 0.0
    for k in range(n):
        s = s + v[k] ** 2
    return s / v.size


@case("loop")
def lengths_computed_with(x):
    s = 0.0
    for i in range(1, 6):
        y = x[:i]
        s = s + mean_square(y) * y.shape[0] + np.sum(y[::2]) + np.sum(y[::-1] * y) + sum(y[:5]) - y[-1]
        for v in y:
            s = s + v * v
        if i == 3:
            s = s + y[-2]
    return s


@case("loop")
def arrays_of_moving_length(x):
    s = 0.0
    for i in range(1, 6):
        y = x[:i]
        a, b = np.zeros(len(y)), np.empty((i, 2))
        a[1:] = y[:-1]
        a[-1] += y[0]
        b[:, 0] = y
        b[:, 1] = 2.0 * y
        s = s + np.sum(a * y) + np.sum(b * b) + np.sum(np.arange(i) * y) + np.sum(y.reshape(i, 1) @ np.ones((1, 3)))
    return s


@case("loop")
def functions_of_ragged_slices(x):
    s = 0.0
    for i in range(1, 6):
        y = x[:i]
        s = s + np.mean(y) + np.max(y) + np.linalg.norm(y) + np.sum(np.exp(y) * y) + np.sum(np.where(y > 0, y, 2.0 * y))
    return s


@case("loop")
def indices_wrap(x):
    s = 0.0
    for i in range(6):
        s = s + x[i - 1] * x[(i + 2) % 6] + x[-i] * x[~i]
    return s


@case("loop")
def index_from_array(x):
    order, s = np.argsort(WEIGHTS), 0.0
    for i in range(6):
        s = s * 0.5 + x[order[i]] * WEIGHTS[i]
    return s


@case("loop")
def index_from_data(x):
    k, s = 0, 0.0
    for _ in range(5):
        s = s + x[k]
        k = (k + int(abs(x[k]) * 3.7) + 1) % 6
    return s * x[k]


@case()
def argmax_index(x):
    k = np.argmax(x)
    return x[k] ** 2 + x[k - 1] + WEIGHTS[k] * x[0]


@case()
def masks_read_and_written(x):
    y = x.copy()
    y[y < 0.5] = 0.25
    y[x > 0.6] *= 3.0
    y[(x > 0.31) & (x < 0.61)] += x[0]
    m = x > 0.41
    y[m] = x[m] * y[m]
    return np.sum(y * WEIGHTS) + np.sum(x[m]) + np.sum(y[~m] ** 2) + np.sum(m)


@case("loop")
def masks_in_loop(x):
    y = np.outer(x, WEIGHTS)
    for i in range(5):
        m = y[i] > 0.103 * i
        y[i + 1][m] = x[i]
        y[y < -0.517] += 0.1
        y[i, m] *= 0.9
    return np.sum(y * y)


@case("loop")
def selected_mean(x):
    s = 0.0
    for i in range(6):
        near = np.abs(x - x[i]) < 0.617
        s = s + np.mean(x[near]) * i + np.sum(x[near] * WEIGHTS[near]) + np.sum(near)
    return s


# -- built-in functions ----------------------------------------------------------------------------

@case("loop")
def builtins_in_loop(x):
    s = 0.0
    for i in range(6):
        s = s + abs(x[i]) + min(x[i], 0.5) + max(x[i], s, 0.1) + float(x[i] > 0) * 2.0 + int(x[i] * 9.7) + bool(x[i] > 0.5) + pow(x[i], 2)
        s = s + round(float(i), 1)
    return s


@case()
def builtins_of_arrays(x):
    return sum(x) + sum(x * x, 1.0) + min(x) * 2.0 + max(x) + len(x) + max([x[0], x[1]]) + min((x[2], x[3], x[4])) + abs(x)[0]


@case("loop")
def math_functions(x):
    s = 0.0
    for i in range(6):
        t = x[i]
        s = s + math.sin(t) * math.cos(t) + math.exp(-t) + math.sqrt(t * t + 1.0) + math.log(2.0 + t * t) + math.atan2(t, 2.0)
        s = s + math.tanh(t) + math.hypot(t, 1.0) + math.pi * math.erf(t) + math.pow(1.0 + t * t, 1.5) + math.floor(t * 3.3) + math.ceil(t)
        s = s + math.log1p(t * t) + math.fabs(t) + math.copysign(1.0, t) * t + math.log(3.0 + t, 2.0) + math.expm1(t) + math.degrees(t) * 0.01
        s = s + math.fmod(t, 0.37) + (0.0 if math.isnan(t) or math.isinf(t) else 1.0) + math.sinh(t) - math.asinh(t) + math.trunc(t * 2.9)
    return s


@case()
def math_of_arrays(x):
    return math.fsum(x) * math.prod(x[1:3]) + math.dist(x[:2], x[2:4]) + math.isclose(x[0], x[0]) + math.comb(5, 2) + math.gcd(12, 18)


@case("loop")
def types_asked(x):
    s = 0.0
    for i in range(4):
        v = x[i]
        if isinstance(v, (float, np.floating)) and not isinstance(v, np.ndarray) and np.isscalar(v):
            s = s + v
        if isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype == np.float64 and x.size == len(x) and hasattr(x, "shape"):
            s = s + 1.0
    return s


@case("loop")
def integer_arithmetic(x):
    s = 0.0
    for i in range(6):
        q, r = divmod(i * 7, 4)
        s = s + x[i] * (q + r) + (i // 2) * 0.1 + (-i) % 3 + (i & 1) * x[0] + (i ^ 3) + (1 << i) * 0.01 + 2 ** i * 0.1 + i / 4 + -i // 2
    return s


@case("loop")
def float_methods(x):
    s = 0.0
    for i in range(5):
        s = s + x[i].item() + x[i:i + 1].sum() + x[i].astype(np.float64) + x[i].real + x.mean() + x.dot(x) * x.max()
    return s


@case("loop")
def numpy_in_loop(x):
    s = np.zeros(6)
    for i in range(3):
        s = s + np.cumsum(x) * np.where(x > 0, x, 0.0) + np.roll(x, 1) + np.maximum(x, s) + np.clip(s, -1.0, 1.0)
        s = s / np.linalg.norm(s) + np.sort(x)[::-1] * np.dot(x, s) + np.full(6, x[i]) + np.linspace(x[0], x[1], 6) + np.eye(6)[i]
    return s @ x


@pytest.mark.parametrize("f, nodes", CASES)
def test_cases(f, nodes):
    value, gradient = ad.jit(f), ad.jit(ad.grad(f))
    for x in POINTS:
        check_value(f, x, value)
        check_gradient(f, x, gradient)
    assert value.cache_info().misses == gradient.cache_info().misses == 1
    found = ops_of(f, POINTS[0])
    assert set(nodes) <= set(found)
