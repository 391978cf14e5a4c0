"""What the program raises under a traced condition: a check of the kernel, and the very exception from Python."""

import contextlib
import warnings
from unittest import mock

import numpy as np
import pytest

import autodiff as ad
from autodiff.capture import branches
from tracer.tree import flatten


class TooLarge(Exception):
    """An exception of the user's, with more than a text."""

    def __init__(self, what, place):
        super().__init__(what)
        self.place = place


def negative(x):
    if np.any(x < 0):
        raise ValueError(f"negative: {x.min()}")
    return np.sum(np.sqrt(x))


def in_a_loop(x):
    s = 0.0
    for i in range(len(x)):
        if x[i] > 5:
            raise TooLarge("too large", i)
        s += x[i] ** 2
    return s


def in_a_while(x):
    i, s = 0, 0.0
    while s < 2.0:
        if i >= len(x) or x[i] < 0:
            raise RuntimeError("does not converge")
        s += x[i] * 0.5
        i += 1
    return s


def the_long_way_first(x):
    if x[0] > 0:
        y = x * 2.0
        if x[1] > 0:
            return np.sum(y * x)
        else:
            raise ArithmeticError("second")
    else:
        raise ValueError("first")


def of_a_helper(x):
    def checked(v, low):
        if v < low:
            raise TooLarge("too small", low)
        return v
    return checked(x[0], 0.0) * checked(x[1], -1.0) + checked(x[2], 0.0)


def a_chain(x):
    if x[0] < 0:
        raise ValueError("a")
    elif x[1] < 0:
        raise TypeError("b")
    elif x[2] > 8:
        return np.sum(x)
    return np.sum(x * x)


def one_of_two(x):
    if x[0] < 0:
        if x[1] < 0:
            raise ValueError("both")
        raise TypeError("one")
    return np.sum(x * x)


def with_errstate(x):
    with np.errstate(all="ignore"):
        if x[0] < 0:
            raise ZeroDivisionError("x")
    return np.sum(x / 2.0)


def chosen(x):
    return np.sum(x) if x[0] >= 0 else refused(x)


def refused(x):
    raise OverflowError("refused")


PROGRAMS = [negative, in_a_loop, in_a_while, the_long_way_first, of_a_helper, a_chain, one_of_two, with_errstate, chosen]
ARRAYS = [[1.0, 2.0, 3.0], [1.0, -2.0, 9.0], [-1.0, -1.0, 1.0], [-1.0, 1.0, 1.0], [9.0, 9.0, 9.0], [0.1, 0.2, 0.1], [1.0, 2.0, 3.0]]


def outcome(f, x):
    try:
        return [np.atleast_1d(y) for y in flatten(f(x))[0]], None
    except Exception as e:
        return None, e


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("transform", [lambda f: f, ad.grad, ad.value_and_grad], ids=["value", "grad", "both"])
@pytest.mark.parametrize("generator", ["llvm", "numba"])
def test_python_raises_what_the_kernel_found(program, transform, generator, monkeypatch):
    monkeypatch.setattr(ad.config, "generator", generator)
    compiled = ad.jit(transform(program))
    with warnings.catch_warnings():
        warnings.simplefilter("error")      # none is compiled along a path
        for numbers in ARRAYS:
            want, expected = outcome(transform(program), np.array(numbers))
            got, raised = outcome(compiled, np.array(numbers))
            assert type(raised) is type(expected) and str(raised) == str(expected)
            if expected is None:
                np.testing.assert_allclose(np.hstack(got), np.hstack(want), rtol=1e-12)
            else:
                assert vars(raised) == vars(expected)
    assert "the program raises" in compiled.why() and "compiled along" not in compiled.why()


def test_the_traceback_ends_at_the_users_line():
    with pytest.raises(ValueError, match="negative: -2.0") as caught:
        ad.jit(negative)(np.array([1.0, -2.0]))
    assert caught.traceback[-1].name == "negative" and caught.value.__context__ is None


# -- what may be handled ---------------------------------------------------------------------------

