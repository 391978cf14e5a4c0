"""Sorting, extremes, order statistics and places of rows, in the order of NumPy, of equal elements and zeros too."""

import ctypes
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import autodiff as ad
from codegen.backends.llvm.kernel import why_not
from codegen.runtime import rows
from codegen.runtime.rows import row_function, rows_address

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
DTYPES = [np.float64, np.float32, np.int64, np.int32, np.int16, np.int8, np.uint8, np.uint64, np.bool_]
FUNCTIONS = {
    "sort": lambda x: np.sort(x), "sort axis 0": lambda x: np.sort(x, axis=0), "sort all": lambda x: np.sort(x, axis=None),
    "sort stable": lambda x: np.sort(x, kind="stable"), "sort heap": lambda x: np.sort(x, kind="heapsort"),
    "argsort": lambda x: np.argsort(x), "argsort axis 0": lambda x: np.argsort(x, axis=0), "argsort stable": lambda x: np.argsort(x, stable=True),
    "partition": lambda x: np.partition(x, x.shape[-1] // 2), "partition ends": lambda x: np.partition(x, [0, -1], axis=0),
    "argpartition": lambda x: np.argpartition(x, -1), "argmax": lambda x: np.argmax(x), "argmin": lambda x: np.argmin(x),
    "argmax rows": lambda x: np.argmax(x, axis=-1), "argmin axis 0": lambda x: np.argmin(x, axis=0),
    "median": lambda x: np.median(x), "median rows": lambda x: np.median(x, axis=-1), "median axis 0": lambda x: np.median(x, axis=0, keepdims=True),
    "left": lambda x: np.searchsorted(np.sort(x.ravel()[:40]), x), "right": lambda x: np.searchsorted(np.sort(x.ravel()[:33]), x, "right")}
QUANTILES = {
    "a number": lambda x: np.quantile(x, 0.3), "some": lambda x: np.quantile(x, [0.1, 0.5, 0.5, 0.9], axis=0),
    "many": lambda x: np.quantile(x, np.linspace(0, 1, 31), axis=-1), "falling": lambda x: np.quantile(x, [0.9, 0.2, 1.0, 0.0], -1, method="lower"),
    "midpoint": lambda x: np.quantile(x, [[0.9, 0.2]], axis=-1, method="midpoint"), "nearest": lambda x: np.percentile(x, 75, method="nearest"),
    "percent": lambda x: np.percentile(x, 30.0), "percents": lambda x: np.percentile(x, [10, 99])}


def numbers(dtype, shape, rng):
    """Arrays of different numbers, of few, and of nan and zeros of both signs."""
    n = int(np.prod(shape))
    yield (rng.standard_normal(n) if np.dtype(dtype).kind == "f" else rng.integers(0, 100, n)).astype(dtype).reshape(shape)
    yield rng.integers(0, 4, n).astype(dtype).reshape(shape)
    if np.dtype(dtype).kind == "f":
        x = rng.standard_normal(n).astype(dtype)
        for special in (np.nan, -0.0, 0.0, np.inf):
            x[rng.integers(0, n, max(1, n // 7))] = special
        yield x.reshape(shape)


def check(f, x):
    with np.errstate(all="ignore"):
        want, got = f(x), ad.jit(f)(x)
    assert (np.shape(got), np.result_type(got)) == (np.shape(want), np.result_type(want))
    np.testing.assert_array_equal(got, want)
    return np.asarray(got), np.asarray(want)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_bits_as_numpy(name, dtype):
    rng = np.random.default_rng(0)
    for shape in ((1,), (2,), (7,), (65,), (300,), (3, 70), (2, 3, 66), (70, 3)):
        for x in numbers(dtype, shape, rng):
            got, want = check(FUNCTIONS[name], x)
            if want.dtype.kind == "f" and not name.startswith("median"):     # which zero a median is, NumPy does not say
                np.testing.assert_array_equal(np.signbit(np.nan_to_num(got)), np.signbit(np.nan_to_num(want)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
@pytest.mark.parametrize("name", QUANTILES)
@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="NumPy rounded quantiles of float32 otherwise before")
def test_quantiles(name, dtype):
    """Those of float32 were wrong in the last bit: NumPy computes the place in the dtype of q and the rest in that of the array."""
    rng = np.random.default_rng(1)
    for shape in ((2,), (7,), (65,), (3, 70)):
        for x in numbers(dtype, shape, rng):
            check(QUANTILES[name], x)


def order(x, ks, positions=False):
    """The functions themselves, on a matrix."""
    name = row_function("order_positions" if positions else "order_statistics", {}, x.dtype)
    y = np.zeros((len(x), len(ks)), np.int64 if positions else x.dtype)
    ks = np.array(ks, np.int64)
    p, i = ctypes.c_void_p, ctypes.c_int64
    f = ctypes.CFUNCTYPE(ctypes.c_int, p, p, p, i, i, i)(rows_address(name))
    assert f(x.ctypes.data, ks.ctypes.data, y.ctypes.data, len(x), x.shape[1], len(ks)) == 0
    return y


def awkward(n, rng):
    """Rows in orders that are hard for a selection."""
    up = np.arange(float(n))
    yield from (up, up[::-1].copy(), np.minimum(up, up[::-1]), np.zeros(n), up % 2, np.sort(rng.integers(0, 5, n)).astype(float),
                np.where(up % 3, up, -up), np.concatenate([up[::2], up[1::2]]))
    killer = up.copy()      # each median of three finds the ends
    for k in range(0, n - 1, 2):
        killer[k], killer[(k + n) // 2] = killer[(k + n) // 2], killer[k]
    yield killer
    yield rng.permutation(up)


@pytest.mark.parametrize("n", [1, 2, 23, 24, 25, 60, 200, 5000])
def test_selection_of_awkward_rows(n):
    rng = np.random.default_rng(n)
    x = np.array(list(awkward(n, rng)))
    for _ in range(3):
        ks = rng.integers(0, n, 5)
        np.testing.assert_array_equal(order(x, ks), np.sort(x)[:, ks])
        np.testing.assert_array_equal(order(x, ks, positions=True), np.argsort(x, kind="stable")[:, ks])


@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.uint8])
def test_partitions_are_those_of_numpy(dtype):
    rng = np.random.default_rng(6)
    f = ad.jit(lambda x, k: (np.partition(x, k), np.argpartition(x, k)))
    for n in [*range(1, 41), 1000]:
        for x in numbers(dtype, (n,), rng):
            for view in (x, x[::-1], x[::3]):
                k = rng.integers(-len(view), len(view), rng.integers(1, 4))
                for got, want in zip(f(view, k), (np.partition(view, k), np.argpartition(view, k)), strict=True):
                    assert got.dtype == want.dtype
                    np.testing.assert_array_equal(got, want)
    assert f.cache_info().reference_calls == ()


@pytest.mark.parametrize("f", [lambda x, k: np.partition(x, k), lambda x, k: np.argpartition(x, [0, k], axis=-1)])
def test_places_of_a_partition_out_of_range_raise_when_the_function_runs(f):
    g = ad.jit(f)
    np.testing.assert_array_equal(g(np.zeros((0, 3)), 7), f(np.zeros((0, 3)), 7))
    for x in (np.array([3.0, 1.0, 2.0]), np.ones((2, 3))):
        np.testing.assert_array_equal(g(x, 2), f(x, 2))
        for k in (3, -4, 2**62):
            for call in (f, g):
                with pytest.raises(ValueError, match="out of bounds"):
                    call(x, k)


def test_partitions_in_threads():
    rng = np.random.default_rng(7)
    f = ad.jit(lambda x: np.partition(x, 500))
    arrays = [rng.standard_normal(20000) for _ in range(8)]
    f(arrays[0])
    with ThreadPoolExecutor(4) as pool:
        for got, x in zip(pool.map(f, arrays * 10), arrays * 10, strict=True):
            np.testing.assert_array_equal(got, np.partition(x, 500))


def test_places_out_of_range_read_nothing_outside():
    x = np.array([[3.0, 1.0, np.nan]])
    np.testing.assert_array_equal(order(x, [-5, 7, 1]), [[1.0, np.nan, 3.0]])


def test_quantiles_out_of_range_raise_when_the_function_runs():
    """They were clipped, without a word."""
    f = ad.jit(lambda x, q: np.quantile(x, q))
    x = np.arange(5.0)
    assert f(x, 0.5) == 2.0
    for q in (1.5, -0.1, np.nan):
        with pytest.raises(ValueError, match="range"):
            f(x, q)
    with pytest.raises(ValueError, match="Percentiles"):
        ad.jit(lambda x, q: np.percentile(x, q))(x, 101.0)


@pytest.mark.parametrize("f", [lambda x: np.sum(np.sort(x) * np.arange(x.shape[0])), np.median, lambda x: np.quantile(x, 0.3),
                               lambda x: np.sum(np.quantile(x, [0.2, 0.71]) ** 2), lambda x: np.sum(np.partition(x, 20)[:20]),
                               lambda x: x[np.argmax(x)] * x[np.argmin(x)], lambda x: np.sum(np.sort(x.reshape(3, -1), axis=0)[1] ** 2)])
def test_gradients_follow_the_elements(f):
    x = np.random.default_rng(3).standard_normal(99)
    value, slope = ad.jit(ad.value_and_grad(f))(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-14)
    for k in (0, 7, 50, int(np.argmax(x)), int(np.argsort(x)[49]), int(np.argsort(x)[29])):
        step = np.zeros(99)
        step[k] = 1e-6
        np.testing.assert_allclose(slope[k], (f(x + step) - f(x - step)) / 2e-6, rtol=1e-6, atol=1e-7)


def test_lengths_may_change():
    f = ad.jit(lambda x: (np.sort(x)[::2], np.argsort(x), np.median(x), np.argmax(x), np.partition(x, x.shape[0] // 3)[x.shape[0] // 3]))
    rng = np.random.default_rng(4)
    for n in (40, 51, 200, 66, 1000, 18):
        x = rng.standard_normal(n)
        for got, want in zip(f(x), (np.sort(x)[::2], np.argsort(x), np.median(x), np.argmax(x), np.sort(x)[n // 3]), strict=True):
            np.testing.assert_array_equal(got, want)


def test_without_numpys_functions_the_reference_is_called(monkeypatch):
    monkeypatch.setattr(rows, "_works", lambda name: False)
    assert row_function("sort", {"kind": 0}, np.dtype(np.float64)) == ""
    assert row_function("sort", {"kind": 1}, np.dtype(np.float64)) == ""


@pytest.mark.parametrize("f", [np.median, lambda x: np.quantile(x, 0.3), lambda x: np.argmax(x), lambda x: np.sort(x)[3], ad.grad(np.median)])
def test_kernels_hold_no_array_from_outside(f):
    """A review found that the places of a median were one: such a kernel cannot be called from Numba or C."""
    compiled, x = ad.jit(f, wait=True), np.random.default_rng(0).random(70)
    compiled(x)
    assert all(e.kernel.has_address and not e.captured for e in compiled._entries.values())
