"""What makes a traced value look like a NumPy array: operators, methods and NumPy's two protocols.

Everything goes through one table, `functions`: NumPy function -> implementation on traced values. Whatever would silently
drop the trace (`np.array(t)`, `float(t)`, iteration by NumPy) raises with the remedy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracer.asked import Asked, ask
from tracer.errors import ConcreteValueError, DTypeError, ShapeError, UnsupportedError, explain
from tracer.parts import At, Flat
from tracer.types import Size, element_count

__all__ = ["ArrayMethods", "functions", "resolvers", "implements", "call"]

functions: dict[Any, Callable] = {}
resolvers: list[Callable[[Any], Callable | None]] = []
"""Asked for an implementation of what the table lacks: ufuncs of libraries that are not loaded for it."""


def implements(*names) -> Callable:
    """Enter a function in the table under NumPy functions (or `(ufunc, method)` pairs)."""
    def enter(f):
        for name in names:
            functions[name] = f
        return f
    return enter


def call(name, *args, **kwargs):
    """Call our implementation of a NumPy function."""
    f = functions.get(name)
    if f is None:
        f = next((found for found in (resolve(name) for resolve in resolvers) if found is not None), None)
    if f is None:
        label = getattr(name, "__name__", None) or ".".join(getattr(n, "__name__", str(n)) for n in name)
        module = getattr(name, "__module__", None) or "numpy"
        raise explain(UnsupportedError, f"{module}.{label} cannot be traced",
                      why="no implementation of it is registered for traced values",
                      fix="write it with the functions of autodiff.numpy, or wrap it with custom_vjp")
    return array_or_scalar(name, f(*args, **kwargs), args)


GIVE_ARRAYS: set[Any] = {
    "asarray", np.array, np.asarray, np.asanyarray, np.where, np.select, np.broadcast_to, np.broadcast_arrays, np.block, np.zeros,
    np.ones, np.empty, np.full, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.real_if_close}
"""Functions of NumPy's whose results are arrays even where they have no axes; those of others are then scalars."""
KEEP_ARRAYS: set[Any] = {np.copy, np.reshape, np.transpose, np.squeeze, np.real, np.imag, "astype", "update"}
"""Functions whose results without axes are arrays where the argument is an array."""


def array_or_scalar(function: Any, y: Any, args: tuple) -> Any:
    """What a NumPy function gave: a result without axes stands for an array or for a scalar, as `function` has it of these arguments."""
    if isinstance(y, (list, tuple)) and function is np.broadcast_arrays:
        return type(y)([array_or_scalar(function, x, args) for x in y])
    if not isinstance(y, ArrayMethods) or y.type.shape or not y.owner.level or any(y is a for a in args):     # type: ignore[attr-defined]
        return y
    x = args[0] if args else None
    whole = function == "index" and (args[1] is Ellipsis or isinstance(args[1], tuple) and any(i is Ellipsis for i in args[1]))
    is_array = whole or function in GIVE_ARRAYS or function in KEEP_ARRAYS and isinstance(x, ArrayMethods) and not x._is_scalar()
    y.origin = np.empty((), y.type.dtype) if is_array else None     # type: ignore[attr-defined]
    return y


def _needs_value(x, use: str, fix: str) -> ConcreteValueError:
    made = f"made at {x.where}" if getattr(x, "where", None) else "an argument of the traced function"
    return explain(ConcreteValueError, f"{use} a traced value {x.type} is not known while tracing",  # type: ignore
                   value=f"{x.type}, {made}", why="the function is being recorded for any value of this shape and dtype",
                   fix=fix)


_USE_CONTROL = "use ad.cond, ad.while_loop or np.where, or call without jit, where Python follows the values"


def _as_loop_dtype(ufunc, x, dtype):
    """An input of a ufunc that was called with `dtype=`: conversions within one kind only, as in NumPy."""
    have = getattr(x, "dtype", None)
    if ufunc.types[0][-1] == "?" or have is not None and not np.can_cast(have, dtype, "same_kind"):
        raise explain(DTypeError, f"np.{ufunc.__name__} with dtype={dtype} of {have or x!r}",
                      why="NumPy converts inputs within one kind only (no float into int)", fix="convert with astype first")
    return call("astype", x, dtype)


