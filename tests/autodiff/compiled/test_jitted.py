"""jit: what is compiled when, what a call takes, and what it says about itself."""

import functools
import threading

import numpy as np
import pytest

import autodiff as ad
from codegen.config import config
from tests.check import assert_same

X = np.linspace(0.1, 1.0, 5)


def test_compiled_once_for_a_signature():
    f = ad.jit(lambda x: x * 2)
    for _ in range(3):
        f(X)
    info = f.cache_info()
    assert (info.hits, info.misses, info.currsize) == (2, 1, 1)
    assert info.kernel_seconds == 0 and info.compile_seconds > 0
    f(X[:3])
    f(X.astype(np.float32))
    f(2.0)
    f(2)
    assert f.cache_info().misses == 5
    f.cache_clear()
    assert f.cache_info().currsize == 0


def test_why():
    f = ad.jit(lambda p, s: p["w"] * s)
    assert "not been called" in f.why()
    f({"w": X}, 2.0)
    assert "first call" in f.why()
    f({"w": X[:4]}, 2.0)
    assert f.why() == "`function` compiled anew: argument 0['w'] is f64[4], not f64[5]"
    f({"w": X[:4]}, 2)
    assert "argument 1 is a Python int, not a Python float" in f.why()
    f({"w": X, "v": X}, 2.0)
    assert "structure" in f.why()


def test_why_counts_calls_of_numpy():
    f = ad.jit(lambda x: np.sort(x, kind="heapsort"))
    np.testing.assert_array_equal(f(X), np.sort(X))
    assert "it calls NumPy for sort" in f.why()
    assert f.cache_info().reference_calls == ("sort",)


def test_static_arguments_by_number_and_name():
    def power(x, n, name="a"):
        assert isinstance(n, int)
        return x ** n if name == "a" else x
    for f in (ad.jit(power, static_argnums=1, static_argnames="name"), ad.jit(power, static_argnames=("n", "name"))):
        np.testing.assert_allclose(f(X, 3), X ** 3)
        np.testing.assert_allclose(f(X, n=2), X ** 2)
        np.testing.assert_allclose(f(X, 2, name="b"), X)
        before = f.cache_info().misses
        f(X, 3)
        assert f.cache_info().misses == before
    f(X, 4)
    assert "static argument" in f.why()
    with pytest.raises(TypeError, match="cannot be hashed"):
        f(X, [1])
    with pytest.raises(ValueError, match="no parameter"):
        ad.jit(power, static_argnames="m")


def test_true_one_and_one_point_zero_are_different_statics():
    f = ad.jit(lambda x, k: x * (10 if k is True else 1), static_argnums=1)
    assert f(2.0, 1) == 2.0 and f(2.0, True) == 20.0


def test_keywords_defaults_trees_and_scalars():
    @ad.jit
    def f(x, *, scale=2.0, extra=None):
        return {"y": x * scale, "z": [x.sum(), None], "n": 3} if extra is None else x + extra
    out = f(X, scale=3.0)
    np.testing.assert_allclose(out["y"], X * 3)
    assert out["z"][1] is None and out["n"] == 3
    np.testing.assert_allclose(f(X, extra=X), 2 * X)
    assert isinstance(f(X)["z"][0], np.float64)


def test_methods():
    class Model:
        def __init__(self):
            self.w = X

        @ad.jit
        def fixed(x):
            return x * 2
    np.testing.assert_allclose(Model.fixed(X), 2 * X)


@pytest.mark.parametrize("view", [X[::-1], X[::2], np.broadcast_to(2.0, (5,)), X.astype(">f8"), np.frombuffer(X.tobytes()),
                                  np.zeros(0), np.array(3.0)], ids=["reversed", "strided", "broadcast", "swapped", "read-only", "empty", "0-d"])
def test_any_layout(view):
    f = ad.jit(ad.value_and_grad(lambda x: (x * x).sum()))
    kept = np.array(view)
    value, g = f(view)
    np.testing.assert_allclose(value, (kept * kept).sum())
    np.testing.assert_allclose(g, 2 * kept)
    np.testing.assert_array_equal(view, kept)


