"""Lists that loops append to: the elements are kept in one array."""

import numpy as np
import pytest

import autodiff as ad
from tests.program_cases import Case, Cases, check

case = Cases()

p3 = np.array([0.5, 0.7, 0.9])


@case(p3)
def simple(p):
    out = []
    x = p[0]
    for i in range(3000):
        x = p[1] * np.sin(x) + p[2]
        out.append(x)
    return np.sum(np.array(out) ** 2)


@case(p3)
def with_start(p):
    out = [p[0]]
    x = p[0]
    for i in range(50):
        x = p[1] * np.sin(x) + p[2]
        out.append(x)
    a = np.array(out)
    return np.sum((a[1:] - a[:-1]) ** 2) + len(out) + out[-1] * out[7]


@case(p3)
def read_last(p):
    out = [p[0]]
    for i in range(20):
        out.append(p[1] * np.sin(out[-1]) + p[2])
    return np.sum(np.array(out) ** 2)


@case(p3)
def vectors(p):
    traj = [p * 1.0]
    y = p * 1.0
    for i in range(40):
        y = y + 0.1 * np.array([y[1], -y[0], y[2] * p[2]])
        traj.append(y)
    t = np.array(traj)
    return np.sum(t[:, 0] * t[:, 1]) + np.sum(np.stack(traj, axis=1)[2]) + np.sum(np.vstack(traj)[5:]) + np.sum(np.concatenate(traj))


@case(p3)
def tuples(p):
    hist = []
    x, v = p[0], p[1]
    for i in range(40):
        v = v - 0.1 * x
        x = x + 0.1 * v
        hist.append((x, v))
    h = np.array(hist)
    return np.sum(h[:, 0] ** 2 * h[:, 1]) + hist[3][0]


@case(p3, why="append of an array that is made outside")
def inplace_alias(p):
    out = []
    y = p * 1.0
    for i in range(10):
        y += 0.1 * y
        out.append(y)
    return np.sum(np.array(out))


@case(p3)
def inplace_copy(p):
    out = []
    y = p * 1.0
    for i in range(10):
        y += 0.1 * y
        out.append(y.copy())
    return np.sum(np.array(out) ** 2)


@case(p3, why="append on a list from outside")
def cond_append(p):
    out = []
    x = p[0]
    for i in range(10):
        x = np.sin(2 * x) + p[1] * 0.1
        if x > 0.8:
            out.append(x)
    return sum(out) + len(out)


@case(p3)
def nested_append(p):
    out = []
    for i in range(5):
        x = p[0] * i
        for j in range(6):
            x = np.sin(x) + p[1]
            out.append(x * j)
    return np.sum(np.array(out) * np.arange(30))


@case(p3)
def two_lists(p):
    a, b = [], []
    x = p[0]
    for i in range(9):
        x = np.cos(x) * p[1]
        a.append(x)
        b.append(x * x)
        a.append(x + 1)
    return np.sum(np.array(a)) + max(a) + min(b) + sum(b) / len(b) + np.mean(a)


@case(p3, why="reading a list in a loop that appends to it")
def length_used(p):
    a = []
    x = p[0]
    for i in range(9):
        x = x * p[1] + len(a)
        a.append(x)
    return sum(a)


@case(p3, why="reading a list in a loop that appends to it")
def truth_used(p):
    a = []
    x = p[0]
    for i in range(9):
        if a:
            x = x * p[1]
        a.append(x)
    return sum(a)


@case(p3)
def loop_over(p):
    a = []
    x = p[0]
    for i in range(9):
        x = np.sin(x) + p[1]
        a.append(x)
    s = 0.0
    for k, v in enumerate(a):
        s = s * 0.5 + v * k
    for v, w in zip(a, a[1:]):
        s = s + v * w
    return s


@case(p3)
def losses(p):
    w = p * 1.0
    losses = []
    for ep in range(30):
        losses.append(np.sum((w - 1) ** 2))
        w = w - 0.1 * 2 * (w - 1)
    return losses[0] + losses[-1] + np.mean(losses)


@case(p3)
def dict_hist(p):
    h = {"x": [], "v": []}
    x, v = p[0], p[1]
    for i in range(12):
        x, v = x + 0.1 * v, v - 0.1 * np.sin(x)
        h["x"].append(x)
        h["v"].append(v)
    h = {k: np.array(q) for k, q in h.items()}
    return np.sum(h["x"] * h["v"])


@case(p3)
def start_of_step(p):
    out = []
    y = p * 1.0
    for i in range(10):
        out.append(y)
        y = np.sin(y)
    out[0][1] = 3.0
    return np.sum(np.array(out) ** 2)


@case(p3)
def mpc_const(p):
    out = []
    x = p[0]
    for i in range(20):
        u = 0.3
        out.append([x, u])
        x = x * p[1] + u
    return np.sum(np.array(out) * np.arange(40).reshape(20, 2))


@case(p3)
def hstack_rows(p):
    out = []
    for i in range(8):
        out.append(p * i)
    return np.sum(np.hstack(out) * np.arange(24)) + np.sum(np.column_stack(out) * np.arange(24).reshape(3, 8))


@case(p3, why="append of an array that is made outside of the loop")
def appended_outer(p):
    out = []
    q = p * 2
    for i in range(8):
        out.append(q)
    q[0] = 7.0
    return np.sum(np.array(out) ** 2)


@case(p3)
def class_log(p):
    class Sim:
        def __init__(self):
            self.t, self.x, self.log = 0.0, p[0], []

        def step(self):
            self.t += 0.1
            self.x = self.x + 0.1 * np.cos(self.x * p[1])
            self.log.append((self.t, self.x))

    s = Sim()
    for _ in range(25):
        s.step()
    a = np.array(s.log)
    return np.sum(a[:, 0] * a[:, 1])


@pytest.mark.filterwarnings("ignore:.*along the path.*:RuntimeWarning")
@pytest.mark.parametrize("program", case, ids=str)
def test_program(program: Case):
    check(program)


def set_last_in_a_branch(x, s):
    log = [s]
    for i in range(0, len(x), 2):
        log.append(x[i])
        if x[i] > 0.5:
            log[-1] = 1.0
    return np.sum(np.array(log))


def set_last(x, s):
    log = [s]
    for i in range(len(x)):
        log.append(x[i])
        log[-1] = x[i] * 3
    return np.sum(np.array(log))


def set_last_before(x, s):
    log = [s]
    for i in range(len(x)):
        log[-1] = log[-1] * 2
        log.append(x[i])
    return np.sum(np.array(log))


def set_last_and_first(x, s):
    log = [s]
    for i in range(len(x)):
        log.append(x[i])
        log[-1] = log[-1] * 0.5
        log[0] = log[0] + 1
    return np.sum(np.array(log))


def set_last_of_some(x, s):
    log = [s, s]
    for i in range(len(x)):
        if x[i] > 0.3:
            log.append(x[i])
        log[-1] = log[-1] * 0.5
    return np.sum(np.array(log))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("f", [set_last_in_a_branch, set_last, set_last_before, set_last_and_first, set_last_of_some])
def test_elements_that_were_just_appended_are_set(f):
    """Other lengths ended in an IndexError of ours: an element appended in the step was taken for a place from before the loop."""
    compiled = ad.jit(f)
    for n in (1, 3, 5, 3):
        x = np.linspace(0.1, 1.0, n)
        np.testing.assert_allclose(compiled(x, 0.5), f(x, 0.5), rtol=1e-14)
