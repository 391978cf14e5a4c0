"""Functions whose derivative the user writes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from autodiff.capture.recording import record
from autodiff.leaves import as_leaf, name_of
from tracer.errors import GradientError, MissingRule, ShapeError, explain
from tracer.op import type_of
from tracer.ops.control import custom_jvp as jvp_op
from tracer.ops.control import custom_vjp as vjp_op
from tracer.promote import cast_to
from tracer.trace import Tracer, bind, zeros
from tracer.tracebacks import trims
from tracer.tree import flatten, unflatten
from tracer.types import is_inexact

__all__ = ["custom_jvp", "custom_vjp"]


class custom_jvp:
    """A function whose tangent is given by `defjvp`; serves forward and reverse mode, to any order.

    The rule takes `(primals, tangents)`, two tuples like the arguments, and returns `(result, tangent of the result)`; it must be
    linear in the tangents.

    Examples
    --------
    >>> import numpy as np
    >>> from autodiff import grad
    >>> @custom_jvp
    ... def safe_sqrt(x):
    ...     return np.sqrt(x)
    >>> @safe_sqrt.defjvp
    ... def rule(primals, tangents):
    ...     y = safe_sqrt(*primals)
    ...     return y, np.where(y == 0, 0.0, tangents[0] / (2 * np.where(y == 0, 1.0, y)))
    >>> float(grad(safe_sqrt)(0.0))
    0.0
    """

    def __init__(self, f: Callable):
        functools.update_wrapper(self, f)
        self.function = f
        self.rule: Callable | None = None

    def defjvp(self, rule: Callable) -> Callable:
        """Set the rule; returns it, so that this is a decorator."""
        self.rule = rule
        return rule

    @trims
    def __call__(self, *args):
        leaves, tree = flatten(args)
        if not any(isinstance(x, Tracer) for x in leaves):
            return self.function(*args)
        if self.rule is None:
            raise explain(MissingRule, f"`{name_of(self.function)}` has no derivative", why="it is a custom_jvp without a rule",
                          fix="give it one with @f.defjvp")
        rec = record(self.function, tree, leaves, concrete=False)
        user, n, out_tree = self.rule, len(leaves), rec.out_tree

        def rule(xs, dxs):
            primals, tangents = unflatten(tree, xs[:n]), unflatten(tree, dxs[:n])
            y, dy = user(primals, tangents)
            ys, t = flatten(y)
            dys, dt = flatten(dy)
            if t != out_tree or dt != out_tree:
                raise explain(GradientError, f"the rule of `{name_of(self.function)}` returns structures {t} and {dt}",
                              why=f"the function returns {out_tree}")
            return ([_checked(a, o, name_of(user)) for a, o in zip(ys, rec.graph.out_types, strict=True)],
                    [_checked(d, o, name_of(user)) if is_inexact(o.dtype) else None
                     for d, o in zip(dys, rec.graph.out_types, strict=True)])
        return unflatten(out_tree, bind(jvp_op, *map(as_leaf, leaves), *rec.captured, graph=rec.graph, rule=rule))


class custom_vjp:
    """A function whose pullback is given by `defvjp(fwd, bwd)`; serves reverse mode.

    `fwd(*args)` returns `(result, residuals)`, residuals being any tree; `bwd(residuals, ct)` returns a tuple with one cotangent
    for each argument (None for zero).

    Examples
    --------
    >>> from autodiff import grad
    >>> @custom_vjp
    ... def clipped_gradient(x):
    ...     return x
    >>> clipped_gradient.defvjp(lambda x: (x, ()), lambda residuals, ct: (ct.clip(-1.0, 1.0),))
    >>> float(grad(lambda x: 5.0 * clipped_gradient(x))(2.0))
    1.0
    """

    def __init__(self, f: Callable):
        functools.update_wrapper(self, f)
        self.function = f
        self.fwd: Callable | None = None
        self.bwd: Callable | None = None

    def defvjp(self, fwd: Callable, bwd: Callable) -> None:
        """Set the forward and the backward function."""
        self.fwd, self.bwd = fwd, bwd

    @trims
    def __call__(self, *args):
        leaves, tree = flatten(args)
        if not any(isinstance(x, Tracer) for x in leaves):
            return self.function(*args)
        if self.fwd is None or self.bwd is None:
            raise explain(MissingRule, f"`{name_of(self.function)}` has no derivative", why="it is a custom_vjp without rules",
                          fix="give it both with f.defvjp(fwd, bwd)")
        rec = record(self.function, tree, leaves, concrete=False)
        rule = _Pullback(self, tree, len(leaves), rec.out_tree)
        return unflatten(rec.out_tree, bind(vjp_op, *map(as_leaf, leaves), *rec.captured, graph=rec.graph, rule=rule))


class _Pullback:
    """The flat form of a user's fwd and bwd."""

    def __init__(self, custom: custom_vjp, tree, n: int, out_tree):
        self.custom, self.tree, self.n, self.out_tree = custom, tree, n, out_tree
        self.residual_tree: Any = None
        self.types: list = []

    def fwd(self, xs):
        assert self.custom.fwd is not None
        y, residuals = self.custom.fwd(*unflatten(self.tree, xs[:self.n]))
        flat, self.residual_tree = flatten(residuals)
        self.types = [type_of(x) for x in xs]
        ys, t = flatten(y)
        if t != self.out_tree:
            raise explain(GradientError, f"fwd of `{name_of(self.custom.function)}` returns a value of structure {t}",
                          why=f"the function returns {self.out_tree}")
        return ys, flat

    def bwd(self, residuals, cts):
        assert self.custom.bwd is not None
        back = self.custom.bwd(unflatten(self.residual_tree, residuals), unflatten(self.out_tree, cts))
        name = name_of(self.custom.bwd)
        args = unflatten(self.tree, range(self.n))
        if not isinstance(back, tuple) or len(back) != len(args):
            raise explain(GradientError, f"bwd `{name}` must return a tuple of {len(args)} cotangents", why="one for each argument")
        flat: list = []
        for ct, arg in zip(back, args, strict=True):
            places, shape = flatten(arg)
            if ct is None:
                flat += [zeros(self.types[i]) for i in places]
                continue
            leaves, t = flatten(ct)
            if t != shape:
                raise explain(GradientError, f"bwd `{name}` returns a cotangent of structure {t}", why=f"the argument is {shape}")
            flat += [_checked(c, self.types[i], name) for c, i in zip(leaves, places, strict=True)]
        return [*flat, *(zeros(t) for t in self.types[self.n:])]


def _checked(x, t, name: str):
    """A user's tangent or cotangent must have the shape of its value."""
    have = type_of(as_leaf(x))
    if have.shape != t.shape:
        raise explain(ShapeError, f"`{name}` returns {have} where {t} belongs", why="derivatives have the shape of their value")
    return cast_to(as_leaf(x), t.dtype)
