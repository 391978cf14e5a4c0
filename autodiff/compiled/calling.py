"""From a signature's trees to the native entry's table: where the leaves of the arguments are, and how the results are put together."""

from __future__ import annotations

from typing import Any

import numpy as np

from codegen.entry import native
from tracer.tree import unflatten

__all__ = ["table_of", "bound_table"]


def bound_table(kernel, leaves, captured, out_tree, same: bool) -> native.Signature | None:
    """The table for calls without arguments on leaves that it holds itself; None if one of them would have to be copied."""
    keep: list[Any] = [leaves, captured]
    rows = [_leaf_row(x, -1, keep) for x in (*leaves, *captured)]
    if any(r is None for r in rows):
        return None
    builds: list[tuple[int, list[int], Any]] = []
    _put_together(out_tree, len(kernel.outputs), builds)
    return kernel.signature(0, [], rows, builds, keep, same)


def table_of(kernel, tree, leaves, captured, out_tree, donate=()) -> native.Signature | None:
    """The table for calls with positional arguments of this structure; None for structures that only the general way knows.

    Parameters
    ----------
    kernel : the compiled kernel
    tree : structure of the tuple of arguments
    leaves : the arguments' leaves
    captured : arrays that the function reads from outside its arguments
    out_tree : structure of the result
    donate : numbers of arguments whose arrays results may overwrite
    """
    nargs = len(tree[1])
    accesses: list[list[int]] = []
    found: list[int] = []
    keep: list[Any] = [captured]
    if not _take_apart(tree, None, nargs, accesses, found, keep):
        return None
    rows = [_leaf_row(x, slot, keep) for x, slot in zip(leaves, found, strict=True)]
    rows += [_leaf_row(c, -1, keep) for c in captured]
    if any(r is None for r in rows):
        return None
    builds: list[tuple[int, list[int], Any]] = []
    _put_together(out_tree, len(kernel.outputs), builds)
    return kernel.signature(nargs, accesses, rows, builds, keep, donated=_leaves_of(tree, donate))


def _leaves_of(tree, arguments) -> list[int]:
    """Numbers of the leaves of some arguments."""
    found: list[int] = []
    at = 0
    for k, t in enumerate(tree[1]):
        count = _leaves(t)
        found += range(at, at + count) if k in arguments else []
        at += count
    return found


def _take_apart(tree, slot: int | None, nargs: int, accesses: list[list[int]], found: list[int], keep: list[Any]) -> bool:
    """Write the accesses of a structure whose value is in `slot`; the arguments themselves if that is None."""
    if tree == "*":
        assert slot is not None
        found.append(slot)
        return True
    if tree is None:
        assert slot is not None
        accesses.append([native.IS_OBJECT, slot, id(None), 0])
        return True
    kind = tree[0]
    if slot is None:
        return all(_take_apart(c, i, nargs, accesses, found, keep) for i, c in enumerate(tree[1]))
    if kind in ("tuple", "list"):
        children, get = tree[1], native.GET_TUPLE if kind == "tuple" else native.GET_LIST
        accesses.append([native.IS_SEQUENCE, slot, id(tuple if kind == "tuple" else list), len(children)])
        keys: list[list[int]] = [[0, i] for i in range(len(children))]
    elif kind == "namedtuple":
        children, get = tree[2], native.GET_TUPLE
        keep.append(tree[1])
        accesses.append([native.IS_TYPE, slot, id(tree[1]), 0])
        keys = [[0, i] for i in range(len(children))]
    elif kind == "dict":
        children, get = tree[2], native.GET_DICT
        order = np.array([id(k) for k in tree[1].order], np.int64)     # a dict of another order has another kernel
        keep += [*tree[1].order, order]
        accesses.append([native.IS_DICT, slot, order.ctypes.data, len(children)])
        keys = [[id(k), 0] for k in tree[1]]
    else:
        return False
    for key, child in zip(keys, children, strict=True):
        accesses.append([get, slot, *key])
        here = nargs + sum(a[0] in (native.GET_TUPLE, native.GET_LIST, native.GET_DICT) for a in accesses) - 1
        if not _take_apart(child, here, nargs, accesses, found, keep):
            return False
    return True


def _leaf_row(x: Any, slot: int, keep: list[Any]) -> list[int] | None:
    """What a leaf must be; a captured one is held by the table itself."""
    held = 0
    if slot < 0:
        if not isinstance(x, np.ndarray):
            x = np.asarray(x)
        if not x.flags.carray:
            return None  # a copy would not see later changes
        keep.append(x)
        held = id(x)
    t = type(x)
    if t is np.ndarray:
        if x.dtype is not np.dtype(x.dtype.type):
            return None
        dims = np.array([*x.shape, 0], np.int64)
        keep.append(dims)
        return [native.ARRAY, slot, id(x.dtype), x.ndim, dims.ctypes.data, held]
    if t in (float, int, bool):
        return [{float: native.FLOAT, int: native.INT, bool: native.BOOL}[t], slot, 0, 0, 0, held]
    if isinstance(x, np.generic) and x.dtype.kind in "fiub":
        keep.append(t)
        return [native.SCALAR, slot, id(t), 0, 0, held]
    return None


def _put_together(tree, outputs: int, builds: list[tuple[int, list[int], Any]]) -> None:
    """Write how the result is built from the kernel's outputs, which come in order."""
    leaf = 0

    def build(t) -> int:
        nonlocal leaf
        if t == "*":
            leaf += 1
            return leaf - 1
        if t is None:
            builds.append((native.BUILD_OBJECT, [], None))
            return outputs + len(builds) - 1
        kind = t[0]
        if kind in ("tuple", "list"):
            items = [build(c) for c in t[1]]
            builds.append((native.BUILD_TUPLE if kind == "tuple" else native.BUILD_LIST, items, None))
        elif kind == "dict":
            items = {k: build(c) for k, c in zip(t[1], t[2], strict=True)}
            builds.append((native.BUILD_DICT, [w for k in t[1].order for w in (items[k], id(k))], _Held(t[1].order)))
        else:
            first = leaf
            count = _leaves(t)
            leaf += count
            builds.append((native.BUILD_TUPLE, list(range(first, first + count)), None))
            builds.append((native.BUILD_CALL, [], lambda values: unflatten(t, values)))
        return outputs + len(builds) - 1
    if tree != "*":
        build(tree)


def _leaves(t) -> int:
    from tracer.tree import leaf_paths
    return len(leaf_paths(t))


class _Held(list):
    """Objects that a table's words point to."""
