"""Which loops run in vectors, and which sums are kept in vectors: decided here, written in the program, printed by the emitters.

An innermost parallel loop whose body is made of stores and checks runs in vectors. Thin bodies run several times a round; the last steps,
fewer than a round, are masked, or run one by one where masks cost. A sum is kept in vectors as far out as nothing reads the total: then
the lanes are added up once, not once for each of the inner loops.
"""

from __future__ import annotations

import numpy as np

from codegen.loops.cost import weight
from codegen.loops.language import (
    Apply,
    Buffer,
    Check,
    For,
    Lit,
    Load,
    Name,
    Program,
    Stmt,
    Store,
    VectorPlan,
    VectorSum,
    accesses,
    blocks,
    stmt_exprs,
    walk_expr,
)
from codegen.loops.usage import Usage, affine_in, innermost, is_variable, stores, value_parts
from codegen.target import Target, is_small

__all__ = ["vectorize"]

THIN = 30
"""Bodies of fewer instructions run twice a round: the second copy hides the latency of the first."""
SUM_ONLY = 12
"""Bodies of fewer instructions that do nothing but sum or compare run four times a round: each copy waits for its own last sum, which takes
four cycles, a maximum even ten."""
MASKED = 200
"""Instructions of a body from which on all its rounds are masked, where masks are not registers (AVX2): then a mask costs
little, and a copy of the body for the last elements much. A masked store of truth values is a branch an element there: the flags of a
minimum, stored and read by a gradient, took 5.2 ns a number, and take 2.0 (`python -m bench.programs.board --only floyd_warshall`)."""
NARROWEST = 4
"""Bytes of the smallest lane: narrower elements are widened as they are read."""


def vectorize(program: Program, target: Target) -> Program:
    """Write into each loop whether it runs in vectors, and which sums it keeps in them; return the program."""
    _Vectorizer(program, target).block(program.body, frozenset())
    return program


