"""The native entry: the same results as the general way, nothing lost, and the general way for everything it does not know."""

import ctypes
import gc
import sys
import threading
from collections import namedtuple

import numpy as np
import pytest

import autodiff as ad
from autodiff.compiled.background import drain
from codegen.entry import native as native_entry

pytestmark = pytest.mark.skipif(not native_entry.available(), reason=native_entry.why_not())
X = np.linspace(0.1, 1.0, 10)
Point = namedtuple("Point", "x y")


def square(x):
    return np.sum(x * x)


def served(f, *args):
    """The result, and whether the native entry gave it without help."""
    f(*args)
    before = f.cache_info().hits, f._slow_hits
    y = f(*args)
    assert f.cache_info().hits == before[0] + 1
    return y, f._slow_hits == before[1]


@pytest.mark.parametrize("args", [
    (X,), (X.astype(np.float32),), (np.arange(3),), (np.array([True, False]),), (1.5,), (3,), (True,), (np.float32(2.5),), (np.float64(2.5),),
    (np.int64(4),), (np.array(2.0),), (np.zeros((0,)),), (np.zeros((2, 0, 3)),), ({"a": X, "b": X[:3].copy()},), ([X, (X, 2.0)],),
    (Point(X, X[:2].copy()),), (X, None), ({"a": None, "b": X},), ({"k": {"k": [X]}},), (X, X), ((), X)], ids=str)
def test_arguments(args):
    def f(*args):
        return [a for a in _leaves(args)], {"sum": sum([np.sum(a * 2) for a in _leaves(args)])}
    jitted = ad.jit(f)
    got, native = served(jitted, *args)
    want = f(*args)
    assert native
    for g, w in zip(got[0], want[0], strict=True):
        assert type(g) is (np.ndarray if np.ndim(w) else type(np.asarray(w)[()]))
        np.testing.assert_array_equal(g, w)
    np.testing.assert_allclose(got[1]["sum"], want[1]["sum"], rtol=1e-6)


def _leaves(tree):
    from tracer.tree import flatten
    return flatten(tree)[0]


@pytest.mark.parametrize("result", [
    lambda x: x * 2, lambda x: (x * 2,), lambda x: [x * 2, x.sum()], lambda x: {"b": x * 2, "a": (x.sum(), None)}, lambda x: Point(x * 2, x.sum()),
    lambda x: (), lambda x: None, lambda x: ({}, [], x + 1), lambda x: (x.sum(), x > 0.5, x.astype(np.int32))])
def test_results(result):
    jitted = ad.jit(result)
    got, native = served(jitted, X)
    want = result(X)
    assert native and type(got) is type(want)
    for g, w in zip(_leaves(got), _leaves(want), strict=True):
        assert np.asarray(g).dtype == np.asarray(w).dtype
        np.testing.assert_allclose(g, w)


def test_other_arguments_go_the_general_way():
    f = ad.jit(square)
    assert f(X) == pytest.approx(square(X))
    np.testing.assert_allclose(f(X[::2]), square(X[::2]))
    np.testing.assert_allclose(f(X[::-1]), square(X))
    np.testing.assert_allclose(f(X.astype(">f8")), square(X))
    np.testing.assert_allclose(f(np.asfortranarray(np.outer(X, X))), square(np.outer(X, X)))
    unaligned = np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float64)
    assert not unaligned.flags.aligned
    np.testing.assert_allclose(f(unaligned), square(X))
    assert f(2) == 4 and f(2.0) == 4.0
    with pytest.raises(OverflowError, match="beyond 64 bits"):      # in Python it is 10**20: the wrapped number would be a wrong one
        f(10**10)
    with pytest.raises(TypeError):
        f()
    with pytest.raises(TypeError):
        f("text")


def test_whole_numbers_that_do_not_fit():
    f = ad.jit(lambda n: n + 1)
    assert f(1) == 2
    with pytest.raises((OverflowError, TypeError)):
        f(2**70)


def test_dicts_with_other_keys_are_another_structure():
    f = ad.jit(lambda p: {k: v * 2 for k, v in p.items()})
    assert f({"a": 1.0, "b": 2.0}) == {"a": 2.0, "b": 4.0}
    assert f({"b": 2.0, "a": 1.0}) == {"a": 2.0, "b": 4.0}      # its result has the order b, a
    assert f({"a": 1.0, "c": 2.0}) == {"a": 2.0, "c": 4.0}
    assert f({"a": 1.0}) == {"a": 2.0}
    assert f.cache_info().misses == 4


