"""Python's numbers in compiled functions: the value, or the exception with the text that Python has for it and the user's line."""

import math
import statistics
from fractions import Fraction

import numpy as np
import pytest

import autodiff as ad
from tracer.errors import ConcreteValueError


def _twice(f):
    """f in a loop, whose steps go over the same number."""
    def looped(x):
        s = 0.0
        for k in range(4):
            s = s * 0.5 + f(x + 0.0 * k)
        return s
    return looped


def _under_a_branch(f):
    def branched(x, way):
        return f(x) if way > 0.0 else 2.0 * x
    return branched


RAISING = {     # a function, a number for which it has a value, and one for which Python raises
    "log": (lambda x: math.log(x), 0.5, 0.0),
    "log to a base": (lambda x: math.log(x, 3), 0.5, -1.0),
    "log to base one": (lambda x: math.log(2.0, x), 0.5, 1.0),
    "log2": (lambda x: math.log2(x), 0.5, -2.0),
    "log1p": (lambda x: math.log1p(x), 0.5, -1.0),
    "sqrt": (lambda x: math.sqrt(x), 2.0, -1.0),
    "exp": (lambda x: math.exp(x), 1.0, 1000.0),
    "cosh": (lambda x: math.cosh(x), 1.0, 1000.0),
    "sin": (lambda x: math.sin(x), 1.0, math.inf),
    "acos": (lambda x: math.acos(x), 0.3, 2.0),
    "acosh": (lambda x: math.acosh(x), 1.5, 0.0),
    "atanh": (lambda x: math.atanh(x), 0.5, 1.0),
    "pow of a negative number": (lambda x: math.pow(x, 0.5), 2.0, -1.0),
    "pow too large": (lambda x: math.pow(x, 2.0), 2.0, 1e300),
    "fmod": (lambda x: math.fmod(1.0, x), 0.3, 0.0),
    "gamma at a pole": (lambda x: math.gamma(x), 2.5, -1.0),
    "gamma too large": (lambda x: math.gamma(x), 2.5, 200.0),
    "lgamma": (lambda x: math.lgamma(x), 2.5, -1.0),
    "division": (lambda x: 1.0 / float(x), 0.5, 0.0),
    "floor division": (lambda x: 1.0 // float(x) + x, 0.3, 0.0),
    "remainder": (lambda x: 2.0 % float(x), 0.3, 0.0),
    "int division": (lambda x: 1 / int(x) * x, 2.5, 0.0),
    "int floor division": (lambda x: 7 // int(x) * x, 2.5, 0.0),
    "int remainder": (lambda x: 7 % int(x) * x, 2.5, 0.0),
    "int to a negative power": (lambda x: int(x) ** -1 * x, 2.5, 0.0),
    "float to a negative power": (lambda x: float(x) ** -1.5, 2.5, 0.0),
    "power too large": (lambda x: float(x) ** 2, 2.5, 1e300),
    "ldexp": (lambda x: math.ldexp(x, 3), 2.5, 1e308),
    "int of nan": (lambda x: int(x) * x, 2.5, math.nan),
    "int of infinity": (lambda x: int(x) * x, 2.5, -math.inf),
    "floor": (lambda x: math.floor(x) * x, 2.5, math.nan),
    "ceil": (lambda x: math.ceil(x) * x, 2.5, math.inf),
    "round": (lambda x: round(x) * x, 2.7, math.nan),
}


def _raised(f, *args):
    with pytest.raises((ArithmeticError, ValueError)) as caught:
        f(*args)
    return caught.value


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero", "ignore:overflow")
@pytest.mark.parametrize("kind", RAISING)
def test_python_raises(kind):
    """The error in each way of running the function is Python's, with the line; a number that is fine gives Python's value."""
    f, fine, wrong = RAISING[kind]
    want = _raised(f, np.float64(wrong))
    looped, branched = _twice(f), _under_a_branch(f)
    ways = [ad.jit(f), ad.jit(ad.grad(f)), ad.grad(f), ad.jit(looped), ad.jit(ad.grad(looped)),
            lambda x, g=ad.jit(branched): g(x, 1.0), lambda x, g=ad.jit(ad.grad(branched)): g(x, 1.0)]
    for way in ways:
        way(np.float64(fine))
        got = _raised(way, np.float64(wrong))
        assert type(got) is type(want)
        assert str(got).startswith(str(want)) and "test_python_numbers.py" in str(got)
    np.testing.assert_allclose(ad.jit(f)(np.float64(fine)), f(np.float64(fine)), rtol=1e-14)
    np.testing.assert_allclose(ad.jit(looped)(np.float64(fine)), looped(np.float64(fine)), rtol=1e-14)
    assert ad.jit(branched)(np.float64(wrong), -1.0) == 2.0 * wrong or math.isnan(wrong)
    step = 1e-6
    slope = (f(np.float64(fine + step)) - f(np.float64(fine - step))) / (2 * step)
    np.testing.assert_allclose(ad.jit(ad.grad(f))(np.float64(fine)), slope, rtol=1e-7)
    np.testing.assert_allclose(ad.grad(f)(np.float64(fine)), slope, rtol=1e-7)


@pytest.mark.parametrize("f", [
    lambda x: math.hypot(x, 1.0, 2.0), lambda x: math.hypot(-x), lambda x: math.log(x * 8, 2), lambda x: math.gamma(-x),
    lambda x: int(x * 10) ** -1, lambda x: len([1.0] * int(x * 10)) * x, lambda x: len(int(x * 10) * "ab") * x,
    lambda x: 2.0 if (x * 10).is_integer() else 3.0, lambda x: x.as_integer_ratio()[1] * 1.0,
    lambda x: float(int(x * 1000).bit_length()), lambda x: round(x * 10) // 2 * 1.0, lambda x: x.item() / 2,
    lambda x: 1.0 if math.isclose(x, x + 1e-8) else 2.0, lambda x: 1.0 if math.isclose(x, x + 1e-12) else 2.0,
    lambda x: math.ldexp(x, 3), lambda x: math.modf(x * 7)[0], lambda x: math.prod([x, 2.0], start=3), lambda x: pow(int(x * 10), 3, 5) * x,
    lambda x: math.cbrt(x) if hasattr(math, "cbrt") else x, lambda x: divmod(float(x) * 7, 2)[1], lambda x: round(float(x) * 10)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_values_are_pythons(f):
    """The value and its dtype are those of the plain call, at two numbers one after the other."""
    g = ad.jit(f)
    for x in (np.float64(0.75), np.float64(0.7)):
        want, got = f(x), g(x)
        np.testing.assert_allclose(got, want, rtol=1e-15)
        assert np.asarray(got).dtype == np.asarray(want).dtype


def test_python_numbers_are_weak_in_promotion():
    """A float that Python's functions give does not widen an array of float32."""
    v = np.ones(3, np.float32)
    for f in (lambda x, v: math.sqrt(x) * v, lambda x, v: float(x) * v, lambda x, v: int(x) * v, lambda x, v: x.item() * v,
              lambda x, v: v / len(v), lambda x, v: round(x) * v):
        x = np.float64(2.5)
        want = f(x, v)
        got = ad.jit(f)(x, v)
        assert got.dtype == want.dtype == np.float32
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_numpys_numbers_keep_numpys_rules():
    """Arrays and NumPy's scalars divide by zero as NumPy does."""
    with np.errstate(all="ignore"):
        assert ad.jit(lambda x, y: x / y)(np.float64(1.0), np.float64(0.0)) == np.inf
        assert np.isnan(ad.jit(lambda x: np.log(x))(np.float64(-1.0)))
        assert ad.jit(lambda x, n: x / int(n))(np.float64(1.0), np.float64(0.0)) == np.inf


def test_ints_beyond_64_bits():
    """Products and powers of Python ints fit in 64 bits or raise; so does int()."""
    product = ad.jit(lambda n: n * n % 1000003)
    assert product(10 ** 9) == (10 ** 9) ** 2 % 1000003
    with pytest.raises(OverflowError, match="beyond 64 bits"):
        product(10 ** 10)

    @ad.jit
    def factorial(n):
        p = 1
        for k in range(1, n + 1):
            p = p * k
        return p
    assert factorial(20) == math.factorial(20)
    with pytest.raises(OverflowError, match="beyond 64 bits"):
        factorial(21)
    cube = ad.jit(lambda x: int(x) ** 3)
    assert cube(np.float64(2e6)) == 8 * 10 ** 18
    with pytest.raises(OverflowError, match="beyond 64 bits"):
        cube(np.float64(3e6))
    with pytest.raises(OverflowError, match="64 bits"):
        ad.jit(lambda x: int(x))(np.float64(1e30))


def test_sums_and_shifts_beyond_64_bits():
    """Sums of two ints of which nothing is known, and shifts, fit in 64 bits or raise."""
    @ad.jit
    def fibonacci(n):
        a, b = 0, 1
        for _ in range(n):
            a, b = b, a + b
        return a
    assert fibonacci(90) == 2880067194370816120
    with pytest.raises(OverflowError, match="beyond 64 bits"):
        fibonacci(100)
    shifted = ad.jit(lambda n: 1 << n)
    assert shifted(60) == 2 ** 60
    with pytest.raises(OverflowError, match="beyond 64 bits"):
        shifted(70)
    with pytest.raises(ValueError, match="negative shift count"):
        shifted(-1)


@pytest.mark.parametrize("digits", [1, 2, 5])
def test_round_to_digits(digits):
    """A Python float is rounded from its exact value, as Python does; numpy.round rounds a product that is rounded itself."""
    f = ad.jit(lambda x: round(float(x), digits))
    halves = [k * 10.0 ** -digits + 5 * 10.0 ** -(digits + 1) for k in range(-200, 200)]
    for x in (*halves, 0.125, -0.04, -0.0, 2.675, 2.0 ** 50 + 0.375, 1e300, 5e-324):
        assert repr(float(f(np.float64(x)))) == repr(round(x, digits))
    assert ad.jit(ad.grad(lambda x: x * round(float(x), digits)))(np.float64(2.675)) == round(2.675, digits)


def test_counters_are_not_checked():
    """A divisor that is known not to be zero, and products of counters and lengths, need no check."""
    def f(x):
        s = 0.0
        for i in range(1, x.shape[0]):
            s += x[i] / i + x[(i * 7) % x.shape[0]]
        return s
    from tracer.graph import all_nodes
    graph = ad.jit(f).trace(np.ones(9))
    assert not [n for n in all_nodes(graph) if n.op.name == "require"]


def test_complex_results_are_refused():
    """A negative float to a fractional power is complex in Python."""
    f = ad.jit(lambda x, p: x ** p)
    assert math.isclose(f(2.0, 0.5), 2.0 ** 0.5, rel_tol=1e-15) and f(-2.0, 3.0) == -8.0
    with pytest.raises(ValueError, match="complex"):
        f(-2.0, 0.5)


def test_vmap():
    """Under vmap any lane may raise."""
    f = ad.jit(ad.vmap(lambda x: math.log(x)))
    np.testing.assert_allclose(f(np.array([1.0, 2.0])), np.log([1.0, 2.0]))
    with pytest.raises(ValueError, match="math domain error"):
        f(np.array([1.0, 0.0]))


def test_functions_without_source():
    """A function that cannot be converted is compiled along its path; its operators have the same checks."""
    space: dict = {}
    exec("\n".join(["def f(x):", "    return 1.0 / x if x < 4.0 else x"]), space)    # a text that nothing holds afterwards
    f = ad.jit(space["f"])
    with pytest.warns(RuntimeWarning, match="along the path"):
        assert f(2.0) == 0.5
    with pytest.raises(ZeroDivisionError):
        f(0.0)
    assert f(4.0) == 4.0


@pytest.mark.parametrize(("f", "wrong", "error"), [
    (lambda x: math.sqrt(x), -1.0, ValueError), (lambda x: 1.0 / float(x), 0.0, ZeroDivisionError),
    (lambda x: math.exp(x), 1000.0, OverflowError)])
def test_numba_and_the_reference_raise_the_same(f, wrong, error):
    """The Numba back end and the evaluation of the graph by NumPy raise what the LLVM back end raises."""
    from codegen.backends.numba.kernel import compile_numba
    from codegen.stages import stages
    from tracer.trace import evaluate
    graph = ad.jit(f).trace(np.float64(1.0))
    kernel = compile_numba(stages(graph))
    for run in (lambda x: kernel.run(x)[0], lambda x: evaluate(graph, [x])[0]):
        assert math.isclose(run(np.float64(1.0)), f(np.float64(1.0)), rel_tol=1e-15)
        with np.errstate(all="ignore"), pytest.raises(error):
            run(np.float64(wrong))


@pytest.mark.parametrize("f", [lambda x: statistics.harmonic_mean([x, 2.0, 3.0]), lambda x: statistics.harmonic_mean([x, 2.0], [1.0, x]),
                               lambda x: statistics.harmonic_mean([x])])
@pytest.mark.filterwarnings("ignore:.*compiled along the path")
def test_harmonic_means_have_derivatives(f):
    slope = (f(1.5 + 1e-6) - f(1.5 - 1e-6)) / 2e-6
    assert ad.grad(f)(1.5) == pytest.approx(slope, rel=1e-8)
    assert ad.jit(ad.grad(f))(1.5) == pytest.approx(slope, rel=1e-8)
    assert f(2.5) == pytest.approx(ad.jit(f)(2.5), rel=1e-14)


@pytest.mark.parametrize("transform", [ad.grad, lambda f: ad.jit(ad.grad(f))])
def test_fractions_of_what_is_differentiated_are_refused(transform):
    """Their integers have no derivative: the gradient would be 0 without a word."""
    with pytest.raises(ConcreteValueError, match="would lose its derivative"):
        transform(lambda x: float(Fraction(x) * 2))(1.5)


@pytest.mark.parametrize("f", [lambda x: min(x, 0.4), lambda x: max(0.4, x) * np.ones(2, np.float32), lambda x: x if x < 0.4 else 0.4,
                               lambda x: (min(x, 0.4) > 0.1) + (min(x, 0.4) > 0.2), lambda x: np.max(np.array([max(x, 0.1), x])),
                               lambda x: min(x, 2 ** 24 + 1, 0.3)])
@pytest.mark.parametrize("x", [np.float32(0.3), np.float32(0.7)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_number_of_pythons_is_not_rounded_to_the_dtype_of_the_other_one(f, x):
    # `min(x, 0.4)` of a float32 number was np.float32(0.4), where Python gives its own 0.4. It follows the path now.
    want, got = np.asarray(f(x)), np.asarray(ad.jit(f)(x))
    assert got.tolist() == want.tolist() and got.dtype == want.dtype


@pytest.mark.parametrize("f", [lambda x: x * 2 if np.isscalar(min(x, x * 2)) else x, lambda x: x * 2 if isinstance(max(x, x * 2), np.float64) else x,
                               lambda x: x * 2 if np.isscalar(min(x, 0.4)) else x])
def test_the_best_of_numbers_is_a_number(f):
    # It was an array without axes, as the result of np.where is.
    for x in (np.float64(0.3), np.float64(0.7)):
        assert ad.jit(f)(x) == f(x) == 2 * x
