"""The results: plain data that goes to JSON and comes back, and the comparisons drawn from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Entry", "Row", "Board"]


@dataclass(frozen=True)
class Entry:
    """What one peer reached on one workload: times in seconds, or why there is none."""

    peer: str
    median: float | None = None
    best: float | None = None
    first_call: float | None = None
    rounds: int = 0
    error: str | None = None
    """Type and text of what the peer raised, or how its answer is wrong."""
    offered: bool = True
    """False where the peer has no entry; `error` then says why."""

    @property
    def failed(self) -> bool:
        return self.offered and self.median is None


@dataclass(frozen=True)
class Row:
    """One workload and the entries of all peers."""

    workload: str
    about: str
    entries: tuple[Entry, ...]

    def entry(self, peer: str) -> Entry | None:
        return next((e for e in self.entries if e.peer == peer), None)

    def fastest(self, without: str = "") -> Entry | None:
        """The entry with the least median time, one peer left out if named."""
        timed = [e for e in self.entries if e.median is not None and e.peer != without]
        return min(timed, key=lambda e: e.median, default=None)

    def ratio(self, ours: str) -> float | None:
        """Time of the best other peer divided by our time: above 1 we are faster."""
        mine, other = self.entry(ours), self.fastest(without=ours)
        if mine is None or mine.median is None or other is None:
            return None
        return other.median / mine.median


@dataclass(frozen=True)
class Board:
    """All rows of one run, and what they were measured on."""

    machine: dict[str, str]
    threads: int
    pinned: bool
    quick: bool
    ours: str
    versions: dict[str, str]
    """Peer -> version, in the order of the columns."""
    absent: dict[str, str]
    """Peer -> why it could not be imported."""
    rows: tuple[Row, ...]

    def by_speed(self) -> list[Row]:
        """Rows from the shortest work to the longest."""
        return sorted(self.rows, key=lambda row: getattr(row.fastest(), "median", float("inf")))

    def failures(self) -> list[tuple[str, Entry]]:
        """Workload and entry wherever a peer raised or answered wrongly."""
        return [(row.workload, entry) for row in self.rows for entry in row.entries if entry.failed]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Board:
        rows = tuple(Row(row["workload"], row["about"], tuple(Entry(**e) for e in row["entries"]))
                     for row in data["rows"])
        return cls(**{**data, "rows": rows})
