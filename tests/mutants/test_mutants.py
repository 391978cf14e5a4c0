"""The tool that plants faults: each is one change, of what is meant, that can be taken back."""

import ast

from tests.mutants.__main__ import drawn
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.groups import GROUPS, narrow_and_wide
from tests.mutants.operators import ROOT, faults, planted, write


def test_groups_name_files_and_tests_that_exist():
    for group in GROUPS.values():
        assert all(list(ROOT.glob(p)) for p in group.files)
        near = [t for _, tests in group.near for t in tests]
        assert all((ROOT / t).exists() for t in (*group.narrow, *group.wide, *near))
        assert all(any(part in p.relative_to(ROOT).as_posix() for pattern in group.files for p in ROOT.glob(pattern)) for part, _ in group.near)


def test_likely_tests_come_first():
    narrow, wide = narrow_and_wide(GROUPS["tape"], "autodiff/eager/optimizers.py")
    assert narrow[0] == "tests/autodiff/eager/test_optimizers.py" and not set(narrow) & set(wide)


def test_equivalent_faults_are_faults():
    """A row of a line that has changed or gone must go too."""
    for path in {path for path, _, _, _ in EQUIVALENT}:
        there = {(f.path, f.function, f.text, f.what) for f in faults(ROOT / path)}
        assert {key for key in EQUIVALENT if key[0] == path} <= there


TEXT = '''def f(x: int = 3, n=None):
    """Add 1."""
    ü = 'ä'
    if x < n and True:
        x += 1
        n.a = g(x, 2)
    elif n is None:
        raise ValueError(f"{x + 1}")
    return x * 2 if n is not None else ü


def g(n):
    if n:
        return True
    return True
'''


def test_each_fault_is_a_program_with_one_change(tmp_path):
    (tmp_path / "a.py").write_text(TEXT, encoding="utf-8")
    found = list(faults(tmp_path / "a.py", tmp_path))
    assert {f.what for f in found} == {"< -> <=", "and -> or", "True -> False", "condition negated", "statement left out", "1 -> 2", "2 -> 3",
                                       "3 -> 4", "* -> +", "is not -> is", "is -> is not", "arguments swapped", "return value dropped"}
    assert len({f.identity for f in found}) == len(found)
    for f in found:
        before = planted(f, tmp_path)
        changed = (tmp_path / "a.py").read_text(encoding="utf-8")
        ast.parse(changed)
        assert before.decode() == TEXT != changed
        write(tmp_path / "a.py", before)


def test_the_draw_does_not_change_with_lines_above(tmp_path):
    names = []
    for head in ("", "# a comment\n\n"):
        (tmp_path / "a.py").write_text(head + TEXT, encoding="utf-8")
        names.append([f.identity for f in faults(tmp_path / "a.py", tmp_path)])
    assert names[0] == names[1]


def test_a_draw_is_repeated_by_its_seed():
    group = GROUPS["lengths"]
    assert drawn(group, 5, 1) == drawn(group, 5, 1) != drawn(group, 5, 2)
