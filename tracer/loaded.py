"""Classes of modules that a process may never load: whether an object is of such a class can be asked without loading the module."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["loaded"]


def loaded(*names: str) -> tuple[Any, ...]:
    """The classes of these names, "module.Class", whose modules are loaded; of the others there is no object.

    >>> isinstance(1.5, loaded("decimal.Decimal", "no_such_module.Number"))
    False
    """
    found = []
    for name in names:
        module, _, attribute = name.rpartition(".")
        if module in sys.modules:
            found.append(getattr(sys.modules[module], attribute, None))
    return tuple([x for x in found if x is not None])
