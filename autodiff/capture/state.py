"""Names, values and jumps: what the blocks of a captured function hand to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import CellType
from typing import Any, Protocol

import numpy as np

from autodiff.capture.region import Region
from autodiff.leaves import as_leaf
from tracer.errors import ConcreteValueError, DTypeError, ShapeError, TraceError, explain, line_of
from tracer.graph import Graph, Where
from tracer.op import type_of
from tracer.promote import broadcast_to, cast_to
from tracer.trace import Tracer, current_trace
from tracer.tree import flatten, static_paths
from tracer.types import ArrayType, Size

__all__ = ["Declined", "Jump", "NONE", "CONTINUE", "BREAK", "RETURN", "UNBOUND", "Cells", "undecided", "truth", "is_data", "weak_of",
           "joined_type", "converted", "declined", "exceptions_refused", "names_refused", "Retrace", "regions", "leaves_of",
           "keeps_number", "kind_of", "is_same", "has_effect", "check_lengths"]


class Declined(ConcreteValueError):
    """Control flow that cannot become part of a graph."""


def declined(what: str, why: str = "", fix: str = "") -> Declined:
    """The error, with the user's line."""
    return explain(Declined, what, why=why, fix=fix)  # type: ignore[return-value]


def check_lengths(values: Sequence) -> None:
    """Refuse arrays as inputs of a block, of which one has a length that is a sum of others: a block knows lengths by name.

    Raises
    ------
    Declined
        If the others are not lengths of inputs, too.
    """
    types = [type_of(x) for x in values]
    named = {d.name() for t in types for d in t.shape if isinstance(d, Size)}
    for t in types:
        if any(s not in named and getattr(s, "bounds", None) is None for s in t.symbols()):
            raise declined(f"an array {t} in a loop or branch", "its length is a sum of lengths that are known only at run time",
                           "write it to an array of a known length, and slice that")


class exceptions_refused:
    """A context that refuses a block which raises an exception of Python while it is recorded.

    The block may not run, or not in this step, when the function runs: what it raises is not what the program raises. Our own errors pass.

    Raises
    ------
    Declined
        In place of the exception.
    """

    def __init__(self, where: str):
        self.where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, e, traceback) -> None:
        if not isinstance(e, Exception) or isinstance(e, (TraceError, Retrace)):
            return
        trace = current_trace()
        while trace is not None and trace.parent is not None:
            trace = trace.parent
        refused = _name_refused(e, trace.lost if trace is not None else {})
        if refused is None:
            text = str(e).split("\n")[0]
            refused = explain(Declined, f"{self.where} raises {type(e).__name__}" + (f": {text}" if text else ""), where=line_of(e),
                              why="whether that happens is not known while the function is recorded")
        raise refused from e


class names_refused:
    """A context that refuses a function which reads a name that has a value on one path of a condition only.

    Raises
    ------
    Declined
        In place of Python's NameError.
    """

    def __init__(self, lost: dict[str, Where | None]):
        self.lost = lost    # such names, and the lines of the conditions

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, e, traceback) -> None:
        refused = _name_refused(e, self.lost)
        if refused is not None:
            raise refused from e


def _name_refused(e: BaseException | None, lost: dict[str, Where | None]) -> Exception | None:
    name = next((n for n in lost if f"'{n}'" in str(e)), None) if isinstance(e, NameError) else None
    if name is None:
        return None
    return explain(Declined, f"`{name}` is read after a condition that binds it on one path only", where=lost[name],
                   why="which path is taken is not known while the function is recorded",
                   fix=f"bind `{name}` before the loop or condition, to a value of the type it gets")


class Retrace(Exception):
    """Record the block once more."""


NONE, CONTINUE, BREAK, RETURN = range(4)


class Jump:
    """How a block was left: a code, which may be traced, and the value that is returned."""

    __slots__ = ("code", "value")

    def __init__(self, code, value: Any = None):
        self.code = code
        self.value = value


class _Unbound:
    def __repr__(self) -> str:
        return "unbound"


UNBOUND = _Unbound()


class Place(Protocol):
    """What holds a value and is no variable of the function: a `Slot`."""

    owner: Any
    kind: str

    def get(self) -> Any: ...   # noqa: D102

    def put(self, value: Any) -> None: ...  # noqa: D102

    def like(self) -> tuple: ...    # noqa: D102


Target = str | Place


class Cells:
    """The variables that blocks share, and places elsewhere that they set; iteration goes over those that matter after the blocks."""

    def __init__(self, blocks: Iterable[Callable | None], names: Iterable[str]):
        self.cells: dict[Target, CellType | Place] = {}
        for f in blocks:
            closure = getattr(f, "__closure__", None)
            if closure:
                self.cells.update(zip(f.__code__.co_freevars, closure, strict=True))  # type: ignore[union-attr]
        self.names: list[Target] = [n for n in names if n in self.cells]

    def __iter__(self):
        return iter(self.names)

    def copy(self) -> Cells:
        """The same variables, to which places can be added."""
        new = Cells((), ())
        new.cells, new.names = dict(self.cells), list(self.names)
        return new

    def add(self, place: Place) -> Target | None:
        """A place that is set besides: what it is called here, None if it was among those that matter."""
        name: Target = next((n for n, c in self.cells.items() if c is place.owner), place)
        if name in self.names:
            return None
        self.cells.setdefault(name, place)
        self.names.append(name)
        return name

    def get(self, name: Target) -> Any:
        """The value, or UNBOUND."""
        cell = self.cells[name]
        if not isinstance(cell, CellType):
            return cell.get()
        try:
            return cell.cell_contents
        except ValueError:
            return UNBOUND

    def put(self, name: Target, value) -> None:
        """Set or unset the value."""
        cell = self.cells[name]
        if value is UNBOUND and self.get(name) is UNBOUND:
            return
        if not isinstance(cell, CellType):
            cell.put(value)
        elif value is not UNBOUND:
            cell.cell_contents = value
        else:
            del cell.cell_contents

    def all(self) -> dict[Target, Any]:
        """The values of all variables: a block may read one that matters no more after it."""
        return {n: self.get(n) for n in self.cells}

    def restore(self, values: dict[Target, Any]) -> None:
        """Set all variables."""
        for n, v in values.items():
            if n in self.cells and self.get(n) is not v:
                self.put(n, v)


