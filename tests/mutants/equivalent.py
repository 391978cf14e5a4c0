"""Faults that are none: changes after which the compiler means the same. Each with the reason, found by file, function and text."""

from __future__ import annotations

from tests.mutants.operators import Fault

EQUIVALENT: dict[tuple[str, str, str, str], str] = {
}
"""File, function, line and change -> why nothing can notice it."""


def reason(fault: Fault) -> str:
    """Why a fault changes nothing; empty if it is not in the list."""
    return EQUIVALENT.get((fault.path, fault.function, fault.text, fault.what), "")
