"""What `autodiff.numpy` is on plain arrays, and functions whose answer is about types or known values."""

import subprocess
import sys

import numpy as np
import pytest

import autodiff as ad
import autodiff.numpy as anp
from tests.check import assert_same
from tracer.array import functions
from tracer.errors import ConcreteValueError, UnsupportedError
from tracer.trace import Tracer, trace_flat
from tracer.types import ArrayType, type_of_value

X = np.array([[0.0, 2.0], [-1.0, 0.0]])
OWN = {"array", "asarray", "asanyarray", "ascontiguousarray", "zeros", "ones", "empty", "full", "arange", "eye", "identity", "tri", "isscalar",
       "take", "linalg"}
LACKING = {"logsumexp", "softmax", "log_softmax", "sigmoid", "relu", "softplus", "one_hot"}


def public():
    modules = type(sys)
    return {n: getattr(anp, n) for n in dir(anp) if not n.startswith("_") and (n == "linalg" or not isinstance(getattr(anp, n), modules))}


def test_every_other_name_is_numpy_s_own_object():
    for name, value in public().items():
        if name not in OWN | LACKING:
            assert value is getattr(np, name), name


def test_every_implemented_function_is_exported():
    names = public()
    own = [f for f in functions if not isinstance(f, (str, tuple)) and getattr(np, f.__name__, None) is f]
    assert {f.__name__ for f in own} - set(names) == set()
    linalg = [f for f in functions if getattr(f, "__module__", "") == "numpy.linalg"]
    assert {f.__name__ for f in linalg} - set(dir(anp.linalg)) == set()


def test_there_are_many():
    assert len(functions) > 250
    assert len([f for f in functions if not isinstance(f, (str, tuple, np.ufunc))]) > 120


@pytest.mark.parametrize("call", [
    lambda m: m.array([[1, 2], [3, 4]], ndmin=3), lambda m: m.array([1, 2], dtype=np.float32), lambda m: m.asarray([1.5, 2]),
    lambda m: m.zeros((2, 3)), lambda m: m.zeros(2, dtype=int), lambda m: m.ones((2,)), lambda m: m.ones(2, np.int32), lambda m: m.full((2, 2), 3),
    lambda m: m.full(2, 1.5), lambda m: m.arange(4), lambda m: m.arange(1, 4), lambda m: m.arange(0, 1, 0.25), lambda m: m.arange(3, dtype=float),
    lambda m: m.arange(5, 1, -2), lambda m: m.eye(3), lambda m: m.eye(2, 3, 1, int), lambda m: m.identity(2), lambda m: m.tri(3, 2, 1),
    lambda m: m.linspace(0, 1, 5), lambda m: m.take(np.arange(3.0), [0, 2]), lambda m: m.empty((2, 0)), lambda m: m.ascontiguousarray(X.T),
    lambda m: m.asanyarray([1, 2]), lambda m: m.indices((2, 2)), lambda m: m.fromfunction(lambda i, j: i + j, (2, 2)), lambda m: m.isscalar(3.0),
    lambda m: m.array([True, False]), lambda m: m.asarray(X, dtype=int), lambda m: m.full((2,), np.float32(2)),
])
def test_creation_on_plain_values_is_numpy(call):
    got, want = call(anp), call(np)
    assert type(got) is type(want)
    if isinstance(want, np.ndarray):
        assert_same(got, want)
    else:
        assert got == want


def test_plain_arrays_stay_plain_inside_a_trace():
    def f(x):
        assert type(anp.arange(3)) is type(anp.array([1, 2])) is type(anp.eye(2)) is np.ndarray
        # These are made to be written.
        assert isinstance(anp.zeros(3), Tracer) and isinstance(anp.full((2,), 1.0), Tracer) and isinstance(anp.linspace(0, 1, 3), Tracer)
        assert isinstance(anp.zeros(2, dtype=object), np.ndarray)
        return x.sum()
    ad.grad(f)(X)
    assert type(anp.zeros(3)) is np.ndarray


def test_unknown_names():
    with pytest.raises(AttributeError, match=r"numpy\.fft cannot be traced"):
        anp.fft  # noqa: B018
    with pytest.raises(AttributeError, match="neither has numpy"):
        anp.nonsense  # noqa: B018
    assert not hasattr(anp, "unique")


def test_questions_about_types():
    def f(x, i):
        assert np.ndim(x) == 2 and np.shape(x) == (2, 2) and np.size(x) == 4 and np.size(x, 0) == 2
        assert not np.iscomplexobj(x) and np.isrealobj(x)
        assert np.result_type(x, np.float32) == np.float64 and np.result_type(i, 2.0) == np.float64
        assert np.can_cast(i, np.float64) and not np.can_cast(x, np.int32)
        assert np.common_type(i, x) is np.float64
        assert anp.isscalar(x[0, 0]) and not anp.isscalar(x)
        assert x.itemsize == 8 and x.nbytes == 32 and len(x) == 2 and x.real is x
        return [x]
    trace_flat(f, [type_of_value(X), ArrayType(np.dtype(np.int32), (3,))])


def test_python_numbers_stay_weak_until_they_are_arrays():
    x = np.float32([1.0, 2.0])

    def f(w):
        assert (x * w).dtype == np.float32 and np.where(x > 0, w, x).dtype == np.float32 and np.clip(x, w, None).dtype == np.float32
        assert (x * anp.asarray(w)).dtype == (x * np.copy(w)).dtype == np.float64
        assert anp.array([w, x[0]]).dtype == np.float64 and np.stack([w, x[0]]).dtype == np.float64
        return w
    ad.grad(f)(2.0)


def test_functions_that_need_known_values():
    def f(x):
        for i, j in zip(np.nonzero(x), np.nonzero(X), strict=True):
            assert_same(i, j)
        assert_same(np.argwhere(x), np.argwhere(X))
        assert_same(np.flatnonzero(x), np.flatnonzero(X))
        assert_same(np.where(x)[0], np.where(X)[0])
        assert np.allclose(x, X) and np.array_equal(x, X) and bool(np.any(x > 1))
        assert anp.arange(x[0, 1].astype(int)).tolist() == [0, 1]
        return (x[np.nonzero(x)] ** 2).sum()
    assert_same(ad.grad(f)(X), 2 * X)


@pytest.mark.parametrize("f", [lambda x: np.repeat(X, x[0]), lambda x: np.digitize(x, x[0]), lambda x: np.roll(x, x[0, 0].astype(int)),
                               lambda x: np.insert(x, x[0].astype(int), 1), lambda x: anp.arange(x[0, 0].astype(int))])
def test_values_that_are_not_known(f):
    with pytest.raises(ConcreteValueError) as e:
        trace_flat(lambda x: [f(x)], [type_of_value(X)])
    assert "test_namespace.py" in str(e.value) and "fix" in str(e.value)


def test_arange_of_traced_floats_is_refused():
    with pytest.raises(UnsupportedError, match="linspace"):
        trace_flat(lambda x: [anp.arange(x[0, 0])], [type_of_value(X)])


def test_importing_loads_neither_scipy_nor_numba():
    code = "import sys, autodiff.numpy; print(sorted({m.split('.')[0] for m in sys.modules} & {'scipy', 'numba', 'llvmlite'}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_traced_array_has_no_attribute_that_arrays_lack():
    # `ptp` is a method of NumPy 1 only: code that asks for it with hasattr went another way when it was traced.
    assert {n for n in dir(Tracer) if not n.startswith("_") and not hasattr(np.ndarray, n)} == {
        "at", "owner", "ref", "type", "value", "origin", "views", "is_integer", "as_integer_ratio", "bit_length", "weak", "where"}
