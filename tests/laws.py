"""The laws that every op obeys, as functions of an op and its inputs. Used by the suite and by docs/adding.md."""

from __future__ import annotations

import numpy as np

from autodiff.transforms.jvp import joint_graph
from autodiff.transforms.linearize import linearize_graph
from autodiff.transforms.transpose import transpose_graph
from codegen.compile import compile_graph
from tests import guard
from tracer.op import Elementwise
from tracer.ops.reduce import sum_
from tracer.trace import Traced, bind, evaluate, trace_flat
from tracer.types import is_inexact, type_of_value

SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 1e300, -1e300, 700.0, -750.0])


def sample(op: Elementwise, char: str, shape, rng) -> list[np.ndarray]:
    """Random inputs of one dtype from the domain of an elementwise op."""
    n = len(list(op.domain)) if isinstance(op.domain[0], tuple) else arity(op)
    domains = op.domain if isinstance(op.domain[0], tuple) else [op.domain] * n
    out = []
    for low, high in domains:
        if char == "?":
            out.append(rng.random(shape) < 0.5)
        elif char in "il":
            out.append(rng.integers(int(np.floor(low)), max(int(np.ceil(high)), int(np.floor(low)) + 1) + 1, shape).astype(np.int64))
        else:
            out.append(rng.uniform(low, high, shape).astype(char))
    return out


def arity(op: Elementwise) -> int:
    """Number of arguments: that of the ufunc or of the reference function."""
    if isinstance(op.reference, np.ufunc):
        return op.reference.nin
    return op.reference.__code__.co_argcount - 1


def traced(f, *xs) -> Traced:
    """Graph of a function of arrays that returns one value."""
    return trace_flat(lambda *ts: [f(*ts)], [type_of_value(x) for x in xs])


def dot(a, b):
    """Sum of products of two arrays."""
    return sum_(a * b, axes=tuple(range(np.ndim(b))))


def weighted(t: Traced, xs, rng):
    """Value, directional derivatives in both modes along random directions, and the directions."""
    graph = t.graph
    active = [is_inexact(type_of_value(x).dtype) for x in xs] + [False] * len(t.captured)
    joint, active_out = joint_graph(graph, active)
    dxs = [rng.standard_normal(np.shape(x)).astype(x.dtype) for x, a in zip(xs, active) if a]
    y, *dy = evaluate(joint, [*xs, *t.captured, *dxs])
    if not active_out[0]:
        return y, None, None, dxs, None
    ct = rng.standard_normal(np.shape(y)).astype(y.dtype)
    lin = linearize_graph(graph, active)
    back = transpose_graph(lin.linear, len(lin.residuals))
    out = evaluate(lin.primal, [*xs, *t.captured])
    cts = evaluate(back, [*out[1:], ct])
    return y, dy[0], cts, dxs, ct


def check_derivative(f, xs, rng, rtol=1e-6):
    """jvp agrees with central differences, and <ct, jvp(dx)> with <vjp(ct), dx>. Inputs are float64."""
    t = traced(f, *xs)
    kept = [np.copy(x) for x in xs]
    y, dy, cts, dxs, ct = weighted(t, xs, rng)
    if dy is None:
        return
    eps = 1e-6
    floats = iter(dxs)
    steps = [next(floats) if is_inexact(x.dtype) else None for x in xs]
    plus = evaluate(t.graph, [*(x if d is None else x + eps * d for x, d in zip(xs, steps, strict=True)), *t.captured])[0]
    minus = evaluate(t.graph, [*(x if d is None else x - eps * d for x, d in zip(xs, steps, strict=True)), *t.captured])[0]
    np.testing.assert_allclose(dy, (plus - minus) / (2 * eps), rtol=rtol, atol=1e-7)
    left = np.sum(ct * dy)
    right = sum(np.sum(c * d) for c, d in zip(cts, dxs, strict=True))
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)
    for a, b in zip(kept, xs, strict=True):
        np.testing.assert_array_equal(a, b)


def check_second_order(f, xs, rng):
    """The gradient's own derivative agrees with central differences."""
    import autodiff as ad
    plain = traced(f, *xs)
    weights = rng.standard_normal(np.shape(evaluate(plain.graph, [*xs, *plain.captured])[0]))

    def total(*args):
        return dot(f(*args), weights)
    nums = [i for i, x in enumerate(xs) if is_inexact(x.dtype)]

    def gradients(*args):
        g = ad.grad(total, argnums=nums)(*args)
        return sum(dot(a, w) for a, w in zip(g, directions, strict=True))
    directions = [rng.standard_normal(xs[i].shape) for i in nums]
    check_derivative(gradients, xs, rng, rtol=1e-4)


def check_compiled(f, xs, rng, rtol=1e-12):
    """The compiled value and gradient equal those of the NumPy evaluator."""
    import autodiff as ad
    nums = [i for i, x in enumerate(xs) if is_inexact(x.dtype)]

    def both(*args):
        y = f(*args)
        if not nums or not is_inexact(y.dtype):
            return y
        return y, ad.grad(lambda *a: dot(f(*a), weights), argnums=nums)(*args)
    plain = traced(f, *xs)
    y = evaluate(plain.graph, [*xs, *plain.captured])[0]
    weights = rng.standard_normal(np.shape(y)).astype(np.result_type(y, np.float32))
    t = trace_flat(lambda *ts: _flat(both(*ts)), [type_of_value(x) for x in xs])
    kernel = compile_graph(t.graph)
    got = kernel.run(*xs, *t.captured)
    want = evaluate(t.graph, [*xs, *t.captured])
    assert len(got) == len(want)
    if kernel.generator == "llvm" and guard.AVAILABLE:
        with guard.guarded_call(kernel, *xs, *t.captured) as (code, again):
            assert code == 0
            for g, a in zip(got, again, strict=True):
                np.testing.assert_array_equal(a, g)
    for g, w in zip(got, want, strict=True):
        assert g.dtype == np.asarray(w).dtype and np.shape(g) == np.shape(w)
        np.testing.assert_allclose(g, w, rtol=rtol, atol=_scale(w) * rtol)
    return kernel


def _scale(w) -> float:
    finite = np.abs(np.asarray(w, float))[np.isfinite(np.asarray(w, float))]
    return float(finite.max()) if finite.size else 0.0


def _flat(x) -> list:
    from tracer.tree import flatten
    return flatten(x)[0]


def check_elementwise(op: Elementwise, rng) -> None:
    """All laws of one elementwise op."""
    def f(*xs):
        return bind(op, *xs, **op.case_params)
    for char in op.dtypes:
        xs = sample(op, char, (3, 4), rng)
        t = traced(f, *xs)
        y = op.reference(*xs, **op.case_params)
        assert t.graph.out_types[0] == type_of_value(y), (t.graph.out_types[0], type_of_value(y))
        kernel = check_compiled(f, xs, rng, rtol=2e-5 if char == "f" else 1e-12)
        if op.can_lower(*t.graph.in_types):
            assert op.name not in kernel.references
    if "d" in op.dtypes:
        xs = sample(op, "d", (5,), rng)
        if op.differentiable:
            check_derivative(f, xs, rng)
            check_second_order(f, xs, rng)
        columns = np.meshgrid(*[SPECIAL[~np.isin(SPECIAL, op.undecided)]] * len(xs))
        columns = [c.ravel() for c in columns]
        t = traced(f, *columns)
        with np.errstate(all="ignore"):
            want = op.reference(*columns, **op.case_params)
        np.testing.assert_allclose(compile_graph(t.graph).run(*columns)[0], want, rtol=1e-13)
