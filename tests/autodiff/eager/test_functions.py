"""`grad` and `value_and_grad` outside of `jit`: plain functions go the tape's roads, others are traced, and both give one result."""

import numpy as np
import pytest

import autodiff as ad
from autodiff.eager.functions import OnTape
from autodiff.eager.plain import plain
from tracer import errors as ad_errors
from tracer.tree import flatten

SCALE = 2.0
TABLE = np.array([1.0, 2.0, 3.0])
LOG: list = []


def helper(x, k=2):
    return np.sum(x ** k) * SCALE


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def loop(x):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0:
            total = total + x[i] * i
        else:
            total += np.sin(x[i])
    return total + helper(x)


def rows(x):
    return np.sum(np.stack([row * 2.0 for row in x.reshape(1, 3)]) * TABLE)


def appends(x):
    parts = []
    for k in range(3):
        parts.append(x * (k + 1.0))
    return np.sum(np.concatenate(parts))


PLAIN = [rosenbrock, helper, loop, rows, appends, lambda x: np.linalg.norm(x), lambda x: (x @ x) / np.mean(x), lambda x: x.max() - x.T.min(),
         lambda x: np.sum(+x * x)]


@pytest.mark.parametrize("f", PLAIN)
def test_plain_functions_go_on_the_tape(f):
    x = np.array([0.5, -1.0, 2.0])
    assert plain(f).reason == ""
    g, both = ad.grad(f), ad.value_and_grad(f)
    want = ad.jit(ad.grad(f))(x)
    for _ in range(6):
        got = g(x)
        np.testing.assert_allclose(got, want, rtol=1e-12)
        assert type(got) is np.ndarray and got.flags.writeable and got.base is None
        value, second = both(x)
        np.testing.assert_allclose(value, f(x), rtol=1e-12)
        assert isinstance(value, np.float64) and second is not got
        got[...] = 0
    assert "one kernel" in ad.why(g), ad.why(g)


def stores(x):
    a = np.zeros(3)
    for i in range(3):
        a[i] = x[i] * 2.0
    return np.sum(a * a)


def asks(x):
    return np.sum(x * x) if isinstance(x, np.ndarray) else np.sum(x)


def counts(x):
    LOG.append(1)
    return np.sum(x * x)


def number(x):
    return np.sum(x * float(np.sum(x)))


def ends(x):
    y = x * 2.0
    try:
        y = y + x
    finally:
        y = y * x
    return np.sum(y)


NOT_PLAIN = [stores, asks, counts, ends]


@pytest.mark.parametrize("f", NOT_PLAIN)
def test_other_functions_are_traced(f):
    x = np.array([0.5, -1.0, 2.0])
    g = ad.grad(f)
    for _ in range(4):
        LOG.clear()
        np.testing.assert_allclose(g(x), ad.jit(ad.grad(f))(x))
    assert ad.why(g).startswith("through its graph")
    LOG.clear()
    g(x)
    assert len(LOG) == (f is counts)


def test_a_number_taken_out_keeps_its_derivative():
    # A tensor gives its number to float() and np.float64(): such functions are not plain, or leave the tape when it happens.
    x = np.array([0.5, 2.0])
    g, h = ad.grad(number), ad.grad(lambda x: np.sum(x * np.float64(x[0])))
    for _ in range(4):
        np.testing.assert_allclose(g(x), [5.0, 5.0])
        np.testing.assert_allclose(h(x), [3.0, 0.5])
    assert ad.why(g).startswith("through its graph") and ad.why(h).startswith("through its graph")


def test_what_a_function_refers_to_is_looked_at():
    global SCALE
    x = np.array([1.0, 2.0])
    g = ad.grad(helper)
    np.testing.assert_allclose(g(x), 4.0 * x)
    SCALE = 3.0
    try:
        np.testing.assert_allclose(g(x), 6.0 * x)
    finally:
        SCALE = 2.0
    TABLE[0] = 5.0
    try:
        np.testing.assert_allclose(ad.grad(lambda x: np.sum(x * TABLE))(np.ones(3)), [5.0, 2.0, 3.0])
    finally:
        TABLE[0] = 1.0


def test_arguments_are_left_alone():
    def f(x, y):
        y += 1.0
        x = x * 1.0
        x += y
        return np.sum(x * y)
    y = np.array([1.0, 2.0])
    for _ in range(4):
        np.testing.assert_allclose(ad.grad(f)(np.ones(2), y), [2.0, 3.0])
        np.testing.assert_allclose(ad.grad(f, argnums=(0, 1))(np.ones(2), y)[1], 1.0 + 2 * (y + 1.0))
        np.testing.assert_array_equal(y, [1.0, 2.0])

    def h(x):
        x += 1.0
        return np.sum(x * x)
    z = np.array([1.0, 2.0])
    np.testing.assert_allclose(ad.grad(h)(z), 2 * (z + 1))
    np.testing.assert_array_equal(z, [1.0, 2.0])


