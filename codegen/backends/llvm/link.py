"""Machine code in this process: an object file is loaded, and what it calls outside is bound by name.

Objects are relocatable: the C library, BLAS and NumPy references are never baked in.
"""

from __future__ import annotations

import ctypes
from typing import Any

from codegen.backends.llvm.objects import NotLoadable, loaded
from codegen.signals import uninterrupted

__all__ = ["Linked", "address_of", "link"]


class Linked:
    """Machine code in this process. `address(name)` of an exported function."""

    __slots__ = ("_addresses", "_keep", "__weakref__")

    def __init__(self, addresses: dict[str, int], keep: list[Any]):
        self._addresses = addresses
        self._keep = keep

    def address(self, name: str) -> int:
        """The address of an exported function."""
        return self._addresses[name]


def link(code: bytes, exports: list[str], imports: dict[str, int], keep: list[Any] | None = None) -> Linked:
    """Load an object. `imports` are addresses by name; other names are looked up in the process."""
    with uninterrupted():
        try:
            found = loaded(code, imports)
        except NotLoadable:
            from codegen.backends.llvm.compiler import linked_by_llvm
            addresses, owner = linked_by_llvm(code, exports, imports)
        else:
            addresses, owner = {name: found.addresses[name] for name in exports}, found
    return Linked(addresses, [owner, *(keep or [])])


def address_of(function) -> int:
    """The address of a ctypes function."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0