def test_two_dimensional_layouts():
    A = np.arange(12.0).reshape(3, 4)
    f = ad.jit(lambda a: a.sum(axis=0) @ np.ones(a.shape[1]))
    for view in (A, A.T, np.asfortranarray(A), A[:, ::2], A[::-1]):
        np.testing.assert_allclose(f(view), view.sum())


def test_closed_over_arrays_are_read_at_each_call():
    w = X.copy()
    f = ad.jit(lambda x: (x * w).sum())
    a = f(X)
    w *= 2
    np.testing.assert_allclose(f(X), 2 * a)


def test_stages_and_source():
    f = ad.jit(ad.value_and_grad(lambda x: np.sum(np.tanh(x))))
    assert "tanh" in f.source(X) and f.source(X).startswith("def kernel(")
    compile(f.source(X), "kernel", "exec")
    for stage, word in (("graph", "tanh("), ("derivative", "mul("), ("simplified", "sum("), ("loops", "for i0"), ("source", "range")):
        assert word in ad.show(lambda x: np.sum(np.tanh(x)), X, stage=stage)
    with pytest.raises(ValueError, match="stage"):
        ad.show(f, X, stage="assembler")
    assert f.cache_info().misses == 0


def test_stage_llvm_is_what_the_generator_writes():
    from codegen.backends.llvm.kernel import this_machine
    from codegen.backends.llvm.module import emit_llvm
    from codegen.stages import stages
    f = ad.grad(lambda x: np.sum(np.tanh(x)))
    machine = this_machine()
    st = stages(ad.jit(f).trace(X), machine)
    assert ad.show(f, X, stage="llvm") == emit_llvm(st.program, st.plan, machine).text


def test_stage_llvm_says_what_the_generator_cannot_write(monkeypatch):
    from codegen.backends.llvm import module as emit_llvm
    from codegen.backends.llvm import scalar as scalar_llvm

    def refuse(*args):
        raise scalar_llvm.NotKnown("tanh of booleans")
    monkeypatch.setattr(emit_llvm, "emit_llvm", refuse)
    assert ad.show(np.tanh, X, stage="llvm") == "the LLVM generator has no code for tanh of booleans; the kernel is generated through Numba"


class Halving:
    """An object that is called, and has a method."""

    def __call__(self, x):
        while x > 1.0:
            x = x / 2.0
        return x

    def rest(self, x):
        return self(x) if x > 1.0 else x


def test_stage_converted():
    def f(x):
        if x[0] > 0.0:
            x = -x
        return np.sum(x)
    for g in (f, ad.jit(f), ad.grad(f), ad.jit(ad.value_and_grad(f)), functools.partial(f)):
        assert ad.show(g, stage="converted").startswith("def f(x):") and "hooks__.if_(" in ad.show(g, stage="converted")
    assert "hooks__.while_(" in ad.show(Halving(), stage="converted")
    assert "hooks__.choose(" in ad.show(Halving().rest, 1.0, stage="converted")


def test_stage_converted_says_why_a_function_is_not_captured():
    space: dict = {}
    exec("def made(x): return {}".format("x"), space)   # noqa: UP032 - a text that nothing holds afterwards
    for f, why in ((space["made"], "no source"), (np.sum, "not a Python function of the user's"),
                   (np.sin, "not a Python function of the user's"), (ad.numpy.softmax, "not a Python function of the user's")):
        text = ad.show(f, stage="converted")
        assert text.startswith(f"`{f.__name__}` is not captured: ") and why in text


def test_from_many_threads():
    f = ad.jit(ad.value_and_grad(lambda a: np.sum(np.tanh(a @ a.T))))
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((n % 3 + 8, 8)) for n in range(24)]
    want = [ad.value_and_grad(lambda a: np.sum(np.tanh(a @ a.T)))(a) for a in inputs]
    errors = []

    def work(k):
        try:
            for a, (v, g) in list(zip(inputs, want))[k::4] * 20:
                v2, g2 = f(a)
                np.testing.assert_allclose(v2, v)
                np.testing.assert_allclose(g2, g)
        except AssertionError as e:
            errors.append(e)
    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors and f.cache_info().misses == 3


