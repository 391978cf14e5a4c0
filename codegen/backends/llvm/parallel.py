"""Which loops several threads may share: the outermost parallel ones whose steps touch different places.

A step may write an array only along an axis that the loop's counter alone selects, the same in every access of the loop. Scalars it
sets before it reads them are its own; scalars it combines into get one cell a thread, added up in order afterwards; scratch arrays that
live inside the loop get one copy a thread: since the loop is parallel, no step reads what another one left in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from codegen.backends.llvm.layout import Usage, affine_in, cost_of, is_variable, stores
from codegen.loops.language import Access, Alloc, Buffer, Call, For, Grow, Lit, Load, Program, Stmt, While, accesses, blocks, walk_expr

__all__ = ["Part", "parallel_part", "work_of"]

ENOUGH = 600_000
"""Instructions, about, from which a loop is shared: some 20 us. Waking a sleeping thread takes 35 to 140."""
_SUMS = {"add", "mul", "maximum", "minimum", "and", "or"}


@dataclass(slots=True)
class Part:
    """A loop that threads share: `sums` are the scalars they add up, `own` the arrays of which each has one."""

    loop: For
    sums: dict[Buffer, str] = field(default_factory=dict)
    own: list[Buffer] = field(default_factory=list)


def work_of(s: Stmt) -> float:
    """Instructions that a statement takes, about, with the lengths of this program."""
    if isinstance(s, For):
        n = float(s.stop.value) if isinstance(s.stop, Lit) else 1.0
        return n * sum(work_of(x) for x in s.body)
    inner = [x for block in blocks(s) for x in block]
    return cost_of(s) if not inner else sum(work_of(x) for x in inner)


def parallel_part(s: Stmt, program: Program, placed: set[Buffer]) -> Part | None:
    """How threads can share a statement of the program's body; None if they cannot, or if it is not worth it."""
    if not isinstance(s, For) or not s.parallel or s.reverse or not _simple(s) or work_of(s) < ENOUGH:
        return None
    usage = Usage(program.body, {b for b in program.outputs if isinstance(b, Buffer) and not b.shape})
    part = Part(s)
    for b in usage.written[id(s)]:
        if usage.private(b, s, s.body):
            continue
        found = [x for x in stores(s) if x.buffer is b]
        how = {x.combine for x in found}
        if len(how) != 1 or not how <= _SUMS or usage.inside[id(s)][b] != len(found):
            return None
        part.sums[b] = str(how.pop())
    touched: dict[Buffer, list[Access]] = {}
    for a in accesses(s):
        if not is_variable(a.buffer):
            touched.setdefault(a.buffer.storage, []).append(a)
    outside = {a.buffer.storage for other in program.body if other is not s for a in accesses(other)}
    for root, found_at in touched.items():
        if not any(a.write for a in found_at):
            continue
        if _apart(found_at, s):
            continue
        if root in outside or root.role != "scratch" or root not in placed:
            return None
        part.own.append(root)
    return part


def _simple(s: Stmt) -> bool:
    """Only what threads can run: no calls of Python, no memory made at run time."""
    if isinstance(s, (Alloc, Grow, While)) or isinstance(s, Call) and s.kind != "matmul":
        return False
    return all(_simple(x) for block in blocks(s) for x in block)


def _apart(found: list[Access], s: For) -> bool:
    """Whether each step touches a part of an array of its own: some axis has the same index, made of the counter, everywhere."""
    first = found[0]
    if first.index is None or any(a.index is None or a.buffer is not first.buffer for a in found):
        return False
    for axis, e in enumerate(first.index):
        if affine_in(e, s.var) and not any(isinstance(p, Load) for p in walk_expr(e)) and all(a.index[axis] == e for a in found):  # type: ignore
            return True
    return False
