"""What fusion and contraction make of small programs: golden loop nests, one idea each."""

import numpy as np
import pytest

import autodiff as ad
from codegen.compile import compile_graph
from tracer.trace import trace_flat
from tracer.types import type_of_value

X = np.linspace(0.1, 1.0, 6)
A = np.arange(12.0).reshape(3, 4)


def loops(f, *args) -> str:
    return ad.show(f, *args, stage="loops")


def test_a_chain_with_its_gradient_is_one_loop_without_scratch():
    text = loops(ad.value_and_grad(lambda x: (np.tanh(x) * np.exp(-x * x) + np.log1p(x * x) * np.sin(x)).sum()), X)
    assert text.count("for ") == 1
    assert "[i0]" in text and text.count("[i0] =") == 1  # the gradient is the only array written


def test_row_softmax_is_one_loop_over_rows():
    def loss(a):
        shifted = a - np.max(a, axis=1, keepdims=True)
        return np.sum(np.log(np.sum(np.exp(shifted), axis=1)) - shifted[:, 0])
    text = loops(loss, A)
    assert text.count("for i0 < 3:") == 1
    assert "t2[i4] =" in text  # of the scratch one row is left


def test_column_sums_keep_memory_order():
    assert loops(lambda a: np.sum(a, axis=0), A) == """\
function(x0: f64[3, 4]):
  for i0 < 4:  # vectors of 4 twice, rest one by one
    t1[i0] = 0.0
  for i1 < 3:
    for i2 < 4:  # vectors of 4 twice, rest one by one
      t1[i2] add= x0[i1, i2]
  return t1"""


def test_sums_along_both_axes_are_added_where_the_terms_are_made():
    """The arrays that are added to are set to zero first, out of the way of the loop that makes the terms."""
    def loss(a, b):
        pairs = np.tanh(a[:, None] * b[None, :])
        return np.sum(pairs, axis=0), np.sum(pairs, axis=1)
    text = loops(loss, A[:, 0], A[0])
    assert text.count("for ") == 3     # an array set to zero, rows, numbers of a row
    a, b = np.arange(3.0), np.linspace(-1.0, 1.0, 4)
    for got, want in zip(ad.jit(loss)(a, b), loss(a, b), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)


def test_views_have_no_loop():
    text = loops(lambda a: a.T[1:3, ::-1] * 2.0, A)
    assert text == """\
function(x0: f64[3, 4]):
  for i0 < 2:
    for i1 < 3:  # vectors of 4 twice, rest one by one
      t1[i0, i1] = (x0[add(mul(i1, -1), 2), (i0 + 1)] * 2.0)
  return t1""".replace("add(mul(i1, -1), 2)", "((i1 * -1) + 2)")


def test_loops_whose_steps_need_each_other_stay_apart():
    def f(x):
        y = np.exp(x)
        return y[1:] * y[:-1]
    text = loops(f, X)
    assert text.count("for ") == 2 and "t1[i0] = exp" in text


def test_carried_arrays_are_updated_in_place():
    def f(x):
        return ad.fori_loop(0, 5, lambda i, x: x.at[i + 1].set(2.0 * x[i]), x)
    text = loops(f, X)
    assert text.count("for ") == 1  # the copy of the argument; none inside the loop
    assert "t1[(i1 + 1)] = t" in text


def test_equal_work_is_done_once():
    assert loops(lambda x: np.sin(x) * 2 + np.sin(x), X).count("sin(") == 1


def test_small_rewrites():
    text = ad.show(lambda x: np.negative(-x) * 1.0 + x ** 2 / 1.0, X, stage="simplified")
    assert "pow" not in text and "neg" not in text and "div" not in text


def test_dead_code_goes():
    def f(x):
        np.exp(x)
        return x + 1.0
    assert "exp" not in ad.show(f, X, stage="simplified")


@pytest.mark.parametrize("f", [lambda x, i: x[::-1][i], lambda x, i: x[1:][i], lambda x, i: x.T[i], lambda x, i: x[:, ::-1][:, i]])
@pytest.mark.parametrize("generator", ["llvm", "numba"])
def test_negative_indices_of_views_count_from_the_end_of_the_view(f, generator):
    x, i = np.arange(12.0).reshape(3, 4), np.array([0, -1, 1, -2])
    t = trace_flat(lambda *ts: [f(*ts)], [type_of_value(x), type_of_value(i)])
    np.testing.assert_array_equal(compile_graph(t.graph, generator).run(x, i, *t.captured)[0], f(x, i))


@pytest.mark.parametrize("generator", ["llvm", "numba"])
def test_running_sums_keep_the_sign_of_zero(generator):
    x = np.array([[-0.0, 0.0], [-0.0, -0.0]])
    t = trace_flat(lambda v: [np.cumsum(v, axis=0)], [type_of_value(x)])
    np.testing.assert_array_equal(np.signbit(compile_graph(t.graph, generator).run(x)[0]), np.signbit(np.cumsum(x, axis=0)))


@pytest.mark.parametrize("generator", ["llvm", "numba"])
def test_cotangents_of_weights_are_added_by_the_product(generator):
    w, x = np.linspace(-1, 1, 400).reshape(20, 20), np.linspace(0, 1, 600).reshape(10, 3, 20)

    def f(w):
        return ad.grad(lambda w: np.sum(ad.scan(lambda h, r: (np.tanh(h @ w + r), None), np.zeros((3, 20)), x)[0]))(w)
    t = trace_flat(lambda v: [f(v)], [type_of_value(w)])
    kernel = compile_graph(t.graph, generator)
    assert "+= matmul" in str(kernel.stages.program)
    np.testing.assert_allclose(kernel.run(w, *t.captured)[0], f(w), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("view", [lambda x: x[::-1], lambda x: -x[::-1], lambda x: np.broadcast_to(x, (3, 5))[1]])
def test_a_long_row_of_views(view):
    """Each is read through the one before; after so many steps the values are stored."""
    def f(x):
        for _ in list(range(600)):
            x = view(x)
        return x
    x = np.arange(5.0)
    np.testing.assert_array_equal(ad.jit(f)(x), f(x))
