"""State in objects, dicts and variables of other functions: loops and branches follow what they set."""

from dataclasses import dataclass

import numpy as np
import pytest

from tests.program_cases import Case, Cases, check

case = Cases()


class Particle:
    def __init__(self, x, v):
        self.x, self.v, self.hits = x, v, 0

    @property
    def energy(self):
        return 0.5 * self.v**2 + self.x**2

    @property
    def pos(self):
        return self.x

    @pos.setter
    def pos(self, value):
        self.x = value

    def step(self, dt, k):
        self.v -= dt * k * self.x
        self.pos = self.x + dt * self.v
        if self.x < 0:
            self.v = -self.v * 0.9
            self.x = -self.x
            self.hits += 1
        return self


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a
        self.b = a * 0

    def go(self, p):
        self.a, self.b = self.b + p, self.a * 0.5


@dataclass
class State:
    t: float
    y: np.ndarray


class System:
    def __init__(self, p):
        self.parts = [Particle(p[i], p[i] * 0.5) for i in range(3)]
        self.log = {"e": 0.0, "n": 0}

    def step(self, dt):
        for q in self.parts:
            q.step(dt, 1.3)
        self.log["e"] = self.log["e"] + sum(q.energy for q in self.parts)
        self.log["n"] += 1


@case(np.array([0.5, 0.7, 0.9]))
def system(p):
    s = System(p)
    for _ in range(40):
        s.step(0.05)
    return s.log["e"] / s.log["n"] + s.parts[0].hits


@case(np.array([0.5, 0.7, 0.9]))
def particle_branch(p):
    q = Particle(p[0], -p[1])
    for _ in range(50):
        q.step(0.05, p[2])
    return q.energy + q.hits


@case(np.array([0.5, 0.7, 0.9]))
def slotted(p):
    s = Slotted(p[0])
    for i in range(7):
        s.go(p[1])
    return s.a * p[2] + s.b


@case(np.array([0.5, 0.7, 0.9]))
def dclass(p):
    s = State(0.0, p.copy())
    while s.t < 1.0:
        s.y = s.y + 0.1 * np.sin(s.y)
        s.t += 0.1
    return np.sum(s.y) + s.t


@case(np.array([0.5, 0.7, 0.9]))
def dclass_inplace(p):
    s = State(0.0, p.copy())
    while s.t < 1.0:
        s.y += 0.1 * np.sin(s.y)
        s.y[0] *= 0.9
        s.t += 0.1
    return np.sum(s.y) + s.t


@case(np.array([0.5, 0.7, 0.9]))
def branch_attr(p):
    s = State(1.0, p)
    if p[0] > 0.2:
        s.t = p[1] * 2
        s.extra = p[2]
    else:
        s.t = p[2]
        s.extra = 3.0
    return s.t * p[0] + s.extra


@case(np.array([0.5, 0.7, 0.9]))
def nonlocal_counter(p):
    n = 0

    def tick(x):
        nonlocal n
        n += 1
        return x * p[1]

    x = p[0]
    for _ in range(9):
        x = tick(x) + 0.1
    return x + n


G = 0


def bump(x):
    global G
    G += 1
    return x * 0.9


@case(np.array([0.5, 0.7, 0.9]))
def global_counter(p):
    global G
    G = 0
    x = p[0]
    for _ in range(9):
        x = bump(x) + p[1]
    return x + G


@case(np.array([0.5, 0.7, 0.9]))
def callback_nonlocal(p):
    best = p[0] * 0

    def cb(x):
        nonlocal best
        if x > best:
            best = x

    def run(f, x):
        for _ in range(12):
            x = np.sin(3 * x) + p[1] * 0.1
            f(x)
        return x

    return run(cb, p[2]) + best


@case(np.array([0.5, 0.7, 0.9]))
def list_items(p):
    xs = [p[0], p[1], 0.0]
    for i in range(10):
        xs[0] = xs[0] * 0.9 + xs[1]
        xs[1], xs[2] = xs[2], xs[0] * p[2]
        xs[-1] += 0.1
    return xs[0] + xs[1] * xs[2]


@case(np.array([0.5, 0.7, 0.9]))
def dict_of_arrays(p):
    params = {"w": p * 1.0, "b": p[0]}
    vel = {k: v * 0 for k, v in params.items()}
    for it in range(20):
        g = {"w": np.cos(params["w"]), "b": params["b"] * 2 - 1}
        for k in params:
            vel[k] = 0.9 * vel[k] + g[k]
            params[k] = params[k] - 0.05 * vel[k]
    return np.sum(params["w"]) + params["b"]


