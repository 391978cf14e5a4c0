"""Random programs as source text, drawn from tables of patterns.

Axes: all kinds of elementwise functions, reductions and index forms; dtypes mixed; writes through views, masks and index arrays; wrapped and
negative indices; loops, jumps, exceptions; objects, helpers of another module, closures of one `def`; state outside that changes.

The gaps of a pattern name kinds of expressions: {v} floats, n of them; {k} integers, n of them; {m} truth values, n of them; {s} a float;
{c} a condition; {p} an index in -n .. n - 1; {r} the bounds of a slice. In a program x, y, v, w (float32), k, m are such vectors, a is a
matrix of n rows and 3 columns, s, t are floats and j is an integer. Nearly every program is valid NumPy. With `objects` half of the
statements come from the tables of `tests/random_programs/of_objects.py`; with `wide` half of all come from `of_numpy.py`.
"""

from __future__ import annotations

import random
import re

from tests.random_programs.of_numpy import (
    WIDE_CONDITIONS,
    WIDE_HEAD,
    WIDE_IMPORTS,
    WIDE_INTS,
    WIDE_MASKS,
    WIDE_SCALARS,
    WIDE_STATEMENTS,
    WIDE_TAIL,
    WIDE_VECTORS,
)
from tests.random_programs.of_objects import OBJECT_HEAD, OBJECT_IMPORTS, OBJECT_SCALARS, OBJECT_STATEMENTS, OBJECT_TAIL

__all__ = ["source"]

HEAD = '''import math

import numpy as np

from tests.random_programs import helpers
from tests.random_programs.helpers import Meter, Pair, State, Triple, damped, first_above, largest, lifted, pieces, scaled, shifted


def inner(c):
    def f(v):
        t = 0.0
        for e in v:
            t = t * c + e
        return t
    return f


short, long = inner(0.25), inner(0.5)


def program(x, y, k, m, a, s, j):
    n = len(x)
    w = y.astype(np.float32)
    v = x * 0.5
    t = 0.25
    log = [s]
    d = {"p": s * 0.5, "v": v * 1.0}
    meter = Meter(s)
    pair = Pair(s, 0.5)
    state = State(x * 0.5)
'''
TAIL = '''
    total = np.sum(v * v) * 0.1 + np.sum(w) * 0.1 + np.sum(np.tanh(a)) + t + s * 0.1 + np.sum(np.array(log) * 0.1) + d["p"]
    total = total + np.sum(d["v"]) * 0.1 + meter.value + meter.count + pair.a * 0.1 + pair.b + np.sum(state.u) * 0.1 + state.w
    return total, v, w, k, m, a, t, j


def loss(x, y, k, m, a, s, j):
    return program(x, y, k, m, a, s, j)[0]
'''


