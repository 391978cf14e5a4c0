"""Turn a linear graph around: cotangents of outputs become cotangents of inputs.

In: a graph whose first inputs are known and whose other inputs it is linear in. Out: a graph from (known inputs, cotangents of
the outputs) to the cotangents of the linear inputs. Nodes that depend on known inputs only are run; the others are transposed
in reverse order. All values are real; the cotangent of x has the type of x.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from autodiff.transforms.standing import PRODUCTS, is_by_a_number
from tracer.graph import Atom, Graph, Node, Var
from tracer.op import Op, Total, Unknown, type_of
from tracer.ops.comparison import logical_or, select
from tracer.ops.index import index, update
from tracer.ops.linalg import matmul
from tracer.ops.shape import broadcast, reshape
from tracer.trace import apply, current_trace, trace_graph, zeros
from tracer.types import ArrayType, Dim, match_sizes, substitute

__all__ = ["transpose_graph"]


def transpose_graph(graph: Graph, known: int, *, gather: int = 0) -> Graph:
    """Transpose a graph that is linear in its inputs after the first `known`.

    The first `gather` linear inputs get their cotangents added to given arrays, which are further inputs, at the end.
    """
    linear_inputs = graph.inputs[known:]

    def f(*args):
        run = _Sweep(graph, known)
        given = args[len(args) - gather:] if gather else ()
        run.cotangents.update(zip(linear_inputs, given, strict=False))
        run.forward(args[:known])
        run.backward(args[known:len(args) - gather])
        return run.results(linear_inputs)

    types = [*(v.type for v in graph.inputs[:known]), *graph.out_types, *(v.type for v in linear_inputs[:gather])]
    return trace_graph(f, types, f"{graph.name}_back")


class _Sweep:
    """A graph while it is transposed: its known values, and the cotangents of the others, by var. `names` binds the sizes in types."""

    def __init__(self, graph: Graph, known: int):
        self.graph = graph
        self.known = graph.inputs[:known]
        self.unknown: set[Var] = set(graph.inputs[known:])
        self.values: dict[Var, Any] = {}
        self.cotangents: dict[Var, Any] = {}
        self.needed: dict[Var, Any] = {}    # where the cotangent may differ from 0, for some vars: a truth value an element, or one
        self.names: dict[str, Dim] = {}
        self.linear: list[Node] = []
        self.trace = current_trace()

    def forward(self, known: Sequence) -> None:
        """Run the nodes that depend on known inputs only; the others are `linear`."""
        for v, x in zip(self.known, known, strict=True):
            self._know(v, x)
        for node in self.graph.nodes:
            if any(a in self.unknown for a in node.inputs if isinstance(a, Var)):
                self.unknown.update(node.outputs)
                self.linear.append(node)
                continue
            self._at(node)
            out = apply(node.op, [self._value(a) for a in node.inputs], self._params(node))
            for v, o in zip(node.outputs, out if node.op.many else [out], strict=True):
                self._know(v, o)

    def backward(self, cotangents: Sequence) -> None:
        """Transpose the linear nodes, the last one first."""
        for a, ct in zip(self.graph.outputs, cotangents, strict=True):
            self._add(a, ct)
        for node in reversed(self.linear):
            self._at(node)
            ct = [self.cotangents.pop(v, None) for v in node.outputs]
            if all(c is None for c in ct):
                continue
            repeated = len({a for a in node.inputs if a in self.unknown}) < sum(a in self.unknown for a in node.inputs)
            xs = [self._unknown(a, repeated) if a in self.unknown else self._value(a) for a in node.inputs]
            back = _rule_of(node.op)(ct if node.op.many else ct[0], *xs, **self._params(node))
            mask = self.needed.pop(node.outputs[0], None)
            if mask is not None and self._may_be_infinite(node, mask, xs):
                back = [None if c is None else select(_filling(mask, type_of(c)), c, zeros(type_of(c))) for c in back]
            masks = self._masks(node, mask, xs) if not node.op.many else [None] * len(back)
            for a, c, m in zip(node.inputs, back, masks, strict=True):
                self._add(a, c.value if repeated and isinstance(c, Total) else c, m)

    def _masks(self, node: Node, mask: Any, xs: Sequence) -> Sequence:
        """Where the cotangents of the operands of a node may differ from 0."""
        if mask is None and node.op not in (select, index, update):
            return [None] * len(xs)
        if mask is not None and type_of(mask).shape == () and node.op not in (select, index, update):
            return [mask if isinstance(x, Unknown) else None for x in xs]   # nobody asks for any of it, nor for what it is made of
        return node.op.needed(None if mask is None else _filling(mask, self._type(node.outputs[0])), *xs, **self._params(node))

    def _may_be_infinite(self, node: Node, mask: Any, xs: Sequence) -> bool:
        """Whether a cotangent of 0 is multiplied by what may be infinite."""
        if node.op is matmul:
            return type_of(mask).shape == ()
        return node.op in PRODUCTS and not is_by_a_number(self.trace, [x for x in xs if not isinstance(x, Unknown)])

    def results(self, inputs: Sequence[Var]) -> list:
        """The cotangents of the linear inputs."""
        return [zeros(self._type(v)) if self.cotangents.get(v) is None else self.cotangents[v] for v in inputs]

    def _at(self, node: Node) -> None:
        if self.trace is not None:
            self.trace.where = node.where

    def _know(self, v: Var, x) -> None:
        self.values[v] = x
        match_sizes(v.type, type_of(x).shape, self.names)

    def _value(self, a: Atom):
        return self.values[a] if isinstance(a, Var) else a.value

    def _params(self, node: Node) -> dict[str, Any]:
        return {k: substitute(v, self.names) for k, v in node.params.items()} if self.names else node.params

    def _type(self, v: Atom) -> ArrayType:
        return substitute(v.type, self.names) if self.names else v.type

    def _unknown(self, a: Atom, repeated: bool) -> Unknown:
        """What a rule gets for a value that it is linear in: its type, and the cotangent so far unless another operand is the same."""
        if repeated:
            return Unknown(self._type(a))
        needed = self.needed.get(a)     # type: ignore[arg-type]
        return Unknown(self._type(a), self.cotangents.get(a), None if needed is None else _filling(needed, self._type(a)))  # type: ignore

    def _add(self, atom: Atom, ct, mask=None) -> None:
        """Add to the cotangent of a value; what is added differs from 0 only where `mask` is true, an element each or for all of it."""
        if ct is None or not isinstance(atom, Var) or atom not in self.unknown:
            return
        before = self.cotangents.get(atom)
        if isinstance(mask, Total):
            self.needed[atom] = mask.value
        elif mask is not None and before is None:
            self.needed[atom] = _of_one(mask)
        elif mask is not None and atom in self.needed:
            other, t = self.needed[atom], self._type(atom)
            if other.ref is not mask.ref:
                same = type_of(other).shape == type_of(mask).shape
                self.needed[atom] = logical_or(other, mask) if same else logical_or(_filling(other, t), _filling(mask, t))
        else:
            self.needed.pop(atom, None)
        self.cotangents[atom] = ct.value if isinstance(ct, Total) else ct if before is None else before + ct


def _of_one(mask: Any) -> Any:
    """A mask; that of a single number as a truth value without axes, which stands for all of an array."""
    shape = type_of(mask).shape
    return reshape(mask, shape=()) if shape and all(d == 1 for d in shape) else mask


def _filling(mask: Any, t: ArrayType) -> Any:
    """A mask with a truth value an element for an array of a type."""
    if type_of(mask).shape == t.shape:
        return mask
    return broadcast(reshape(mask, shape=(1,) * t.ndim), shape=t.shape)


def _rule_of(op: Op) -> Callable[..., Any]:
    """The transpose of an op, given how graphs are transposed if the op holds some."""
    return partial(op.transpose, transpose_graph=transpose_graph) if op.differentiates_bodies else op.transpose
