"""Python's data model: which function the interpreter runs for an operator, an attribute, an item, a truth value or a new object.

Captured code hands these operations to the functions of this file. Of plain values (tracers, arrays, numbers, built-in containers) they are
what the operator of Python does. Of objects whose class defines the operation in Python, the function is found by the rules of the language
reference, section 3.3 (special methods are looked up on the class; the reflected operand of a subclass goes first; NotImplemented passes
on), and `call` runs its converted form, so that its own branches, loops and calls are captured too.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
import types
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.capture.advancing import note_made, note_new
from autodiff.capture.excluded import is_captured
from autodiff.capture.locations import Slot, will_set
from autodiff.capture.python_numbers import python_value
from autodiff.capture.reads import note_attribute
from autodiff.capture.state import UNBOUND, truth, undecided
from tracer.errors import UnsupportedError, explain
from tracer.sizes import Length
from tracer.trace import Tracer

__all__ = ["PLAIN", "BINARY", "COMPARISONS", "UNARY", "attribute", "binary", "compare", "constructed", "in_place", "method",
           "set_attribute_of", "test_of", "unary"]

Call = Callable[..., Any]

PLAIN = frozenset({Tracer, np.ndarray, int, float, bool, complex, str, bytes, list, tuple, dict, set, frozenset, range, slice, type(None),
                   deque, Length, np.float64, np.float32, np.int64, np.int32, np.bool_})
"""Classes whose operations are those of the interpreter or of the tracer; an operand of another class is looked at."""

BINARY = {"Add": "add", "Sub": "sub", "Mult": "mul", "Div": "truediv", "FloorDiv": "floordiv", "Mod": "mod", "Pow": "pow",
          "MatMult": "matmul", "LShift": "lshift", "RShift": "rshift", "BitAnd": "and", "BitOr": "or", "BitXor": "xor"}
"""Binary operators of the syntax tree, and the middle of the names of their special methods."""
COMPARISONS = {"Lt": "lt", "LtE": "le", "Gt": "gt", "GtE": "ge", "Eq": "eq", "NotEq": "ne"}
UNARY = {"USub": "neg", "UAdd": "pos", "Invert": "invert"}
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
_C_CODE = (types.WrapperDescriptorType, types.MethodDescriptorType, types.BuiltinFunctionType, types.ClassMethodDescriptorType,
           types.GetSetDescriptorType, types.MemberDescriptorType)
_SEQUENCES = (list, tuple, str, bytes, bytearray, deque)
_NUMPY = (Tracer, np.ndarray, np.generic)


def hook_name(name: str) -> str:
    """The name of the hook for the middle of the name of a special method; `and_` and `or_` are those of conditions."""
    return f"bit{name}" if name in ("and", "or") else name


def python_operator(name: str) -> Callable:
    """The function of `operator`, or the builtin one, for the middle of the name of a special method."""
    return divmod if name == "divmod" else getattr(operator, f"{name}_" if name in ("and", "or") else name)


# -- look-up ---------------------------------------------------------------------------------------

def found_in(kind: type, name: str) -> Any:
    """What the classes of `kind.__mro__` hold under a name, as it stands there; UNBOUND if none does."""
    return next((vars(c)[name] for c in kind.__mro__ if name in vars(c)), UNBOUND)


def _is_python(found: Any) -> bool:
    """Whether what a class holds is Python code of a program or library: neither C code, nor ours, nor NumPy's."""
    if found is UNBOUND or found is None or isinstance(found, _C_CODE):
        return False
    return is_captured(found) if isinstance(found, types.FunctionType) else True


def method(x: Any, name: str) -> Any:
    """The special method of an object that Python code defines, bound to it; None if there is none."""
    kind = type(x)
    if kind in PLAIN:
        return None
    found = found_in(kind, name)
    if not _is_python(found):
        return None
    note_attribute(x, name)
    get = getattr(type(found), "__get__", None)
    return found if get is None else get(found, x, kind)


# -- operators -------------------------------------------------------------------------------------

def unary(call: Call, name: str, x: Any) -> Any:
    """`-x`, `+x` and `~x`."""
    run = method(x, f"__{name}__")
    return python_operator(name)(x) if run is None else call(run)