def test_oldest_kernels_go():
    f = ad.jit(lambda x: x + 1, max_signatures=2)
    for n in (1, 2, 3):
        f(X[:n])
    assert f.cache_info().currsize == 2


def test_a_failed_trace_leaves_nothing_behind():
    f = ad.jit(lambda x: x + object())
    with pytest.raises(TypeError, match="object"):
        f(X)
    assert f.cache_info().currsize == 0
    assert ad.grad(lambda x: x * 1.0)(2.0) == 1.0  # no trace is left open


def test_seconds_in_kernels_are_counted_on_request():
    f = ad.jit(lambda x: x * 2, timed=True)
    f(X)
    assert f.cache_info().kernel_seconds > 0


def test_the_entry_tried_first_takes_nothing_for_another():
    from collections import namedtuple
    Pair = namedtuple("Pair", "a b")
    f = ad.jit(lambda t, s: ({"sum": t["a"] + t["b"][0], "pair": Pair(s, t["b"][1])}, [s * 2], None))
    tree = {"a": X, "b": (X + 1, 2.0)}
    for args in [(tree, 3.0), (tree, 3.0), (tree, 3), ({"a": X, "b": (X[:1], 2.0)}, 3.0), ({"a": X, "b": [X, 2.0]}, 3.0),
                 ({"a": X, "b": (X, 2.0), "c": X}, 3.0), (tree, X), (tree, np.float32(1)), ({"a": X.astype(np.float32), "b": (X, 2.0)}, 3.0)]:
        t, s = args
        for _ in range(2):
            out = f(*args)
            np.testing.assert_allclose(out[0]["sum"], t["a"] + t["b"][0])
            assert out[0]["pair"].b == t["b"][1] and out[2] is None
            np.testing.assert_allclose(out[1][0], np.asarray(s) * 2)
    with pytest.raises(TypeError):
        f(tree)
    assert f.cache_info().misses == 8


def test_memory_of_large_results_is_reused_only_when_dropped():
    f = ad.jit(lambda x: x * 2)
    x = np.arange(100_000.0)
    a = f(x)
    view = a[10:20]
    kept = view.copy()
    del a
    b = f(x + 1)  # the view keeps the first result alive
    np.testing.assert_array_equal(view, kept)
    where = b.ctypes.data
    del b
    f(x)
    c = f(x + 2)
    np.testing.assert_array_equal(c, 2 * (x + 2))
    d = f(x + 3)
    assert c.ctypes.data != d.ctypes.data and where
    np.testing.assert_array_equal(c, 2 * (x + 2))


def test_zero_dimensional_arrays_are_scalars():
    f = ad.jit(lambda s, x: x * s)
    for s in (np.array(3.0), np.float64(3.0), np.array(3.0)):
        np.testing.assert_array_equal(f(s, X), 3 * X)
    assert f.cache_info().misses == 1


def test_without_arguments_and_with_constant_results():
    np.testing.assert_array_equal(ad.jit(lambda: np.ones(3) * 2)(), [2, 2, 2])
    f = ad.jit(lambda x: (1.5, None, x, np.arange(3)))
    for _ in range(2):
        a, b, c, d = f(X)
        assert (a, b) == (1.5, None)
        np.testing.assert_array_equal(d, [0, 1, 2])


def test_arguments_are_named_in_errors():
    with pytest.raises(TypeError, match=r"argument 1\['a'\]\[0\] is set"):
        ad.jit(lambda x, d: x)(X, {"a": [{1, 2}]})
    with pytest.raises(TypeError, match="argument 'mode' is complex"):
        ad.jit(lambda x, mode: x)(X, mode=2j)


def test_statics_inside_tuples_are_told_apart_by_type_and_sign():
    f = ad.jit(lambda x, k: x * (10 if k[0] is True else 1) + np.copysign(1.0, k[1]), static_argnums=1)
    assert f(2.0, (1, 0.0)) == 3.0
    assert f(2.0, (True, 0.0)) == 21.0
    assert f(2.0, (1, -0.0)) == 1.0


