"""A graph as a Python function of NumPy calls.

In: a graph whose lengths are all known. Out: a function of the values of its inputs that returns the tuple of its outputs, compiled from
straight-line source, one line a node. It gives what the evaluator gives (`tracer.trace.evaluate`), without its walk over nodes: the line of
an operation is an operator or a direct call of a NumPy function, and where there is no shorter form a call of the operation's reference.

A broadcast is not carried out where its reader, an elementwise operation, broadcasts by itself. Such a value is kept under its own shape
(`_Printer.narrow`) and is repeated only where a reader needs all of its elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.eager.buffers import buffer, is_large
from tracer.graph import Atom, Const, Graph, Node, Var, all_nodes
from tracer.op import Elementwise
from tracer.trace import evaluate
from tracer.types import ArrayType, element_count

__all__ = ["numpy_function", "numpy_source"]

OPERATORS = {"add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "neg": "-{}", "pow": "{} ** {}", "lt": "{} < {}",
             "le": "{} <= {}", "gt": "{} > {}", "ge": "{} >= {}", "eq": "{} == {}", "ne": "{} != {}", "matmul": "{} @ {}"}
"""Operations that are operators of Python. NumPy's scalars compute them ten times faster than the function of that name."""
_POWERS: dict[float | None, np.ufunc] = {2.0: np.square, 0.5: np.sqrt, -1.0: np.reciprocal}
"""What the operator `**` makes of some exponents."""
REDUCTIONS = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum, "all": np.logical_and, "any": np.logical_or}
SMALL = 4096
"""Up to so many elements an array is filled; the view that repeats elements costs 2 us, more than filling so many does."""


def numpy_function(graph: Graph) -> Callable[..., tuple]:
    """Return the function that computes a graph with NumPy.

    A graph with lengths that are known only at run time goes through the evaluator.

    Examples
    --------
    >>> from tracer.trace import trace_graph
    >>> from tracer.types import f64
    >>> numpy_function(trace_graph(lambda x, y: [x * y + x], [f64, f64], "f"))(2.0, 3.0)
    (8.0,)
    """
    if not is_static(graph):
        return lambda *values: tuple(evaluate(graph, values))
    source, names = numpy_source(graph)
    exec(compile(source, f"<autodiff numpy {graph.name}>", "exec"), names)  # noqa: S102 - our own text
    return names["computed"]


def numpy_source(graph: Graph) -> tuple[str, dict[str, Any]]:
    """Return the source of `numpy_function` for a graph of known lengths, and the objects that it refers to by name."""
    printer = _Printer(graph)
    for node in graph.nodes:
        printer.node(node)
    results = "".join([f"{printer.whole(a)}, " for a in graph.outputs])
    body = "".join([f"    {line}\n" for line in [*printer.lines, f"return ({results})"]])
    return f"def computed({', '.join(printer.inputs)}):\n{body}", printer.objects


