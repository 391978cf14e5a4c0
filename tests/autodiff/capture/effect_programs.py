"""Functions that change something outside: each maker gives a function of one number, and what reads the state that it changes."""

import functools
from collections import Counter, OrderedDict, defaultdict, deque
from types import SimpleNamespace

import numpy as np

total = 0
runs = 0


class Model:
    count = 0
    shared: list = []

    def __init__(self):
        self.n = 0
        self.loss = 0.0
        self.last = None
        self.history = []
        self.weights = np.array([1.0, 2.0, 3.0])
        self.steps = np.arange(3)

    def __call__(self, x):
        self.n += 1
        self.loss += x * 0.5
        self.last = x * 2
        self.history.append(self.loss)
        return x * self.n

    @functools.cached_property
    def scale(self):
        return float(np.sum(self.weights))


class Slotted:
    __slots__ = ("n", "value")

    def __init__(self):
        self.n = 0


class Guarded:
    def __init__(self):
        self.changes = []
        self.value = 1.0

    def __setattr__(self, name, value):
        if name == "value" and "changes" in self.__dict__:
            self.changes.append(name)
        object.__setattr__(self, name, value)


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


def counter_in_global():
    global total
    total = 0

    def f(x):
        global total
        total += 1
        return x * total
    return f, lambda: total


def accumulator_in_global():
    global total
    total = 0.0

    def f(x):
        global total
        total = total + x
        return x * 2
    return f, lambda: total


def counter_in_closure():
    n = 0

    def f(x):
        nonlocal n
        n += 2
        return x + n
    return f, lambda: n


def append():
    log = []

    def f(x):
        log.append(x)
        log.append(x * 2)
        return x
    return f, lambda: log


def append_structures():
    log = []

    def f(x):
        log.append({"x": x, "more": [x * 2, (x, 1)], "name": "row"})
        log[-1]["more"].append(3)
        return x
    return f, lambda: log


def append_in_a_loop():
    log = []

    def f(x):
        for i in range(4):
            log.append(x * i)
        return x
    return f, lambda: log


def extend_and_insert():
    log = [1.0]

    def f(x):
        nonlocal log
        log.extend([x, x + 1])
        log.insert(0, x * 3)
        log += [7, x]
        return x
    return f, lambda: log


def extend_in_place():
    s = SimpleNamespace(log=[1.0], seen={1})

    def f(x):
        s.log += [x, x * 2]
        s.seen |= {2}
        return x
    return f, lambda: (s.log, s.seen)


def clear_and_append():
    log = [3.0]

    def f(x):
        log.clear()
        log.append(x)
        return x
    return f, lambda: log


def pop():
    stack = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]

    def f(x):
        return x * stack.pop()
    return f, lambda: stack


def pop_of_dict():
    d = {"a": 1.0, "b": 2.0}

    def f(x):
        y = d.pop("a", 5.0)
        return x * y
    return f, lambda: d


def items_of_dict():
    d = {"n": 0, "keep": 1.0}

    def f(x):
        d["n"] += 1
        d["x"] = x
        d.update(y=x * 2, z="text")
        return x * d["n"]
    return f, lambda: d


def delete_items():
    d = {"a": 1.0}

    def f(x):
        d["b"] = x
        d["c"] = x
        del d["b"]
        return x
    return f, lambda: d


def memo():
    known = {}

    def f(x):
        if "x" not in known:
            known["x"] = x * 3
        return x * known["x"]
    return f, lambda: known


def item_of_list():
    a = [0, 1.0, 2.0]

    def f(x):
        a[0] += 1
        a[-1] = x
        return x * a[0]
    return f, lambda: a


def sets_and_deques():
    seen, recent, names = set(), deque(maxlen=2), Counter()

    def f(x):
        seen.add("called")
        recent.append(x)
        recent.appendleft(x * 2)
        names["f"] += 1
        return x
    return f, lambda: (seen, recent, names)


def dicts_of_other_classes():
    rows, ordered = defaultdict(list), OrderedDict(a=1)

    def f(x):
        rows["x"].append(x)
        ordered["b"] = x
        ordered.move_to_end("a")
        return x
    return f, lambda: (rows, ordered)


def attributes():
    s = SimpleNamespace(n=0, loss=0.0, last=None)

    def f(x):
        s.n += 1
        s.loss = s.loss + x * x
        s.last = [x, s.n]
        s.text = "done"
        return x * s.n
    return f, lambda: s.__dict__


def attribute_that_is_replaced():
    s = SimpleNamespace(w=np.array([1.0, 2.0, 3.0]))

    def f(x):
        s.w = s.w - 0.1 * x
        return np.sum(s.w) * x
    return f, lambda: s.w


