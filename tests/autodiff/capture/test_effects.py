"""What a compiled function changes outside of itself is, after each call, what plain Python would have left there."""

import copy
import io
import logging
import random
import warnings
from collections import deque
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.capture.effect_programs import MAKERS, TRACED_INTO_ARRAYS
from tracer.errors import TraceError, UnsupportedError
from tracer.trace import Tracer

XS = [1.0, 2.0, 0.5, 3.0, 2.0, 1.0]


def snapshot(x):
    """A copy in which nothing traced may be."""
    if isinstance(x, Tracer):
        raise AssertionError("a traced value has leaked")
    if isinstance(x, dict):
        return {k: snapshot(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, deque)):
        return [snapshot(v) for v in x]
    return copy.copy(x)


def same(a, b):
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (int, float)) and not isinstance(a, np.generic):
        return type(a) is type(b) and np.isclose(a, b, rtol=1e-14)
    if isinstance(a, (np.ndarray, np.generic)):
        return type(a) is type(b) and a.dtype == b.dtype and np.allclose(a, b, rtol=1e-13)
    return a == b


def outcome(f, x):
    try:
        return f(x)
    except (ValueError, IndexError, KeyError) as e:
        if isinstance(e, TraceError):
            raise
        return type(e), str(e)


def compare(make, transform, value, x_of):
    """Some calls, with the state outside after each, beside those of plain Python."""
    plain, plain_state = make()
    expected = []
    for x in XS:
        out = outcome(plain, x_of(x))
        expected.append((out, snapshot(plain_state())))
    f, state = make()
    g = transform(f)
    for k, x in enumerate(XS):
        out = outcome(g, x_of(x))
        want, want_state = expected[k]
        if value is not None and not isinstance(want, tuple):
            assert np.allclose(value(out), want, rtol=1e-12), (k, out, want)
        got = snapshot(state())
        assert same(want_state, got), (k, want_state, got)


TRANSFORMS = {"jit": (ad.jit, lambda out: out), "jit(grad)": (lambda f: ad.jit(ad.grad(f)), None), "grad": (ad.grad, None),
              "jit(value_and_grad)": (lambda f: ad.jit(ad.value_and_grad(f)), lambda out: out[0]),
              "jit(jit)": (lambda f: ad.jit(lambda x: ad.jit(f)(x)), lambda out: out),
              "grad(grad)": (lambda f: ad.jit(ad.grad(ad.grad(f))), None)}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("make", MAKERS, ids=lambda m: m.__name__)
@pytest.mark.filterwarnings("ignore:.*compiled along the path", "ignore:.*was compiled for", "ignore:.*runs uncompiled")
def test_effects(make, transform):
    if transform == "grad" and make in TRACED_INTO_ARRAYS:
        with pytest.raises(UnsupportedError, match="plain array"):
            compare(make, *TRANSFORMS[transform], float)
        return
    compare(make, *TRANSFORMS[transform], float)


# -- printing and logging --------------------------------------------------------------------------

@pytest.mark.parametrize("transform", [t for t in TRANSFORMS if t != "grad(grad)"])
def test_print(transform, capsys):
    def f(x):
        y = x * 2
        print("x", x, [y, (x, "text")], sep="|")
        print("no values")
        return y
    for x in (1.0, 2.5):
        f(x)
    wanted = capsys.readouterr().out
    g = TRANSFORMS[transform][0](f)
    for x in (1.0, 2.5):
        g(x)
    assert capsys.readouterr().out == wanted


def test_print_of_an_array_that_is_written_later(capsys):
    @ad.jit
    def f(x):
        y = x * 2
        print(y)
        y[0] = 7.0
        print(y)
        return y
    f(np.arange(3.0))
    f(np.ones(3))
    assert capsys.readouterr().out == "[0. 2. 4.]\n[7. 2. 4.]\n[2. 2. 2.]\n[7. 2. 2.]\n"


