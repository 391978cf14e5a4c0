"""Is this program well formed? What every pass on loops and every emitter may take for granted, and the checker that holds them to it.

`check` goes through a program in the order in which it runs, and raises `ProgramError` at the first rule that is broken:

1. a counter belongs to one loop around its use, and no loop inside has the same;
2. an index has a number for each axis of the buffer, and the numbers are integers;
3. a program never writes its inputs, and writes all its outputs;
4. what is read has been written before, if only in part: no pass may move a reader in front of all writers, or take away a store that a
   reader still needs;
5. dtypes agree: both sides of a function that wants equal ones, both values of a choice, a store and its buffer; tests are truth values;
6. no access is outside of its buffer, as far as that is known from the counters alone. Where an index is data, lowering has put a `Check`
   in front of it, or the index has been clipped; that is not proved again. Buffers between guard pages in the tests find the rest;
7. a loop that runs in vectors or in threads has independent steps; one in vectors is made of stores and checks alone; what is summed in
   vectors as long as a loop runs is written by stores in that loop, in one way, and read by nobody in there.

It runs after every pass with `AUTODIFF_CHECK=1`, and in the tests always.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from codegen.loops.language import (
    Alloc,
    Apply,
    Buffer,
    Call,
    Cast,
    Check,
    Expr,
    For,
    Grow,
    If,
    Lit,
    Load,
    Name,
    Program,
    Select,
    Stmt,
    Store,
    VectorSum,
    While,
    accesses,
    show_expr,
    stmt_exprs,
    walk_expr,
)
from codegen.loops.usage import stores
from tracer.sizes import as_int

__all__ = ["ProgramError", "check"]

BOOL = np.dtype(np.bool_)
ANY_DTYPES = {"ldexp"}
"""Functions whose arguments may have different dtypes."""


class ProgramError(AssertionError):
    """A program that breaks a rule; a fault of the compiler, never of the user's program."""


@dataclass(slots=True)
class _State:
    """What is known at one point of a program."""

    counters: dict[str, Expr] = field(default_factory=dict)
    """Counter of a loop around -> the number of its steps."""
    exact: bool = True
    """Whether every step of all loops around is taken: not inside of an `If` or a `While`."""
    written: set[Buffer] = field(default_factory=set)


def check(program: Program, after: str = "") -> None:
    """Raise `ProgramError` if a program is not well formed; `after` names the pass that made it.

    Examples
    --------
    >>> y = Buffer("y", np.dtype(np.float64), (Lit(3),), "output")
    >>> i = Name("i")
    >>> check(Program("f", [], [y], [For(i, Lit(4), [Store(y, (i,), Lit(0.0, y.dtype))])]), "a pass")
    Traceback (most recent call last):
    ...
    codegen.loops.check.ProgramError: program f after a pass: y[i] is outside of axis 0 of y, which has 3 elements: it goes from 0 to 3
    """
    made = f" after {after}" if after else ""
    state = _State(written={b.storage for b in program.inputs})
    try:
        _check_block(program.body, state)
        for b in program.outputs:
            if isinstance(b, Buffer) and b.storage not in state.written and 0 not in (b.static_shape() or ()):
                raise _Broken(f"output {b.name} is written nowhere")
    except _Broken as e:
        raise ProgramError(f"program {program.name}{made}: {e}") from None


class _Broken(Exception):
    """A rule that is broken, said without the name of the program."""


def _check_block(block: list[Stmt], state: _State) -> None:
    for s in block:
        _check_statement(s, state)


def _check_statement(s: Stmt, state: _State) -> None:
    if not isinstance(s, While):    # whose test comes after its head
        for e in stmt_exprs(s):
            _check_expression(e, state)
    _RULES[type(s)](s, state)


def _check_made(s: Grow | Alloc, state: _State) -> None:
    state.written.add(s.buffer.storage)


def _check_while(s: While, state: _State) -> None:
    _inside(s.head, state)
    _check_expression(s.test, state)
    if s.test.dtype != BOOL:
        raise _Broken(f"the test {show_expr(s.test)} of a while is a {s.test.dtype}")
    _inside(s.body, state)


def _check_branches(s: If, state: _State) -> None:
    for branch in s.branches:
        _inside(branch, state)


def _check_check(s: Check, state: _State) -> None:
    if s.index.dtype.kind not in "iu":
        raise _Broken(f"the check of {show_expr(s.index)}, a {s.index.dtype}, is none of an index")


def _inside(block: list[Stmt], state: _State) -> None:
    """A block that may be left out: what it writes counts as written, as a reader may stand under the same condition."""
    exact, state.exact = state.exact, False
    _check_block(block, state)
    state.exact = exact


def _check_loop(s: For, state: _State) -> None:
    name = s.var.name
    if name in state.counters:
        raise _Broken(f"a loop over {name} stands in a loop over {name}")
    state.counters[name] = s.stop
    _check_block(s.body, state)
    del state.counters[name]
    if (s.vector is not None or s.threads is not None) and (not s.parallel or s.reverse):
        how = "vectors" if s.vector is not None else "threads"
        raise _Broken(f"the loop over {name} runs in {how}, but its steps depend on each other")
    if s.vector is not None and not all(isinstance(x, (Store, Check)) for x in s.body):
        raise _Broken(f"the loop over {name} runs in vectors, but is not made of stores and checks alone")
    for x in s.sums:
        _check_sum(x, s)


