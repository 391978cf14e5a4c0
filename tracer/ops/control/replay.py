"""Loops that write arrays again: a linear loop beside whose tangents known arrays are written, as the primal loop wrote them.

Its transpose runs from the last step to the first and puts back what each write replaced, so that no step keeps an array of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracer.graph import Graph, Node, Var, size_symbols
from tracer.op import Total, Unknown, register, type_of
from tracer.ops.control.bodies import HoldsGraph, pick
from tracer.ops.control.loops import LoopSpec, loop, row_type, rows_taken
from tracer.ops.index import index, update
from tracer.trace import apply, bind, inline, trace_graph, zeros
from tracer.types import Dim, Size, i64, match_sizes, substitute


def _loop_and_rest(ins, spec) -> tuple:
    """The inputs of a replayed loop that are those of the loop, and the others."""
    n = 1 + spec.constants + spec.carries + spec.sliced
    return ins[:n], ins[n:]


def ends_and_logs(node) -> tuple[tuple, tuple]:
    """The inputs of a replayed loop that are arrays as the loop leaves them, and those that are what it replaced."""
    rest = _loop_and_rest(node.inputs, node.params["spec"])[1]
    return tuple(rest[:node.params["replayed"]]), tuple(rest[node.params["replayed"]:])


class ReplayedLoop(HoldsGraph):
    """A linear loop beside whose tangents known arrays are written again, in parts, as the primal loop wrote them.

    The first `replayed` carries are those arrays. The inputs go on, after those of the loop, with the arrays as the loop leaves them
    and with what stood in each part before it was written, a stack for each write: the transpose runs from the last step to the first
    and puts the old parts back. So no step keeps an array of its own.
    """

    def infer(self, *types, replayed, **params):
        return loop.infer(*_loop_and_rest(types, params["spec"])[0], test=None, **params)

    def reference(self, *xs, replayed, **params):
        return loop.reference(*_loop_and_rest(xs, params["spec"])[0], test=None, **params)

    def jvp(self, ins, dins, *, replayed, **params):
        own, tangents = (_loop_and_rest(group, params["spec"])[0] for group in (ins, dins))
        return loop.jvp(own, tangents, test=None, **params)

    def linearize(self, ins, dins, *, replayed, **params):
        own, tangents = (_loop_and_rest(group, params["spec"])[0] for group in (ins, dins))
        return loop.linearize(own, tangents, test=None, **params)

    def with_bodies(self, params, linear, change):
        return loop.with_bodies(params, linear, change)

    def linear_outputs(self, outputs, params):
        return outputs[params["replayed"]:]

    def transpose(self, cts, *ins, transpose_graph, spec, length, body, replayed):
        own, rest = _loop_and_rest(ins, spec)
        n, c, k, s = spec.split(own)
        ends, logged = list(rest[:replayed]), list(rest[replayed:])
        linear_c, linear_s = ([isinstance(x, Unknown) for x in group] for group in (c, s))
        i, vc, vk, vs = spec.split(body.inputs)
        arrays, tangents = vk[:replayed], vk[replayed:]
        linear_vars = [*pick(vc, linear_c, True), *tangents, *pick(vs, linear_s, True)]
        nk, nt, nc = spec.carries, len(tangents), sum(linear_c)
        ct_k, ct_y = list(cts[replayed:nk]), list(cts[nk:-1])
        outs = [*body.outputs[replayed:nk], *(o for o, ct in zip(body.outputs[nk:], ct_y, strict=True) if ct is not None)]
        linear_nodes, known_nodes, unknown = _parted(body, linear_vars)
        chains = [_chain_of(known_nodes, v, end) for v, end in zip(arrays, body.outputs[:replayed], strict=True)]
        needed = _known_of(linear_nodes, outs, unknown, body, known_nodes)
        back = transpose_graph(Graph(body.name, (*needed, *linear_vars), tuple(linear_nodes), tuple(outs)), len(needed),
                                             gather=nc)
        ct_k = [zeros(type_of(x)) if ct is None else ct for x, ct in zip(k[replayed:], ct_k, strict=True)]
        gathered = [zeros(x.type) if x.gathered is None else x.gathered for x in c if isinstance(x, Unknown)]
        known_c, known_s = pick(c, linear_c, False), pick(s, linear_s, False)
        ys = [ct for ct in ct_y if ct is not None]
        slices = [*known_s, *logged, *ys]
        new = LoopSpec(len(known_c), replayed + nt + nc, len(slices), not spec.reverse)
        if length is None and slices:
            length = type_of(slices[0]).shape[0]

        def f(index, *args):
            _, gc, gk, gs = new.split([index, *args])
            env: dict[Var, Any] = {i: index, **dict(zip(pick(vc, linear_c, False), gc)), **dict(zip(pick(vs, linear_s, False), gs))}
            first, waiting = _put_back(known_nodes, linear_nodes, unknown, chains, gk[:replayed], gs[len(known_s):], arrays, env)
            assert not waiting
            out = inline(back, [*(env[v] for v in needed), *gk[replayed:replayed + nt], *gs[len(known_s) + len(logged):],
                                *gk[replayed + nt:]])
            return [*first, *out[nc:nc + nt], *out[:nc], *out[nc + nt:]]
        carries = [*ends, *ct_k, *gathered]
        types = [i64, *map(type_of, known_c), *map(type_of, carries), *(row_type(type_of(x)) for x in slices)]
        out = bind(loop, n, *known_c, *carries, *slices, spec=new, length=length,
                   body=trace_graph(f, types, f"{body.name}_back"), test=None)
        got_k, got_c = out[replayed:replayed + nt], iter(out[replayed + nt:new.carries])
        got_s = iter(rows_taken(out[new.carries:-1], n, length))
        return [None, *(Total(next(got_c)) if u else None for u in linear_c), *[None] * replayed, *got_k,
                *(next(got_s) if u else None for u in linear_s), *[None] * len(rest)]


replayed_loop = register(ReplayedLoop())


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
    if node.op is update:
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


def _settled(waiting: Sequence[Node], env: dict[Var, Any], names: dict[str, Dim]) -> list[Node]:
    """Compute the nodes whose operands are there; the others."""
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
    return later


def _put_back(nodes: Sequence, linear_nodes: Sequence, unknown: set[Var], chains: Sequence[list], ends: Sequence, logs: Sequence,
              starts: Sequence[Var], env: dict[Var, Any]) -> tuple[list, list[Node]]:
    """Compute the known nodes of a step from the arrays as the step leaves them, putting back what each update replaced.

    Returns the arrays as they were before the step, and the nodes that could not be computed as an operand of theirs is not there.

    What reads a version of an array is computed before that version is put back to the one before. `logs` are what the updates
    replaced, in order; a loop has its own, in the linear loop that goes with it.
    """
    in_chain = {node for chain in chains for node, _ in chain}
    # What an update wrote is read where it wrote it, and need not be kept: it waits until the array is as the update left it.
    values = {node.inputs[1] for node in in_chain if node.op is update and isinstance(node.inputs[1], Var)
              and node.inputs[1] in env and not (node.inputs[2:] and node.inputs[2].type.shape and not node.params.get("unique"))}
    for v in values:
        del env[v]
    log = iter(logs)
    olds = [[next(log) if node.op is update else None for node, _ in chain] for chain in chains]
    waiting = [n for n in nodes if n not in in_chain]
    names: dict[str, Dim] = {}

    def settle() -> None:
        nonlocal waiting
        waiting = _settled(waiting, env, names)
    first = []
    for chain, end, old, start in zip(chains, ends, olds, starts, strict=True):
        x = end
        if not chain:
            env[start] = x
        for (node, version), before in zip(reversed(chain), reversed(old), strict=True):
            env[version] = x
            settle()
            if node.op is update and node.inputs[1] in values and node.inputs[1] not in env:
                env[node.inputs[1]] = _read_back(node, x, env)  # type: ignore[index]
                settle()
            if node.op is loop:
                writer = next(n for n in linear_nodes if n.op is replayed_loop and ends_and_logs(n)[0][0] is version)
                x = _put_back_loop(writer, x, unknown, env)
                continue
            indices = [env[a] if isinstance(a, Var) else a.value for a in node.inputs[2:]]
            x = bind(node.op, x, before, *indices, **node.params)
        env[start] = x
        first.append(x)
    settle()
    return first, waiting


def _read_back(node, x, env: dict[Var, Any]):
    """What an update wrote, read from the array as it left it."""
    return bind(index, x, *[env[a] if isinstance(a, Var) else a.value for a in node.inputs[2:]], spec=node.params["spec"])


def _put_back_loop(node, end, unknown: set[Var], env: dict[Var, Any]):
    """An array as it was before a loop: `node` is the linear loop that writes it again, `unknown` the tangents around it.

    A constant of the loop may be read from an earlier version of an array, and not be there yet: it is what was written, not where.
    """
    spec, body, length = (node.params[n] for n in ("spec", "body", "length"))
    own, rest = _loop_and_rest(node.inputs, spec)
    n, c, k, s = spec.split(own)
    i, vc, vk, vs = spec.split(body.inputs)
    tangents = [v for a, v in zip([*c, *s], [*vc, *vs], strict=True) if a in unknown]
    linear_nodes, known_nodes, inner_unknown = _parted(body, [*tangents, *vk[1:]])
    chain = _chain_of(known_nodes, vk[0], body.outputs[0])
    there_c, there_s = ([a not in unknown and (not isinstance(a, Var) or a in env) for a in group] for group in (c, s))

    def value(a):
        return env[a] if isinstance(a, Var) else a.value
    constants, slices = [value(a) for a in pick(c, there_c, True)], [value(a) for a in [*pick(s, there_s, True), *rest[1:]]]
    if length is None and slices:
        length = type_of(slices[0]).shape[0]
    new = LoopSpec(len(constants), 1, len(slices), not spec.reverse)

    def f(index, *args):
        _, gc, gk, gs = new.split([index, *args])
        inner: dict[Var, Any] = {i: index, **dict(zip(pick(vc, there_c, True), gc)), **dict(zip(pick(vs, there_s, True), gs))}
        return _put_back(known_nodes, linear_nodes, inner_unknown, [chain], gk, gs[len(gs) - len(rest) + 1:], [vk[0]], inner)[0]
    types = [i64, *map(type_of, constants), type_of(end), *(row_type(type_of(x)) for x in slices)]
    return bind(loop, value(n), *constants, end, *slices, spec=new, length=length, body=trace_graph(f, types, f"{body.name}_undone"),
                test=None)[0]
