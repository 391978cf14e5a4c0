"""The way from `grad` and its like to the define-by-run face, which is loaded when a derivative is first asked for outside of a trace.

`autodiff/api` stands below `autodiff/eager`: `autodiff/__init__.py` says here what makes the tape's derivatives of a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracer.trace import current_trace

__all__ = ["TapeRoad", "tape_road", "tape_roads"]


class TapeRoad:
    """The derivatives of a function by running it on tensors; `autodiff.eager.functions` has the one that does."""

    __slots__ = ()

    def value_and_grad(self, args: tuple, kwargs: dict, nums: Sequence[int], has_aux: bool = False) -> tuple[Any, list] | None:
        """The value, or (value, aux), and the gradient for each argument in `nums`; None where the function has to be traced."""
        return None

    def pulled(self, args: tuple, kwargs: dict, nums: Sequence[int], has_aux: bool = False) -> Any:
        """The `value` of the function, its `type`, `aux` and `pull`; None where the function has to be traced, or returns a tree."""
        return None

    def jacobian(self, args: tuple, kwargs: dict, nums: Sequence[int], if_fewer: bool) -> list | None:
        """The Jacobian for each argument in `nums` by reverse sweeps, with `if_fewer` where forward sweeps would be no fewer; or None."""
        return None

    def why(self) -> str:
        """How the last call went."""
        return "through its graph"


tape_roads: list[Callable[[Callable], TapeRoad]] = []
"""What makes the tape's derivatives of a function: one entry, made when `autodiff` is imported."""


class _Unopened(TapeRoad):
    """A road that is made when it is first taken; inside a trace no tape is recorded, and none is made."""

    def __init__(self, f: Callable):
        self._function = f

    def _opened(self) -> TapeRoad:
        if current_trace() is not None:
            return TapeRoad()
        road = tape_roads[0](self._function)
        for name in ("value_and_grad", "pulled", "jacobian", "why"):
            setattr(self, name, getattr(road, name))     # later calls go there
        return road

    def value_and_grad(self, *args: Any, **kwargs: Any) -> Any:
        """See `TapeRoad`."""
        return self._opened().value_and_grad(*args, **kwargs)

    def pulled(self, *args: Any, **kwargs: Any) -> Any:
        """See `TapeRoad`."""
        return self._opened().pulled(*args, **kwargs)

    def jacobian(self, *args: Any, **kwargs: Any) -> Any:
        """See `TapeRoad`."""
        return self._opened().jacobian(*args, **kwargs)

    def why(self) -> str:
        """See `TapeRoad`."""
        return self._opened().why()


def tape_road(f: Callable) -> TapeRoad:
    """The tape's derivatives of a function."""
    return _Unopened(f) if tape_roads else TapeRoad()