class _Vectorizer:
    """Goes through the loops of a program from outside to inside."""

    def __init__(self, program: Program, target: Target):
        self.target = target
        self.usage = Usage(program.body, {b for b in program.outputs if isinstance(b, Buffer) and not b.shape})
        self.decided: dict[int, tuple[VectorPlan, list[Store], list[Store]] | None] = {}

    def block(self, block: list[Stmt], kept: frozenset[Buffer]) -> None:
        """Decide for statements; `kept` are the variables that a loop around them keeps in vectors."""
        for s in block:
            inner = kept
            if isinstance(s, For):
                found = self.plan(s)
                s.vector = found[0] if found is not None else None
                s.sums = self._sums(s, kept)
                inner = kept | {x.buffer for x in s.sums}
            for b in blocks(s):
                self.block(b, inner)

    # -- one loop --------------------------------------------------------------------------------

    def plan(self, s: For) -> tuple[VectorPlan, list[Store], list[Store]] | None:
        """How a loop runs in vectors, with its stores that sum into variables and into elements; None if it does not."""
        if id(s) not in self.decided:
            self.decided[id(s)] = self._decide(s)
        return self.decided[id(s)]

    def _decide(self, s: For) -> tuple[VectorPlan, list[Store], list[Store]] | None:
        if not s.parallel or s.reverse or not s.body or not all(isinstance(x, (Store, Check)) for x in s.body):
            return None
        variables: list[Store] = []
        elements: list[Store] = []
        for x in s.body:
            if not isinstance(x, Store):
                continue
            if not self._is_possible(x, s):
                return None
            if x.combine is not None and (is_variable(x.buffer) or not self._moves(x, s)):
                (variables if is_variable(x.buffer) else elements).append(x)
        lanes = self.target.vector_bytes // max(NARROWEST, *(self._widest(x, s.var) for x in s.body))
        cost = sum(weight(x.index if isinstance(x, Check) else x.value) for x in s.body if isinstance(x, (Check, Store)))
        sums_only = cost < SUM_ONLY and bool(variables or elements) and all(
            isinstance(x, Store) and (is_variable(x.buffer) or any(x is y for y in elements)) for x in s.body)
        return VectorPlan(lanes, 4 if sums_only else 2 if cost < THIN else 1, self._masks(s, cost)), variables, elements

    def _masks(self, s: For, cost: int) -> str:
        """Which rounds are masked."""
        registers = self.target.has_mask_registers
        if s.threads is None and isinstance(s.stop, Lit) and is_small(s.stop.value):       # written out round by round
            return "last" if registers else "none"
        if cost < THIN or not registers and cost < MASKED:
            return "last" if registers else "none"
        return "all"

    @staticmethod
    def _widest(x: Stmt, var: Name) -> int:
        """Bytes of the widest value of a statement that each lane has one of."""
        if isinstance(x, Check):
            return 8
        assert isinstance(x, Store)
        widest = x.buffer.dtype.itemsize
        if any(p == var for p in value_parts(x.value)):
            widest = 8
        for e in stmt_exprs(x):
            for p in walk_expr(e):
                if not isinstance(p, (Lit, Name, Apply)):
                    widest = max(widest, p.dtype.itemsize)
        return widest

    def _is_possible(self, x: Store, s: For) -> bool:
        """Whether the steps of a loop may do a store together."""
        usage = self.usage
        if is_variable(x.buffer):
            return usage.private(x.buffer, s, s.body) if x.combine is None else self._only_sums(x.buffer, s)
        if any(isinstance(p, Load) and p.buffer in usage.written[id(s)] for e in x.index for p in walk_expr(e)):
            return False
        if self._moves(x, s):
            factors = [affine_in(e, s.var) for e in x.index]
            return all(f is not None for f in factors) and any(factors)
        return x.combine is not None and self._is_one_sum(x, s)

    @staticmethod
    def _moves(x: Store, s: For) -> bool:
        """Whether the steps of a loop store to different places."""
        return any(s.var in set(walk_expr(e)) for e in x.index)

    @staticmethod
    def _is_one_sum(x: Store, s: For) -> bool:
        """Whether an array is only touched by stores that combine into it in the way of `x`."""
        root = x.buffer.storage
        touching = sum(1 for a in accesses(s) if a.buffer.storage is root)
        mine = [y for y in s.body if isinstance(y, Store) and y.buffer.storage is root]
        return touching == 2 * len(mine) and all(y.combine == x.combine for y in mine)

    def _only_sums(self, b: Buffer, s: Stmt) -> bool:
        """Whether all accesses to a variable inside a statement combine into it, in one way."""
        found = [x for x in stores(s) if x.buffer is b]
        return len({x.combine for x in found}) == 1 and found[0].combine is not None and \
            self.usage.inside[id(s)].get(b, 0) == len(found)

    # -- sums ------------------------------------------------------------------------------------

    def _sums(self, s: For, kept: frozenset[Buffer]) -> tuple[VectorSum, ...]:
        """The sums that are kept in vectors as long as this loop runs, and not as long as a loop around it runs."""
        found: list[VectorSum] = []
        seen = set(kept)
        for loop in innermost(s):
            decided = self.plan(loop)
            for x in decided[1] if decided is not None else ():
                if x.buffer in seen or not self._only_sums(x.buffer, s):
                    continue
                one = self._sum_of(tuple(y for y in stores(s) if y.buffer is x.buffer), s)
                if one is not None:
                    found.append(one)
                    seen.add(x.buffer)
        own = self.plan(s)
        for x in own[2] if own is not None else ():
            one = self._sum_of((x,), s)
            assert one is not None
            found.append(one)
        return tuple(found)

    def _sum_of(self, summing: tuple[Store, ...], s: For) -> VectorSum | None:
        """The vectors for some stores; None if not all of them are in loops that run in vectors of one length."""
        plans: list[VectorPlan] = []
        for loop in innermost(s):
            decided = self.plan(loop)
            if decided is not None:
                plans += [decided[0] for x in (*decided[1], *decided[2]) if any(x is y for y in summing)]
        if len(plans) != len(summing) or len({p.lanes for p in plans}) != 1:
            return None
        combine, dtype = summing[0].combine, summing[0].buffer.dtype
        assert combine is not None
        if dtype == np.float32 and combine == "add":
            dtype = np.dtype(np.float64)  # float32 sums are as accurate as NumPy's pairwise ones
        return VectorSum(summing, combine, dtype, plans[0].lanes, max(p.copies for p in plans))