def _python_binary(ufunc, operation, reverse=False):
    """An operator that means something else between two Python numbers than between those of NumPy: there `operation` is called."""
    def method(self, other, modulus=None):
        if modulus is not None:     # pow(x, y, modulus)
            return pow(self._integer(), other, modulus)
        a, b = (other, self) if reverse else (self, other)
        return self._call(ufunc if self.weak is None else operation, a, b)
    return method


def _product(reverse=False):
    """`x * y`; a list, tuple or text is repeated by an integer, which has to be known."""
    times = _python_binary(np.multiply, "python *", reverse)

    def method(self, other):
        is_integer = self.type.dtype.kind in "iu" or self.weak is bool
        if isinstance(other, (list, tuple, str, bytes)) and not self.type.shape and is_integer:
            return other * self._integer()
        return times(self, other)
    return method


def _equality(ufunc, operation, unlike: bool):
    """`==` or `!=`; to None and to texts nothing is equal, `unlike` being the answer."""
    compared = _python_binary(ufunc, operation)

    def method(self, other):
        if other is None or isinstance(other, (str, bytes)):
            return self._call(np.full_like, self, unlike, dtype=bool) if self.type.shape else unlike
        return compared(self, other)
    return method


def _unary(ufunc, operation):
    def method(self):
        return self._call(ufunc if self.weak is None else operation, self)
    return method


def _in_place(ufunc, operation):
    def method(self, other):
        if self.weak is not None:
            return self._call(operation, self, other)
        if self._is_scalar():     # as NumPy's scalars are: the name is bound anew
            return self._call(ufunc, self, other)
        return self._call("write", self, Ellipsis, self._call(ufunc, self, other), exact=True)
    return method


def _python_operator(ufunc, operation):
    """The three methods of an operator: `x op y`, `y op x` and `x op= y`."""
    return _python_binary(ufunc, operation), _python_binary(ufunc, operation, True), _in_place(ufunc, operation)


def _method(name):
    def method(self, *args, **kwargs):
        if kwargs.get("out") is not None:
            out = kwargs.pop("out")
            return self._into(out, method.__name__, lambda: self._call(name, self, *args, **kwargs))
        return self._call(name, self, *args, **kwargs)
    method.__name__ = getattr(name, "__name__", str(name))
    method.__doc__ = f"As the method of NumPy arrays; see `numpy.{method.__name__}`."
    return method


