"""The plan of a call: where the leaves of the arguments are, what they must be, and how the results are put together.

A plan belongs to one signature. It is made once of the structures of the arguments and of the result, and printed twice: as the rows of a
table for the native entry (`native_table`), and as Python source (`python_source`) for kernels that only Python can call.

The values of a call are numbered: the arguments by position, then each value that a step takes out of an earlier one. The results are
numbered too: the outputs of the kernel in order, then each value that a step puts together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from codegen.entry import native
from tracer.static import Static
from tracer.tree import LEAF, leaf_paths, unflatten

__all__ = ["CallPlan", "Take", "Check", "Build", "native_table", "python_source"]


@dataclass(frozen=True, slots=True)
class Check:
    """What value `slot` must be: of exactly a type, and then of a length, or a dict with these keys in this order, or without a type the
    very object `value`."""

    slot: int
    type: type | None
    length: int | None = None
    keys: tuple | None = None
    value: Any = None


@dataclass(frozen=True, slots=True)
class Take:
    """A new value: item `key` of the tuple, list or dict in `slot`."""

    slot: int
    of: type
    key: Any


@dataclass(frozen=True, slots=True)
class Build:
    """A new value of earlier ones: a tuple, a list, a dict with `keys`, the object `make`, or what `make` gives for a tuple of them."""

    kind: str
    items: tuple[int, ...] = ()
    keys: tuple = ()
    make: Any = None


@dataclass(slots=True)
class CallPlan:
    """How calls of one signature reach a kernel.

    arguments : how many there are
    steps : what is checked and taken out, in order
    slots : the value that is each leaf, or -1 for one that the plan holds
    leaves : examples of the leaves, and those that the plan holds
    builds : how the result is put together; empty if it is the first output
    donated : numbers of the leaves whose arrays results may overwrite
    """

    arguments: int
    outputs: int
    steps: list[Check | Take] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    leaves: list[Any] = field(default_factory=list)
    builds: list[Build] = field(default_factory=list)
    donated: list[int] = field(default_factory=list)

    @staticmethod
    def of(tree: Any, leaves: Sequence, captured: Sequence, out_tree: Any, donate: Sequence[int] = ()) -> CallPlan | None:
        """The plan for calls with positional arguments; None for structures that only the general way knows.

        Parameters
        ----------
        tree : structure of the tuple of arguments
        leaves : the arguments' leaves
        captured : arrays that the function reads from outside its arguments
        out_tree : structure of the result
        donate : numbers of arguments whose arrays results may overwrite
        """
        plan = CallPlan(len(tree[1]), len(leaf_paths(out_tree)), leaves=[*leaves, *captured], donated=_leaves_of(tree, donate))
        if not all(plan._take_apart(t, slot) for slot, t in enumerate(tree[1])):
            return None
        plan.slots += [-1] * len(captured)
        plan._put_together(out_tree)
        return plan

    @staticmethod
    def bound(leaves: Sequence, captured: Sequence, out_tree: Any) -> CallPlan:
        """The plan for calls without arguments on leaves that it holds itself."""
        held = [*leaves, *captured]
        plan = CallPlan(0, len(leaf_paths(out_tree)), leaves=held, slots=[-1] * len(held))
        plan._put_together(out_tree)
        return plan

    def _take_apart(self, tree: Any, slot: int) -> bool:
        """Note the steps that take the leaves out of the value in `slot`."""
        if tree == LEAF:
            self.slots.append(slot)
            return True
        if tree is None:
            self.steps.append(Check(slot, None))
            return True
        if type(tree) is Static:    # an equal value that is another object goes the general way
            self.steps.append(Check(slot, None, value=tree.value))
            return True
        kind = tree[0]
        if kind in ("tuple", "list"):
            of: type = tuple if kind == "tuple" else list
            self.steps.append(Check(slot, of, len(tree[1])))
            return self._take_items(slot, of, range(len(tree[1])), tree[1])
        if kind == "namedtuple":
            self.steps.append(Check(slot, tree[1]))
            return self._take_items(slot, tuple, range(len(tree[2])), tree[2])
        if kind == "dict":
            self.steps.append(Check(slot, dict, keys=tuple(tree[1].order)))     # a dict of another order has another kernel
            return self._take_items(slot, dict, tree[1], tree[2])
        return False

    def _take_items(self, slot: int, of: type, keys: Any, children: Any) -> bool:
        for key, child in zip(keys, children, strict=True):
            self.steps.append(Take(slot, of, key))
            here = self.arguments + sum(isinstance(s, Take) for s in self.steps) - 1
            if not self._take_apart(child, here):
                return False
        return True

    def _put_together(self, tree: Any) -> None:
        """Note how a result of this structure is built from the outputs, which come in order."""
        leaves = iter(range(self.outputs))

        def build(t: Any) -> int:
            if t == LEAF:
                return next(leaves)
            if t is None:
                self.builds.append(Build("object"))
            elif type(t) is Static:
                self.builds.append(Build("object", make=t.value))
            elif t[0] in ("tuple", "list"):
                self.builds.append(Build(t[0], tuple([build(c) for c in t[1]])))
            elif t[0] == "dict":
                items = {k: build(c) for k, c in zip(t[1], t[2], strict=True)}
                self.builds.append(Build("dict", tuple([items[k] for k in t[1].order]), tuple(t[1].order)))
            else:
                items_of = tuple([next(leaves) for _ in leaf_paths(t)])
                self.builds.append(Build("make", items_of, make=lambda values: unflatten(t, values)))
            return self.outputs + len(self.builds) - 1
        if tree != LEAF:
            build(tree)


def _leaves_of(tree: Any, arguments: Sequence[int]) -> list[int]:
    """Numbers of the leaves of some arguments."""
    found: list[int] = []
    at = 0
    for k, t in enumerate(tree[1]):
        count = len(leaf_paths(t))
        found += range(at, at + count) if k in arguments else []
        at += count
    return found


# -- for the native entry -------------------------------------------------------------------------

@dataclass(slots=True)
class NativeRows:
    """A plan as rows of the native entry's table; `keep` holds what the rows point to."""

    accesses: list[list[int]]
    leaves: list[list[int]]
    builds: list[tuple[int, list[int], Any]]
    keep: list[Any]


