"""What a program has asked of the arguments of a compiled function, besides what always belongs to a signature: dtypes and shapes."""

from __future__ import annotations

import enum
from typing import Any

__all__ = ["Asked", "ask"]


class Asked(enum.IntEnum):
    """What a recording depends on; each includes those before."""

    TYPES = 0       # dtypes and shapes
    CLASSES = 1     # whether an argument without axes is an array or a number
    LAYOUT = 2      # how arrays lie in memory


def ask(trace: Any, what: Asked) -> None:
    """Note, in the outermost trace around one, that Python was told something of an argument."""
    while trace.parent is not None:
        trace = trace.parent
    trace.asked = max(trace.asked, what)
