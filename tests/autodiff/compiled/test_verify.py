"""A verified call sees a wrong kernel, a wrong recording and a wrong argument, and says where; right programs pass."""

import numpy as np
import pytest

import autodiff as ad
from codegen import stages
from codegen.loops.language import Apply, Store, map_expr
from tracer.op import ops

X = np.linspace(0.5, 2.0, 7)


def smooth(x):
    y = np.sin(x) * 3.0
    return (y + x / 2.0).sum()


def split(x):
    return np.where(x > 1.0, x * 3.0, x / 3.0) - 1.0


def writes(x):
    x[1:] -= x[:-1] * 2.0
    return x[0]


@pytest.mark.parametrize("verify", ["first", "always"])
@pytest.mark.parametrize("f", [smooth, split, writes, ad.grad(smooth), ad.value_and_grad(smooth), ad.hessian(smooth), lambda x: (x, {"a": 1})])
def test_right_programs_pass(f, verify):
    g, x = ad.jit(f, verify=verify), X.copy()
    for _ in range(3):
        g(x)


def subtract_instead(program):
    """A pass that computes differences where there are sums."""
    def change(e):
        return Apply("sub", e.args, e.dtype) if isinstance(e, Apply) and e.fn == "add" and e.dtype.kind == "f" else e

    def visit(block):
        for s in block:
            if isinstance(s, Store):
                s.value = map_expr(s.value, change)
            for inner in (getattr(s, "body", None), *getattr(s, "branches", ())):
                visit(inner or [])
    visit(program.body)
    return program


@pytest.fixture
def a_wrong_pass(monkeypatch):
    entry = stages.Pass("wrong", subtract_instead, assumes="nothing", guarantees="nothing")
    monkeypatch.setattr(stages, "LOOP_PASSES", (*stages.LOOP_PASSES, entry))


def test_a_wrong_kernel_is_named_by_its_first_wrong_node(a_wrong_pass):
    def f(x):
        y = x * 2.0
        return y + x

    with pytest.raises(ad.VerificationError) as e:
        ad.jit(f, verify="first")(X)
    said = str(e.value)
    assert "`f`: result[0] is np.float64(0.5) compiled and np.float64(1.5) in plain Python, and 6 more" in said
    assert "the first node that differs from the evaluator is `add` (test_verify.py:" in said


def test_a_wrong_gradient(a_wrong_pass):
    with pytest.raises(ad.VerificationError, match="first node that differs"):
        ad.jit(ad.grad(lambda x: (x * x + x).sum()), verify="first")(X)


def test_a_wrong_recording(monkeypatch):
    """The evaluator has the same fault, so that only the plain function tells."""
    monkeypatch.setattr(type(ops["sin"]), "reference", staticmethod(np.cos))
    monkeypatch.setattr(ops["sin"], "code", "cos", raising=False)
    with pytest.raises(ad.VerificationError, match="the graph differs from the Python function"):
        ad.jit(lambda x: np.sin(x), verify="first")(X)


def test_a_wrong_value_behind_a_gradient(monkeypatch):
    monkeypatch.setattr(type(ops["sin"]), "reference", staticmethod(np.cos))
    monkeypatch.setattr(ops["sin"], "code", "cos", raising=False)
    with pytest.raises(ad.VerificationError, match="the value of which this is the gradient"):
        ad.jit(ad.grad(smooth), verify="first")(X)


def test_exceptions_are_compared():
    def picks(x, i):
        return x[i]
    g = ad.jit(picks, verify="always")
    assert g(X, 2) == X[2]
    with pytest.raises(IndexError):
        g(X, 99)


def test_first_and_always(monkeypatch):
    calls = []

    def f(x):
        calls.append(0) if isinstance(x, np.ndarray) and type(x) is np.ndarray else None
        return x * 2.0
    monkeypatch.setattr(ad.config, "verify", "always")
    assert ad.config.verify == "always"
    with pytest.raises(ValueError, match="one of off, first, always"):
        ad.config.verify = "sometimes"
    with pytest.raises(ValueError, match="one of off, first, always"):
        ad.jit(f, verify="never")


def test_what_is_exact():
    from autodiff.compiled.verify import is_exact
    assert is_exact(ad.jit(split).trace(X))
    assert not is_exact(ad.jit(smooth).trace(X))
    assert is_exact(ad.jit(lambda i: (i * i).sum()).trace(np.arange(5)))


def test_a_float64_that_is_made_of_float32_numbers_has_their_digits():
    """It was an alarm: half of the digits of float64 were asked for."""
    x = np.linspace(0.1, 0.9, 40).astype(np.float32)
    f = ad.jit(lambda x: np.sum(np.exp(np.sin(x)), dtype=np.float64) * 1e3 - 1e3 * np.float64(np.sum(np.tanh(x))), verify="first")
    assert np.isfinite(f(x))
