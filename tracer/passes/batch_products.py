"""Products that a loop adds up are computed as one product after the loop: graph to graph, meaning kept to rounding.

In reverse mode the cotangent of a matrix that every step multiplies by is a sum of products, one a step: dW += x_t^T d_t. Each addition
goes through the whole matrix, though x_t and d_t are thin. With the factors of all steps kept, the sum is one product with a long inner
axis, X^T D, which goes through the matrix once. (Recurrent networks have long been trained so.)

May assume a tidied graph. A loop is left as it is if its factors are not much smaller than the matrix, or if keeping them took much memory.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from tracer.graph import Atom, Const, Graph, Node, Var, map_bodies
from tracer.integers import length_symbol
from tracer.op import Op
from tracer.ops.arithmetic import add
from tracer.ops.control.loops import loop as loop_op
from tracer.ops.index import index
from tracer.ops.linalg import matmul
from tracer.ops.shape import reshape, span, transpose
from tracer.passes.shrink_loops import LoopParts
from tracer.types import ArrayType, Dim, fresh_size

__all__ = ["batch_products"]

LEAST = 2048
"""Elements of a matrix from which on its sums are collected: below, it stays in the first-level cache."""
MOST_BYTES = 1 << 28
"""Bytes that the factors of all steps may take."""


def batch_products(graph: Graph) -> Graph:
    """Collect the sums of products of all loops in a graph, inner loops first."""
    nodes: list[Node] = []
    for node in graph.nodes:
        node = map_bodies(node, batch_products)
        nodes += _collected(node) if node.op is loop_op and node.params["test"] is None else [node]
    return Graph(graph.name, graph.inputs, tuple(nodes), graph.outputs)


def _collected(node: Node) -> list[Node]:
    """The nodes for a loop: itself, with fewer carries, and the products after it."""
    if node.params["length"] is None:
        return [node]
    loop = LoopParts(node)
    after = _After(loop)
    uses = Counter(a for n in loop.nodes for a in n.inputs)
    uses.update([*loop.new, *loop.stacked])
    kept = [not _collect(loop, after, j, uses) for j in range(len(loop.vk))]
    if all(kept):
        return [node]
    loop.keep([True] * len(loop.vc), kept, [True] * len(loop.vs), [True] * len(loop.out_y))
    return [loop.rebuild(), *after.nodes]


def _collect(loop: LoopParts, after: _After, j: int, uses: Counter) -> bool:
    """Turn carry j into a product after the loop if it is a sum of products; whether it was."""
    made = {o: n for n in loop.nodes for o in n.outputs}
    carry, new = loop.vk[j], loop.new[j]
    addition = made.get(new) if isinstance(new, Var) else None
    if addition is None or addition.op is not add or uses[new] != 1 or uses[carry] != 1 or carry not in addition.inputs:
        return False
    term = addition.inputs[1] if addition.inputs[0] is carry else addition.inputs[0]
    product = made.get(term) if isinstance(term, Var) else None
    if product is None or product.op is not matmul or uses[term] != 1 or carry.type.ndim != 2 or not carry.type.is_static():
        return False
    a, b = product.inputs
    (m, n), k = carry.type.shape, a.type.shape[1]
    if not isinstance(k, int) or m * n < LEAST or 2 * m * n < k * (m + n):
        return False
    if isinstance(after.steps, int) and after.steps * k * (m + n) * carry.type.dtype.itemsize > MOST_BYTES:
        return False
    left, right = after.rows(_turned(loop, made, a)), after.rows(b)
    turned = after.op(transpose, left.type.with_shape(left.type.shape[::-1]), left, axes=(1, 0))
    total = after.op(matmul, carry.type, turned, right)
    after.nodes.append(Node(add, (loop.carries[j], total), (loop.out_k[j],), {}, addition.where))
    loop.nodes = [x for x in loop.nodes if x is not addition and x is not product]
    return True


def _turned(loop: LoopParts, made: dict[Var, Node], a: Atom) -> Atom:
    """The transposed left factor: what it is the transpose of, or a value that the body makes in addition."""
    node = made.get(a) if isinstance(a, Var) else None
    if node is not None and node.op is transpose:
        return node.inputs[0]
    m, k = a.type.shape
    out = Var(a.type.with_shape((k, m)))
    loop.nodes.append(Node(reshape, (a,), (out,), {"shape": (1, m)}) if k == 1 else
                      Node(transpose, (a,), (out,), {"axes": (1, 0)}))
    return out


class _After:
    """What is computed after a loop: factors of all steps as matrices, and their products."""

    def __init__(self, loop: LoopParts):
        self.loop = loop
        self.nodes: list[Node] = []
        self.steps: Dim = loop.node.params["length"]
        self.taken: Var | None = None
        count = loop.count
        if isinstance(self.steps, int) and not (isinstance(count, Const) and int(count.value) == self.steps):
            # Rows of steps that were not taken mean nothing: only the others are multiplied.
            self.taken = self.op(span, ArrayType(np.dtype(np.int64), (length_symbol(fresh_size()),)), loop.node.outputs[-1])
            self.nodes[-1].params["length"] = self.taken.type.shape[0]

    def op(self, op: Op, t: ArrayType, *inputs: Atom, **params: Any) -> Var:
        """One more node."""
        out = Var(t)
        self.nodes.append(Node(op, inputs, (out,), params))
        return out

    def rows(self, a: Atom) -> Var:
        """The factor of all steps, one below the other."""
        k, n = a.type.shape
        whole = self._stack(a)
        steps = self.steps
        if self.taken is not None:
            steps = self.taken.type.shape[0]
            whole = self.op(index, whole.type.with_shape((steps, k, n)), whole, self.taken, spec=(0, (0, k, 1), (0, n, 1)))
        return self.op(reshape, whole.type.with_shape((steps * k, n)), whole, shape=(steps * k, n))

    def _stack(self, a: Atom) -> Var:
        """An array with a value of each step: one that the loop goes through or indexes already, or a new one."""
        loop = self.loop
        t = a.type.with_shape((self.steps, *a.type.shape))
        if a in loop.vs:
            found = loop.sliced[loop.vs.index(a)]   # type: ignore[arg-type]
            if found.type == t:
                return found    # type: ignore[return-value]
        made = {o: n for n in loop.nodes for o in n.outputs}
        node = made.get(a) if isinstance(a, Var) else None
        if node is not None and node.op is reshape:
            return self.op(reshape, t, self._stack(node.inputs[0]), shape=t.shape)
        if node is not None and node.op is index and node.inputs[1:] == (loop.i,) and node.inputs[0] in loop.vc:
            found = loop.constants[loop.vc.index(node.inputs[0])]   # type: ignore[arg-type]
            if found.type == t and node.params["spec"] == (0, *((0, d, 1) for d in a.type.shape)):
                return found    # type: ignore[return-value]
        if a in loop.stacked:
            return loop.out_y[loop.stacked.index(a)]
        out = Var(t)
        loop.stacked.append(a)
        loop.out_y.append(out)
        return out

