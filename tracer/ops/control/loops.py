"""Loops: `loop` covers for, while, scan and map. Its inputs are

    trip count | constants | carries | sliced

and its body maps `(i | constants | carries | a slice of each sliced)` to `(new carries | a slice of each stacked)`. With a
`test` graph, `(i | constants | carries) -> bool` is asked before each step. Its outputs are `carries | stacked | steps taken`.
`LoopSpec` holds how many there are of each, and takes inputs and outputs apart.

Reverse mode runs the loop forwards while stacking the residuals of its body, then a loop backwards that is linear in the
cotangents; an array that the body only reads gathers its cotangent in one carried array. Arrays that the body writes in parts
are written again beside the linear loop (`replay.py`).

`length` is the number of rows that stacks have, where it is known; the trip count may be less (a bound that depends on a loop around, a
test that ends the loop), and rows of steps that were not taken mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tracer.graph import Graph, Var
from tracer.op import Total, Unknown, ops, register, type_of
from tracer.ops.comparison import lt, select
from tracer.ops.control.bodies import HoldsGraph, body_out_types, in_place_of_none, pick, present
from tracer.ops.shape import broadcast, integer_of_length, iota, reshape, transpose
from tracer.passes.scalar_replacement import apart
from tracer.trace import apply, bind, evaluate, inline, trace_flat, trace_graph, zeros
from tracer.types import ArrayType, Dim, fresh_size, i64, match_sizes, substitute

FOREVER = np.int64(2**62)


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

    def results(self, values: Sequence) -> tuple[list, list, Any]:
        """The outputs of a loop with this spec: the carries, what is stacked, and the number of steps taken."""
        return list(values[:self.carries]), list(values[self.carries:-1]), values[-1]

    def of_step(self, values: Sequence) -> tuple[list, list]:
        """The outputs of the body of such a loop: the new carries, and one slice of each stack."""
        return list(values[:self.carries]), list(values[self.carries:])

    def __str__(self):
        return f"{self.constants}|{self.carries}|{self.sliced}" + ("|reverse" if self.reverse else "")


def row_type(t: ArrayType) -> ArrayType:
    """Type of one slice along the first axis."""
    return t.with_shape(t.shape[1:])


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

    def jvp(self, ins, dins, *, mode, spec, length, body, test):
        n, c, k, s = spec.split(ins)
        _, dc, dk, ds = spec.split(dins)
        active = _activity(mode, spec, body, dc, dk, ds)
        joint, active_out = mode.joint_graph(body, active.of_inputs(), active.of_outputs(body))
        dk = in_place_of_none(dk, k, active.carries)
        cs, ks, ss = [*c, *present(dc)], [*k, *present(dk)], [*s, *present(ds)]
        wide = LoopSpec(len(cs), len(ks), len(ss), spec.reverse)
        # joint: inputs (i c k s | dc dk ds) -> (k y | dk dy)
        i, vc, vk, vs = spec.split(joint.inputs)
        tangents = LoopSpec(len(present(dc)), len(present(dk)), len(present(ds)))
        _, tc, tk, ts = tangents.split([None, *joint.inputs[len(body.inputs):]])
        n_out = len(body.outputs)
        (new_k, y), (new_dk, dy) = spec.of_step(joint.outputs[:n_out]), tangents.of_step(joint.outputs[n_out:])
        new_body = Graph(body.name, (i, *vc, *tc, *vk, *tk, *vs, *ts), joint.nodes, (*new_k, *new_dk, *y, *dy))
        new_test = None if test is None else _widen_test(test, spec, wide, new_body, len(c), spec.carries)
        carries, stacks, steps = wide.results(bind(self, n, *cs, *ks, *ss, spec=wide, length=length, body=new_body, test=new_test))
        dk_out, dy_out = iter(carries[spec.carries:]), iter(stacks[len(y):])
        return [*carries[:spec.carries], *stacks[:len(y)], steps], \
            [*(next(dk_out) if a else None for a in active.carries),
             *(next(dy_out) if a else None for a in active_out[spec.carries:]), None]

    def linearize(self, ins, dins, *, mode, spec, length, body, test):
        n, c, k, s = spec.split(ins)
        _, dc, dk, ds = spec.split(dins)
        active = _activity(mode, spec, body, dc, dk, ds)
        if not active.any():
            return bind(self, *ins, spec=spec, length=length, body=body, test=test), [None] * (len(body.outputs) + 1)
        first_carry, first_sliced = 1 + len(c), 1 + len(c) + spec.carries
        arrays = [j for j in range(spec.carries)
                  if active.carries[j] and len(body.outputs[j].type.shape) and body.outputs[j].type.is_static()]
        lin = mode.linearize_graph(body, active.of_inputs(), active.of_outputs(body), keep_sized=False,
                                   free=[not first_carry <= j < first_sliced for j in range(len(body.inputs))],
                                   replay=[(first_carry + j, j) for j in arrays])
        kept = _Kept.of(lin, spec)
        logs = [v for r in lin.replayed for v in r.logs]
        n_out = len(body.outputs)
        forward = Graph(body.name, lin.primal.inputs, lin.primal.nodes, (*lin.primal.outputs[:n_out], *kept.stacked, *logs))
        out_k, stacks, steps = spec.results(bind(self, n, *c, *k, *s, spec=spec, length=length, body=forward, test=test))
        n_y = n_out - spec.carries
        residuals, logged = stacks[n_y:n_y + len(kept.stacked)], stacks[n_y + len(kept.stacked):]
        if length is None and stacks:
            length = type_of(stacks[0]).shape[0]
        value = dict(zip(lin.primal.inputs, ins, strict=True))
        end = dict(zip(lin.primal.inputs[first_carry:], out_k, strict=False))
        groups = _LinearLoop([value[v] for v in kept.constants], present(dc),
                             [value[v] for v in kept.replayed], present(in_place_of_none(dk, k, active.carries)),
                             [*residuals, *(value[v] for v in kept.sliced)], present(ds))
        d_k, d_y = groups.bind(lin, kept, spec.reverse, steps if test is not None else n, length, f"{body.name}_tangent",
                               [end[v] for v in kept.replayed], logged)
        dk_out, dy_out = iter(d_k), iter(d_y)
        return [*out_k, *stacks[:n_y], steps], \
            [*(next(dk_out) if a else None for a in active.carries),
             *(next(dy_out) if a else None for a in lin.active_out[spec.carries:]), None]

    def with_bodies(self, params, linear, change):
        _, c, _, s = params["spec"].split(linear)
        known = params.get("replayed", 0)
        carries = [j >= known for j in range(params["spec"].carries)]
        return {**params, "body": change(params["body"], [False, *c, *carries, *s])}

    def transpose(self, cts, *ins, transpose_graph, spec, length, body, test):
        n, c, k, s = spec.split(ins)
        if test is not None:
            raise self._missing("transpose", "(self, ct, *xs, **params)", "transpose when it has a test")
        linear_c = [isinstance(x, Unknown) for x in c]
        linear_s = [isinstance(x, Unknown) for x in s]
        i, vc, vk, vs = spec.split(body.inputs)
        known_vars = [i, *pick(vc, linear_c, False), *pick(vs, linear_s, False)]
        linear_vars = [*pick(vc, linear_c, True), *vk, *pick(vs, linear_s, True)]
        ct_k, ct_y, _ = spec.results(cts)
        new_k, y = spec.of_step(body.outputs)
        outs = [*new_k, *(o for o, ct in zip(y, ct_y, strict=True) if ct is not None)]
        flat = Graph(body.name, (*known_vars, *linear_vars), body.nodes, tuple(outs))
        nk, nc = spec.carries, sum(linear_c)
        back = transpose_graph(flat, len(known_vars), gather=nc)
        # back: (i, known c, known s, ct of outputs, gathered c) -> (ct c, ct k, ct s)
        ct_k = in_place_of_none(ct_k, k, [True] * nk)
        gathered = [zeros(x.type) if x.gathered is None else x.gathered for x in c if isinstance(x, Unknown)]
        known_c, known_s = pick(c, linear_c, False), pick(s, linear_s, False)
        sliced = [*known_s, *present(ct_y)]
        new = LoopSpec(len(known_c), nk + nc, len(sliced), not spec.reverse)
        if length is None:
            lengths = [type_of(x).shape[0] for x in [*s, *present(ct_y)]]
            length = lengths[0] if lengths else None

        def step(i, *args):
            _, gc, gk, gs = new.split([i, *args])
            out = inline(back, [i, *gc, *gs[:len(known_s)], *gk[:nk], *gs[len(known_s):], *gk[nk:]])
            return [*out[nc:nc + nk], *out[:nc], *out[nc + nk:]]
        types = [i64, *map(type_of, known_c), *map(type_of, ct_k), *map(type_of, gathered), *(row_type(type_of(x)) for x in sliced)]
        got_k, got_s, _ = new.results(bind(self, n, *known_c, *ct_k, *gathered, *sliced, spec=new, length=length,
                                           body=trace_graph(step, types, f"{body.name}_back"), test=None))
        got_c, rows = iter(got_k[nk:]), iter(rows_taken(got_s, n, length))
        return [None, *(Total(next(got_c)) if u else None for u in linear_c),
                *(g if isinstance(x, Unknown) else None for x, g in zip(k, got_k, strict=False)),
                *(next(rows) if u else None for u in linear_s)]


loop = register(Loop())


@dataclass(frozen=True, slots=True)
class _Active:
    """Which constants, carries and slices of a loop have a tangent."""

    constants: list[bool]
    carries: list[bool]
    sliced: list[bool]

    def any(self) -> bool:
        """Whether anything has one."""
        return any(self.constants) or any(self.carries) or any(self.sliced)

    def of_inputs(self) -> list[bool]:
        """The flags of the inputs of the body; the number of the step has no tangent."""
        return [False, *self.constants, *self.carries, *self.sliced]

    def of_outputs(self, body: Graph) -> list[bool]:
        """Which outputs of the body must have a tangent, also where it is zero: the carries that have one."""
        return [*self.carries, *[False] * (len(body.outputs) - len(self.carries))]


def _activity(mode, spec: LoopSpec, body: Graph, dc: Sequence, dk: Sequence, ds: Sequence) -> _Active:
    """Which carries have a tangent, given the tangents that come in: the least fixed point over the body."""
    active = _Active(*([d is not None for d in group] for group in (dc, dk, ds)))
    while True:
        out, _ = spec.of_step(mode.active_outputs(body, active.of_inputs()))
        carries = [a or b for a, b in zip(active.carries, out, strict=True)]
        if carries == active.carries:
            return active
        active = replace(active, carries=carries)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The residuals of the body of a loop, by where a step of the linear loop finds them."""

    stacked: list[Var]
    """Computed by the body, or carried: the forward loop stacks them."""
    constants: list[Var]
    sliced: list[Var]
    """Read from outside again, as the body reads them."""
    index: list[Var]
    """The number of the step, if it is one."""
    replayed: list[Var]
    """Carried arrays that the linear loop writes again."""

    @staticmethod
    def of(lin, spec: LoopSpec) -> _Kept:
        """The residuals of a body that was linearized."""
        i, c, k, s = spec.split(lin.primal.inputs)
        replayed = [r.input for r in lin.replayed]
        outside = {i, *c, *s}
        found = lin.residuals
        return _Kept([v for v in found if v not in outside and v not in replayed], [v for v in found if v in c],
                     [v for v in found if v in s], [v for v in found if v is i], replayed)