def tried(x):
    try:
        return negative(x)
    except ValueError:
        return -np.sum(x)


@contextlib.contextmanager
def forgiving():
    try:
        yield
    except ValueError:
        pass


class Guard:
    """Lets no exception through."""

    def __enter__(self):
        return self

    def __exit__(self, kind, e, traceback):
        return kind is ValueError


def within(manager):
    """A program that calls another one in the block of a context manager."""
    def program(x):
        y = np.sum(x)
        with manager():
            y = negative(x)
        return y
    program.__name__ = f"within_{manager.__name__}"
    return program


def suppressing():
    return contextlib.suppress(ValueError)


class Lazy:
    """An attribute that is there for some numbers."""

    def __init__(self, x):
        self.x = x

    @property
    def root(self):
        if self.x[0] < 0:
            raise AttributeError("no root")
        return np.sqrt(self.x[0])


def asked(x):
    return getattr(Lazy(x), "root", -1.0) * x[1]


def items(x):
    for k in range(3):
        if x[k] < 0:
            return
        yield x[k]


def a_default(x):
    return next(items(x), 7.0) * x[1]


@pytest.mark.parametrize("program", [tried, within(suppressing), within(forgiving), within(Guard), asked, a_default], ids=lambda f: f.__name__)
@pytest.mark.filterwarnings("ignore:.*compiled")
def test_what_is_handled_is_handled(program):
    compiled = ad.jit(program)
    for numbers in ARRAYS:
        x = np.array(numbers)
        assert compiled(x) == pytest.approx(program(x), rel=1e-12)


# -- what else happens -----------------------------------------------------------------------------

def test_effects_and_writes_before_it(capsys):
    seen = []

    def f(x):
        seen.append(len(seen))
        x[0] = 7.0
        print("on the way")
        if x[1] < 0:
            raise ValueError("after it")
        x[1] = 8.0
        return np.sum(x)
    compiled = ad.jit(f)
    x = np.ones(3)
    assert compiled(x) == 16.0 and x.tolist() == [7.0, 8.0, 1.0]
    y = np.array([1.0, -1.0, 1.0])
    with pytest.raises(ValueError, match="after it"):
        compiled(y)
    assert y.tolist() == [7.0, -1.0, 1.0] and seen == [0, 1] and capsys.readouterr().out == "on the way\n" * 2


def test_the_text_of_an_exception_that_is_kept_is_asked_for():
    def f(x):
        e = ValueError(f"{x[0]}")
        return x * len(str(e))
    compiled = ad.jit(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for v in (1.0, 10.5):
            x = np.array([v, 2.0])
            np.testing.assert_array_equal(compiled(x), f(x))


def test_bound_functions_and_maps_raise_a_class_of_its_own():
    x = np.array([1.0, -1.0])
    with pytest.raises(ValueError, match="negative"):
        ad.jit(negative).bind(x)()
    with pytest.raises(ValueError, match="negative"):
        ad.jit(ad.vmap(negative))(np.array([[1.0, 2.0], [1.0, -2.0]]))
    np.testing.assert_allclose(ad.jit(ad.vmap(negative))(np.ones((2, 3))), [3.0, 3.0])


def test_an_exception_that_numbers_raise_and_the_program_handles():
    def f(a):
        try:
            return np.sum(np.linalg.cholesky(a))
        except np.linalg.LinAlgError:
            return np.trace(a) * 3.0
    good, bad = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[1.0, 2.0], [2.0, 1.0]])
    for first, second in ((good, bad), (bad, good)):
        for transform in (lambda f: f, ad.grad):
            compiled = ad.jit(transform(f))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for a in (first, second, first):
                    np.testing.assert_allclose(compiled(a), transform(f)(a), rtol=1e-12)


def test_both_ways_raise():
    def f(x):
        if x[0] < 0:
            raise ValueError("negative")
        raise TypeError("not negative")
    for numbers in ((-1.0, 1.0), (1.0, -1.0)):
        compiled = ad.jit(f)
        for v in numbers:
            with pytest.raises(ValueError if v < 0 else TypeError):
                compiled(np.array([v]))


