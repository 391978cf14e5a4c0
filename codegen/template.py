"""LLVM text of fixed routines: `.ll` files beside the Python files that link them, with `$NAME` where a number or a type goes in.

The files are part of the compiler, so a change in one of them makes new keys for what is kept on disk, as a change in Python does.
"""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

__all__ = ["llvm_text"]


def llvm_text(beside: str, name: str, **values: Any) -> str:
    """Return the text of a template with all its names replaced.

    Parameters
    ----------
    beside : str
        The `__file__` of the module whose folder holds the template.
    name : str
        The name of the template's file.
    **values
        What stands for each `$NAME`. More values than names are allowed.

    Raises
    ------
    KeyError
        If the template has a name that is not among `values`.
    """
    return Template((Path(beside).parent / name).read_text(encoding="utf-8")).substitute(values)