def test_trees_dtypes_and_scalars():
    def f(p, scale):
        return np.sum(p["w"] * p["w"]) * scale + p["b"][0] * p["b"][1]
    p = {"w": np.array([1.0, 2.0], np.float32), "b": (np.float64(2.0), np.array(3.0))}
    for _ in range(4):
        g = ad.grad(f)(p, 2.0)
        assert g["w"].dtype == np.float32 and g["w"].tolist() == [4.0, 8.0] and float(g["b"][0]) == 3.0 and float(g["b"][1]) == 2.0
    assert ad.grad(lambda x: x * x * x)(2.0) == 12.0
    with pytest.raises(TypeError, match="integers"):
        ad.grad(lambda x: np.sum(x))(np.arange(3))
    with pytest.raises(TypeError, match="which returns"):
        ad.grad(lambda x: x * 2.0)(np.ones(3))
    assert ad.grad(lambda x: np.sum(x * 0.0) + 1.0)(np.ones(2)).tolist() == [0.0, 0.0]


def test_derivatives_of_derivatives_are_traced():
    f = lambda x: np.sum(np.sin(x) * x)  # noqa: E731
    x = np.array([0.2, 0.7])
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(ad.grad(f)(x) ** 2))(x), ad.jit(ad.grad(lambda x: np.sum(ad.grad(f)(x) ** 2)))(x))
    np.testing.assert_allclose(ad.hessian(f)(x), np.diag(2 * np.cos(x) - x * np.sin(x)))
    t = ad.tensor(x, requires_grad=True)
    ad.grad(f)(t).sum().backward()
    np.testing.assert_allclose(t.grad.detach(), 2 * np.cos(x) - x * np.sin(x))


def squares(x, k=1.0):
    return 100.0 * (x[1:] - x[:-1] ** 2) ** 2 + k


def test_vjp_goes_on_the_tape():
    x, ct = np.array([0.5, -1.0, 2.0]), np.array([1.0, -2.0])
    want_value, want = ad.jit(lambda x, ct: (squares(x), ad.vjp(squares, x)[1](ct)[0]))(x, ct)
    assert OnTape(squares).pulled((x,), {}, [0]) is not None
    for _ in range(5):
        y, pullback = ad.vjp(squares, x)
        given = x.copy()
        x[:] = 7.0      # what the caller does to the argument afterwards changes nothing
        for _ in range(3):
            got, = pullback(ct)
            np.testing.assert_allclose(y, want_value, rtol=1e-12)
            np.testing.assert_allclose(got, want, rtol=1e-12)
            got[...] = 0.0
            y[...] = want_value
        x[:] = given
        assert type(y) is np.ndarray and y.flags.writeable
    with pytest.raises(ValueError, match="both have one shape"):
        pullback(np.ones(3))
    with pytest.raises(ad_errors.GradientError, match="structure"):
        pullback((ct,))


def test_a_pullback_of_the_tape_takes_traced_cotangents():
    x, ct = np.array([0.5, -1.0, 2.0]), np.array([1.0, -2.0])
    _, pullback = ad.vjp(squares, x)
    want = pullback(ct)[0]
    np.testing.assert_allclose(ad.jit(lambda ct: pullback(ct)[0])(ct), want)
    t = ad.tensor(ct, requires_grad=True)
    out, = pullback(t)
    np.testing.assert_allclose(out.detach(), want)
    out.sum().backward()
    jac = ad.jacfwd(squares)(x)
    np.testing.assert_allclose(t.grad.detach(), jac.sum(1))
    np.testing.assert_allclose(ad.jacfwd(lambda ct: pullback(ct)[0])(ct), jac.T)


def test_vjp_of_several_arguments_trees_and_numbers():
    def f(p, s):
        return p["w"] * s + p["b"][0]
    p = {"w": np.array([1.0, 2.0], np.float32), "b": (np.array([3.0, 4.0], np.float32),)}
    for _ in range(4):
        y, pullback = ad.vjp(f, p, np.float32(2.0))
        given, p["w"][:] = p["w"].copy(), 7.0
        gp, gs = pullback(np.array([1.0, 10.0], np.float32))
        p["w"][:] = given
        assert y.dtype == np.float32 and y.tolist() == [5.0, 8.0]
        assert gp["w"].tolist() == [2.0, 20.0] and gp["b"][0].tolist() == [1.0, 10.0] and gs == 21.0 and gs.dtype == np.float32
    y, pullback = ad.vjp(lambda x: x * x * x, 2.0)
    assert y == 8.0 and pullback(1.0) == (12.0,) and isinstance(pullback(1.0)[0], np.float64)
    many, pullback = ad.vjp(lambda x: (x * 2.0, x * x), np.ones(2))      # a tree: through its graph
    np.testing.assert_allclose(pullback((np.ones(2), np.ones(2)))[0], [4.0, 4.0])