def binary(call: Call, name: str, a: Any, b: Any) -> Any:
    """`a op b`: the method of `a`, then the reflected one of `b`; that of a subclass which overrides it goes first."""
    forward, reflected = f"__{name}__", f"__r{name}__"
    left = method(a, forward)
    right = method(b, reflected) if type(a) is not type(b) else None
    if left is None and right is None:
        return python_operator(name)(a, b)
    if right is not None and issubclass(type(b), type(a)) and found_in(type(b), reflected) is not found_in(type(a), reflected):
        result = call(right, a)
        if result is not NotImplemented:
            return result
        right = None
    if left is not None:
        result = call(left, b)
    elif isinstance(a, _NUMPY) and right is not None:
        return _numpys_operator(call, name, a, b, right)
    elif isinstance(a, _SEQUENCES) and right is not None:
        result = NotImplemented     # sequences concatenate and repeat after both operands were asked as numbers
    else:
        native = getattr(type(a), forward, None)
        result = NotImplemented if native is None else native(a, b)
    if result is NotImplemented and type(a) is not type(b):
        if right is not None:
            result = call(right, a)
        elif found_in(type(b), reflected) is not UNBOUND and not _is_python(found_in(type(b), reflected)):
            result = getattr(type(b), reflected)(b, a)
    if result is not NotImplemented:
        return result
    if isinstance(a, _SEQUENCES):
        return python_operator(name)(a, b)
    sign = next((k for k, v in _SIGNS.items() if v == name), f"{name}()")
    raise TypeError(f"unsupported operand type(s) for {sign}: '{type(a).__name__}' and '{type(b).__name__}'")


_SIGNS = {"+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "** or pow()": "pow", "@": "matmul",
          "<<": "lshift", ">>": "rshift", "&": "and", "|": "or", "^": "xor"}


def _leaves_to(x: Any, other: Any) -> bool:
    """Whether a value of NumPy's gives NotImplemented for an operator with an object: NumPy's rules for binary operators (NEP 13)."""
    if found_in(type(other), "__array_ufunc__") is not UNBOUND:
        return type(other).__array_ufunc__ is None
    scalar = isinstance(x, np.generic) or not x.shape
    return getattr(other, "__array_priority__", -1e6) > (-1e6 if scalar else 0.0)


def _numpys_operator(call: Call, name: str, a: Any, b: Any, right: Any) -> Any:
    """An operator of a value of NumPy's and an object that has the reflected method.

    NumPy makes an array of the object, unless it leaves the operation to it. The operator of a scalar then comes to the reflected method
    with a number of Python's.
    """
    if isinstance(a, Tracer) and a.weak is not None and not a.type.shape or _leaves_to(a, b):
        return call(right, a)
    if any(found_in(type(b), n) is not UNBOUND for n in ("__array_ufunc__", "__array__", "__array_interface__")) or all(
            hasattr(type(b), n) for n in ("__len__", "__getitem__")):
        return python_operator(name)(a, b)
    if not a.shape:
        return call(right, python_value(a) if isinstance(a, Tracer) else a.item())
    raise explain(UnsupportedError, f"an array of shape {a.shape} and a {type(b).__name__} in an operator",
                  why="NumPy makes an array of objects of it, element by element, and a graph holds numbers only",
                  fix=f"set `__array_ufunc__ = None` in {type(b).__name__}, so that NumPy leaves the operator to it, or loop over "
                      "the elements")


def in_place(call: Call, name: str, a: Any, b: Any) -> Any:
    """The value that `a op= b` gives to `a`."""
    run = method(a, f"__i{name}__")
    if run is not None:
        result = call(run, b)
        if result is not NotImplemented:
            return result
    elif found_in(type(a), f"__i{name}__") is not UNBOUND and method(b, f"__r{name}__") is None:
        return python_operator(f"i{name}")(a, b)
    return binary(call, name, a, b)


def compare(call: Call, name: str, a: Any, b: Any) -> Any:
    """`a < b` and its like: the mirrored method of a subclass goes first, and `!=` is the opposite of `==` where only that is defined."""
    mirrored = _MIRRORED[name]
    left, right = _comparison(call, name, a), _comparison(call, mirrored, b)
    if left is None and right is None:
        return python_operator(name)(a, b)
    tried = [(left, a, b, name), (right, b, a, mirrored)]
    if type(a) is not type(b) and issubclass(type(b), type(a)):
        tried.reverse()
    for run, x, other, asked in tried:
        if run is not None:
            result = run(other)
        elif isinstance(x, _NUMPY):
            result = NotImplemented
            if x is a and right is not None and not (isinstance(x, Tracer) and x.weak is not None or _leaves_to(x, b)):
                if x.shape:
                    return python_operator(name)(a, b)
                result = right(python_value(x) if isinstance(x, Tracer) else x.item())
        else:
            result = getattr(type(x), f"__{asked}__")(x, other)
        if result is not NotImplemented:
            return result
    if name in ("eq", "ne"):
        return (a is b) is (name == "eq")
    sign = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}[name]
    raise TypeError(f"'{sign}' not supported between instances of '{type(a).__name__}' and '{type(b).__name__}'")


