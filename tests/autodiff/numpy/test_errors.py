"""Options and functions that are refused, and wrong arguments: the error has NumPy's class and names the user's line."""

import numpy as np
import pytest

import autodiff as ad
import autodiff.numpy as anp
from tracer.errors import AxisError, DTypeError, ShapeError, UnsupportedError
from tracer.trace import trace_flat
from tracer.types import type_of_value

X = np.arange(12.0).reshape(3, 4)
OUT = np.zeros(4)


def failure(f, kind):
    with pytest.raises(kind) as e:
        trace_flat(lambda x: [f(x)], [type_of_value(X)])
    return str(e.value)


OPTIONS = {
    "out": [lambda x: np.sum(x, 0, out=OUT), lambda x: np.mean(x, 0, out=OUT), lambda x: x.max(0, out=OUT), lambda x: np.cumsum(x, 0, out=OUT),
            lambda x: np.clip(x, 0, 1, out=OUT), lambda x: np.dot(x, OUT, out=OUT), lambda x: np.concatenate([x, x], out=OUT),
            lambda x: np.take(x, 0, out=OUT), lambda x: np.einsum("ij->j", x, out=OUT), lambda x: np.round(x, out=OUT),
            lambda x: np.argmax(x, 0, out=OUT), lambda x: np.median(x, 0, out=OUT), lambda x: np.fix(x, out=OUT),
            lambda x: np.outer(x, x, out=OUT), lambda x: np.all(x, 0, out=OUT), lambda x: np.trace(x, out=OUT), lambda x: np.nansum(x, 0, out=OUT)],
    "order": [lambda x: np.reshape(x, 12, order="F"), lambda x: np.ravel(x, order="K"), lambda x: np.sort(x, order="a"),
              lambda x: np.zeros_like(x, order="F"), lambda x: x.flatten("F"), lambda x: np.copy(x, order="F")],
    "mean": [lambda x: np.var(x, mean=X)],
    "casting": [lambda x: np.concatenate([x, x], dtype=int, casting="unsafe")],
    "weights": [lambda x: np.quantile(x, 0.5, weights=X, method="inverted_cdf")],
    "aweights": [lambda x: np.cov(x, aweights=np.ones(4))],
    "period": [lambda x: np.interp(x, [0.0, 1.0], [1.0, 2.0], period=1)],
    "where": [lambda x: np.nanvar(x, where=x > 1)],
    "reflect_type": [lambda x: np.pad(x, 1, "reflect", reflect_type="odd")],
}


@pytest.mark.parametrize("option, f", [(o, f) for o, fs in OPTIONS.items() for f in fs])
def test_options_are_refused_not_ignored(option, f):
    text = failure(f, UnsupportedError)
    assert f"with {option}=" in text and "test_errors.py" in text and "why" in text and "fix" in text


@pytest.mark.parametrize("f, word", [
    (lambda x: np.add(x, 1, where=x > 0), "no defined value"), (lambda x: np.add(x, 1, where=x > 0, out=X), "lose the trace"),
    (lambda x: np.add(x, 1, out=X), "lose the trace"),
    (lambda x: np.pad(x, 1, "linear_ramp"), "linear_ramp"), (lambda x: np.quantile(x, 0.5, method="weibull"), "weibull"),
    (lambda x: np.round(x > 1), "float16"), (lambda x: np.linalg.svd(x), "full_matrices=False"),
    (lambda x: np.linalg.qr(x.T, "complete"), "reduced"), (lambda x: np.geomspace(-1.0, x[0]), "not positive"),
    (lambda x: x.sort(), "np.sort"), (lambda x: x.partition(1), "np.partition"),
])
def test_special_refusals(f, word):
    text = failure(f, UnsupportedError)
    assert word in text and "test_errors.py" in text


@pytest.mark.parametrize("name", ["unique", "linalg.lstsq", "linalg.eig", "linalg.tensorinv", "linalg.cond", "angle", "histogram", "i0",
                                  "apply_along_axis", "linalg.eigvals", "isin", "put_along_axis", "lexsort", "add.reduceat"])
def test_functions_that_cannot_be_traced(name):
    target = np
    for part in name.split("."):
        target = getattr(target, part)
    args = {"linalg.lstsq": (X[0],), "isin": (X,), "put_along_axis": (X, X, 0), "add.reduceat": ([0],)}.get(name, ())

    def f(x):
        if name == "apply_along_axis":
            return target(np.sum, 0, x)
        return target(x, *args)
    text = failure(f, UnsupportedError)
    assert name.split(".")[-1] in text and "cannot be traced" in text and "test_errors.py" in text