_GET: dict[Any, int] = {tuple: native.GET_TUPLE, list: native.GET_LIST, dict: native.GET_DICT}


def native_table(plan: CallPlan, before: int = 0) -> NativeRows | None:
    """The rows for a plan; None where a leaf is nothing that the native entry compares, or would have to be copied.

    `before` : how many outputs of the kernel come before those of the plan
    """
    keep: list[Any] = []
    leaves = [_leaf_row(x, slot, keep) for x, slot in zip(plan.leaves, plan.slots, strict=True)]
    if any(r is None for r in leaves):
        return None
    accesses = [_check_row(s, keep) if isinstance(s, Check) else _take_row(s, keep) for s in plan.steps]
    builds: list[tuple[int, list[int], Any]] = []
    outputs = before + plan.outputs
    numbers = list(range(before, outputs))  # the number of each value of the plan in the native entry, which makes a tuple for `make` first
    for b in plan.builds:
        builds += _build_rows(b, [numbers[i] for i in b.items])
        numbers.append(outputs + len(builds) - 1)
    return NativeRows(accesses, leaves, builds, keep)   # type: ignore[arg-type]


def _check_row(c: Check, keep: list[Any]) -> list[int]:
    if c.type is None:
        keep.append(c.value)
        return [native.IS_OBJECT, c.slot, id(c.value), 0]
    if c.keys is not None:
        order = np.array([id(k) for k in c.keys], np.int64)
        keep += [*c.keys, order]
        return [native.IS_DICT, c.slot, order.ctypes.data, len(c.keys)]
    keep.append(c.type)
    return [native.IS_TYPE, c.slot, id(c.type), 0] if c.length is None else [native.IS_SEQUENCE, c.slot, id(c.type), c.length]


def _take_row(t: Take, keep: list[Any]) -> list[int]:
    if t.of is dict:
        keep.append(t.key)
        return [native.GET_DICT, t.slot, id(t.key), 0]
    return [_GET[t.of], t.slot, 0, t.key]


def _build_rows(b: Build, items: list[int]) -> list[tuple[int, list[int], Any]]:
    if b.kind == "object":
        return [(native.BUILD_OBJECT, [], b.make)]
    if b.kind == "dict":
        return [(native.BUILD_DICT, [w for i, k in zip(items, b.keys, strict=True) for w in (i, id(k))], _Kept(b.keys))]
    if b.kind == "make":
        return [(native.BUILD_TUPLE, items, None), (native.BUILD_CALL, [], b.make)]
    return [(native.BUILD_TUPLE if b.kind == "tuple" else native.BUILD_LIST, items, None)]


