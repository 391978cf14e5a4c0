"""Calls of graphs: plain ones, ones that reverse mode runs again, and the linear ones that this makes."""

from __future__ import annotations

from tracer.graph import Graph
from tracer.op import Op, register
from tracer.ops.control.bodies import HoldsGraph, body_out_types, full_cotangents
from tracer.trace import bind, evaluate


class Call(HoldsGraph):
    """ys = graph(xs). Derivatives see through it."""

    def infer(self, *types, graph):
        return body_out_types(graph, types)

    def reference(self, *xs, graph):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, mode, graph):
        return mode.push(graph, xs, dxs)


call = register(Call())


class Barrier(Op):
    """ys = xs; keeps a recomputation from being merged with the computation that it repeats."""
    exact = True

    many = True
    same_memory = True

    def infer(self, *types):
        return list(types)

    def reference(self, *xs):
        return list(xs)

    def jvp(self, xs, dxs):
        return self(*xs), list(dxs)

    def transpose(self, cts, *xs):
        return cts


barrier = register(Barrier())


class Checkpoint(HoldsGraph):
    """ys = graph(xs); in reverse the graph is run again from xs instead of keeping its residuals."""

    def infer(self, *types, graph):
        return body_out_types(graph, types)

    def reference(self, *xs, graph):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, mode, graph):
        return mode.push(graph, xs, dxs)

    def linearize(self, xs, dxs, *, mode, graph):
        ys = self(*xs, graph=graph)
        joint, active_out = mode.joint_graph(graph, [d is not None for d in dxs])
        n = len(graph.outputs)
        tangents = Graph(f"{graph.name}_tangent", joint.inputs, joint.nodes, joint.outputs[n:])
        dys = iter(bind(linear_call, *bind(barrier, *xs), *[d for d in dxs if d is not None],
                        graph=tangents, known=len(xs)))
        return ys, [next(dys) if a else None for a in active_out]


class LinearCall(HoldsGraph):
    """ys = graph(known xs, linear xs), linear in the latter; its transpose runs the known part again."""

    def infer(self, *types, graph, known):
        return body_out_types(graph, types)

    def reference(self, *xs, graph, known):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, mode, graph, known):
        return mode.push(graph, xs, dxs)

    def with_bodies(self, params, linear, change):
        return {**params, "graph": change(params["graph"], linear)}

    def transpose(self, cts, *xs, transpose_graph, graph, known):
        back = transpose_graph(graph, known)
        return [None] * known + bind(call, *xs[:known], *full_cotangents(cts, graph.out_types), graph=back)


linear_call = register(LinearCall())


checkpoint = register(Checkpoint())
