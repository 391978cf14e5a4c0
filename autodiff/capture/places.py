"""Places that hold values and containers as they are: reading, setting and restoring them past what their classes say about it.

Effects are put back, and carried out after a call, as the recorded program has left them: methods of the user's that decide what setting
an attribute means have run while the function was recorded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import FunctionType, MemberDescriptorType, ModuleType, SimpleNamespace
from typing import Any

from autodiff.capture.state import UNBOUND

__all__ = ["copied", "own_value", "plain_setter", "put_content", "put_raw", "set_raw"]


def own_value(slot: Any) -> Any:
    """What a place itself holds, or UNBOUND; an attribute that the class has is none of the object."""
    x = slot.owner
    if slot.kind != "attribute":
        return slot.get()
    own = getattr(x, "__dict__", None)
    if own is not None and slot.name in own:
        return own[slot.name]
    found = next((vars(c)[slot.name] for c in type(x).__mro__ if slot.name in vars(c)), UNBOUND)
    if isinstance(x, type) or found is UNBOUND or not hasattr(type(found), "__set__"):
        return UNBOUND
    return slot.get()


def put_raw(slot: Any, value: Any) -> None:
    """Set or unset a place, past what the class of its object says about setting."""
    x, name = slot.owner, slot.name
    if slot.kind == "attribute":
        set_raw(x, name, value)
    elif slot.kind == "item" and isinstance(x, list):
        if value is not UNBOUND and name < len(x):
            x[name] = value
    elif value is not UNBOUND or slot.get() is not UNBOUND:
        slot.put(value)


def plain_setter(kind: type) -> type | None:
    """The class whose `__setattr__` in C an object's class comes to, past those in Python; None if it is not an ordinary one."""
    found = next(c for c in kind.__mro__ if "__setattr__" in vars(c) and not isinstance(vars(c)["__setattr__"], FunctionType))
    return found if found in (object, type, SimpleNamespace, BaseException, ModuleType, FunctionType) else None


def set_raw(x: Any, name: str, value: Any) -> None:
    """Set or unset an attribute, past what the class of its object says about setting."""
    base: Any = plain_setter(type(x)) or object
    if value is not UNBOUND:
        base.__setattr__(x, name, value)
    elif isinstance(x, type) and name in vars(x) or not isinstance(x, type) and _has_own(x, name):
        base.__delattr__(x, name)


def _has_own(x: Any, name: str) -> bool:
    if name in getattr(x, "__dict__", ()):
        return True
    found = next((vars(c)[name] for c in type(x).__mro__ if name in vars(c)), None)
    return isinstance(found, MemberDescriptorType) and hasattr(x, name)


def copied(x: Any) -> Any:
    """A shallow copy."""
    return list(x) if isinstance(x, (list, deque)) else dict(x) if isinstance(x, Mapping) else type(x)(x)


def put_content(x: Any, kept: Any) -> None:
    """Let a container hold what it held when it was copied."""
    if isinstance(x, list):
        x[:] = kept
        return
    x.clear()
    if isinstance(x, deque):
        x.extend(kept)
    elif isinstance(x, bytearray):
        x[:] = kept
    else:
        x.update(kept)
