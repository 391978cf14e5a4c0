"""Golden programs with control flow: Python's loops, branches and jumps, state that steps hand on, and the explicit forms."""

import numpy as np

import autodiff as ad
from tests.golden.table import Table

program = Table()

N = 5
X, U = np.linspace(0.1, 1.0, N), np.linspace(-1.0, 0.5, N)
A = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
S = np.eye(3) * 0.5 + 0.1
LONG = np.linspace(0.0, 1.0, 20)
WIDE = np.eye(48) * 0.5


# -- for and while ---------------------------------------------------------------------------------

@program("a sum over a range", X)
def for_range(x):
    s = 0.0
    for i in range(x.shape[0]):
        s += x[i] * x[i]
    return s


@program("the rows of a matrix, with their numbers", A)
def for_rows(a):
    s = 0.0
    for i, row in enumerate(a):
        s = s * 0.5 + i * np.sum(row * row)
    return s


@program("how often is not known: what a step needs is kept on a tape that grows", 2.0)
def while_newton(a):
    x = a
    while np.abs(x * x - a) > 1e-9:
        x = 0.5 * (x + a / x)
    return x


@program("an array carried by a while loop", X)
def while_array(x):
    while np.sum(x * x) < 100.0:
        x = x * 2.0
    return np.sum(x)


@program("a nested loop whose length depends on the counter of the loop around", S)
def nested_triangle(a):
    s = 0.0
    for i in range(3):
        for j in range(i + 1):
            s += a[i, j] * np.sin(a[j, i])
    return s


# -- branches and jumps ----------------------------------------------------------------------------

@program("a branch on a number", X)
def branch(x):
    if x[0] > 0.5:
        y = np.sin(x)
    else:
        y = x * x
    return np.sum(y)


@program("a branch in a loop that writes to an array", X)
def branch_writes(x):
    y = x * 1.0
    for i in range(1, 5):
        if y[i - 1] > 0.5:
            y[i] *= y[i - 1]
    return np.sum(y)


@program("and, or, not and a chain of comparisons", X)
def logic(x):
    s = 0.0
    if 0.0 < x[0] < 1.0 and not (x[1] > x[2] or x[3] > 2.0):
        s = x[0] * x[1]
    return s


@program("a loop that is left by break, with an else", X)
def break_else(x):
    s = 0.0
    for i in range(5):
        if s > 1.0:
            break
        s += x[i] * x[i]
    else:
        s = s * 10.0
    return s


@program("steps that are passed over", X)
def continue_loop(x):
    s = 0.0
    for v in x:
        if v < 0.3:
            continue
        s += v * v
    return s


@program("a return out of a loop", X)
def early_return(x):
    s = 0.0
    for v in x:
        s += v * v
        if s > 1.0:
            return s * x[0]
    return s


# -- recurrences and stencils ----------------------------------------------------------------------

@program("a recurrence that fills an array", X)
def recurrence(u):
    y = np.zeros(6)
    for i in range(5):
        y[i + 1] = np.tanh(0.9 * y[i] + u[i])
    return np.sum(y)


@program("a sweep in place: overwritten numbers are put back on the way back", np.outer(X, X))
def seidel(a):
    a = a.copy()
    for i in range(1, 4):
        for j in range(1, 4):
            a[i, j] = 0.25 * (a[i - 1, j] + a[i, j - 1] + a[i + 1, j] + a[i, j + 1])
    return np.sum(a * a)


@program("a stencil of whole arrays in a loop over time", LONG)
def heat(u):
    u = u.copy()
    for _ in range(4):
        u[1:-1] += 0.1 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return np.sum(u * u)


@program("Cholesky's factorisation by hand: sums over moving slices", S)
def cholesky_by_hand(a):
    a = a.copy()
    for i in range(3):
        for j in range(i):
            a[i, j] = (a[i, j] - a[i, :j] @ a[j, :j]) / a[j, j]
        a[i, i] = np.sqrt(a[i, i] - a[i, :i] @ a[i, :i])
    return a[0, 0] * a[1, 1] * a[2, 2]


@program("an array that is shorter by one at each step", X)
def shrinking(v):
    for _ in range(4):
        v = 0.5 * (v[1:] + v[:-1])
    return v[0]


# -- lists, objects and functions ------------------------------------------------------------------

@program("a list that a loop appends to", X)
def appended_list(x):
    log, s = [], 0.5
    for v in x:
        s = np.sin(s + v)
        log.append(s)
    return np.sum(np.array(log) ** 2)


class Oscillator:
    """A pendulum that counts its turns."""

    def __init__(self, x, v):
        self.x, self.v, self.turns = x, v, 0

    def step(self, dt):
        before = self.v
        self.v -= dt * np.sin(self.x)
        self.x += dt * self.v
        if before * self.v < 0:
            self.turns += 1


@program("an object whose attributes the steps of nested loops set", X[:2], calls=(Oscillator.step,))
def object_state(start):
    o = Oscillator(start[0], start[1])
    for _ in range(3):
        for _ in range(4):
            o.step(0.1)
    return o.x * o.x + o.turns


@program("a variable of a function around, and a dict", X)
def shared_state(x):
    total, best = 0.0, {"v": 0.0}

    def take(v):
        nonlocal total
        total = 0.5 * total + v
        best["v"] = max(best["v"], v)
    for v in x:
        take(v * v)
    return total * best["v"]


def slope(z):
    return np.array([z[1], -np.sin(z[0])])


@program("small arrays in a loop are numbers: a Runge-Kutta step", X[:2], calls=(slope,))
def small_arrays(z):
    for _ in range(5):
        k = slope(z + 0.05 * slope(z))
        z = z + 0.1 * k
    return np.sum(z * z)


@program("a recurrent network: the gradient of its matrix is one product after the loop", WIDE, WIDE[:4])
def recurrent(w, xs):
    h = np.zeros(48)
    for x in xs:
        h = np.tanh(w @ h + x)
    return np.sum(h)


@program("a loop with a budget of memory", X)
def budgeted_loop(x):
    for _ in ad.checkpoint_loop(range(9), memory=250.0):
        x = np.sin(x)
    return np.sum(x)


# -- the explicit forms ----------------------------------------------------------------------------

@program("cond: both ways as functions", X)
def explicit_cond(x):
    return ad.cond(np.sum(x) > 1.0, lambda x: np.sum(x * x), lambda x: np.sum(np.exp(x)), x)


@program("scan: a state and a row for each step", X)
def explicit_scan(x):
    return np.sum(ad.scan(lambda c, v: (c * 0.5 + v, c * v), 0.1, x)[1])


@program("while_loop: a test and a step as functions", X)
def explicit_while(x):
    return np.sum(ad.while_loop(lambda v: np.sum(v) < 50.0, lambda v: v * 1.5, x))
