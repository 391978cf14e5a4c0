"""Is this graph well formed? What every transform and pass may take for granted, and the checker that holds them to it.

`check` goes through a graph once, with all graphs inside it, and raises `GraphError` at the first rule that is broken:

1. inputs and results are made once: no value is two inputs, or the result of two nodes;
2. an operand of a node, and an output of the graph, is an input, a constant, or made above;
3. the types of the results of each node are those that its type rule gives for its operands (lengths that a rule makes anew may have any
   name, the same one at each place);
4. a size that a parameter or a type names is the length of an input or of a result that is made above, or of the node's own results;
5. graphs inside a node obey the same rules, and know no value from around it.

It runs after every pass with `AUTODIFF_CHECK=1`, and in the tests always. It looks at structure and types; that a pass keeps the meaning is
the business of tests that run what it makes.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracer.graph import Graph, Node, Var, bodies
from tracer.types import ArrayType, Dim, Size

__all__ = ["GraphError", "check"]


class GraphError(AssertionError):
    """A graph that breaks a rule; a fault of the compiler, never of the user's program."""


def check(graph: Graph, after: str = "") -> None:
    """Raise `GraphError` if a graph is not well formed; `after` names the pass that made it.

    Examples
    --------
    >>> from tracer.types import f64
    >>> check(Graph("f", (), (), (Var(f64),)), "a pass")
    Traceback (most recent call last):
    ...
    tracer.check.GraphError: graph f after a pass: output 0, a f64[], is made nowhere
    """
    try:
        _check_graph(graph)
    except _Broken as e:
        made = f" after {after}" if after else ""
        raise GraphError(f"graph {graph.name}{made}: {e}") from None


class _Broken(Exception):
    """A rule that is broken, said without the name of the graph."""


def _check_graph(graph: Graph) -> None:
    made: set[Var] = set()
    sizes: set[str] = set()
    for k, v in enumerate(graph.inputs):
        if v in made:
            raise _Broken(f"input {k}, a {v.type}, is an input twice")
        made.add(v)
        sizes |= _bound(v.type)
    for node in graph.nodes:
        try:
            _check_node(node, made, sizes)
        except _Broken as e:
            line = f" ({node.where})" if node.where else ""
            raise _Broken(f"node `{node.op.name}`{line}: {e}") from None
        made.update(node.outputs)
        for v in node.outputs:
            sizes |= _bound(v.type)
    for k, a in enumerate(graph.outputs):
        if isinstance(a, Var) and a not in made:
            raise _Broken(f"output {k}, a {a.type}, is made nowhere")


def _bound(t: ArrayType) -> set[str]:
    """The sizes that are a length of a type by themselves: whoever has the value knows them."""
    return {d.name() for d in t.shape if isinstance(d, Size) and d.name()}     # type: ignore[misc]


def _check_node(node: Node, made: set[Var], sizes: set[str]) -> None:
    for k, a in enumerate(node.inputs):
        if isinstance(a, Var) and a not in made:
            raise _Broken(f"operand {k}, a {a.type}, is not made above")
    for k, v in enumerate(node.outputs):
        if v in made or v in node.outputs[:k]:
            raise _Broken(f"result {k}, a {v.type}, is made twice")
    own = {s for v in node.outputs for s in _bound(v.type)}
    unbound = node.mentions() - own - sizes
    if unbound:
        raise _Broken(f"it names the size {', '.join(sorted(unbound))}, which nothing above binds")
    for name, inner in bodies(node):
        try:
            _check_graph(inner)
        except _Broken as e:
            raise _Broken(f"its {name}: {e}") from None
    _check_types(node, sizes)


def _check_types(node: Node, sizes: set[str]) -> None:
    """Compare the types of the results with what the type rule says."""
    operands = [a.type for a in node.inputs]
    try:
        inferred = node.op.infer(*operands, **node.params)
    except (TypeError, ValueError) as e:
        raise _Broken(f"its type rule refuses {', '.join(map(str, operands))}: {e}") from None
    wanted: Sequence[ArrayType] = inferred if node.op.many else [inferred]
    if len(wanted) != len(node.outputs):
        raise _Broken(f"it has {len(node.outputs)} results, its type rule gives {len(wanted)}")
    names: dict[str, Dim] = {}
    for k, (t, v) in enumerate(zip(wanted, node.outputs, strict=True)):
        if t.dtype != v.type.dtype or len(t.shape) != len(v.type.shape) or not all(
                _same_length(a, b, names, sizes) for a, b in zip(t.shape, v.type.shape, strict=True)):
            raise _Broken(f"result {k} is a {v.type}, its type rule gives {t}")


def _same_length(inferred: Dim, actual: Dim, names: dict[str, Dim], sizes: set[str]) -> bool:
    """Whether a length is the one that a type rule gives; a size that the rule has just made stands for any length, the same everywhere."""
    if not isinstance(inferred, Size):
        return inferred == actual
    fresh = inferred.symbols() - sizes - set(names)
    if not fresh:
        return inferred.replace(names) == actual
    name = inferred.name()
    if name is None:
        return True     # a polynomial of sizes that have no name yet: nothing to compare with
    names[name] = actual
    return True
