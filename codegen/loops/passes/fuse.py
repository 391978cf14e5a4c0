"""Loop fusion, and the removal of buffers that fusion made needless.

Two loops of equal length become one when no step of one needs another step of the other: for every buffer that one writes and the
other touches, some axis is indexed by the same expression of the loop counter in all accesses. A loop may move up past statements
that it has nothing in common with. Afterwards a buffer whose accesses all lie in one common loop, and are indexed by its counter,
loses that axis (array contraction); with no axis left it is a scalar variable.

Source: the classic treatment in Wolfe, High Performance Compilers for Parallel Computing (1996), chapters 9 and 10.
"""

from __future__ import annotations

from codegen.loops.language import (
    Access,
    Alloc,
    Apply,
    Buffer,
    BufferView,
    Call,
    Check,
    Expr,
    For,
    Grow,
    If,
    Lit,
    Load,
    Name,
    Program,
    Stmt,
    Store,
    While,
    accesses,
    blocks,
    map_expr,
    stmt_exprs,
    walk_expr,
)
from tracer.sizes import as_int

__all__ = ["fuse", "contract", "drop_dead"]


def fuse(program: Program) -> Program:
    """Fuse loops everywhere in a program, in place; returns it."""
    allocs_first(program.body)
    program.body = _fuse_block(program.body)
    return program


class _Item:
    """A statement with the buffers it touches, by storage."""

    __slots__ = ("stmt", "touched", "reads", "writes", "parts")

    def __init__(self, stmt: Stmt):
        self.stmt = stmt
        self.touched: dict[Buffer, list[Access]] = {}
        self.reads: set[Buffer] = set()
        self.writes: set[Buffer] = set()
        self.parts: set[Expr] | None = None     # all integer expressions in it, once they have been asked for
        for a in accesses(stmt):
            root = a.buffer.storage
            self.touched.setdefault(root, []).append(a)
            (self.writes if a.write else self.reads).add(root)

    def absorb(self, other: _Item) -> None:
        """Take over the accesses of a statement merged into this one."""
        for root, found in other.touched.items():
            self.touched.setdefault(root, []).extend(found)
        self.reads |= other.reads
        self.writes |= other.writes
        self.parts = None

    def uses(self, e: Expr) -> bool:
        """Whether the statement, or one inside it, computes with an integer expression."""
        if self.parts is None:
            self.parts = set()
            stack = [self.stmt]
            while stack:
                s = stack.pop()
                for found in stmt_exprs(s):
                    self.parts.update([p for p in walk_expr(found) if p.dtype.kind == "i"])
                for block in blocks(s):
                    stack += block
        return e in self.parts


def _conflict(a: _Item, b: _Item) -> bool:
    """Whether two statements must keep their order."""
    if a.writes & b.writes or a.writes & b.reads or a.reads & b.writes:
        return True
    if isinstance(a.stmt, Check):  # what uses an index waits for its check: an access, and a store of it that an access reads
        return isinstance(b.stmt, Check) or b.uses(a.stmt.index)
    return False


def _fuse_block(block: list[Stmt]) -> list[Stmt]:
    if not any(isinstance(s, For) and s.parallel for s in block):   # numbers alone: their order is as good as any
        return _inside(block)
    out: list[_Item] = []
    since = _REACH      # statements in `out` behind the last loop
    for s in block:
        item = _Item(s)
        place = len(out)
        if isinstance(s, For) and s.parallel:
            place = _merge_upwards(out, item)
            since = len(out) - place
        elif isinstance(s, Store) and (since < _REACH or len(block) <= _REACH):
            # Scalars are set as early as possible, out of the way of loops; in a long row of statements only if a loop is near.
            while place > 0 and len(out) - place < _REACH and not _conflict(out[place - 1], item):
                place -= 1
            since += len(out) - place <= since
        else:
            since = 0 if isinstance(s, (For, While)) else since + 1
        out.insert(place, item)
    return _inside([i.stmt for i in out])


