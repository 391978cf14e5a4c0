"""Arrays of other classes than NumPy's own: those with operations of their own are refused, wherever they come in."""

import numpy as np
import pytest

import autodiff as ad
from tests.check import assert_same


class Labelled(np.ndarray):
    """Has a label, and computes as any array."""

    def __array_finalize__(self, other):
        self.label = getattr(other, "label", "")


class Doubled(np.ndarray):
    """Computes in its own way."""

    def __mul__(self, other):
        return 2 * np.multiply(np.asarray(self), other)


OWN = {"masked": np.ma.masked_array([1.0, 2.0, 9.0], [False, True, False]), "matrix": np.ones((2, 2)).view(np.matrix),
       "user": np.ones(3).view(Doubled)}
WAYS = {
    "argument": lambda x: ad.jit(lambda y: np.sum(y * y))(x), "inside": lambda x: ad.jit(lambda t: np.sum(t["a"][0]))({"a": [x]}),
    "constant": lambda x: ad.jit(lambda y: np.sum(np.multiply(x, y)))(np.ones(x.shape)), "left": lambda x: ad.jit(lambda y: np.sum(y * x))(np.ones(x.shape)),
    "gradient": lambda x: ad.grad(lambda y: np.sum(y * y))(x), "other": lambda x: ad.grad(lambda y, z: np.sum(y * z))(np.ones(x.shape), x),
    "of a constant": lambda x: ad.grad(lambda y: np.sum(np.add(x, y)))(np.ones(x.shape)), "result": lambda x: ad.jit(lambda y: x)(1.0),
    "tangent": lambda x: ad.jvp(lambda y: y * 2.0, (x,), (np.ones(x.shape),)), "tensor": ad.tensor,
    "tape": lambda x: ad.tensor(np.ones(x.shape), requires_grad=True) + x, "loop": lambda x: ad.fori_loop(0, 2, lambda i, c: c * 2.0, x)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", OWN)
def test_operations_of_their_own(kind, way):
    # The mask was forgotten, and `*` of matrices taken for the product of elements.
    with pytest.raises(TypeError, match="(?s)of class (MaskedArray|matrix|Doubled) cannot be traced.*why.*fix") as e:
        WAYS[way](OWN[kind])
    assert "test_array_classes.py" in str(e.value)


@pytest.mark.parametrize("kind", OWN)
def test_a_kernel_for_plain_arrays_does_not_serve_them(kind):
    f = ad.jit(lambda x: np.sum(x * x))
    for _ in range(2):
        f(np.ones(OWN[kind].shape))
    with pytest.raises(TypeError, match="cannot be traced"):
        f(OWN[kind])


def test_others_are_plain(tmp_path):
    def f(x):
        return np.sum(x * x)
    mapped = np.memmap(tmp_path / "numbers", np.float64, "w+", shape=(3,))
    mapped[:] = [1.0, 2.0, 3.0]
    for x in (mapped, np.array(mapped).view(Labelled)):
        assert_same(ad.jit(f)(x), np.float64(14.0))
        assert_same(np.asarray(ad.grad(f)(x)), 2 * np.asarray(x))
