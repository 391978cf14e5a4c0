"""What captured code asks of a value is answered as of NumPy's value; before, a class of ours was named, and the program took the other way."""

import collections
import collections.abc
import numbers
import operator

import numpy as np
import pytest

import autodiff as ad
from tracer.errors import ConcreteValueError

X = np.array([0.8, 1.3, 0.4])


def refuses(call, v):
    try:
        call(v)
    except (TypeError, IndexError):
        return True
    return False


QUESTIONS = {
    "type": lambda v: type(v) is np.ndarray, "type of a number": lambda v: type(v) == np.float64,  # noqa: E721
    "type as a key": lambda v: {np.ndarray: True}.get(type(v), False), "name of the type": lambda v: type(v).__name__ == "ndarray",
    "class": lambda v: v.__class__ is np.ndarray, "ndarray": lambda v: isinstance(v, np.ndarray), "float": lambda v: isinstance(v, float),
    "generic": lambda v: isinstance(v, np.generic), "Number": lambda v: isinstance(v, numbers.Number),
    "Iterable": lambda v: isinstance(v, collections.abc.Iterable), "Sized": lambda v: isinstance(v, collections.abc.Sized),
    "Hashable": lambda v: isinstance(v, collections.abc.Hashable), "subclass": lambda v: issubclass(type(v), np.ndarray),
    "has __len__": lambda v: hasattr(v, "__len__"), "has __iter__": lambda v: hasattr(v, "__iter__"),
    "has is_integer": lambda v: hasattr(v, "is_integer"), "has values": lambda v: hasattr(v, "values"), "callable": callable,
    "writeable": lambda v: v.flags.writeable, "contiguous": lambda v: v.flags.c_contiguous, "base": lambda v: v.base is None,
    "strides": lambda v: v.strides == (8,), "len": lambda v: refuses(len, v), "hash of an array": lambda v: v.shape == (3,) and refuses(hash, v),
    "index": lambda v: refuses(operator.index, v), "getattr": lambda v: getattr(v, "imaginary", None) is None,
    "getattr of what is there": lambda v: getattr(v, "ndim", 7) == 1}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_numpys(name):
    question = QUESTIONS[name]

    def f(x):
        a, b = bool(question(x)), bool(question(x[0]))
        return np.sum(x) * (2.0 if a else 1.0) + x[0] ** 2 * (3.0 if b else 5.0)
    h = 1e-6
    want = [(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(ad.grad(f)(X), want, rtol=1e-8)
    np.testing.assert_allclose(ad.jit(ad.grad(f))(X), want, rtol=1e-8)


def test_the_layout_belongs_to_the_signature_once_it_was_asked_for():
    def f(x):
        return np.sum(x) * (2.0 if x.flags.c_contiguous else 3.0) + x.strides[0]
    jitted, wide = ad.jit(f), np.arange(12.0).reshape(3, 4)
    frozen = wide[0].copy()
    frozen.flags.writeable = False
    for x in (wide, wide.T, wide[:, ::2], np.asfortranarray(wide), wide[0], wide[:, 0], wide, wide.T):
        assert jitted(x) == f(x)
    g = ad.jit(lambda x: np.sum(x) * (2.0 if x.flags.writeable else 3.0))
    assert g(wide[0]) == 12.0 and g(frozen) == 18.0 and g(wide[0]) == 12.0


def test_numbers_of_python():
    f = lambda x: 2.0 * x if type(x) is float else 3.0 * x  # noqa: E731
    assert ad.jit(f)(1.5) == 3.0 and ad.jit(f)(np.float64(1.5)) == 4.5 and ad.grad(f)(1.5) == 2.0


@pytest.mark.filterwarnings("ignore:.*along the path:RuntimeWarning")
def test_what_depends_on_the_number_is_refused_or_follows_it():
    with pytest.raises(ConcreteValueError, match="hash"):
        ad.vmap(lambda v: {0.5: 1.0}.get(hash(v), 2.0))(X)
    for f in (lambda v: {0.8: 1.0}.get(v[0], 2.0) * v[0], lambda v: v[0] * (v[0] in {0.8, 1.0}), lambda v: v[0] * {0.8: 3.0, 1.0: 5.0}[v[0]]):
        np.testing.assert_allclose(ad.grad(f)(X)[0], f(X) / X[0])      # before, a stand-in was no key of the dict
        jitted = ad.jit(f)
        for x in (X, X * 1.25, X):
            np.testing.assert_allclose(jitted(x), f(x))     # along the path of this number
    with pytest.raises(TypeError, match="unhashable"):
        ad.jit(lambda v: {v: 1.0})(X)


@pytest.mark.filterwarnings("ignore:.*along the path:RuntimeWarning")
@pytest.mark.parametrize("ask", [float.hex, lambda v: v.hex(), lambda v: v.is_integer(), float.as_integer_ratio, lambda v: float(v).hex()])
def test_methods_that_only_numbers_have_follow_the_number(ask):
    # They ended in "descriptor 'hex' for 'float' objects doesn't apply to a 'Tracer' object".
    def f(v):
        return ask(v), v * 2.0
    jitted = ad.jit(f)
    for v in (0.5, 2.0, -3.25, 0.5, np.float64(2.0)):
        assert jitted(v) == f(v)


@pytest.mark.filterwarnings("ignore:.*along the path:RuntimeWarning")
@pytest.mark.parametrize("ask", [float.hex, lambda v: f"{v:.2f}", lambda v: f"{v}"])
def test_the_path_of_nan_is_that_of_nan(ask):
    # nan is not equal to itself: the path that it had taken was taken for that of every number.
    f = ad.jit(lambda v: (ask(v), v * 2.0))
    for v in (np.nan, 1.0, np.nan, 2.0):
        assert f(v)[0] == ask(v)


def test_the_text_of_a_number_that_is_not_known_is_refused():
    for ask in (float.hex, lambda v: v.hex()):
        with pytest.raises(ConcreteValueError, match="`hex` of a traced value"):
            ad.vmap(lambda v, ask=ask: v if ask(v) == "x" else 2.0 * v)(X)


@pytest.mark.filterwarnings("ignore:.*along the path:RuntimeWarning")
def test_methods_that_only_ints_have_follow_the_number():
    f = ad.jit(lambda k, x: x * k.bit_length() + int.bit_count(k))
    for k in (1, 6, 255, 6):
        assert f(k, 2.0) == 2.0 * k.bit_length() + k.bit_count()


@pytest.mark.filterwarnings("ignore:.*(along the path|compiled for):RuntimeWarning")
def test_integers_that_decide_about_shapes_follow_the_number():
    """The length of a deque, points of division and widths of borders: arguments, and numbers that the function finds."""
    def last(x, n):
        d = collections.deque(maxlen=n)
        for k in range(6):
            d.append(x[k])
        return sum(d)
    x = np.arange(6.0) + 0.5
    for f in (last, lambda x, n: last(x, n + 1), lambda x, n: last(x, int(x[n])), lambda x, n: np.split(x, [n, n + 1])[1].sum(),
              lambda x, n: np.array_split(x, n)[0].sum(), lambda x, n: np.split(x, np.array([1, 2]) + n)[1].sum(), lambda x, n: np.pad(x, n),
              lambda x, n: np.pad(x, (n, 1), mode="edge"), lambda x, n: np.pad(x, np.array([n, 2 * n])), lambda x, n: np.pad(x[None], ((0, n), (n, 1))),
              lambda x, n: np.pad(x, int(x[n])), lambda x, n: np.pad(x, {0: (n, 2)}) if np.lib.NumpyVersion(np.__version__) >= "2.3.0" else x):
        jitted = ad.jit(f)
        for n in (2, 3, 2):
            np.testing.assert_array_equal(jitted(x, n), f(x, n))
    for f in (lambda x, n: np.split(x, [n, n + 1])[1].sum(), lambda x, n: np.pad(x, (n, 1)).sum(), lambda x, n: np.split(x, n)[0].sum()):
        jitted = ad.jit(ad.grad(f))
        for n in (np.int64(2), np.int64(3), np.int64(2)):
            np.testing.assert_array_equal(jitted(x, n), ad.grad(f)(x, int(n)))
