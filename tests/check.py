"""Checks that every function has to pass: value against NumPy, derivatives against differences, compiled against evaluated.

A function under test takes arrays and returns an array or a tree of arrays, and is written with NumPy's names, so that
calling it on plain arrays gives the expected value.
"""

from __future__ import annotations

import warnings

import numpy as np

import autodiff as ad
from tracer.trace import evaluate, trace_flat
from tracer.tree import flatten
from tracer.types import type_of_value

RTOL = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 2e-5}


def leaves(tree) -> list:
    """Flat list of the arrays in a result."""
    return flatten(tree)[0]


def is_float(x) -> bool:
    """Whether a value has derivatives."""
    return np.asarray(x).dtype.kind == "f"


def evaluated(f, *args) -> list:
    """Results of `f` through a graph: traced for any values of the argument types, then run by the evaluator."""
    args = [np.asarray(a) for a in args]
    traced = trace_flat(lambda *xs: leaves(f(*xs)), [type_of_value(a) for a in args])
    return evaluate(traced.graph, [*args, *traced.captured])


def assert_same(got, want, rtol=None, what: str = "value") -> None:
    """Equal shape, dtype and numbers."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype, f"{what}: dtype {got.dtype}, not {want.dtype}"
    assert got.shape == want.shape, f"{what}: shape {got.shape}, not {want.shape}"
    if want.dtype.kind == "f":
        rtol = RTOL[want.dtype] if rtol is None else rtol
        finite = want[np.isfinite(want)]
        scale = float(np.max(np.abs(finite))) if finite.size else 0.0
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * scale, err_msg=what)
    else:
        np.testing.assert_array_equal(got, want, err_msg=what)


def check_value(f, *args, rtol=None) -> None:
    """The traced function gives what NumPy gives, and writes to none of its arguments."""
    before = [np.array(a) for a in args]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        want = [np.asarray(y) for y in leaves(f(*args))]
        got = evaluated(f, *args)
    assert len(got) == len(want)
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        assert_same(g, w, rtol, f"result {i}")
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="an argument was written")


def random_like(x, rng) -> np.ndarray:
    """A direction of the shape and dtype of a float array."""
    return np.asarray(rng.uniform(-1, 1, np.shape(x))).astype(np.asarray(x).dtype)


def _float_results(f):
    """`f` with a list of its float results."""
    def g(*args):
        return [y for y in leaves(f(*args)) if is_float_type(y)]
    return g


def is_float_type(y) -> bool:
    """Whether a result, traced or plain, has derivatives."""
    dtype = getattr(y, "dtype", None)
    return (np.asarray(y).dtype if dtype is None else dtype).kind == "f"


def check_grads(f, *args, order=2, modes=("fwd", "rev"), tol=2e-6, seed=0) -> None:
    """Derivatives in all float arguments against central differences, to the given order.

    Forward mode is compared with differences, reverse mode with forward mode by the inner product <ct, J v> = <J' ct, v>.
    """
    rng = np.random.default_rng(seed)
    args = [np.asarray(a) for a in args]
    floats = [i for i, a in enumerate(args) if is_float(a)]
    plain = _float_results(f)

    def of_floats(*xs):
        full = list(args)
        for i, x in zip(floats, xs, strict=True):
            full[i] = x
        return plain(*full)
    xs = [args[i] for i in floats]
    vs = [random_like(x, rng) for x in xs]
    eps = 1e-5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        up = of_floats(*[x + eps * v for x, v in zip(xs, vs)])
        down = of_floats(*[x - eps * v for x, v in zip(xs, vs)])
        numeric = [(np.asarray(a) - np.asarray(b)) / (2 * eps) for a, b in zip(up, down)]
        _, tangents = ad.jvp(of_floats, tuple(xs), tuple(vs))
        cts = [random_like(t, rng) for t in numeric]
        if "fwd" in modes:
            for i, (t, n) in enumerate(zip(tangents, numeric, strict=True)):
                scale = max(1.0, float(np.max(np.abs(n), initial=0.0)))
                np.testing.assert_allclose(t, n, rtol=tol, atol=tol * scale, err_msg=f"jvp of result {i}, order {order} from the last")
        if "rev" in modes:
            grads = ad.vjp(of_floats, *xs)[1](cts)
            for g, x in zip(grads, xs, strict=True):
                assert np.shape(g) == np.shape(x) and np.asarray(g).dtype == x.dtype
            forward = sum(np.vdot(ct, t) for ct, t in zip(cts, tangents))
            backward = sum(np.vdot(g, v) for g, v in zip(grads, vs))
            scale = max(1.0, *[float(np.max(np.abs(g), initial=0.0)) for g in grads])
            np.testing.assert_allclose(backward, forward, rtol=1e-9, atol=1e-10 * scale, err_msg="inner product of jvp and vjp")
    if order > 1:
        if "fwd" in modes:
            check_grads(lambda *ys: ad.jvp(of_floats, ys, tuple(vs))[1], *xs, order=order - 1, modes=modes, tol=tol * 10, seed=seed + 1)
        if "rev" in modes:
            check_grads(lambda *ys: ad.vjp(of_floats, *ys)[1](cts), *xs, order=order - 1, modes=modes, tol=tol * 10, seed=seed + 1)


def check_compiled(f, *args, grad=True, rtol=None) -> None:
    """One kernel with the value and, if asked for, the pullback of fixed cotangents, against the evaluator."""
    rng = np.random.default_rng(1)
    args = [np.asarray(a) for a in args]
    floats = [i for i, a in enumerate(args) if is_float(a)] if grad else []
    plain = _float_results(f)

    def both(*xs):
        values = leaves(f(*xs))
        if not floats:
            return values
        def of_floats(*chosen):
            full = list(xs)
            for i, x in zip(floats, chosen):
                full[i] = x
            return plain(*full)
        return values, ad.vjp(of_floats, *[xs[i] for i in floats])[1](cts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        cts = [random_like(y, rng) for y in plain(*args)]
        want = evaluated(both, *args)
        got = leaves(ad.jit(both)(*args))
    assert len(got) == len(want)
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        assert_same(g, w, 1e-10 if rtol is None and np.asarray(w).dtype == np.float64 else rtol, f"compiled result {i}")


def check_all(f, *args, order=2, modes=("fwd", "rev"), tol=2e-6, rtol=None) -> None:
    """Value, derivatives, and compiled code where it exists."""
    check_value(f, *args, rtol=rtol)
    if any(is_float(a) for a in args):
        check_grads(f, *args, order=order, modes=modes, tol=tol)
    if hasattr(ad, "jit"):
        check_compiled(f, *args)