VECTORS = """
np.sin({v})  np.cos({v})  np.tanh({v})  np.exp(-np.abs({v}))  np.sqrt(np.abs({v}) + 0.1)  np.abs({v})  np.floor({v} * 3.0)  np.sign({v})  -{v}
np.square({v}) * 0.5  np.log1p(np.abs({v}))  np.arctan({v})  np.rint({v} * 2.0)  np.clip({v}, -0.6, 0.7)  np.expm1({v} * 0.3)  1.0 / (1.0 + np.exp(-{v}))
{v} / 3  {v} ** 2  np.ceil({v})  np.trunc({v} * 1.7)  np.cbrt({v})  np.sinh({v} * 0.2)  np.exp2({v} * 0.5)  np.arcsinh({v})  np.nan_to_num({v})
np.round({v}, 1)  np.positive({v})  np.log(np.abs({v}) + 0.2)  np.float_power(np.abs({v}) + 0.1, 1.5)
({v} + {v})  ({v} - {v})  ({v} * {v})  {v} / (1.0 + np.abs({v}))  np.maximum({v}, {v})  np.minimum({v}, {v})  np.hypot({v}, {v})
np.copysign({v}, {v})  np.fmod({v}, np.abs({v}) + 0.3)  np.mod({v}, np.abs({v}) + 0.3)  ({v} // (np.abs({v}) + 0.5))  np.arctan2({v}, {v})
np.logaddexp({v}, {v})  np.fmax({v}, {v})  np.power(np.abs({v}) + 0.2, {v} * 0.3)  np.heaviside({v}, {v})
{v}[::-1]  np.roll({v}, 1)  np.roll({v}, -2)  np.concatenate((({v})[1:], ({v})[:1]))  np.cumsum({v}) * 0.1  np.sort({v})  np.flip({v})
np.repeat({v}, 2)[:n]  np.tile({v}, 2)[n:]  np.append(({v})[:-1], 0.5)  np.diff({v}, append=0.3)  ({v}).copy()  ({v}).reshape(n, 1).ravel()
np.convolve({v}, np.array([0.25, 0.5, 0.25]), 'full')[:n]  np.where(m, {v}, 0.5)  np.cumprod(np.tanh({v}))  np.pad(({v})[1:], (1, 0))
np.stack([{v}, {v}]).sum(axis=0)  np.maximum.accumulate({v})  np.where({m}, {v}, {v})  ({v} * {s})  ({v})[{k} % n]  ({k} * 0.25)  ({k} / 3)
({v}).astype(np.float32)  np.take({v}, {k} % n)  (a @ np.array([0.5, -0.25, {s}]))  damped({v}, {s})  shifted({v}, {v})  scaled(0.5)({v})
({v})[np.argsort({v}, kind='stable')]  np.interp({v}, np.array([-1.0, 0.0, 1.0]), np.array([0.2, -0.3, 0.9]))  np.outer({v}, {v})[:, 0]
np.array([{s} for q in range(n)])  np.select([{m}, m], [{v}, {v}], 0.1)  np.full(n, {s})  np.zeros_like({v})  (x * {k})  ({m} * {v})
"""
VECTOR_LEAVES = "x  y  v  v  w  a[:, 0]  a[:, 2]  a.T[1]  d['v']  state.u  (x * k)  (m * y)  a.sum(axis=1)  a.max(axis=1)"
INTS = """
({k} + 1)  ({k} * 2)  ({k} & 3)  ({k} | 1)  ({k} ^ 5)  ({k} << 1)  ({k} >> 1)  np.abs({k})  ({k} // 2)  ({k} % 3)  -({k})  np.argsort({k}, kind='stable')
np.minimum({k}, 4)  np.cumsum({k})  np.sort({k})  ({k})[::-1]  ({k} + m)  np.where(m, {k}, 1)  np.sign({k})  ({v} * 3.0).astype(np.int64)
np.cumsum({m})  ({k} + {k})  np.floor_divide({k}, -2)  np.searchsorted(np.array([-0.5, 0.0, 0.5]), {v})  np.digitize({v}, np.array([0.0, 0.4]))
np.maximum({k}, {k})  ({k} * {k})  ({k} - {k})  np.where({m}, {k}, {k})  ({k}).astype(np.int16)
"""
INT_LEAVES = "k  k  k  np.arange(n)  m.astype(np.int32)  (k + j)"
MASKS = """
({v} > {s})  ({v} <= {v})  ({k} > 1)  (m & {m})  ~({m})  (m | {m})  ({k} % 2 == 0)  np.isfinite({v})  (m ^ {m})  np.logical_not({m})  ({k} == {k})
({m})[::-1]  ({v} != 0.5)
"""
MASK_LEAVES = "m  m  (x > y)"
SCALARS = """
np.sum({v})  np.mean({v})  np.max({v})  np.min({v})  np.prod(np.tanh({v}) * 0.9)  np.std({v})  np.var({v})  ({v}).dot(y)  ({v} @ y)  np.linalg.norm({v})
np.median({v})  np.ptp({v})  ({v}).sum(dtype=np.float64)  np.sum({v}, where=m)  np.max({v}, initial=0.3)  np.trapezoid({v})
np.average({v}, weights=y * y + 0.1)  ({s} + {s})  ({s} - {s})  ({s} * {s})  np.sin({s})  math.exp(-abs({s}))  math.tanh({s})  max({s}, {s})
min({s}, {s}, 0.4)  float({s})  ({s} if {c} else {s})  {s} / (1.0 + abs({s}))  abs({s})  math.sqrt(abs({s}) + 0.1)  round({s}, 2)  largest({v}, {s})
short({v})  long({v})  sum([{s}, {s}])  math.hypot({s}, {s})  helpers.checked_root(abs({s}))  sum(pieces({v}, 2))  np.float32({s})  int({s} * 4.0) * 0.25
abs(pair * {s})  math.floor({s} * 2.0) * 0.5  sum(q * 0.5 for q in ({s}, {s}))  Triple({s}, {s}, 0.5).q  (lambda q: q * {s})({s})  (-pair)[0] * {s}
first_above({v}, {s}) * 0.1  sorted([{s}, {s}])[0]  math.fsum([{s}, {s}])  divmod({s}, 0.7)[1]  np.sum({k}) * 0.1  np.count_nonzero({m}) * 0.1
(bool({c}) + bool({c})) * 0.1  (1.0 if bool({c}) is True else 0.3)  (bool({s} > 0.1) + bool({s} > 0.3)) * 0.2  (0.2 if isinstance(not {s} > {s}, bool) else 0.1)
(0.2 if isinstance(np.asarray({s}), np.ndarray) else 0.1)  np.sum(np.sqrt(np.maximum({v}, 0.0))[{v} > 0])  np.sum(np.where({v} > 0, np.log({v}), {v}))
(0.1 if np.isscalar({s}) else 0.2)  np.sum(np.sqrt(np.abs({v}))[{k} % n], where=m)  np.sum(np.where(m, {v} / ({v} - 0.5), 0.5))
"""
SCALAR_LEAVES = """
s  t  x[{p}]  v[{p}]  a[{p}, 0]  a[{p}, -1]  0.3  -0.7  0.05  log[-1]  d['p']  meter.value  pair[0]  pair.b  state.w  helpers.RATE  helpers.TABLE[2]
helpers.SETTINGS['gain']  w[{p}]  k[{p}] * 0.1
"""
CONDITIONS = """
{s} > {s}  {s} > {s}  0.0 < {s} < 1.5  j > 2  np.any({m})  np.all({m})  k[{p}] > 1  m[{p}]  pair  pair < Pair({s}, 0.0)  n > 4  n > 9  len(log) > 2
not {s} < 0.1  np.trunc({s} * 2.0)  ({s} > 0.2 and s < 0.7)  ({s} > 0.9 or t > 0.4)
"""
CONDITION_LEAVES = "t > 0.2  s > 0.5  x[{p}] > y[{p}]  j > 2"
STATEMENTS = """
v = {v} * 0.5
v = ({v}).astype(np.float64) * 0.5
w = ({v}).astype(np.float32)
k = ({k}) % 7
m = {m}
t = {s}
t = 0.5 * t + {s} * 0.1
s = {s}
v[{p}] = {s}
v[{p}] += {s} * 0.1
w[{p}] = {s}
a[{p}, 0] = {s}
a[{p}, -1] += {s}
a[{p}] = {s}
a[:, 1] = {v}
a[:, -1] *= {s}
v[{r}] *= 0.8
v[{r}] = {s}
v[1:] = v[:-1] * 0.9
v[1:] += v[:-1] * 0.5
v[m] = {s}
v[{m}] *= 0.5
v[{k} % n] = {s}
np.add.at(v, {k} % n, {s})
q = v[::2]; q *= {s}
q = v[::-1]; q[0] = {s}
q = v; q += 0.1
q = a.T; q[1] = {v}
q = a[{p}]; q[0] = {s}
v, q = v * 0.9, v; t = t * 0.5 + q[0]
v = v[::-1]
v, y = y, v
v, x = x, v
q = v[:]; v = v * 0.5; q[0] = {s}
d['v'], v = v, d['v']
v[{p}], v[{p}] = v[{p}], v[0]
np.multiply(v, {s}, out=v)
v.fill({s})
v[:] = {v}
k[{p}] = 1
k[{p}] = j
k += 1
k //= 2
m[{p}] = {c}
j = j + 1
j = (j * 3) % 5
j = int({s} * 3.0) % 4
log.append({s})
log[-1] = log[-1] * 0.5
t = t * 0.5 + (log.pop() if len(log) > 1 else t)
d['p'] = {s}
d['v'] = d['v'] * 0.5 + {v}
d['v'][{p}] = {s}
meter.value = {s}
t = t * 0.5 + meter({s}) * 0.1
with meter:|    t = {s}
with lifted(log, {s}) as q:|    t = t * 0.5 + q
pair = pair + {s}
pair = pair * Pair({s}, 0.3)
pair = {s} * pair
q, e = pair; t = t * 0.5 + e * {s}
state = state.step({s})
state.u[{p}] = {s}
t = t * 0.5 + state.size * 0.1
y[{p}] = {s}
x[{p}] *= 0.5
t = t * 0.5 + len(pair) * {s}
a = a * {s} + ({v})[:, None]
a = np.where(({m})[:, None], a, {s})
a = a[::-1]
a = np.sort(a, axis=1)
a = a - a.mean(axis=0) * {s}
a = np.asfortranarray(a)
v = (a @ a.T @ {v}) * 0.1
t = t * 0.5 + np.einsum('ij,i->', a, {v}) * 0.1
log[:] = log[1:] + [{s}]
v = v if n > 3 else v * 0.5
t = t * 0.5 + sum(v[{r}]) * 0.1
v = np.asarray([q * 0.5 for q in {v}])
match j % 3:|    case 0:|        t = {s}|    case _:|        t = t * 0.5
assert n > 0
assert np.all(np.isfinite(x))
"""
HANDLERS = ["ValueError", "ArithmeticError", "(ValueError, KeyError)", "Exception"]
ITERABLES = ["v", "x", "list(y)", "a[:, 1]", "pieces(x, 1)", "k", "np.arange(3) * 0.5", "pair", "reversed(v)", "zip(x, y)", "a"]
RANGES = ["range(n)", "range(1, n)", "range(n - 1, 0, -1)", "range(min(n, 3))", "range(0, n, 2)", "range(min(n, helpers.SETTINGS['steps']))"]
DEEPEST = 3
"""Patterns inside of patterns."""