class _Printer:
    """The text that has been written so far, and the name of each value in it."""

    def __init__(self, graph: Graph):
        self.objects: dict[str, Any] = {}
        self.lines: list[str] = []
        self.name: dict[Var, str] = {v: f"x{i}" for i, v in enumerate(graph.inputs)}
        self.inputs = list(self.name.values()) if len(self.name) == len(graph.inputs) else [f"x{i}" for i in range(len(graph.inputs))]
        self.narrow: dict[Var, tuple[str, tuple]] = {}      # a value that is a broadcast of another one: the text and shape of that one
        self.known: dict[int, str] = {}
        self.constants: dict[Var, Any] = {}     # values that are filled with one number

    def object(self, x: Any, label: str = "c") -> str:
        """A name for an object."""
        found = self.known.get(id(x))
        if found is None:
            found = self.known[id(x)] = f"{label}{len(self.objects)}"
            self.objects[found] = x
        return found

    def set(self, out: Var, text: str) -> None:
        """Write a line that computes a value."""
        self.name[out] = name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")

    def whole(self, atom: Atom) -> str:
        """A value with all of its elements."""
        if isinstance(atom, Const):
            return self.object(atom.value)
        if atom not in self.name:
            text, shape = self.narrow[atom]
            self._repeat(atom, text)
        return self.name[atom]

    def _repeat(self, out: Var, text: str) -> None:
        if element_count(out.type.shape) > SMALL:   # type: ignore[operator]
            self.set(out, f"{self.object(np.broadcast_to, 'f')}({text}, {self.object(out.type.shape)})")
            return
        self.set(out, self._empty(out.type))
        self.lines.append(f"{self.name[out]}[...] = {text}")

    def _empty(self, t: ArrayType) -> str:
        """The text that makes an array of arbitrary contents."""
        make = buffer if is_large(t.shape, t.dtype) else np.empty
        return f"{self.object(make, 'f')}({self.object(t.shape)}, {self.object(t.dtype)})"

    def part(self, atom: Atom) -> tuple[str, tuple]:
        """A value as an operation may take it that broadcasts: its text and the shape of that."""
        if isinstance(atom, Var) and atom not in self.name:
            return self.narrow[atom]
        return self.whole(atom), atom.type.shape

    def node(self, node: Node) -> None:
        """Write what computes a node."""
        kind, out = node.op.name, node.outputs[0]
        special = getattr(self, f"_{kind}", None)
        if special is not None and special(node, out):
            return
        if isinstance(node.op, Elementwise) and not node.params and (kind in OPERATORS or isinstance(node.op.reference, np.ufunc)):
            self._elementwise(node, out)
        elif kind in REDUCTIONS:
            self._reduction(node, out)
        else:
            self._reference(node)

    def _elementwise(self, node: Node, out: Var) -> None:
        """An operator or ufunc; of operands that are all broadcasts, the operation of what they are made of."""
        parts = [self.part(a) for a in node.inputs]
        texts = [text for text, _ in parts]
        shape = np.broadcast_shapes(*[s for _, s in parts])
        if is_large(shape, out.type.dtype):
            text = self._into_buffer(node, texts, ArrayType(out.type.dtype, shape))
        else:
            form = OPERATORS.get(node.op.name)
            text = form.format(*texts) if form else f"{self.object(node.op.reference, 'f')}({', '.join(texts)})"
        if shape == out.type.shape:
            self.set(out, text)
        else:
            small = Var(ArrayType(out.type.dtype, shape))
            self.set(small, text)
            self.narrow[out] = self.name[small], shape

    def _into_buffer(self, node: Node, texts: list[str], t: ArrayType) -> str:
        """A call of a ufunc whose result goes into used memory."""
        ufunc = node.op.reference
        if node.op.name == "pow":
            special = _POWERS.get(self.constants.get(node.inputs[1]))   # type: ignore[arg-type]
            ufunc, texts = (special, texts[:1]) if special is not None else (np.power, texts)
        if node.op.name == "pow" or isinstance(ufunc, np.ufunc):
            return f"{self.object(ufunc, 'f')}({', '.join(texts)}, {self._empty(t)})"
        return OPERATORS[node.op.name].format(*texts)

    def _reduction(self, node: Node, out: Var) -> None:
        axes = node.params["axes"]
        x = node.inputs[0]
        where = ", None" if len(axes) == x.type.ndim else f", {self.object(axes[0] if len(axes) == 1 else axes)}"
        dtype = f", {self.object(out.type.dtype)}" if out.type.dtype.kind != "f" and node.op.name in ("sum", "prod") else ""
        reduce = self.object(REDUCTIONS[node.op.name].reduce, "f")
        self.set(out, f"{reduce}({self.whole(x)}{where if axes else ', ()'}{dtype})")

    def _reference(self, node: Node) -> None:
        """A call of the operation's own reference."""
        inputs = ", ".join([self.whole(a) for a in node.inputs])
        params = f"{', ' if inputs else ''}**{self.object(node.params)}" if node.params else ""
        call = f"{self.object(node.op.reference, 'f')}({inputs}{params})"
        if not node.op.many:
            self.set(node.outputs[0], call)
            return
        values = f"v{len(self.lines)}"
        self.lines.append(f"{values} = {call}")
        for k, v in enumerate(node.outputs):
            self.set(v, f"{values}[{k}]")

    # -- operations that have a shorter form than their reference; False where they have not ---------------------------------------

    def _broadcast(self, node: Node, out: Var) -> bool:
        if isinstance(node.inputs[0], Const):
            self.constants[out] = float(node.inputs[0].value)
        self.narrow[out] = self.part(node.inputs[0])
        return True

    def _reshape(self, node: Node, out: Var) -> bool:
        x = node.inputs[0]
        shape, have = out.type.shape, x.type.shape
        if shape == (1,) * (len(shape) - len(have)) + have:     # NumPy adds such axes itself, where it broadcasts
            self.narrow[out] = self.part(x)
        else:
            self.set(out, f"{self.whole(x)}.reshape({self.object(shape)})")
        return True

    def _transpose(self, node: Node, out: Var) -> bool:
        self.set(out, f"{self.whole(node.inputs[0])}.transpose({self.object(node.params['axes'])})")
        return True

    def _positive(self, node: Node, out: Var) -> bool:
        self.set(out, f"+{self.whole(node.inputs[0])}")
        return True

    def _stop_gradient(self, node: Node, out: Var) -> bool:
        self.set(out, self.whole(node.inputs[0]))
        return True

    def _cast(self, node: Node, out: Var) -> bool:
        x = node.inputs[0]
        have = x.type.dtype
        if have.kind == "f" and out.type.dtype.kind != "f":     # nan and what is out of range: the reference says nothing of it
            return False
        text, shape = self.part(x)
        made = f"{text}.astype({self.object(out.type.dtype)})" if shape or out.type.shape else \
            f"{self.object(out.type.dtype.type, 'f')}({text})"
        if shape == out.type.shape:
            self.set(out, made)
        else:
            small = Var(ArrayType(out.type.dtype, shape))
            self.set(small, made)
            self.narrow[out] = self.name[small], shape
        return True

    def _select(self, node: Node, out: Var) -> bool:
        parts = [self.part(a) for a in node.inputs]
        if np.broadcast_shapes(*[s for _, s in parts]) != out.type.shape:
            return False
        self.set(out, f"{self.object(np.where, 'f')}({', '.join([t for t, _ in parts])}){'' if out.type.shape else '[()]'}")
        return True

    def _index(self, node: Node, out: Var) -> bool:
        item = _item(node.params["spec"], node.inputs[0].type.shape, [self.whole(a) for a in node.inputs[1:]], self.object)
        if item is None:
            return False
        self.set(out, f"{self.whole(node.inputs[0])}[{item}]")
        return True

    def _update(self, node: Node, out: Var) -> bool:
        x, v, *indices = node.inputs
        spec, mode = node.params["spec"], node.params["mode"]
        item = _item(spec, x.type.shape, [self.whole(a) for a in indices], self.object)
        if item is None or indices and mode == "add":
            return False
        text = self.part(v)[0]
        if isinstance(x, Var) and x not in self.name and self.narrow[x][1] == ():
            self.set(out, self._empty(x.type))
            self.lines.append(f"{self.name[out]}[...] = {self.narrow[x][0]}")
        else:
            self.set(out, f"{self.object(np.array, 'f')}({self.whole(x)})")
        self.lines.append(f"{self.name[out]}[{item}] {'=' if mode == 'set' else '+='} {text}")
        return True

    def _pad_sum(self, node: Node, out: Var) -> bool:
        self.set(out, self._empty(out.type))
        self.lines.append(f"{self.name[out]}[...] = 0")
        for x, start in zip(node.inputs, node.params["starts"]):
            item = tuple([slice(s, s + n) for s, n in zip(start, x.type.shape)])    # type: ignore[operator]
            self.lines.append(f"{self.name[out]}[{self.object(item)}] += {self.part(x)[0]}")
        return True

    def _concatenate(self, node: Node, out: Var) -> bool:
        parts = "".join([f"{self.whole(a)}, " for a in node.inputs])
        self.set(out, f"{self.object(np.concatenate, 'f')}(({parts}), {node.params['axis']})")
        return True


def _item(spec: Sequence, shape: Sequence[Any], indices: list[str], named: Callable[[Any], str]) -> str | None:
    """The text between the brackets of an index that selects the same part; None where NumPy would put the axes in another order."""
    lead = [e for e in spec if not isinstance(e, tuple)]
    if lead != list(range(len(lead))) or any(isinstance(e, tuple) for e in spec[:len(lead)]):
        return None
    slices = []
    for e, n in zip(spec[len(lead):], shape[len(lead):], strict=True):
        start, length, step = e
        stop = start + length * step
        slices.append(slice(None) if e == (0, n, 1) else slice(start, stop if stop >= 0 else None, step) if length else slice(0, 0))
    while slices and slices[-1] == slice(None) and len(slices) + len(lead) > 1:
        slices.pop()
    if not lead:
        return named(slices[0] if len(slices) == 1 else tuple(slices)) if slices else "..."
    return ", ".join([*indices, *[named(s) for s in slices]])


def is_static(graph: Graph) -> bool:
    """Whether all lengths in a graph are known."""
    return not any(v.type.symbols() for v in graph.inputs) and not any(v.type.symbols() for n in all_nodes(graph) for v in n.outputs)
