"""The define-by-run face: tensors that remember how they were made.

A `Tensor` is a tracer that has its value and holds its parents, so that dropping a tensor drops its tape. `backward` turns the tape
into a graph and takes the same road as `grad`: there is one derivative engine. The values that the forward pass computed are used
again, and the derivative graph of a tape is made once for each structure.
"""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from autodiff.api.grad import pullback_graphs
from tracer.errors import ConcreteValueError, DTypeError, GradientError, ShapeError, explain, user_line
from tracer.graph import Const, Graph, Node, Var
from tracer.op import Op, type_of
from tracer.trace import Tracer, evaluate, walk
from tracer.types import ArrayType, check_plain, is_inexact, match_sizes, substitute, type_of_value

__all__ = ["Tensor", "tensor", "no_grad", "enable_grad", "is_grad_enabled"]


class _Mode(threading.local):
    grad = True


_mode = _Mode()


@contextmanager
def no_grad() -> Iterator[None]:
    """Within, nothing is remembered for `backward`; parameters may be written in place.

    Examples
    --------
    >>> w = tensor([1.0, 2.0], requires_grad=True)
    >>> with no_grad():
    ...     w -= 0.5
    >>> w
    tensor([0.5, 1.5], requires_grad=True)
    """
    before, _mode.grad = _mode.grad, False
    try:
        yield
    finally:
        _mode.grad = before


@contextmanager
def enable_grad() -> Iterator[None]:
    """Within, even inside `no_grad`, operations are remembered."""
    before, _mode.grad = _mode.grad, True
    try:
        yield
    finally:
        _mode.grad = before


def is_grad_enabled() -> bool:
    """Whether operations on tensors are remembered now."""
    return _mode.grad


class _Step:
    """One remembered operation: its op, its inputs with the version each had, and the types of its results."""

    __slots__ = ("op", "inputs", "versions", "params", "types", "values", "where", "freed")

    def __init__(self, op, inputs, params, types, values, where):
        self.op = op
        self.inputs = inputs
        self.versions = [x.version for x in inputs if isinstance(x, Tensor)]
        self.params = params
        self.types = types
        self.values = values
        self.where = where
        self.freed = False

    def free(self) -> None:
        """Forget the inputs, so that what they hold can go."""
        self.freed = True
        self.inputs, self.params, self.values = (), {}, ()


class _Tape:
    """What stands in the place of a trace for tensors: it runs each op at once."""

    level = 0
    open = True
    name = "tape"

    def record(self, op: Op, args: Sequence, params: dict[str, Any]):
        """Run an op; remember it if an input requires a gradient."""
        values = [a.value if isinstance(a, Tracer) else a for a in args]
        types = op.infer(*[type_of(a) for a in args], **params)
        results = op.reference(*values, **params)
        if not op.many:
            types, results = [types], [results]
        sizes: dict = {}
        for t, v in zip(types, results, strict=True):
            match_sizes(t, np.shape(v), sizes)
        if sizes:
            types = [substitute(t, sizes) for t in types]
        step = None
        if _mode.grad and any(isinstance(a, Tensor) and a.requires_grad for a in args):
            step = _Step(op, tuple(args), params, types, results, user_line())
        out = []
        for k, (t, v) in enumerate(zip(types, results, strict=True)):
            follows = step is not None and is_inexact(t.dtype) and getattr(op, "differentiable", True)
            out.append(Tensor(v, t, requires_grad=follows, step=step if follows else None, place=k))
        return out if op.many else out[0]


_TAPE = _Tape()


