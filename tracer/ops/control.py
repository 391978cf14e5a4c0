"""Ops that hold graphs: call, checkpoint, cond, loop, and custom derivatives.

`loop` covers for, while, scan and map. Its inputs are

    trip count | constants | carries | sliced

and its body maps `(i | constants | carries | a slice of each sliced)` to `(new carries | a slice of each stacked)`. With a
`test` graph, `(i | constants | carries) -> bool` is asked before each step. Its outputs are `carries | stacked | steps taken`.
Reverse mode runs the loop forwards while stacking the residuals of its body, then a loop backwards that is linear in the
cotangents; an array that the body only reads gathers its cotangent in one carried array.

`length` is the number of rows that stacks have, where it is known; the trip count may be less (a bound that depends on a loop around, a
test that ends the loop), and rows of steps that were not taken mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tracer.graph import Graph, Var, size_symbols
from tracer.op import Op, Total, Unknown, ops, register, transforms, type_of
from tracer.passes.scalar_replacement import apart
from tracer.trace import apply, bind, evaluate, inline, trace_flat, trace_graph, zeros
from tracer.types import ArrayType, Dim, Size, fresh_size, i64, match_sizes, substitute

FOREVER = np.int64(2**62)
"""The trip count of a loop that only its test ends."""


def body_out_types(graph: Graph, in_types: Sequence[ArrayType]) -> list[ArrayType]:
    """Output types of a body for given input types; sizes made inside get new symbols."""
    names: dict[str, Dim] = {}
    for v, t in zip(graph.inputs, in_types, strict=True):
        if v.type.dtype != t.dtype or len(v.type.shape) != len(t.shape):
            raise TypeError(f"body {graph.name} takes {v.type}, not {t}")
        match_sizes(v.type, t.shape, names)
    out = []
    for t in graph.out_types:
        for s in t.symbols():
            names.setdefault(s, fresh_size())
        out.append(substitute(t, names))
    return out


class HoldsGraph(Op):
    """An op with bodies: a list of outputs, rules through the transforms of its bodies."""
    many = True


@register
class Call(HoldsGraph):
    """ys = graph(xs). Derivatives see through it."""

    def infer(self, *types, graph):
        return body_out_types(graph, types)

    def reference(self, *xs, graph):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, graph):
        return transforms["push"](graph, xs, dxs, "jvp")

    def linearize(self, xs, dxs, *, graph):
        return transforms["push"](graph, xs, dxs, "linearize")


@register
class Barrier(HoldsGraph):
    """ys = xs; keeps a recomputation from being merged with the computation that it repeats."""

    same_memory = True

    def infer(self, *types):
        return list(types)

    def reference(self, *xs):
        return list(xs)

    def jvp(self, xs, dxs):
        return self(*xs), list(dxs)

    def transpose(self, cts, *xs):
        return cts


_ERRORS: dict[str, type[Exception]] = {e.__name__: e for e in (AssertionError, ValueError, OverflowError, ZeroDivisionError)}


@register
class Require(Op):
    """Raise `error` (a name) with `message` unless the condition holds; gives the condition."""

    effect = True
    idempotent = True

    def infer(self, test, *, message, error="AssertionError"):
        return test

    def reference(self, test, *, message, error="AssertionError"):
        if not test:
            raise _ERRORS[error](message)
        return test

    def jvp(self, xs, dxs, **params):
        return self(*xs, **params), None

    def lower(self, k, inputs, outputs, *, message, error="AssertionError"):
        k.require(inputs[0].read(()), message, error)
        k.store(outputs[0], (), inputs[0].read(()))


@register
class Checkpoint(HoldsGraph):
    """ys = graph(xs); in reverse the graph is run again from xs instead of keeping its residuals."""

    def infer(self, *types, graph):
        return body_out_types(graph, types)

    def reference(self, *xs, graph):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, graph):
        return transforms["push"](graph, xs, dxs, "jvp")

    def linearize(self, xs, dxs, *, graph):
        ys = self(*xs, graph=graph)
        # By the rule `linearize`, so that loops inside come apart into a primal and a linear one, which can be transposed.
        joint, active_out = transforms["joint_graph"](graph, [d is not None for d in dxs], "linearize")
        n = len(graph.outputs)
        tangents = Graph(f"{graph.name}_tangent", joint.inputs, joint.nodes, joint.outputs[n:])
        dys = iter(bind(linear_call, *bind(barrier, *xs), *[d for d in dxs if d is not None],
                        graph=tangents, known=len(xs)))
        return ys, [next(dys) if a else None for a in active_out]


@register
class LinearCall(HoldsGraph):
    """ys = graph(known xs, linear xs), linear in the latter; its transpose runs the known part again."""

    def infer(self, *types, graph, known):
        return body_out_types(graph, types)

    def reference(self, *xs, graph, known):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, graph, known):
        return transforms["push"](graph, xs, dxs, "jvp")

    def transpose(self, cts, *xs, graph, known):
        back = transforms["transpose_graph"](graph, known)
        full_cts = [zeros(t) if ct is None else ct for ct, t in zip(cts, graph.out_types, strict=True)]
        return [None] * known + bind(call, *xs[:known], *full_cts, graph=back)


@register
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

    def jvp(self, ins, dins, *, branches):
        (which, *xs), dxs = ins, dins[1:]
        active = [d is not None for d in dxs]
        joints = _common_activity(lambda g, must: transforms["joint_graph"](g, active, "jvp", must), branches)
        out_active = joints[0][1]
        n = len(branches[0].outputs)
        out = bind(self, which, *xs, *[d for d in dxs if d is not None], branches=tuple(j for j, _ in joints))
        tangents = iter(out[n:])
        return out[:n], [next(tangents) if a else None for a in out_active]

    def linearize(self, ins, dins, *, branches):
        (which, *xs), dxs = ins, dins[1:]
        active = [d is not None for d in dxs]
        def split(g, must):
            return _with_activity(transforms["linearize_graph"](g, active, must, keep_sized=False, branch=True))
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


@register
class LinearCond(HoldsGraph):
    """ys = branches[i](known xs, linear xs), linear in the latter."""

    def infer(self, which, *types, branches, known):
        return body_out_types(branches[0], types)

    def reference(self, which, *xs, branches, known):
        return evaluate(branches[int(np.clip(which, 0, len(branches) - 1))], xs)

    def jvp(self, ins, dins, *, branches, known):
        return cond.jvp(ins, dins, branches=branches)

    def linearize(self, ins, dins, *, branches, known):
        return cond.linearize(ins, dins, branches=branches)

    def transpose(self, cts, which, *xs, branches, known):
        full_cts = [zeros(t) if ct is None else ct for ct, t in zip(cts, branches[0].out_types, strict=True)]
        # Cotangents of arrays are added to what was gathered so far: a branch may touch a few elements only.
        linear = xs[known:]
        arrays = [k for k, x in enumerate(linear) if x.type.shape]
        order = [*arrays, *(k for k in range(len(linear)) if k not in arrays)]
        backs = []
        for g in branches:
            first = Graph(g.name, (*g.inputs[:known], *(g.inputs[known + k] for k in order)), g.nodes, g.outputs)
            backs.append(transforms["transpose_graph"](first, known, gather=len(arrays)))
        gathered = [zeros(linear[k].type) if linear[k].gathered is None else linear[k].gathered for k in arrays]
        out = bind(cond, which, *xs[:known], *full_cts, *gathered, branches=tuple(backs))
        found = dict(zip(order, out, strict=True))
        return [None] * (1 + known) + [Total(found[k]) if k in arrays else found[k] for k in range(len(linear))]


@dataclass(frozen=True, slots=True)
class LoopSpec:
    """How many inputs of a loop are constants, carries and sliced, and whether it runs from the last step to the first."""

    constants: int
    carries: int
    sliced: int
    reverse: bool = False

    def split(self, values: Sequence) -> tuple[Any, list, list, list]:
        """The first value and the three groups."""
        a, b = 1 + self.constants, 1 + self.constants + self.carries
        return values[0], list(values[1:a]), list(values[a:b]), list(values[b:b + self.sliced])

    def __str__(self):
        return f"{self.constants}|{self.carries}|{self.sliced}" + ("|reverse" if self.reverse else "")


def row_type(t: ArrayType) -> ArrayType:
    """Type of one slice along the first axis."""
    return t.with_shape(t.shape[1:])


@register
class Loop(HoldsGraph):
    """carries, stacked, steps = body repeated; see the head of this file."""

    def infer(self, *types, spec, length, body, test):
        n, c, k, s = spec.split(types)
        outs = body_out_types(body, [i64, *c, *k, *map(row_type, s)])
        carried, stacked = outs[:spec.carries], outs[spec.carries:]
        for a, b in zip(k, carried, strict=True):
            if a != b:
                raise TypeError(f"loop carries {a} in and {b} out")
        if length is None:
            length = s[0].shape[0] if s and test is None else fresh_size()
        return [*carried, *(t.with_shape((length, *t.shape)) for t in stacked), i64]

    def reference(self, *xs, spec, length, body, test):
        n, c, k, s = spec.split(xs)
        rows: list[list] = []
        steps = 0
        n = int(n)
        while steps < n:
            i = np.int64(n - 1 - steps if spec.reverse else steps)
            if test is not None and not evaluate(test, [i, *c, *k])[0]:
                break
            out = evaluate(body, [i, *c, *k, *[x[i] for x in s]])
            k = out[:spec.carries]
            rows.append(out[spec.carries:])
            steps += 1
        if spec.reverse:
            rows.reverse()
        stacked = []
        for j, t in enumerate(body.out_types[spec.carries:]):
            if rows:
                y = np.stack([np.asarray(r[j]) for r in rows])
                if isinstance(length, int) and len(y) < length:     # nobody reads the rows of steps that were not taken
                    y = np.concatenate([y, np.zeros((length - len(y), *y.shape[1:]), y.dtype)])
                stacked.append(y)
            else:
                names: dict[str, Dim] = {}
                for v, a in zip(body.inputs[1:], [*c, *k], strict=False):
                    match_sizes(v.type, np.shape(a), names)
                stacked.append(np.zeros((length if isinstance(length, int) else 0, *substitute(t.shape, names)), t.dtype))
        return [*k, *stacked, np.int64(steps)]

    # -- derivatives -----------------------------------------------------------------------------

    def _activity(self, spec, body, dc, dk, ds):
        """Which carries have a tangent, given the tangents that come in: the least fixed point over the body."""
        ac, ak, as_ = ([d is not None for d in group] for group in (dc, dk, ds))
        while True:
            out = transforms["active_outputs"](body, [False, *ac, *ak, *as_])
            new = [a or b for a, b in zip(ak, out[:spec.carries], strict=True)]
            if new == ak:
                return ac, ak, as_
            ak = new

    def jvp(self, ins, dins, *, spec, length, body, test):
        n, c, k, s = spec.split(ins)
        _, dc, dk, ds = spec.split(dins)
        ac, ak, as_ = self._activity(spec, body, dc, dk, ds)
        must = [*ak, *[False] * (len(body.outputs) - spec.carries)]
        joint, active_out = transforms["joint_graph"](body, [False, *ac, *ak, *as_], "jvp", must)
        dk = [zeros(type_of(x)) if a and d is None else d for x, d, a in zip(k, dk, ak, strict=True)]
        cs, ks, ss = [*c, *_present(dc)], [*k, *_present(dk)], [*s, *_present(ds)]
        wide = LoopSpec(len(cs), len(ks), len(ss), spec.reverse)
        nout = len(body.outputs)
        # joint: inputs (i c k s | dc dk ds) -> (k y | dk dy)
        i, vc, vk, vs = spec.split(joint.inputs)
        tangent = list(joint.inputs[len(body.inputs):])
        tc, tk, ts = tangent[:sum(ac)], tangent[sum(ac):sum(ac) + sum(ak)], tangent[sum(ac) + sum(ak):]
        outs, douts = list(joint.outputs[:nout]), list(joint.outputs[nout:])
        nk = spec.carries
        new_body = Graph(body.name, (i, *vc, *tc, *vk, *tk, *vs, *ts), joint.nodes,
                         (*outs[:nk], *douts[:sum(ak)], *outs[nk:], *douts[sum(ak):]))
        new_test = None if test is None else _widen_test(test, spec, wide, new_body, len(c), nk)
        out = bind(self, n, *cs, *ks, *ss, spec=wide, length=length, body=new_body, test=new_test)
        ys = out[len(ks):-1]
        ny = nout - nk
        primal = [*out[:nk], *ys[:ny], out[-1]]
        dk_out, dy_out = iter(out[nk:len(ks)]), iter(ys[ny:])
        return primal, [*(next(dk_out) if a else None for a in ak),
                        *(next(dy_out) if a else None for a in active_out[nk:]), None]

    def linearize(self, ins, dins, *, spec, length, body, test):
        n, c, k, s = spec.split(ins)
        _, dc, dk, ds = spec.split(dins)
        ac, ak, as_ = self._activity(spec, body, dc, dk, ds)
        if not any(ak) and not any(ac) and not any(as_):
            return bind(self, *ins, spec=spec, length=length, body=body, test=test), [None] * (len(body.outputs) + 1)
        nk, nout = spec.carries, len(body.outputs)
        must = [*ak, *[False] * (nout - nk)]
        free = (*body.inputs[:1 + len(c)], *body.inputs[1 + len(c) + nk:])
        first_carry, first_sliced = 1 + len(c), 1 + len(c) + nk
        arrays = [j for j in range(nk) if ak[j] and len(body.outputs[j].type.shape) and body.outputs[j].type.is_static()]
        lin = transforms["linearize_graph"](body, [False, *ac, *ak, *as_], must, free=[v in free for v in body.inputs],
                                            keep_sized=False, replay=[(first_carry + j, j) for j in arrays])
        again = [r.input for r in lin.replayed]
        logs = [v for r in lin.replayed for v in r.logs]
        # Residuals that the body computes, or carries, are stacked; those that are read from outside are read there again.
        position = {v: j for j, v in enumerate(lin.primal.inputs)}
        stack = [v for v in lin.residuals if v not in position or first_carry <= position[v] < first_sliced and v not in again]
        fwd = Graph(body.name, lin.primal.inputs, lin.primal.nodes, (*lin.primal.outputs[:nout], *stack, *logs))
        out = bind(self, n, *c, *k, *s, spec=spec, length=length, body=fwd, test=test)
        residuals, logged, steps = out[nout:nout + len(stack)], out[nout + len(stack):-1], out[-1]
        rest = [v for v in lin.residuals if v in position and not first_carry <= position[v] < first_sliced]
        known_c = [v for v in rest if 1 <= position[v] < first_carry]
        known_s = [v for v in rest if position[v] >= first_sliced]
        index = [v for v in rest if position[v] == 0]

        dk = [zeros(type_of(x)) if a and d is None else d for x, d, a in zip(k, dk, ak, strict=True)]
        tc, tk, ts = _present(dc), _present(dk), _present(ds)
        cs = [*(c[position[v] - 1] for v in known_c), *tc]
        ss = [*residuals, *(s[position[v] - first_sliced] for v in known_s), *ts]
        m = len(again)
        starts = [k[position[v] - first_carry] for v in again]
        ends = [out[position[v] - first_carry] for v in again]
        narrow = LoopSpec(len(cs), m + len(tk), len(ss), spec.reverse)

        def f(i, *args):
            _, gc, gk, gs = narrow.split([i, *args])
            value = {**dict(zip(index, [i])), **dict(zip(known_c, gc)), **dict(zip([*stack, *known_s], gs)), **dict(zip(again, gk))}
            new = inline(lin.linear, [*(value[v] for v in lin.residuals), *gc[len(known_c):], *gk[m:],
                                      *gs[len(stack) + len(known_s):]])
            return [*new[len(new) - m:], *new[:len(new) - m]]
        types = [i64, *map(type_of, cs), *map(type_of, [*starts, *tk]), *(row_type(type_of(x)) for x in ss)]
        linear_body = trace_graph(f, types, f"{body.name}_tangent")
        cs, linear_body = _views_outside(cs, linear_body)
        narrow = replace(narrow, constants=len(cs))
        if length is None and nout - nk + len(residuals) + len(logged):
            length = type_of(out[nk]).shape[0]
        count = steps if test is not None else n
        if m:
            d = bind(replayed_loop, count, *cs, *starts, *tk, *ss, *ends, *logged, spec=narrow, length=length, body=linear_body,
                     replayed=m)[m:]
        else:
            d = bind(self, count, *cs, *tk, *ss, spec=narrow, length=length, body=linear_body, test=None)
        dk_out, dy_out = iter(d[:len(tk)]), iter(d[len(tk):-1])
        return [*out[:nout], steps], [*(next(dk_out) if a else None for a in ak),
                                      *(next(dy_out) if a else None for a in lin.active_out[nk:]), None]

    def transpose(self, cts, *ins, spec, length, body, test):
        n, c, k, s = spec.split(ins)
        if test is not None:
            raise self._missing("transpose", "(self, ct, *xs, **params)", "transpose when it has a test")
        linear_c = [isinstance(x, Unknown) for x in c]
        linear_s = [isinstance(x, Unknown) for x in s]
        i, vc, vk, vs = spec.split(body.inputs)
        known_vars = [i, *_pick(vc, linear_c, False), *_pick(vs, linear_s, False)]
        linear_vars = [*_pick(vc, linear_c, True), *vk, *_pick(vs, linear_s, True)]
        nk = spec.carries
        ct_k, ct_y = list(cts[:nk]), list(cts[nk:-1])
        outs = [*body.outputs[:nk], *(o for o, ct in zip(body.outputs[nk:], ct_y, strict=True) if ct is not None)]
        flat = Graph(body.name, (*known_vars, *linear_vars), body.nodes, tuple(outs))
        nc = sum(linear_c)
        back = transforms["transpose_graph"](flat, len(known_vars), gather=nc)
        # back: (i, known c, known s, ct of outputs, gathered c) -> (ct c, ct k, ct s)
        ct_k = [zeros(type_of(x)) if ct is None else ct for x, ct in zip(k, ct_k, strict=True)]
        gathered = [zeros(x.type) if x.gathered is None else x.gathered for x in c if isinstance(x, Unknown)]
        known_c, known_s = _pick(c, linear_c, False), _pick(s, linear_s, False)
        ys = [ct for ct in ct_y if ct is not None]
        new = LoopSpec(len(known_c), nk + nc, len(known_s) + len(ys), not spec.reverse)
        if length is None:
            known_lengths = [type_of(x).shape[0] for x in [*s, *ys]]
            length = known_lengths[0] if known_lengths else None

        def f(i, *args):
            _, gc, gk, gs = new.split([i, *args])
            out = inline(back, [i, *gc, *gs[:len(known_s)], *gk[:nk], *gs[len(known_s):], *gk[nk:]])
            return [*out[nc:nc + nk], *out[:nc], *out[nc + nk:]]
        ops_in = [*known_c, *ct_k, *gathered, *known_s, *ys]
        types = [i64, *map(type_of, known_c), *map(type_of, ct_k), *map(type_of, gathered),
                 *(row_type(type_of(x)) for x in [*known_s, *ys])]
        new_body = trace_graph(f, types, f"{body.name}_back")
        out = bind(self, n, *ops_in, spec=new, length=length, body=new_body, test=None)
        got_k, got_c, got_s = out[:nk], iter(out[nk:nk + nc]), iter(_rows_taken(out[nk + nc:-1], n, length))
        return [None, *(Total(next(got_c)) if u else None for u in linear_c),
                *(g if isinstance(x, Unknown) else None for x, g in zip(k, got_k, strict=True)),
                *(next(got_s) if u else None for u in linear_s)]


def _views_outside(constants: Sequence, body: Graph) -> tuple[list, Graph]:
    """Transposed and reshaped constants of a loop, made in front of it: a cotangent is then added to one array, not turned at each step."""
    given = dict(zip(body.inputs[1:1 + len(constants)], constants, strict=True))
    nodes = []
    for node in body.nodes:
        if node.op.name in ("transpose", "reshape") and node.inputs[0] in given:
            given[node.outputs[0]] = apply(node.op, [given[node.inputs[0]]], node.params)   # type: ignore[index]
        else:
            nodes.append(node)
    if len(nodes) == len(body.nodes):
        return list(constants), body
    read = {a for node in nodes for a in node.inputs} | set(body.outputs)
    given = {v: x for v, x in given.items() if v in read}
    return list(given.values()), Graph(body.name, (body.inputs[0], *given, *body.inputs[1 + len(constants):]), tuple(nodes), body.outputs)


def _loop_and_rest(ins, spec) -> tuple:
    """The inputs of a replayed loop that are those of the loop, and the others."""
    n = 1 + spec.constants + spec.carries + spec.sliced
    return ins[:n], ins[n:]


def ends_and_logs(node) -> tuple[tuple, tuple]:
    """The inputs of a replayed loop that are arrays as the loop leaves them, and those that are what it replaced."""
    rest = _loop_and_rest(node.inputs, node.params["spec"])[1]
    return tuple(rest[:node.params["replayed"]]), tuple(rest[node.params["replayed"]:])


@register
class ReplayedLoop(HoldsGraph):
    """A linear loop beside whose tangents known arrays are written again, in parts, as the primal loop wrote them.

    The first `replayed` carries are those arrays. The inputs go on, after those of the loop, with the arrays as the loop leaves them
    and with what stood in each part before it was written, a stack for each write: the transpose runs from the last step to the first
    and puts the old parts back. So no step keeps an array of its own.
    """

    def plain(self, ins, spec, length, body):
        """The same as a loop."""
        return bind(loop, *_loop_and_rest(ins, spec)[0], spec=spec, length=length, body=body, test=None)

    def infer(self, *types, spec, length, body, replayed):
        return loop.infer(*_loop_and_rest(types, spec)[0], spec=spec, length=length, body=body, test=None)

    def reference(self, *xs, spec, length, body, replayed):
        return loop.reference(*_loop_and_rest(xs, spec)[0], spec=spec, length=length, body=body, test=None)

    def jvp(self, ins, dins, *, spec, length, body, replayed):
        return loop.jvp(_loop_and_rest(ins, spec)[0], _loop_and_rest(dins, spec)[0], spec=spec, length=length, body=body, test=None)

    def linearize(self, ins, dins, *, spec, length, body, replayed):
        return loop.linearize(_loop_and_rest(ins, spec)[0], _loop_and_rest(dins, spec)[0], spec=spec, length=length, body=body, test=None)

    def transpose(self, cts, *ins, spec, length, body, replayed):
        own, rest = _loop_and_rest(ins, spec)
        n, c, k, s = spec.split(own)
        ends, logged = list(rest[:replayed]), list(rest[replayed:])
        linear_c, linear_s = ([isinstance(x, Unknown) for x in group] for group in (c, s))
        i, vc, vk, vs = spec.split(body.inputs)
        arrays, tangents = vk[:replayed], vk[replayed:]
        linear_vars = [*_pick(vc, linear_c, True), *tangents, *_pick(vs, linear_s, True)]
        nk, nt, nc = spec.carries, len(tangents), sum(linear_c)
        ct_k, ct_y = list(cts[replayed:nk]), list(cts[nk:-1])
        outs = [*body.outputs[replayed:nk], *(o for o, ct in zip(body.outputs[nk:], ct_y, strict=True) if ct is not None)]
        linear_nodes, known_nodes, unknown = _parted(body, linear_vars)
        chains = [_chain_of(known_nodes, v, end) for v, end in zip(arrays, body.outputs[:replayed], strict=True)]
        needed = _known_of(linear_nodes, outs, unknown, body, known_nodes)
        back = transforms["transpose_graph"](Graph(body.name, (*needed, *linear_vars), tuple(linear_nodes), tuple(outs)), len(needed),
                                             gather=nc)
        ct_k = [zeros(type_of(x)) if ct is None else ct for x, ct in zip(k[replayed:], ct_k, strict=True)]
        gathered = [zeros(x.type) if x.gathered is None else x.gathered for x in c if isinstance(x, Unknown)]
        known_c, known_s = _pick(c, linear_c, False), _pick(s, linear_s, False)
        ys = [ct for ct in ct_y if ct is not None]
        slices = [*known_s, *logged, *ys]
        new = LoopSpec(len(known_c), replayed + nt + nc, len(slices), not spec.reverse)
        if length is None and slices:
            length = type_of(slices[0]).shape[0]

        def f(index, *args):
            _, gc, gk, gs = new.split([index, *args])
            env: dict[Var, Any] = {i: index, **dict(zip(_pick(vc, linear_c, False), gc)), **dict(zip(_pick(vs, linear_s, False), gs))}
            first = _put_back(known_nodes, linear_nodes, chains, gk[:replayed], gs[len(known_s):], arrays, env)
            out = inline(back, [*(env[v] for v in needed), *gk[replayed:replayed + nt], *gs[len(known_s) + len(logged):],
                                *gk[replayed + nt:]])
            return [*first, *out[nc:nc + nt], *out[:nc], *out[nc + nt:]]
        carries = [*ends, *ct_k, *gathered]
        types = [i64, *map(type_of, known_c), *map(type_of, carries), *(row_type(type_of(x)) for x in slices)]
        out = bind(loop, n, *known_c, *carries, *slices, spec=new, length=length,
                   body=trace_graph(f, types, f"{body.name}_back"), test=None)
        got_k, got_c = out[replayed:replayed + nt], iter(out[replayed + nt:new.carries])
        got_s = iter(_rows_taken(out[new.carries:-1], n, length))
        return [None, *(Total(next(got_c)) if u else None for u in linear_c), *[None] * replayed, *got_k,
                *(next(got_s) if u else None for u in linear_s), *[None] * len(rest)]


def _rows_taken(stacks: Sequence, n, length) -> list:
    """Stacks whose rows are zero from row n on: a loop that may take fewer steps than it has rows leaves those undefined."""
    if not isinstance(length, int) or isinstance(n, np.generic) and n == length or not stacks:
        return list(stacks)
    from tracer.ops.elementwise import lt, select
    from tracer.ops.shape import broadcast, iota, reshape
    out = []
    for x in stacks:
        t = type_of(x)
        taken = lt(iota(length), broadcast(n, shape=(length,)))
        taken = reshape(taken, shape=(length, *[1] * (t.ndim - 1))) if t.ndim > 1 else taken
        out.append(select(broadcast(taken, shape=t.shape) if t.ndim > 1 else taken, x, zeros(t)))
    return out


def _parted(body: Graph, linear: Sequence[Var]) -> tuple[list, list, set[Var]]:
    """The nodes that depend on linear inputs, the others, and the vars that depend on them."""
    unknown = set(linear)
    linear_nodes, known_nodes = [], []
    for node in body.nodes:
        if any(a in unknown for a in node.inputs if isinstance(a, Var)):
            unknown.update(node.outputs)
            linear_nodes.append(node)
        else:
            known_nodes.append(node)
    return linear_nodes, known_nodes, unknown


def array_before(node, out: Var):
    """The array of which an update, or a loop that carries it, makes `out`."""
    if node.op.name == "update":
        return node.inputs[0]
    spec = node.params["spec"]
    return node.inputs[1 + spec.constants + node.outputs.index(out)]


def _chain_of(nodes: Sequence, start: Var, end) -> list:
    """The updates and loops that make `end` of `start`, in order, each with the version it makes."""
    made = {o: n for n in nodes for o in n.outputs}
    chain = []
    while end is not start:
        chain.append((made[end], end))
        end = array_before(made[end], end)
    return chain[::-1]


def _known_of(linear_nodes, outs, unknown: set, body: Graph, known_nodes) -> list[Var]:
    """Known vars that linear nodes read, and such as bind the sizes that they name."""
    found: dict[Var, None] = {}
    mentioned: set[str] = set()
    for node in linear_nodes:
        found.update((a, None) for a in node.inputs if isinstance(a, Var) and a not in unknown)
        for value in node.params.values():
            mentioned |= size_symbols(value)
    bound = {d.name() for v in found for d in v.type.shape if isinstance(d, Size)}
    for v in [*body.inputs, *(o for n in known_nodes for o in n.outputs)]:
        names = {d.name() for d in v.type.shape if isinstance(d, Size)} & mentioned
        if names - bound and v not in unknown:
            found[v] = None
            bound |= names
    return list(found)


def _put_back(nodes: Sequence, linear_nodes: Sequence, chains: Sequence[list], ends: Sequence, logs: Sequence, starts: Sequence[Var],
              env: dict[Var, Any]) -> list:
    """Compute the known nodes of a step from the arrays as the step leaves them, putting back what each update replaced.

    What reads a version of an array is computed before that version is put back to the one before. `logs` are what the updates
    replaced, in order; a loop has its own, in the linear loop that goes with it.
    """
    in_chain = {node for chain in chains for node, _ in chain}
    # What an update wrote is read where it wrote it, and need not be kept: it waits until the array is as the update left it.
    values = {node.inputs[1] for node in in_chain if node.op.name == "update" and isinstance(node.inputs[1], Var)
              and node.inputs[1] in env and not (node.inputs[2:] and node.inputs[2].type.shape and not node.params.get("unique"))}
    for v in values:
        del env[v]
    log = iter(logs)
    olds = [[next(log) if node.op.name == "update" else None for node, _ in chain] for chain in chains]
    waiting = [n for n in nodes if n not in in_chain]
    names: dict[str, Dim] = {}

    def settle() -> None:
        nonlocal waiting
        later = []
        for node in waiting:
            if any(isinstance(a, Var) and a not in env for a in node.inputs):
                later.append(node)
                continue
            params = {k: substitute(v, names) for k, v in node.params.items()} if names else node.params
            out = apply(node.op, [env[a] if isinstance(a, Var) else a.value for a in node.inputs], params)
            for v, o in zip(node.outputs, out if node.op.many else [out], strict=True):
                env[v] = o
                match_sizes(v.type, type_of(o).shape, names)
        waiting = later
    first = []
    for chain, end, old, start in zip(chains, ends, olds, starts, strict=True):
        x = end
        if not chain:
            env[start] = x
        for (node, version), before in zip(reversed(chain), reversed(old), strict=True):
            env[version] = x
            settle()
            if node.op.name == "update" and node.inputs[1] in values and node.inputs[1] not in env:
                env[node.inputs[1]] = _read_back(node, x, env)  # type: ignore[index]
                settle()
            if node.op.name == "loop":
                writer = next(n for n in linear_nodes if n.op is replayed_loop and ends_and_logs(n)[0][0] is version)
                x = _put_back_loop(writer, x, env)
                continue
            indices = [env[a] if isinstance(a, Var) else a.value for a in node.inputs[2:]]
            x = bind(node.op, x, before, *indices, **node.params)
        env[start] = x
        first.append(x)
    settle()
    assert not waiting
    return first


def _read_back(node, x, env: dict[Var, Any]):
    """What an update wrote, read from the array as it left it."""
    from tracer.ops.index import index
    return bind(index, x, *[env[a] if isinstance(a, Var) else a.value for a in node.inputs[2:]], spec=node.params["spec"])


def _put_back_loop(node, end, env: dict[Var, Any]):
    """An array as it was before a loop: `node` is the linear loop that writes it again."""
    spec, body, length = (node.params[n] for n in ("spec", "body", "length"))
    own, rest = _loop_and_rest(node.inputs, spec)
    n, c, k, s = spec.split(own)
    i, vc, vk, vs = spec.split(body.inputs)
    known_c, known_s = ([not isinstance(a, Var) or a in env for a in group] for group in (c, s))
    linear = [*_pick(vc, known_c, False), *vk[1:], *_pick(vs, known_s, False)]
    linear_nodes, known_nodes, _ = _parted(body, linear)
    chain = _chain_of(known_nodes, vk[0], body.outputs[0])

    def value(a):
        return env[a] if isinstance(a, Var) else a.value
    constants, slices = [value(a) for a in _pick(c, known_c, True)], [value(a) for a in [*_pick(s, known_s, True), *rest[1:]]]
    if length is None and slices:
        length = type_of(slices[0]).shape[0]
    new = LoopSpec(len(constants), 1, len(slices), not spec.reverse)

    def f(index, *args):
        _, gc, gk, gs = new.split([index, *args])
        inner: dict[Var, Any] = {i: index, **dict(zip(_pick(vc, known_c, True), gc)), **dict(zip(_pick(vs, known_s, True), gs))}
        return _put_back(known_nodes, linear_nodes, [chain], gk, gs[len(gs) - len(rest) + 1:], [vk[0]], inner)
    types = [i64, *map(type_of, constants), type_of(end), *(row_type(type_of(x)) for x in slices)]
    return bind(loop, value(n), *constants, end, *slices, spec=new, length=length, body=trace_graph(f, types, f"{body.name}_undone"),
                test=None)[0]


def _present(values):
    return [v for v in values if v is not None]


def _pick(values, flags, want):
    return [v for v, f in zip(values, flags, strict=True) if f is want]


def _widen_test(test: Graph, spec: LoopSpec, wide: LoopSpec, body: Graph, nc: int, nk: int) -> Graph:
    """The same test on a loop with more constants and carries."""
    extra_c = [Var(v.type) for v in body.inputs[1 + nc:1 + wide.constants]]
    extra_k = [Var(v.type) for v in body.inputs[1 + wide.constants + nk:1 + wide.constants + wide.carries]]
    i, c, k, _ = spec.split(test.inputs)
    return Graph(test.name, (i, *c, *extra_c, *k, *extra_k), test.nodes, test.outputs)


@register
class CustomJvp(HoldsGraph):
    """ys = graph(xs), whose tangent the user wrote: rule(xs, dxs) -> (ys, dys)."""

    def infer(self, *types, graph, rule):
        return body_out_types(graph, types)

    def reference(self, *xs, graph, rule):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, graph, rule):
        return rule(xs, [zeros(type_of(x)) if d is None else d for x, d in zip(xs, dxs, strict=True)])


@register
class CustomVjp(HoldsGraph):
    """ys = graph(xs), whose pullback the user wrote: rule.fwd(xs) -> (ys, residuals), rule.bwd(residuals, cts) -> cts."""

    def infer(self, *types, graph, rule):
        return body_out_types(graph, types)

    def reference(self, *xs, graph, rule):
        return evaluate(graph, xs)

    def jvp(self, xs, dxs, *, graph, rule):
        from tracer.errors import GradientError, explain
        raise explain(GradientError, f"forward mode of `{graph.name}`", why="it has a custom_vjp, which gives reverse mode only",
                      fix="use custom_jvp, which serves both modes")

    def linearize(self, xs, dxs, *, graph, rule):
        ys, residuals = rule.fwd(xs)
        active = [d is not None for d in dxs]
        dys = bind(custom_linear, *residuals, *[d for d in dxs if d is not None], known=len(residuals),
                   active=tuple(active), out_types=tuple(type_of(y) for y in ys), rule=rule)
        return ys, [d if type_of(y).dtype.kind == "f" else None for d, y in zip(dys, ys, strict=True)]


@register
class CustomLinear(HoldsGraph):
    """The tangent of a custom_vjp function: only its transpose exists."""

    def infer(self, *types, known, active, out_types, rule):
        return list(out_types)

    def reference(self, *xs, **params):
        raise self._missing("reference", "", "forward mode: it comes from a custom_vjp")

    def transpose(self, cts, *xs, known, active, out_types, rule):
        full_cts = [zeros(t) if ct is None else ct for ct, t in zip(cts, out_types, strict=True)]
        back = rule.bwd(list(xs[:known]), full_cts)
        return [None] * known + [b for b, a in zip(back, active, strict=True) if a]


require = ops["require"]
call, barrier, checkpoint, linear_call, cond, linear_cond, loop, replayed_loop, custom_jvp, custom_vjp, custom_linear = (
    ops[n] for n in (
        "call barrier checkpoint linear_call cond linear_cond loop replayed_loop custom_jvp custom_vjp custom_linear").split())


def scan_axis(step, init: list, sliced: list, axis: int, reverse: bool) -> list:
    """Run `step(carries, slices) -> (carries, stacked)` along an axis of arrays; the stacked results, along that axis."""
    from tracer.ops.shape import transpose

    def move(x, a, b):
        n = type_of(x).ndim
        order = [i for i in range(n) if i != a]
        order.insert(b, a)
        return x if order == list(range(n)) else transpose(x, axes=tuple(order))
    sliced = [move(x, axis, 0) for x in sliced]
    nk = len(init)

    def f(i, *args):
        carries, stacked = step(list(args[:nk]), list(args[nk:]))
        return [*carries, *stacked]
    traced = trace_flat(f, [i64, *map(type_of, init), *(row_type(type_of(x)) for x in sliced)], name="step")
    return [move(x, 0, axis) for x in loop_of(traced.graph, traced.captured, type_of(sliced[0]).shape[0], init, sliced,
                                             reverse=reverse)[nk:-1]]


def loop_of(graph: Graph, captured: list, length, init: list, sliced: list, *, reverse=False, test: Graph | None = None,
            test_captured: Sequence = (), count=None, bounded=False) -> list:
    """Apply `loop` to a traced step `(i, carries, slices, captured) -> (carries, stacked)` and an optional traced test.

    `bounded`: with a test, `length` is the most steps and the length of the stacks.
    """
    nk, ns = len(init), len(sliced)
    i, ins, extra = graph.inputs[0], graph.inputs[1:1 + nk + ns], graph.inputs[1 + nk + ns:]
    cs = [*captured, *test_captured]
    unused = tuple(Var(type_of(x)) for x in test_captured)
    body = Graph(graph.name, (i, *extra, *unused, *ins), graph.nodes, graph.outputs)
    if test is not None:
        ti, tk, tx = test.inputs[0], test.inputs[1:1 + nk], test.inputs[1 + nk:]
        test = Graph(test.name, (ti, *(Var(type_of(x)) for x in captured), *tx, *tk), test.nodes, test.outputs)
    if count is None:
        count = np.int64(length) if isinstance(length, int) else FOREVER
    known = length if isinstance(length, int) and (test is None or bounded) else (length if not isinstance(length, int) else None)
    parts = apart(cs, init, body, test)
    spec = LoopSpec(len(parts.constants), len(parts.carries), ns, reverse)
    out = bind(loop, count, *parts.constants, *parts.carries, *sliced, spec=spec, length=known, body=parts.body, test=parts.test)
    return parts.join(out)


