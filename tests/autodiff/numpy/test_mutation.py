"""Writing in place: a program that writes gives what NumPy gives, for every name of the elements; or it is refused."""

import numpy as np
import pytest

import autodiff as ad
import autodiff.numpy as anp
from tests.check import check_compiled, check_grads, check_value
from tracer.errors import DTypeError, ShapeError, UnsupportedError
from tracer.trace import trace_flat
from tracer.types import type_of_value

X = np.arange(12.0).reshape(3, 4) - 5.5


# Each program gets a fresh array that it may write, as NumPy code would make it with a copy.

def assign(x):
    y = x.copy()
    y[1] = x[0] * 2
    y[:, 2] = 7
    y[0, 0] = x[2, 3]
    y[..., -1] -= x[:, 0]
    return y


def operators(x):
    y = x.copy()
    y += 1
    y *= x
    y -= x[0]
    y /= 2.0
    y **= 2
    return y


def more_operators(x):
    y = abs(x.copy()) + 1
    y //= 0.7
    z = x.copy()
    z %= 2.5
    m = x > 0
    m &= x < 3
    m |= x == 5.5
    m ^= x > 1
    i = np.zeros_like(x, dtype=int) + 3
    i <<= 2
    i >>= 1
    s = x[:3, :3].copy()
    s @= x[:3, 1:]
    return y, z, m, i, s


def recurrence(x):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, 3):
        y[i] = y[i - 1] * x[i] + 1
    return y


def view_then_write(x):
    y = x.copy()
    row = y[1]
    y[1] = 0
    return row + x[0], y


def write_through_a_view(x):
    y = x.copy()
    row = y[1]
    row[:2] = x[0, :2] ** 2
    row += 1
    return y, row


def view_of_a_view(x):
    y = x.copy()
    block = y[1:].T
    corner = block[2:]
    corner[...] = x[0, 0]
    y[2] *= 3
    return y, block, corner


def several_views(x):
    y = x.copy()
    a, b = np.split(y, 2, axis=1)
    a *= 2
    b[0] = a[0]
    t = y.swapaxes(0, 1)
    t[0] = 9
    flipped = np.flip(y, 0)
    flipped[0] += 1
    wide = np.expand_dims(y, 0)
    wide[0, 1, 1] = -1
    return y, a, b, t, flipped, wide


def rows(x):
    y = x.copy()
    for row in y:
        row *= row[0]
    return y


def masks(x):
    y = x.copy()
    y[y < 0] = 0
    y[y > 4] *= 2
    return y


def indices(x):
    y = x.copy()
    y[[0, 2], [1, 3]] = x[1, :2]
    y[np.array([0, 0, 1])] += 1
    np.add.at(y, (np.array([0, 0, 1]), 2), x[0, :3])
    np.subtract.at(y, 1, 0.5)
    return y


def rebinding_keeps_the_old_value(x):
    y = x.copy()
    z = y * 2
    y[0] = 0
    w = y
    w[1] = 1
    return y, z, w


def made(x):
    y = anp.zeros((2, 3))
    y[0] = x[0, :3]
    z = anp.full(3, 2.0)
    z[1:] *= x[0, 0]
    n = anp.zeros(2, dtype=int)
    n[0] = 3
    return y, z, n, anp.ones((2, 2)), anp.empty(3).shape[0]


def fill(x):
    y = x.copy()
    y.fill(3)
    z = x.copy()
    z[...] = x[0]
    w = x.copy()
    w[:] = w[::-1]
    return y, z, w


def numbers_are_bound_anew(x):
    s = x[0, 0]
    t = s
    s += 1
    return s, t


PROGRAMS = [assign, operators, more_operators, recurrence, view_then_write, write_through_a_view, view_of_a_view, several_views, rows, masks,
            indices, rebinding_keeps_the_old_value, made, fill, numbers_are_bound_anew]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_value(f):
    if f is masks:      # a mask that is not known is written through np.where
        f = _masks_written
    check_value(f, X)


def _masks_written(x):
    y = x.copy()
    y[y < 0] = 0
    y[y > 4] = 2
    return y


@pytest.mark.parametrize("f", [f for f in PROGRAMS if f is not more_operators], ids=lambda f: f.__name__)
def test_derivatives(f):
    check_grads(f, X, order=1)


@pytest.mark.parametrize("f", [assign, several_views, recurrence, indices], ids=lambda f: f.__name__)
def test_compiled(f):
    check_compiled(f, X)


def test_the_caller_s_array_is_never_changed_by_a_derivative():
    def f(x):
        x[0] = x[1] * 2
        return (x ** 2).sum()
    x = X.copy()
    g = ad.grad(f)(x)
    assert (x == X).all()
    assert g.tolist() == [[0.0] * 4, (10 * X[1]).tolist(), (2 * X[2]).tolist()]


def test_a_write_keeps_the_dtype():
    def f(x):
        y = x.astype(np.float32)
        y[0] = np.float64(0.1)
        n = anp.zeros(3, dtype=np.int32)
        n[0] = 2.7
        return y, n
    check_value(f, X)


# -- refused ---------------------------------------------------------------------------------------

def refused(f, *args):
    with pytest.raises(UnsupportedError) as e:
        trace_flat(lambda *xs: [f(*xs)], [type_of_value(a) for a in args])
    text = str(e.value)
    assert "writing to a traced array" in text and "test_mutation.py" in text and "x.copy()" in text and ".at[" in text
    return text