class Tensor(Tracer):
    """An array that can ask for its gradient. Made by `tensor`, and by every operation on tensors."""

    __slots__ = ("requires_grad", "_grad", "step", "place", "version")

    def __init__(self, value, type: ArrayType, *, requires_grad: bool = False, step: _Step | None = None, place: int = 0):
        super().__init__(type, _TAPE, None, value)
        self.requires_grad = requires_grad
        self._grad: Tensor | None = None
        self.step = step
        self.place = place
        self.version = 0

    # -- what it is ------------------------------------------------------------------------------

    @property
    def grad(self) -> Tensor | None:
        """The gradient gathered so far: None before the first `backward` and after it was set to None."""
        return self._grad

    @grad.setter
    def grad(self, value) -> None:
        if value is None or isinstance(value, Tensor):
            self._grad = value
        else:
            self._grad = Tensor(np.array(value, self.type.dtype), self.type)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user and not by an operation."""
        return self.step is None

    @property
    def data(self) -> Tensor:
        """The same memory, without history."""
        return self.detach()

    def numpy(self) -> np.ndarray:
        """The array itself, sharing memory.

        Raises
        ------
        GradientError
            If it requires a gradient, which the array could not carry: call `detach()` first.
        """
        if self.requires_grad:
            raise explain(GradientError, "numpy() of a tensor that requires grad", why="a plain array would lose the gradient",
                          fix="write x.detach().numpy()")
        return np.asarray(self.value)

    def __array__(self, dtype=None, copy=None):
        a = self.numpy()
        if dtype is not None and a.dtype != dtype:
            return a.astype(dtype)
        return np.array(a) if copy else a

    def item(self, *args):
        """The number of a tensor with one element."""
        return np.asarray(self.value).item(*args)

    def __float__(self):
        if self.requires_grad and _is_storing(sys._getframe(1)):
            raise explain(GradientError, "a tensor that requires grad is stored in a plain array", why="the array holds the number alone: "
                          "the gradient would be lost", fix="make an array of the tensors with autodiff.numpy.stack, or store x.detach()")
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def tolist(self):
        """Nested lists of numbers."""
        return np.asarray(self.value).tolist()

    def __repr__(self) -> str:
        body = np.array2string(np.asarray(self.value), separator=", ", prefix="tensor(")
        return f"tensor({body}{', requires_grad=True' if self.requires_grad else ''})"

    # -- history ---------------------------------------------------------------------------------

    def detach(self) -> Tensor:
        """The same values, sharing memory, without history and without gradient."""
        return Tensor(self.value, self.type)

    def clone(self) -> Tensor:
        """A copy; gradients pass through it."""
        from tracer.ops.arithmetic import positive
        from tracer.trace import bind
        return bind(positive, self)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set whether it asks for a gradient; returns itself.

        Raises
        ------
        GradientError
            If it is not float, or was made by an operation.
        """
        if requires_grad:
            _check_float(self.type)
        if self.step is not None and not requires_grad:
            raise explain(GradientError, "requires_grad_(False) on the result of an operation", fix="use detach()")
        self.requires_grad = requires_grad
        return self

    def zero_(self) -> Tensor:
        """Fill with zeros in place; returns itself."""
        return self._write(Ellipsis, 0)

    def fill_(self, value) -> Tensor:
        """Fill with a value in place; returns itself."""
        return self._write(Ellipsis, value)

    def _write(self, index, value) -> Tensor:
        """self[index] = value, in place."""
        if _mode.grad and (self.requires_grad or isinstance(value, Tensor) and value.requires_grad):
            kind = "a leaf that requires grad" if self.is_leaf and self.requires_grad else "a tensor in a gradient's history"
            raise explain(GradientError, f"{kind} is written in place", why="backward would need the old values",
                          fix="write inside `with ad.no_grad():` for parameters, or make a new tensor with x.at[index].set(v)")
        value = value.value if isinstance(value, Tracer) else value
        if isinstance(self.value, np.ndarray):
            self.value[index] = value
        else:
            self.value = np.asarray(value, self.type.dtype).reshape(())[()]
        self.version += 1
        return self

    def backward(self, gradient=None, retain_graph: bool = False) -> None:
        """Add the gradient of this tensor to the `grad` of every leaf that requires one.

        Parameters
        ----------
        gradient : array of the shape of this tensor
            Cotangent of this tensor; needed unless it is a scalar.
        retain_graph : bool
            Keep the history, so that `backward` can run through it again.

        Raises
        ------
        GradientError
            If nothing here requires a gradient, if it is no scalar and `gradient` is missing, if the history was freed by an
            earlier `backward`, or if a value in it was written since.

        Examples
        --------
        >>> x = tensor([0.0, 1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([0., 2., 4.])
        """
        if not self.requires_grad:
            raise explain(GradientError, "backward() on a tensor that does not require grad",
                          why="no tensor it was made from has requires_grad=True", fix="make the inputs with requires_grad=True")
        ct = self._cotangent(gradient)
        if self.step is None:
            self._gather(ct)
            return
        steps = _history(self.step)
        graph, leaves, constants = _graph_of(steps, self)
        active = [True] * len(leaves) + [False] * len(constants)
        primal, n, back, (depends,) = pullback_graphs(graph, active)
        values = [*(x.value for x in leaves), *constants]
        out = _run_remembering(primal, values, steps)
        residuals = out[len(out) - n:] if n else []
        cts = evaluate(back, [*residuals, ct] if depends else residuals)    # without a cotangent the pullback gives zeros
        for leaf, g in zip(leaves, cts, strict=False):
            leaf._gather(g)
        if not retain_graph:
            for s in steps:
                s.free()

    def _cotangent(self, gradient):
        if gradient is None:
            if self.type.shape != () and self.size != 1:
                raise explain(GradientError, f"backward() on a tensor of shape {self.type.shape}",
                              why="only a scalar has one gradient", fix="sum it first, or give backward(gradient=...) its cotangent")
            return np.ones(self.type.shape, self.type.dtype)[()]
        g = np.asarray(gradient.value if isinstance(gradient, Tracer) else gradient, self.type.dtype)
        if g.shape != self.type.shape:
            raise explain(ShapeError, f"backward(gradient=...) of shape {g.shape} for a tensor of shape {self.type.shape}",
                          why="both have one shape", fix="give one number for each element")
        return g[()]

    def _gather(self, g) -> None:
        """Add to `grad`: into the same memory after the first time."""
        if self._grad is None:
            self._grad = Tensor(np.array(g, self.type.dtype), self.type)
        else:
            np.add(self._grad.value, g, out=self._grad.value)