def _inside(block: list[Stmt]) -> list[Stmt]:
    """A block with the blocks in it fused."""
    for s in block:
        if isinstance(s, For):
            s.body = _fuse_block(s.body)
        elif isinstance(s, While):
            s.head, s.body = _fuse_block(s.head), _fuse_block(s.body)
        elif isinstance(s, If):
            s.branches = [_fuse_block(b) for b in s.branches]
    return block


def _merge_upwards(out: list[_Item], item: _Item) -> int:
    """Merge a loop with earlier ones, each taken out of `out` and into `item`; the place where the merged loop belongs.

    A loop that makes what this one reads comes first, wherever it stands; else the nearest. It goes on after a success: the merged
    loop may have more in common with what stands above. Arrays that are filled with a number in between, such as those that this loop
    adds to, are filled before both.
    """
    place = len(out)
    while True:
        k, fills = _partner(out, item, place, True)
        if k is None:
            k, fills = _partner(out, item, place, False)
        if k is None:
            return place
        for f in reversed(fills):
            out.insert(k, out.pop(f))
            k += 1
        other = out[k]
        assert isinstance(item.stmt, For) and isinstance(other.stmt, For)
        _rename(item.stmt, item.stmt.var, other.stmt.var)
        other.absorb(_Item(item.stmt))
        other.stmt.body = other.stmt.body + item.stmt.body
        item.stmt, item.touched, item.reads, item.writes, item.parts = other.stmt, other.touched, other.reads, other.writes, None
        del out[k]
        place = k


def _partner(out: list[_Item], item: _Item, place: int, producer: bool) -> tuple[int | None, list[int]]:
    """The nearest loop above `place` that a loop may be merged with; only one that makes what it reads if `producer`.

    With it the fillings in between that must come before the loop, and so before the other.
    """
    fills: list[int] = []
    for k in range(place - 1, max(-1, place - 1 - _REACH), -1):
        other = out[k]
        if any(_conflict(other, out[f]) for f in fills):
            return None, []
        if isinstance(other.stmt, For) and (not producer or other.writes & item.reads) and _may_fuse(other, item):
            return k, fills
        if _conflict(other, item):
            if not producer or not _is_filling(other):
                return None, []
            fills.append(k)
    return None, []


def _is_filling(item: _Item) -> bool:
    """Whether a loop only writes numbers into one array; how many may be a variable."""
    return isinstance(item.stmt, For) and item.stmt.parallel and not any(b.shape for b in item.reads) and len(item.writes) == 1


_REACH = 200
"""How many statements a loop may move up; keeps fusion of long straight-line programs linear."""


def _depth(s: For) -> int:
    return 1 + max((_depth(b) for b in s.body if isinstance(b, For) and b.parallel), default=0)


def _may_fuse(first: _Item, second: _Item) -> bool:
    a, b = first.stmt, second.stmt
    assert isinstance(a, For) and isinstance(b, For)
    if not a.parallel or a.stop != b.stop or a.reverse != b.reverse:
        return False
    shared = (first.writes & (second.reads | second.writes)) | (first.reads & second.writes)
    common = shared or (first.reads & second.reads)
    if not common and _depth(a) != _depth(b):
        return False  # nothing gained, and a vectorisable loop would be drowned in a nest
    for root in shared:
        found = [(x, a.var) for x in first.touched[root]] + [(x, b.var) for x in second.touched[root]]
        if any(x.index is None or x.buffer is not found[0][0].buffer for x, _ in found):
            return False
        ranks = range(len(found[0][0].index or ()))
        if not any(_same_step([(x.index[d], v) for x, v in found]) for d in ranks):  # type: ignore[index]
            return False
    return True


