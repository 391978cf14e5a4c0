"""The tables of figures: what is printed for numbers made up here."""

import pytest

from bench.figures import BEGIN, END, markdown, rewrite_readme, show

FOUND = {"machine": {"processor": "a processor", "cores": 2, "system": "Linux", "python": "3.11", "date": "a day"},
         "calls": [{"what": "a call", "unit": "s", "autodiff": 3.3e-7, "jax": 1.2e-5}],
         "memory": [{"what": "sum(x)", "unit": "GB/s", "autodiff": 9.87654, "limit": 10.0}]}


@pytest.mark.parametrize("value,unit,text", [(1.234, "s", "1.23 s"), (0.02, "s", "20 ms"), (3.3e-7, "s", "330 ns"), (None, "s", "–"),
                                             (9.87654, "GB/s", "9.88"), (0.25, "s", "250 ms"), (1e-10, "s", "0.1 ns")])
def test_one_figure(value, unit, text):
    assert show(value, unit) == text


def test_tables_name_the_machine_and_every_row():
    text = markdown(FOUND)
    assert "| a call | 330 ns | 12 µs |" in text and "| sum(x) | 9.88 | 10 |" in text and "a processor, 2 cores" in text


def test_readme_is_rewritten_between_the_markers_again_and_again(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    rewrite_readme(FOUND, readme)
    once = readme.read_text(encoding="utf-8")
    rewrite_readme(FOUND, readme)
    assert readme.read_text(encoding="utf-8") == once and once.startswith("before") and once.endswith("after\n") and "old" not in once
