"""Functions of neural networks: convolution and pooling of images, activations.

Images have the axes (image, channel, row, column), kernels of convolutions (output channel, input channel, row, column), as in
PyTorch. Everything is made of slices, maxima and one matrix product, so derivatives of any order and compiled code come from these.
A bias is an addition: `conv2d(x, w) + b[:, None, None]`.
"""

from __future__ import annotations

import math

import numpy as np

from autodiff.numpy.elementwise import floating
from autodiff.numpy.extra import log_softmax, logsumexp, one_hot, relu, sigmoid, softmax, softplus
from autodiff.numpy.products import promoted
from autodiff.numpy.support import as_array, dtype_of, length_of, shape_of, static_int
from tracer.errors import ShapeError, explain
from tracer.op import ops
from tracer.ops.index import index
from tracer.ops.linalg import matmul
from tracer.ops.shape import concatenate, reshape_to, transpose
from tracer.promote import describe
from tracer.trace import bind
from tracer.tracebacks import trims

__all__ = ["avg_pool2d", "conv2d", "gelu", "log_softmax", "logsumexp", "max_pool2d", "one_hot", "relu", "sigmoid", "silu", "softmax",
           "softplus"]


# -- convolution -----------------------------------------------------------------------------------

@trims
def conv2d(x, w, *, stride=1, padding="valid", dilation=1, groups=1):
    """Sums of products of `w` with every window of `x` (a correlation: `w` is not turned around, as in PyTorch).

    Parameters
    ----------
    x : array, shape (n, c, h, w)
    w : array, shape (o, c / groups, kh, kw)
    stride, dilation : int or pair
        Distance of the windows, and of the elements in a window, along rows and columns.
    padding : "valid", "same", int, pair of int, or pair of pairs
        Zeros around each image: none; so many that the result has ceil(h / stride) rows, half of them (rounded down) before;
        or these numbers for (rows, columns), each one number for both sides or a pair (before, after).
    groups : int
        The channels fall into this many groups; each makes o / groups output channels from its own input channels.

    Returns
    -------
    array, shape (n, o, oh, ow), oh = (h + zeros - dilation (kh - 1) - 1) // stride + 1, of the common dtype

    Raises
    ------
    ShapeError
        If channels and groups do not fit, or a window is larger than the padded image.

    Derivative
    ----------
    It is linear in `x` and in `w`: the windows are stored as the columns of a matrix, once, and multiplied by the kernels.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> conv2d(x, np.ones((1, 1, 2, 2)))[0, 0].tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """
    x, w = promoted(x, w)
    groups = static_int(groups, "groups")
    if len(shape_of(x)) != 4 or len(shape_of(w)) != 4:
        raise explain(ShapeError, f"conv2d of arrays of shapes {shape_of(x)} and {shape_of(w)}", x=describe(x), w=describe(w),
                      why="images have axes (image, channel, row, column), kernels (output channel, input channel, row, column)")
    n, c = shape_of(x)[:2]
    o, each, *size = shape_of(w)
    if groups < 1 or c != each * groups or o % groups:
        raise explain(ShapeError, f"conv2d of {c} channels with kernels of {each} channels for {o}, in {groups} groups",
                      x=describe(x), w=describe(w), why="there are groups times as many channels as a kernel has, and each group "
                      "makes as many output channels")
    out, windows = _windows("conv2d", x, size, _pair(stride, "stride"), padding, _pair(dilation, "dilation"), 0)
    # Rows (channel, place in the window), columns (image, row, column): one product for all images.
    parts = [reshape_to(transpose(v, axes=(1, 0, 2, 3)), (c, 1, n, *out)) for v in windows]
    columns = bind(concatenate, *parts, axis=1) if len(parts) > 1 else parts[0]
    lead = (groups,) if groups > 1 else ()
    rows, places = each * size[0] * size[1], n * out[0] * out[1]
    y = bind(matmul, reshape_to(w, (*lead, o // groups, rows)), reshape_to(columns, (*lead, rows, places)))
    return bind(transpose, reshape_to(y, (o, n, *out)), axes=(1, 0, 2, 3))


def _pair(value, name: str, least: int = 1) -> tuple[int, int]:
    """One integer for both axes, or one for each."""
    pair = tuple(static_int(v, name) for v in (value if isinstance(value, (tuple, list)) else (value, value)))
    if len(pair) != 2 or min(pair) < least:
        raise ValueError(f"{name} must be an integer >= {least} or a pair of them, not {value!r}")
    return pair


def _borders(padding, lengths, size, stride, dilation) -> list[tuple[int, int]]:
    """What is added before and after rows and columns."""
    if padding == "valid":
        return [(0, 0), (0, 0)]
    if padding == "same":
        total = [max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0) for n, k, s, d in zip(lengths, size, stride, dilation)]
        return [(t // 2, t - t // 2) for t in total]
    if isinstance(padding, str) or isinstance(padding, (tuple, list)) and len(padding) != 2:
        raise ValueError(f"padding must be 'valid', 'same', an integer or a pair, not {padding!r}")
    both = padding if isinstance(padding, (tuple, list)) else (padding, padding)
    return [_pair(p, "padding", 0) for p in both]


def _windows(name: str, x, size, stride, padding, dilation, fill) -> tuple[tuple[int, int], list]:
    """Rows and columns of the result, and for each place in a window, the array of what all windows have there."""
    *lead, _, _ = shape_of(x)
    h, w = (length_of(x, axis, name) for axis in (-2, -1))
    borders = _borders(padding, (h, w), size, stride, dilation)
    lengths = [n + a + b for n, (a, b) in zip((h, w), borders)]
    out = tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(lengths, size, stride, dilation))
    if min(out) < 1 or min(size) < 1:
        raise explain(ShapeError, f"{name} with windows of {size[0]} x {size[1]}, dilation {dilation}, on images of {h} x {w}",
                      x=describe(x), why=f"with padding {borders} no window fits", fix="add padding, or take a smaller window")
    if borders != [(0, 0), (0, 0)]:
        x = np.pad(x, [*[(0, 0)] * len(lead), *borders], constant_values=fill)
    whole = tuple((0, n, 1) for n in lead)
    return out, [bind(index, x, spec=(*whole, (i * dilation[0], out[0], stride[0]), (j * dilation[1], out[1], stride[1])))
                 for i in range(size[0]) for j in range(size[1])]


# -- pooling ---------------------------------------------------------------------------------------

def _pooled(name: str, x, size, stride, padding, fill):
    size = _pair(size, "size")
    stride = size if stride is None else _pair(stride, "stride")
    if len(shape_of(x)) < 2:
        raise explain(ShapeError, f"{name} of an array of shape {shape_of(x)}", x=describe(x),
                      why="rows and columns are the last two axes")
    return _windows(name, x, size, stride, padding, (1, 1), fill)[1]


@trims
def max_pool2d(x, size, stride=None, padding="valid"):
    """The largest element of every window; nan if one is nan.

    Parameters
    ----------
    x : array, shape (..., h, w)
    size : int or pair
        Of the windows.
    stride : int or pair
        Distance of the windows; None: `size`.
    padding : as in `conv2d`
        What is added is smaller than every number.

    Returns
    -------
    array, shape (..., oh, ow), dtype of `x`

    Raises
    ------
    ShapeError
        If a window is larger than the padded image.

    Derivative
    ----------
    That of the first largest element, row by row, as in PyTorch.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = np.array([[1.0, 5.0, 2.0, 2.0], [4.0, 3.0, 2.0, 0.0]])
    >>> max_pool2d(x, 2).tolist()
    [[5.0, 2.0]]
    >>> ad.grad(lambda x: max_pool2d(x, 2).sum())(x).tolist()
    [[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    x = as_array(x)
    kind = dtype_of(x).kind
    lowest = -np.inf if kind == "f" else False if kind == "b" else np.iinfo(dtype_of(x)).min
    y, *others = _pooled("max_pool2d", x, size, stride, padding, lowest)
    for v in others:    # not `maximum`, in which equal elements share the derivative
        y = np.where((v > y) | np.isnan(v) if kind == "f" else v > y, v, y)
    return y


@trims
def avg_pool2d(x, size, stride=None, padding="valid"):
    """The mean of every window; zeros of the padding count, as in PyTorch.

    Parameters
    ----------
    x : array, shape (..., h, w)
    size, stride, padding : as in `max_pool2d`

    Returns
    -------
    array, shape (..., oh, ow), dtype of `x` (integers become float64)

    Raises
    ------
    ShapeError
        If a window is larger than the padded image.

    Examples
    --------
    >>> avg_pool2d(np.array([[1.0, 5.0, 2.0, 2.0], [4.0, 2.0, 2.0, 0.0]]), 2).tolist()
    [[3.0, 1.5]]
    """
    windows = _pooled("avg_pool2d", floating(x), size, stride, padding, 0)
    total, *others = windows
    for v in others:
        total = total + v
    return total * dtype_of(total).type(1 / len(windows))


# -- activations -----------------------------------------------------------------------------------

def silu(x):
    """x sigmoid(x), also called swish.

    Parameters
    ----------
    x : array, any shape

    Returns
    -------
    array, shape and dtype of `x` (integers become float64)

    Examples
    --------
    >>> silu(np.array([0.0, -1000.0])).tolist()
    [0.0, -0.0]
    """
    x = floating(x)
    return x * sigmoid(x)


def gelu(x, approximate=False):
    """x times the normal distribution function of x, or its approximation by tanh.

    Parameters
    ----------
    x : array, any shape
    approximate : bool
        x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) / 2, as many trained networks use.
        Source of both: Hendrycks and Gimpel, arXiv:1606.08415.

    Returns
    -------
    array, shape and dtype of `x` (integers become float64)

    Examples
    --------
    >>> gelu(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.8413]
    """
    x = floating(x)
    number = dtype_of(x).type
    if approximate:
        return x * number(0.5) * (1 + np.tanh(number(math.sqrt(2 / math.pi)) * (x + number(0.044715) * x * x * x)))
    return x * number(0.5) * bind(ops["erfc"], x * number(-math.sqrt(0.5)))