def _same_step(places: list[tuple[Expr, Name]]) -> bool:
    """Whether all indices are one and the same increasing function of the loop counter."""
    shape = None
    for e, var in places:
        form = _affine(e, var)
        if form is None or shape is not None and form != shape:
            return False
        shape = form
    return True


def _affine(e: Expr, var: Name) -> tuple[int, int] | None:
    """(factor, offset) of an index that is factor * var + offset, factor not 0."""
    if e == var:
        return 1, 0
    if isinstance(e, Apply) and e.fn in ("add", "mul") and isinstance(e.args[1], Lit):
        inner = _affine(e.args[0], var)
        if inner is not None:
            c = as_int(e.args[1].value)
            return (inner[0], inner[1] + c) if e.fn == "add" else ((inner[0] * c, inner[1] * c) if c else None)
    return None


def _rename(s: Stmt, old: Name, new: Name) -> None:
    """Replace a loop counter in a statement and all inside it."""
    def swap(e: Expr) -> Expr:
        return new if e == old else e
    _rewrite(s, lambda e: map_expr(e, swap))


def _rewrite(s: Stmt, f) -> None:
    """Apply `f` to every expression of a statement and of the statements inside it."""
    if isinstance(s, For):
        s.stop = f(s.stop)
    elif isinstance(s, While):
        s.test = f(s.test)
    elif isinstance(s, If):
        s.which = f(s.which)
    elif isinstance(s, Store):
        s.index = tuple([f(e) for e in s.index])
        s.value = f(s.value)
    elif isinstance(s, Grow):
        s.at = f(s.at)
    elif isinstance(s, Check):
        s.index, s.length = f(s.index), f(s.length)
    elif isinstance(s, Call):
        s.inputs = [_rewrite_view(x, f) for x in s.inputs]
        s.outputs = [_rewrite_view(x, f) for x in s.outputs]
    for block in blocks(s):
        for inner in block:
            _rewrite(inner, f)


def _rewrite_view(x: BufferView, f) -> BufferView:
    return BufferView(x.buffer, tuple([f(e) for e in x.lead]), x.swapped)


# -- dead stores --------------------------------------------------------------------------------------

def drop_dead(program: Program) -> Program:
    """Remove stores to scratch buffers that nothing reads, and loops left empty, in place; returns the program."""
    while True:
        read = {a.buffer.storage for s in program.body for a in _foreign_reads(s)}
        size = _count(program.body)
        program.body = _without_dead(program.body, read)
        if _count(program.body) == size:
            return program


def _foreign_reads(s: Stmt):
    """Reads of a statement, but for a store's reading of its own element to combine with."""
    for block in blocks(s):
        for inner in block:
            yield from _foreign_reads(inner)
    for e in stmt_exprs(s):
        for part in walk_expr(e):
            if isinstance(part, Load):
                yield Access(part.buffer, part.index, False)
    if isinstance(s, Call):
        for x in s.inputs:
            yield Access(x.buffer, None, False)


def _without_dead(block: list[Stmt], read: set[Buffer]) -> list[Stmt]:
    out: list[Stmt] = []
    for s in block:
        if isinstance(s, Store) and s.buffer.storage.role == "scratch" and s.buffer.storage not in read:
            continue
        if isinstance(s, For):
            s.body = _without_dead(s.body, read)
            if not s.body:
                continue
        elif isinstance(s, While):
            s.head, s.body = _without_dead(s.head, read), _without_dead(s.body, read)
        elif isinstance(s, If):
            s.branches = [_without_dead(b, read) for b in s.branches]
        out.append(s)
    return out


def _count(block: list[Stmt]) -> int:
    return sum(1 + sum(_count(b) for b in blocks(s)) for s in block)


# -- contraction ----------------------------------------------------------------------------------

