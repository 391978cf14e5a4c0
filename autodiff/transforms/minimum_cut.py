"""The smallest set of values from which others can be computed: a minimum cut.

Reverse mode of a loop keeps values of each step. Two that are cheap functions of a third need not be kept where the third is. With the
bytes of each value as the capacity of a vertex, and values that cannot be made again next to the source, the least set is a minimum
vertex cut between the source and the values that are needed.

Source: L. R. Ford and D. R. Fulkerson, Maximal flow through a network, Canadian Journal of Mathematics 8 (1956); shortest augmenting
paths as of J. Edmonds and R. M. Karp, J. ACM 19 (1972).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

__all__ = ["least_set"]

_ALWAYS = 1 << 60


def least_set(needed: Sequence[Any], made_of: Mapping[Any, Sequence[Any]], cost: Mapping[Any, int]) -> set:
    """The values to keep, at least cost, so that all that are `needed` can be had.

    Parameters
    ----------
    needed : the values to be had
    made_of : for each value that can be made again, the values it is made of; other values can only be kept
    cost : of keeping each value; a value without one cannot be kept

    Examples
    --------
    >>> made_of = {"sum": ["x"], "difference": ["x"]}
    >>> sorted(least_set(["sum", "difference"], made_of, {"x": 8, "sum": 8, "difference": 8}))
    ['x']
    >>> sorted(least_set(["sum", "difference"], made_of, {"x": 80, "sum": 8, "difference": 8}))
    ['difference', 'sum']
    """
    capacity = _network(needed, made_of, cost)
    while True:
        parent = _reached(capacity)
        if "sink" not in parent:
            values = {at[0] for at in capacity if isinstance(at, tuple)}
            return {v for v in values if (v, 0) in parent and (v, 1) not in parent}
        path: list[tuple[Hashable, Hashable]] = []
        b: Hashable = "sink"
        while b != "source":
            path.append((parent[b], b))
            b = parent[b]
        flow = min(capacity[a][b] for a, b in path)
        for a, b in path:
            capacity[a][b] -= flow
            capacity[b][a] += flow


def _network(needed: Sequence[Any], made_of: Mapping[Any, Sequence[Any]], cost: Mapping[Any, int]) -> dict[Hashable, dict[Hashable, int]]:
    """Capacities of the edges, by the vertices they go from and to.

    Each value is an edge from (value, 0) to (value, 1) with its cost; flow comes from values that cannot be made again.
    """
    capacity: dict[Hashable, dict[Hashable, int]] = {"source": {}, "sink": {}}

    def edge(a: Hashable, b: Hashable, c: int) -> None:
        capacity.setdefault(a, {})[b] = c
        capacity.setdefault(b, {}).setdefault(a, 0)
    seen: set[Hashable] = set()
    todo = list(needed)
    for v in needed:
        edge((v, 1), "sink", _ALWAYS)
    while todo:
        v = todo.pop()
        if v in seen:
            continue
        seen.add(v)
        edge((v, 0), (v, 1), cost.get(v, _ALWAYS))
        if v not in made_of:
            edge("source", (v, 0), _ALWAYS)
            continue
        for x in made_of[v]:
            edge((x, 1), (v, 0), _ALWAYS)
            todo.append(x)
    return capacity


def _reached(capacity: dict) -> dict:
    """The vertices that the source still reaches, each with the one before."""
    parent: dict[Hashable, Hashable] = {"source": "source"}
    queue = deque(["source"])
    while queue:
        a = queue.popleft()
        for b, c in capacity[a].items():
            if c > 0 and b not in parent:
                parent[b] = a
                if b == "sink":
                    return parent
                queue.append(b)
    return parent
