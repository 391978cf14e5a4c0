"""Which functions may run on tensors as they stand: plain numeric code.

`grad(f)(x)` outside of `jit` may call `f` itself on tensors, without converting its source, where that is sure to mean the same: the code
of `f`, and of the functions that it calls, consists of operators, NumPy functions, methods of arrays, and control flow on values. It stores
nothing but local variables, so that it may be run again; it asks no questions of type, which a tensor would answer otherwise than an array;
it calls nothing that is not known. The code is read once; what it refers to outside, modules, functions and numbers, is compared at each
call.
"""

from __future__ import annotations

import builtins
import dis
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from tracer.array import functions

__all__ = ["Plain", "plain"]

_OPERATIONS = frozenset("""
    RESUME NOP CACHE EXTENDED_ARG LOAD_FAST LOAD_FAST_CHECK LOAD_FAST_AND_CLEAR LOAD_FAST_LOAD_FAST LOAD_FAST_BORROW
    LOAD_FAST_BORROW_LOAD_FAST_BORROW STORE_FAST STORE_FAST_STORE_FAST STORE_FAST_LOAD_FAST DELETE_FAST LOAD_CONST LOAD_SMALL_INT
    RETURN_CONST RETURN_VALUE LOAD_GLOBAL LOAD_ATTR LOAD_METHOD PUSH_NULL PRECALL CALL CALL_KW KW_NAMES BINARY_OP BINARY_SUBSCR
    BINARY_SLICE BUILD_SLICE BUILD_TUPLE BUILD_LIST LIST_EXTEND LIST_APPEND UNARY_NEGATIVE UNARY_POSITIVE UNARY_NOT UNARY_INVERT
    COMPARE_OP IS_OP TO_BOOL POP_TOP END_FOR POP_ITER COPY SWAP UNPACK_SEQUENCE GET_ITER FOR_ITER JUMP_FORWARD JUMP_BACKWARD
    JUMP_BACKWARD_NO_INTERRUPT POP_JUMP_IF_TRUE POP_JUMP_IF_FALSE POP_JUMP_FORWARD_IF_TRUE POP_JUMP_FORWARD_IF_FALSE
    POP_JUMP_BACKWARD_IF_TRUE POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE POP_JUMP_FORWARD_IF_NONE
    POP_JUMP_FORWARD_IF_NOT_NONE JUMP_IF_TRUE_OR_POP JUMP_IF_FALSE_OR_POP NOT_TAKEN LOAD_DEREF LOAD_CLOSURE COPY_FREE_VARS MAKE_CELL
    MAKE_FUNCTION SET_FUNCTION_ATTRIBUTE BUILD_MAP BUILD_CONST_KEY_MAP RERAISE
""".split())
"""The instructions of plain code, of all versions of Python. RERAISE stands after a comprehension that is part of the function around it
(PEP 709), to restore the variables of that function; the handlers of `try` and `with` have PUSH_EXC_INFO too, which is not here."""
_INTRINSICS = frozenset(["INTRINSIC_UNARY_POSITIVE"])
"""The functions inside the interpreter that plain code may call: `+x` is one since Python 3.12."""
_NEUTRAL = frozenset(["EXTENDED_ARG", "CACHE", "PUSH_NULL"])
"""Instructions that leave the value on top of the stack as it is, for the one that follows."""
_BUILTINS = frozenset(["range", "len", "sum", "zip", "enumerate", "abs", "min", "max", "reversed", "list", "tuple", "pow"])
_METHODS = frozenset("""
    T mT shape size ndim dtype sum mean prod std var min max dot reshape ravel flatten transpose clip cumsum cumprod astype copy argmax
    argmin argsort repeat squeeze swapaxes diagonal trace take append
""".split())
_CREATION: frozenset[Any] = frozenset([np.zeros, np.ones, np.full, np.arange, np.linspace, np.eye, np.identity, np.array])
_WRITING = frozenset(["put", "putmask", "place", "copyto", "fill_diagonal", "put_along_axis"])
"""NumPy functions that write to their arguments."""
_CONSTANTS = (int, float, str, type(None), np.generic, np.dtype, type)
_MODULES = frozenset([np, np.linalg])
MOST_FUNCTIONS = 50


class _NotPlain(Exception):
    """Why a function is not plain."""


class Plain:
    """What was found of a function.

    Attributes
    ----------
    reason : why it is not plain; empty if it is
    writes_in_place : whether it has operators such as `+=`, which may write to an array
    """

    __slots__ = ("reason", "writes_in_place", "_globals", "_cells")

    def __init__(self, reason: str, writes_in_place: bool, names: list[tuple[dict, str, Any]], cells: list[tuple[CellType, Any]]):
        self.reason = reason
        self.writes_in_place = writes_in_place
        self._globals = names
        self._cells = cells

    def holds(self) -> bool:
        """Whether all that the function refers to is what it was."""
        for names, name, value in self._globals:
            if names.get(name) is not value:
                return False
        for cell, value in self._cells:
            if cell.cell_contents is not value:
                return False
        return True