@pytest.mark.parametrize("f", [
    lambda x: np.sum(x, axis=2), lambda x: x.mean(-3), lambda x: np.flip(x, 5), lambda x: np.concatenate([x, x], 2), lambda x: np.moveaxis(x, 3, 0),
    lambda x: np.argmax(x, 2), lambda x: np.sort(x, 2), lambda x: np.cumsum(x, 2), lambda x: np.stack([x, x], 4), lambda x: np.diff(x, axis=3),
    lambda x: np.squeeze(x, 7), lambda x: np.take(x, 0, axis=2), lambda x: np.expand_dims(x, 5), lambda x: anp.logsumexp(x, 2),
    lambda x: np.linalg.norm(x, axis=2), lambda x: np.median(x, axis=2), lambda x: np.tensordot(x, x, ([2], [0])),
])
def test_axes_out_of_range(f):
    text = failure(f, AxisError)
    assert "is out of bounds for array of dimension" in text and "test_errors.py" in text
    with pytest.raises((np.exceptions.AxisError, IndexError)):
        f(X)


@pytest.mark.parametrize("f", [
    lambda x: x @ x, lambda x: np.dot(x, x), lambda x: np.concatenate([x, x[:, :2]]), lambda x: np.stack([x, x.T]), lambda x: x.reshape(5, 2),
    lambda x: x.reshape(-1, 5), lambda x: np.broadcast_to(x, (3, 5)), lambda x: np.einsum("ij,ij", x, x.T), lambda x: np.einsum("ii", x),
    lambda x: np.squeeze(x, 0), lambda x: np.where(x > 0, x, x.T), lambda x: np.inner(x, x.T), lambda x: np.vdot(x, x[0]),
    lambda x: np.tensordot(x, x, 1), lambda x: np.linalg.matrix_power(x, 2), lambda x: anp.array([x, x[0]]), lambda x: x + x[:, :3],
    np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.eigh, lambda x: np.linalg.eigvalsh(x[0]),
    lambda x: np.linalg.solve(x, x), lambda x: np.linalg.solve(x[:, :3], x[0]), lambda x: np.linalg.solve(x[:, :3], x.T),
    lambda x: np.linalg.solve(np.stack([x[:, :3]] * 2), np.stack([x] * 3)), lambda x: np.linalg.svd(x[0]), lambda x: np.linalg.qr(x[0]),
])
def test_shapes_that_do_not_fit(f):
    text = failure(f, ShapeError)
    assert "test_errors.py" in text
    with pytest.raises(ValueError):
        f(X)


@pytest.mark.parametrize("f", [
    lambda x: np.max(x[:, :0], axis=1), lambda x: np.argmax(x[:0]), lambda x: np.split(x, 5), lambda x: np.transpose(x, (0, 0)),
    lambda x: np.sum(x, axis=(0, 0)), lambda x: np.max(x, 0, where=x > 1), lambda x: np.quantile(x, 2.0), lambda x: np.percentile(x, -1),
    lambda x: np.diff(x, -1), lambda x: np.pad(x, -1), lambda x: np.searchsorted(x, 1.0), lambda x: np.where(x, x), lambda x: np.convolve(x, x[0]),
    lambda x: np.einsum("ij->k", x), lambda x: np.einsum("ij,jk", x), lambda x: np.repeat(x, -1), lambda x: np.linspace(x[0], 1, -1),
    lambda x: np.interp(x, [0.0, 1.0], [1.0]), lambda x: np.partition(x, 9), lambda x: np.clip(x, 0, 1, min=0), lambda x: np.concatenate([]),
    lambda x: np.array_split(x, 0), lambda x: np.gradient(x[:, :1]), lambda x: np.take(x, 0, mode="odd"), lambda x: np.flip(x, 0).reshape(-1, -1),
    lambda x: np.vander(x), lambda x: np.diag(np.stack([x, x])), lambda x: np.select([x > 0], [x, x]), lambda x: np.linalg.norm(x, 5),
    lambda x: np.linalg.eigh(x[:, :3], "X"), lambda x: np.linalg.pinv(x, 1e-3, rtol=1e-3), lambda x: np.linalg.inv(x[:, :3] + 1j),
])
def test_wrong_arguments_raise_what_numpy_raises(f):
    with pytest.raises((ValueError, TypeError)) as theirs:
        f(X)
    with pytest.raises(theirs.type if theirs.type in (ValueError, TypeError) else (ValueError, TypeError)):
        trace_flat(lambda x: [f(x)], [type_of_value(X)])


def test_dtypes_that_cannot_be_traced():
    for f in (lambda x: x.astype(complex), lambda x: np.sum(x, dtype=np.float16), lambda x: np.zeros_like(x, dtype="S1")):
        assert "supported dtypes" in failure(f, DTypeError)
    with pytest.raises(DTypeError, match="within one kind"):
        ad.grad(lambda x: np.add(x, x, dtype=np.int64).sum())(X)
    with pytest.raises(DTypeError, match="integers and booleans|divided in floating point"):
        ad.grad(lambda x: np.mean(x, dtype=int))(X)


def test_ufunc_dtype_converts():
    got = ad.jvp(lambda x: np.exp(x, dtype=np.float64), (np.float32([0.1, 0.2]),), (np.float32([1, 1]),))[0]
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, np.exp(np.float32([0.1, 0.2]), dtype=np.float64))
