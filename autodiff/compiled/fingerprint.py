"""What a function is by content: a text that is equal in two processes only where the function does the same in both.

A recording depends on the code that it runs and on all that this code reads. Where both can be read off, a kernel of an earlier process may
be taken without recording again. So this file goes through the code objects that can be reached from a function, and looks at every name in
them: variables of functions around, of the module, functions that are called, attributes of modules. Only what is known to give the same
each time is let through: functions of NumPy and `math` that we implement, Python's own that read nothing, numbers, texts, arrays, lists and
dicts of these, and functions, classes and objects in Python that are made of nothing else. Files, clocks, random numbers, imports in a
function, classes of compiled code: none of these; such a function has no fingerprint, and is recorded in each process.

The objects that were gone through are numbered in order, so that a note about one of them can be said to another process.
"""

from __future__ import annotations

import builtins
import functools
import gc
import opcode
import sys
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np

import autodiff.numpy as anp
from autodiff.capture.excluded import is_captured, is_captured_module
from autodiff.capture.locations import global_names
from autodiff.capture.scipy_functions import function_of
from autodiff.tape_roads import TapeRoad
from tracer.errors import is_internal_file
from tracer.static import Static
from tracer.tree import Keys, is_registered

__all__ = ["Fingerprint", "NoFingerprint"]


class NoFingerprint(Exception):
    """Something that may be another thing in the next process, in words."""


_PURE_BUILTINS = frozenset("Ellipsis NotImplemented abs all any bool complex dict divmod enumerate filter float frozenset int isinstance "
                           "issubclass iter len list map max min next object pow range reversed round set slice sorted str sum super tuple "
                           "type zip".split())
_IMPURE_METHODS = frozenset(["tofile", "dump", "dumps", "setflags", "ctypes", "data", "base", "flags", "strides", "cache_info",
                             "cache_clear", "why"])
"""Attributes that write, or tell what is not the same in each process, whatever they are asked of."""
_VALUES = (np.ndarray, np.float64, list, dict, tuple, set, str, int, float, complex)
_METHODS = {name for kind in _VALUES for name in dir(kind) if not name.startswith("_")} - _IMPURE_METHODS | set(
    "__class__ kind eps tiny reduce accumulate outer at reduceat".split())
"""Attributes of the values that such a function may meet."""
_IMPURE_NUMPY = frozenset(["errstate", "printoptions"])
_NUMPYS_CLASSES = (np.dtype, np.ndarray, np.finfo, np.iinfo)
_REFUSED_CODE = frozenset(opcode.opmap[name] for name in (
    "IMPORT_NAME", "IMPORT_FROM", "IMPORT_STAR", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_BUILD_CLASS", "LOAD_NAME", "STORE_NAME",
    "LOAD_LOCALS") if name in opcode.opmap)
"""Instructions that read or change what is not looked at here."""
_REFUSED_MEMBERS = frozenset(["__getattr__", "__getattribute__", "__slots__", "__set_name__", "__init_subclass__", "__class_getitem__",
                              "__del__", "__array_ufunc__", "__array_function__", "__array__"])
_PASSED_OVER = frozenset(["__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__", "__annotate__",
                          "__annotate_func__", "__annotations_cache__", "__dataclass_params__", "__dataclass_fields__", "__match_args__",
                          "__firstlineno__", "__static_attributes__", "__parameters__", "__orig_bases__"])
"""Members of classes that say nothing that other members do not say."""
_NUMBERS = (np.bool_, np.integer, np.floating, np.complexfloating)
_PURE_MODULES = ("math", "cmath", "operator", "_operator")
_READ_MODULES = (*_PURE_MODULES, "numpy", "numpy.linalg", "scipy", "scipy.special", "scipy.linalg", "autodiff", "autodiff.numpy")
"""Modules that are not captured and whose attributes may be read: of these, what a kind lets through."""
_OURS = ("autodiff.api.", "autodiff.numpy", "tracer.tracebacks")
"""Where functions of ours stand that do the same each time."""
MOST = 2000
"""Objects that are gone through, at most."""


