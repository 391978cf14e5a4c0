"""Ordinary NumPy programs whose derivatives are measured: one file a program, each written without any derivative tool in mind.

A module holds the program itself, `loss` (a scalar made from its result), `arguments(size)` for "small" and "large",
and `WRT`, the positions of the arguments of `loss` that are differentiated.
"""

import importlib
import pkgutil


def all_programs():
    """Name -> module, for every module of this package that defines `loss`."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names if name not in ("check", "board")}
    return {name: module for name, module in modules.items() if hasattr(module, "loss")}