def test_blas_threads_are_as_before_after_calls_from_many_threads():
    from codegen.runtime.blas import one_thread
    limit = one_thread()
    if limit is None:
        return  # another BLAS: nothing is changed, so there is nothing to give back
    before = limit.threads()
    a, b = threading.Barrier(2), threading.Barrier(2)

    def first():
        limit.enter()
        a.wait()
        b.wait()
        limit.leave()  # last in, last out: the other one has left meanwhile

    t = threading.Thread(target=first)
    t.start()
    a.wait()
    limit.enter()
    assert limit.threads() == 1
    limit.leave()
    assert limit.threads() == 1, "the first is still inside"
    b.wait()
    t.join()
    assert limit.threads() == before

@pytest.mark.parametrize("generator", ["llvm", "numba"])
def test_static_arguments_and_keywords_go_the_direct_way(generator, monkeypatch):
    monkeypatch.setattr(config, "generator", generator)

    def f(x, n, y=1.0, *, scale=2.0):
        return x * n + y * scale
    g = ad.jit(f, static_argnums=1)
    x = np.arange(3.0)
    for _ in range(3):      # the first call compiles, later ones are hits
        assert_same(g(x, 2), f(x, 2))
        assert_same(g(x, 3), f(x, 3))
        assert_same(g(x, 2, x), f(x, 2, x))
        assert_same(g(x, 2, y=x), f(x, 2, y=x))
        assert_same(g(x, n=2, y=3.0), f(x, n=2, y=3.0))
        assert_same(g(y=x, n=2, x=x, scale=0.5), f(y=x, n=2, x=x, scale=0.5))
        assert_same(g(x, 2, scale=x), f(x, 2, scale=x))
        assert_same(g(x[:2], 2), f(x[:2], 2))
    assert g.cache_info().misses == 8 and g.cache_info().hits == 16


@pytest.mark.parametrize("generator", ["llvm", "numba"])
def test_results_have_the_order_of_the_callers_dict(generator, monkeypatch):
    # Keys came back sorted. Calls with the same keys in two orders have a kernel each, which both direct ways tell apart.
    monkeypatch.setattr(config, "generator", generator)
    f = ad.jit(lambda p: {k: 2 * v for k, v in p.items()}, wait=True)
    g = ad.jit(ad.grad(lambda p: np.sum(p["b"]) + 2 * np.sum(p["a"])), wait=True)
    for _ in range(3):
        for keys in (["b", "a"], ["a", "b"], ["".join(["b"]), "a"]):
            p = {k: np.ones(2) for k in keys}
            assert list(f(p)) == list(g(p)) == keys
            np.testing.assert_array_equal(g(p)["a"], [2, 2])
    assert f.cache_info().misses == 2 and "another order" in f.why()


def test_equal_static_arguments_of_other_types_have_their_own_kernels():
    seen = []

    def f(x, how):
        seen.append(how)    # at every call
        return x + (1.0 if how is True else 2.0 if type(how) is int else 3.0)
    g = ad.jit(f, static_argnums=1)
    for _ in range(2):
        assert [g(0.0, how) for how in (True, 1, 1.0)] == [1.0, 2.0, 3.0]
        assert [float(g(0.0, how)) for how in ((1,), (1.0,))] == [3.0, 3.0]
    assert seen == [True, 1, 1.0, (1,), (1.0,)] * 2 and g.cache_info().misses == 5
    with pytest.raises(TypeError, match="hashed"):
        g(0.0, [1])


def test_kernels_of_static_arguments_are_forgotten():
    g = ad.jit(lambda x, n: x * n, static_argnums=1, max_signatures=2)
    for n in (1, 2, 3, 1, 2, 3):
        assert g(2.0, n) == 2.0 * n
    assert g.cache_info().misses == 6
    g.cache_clear()
    assert g(2.0, 3) == 6.0


def test_methods_with_static_arguments():
    class Model:
        def __init__(self, w):
            self.w = w

        @functools.partial(ad.jit, static_argnums=2)
        def apply(self, x, n):
            return self.w * x ** n
    for m in (Model(2.0), Model(3.0)):
        assert [float(m.apply(2.0, n)) for n in (1, 2, 1)] == [m.w * 2, m.w * 4, m.w * 2]
