"""Forward mode: push tangents through a graph, node by node.

In: a graph and which inputs have tangents. Out: a graph of values and tangents. A tangent None is zero, and stays None as long
as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from autodiff.transforms.standing import still_zero
from tracer.graph import Graph, Var
from tracer.op import Op, type_of
from tracer.passes.stable import stable_sigmoids
from tracer.trace import Tracer, apply, current_trace, trace_graph, walk, zeros
from tracer.types import is_inexact

__all__ = ["Mode", "joint_graph"]


class Mode:
    """One way to differentiate graphs node by node, by the method `rule` of each op.

    Ops that hold graphs get it as an argument, to differentiate those. `autodiff.transforms.linearize` has the other way.
    """

    rule = "jvp"

    def rule_of(self, op: Op) -> Callable[..., tuple]:
        """The derivative rule of an op, given this mode if the op differentiates graphs."""
        rule = getattr(op, self.rule)
        return partial(rule, mode=self) if op.differentiates_bodies else rule

    def push(self, graph: Graph, primals: Sequence, tangents: Sequence) -> tuple[list, list]:
        """Values and tangents of a graph's outputs, recorded into the current trace.

        Expressions whose derivative overflows though their value does not are replaced first (`tracer.passes.stable`).
        """
        graph = stable_sigmoids(graph)
        tangent = dict(zip(graph.inputs, tangents, strict=True))
        trace = current_trace()
        outer = trace.where if trace is not None else None

        def step(node, xs, params):
            if trace is not None:
                trace.where = node.where
            dxs = [tangent.get(a) if isinstance(a, Var) else None for a in node.inputs]
            dy: Any = None
            if all(d is None for d in dxs):
                y = apply(node.op, xs, params)
            else:
                y, dy = self.rule_of(node.op)(xs, dxs, **params)
            if not node.op.many:
                y, dy = [y], [dy]
            if dy is not None:
                tangent.update(zip(node.outputs, dy, strict=True))
                self.note(dy)
            return y
        out = walk(graph, primals, step)
        if trace is not None:
            trace.where = outer
        return out, [tangent.get(a) if isinstance(a, Var) else None for a in graph.outputs]

    def note(self, tangents: Sequence) -> None:
        """Called with the tangents of each node that has some."""

    def joint_graph(self, graph: Graph, active: Sequence[bool], must: Sequence[bool] = ()) -> tuple[Graph, list[bool]]:
        """Graph from (inputs, tangents of the active ones) to (outputs, their tangents), and which outputs have one.

        `must` marks outputs that get a tangent even if it is zero.
        """
        active = [a and is_inexact(t.dtype) for a, t in zip(active, graph.in_types, strict=True)]
        active_out: list[bool] = []

        def f(*args):
            given = iter(args[len(active):])
            out, dout = self.push(graph, args[:len(active)], [next(given) if a else None for a in active])
            for i, (y, dy) in enumerate(zip(out, dout, strict=True)):
                wanted = dy is not None or bool(must) and must[i] and is_inexact(type_of(y).dtype)
                active_out.append(wanted)
                dout[i] = zeros(type_of(y)) if wanted and dy is None else dy
            return [*out, *(d for d in dout if d is not None)]
        types = [*graph.in_types, *(t for t, a in zip(graph.in_types, active, strict=True) if a)]
        return trace_graph(f, types, graph.name), active_out

    @staticmethod
    def active_outputs(graph: Graph, active: Sequence[bool]) -> list[bool]:
        """Which outputs can depend, differentiably, on the active inputs."""
        live = {v for v, a in zip(graph.inputs, active, strict=True) if a and is_inexact(v.type.dtype)}
        for node in graph.nodes:
            if getattr(node.op, "differentiable", True) and any(a in live for a in node.inputs if isinstance(a, Var)):
                live.update(o for o in node.outputs if is_inexact(o.type.dtype))
        return [isinstance(a, Var) and a in live for a in graph.outputs]


class _Forward(Mode):
    """Forward mode, with a note of which values are tangents: those stay 0 where they are (`autodiff.transforms.standing`)."""

    def __init__(self) -> None:
        self.tangents: set[Var] = set()

    def note(self, tangents):
        self.tangents.update(d.ref for d in tangents if isinstance(d, Tracer) and isinstance(d.ref, Var))

    def joint_graph(self, graph, active, must=()):
        joint, active_out = super().joint_graph(graph, active, must)
        values = len(graph.inputs)
        return still_zero(joint, [k >= values for k in range(len(joint.inputs))], self.tangents), active_out


def joint_graph(graph: Graph, active: Sequence[bool], must: Sequence[bool] = ()) -> tuple[Graph, list[bool]]:
    """Values and tangents together, forward mode: see `Mode.joint_graph`."""
    return _Forward().joint_graph(graph, active, must)