def test_reshape_may_be_a_copy():
    def f(x):
        y = x * 2
        flat = y.T.reshape(-1)
        flat[0] = 1
        return y.sum() + flat.sum()
    assert "may share its memory with f64[3, 4]" in refused(f, X)

    def g(x):
        y = x * 2
        flat = np.ravel(y)
        y[0] = 1
        return y.sum() + flat.sum()
    assert "may share" in refused(g, X)

    def alone(x):
        y = (x * 2).reshape(-1)     # nobody else has the elements
        y[0] = 1
        return y, x.flatten().reshape(2, 6)
    check_value(alone, X)


def test_read_only_views():
    def f(x):
        y = np.broadcast_to(x[0], (3, 4))
        y[0] = 1
        return y.sum()
    assert "read-only" in refused(f, X)

    def g(x):
        y = np.diagonal(x)
        y[0] = 1
        return y.sum()
    assert "read-only" in refused(g, X)


def test_values_of_an_outer_function():
    def f(x):
        def inner(z):
            x[0] = 1
            return (z * x).sum()
        return ad.grad(inner)(x[0]).sum()
    assert "outside of the one being traced" in refused(f, X)

    def g(x):
        def inner(z):
            v = x[0]
            v[0] = z[0]
            return v.sum()
        return ad.grad(inner)(x[0]).sum()
    assert "outside" in refused(g, X)


def test_arguments_of_jit():
    def f(x):
        x[0] = 1
        return x

    def g(x):
        y = x[1:]
        y[0] = 1
        return y

    def h(x):
        x = x.copy()
        x[0] = 1
        return x
    for function in (f, g, h, lambda x: ad.jit(f)(x * 2), lambda x: ad.jit(f)(x)):
        x, y = X.copy(), X.copy()
        np.testing.assert_array_equal(ad.jit(function)(x), function(y))
        np.testing.assert_array_equal(x, y)     # the caller sees what NumPy would show it
    got = ad.jit(h)(X)
    assert (got[0] == 1).all() and (got[1:] == X[1:]).all()
    assert ad.jit(ad.grad(lambda x: h(x).sum()))(X)[1:].tolist() == np.ones((2, 4)).tolist()


def test_plain_arrays_cannot_take_traced_values():
    y = np.zeros(3)
    with pytest.raises(ValueError) as e:    # NumPy's own; ours is its cause
        ad.grad(lambda x: y.__setitem__(0, x[0]) or x.sum())(np.ones(3))
    assert "autodiff.numpy.zeros" in str(e.value.__cause__)
    with pytest.raises(UnsupportedError, match="trace would be lost"):
        ad.grad(lambda x: np.add(y, x, out=y).sum())(np.ones(3))
    with pytest.raises(UnsupportedError, match="autodiff.numpy.zeros"):
        ad.grad(lambda x: np.add.at(y, 0, x[0]))(np.ones(3))


def test_integers_do_not_take_floats_in_place():
    def f(x):
        n = anp.zeros(3, dtype=int)
        n += 0.5
        return n
    with pytest.raises(DTypeError, match="in-place"):
        trace_flat(lambda x: [f(x)], [type_of_value(X)])


def test_shapes_do_not_grow_in_place():
    def f(x):
        y = x[0].copy()
        y += x
        return y
    with pytest.raises(ShapeError, match="could not broadcast"):
        trace_flat(lambda x: [f(x)], [type_of_value(X)])


def after_contiguous(a):
    b = np.ascontiguousarray(a)
    a[0] = 5.0
    return b


def contiguous_columns(a):
    b = np.ascontiguousarray(a, np.float64)
    b[0] = 7.0
    return a, b


@pytest.mark.parametrize("f", [after_contiguous, contiguous_columns, lambda a: np.ascontiguousarray(a.T) * a, lambda a: np.ascontiguousarray(a, np.float32)])
def test_what_lies_in_c_order_is_not_copied(f):
    """One compiled function, and arguments that lie in memory in several ways."""
    g = ad.jit(f)
    layouts = [np.arange(9.0).reshape(3, 3), np.asfortranarray(np.arange(9.0).reshape(3, 3)), np.arange(36.0).reshape(6, 6)[::2, ::2]]
    for a in (*layouts, *layouts):
        x, y = a.copy(order="K"), a.copy(order="K")
        x, y = (np.lib.stride_tricks.as_strided(np.zeros((6, 6)), a.shape, a.strides) if not a.flags.forc else z for z in (x, y))
        x[...], y[...] = a, a
        for got, want in zip(g(x), f(y), strict=True):
            np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(x, y)


def test_whether_a_view_is_copied_is_not_known():
    def f(a):
        b = np.ascontiguousarray(a.T)
        a[0] = 5.0
        return b
    with pytest.raises(UnsupportedError, match="may share its memory"):
        ad.jit(f)(np.ones((3, 3)))


def test_nan_to_num_in_place():
    def f(a, copy):
        b = a * 2.0
        np.nan_to_num(b, copy=copy, nan=-1.0)
        np.nan_to_num(a, copy=copy, posinf=3.0)
        return b
    g = ad.jit(f, static_argnums=1)
    for copy in (False, True):
        x, y = np.array([1.0, np.nan, np.inf]), np.array([1.0, np.nan, np.inf])
        np.testing.assert_array_equal(g(x, copy), f(y, copy))
        np.testing.assert_array_equal(x, y)
    x = np.array([1.0, np.nan, 2.0])
    for grad in (ad.grad(lambda a: np.sum(f(a, False) ** 2)), ad.jit(ad.grad(lambda a: np.sum(f(a, False) ** 2)))):
        np.testing.assert_array_equal(grad(x), [8.0, 0.0, 16.0])