def attribute_deleted():
    s = SimpleNamespace(a=1.0)

    def f(x):
        s.b = x
        del s.b
        s.c = x
        return x
    return f, lambda: s.__dict__


def method():
    m = Model()
    return m, lambda: (m.n, m.loss, m.last, m.history)


def class_attribute():
    Model.count = 0
    Model.shared = []

    def f(x):
        Model.count += 1
        Model.shared.append(x)
        return x * Model.count
    return f, lambda: (Model.count, Model.shared)


def attribute_over_class_default():
    m = Model()
    Model.count = 5

    def f(x):
        m.count += 1
        return x * m.count
    return f, lambda: (m.count, Model.count)


def slots():
    s = Slotted()

    def f(x):
        s.n += 1
        s.value = x * 2
        return x * s.n
    return f, lambda: (s.n, s.value)


def own_setattr():
    s = Guarded()

    def f(x):
        s.value = x * 2
        return x
    return f, lambda: (s.value, s.changes)


def builtin_setattr():
    s = SimpleNamespace(a=0)

    def f(x):
        setattr(s, "a", x)  # noqa: B010 - the function is what is tested
        vars(s)["b"] = x * 2
        return x
    return f, lambda: s.__dict__


def cached_property():
    m = Model()

    def f(x):
        return x * m.scale
    return f, lambda: vars(m).get("scale")


def object_made_inside():
    s = SimpleNamespace(best=None, points=[])

    def f(x):
        p = Point(x, [x * 2])
        s.best = p
        s.points.append(p)
        p.y.append(3)
        return x
    return f, lambda: ((s.best.x, s.best.y), [(p.x, p.y) for p in s.points], s.best is s.points[-1])


def alias_of_object_outside():
    a, b = SimpleNamespace(n=0), SimpleNamespace(other=None)

    def f(x):
        b.other = a
        a.n = x
        return x
    return f, lambda: (b.other is a, a.n)


def float_array():
    counter = np.zeros(2)

    def f(x):
        counter[0] += 1
        counter[1] = x
        return x * counter[0]
    return f, lambda: counter


def integer_array():
    k = np.arange(5) * 4

    def f(x):
        nonlocal k
        a = x * k
        k //= 2
        return np.sum(a)
    return f, lambda: k


def array_of_an_object():
    m = Model()

    def f(x):
        m.weights *= 2
        m.steps[1:] += 1
        m.weights[m.steps > 1] += x
        return np.sum(m.weights) * x
    return f, lambda: (m.weights, m.steps)


def array_in_a_loop():
    a, n = np.zeros(4), np.zeros(3, dtype=int)

    def f(x):
        for i in range(4):
            a[i] = a[i] + x * i
        for i in range(3):
            n[i] += i
        return np.sum(a)
    return f, lambda: (a, n)


def array_under_a_condition():
    a = np.zeros(2)

    def f(x):
        if x > 1.5:
            a[0] += x
        return x + a[0]
    return f, lambda: a


def array_by_numpys_functions():
    a = np.arange(4)

    def f(x):
        np.add.at(a, [0, 0], 1)
        return x
    return f, lambda: a


def attribute_in_a_loop():
    s = SimpleNamespace(n=0, total=0.0)

    def f(x):
        for i in range(3):
            s.n += 1
            s.total += x * i
        return x * s.n
    return f, lambda: (s.n, s.total)


def attribute_under_a_condition():
    s = SimpleNamespace(n=0)

    def f(x):
        if x > 1.5:
            s.n += 1
        return x
    return f, lambda: s.n


def append_under_a_condition():
    log = []

    def f(x):
        if x > 1.5:
            log.append(x)
        return x
    return f, lambda: log


def length_decides():
    log = []

    def f(x):
        log.append(x)
        return x * len(log)
    return f, lambda: log


def counter_decides():
    s = SimpleNamespace(n=0, log=[])

    def f(x):
        s.n += 1
        if s.n % 2 == 0:
            s.log.append(x)
        return x
    return f, lambda: (s.n, s.log)


def helper_has_the_effect():
    log = []

    def note(name, value):
        log.append((name, value))
        return value

    def f(x):
        y = note("y", x * 2)
        return note("z", y + 1)
    return f, lambda: log


def raises():
    log = []

    def f(x):
        log.append(x)
        try:
            if x > 2.5:
                raise ValueError("too much")
        finally:
            log.append("finally")
        return x
    return f, lambda: log


MAKERS = [v for k, v in list(globals().items()) if callable(v) and getattr(v, "__module__", None) == __name__ and not isinstance(v, type)]
TRACED_INTO_ARRAYS = (float_array, array_of_an_object, array_in_a_loop, array_under_a_condition)
"""Makers of functions that write traced values into arrays from outside, which an eager `grad` refuses."""
