"""Compiled along the path taken: numbers of arguments that the path made use of are those of this path only.

Until now a mask, a count or a shift whose numbers the recording knew was taken for a constant, and other calls got its numbers, silently.
Found by random programs; the suite called such functions with one mask.
"""

import numpy as np
import pytest

import autodiff as ad
from tracer import errors as ad_errors

BODIES = [
    "x[k]", "x[m]", "x[k[0]]", "np.nonzero(m)[0] + x[0] * 0", "np.argwhere(m)[:, 0] + x[0] * 0", "np.bincount(k, weights=x)",
    "np.percentile(x, q * 100)", "np.quantile(x, q)", "np.take(x, k)", "x[:k[0] + 1].sum()", "x[k > 0].sum()", "np.where(m)[0].sum() * x[0]",
    "np.repeat(x, k % 2 + 1)", "np.zeros(3) + x[m].sum()", "x.reshape(-1)[int(k[0])]", "np.compress(m, x).sum()", "np.extract(m, x).sum()",
    "np.roll(x, k[0])", "x[np.flatnonzero(m)]", "np.array([x[i] for i in k])", "x[-k[0]]", "np.arange(k[0] + 2) * x[0]",
    "np.full(k[0] + 1, 2.0) * x[0]", "np.linspace(0, 1, k[0] + 2) * x[0]", "np.diff(x, n=int(k[0]) + 1 if k[0] < 2 else 1)", "np.delete(x, k[0])",
    "np.insert(x, k[0], q)", "[1.0] * int(k[0] + 1)", "np.searchsorted(x, q) * x", "np.choose(k % 2, [x, -x])", "np.take_along_axis(x, k, 0)",
    "np.digitize(x, np.array([0.0, q]))", "{1: x}.get(int(k[0]), -x)", "(x, -x)[k[0] % 2]", "[x, -x][int(m[0])]", "set_mask(x, m, q)", "set_at(x, k, q)",
    "set_part(x, k[0], q)", "np.geomspace(q, q + 1, 3)", "x * float(f'{q:.1f}')",
]
LIBRARY = [
    "sorted(list(x))[1]", "sorted(x, key=lambda v: -v)[0]", "max(x, key=lambda v: -v)", "min(zip(x, k), key=lambda t: t[0])[1]",
    "statistics.median(list(x))", "statistics.mean(list(x)) * q", "bisect.bisect([0.5, 1.5, 2.5], q) * x", "[*itertools.accumulate(x)][-1]",
    "functools.reduce(operator.mul, x)", "sum(v for v, b in zip(x, m) if b)", "sum(itertools.compress(x, m))", "Counter(list(k))[1] * x",
    "len({int(a) for a in k}) * x", "x[[int(a) for a in k]]", "','.join(str(int(a)) for a in k).count('1') * x", "(f'{q:.2f}' == '0.30') * x",
    "np.vectorize(lambda v: v if v > 1 else -v)(x)", "x[sorted(range(3), key=lambda i: x[i])]", "any(v > 2 for v in x) * x",
    "next(i for i, b in enumerate(m) if b) * x", "list(m).index(True) * x", "(q in [0.3, 0.7]) * x", "[v for v in x if v > 0.7][0]",
    "round(q, 1) * x", "math.floor(q * 10) * x", "divmod(q, 0.2)[0] * x", "x * (1 if k[0] else 2)", "np.where(m)[0].size * x",
    "np.nonzero(k)[0][0] * x", "np.flatnonzero(m)[-1] * x", "x[m].size * x", "x[m][0]", "x[np.argsort(k)][m].sum()",
    "np.tile(q, int(k[0]) + 1).sum()", "np.partition(x, int(k[0]))[int(k[0])]", "x ** int(k[0])", "np.concatenate([x[:1]] * (int(k[0]) + 1)).sum()",
    "x[::-1 if m[0] else 1]", "dict(zip(map(int, k), x)).get(1, 0.0)", "q.is_integer() * x", "x.item(int(k[0]))",
    "np.diff(np.flatnonzero(np.concatenate(([True], m, [True])))).max() * x", "np.diff(np.flatnonzero(m)).sum() * x", "np.isclose(q, 0.3) * x",
]
"""What the standard library and Python itself make of the numbers."""
HELPERS = """
import bisect, functools, itertools, math, operator, statistics
from collections import Counter

import numpy as np

def set_mask(x, m, q):
    y = x * 1.0
    y[m] = q
    y[m] *= x[m]
    return y

def set_at(x, k, q):
    y = x * 1.0
    y[k] = q
    return y

def set_part(x, n, q):
    y = x * 1.0
    y[:n] = q
    return y

def program(x, k, m, s, q):
    if s > 0.5:
        return "another path"
    return """