class _Kept(list):
    """Objects that a table's words point to."""


def _leaf_row(x: Any, slot: int, keep: list[Any]) -> list[int] | None:
    """What a leaf must be; one that the plan holds is held by the table itself."""
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


# -- for Python -----------------------------------------------------------------------------------

@dataclass(slots=True)
class PythonParts:
    """A plan as Python source.

    head : lines that take the leaves out of the tuple `args`, and leave with `return miss(args)` where a call does not fit
    leaves : the names of the leaves
    result : from the names of the outputs to the expression that is the result
    names : what the lines refer to
    """

    head: list[str]
    leaves: list[str]
    result: Any
    names: dict[str, Any]


def python_source(plan: CallPlan) -> PythonParts | None:
    """The source for a plan; None where a leaf is nothing that it can compare."""
    names: dict[str, Any] = {"ndarray": np.ndarray}
    value = [f"args[{i}]" for i in range(plan.arguments)]
    takes: list[str] = []
    checks = [f"len(args) == {plan.arguments}"]
    for k, s in enumerate(plan.steps):
        if isinstance(s, Take):
            takes.append(f"v{len(value)} = {value[s.slot]}[{s.key!r}]" if isinstance(s.key, (int, str)) else "")
            value.append(f"v{len(value)}")
            if not takes[-1]:
                return None
        else:
            checks.append(_check_source(s, value[s.slot], f"type{k}", names))
    found = []
    for i, (x, slot) in enumerate(zip(plan.leaves, plan.slots, strict=True)):
        if slot < 0:
            names[f"held{i}"] = x
        found.append(value[slot] if slot >= 0 else f"held{i}")
        check = _leaf_check(x, f"l{i}", i, names) if slot >= 0 else ""
        if check is None:
            return None
        takes += [f"l{i} = {found[-1]}"] if slot >= 0 else [f"l{i} = held{i}"]
        checks += [check] if check else []
    head = ["try:", *(f"    {line}" for line in takes or ["pass"]), "except (LookupError, TypeError, AttributeError):",
            "    return miss(args)", f"if not ({' and '.join(checks)}):", "    return miss(args)", "hits[0] += 1"]
    for k, b in enumerate(plan.builds):
        names[f"make{k}"], names[f"keys{k}"] = b.make, b.keys
    return PythonParts(head, [f"l{i}" for i in range(len(plan.leaves))], lambda outputs: _result_source(plan, outputs), names)


def _check_source(c: Check, value: str, name: str, names: dict[str, Any]) -> str:
    if c.type is None:
        names[name] = c.value
        return f"{value} is {name}"
    if c.keys is not None:
        names[name] = c.keys
        return f"type({value}) is dict and tuple({value}) == {name}"
    names[name] = c.type
    return f"type({value}) is {name}" + (f" and len({value}) == {c.length}" if c.length is not None else "")


def _leaf_check(x: Any, value: str, i: int, names: dict[str, Any]) -> str | None:
    if type(x) is np.ndarray and x.dtype is np.dtype(x.dtype.type):
        names[f"shape_of{i}"], names[f"dtype_of{i}"] = x.shape, x.dtype
        return f"type({value}) is ndarray and {value}.shape == shape_of{i} and {value}.dtype is dtype_of{i}"
    if type(x) in (float, int, bool) or isinstance(x, np.generic):
        names[f"type_of{i}"] = type(x)
        return f"type({value}) is type_of{i}"
    return None


def _result_source(plan: CallPlan, outputs: Sequence[str]) -> str:
    """The expression of the result, given the expressions of the outputs."""
    value = list(outputs)
    for k, b in enumerate(plan.builds):
        items = [value[i] for i in b.items]
        listed = ", ".join(items)
        if b.kind == "object":
            value.append(f"make{k}")
        elif b.kind == "list":
            value.append(f"[{listed}]")
        elif b.kind == "dict":
            value.append("{" + ", ".join(f"keys{k}[{j}]: {item}" for j, item in enumerate(items)) + "}")
        else:
            made = f"({listed}{',' if len(items) == 1 else ''})"
            value.append(f"make{k}({made})" if b.kind == "make" else made)
    return value[-1] if plan.builds else value[0]