def contract(program: Program) -> Program:
    """Drop the axes of scratch buffers that one common loop runs over, in place; returns the program."""
    found: dict[Buffer, list[_Use]] = {}
    _note_uses(program.body, (), found)
    shared = {b.storage for b in found if b.root is not None}
    dropped = {b: axes for b, uses in found.items() if b.role == "scratch" and b not in shared and (axes := _common_axes(b, uses))}

    def drop(e: Expr) -> Expr:
        if isinstance(e, Load) and e.buffer in dropped:
            return Load(e.buffer, _without(e.index, dropped[e.buffer]))
        return e
    if dropped:
        for s in program.body:
            _contract_stores(s, dropped)
            _rewrite(s, lambda e: map_expr(e, drop))
        for b, axes in dropped.items():
            b.shape = _without(b.shape, axes)
        _without_allocs(program.body, {b for b in dropped if b.static_shape() is not None})
    return program


class _Use:
    """A use of a buffer: the index (None for all of it), and the loops around."""

    __slots__ = ("index", "loops")

    def __init__(self, index: tuple[Expr, ...] | None, loops: tuple[For, ...]):
        self.index = index
        self.loops = loops


def _note_uses(block: list[Stmt], loops: tuple[For, ...], found: dict[Buffer, list[_Use]]) -> None:
    """Put the uses of all buffers in statements into `found`."""
    for s in block:
        for e in stmt_exprs(s):
            for part in walk_expr(e):
                if isinstance(part, Load):
                    found.setdefault(part.buffer, []).append(_Use(part.index, loops))
        if isinstance(s, Store):
            found.setdefault(s.buffer, []).append(_Use(s.index, loops))
        elif isinstance(s, Call):
            for x in [*s.inputs, *s.outputs]:
                found.setdefault(x.buffer, []).append(_Use(None, loops))
        inner = (*loops, s) if isinstance(s, For) else loops
        for b in blocks(s):
            _note_uses(b, inner, found)


def _common_axes(b: Buffer, uses: list[_Use]) -> list[int]:
    """The axes of a buffer along which all its uses have one index: the counter of a loop around them all, or 0."""
    indices = [u.index for u in uses if u.index is not None]
    if len(indices) < len(uses):
        return []
    common = uses[0].loops
    for u in uses[1:]:
        n = 0
        while n < min(len(common), len(u.loops)) and common[n] is u.loops[n]:
            n += 1
        common = common[:n]
    counters = {loop.var for loop in common if loop.parallel}
    axes = []
    for d in range(len(b.shape)):
        seen = {i[d] for i in indices}
        if len(seen) == 1 and (seen <= counters or seen == {Lit(0)}):
            axes.append(d)
    return axes


def allocs_first(block: list[Stmt]) -> None:
    """Make buffers as soon as their lengths are known: between two loops they would keep them apart."""
    for s in block:
        for b in blocks(s):
            allocs_first(b)
    for p in range(len(block)):
        s = block[p]
        if not isinstance(s, Alloc) or s.buffer.role == "tape":
            continue
        needed = {e.buffer.storage for d in s.buffer.shape for e in walk_expr(d) if isinstance(e, Load)}
        q = p
        while q > 0 and not any(a.write and a.buffer.storage in needed for a in accesses(block[q - 1])):
            q -= 1
        if q < p:
            block.insert(q, block.pop(p))


def _without_allocs(block: list[Stmt], static: set[Buffer]) -> None:
    """Buffers whose lengths are known now are placed with the others."""
    block[:] = [s for s in block if not (isinstance(s, Alloc) and s.buffer in static)]
    for s in block:
        for b in blocks(s):
            _without_allocs(b, static)


def _without(items: tuple, axes: list[int]) -> tuple:
    return tuple(x for d, x in enumerate(items) if d not in axes)


def _contract_stores(s: Stmt, dropped: dict[Buffer, list[int]]) -> None:
    if isinstance(s, Store) and s.buffer in dropped:
        s.index = _without(s.index, dropped[s.buffer])
    for block in blocks(s):
        for inner in block:
            _contract_stores(inner, dropped)
