"""The LLVM generator: shared machine code, vectors of every length, errors, what it leaves to Numba."""

import numpy as np
import pytest

import autodiff as ad
from codegen import compile as kernels
from codegen.backends.llvm.kernel import LlvmKernel, why_not
from codegen.backends.llvm.made import NotKnown
from codegen.compile import compile_graph
from codegen.config import config
from tests import guard
from tracer.trace import evaluate, trace_flat
from tracer.types import type_of_value

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
RNG = np.random.default_rng(0)


def traced(f, *xs):
    return trace_flat(lambda *ts: [f(*ts)], [type_of_value(x) for x in xs])


def check(f, *xs, rtol=1e-13, threads=1):
    t = traced(f, *xs)
    g, xs = t.graph, (*xs, *t.captured)
    k = compile_graph(g, "llvm", threads)
    assert isinstance(k, LlvmKernel)
    with np.errstate(all="ignore"):
        want = evaluate(g, xs)[0]
    got = k.run(*xs)[0]
    finite = np.abs(np.asarray(want, float))[np.isfinite(np.asarray(want, float))]
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * float(np.max(finite, initial=0)))
    with guard.guarded_call(k, *xs) as (code, out):
        assert code == 0
        np.testing.assert_array_equal(out[0], got)
    return k


LENGTHS = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 18, 23, 31, 32, 33, 63, 64, 65, 100, 1000]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32, np.int8, np.uint16])
@pytest.mark.parametrize("n", LENGTHS)
def test_every_length(n, dtype):
    x = (RNG.uniform(-9, 9, n)).astype(dtype)
    check(lambda x: x * 3 + x[::-1], x)
    check(lambda x: np.sum(np.abs(x), dtype=x.dtype), x, rtol=1e-6 if dtype == np.float32 else 1e-13)
    if n:
        check(lambda x: np.max(x), x)
        check(lambda x: np.min(x), x)


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 5), (2, 3), (7, 9), (17, 33), (4, 0), (0, 4), (3, 4, 5), (2, 17, 3)])
@pytest.mark.parametrize("axis", [0, -1, None])
def test_reductions_along_every_axis(shape, axis):
    x = RNG.standard_normal(shape)
    check(lambda x: np.sum(x, axis=axis), x)
    check(lambda x: np.prod(x, axis=axis), x)
    check(lambda x: np.any(x > 1, axis=axis), x)
    check(lambda x: np.all(x > -1, axis=axis), x)
    if x.size:
        check(lambda x: np.max(x, axis=axis), x)
        check(lambda x: np.max(x.T, axis=axis), x)
        check(lambda x: np.sum(np.exp(x.T - np.max(x)), axis=axis), x)


def test_sums_are_as_accurate_as_numpys():
    x = RNG.uniform(0, 1, 1 << 20).astype(np.float32)
    exact = np.sum(x.astype(np.float64))
    got = ad.jit(np.sum)(x)
    assert got.dtype == np.float32
    assert abs(float(got) - exact) <= 2 * abs(float(np.sum(x)) - exact) + float(np.spacing(np.float32(exact)))


def test_nan_and_infinity_pass_through():
    x = np.array([1.0, np.nan, -np.inf, np.inf, -0.0] * 5)
    for f in (np.max, np.min, np.sum, lambda x: np.fmax(x, 1.0), lambda x: x * 0, lambda x: x - x, lambda x: np.maximum(x, 0)):
        check(f, x)
    assert np.signbit(ad.jit(lambda x: x * -1.0)(np.zeros(20))).all()


def test_one_machine_code_for_all_shapes():
    def loss(x):
        return np.mean((x[1:] - x[:-1]) ** 2) + np.sum(np.tanh(x)) / len(x)
    f = ad.value_and_grad(loss)
    codes = set()
    for n in (100, 101, 250, 1000, 4097):
        x = RNG.standard_normal(n)
        g = trace_flat(lambda *ts: list(f(*ts)), [type_of_value(x)]).graph
        k = compile_graph(g, "llvm")
        codes.add(k.address)
        np.testing.assert_allclose(k.run(x)[1], f(x)[1], rtol=1e-12)
    assert len(codes) == 1


def test_shapes_of_other_structure_have_their_own():
    def f(x, y):
        return np.sum(x * y)
    a = check(f, np.ones((30, 40)), np.ones((30, 40)))
    b = check(f, np.ones((30, 40)), np.ones((1, 40)))
    c = check(f, np.ones((50, 60)), np.ones((50, 60)))
    assert a.address == c.address != b.address


