"""A board as a table in the terminal, as Markdown, as a picture, and in the README.

Every peer that was asked stands in every row: with its time, with "error" (told in full below the table), or
with a dash where it offers nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.board import Board, Entry, Row

__all__ = ["show", "markdown", "picture", "rewrite_readme", "duration"]



def markers(threads: int) -> tuple[str, str]:
    """What stands around a board in the README: one section for each number of threads."""
    name = "board" if threads == 1 else f"board of {threads} threads"
    return f"<!-- {name} -->", f"<!-- /{name} -->"


def duration(seconds: float) -> str:
    """Three significant digits and a unit.

    >>> duration(1.2345e-6), duration(0.0456), duration(12.0)
    ('1.23 µs', '45.6 ms', '12.0 s')
    """
    unit, size = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e-3)) if seconds >= s * 0.9995), ("µs", 1e-6))
    value = seconds / size
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def verdict(row: Row, ours: str, named: bool = True) -> str:
    """Our time against the best other one, in words.

    >>> row = Row("w", "", (Entry("ours", median=1.0), Entry("theirs", median=2.5)))
    >>> verdict(row, "ours"), verdict(row, "theirs")
    ('2.50× faster than theirs', '2.50× slower than ours')
    """
    ratio = row.ratio(ours)
    if ratio is None:
        return "not timed"
    than = f" than {row.fastest(without=ours).peer}" if named else ""
    return f"{ratio:.2f}× faster{than}" if ratio >= 1 else f"{1 / ratio:.2f}× slower{than}"


def cell(entry: Entry | None, value: str = "median") -> str:
    if entry is None or not entry.offered:
        return "–"
    seconds = getattr(entry, value)
    return "error" if seconds is None else duration(seconds)


def footnotes(board: Board) -> list[str]:
    """What a table of times leaves out: errors in full, and peers that are not installed."""
    return ([f"error, {entry.peer} on {workload}: {entry.error}" for workload, entry in board.failures()]
            + [f"not installed: {peer} ({why})" for peer, why in board.absent.items()])


def conditions(board: Board) -> str:
    """The machine and how it was used, in one sentence."""
    m = board.machine
    threads = f"{board.threads} thread{'s' if board.threads > 1 else ''}"
    versions = ", ".join(f"{peer} {version}" for peer, version in board.versions.items())
    manner = threads + (", pinned" if board.pinned else "") + (", quick run" if board.quick else "")
    return (f"{m['processor']}, {m['cores']} cores, {m['system']}, Python {m['python']}; {manner}, "
            f"{m['date']}; {versions}; numpy {m['numpy']}, scipy {m['scipy']}, numba {m['numba']}.")


def show(board: Board, console: Any) -> None:
    """Print the board through a `rich` console: times, first calls, and what went wrong."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    for title, value in (("median of a call, NumPy arrays in and out", "median"),
                         ("first call, with tracing and compilation", "first_call")):
        table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        table.add_column("workload", no_wrap=True, min_width=max(len(row.workload) for row in board.rows))
        for peer in board.versions:
            table.add_column(peer, justify="right", min_width=max(8, len(peer.split()[0])))
        if value == "median":
            table.add_column(f"{board.ours} against the best other")
        for row in board.by_speed():
            fastest = row.fastest()
            cells = []
            for peer in board.versions:
                entry = row.entry(peer)
                style = ("bold" if value == "median" and entry is fastest
                         else "red" if entry is not None and entry.failed else "")
                cells.append(f"[{style}]{cell(entry, value)}[/]" if style else cell(entry, value))
            if value == "median":
                ratio = row.ratio(board.ours)
                style = "green" if ratio is not None and ratio >= 1 else "red"
                cells.append(f"[{style}]{verdict(row, board.ours, named=False)}[/]")
            table.add_row(row.workload, *cells)
        console.print(table)
    for note in footnotes(board):
        console.print(note, markup=False, highlight=False)
    console.print(conditions(board), markup=False, highlight=False)


def markdown(board: Board) -> str:
    """The board for the README: times, first calls, what the rows compute, footnotes, machine."""
    peers = list(board.versions)

    def table(head, rows):
        lines = [head, ["---"] + ["---:"] * len(peers) + ["---"] * (len(head) - len(peers) - 1), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def times(row, value):
        fastest = row.fastest()
        return [f"**{cell(row.entry(p), value)}**" if value == "median" and row.entry(p) is fastest
                else cell(row.entry(p), value) for p in peers]

    rows = board.by_speed()
    parts = [
        "Value and all gradients (or the Hessian-vector product), NumPy arrays in and out, median of a call; "
        "every entry's numbers are checked before it is timed, and all entries are timed in turns, in one "
        "process.",
        table(["workload", *peers, f"{board.ours} is"],
              [[f"`{row.workload}`", *times(row, "median"), verdict(row, board.ours)] for row in rows]),
        "The first call, with tracing and compilation:",
        table(["workload", *peers], [[f"`{row.workload}`", *times(row, "first_call")] for row in rows]),
        "\n".join(f"- `{row.workload}`: {row.about}." for row in rows),
    ]
    notes = footnotes(board)
    if notes:
        parts.append("\n".join(f"- {' '.join(note.split())}" for note in notes))
    return "\n\n".join([*parts, conditions(board)])


def rewrite_readme(board: Board, readme: Path) -> None:
    """Put the board between the two markers of the README.

    Raises
    ------
    ValueError
        If the README does not have both markers, in order.
    """
    text = readme.read_text(encoding="utf-8")
    first, last = markers(board.threads)
    begin, end = text.find(first), text.find(last)
    if begin < 0 or end < begin:
        raise ValueError(f"{readme} has no section between {first} and {last}")
    readme.write_text(f"{text[:begin + len(first)]}\n{markdown(board)}\n{text[end:]}", encoding="utf-8")


def picture(board: Board, path: Path) -> None:
    """Bars of the median times, one panel a workload, on logarithmic axes."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    rows, peers = board.by_speed(), list(board.versions)
    across = min(3, len(rows))
    down = -(-len(rows) // across)
    figure = Figure(figsize=(4.6 * across, (0.32 * len(peers) + 0.75) * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    shades = colormaps["Greys"]
    for panel, row in zip(panels, rows):
        entries = [row.entry(peer) for peer in peers]
        known = [e.median * 1e6 for e in entries if e is not None and e.median is not None]
        low, high = (min(known) / 2, max(known) * 12) if known else (1.0, 10.0)
        for place, (peer, entry) in enumerate(zip(peers, entries)):
            colour = "tab:orange" if peer == board.ours else shades(0.35 + 0.4 * place / len(peers))
            time = low if entry is None or entry.median is None else entry.median * 1e6
            panel.barh(place, time, color=colour)
            panel.text(time * 1.15, place, cell(entry), va="center", fontsize=7)
        panel.set(xscale="log", xlim=(low, high))
        panel.set_title(f"{row.workload}: {verdict(row, board.ours)}", fontsize=8)
        panel.set_yticks(range(len(peers)), peers, fontsize=7)
        panel.tick_params(axis="x", labelsize=6)
        panel.invert_yaxis()
    for panel in panels[len(rows):]:
        panel.axis("off")
    figure.supxlabel("microseconds a call, less is better; "
                     f"{board.machine['processor']}, {board.threads} thread(s)", fontsize=8)
    figure.savefig(path, dpi=130)
