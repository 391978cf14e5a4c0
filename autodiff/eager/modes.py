"""Whether operations on tensors are remembered for `backward`: a mode of the thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["mode", "no_grad", "enable_grad", "traced", "is_grad_enabled"]


class _Mode(threading.local):
    grad = True
    traced = False      # `grad` is to trace its function, and evaluate the graph
    strict = False      # within a derivative of a function: a number taken out of a tensor would be lost to it


mode = _Mode()


@contextmanager
def no_grad() -> Iterator[None]:
    """Within, nothing is remembered for `backward`; parameters may be written in place. Also a decorator: `@no_grad()`.

    Examples
    --------
    >>> from autodiff import tensor
    >>> w = tensor([1.0, 2.0], requires_grad=True)
    >>> with no_grad():
    ...     w -= 0.5
    >>> w
    tensor([0.5, 1.5], requires_grad=True)
    """
    before, mode.grad = mode.grad, False
    try:
        yield
    finally:
        mode.grad = before


@contextmanager
def enable_grad() -> Iterator[None]:
    """Within, even inside `no_grad`, operations are remembered. Also a decorator: `@enable_grad()`."""
    before, mode.grad = mode.grad, True
    try:
        yield
    finally:
        mode.grad = before


@contextmanager
def traced() -> Iterator[None]:
    """Within, derivatives of functions are those of the traced graph, evaluated by NumPy: what compiled code is compared with."""
    before, mode.traced = mode.traced, True
    try:
        yield
    finally:
        mode.traced = before


def is_grad_enabled() -> bool:
    """Whether operations on tensors are remembered now."""
    return mode.grad
