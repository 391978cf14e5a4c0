"""Convolution, pooling and activations against plain loops, and their derivatives, under every face."""

import math

import numpy as np
import pytest

import autodiff as ad
from autodiff import nn
from tests.check import assert_same, check_all, check_compiled, check_grads
from tracer.errors import ShapeError

rng = np.random.default_rng(7)
X = rng.standard_normal((2, 4, 6, 7))


def padded(x, padding, fill=0.0):
    (a, b), (c, d) = padding
    return np.pad(x, ((0, 0), (0, 0), (a, b), (c, d)), constant_values=fill)


def convolved(x, w, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    """A convolution, element by element."""
    x = padded(x, padding)
    n, c, h, k = x.shape
    o, each, kh, kw = w.shape
    oh, ow = ((m - d * (s - 1) - 1) // t + 1 for m, s, t, d in zip((h, k), (kh, kw), stride, dilation))
    y = np.zeros((n, o, oh, ow), np.result_type(x, w))
    for m, f, i, j in np.ndindex(*y.shape):
        first = f // (o // groups) * each
        for ch, p, q in np.ndindex(each, kh, kw):
            y[m, f, i, j] += w[f, ch, p, q] * x[m, first + ch, i * stride[0] + p * dilation[0], j * stride[1] + q * dilation[1]]
    return y


def pooled(x, combine, size, stride, padding, fill):
    x = padded(x, padding, fill)
    oh, ow = ((m - s) // t + 1 for m, s, t in zip(x.shape[2:], size, stride))
    return np.stack([np.stack([combine(x[:, :, i * stride[0]:i * stride[0] + size[0], j * stride[1]:j * stride[1] + size[1]], axis=(2, 3))
                               for j in range(ow)], -1) for i in range(oh)], -2)


CONVOLUTIONS = {
    "valid": ((3, 4, 3, 2), {}, {}),
    "same": ((3, 4, 3, 2), {"padding": "same"}, {"padding": ((1, 1), (0, 1))}),
    "same, strided": ((3, 4, 3, 3), {"padding": "same", "stride": 2}, {"padding": ((0, 1), (1, 1)), "stride": (2, 2)}),
    "number": ((3, 4, 3, 3), {"padding": 1}, {"padding": ((1, 1), (1, 1))}),
    "pair": ((3, 4, 3, 3), {"padding": (1, 2)}, {"padding": ((1, 1), (2, 2))}),
    "pairs": ((3, 4, 3, 3), {"padding": [(0, 2), (1, 0)]}, {"padding": ((0, 2), (1, 0))}),
    "stride": ((3, 4, 2, 3), {"stride": (2, 3)}, {"stride": (2, 3)}),
    "dilation": ((3, 4, 3, 2), {"dilation": (2, 3)}, {"dilation": (2, 3)}),
    "groups": ((6, 2, 3, 3), {"groups": 2}, {"groups": 2}),
    "depthwise": ((4, 1, 2, 2), {"groups": 4, "stride": 2}, {"groups": 4, "stride": (2, 2)}),
    "points": ((5, 4, 1, 1), {}, {}),
    "whole image": ((2, 4, 6, 7), {}, {}),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name):
    shape, options, plain = CONVOLUTIONS[name]
    w = rng.standard_normal(shape)

    def f(x, w):
        return nn.conv2d(x, w, **options)
    np.testing.assert_allclose(f(X, w), convolved(X, w, **plain), rtol=1e-12, atol=1e-12)
    check_all(f, X, w)
    for dtype in (np.float32, np.int64):
        x, v = (X * 3).astype(dtype), (w * 3).astype(dtype)
        assert_same(ad.jit(f)(x, v), convolved(x, v, **plain), rtol=1e-4)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_the_compiled_convolution_calls_no_reference(name):
    shape, options, _ = CONVOLUTIONS[name]
    f = ad.jit(ad.value_and_grad(lambda x, w: (nn.conv2d(x, w, **options) ** 2).sum(), argnums=(0, 1)))
    f(X, rng.standard_normal(shape))
    assert f.cache_info().reference_calls == ()


def test_a_step_of_a_small_network_under_every_face():
    w, b = rng.standard_normal((3, 4, 3, 3)) * 0.3, rng.standard_normal(3)
    label = nn.one_hot(np.array([1, 0]), 27)

    def loss(w, b, x):
        y = nn.max_pool2d(nn.relu(nn.conv2d(x, w, padding="same") + b[:, None, None]), 2)
        return -(nn.log_softmax(y.reshape(2, -1)) * label).sum()
    want = ad.grad(loss, argnums=(0, 1))(w, b, X)
    f = ad.jit(ad.value_and_grad(loss, argnums=(0, 1)))
    for got, g in zip(f(w, b, X)[1], want, strict=True):
        np.testing.assert_allclose(got, g, rtol=1e-10, atol=1e-12)
    assert f.cache_info().reference_calls == ()
    ws, bs = ad.tensor(w, requires_grad=True), ad.tensor(b, requires_grad=True)
    loss(ws, bs, X).backward()
    np.testing.assert_allclose(ws.grad, want[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(bs.grad, want[1], rtol=1e-10, atol=1e-12)
    check_grads(lambda w, b: loss(w, b, X), w, b)


def test_layouts_and_no_images():
    w = rng.standard_normal((4, 3, 2, 2))
    strided = np.repeat(X, 2, axis=-1)[..., ::2].transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)[:, ::-1][:, :3]
    assert_same(ad.jit(nn.conv2d)(strided, w), convolved(strided, w), rtol=1e-12)
    none = ad.jit(ad.grad(lambda w, x: nn.conv2d(x, w).sum()))(w, X[:0, :3])
    assert none.shape == w.shape and not none.any()
    assert ad.jit(lambda x: nn.max_pool2d(x, 2))(X[:0]).shape == (0, 4, 3, 3)
    many = np.stack([X, -X])
    np.testing.assert_allclose(ad.vmap(nn.conv2d, (0, None))(many[:, :, :3], w), np.stack([nn.conv2d(x[:, :3], w) for x in many]), rtol=1e-12)


POOLS = {
    "size": ((2,), {}, (2, 2), (2, 2), ((0, 0), (0, 0))),
    "stride": ((3, 2), {}, (3, 3), (2, 2), ((0, 0), (0, 0))),
    "pairs": (((2, 3), (1, 2)), {"padding": 1}, (2, 3), (1, 2), ((1, 1), (1, 1))),
    "same": ((3,), {"padding": "same"}, (3, 3), (3, 3), ((0, 0), (1, 1))),
}


@pytest.mark.parametrize("name", POOLS)
def test_pooling(name):
    args, options, *plain = POOLS[name]
    for ours, combine, fill in ((nn.max_pool2d, np.max, -np.inf), (nn.avg_pool2d, np.mean, 0.0)):
        np.testing.assert_allclose(ours(X, *args, **options), pooled(X, combine, *plain, fill), rtol=1e-13)
        check_all(lambda x, f=ours: f(x, *args, **options), X)
        f = ad.jit(ad.grad(lambda x, f=ours: (f(x, *args, **options) ** 2).sum()))
        f(X)
        assert f.cache_info().reference_calls == ()
        assert f(X.astype(np.float32)).dtype == np.float32


def test_the_first_largest_element_has_the_derivative():
    x = np.zeros((1, 1, 2, 4))
    for f in (ad.grad(lambda x: nn.max_pool2d(x, 2).sum()), ad.jit(ad.grad(lambda x: nn.max_pool2d(x, 2).sum()))):
        assert f(x).tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0]]]]


