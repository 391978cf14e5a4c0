"""What errors say: what happened, the user's own line, why, and what to do."""

import numpy as np
import pytest

import autodiff as ad
from tracer.trace import trace_flat
from tracer.types import type_of_value

X = np.arange(6.0).reshape(2, 3)


def message(kind, f, *args):
    with pytest.raises(kind) as e:
        f(*args)
    return str(e.value)


def parts(text, *wanted):
    for w in wanted:
        assert w in text, text
    assert "test_errors.py:" in text, text


def test_shapes():
    text = message(ValueError, ad.jit(lambda a, b: np.tanh(a) + b), X, X.T)
    parts(text, "cannot add arrays of shapes (2, 3) and (3, 2)", "np.tanh(a) + b", "left  f64[2, 3], made at test_errors.py", "fix")


def test_dtypes():
    parts(message(TypeError, ad.jit(lambda a: a & 1.5), X), "bitwise_and", "float64")


@pytest.mark.parametrize("use, word", [
    (lambda x: 1 if x.sum() > 0 else 2, "the truth of"), (lambda x: float(x.sum()), "float()"),
    (lambda x: np.asarray(x), "plain NumPy array"), (lambda x: list(range(x.astype(int).sum())), "integer"),
    (lambda x: x.sum().item(), "float()")], ids=["bool", "float", "asarray", "index", "item"])
def test_concrete_value_needed(use, word):
    parts(message(TypeError, lambda x: trace_flat(lambda t: [t * use(t)], [type_of_value(x)]), X), word, "fix")   # nothing is captured


def test_escaped_tracer():
    kept = []

    def leak(x):
        kept.append(x * 2)
        return x
    trace_flat(lambda x: [leak(x)], [type_of_value(X)], name="leak")
    parts(message(RuntimeError, lambda: kept[0] + 1), "after the trace of `leak` ended", "made", "test_errors.py")


def test_gradient_of_what_has_none():
    parts(message(TypeError, ad.grad(lambda x: x * 2), X), "gradient of `function`, which returns f64[2, 3]", "jacobian")
    parts(message(TypeError, ad.grad(lambda x: x.sum()), np.arange(3)), "argument 0 of dtype int64", "astype")
    parts(message(TypeError, ad.grad(lambda x: x.sum() > 0), X), "bool")
    parts(message(TypeError, ad.grad(lambda x: (x.sum(), 1.0)), X), "has_aux")


def test_structures_and_shapes_of_tangents():
    parts(message(TypeError, lambda: ad.jvp(np.sin, (1.0,), ((1.0, 2.0),))), "structure")
    parts(message(ValueError, lambda: ad.jvp(np.sin, (X,), (X[0],))), "tangent of type f64[3]")
    _, pull = ad.vjp(np.sin, X)
    parts(message(ValueError, lambda: pull(X[0])), "cotangent of type f64[3]")


def test_leaves_that_are_no_arrays():
    parts(message(TypeError, ad.jit(lambda d: d["x"]), {"x": {1, 2}}), "['x'] is set", "static_argnames")


def test_custom_rules_are_checked():
    f = ad.custom_vjp(lambda x: x)
    parts(message(NotImplementedError, ad.grad(lambda x: f(x).sum()), X), "no derivative", "defvjp")
    f.defvjp(lambda x: (x, None), lambda r, ct: (ct[0],))
    parts(message(ValueError, ad.grad(lambda x: f(x).sum()), X), "belongs")
    f.defvjp(lambda x: (x, None), lambda r, ct: ct)
    parts(message(TypeError, ad.grad(lambda x: f(x).sum()), X), "tuple of 1 cotangents")
    parts(message(TypeError, lambda: ad.jvp(f, (X,), (X,))), "forward mode", "custom_jvp")


def test_missing_rule_names_class_and_method():
    text = message(NotImplementedError, ad.grad(lambda x: np.nextafter(x, 2.0).sum() + np.spacing(x).sum() * 0 + _hollow(x)), 1.0)
    parts(text, "op `hollow` has no derivative", "class Hollow does not define `partials`", "def partials(self, y, *xs)")


def _hollow(x):
    from tracer.op import Elementwise, ops, register
    if "hollow" not in ops:
        class Hollow(Elementwise):
            """y = x."""

            def reference(self, x):
                return x
        register(Hollow())
    try:
        return ops["hollow"](x)
    finally:
        del ops["hollow"]


def test_refusals_name_the_function_and_line():
    parts(message(NotImplementedError, ad.jit(lambda x: np.linalg.eig(x)), X), "numpy.linalg.eig cannot be traced")
