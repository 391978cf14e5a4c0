"""Reading and functional updates through every kind of index, against NumPy."""

import numpy as np
import pytest

import autodiff as ad
import autodiff.numpy as anp
from tests.check import assert_same, check_compiled, check_grads, check_value, evaluated
from tracer.errors import ConcreteValueError, DTypeError, IndexingError, ShapeError
from tracer.trace import evaluate, trace_flat
from tracer.types import type_of_value

X = np.arange(24.0).reshape(2, 3, 4) - 7.5
I, J = np.array([1, 0, 1]), np.array([[0, -1], [2, 1]])
MASK = np.array([[True, False, True], [False, True, True]])

BASIC = [
    0, -1, (0, 1), (0, 1, 2), (-1, -2, -3), slice(None), slice(1, 2), (slice(None), slice(0, 9, 2)), (slice(None), slice(None, None, -1)),
    (Ellipsis,), (Ellipsis, 1), (0, Ellipsis, slice(1, 3)), None, (None, 0), (slice(None), None, 1), (0, None, Ellipsis, None),
    (slice(5, 1),), (slice(None), slice(2, 0, -1), 3), (slice(-1, None), slice(-3, -1)), (), (np.int64(1), np.array(2)),
    (slice(None), slice(10, 20)), (Ellipsis, slice(3, None, -2)),
]
ADVANCED = [
    I, [0, 1, 1], (I, I), (I, slice(None), I), (slice(None), I), (slice(None), I, I), (slice(None), slice(None), J), (0, slice(None), I),
    (0, I), (I, 0), (I, Ellipsis, 0), (slice(None), 0, I), (I, None, I), (None, I, I), (J % 2, I[:2]), (J % 2, J, J), (I, I, I), ([], ), (slice(0, 1), J),
    (Ellipsis, J), (I, slice(1, 3)), (I, slice(None, None, -1), 1), (np.array([[1]]), J), (np.uint8([0, 1]), 2), (I, Ellipsis, I),
    (slice(None), I, ..., I), (slice(None), I, slice(None, None, 2)),
]
MASKS = [
    MASK, (MASK,), (MASK, 1), (slice(None), MASK[0]), (slice(None), slice(None), [True, False, False, True]), X > 0, (MASK[:, 0], I[:1]),
    (MASK, slice(1, 3)), True, (slice(None), False), (True, 0), (Ellipsis, np.array([False] * 4)), (I, True),
]


@pytest.mark.parametrize("index", BASIC + ADVANCED + MASKS, ids=repr)
def test_read(index):
    check_value(lambda x: x[index], X)
    check_value(lambda x: x[index] * 1, X.astype(np.int32))
    check_grads(lambda x: x[index] * x[index], X, order=1)


@pytest.mark.parametrize("index", BASIC + ADVANCED + MASKS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float64, np.int32])
def test_set_and_add(index, dtype):
    x = X.astype(dtype)
    value = (np.arange(np.size(x[index])).reshape(np.shape(x[index])) * 3 - 4).astype(dtype)
    for v in (value, dtype(5), value[..., :1] if np.ndim(value) else value):
        want = x.copy()
        want[index] = v
        assert_same(evaluated(lambda a, w: [a.at[index].set(w)], x, v)[0], want, what="set")
        want = x.copy()
        np.add.at(want, index, v)
        assert_same(evaluated(lambda a, w: [a.at[index].add(w)], x, v)[0], want, what="add")


@pytest.mark.parametrize("index", [BASIC[i] for i in (2, 8, 13, 17)] + [I, (I, slice(None), I), (slice(None), J), MASK, (MASK, 1)], ids=repr)
def test_update_derivatives(index):
    v = np.sin(np.arange(np.size(X[index]), dtype=float)).reshape(np.shape(X[index]))
    check_grads(lambda x, w: (x.at[index].set(w * w) if hasattr(x, "at") else _set(x, index, w * w)), X, v)
    check_grads(lambda x, w: (x.at[index].add(w * x.sum()) if hasattr(x, "at") else _add(x, index, w * x.sum())), X, v)


def _set(x, index, v):
    y = x.copy()
    y[index] = v
    return y


def _add(x, index, v):
    y = x.copy()
    np.add.at(y, index, v)
    return y


def test_other_updates():
    def f(x):
        if not hasattr(x, "at"):
            return x - _set(np.zeros_like(x), 1, 2.0), _set(x, 0, x[0] * 3), _set(x, 0, x[0] / 4), x[0]
        return x.at[1].subtract(2.0), x.at[0].multiply(3), x.at[0].divide(4), x.at[0].get()
    check_value(f, X)
    check_grads(f, X, order=1)


@pytest.mark.parametrize("index", [BASIC[8], (I, slice(None), I), (slice(None), I), MASK], ids=repr)
def test_compiled(index):
    v = np.cos(np.arange(np.size(X[index]), dtype=float)).reshape(np.shape(X[index]))
    check_compiled(lambda x, w: (x[index], anp.asarray(x).at[index].set(w), x.at[index].add(w)) if hasattr(x, "at")
                   else (x[index], _set(x, index, w), _add(x, index, w)), X, v)


