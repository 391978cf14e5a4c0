"""Tables of patterns with classes, decorators, contexts, generators and helpers of installed modules, for `tests/random_programs/writer.py`."""

OBJECT_IMPORTS = '''import bisect
import collections
import contextlib
import functools
import heapq
import itertools
import operator
import statistics

from tests.random_programs import objects
from tests.random_programs.objects import (Body, Disc, Frozen, Grid, Heavy, Mode, Number, Point, Rounded, Shape, Square, accumulated,
                                           bent, chained, halved, measure, mixed, noted, pairs, running, weights, window)
'''
OBJECT_HEAD = '''    shape = Square(s)
    disc = Disc(s + 0.5)
    number = Number(s * 0.5)
    grid = Grid(x * 0.5)
    point = Point(s, 0.25)
    body = Heavy(y * 0.5)
    frozen = Frozen(s)
    bag = collections.deque([s, t])
    table = collections.defaultdict(float)
    start = bent.calls
'''
OBJECT_TAIL = '''
    t = t + shape.size * 0.1 + disc.size * 0.1 + disc.turns * 0.1 + number.v * 0.1 + number.level * 0.1 + np.sum(grid.u) * 0.1 + point.p * 0.1
    t = t + np.sum(body.at) * 0.1 + body.total * 0.1 + body.mass + sum(body.path) * 0.1 + frozen.a * 0.1 + frozen.writes * 0.1 + sum(bag) * 0.1
    t = t + sum(table.values()) * 0.1 + (bent.calls - start) * 0.1 + sum(grid.items.values()) * 0.1'''
OBJECT_SCALARS = """
shape.area()  disc.area()  shape.scaled  Shape.half({s})  Square.of({s}).area()  shape.grown({s}).size  Rounded({s}).area()  measure({s})
measure([{s}, {s}])  measure(disc)  (number + {s}).v  ({s} + number).v  ({s} - number).v  (number * number).v  (number / {s}).v  ({s} / number).v
(number ** 2).v  (0.5 ** number).v  number @ {v}  float(number)  round(number, 2)  divmod(number, 0.7)[1]  max(number, Number({s})).v
sorted([number, Number({s}), Number(0.1)])[1].v  sum([number, number], Number({s})).v  grid.first_2  grid[{p}]  grid({s}, {s})  grid({s}, scale={s})
grid({s}, k={s})  sum(reversed(grid)) * 0.1  point.norm  point.moved({s}).norm  max(point, Point({s}, {s})).q  Point({s}).moved(0.1).p
Mode.FAST.of({s})  Mode.SLOW.of({s})  Mode(0.25).of({s})  Mode['FAST'].of({s})  bent({s})  mixed({s})  mixed({s}, {s}, {s})  mixed({s}, scale={s})
mixed(*bag)  mixed(**{'a': {s}, 'b': {s}})  sum(pairs({v})) * 0.1  sum(chained({v})) * 0.1  functools.reduce(lambda p, q: p * 0.5 + q, {v}, {s})
sum(map(operator.mul, {v}, {v})) * 0.1  sum(itertools.islice({v}, 2))  list(itertools.accumulate([{s}, {s}]))[-1]  statistics.fmean([{s}, {s}])
sum(p * q for p, q in itertools.pairwise({v})) * 0.1  heapq.nsmallest(2, [{s}, {s}, 0.3])[-1]  bisect.bisect_left([-0.5, 0.1, 0.4], {s}) * 0.1
functools.partial(mixed, {s}, scale=0.5)({s})  max({v}, key=abs)  min(bag, key=lambda p: p * p)  sorted(bag, reverse=True)[0]  math.prod([{s}, {s}])
sum(p * q for p, q in zip(weights(n), {v})) * 0.1  (lambda *p, **q: sum(p) + sum(q.values()))({s}, {s}, r={s})  operator.itemgetter(0)([{s}])
operator.attrgetter('a')(pair)  table['a']  getattr(shape, 'size')  getattr(shape, 'none', {s})  math.dist([{s}], [0.3])  sum([*bag, {s}])
(q := {s}) * q  next(iter({v}))  next((e for e in {v} if e > 0.2), {s})  statistics.median([{s}, {s}, 0.2])  vars(point)['p']  dict(a={s})['a']
"""
OBJECT_STATEMENTS = """
shape = shape.grown({s})
shape.size = {s}
shape = Shape.members['disc']({s})
disc = Rounded({s})
setattr(disc, 'size', {s})
number = number + {s}
number = {s} - number
number = number * {s} + 0.1
number += {s}
number.level = {s}
number = Number({s}) - number
number = number if number > {s} else Number({s})
t = t * 0.5 + (0.1 if number == Number({s}) else 0.2)
t = t * 0.5 + (0.1 if number.made == 'sum' else 0.3)
t = t * 0.5 + (number @ {v}) * 0.1
grid[{p}] = {s}
grid['a'] = {s}
grid['b'] = grid['a'] * 0.5 if 'a' in grid else {s}
grid = Grid({v})
grid.u[{p}] = {s}
grid[1:] = {s}
t = t * 0.5 + len(grid) * 0.1
point = point.moved({s})
point = Point({s}, q={s})
body = Body({v}, {s})
body += {s}
body.at[{p}] = {s}
body.total = {s}
with halved(body) as b:|    t = t * 0.5 + b.mass * {s}
with noted(log):|    t = {s}
with noted(log), halved(body):|    body.mass = body.mass + {s}
with contextlib.suppress(ValueError):|    t = helpers.checked_root({s})
with contextlib.ExitStack() as stack:|    stack.enter_context(halved(body))|    t = t * 0.5 + body.mass
frozen.a = {s}
bag.append({s})
bag.appendleft({s})
bag[0] = {s}
bag.rotate(1)
t = t * 0.5 + (bag.pop() if len(bag) > 1 else {s})
table['a'] += {s}
table[j % 3] = {s}
table.update(b={s})
t = t * 0.5 + table.get('c', {s})
t = t * 0.5 + table.pop('a', 0.1)
v = window({v}, 3)
v = accumulated({v}) * 0.5
gen = running({s}); next(gen); t = t * 0.5 + gen.send({s}) * 0.1
t, (q, *e) = {s}, ({s}, {s}, {s}); s = e[-1] * 0.5 + q
t, q = min({s}, {s}), max({s}, {s}); t = t * 0.5 + q
def local(p, q={s}):|    return p * q + t
local = lambda p, q=t: p * q; t = t * 0.5 + local({s})
class Own(Shape):|    def area(self):|        return self.size * 0.5 + s; t = t * 0.5 + Own({s}).scaled
shape.area = lambda: {s}
Mode.FAST.of(t)
d = {**d, 'p': {s}}
d |= {'p': {s}}
t = t * 0.5 + d.setdefault('r', {s}) * 0.1
v = np.array([*map(bent, {v})])
v = np.array([e for e in {v}])
v = np.array([mixed(e, {s}) for e in {v}])
v = np.array(sorted({v}))
if (q := {s}) > 0.3:|    t = q
t = t * 0.5 + {s} if shape.size > disc.size else t * 0.25
shape, disc = Square(disc.size), Disc(shape.size)
assert isinstance(shape, Shape), 'a shape'
"""