@dataclass(frozen=True, slots=True)
class _LinearLoop:
    """The operands of the loop that is linear in the tangents: of each group the known ones, then the tangents."""

    constants: list
    constant_tangents: list
    starts: list
    """Arrays that are written again, as they are before the first step."""
    carry_tangents: list
    sliced: list
    sliced_tangents: list

    def bind(self, lin, kept: _Kept, reverse: bool, count, length, name: str, ends: list, logged: list) -> tuple[list, list]:
        """Record the loop; the tangents of the carries and of what is stacked.

        `ends` are the arrays that are written again, as the primal loop leaves them, and `logged` what was in each part before it wrote it.
        """
        constants, carries = [*self.constants, *self.constant_tangents], [*self.starts, *self.carry_tangents]
        sliced, m = [*self.sliced, *self.sliced_tangents], len(self.starts)
        spec = LoopSpec(len(constants), len(carries), len(sliced), reverse)

        def step(i, *args):
            _, gc, gk, gs = spec.split([i, *args])
            value = dict(zip(kept.index, [i]))
            value.update(zip(kept.constants, gc))
            value.update(zip([*kept.stacked, *kept.sliced], gs))
            value.update(zip(kept.replayed, gk))
            new = inline(lin.linear, [*(value[v] for v in lin.residuals), *gc[len(self.constants):], *gk[m:], *gs[len(self.sliced):]])
            return [*new[len(new) - m:], *new[:len(new) - m]]
        types = [i64, *map(type_of, constants), *map(type_of, carries), *(row_type(type_of(x)) for x in sliced)]
        constants, body = _views_outside(constants, trace_graph(step, types, name))
        spec = replace(spec, constants=len(constants))
        if m:
            out = bind(ops["replayed_loop"], count, *constants, *carries, *sliced, *ends, *logged, spec=spec, length=length, body=body,
                       replayed=m)
        else:
            out = bind(loop, count, *constants, *carries, *sliced, spec=spec, length=length, body=body, test=None)
        new_k, stacks, _ = spec.results(out)
        return new_k[m:], stacks


