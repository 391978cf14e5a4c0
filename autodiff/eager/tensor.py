"""The define-by-run face: tensors that remember how they were made.

A `Tensor` stands for a step of a tape (`autodiff.eager.tape`), and holds it, so that dropping a tensor drops its tape. An operation
computes nothing: the value is computed when somebody asks for it (`float`, `if`, `print`, `numpy()`), gradients when somebody calls
`backward` (`autodiff.eager.backward`). Shapes, dtypes and their errors are known at once.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff.eager.backward import gradients, ones, release
from autodiff.eager.forward import evaluated
from autodiff.eager.higher import added, recorded_gradients
from autodiff.eager.hooks import Hook
from autodiff.eager.kinds import kind_of
from autodiff.eager.memory import Viewed, expose, own_array, put_through, root_of, share, viewed, write_array
from autodiff.eager.modes import enable_grad, is_grad_enabled, mode, no_grad
from autodiff.eager.recipes import Recipe, View
from autodiff.eager.record import TENSOR, call_on_tape, record_op
from autodiff.eager.storing import is_storing
from autodiff.eager.tape import Step, force, leaf_step, walk, where_of
from autodiff.eager.torch_names import TorchNames
from tracer.errors import ConcreteValueError, DTypeError, GradientError, ShapeError, explain
from tracer.locks import process_lock
from tracer.op import Op
from tracer.parts import AtIndex
from tracer.trace import Tracer
from tracer.tracebacks import trim, trims, trims_methods
from tracer.types import ArrayType, check_plain, is_inexact, type_of_value

__all__ = ["Tensor", "tensor", "why", "no_grad", "enable_grad", "is_grad_enabled"]


class _Tape:
    """What stands in the place of a trace for tensors."""

    level = 0
    open = True
    name = "tape"

    def record(self, op: Op, args: Sequence, params: dict[str, Any]):
        """Record an operation of the graph."""
        return record_op(op, args, params)


_TAPE = _Tape()
_gathering = process_lock(globals(), "_gathering")


class Tensor(TorchNames):
    """An array that can ask for its gradient. Made by `tensor`, and by every operation on tensors."""

    __slots__ = ()
    owner = _TAPE   # type: ignore[assignment]
    ref = weak = views = origin = None  # type: ignore[assignment]

    def __init__(self, step: Step):
        self.step = step
        self.alias = None
        self.version = 0    # how often it was written in place

    # -- what it is ------------------------------------------------------------------------------

    @property
    def type(self) -> ArrayType:  # type: ignore[override]
        """Dtype and shape."""
        return self.step.kind.type

    @property
    def where(self):  # type: ignore[override]
        """The user's line that made it."""
        return where_of(self.step)

    @property
    def value(self):  # type: ignore[override]
        """The array itself, computed if need be. Of a leaf it is the memory that is written in place."""
        step = self.current()
        evaluated(step)
        return expose(self) if step.is_leaf else step.value

    @value.setter
    def value(self, value) -> None:
        if value is not self.step.value:    # else it was written in place, as `x.value -= y` does
            self.data = value

    def read(self):
        """The array itself, for who neither writes to it nor keeps it."""
        return evaluated(self.current())

    @property
    def requires_grad(self) -> bool:
        """Whether gradients go through it."""
        return self.step.needs

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        self.requires_grad_(requires_grad)

    @property
    def grad(self) -> Tensor | None:
        """The gradient gathered so far: None before the first `backward` and after it was set to None."""
        try:
            return self._grad
        except AttributeError:
            return None

    @grad.setter
    def grad(self, value) -> None:
        if value is None or isinstance(value, Tensor):
            self._grad = value
        else:
            self._grad = Tensor(leaf_step(np.array(value, self.type.dtype)))

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user and not by an operation."""
        return self.step.is_leaf

    @property
    def grad_fn(self) -> str | None:
        """The name of the operation that made it; None of a leaf."""
        return None if self.step.is_leaf else self.step.recipe.name

    @property
    def data(self) -> Tensor:
        """The same memory, without history."""
        return self.detach()

    @data.setter
    def data(self, value) -> None:
        with no_grad():
            self._write(Ellipsis, value)

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
        self._check_kept("a plain array")
        if self.requires_grad:
            return self.numpy()     # which says why not
        a = np.asarray(self.read()) if copy else self.numpy()
        if dtype is not None and a.dtype != dtype:
            return a.astype(dtype)
        return np.array(a) if copy else a

    def item(self, *args):
        """The number of a tensor with one element."""
        self._check_kept("item()")
        return np.asarray(self.read()).item(*args)

    def __float__(self):
        try:
            if self.requires_grad and is_storing(sys._getframe(1)):
                raise explain(GradientError, "a tensor that requires grad is stored in a plain array", why="the array holds the number "
                              "alone: the gradient would be lost", fix="make an array of the tensors with autodiff.numpy.stack, or store "
                              "x.detach()")
            return float(self.item())
        except Exception as e:
            trim(e)
            raise

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        return bool(self.read())

    def _integer(self):
        if self.type.dtype.kind not in "biu" or self.type.shape != ():
            return super()._integer()
        return int(self.read())

    __index__ = _integer

    def _check_kept(self, use: str) -> None:
        """Refuse to take a number out of a tensor while a function is differentiated."""
        if mode.strict:
            raise explain(ConcreteValueError, f"{use} of a differentiated value {self.type} would lose its derivative")

    def tolist(self):
        """Nested lists of numbers."""
        self._check_kept("tolist()")
        return np.asarray(self.read()).tolist()

    def __repr__(self) -> str:
        body = np.array2string(np.asarray(self.read()), separator=", ", prefix="tensor(")
        if not self.requires_grad:
            return f"tensor({body})"
        return f"tensor({body}, {f'grad_fn=<{self.grad_fn}>' if self.grad_fn else 'requires_grad=True'})"

    # -- history ---------------------------------------------------------------------------------

    def detach(self) -> Tensor:
        """The same values without history and without gradient; of a leaf they are in the same memory."""
        from tracer.ops.arithmetic import stop_gradient
        step = self.current()
        if not step.is_leaf or step.inputs is not None:
            return record_op(stop_gradient, (self,), {})
        other = Tensor(leaf_step(self.step.value, self.step.kind))
        if self.alias.__class__ is Viewed:
            other.alias = self.alias
        else:
            share(self, other)
            other.alias = self.alias
        return other

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set whether it asks for a gradient; returns itself.

        Raises
        ------
        GradientError
            If it is not float, or was made by an operation.
        """
        if requires_grad:
            _check_float(self.type)
        if not self.is_leaf and not requires_grad:
            raise explain(GradientError, "requires_grad_(False) on the result of an operation", fix="use detach()")
        if requires_grad != self.requires_grad:
            memory = self.step.extra.memory if self.step.extra is not None else None
            self.step = leaf_step(force(self.current()), self.step.kind, requires_grad)
            self.step.more().owner = weakref.ref(self)
            self.step.extra.memory = memory
        return self

    def _is_scalar(self) -> bool:
        """Whether it stands for a NumPy scalar: in a function that is differentiated, values without axes do."""
        return mode.strict and not self.type.shape and not (self.step.recipe.__class__ is Recipe and self.step.recipe.gives_array)

    def _write(self, index, value) -> Tensor:
        """self[index] = value, in place.

        Where a gradient goes through the tensor or the value, the tensor stands for a new value from now on; what was recorded from the old
        one keeps it. Else the memory itself is written.
        """
        root = root_of(self)
        if mode.grad and root.is_leaf and root.requires_grad:
            raise explain(GradientError, "a leaf that requires grad is written in place", why="backward would need the old values",
                          fix="write inside `with ad.no_grad():` for parameters, or make a new tensor with x.at[index].set(v)")
        gives = isinstance(value, Tensor) and value.requires_grad
        if mode.grad and (gives or self.requires_grad) or not root.is_leaf:
            put_through(self, call_on_tape("update", self, index, value, "set").current())
            return self
        value = value.read() if isinstance(value, Tensor) else value
        force(root.current())
        write_array(self, _plain(index), value)
        return self

    def backward(self, gradient=None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Add the gradient of this tensor to the `grad` of every leaf that requires one.

        Parameters
        ----------
        gradient : array of the shape of this tensor
            Cotangent of this tensor; needed unless it is a scalar.
        retain_graph : bool
            Keep the history, so that `backward` can run through it again; by default where `create_graph` is given.
        create_graph : bool
            Put the gradients on the tape as well, so that they have gradients.

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
        seed = self._seed(gradient)
        root = self.current()
        if root.recipe is None:
            self._gather(ones(root) if seed is None else np.array(seed))
            return
        if create_graph:
            with enable_grad():
                recorded = recorded_gradients(root, gradient.current() if isinstance(gradient, Tensor) else
                                              None if seed is None else leaf_step(np.array(seed)))
                for leaf, step in recorded:
                    owner = leaf.extra.owner() if leaf.extra is not None else None
                    if owner is not None:
                        owner._gather(step)
            if retain_graph is False:
                release(walk((root,)).steps)
            return
        found, passed = gradients(root, seed)
        for leaf, g in found:
            owner = leaf.extra.owner() if leaf.extra is not None else None
            if owner is not None:
                owner._gather(g)
        if not retain_graph:
            release(passed)

    def _seed(self, gradient):
        """The cotangent of the result, if one was given."""
        if gradient is None:
            if self.type.shape != () and self.size != 1:
                raise explain(GradientError, f"backward() on a tensor of shape {self.type.shape}",
                              why="only a scalar has one gradient", fix="sum it first, or give backward(gradient=...) its cotangent")
            return None
        g = np.asarray(gradient.read() if isinstance(gradient, Tensor) else gradient, self.type.dtype)
        if g.shape != self.type.shape:
            raise explain(ShapeError, f"backward(gradient=...) of shape {g.shape} for a tensor of shape {self.type.shape}",
                          why="both have one shape", fix="give one number for each element")
        return g[()]

    def _viewed(self, result: Tensor, read, put) -> Tensor:
        """A result that shares its elements with this tensor."""
        if result is self:
            result = Tensor(self.step)
        result.alias = viewed(self, View(0, read, put))
        return result

    def _gather(self, g) -> None:
        """Add to `grad` an array that nobody else holds: into the same memory after the first time; or a step of the tape."""
        with _gathering:
            grad = self.grad
            if grad is None and g.__class__ is np.ndarray:
                self._grad = Tensor(leaf_step(g, self.step.kind))
                return
            if g.__class__ is Step:
                self._grad = Tensor(g if grad is None else added(grad.current(), g))
                return
            if grad is None:
                self._grad = Tensor(leaf_step(np.array(g, self.type.dtype), self.step.kind))
            else:
                force(grad.current())
                array = own_array(root_of(grad))
                np.add(array, g, out=array)
                grad.version += 1

    def register_hook(self, hook) -> Hook:
        """Have `hook` called with the gradient of this tensor whenever it is computed; what it returns, if not None, takes its place.

        Returns
        -------
        Hook : its `remove()` takes the hook away again
        """
        if not self.requires_grad:
            raise explain(GradientError, "a hook on a tensor that does not require grad", why="it has no gradient")
        extra = self.current().more()
        if extra.hooks is None:
            extra.hooks = {}

        def on_array(g):
            new = hook(Tensor(g if g.__class__ is Step else leaf_step(np.array(g))))
            if new is None:
                return g
            new = new if isinstance(new, Tensor) else Tensor(leaf_step(np.array(new, self.type.dtype)))
            return new.current() if g.__class__ is Step else new.read()
        return Hook(extra.hooks, on_array)

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor in `grad`, though it is no leaf."""
        if not self.is_leaf:
            self.current().more().retained = weakref.ref(self)


TENSOR.append(Tensor)
trims_methods(Tensor)
trims_methods(AtIndex)



@trims
def why(x) -> str:
    """How the last `backward` from a tensor, or the last call of a function made by `grad` or `jacobian`, was done, and why so.

    Examples
    --------
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> y = (x * np.exp(x) - x).sum()
    >>> y.backward()
    >>> why(y)
    'step by step through 4 operations: the tape is new'
    """
    if not isinstance(x, Tensor):
        return x.__autodiff_tape__.why()
    road = x.step.extra.road if x.step.extra is not None else ()
    if not road:
        return "backward() has not been called on it"
    kernel, steps, reason = road
    if kernel is not None:
        return f"one kernel for the value and the gradients, through {steps} operations{kernel.explain}"
    return f"step by step through {steps} operations: {reason}"


def _plain(index):
    """An index with the values of the tensors in it."""
    if isinstance(index, tuple):
        return tuple([_plain(i) for i in index])
    return index.read() if isinstance(index, Tensor) else index


def _check_float(t: ArrayType) -> None:
    if not is_inexact(t.dtype):
        raise explain(GradientError, f"a tensor of dtype {t.dtype} cannot require grad", why="only floats have derivatives",
                      fix="make it float: tensor(x, dtype=float, requires_grad=True)")


@trims
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
    value = np.array(data.read() if isinstance(data, Tensor) else data, dtype)
    try:
        t = type_of_value(value)
    except TypeError as e:
        raise explain(DTypeError, f"tensor of dtype {value.dtype}", why=str(e)) from None
    if value.dtype != t.dtype:
        value = value.astype(t.dtype)
    if requires_grad:
        _check_float(t)
    made = Tensor(leaf_step(value, kind_of(t), requires_grad))
    if requires_grad:
        made.step.more().owner = weakref.ref(made)
    return made