class ArrayMethods:
    """Mixin with the operators, attributes and methods of `numpy.ndarray`."""

    __slots__ = ()
    __array_priority__ = 1000.0
    type: Any
    value: Any
    def _is_scalar(self) -> bool:
        """Whether it stands for a NumPy scalar, which is not written in place. An array without axes is written."""
        x: Any = self
        if x.weak is not None:
            return True
        while isinstance(x, ArrayMethods):
            if x.type.shape:
                return False
            x = x.origin    # type: ignore[attr-defined]
        if x is not None:
            ask(self.owner, Asked.CLASSES)    # type: ignore[attr-defined]
        return not isinstance(x, np.ndarray)

    _call = staticmethod(call)
    """What runs an operation; tensors of the define-by-run face record it on their tape instead."""

    # -- NumPy's protocols -----------------------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        where = kwargs.pop("where", True) if method == "__call__" else True
        if where is not True:
            name = f"np.{ufunc.__name__}"
            if out is None or out[0] is None:
                raise explain(UnsupportedError, f"{name} with where= and without out= cannot be traced", why="elements that are masked out "
                              "have no defined value", fix="give out=, such as out=np.zeros_like(x), or use np.where on the result")
            return self._into(out, name, lambda: self._call("masked_ufunc", ufunc, where, out[0], inputs, kwargs))
        if out is not None:
            return self._into(out, f"np.{ufunc.__name__}", lambda: self.__array_ufunc__(ufunc, method, *inputs, **kwargs))
        if method == "__call__":
            dtype = kwargs.pop("dtype", None)
            if kwargs and not all(k == "casting" and v == "same_kind" for k, v in kwargs.items()):
                raise explain(UnsupportedError, f"np.{ufunc.__name__} with {', '.join(kwargs)}= cannot be traced",
                              fix="use np.where on the result")
            if dtype is not None:
                inputs = tuple(_as_loop_dtype(ufunc, x, np.dtype(dtype)) for x in inputs)
            return self._call(ufunc, *inputs)
        return self._call((ufunc, method), *inputs, **kwargs)

    def __array_function__(self, func, types, args, kwargs):
        if kwargs.get("out") is not None:
            out = kwargs.pop("out")
            return self._into(out, f"np.{func.__name__}", lambda: self._call(func, *args, **kwargs))
        return self._call(func, *args, **kwargs)

    def _into(self, out, name: str, compute: Callable):
        """The result of `compute`, written into the traced array `out`."""
        target, = out if isinstance(out, tuple) else (out,)
        if not isinstance(target, ArrayMethods):
            raise explain(UnsupportedError, f"{name} of a traced value with out= a plain array (or `a += traced`, where `a` is one)",
                          why="a plain array cannot hold traced values: the trace would be lost",
                          fix="write `a = a + traced`, or make `a` with autodiff.numpy.zeros and use a.at[...]")
        y = compute()
        if y.shape != target.shape:
            raise explain(ShapeError, f"{name}: the result has shape {y.shape}, the array given by out= {target.shape}")
        return self._call("write", target, Ellipsis, y, exact=True)

    def __array__(self, *args, **kwargs):
        fix = "use autodiff.numpy.array / asarray / stack, or x.at[i].set(v) for assignment"
        if self.type.dtype.kind in "biu":
            fix = "to index a plain array with it write autodiff.numpy.take(a, i, axis=0); else " + fix
        raise explain(ConcreteValueError, f"a traced value {self.type} cannot become a plain NumPy array",
                      why="np.array, np.asarray, array assignment and indexing of plain arrays need the numbers", fix=fix)

    # -- conversions to Python -------------------------------------------------------------------

    def __bool__(self):
        if self.value is None:
            raise _needs_value(self, "the truth of", _USE_CONTROL)
        if self.type.dtype.kind == "b":
            return bool(self._decided(bool(self.value)))
        return bool(self._call(np.not_equal, self, 0))      # the decision is that it is not 0, whatever number it is

    def __float__(self):
        raise explain(ConcreteValueError, f"float() of a traced value {self.type} would lose its derivative",
                      fix="leave it as an array; make arrays that are written with traced values by autodiff.numpy.zeros; for the "
                      "bare number use float(ad.value_of(x)) outside jit")

    __complex__ = __float__

    def _integer(self):
        if self.type.dtype.kind not in "biu" or self.type.shape != ():
            raise explain(ConcreteValueError, f"a traced value {self.type} is not an integer",
                          why="it is used as a length, an index or a loop bound", fix="use an integer, or ad.value_of(x)")
        if self.value is None:
            raise _needs_value(self, "the integer of", "use ad.fori_loop for loops, autodiff.numpy.take(a, i, axis=0) to "
                               "index a plain array; make sizes static_argnums of jit")
        return self._decided(int(self.value))

    def _decided(self, outcome: int) -> int:
        from tracer.trace import decided
        return decided(self, outcome)  # type: ignore[arg-type]

    def __int__(self):
        return self._integer()

    __index__ = __int__

    def item(self, *args):
        """Not available on traced values."""
        return self.__float__()

    def tolist(self):
        """Not available on traced values."""
        return self.__float__()

    def __len__(self):
        if not self.type.shape:
            raise TypeError("len() of a 0-d array")
        return self._known_length()

    def _known_length(self) -> int:
        """The length of the first axis, where Python's own code asks for it; `UnsupportedError` where it is known only at run time."""
        n = self.type.shape[0]
        if isinstance(n, Size):
            raise explain(UnsupportedError, f"code that is not captured goes through an array of length {n}",
                          why="the length is known only at run time",
                          fix="go through it in a loop of the function itself, or use NumPy's functions")
        return n

    def __iter__(self):
        if not self.type.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self._known_length()))


    def __format__(self, spec):
        return format(repr(self), "") if self.value is None or not spec else format(self._number("the text of"), spec)

    def _is_argument_of_path(self) -> bool:
        """Whether it belongs to the outermost function, which is compiled along the path it takes: nothing differentiates that one."""
        trace = self.owner     # type: ignore[attr-defined]
        while trace.level and trace.is_region:
            trace = trace.parent
        return bool(trace.level) and trace.parent is None and trace.guards is not None

    def _number(self, use: str):
        """The number itself, which belongs to the conditions on which a function is compiled along the path it takes."""
        if self.value is None:
            raise _needs_value(self, use, "compute it from the number, or call without jit")
        bool(self._call(np.equal, self, self.value) if self.value == self.value else self._call(np.isnan, self))
        return self.value.item()

    def is_integer(self):
        """As `float.is_integer`, which gives a truth value of Python's."""
        whole = self._call(np.logical_and, self._call(np.equal, self._call(np.floor, self), self), self._call(np.isfinite, self))
        return self._call("python truth", whole)

    def as_integer_ratio(self):
        """As `float.as_integer_ratio`, of a known number that is not differentiated: the integers of a product have no derivative."""
        if self.type.dtype.kind == "f" and not self._is_argument_of_path():
            raise explain(ConcreteValueError, f"the ratio of integers of a traced value {self.type} would lose its derivative",
                          why="fractions.Fraction, decimal.Decimal and some functions of `statistics` compute with it",
                          fix="compute with the float; for the bare number use float(ad.value_of(x)) outside jit")
        return self._number("the ratio of integers of").as_integer_ratio()

    def bit_length(self):
        """As `int.bit_length`, of a known number."""
        return self._number("the length in bits of").bit_length()

    # -- attributes ------------------------------------------------------------------------------

    @property
    def dtype(self):
        """Data type."""
        return self.type.dtype

    @property
    def shape(self):
        """Lengths of the axes."""
        return self.type.shape

    @shape.setter
    def shape(self, new):
        raise explain(UnsupportedError, f"the shape of a traced array {self.type} is set", why="an array that is traced keeps its shape",
                      fix=f"make another one, x = x.reshape({new})")

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.type.shape)

    @property
    def size(self):
        """Number of elements."""
        return element_count(self.type.shape)

    @property
    def itemsize(self):
        """Bytes of an element."""
        return self.type.dtype.itemsize

    @property
    def nbytes(self):
        """Bytes of all elements."""
        return self.size * self.itemsize

    @property
    def T(self):
        """Axes reversed."""
        return self._call(np.transpose, self)

    @property
    def mT(self):
        """Last two axes swapped."""
        return self._call(np.swapaxes, self, -1, -2)

    @property
    def real(self):
        """Itself: complex numbers are not traced. Of a bool of Python's it is an int."""
        return +self if self.weak is bool else self

    @property
    def imag(self):
        """Zeros."""
        return self._call(np.zeros_like, self)

    @property
    def flat(self):
        """The elements one by one."""
        return Flat(self)

    @property
    def at(self) -> At:
        """Updates that return a new array: `x.at[i].set(v)`, `.add(v)`."""
        return At(self)

    # -- indexing --------------------------------------------------------------------------------

    def __getitem__(self, index):
        return self._call("index", self, index)

    def __setitem__(self, index, value):
        self._call("write", self, index, value)

    # -- operators -------------------------------------------------------------------------------

    __add__, __radd__, __iadd__ = _python_operator(np.add, "python +")
    __sub__, __rsub__, __isub__ = _python_operator(np.subtract, "python -")
    __mul__, __rmul__, __imul__ = _product(), _product(True), _in_place(np.multiply, "python *")
    __truediv__, __rtruediv__, __itruediv__ = _python_operator(np.divide, "python /")
    __floordiv__, __rfloordiv__, __ifloordiv__ = _python_operator(np.floor_divide, "python //")
    __mod__, __rmod__, __imod__ = _python_operator(np.remainder, "python %")
    __pow__, __rpow__, __ipow__ = _python_operator("numpy **", "python **")
    __matmul__, __rmatmul__, __imatmul__ = _python_operator(np.matmul, np.matmul)
    __and__, __rand__, __iand__ = _python_operator(np.bitwise_and, "python &")
    __or__, __ror__, __ior__ = _python_operator(np.bitwise_or, "python |")
    __xor__, __rxor__, __ixor__ = _python_operator(np.bitwise_xor, "python ^")
    __lshift__, __rlshift__, __ilshift__ = _python_operator(np.left_shift, "python <<")
    __rshift__, __rrshift__, __irshift__ = _python_operator(np.right_shift, "python >>")
    __lt__, __le__ = _python_binary(np.less, "python <"), _python_binary(np.less_equal, "python <=")
    __gt__, __ge__ = _python_binary(np.greater, "python >"), _python_binary(np.greater_equal, "python >=")
    __eq__ = _equality(np.equal, "python ==", False)  # type: ignore[assignment]
    __ne__ = _equality(np.not_equal, "python !=", True)  # type: ignore[assignment]
    __neg__, __pos__ = _unary(np.negative, "python neg"), _unary(np.positive, "python pos")
    __abs__, __invert__ = _unary(np.absolute, "python abs"), _unary(np.invert, "python invert")

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    def __round__(self, ndigits=None):
        return self._call("python round", self, ndigits)

    # -- methods ---------------------------------------------------------------------------------

    def reshape(self, *shape, order="C"):
        """As `numpy.ndarray.reshape`."""
        return self._call(np.reshape, self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes):
        """As `numpy.ndarray.transpose`."""
        axes = axes[0] if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))) else axes or None
        return self._call(np.transpose, self, axes)

    def flatten(self, order="C"):
        """A flat copy."""
        return self._call(np.copy, self._call(np.ravel, self, order=order))

    def fill(self, value):
        """Write one value into every element."""
        self._call("write", self, Ellipsis, value)

    def sort(self, *args, **kwargs):
        """Refused: it sorts in place."""
        raise explain(UnsupportedError, "sorting a traced array in place", fix="use np.sort(x), which returns a new array")

    def partition(self, *args, **kwargs):
        """Refused: it sorts in place."""
        raise explain(UnsupportedError, "partitioning a traced array in place", fix="use np.partition(x, k), which returns a new array")

    def conj(self):
        """Itself: complex numbers are not traced. Of a bool of Python's it is an int."""
        return +self if self.weak is bool else self

    conjugate = conj
    astype = _method("astype")
    copy = _method(np.copy)
    sum, prod, mean, std, var = (_method(f) for f in (np.sum, np.prod, np.mean, np.std, np.var))
    min, max, argmin, argmax = (_method(f) for f in (np.min, np.max, np.argmin, np.argmax))
    any, all, cumsum, cumprod = (_method(f) for f in (np.any, np.all, np.cumsum, np.cumprod))
    argpartition = _method(np.argpartition)
    argsort, clip, dot, take, repeat = (_method(f) for f in (np.argsort, np.clip, np.dot, np.take, np.repeat))
    ravel, squeeze, swapaxes = (_method(f) for f in (np.ravel, np.squeeze, np.swapaxes))
    diagonal, trace, round, nonzero = (_method(f) for f in (np.diagonal, np.trace, np.round, np.nonzero))
    choose, searchsorted = _method(np.choose), _method(np.searchsorted)

    def compress(self, condition, axis=None, out=None):
        """As `numpy.ndarray.compress`."""
        return self._call(np.compress, condition, self, axis, out)


