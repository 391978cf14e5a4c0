"""Tables of patterns with NumPy's less common ways, for `tests/random_programs/writer.py`.

Selections that may be empty, `where=`, `initial=`, `keepdims=`, tuples of axes, `ufunc.at`, indices that repeat, integers of mixed widths and
without sign, division and shifts of negatives, slices with negative steps, 0-d arrays, functions chosen by texts, closures with `nonlocal`.
"""

WIDE_IMPORTS = '''from tests.random_programs.helpers import deep, searched
'''
WIDE_HEAD = '''    u = (k % 5).astype(np.uint8)
    h = k.astype(np.int16)
    z = np.array(s)
    cube = np.stack([a, a[::-1] * 0.5])
    arrs = {"b": x * 0.5, "c": y * 0.25}
    ops = {"sin": np.sin, "cos": lambda q: np.cos(q) * 0.5, "cum": np.cumsum}
    mode = "sin"
    seen = 0

    def note(q, *more, scale=0.5, **named):
        nonlocal seen
        seen += 1
        if q > 0.2:
            seen += len(more)
        return q * scale + sum(more) * 0.1 + sum(named.values()) * 0.1

'''
WIDE_TAIL = '''
    t = t + np.sum(u) * 0.01 + np.sum(h) * 0.01 + z * 0.1 + np.sum(cube) * 0.1 + seen * 0.1 + np.sum(arrs["b"]) * 0.1 + len(mode) * 0.1'''
