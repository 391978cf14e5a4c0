"""Where the number of a tensor is asked for in order to be stored in a plain array, which cannot hold its gradient.

NumPy asks a tensor for its number as `float(x)` does, without a frame of its own: what the number is for is read from the statement.
"""

from __future__ import annotations

import ast
import dis
import itertools
import linecache
from types import FrameType

__all__ = ["is_storing"]

_STATEMENTS = frozenset(["STORE_SUBSCR", "STORE_SLICE"])
_METHODS = frozenset(["fill", "__setitem__", "append", "insert", "extend"])
"""Methods by which NumPy's arrays and Python's `array.array` store a number. Lists, which have some of them too, ask for none."""


def is_storing(caller: FrameType) -> bool:
    """Whether a frame is at a statement `a[i] = x`, or at a call such as `a.fill(x)`, also where the method has another name."""
    op = dis.opname[caller.f_code.co_code[caller.f_lasti]]
    return op in _STATEMENTS or op.startswith("CALL") and _called(caller) in _METHODS


def _called(frame: FrameType) -> str:
    """The name of the method that a frame calls: that of its object where it is called by a variable; empty where it is not known."""
    line, last, start, end = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), (None,) * 4)
    if line is None or last is None or start is None or end is None:
        return ""
    lines = [linecache.getline(frame.f_code.co_filename, k, frame.f_globals).encode() for k in range(line, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        call = ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except SyntaxError:
        return ""
    if not isinstance(call, ast.Call):
        return ""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    if not isinstance(call.func, ast.Name):
        return ""
    name = call.func.id
    return getattr(frame.f_locals.get(name, frame.f_globals.get(name)), "__name__", name)