@case(np.array([0.5, 0.7, 0.9]))
def dict_update(p):
    s = dict(x=p[0], y=p[1])
    for _ in range(11):
        s.update(x=s["y"] + 0.1, y=s["x"] * p[2])
    return s["x"] * s["y"]


@case(np.array([0.5, 0.7, 0.9]))
def adam(p):
    class Adam:
        def __init__(self, n):
            self.m = np.zeros(n)
            self.v = np.zeros(n)
            self.t = 0

        def update(self, w, g):
            self.t += 1
            self.m = 0.9 * self.m + 0.1 * g
            self.v = 0.99 * self.v + 0.01 * g * g
            mh = self.m / (1 - 0.9**self.t)
            vh = self.v / (1 - 0.99**self.t)
            return w - 0.1 * mh / (np.sqrt(vh) + 1e-8)

    opt = Adam(3)
    w = p * 1.0
    for _ in range(25):
        w = opt.update(w, np.sin(w) + w)
    return np.sum(w * np.arange(3.0))


@case(np.array([0.5, 0.7, 0.9]), why="the first step of the loop is written out")
def pid(p):
    class PID:
        def __init__(self, kp, ki, kd):
            self.kp, self.ki, self.kd, self.i, self.last = kp, ki, kd, 0.0, None

        def __call__(self, e, dt):
            self.i += e * dt
            d = 0.0 if self.last is None else (e - self.last) / dt
            self.last = e
            return self.kp * e + self.ki * self.i + self.kd * d

    c = PID(p[0], p[1], 0.1 * p[2])
    y = 0.0
    cost = 0.0
    for _ in range(60):
        u = c(1.0 - y, 0.05)
        y = y + 0.05 * (u - y)
        cost += (1 - y) ** 2
    return cost


@case(np.array([0.5, 0.7, 0.9]), why="deleting from a dict")
def deleted(p):
    d = {"a": p[0]}
    for i in range(4):
        d["b"] = d["a"] * p[1]
        d["a"] = d["b"] + 1
        del d["b"]
    return d["a"]


@case(np.array([0.5, 0.7, 0.9]))
def and_side_effect(p):
    n = 0

    def test(v):
        nonlocal n
        n += 1
        return v > 0.1

    x = p[0]
    if x > 0.2 and test(p[1]):
        x = x * 2
    return x + n


@case(np.array([0.5, 0.7, 0.9]))
def nonlocal_of_a_name_that_only_a_branch_sets(p):
    if len(p) == 3:
        total = p[0] * 0.5

        def add(v):
            nonlocal total
            total = total + (v if v > 0.8 else v * v)

        add(p[1])
        add(p[2])
        return total
    return p[0]


@case(np.array([0.5, 0.7, 0.9]), why="set in a loop for the first time")
def setdefault_new_key(p):
    d = {}
    for i in range(5):
        d["k"] = p[0] * i
        d["tot"] = d.get("tot", 0.0) + d["k"] * p[1]
    return d["tot"]


@case(np.array([0.5, 0.7, 0.9]))
def nested_loops_attr(p):
    s = State(0.0, p)
    for i in range(5):
        for j in range(4):
            s.t = s.t * 0.5 + p[j % 3] * i
            if s.t > 1.0:
                s.t = s.t - 1.0
    return s.t


@case(np.array([0.5, 0.7, 0.9]))
def swap_objs(p):
    a, b = State(p[0], p), State(p[1], p)
    for i in range(5):
        a.t = b.t * 1.1
        a, b = b, a
    return a.t + 2 * b.t


@case(np.array([0.5, 0.7, 0.9]))
def inherit(p):
    class Base:
        def __init__(self, x):
            self.x = x

        def step(self):
            self.x = self.x * 0.9

    class Derived(Base):
        def __init__(self, x):
            super().__init__(x)
            self.k = 0

        def step(self):
            super().step()
            self.x = self.x + p[1]
            self.k += 1

    d = Derived(p[0])
    for _ in range(10):
        d.step()
    return d.x * d.k


@pytest.mark.filterwarnings("ignore:.*along the path.*:RuntimeWarning")
@pytest.mark.parametrize("program", case, ids=str)
def test_program(program: Case):
    check(program)