def test_references_are_counted_right():
    f = ad.jit(lambda p, x: {"y": p["a"] * 2, "z": (x + 1, np.sum(x))})
    p, x = {"a": X.copy()}, X.copy()
    f(p, x)
    drain()     # what other tests have left to be compiled
    while gc.collect():     # what one collection finalises leaves garbage for the next
        pass
    before = [sys.getrefcount(o) for o in (p, p["a"], x, x.dtype, np.float64, None)]
    kept = [f(p, x) for _ in range(1000)]
    y = kept[0]["y"]
    assert sys.getrefcount(y) == 3      # the dict, the variable, the argument
    del kept, y
    gc.collect()
    after = [sys.getrefcount(o) for o in (p, p["a"], x, x.dtype, np.float64, None)]
    assert all(abs(a - b) < 50 for a, b in zip(after, before, strict=True)), (before, after)


def test_errors_leave_nothing_behind():
    f = ad.jit(lambda x, i: (x * 2, x[i]))
    assert f(X, 3)[1] == X[3] and f(X, -1)[1] == X[-1]
    before = sys.getrefcount(X)
    for _ in range(100):
        with pytest.raises(IndexError, match="axis 0 with size 10"):
            f(X, 10)
    assert abs(sys.getrefcount(X) - before) < 5
    assert f(X, 3)[1] == X[3]


def test_large_results_are_given_out_again_only_when_dropped():
    f = ad.jit(lambda x: x * 2)
    x = np.ones(100_000)
    first = f(x)
    address = first.ctypes.data
    second = f(x)
    assert second.ctypes.data != address and not np.shares_memory(first, second)
    view = second[::2]
    place = second.ctypes.data
    del first, second
    third = f(x)
    assert third.ctypes.data != place      # a view keeps its array
    del view, third
    np.testing.assert_array_equal(f(x), 2 * x)


def test_several_signatures_in_a_chain():
    f = ad.jit(square)
    for n in range(1, 30):
        assert f(np.ones(n)) == n
    for n in range(1, 30):
        assert f(np.ones(n)) == n
    assert f.cache_info().misses == 29


def test_signatures_that_are_thrown_out():
    f = ad.jit(square, max_signatures=3)
    for _ in range(3):
        for n in range(1, 8):
            assert f(np.ones(n)) == n
    assert f.cache_info().currsize == 3


def test_closures_are_read_at_each_call():
    scale = np.ones(10)
    f = ad.jit(lambda x: np.sum(x * scale))
    assert f(X) == pytest.approx(X.sum())
    scale[:] = 3
    assert f(X) == pytest.approx(3 * X.sum())


def test_eight_threads_call_and_compile():
    f = ad.jit(lambda x: (np.sum(np.sin(x) * x), x * 2))
    problems = []

    def work(k):
        for i in range(200):
            x = np.full(10 + (i + k) % 7, 0.5 + k)
            v, y = f(x)
            if abs(v - np.sum(np.sin(x) * x)) > 1e-12 or not np.array_equal(y, 2 * x):
                problems.append((k, i))
    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not problems and f.cache_info().misses == 7


def test_bind():
    x = X.copy()
    f = ad.jit(ad.value_and_grad(square))
    g, same = f.bind(x), f.bind(x, reuse=True)
    a, b = g(), g()
    assert a[1] is not b[1] and same()[1] is same()[1]
    x[:] = 2
    np.testing.assert_array_equal(g()[1], 4.0)
    np.testing.assert_array_equal(same()[1], 4.0)
    np.testing.assert_array_equal(b[1], 2 * X)
    strided = ad.jit(square).bind(X[::2])
    assert strided() == pytest.approx(square(X[::2]))


def test_many_calls_do_not_grow():
    import resource
    f = ad.jit(ad.value_and_grad(lambda p: np.sum(p["w"] * p["w"]) + p["b"]))
    p = {"w": np.ones(20), "b": 2.0}
    for _ in range(2000):
        f(p)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(100_000):
        f(p)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1024


def test_statics_go_the_general_way():
    f = ad.jit(lambda x, n: x * n, static_argnums=1)
    np.testing.assert_array_equal(f(X, 2), 2 * X)
    np.testing.assert_array_equal(f(X, 3), 3 * X)


def test_keywords():
    f = ad.jit(lambda x, scale=1.0: x * scale)
    np.testing.assert_array_equal(f(X, scale=2.0), 2 * X)
    np.testing.assert_array_equal(f(X), X)