CALLS = [(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 1]), np.array([True, False, True]), 0.2, 0.3),
         (np.array([3.0, 5.0, 7.0]), np.array([2, 1, 0]), np.array([False, True, True]), 0.3, 0.7),
         (np.array([3.0, 1.0, 7.0]), np.array([1, 1, 2]), np.array([False, True, False]), 0.1, 0.25)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("body", BODIES + LIBRARY)
def test_other_numbers_of_the_same_path(body, tmp_path):
    file = tmp_path / "path_program.py"
    file.write_text(HELPERS + body + "\n", encoding="utf-8")
    space = {"__name__": "path_program", "__file__": str(file)}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), space)
    f = ad.jit(space["program"])
    for args in CALLS:
        got, want = f(*args), space["program"](*args)
        np.testing.assert_allclose(np.asarray(got, float), np.asarray(want, float), rtol=1e-12)
    assert "path" in f.why()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_path_that_is_too_long_is_refused(monkeypatch):
    """A double loop along a path took gigabytes and minutes to compile."""
    monkeypatch.setattr("tracer.trace.LONGEST_PATH", 50)

    def f(x):
        items = []
        for i in range(100):
            if x[i % 3] > i * 0.01:
                items.append(x[i % 3])
        return sum(items)
    x = np.array([0.1, 0.4, 0.9])
    with pytest.raises(ad_errors.ConcreteValueError):
        ad.jit(f)(x)
    monkeypatch.setattr("tracer.trace.LONGEST_PATH", 60_000)
    np.testing.assert_allclose(ad.jit(f)(x), f(x))


@pytest.mark.parametrize("numbers", [(0.0, 0.5, 2.5, 1.0, -0.5, 0.0), (2.5, 0.0, 0.3, 1.0), (0, 1, 2, 3), (3, 2, 0, 1)])
@pytest.mark.filterwarnings("ignore:.*compiled")
def test_the_truth_of_a_number_is_that_it_is_not_zero(numbers):
    """It was compared as an integer: what was recorded for 0.0 served 0.5."""
    def f(x, w):
        if x > 100.0:
            return None
        return x * 2.0 if w else x * 3.0
    compiled = ad.jit(f)
    for w in numbers:
        assert compiled(1.0, np.asarray(w)[()]) == f(1.0, w)
    assert "ran uncompiled" not in compiled.why()


@pytest.mark.filterwarnings("ignore:.*compiled")
def test_an_array_that_a_loop_widens_has_its_old_dtype_where_no_step_is_taken():
    def f(x, s):
        v, i = x * 0.5, 0
        while i < 3 and s < 0.7:
            i += 1
            v = v.astype(np.float64) * 0.5
        return v
    compiled = ad.jit(f)
    for s in (0.1, 0.9, 0.2, 0.8):
        x = np.arange(4, dtype=np.float32)
        got, want = compiled(x, s), f(x, s)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.filterwarnings("ignore:.*compiled")
def test_arrays_of_two_dtypes_that_a_loop_swaps():
    """Both were carried as the wider one."""
    def f(x, y, s):
        v = x * 0.5
        for _ in range(3):
            v, y = y, v * s
        return v, y
    x, y = np.arange(4, dtype=np.float32), np.arange(4.0)
    for a, b in ((x, y), (y, x)):
        for got, want in zip(ad.jit(f)(a, b, 0.5), f(a, b, 0.5), strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)
