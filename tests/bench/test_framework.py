"""The pieces of the board, with peers made up for the purpose: discovery, checking, timing, showing."""

import dataclasses
import doctest
import json

import numpy as np
import pytest

import bench.report
from bench.__main__ import parse
from bench.board import Board, Entry, Row
from bench.check import WrongAnswer, check
from bench.machine import describe
from bench.measure import Effort, measure
from bench.peer import NotOffered, Peer, all_peers
from bench.report import markdown, picture, rewrite_readme, show
from bench.workload import Workload, all_workloads

BRIEF = Effort(min_rounds=3, max_rounds=3, seconds=0.0, sample=1e-5)
CUBE = Workload("cube", "sum of cubes", lambda np, x: np.sum(x**3), make=lambda: (np.array([1.0, -2.0]),),
                small=lambda: (np.array([1.0]),), by_hand=lambda x: (np.sum(x**3), 3 * x**2))


class Made(Peer):
    """A peer that answers with a given function."""

    def __init__(self, name, answer, ours=False):
        self.name, self.answer, self.ours = name, answer, ours

    def load(self, threads):
        return "1.0"

    def value_and_grad(self, workload):
        return self.answer


class Loopless(Peer):
    name = "loopless"

    def value_and_grad(self, workload):
        raise NotOffered("no loops here")


def raising(x):
    raise ValueError("bad\nweather")


PEERS = [Made("ours", lambda x: (np.sum(x**3), 3 * x**2), ours=True),
         Made("wrong", lambda x: (np.sum(x**3), 3 * x**2 * (1 + 1e-5))),
         Made("broken", raising),
         Loopless()]


@pytest.fixture
def board():
    return Board(machine=describe(), threads=1, pinned=True, quick=True, ours="ours",
                 versions={peer.name: "1.0" for peer in PEERS}, absent={"missing": "no module"},
                 rows=(measure(CUBE, PEERS, BRIEF),))


def test_files_are_found():
    workloads, peers = all_workloads(), all_peers()
    assert {"rosenbrock_small", "chain_1e3", "chain_1e6", "softmax_xent", "digits_step", "black_scholes",
            "gmm", "hvp_rosenbrock"} <= set(workloads)
    assert {"autodiff", "jax", "autograd", "torch", "numpy by hand", "numba by hand"} <= set(peers)
    assert [peer.ours for peer in peers.values()] == [True] + [False] * (len(peers) - 1)
    for workload in workloads.values():
        assert set(workload.ports) <= set(peers), f"a port of {workload.name} names no peer"


def test_right_answers_are_timed(board):
    entry = board.rows[0].entry("ours")
    assert entry.error is None and entry.rounds == 3
    assert 0 < entry.best <= entry.median and entry.first_call > 0


def test_wrong_gradient_is_caught(board):
    entry = board.rows[0].entry("wrong")
    assert entry.median is None and entry.failed
    assert entry.error == "WrongAnswer: result[1] is off by 1.0e-05, allowed 1e-06"


def test_a_peer_that_raises_stands_in_the_row(board):
    assert board.rows[0].entry("broken").error == "ValueError: bad\nweather"
    assert {entry.peer for _, entry in board.failures()} == {"wrong", "broken"}


def test_what_is_not_offered_is_no_failure(board):
    entry = board.rows[0].entry("loopless")
    assert not entry.offered and not entry.failed and entry.error == "no loops here"
    with pytest.raises(NotOffered, match="loopless does not offer Hessian-vector products"):
        PEERS[-1].call_for(dataclasses.replace(CUBE, asks="hessian-vector product"))


@pytest.mark.parametrize("got, why", [
    ((1.0, {"a": np.zeros(2)}), "structure"),
    ((1.0, [np.zeros(3)]), "shape"),
    ((1.0, [np.array([1.0, np.nan])]), "off by nan"),
    ((1.0, [np.array([1.0, 2.0], dtype=np.float32)]), "dtype float32"),
    ((1.0 + 3e-6, [np.array([1.0, 2.0])]), r"result\[0\] is off"),
])
def test_check_names_what_is_wrong(got, why):
    want = 1.0, (np.array([1.0, 2.0]),)
    check((1.0, [np.array([1.0, 2.0 * (1 + 1e-7)])]), want, 1e-6)
    with pytest.raises(WrongAnswer, match=why):
        check(got, want, 1e-6)


def test_check_judges_a_cancelled_element_by_its_neighbours():
    check(np.array([1e-9, 1.0]), np.array([0.0, 1.0]), 1e-6)
    with pytest.raises(WrongAnswer):
        check(np.array([1e-9]), np.array([0.0]), 1e-12)


def test_ratio_is_against_the_best_other():
    times = {"ours": 2.0, "a": 3.0, "b": 1.0, "c": None}
    row = Row("w", "", tuple(Entry(peer, median=time) for peer, time in times.items()))
    assert row.fastest().peer == "b" and row.fastest(without="b").peer == "ours"
    assert row.ratio("ours") == 0.5 and row.ratio("b") == 2.0 and row.ratio("c") is None
    assert bench.report.verdict(row, "c") == "not timed"


def test_json_round_trip(board):
    assert Board.from_json(json.loads(json.dumps(board.to_json()))) == board


def test_markdown_shows_every_entry(board):
    text = markdown(board)
    row = next(line for line in text.splitlines() if line.startswith("| `cube`"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1].startswith("**") and cells[2:5] == ["error", "error", "–"]
    assert "- error, broken on cube: ValueError: bad weather" in text
    assert "- not installed: missing (no module)" in text
    assert board.machine["processor"] in text and "1 thread, pinned, quick run" in text


def test_terminal_shows_every_entry(board):
    from rich.console import Console
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as capture:
        show(board, console)
    text = capture.get()
    assert text.count("error") >= 4 and "cube" in text and "not installed: missing" in text


def test_readme_section_is_replaced_and_the_rest_kept(board, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- board -->\nold\n<!-- /board -->\nafter\n")
    rewrite_readme(board, readme)
    rewrite_readme(board, readme)
    text = readme.read_text()
    assert text.startswith("before\n<!-- board -->\n") and text.endswith("\n<!-- /board -->\nafter\n")
    assert text.count("| `cube`") == 2 and "old" not in text
    readme.write_text("no markers")
    with pytest.raises(ValueError, match="no section"):
        rewrite_readme(board, readme)


def test_picture(board, tmp_path):
    picture(board, tmp_path / "board.png")
    assert (tmp_path / "board.png").read_bytes().startswith(b"\x89PNG")


def test_options():
    options = parse(["--only", "gmm", "chain_1e3", "--quick", "--no-pin"])
    assert options.only == ["gmm", "chain_1e3"] and options.quick and not options.pin and options.threads == 1


def test_examples_in_docstrings():
    result = doctest.testmod(bench.report)
    assert result.attempted > 2 and result.failed == 0
