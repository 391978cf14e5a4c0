"""Functions whose derivative the user wrote."""

from __future__ import annotations

from tracer.errors import GradientError, explain
from tracer.op import Op, register, type_of
from tracer.ops.control.bodies import HoldsGraph, body_out_types, full_cotangents, in_place_of_none
from tracer.trace import bind, evaluate


class CustomJvp(HoldsGraph):
    """ys = graph(xs), whose tangent the user wrote: rule(xs, dxs) -> (ys, dys)."""

    def infer(self, *types, graph, rule):
        return body_out_types(graph, types)

    def reference(self, *xs, graph, rule):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, mode, graph, rule):
        return rule(xs, in_place_of_none(dxs, xs, [True] * len(xs)))


custom_jvp = register(CustomJvp())


class CustomVjp(HoldsGraph):
    """ys = graph(xs), whose pullback the user wrote: rule.fwd(xs) -> (ys, residuals), rule.bwd(residuals, cts) -> cts."""

    def infer(self, *types, graph, rule):
        return body_out_types(graph, types)

    def reference(self, *xs, graph, rule):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, mode, graph, rule):
        raise explain(GradientError, f"forward mode of `{graph.name}`", why="it has a custom_vjp, which gives reverse mode only",
                      fix="use custom_jvp, which serves both modes")

    def linearize(self, xs, dxs, *, mode, graph, rule):
        ys, residuals = rule.fwd(xs)
        active = [d is not None for d in dxs]
        dys = bind(custom_linear, *residuals, *[d for d in dxs if d is not None], known=len(residuals),
                   active=tuple(active), out_types=tuple(type_of(y) for y in ys), rule=rule)
        return ys, [d if type_of(y).dtype.kind == "f" else None for d, y in zip(dys, ys, strict=True)]


custom_vjp = register(CustomVjp())


class CustomLinear(Op):
    """The tangent of a custom_vjp function: only its transpose exists."""

    many = True

    def infer(self, *types, known, active, out_types, rule):
        return list(out_types)

    def reference(self, *xs, **params):
        raise self._missing("reference", "", "forward mode: it comes from a custom_vjp")

    def transpose(self, cts, *xs, known, active, out_types, rule):
        back = rule.bwd(list(xs[:known]), full_cotangents(cts, out_types))
        return [None] * known + [b for b, a in zip(back, active, strict=True) if a]


custom_linear = register(CustomLinear())