WIDE_VECTORS = """
np.cumsum({v}) * 0.2  np.cumprod(np.tanh({v}))  np.maximum.accumulate({v})  np.minimum.accumulate({v})[::-1]  np.add.accumulate({v}) * 0.1
({v})[::-1][::2].repeat(2)[:n]  np.sort({v})[::-1]  ({v})[np.argsort({v})]  np.take({v}, {k}, mode='wrap')  np.take({v}, {k}, mode='clip')
({v})[{k} % n][::-1]  np.where({m}, {v}, np.where({m}, {v}, 0.3))  np.select([{m}, {m}], [{v}, {v}], {s})  np.choose(({m}).astype(np.int64), [{v}, {v}])
np.add({v}, {v}, where={m}, out=np.zeros(n))  np.divide({v}, {v}, out=np.ones(n), where={v} > 0.2)  np.sqrt({v}, where={v} > 0, out=np.full(n, 0.5))
np.einsum('i,i->i', {v}, {v})  np.einsum('ij,i->i', a, {v})  np.einsum('ij,kj,k->i', a, a, {v}) * 0.1  cube.sum(axis=(0, 2)) * 0.2
np.max(cube, axis=(0, -1))  cube.mean(axis=(0, 2), keepdims=True)[0, :, 0]  np.sum(cube, axis=0, where=cube > 0.1)[:, 1]
np.max(a, axis=1, initial=-0.3, where=a > 0)  np.prod(a, axis=1, initial=0.5)  np.diff({v}, prepend={s})  np.diff({v}, append=0.0)  np.roll({v}, j)
np.flip({v})  np.concatenate([({v})[j:], ({v})[:j]])  np.append(({v})[1:], {s})  np.insert(({v})[:-1], 0, {s})  np.delete(np.append({v}, 0.1), j % n)
np.array([q if q > 0 else -0.5 * q for q in {v}])  np.array([q * p for p, q in enumerate({v})]) * 0.1  np.interp({v}, [-0.5, 0.0, 0.7], [0.1, -0.2, 0.4])
np.convolve({v}, [0.25, 0.5, 0.25])[1:-1]  np.gradient(np.append({v}, [0.1, 0.3]))[:n]  np.bincount({k} % n, weights={v}, minlength=n)[:n]
np.divmod({v}, 0.3)[1]  np.modf({v})[0]  np.ldexp({v}, -1)  np.float32(0.3) * {v}  {v} + np.float32(0.1)  {v} * z  np.broadcast_to({s}, (n,)) * {v}
({v})[:, None].repeat(2, axis=1).sum(axis=1)  np.outer({v}, {v}).sum(axis=0) * 0.1  (np.tri(n) @ {v}) * 0.1  np.multiply.outer({v}, {v})[0] * 0.5
np.subtract.outer({v}, {v}).mean(axis=1)  np.clip({v}, None, {s})  np.clip({v}, {v}, 0.5)  ops[mode]({v})  ops['cum' if n > 3 else 'sin']({v})
u * {v}  {v} / (u + 1)  np.where(u > 2, {v}, u)  ({v}) ** 3 * 0.2  np.median(a, axis=1)  ({v}).reshape(1, -1)[0]  np.atleast_2d({v}).T[:, 0]
np.squeeze(np.expand_dims({v}, 0), 0)  np.moveaxis(cube, 0, -1)[:, 1, 0]  np.swapaxes(cube, 0, 1)[:, 0, 2]  cube[j % 2, :, -1]  cube[:, {k} % n, 1][1]
cube[0, {k} % n, {k} % 3]  a[np.arange(n), {k} % 3]  a[::-1, ::-2][:, 0]  np.ascontiguousarray(a.T)[2]  np.tensordot(cube, [0.5, -0.2], axes=(0, 0))[:, 1]
np.linalg.norm(a, axis=1)  np.cross(a, a[::-1])[:, 0]  np.piecewise({v}, [{v} < 0.1], [lambda q: -q, 0.4])  ({v} // 0.3) * 0.1  {v} % -0.7  np.float64(2) ** {v}
np.array([note(q) for q in {v}])  np.where({k} > 2, {v}, {s})  np.sum(np.stack([{v}, {v}]), axis=0) * 0.5  np.max([{v}, {v}], axis=0)  np.ptp(cube, axis=(0, 2))
np.var(cube, axis=(0, 2))  np.argsort({v}) * 0.1  np.std(a, axis=1, ddof=1)  np.reciprocal({v} + 3.0)  np.logaddexp.reduce(cube, axis=(0, 2)) * 0.2
"""
WIDE_INTS = """
({k} // 3)  ({k} % 4)  ({k} // (abs({k}) + 1))  np.divmod({k}, 3)[0]  np.divmod({k}, -4)[1]  ({k} >> 1)  ({k} << 1)  ({k} ^ {k})  ({k} & 6)  ({k} | 1)  (u + {k})
(u - 3)  (u * u)  (h * {k})  (h // 2)  (-h % 5)  np.argsort({v})[::-1]  np.searchsorted(np.sort({v}), {v})  np.cumsum({k})  np.abs({k})  np.where({m}, u, {k})
np.maximum(u, {k})  ({v} * 3.0).astype(np.int8)  u.astype(np.int64)  np.gcd(abs({k}), 6)  np.bincount({k} % 3, minlength=n)[:n]  np.array([q // 2 for q in {k}])
np.power(u, 2)  ({k} ** 2 % 11)  np.arange(n)[::-1]  np.cumsum({m})  np.digitize({v}, [-0.3, 0.2])  np.repeat([1, 2], n)[:n]  np.minimum({k}, j)  u  h
(u - h)  (u // 2)  np.left_shift(u, 1)  ({k} - j)  (j - {k})  np.floor_divide(-7, abs({k}) + 1)  np.sort({k})[::-1]  np.clip({k}, 0, 300)  np.clip({k}, -1, 2)
"""
WIDE_MASKS = """
({k} == 300)  (u < -1)  ({k} > j)  (u == {k})  np.any(a > 0.3, axis=1)  np.all(cube > -0.5, axis=(0, 2))  np.roll({m}, 1)  (({k} & 1) == 1)  np.isclose({v}, {v})
np.array([q > 0 for q in {v}])  ~(u > 2)  np.equal({k} // 2, {k} >> 1)  (np.cumsum({m}) > 1)  ({v} > z)  np.not_equal(u, {k})  (300 > {k})  ({m})[::-1]
"""
WIDE_SCALARS = """
np.max(({v})[{m}])  np.sum(({v})[{m}])  np.min(({v})[{v} > {s}], initial=0.4)  np.prod(({v})[{m}] * 0.9)  max(({v})[{m}], default={s})  len(({v})[{m}]) * 0.1
sum([q for q in {v} if q > 0.1]) * 0.1  sum(q * 0.5 for q in {v} if q < {s})  len([q for q in {k} if q > 1]) * 0.1  np.sum({v}, where={m}, initial=0.2)
np.max({v}, where={m}, initial=-0.5)  np.min(a, axis=(0, 1))  np.mean(cube, axis=(0, 1, 2))  np.std(a, ddof=1)  np.var({v}, keepdims=True)[0]
np.sum(a, axis=(0, 1), keepdims=True)[0, 0] * 0.1  np.einsum('i,i', {v}, {v}) * 0.1  np.einsum('ij,ij->', a, a) * 0.1  np.einsum('kij->', cube) * 0.1  z * 0.5
float(z)  z[()]  z.item()  np.median(({v})[::-1])  np.partition({v}, n // 2)[n // 2]  np.sort({v})[n // 3]  ({v})[np.argmax({v})]  ({v})[int(np.argmin(a[:, 1]))]
np.searchsorted(np.sort({v}), {s}) * 0.1  divmod(j, 3)[0] * 0.1  -7 // (j + 1) * 0.1  (-j) % 4 * 0.1  (j - 5) // 2 * {s}  j ** 2 * 0.01  (1 << j) * 0.1
(-9 >> (j % 3)) * 0.1  u[{p}] * 0.1  (u[{p}] - h[{p}]) * 0.1  int(u[{p}]) * {s} * 0.1  note({s})  note({s}, {s}, scale=0.3)  note({s}, r={s})  note(*({s}, {s}))
searched({v}, {s})  deep({s}, 4)  len(f"{mode:>5}{len(v)}") * 0.1  ops[mode]({v})[0]  np.cumsum({v})[-1] * 0.1  np.dot({v}, u) * 0.1  np.count_nonzero({k} == 300) * 0.1
np.all({m}) * 0.1  np.sum(np.cumsum({m})) * 0.01  np.trapezoid({v}, dx=0.2)  np.linalg.norm({v}, 1) * 0.1  np.interp({s}, [0.0, 1.0], [0.2, -0.1])
np.float64({s}) // 0.3 * 0.1  {s} % 0.4  {s} // -0.7 * 0.1  math.fmod({s}, 0.3)  np.arange(n)[{m}].sum() * 0.01  ({v})[::-2].sum() * 0.3
({v})[-1:0:-1].sum() * 0.1  np.add.reduce({v}) * 0.1  np.max(np.abs({v}), initial=0.0)  sum(arrs['b']) * 0.1  np.mean({v}, where={v} < 5.0)  min({k}) * 0.1
"""
WIDE_CONDITIONS = """
j // 2 > 0  j % 2 == 0  u[{p}] > 2  len(({v})[{m}]) > 1  mode == 'sin'  np.any(u == 300)  seen > 2  z > 0.2  h[{p}] % 3  np.all(({v})[{m}] > 0)  -j // 2 < -1
"""
WIDE_STATEMENTS = """
v[::-1] = {v}
v[::-2] *= {s}
v[-1::-2] += 0.1
v[1:][::-1] *= 0.9
q = v[::-1][1:]; q -= 0.1
v[{k} % n] *= {s}
v[{k} % n] = {v}
v[[0, 0, -1]] = [{s}, {s}, 0.2]
v[[0, 0]] += {s}
np.add.at(v, {k} % n, {v})
np.subtract.at(v, [0, 0, -1], {s})
np.add.at(a, ({k} % n, {k} % 3), {s})
a[{k} % n, {k} % 3] += {s}
a[{k} % n] = ({v})[:, None]
a[{m}] = {s}
a[{m}, 1] = {s}
a[{m}, ::-1] *= 0.5
a[a > {s}] = 0.1
a[..., -1] -= {v}
a[::-1, 0] = {v}
a.T[::-1][0] = {v}
cube[0] = a
cube[:, {p}] *= {s}
cube[..., 1] = {v}
cube[1, {m}] = {s}
cube[cube < 0] *= 0.5
cube = cube[:, ::-1]
cube = np.where(cube > {s}, cube, cube.mean(axis=(0, 2), keepdims=True))
np.add(v, {v}, out=v, where={m})
np.multiply(v[1:], {s}, out=v[1:])
np.maximum(v, {v}, out=v)
np.negative(v, out=v[::-1])
z[...] = {s}
z += {s}
z = np.asarray({s})
z = np.array({s}) * z
u = u // 2
u += 1
u[{p}] = j
u[{m}] = 3
u = np.where({m}, u, 1).astype(np.uint8)
h *= 2
h //= 3
h = h % 7
h[{p}] = ({k})[{p}]
h = ({k} % 9).astype(np.int16)
k = np.cumsum({k} % 3)
k = k >> 1
arrs['b'] = {v}
arrs = {name: q * 0.5 for name, q in arrs.items()}
for name in arrs:|    t = t * 0.5 + np.sum(arrs[name]) * 0.1
for name, q in sorted(arrs.items()):|    t = t * 0.5 + np.max(q) * 0.1
mode = "cos"
mode = f"{mode[:3]}"
t = t * 0.5 + ops[mode](v).sum() * 0.1
def visit(q):|    nonlocal t|    t = t * 0.5 + q * 0.1|    return q; w = np.array([visit(q) for q in {v}]).astype(np.float32)
t, s = s, t
try:|    t = np.max(({v})[{m}]); except ValueError:|    t = {s}
if np.any({m}):|    t = np.sum(({v})[{m}]) * 0.5
while t > 0.1:|    t = t * 0.5 - 0.02; else:|    t = t + 0.1
t = searched({v}, {s})
v = v[np.argsort(-v)]
v = v[np.argsort(a[:, 0])]
v -= np.median(v)
v = np.concatenate([v[m], v[~m]])
v = np.vstack([v, y])[1] + v
v, w = (q * 0.5 for q in (v, w))
*e, q = {v}; t = t * 0.5 + q
(p, q), e = ({s}, {s}), {s}; t = t * 0.5 + p * q + e
t = t + {s} if n % 2 else t * 0.5
"""