def _is_storing(caller: FrameType) -> bool:
    """Whether a frame is at a statement `a[i] = x`: NumPy, to which it leads, then asks `x` for its number without a frame of its own."""
    return dis.opname[caller.f_code.co_code[caller.f_lasti]] in ("STORE_SUBSCR", "STORE_SLICE")


def _history(last: _Step) -> list[_Step]:
    """All steps behind one, inputs before their users."""
    order: list[_Step] = []
    seen: set[int] = set()
    stack: list[tuple[_Step, bool]] = [(last, False)]
    while stack:
        step, done = stack.pop()
        if done:
            order.append(step)
            continue
        if id(step) in seen:
            continue
        seen.add(id(step))
        if step.freed:
            raise explain(GradientError, "backward() runs through a graph that was freed", why="an earlier backward() used it up",
                          fix="call the earlier one with retain_graph=True, or compute the value again")
        tensors = [x for x in step.inputs if isinstance(x, Tensor)]
        if any(x.version != v for x, v in zip(tensors, step.versions, strict=True)):
            raise explain(GradientError, f"a value that `{step.op.name}` needs in backward() was written in place since",
                          where=step.where, fix="write to a copy, or call backward() before")
        stack.append((step, True))
        stack.extend((x.step, False) for x in tensors if x.step is not None and x.requires_grad)
    return order


def _graph_of(steps: list[_Step], result: Tensor) -> tuple[Graph, list[Tensor], list]:
    """The tape as a graph: leaves first, then the constants it uses."""
    leaves: list[Tensor] = []
    constants: list[tuple[Var, Any]] = []
    names: dict[int, Var] = {}
    outputs: dict[tuple[int, int], Var] = {}
    nodes = []

    def name(x) -> Any:
        if isinstance(x, Tensor) and x.step is not None and x.requires_grad:
            return outputs[id(x.step), x.place]
        if not isinstance(x, (Tensor, np.ndarray)):
            number: Any = np.asarray(x)[()]
            return Const(number)
        if id(x) not in names:
            names[id(x)] = v = Var(type_of(x))
            if isinstance(x, Tensor) and x.requires_grad:
                leaves.append(x)
            else:
                constants.append((v, x.value if isinstance(x, Tensor) else x))
        return names[id(x)]
    for step in steps:
        ins = [name(x) for x in step.inputs]
        outs = tuple(Var(t) for t in step.types)
        for k, v in enumerate(outs):
            outputs[id(step), k] = v
        nodes.append(Node(step.op, tuple(ins), outs, step.params, step.where))
    inputs = (*(names[id(x)] for x in leaves), *(v for v, _ in constants))
    graph = Graph("tape", inputs, tuple(nodes), (outputs[id(result.step), result.place],))
    return graph, leaves, [value for _, value in constants]


def _run_remembering(primal: Graph, values: list, steps: list[_Step]) -> list:
    """Run a primal graph, taking what the tape has computed already from there."""
    known: dict = {}
    for s in steps:
        known[s.op, tuple([_identity(x.value if isinstance(x, Tensor) else x) for x in s.inputs]), tuple(s.params.values())] = s.values

    def step(node: Node, xs: list, params: dict) -> list:
        found = known.get((node.op, tuple([_identity(x) for x in xs]), tuple(params.values())))
        if found is not None:
            return list(found)
        out = node.op.reference(*xs, **params)
        return out if node.op.many else [out]
    return walk(primal, values, step)


def _identity(x):
    """Arrays by identity; numbers by type and bits, which tell 0.0 from -0.0 and make nan equal to itself."""
    return id(x) if isinstance(x, np.ndarray) else (type(x), np.asarray(x).tobytes())


def _check_float(t: ArrayType) -> None:
    if not is_inexact(t.dtype):
        raise explain(GradientError, f"a tensor of dtype {t.dtype} cannot require grad", why="only floats have derivatives",
                      fix="make it float: tensor(x, dtype=float, requires_grad=True)")


def tensor(data, dtype=None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of `data`.

    Parameters
    ----------
    data : array, number or nested list
    dtype : NumPy dtype, by default that of NumPy (float64 for Python floats)
    requires_grad : bool
        Whether `backward` gathers a gradient for it.

    Raises
    ------
    DTypeError
        If the data are not booleans, integers or floats.
    UnsupportedError
        If they are a masked array, a matrix, or another array with operations of its own.
    GradientError
        If `requires_grad` and the data are not float.

    Examples
    --------
    >>> x = tensor(np.arange(3.0), requires_grad=True)
    >>> y = 2 * (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([0., 4., 8.])
    """
    if isinstance(data, Tracer) and not isinstance(data, Tensor):
        raise explain(ConcreteValueError, "a tensor cannot be made of a traced value", why="tensors hold numbers")
    check_plain(data)
    value = np.array(data.value if isinstance(data, Tensor) else data, dtype)
    try:
        t = type_of_value(value)
    except TypeError as e:
        raise explain(DTypeError, f"tensor of dtype {value.dtype}", why=str(e)) from None
    if requires_grad:
        _check_float(t)
    return Tensor(value, t, requires_grad=requires_grad)
