"""Which results may take the memory of an argument that the caller gives away (`donate` of jit).

A result may overwrite an input of its type if nothing reads an element of the input after the same element of the result is
written: all reads stand in statements before, or in the very loop that writes, at the same place.
"""

from __future__ import annotations

from collections.abc import Iterable

from codegen.loops.language import Buffer, Call, For, Load, Program, Stmt, Store, accesses, blocks, stmt_exprs, walk_expr

__all__ = ["donations"]


def donations(program: Program, donated: Iterable[int]) -> dict[int, int]:
    """Number of output -> number of the input whose memory it takes."""
    free = [i for i in donated if program.inputs[i].shape]
    found: dict[int, int] = {}
    for k, out in enumerate(program.outputs):
        for i in free:
            x = program.inputs[i]
            if x.dtype == out.dtype and x.static_shape() == out.static_shape() and _may_overwrite(program, x, out):
                found[k] = i
                free.remove(i)
                break
    return found


def _may_overwrite(program: Program, x: Buffer, out: Buffer) -> bool:
    written = False
    for s in program.body:
        reads = any(a.buffer.storage is x for a in accesses(s))
        writes = any(a.write and a.buffer.storage is out for a in accesses(s))
        if writes and reads and not _same_places(s, x, out):
            return False
        if written and reads:
            return False
        written = written or writes
    return written


def _same_places(s: Stmt, x: Buffer, out: Buffer) -> bool:
    """Whether a nest reads and writes the two in one innermost loop only, at one index, the reads first."""
    if not isinstance(s, For) or isinstance(s, Call):
        return False
    inner = [b for b in s.body if any(a.buffer.storage in (x, out) for a in accesses(b))]
    if len(inner) == 1 and isinstance(inner[0], For):
        return _same_places(inner[0], x, out)
    if any(blocks(b) or isinstance(b, Call) for b in inner) or not s.parallel:
        return False
    stores = [b for b in inner if isinstance(b, Store) and b.buffer.storage is out]
    if len(stores) != 1 or stores[0].combine is not None or stores[0].buffer is not out:
        return False
    index = stores[0].index
    for b in inner:
        for e in stmt_exprs(b):
            for p in walk_expr(e):
                if isinstance(p, Load) and p.buffer.storage is x and (p.buffer is not x or p.index != index):
                    return False
    # The last statement that touches either of them is the store, and it varies along every loop of the nest.
    return inner[-1] is stores[0]