def _comparison(call: Call, name: str, x: Any) -> Callable | None:
    """The comparison method of an object as a function of the other operand; None if no Python code defines it."""
    run = method(x, f"__{name}__")
    if run is not None:
        return lambda other: _generated_comparison(call, name, x, other) if _is_generated(run) else call(run, other)
    if name == "ne" and found_in(type(x), "__ne__") is object.__dict__["__ne__"]:
        equal = _comparison(call, "eq", x)
        if equal is not None:
            def differs(other: Any) -> Any:
                result = equal(other)
                return result if result is NotImplemented else opposite(call, result)
            return differs
    return None


def test_of(call: Call, x: Any) -> Any:
    """What decides on the truth of x: itself, if that is Python's or the tracer's affair, else what its `__bool__` or `__len__` gives."""
    if type(x) in PLAIN:
        return x
    run = method(x, "__bool__")
    if run is not None:
        result = call(run)
        if not isinstance(result, (bool, Tracer)):
            raise TypeError(f"__bool__ should return bool, returned {type(result).__name__}")
        return result
    run = method(x, "__len__") if found_in(type(x), "__bool__") is UNBOUND else None
    return x if run is None else call(run)


def opposite(call: Call, x: Any) -> Any:
    """`not x`."""
    x = test_of(call, x)
    return np.logical_not(truth(x)) if undecided(x) else not x


# -- attributes ------------------------------------------------------------------------------------

def attribute(call: Call, x: Any, name: str) -> Any:
    """`x.name` of what is no stand-in: properties, descriptors and `__getattr__` that Python code defines run converted."""
    if isinstance(x, types.ModuleType):
        return getattr(x, name)
    if isinstance(x, super):
        return _of_super(call, x, name)
    kind = type(x)
    custom = found_in(kind, "__getattribute__")
    fallback = found_in(kind, "__getattr__")
    if not _is_python(fallback):
        fallback = None
    if _is_python(custom) and custom is not fallback:
        try:
            return call(custom, x, name)
        except AttributeError:
            if fallback is None:
                raise
            return call(fallback, x, name)
    found = found_in(kind, name)
    try:
        get = None if found is UNBOUND else _getter(call, found)
        if get is not None:
            own = getattr(x, "__dict__", None)
            data = isinstance(found, property) or hasattr(type(found), "__set__") or hasattr(type(found), "__delete__")
            if data or own is None or name not in own:
                return get(x, kind)
        elif isinstance(x, type) and (found is UNBOUND or not hasattr(type(found), "__set__")):
            inherited = found_in(x, name)
            get = None if inherited is UNBOUND or isinstance(inherited, (property, functools.cached_property)) else _getter(call, inherited)
            if get is not None:
                return get(None, x)
        if fallback is None:
            return getattr(x, name)
        return object.__getattribute__(x, name) if kind.__getattribute__ is object.__getattribute__ else getattr(x, name)
    except AttributeError:
        if fallback is None:
            raise
    return call(fallback, x, name)


def _getter(call: Call, found: Any) -> Callable | None:
    """What reading a descriptor runs, if that is Python code: a function of the object and its class."""
    if isinstance(found, property):
        return None if found.fget is None else lambda x, kind: note_made(call(found.fget, x))
    if isinstance(found, functools.cached_property):
        return lambda x, kind: _kept(call, found, x)
    get = found_in(type(found), "__get__")
    if isinstance(get, types.FunctionType) and _is_python(get) and not (get.__module__ or "").startswith("functools"):
        return lambda x, kind: call(get, found, x, kind)
    return None


def _kept(call: Call, found: functools.cached_property, x: Any) -> Any:
    """The value of a cached property, which is computed once and kept in the object.

    An object that holds no traced value outlives the recording, and what it keeps must be no traced value either: Python computes it of
    the arrays that the object has.
    """
    name: Any = found.attrname
    own = vars(x)
    if name not in own and not any(isinstance(v, Tracer) for v in own.values()):
        return getattr(x, name)
    if name not in own:
        value = call(found.func, x)
        will_set(Slot(x, "attribute", name))
        own[name] = value
    return own[name]


def _of_super(call: Call, x: Any, name: str) -> Any:
    """`super().name`: what the classes after the one in which it stands hold."""
    thisclass, start, kind = x.__thisclass__, x.__self__, x.__self_class__     # type: ignore[attr-defined]
    classes = kind.__mro__[kind.__mro__.index(thisclass) + 1:] if kind is not None else ()
    found = next((vars(c)[name] for c in classes if name in vars(c)), UNBOUND)
    get = None if found is UNBOUND or start is kind else _getter(call, found)
    return getattr(x, name) if get is None else get(start, kind)


def set_attribute_of(call: Call, x: Any, name: str, value: Any) -> bool:
    """Run the Python code that decides what `x.name = value` means; False if there is none."""
    custom = found_in(type(x), "__setattr__")
    if _is_python(custom) and not _is_generated(custom):
        call(custom, x, name, value)
        return True
    found = found_in(type(x), name)
    if isinstance(found, property) and isinstance(found.fset, types.FunctionType):
        call(found.fset, x, value)
        return True
    put = UNBOUND if found is UNBOUND else found_in(type(found), "__set__")
    if isinstance(put, types.FunctionType) and _is_python(put):
        call(put, found, x, value)
        return True
    return False