def test_arguments_that_are_given_away_are_as_they_were():
    """A result may not take their memory before it is known that nothing raises."""
    def f(x):
        y = x * 3.0
        if y[-1] > 100.0:
            raise ValueError(f"{x[0]} is too large")
        return y
    compiled = ad.jit(f, donate=(0,))
    for _ in range(3):
        assert compiled(np.ones(40))[0] == 3.0
        with pytest.raises(ValueError, match="50.0 is too large"):
            compiled(np.full(40, 50.0))


@pytest.mark.parametrize("order", ["else", "after", "helper"])
def test_many_checks_cost_little_time_to_compile(order, tmp_path):
    """The way beside a check is recorded once more at most: each of these would double the time otherwise."""
    depth = 14
    lines = ["import numpy as np", "def fail(k):", "    raise ValueError(f'x{k}')", "def f(x):"]
    for d in range(depth):
        lines += ["    " * (d + 1) + f"if x[{d}] > 0:", "    " * (d + 2) + f"x = x * 1.5 + {d}"]
    lines.append("    " * (depth + 1) + "return np.sum(x)")
    for d in reversed(range(depth)):
        last = f"fail({d})" if order == "helper" else f"raise ValueError('x{d}')"
        lines += ["    " * (d + 1) + last] if order == "after" else ["    " * (d + 1) + "else:", "    " * (d + 2) + last]
    file = tmp_path / "deep.py"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    space = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), space)
    with mock.patch.object(branches, "_Path", wraps=branches._Path) as recorded:
        compiled = ad.jit(space["f"])
        assert compiled(np.ones(16)) > 0
    assert recorded.call_count < 20 * depth
    with pytest.raises(ValueError, match="x0"):
        compiled(-np.ones(16))


def grows(x):
    steps = 0
    while x < 10.0:
        x = x * 1.5 + 0.1
        steps += 1
        if steps > 50:
            raise RuntimeError("too many steps")
    return x


compiled, compiled_slope = ad.jit(grows), ad.jit(ad.grad(grows))


@pytest.mark.parametrize("f", [
    lambda x: ad.grad(grows)(x), lambda x: ad.value_and_grad(grows)(x)[1], lambda x: ad.jvp(grows, (x,), (1.0,))[1], lambda x: ad.vjp(grows, x)[0],
    lambda x: ad.checkpoint(grows)(x), lambda x: compiled(x) * 2, lambda x: compiled_slope(x) * 2, lambda x: ad.hvp(lambda y: grows(y) ** 2, x, 1.0)])
def test_transforms_and_compiled_functions_that_are_called_let_through_what_is_raised(f):
    g = ad.jit(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error")      # none that says that a path is compiled
        for x in (0.5, 2.0, 20.0):
            np.testing.assert_allclose(g(x), f(x), rtol=1e-12)
        with pytest.raises(RuntimeError, match="too many steps"):
            g(-10.0)
        assert g.cache_info().misses == 1 and "path" not in g.why()


@pytest.mark.parametrize("transform", [lambda f: f, ad.grad, lambda f: lambda x: ad.jvp(f, (x,), (1.0,))[1], lambda f: ad.jit(ad.grad(f)),
                                       lambda f: ad.grad(lambda x: ad.grad(f)(x) * x)])
@pytest.mark.parametrize("order", [(-10.0, 2.0, 3.0, -5.0), (2.0, -10.0, 3.0)])
@pytest.mark.filterwarnings("ignore:.*along the path:RuntimeWarning")
def test_what_a_transform_lets_through_is_handled_around_it(transform, order):
    """The conditions on which a function raises inside of a transform belong to the path, too."""
    def slope(x):
        try:
            return transform(grows)(x)
        except RuntimeError:
            return -1.0
    f = ad.jit(slope)
    for x in order:
        np.testing.assert_allclose(f(x), slope(x), rtol=1e-12)
