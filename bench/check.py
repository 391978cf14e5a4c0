"""Whether two answers agree: the same structure and shapes, and the same numbers to a relative tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracer.tree import flatten, leaf_paths

__all__ = ["WrongAnswer", "check"]


class WrongAnswer(Exception):
    """A peer computed something else than the reference."""


def check(got: Any, want: Any, rtol: float) -> None:
    """Raise `WrongAnswer` unless every leaf of `got` agrees with `want`.

    Elements must agree to `rtol` of their own size or of the leaf's root mean square, whichever is larger: an
    element that is nearly zero because large terms cancelled is only known to that.
    """
    (got_leaves, got_tree), (want_leaves, want_tree) = flatten(_plain(got)), flatten(_plain(want))
    if got_tree != want_tree:
        raise WrongAnswer(f"result has the structure {got_tree}, not {want_tree}")
    for path, g, w in zip(leaf_paths(want_tree), got_leaves, want_leaves, strict=True):
        name = f"result{path}"
        g, w = np.asarray(g), np.asarray(w)
        if g.shape != w.shape:
            raise WrongAnswer(f"{name} has the shape {g.shape}, not {w.shape}")
        if g.dtype != w.dtype:
            raise WrongAnswer(f"{name} has the dtype {g.dtype}, not {w.dtype}")
        if not w.size:
            continue
        scale = np.maximum(np.abs(w), np.sqrt(np.mean(np.square(w, dtype=np.float64))))
        error = np.abs(g - w) / np.where(scale > 0, scale, 1)
        if not np.all(error <= rtol):           # written so that nan counts as wrong
            raise WrongAnswer(f"{name} is off by {np.max(error):.1e}, allowed {rtol:.0e}")


def _plain(answer):
    """Lists become tuples: libraries differ in which they return."""
    if isinstance(answer, list | tuple):
        return tuple(_plain(x) for x in answer)
    if isinstance(answer, dict):
        return {k: _plain(v) for k, v in answer.items()}
    return answer