def undecided(x) -> bool:
    """Whether x is traced and its number not known."""
    return isinstance(x, Tracer) and x.value is None and bool(x.owner.level)


def truth(x: Tracer) -> Tracer:
    """The condition that x is: a boolean scalar.

    Raises
    ------
    ShapeError
        If x has several elements.
    """
    if any(d != 1 for d in x.type.shape):
        raise explain(ShapeError, f"the truth value of an array of shape {x.type.shape} is ambiguous", why="it has several elements",
                      fix="use np.any(x) or np.all(x)")
    flat: Any = x if x.type.shape == () else np.reshape(x, ())  # type: ignore[call-overload]
    return flat if flat.type.dtype.kind == "b" else np.not_equal(flat, 0)


def is_data(x) -> bool:
    """Whether a graph can hold x."""
    if isinstance(x, Tracer) or type(x) in (float, int, bool):
        return True
    return isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "biuf" and x.dtype.itemsize <= 8


def weak_of(x) -> type | None:
    """float, int or bool where x is a Python number."""
    if isinstance(x, Tracer):
        return x.weak
    return type(x) if type(x) in (float, int, bool) else None


def keeps_number(x, dtype: np.dtype) -> bool:
    """Whether a dtype of NumPy's holds a number of Python's as it is, as far as is known."""
    if dtype.kind != "f" or dtype == np.float64:
        return True
    if isinstance(x, Tracer):
        return x.weak is bool
    with np.errstate(over="ignore"):
        return x != x or float(dtype.type(x)) == x


def joined_type(a, b, what: str) -> tuple[ArrayType, type | None]:
    """The type of a value that is `a` or `b`, and whether it is weak.

    Raises
    ------
    Declined
        If the shapes differ.
    """
    ta, tb = type_of(as_leaf(a)), type_of(as_leaf(b))
    if ta.shape != tb.shape:
        raise declined(f"{what} is {ta} on one path and {tb} on the other", "a value of a compiled function has one shape")
    wa, wb = weak_of(a), weak_of(b)
    if wa is None and wb is None and ta.dtype != tb.dtype and "b" not in (ta.dtype.kind, tb.dtype.kind):    # a truth value is 0 or 1
        raise declined(f"{what} is {ta} on one path and {tb} on the other", "a value has the dtype of the path that is taken",
                       "convert both to one dtype, x.astype(...)")
    if wa is not None and wb is not None:
        weak = wa if wa is wb else float if float in (wa, wb) else int
        return ta.with_dtype(np.result_type(ta.dtype, tb.dtype)), weak
    strong, weak_one = (ta, b) if wa is None else (tb, a)
    if (wa is None) is not (wb is None) and not keeps_number(weak_one, strong.dtype):
        raise declined(f"{what} is {strong} on one path and a number of Python's on the other, which {strong.dtype} would round",
                       "a value has the dtype of the path that is taken", "convert both to one dtype")
    try:
        dtype = np.result_type(ta.dtype if wa is None else wa(0), tb.dtype if wb is None else wb(0))
    except TypeError:
        raise explain(DTypeError, f"{what} is {ta} on one path and {tb} on the other") from None
    return ta.with_dtype(dtype), None


def converted(x, t: ArrayType):
    """A value as one of type `t`; scalars are spread."""
    x = cast_to(as_leaf(x), t.dtype)
    return x if type_of(x).shape == t.shape else broadcast_to(x, t.shape)


def regions() -> Iterable[Region]:
    """The open blocks, innermost first."""
    trace = current_trace()
    while isinstance(trace, Region):
        yield trace
        trace = trace.parent


def leaves_of(x) -> tuple[list, Any]:
    """The leaves of a tree of data and its structure; (None, None) for what is not data."""
    try:
        leaves, tree = flatten(x)
    except TypeError:
        return [], UNBOUND
    if not leaves and next(static_paths(tree), None) is not None:
        return [], UNBOUND      # a text or a function alone is no data
    return (leaves, tree) if all(map(is_data, leaves)) else ([], UNBOUND)


def kind_of(x) -> str:
    """What a value is, for an error: its type, or its class and, of a builtin one, its text; that of others may ask for numbers."""
    if isinstance(x, Tracer):
        return str(x.type)
    if x is UNBOUND:
        return "unbound"
    return type(x).__name__ + (f" {x!r}"[:80] if type(x).__module__ in ("builtins", "numpy") else "")


def is_same(x, y) -> bool:
    """Whether two values that are no data may stand for each other."""
    if isinstance(x, (str, bytes, type(None), bool)) or type(x) in (int, float):
        return type(x) is type(y) and bool(x == y)
    return False


def has_effect(graphs: Iterable[Graph]) -> bool:
    """Whether a node of one of the graphs does more than give its results."""
    return any(n.has_effect() for g in graphs for n in g.nodes)