# -- new objects -----------------------------------------------------------------------------------

def constructed(call: Call, kind: type, args: tuple, kwargs: dict) -> Any:
    """`kind(*args, **kwargs)` of a class whose metaclass, `__new__` or `__init__` is Python code; UNBOUND if none is."""
    made = found_in(type(kind), "__call__")
    if _is_python(made):
        return call(made, kind, *args, **kwargs)
    new, init = found_in(kind, "__new__"), found_in(kind, "__init__")
    new = new.__func__ if isinstance(new, staticmethod) else new
    own_new = isinstance(new, types.FunctionType) and is_captured(new) and not _is_generated(new)
    own_init = isinstance(init, types.FunctionType) and (is_captured(init) or _is_generated(init))
    if not own_new and not own_init or type(kind) is type and kind.__module__ == "builtins":
        return UNBOUND
    x = call(new, kind, *args, **kwargs) if own_new else _new(kind, args, kwargs)
    note_new(x)
    if isinstance(x, kind):
        init = found_in(type(x), "__init__")
        if not isinstance(init, types.FunctionType):
            type(x).__init__(x, *args, **kwargs)
        elif call(init, x, *args, **kwargs) is not None:
            raise TypeError(f"__init__() should return None in {type(x).__name__}")
    return x


def _new(kind: type, args: tuple, kwargs: dict) -> Any:
    new: Any = kind.__new__
    return new(kind) if new is object.__new__ else new(kind, *args, **kwargs)


def _is_generated(f: Any) -> bool:
    """Whether a function was made by the standard library from text that is kept nowhere."""
    f = getattr(f, "__func__", f)
    return isinstance(f, types.FunctionType) and f.__code__.co_filename.startswith(("<string>", "<namedtuple")) and (
        hasattr(f, "__qualname__") and f.__name__.startswith("__"))


def generated_init(f: types.FunctionType) -> bool:
    """Whether a function is the `__init__` that `dataclasses` writes for a class."""
    return f.__name__ == "__init__" and _is_generated(f)


def initialised(call: Call, put: Callable, f: types.FunctionType, args: tuple, kwargs: dict) -> bool:
    """Run the generated `__init__` of a dataclass; False if `f` is none.

    It sets the fields in their order, calls the factories of defaults, and hands the pseudo-fields to `__post_init__`.
    """
    x = args[0] if args else None
    kind = next((c for c in type(x).__mro__ if vars(c).get("__init__") is f and "__dataclass_fields__" in vars(c)), None)
    if kind is None:
        return False
    fields = vars(kind)["__dataclass_fields__"].values()
    bound = inspect.signature(f).bind(*args, **kwargs).arguments
    frozen = vars(kind)["__dataclass_params__"].frozen
    passed = []
    for d in fields:
        if d._field_type is dataclasses._FIELD_CLASSVAR:     # type: ignore[attr-defined]
            continue
        if d.init and d.name in bound:
            value = bound[d.name]
        elif d.default_factory is not dataclasses.MISSING:
            value = call(d.default_factory)
        elif d.default is not dataclasses.MISSING and (d.init or hasattr(kind, "__slots__")):
            value = d.default
        else:
            continue
        if d._field_type is dataclasses._FIELD_INITVAR:      # type: ignore[attr-defined]
            passed.append(value)
        elif frozen:
            object.__setattr__(x, d.name, value)
        else:
            put(x, d.name, value)
    if hasattr(x, "__post_init__"):
        call(attribute(call, x, "__post_init__"), *passed)
    return True


def _generated_comparison(call: Call, name: str, x: Any, other: Any) -> Any:
    """A comparison that `dataclasses` writes: that of the tuples of the compared fields."""
    if type(other) is not type(x):
        return NotImplemented
    names = [d.name for d in dataclasses.fields(x) if d.compare]
    return _tuples(call, name, [getattr(x, n) for n in names], [getattr(other, n) for n in names])


def _tuples(call: Call, name: str, a: list, b: list) -> Any:
    """A comparison of two tuples of equal length: the first elements that differ decide."""
    decided: Any = name in ("eq", "le", "ge")
    if name == "ne":
        return opposite(call, _tuples(call, "eq", a, b))
    for x, y in zip(reversed(a), reversed(b), strict=True):
        same = True if x is y else compare(call, "eq", x, y)
        if not isinstance(same, Tracer) and not isinstance(decided, Tracer):
            decided = (decided if same else False) if name == "eq" else decided if same else compare(call, name, x, y)
        elif name == "eq":
            decided = np.logical_and(same, decided)
        else:
            decided = np.where(same, decided, compare(call, name, x, y))
    return decided
