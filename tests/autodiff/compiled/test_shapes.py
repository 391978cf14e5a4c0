"""One recording for all shapes: values, gradients, errors and reasons where lengths change from call to call."""

import tracemalloc

import numpy as np
import pytest

import autodiff as ad
from autodiff.compiled.background import drain
from tracer.tree import flatten

LENGTHS = [(20, 20), (33, 20), (50, 33), (17, 64), (64, 64), (40, 41), (41, 40), (25, 30), (100, 99)]

EXPRESSIONS = [
    'len(x) * s',
    'x.shape[0] * 2.0',
    'x.size ** 2 * s',
    'x.size ** 0.5 * s',
    'n // 2 + s',
    'n % 7 * s',
    '(n * 3 + 1) // 4 * s',
    '-n // 3 * s',
    'n / 3 * s',
    '3 / n * s',
    '2 ** (n % 5) * s',
    'divmod(n, 6)[1] * s',
    'math.sqrt(n) * s',
    'math.log(n) + s',
    'math.ceil(n / 3) * s',
    'math.floor(n * 0.3) * s',
    'int(n * 0.7) * s',
    'int(n) * s',
    'float(n) * s',
    'round(n / 7) * s',
    'round(n) * s',
    'abs(n - 40) * s',
    'max(n, 40) * s',
    'min(n, 40, m) * s',
    'sum([n, m, 1]) * s',
    'math.gcd(n, 12) * s',
    'math.comb(n, 2) * s',
    'math.isqrt(n) * s',
    'n.bit_length() * s',
    '(n & 1) * s',
    '(n & 7) * s',
    '(n | 1) * s',
    '(n ^ 5) * s',
    '(n << 2) * s',
    '(n >> 1) * s',
    '~n * s',
    '(1.0 if n > 40 else 2.0) * s',
    '(1.0 if n == 50 else 2.0) * s',
    '(1.0 if n != 33 else 2.0) * s',
    '(1.0 if n % 2 else 2.0) * s',
    '(1.0 if n in (20, 50) else 2.0) * s',
    '(1.0 if n in {20, 50} else 2.0) * s',
    '{20: 1.0, 50: 3.0}.get(n, 7.0) * s',
    '(1.0 if isinstance(n, int) else 2.0) * s',
    '(1.0 if type(n) is int else 2.0) * s',
    '(1.0 if isinstance(n, (float, np.integer)) else 2.0) * s',
    '(1.0 if 30 < n <= 60 else 2.0) * s',
    '(1.0 if n > 30.5 else 2.0) * s',
    '(1.0 if n else 2.0) * s',
    '(1.0 if not n - 50 else 2.0) * s',
    'len(str(n)) * s',
    'len(f"{n}") * s',
    'len(f"{n:5d}") * s',
    'len("%d" % n) * s',
    'len("{}".format(n)) * s',
    'len(repr(n)) * s',
    'hash(n) % 5 * s',
    'np.float64(n) * s',
    'np.int64(n) * s',
    'np.array(n) * s',
    'np.array([n, 2.0]).sum() * s',
    'np.array(x.shape)[0] * s',
    'np.prod(x.shape) * s',
    'np.sqrt(n) * s',
    'np.log(n) * s',
    'np.ceil(n / 3) * s',
    'np.maximum(n, 40) * s',
    'np.minimum(n, s)',
    'np.clip(n, 20, 40) * s',
    'np.zeros(n).sum() + s',
    'np.ones((n, 2)).sum() * s',
    'np.full(n, s).sum()',
    'np.arange(n).sum() * s',
    'np.arange(2, n).sum() * s',
    'np.arange(0, n, 3).sum() * s',
    'np.arange(n - 1, -1, -1)[0] * s',
    'np.arange(0.0, 1.0, 1 / n).size * s',
    'np.linspace(0, 1, n).sum() * s',
    'np.linspace(s, 1, n)[3]',
    'np.linspace(0, s, n // 2 + 1)[-2]',
    'np.eye(n)[3, 3] * s',
    'np.eye(n, k=1)[3].sum() * s',
    'np.identity(n).sum() * s',
    'np.tri(n).sum() * s',
    'np.empty(n).shape[0] * s',
    'np.zeros_like(x).size * s',
    'np.repeat(s, n).sum()',
    'np.tile(x, 2).sum()',
    'np.tile(np.array([s]), n).sum()',
    'np.broadcast_to(s, (n,)).sum()',
    'x.reshape(n, 1).sum()',
    'x.reshape(1, -1).sum()',
    'x[:n // 2].sum()',
    'x[n // 2:].sum()',
    'x[n // 2]',
    'x[-1] + x[n - 1]',
    'x[-n]',
    'x[1:n - 1].sum()',
    'x[::2].sum()',
    'x[::-3].sum()',
    'x[n:].sum() + s',
    'x[:100].sum()',
    'x[-30:].sum()',
    'x[5:25:3].sum()',
    'x[slice(1, n, 2)].sum()',
    'x[np.arange(n) % 2 == 0].sum()',
    'x[np.arange(n // 2)].sum()',
    'x[[0, n - 1]].sum()',
    'x[range(n)].sum()',
    'x[list(range(0, n, 2))].sum()',
    'sum(x[i] for i in range(n))',
    'sum([x[i] * i for i in range(0, n, 5)])',
    'sum(i * s for i in range(n, 0, -1))',
    'sum(v * i for i, v in enumerate(x))',
    'sum(a * b for a, b in zip(x, y))',
    'sum(1 for v in reversed(range(n))) * s',
    'list(range(n))[-1] * s',
    'tuple(range(3, n))[0] * s',
    'len(range(3, n, 4)) * s',
    '(3 in range(n)) * s',
    'range(n)[n - 1] * s',
    'range(n)[-1] * s',
    '[s] * 3 and s * n',
    'sum([s] * n)',
    'sum([[i] * 2 for i in range(n)][3]) * s',
    'sorted([n, 40])[0] * s',
    'sorted([n, m, 3], reverse=True)[0] * s',
    'np.sort(x)[n // 2]',
    'np.median(x)',
    'np.percentile(x, 30)',
    'np.quantile(x, 0.9)',
    'np.mean(x)',
    'np.mean(x[:, None] * y[None, :])',
    'np.var(x)',
    'np.std(x, ddof=1)',
    'np.average(x)',
    'np.cov(x, x[::-1])[0, 1]',
    'np.trapezoid(x) if hasattr(np, "trapezoid") else np.trapz(x)',
    'np.cumsum(x)[-1]',
    'np.diff(x).sum()',
    'np.gradient(x).sum()',
    'np.convolve(x, x[:3]).sum()',
    'np.roll(x, 3)[1]',
    'np.roll(x, n // 2)[0]',
    'np.pad(x, (1, n // 4)).size * s',
    'np.concatenate([x, y[:n // 3]]).size * s',
    'np.stack([x, x]).sum()',
    'np.split(x[:16], 2)[1].sum()',
    'np.array_split(x, 3)[1].sum()',
    'np.outer(x, y).sum()',
    '(x[:, None] == np.arange(n)).sum() * s',
    'np.where(np.arange(n) > n // 2, x, 0.0).sum()',
    'np.searchsorted(np.arange(n), 5.5) * s',
    'np.argmax(x) * s',
    'np.argsort(x)[0] * s',
    'np.flip(x)[0]',
    'np.interp(0.3, np.linspace(0, 1, n), x)',
    'np.polyval(x[:3], s)',
    'np.dot(x, y[:n]) if len(y) >= n else s',
    'np.einsum("i,i->", x, x)',
    'np.tril(np.outer(x, x)).sum()',
    'np.diag(x).sum()',
    'np.trace(np.outer(x, x))',
    'np.linalg.norm(x)',
    'np.meshgrid(x, x)[0].shape[1] * s',
    'np.indices((n,))[0][2] * s',
    'np.unravel_index(17, (n, 3))[1] * s',
    'np.count_nonzero(x > 0) * s',
    'np.bincount(np.arange(n) % 3)[0] * s',
    'np.add.reduce(x)',
    'x.mean() * n',
    'x.sum() / len(x)',
    'x @ x / (n - 1)',
    'functools.reduce(lambda a, b: a * 0.5 + b, x)',
    'list(itertools.accumulate(x))[-1]',
    'list(itertools.islice(x, 3))[2]',
    'list(itertools.chain(x, y))[n]',
    'len(list(itertools.combinations(range(n % 5 + 2), 2))) * s',
    'list(map(lambda i: i * s, range(n)))[-1]',
    'collections.Counter([n, n])[n] * s',
    'collections.deque([1, 2, 3], 2)[0] * n * s',
    '{n: s}[n]',
    '{(n, m): s}[(n, m)]',
    'dict(a=n)["a"] * s',
    '(lambda a=n: a * s)()',
    'helper(n) * s',
    'cached(n) * s',
    'Box(n).n * s',
    'Box(n).half() * s',
    'm * n * s',
    '(n - m) * s',
    '(n == m) * s',
    '(1.0 if m == n else 0.5) * s',
    '(m + n) // (n + 1) * s',
    'n * m // n * s',
    'n ** 2 % m * s',
    'x.shape == y.shape and s',
    'len(x) - len(y) and s',
    'np.shape(x)[0] * s',
    'np.size(x) * s',
    'np.ndim(x) * s',
    'x.nbytes * s',
    'x.strides[0] * s',
    'x.itemsize * n * s',
    'x.T.shape[0] * s',
    '(1.0 if isinstance(range(n), range) else 2.0) * s',
    '(1.0 if range(n) == range(50) else 2.0) * s',
    '(1.0 if range(n) == range(m) else 2.0) * s',
    'len(str(range(n))) * s',
    'range(n).stop * s',
    'range(n).index(7) * s',
    'range(n).count(7) * s',
    '{range(n): s}[range(n)]',
    'sum(reversed(range(n))) * s',
    "hasattr(n, 'to_bytes') * s",
    "n.to_bytes(4, 'big')[3] * s",
    'n.real * s',
    '(2 << n % 5) * s',
    '(1 << (n - n + 3)) * s',
    'n // m * s',
    '(2 * n) // n * s',
]
"""Results of a function of x, y and s, with n and m the lengths of x and y."""