# -- traced indices --------------------------------------------------------------------------------

TRACED = {
    "scalar": (lambda x, i: x[i[0]], I),
    "scalar and integer": (lambda x, i: x[0, i[1], 2], I),
    "two scalars": (lambda x, i: x[i[0], i[1]], I),
    "scalar and slice": (lambda x, i: x[:, i[1], ::2], I),
    "array": (lambda x, i: x[i], I),
    "separated": (lambda x, i: x[i, :, i], I),
    "adjacent": (lambda x, i: x[:, i, i], I),
    "scalar between": (lambda x, i: x[i[0], :, i], I),
    "matrix": (lambda x, i: x[:, i, 1:], J),
    "plain and traced": (lambda x, i: x[I, i], I),
    "loop": (lambda x, i: sum(x[k] for k in i), I),
}


@pytest.mark.parametrize("name", TRACED)
def test_traced_indices(name):
    f, i = TRACED[name]
    check_value(f, X, i)
    check_grads(lambda x: f(x, i) ** 2, X, order=1)
    # the same with indices traced inside the derivative
    got = ad.vjp(lambda x: f(x, i), X)[1]
    want = evaluated(lambda x, k: ad.vjp(lambda y: f(y, k), x)[1](np.ones(np.shape(f(X, i)))), X, i)
    assert_same(got(np.ones(np.shape(f(X, i))))[0], want[0])


@pytest.mark.parametrize("name", ["scalar", "separated", "matrix"])
def test_traced_indices_compiled(name):
    f, i = TRACED[name]
    check_compiled(f, X, i)


def test_traced_updates():
    def f(x, i, v):
        if not hasattr(x, "at"):
            return _set(x, (slice(None), i), v), _add(x, (i[0], i), v[0, 0, 0])
        return x.at[:, i].set(v), x.at[i[0], i].add(v[0, 0, 0])
    v = np.linspace(1, 2, 2 * 3 * 4).reshape(2, 3, 4)
    check_value(f, X, I, v)
    # of values written twice to one place only the last is seen
    check_grads(lambda x, w: f(x, I, w)[0], X, v)


def test_repeated_indices_add_and_the_last_write_wins():
    g = ad.grad(lambda x: (x[np.array([0, 0, 1])] * np.array([1.0, 2.0, 4.0])).sum())(np.zeros(3))
    assert g.tolist() == [3.0, 4.0, 0.0]
    x = np.zeros(3)
    y, pull = ad.vjp(lambda v: anp.array(x * v[0]).at[np.array([1, 1])].set(v), np.array([5.0, 7.0]))
    assert y.tolist() == [0.0, 7.0, 0.0]
    assert pull(np.ones(3))[0].tolist() == [0.0, 1.0]


# -- boolean masks whose values are not known ------------------------------------------------------

def test_mask_without_values_is_where_for_writing():
    def f(x, m):
        if not hasattr(x, "at"):
            rows = x.copy()
            rows[m[:, 0, 0]] = x[0]
            return _set(x, m, 0.0), rows, _add(x, m, 2.5)
        return x.at[m].set(0.0), x.at[m[:, 0, 0]].set(x[0]), x.at[m].add(2.5)
    m = X > 1
    check_value(f, X, m)
    check_grads(lambda x: f(x, m), X, order=1)


def test_mask_without_values():
    traced = [type_of_value(X), type_of_value(X > 0)]
    for mask in (X > 0, X > 100, X == X):
        for f in (lambda x, m: x[m], lambda x, m: x[m] * x[m], lambda x, m: x.at[m].set(2 * x[m]) if hasattr(x, "at") else _set(x, m, 2 * x[m])):
            t = trace_flat(lambda x, m, f=f: [f(x, m)], traced)
            np.testing.assert_array_equal(evaluate(t.graph, [X, mask])[0], f(X, mask))
            np.testing.assert_array_equal(ad.jit(f)(X, mask), f(X, mask))
    with pytest.raises(ConcreteValueError, match="np.where"):
        trace_flat(lambda x, m: [x.at[m].set(np.ones(5))], traced)


def test_mask_with_values_reads():
    g = ad.grad(lambda x: (x[x > 0] ** 2).sum())(X)
    assert_same(g, np.where(X > 0, 2 * X, 0))