def _views_outside(constants: Sequence, body: Graph) -> tuple[list, Graph]:
    """Transposed and reshaped constants of a loop, made in front of it: a cotangent is then added to one array, not turned at each step."""
    given = dict(zip(body.inputs[1:1 + len(constants)], constants, strict=True))
    nodes = []
    for node in body.nodes:
        if node.op in (transpose, reshape) and node.inputs[0] in given:
            given[node.outputs[0]] = apply(node.op, [given[node.inputs[0]]], node.params)   # type: ignore[index]
        else:
            nodes.append(node)
    if len(nodes) == len(body.nodes):
        return list(constants), body
    read = {a for node in nodes for a in node.inputs} | set(body.outputs)
    given = {v: x for v, x in given.items() if v in read}
    return list(given.values()), Graph(body.name, (body.inputs[0], *given, *body.inputs[1 + len(constants):]), tuple(nodes), body.outputs)


def rows_taken(stacks: Sequence, n, length) -> list:
    """Stacks whose rows are zero from row n on: a loop that may take fewer steps than it has rows leaves those undefined."""
    if not isinstance(length, int) or isinstance(n, np.generic) and n == length or not stacks:
        return list(stacks)
    out = []
    for x in stacks:
        t = type_of(x)
        taken = lt(iota(length), broadcast(n, shape=(length,)))
        taken = reshape(taken, shape=(length, *[1] * (t.ndim - 1))) if t.ndim > 1 else taken
        out.append(select(broadcast(taken, shape=t.shape) if t.ndim > 1 else taken, x, zeros(t)))
    return out


def _widen_test(test: Graph, spec: LoopSpec, wide: LoopSpec, body: Graph, nc: int, nk: int) -> Graph:
    """The same test on a loop with more constants and carries."""
    extra_c = [Var(v.type) for v in body.inputs[1 + nc:1 + wide.constants]]
    extra_k = [Var(v.type) for v in body.inputs[1 + wide.constants + nk:1 + wide.constants + wide.carries]]
    i, c, k, _ = spec.split(test.inputs)
    return Graph(test.name, (i, *c, *extra_c, *k, *extra_k), test.nodes, test.outputs)


def scan_axis(step, init: list, sliced: list, axis: int, reverse: bool) -> list:
    """Run `step(carries, slices) -> (carries, stacked)` along an axis of arrays; the stacked results, along that axis."""
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
        count = FOREVER if length is None else integer_of_length(length)
    known = length if isinstance(length, int) and (test is None or bounded) else (length if not isinstance(length, int) else None)
    parts = apart(cs, init, body, test)
    spec = LoopSpec(len(parts.constants), len(parts.carries), ns, reverse)
    out = bind(loop, count, *parts.constants, *parts.carries, *sliced, spec=spec, length=known, body=parts.body, test=parts.test)
    return parts.join(out)