HELPERS = """
import collections
import functools
import itertools
import math

import numpy as np


def helper(n):
    t = 0
    while n > 5:
        n //= 2
        t += 1
    return t


@functools.lru_cache
def cached(n):
    return n * 2


class Box:
    def __init__(self, n):
        self.n = n

    def half(self):
        return self.n // 2

"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    """A function of each expression, from a file: functions are captured from their source."""
    file = tmp_path_factory.mktemp("shapes") / "expressions.py"
    file.write_text(HELPERS + "".join(f"\ndef f{k}(x, y, s):\n    n = len(x)\n    m = len(y)\n    return {e}\n"
                                      for k, e in enumerate(EXPRESSIONS)), encoding="utf-8")
    space = {"__name__": "expressions"}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), space)
    return space


@pytest.mark.parametrize("k", range(len(EXPRESSIONS)), ids=EXPRESSIONS)
def test_lengths_mean_what_numbers_mean(k, functions):
    f = functions[f"f{k}"]
    compiled = ad.jit(f)
    rng = np.random.default_rng(k)
    for n, m in LENGTHS:
        x, y, s = rng.normal(size=n), rng.normal(size=m), 0.37
        np.testing.assert_allclose(compiled(x, y, s), f(x, y, s), rtol=1e-12, atol=1e-12, err_msg=f"{n}, {m}")


def test_most_expressions_need_no_recording_of_their_own(functions):
    served = 0
    for k in range(0, len(EXPRESSIONS), 5):
        compiled = ad.jit(functions[f"f{k}"])
        for n, m in LENGTHS:
            compiled(np.ones(n), np.ones(m), 0.5)
        served += compiled.cache_info().shared > 0
    assert served >= 0.6 * len(range(0, len(EXPRESSIONS), 5))


# -- whole functions -------------------------------------------------------------------------------

def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def recurrence(x):
    s = 0.0
    for i in range(1, len(x)):
        s = s * 0.5 + x[i] * x[i - 1]
    return s


def heat(u):
    u = u.copy()
    for _ in range(5):
        u[1:-1] += 0.1 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return np.sum(u * u)


def until(x):
    s, i = 0.0, 0
    while s < 3.0 and i < len(x):
        s += x[i] ** 2
        i += 1
    return s


def matrix(x):
    a = np.outer(x, x) + np.eye(len(x)) * len(x)
    return np.sum(np.linalg.solve(a, x))


def sorting(x):
    return np.sum(np.sort(x) * np.arange(x.size)) + np.median(x)


def sampled(x):
    h = 1.0 / (len(x) - 1)
    return np.sum(x * np.linspace(0.0, 1.0, len(x))) * h + x[int(0.7 * len(x))]


def softmax(x):
    e = np.exp(x - np.max(x))
    return -np.log(e[0] / np.sum(e))


FUNCTIONS = [rosenbrock, recurrence, heat, until, matrix, sorting, sampled, softmax]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("transform", [ad.value_and_grad, lambda f: ad.jacfwd(ad.grad(f))], ids=["gradient", "hessian"])
def test_derivatives_at_many_lengths(f, transform, monkeypatch):
    compiled = ad.jit(transform(f))
    for n in (20, 33, 21, 17, 64, 40, 18):
        x = np.random.default_rng(n).normal(size=n)
        with monkeypatch.context() as alone:
            alone.setattr(ad.config, "share_shapes", False)
            want = ad.jit(transform(f))(x)
        for a, b in zip(flatten(compiled(x))[0], flatten(want)[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)
    assert compiled.cache_info().shared >= 4


def test_arguments_that_are_written():
    def doubled(x, y):
        for i in range(len(x)):
            y[i] = 2.0 * x[i]
        y[0] += len(x)
    f = ad.jit(doubled)
    for n in (20, 30, 40, 25):
        x, y, z = np.arange(float(n)), np.zeros(n), np.zeros(n)
        f(x, y)
        doubled(x, z)
        np.testing.assert_array_equal(y, z)
        f(x, x)     # one array in both places
        np.testing.assert_array_equal(x[1:], 2.0 * np.arange(1.0, n))
    assert f.cache_info().shared >= 1


def test_integers_that_have_to_be_known():
    def f(x, k):
        return np.sum(np.diff(x, k) ** 2) + np.sum(x[::k])
    g = ad.jit(f)
    for n in (20, 30, 40, 50, 60):
        for k in (1, 2):
            x = np.random.default_rng(n).normal(size=n)
            assert g(x, k) == pytest.approx(f(x, k), rel=1e-12)
    assert g.cache_info().shared >= 2


def test_trees_keywords_and_statics():
    @ad.jit(static_argnames="power")
    def f(p, x, *, power):
        return {"a": np.sum(p["w"] @ x) ** power, "b": x[: len(x) // 2]}
    for n, k in ((20, 3), (30, 3), (40, 3), (40, 5), (50, 20), (60, 21), (70, 22)):
        p, x = {"w": np.ones((k, n)), "c": np.ones(2)}, np.arange(float(n))
        out = f(p, x, power=2)
        assert out["a"] == np.sum(p["w"] @ x) ** 2
        np.testing.assert_array_equal(out["b"], x[: n // 2])
    assert f.cache_info().shared >= 2


def test_outside_arrays_and_what_replaces_them():
    space = {"np": np, "w": np.arange(3.0)}
    exec("def f(x):\n    return np.sum(x[:, None] * w)", space)
    f = ad.jit(space["f"])
    for n in (20, 30, 40):
        assert f(np.ones(n)) == 3.0 * n
    space["w"] = np.ones(3)
    for n in (50, 40, 30, 60):
        assert f(np.ones(n)) == 3.0 * n
    space["w"] = np.ones(5)
    for n in (50, 40, 30, 60):
        assert f(np.ones(n)) == 5.0 * n


def test_an_index_out_of_range_names_the_length_of_this_call():
    f = ad.jit(lambda x, k: x[k])
    for n in (20, 30, 41):
        assert f(np.arange(float(n)), np.int64(n - 1)) == n - 1
        with pytest.raises(IndexError, match=f"size {n}"):
            f(np.arange(float(n)), np.int64(n))
    assert f.cache_info().shared == 1


def test_an_int_that_a_narrow_dtype_does_not_hold():
    def f(k):
        k = k.copy()
        k[0] = len(k)
        return k
    g = ad.jit(f)
    for n in (20, 30, 200, 255):
        np.testing.assert_array_equal(g(np.zeros(n, np.uint8)), f(np.zeros(n, np.uint8)))
    with pytest.raises(OverflowError):
        g(np.zeros(257, np.uint8))


def test_shapes_that_do_not_fit_raise_as_the_first_one_does():
    f = ad.jit(lambda x, y: x + y)
    for n in (20, 30, 40):
        f(np.ones(n), np.ones(n))
    with pytest.raises(ValueError, match="shapes"):
        f(np.ones(20), np.ones(21))
    np.testing.assert_array_equal(f(np.ones(20), np.ones(1)), 2.0 * np.ones(20))


@pytest.mark.parametrize("threads", [1, 2])
def test_threads(threads, monkeypatch):
    monkeypatch.setattr("codegen.loops.passes.share_loops.ENOUGH", 100)
    monkeypatch.setattr("codegen.config._processors", lambda: 2)
    f = ad.jit(ad.value_and_grad(rosenbrock), threads=threads)
    for n in (20, 50, 1000, 3000, 777, 31):
        x = np.random.default_rng(n).normal(size=n)
        v, g = f(x)
        w, h = ad.value_and_grad(rosenbrock)(x)
        assert v == pytest.approx(w, rel=1e-12)
        np.testing.assert_allclose(g, h, rtol=1e-12)


def test_the_numba_generator_records_each_shape(monkeypatch):
    monkeypatch.setattr(ad.config, "generator", "numba")
    f = ad.jit(rosenbrock)
    for n in (20, 30, 40):
        x = np.linspace(0, 1, n)
        assert f(x) == pytest.approx(rosenbrock(x))
    assert f.cache_info().shared == 0


def test_first_calls_of_shapes_are_verified(monkeypatch):
    f = ad.jit(ad.value_and_grad(rosenbrock), verify="first")
    for n in (20, 30, 40, 50):
        f(np.linspace(0, 1, n))
    assert f.cache_info().shared == 2


def test_a_kernel_that_is_compiled_in_the_background(monkeypatch):
    monkeypatch.setattr("autodiff.compiled.background.WAITED_SECONDS", 0.0)
    f = ad.jit(ad.value_and_grad(rosenbrock), wait=False)
    for n in (20, 30, 40, 50, 60):
        x = np.linspace(0, 1, n)
        for _ in range(3):
            v, g = f(x)
            assert v == pytest.approx(rosenbrock(x), rel=1e-12)
        drain()
    assert f.cache_info().shared >= 2


def test_bound_functions_and_hits():
    f = ad.jit(lambda x: np.sum(x * x))
    for n in (20, 30, 40, 20, 30, 40, 40):
        assert f(np.ones(n)) == n
    assert f.bind(np.ones(40))() == 40
    assert f.bind(np.ones(41))() == 41
    info = f.cache_info()
    assert (info.misses, info.shared, info.hits) == (4, 2, 4)


def test_layouts_that_decide_are_not_shared():
    """A function may begin to ask how its arguments lie in memory when it is recorded for a second shape."""
    def f(x):
        return np.sum(x) * (x.strides[0] if len(x) > 25 else 1.0)
    g = ad.jit(f)
    wide = np.arange(400.0)
    for x in (wide[:20], wide[:30], wide[:80:2], wide[:120:3], wide[:40], wide[:150:3], wide[:20]):
        assert g(x) == f(x)
    assert g.cache_info().shared == 0


def test_sharing_may_be_switched_off(monkeypatch):
    f = ad.jit(rosenbrock)
    for n in (20, 30):
        f(np.ones(n))
    monkeypatch.setattr(ad.config, "share_shapes", False)
    f(np.ones(40))
    assert f.cache_info().shared == 0


def test_a_kernel_that_is_called_again_without_a_table_is_made_once():
    def doubled(x):
        for i in range(len(x)):
            x[i] = 2.0 * x[i]
    f = ad.jit(doubled)
    for n in (20, 30, 40):
        x = np.ones(n)
        for _ in range(3):
            f(x)
        assert x.tolist() == [8.0] * n
    entry = next(reversed(f._entries.values()))
    assert entry.kernel._kernel is not None and f.cache_info().shared == 1


# -- what a shape costs ----------------------------------------------------------------------------

def test_a_shape_keeps_less_than_a_kilobyte():
    f = ad.jit(ad.value_and_grad(rosenbrock), max_signatures=10_000, verify="off")     # which keeps graphs
    arrays = [np.linspace(0, 1, n) for n in range(100, 3100)]
    for x in arrays[:100]:
        f(x)
    tracemalloc.start()
    try:
        for x in arrays[100:1100]:
            f(x)
        first = tracemalloc.get_traced_memory()[0]
        for x in arrays[1100:]:
            f(x)
        grown = tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()
    assert grown <= 1000 * len(arrays[1100:])


# -- reasons ---------------------------------------------------------------------------------------

def _by_size(x):
    return np.sum(x) if len(x) > 100 else np.sum(x * x)


def _parity(x):
    return np.sum(x[::2]) if len(x) % 2 == 0 else np.sum(x)


def _named(x):
    return {20: 1.0}.get(len(x), 2.0) * np.sum(x)


def _listed(x):
    return sum([x[i] for i in range(len(x))])


def _pairs(x, y):
    return np.sum(x) * np.sum(y) if len(x) == len(y) else np.sum(x)


def _blocks(x):
    return np.sum(x.reshape(4, -1)[0]) if len(x) % 4 == 0 else np.sum(x)


def _appending(x):
    SEEN.append(len(x))
    return np.sum(x)


SEEN: list = []
ALONE = "recorded for this shape alone: "
SERVED = "a kernel whose lengths may be others serves it"
RECORDED = "recorded for other lengths too"
REASONS = [
    (rosenbrock, [(20,)], "compiled: first call"),
    (rosenbrock, [(20,), (30,)], f"argument 0 is f64[30], not f64[20]; {RECORDED}"),
    (rosenbrock, [(20,), (30,), (40,)], SERVED),
    (rosenbrock, [(20,), (30,), (16,)], "argument 0 is f64[16], not f64"),
    (rosenbrock, [(10,), (12,)], "argument 0 is f64[12], not f64[10]"),
    (rosenbrock, [(10,), (30,), (31,)], SERVED),
    (recurrence, [(20,), (30,), (40,)], SERVED),
    (heat, [(20,), (30,), (40,)], SERVED),
    (_by_size, [(20,), (30,), (100,)], SERVED),
    (_by_size, [(20,), (30,), (101,)], f"{RECORDED}, because argument 0.shape[0] <= 100 held so far (test_shapes.py:"),
    (_by_size, [(20,), (30,), (101,), (200,)], SERVED),
    (_parity, [(20,), (30,), (40,)], SERVED),
    (_parity, [(20,), (30,), (41,)], f"{RECORDED}, because"),
    (_named, [(20,), (30,), (31,)], "because argument 0.shape[0] == 30 held so far (test_shapes.py:"),
    (_listed, [(20,), (30,), (31,)], "because argument 0.shape[0] == 30 held so far (test_shapes.py:"),
    (_pairs, [(20, 20), (30, 30), (40, 40)], SERVED),
    (_pairs, [(20, 20), (30, 30), (40, 41)], f"{RECORDED}, because lengths that were alike differ"),
    (_pairs, [(20, 25), (30, 37), (40, 41)], SERVED),
    (_pairs, [(20, 20), (20, 30), (20, 40)], SERVED),
    (_pairs, [(20, 20), (20, 30), (21, 30)], f"{RECORDED}, because argument 0.shape[0] was 20 so far"),
    (_blocks, [(20,), (40,), (41,)], f"{RECORDED}, because"),
    (_blocks, [(20,), (40,), (80,)], SERVED),
    (_appending, [(20,), (30,), (40,)], f"{ALONE}it changes something outside"),
    (_named, [(21,), (31,), (41,), (51,)], f"{ALONE}argument 0.shape[0] == 41 (test_shapes.py:"),
]


@pytest.mark.parametrize("case", range(len(REASONS)))
def test_why(case):
    f, shapes, reason = REASONS[case]
    compiled = ad.jit(f)
    for lengths in shapes:
        arrays = [np.linspace(0.0, 1.0, n) for n in lengths]
        assert compiled(*arrays) == pytest.approx(f(*arrays), rel=1e-12)
    assert reason in compiled.why()
