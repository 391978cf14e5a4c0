"""Which loops several threads share: the outermost parallel ones that take long, and whose steps touch different elements.

A step may write an array only along an axis that the loop's counter alone selects, the same in every access of the loop. Scalars it
sets before it reads them are its own; scalars it combines into get one cell a thread, added up in order afterwards; scratch arrays that
live inside the loop get one copy a thread: since the loop is parallel, no step reads what another one left in them. A loop whose number of
steps is known only at run time is not shared: who hands out the stretches would have to read it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from codegen.loops.cost import work_of
from codegen.loops.language import (
    Access,
    Alloc,
    Buffer,
    Call,
    For,
    Grow,
    Lit,
    Load,
    Program,
    Stmt,
    ThreadPlan,
    While,
    accesses,
    blocks,
    walk_expr,
)
from codegen.loops.usage import Usage, affine_in, is_variable, stores
from codegen.target import Target

__all__ = ["share_loops"]

ENOUGH = 600_000
"""Instructions, about, from which a loop is shared: some 20 us. Waking a sleeping thread takes 35 to 140."""
_SUMS = {"add", "mul", "maximum", "minimum", "and", "or"}



def share_loops(program: Program, target: Target) -> Program:
    """Write into each loop of the outermost block whether threads share it; return the program."""
    if target.threads > 1:
        usage = Usage(program.body, {b for b in program.outputs if isinstance(b, Buffer) and not b.shape})
        users = Counter(root for s in program.body for root in {a.buffer.storage for a in accesses(s)})
        for s in program.body:
            if isinstance(s, For) and isinstance(s.stop, Lit) and s.parallel and not s.reverse and _is_simple(s) and work_of(s) >= ENOUGH:
                s.threads = _shared(s, users, usage)
    return program


def _shared(s: For, users: Mapping[Buffer, int], usage: Usage) -> ThreadPlan | None:
    """How threads can share a loop; None if they cannot. `users`: for each array, how many statements of the program touch it."""
    sums = _sums(s, usage)
    if sums is None:
        return None
    touched: dict[Buffer, list[Access]] = {}
    for a in accesses(s):
        if not is_variable(a.buffer):
            touched.setdefault(a.buffer.storage, []).append(a)
    own = []
    for root, found in touched.items():
        if not any(a.write for a in found) or _are_different(found, s):
            continue
        if users[root] > 1 or root.role != "scratch" or root.static_shape() is None:
            return None
        own.append(root)
    return ThreadPlan(sums, tuple(own))


def _sums(s: For, usage: Usage) -> dict[Buffer, str] | None:
    """The scalars that the steps of a loop combine into, and how; None if a step hands a scalar to the next in another way."""
    sums: dict[Buffer, str] = {}
    for b in sorted(usage.written[id(s)], key=lambda b: b.name):
        if usage.private(b, s, s.body):
            continue
        found = [x for x in stores(s) if x.buffer is b]
        how = {x.combine for x in found}
        if len(how) != 1 or not how <= _SUMS or usage.inside[id(s)][b] != len(found):
            return None
        sums[b] = str(how.pop())
    return sums


def _is_simple(s: Stmt) -> bool:
    """Only what threads can run: no calls of Python, no memory made at run time."""
    if isinstance(s, (Alloc, Grow, While)) or isinstance(s, Call) and s.kind != "matmul":
        return False
    return all(_is_simple(x) for block in blocks(s) for x in block)


def _are_different(found: list[Access], s: For) -> bool:
    """Whether each step touches a part of an array of its own: some axis has the same index, made of the counter, everywhere."""
    first = found[0]
    if first.index is None or any(a.index is None or a.buffer is not first.buffer for a in found):
        return False
    for axis, e in enumerate(first.index):
        if affine_in(e, s.var) and not any(isinstance(p, Load) for p in walk_expr(e)) and all(a.index[axis] == e for a in found):  # type: ignore
            return True
    return False
