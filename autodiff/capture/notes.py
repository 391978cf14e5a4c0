"""What `why` of a compiled function says of how it was recorded."""

from __future__ import annotations

from tracer.errors import user_line
from tracer.trace import current_trace

__all__ = ["note"]


def note(text: str) -> None:
    """Say something about the function being traced, for `why`."""
    where = user_line()
    trace = current_trace()
    while trace is not None and trace.parent is not None:
        trace = trace.parent
    if trace is not None:
        line = f"{where}: {text}" if where else text
        if line not in trace.notes:
            trace.notes.append(line)