def test_long_programs_are_cut_into_functions():
    def f(x):
        s = x[0]
        for k in range(1, 9):
            for i in range(20):
                s = np.sin(s) * x[k] + i
        return s
    k = check(f, RNG.standard_normal(10), rtol=1e-10)
    assert k.module.text.count("define internal i32 @part") > 1


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_give_the_same(threads, monkeypatch):
    monkeypatch.setattr("codegen.loops.passes.share_loops.ENOUGH", 0)
    x = RNG.standard_normal((67, 45))

    def softmax(x):
        z = x - np.max(x, axis=1, keepdims=True)
        return np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    check(softmax, x, threads=threads)
    check(lambda x: np.sum(np.tanh(x)), x, threads=threads)
    check(lambda x: np.max(x) + np.prod(x * 0.01 + 1) + np.any(x > 2), x, threads=threads)
    check(lambda x: np.sum(x, axis=0), x, threads=threads)
    check(lambda x: x @ x.T, x, threads=threads)
    check(ad.grad(lambda x: np.sum(softmax(x) ** 2)), x, threads=threads)
    check(lambda x: x[np.arange(67) % 5], x, threads=threads)
    k = check(lambda x: np.sum(x * x), x, threads=threads)
    assert k.run(x)[0] == k.run(x)[0]


def test_error_in_a_thread(monkeypatch):
    monkeypatch.setattr("codegen.loops.passes.share_loops.ENOUGH", 0)
    f = ad.jit(lambda x, i: np.sin(x[i]), threads=2)
    x, i = np.arange(100.0), np.arange(100)
    np.testing.assert_allclose(f(x, i), np.sin(x))
    i[77] = 100
    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 100"):
        f(x, i)


def test_what_is_not_known_goes_to_numba_and_says_so(monkeypatch):
    def refuse(graph, threads):
        raise NotKnown("a made-up operation")
    monkeypatch.setattr("codegen.backends.llvm.kernel.llvm_kernel", refuse)
    f = ad.jit(lambda x: x + 1)
    assert f(1.0) == 2.0
    assert "generated through Numba: a made-up operation" in f.why()
    monkeypatch.setattr(config, "generator", "llvm")
    with pytest.raises(RuntimeError, match="a made-up operation"):
        ad.jit(lambda x: x + 2)(1.0)


def test_generators_agree():
    def f(x):
        return ad.value_and_grad(lambda x: np.sum(np.log1p(np.exp(x)) * np.cumsum(x)))(x)
    x = RNG.standard_normal(50)
    g = trace_flat(lambda *ts: list(f(*ts)), [type_of_value(x)]).graph
    for a, b in zip(kernels.compile_graph(g, "llvm").run(x), kernels.compile_graph(g, "numba").run(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_references_are_called():
    f = ad.jit(lambda x: np.sort(x, kind="heapsort"))
    np.testing.assert_array_equal(f(np.array([3.0, 1.0, 2.0])), [1.0, 2.0, 3.0])
    assert f.cache_info().reference_calls == ("sort",)


def test_exceptions_of_references_come_through():
    f = ad.jit(np.linalg.cholesky)
    np.testing.assert_allclose(f(np.eye(3) * 4), np.eye(3) * 2)
    for _ in range(3):
        with pytest.raises(np.linalg.LinAlgError):
            f(-np.eye(3))


@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 8, 17, 18, 21, 40])
def test_every_width_of_vectors(n, width, monkeypatch):
    """Registers narrower than this machine's: without masks the last elements are done one by one."""
    from codegen import host
    if width > host.vector_bytes():
        width = host.vector_bytes()
    monkeypatch.setattr(host, "vector_bytes", lambda: width)
    x, y = RNG.uniform(-1, 1, n), RNG.uniform(-1, 1, (n, 5))
    check(lambda x: np.where(x > 0.1, np.sin(x), x * x) + (x < 0.2), x)
    check(lambda x: x > 0.3, x)
    check(lambda y: np.sum(y * np.exp(y), axis=0), y)
    check(lambda y: np.sum(y, axis=1) + np.max(y, axis=1, initial=-2.0), y)
    check(lambda y: y.T[1:3] * 2.0, y)
    check(lambda y: y[:, ::-2] + y[:, 1:2], y)
    check(lambda x: np.sum(np.minimum(x, 0.2)) + np.sum(x * x, dtype=np.float64), x)
    f32 = x.astype(np.float32)
    check(lambda x: np.sum(x * x), f32, rtol=1e-6)
    z = x.copy()
    check(lambda z: np.cumsum(z)[::-1] * (z >= 0), z)


@pytest.mark.parametrize("n", [1, 3, 5, 8, 11, 13, 17, 19])
def test_stores_that_are_no_neighbours_stay_inside(n):
    """The last lanes of a vector are outside of the loop: they store nothing. A planted fault that let them store was not noticed."""
    def f(x):
        y = ad.numpy.zeros((2 * n, 3))
        y[::2, 1] = x * 2.0
        y[n:, 2] = np.exp(x)
        return y
    check(f, RNG.standard_normal(n))
    check(lambda x: np.stack([np.exp(x), x * 2.0], axis=1), RNG.standard_normal(n))