class Fingerprint:
    """That of a function.

    Attributes
    ----------
    text : the fingerprint, without the numbers in arrays
    arrays : the arrays that were found, in order
    classes : the user's classes that were found, in order
    holders : cells, dicts of variables and attributes, lists, dicts and functions that were found, in order
    """

    def __init__(self, function: Any, arguments: Any = None):
        """That of a function, called with arguments of some structure."""
        self.arrays: list[np.ndarray] = []
        self.classes: list[type] = []
        self.holders: list[Any] = []
        self._numbers: dict[int, int] = {}      # id of a holder, or an array -> its number
        self._attributes: set[str] = set()      # of the user's classes and objects
        self._modules: list[ModuleType] = []
        self._mentioned: set[str] = set()       # names in code
        self._open: set[str] = set()            # those that only an attribute of an object or of a module may be
        self._out: list[str] = []
        if not _has_lines(function):
            raise NoFingerprint("a function without lines of its own: its checks name those of the caller")
        self._value(function)
        self._structure(arguments)
        self._look_at_modules()
        self.text = "\n".join(self._out)

    def number_of(self, holder: Any) -> int | None:
        """The number of a holder; None where it was not found."""
        found = self._numbers.get(id(_behind(holder)))
        return found if found is not None and found < len(self.holders) and _behind(self.holders[found]) is _behind(holder) else None

    def number_of_array(self, x: Any) -> int | None:
        """The number of an array; None where it was not found."""
        found = self._numbers.get(id(x))
        return found if found is not None and found < len(self.arrays) and self.arrays[found] is x else None

    def _look_at_modules(self) -> None:
        """Look at the attributes of the modules that were reached, wherever code mentions their names: a module may be handed on."""
        done: set[tuple[str, str]] = set()
        while new := [(m, n) for m in self._modules for n in sorted(self._mentioned & set(dir(m))) if (m.__name__, n) not in done]:
            for module, name in new:
                done.add((module.__name__, name))
                self._say("attribute", module.__name__, name)
                if _may_change(module):
                    self._holder(vars(module))
                self._variable(getattr(module, name))
        if left := self._open.difference(self._attributes, *map(dir, self._modules)):
            raise NoFingerprint(f"`{min(left)}`")

    # -- going through ---------------------------------------------------------------------------

    def _say(self, *words: Any) -> None:
        self._out.append(repr(words))
        if len(self._out) > MOST:
            raise NoFingerprint("it reaches too much")

    def _holder(self, x: Any) -> bool:
        """Number a holder; whether it is new."""
        if id(_behind(x)) in self._numbers:
            self._say("again", self._numbers[id(_behind(x))])
            return False
        self._numbers[id(_behind(x))] = len(self.holders)
        self.holders.append(x)
        return True

    def _value(self, x: Any) -> None:
        kind = type(x)
        look = _KINDS.get(kind)
        if look is not None:
            look(self, x)
        elif isinstance(x, _NUMBERS):
            self._say(x.dtype.str, x.tobytes().hex())   # type: ignore[union-attr]
        elif isinstance(x, type):
            self._class(x)
        elif isinstance(x, np.dtype) and x.fields is None:
            self._say("dtype", x.str)
        elif getattr(kind, "is_jitted", False):
            self._say("compiled", sorted(x._statics.positions), sorted(x._statics.names))
            self._value(x.function)
        elif isinstance(x, TapeRoad):   # it has no settings of its own
            self._say("the tape of the function")
        elif kind.__module__ == "numpy" or kind is np.ufunc:
            self._numpys(x)
        elif type(getattr(x, "__dict__", None)) is dict:
            self._object(x)
        else:
            raise NoFingerprint(f"an object of class {kind.__name__}")

    def _plain(self, x: Any) -> None:
        self._say(type(x).__name__, x.hex() if type(x) is float else repr(x))

    def _array(self, x: np.ndarray) -> None:
        if x.dtype.hasobject or x.dtype.fields is not None:
            raise NoFingerprint("an array of objects")
        if id(x) in self._numbers:
            self._say("array again", self._numbers[id(x)])
            return
        self._numbers[id(x)] = len(self.arrays)
        self.arrays.append(x)
        self._say("array", x.dtype.str, x.shape, x.strides, x.flags.num, x.base is None)

    def _sequence(self, x: Any) -> None:
        if x and not self._holder(x):
            return
        self._say(type(x).__name__, len(x))
        for y in x:
            self._value(y)

    def _dict(self, x: dict) -> None:
        if not self._holder(x):
            return
        self._say("dict", len(x))
        for k, y in x.items():
            if type(k) not in (str, int):
                raise NoFingerprint(f"a dict with keys of class {type(k).__name__}")
            self._plain(k)
            self._value(y)

    def _partial(self, x: functools.partial) -> None:
        self._say("partial")
        for part in (x.func, x.args, x.keywords):
            self._value(part)

    def _class(self, x: type) -> None:
        self._say("class", x.__module__, x.__qualname__)
        if getattr(builtins, x.__name__, None) is x or issubclass(x, np.generic) and getattr(np, x.__name__, None) is x \
                or x in _NUMPYS_CLASSES:
            return
        file = getattr(sys.modules.get(x.__module__), "__file__", None) or ""
        if type(x) is not type or is_internal_file(file) or not is_captured_module(x.__module__, file) or is_registered(x):
            raise NoFingerprint(f"class {x.__name__}")
        if not self._holder(vars(x)):
            return
        self.classes.append(x)
        self._attributes.update(vars(x))
        for base in x.__bases__:
            if base.__module__ == "builtins" and base is not object and not issubclass(base, BaseException):
                raise NoFingerprint(f"class {x.__name__}, whose objects hold more than attributes")
            self._value(base)
        if _REFUSED_MEMBERS & vars(x).keys():
            raise NoFingerprint(f"class {x.__name__}, which says itself how attributes are found")
        self._members(x)

    def _members(self, x: type) -> None:
        is_dataclass = "__dataclass_fields__" in vars(x)
        if is_dataclass:
            self._say("dataclass", repr(vars(x)["__dataclass_params__"]))
            for f in vars(x)["__dataclass_fields__"].values():
                self._say(f.name, f.init, f.repr, f.compare, f.hash, f.kw_only)
                self._value(dict(f.metadata) if f.metadata else None)
        for name, value in vars(x).items():
            made_by = value.__globals__.get("__name__") if type(value) is FunctionType else ""
            if name not in _PASSED_OVER and not (is_dataclass and made_by in ("dataclasses", "reprlib")):
                self._say("member", name)
                self._member(value)

    def _member(self, x: Any) -> None:
        """A member of a class: what Python calls, or the value."""
        kind = type(x)
        if kind in (staticmethod, classmethod):
            self._say(kind.__name__)
            self._value(x.__func__)
        elif kind is property:
            self._say("property")
            for f in (x.fget, x.fset, x.fdel):
                self._value(f)
        elif kind is functools.cached_property:
            self._say("cached property")
            self._value(x.func)
        else:
            self._value(x)

    def _object(self, x: Any) -> None:
        """An instance of a class of the user's, of which its attributes are all that there is."""
        self._value(type(x))
        if type(x) not in self.classes or isinstance(x, BaseException):
            raise NoFingerprint(f"an object of class {type(x).__name__}")
        self._say("object")
        self._attributes.update(vars(x))
        self._dict(vars(x))

    def _method(self, x: MethodType) -> None:
        self._value(x.__func__)
        self._value(x.__self__)

    def _structure(self, structure: Any) -> None:
        """The structure of arguments: the classes in it, and the values that belong to it."""
        if type(structure) in (tuple, Keys):
            self._say("(", len(structure), structure.order if type(structure) is Keys else "")
            for part in structure:
                self._structure(part)
        elif type(structure) is Static:
            self._value(structure.value)
        elif isinstance(structure, type):
            self._class(structure)
            if hasattr(structure, "_fields"):
                raise NoFingerprint(f"class {structure.__name__}")
        else:
            self._value(structure)

    def _builtin(self, x: BuiltinFunctionType) -> None:
        if getattr(builtins, x.__name__, None) is x and x.__name__ in _PURE_BUILTINS or x.__module__ in _PURE_MODULES:
            self._say("builtin", x.__module__, x.__name__)
        else:
            self._numpys(x)

    def _numpys(self, x: Any) -> None:
        """A function of NumPy or SciPy, one that we implement."""
        name, module = getattr(x, "__name__", ""), getattr(x, "__module__", None) or "numpy"
        theirs, ours = (np.linalg, anp.linalg) if module == "numpy.linalg" else (np, anp)
        special = getattr(sys.modules.get("scipy.special"), name, None)
        if getattr(theirs, name, None) is x and hasattr(ours, name) and name not in _IMPURE_NUMPY:
            self._say(module, name)
        elif type(x) is np.ufunc and special is x or function_of(x) is not None:
            self._say("scipy", name)
        else:
            raise NoFingerprint(f"`{name or type(x).__name__}`")

    def _function(self, f: FunctionType) -> None:
        package = (f.__globals__.get("__name__") or "").split(".")[0]
        if package in ("numpy", "scipy"):
            self._numpys(f)
            return
        ours = _is_ours(f)
        if not ours and not is_captured(f):
            raise NoFingerprint(f"`{f.__name__}`, which runs as it stands")
        if not self._holder(f):
            return
        self._say("function", f.__module__, f.__qualname__)
        self._value(f.__defaults__)
        self._value(f.__kwdefaults__)
        if ours:    # its code is of the version that belongs to the key
            self._say(f.__code__.co_name, f.__code__.co_firstlineno)
        else:
            self._code(f.__code__)
            self._value(vars(f))
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            self._cell(name, cell)
        if not ours:
            self._names(f)

    def _cell(self, name: str, cell: CellType) -> None:
        self._say("variable", name)
        if not self._holder(cell):
            return
        try:
            value = cell.cell_contents
        except ValueError:
            raise NoFingerprint(f"`{name}`, which has no value yet") from None
        self._variable(value)

    def _code(self, code: CodeType) -> None:
        """All that Python runs, and the lines that errors name."""
        if not _REFUSED_CODE.isdisjoint(code.co_code[::2]):
            raise NoFingerprint(f"`{code.co_name}` imports, makes a class, or sets variables of its module")
        self._say("code", code.co_name, code.co_filename, code.co_firstlineno, code.co_argcount, code.co_posonlyargcount,
                  code.co_kwonlyargcount, code.co_flags, code.co_code.hex(), code.co_linetable.hex(), code.co_exceptiontable.hex(),
                  code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        self._attributes.update(_attributes_set(code))
        for c in code.co_consts:
            if isinstance(c, CodeType):
                self._code(c)
            elif type(c) is frozenset:
                self._say("frozenset", sorted(map(repr, c)))
            else:
                self._value(c)

    def _names(self, f: FunctionType) -> None:
        """What the names in a function's code mean: variables of its module, Python's own; others are attributes."""
        space = f.__globals__
        if not self._holder(space):
            self._say("the same module")
        for name in sorted(set(global_names(f.__code__))):
            self._mentioned.add(name)
            if name in _IMPURE_METHODS or name not in space and name in vars(builtins) and not _is_pure_builtin(name):
                raise NoFingerprint(f"`{name}`")
            if name in space:
                self._say("name", name)
                self._variable(space[name])
            elif name not in _METHODS and name not in vars(builtins):
                self._open.add(name)

    def _variable(self, x: Any) -> None:
        """The value of a variable or of a module's attribute. A module that is reached in another way has no fingerprint."""
        if type(x) is not ModuleType:
            self._value(x)
            return
        self._say("module", x.__name__)
        if x.__name__ not in _READ_MODULES and (not _may_change(x) or "__getattr__" in vars(x)):
            raise NoFingerprint(f"module {x.__name__}")
        if x not in self._modules:
            self._modules.append(x)


_EXTENDED, _STORE = opcode.opmap["EXTENDED_ARG"], opcode.opmap["STORE_ATTR"]


def _attributes_set(code: CodeType) -> set[str]:
    """The names of attributes that code sets: those of objects that it makes."""
    found, argument = set(), 0
    words = iter(code.co_code)
    for op, low in zip(words, words, strict=True):
        argument = argument << 8 | low
        if op == _STORE:
            found.add(code.co_names[argument])
        if op != _EXTENDED:
            argument = 0
    return found


def _behind(holder: Any) -> Any:
    """The dict that a view of a class's members shows: each look at them makes another view."""
    return gc.get_referents(holder)[0] if type(holder) is MappingProxyType else holder


def _is_ours(f: FunctionType) -> bool:
    """Whether a function is of this project, and does the same each time."""
    return is_internal_file(f.__code__.co_filename) and str(f.__globals__.get("__name__")).startswith(_OURS)


def _has_lines(f: Any) -> bool:
    """Whether a function is one in Python of the user's, perhaps in functions of ours."""
    while type(f) in (functools.partial, MethodType) or type(f) is FunctionType and _is_ours(f):
        f = f.func if type(f) is functools.partial else f.__func__ if type(f) is MethodType else getattr(f, "__wrapped__", None)
    return type(f) is FunctionType


def _may_change(module: ModuleType) -> bool:
    """Whether a module is one whose functions are captured: its variables are looked at as those of the user's own."""
    file = getattr(module, "__file__", None)
    return bool(file) and not is_internal_file(file) and is_captured_module(module.__name__, file)


def _content_of(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _is_pure_builtin(name: str) -> bool:
    found = getattr(builtins, name, None)
    return name in _PURE_BUILTINS or isinstance(found, type) and issubclass(found, Exception)


_KINDS: dict[type, Any] = {
    **dict.fromkeys((type(None), bool, int, float, complex, str, bytes, type(Ellipsis)), Fingerprint._plain),
    np.ndarray: Fingerprint._array, list: Fingerprint._sequence, tuple: Fingerprint._sequence, dict: Fingerprint._dict,
    functools.partial: Fingerprint._partial, BuiltinFunctionType: Fingerprint._builtin,
    FunctionType: Fingerprint._function, MethodType: Fingerprint._method}
"""How the values of a class are gone through."""
