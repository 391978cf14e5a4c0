"""Python's language under jit, case by case: assignment."""

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.capture.language import POINTS, WEIGHTS, CaseTable, check_case, check_gradient
from tracer.errors import UnsupportedError
from tracer.graph import all_nodes

case = CaseTable()


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


@pytest.mark.parametrize("f, nodes", case)
def test_cases(f, nodes):
    check_case(f, nodes)