def _rows(text: str) -> list[str]:
    return [p for line in text.strip().split("\n") for p in line.split("  ") if p]


KINDS = {"v": (_rows(VECTORS), _rows(VECTOR_LEAVES)), "k": (_rows(INTS), _rows(INT_LEAVES)), "m": (_rows(MASKS), _rows(MASK_LEAVES)),
         "s": (_rows(SCALARS), _rows(SCALAR_LEAVES)), "c": (_rows(CONDITIONS), _rows(CONDITION_LEAVES))}
SIMPLE = STATEMENTS.strip().split("\n")
OBJECT_KINDS = {**KINDS, "s": (KINDS["s"][0] + _rows(OBJECT_SCALARS), KINDS["s"][1])}
OBJECT_SIMPLE = OBJECT_STATEMENTS.strip().split("\n")
WIDE_KINDS = {"v": [f"({p})" for p in _rows(WIDE_VECTORS)], "k": _rows(WIDE_INTS), "m": _rows(WIDE_MASKS), "s": _rows(WIDE_SCALARS), "c": _rows(WIDE_CONDITIONS)}
WIDE_SIMPLE = WIDE_STATEMENTS.strip().split("\n")


class Writer:
    """Writes the statements of one program. `counters` are the loop counters around, all in 0 .. n - 1."""

    def __init__(self, rnd: random.Random, objects: bool = False, wide: bool = False):
        self.rnd = rnd
        self.objects = objects
        self.wide = wide
        self.lines: list[str] = []
        self.counters: list[str] = []
        self.loops = 0
        self.depth = 0
        self.nested = 0

    def fill(self, pattern: str) -> str:
        """A pattern with its gaps filled."""
        self.nested += 1
        text = re.sub(r"\{(\w)\}", lambda m: self.gap(m[1]), pattern)
        self.nested -= 1
        return text

    def gap(self, kind: str) -> str:
        """An expression of a kind."""
        r = self.rnd
        if kind == "p":
            own = [x for c in self.counters for x in (c, c, f"-{c} - 1", f"{c} - 1", f"({c} + {r.randrange(1, 4)}) % n", f"n - 1 - {c}")]
            return r.choice(["0", "-1", "n // 2", "j % n", "-(j % n) - 1", "k[0] % n", *own])
        if kind == "r":
            bounds = ["", "", "1", "-1", "2", "n // 2", *self.counters, *(f"{c} + 1" for c in self.counters)]
            return f"{r.choice(bounds)}:{r.choice(bounds)}{r.choice(['', '', ':2'])}"
        patterns, leaves = (OBJECT_KINDS if self.objects else KINDS)[kind]
        if self.nested > DEEPEST or r.random() < 0.15 * self.nested:
            if kind == "s" and self.counters and r.random() < 0.2:
                return f"{r.choice(self.counters)} * 0.5"
            return self.fill(r.choice(leaves))
        if self.wide and r.random() < 0.5:
            return self.fill(r.choice(WIDE_KINDS[kind]))
        return self.fill(r.choice(patterns))

    # -- statements ----------------------------------------------------------------------------

    def put(self, text: str) -> None:
        """Lines at the depth of the block."""
        for line in text.split("\n"):
            self.lines.append("    " * (self.depth + 1) + line)

    def block(self, most: int, in_loop: bool) -> None:
        """Some statements, one block deeper."""
        self.depth += 1
        for _ in range(self.rnd.randint(1, most)):
            self.statement(in_loop)
        self.depth -= 1

    def simple(self) -> str:
        """A statement without a block that is drawn."""
        table = OBJECT_SIMPLE if self.objects and self.rnd.random() < 0.5 else SIMPLE
        if self.wide and self.rnd.random() < 0.5:
            table = WIDE_SIMPLE
        return self.fill(self.rnd.choice(table)).replace("; ", "\n").replace("|    ", "\n    ")

    def statement(self, in_loop: bool) -> None:
        """One statement."""
        r, kind = self.rnd, self.rnd.random()
        if kind < 0.09 and self.loops < 3 and self.depth < 3:
            self.loop()
        elif kind < 0.20 and self.depth < 3:
            self.put(self.fill("if {c}:"))
            self.block(2, in_loop)
            if r.random() < 0.3:
                self.put(self.fill("elif {c}:"))
                self.block(1, in_loop)
            if r.random() < 0.5:
                self.put("else:")
                self.block(2, in_loop)
        elif kind < 0.24 and in_loop:
            self.put(self.fill("if {c}:") + f"\n    {r.choice(['break', 'continue', 'continue'])}")
        elif kind < 0.25:
            self.put(self.fill("if {c}:\n    return np.sum(v) + {s}, v, w, k, m, a, t, j"))
        elif kind < 0.28 and self.depth < 3:
            self.handled(in_loop)
        else:
            self.put(self.simple())

    def handled(self, in_loop: bool) -> None:
        """A try statement whose block may raise."""
        r = self.rnd
        self.put("try:")
        self.block(1, in_loop)
        self.put(self.fill(r.choice(["    t = helpers.checked_root({s})", "    if {c}:\n        raise ValueError(1)"])))
        self.put(f"except {r.choice(HANDLERS)}:" + self.fill("\n    t = {s}"))
        if r.random() < 0.3:
            self.put("else:")
            self.block(1, in_loop)
        if r.random() < 0.3:
            self.put("finally:\n    t = t * 0.5")

    def loop(self) -> None:
        """A loop; its counter is an index."""
        r = self.rnd
        self.loops += 1
        c = f"i{self.loops}"
        kind = r.random()
        if kind < 0.15:
            self.put(self.fill(f"{c} = 0\nwhile {c} < n and {{c}}:\n    {c} += 1"))
            self.block(2, True)     # the counter may be n here: it is no index
            return
        if kind < 0.3:
            self.put(f"for e{c} in {r.choice(ITERABLES)}:\n    t = 0.5 * t + np.sum(e{c}) * 0.1")
            self.block(2, True)
            return
        over = RANGES + ([f"range({self.counters[-1]})", f"range({self.counters[-1]}, n)"] if self.counters else [])
        self.put(r.choice([f"for {c} in {r.choice(over)}:", f"for {c} in {r.choice(over)}:", f"for {c}, q in enumerate({r.choice('vxk')}):"]))
        self.counters.append(c)
        self.block(3, True)
        self.counters.pop()
        if r.random() < 0.1:
            self.put(self.fill("else:\n    t = {s}"))


def source(seed: int, objects: bool = False, wide: bool = False) -> str:
    """The text of one program."""
    w = Writer(random.Random(seed), objects, wide)
    if w.rnd.random() < 0.15:   # nothing that a graph gives: the program is compiled along the path taken
        w.put("if s > 5.0:\n    return None")
    for _ in range(w.rnd.randint(1, 3)):
        w.statement(False)
    if w.rnd.random() < 0.7:
        w.loop()
    for _ in range(w.rnd.randint(0, 2)):
        w.statement(False)
    head, tail = (OBJECT_IMPORTS + HEAD + OBJECT_HEAD, OBJECT_TAIL + TAIL) if objects else (HEAD, TAIL)
    if wide:
        head, tail = WIDE_IMPORTS + head + WIDE_HEAD, WIDE_TAIL + tail
    return head + "\n".join(w.lines) + tail