def plain(f: Any) -> Plain:
    """Read the code of a function and of those that it calls.

    Examples
    --------
    >>> plain(lambda x: np.sum(x * x)).reason
    ''
    >>> plain(lambda x: float(x)).reason
    'it uses `float`'
    """
    reader = _Reader()
    reason = ""
    try:
        if type(f) is not FunctionType:
            raise _NotPlain(f"it is a {type(f).__name__} and no plain function")
        reader.function(f)
    except _NotPlain as e:
        reason = str(e)
    return Plain(reason, reader.writes_in_place, reader.globals, reader.cells)


def _is_ours(value: Any) -> bool:
    """Whether there is an implementation of ours for a NumPy function."""
    return callable(value) and type(value).__hash__ is not None and value in functions


class _Reader:
    def __init__(self) -> None:
        self.globals: list[tuple[dict, str, Any]] = []
        self.cells: list[tuple[CellType, Any]] = []
        self.seen: set[CodeType] = set()
        self.reads_arrays = self.writes_in_place = False

    def function(self, f: FunctionType) -> None:
        """Read a function of the user's."""
        if f.__code__ in self.seen:
            return
        if len(self.seen) >= MOST_FUNCTIONS:
            raise _NotPlain("it calls too many functions")
        variables: dict[str, Any] = {}
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or ()):
            try:
                variables[name] = cell.cell_contents
            except ValueError:
                raise _NotPlain(f"the variable `{name}` around it has no value") from None
            self.cells.append((cell, cell.cell_contents))
        for value in [*variables.values(), *(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]:
            self.value(value)
        self.code(f.__code__, f.__globals__, variables)

    def code(self, code: CodeType, names: dict, variables: dict[str, Any]) -> None:
        """Read the code of a function, or of one inside it; `variables` are those of the functions around it that have their values."""
        self.seen.add(code)
        if code.co_flags & (0x20 | 0x80 | 0x200):
            raise _NotPlain("it is a generator or a coroutine")
        held: Any = None        # the module on top of the stack
        none = False            # whether None is on top of it
        for step in dis.get_instructions(code):
            if step.opname not in _OPERATIONS and step.argrepr not in _INTRINSICS:
                raise _NotPlain(f"it has a `{step.opname}`")
            if step.opname == "IS_OP" and not none:
                raise _NotPlain("it asks with `is` which object a value is")
            if step.opname not in _NEUTRAL:
                held = self.instruction(step, held, names, variables)
                none = step.opname == "LOAD_CONST" and step.argval is None
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                self.code(inner, names, variables)
        if self.writes_in_place and self.reads_arrays:
            raise _NotPlain("it may write in place to an array from outside")

    def instruction(self, step: dis.Instruction, held: Any, names: dict, variables: dict[str, Any]) -> Any:
        """Read one instruction with the module `held` on top of the stack; return the module that is there afterwards, or None."""
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            return self.attribute(held, step.argval)
        if step.opname == "LOAD_GLOBAL":
            return self.global_name(names, step.argval)
        if step.opname == "LOAD_DEREF":
            value = variables.get(step.argval)
            return value if isinstance(value, ModuleType) else None
        if step.opname == "BINARY_OP" and "=" in step.argrepr:
            self.writes_in_place = True
        return None

    def global_name(self, names: dict, name: str) -> Any:
        """A name of the module: noted, and returned if it is a module."""
        if name in names:
            value = names[name]
            self.globals.append((names, name, value))
            return self.value(value)
        if name not in _BUILTINS or not hasattr(builtins, name):
            raise _NotPlain(f"it uses `{name}`")
        self.globals.append((names, name, None))
        return None

    def value(self, value: Any) -> Any:
        """Look at a value from outside; modules are returned."""
        if isinstance(value, ModuleType):
            if value not in _MODULES:
                raise _NotPlain(f"it uses the module `{value.__name__}`")
            return value
        if type(value) is np.ndarray:
            self.reads_arrays = True
        elif type(value) is FunctionType and not _is_ours(value):
            if value.__module__ is not None and value.__module__.partition(".")[0] in ("autodiff", "tracer", "codegen", "numpy", "scipy"):
                raise _NotPlain(f"it calls `{value.__module__}.{value.__name__}`")
            self.function(value)
        elif type(value) is tuple:
            for item in value:
                self.value(item)
        elif not isinstance(value, _CONSTANTS) and not _is_ours(value):
            raise _NotPlain(f"it reads a {type(value).__name__} from outside")
        return None

    def attribute(self, module: Any, name: str) -> Any:
        """An attribute of a module, or a method of some value."""
        if module is None:
            if name not in _METHODS:
                raise _NotPlain(f"it uses an attribute `{name}`")
            return None
        value = getattr(module, name, _NotPlain)
        if isinstance(value, ModuleType) and value in _MODULES:
            return value
        known = isinstance(value, _CONSTANTS) or value in _CREATION or _is_ours(value) and name not in _WRITING
        if not known:
            raise _NotPlain(f"it uses `{module.__name__}.{name}`")
        return None