def _check_sum(x: VectorSum, s: For) -> None:
    where = f"the loop over {s.var.name} sums {x} in vectors, but"
    inside = {id(store) for store in stores(s)}
    if any(id(store) not in inside or store.combine != x.combine for store in x.stores):
        raise _Broken(f"{where} a store of that sum is not in there, or is not one of {x.combine}")
    root = x.buffer.storage
    if sum(1 for a in accesses(s) if a.buffer.storage is root and not a.write) > sum(1 for y in stores(s) if y.buffer.storage is root):
        raise _Broken(f"{where} something in there reads it")


def _check_store(s: Store, state: _State) -> None:
    if s.buffer.storage.role == "input":
        raise _Broken(f"the input {s.buffer.name} is written")
    if s.value.dtype != s.buffer.dtype:
        raise _Broken(f"{show_expr(s.value)}, a {s.value.dtype}, is stored in {s.buffer.name}, which holds {s.buffer.dtype}")
    _check_index(s.buffer, s.index, state)
    if s.combine is not None:
        _check_read(s.buffer, state)
    state.written.add(s.buffer.storage)


def _check_call(s: Call, state: _State) -> None:
    for x in (*s.inputs, *(s.outputs if s.info.get("add") else ())):
        _check_read(x.buffer, state)
    for x in s.outputs:
        if x.buffer.storage.role == "input":
            raise _Broken(f"the input {x.buffer.name} is written by a call of {s.kind}")
        state.written.add(x.buffer.storage)
    for x in (*s.inputs, *s.outputs):
        if len(x.lead) > len(x.buffer.shape):
            raise _Broken(f"a call of {s.kind} takes {len(x.lead)} indices of {x.buffer.name}, which has {len(x.buffer.shape)} axes")


def _check_read(b: Buffer, state: _State) -> None:
    if b.storage not in state.written and 0 not in (b.static_shape() or ()):
        raise _Broken(f"{b.name} is read before anything is written to it")


def _check_expression(e: Expr, state: _State) -> None:
    for part in walk_expr(e):
        if isinstance(part, Load):
            _check_read(part.buffer, state)
            _check_index(part.buffer, part.index, state)
        elif isinstance(part, Apply):
            _check_apply(part)
        elif isinstance(part, Select):
            if part.test.dtype != BOOL or part.yes.dtype != part.no.dtype:
                raise _Broken(f"{show_expr(part)} chooses by a {part.test.dtype} between a {part.yes.dtype} and a {part.no.dtype}")
        elif isinstance(part, Name) and part.name not in state.counters:
            raise _Broken(f"{part.name} is the counter of no loop around")


def _check_apply(e: Apply) -> None:
    if e.fn not in ANY_DTYPES and len({a.dtype for a in e.args}) > 1:
        raise _Broken(f"{show_expr(e)} is a function of {' and '.join(str(a.dtype) for a in e.args)}")


def _check_index(b: Buffer, index: tuple[Expr, ...], state: _State) -> None:
    if len(index) != len(b.shape):
        raise _Broken(f"{b.name}, which has {len(b.shape)} axes, is given {len(index)} indices")
    for axis, (i, length) in enumerate(zip(index, b.shape, strict=True)):
        if i.dtype.kind not in "iu":
            raise _Broken(f"{show_expr(i)}, a {i.dtype}, is an index of {b.name}")
        if state.exact and isinstance(length, Lit):
            found = _range(i, state)
            if found is not None and found[0] <= found[1] and (found[0] < 0 or found[1] >= length.value):
                raise _Broken(f"{b.name}[{', '.join(map(show_expr, index))}] is outside of axis {axis} of {b.name}, which has "
                              f"{length.value} elements: it goes from {found[0]} to {found[1]}")


def _range(e: Expr, state: _State) -> tuple[int, int] | None:
    """The least and the largest value of an index made of counters, each of which stands in it once; None if it is anything else."""
    terms = _linear(e)
    if terms is None:
        return None
    low = high = terms.pop("", 0)
    for name, factor in terms.items():
        stop = state.counters.get(name)
        if not isinstance(stop, Lit):
            return None
        ends = (0, factor * (stop.value - 1))
        if stop.value <= 0:
            return 1, 0     # no step is taken
        low, high = low + min(ends), high + max(ends)
    if any(isinstance(stop, Lit) and stop.value <= 0 for stop in state.counters.values()) or not all(
            isinstance(stop, Lit) for stop in state.counters.values()):
        return None     # the loop around may take no step
    return low, high


def _linear(e: Expr) -> dict[str, int] | None:
    """Factor of each name in a sum of multiples of names; under "" the constant. None if it is no such sum."""
    if isinstance(e, Lit):
        return {"": as_int(e.value)}
    if isinstance(e, Name):
        return {e.name: 1}
    if isinstance(e, Cast):
        return None
    if not isinstance(e, Apply) or e.fn not in ("add", "sub", "mul", "neg"):
        return None
    parts = [_linear(a) for a in e.args]
    if any(p is None for p in parts):
        return None
    if e.fn == "mul":
        return _product(*parts)     # type: ignore[arg-type]
    total: dict[str, int] = {}
    for sign, part in zip((-1,) if e.fn == "neg" else (1, -1 if e.fn == "sub" else 1), parts, strict=True):
        for name, factor in part.items():   # type: ignore[union-attr]
            total[name] = total.get(name, 0) + sign * factor
    return total


def _product(a: dict[str, int], b: dict[str, int]) -> dict[str, int] | None:
    for number, other in ((a, b), (b, a)):
        if set(number) <= {""}:
            return {name: factor * number.get("", 0) for name, factor in other.items()}
    return None


_RULES: dict[type, Callable[..., None]] = {
    Store: _check_store, Grow: _check_made, Alloc: _check_made, Call: _check_call, For: _check_loop, While: _check_while,
    If: _check_branches, Check: _check_check}