# -- errors ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("index, message", [
    (2, "index 2 is out of bounds for axis 0 with size 2"),
    ((0, -4), "index -4 is out of bounds for axis 1 with size 3"),
    ((slice(None), [0, 3]), "index 3 is out of bounds for axis 1 with size 3"),
    ((0, 0, 0, 0), "too many indices for array: array is 3-dimensional, but 4 were indexed"),
    ((Ellipsis, Ellipsis), "single ellipsis"),
    (1.5, "integer"),
    (np.array([0.5]), "integer"),
    (([0, 1], [0, 1, 2]), "shape mismatch"),
    (np.ones((2, 4), bool), "boolean index did not match indexed array along axis 1; size of axis is 3 but size of corresponding "
                            "boolean axis is 4"),
])
def test_wrong_index(index, message):
    with pytest.raises(IndexError):
        X[index]
    with pytest.raises(IndexingError, match=message) as e:
        ad.grad(lambda x: x[index].sum())(X)
    assert "test_indexing.py" in str(e.value)
    with pytest.raises(IndexingError):
        ad.grad(lambda x: x.at[index].set(0).sum())(X)


def test_traced_index_out_of_range_is_found_when_it_is_used():
    traced = trace_flat(lambda x, i: [x[i]], [type_of_value(X), type_of_value(I)])
    assert [n.op.name for n in traced.graph.nodes] == ["in_bounds", "index"]
    with pytest.raises(IndexError):
        evaluate(traced.graph, [X, np.array([0, 1, 2])])


def test_known_indices_are_not_checked_again():
    traced = trace_flat(lambda x: [x[I], x.at[J % 2].add(1.0), np.sort(x)], [type_of_value(X)])
    assert not any(n.op.effect for n in traced.graph.nodes)


def test_traced_slice_bound():
    for i in (-5, -3, 0, 1, 2, 7):
        for cut in (lambda x, i: x[:, i:], lambda x, i: x[:i], lambda x, i: x[i:i + 2], lambda x, i: x[i:0:-1], lambda x, i: x[0, 3:i:-2]):
            t = trace_flat(lambda x, i, cut=cut: [cut(x, i)], [type_of_value(X), type_of_value(np.int64(i))])
            np.testing.assert_array_equal(evaluate(t.graph, [X, np.int64(i)])[0], cut(X, i))
            np.testing.assert_array_equal(ad.jit(cut)(X, np.int64(i)), cut(X, i))
    with pytest.raises(ConcreteValueError, match="slice whose step is traced"):
        trace_flat(lambda x, i: [x[::i]], [type_of_value(X), type_of_value(np.int64(1))])
    x = np.arange(5.0)
    assert ad.grad(lambda v: v[np.argmax(v) - 2:].sum())(x).tolist() == [0, 0, 1, 1, 1]  # the value is known here


def test_wrong_values():
    with pytest.raises(ShapeError, match=r"could not broadcast input array from shape \(5,\) into shape \(3, 4\)"):
        ad.grad(lambda x: x.at[0].set(np.ones(5)).sum())(X)
    with pytest.raises(DTypeError, match="convert the array first"):
        trace_flat(lambda i: [i.at[0].add(0.5)], [type_of_value(I)])
    x = np.array([1, 2, 3])
    check_value(lambda i: i.at[0].set(2.7) if hasattr(i, "at") else _set(i, 0, 2.7), x)  # assignment converts, as in NumPy


def test_take_from_a_plain_array_at_traced_places():
    table = np.array([1.0, 4.0, 9.0])
    check_value(lambda i: anp.take(table, i), I)
    for f in (lambda i: table[i], lambda i: table[i[0]]):
        with pytest.raises(ConcreteValueError, match=r"autodiff\.numpy\.take"):
            trace_flat(lambda i, f=f: [f(i)], [type_of_value(I)])
    with pytest.raises(IndexError):
        trace_flat(lambda x: [anp.take(x, 99)], [type_of_value(X)])


def test_choose_refuses_negative_numbers():
    traced = trace_flat(lambda i, x: [np.choose(i, [x, x])], [type_of_value(I), type_of_value(np.ones(3))])
    with pytest.raises(IndexError):
        evaluate(traced.graph, [np.array([-1, 0, 1]), np.ones(3)])


def test_all_elements_set_to_those_of_a_plain_array():
    """The new value is no tracer; it ended in an AttributeError. Tests had set all elements to traced values, or some to plain ones."""
    def f(x):
        v = x
        v[:] = np.arange(len(x))
        w = x[::-1]
        w[...] = np.array([7, 8, 9])
        return v.sum() + w[0]
    x, y = np.ones(3), np.ones(3)
    assert ad.jit(f)(x) == f(y)
    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(ad.jit(ad.grad(lambda x: f(x * 1)))(x), np.zeros(3))


def test_broadcast_numbers_are_arrays_of_no_dimensions():
    # The way of numpy-financial: numbers and traced values are broadcast together and taken by a mask.
    def f(x):
        rate, count = np.broadcast_arrays(x[0], 3)
        out = np.empty_like(rate)
        zero = rate == 0
        out[zero] = count[zero]
        out[~zero] = rate[~zero] * count[~zero]
        return np.sum(out)
    with pytest.warns(RuntimeWarning, match="compiled along the path"):
        value, gradient = ad.jit(ad.value_and_grad(f))(np.array([0.5, 1.0]))
    assert value == f(np.array([0.5, 1.0])) and gradient.tolist() == [3.0, 0.0]