def test_print_in_a_loop_and_along_a_path(capsys):
    def f(x):
        for i in range(3):
            print("step", i, x * i)
        if x > 1.5:
            print("large", x)
        return x
    for x in (1.0, 2.0, 3.0):
        f(x)
    wanted = capsys.readouterr().out
    g = ad.jit(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x in (1.0, 2.0, 3.0):
            g(x)
    assert capsys.readouterr().out == wanted


def test_print_into_a_file():
    file = io.StringIO()

    def f(x):
        print(x, file=file)
        file.write("written\n")
        return x
    g = ad.jit(f)
    g(1.0)
    g(2.0)
    assert file.getvalue() == "1.0\nwritten\n2.0\nwritten\n"


@pytest.mark.parametrize("transform", ["jit", "jit(grad)", "grad"])
def test_logging(transform, caplog):
    log = logging.getLogger("test_effects")

    def f(x):
        log.info("x is %s", x)
        logging.getLogger("test_effects").warning("twice %.2f", x * 2)
        return x
    g = TRANSFORMS[transform][0](f)
    with caplog.at_level(logging.INFO):
        g(1.0)
        g(2.0)
    assert [r.getMessage() for r in caplog.records] == ["x is 1.0", "twice 2.00", "x is 2.0", "twice 4.00"]


def test_f_strings_that_are_printed_do_not_decide_the_path(capsys):
    def f(x):
        print(f"loss {x:.3f}, {x!r} and {[x, 1]}")
        return x * 2
    g = ad.jit(f)
    for x in (1.0, 2.0, 123.456):
        f(x)
    wanted = capsys.readouterr().out
    for x in (1.0, 2.0, 123.456):
        g(x)
    assert capsys.readouterr().out == wanted and g.cache_info().misses == 1


class Amount:
    def __init__(self, x):
        self.x = x

    def __str__(self):
        return f"{self.x:.1f} EUR"


@pytest.mark.parametrize("text", [
    lambda x: str(x), lambda x: repr(x), lambda x: format(x, ".3f"), lambda x: f"{x}", lambda x: f"{x:.{2}f}", lambda x: f"{x!r:>10}",
    lambda x: "%s" % x, lambda x: "%.2f and %s" % (x, [x]), lambda x: f"{x:.2f} {1}", lambda x: str([x, (x, 1)]),   # noqa: UP031 - what is tested
    lambda x: f"{[x]}", lambda x: str(Amount(x)), lambda x: f"{Amount(x)}", lambda x: f"{3}" + str({"a": x})])
def test_the_text_of_a_number_is_its_own(text):
    def f(x):
        return len(text(x)) * x
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        g, slope = ad.jit(f), ad.grad(f)
        for x in (1.0, 123.456, 1.0, 7.25):
            assert g(x) == f(x) and slope(x) == len(text(x))


def test_texts_are_kept_as_they_were():
    log = []

    def f(x):
        log.append(f"x is {x}")
        return x
    g = ad.jit(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x in (1.0, 2.0):
            g(x)
    assert log == ["x is 1.0", "x is 2.0"]


# -- how often, and when ---------------------------------------------------------------------------

def test_nothing_happens_where_recording_is_all():
    log, a = [], np.zeros(2)

    def f(x):
        log.append(x)
        a[0] += 1
        return x
    g = ad.jit(f)
    g.trace(1.0)
    assert log == [] and a[0] == 0
    g(1.0)
    assert log == [1.0] and a[0] == 1


def test_a_recording_that_fails_leaves_nothing():
    s = SimpleNamespace(n=0, log=[], a=np.zeros(2))

    def f(x):
        s.n += 1
        s.log.append(x)
        s.a[0] = x
        s.new = x
        return ad.vmap(s.log.append)(x * np.ones(2))
    with pytest.raises(UnsupportedError, match="append"):
        ad.jit(f)(1.0)
    assert (s.n, s.log, s.a.tolist(), hasattr(s, "new")) == (0, [], [0, 0], False)


def test_a_counter_does_not_record_anew():
    s = SimpleNamespace(n=0, loss=0.0)

    def f(x):
        s.n += 1
        s.loss += np.sum(x)
        return x * s.n
    g = ad.jit(f)
    for _ in range(20):
        g(np.ones(3))
    assert g.cache_info().misses <= 2   # the loss becomes NumPy's number at the first call
    assert (s.n, s.loss) == (20, 60.0)


def test_numbers_that_are_changed_between_calls_are_seen():
    s = SimpleNamespace(n=0, a=np.zeros(2))

    def f(x):
        s.n += 1
        s.a += s.n
        return x * s.n + s.a[0]
    g = ad.jit(f)
    assert g(1.0) == 2.0
    s.n = 10
    assert g(1.0) == 11.0 + 12.0
    s.a[:] = 100
    assert g(1.0) == 12.0 + 112.0
    s.a = np.ones(3)
    assert g(1.0) == 13.0 + 14.0
    s.n = 0.5
    assert g(1.0) == 1.5 + 15.5
    assert s.n == 1.5 and s.a.tolist() == [15.5] * 3


def test_variants_have_the_effects_once():
    log, k = [], np.arange(3) * 8

    def f(x, n, y):
        nonlocal k
        log.append(n)
        k //= 2
        x[0] += n
        return np.zeros(n).sum() + np.sum(y)
    g = ad.jit(f)
    x = np.zeros(2)
    g(x, 2, x)
    assert log == [2] and k.tolist() == [0, 4, 8] and x[0] == 2
    g(x, 3, np.zeros(2))
    assert log == [2, 3] and k.tolist() == [0, 2, 4] and x[0] == 5


def test_what_decides_about_itself_runs_uncompiled_with_a_warning():
    log = []

    def f(x):
        log.append(x)
        return x * len(log)
    g = ad.jit(f)
    with pytest.warns(RuntimeWarning, match="runs uncompiled: what it changes outside decides"):
        for n in range(15):
            assert g(2.0) == 2.0 * (n + 1)
    assert log == [2.0] * 15


def test_an_array_from_outside_that_is_also_an_argument():
    a = np.zeros(3)

    def f(x):
        a[0] += 1
        return np.sum(x)
    g = ad.jit(f)
    assert g(np.ones(3)) == 3.0
    with pytest.raises(UnsupportedError, match="overlaps with argument"):
        g(a)


def test_overlapping_arrays_from_outside():
    a = np.zeros(4)
    b = a[1:]

    def f(x):
        a[1] = x
        return x + b[0]
    with pytest.raises(UnsupportedError, match="overlaps with another"):
        ad.jit(f)(1.0)


@pytest.mark.parametrize("transform", [ad.vmap, lambda f: ad.jit(ad.vmap(f))])
def test_effects_under_vmap_are_refused(transform):
    log, s, a = [], SimpleNamespace(n=0), np.zeros(1)

    def append(x):
        log.append(x)
        return x

    def count(x):
        s.n += 1
        return x

    def write(x):
        a[0] += 1
        return x
    for f in (append, count, write):
        with pytest.raises(UnsupportedError, match="test_effects.py"):
            transform(f)(np.arange(3.0))
    assert log == [] and s.n == 0 and a[0] == 0


def test_forward_mode_and_jacobians_have_the_effects_once():
    log = []

    def f(x):
        log.append(np.sum(x))
        return x * x
    x = np.arange(3.0)
    for run in (lambda: ad.jvp(f, (x,), (x,)), lambda: ad.vjp(f, x), lambda: ad.linearize(f, x), lambda: ad.jacobian(f)(x),
                lambda: ad.jit(ad.jacobian(f))(x), lambda: ad.hessian(lambda y: np.sum(f(y)))(x)):
        log.clear()
        run()
        assert log == [3.0] and type(log[0]) is np.float64


def test_generators_kept_outside_are_refused():
    s = SimpleNamespace()

    def f(x):
        s.random = np.random.default_rng(0)
        return x
    with pytest.raises(UnsupportedError, match="kept outside"):
        ad.jit(f)(1.0)


def test_why_tells_the_effects():
    log = []

    def f(x):
        log.append(x)
        return x
    g = ad.jit(f)
    g(1.0)
    assert "after each call it calls append" in g.why()


@dataclass
class State:
    n: int
    w: np.ndarray
    more: list


@pytest.mark.filterwarnings("ignore:.*along the path")
def test_containers_among_the_arguments_are_changed():
    def f(d, rows, state, x):
        d["n"] += 1
        d["new"] = x * 2
        d["w"][0] += x
        d.pop("old", None)
        rows.append(x)
        rows[0] = rows[0] + 1
        state.n += 1
        state.more.append([x, state.n])
        state.w = state.w * 2
        return x * state.n

    def made():
        return {"n": 1, "w": np.zeros(2), "old": 3.0}, [1.0], State(0, np.ones(2), [])
    plain, own = made(), made()
    g = ad.jit(f)
    for x in (1.0, 2.0, 3.0):
        assert f(*plain, x) == g(*own, x)
        assert same(snapshot([plain[0], plain[1], vars(plain[2])]), snapshot([own[0], own[1], vars(own[2])]))


# -- random programs -------------------------------------------------------------------------------

STATEMENTS = (
    "s.n += {k}", "s.total += x * {k}", "s.total = s.total + s.n", "s.last = x + {k}", "s.log.append(x * {k})", "s.log.append(s.n)",
    "s.log.extend([x, {k}])", "s.d['a'] = x * s.n", "s.d['c'] = s.d['c'] + {k}", "s.a[{k}] += x", "s.a *= 2", "s.k[{k}] += s.n",
    "s.k += {k}", "s.rows.append([x, s.total])", "s.a = s.a + x", "s.recent.append(x)", "s.n = s.n * 2 % 7", "s.log.insert(0, {k})",
    "s.rows[-1:] = []", "helper(s, x)", "y = y * s.n + s.total", "y = y + np.sum(s.a)", "y = y + s.d['c'] * s.k[{k}]",
    "for i in range(3): s.total += x * i", "for i in range(3): s.log.append(x + i)", "for i in range(4): s.a[i] = s.a[i] + i",
    "if x > 1.2: s.n += 1", "if x > 1.2: s.a[0] = x", "if s.n % 2: s.log.append(s.n)", "del s.d['a']")


def helper(s, x):
    s.helped = s.helped + 1
    s.d["helped"] = x


def random_program(seed):
    rng = random.Random(seed)
    lines = [rng.choice(STATEMENTS).format(k=rng.randint(0, 3)) for _ in range(rng.randint(2, 7))]
    return "def f(x):\n    y = x\n    s.d['a'] = 0.0\n" + "".join(f"    {line}\n" for line in lines) + "    return y * x\n"


def fresh_state():
    return SimpleNamespace(n=1, total=0.0, last=None, log=[1.0], d={"c": 2.0}, a=np.zeros(4), k=np.arange(4), rows=[], helped=0,
                           recent=deque(maxlen=3))


def check_program(seed, folder, transforms):
    source = random_program(seed)
    file = folder / f"effects_{seed}.py"
    file.write_text(source)
    for name in transforms:
        def make():
            s = fresh_state()
            space = {"s": s, "np": np, "helper": helper}
            exec(compile(source, str(file), "exec"), space)
            return space["f"], lambda: vars(s)
        try:
            compare(make, *TRANSFORMS[name], float)
        except UnsupportedError as e:
            assert name == "grad" and "plain array" in str(e) or "is given another array in it" in str(e), source
        except AssertionError as e:
            raise AssertionError(f"seed {seed}, {name}\n{source}") from e


def test_a_library_object_with_another_array_is_seen():
    s = SimpleNamespace(a=np.ones(3))
    g = ad.jit(lambda x: x * np.sum(s.a))
    assert g(1.0) == 3.0
    s.a = np.full(3, 2.0)
    assert g(1.0) == 6.0


@pytest.mark.parametrize("seed", range(25))
def test_random_programs_with_effects(seed, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_program(seed, tmp_path, ("jit", "jit(grad)", "grad"))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_calls_that_python_runs_are_told():
    """They ran uncompiled without a word in `why`."""
    log, out = [], []

    def decides(x):
        log.append(float(x))
        return x if len(log) % 2 else x * 2

    def raises(x):
        out.append(1)
        return np.ones(3)[x]
    f, g = ad.jit(decides), ad.jit(raises)
    for _ in range(14):
        f(1.0)
    assert "5 calls ran uncompiled: what they change outside decides" in f.why()
    g(1)
    with pytest.raises(IndexError):
        g(7)
    assert "1 calls ran uncompiled: they raise after they have changed something outside" in g.why() and out == [1, 1]