def test_nan_and_infinity_in_a_window():
    x = np.array([[np.nan, 1.0, -np.inf, -np.inf], [2.0, 3.0, -np.inf, -np.inf], [1.0, 2.0, 5.0, np.inf], [3.0, np.nan, 4.0, 1.0]])
    for f in (nn.max_pool2d, ad.jit(nn.max_pool2d, static_argnums=(1,))):
        np.testing.assert_array_equal(f(x, 2), [[np.nan, -np.inf], [np.nan, np.inf]])


def test_pooling_of_integers_and_truth_values():
    x = np.arange(-16, 0).reshape(4, 4)
    assert_same(ad.jit(lambda x: nn.max_pool2d(x, 2, padding=1))(x), np.array([[-16, -14, -13], [-8, -6, -5], [-4, -2, -1]]))
    assert_same(ad.jit(lambda x: nn.avg_pool2d(x, 2))(x), np.array([[-13.5, -11.5], [-5.5, -3.5]]))
    assert_same(nn.max_pool2d(x > -4, 2), np.array([[False, False], [True, True]]))


def message(kind, f):
    with pytest.raises(kind) as e:
        ad.jit(f)(X)
    return str(e.value)


@pytest.mark.parametrize("f, words", [
    (lambda x: nn.conv2d(x, np.ones((3, 3, 2, 2))), ["4 channels with kernels of 3", "f64[2, 4, 6, 7]", "groups"]),
    (lambda x: nn.conv2d(x, np.ones((3, 2, 2, 2)), groups=2), ["for 3, in 2 groups"]),
    (lambda x: nn.conv2d(x[0], np.ones((3, 4, 2, 2))), ["(4, 6, 7) and (3, 4, 2, 2)", "images have axes"]),
    (lambda x: nn.conv2d(x, np.ones((3, 4, 9, 2))), ["windows of 9 x 2", "images of 6 x 7", "no window fits", "fix"]),
    (lambda x: nn.max_pool2d(x, 7), ["max_pool2d with windows of 7 x 7"]),
    (lambda x: nn.avg_pool2d(x[0, 0, 0], 2), ["avg_pool2d of an array of shape (7,)"]),
])
def test_shapes_that_do_not_fit(f, words):
    text = message(ShapeError, f)
    for w in (*words, "test_nn.py:", "why"):
        assert w in text, text


@pytest.mark.parametrize("options, word", [({"stride": 0}, "stride"), ({"padding": "full"}, "padding"), ({"padding": -1}, "padding"),
                                           ({"dilation": (1, 2, 3)}, "dilation"), ({"padding": (1, 2, 3)}, "padding")])
def test_options_that_mean_nothing(options, word):
    with pytest.raises(ValueError, match=word):
        nn.conv2d(X, np.ones((3, 4, 2, 2)), **options)


def test_activations():
    x = np.array([-40.0, -3.0, -0.5, 0.0, 0.7, 2.0, 50.0])
    np.testing.assert_allclose(nn.gelu(x), [v * 0.5 * math.erfc(-v / math.sqrt(2)) for v in x], rtol=1e-12)
    np.testing.assert_allclose(nn.gelu(x, approximate=True), nn.gelu(x), atol=5e-4)
    np.testing.assert_allclose(nn.silu(x), x / (1 + np.exp(-x)), rtol=1e-12)
    for f in (nn.gelu, nn.silu, lambda x: nn.gelu(x, True)):
        check_grads(f, x)
        check_compiled(f, x)
        assert f(x.astype(np.float32)).dtype == np.float32 and f(np.array([1, 2])).dtype == np.float64
        assert np.isfinite(ad.grad(lambda x, f=f: f(x).sum())(np.array([-1000.0, 1000.0]))).all()