def test_donated_arguments_are_overwritten_where_that_is_right():
    step = ad.jit(lambda p, g: {k: p[k] - 0.1 * g[k] for k in p}, donate=0)
    p, g = {"w": np.ones((4, 5)), "b": np.ones(5)}, {"w": np.ones((4, 5)), "b": np.ones(5)}
    step({"w": np.ones((4, 5)), "b": np.ones(5)}, g)
    out = step(p, g)
    assert out["w"] is p["w"] and out["b"] is p["b"]
    np.testing.assert_allclose(p["w"], 0.9)
    for _ in range(5):
        p = step(p, g)
    np.testing.assert_allclose(p["b"], 0.4)


@pytest.mark.parametrize("f", [lambda x: x[::-1] * 2, lambda x: x - np.sum(x), lambda x: x @ np.ones((6, 6)), lambda x: (x * 2, x + 1),
                               lambda x: np.cumsum(x, axis=0), lambda x: np.sin(x) + x.T, lambda x: np.exp(x) / np.sum(np.exp(x)),
                               lambda x: (np.max(x, axis=0) + x, x.sum()), lambda x: np.roll(x, 1)])
def test_donated_arguments_give_the_same_results(f):
    x = np.random.default_rng(0).standard_normal((6, 6))
    want = _leaves(f(x))
    g = ad.jit(f, donate=0)
    g(x.copy())
    for got, w in zip(_leaves(g(x.copy())), want, strict=True):
        np.testing.assert_allclose(got, w, rtol=1e-13)


def test_large_results_of_a_loop_take_turns():
    f = ad.jit(lambda x: x * 1.0)
    x = np.ones(100_000)
    places = set()
    for _ in range(10):
        x = f(x)
        places.add(x.ctypes.data)
    assert len(places) <= 3


def test_what_is_watched_sends_calls_to_the_fallback():
    def f():
        return w
    w = object()
    cell, space, first, second = f.__closure__[0], {"a": X}, f.__code__, (lambda: 2).__code__
    calls = []
    function = native_entry.NativeFunction(lambda *args: calls.append(args), [])
    table = ad.jit(lambda x: x * 2)
    table(X)
    function.set(table._native.signatures)
    function.watch([native_entry.Word(cell, w), native_entry.Word(f, first), native_entry.Item(space, "a", X), native_entry.Item(space, "b", None)])

    def goes_to_the_kernel():
        calls.clear()
        return function.call(X) is not None and not calls
    assert goes_to_the_kernel()
    for change, back in ((lambda: space.update(b=1), lambda: space.pop("b")), (lambda: space.update(a=None), lambda: space.update(a=X)),
                         (lambda: space.pop("a"), lambda: space.update(a=X))):
        change()
        assert not goes_to_the_kernel() and calls == [(X,)]
        back()
        assert goes_to_the_kernel()
    kept, w = w, None
    assert not goes_to_the_kernel()
    w = kept
    assert goes_to_the_kernel()
    function.watch([])
    space.clear()
    assert goes_to_the_kernel()
    assert native_entry.word_offset(f, second) is None and native_entry.word_offset(f, first) is not None


def test_truth_values_are_numpys_own():
    # NumPy compares its truth values by identity: one that was made anew was false in `if`, whatever it held.
    f = ad.jit(lambda x: (x.sum() < 1.0, x.sum() >= 1.0, x))
    for x in (np.zeros(3), np.ones(3)) * 3:
        small, large, _ = f(x)
        assert small in (np.True_, np.False_) and small is not large and (small is np.True_) == (x.sum() < 1.0)
        assert bool(small) == (x.sum() < 1.0) and bool(large) == (x.sum() >= 1.0) and (not small) == bool(large)
    g = ad.jit(lambda x: np.all(x > 0))
    assert [bool(g(x)) for x in (np.ones(2), -np.ones(2)) * 3] == [True, False] * 3


def test_the_definition_of_a_builtin_outlives_it():
    """Found at the end of a process: collected with its definition, a builtin read flags from memory that had been given back.

    Other tests drop functions too, but the memory is nearly always untouched when it is read.
    """
    functions = [native_entry.NativeFunction(lambda *args: args, []) for _ in range(3)]
    definitions = {ctypes.c_int64.from_address(id(f.call) + 16).value for f in functions}     # PyCFunctionObject.m_ml
    assert definitions == {native_entry._definition()}
    before = bytes((ctypes.c_char * 32).from_address(native_entry._definition()))
    del functions
    gc.collect()
    assert bytes((ctypes.c_char * 32).from_address(native_entry._definition())) == before
