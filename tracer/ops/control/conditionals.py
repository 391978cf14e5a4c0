"""Conditionals: `cond`, of whose branches one is run, and the linear ones that reverse mode makes."""

from __future__ import annotations

import numpy as np

from tracer.graph import Graph
from tracer.op import Total, register, type_of
from tracer.ops.control.bodies import HoldsGraph, body_out_types, full_cotangents
from tracer.trace import bind, evaluate, inline, trace_graph, zeros
from tracer.types import i64


class Cond(HoldsGraph):
    """ys = branches[i](xs)."""

    def infer(self, which, *types, branches):
        if which != i64:
            raise TypeError(f"cond on {which}")
        outs = [body_out_types(g, types) for g in branches]
        if any(o != outs[0] for o in outs):
            raise TypeError(f"branches give {outs}")
        return outs[0]

    def reference(self, which, *xs, branches):
        return evaluate(branches[int(np.clip(which, 0, len(branches) - 1))], xs)

    def jvp(self, ins, dins, *, mode, branches):
        (which, *xs), dxs = ins, dins[1:]
        active = [d is not None for d in dxs]
        joints = _common_activity(lambda g, must: mode.joint_graph(g, active, must), branches)
        out_active = joints[0][1]
        n = len(branches[0].outputs)
        out = bind(self, which, *xs, *[d for d in dxs if d is not None], branches=tuple(j for j, _ in joints))
        tangents = iter(out[n:])
        return out[:n], [next(tangents) if a else None for a in out_active]

    def linearize(self, ins, dins, *, mode, branches):
        (which, *xs), dxs = ins, dins[1:]
        active = [d is not None for d in dxs]
        def split(g, must):
            return _with_activity(mode.linearize_graph(g, active, must, keep_sized=False, branch=True))
        found = _common_activity(split, branches)
        lins = [lin for lin, _ in found]
        n = len(branches[0].outputs)
        # Every branch returns the residuals of all: its own, zeros for the others. A residual that is an operand is passed.
        kept = [[v for v in lin.residuals if v not in lin.primal.inputs] for lin in lins]

        def widened(b):
            lin = lins[b]

            def f(*args):
                out = inline(Graph(lin.primal.name, lin.primal.inputs, lin.primal.nodes,
                                   (*lin.primal.outputs[:n], *kept[b])), args)
                own = iter(out[n:])
                rest = [next(own) if j == b else zeros(v.type) for j, vs in enumerate(kept) for v in vs]
                return [*out[:n], *rest]
            return trace_graph(f, branches[b].in_types, branches[b].name)
        out = bind(self, which, *xs, branches=tuple(widened(b) for b in range(len(branches))))
        residuals = out[n:]
        ds = [d for d in dxs if d is not None]
        all_kept = [v for vs in kept for v in vs]
        read = [k for k in range(len(xs)) if any(lin.primal.inputs[k] in lin.residuals for lin in lins)]
        given = [xs[k] for k in read]

        def narrowed(b):
            lin = lins[b]

            def f(*args):
                operands = {lin.primal.inputs[k]: a for k, a in zip(read, args, strict=False)}
                own = dict(zip(all_kept, args[len(given):]))
                known = [own[v] if v in own else operands[v] for v in lin.residuals]
                return inline(lin.linear, [*known, *args[len(given) + len(all_kept):]])
            types = [*map(type_of, given), *(v.type for v in all_kept), *map(type_of, ds)]
            return trace_graph(f, types, f"{branches[b].name}_tangent")
        tangents = iter(bind(linear_cond, which, *given, *residuals, *ds, known=len(given) + len(residuals),
                             branches=tuple(narrowed(b) for b in range(len(branches)))))
        return out[:n], [next(tangents) if a else None for a in lins[0].active_out]


cond = register(Cond())


def _with_activity(lin):
    return lin, lin.active_out


def _common_activity(differentiate, branches):
    """Differentiate all branches such that they agree on which outputs have tangents."""
    must = [False] * len(branches[0].outputs)
    while True:
        found = [differentiate(g, must) for g in branches]
        new = [any(a[i] for _, a in found) for i in range(len(must))]
        if all(a == new for _, a in found):
            return found
        must = new


class LinearCond(HoldsGraph):
    """ys = branches[i](known xs, linear xs), linear in the latter."""

    def infer(self, which, *types, branches, known):
        return body_out_types(branches[0], types)

    def reference(self, which, *xs, branches, known):
        return evaluate(branches[int(np.clip(which, 0, len(branches) - 1))], xs)

    def jvp(self, ins, dins, *, mode, branches, known):
        return cond.jvp(ins, dins, mode=mode, branches=branches)

    def linearize(self, ins, dins, *, mode, branches, known):
        return cond.linearize(ins, dins, mode=mode, branches=branches)

    def with_bodies(self, params, linear, change):
        return {**params, "branches": tuple([change(g, linear[1:]) for g in params["branches"]])}

    def transpose(self, cts, which, *xs, transpose_graph, branches, known):
        full_cts = full_cotangents(cts, branches[0].out_types)
        # Cotangents of arrays are added to what was gathered so far: a branch may touch a few elements only.
        linear = xs[known:]
        arrays = [k for k, x in enumerate(linear) if x.type.shape]
        order = [*arrays, *(k for k in range(len(linear)) if k not in arrays)]
        backs = []
        for g in branches:
            first = Graph(g.name, (*g.inputs[:known], *(g.inputs[known + k] for k in order)), g.nodes, g.outputs)
            backs.append(transpose_graph(first, known, gather=len(arrays)))
        gathered = [zeros(linear[k].type) if linear[k].gathered is None else linear[k].gathered for k in arrays]
        out = bind(cond, which, *xs[:known], *full_cts, *gathered, branches=tuple(backs))
        found = dict(zip(order, out, strict=True))
        return [None] * (1 + known) + [Total(found[k]) if k in arrays else found[k] for k in range(len(linear))]


linear_cond = register(LinearCond())
