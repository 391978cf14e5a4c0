"""What is left of a module when its text has become machine code: all that a kernel needs, also one that comes from disk.

This file and what it imports are loaded for every kernel; what writes modules is loaded where one has to be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracer.sizes import Dim

__all__ = ["FAILED_CALL", "NOT_POSITIVE", "NO_MEMORY", "NO_PLACE", "SINGULAR", "MixedTypesError", "Module", "NotKnown"]

FAILED_CALL = -1
NO_MEMORY = -2
NOT_POSITIVE = -3
SINGULAR = -4
NO_PLACE = -5
"""Codes that a kernel returns; a positive one is the number of a check."""


class NotKnown(Exception):
    """Something that this generator has no code for; the kernel is generated through Numba, and says so."""


class MixedTypesError(AssertionError):
    """An instruction was about to be written whose operands have different element types or numbers of lanes."""


@dataclass(frozen=True, slots=True)
class Module:
    """What the linker and the entry need.

    text : LLVM IR
    parameters : the table, 8 bytes a number
    arena : bytes of scratch memory
    messages : what check number k says, from 1 on
    references : calls of NumPy references, by symbol
    symbols : functions of the run-time library that the text calls
    has_loops : whether loops run over steps that depend on each other
    table, arena_length : the parameters and the arena again, with the lengths in them that stand for others
    """

    text: str
    parameters: np.ndarray
    arena: int
    messages: list[str]
    references: dict[str, dict]
    symbols: set[str]
    has_loops: bool
    table: Sequence[Dim] = ()
    arena_length: Dim = 0
