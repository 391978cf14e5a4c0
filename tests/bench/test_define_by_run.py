"""The board of define-by-run: its programs, how an entry is compared, and its table."""

import numpy as np
import pytest

from bench import define_by_run as board

FOUND = {"machine": {"processor": "a processor", "cores": "2", "python": "3.11", "numpy": "2", "date": "a day"}, "versions": {"torch": "9"},
         "rows": [{"about": "a program", "missing": {"autograd": "not installed"},
                   "median": {"autodiff": 12.34, "autodiff grad(f)(x)": 1234.5, "torch": 100.0}}]}


def test_the_table_names_machine_ratios_and_what_is_missing():
    text = board.markdown(FOUND)
    assert "| a program | 12.3 | 1,234 | 100 | – | – | 0.12 | – |" in text
    assert "a processor, 2 cores" in text and "autograd: not installed" in text


def test_readme_is_rewritten_between_the_markers_again_and_again(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{board.BEGIN}\nold\n{board.END}\nafter\n", encoding="utf-8")
    board.rewrite_readme(FOUND, readme)
    once = readme.read_text(encoding="utf-8")
    board.rewrite_readme(FOUND, readme)
    assert readme.read_text(encoding="utf-8") == once and "old" not in once and once.endswith("after\n")


@pytest.mark.parametrize("case", [c for c in board.CASES if not c.name.endswith("1e5")], ids=lambda c: c.name)
def test_every_entry_of_ours_gives_the_gradients_of_numpys_program(case):
    rng = np.random.default_rng(0)
    params, data = case.make(rng)
    drawn = case.next_data(rng) if case.next_data else []
    ours = board.entry("autodiff", case, params, data)
    found = board._arrays(ours(drawn))
    if case.adam:
        with pytest.raises(board.NotHere):
            board.entry("autodiff grad(f)(x)", case, params, data)
        return
    for a, b in zip(found, board.entry("autodiff grad(f)(x)", case, params, data)(drawn), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    program = board.programs(np)[case.program]
    direction = [rng.normal(size=p.shape) for p in params]
    change = [program([p + h * d for p, d in zip(params, direction)], drawn or data) for h in (1e-6, -1e-6)]
    want = (change[0] - change[1]) / 2e-6
    np.testing.assert_allclose(sum(np.sum(a * d) for a, d in zip(found, direction)), want, rtol=1e-5)


def test_new_tapes_differ():
    rng = np.random.default_rng(0)
    lists = [tuple(board._drawn_list(rng)) for _ in range(200)]
    assert len(set(lists)) == 200
