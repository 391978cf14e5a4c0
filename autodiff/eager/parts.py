"""`np.split` and its relatives on tensors: the parts are views, as they are of arrays.

NumPy itself says where a part begins and ends: it splits the positions along the axis. Each part is then a slice of the tensor, so that a
write to a part is a write to the tensor, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["SPLITS", "parts"]


SPLITS: dict[Any, int | None] = {np.split: None, np.array_split: None, np.vsplit: 0, np.hsplit: 1, np.dsplit: 2}
"""The functions, with the axis that they split, if it is not an argument."""
_UNSTACK: Any = getattr(np, "unstack", None)    # from NumPy 2.1 on
if _UNSTACK is not None:
    SPLITS[_UNSTACK] = None


def parts(function: Callable, x: Any, rest: Sequence, kwargs: dict) -> list | tuple | None:
    """The parts of a tensor that a function of `np.split`'s family gives; None if it is another function, or called in another way.

    Examples
    --------
    >>> from autodiff import tensor
    >>> x = tensor([1.0, 2.0, 3.0, 4.0])
    >>> left, right = parts(np.split, x, (2,), {})
    >>> right[0] = 7.0
    >>> x
    tensor([1., 2., 7., 4.])
    """
    if function not in SPLITS or not x.shape:
        return None
    if function is _UNSTACK:
        axis = kwargs.get("axis", 0)
        if rest or kwargs.keys() - {"axis"} or not -x.ndim <= axis < x.ndim:
            return None
        return tuple([x[_along(x, axis, k)] for k in range(x.shape[axis])])
    axis = SPLITS[function]
    if axis is None:
        given = dict(zip(("indices_or_sections", "axis"), rest)) | kwargs
        axis = given.pop("axis", 0)
    else:
        given = dict(zip(("indices_or_sections",), rest)) | kwargs
        axis = axis if x.ndim > 1 or axis == 2 else 0
    if list(given) != ["indices_or_sections"] or len(rest) > 2 or not -x.ndim <= axis < x.ndim:
        return None
    split = np.array_split if function is np.array_split else np.split
    try:
        positions = split(np.arange(x.shape[axis]), given["indices_or_sections"])
    except ValueError:      # an unequal division: the general way raises with the user's line
        return None
    return [x[_along(x, axis, slice(int(p[0]), int(p[-1]) + 1) if len(p) else slice(0, 0))] for p in positions]


def _along(x: Any, axis: int, index: Any) -> tuple:
    """An index of one axis."""
    return (*[slice(None)] * (axis % x.ndim), index)
