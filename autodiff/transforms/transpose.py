"""Turn a linear graph around: cotangents of outputs become cotangents of inputs.

In: a graph whose first inputs are known and whose other inputs it is linear in. Out: a graph from (known inputs, cotangents of
the outputs) to the cotangents of the linear inputs. Nodes that depend on known inputs only are run; the others are transposed
in reverse order. All values are real; the cotangent of x has the type of x.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tracer.graph import Atom, Graph, Var
from tracer.op import Op, Total, Unknown, type_of
from tracer.trace import apply, current_trace, trace_graph, zeros
from tracer.types import Dim, match_sizes, substitute

__all__ = ["transpose_graph"]


def transpose_graph(graph: Graph, known: int, *, gather: int = 0) -> Graph:
    """Transpose a graph that is linear in its inputs after the first `known`.

    The first `gather` linear inputs get their cotangents added to given arrays, which are further inputs, at the end.
    """
    linear_inputs = graph.inputs[known:]

    def f(*args):
        env: dict[Var, Any] = dict(zip(graph.inputs[:known], args))
        names: dict[str, Dim] = {}
        for v in graph.inputs[:known]:
            match_sizes(v.type, type_of(env[v]).shape, names)
        cts: dict[Var, Any] = {}
        for v, g in zip(linear_inputs, args[len(args) - gather:] if gather else ()):
            cts[v] = g
        trace = current_trace()
        run: list = []
        unknown = set(linear_inputs)
        for node in graph.nodes:
            if any(a in unknown for a in node.inputs if isinstance(a, Var)):
                unknown.update(node.outputs)
                run.append(node)
                continue
            params = {k: substitute(v, names) for k, v in node.params.items()} if names else node.params
            if trace is not None:
                trace.where = node.where
            out = apply(node.op, [env[a] if isinstance(a, Var) else a.value for a in node.inputs], params)
            for v, o in zip(node.outputs, out if node.op.many else [out], strict=True):
                env[v] = o
                match_sizes(v.type, type_of(o).shape, names)

        def gather_ct(atom: Atom, ct) -> None:
            if ct is None or not isinstance(atom, Var) or atom not in unknown:
                return
            if isinstance(ct, Total):
                cts[atom] = ct.value
            else:
                cts[atom] = ct if cts.get(atom) is None else cts[atom] + ct

        for a, ct in zip(graph.outputs, args[known:len(args) - gather], strict=True):
            gather_ct(a, ct)
        for node in reversed(run):
            if trace is not None:
                trace.where = node.where
            ct = [cts.pop(v, None) for v in node.outputs]
            if all(c is None for c in ct):
                continue
            params = {k: substitute(v, names) for k, v in node.params.items()} if names else node.params
            repeated = len({a for a in node.inputs if a in unknown}) < sum(a in unknown for a in node.inputs)
            xs = []
            for a in node.inputs:
                if isinstance(a, Var) and a in unknown:
                    t = substitute(a.type, names) if names else a.type
                    xs.append(Unknown(t, None if repeated else cts.get(a)))
                else:
                    xs.append(env[a] if isinstance(a, Var) else a.value)
            back = _rule_of(node.op)(ct if node.op.many else ct[0], *xs, **params)
            for a, c in zip(node.inputs, back, strict=True):
                gather_ct(a, c.value if repeated and isinstance(c, Total) else c)
        return [zeros(substitute(v.type, names)) if cts.get(v) is None else cts[v] for v in linear_inputs]

    types = [*(v.type for v in graph.inputs[:known]), *graph.out_types, *(v.type for v in linear_inputs[:gather])]
    return trace_graph(f, types, f"{graph.name}_back")


def _rule_of(op: Op) -> Callable[..., Any]:
    """The transpose of an op, given how graphs are transposed if the op holds some."""
    return partial(op.transpose, transpose_graph=transpose_graph) if op.differentiates_bodies else op.transpose
