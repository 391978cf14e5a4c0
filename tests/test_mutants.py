"""The tool that plants faults: each is one change, of what is meant, that can be taken back."""

import ast

from tests import mutants
from tests.mutants import GROUPS, ROOT, faults, planted


def test_groups_name_files_and_tests_that_exist():
    for patterns, tests in GROUPS.values():
        assert all(list(ROOT.glob(p)) for p in patterns)
        assert all((ROOT / t).exists() for t in tests)


def test_each_fault_is_a_program_with_one_change(tmp_path, monkeypatch):
    text = "def f(x, n):\n    ü = 'ä'\n    if x < n and True:\n        x += 1\n    return x * 2 if n is not None else ü\n"
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    found = list(faults(tmp_path / "a.py"))
    assert {f.what for f in found} == {"< -> <=", "and -> or", "True -> False", "condition negated", "statement left out", "1 -> 2", "2 -> 3",
                                       "* -> +", "is not -> is"}
    for f in found:
        before = planted(f, tmp_path)
        changed = (tmp_path / "a.py").read_text(encoding="utf-8")
        ast.parse(changed)
        assert before.decode() == text != changed
        (tmp_path / "a.py").write_bytes(before)