AUX = [lambda x: (np.sum(x * x), x * 2.0), lambda x: (np.sum(x * x), {"mean": np.mean(x), "x": x, "n": 3, "flag": True, "none": None}),
       lambda x: (np.sum(np.sin(x)), [x > 0.0, TABLE, 2.5])]


@pytest.mark.parametrize("f", AUX)
def test_a_second_result_goes_on_the_tape(f):
    x = np.array([0.5, -1.0, 2.0])
    g, both = ad.grad(f, has_aux=True), ad.value_and_grad(f, has_aux=True)
    want, want_aux = ad.jit(g)(x)
    for _ in range(5):
        got, aux = g(x)
        np.testing.assert_allclose(got, want, rtol=1e-12)
        ours, theirs = flatten(aux), flatten(want_aux)
        assert ours[1] == theirs[1]
        for a, b in zip(ours[0], theirs[0]):
            np.testing.assert_allclose(a, b, rtol=1e-12)
            assert np.asarray(a).dtype == np.asarray(b).dtype and not (a is x or a is TABLE)
        (value, aux), second = both(x)
        np.testing.assert_allclose(value, f(x)[0], rtol=1e-12)
        np.testing.assert_allclose(second, want, rtol=1e-12)
        y, pullback, _ = ad.vjp(f, x, has_aux=True)
        np.testing.assert_allclose(pullback(1.0)[0], want, rtol=1e-12)
    assert ad.why(g).startswith("on the tape, one kernel"), ad.why(g)


def test_a_second_result_that_is_no_array_is_refused():
    with pytest.raises(TypeError, match="set"):
        ad.grad(lambda x: (np.sum(x), {1, 2}), has_aux=True)(np.ones(2))
    assert ad.grad(lambda x: (np.sum(x), "text"), has_aux=True)(np.ones(2))[1] == "text"
    with pytest.raises(TypeError, match="must return"):
        ad.grad(lambda x: np.sum(x), has_aux=True)(np.ones(2))


def test_jacobians_by_reverse_sweeps_go_on_the_tape():
    x = np.array([0.5, -1.0, 2.0])
    for f, shape in [(squares, (2, 3)), (lambda x: np.sum(x * x), (3,)), (lambda x: np.outer(x, x[:2]).T, (2, 3, 3))]:
        reverse, best = ad.jacrev(f), ad.jacobian(f)
        want = ad.jit(ad.jacfwd(f))(x)
        for _ in range(3):
            np.testing.assert_allclose(reverse(x), want, rtol=1e-12)
            np.testing.assert_allclose(best(x), want, rtol=1e-12)
        assert reverse(x).shape == shape and ad.why(reverse).startswith("on the tape, one kernel"), ad.why(reverse)
        assert ad.why(best).startswith("on the tape" if len(shape) < 3 else "through its graph: forward")
    a, b = ad.jacobian(lambda p, y: p["a"][0] * p["b"] + y[:2], argnums=(0, 1))({"a": x, "b": 2.0}, x)
    np.testing.assert_allclose(a["a"], [[2.0, 0, 0]] * 2)
    np.testing.assert_allclose(a["b"], [0.5, 0.5])
    np.testing.assert_allclose(b, [[1.0, 0, 0], [0, 1.0, 0]])


def test_modules_of_enclosing_functions_are_read():
    import numpy as inner

    def f(x):
        return inner.sum(inner.sin(x))
    assert plain(f).reason == ""
    assert "inner" in f.__code__.co_freevars
    g = ad.grad(f)
    np.testing.assert_allclose(g(np.ones(2)), np.cos([1.0, 1.0]))
    assert ad.why(g).startswith("on the tape")


def test_a_dict_of_numbers_is_read_by_the_number():
    x = np.array([0.5, 2.0])
    for f, slope in [(lambda x: x[0] * {0.5: 3.0, 1.0: 5.0}[x[0]], 3.0), (lambda x: {0.5: 4.0}.get(x[0], 1.0) * x[0], 4.0)]:
        g = ad.grad(f)
        for _ in range(4):
            np.testing.assert_allclose(g(x), [slope, 0.0])
        assert ad.why(g).startswith("through its graph")


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_gradients_are_finite_where_the_operations_one_by_one_overflow():
    """A tape that is new goes operation by operation, which gives inf * 0 here; then its graph is evaluated. The suite had only `jit`."""
    x = np.array([-745.0, 1.0])

    def f(x):
        return np.sum(1 / (1 + np.exp(-x)))
    want = ad.jit(ad.grad(f))(x)
    assert np.isfinite(want).all()
    roads = set()
    for _ in range(4):
        g = ad.grad(f)
        np.testing.assert_allclose(g(x), want)
        roads.add(ad.why(g))
        t = ad.tensor(x, requires_grad=True)
        y = f(t)
        with np.errstate(all="ignore"):
            y.backward()
        np.testing.assert_allclose(t.grad.numpy(), want)
    assert any("its graph was evaluated" in road for road in roads)
